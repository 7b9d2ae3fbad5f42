//! Enrolment of a simulated Windows device, with its own RSA key as Windows has it.

use chaveiro_device::enroll::{self as exchange, Applicant};
pub use chaveiro_device::enroll::{Account, EnrollError};
use chaveiro_device::transport::Transport;
use rcgen::{KeyPair, PKCS_RSA_SHA256};

use crate::hardware::Hardware;

/// Enrols: `user` and `token` are what a person would type.
pub async fn enroll(
    transport: &impl Transport,
    hardware: &Hardware,
    server_url: &str,
    user: &str,
    token: &str,
) -> Result<Account, EnrollError> {
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
    let applicant = Applicant {
        oma_device_id: hardware.oma_device_id.clone(),
        device_type: "CIMClient_Windows",
        os_edition: Some(hardware.os_edition),
        context: context(hardware),
    };
    exchange::enroll(transport, &applicant, &key, server_url, user, token).await
}

/// A PKCS #10 with the device's own key (RFC 2986).
pub fn certificate_request(key: &KeyPair, hardware: &Hardware) -> Result<Vec<u8>, rcgen::Error> {
    exchange::certificate_request(key, &hardware.oma_device_id)
}

/// The additional context of a Windows 11 request, in its order.
pub fn context(hardware: &Hardware) -> Vec<(String, String)> {
    let edition = hardware.os_edition.to_string();
    let mut context: Vec<(&str, &str)> = vec![
        ("UXInitiated", "true"),
        ("Locale", &hardware.language),
        ("TargetedUserLoggedIn", "true"),
        ("OSEdition", &edition),
        ("DeviceName", &hardware.device_name),
    ];
    context.extend(hardware.mac_addresses.iter().map(|address| ("MAC", address.as_str())));
    context.extend([
        ("DeviceID", hardware.oma_device_id.as_str()),
        ("EnrollmentType", "Full"),
        ("DeviceType", "CIMClient_Windows"),
        ("OSVersion", &hardware.os_version),
        ("ApplicationVersion", &hardware.os_version),
        ("NotInOobe", "false"),
        ("Manufacturer", &hardware.manufacturer),
        ("DeviceModel", &hardware.model),
        ("SerialNumber", &hardware.serial_number),
        ("RequestVersion", "5.0"),
    ]);
    context.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
