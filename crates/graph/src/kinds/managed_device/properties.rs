//! The properties of a `managedDevice`: 84 in documented order and three of our own, except `deviceActionResults`, which the
//! service writes last.
//!
//! What is known of a device is a row of `core`: of its record or of its inventory. Such a property is [`known`] here, by name
//! alone: type, default, description, value and the right to change it come from the row. The others have one value on all
//! devices, the default, which is what real responses carry when nothing is known.

use std::fmt::Write;

use chaveiro_core::device::{ManagedDevice, RECORD, RecordKind};
use chaveiro_core::inventory::{InventoryField, Kind};
use chaveiro_core::query::{self, DeviceFacts, DeviceField};
use serde_json::{Value, json};

use crate::model::properties::{flag, member, number, text, texts, time};
use crate::model::*;
use crate::query::{Fields, Selection, Source, constant};
use crate::render::outline::{Values, Wanted, write_known};
use crate::render::{Shown, complex};
use crate::resolve::Version;

/// The way to the properties of the primary user.
const PRIMARY_USER: &str = "Set the primary user with POST .../managedDevices/{id}/users/$ref and the body \
    {\"@odata.id\": \"https://HOST/beta/users/{userId}\"}, or remove it with DELETE .../managedDevices/{id}/users/$ref.";

const fn of_primary_user(name: &'static str) -> Property {
    known(name).instead(PRIMARY_USER)
}

/// The properties.
pub(super) const PROPERTIES: &[Property] = &marked([
    known("id").or(Default::Text("")),
    of_primary_user("userId"),
    known("deviceName"),
    Property::new("hardwareInformation", Edm::Complex(&HARDWARE_INFORMATION)).read_only().beta().named_only(),
    one_of("ownerType", &OWNER_TYPE, "unknown").beta(),
    one_of("managedDeviceOwnerType", &MANAGED_DEVICE_OWNER_TYPE, "unknown"),
    one_of("managementState", &MANAGEMENT_STATE, "managed"),
    known("enrolledDateTime"),
    known("lastSyncDateTime"),
    member("chassisType", &CHASSIS_TYPE, "unknown").read_only().beta(),
    known("operatingSystem"),
    one_of("deviceType", &DEVICE_TYPE, "unknown").beta(),
    member("complianceState", &COMPLIANCE_STATE, "unknown").read_only(),
    text("jailBroken").or(Default::Text("Unknown")).or_null().read_only(),
    one_of("managementAgent", &MANAGEMENT_AGENT_TYPE, "mdm"),
    known("osVersion"),
    flag("easActivated").read_only(),
    or_empty("easDeviceId"),
    time("easActivationDateTime").read_only(),
    known("aadRegistered").beta(),
    known("azureADRegistered"),
    one_of("deviceEnrollmentType", &DEVICE_ENROLLMENT_TYPE, "unknown"),
    member("lostModeState", &LOST_MODE_STATE, "disabled").read_only().beta(),
    text("activationLockBypassCode").read_only().single_only(),
    of_primary_user("emailAddress"),
    known("azureActiveDirectoryDeviceId").beta(),
    known("azureADDeviceId"),
    member("deviceRegistrationState", &DEVICE_REGISTRATION_STATE, "unknown").read_only(),
    or_empty("deviceCategoryDisplayName"),
    flag("isSupervised").read_only(),
    time("exchangeLastSuccessfulSyncDateTime").read_only(),
    member("exchangeAccessState", &DEVICE_MANAGEMENT_EXCHANGE_ACCESS_STATE, "none").read_only(),
    member("exchangeAccessStateReason", &DEVICE_MANAGEMENT_EXCHANGE_ACCESS_STATE_REASON, "none").read_only(),
    text("remoteAssistanceSessionUrl").read_only().single_only(),
    text("remoteAssistanceSessionErrorDetails").read_only(),
    known("isEncrypted"),
    of_primary_user("userPrincipalName"),
    known("model"),
    known("manufacturer"),
    known("imei"),
    Property::new("complianceGracePeriodExpirationDateTime", Edm::DateTime)
        .or(Default::Text("9999-12-31T23:59:59.9999999Z"))
        .read_only(),
    known("serialNumber"),
    or_empty("phoneNumber"),
    or_empty("androidSecurityPatchLevel"),
    of_primary_user("userDisplayName"),
    Property::new(
        "configurationManagerClientEnabledFeatures",
        Edm::Complex(&CONFIGURATION_MANAGER_CLIENT_ENABLED_FEATURES),
    )
    .read_only(),
    known("wiFiMacAddress"),
    Property::new("deviceHealthAttestationState", Edm::Complex(&DEVICE_HEALTH_ATTESTATION_STATE)).read_only(),
    or_empty("subscriberCarrier"),
    or_empty("meid"),
    known("totalStorageSpaceInBytes"),
    known("freeStorageSpaceInBytes"),
    known("managedDeviceName"),
    member("partnerReportedThreatState", &MANAGED_DEVICE_PARTNER_REPORTED_HEALTH_STATE, "unknown").read_only(),
    time("retireAfterDateTime").read_only().beta(),
    Property::new("usersLoggedOn", Edm::Collection(&Edm::Complex(&LOGGED_ON_USER)))
        .or(Default::Empty)
        .read_only()
        .beta(),
    time("preferMdmOverGroupPolicyAppliedDateTime").read_only().beta(),
    flag("autopilotEnrolled").read_only().beta(),
    Property::new("requireUserEnrollmentApproval", Edm::Boolean).read_only(),
    known("managementCertificateExpirationDate"),
    text("iccid").read_only().single_only(),
    text("udid").read_only().single_only(),
    known("roleScopeTagIds").or(Default::DefaultScope).beta(),
    number("windowsActiveMalwareCount").read_only().beta().single_only(),
    number("windowsRemediatedMalwareCount").read_only().beta().single_only(),
    known("notes").single_only(),
    Property::new("configurationManagerClientHealthState", Edm::Complex(&CONFIGURATION_MANAGER_CLIENT_HEALTH_STATE))
        .read_only()
        .beta(),
    Property::new("configurationManagerClientInformation", Edm::Complex(&CONFIGURATION_MANAGER_CLIENT_INFORMATION))
        .read_only()
        .beta(),
    known("ethernetMacAddress").single_only(),
    known("physicalMemoryInBytes").single_only(),
    one_of("processorArchitecture", &MANAGED_DEVICE_ARCHITECTURE, "unknown").beta(),
    text("specificationVersion").read_only().beta(),
    member("joinType", &JOIN_TYPE, "unknown").read_only().beta(),
    text("skuFamily").read_only().beta(),
    known("skuNumber").beta(),
    member("managementFeatures", &MANAGED_DEVICE_MANAGEMENT_FEATURES, "none").read_only().beta(),
    Property::new("chromeOSDeviceInfo", Edm::Collection(&Edm::Complex(&CHROME_OS_DEVICE_PROPERTY)))
        .or(Default::Empty)
        .read_only()
        .beta()
        .single_only(),
    flag("bootstrapTokenEscrowed").read_only().beta().single_only(),
    Property::new("cloudPcRemoteActionResults", Edm::Collection(&Edm::Complex(&CLOUD_PC_REMOTE_ACTION_RESULT)))
        .or(Default::Empty)
        .read_only()
        .beta(),
    flag("deviceFirmwareConfigurationInterfaceManaged")
        .beta()
        .not_kept("it would turn firmware management on or off, which this server does not do"),
    // The server keeps no record of who enrolled a device.
    text("enrolledByUserPrincipalName").read_only().beta(),
    text("enrollmentProfileName").read_only(),
    text("securityPatchLevel").read_only().beta(),
    one_of("chaveiro_managementState", &MANAGEMENT_WORD, "managed").beta(),
    Property::new("chaveiro_connected", Edm::Boolean).read_only().beta().single_only(),
    Property::new("chaveiro_recoverability", Edm::Collection(&Edm::Complex(&RECOVERABILITY)))
        .or(Default::Empty)
        .read_only()
        .beta()
        .single_only(),
    Property::new("deviceActionResults", Edm::Collection(&Edm::Complex(&DEVICE_ACTION_RESULT)))
        .or(Default::Empty)
        .read_only(),
]);

/// The properties with the mark of those that have their default on all devices.
const fn marked<const N: usize>(mut properties: [Property; N]) -> [Property; N] {
    let mut place = 0;
    while place < N {
        properties[place].same = matches!(origin(properties[place].name), Origin::Default);
        place += 1;
    }
    properties
}

/// A property that a row of `core` says everything of. One without a row does not compile.
const fn known(name: &'static str) -> Property {
    let property = match field(name) {
        DeviceField::Recorded(field) => match field.row().kind {
            RecordKind::Id | RecordKind::Text => text(name),
            RecordKind::OfUser(_) => or_empty(name),
            RecordKind::Flag => Property::new(name, Edm::Boolean),
            RecordKind::Time => time(name),
            RecordKind::Texts => texts(name),
            RecordKind::OneOf(_) => panic!("say of which enum the names are: one_of"),
        },
        DeviceField::Reported(field) => match field.row().kind {
            Kind::Text | Kind::MacAddress if field.row().or_empty => or_empty(name),
            Kind::Text | Kind::MacAddress => text(name),
            Kind::Number => number(name),
            Kind::Bytes => Property::new(name, Edm::Int64).or(Default::Zero),
            Kind::Flag => flag(name),
            Kind::OneOf(_) => panic!("say of which enum the names are: one_of"),
        },
    };
    as_its_row(property)
}

/// The same for a property whose value is one of several names: the members of that enum.
const fn one_of(name: &'static str, of: &'static EnumType, default: &'static str) -> Property {
    as_its_row(member(name, of, default))
}

/// The property as its row describes it. Callers may set it only if the row is a setting.
const fn as_its_row(property: Property) -> Property {
    match field(property.name) {
        DeviceField::Recorded(field) => match field.row().setting {
            Some(_) => property.about(field.row().about),
            None => property.read_only().about(field.row().about),
        },
        DeviceField::Reported(field) => property.read_only().about(field.row().about),
    }
}

const fn field(property: &str) -> DeviceField {
    match DeviceField::named(property) {
        Some(field) => field,
        None => panic!("no row of core has this property"),
    }
}

/// A text that is empty while it is unknown, although it may be null.
const fn or_empty(name: &'static str) -> Property {
    text(name).or(Default::Text("")).or_null().read_only()
}

/// The origin of the value of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// A row of `core`.
    Row(DeviceField),
    Hardware,
    Recoverability,
    /// The device channel does not know it; a single GET says so with an empty text.
    Unknown,
    /// All devices have the default.
    Default,
}

const fn origin(property: &str) -> Origin {
    match (DeviceField::named(property), property.as_bytes()) {
        (Some(field), _) => Origin::Row(field),
        (None, b"hardwareInformation") => Origin::Hardware,
        (None, b"chaveiro_recoverability") => Origin::Recoverability,
        (None, b"iccid" | b"remoteAssistanceSessionUrl" | b"udid") => Origin::Unknown,
        (None, _) => Origin::Default,
    }
}

/// The origins by the places of the properties.
static ORIGINS: [Origin; PROPERTIES.len()] = {
    let mut origins = [Origin::Default; PROPERTIES.len()];
    let mut place = 0;
    while place < PROPERTIES.len() {
        origins[place] = origin(PROPERTIES[place].name);
        place += 1;
    }
    origins
};

/// Returns true if a selection serves a property that depends on the primary user.
pub(super) fn tells_of_user(selection: &Selection) -> bool {
    let of_user = |origin: &Origin| matches!(origin, Origin::Row(field) if field.tells_of_user());
    PROPERTIES.iter().zip(&ORIGINS).any(|(property, origin)| of_user(origin) && selection.contains(property))
}

impl Values for DeviceFacts<'_> {
    fn value(&self, wanted: Wanted) -> Option<Value> {
        Some(match *ORIGINS.get(wanted.place)? {
            Origin::Row(field) => json_of(field.value(self)),
            Origin::Hardware => hardware(self.device()),
            Origin::Recoverability => recoverability(self.device()),
            Origin::Unknown => "".into(),
            Origin::Default => return None,
        })
    }

    fn write(&self, wanted: Wanted, out: &mut Vec<u8>) -> bool {
        let Some(Origin::Row(field)) = ORIGINS.get(wanted.place) else {
            return write_known(out, self.value(wanted).as_ref());
        };
        write_known(out, Some(&Shown(&field.value(self))))
    }
}

/// Properties with one value on all devices are decided, too.
impl Fields for DeviceField {
    const SEARCHED: &'static [Self] = &DeviceField::SEARCHED;

    fn source(property: &Property) -> Option<Source<Self>> {
        match origin(property.name) {
            Origin::Row(field) => Some(Source::Field(field)),
            Origin::Unknown => Some(Source::Constant("".into())),
            Origin::Hardware | Origin::Recoverability | Origin::Default => constant(property).map(Source::Constant),
        }
    }
}

fn hardware(device: &ManagedDevice) -> Value {
    let known = InventoryField::all().filter_map(|field| {
        let name = field.row().hardware?;
        Some((name.to_owned(), json_of(device.inventory.of_hardware(field))))
    });
    complex(&HARDWARE_INFORMATION, Version::Beta, known.collect())
}

fn recoverability(device: &ManagedDevice) -> Value {
    let entries = device.recoverability.iter().map(|entry| {
        json!({
            "lock": entry.of.lock.name(),
            "subject": entry.of.subject,
            "ready": entry.obstacle.is_none(),
            "obstacle": entry.obstacle,
            "escrow": entry.escrow.name(),
            "actionId": entry.action,
        })
    });
    entries.collect()
}

fn json_of(value: query::Value) -> Value {
    json!(Shown(&value))
}

/// The properties of the record as a table of a document.
pub fn record_md() -> String {
    let mut text = String::from(
        "# Record of a managedDevice\n\n\
        Properties that the server keeps or derives; `inventory.md` has those that devices report.\n\
        Every other property has one value for all devices.\n\n\
        | property | | v1.0 | in lists | set by administrators |\n|---|---|---|---|---|\n",
    );
    let yes = |is: bool| if is { "yes" } else { "–" };
    for row in RECORD {
        let of = |name: &&str| PROPERTIES.iter().find(|property| property.name == *name);
        let names: Vec<String> = row.properties.iter().map(|name| format!("`{name}`")).collect();
        let in_v1 = row.properties.iter().filter_map(of).any(|property| !property.beta_only);
        let in_lists = row.properties.iter().filter_map(of).any(|property| !property.single_only);
        let (names, about, is_set) = (names.join(", "), row.about, row.setting.is_some());
        // Writing into a string does not fail.
        let _ = writeln!(text, "| {names} | {about} | {} | {} | {} |", yes(in_v1), yes(in_lists), yes(is_set));
    }
    text
}

#[cfg(test)]
mod tests {
    use chaveiro_core::Timestamp;
    use chaveiro_core::device::{Platform, PrimaryUser};
    use chaveiro_core::id::{DeviceId, ResourceId, TenantId};
    use chaveiro_core::resource::{Resource, ResourceKind};
    use serde_json::Map;
    use uuid::Uuid;

    use super::*;
    use crate::kinds::MANAGED_DEVICE;
    use crate::negotiation::{Format, Metadata};
    use crate::query::Named;
    use crate::render::outline::{Object, Outline};
    use crate::render::typed::{announced, typed};
    use crate::render::{Form, default};

    fn sample() -> ManagedDevice {
        let (tenant, id, at) = (Uuid::nil(), Uuid::from_u128(7), Timestamp::UNIX_EPOCH);
        ManagedDevice {
            certificate_expires: Some(at),
            notes: Some("n".to_owned()),
            ..ManagedDevice::new(TenantId(tenant), DeviceId(id), Platform::Windows, at)
        }
    }

    fn device(of: &ManagedDevice, version: Version, selection: &Selection, form: Form) -> Map<String, Value> {
        let (outline, mut text) = (Outline::new(&MANAGED_DEVICE, version, selection, form), Vec::new());
        let mut object = Object::begin(&mut text, Map::new());
        outline.write(Format::default(), &DeviceFacts::new(of, None), &mut object);
        object.end();
        serde_json::from_slice(&text).expect("an object")
    }

    #[test]
    fn every_row_is_a_property_of_the_type() {
        for name in DeviceField::all().flat_map(|(_, names)| names) {
            assert!(PROPERTIES.iter().any(|property| property.name == *name), "{name}");
        }
        for (origin, count) in [(Origin::Hardware, 1), (Origin::Recoverability, 1), (Origin::Unknown, 3)] {
            assert_eq!(ORIGINS.iter().filter(|of| **of == origin).count(), count, "{origin:?}");
        }
    }

    #[test]
    fn every_property_is_written_as_its_row_says_at_every_level_of_metadata() {
        let mut sample = sample();
        for field in InventoryField::all() {
            sample.inventory.set(
                field,
                Some(match field.row().kind {
                    Kind::Text | Kind::MacAddress => "a \"b\" \u{e9}".into(),
                    Kind::Number => 7.into(),
                    Kind::Bytes => (1 << 40).into(),
                    Kind::Flag => true.into(),
                    Kind::OneOf(names) => names[1].into(),
                }),
            );
        }
        let properties = json!({"mail": "m", "userPrincipalName": "ana@x", "displayName": "Ana"}).to_string();
        let user = PrimaryUser::new(Resource {
            tenant: sample.tenant,
            kind: ResourceKind::User,
            id: ResourceId(Uuid::nil()),
            owner: None,
            device: None,
            alternate_key: None,
            properties,
            created: sample.enrolled,
            modified: sample.enrolled,
        });
        let facts = DeviceFacts::new(&sample, Some(&user));
        // Prepared pieces give the same text.
        let texts = |selection: &Selection, form: Form, format: Format| {
            let outline = || Outline::new(&MANAGED_DEVICE, Version::Beta, selection, form);
            let [written, prepared] = [outline(), outline().prepared()].map(|outline| {
                let mut text = Vec::new();
                let mut object = Object::begin(&mut text, Map::new());
                outline.write(format, &facts, &mut object);
                object.end();
                text
            });
            assert_eq!(String::from_utf8(written).expect("text"), String::from_utf8_lossy(&prepared));
            prepared
        };
        for metadata in Metadata::ALL {
            for ieee754 in [false, true] {
                let format = Format { metadata, ieee754, ..Format::default() };
                for form in [Form::Single, Form::Listed] {
                    for selection in [Selection::Default, Selection::All(Vec::new())] {
                        texts(&selection, form, format);
                    }
                }
                for property in PROPERTIES {
                    let selection = Selection::Only(vec![Named::whole(property.name)]);
                    let written: Map<String, Value> =
                        serde_json::from_slice(&texts(&selection, Form::Single, format)).expect("an object");
                    let known = match origin(property.name) {
                        Origin::Row(field) => json_of(field.value(&facts)),
                        Origin::Recoverability => recoverability(&sample),
                        Origin::Hardware => hardware(&sample),
                        Origin::Unknown => "".into(),
                        Origin::Default => default(property),
                    };
                    let expected = typed(format, property.edm, known.clone());
                    let annotation = announced(format, property.edm, &known);
                    assert_eq!(written[property.name], expected, "{} {metadata:?}", property.name);
                    let typed_as = written.get(&format!("{}@odata.type", property.name)).cloned();
                    assert_eq!(typed_as, annotation.map(Value::from), "{} {metadata:?}", property.name);
                    assert_eq!(written.len(), 1 + usize::from(typed_as.is_some()), "nothing else");
                }
            }
        }
    }

    #[test]
    fn every_reported_value_is_of_the_type_of_its_property_and_unknown_as_the_model_says() {
        let fits = |kind: Kind, property: &Property| match (kind, property.edm) {
            (Kind::Text | Kind::MacAddress, Edm::String)
            | (Kind::Number, Edm::Int32)
            | (Kind::Bytes, Edm::Int64)
            | (Kind::Flag, Edm::Boolean) => true,
            (Kind::OneOf(names), Edm::Enum(of)) => names.iter().all(|name| of.names().any(|member| member == *name)),
            _ => false,
        };
        let entity = &MANAGED_DEVICE;
        for row in InventoryField::all().map(InventoryField::row) {
            for name in row.properties {
                let property = entity.property(name).expect(name);
                assert!(fits(row.kind, property), "{name}");
                assert_eq!(json_of(row.unknown()), default(property), "{name}");
            }
            if let Some(name) = row.hardware {
                let member = HARDWARE_INFORMATION.properties.iter().find(|member| member.name == name).expect(name);
                assert!(fits(row.kind, member), "{name}");
            }
        }
    }

    #[test]
    fn every_value_of_the_record_is_of_the_type_of_its_property() {
        let fits = |kind: RecordKind, property: &Property| match (kind, property.edm) {
            (RecordKind::Id | RecordKind::Text | RecordKind::OfUser(_), Edm::String)
            | (RecordKind::Flag, Edm::Boolean)
            | (RecordKind::Time, Edm::DateTime)
            | (RecordKind::Texts, Edm::Collection(Edm::String)) => true,
            (RecordKind::OneOf(names), Edm::Enum(of)) => {
                names.iter().all(|name| of.names().any(|member| member == *name))
            }
            _ => false,
        };
        for row in RECORD {
            for name in row.properties {
                let property = MANAGED_DEVICE.property(name).expect(name);
                assert!(fits(row.kind, property), "{name}");
                assert!(!property.writable || row.setting.is_some(), "{name}: nothing sets it");
            }
        }
    }

    #[test]
    fn a_list_hides_what_only_a_single_get_tells() {
        let of = |form| device(&sample(), Version::Beta, &Selection::Default, form);
        assert_eq!(of(Form::Single)["notes"], "n");
        assert_eq!(of(Form::Listed)["notes"], Value::Null);
    }

    #[test]
    fn hardware_is_told_to_a_caller_who_selects_it() {
        let mut sample = sample();
        sample.inventory.set(InventoryField::SERIAL_NUMBER, Some("S1".into()));
        let of = |selection| device(&sample, Version::Beta, &selection, Form::Single)["hardwareInformation"].clone();
        assert_eq!(of(Selection::Default), Value::Null);
        let named = of(Selection::Only(vec![Named::whole("hardwareInformation")]));
        assert_eq!((&named["serialNumber"], &named["productName"]), (&json!("S1"), &Value::Null));
    }

    #[test]
    fn action_results_come_last() {
        let json = device(&sample(), Version::V1, &Selection::Default, Form::Single);
        assert_eq!(json.keys().next_back().map(String::as_str), Some("deviceActionResults"));
        assert_eq!(json.len(), 56);
    }

    #[test]
    fn an_unnamed_device_has_the_generated_name() {
        let json = device(&sample(), Version::V1, &Selection::Default, Form::Single);
        assert_eq!(json["managedDeviceName"], "device_Windows_1/1/1970_12:00 AM");
    }
}
