//! What a device is, before anybody manages it.

/// The facts a device reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// Its name.
    pub device_name: String,
    /// What it calls itself in OMA-DM: 32 hex digits on Windows.
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
    /// Mebibytes of storage.
    pub total_storage_mib: u64,
    /// Mebibytes of free storage.
    pub free_storage_mib: u64,
    /// Mebibytes of memory.
    pub total_ram_mib: u64,
}

impl Hardware {
    /// A Windows 11 laptop; the number makes it another one.
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
            total_storage_mib: 488_281,
            free_storage_mib: 201_123,
            total_ram_mib: 16_384,
        }
    }
}
