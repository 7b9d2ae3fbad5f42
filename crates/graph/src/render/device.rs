//! `managedDevice`.

use chaveiro_core::device::{ManagedDevice, ManagementState, OwnerType, Platform};
use chaveiro_core::resource::Resource;
use serde_json::{Map, Value, json};

use super::{complex, date_time};
use crate::model::HARDWARE_INFORMATION;
use crate::resolve::Version;

/// The values that are known, by the names of their properties. Aliases carry equal values. `deviceActionResults` is not
/// among them; a single GET adds it.
pub fn known(device: &ManagedDevice, user: Option<&Resource>) -> Map<String, Value> {
    let inventory = &device.inventory;
    let user_properties: Value = user.and_then(|user| serde_json::from_str(&user.properties).ok()).unwrap_or_default();
    let of_user = |name: &str| user_properties.get(name).cloned().unwrap_or_default();
    let owner = match device.owner_type {
        OwnerType::Unknown => "unknown",
        OwnerType::Company => "company",
        OwnerType::Personal => "personal",
    };
    let state = match device.management_state {
        ManagementState::Managed => "managed",
        ManagementState::RetireIssued => "retireIssued",
    };
    let device_type = match device.platform {
        Platform::Windows => "desktop",
        Platform::WindowsPhone => "windowsPhone",
        Platform::Linux => "linux",
    };
    let values = [
        ("id", json!(device.id)),
        ("userId", json!(device.user)),
        ("deviceName", json!(inventory.device_name)),
        ("ownerType", json!(owner)),
        ("managedDeviceOwnerType", json!(owner)),
        ("managementState", json!(state)),
        ("managementAgent", json!(if device.comanaged { "configurationManagerClientMdm" } else { "mdm" })),
        ("enrolledDateTime", json!(date_time(device.enrolled))),
        ("lastSyncDateTime", json!(date_time(device.last_sync))),
        ("operatingSystem", json!(device.platform.operating_system())),
        ("deviceType", json!(device_type)),
        ("osVersion", json!(inventory.os_version)),
        ("aadRegistered", json!(inventory.azure_ad_device_id.is_some())),
        ("azureADRegistered", json!(inventory.azure_ad_device_id.is_some())),
        ("deviceEnrollmentType", json!(if user.is_some() { "userEnrollment" } else { "unknown" })),
        ("emailAddress", of_user("mail")),
        ("azureActiveDirectoryDeviceId", json!(inventory.azure_ad_device_id)),
        ("azureADDeviceId", json!(inventory.azure_ad_device_id)),
        ("remoteAssistanceSessionUrl", json!("")),
        ("isEncrypted", json!(inventory.is_encrypted.unwrap_or_default())),
        ("userPrincipalName", of_user("userPrincipalName")),
        ("model", json!(inventory.model)),
        ("manufacturer", json!(inventory.manufacturer)),
        ("imei", json!(inventory.imei)),
        ("serialNumber", json!(inventory.serial_number)),
        ("userDisplayName", of_user("displayName")),
        ("wiFiMacAddress", json!(inventory.wifi_mac_address)),
        ("totalStorageSpaceInBytes", json!(inventory.total_storage_bytes.unwrap_or_default())),
        ("freeStorageSpaceInBytes", json!(inventory.free_storage_bytes.unwrap_or_default())),
        ("managedDeviceName", json!(managed_device_name(device, of_user("userPrincipalName").as_str()))),
        ("iccid", json!("")),
        ("udid", json!("")),
        ("notes", json!(device.notes)),
        ("ethernetMacAddress", json!(inventory.ethernet_mac_address)),
        ("physicalMemoryInBytes", json!(inventory.physical_memory_bytes.unwrap_or_default())),
        ("roleScopeTagIds", json!(device.scope_tags)),
        ("skuNumber", json!(inventory.sku_number.unwrap_or_default())),
        ("enrolledByUserPrincipalName", of_user("userPrincipalName")),
    ];
    let hardware = [
        ("serialNumber", json!(inventory.serial_number)),
        ("totalStorageSpace", json!(inventory.total_storage_bytes.unwrap_or_default())),
        ("freeStorageSpace", json!(inventory.free_storage_bytes.unwrap_or_default())),
        ("imei", json!(inventory.imei)),
        ("manufacturer", json!(inventory.manufacturer)),
        ("model", json!(inventory.model)),
        ("wifiMac", json!(inventory.wifi_mac_address)),
        ("operatingSystemLanguage", json!(inventory.language)),
        ("isEncrypted", json!(inventory.is_encrypted.unwrap_or_default())),
    ];
    let hardware = hardware.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let recoverability = device.recoverability.iter().map(|entry| {
        json!({
            "lock": entry.of.lock.name(),
            "subject": entry.of.subject,
            "ready": entry.obstacle.is_none(),
            "obstacle": entry.obstacle,
            "escrow": entry.escrow.name(),
            "actionId": entry.action,
        })
    });
    let recoverability = ("chaveiro_recoverability", recoverability.collect());
    let hardware = ("hardwareInformation", complex(&HARDWARE_INFORMATION, Version::Beta, hardware));
    let values = values.into_iter().chain([recoverability, hardware]);
    let mut known: Map<_, _> = values.map(|(name, value)| (name.to_owned(), value)).collect();
    if let Some(expires) = device.certificate_expires {
        known.insert("managementCertificateExpirationDate".to_owned(), json!(date_time(expires)));
    }
    known
}

/// Until an administrator names the device: `{user}_{platform}_{M/d/yyyy}_{h:mm tt}`.
fn managed_device_name(device: &ManagedDevice, principal: Option<&str>) -> String {
    device.managed_device_name.clone().unwrap_or_else(|| {
        let prefix = principal.and_then(|name| name.split('@').next()).or(device.inventory.device_name.as_deref());
        format!(
            "{}_{}_{}",
            prefix.unwrap_or("device"),
            device.platform.operating_system(),
            device.enrolled.strftime("%-m/%-d/%Y_%-I:%M %p")
        )
    })
}

#[cfg(test)]
mod tests {
    use chaveiro_core::Timestamp;
    use chaveiro_core::id::{DeviceId, TenantId};
    use chaveiro_core::scope_tag;

    use super::*;
    use crate::kinds::MANAGED_DEVICE;
    use crate::query::Selection;
    use crate::render::{Form, object};

    fn device(
        device: &ManagedDevice,
        user: Option<&Resource>,
        version: Version,
        selection: &Selection,
        form: Form,
    ) -> Map<String, Value> {
        object(&MANAGED_DEVICE, version, selection, form, known(device, user))
    }

    fn sample() -> ManagedDevice {
        ManagedDevice {
            tenant: TenantId(uuid::Uuid::nil()),
            id: DeviceId(uuid::Uuid::from_u128(7)),
            platform: Platform::Windows,
            management_state: ManagementState::Managed,
            comanaged: false,
            user: None,
            enrolled: Timestamp::UNIX_EPOCH,
            last_sync: Timestamp::UNIX_EPOCH,
            certificate_expires: Some(Timestamp::UNIX_EPOCH),
            inventory: chaveiro_core::device::Inventory::default(),
            notes: Some("n".to_owned()),
            managed_device_name: None,
            owner_type: OwnerType::Company,
            recoverability: Vec::new(),
            scope_tags: scope_tag::untagged(),
        }
    }

    #[test]
    fn every_known_value_is_a_property_of_the_type() {
        for name in known(&sample(), None).keys() {
            assert!(MANAGED_DEVICE.properties.iter().any(|property| property.name == name), "{name}");
        }
    }

    #[test]
    fn a_list_hides_what_only_a_single_get_tells() {
        let of = |form| device(&sample(), None, Version::Beta, &Selection::Default, form);
        assert_eq!(of(Form::Single)["notes"], "n");
        assert_eq!(of(Form::Listed)["notes"], Value::Null);
    }

    #[test]
    fn hardware_is_told_to_whoever_names_it() {
        let mut sample = sample();
        sample.inventory.serial_number = Some("S1".to_owned());
        let of =
            |selection| device(&sample, None, Version::Beta, &selection, Form::Single)["hardwareInformation"].clone();
        assert_eq!(of(Selection::Default), Value::Null);
        let named = of(Selection::Only(vec!["hardwareInformation"]));
        assert_eq!((&named["serialNumber"], &named["productName"]), (&json!("S1"), &Value::Null));
    }

    #[test]
    fn action_results_come_last() {
        let json = device(&sample(), None, Version::V1, &Selection::Default, Form::Single);
        assert_eq!(json.keys().next_back().map(String::as_str), Some("deviceActionResults"));
        assert_eq!(json.len(), 56);
    }

    #[test]
    fn an_unnamed_device_has_the_generated_name() {
        let json = device(&sample(), None, Version::V1, &Selection::Default, Form::Single);
        assert_eq!(json["managedDeviceName"], "device_Windows_1/1/1970_12:00 AM");
    }
}
