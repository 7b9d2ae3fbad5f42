//! Kinds that Graph hangs on a `managedDevice` and this server never holds: categories, policy states, log collections, the
//! state of Windows' protection. The types are declared, and their collections are truthfully empty.

use crate::entity::Nothing;
use crate::follow::{Finding, NO_SINGLE};
use crate::kind::Kind;
use crate::model::properties::{ID, member, number, text};
use crate::model::{
    APP_LOG_UPLOAD_STATE, COMPLIANCE_POLICY_SETTING_STATE, COMPLIANCE_STATUS, CONFIGURATION_SETTING_STATE, Default,
    Edm, EntityType, Filters, POLICY_PLATFORM_TYPE, Property, WINDOWS_DEVICE_HEALTH_STATE,
};

const fn settings(of: &'static Edm) -> Property {
    Property::new("settingStates", Edm::Collection(of)).or(Default::Empty)
}

const CATEGORY: &[Property] = &[ID, text("displayName"), text("description")];

const COMPLIANCE: &[Property] = &[
    ID,
    settings(&Edm::Complex(&COMPLIANCE_POLICY_SETTING_STATE)),
    text("displayName"),
    number("version"),
    member("platformType", &POLICY_PLATFORM_TYPE, "all"),
    member("state", &COMPLIANCE_STATUS, "unknown"),
    number("settingCount"),
];

const CONFIGURATION: &[Property] = &[
    ID,
    settings(&Edm::Complex(&CONFIGURATION_SETTING_STATE)),
    text("displayName"),
    number("version"),
    member("platformType", &POLICY_PLATFORM_TYPE, "all"),
    member("state", &COMPLIANCE_STATUS, "unknown"),
    number("settingCount"),
];

const LOG_COLLECTION: &[Property] = &[
    ID,
    member("status", &APP_LOG_UPLOAD_STATE, "pending"),
    Property::new("managedDeviceId", Edm::Guid),
    Property::new("requestedDateTimeUTC", Edm::DateTime),
    Property::new("receivedDateTimeUTC", Edm::DateTime),
    text("initiatedByUserPrincipalName"),
    Property::new("expirationDateTimeUTC", Edm::DateTime),
    Property::new("sizeInKB", Edm::Double),
    text("enrolledByUser"),
];

const PROTECTION: &[Property] = &[
    ID,
    Property::new("malwareProtectionEnabled", Edm::Boolean),
    Property::new("deviceState", Edm::Enum(&WINDOWS_DEVICE_HEALTH_STATE)),
    Property::new("realTimeProtectionEnabled", Edm::Boolean),
    Property::new("networkInspectionSystemEnabled", Edm::Boolean),
    Property::new("quickScanOverdue", Edm::Boolean),
    Property::new("fullScanOverdue", Edm::Boolean),
    Property::new("signatureUpdateOverdue", Edm::Boolean),
    Property::new("rebootRequired", Edm::Boolean),
    Property::new("fullScanRequired", Edm::Boolean),
    text("engineVersion"),
    text("signatureVersion"),
    text("antiMalwareVersion"),
    Property::new("lastQuickScanDateTime", Edm::DateTime),
    Property::new("lastFullScanDateTime", Edm::DateTime),
    text("lastQuickScanSignatureVersion"),
    text("lastFullScanSignatureVersion"),
    Property::new("lastReportedDateTime", Edm::DateTime),
];

const FILTER_DETAILS: &[Property] = &[ID, text("payloadId")];

const APP_CONFIGURATION: &[Property] = &[
    ID,
    text("displayName"),
    number("version"),
    member("platformType", &POLICY_PLATFORM_TYPE, "all"),
    member("state", &COMPLIANCE_STATUS, "unknown"),
    number("settingCount"),
    text("userId"),
    text("userPrincipalName"),
];

const BASELINE: &[Property] = &[ID, text("securityBaselineTemplateId"), text("displayName"), text("userPrincipalName")];

const fn unkept(name: &'static str, about: &'static str, properties: &'static [Property]) -> EntityType {
    EntityType { about, filters: Filters::Nothing, ..EntityType::new(name, properties, "id") }
}

const fn unkept_beta(name: &'static str, about: &'static str, properties: &'static [Property]) -> EntityType {
    EntityType { beta_only: true, ..unkept(name, about, properties) }
}

/// The kind of such a type. Whatever is asked of an empty list has the same answer.
pub(super) const fn kind(entity: &'static EntityType) -> Kind {
    let finding = Finding { members: |_, _| Some(Box::new(Nothing)), single: NO_SINGLE, check: |_, _, _| Ok(()) };
    Kind { entity, finding, create: None, update: None, delete: None, operations: &[] }
}

pub(super) static DEVICE_CATEGORY: EntityType =
    unkept("deviceCategory", "A category of devices. Devices have none here.", CATEGORY);
pub(super) static COMPLIANCE_POLICY_STATE: EntityType = unkept(
    "deviceCompliancePolicyState",
    "The state of a compliance policy on a device. The list is always empty: the server has no such policies.",
    COMPLIANCE,
);
pub(super) static CONFIGURATION_STATE: EntityType = unkept(
    "deviceConfigurationState",
    "The state of a configuration profile on a device. The list is always empty: the server has no profiles.",
    CONFIGURATION,
);
pub(super) static LOG_COLLECTION_RESPONSE: EntityType = unkept(
    "deviceLogCollectionResponse",
    "A collection of logs of a device. The list is always empty: the server collects no logs.",
    LOG_COLLECTION,
);
pub(super) static WINDOWS_PROTECTION_STATE: EntityType = unkept(
    "windowsProtectionState",
    "The state of Windows' malware protection on a device. Devices are not asked for it.",
    PROTECTION,
);
pub(super) static FILTER_EVALUATION: EntityType = unkept_beta(
    "assignmentFilterEvaluationStatusDetails",
    "The evaluation of an assignment filter on a device. The list is always empty: the server has no such filters.",
    FILTER_DETAILS,
);
pub(super) static APP_CONFIGURATION_STATE: EntityType = unkept_beta(
    "managedDeviceMobileAppConfigurationState",
    "The state of an app configuration on a device. The list is always empty: the server configures no apps.",
    APP_CONFIGURATION,
);
pub(super) static BASELINE_STATE: EntityType = unkept_beta(
    "securityBaselineState",
    "The state of a security baseline on a device. The list is always empty: the server has no baselines.",
    BASELINE,
);
