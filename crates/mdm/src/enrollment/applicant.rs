//! The facts that a device reports in the additional context of its request ([MS-MDE2] 3.4.4.1.1.1).

use chaveiro_core::device::Platform;
use chaveiro_core::inventory::{Inventory, InventoryField};
use chaveiro_core::query::Value;
use omadm::soap::enrollment::RequestSecurityToken;

use super::faults::Rejection;

/// The longest value that is kept, in characters.
const MAX_VALUE: usize = 256;

/// Context items that are inventory values as they stand.
const REPORTED: [(&str, InventoryField); 7] = [
    ("DeviceName", InventoryField::DEVICE_NAME),
    ("Manufacturer", InventoryField::MANUFACTURER),
    ("DeviceModel", InventoryField::MODEL),
    ("SerialNumber", InventoryField::SERIAL_NUMBER),
    ("OSVersion", InventoryField::OS_VERSION),
    ("Locale", InventoryField::LANGUAGE),
    ("IMEI", InventoryField::IMEI),
];

/// The claims of a device. Only the platform decides anything.
pub(super) struct Claims {
    /// The context item `DeviceID` of [MS-MDE2] 3.4.4.1.1.1; it comes back as `./DevInfo/DevId` and as the source of every
    /// management message.
    pub(super) reported_id: String,
    pub(super) platform: Platform,
    pub(super) inventory: Inventory,
    /// `EnrollmentType` is `Full`: the certificate belongs to the user.
    pub(super) for_user: bool,
}

pub(super) fn claims(request: &RequestSecurityToken) -> Result<Claims, Rejection> {
    let text = |name: &str| request.context(name).map(bounded);
    let reported_id =
        text("DeviceID").ok_or_else(|| Rejection::enrollment_data("The context item DeviceID is missing."))?;
    let platform = match text("DeviceType").as_deref() {
        None | Some("CIMClient_Windows") => Platform::Windows,
        Some("WindowsPhone") => Platform::WindowsPhone,
        Some("Linux") => Platform::Linux,
        Some(other) => return Err(Rejection::device_type(other)),
    };
    let mut inventory = Inventory::default();
    for (item, field) in REPORTED {
        inventory.set(field, text(item).map(Value::from));
    }
    let edition = text("OSEdition").and_then(|edition| edition.parse().ok());
    let address = text("MAC").and_then(|address| mac_address(&address));
    inventory.set(InventoryField::SKU_NUMBER, edition.map(Value::Number));
    inventory.set(InventoryField::ETHERNET_MAC_ADDRESS, address.map(Value::from));
    let for_user = request.context("EnrollmentType") != Some("Device");
    Ok(Claims { reported_id, platform, inventory, for_user })
}

/// Bounds a text of a device, which is untrusted: its length is limited and control characters are removed.
pub(crate) fn bounded(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_VALUE).collect()
}

/// The twelve hex digits of the address of an interface, in upper case; `None` for anything else.
pub(crate) fn mac_address(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).take(13).collect();
    (digits.len() == 12).then(|| digits.to_ascii_uppercase())
}
