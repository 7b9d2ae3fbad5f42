//! From the domain's words to nodes of the management tree, and back to inventory: one table each.

use chaveiro_core::command::{DeviceCommand, InventoryField};
use chaveiro_core::device::{Inventory, Platform};
use omadm::syncml::{Item, Verb};

use crate::enrollment::bounded;

/// RemoteLock CSP: set a new PIN, keep the keys of Windows Hello.
const LOCK_AND_RECOVER_PIN: &str = "./Device/Vendor/MSFT/RemoteLock/LockAndRecoverPIN";
/// RemoteLock CSP: the new PIN, readable once.
const NEW_PIN_VALUE: &str = "./Device/Vendor/MSFT/RemoteLock/NewPINValue";

/// Where each inventory value is: on Windows (DevDetail CSP), on Linux (our own nodes; sizes are mebibytes on both).
const INVENTORY: [(InventoryField, &str, &str); 6] = [
    (InventoryField::OsVersion, "./DevDetail/SwV", "./DevDetail/SwV"),
    (InventoryField::DeviceName, "./DevDetail/Ext/Microsoft/DeviceName", "./Vendor/Chaveiro/Inventory/DeviceName"),
    (
        InventoryField::SerialNumber,
        "./DevDetail/Ext/Microsoft/SMBIOSSerialNumber",
        "./Vendor/Chaveiro/Inventory/SerialNumber",
    ),
    (
        InventoryField::TotalStorage,
        "./DevDetail/Ext/Microsoft/TotalStorage",
        "./Vendor/Chaveiro/Inventory/TotalStorage",
    ),
    (InventoryField::FreeStorage, "./DevDetail/Ext/Microsoft/FreeStorage", "./Vendor/Chaveiro/Inventory/FreeStorage"),
    (InventoryField::TotalRam, "./DevDetail/Ext/Microsoft/TotalRAM", "./Vendor/Chaveiro/Inventory/TotalRam"),
];

/// The command as it travels: one item each, as [MS-MDM] 2.2.7 wants it for `Exec`.
pub(super) fn command(command: &DeviceCommand, platform: Platform) -> (Verb, Item) {
    match command {
        DeviceCommand::LockAndRecoverPin => (Verb::Exec, Item::at(LOCK_AND_RECOVER_PIN).formatted("null")),
        DeviceCommand::ReadNewPin => (Verb::Get, Item::at(NEW_PIN_VALUE)),
        DeviceCommand::EnablePinRecovery { entra_tenant } => {
            let node = format!("./Device/Vendor/MSFT/PassportForWork/{entra_tenant}/Policies/EnablePinRecovery");
            (
                Verb::Add,
                Item { kind: Some("text/plain".to_owned()), ..Item::at(&node).formatted("bool").holding("true") },
            )
        }
        DeviceCommand::ReadInventory { field } => (Verb::Get, Item::at(node_of(*field, platform))),
    }
}

fn node_of(field: InventoryField, platform: Platform) -> &'static str {
    let nodes = INVENTORY.iter().find(|(known, _, _)| *known == field);
    nodes.map_or("", |(_, windows, linux)| match platform {
        Platform::Windows | Platform::WindowsPhone => windows,
        Platform::Linux => linux,
    })
}

/// Takes an inventory value that a device reported.
pub(super) fn take_inventory(inventory: &mut Inventory, field: InventoryField, value: &str) {
    let text = || Some(bounded(value.trim()));
    // Sizes are mebibytes (DevDetail CSP).
    let size = || value.trim().parse::<u64>().ok().and_then(|mebibytes| mebibytes.checked_mul(1024 * 1024));
    match field {
        InventoryField::OsVersion => inventory.os_version = text(),
        InventoryField::DeviceName => inventory.device_name = text(),
        InventoryField::SerialNumber => inventory.serial_number = text(),
        InventoryField::TotalStorage => inventory.total_storage_bytes = size(),
        InventoryField::FreeStorage => inventory.free_storage_bytes = size(),
        InventoryField::TotalRam => inventory.physical_memory_bytes = size(),
    }
}

/// Takes a node of `DevInfo`, which devices send with their first message.
pub(super) fn take_information(inventory: &mut Inventory, node: &str, value: &str) {
    let text = || Some(bounded(value.trim()));
    match node.trim_start_matches("./").to_ascii_lowercase().as_str() {
        "devinfo/man" => inventory.manufacturer = text(),
        "devinfo/mod" => inventory.model = text(),
        "devinfo/lang" => inventory.language = text(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_inventory_value_has_a_node() {
        for (field, windows, linux) in INVENTORY {
            assert_eq!(node_of(field, Platform::Windows), windows);
            assert_eq!(node_of(field, Platform::Linux), linux);
            assert!(windows.starts_with("./DevDetail/"));
            assert!(linux == windows || linux.starts_with("./Vendor/Chaveiro/"));
        }
    }

    #[test]
    fn sizes_are_mebibytes_and_nonsense_is_unknown() {
        let mut inventory = Inventory::default();
        take_inventory(&mut inventory, InventoryField::TotalRam, "16384");
        assert_eq!(inventory.physical_memory_bytes, Some(16 << 30));
        for nonsense in ["", "-1", "many", "99999999999999999999"] {
            take_inventory(&mut inventory, InventoryField::TotalRam, nonsense);
            assert_eq!(inventory.physical_memory_bytes, None, "{nonsense}");
        }
    }
}
