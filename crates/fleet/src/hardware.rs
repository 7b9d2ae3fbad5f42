//! The hardware of a device, before it is managed.

use chaveiro_csp::INVENTORY;

/// The facts that a device reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// The name of the device.
    pub device_name: String,
    /// The name that it uses in OMA-DM: 32 hex digits on Windows.
    pub oma_device_id: String,
    /// `./DevInfo/Man`.
    pub manufacturer: String,
    /// `./DevInfo/Mod`.
    pub model: String,
    /// SMBIOS serial number.
    pub serial_number: String,
    /// Operating system version, for example `10.0.26200.9278`.
    pub os_version: String,
    /// Windows SKU number.
    pub os_edition: i32,
    /// `./DevInfo/Lang`.
    pub language: String,
    /// MAC addresses, as Windows writes them.
    pub mac_addresses: Vec<String>,
}

/// The texts of further inventory nodes, by the name of the value: on Windows and on Linux.
const REPORTED: &[(&str, &str, &str)] = &[
    ("totalStorageBytes", "488281", "1024"),
    ("freeStorageBytes", "201123", "1024"),
    ("physicalMemoryBytes", "16384", "1024"),
    ("isEncrypted", "", "true"),
    ("wifiMacAddress", "00155DA1B2C3", "00:15:5d:a1:b2:c4"),
    ("processorArchitecture", "9", "12"),
];

/// The text of an inventory node of a Linux machine with that name.
pub(crate) fn of_linux(name: &str, uri: &str) -> Option<String> {
    let node = INVENTORY.iter().find(|node| node.linux.uri == uri)?;
    match node.value {
        "deviceName" => Some(name.to_owned()),
        "osVersion" => Some("13".to_owned()),
        value => REPORTED.iter().find(|(known, ..)| *known == value).map(|(_, _, text)| (*text).to_owned()),
    }
}

impl Hardware {
    /// A Windows 11 laptop; each number gives a different one.
    pub fn laptop(number: u64) -> Self {
        Self {
            device_name: format!("ANA-LT{number}"),
            oma_device_id: format!("0A1B2C3D4E5F6071{number:016X}"),
            manufacturer: "Contoso".to_owned(),
            model: "Laptop 7".to_owned(),
            serial_number: format!("5CG{number:07}"),
            os_version: "10.0.26200.9278".to_owned(),
            os_edition: 4,
            language: "en-US".to_owned(),
            mac_addresses: vec![format!(
                "00-15-5D-{:02X}-{:02X}-{:02X}",
                number >> 16 & 255,
                number >> 8 & 255,
                number & 255
            )],
        }
    }

    /// The text of an inventory node.
    pub(crate) fn text(&self, uri: &str) -> Option<String> {
        let node = INVENTORY.iter().find(|node| node.windows == uri)?;
        match node.value {
            "deviceName" => Some(self.device_name.clone()),
            "osVersion" => Some(self.os_version.clone()),
            "serialNumber" => Some(self.serial_number.clone()),
            value => REPORTED.iter().find(|(known, ..)| *known == value).map(|(_, text, _)| (*text).to_owned()),
        }
    }
}
