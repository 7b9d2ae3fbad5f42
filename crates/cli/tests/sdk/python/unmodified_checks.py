"""The SDK for v1.0 with its defaults against a server that has Microsoft's names; prints what it saw as JSON."""

import asyncio
import json

from azure.identity import EnvironmentCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.user import User
from msgraph.generated.users.count.count_request_builder import CountRequestBuilder
from msgraph_core.tasks.page_iterator import PageIterator
from unmodified import ManagedDevicesRequestBuilder

NOWHERE = "00000000-0000-4000-8000-000000000000"


async def refused(call) -> list:
    """The status and the code of the error, and whether it names its request."""
    try:
        await call
    except ODataError as error:
        return [error.response_status_code, error.error.code, error.error.inner_error.request_id is not None]
    return []


async def main() -> None:
    graph = GraphServiceClient(EnvironmentCredential())
    devices = graph.device_management.managed_devices
    query = ManagedDevicesRequestBuilder.ManagedDevicesRequestBuilderGetQueryParameters(
        top=50, select=["id", "deviceName", "emailAddress", "userPrincipalName"]
    )
    page = await devices.get(RequestConfiguration(query_parameters=query))
    seen = []
    await PageIterator(page, graph.request_adapter).iterate(lambda device: seen.append(device) or True)

    made = await graph.users.post(User(user_principal_name="rui@example.org", display_name="Rui"))
    counted = RequestConfiguration(query_parameters=CountRequestBuilder.CountRequestBuilderGetQueryParameters())
    counted.headers.add("ConsistencyLevel", "eventual")
    print(
        json.dumps(
            {
                "first": len(page.value),
                "next": page.odata_next_link.startswith("https://graph.microsoft.com/v1.0/"),
                "devices": len({device.id for device in seen}),
                "one": (await devices.by_managed_device_id(seen[0].id).get()).device_name == seen[0].device_name,
                "users": [user.display_name for user in (await graph.users.get()).value],
                "user": (await graph.users.by_user_id(made.id).get()).user_principal_name,
                "usersCounted": await graph.users.count.get(counted),
                "audited": len((await graph.device_management.audit_events.get()).value) > 0,
                "missing": await refused(devices.by_managed_device_id(NOWHERE).get()),
                "forbidden": await refused(graph.applications.get()),
            }
        )
    )


asyncio.run(main())
