//! What a device says of itself in the additional context of its request ([MS-MDE2] 3.4.4.1.1.1).

use chaveiro_core::device::{Inventory, Platform};
use omadm::soap::enrollment::RequestSecurityToken;

use super::faults::No;

/// The longest value that is kept, in characters.
const MAX_VALUE: usize = 256;

/// What is believed of it: nothing decides anything but the platform.
pub(super) struct Claims {
    /// The context item `DeviceID` of [MS-MDE2] 3.4.4.1.1.1; it comes back as `./DevInfo/DevId` and as the source of every
    /// management message.
    pub(super) reported_id: String,
    pub(super) platform: Platform,
    pub(super) inventory: Inventory,
    /// `EnrollmentType` is `Full`: the certificate belongs to the user.
    pub(super) for_user: bool,
}

pub(super) fn claims(request: &RequestSecurityToken) -> Result<Claims, No> {
    let text = |name: &str| request.context(name).map(bounded);
    let reported_id = text("DeviceID").ok_or_else(|| No::enrollment_data("The context item DeviceID is missing."))?;
    let platform = match text("DeviceType").as_deref() {
        None | Some("CIMClient_Windows") => Platform::Windows,
        Some("WindowsPhone") => Platform::WindowsPhone,
        Some("Linux") => Platform::Linux,
        Some(other) => return Err(No::device_type(other)),
    };
    let inventory = Inventory {
        device_name: text("DeviceName"),
        manufacturer: text("Manufacturer"),
        model: text("DeviceModel"),
        serial_number: text("SerialNumber"),
        os_version: text("OSVersion"),
        language: text("Locale"),
        sku_number: text("OSEdition").and_then(|edition| edition.parse().ok()),
        imei: text("IMEI"),
        ethernet_mac_address: text("MAC").map(|address| hex_digits(&address)).filter(|digits| digits.len() == 12),
        ..Inventory::default()
    };
    let for_user = request.context("EnrollmentType") != Some("Device");
    Ok(Claims { reported_id, platform, inventory, for_user })
}

/// Devices are strangers: no value grows without bound, none carries control characters.
pub(crate) fn bounded(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_VALUE).collect()
}

fn hex_digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_hexdigit).map(|digit| digit.to_ascii_uppercase()).collect()
}
