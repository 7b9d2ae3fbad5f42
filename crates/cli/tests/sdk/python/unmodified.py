"""Finds a device by its name, recovers its passcode, prints it: python3 unmodified.py ANA-LT1

The program names no server and changes no default: the names of Microsoft's services lead to Chaveiro.
"""

import asyncio
import sys

from azure.identity import EnvironmentCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.device_management.managed_devices.item.managed_device_item_request_builder import (
    ManagedDeviceItemRequestBuilder,
)
from msgraph.generated.device_management.managed_devices.managed_devices_request_builder import (
    ManagedDevicesRequestBuilder,
)
from msgraph.generated.models.action_state import ActionState
from msgraph.generated.models.reset_passcode_action_result import ResetPasscodeActionResult

OPEN = (ActionState.None_, ActionState.Pending, ActionState.Active)


async def find(graph: GraphServiceClient, name: str) -> str:
    """The id of the one device that has this name."""
    quoted = name.replace("'", "''")
    query = ManagedDevicesRequestBuilder.ManagedDevicesRequestBuilderGetQueryParameters(
        filter=f"deviceName eq '{quoted}'", select=["id"]
    )
    page = await graph.device_management.managed_devices.get(RequestConfiguration(query_parameters=query))
    if len(page.value) != 1:
        raise LookupError(f"{len(page.value)} devices are called {name}")
    return page.value[0].id


async def recover(graph: GraphServiceClient, device_id: str) -> ResetPasscodeActionResult:
    """Recovers, and waits until the device has answered."""
    one = graph.device_management.managed_devices.by_managed_device_id(device_id)
    await one.recover_passcode.post()
    query = ManagedDeviceItemRequestBuilder.ManagedDeviceItemRequestBuilderGetQueryParameters(
        select=["id", "deviceActionResults"]
    )
    while True:
        await asyncio.sleep(1)
        device = await one.get(RequestConfiguration(query_parameters=query))
        found = [result for result in device.device_action_results if result.action_name == "recoverPasscode"]
        newest = max(found, key=lambda result: result.start_date_time)
        if newest.action_state not in OPEN:
            return newest


async def main(name: str) -> int:
    # AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.
    graph = GraphServiceClient(EnvironmentCredential())
    result = await recover(graph, await find(graph, name))
    if result.action_state != ActionState.Done or result.passcode is None:
        print(f"{result.action_state.value}: {result.additional_data}", file=sys.stderr)
        return 1
    print(result.passcode)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
