//! The inventory as nodes: a row for each value that devices are asked for.

use std::fmt::Write;

use chaveiro_core::device::Platform;
use chaveiro_core::inventory::InventoryField;

use crate::node::{Access, Node, OS_VERSION, node};

/// The nodes of one value.
#[derive(Debug)]
pub struct InventoryNode {
    /// The value, by the name of its row in [`chaveiro_core::inventory`].
    pub value: &'static str,
    /// The node on Windows; empty if Windows is not asked.
    pub windows: &'static str,
    /// The node on Linux.
    pub linux: Node,
    /// The meaning of the text that a device gives.
    pub reading: Reading,
}

/// The meaning of the text of an inventory node, the same on both platforms.
#[derive(Clone, Copy, Debug)]
pub enum Reading {
    /// The value itself.
    Plain,
    /// A number of mebibytes (DevDetail CSP).
    Mebibytes,
    /// One of these texts, each with the name that it stands for.
    Words(&'static [(&'static str, &'static str)]),
}

/// Architectures as Windows numbers them (`SYSTEM_INFO`, PROCESSOR_ARCHITECTURE).
const ARCHITECTURES: Reading = Reading::Words(&[("0", "x86"), ("5", "arm"), ("9", "x64"), ("12", "arM64")]);

const fn get(uri: &'static str, format: &'static str, about: &'static str) -> Node {
    node(uri, Access::Get, format, about)
}

/// Every value that devices are asked for.
pub const INVENTORY: &[InventoryNode] = &[
    InventoryNode {
        value: "osVersion",
        windows: OS_VERSION,
        linux: get(OS_VERSION, "chr", "The version of the distribution: VERSION_ID of os-release(5)."),
        reading: Reading::Plain,
    },
    InventoryNode {
        value: "deviceName",
        windows: "./DevDetail/Ext/Microsoft/DeviceName",
        linux: get("./Vendor/Chaveiro/Inventory/DeviceName", "chr", "The host name."),
        reading: Reading::Plain,
    },
    InventoryNode {
        value: "serialNumber",
        windows: "./DevDetail/Ext/Microsoft/SMBIOSSerialNumber",
        linux: get("./Vendor/Chaveiro/Inventory/SerialNumber", "chr", "The serial number of the product, from DMI."),
        reading: Reading::Plain,
    },
    InventoryNode {
        value: "totalStorageBytes",
        windows: "./DevDetail/Ext/Microsoft/TotalStorage",
        linux: get("./Vendor/Chaveiro/Inventory/TotalStorage", "int", "Mebibytes of the root file system."),
        reading: Reading::Mebibytes,
    },
    InventoryNode {
        value: "freeStorageBytes",
        windows: "./DevDetail/Ext/Microsoft/FreeStorage",
        linux: get("./Vendor/Chaveiro/Inventory/FreeStorage", "int", "Mebibytes free in the root file system."),
        reading: Reading::Mebibytes,
    },
    InventoryNode {
        value: "physicalMemoryBytes",
        windows: "./DevDetail/Ext/Microsoft/TotalRAM",
        linux: get("./Vendor/Chaveiro/Inventory/TotalRam", "int", "Mebibytes of memory."),
        reading: Reading::Mebibytes,
    },
    InventoryNode {
        value: "isEncrypted",
        windows: "",
        linux: get(
            "./Vendor/Chaveiro/Inventory/IsEncrypted",
            "bool",
            "Whether the root file system is on an encrypted volume.",
        ),
        reading: Reading::Plain,
    },
    InventoryNode {
        value: "wifiMacAddress",
        windows: "./DevDetail/Ext/WLANMACAddress",
        linux: get("./Vendor/Chaveiro/Inventory/WlanMacAddress", "chr", "The address of the first wireless interface."),
        reading: Reading::Plain,
    },
    InventoryNode {
        value: "processorArchitecture",
        windows: "./DevDetail/Ext/Microsoft/ProcessorArchitecture",
        linux: get(
            "./Vendor/Chaveiro/Inventory/ProcessorArchitecture",
            "int",
            "The architecture of the kernel, as Windows numbers it: 0 is x86, 5 ARM, 9 x64, 12 ARM64.",
        ),
        reading: ARCHITECTURES,
    },
];

impl InventoryNode {
    /// The nodes of that value; `None` for a value that devices are not asked for.
    pub fn of(field: InventoryField) -> Option<&'static Self> {
        INVENTORY.iter().find(|node| node.value == field.row().name)
    }

    /// The node on that platform; `None` if it is not asked.
    pub fn on(&self, platform: Platform) -> Option<&'static str> {
        match platform {
            Platform::Windows | Platform::WindowsPhone => Some(self.windows).filter(|uri| !uri.is_empty()),
            Platform::Linux => Some(self.linux.uri),
        }
    }
}

/// The inventory as a table of a document: property, description, nodes.
pub fn inventory_table() -> String {
    let mut text = String::from(
        "# Inventory of a managedDevice\n\n\
         Values that are unknown are `null`, 0, `false` or `unknown`, as Graph has it.\n\
         Devices are asked after their enrolment; values without a node come with the enrolment, or from elsewhere.\n\n\
         | property | | in `hardwareInformation` | node on Windows | node on Linux |\n|---|---|---|---|---|\n",
    );
    let code = |text: &str| if text.is_empty() { "–".to_owned() } else { format!("`{text}`") };
    let served = |field: &InventoryField| !field.row().properties.is_empty() || field.row().hardware.is_some();
    for row in InventoryField::all().filter(served) {
        let nodes = InventoryNode::of(row);
        let of = |platform| code(nodes.and_then(|nodes| nodes.on(platform)).unwrap_or_default());
        let (windows, linux) = (of(Platform::Windows), of(Platform::Linux));
        let row = row.row();
        let properties: Vec<String> = row.properties.iter().map(|name| code(name)).collect();
        let properties = if properties.is_empty() { code("") } else { properties.join(", ") };
        let hardware = code(row.hardware.unwrap_or_default());
        // Writing into a string does not fail.
        let _ = writeln!(text, "| {properties} | {} | {hardware} | {windows} | {linux} |", row.about);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_that_a_platform_is_asked_for_has_a_node_there_and_no_other_has() {
        for platform in [Platform::Windows, Platform::WindowsPhone, Platform::Linux] {
            let asked: Vec<_> = InventoryField::asked_of(platform).collect();
            let of_nodes = InventoryField::all()
                .filter(|field| InventoryNode::of(*field).is_some_and(|node| node.on(platform).is_some()));
            assert_eq!(asked, of_nodes.collect::<Vec<_>>(), "{platform:?}");
        }
        for node in INVENTORY {
            assert!(InventoryField::named(node.value).is_some(), "{}", node.value);
            assert!(node.windows.is_empty() || node.windows.starts_with("./DevDetail/"), "{}", node.windows);
        }
    }
}
