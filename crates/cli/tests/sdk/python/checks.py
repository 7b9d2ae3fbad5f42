"""Checks of the Python SDK against a running server; each prints `ok NAME` or `FAILED NAME: why`.

The recipe is in `recover.py`. `CHECKS` in the environment says what there is to find. `approve CODE` asks whoever reads
this to vouch for a person, `revoke APPLICATION` to end the tokens of an application, `passcode VALUE` tells what was read.
"""

import asyncio
import faulthandler
import json
import os
import sys
import time
import traceback
from uuid import uuid4

import msal
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CertificateCredential, ClientSecretCredential, DeviceCodeCredential
from kiota_abstractions.authentication import AnonymousAuthenticationProvider
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_http.middleware.options import RetryHandlerOption
from msgraph_beta import GraphRequestAdapter, GraphServiceClient
from msgraph_beta.generated.device_management.audit_events.audit_events_request_builder import (
    AuditEventsRequestBuilder,
)
from msgraph_beta.generated.device_management.managed_devices.count.count_request_builder import CountRequestBuilder
from msgraph_beta.generated.models.managed_device import ManagedDevice
from msgraph_beta.generated.models.remote_action import RemoteAction
from msgraph_core.requests.batch_request_builder import BatchRequestBuilder
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.requests.batch_request_item import BatchRequestItem
from msgraph_core.tasks.page_iterator import PageIterator
from recover import (
    ActionState,
    ManagedDeviceItemRequestBuilder,
    ManagedDevicesRequestBuilder,
    ODataError,
    client,
    find,
    recover,
    results,
    sign_in,
)

URL, TENANT = os.environ["CHAVEIRO_URL"], os.environ["CHAVEIRO_TENANT_ID"]
FACTS = json.loads(os.environ["CHECKS"])
KNOWN = FACTS["known"]
CHECKS = []
LIMIT_S = 180
IMPATIENT = RequestConfiguration(options=[RetryHandlerOption(should_retry=False)])


def check(function):
    CHECKS.append(function)
    return function


class Fixed:
    """A credential that is always that token."""

    def __init__(self, token: str):
        self.token = token

    def get_token(self, *scopes, **options) -> AccessToken:
        return AccessToken(self.token, int(time.time()) + 3600)


def graph_of(application) -> GraphServiceClient:
    of = application["tenantId"], application["clientId"], application["clientSecret"]
    return client(URL, sign_in(URL, *of))


HELPDESK = client(
    URL, sign_in(URL, TENANT, os.environ["CHAVEIRO_CLIENT_ID"], os.environ["CHAVEIRO_CLIENT_SECRET"])
)
READER = graph_of(FACTS["reader"])


def same(got, wanted) -> None:
    assert got == wanted, f"{got!r} instead of {wanted!r}"


def query(**options) -> RequestConfiguration:
    return RequestConfiguration(
        query_parameters=ManagedDevicesRequestBuilder.ManagedDevicesRequestBuilderGetQueryParameters(**options)
    )


def all_devices(graph=HELPDESK):
    return graph.device_management.managed_devices


def one(device_id: str, graph=HELPDESK):
    return all_devices(graph).by_managed_device_id(device_id)


async def refused(call, status: int, code: str, text: str) -> ODataError:
    """The call fails with an ODataError of that status and code, and that text in its message."""
    try:
        answer = await call
    except ODataError as error:
        same((error.response_status_code, error.error.code), (status, code))
        assert text in error.error.message, f"{text!r} is not in {error.error.message!r}"
        inner = error.error.inner_error
        assert inner.request_id and inner.client_request_id and inner.date, "innerError is whole"
        return error
    raise AssertionError(f"answered {answer!r}")


async def devices(graph: GraphServiceClient, *properties: str):
    """Every device, page after page, with those properties, as plain dictionaries.

    `PageIterator` gives `ManagedDevice` objects, but needs 13 ms to read each of them; this is 100 times faster.
    """
    request = all_devices(graph).to_get_request_information(query(select=list(properties)))
    while True:
        answer = await graph.request_adapter.send_primitive_async(request, "bytes", {"XXX": ODataError})
        page = json.loads(answer)
        for device in page["value"]:
            yield device
        if "@odata.nextLink" not in page:
            return
        request = RequestInformation(Method.GET)
        request.url = page["@odata.nextLink"]


@check
async def sign_in_with_a_wrong_secret():
    wrong = sign_in(URL, TENANT, os.environ["CHAVEIRO_CLIENT_ID"], "wrong")
    try:
        await all_devices(client(URL, wrong)).get()
    except ClientAuthenticationError as error:
        assert "AADSTS7000215" in str(error), error
    else:
        raise AssertionError("signed in")


@check
async def sign_in_for_either_name_of_the_resource():
    for scope in ("https://graph.microsoft.com/.default", f"{URL}/.default"):
        application = FACTS["reader"]
        credential = sign_in(URL, application["tenantId"], application["clientId"], application["clientSecret"])
        answer = await all_devices(client(URL, credential, [scope])).get(query(top=1))
        same(len(answer.value), 1)


@check
async def sign_in_with_a_certificate():
    credential = CertificateCredential(
        TENANT,
        os.environ["CHAVEIRO_CLIENT_ID"],
        certificate_path=FACTS["certificate"],
        authority=URL,
        disable_instance_discovery=True,
    )
    same((await one(KNOWN["id"], client(URL, credential)).get()).id, KNOWN["id"])


@check
async def sign_in_with_msal_alone():
    application = msal.ConfidentialClientApplication(
        os.environ["CHAVEIRO_CLIENT_ID"],
        client_credential=os.environ["CHAVEIRO_CLIENT_SECRET"],
        authority=f"{URL}/{TENANT}",
        instance_discovery=False,
    )
    answer = application.acquire_token_for_client([f"{URL}/.default"])
    same((await one(KNOWN["id"], client(URL, Fixed(answer["access_token"]))).get()).id, KNOWN["id"])


@check
async def sign_in_where_the_environment_says():
    os.environ["AZURE_AUTHORITY_HOST"] = URL
    of = TENANT, os.environ["CHAVEIRO_CLIENT_ID"], os.environ["CHAVEIRO_CLIENT_SECRET"]
    credential = ClientSecretCredential(*of, disable_instance_discovery=True)
    del os.environ["AZURE_AUTHORITY_HOST"]
    same((await one(KNOWN["id"], client(URL, credential)).get()).id, KNOWN["id"])


@check
async def page_through_all_devices():
    seen = {device["id"]: device["deviceName"] async for device in devices(HELPDESK, "id", "deviceName")}
    same((len(seen), len(set(seen.values()))), (FACTS["devices"], FACTS["devices"]))
    same(seen[KNOWN["id"]], KNOWN["deviceName"])


@check
async def page_with_the_iterator_of_the_sdk():
    seen = []
    pages = PageIterator(await all_devices().get(query(top=40)), HELPDESK.request_adapter, None, {"XXX": ODataError})
    await pages.iterate(lambda device: not seen.append(device) and len(seen) < 100)
    same(len({device.id for device in seen}), 100)
    assert all(device.serial_number and device.enrolled_date_time and device.model for device in seen)
    assert all(device.device_action_results == [] for device in seen), "results are not in lists"


@check
async def take_the_first_few():
    answer = await all_devices().get(query(top=5))
    same(len(answer.value), 5)
    assert answer.odata_next_link.startswith(f"{URL}/beta/"), answer.odata_next_link


@check
async def select_properties():
    answer = await all_devices().get(query(top=1, select=["id", "model"]))
    device = answer.value[0]
    assert device.id and device.model and device.device_name is None and device.serial_number is None


@check
async def get_one():
    device = await one(KNOWN["id"]).get()
    same((device.id, device.device_name), (KNOWN["id"], KNOWN["deviceName"]))
    same((device.operating_system, device.is_supervised, device.management_state.value), ("Windows", False, "managed"))


@check
async def find_by_name_and_by_serial_number():
    for name in (KNOWN["deviceName"].lower(), KNOWN["serialNumber"]):
        same(await find(HELPDESK, name), KNOWN["id"])
    try:
        await find(HELPDESK, "Ana's laptop")
    except LookupError as error:
        same(str(error), "0 devices are called Ana's laptop")
    else:
        raise AssertionError("found")


@check
async def recover_poll_and_read_the_passcode():
    device_id = await find(HELPDESK, FACTS["name"])
    result = await recover(HELPDESK, device_id, every=0.2)
    same(result.action_state, ActionState.Done)
    same(result.odata_type, "#microsoft.graph.resetPasscodeActionResult")
    same((result.error_code, result.additional_data["chaveiro_outcome"]), (0, "replaced"))
    print("passcode", result.passcode)
    again = await results(HELPDESK, device_id)
    same(again[0].passcode, result.passcode)


@check
async def a_reader_sees_the_result_without_the_passcode():
    (result, *_) = await results(READER, await find(READER, FACTS["name"]))
    same((result.action_state, result.passcode), (ActionState.Done, None))
    same(result.additional_data["chaveiro_passcodeWithheld"], "missingPermission")


@check
async def without_a_token():
    adapter = GraphRequestAdapter(AnonymousAuthenticationProvider())
    adapter.base_url = f"{URL}/beta"
    anonymous = GraphServiceClient(request_adapter=adapter)
    await refused(all_devices(anonymous).get(), 401, "InvalidAuthenticationToken", "Access token is empty.")


@check
async def with_a_token_that_is_none():
    await refused(all_devices(client(URL, Fixed("garbled"))).get(), 401, "InvalidAuthenticationToken", "IDX14100")


@check
async def with_an_expired_token():
    expired = client(URL, Fixed(FACTS["expired"]))
    await refused(all_devices(expired).get(), 401, "InvalidAuthenticationToken", "the token is expired")


@check
async def without_the_permission():
    text = "DeviceManagementManagedDevices.PrivilegedOperations.All"
    error = await refused(one(KNOWN["id"], READER).recover_passcode.post(), 403, "Forbidden", text)
    assert "scopes: " + text in json.loads(error.error.message)["Message"], "the message is a document itself"


@check
async def an_unknown_device():
    unknown = str(uuid4())
    await refused(one(unknown).get(), 404, "ResourceNotFound", "no managed device")
    await refused(one(unknown).recover_passcode.post(), 404, "ResourceNotFound", "no managed device")


@check
async def an_id_that_is_no_guid():
    await refused(one("Ana's laptop").recover_passcode.post(), 400, "InternalError", "must be a GUID")


@check
async def an_unknown_property_in_select():
    await refused(all_devices().get(query(select=["nope"])), 400, "BadRequest", "property named 'nope'")


@check
async def a_tenant_without_licence():
    graph = graph_of(FACTS["unlicensed"])
    await refused(all_devices(graph).get(), 400, "BadRequest", "Request not applicable to target tenant.")


@check
async def a_verb_that_is_not_for_it():
    call = all_devices().post(ManagedDevice(device_name="made up"))
    await refused(call, 400, "No method match route template", "No OData route exists that match template")


@check
async def an_action_that_there_is_not():
    await refused(one(KNOWN["id"]).locate_device.post(), 400, "BadRequest", "segment 'locateDevice'")


@check
async def keys_that_cannot_be_had_are_503():
    call = all_devices(client(URL, Fixed(FACTS["keysUnavailable"]))).get(IMPATIENT)
    error = await refused(call, 503, "serviceNotAvailable", "Retry-After")
    assert 1 <= int(error.response_headers["retry-after"]) <= 30, "that long until they are asked for again"


@check
async def after_429_the_client_waits_and_succeeds():
    one_known = one(KNOWN["id"], graph_of(FACTS["robot"])).recover_passcode

    async def flood():
        for _ in range(100):
            await one_known.post(IMPATIENT)

    error = await refused(flood(), 429, "TooManyRequests", "Retry-After")
    after, begun = int(error.response_headers["retry-after"]), time.monotonic()
    await one_known.post()
    assert time.monotonic() - begun >= after - 1 >= 0, "the client waits as long as the server says"


@check
async def filter_devices():
    name = KNOWN["deviceName"]
    linux = f"startswith(deviceName,'{name[:-1]}') and operatingSystem eq 'Linux'"
    answer = await all_devices().get(query(filter=linux, orderby=["deviceName"]))
    same([device.device_name for device in answer.value], [f"{name[:-1]}{number}" for number in (0, 4, 8)])
    same((await all_devices().get(query(filter="deviceName eq 'none such'"))).value, [])


@check
async def a_filter_that_is_none():
    await refused(all_devices().get(query(filter="deviceName equals 'x'")), 400, "BadRequest", "$filter")


@check
async def order_devices():
    answer = await all_devices().get(query(orderby=["deviceName desc"], top=3))
    names = [device.device_name for device in answer.value]
    same(names, [f"DESKTOP-{FACTS['devices'] - 2 - number:07}" for number in range(3)])


@check
async def count_devices():
    options = CountRequestBuilder.CountRequestBuilderGetQueryParameters()
    same(await all_devices().count.get(RequestConfiguration(query_parameters=options)), FACTS["devices"])
    answer = await all_devices().get(query(count=True, top=1))
    same((answer.odata_count, len(answer.value)), (FACTS["devices"], 1))


@check
async def search_devices():
    answer = await all_devices().get(query(search=f'"{FACTS["name"]}"'))
    same([device.device_name for device in answer.value], [FACTS["name"]])


@check
async def expand_the_users_of_a_device():
    device_id = await find(HELPDESK, FACTS["name"])
    options = ManagedDeviceItemRequestBuilder.ManagedDeviceItemRequestBuilderGetQueryParameters(
        select=["id"], expand=["users"]
    )
    answer = await one(device_id).get(RequestConfiguration(query_parameters=options))
    same([user.user_principal_name for user in answer.users], [FACTS["person"]])


@check
async def batch_twenty_requests():
    known, unknown = one(KNOWN["id"]), one(str(uuid4()))
    items = [BatchRequestItem(known.to_get_request_information(), id=str(number)) for number in range(19)]
    items.append(BatchRequestItem(unknown.to_get_request_information(), id="unknown"))
    content = BatchRequestContent({item.id: item for item in items})
    answer = await BatchRequestBuilder(HELPDESK.request_adapter, {"XXX": ODataError}).post(content)
    # msgraph-core 1.5.2 loses bodies that are objects, so statuses are what can be looked at.
    statuses = {id: item.status for id, item in answer.responses.items()}
    same(statuses, {str(number): 200 for number in range(19)} | {"unknown": 404})


@check
async def read_what_was_audited():
    options = AuditEventsRequestBuilder.AuditEventsRequestBuilderGetQueryParameters(
        filter="category eq 'Device'", orderby=["activityDateTime desc"]
    )
    answer = await HELPDESK.device_management.audit_events.get(RequestConfiguration(query_parameters=options))
    assert any(event.activity_type == "recoverPasscode ManagedDevice" for event in answer.value), answer.value
    answer = await HELPDESK.device_management.remote_action_audits.get()
    assert {audit.action for audit in answer.value} == {RemoteAction.RecoverPasscode}, answer.value


async def requests_of(application) -> int:
    """How many recoveries an application asked for, by the audit record."""
    options = AuditEventsRequestBuilder.AuditEventsRequestBuilderGetQueryParameters(
        filter="activityType in ('recoverPasscode ManagedDevice','repeatRecoverPasscode ManagedDevice')",
        orderby=["activityDateTime desc"],
        top=50,
    )
    answer = await HELPDESK.device_management.audit_events.get(RequestConfiguration(query_parameters=options))
    return sum(event.actor.application_id == application["clientId"] for event in answer.value)


@check
async def after_a_revocation_the_client_gets_another_token_and_posts_once():
    application = FACTS["revoked"]
    of = application["tenantId"], application["clientId"], application["clientSecret"]
    credential = sign_in(URL, *of)
    graph = client(URL, credential)
    same((await one(KNOWN["id"], graph).get()).id, KNOWN["id"])
    # The very token that the client keeps, for somebody who cannot get another.
    kept = credential.get_token(f"{URL}/.default", enable_cae=True).token
    print("revoke", application["clientId"], flush=True)
    thief = one(KNOWN["id"], client(URL, Fixed(kept)))
    try:
        while await thief.get():
            await asyncio.sleep(0.1)
    except ODataError as error:
        same((error.response_status_code, error.error.code), (401, "InvalidAuthenticationToken"))
        assert "TokenIssuedBeforeRevocationTimestamp" in error.error.message, error.error.message
    before = await requests_of(application)
    await refused(thief.recover_passcode.post(), 401, "InvalidAuthenticationToken", "claims challenge")
    same(await requests_of(application), before)
    await one(KNOWN["id"], graph).recover_passcode.post()
    same(await requests_of(application), before + 1)
    assert credential.get_token(f"{URL}/.default", enable_cae=True).token != kept, "the client keeps the new one"


@check
async def a_person_recovers_after_signing_in_with_a_device_code():
    def approve(_uri, code, _expires):
        print("approve", code, flush=True)

    person = DeviceCodeCredential(
        client_id=FACTS["public"]["clientId"],
        tenant_id=TENANT,
        authority=URL,
        disable_instance_discovery=True,
        prompt_callback=approve,
    )
    graph = client(URL, person)
    same((await graph.me().get()).user_principal_name, FACTS["person"])
    device_id = await find(graph, FACTS["name"])
    result = await recover(graph, device_id, every=0.2)
    print("passcode", result.passcode)
    # The application may, but her role does not allow it.
    await refused(one(device_id, graph).patch(ManagedDevice(notes="x")), 403, "Forbidden", "role")


async def main() -> int:
    # Whatever hangs says where.
    faulthandler.dump_traceback_later(LIMIT_S, exit=True)
    failed = 0
    for function in CHECKS:
        begun = time.monotonic()
        try:
            await function()
        except Exception as error:
            failed += 1
            print(f"FAILED {function.__name__}: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
        else:
            print(f"ok {function.__name__}", flush=True)
            print(f"{function.__name__}: {time.monotonic() - begun:.1f} s", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
