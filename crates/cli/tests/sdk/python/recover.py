"""Finds a device by its name, recovers its passcode, prints it: python3 recover.py ANA-LT1"""

import asyncio
import os
import sys
from urllib.parse import urlsplit

from azure.identity import ClientSecretCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph_beta import GraphRequestAdapter, GraphServiceClient
from msgraph_beta.generated.device_management.managed_devices.item.managed_device_item_request_builder import (
    ManagedDeviceItemRequestBuilder,
)
from msgraph_beta.generated.device_management.managed_devices.managed_devices_request_builder import (
    ManagedDevicesRequestBuilder,
)
from msgraph_beta.generated.models.action_state import ActionState
from msgraph_beta.generated.models.o_data_errors.o_data_error import ODataError
from msgraph_beta.generated.models.reset_passcode_action_result import ResetPasscodeActionResult

OPEN = (ActionState.None_, ActionState.Pending, ActionState.Active)


def client(url: str, credential, scopes: list[str] | None = None) -> GraphServiceClient:
    """A Graph client of the Chaveiro server at that address. It sends its token to this host alone."""
    provider = AzureIdentityAuthenticationProvider(
        credential, scopes=scopes or [f"{url}/.default"], allowed_hosts=[urlsplit(url).hostname]
    )
    adapter = GraphRequestAdapter(provider)
    adapter.base_url = f"{url}/beta"
    return GraphServiceClient(request_adapter=adapter)


def sign_in(url: str, tenant: str, client_id: str, client_secret: str) -> ClientSecretCredential:
    """The application, at the issuer that the server itself is. Microsoft's is not asked about it."""
    return ClientSecretCredential(tenant, client_id, client_secret, authority=url, disable_instance_discovery=True)


async def find(graph: GraphServiceClient, name: str) -> str:
    """The id of the one device that has this name or serial number."""
    quoted = name.replace("'", "''")
    query = ManagedDevicesRequestBuilder.ManagedDevicesRequestBuilderGetQueryParameters(
        filter=f"deviceName eq '{quoted}' or serialNumber eq '{quoted}'", select=["id"]
    )
    page = await graph.device_management.managed_devices.get(RequestConfiguration(query_parameters=query))
    if len(page.value) != 1:
        raise LookupError(f"{len(page.value)} devices are called {name}")
    return page.value[0].id


async def results(graph: GraphServiceClient, device_id: str) -> list[ResetPasscodeActionResult]:
    """What became of the recoveries of a device, the newest first. This reading is recorded."""
    query = ManagedDeviceItemRequestBuilder.ManagedDeviceItemRequestBuilderGetQueryParameters(
        select=["id", "deviceActionResults"]
    )
    one = graph.device_management.managed_devices.by_managed_device_id(device_id)
    device = await one.get(RequestConfiguration(query_parameters=query))
    found = [
        result
        for result in device.device_action_results or []
        if isinstance(result, ResetPasscodeActionResult) and result.action_name == "recoverPasscode"
    ]
    return sorted(found, key=lambda result: result.start_date_time, reverse=True)


async def recover(graph: GraphServiceClient, device_id: str, every: float = 2.0) -> ResetPasscodeActionResult:
    """Recovers, and waits until the device has answered."""
    await graph.device_management.managed_devices.by_managed_device_id(device_id).recover_passcode.post()
    while (newest := (await results(graph, device_id))[0]).action_state in OPEN:
        await asyncio.sleep(every)
    return newest


async def main(name: str) -> int:
    url = os.environ["CHAVEIRO_URL"]
    credential = sign_in(
        url,
        os.environ["CHAVEIRO_TENANT_ID"],
        os.environ["CHAVEIRO_CLIENT_ID"],
        os.environ["CHAVEIRO_CLIENT_SECRET"],
    )
    graph = client(url, credential)
    try:
        result = await recover(graph, await find(graph, name))
    except LookupError as error:
        print(error, file=sys.stderr)
        return 1
    except ODataError as refused:
        # 429 and 503 come here only after three retries, each after the time that the server named.
        error = refused.error
        print(f"{refused.response_status_code} {error.code}: {error.message}", file=sys.stderr)
        print(f"request-id {error.inner_error.request_id}", file=sys.stderr)
        return 1
    if result.action_state != ActionState.Done:
        extra = result.additional_data
        print(f"{result.action_state.value}: {extra.get('chaveiro_outcome')}", file=sys.stderr)
        return 1
    if result.passcode is None:
        print(f"not shown: {result.additional_data.get('chaveiro_passcodeWithheld')}", file=sys.stderr)
        return 1
    print(result.passcode)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
