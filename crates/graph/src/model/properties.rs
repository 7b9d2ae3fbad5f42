//! The entity types other than `managedDevice`, and the list of all.
//!
//! Where a value is fixed by the server (`id`, `createdDateTime`, `lastModifiedDateTime`) the property is
//! read-only; everything else is kept as the caller gave it.

use chaveiro_core::resource::ResourceKind as Kind;

use super::complex::DEVICE_HEALTH_SCRIPT_PARAMETER;
use super::enums::{
    DETECTED_APP_PLATFORM_TYPE, DEVICE_HEALTH_SCRIPT_TYPE, REMEDIATION_STATE, RUN_AS_ACCOUNT_TYPE, RUN_STATE,
};
use super::managed_device::MANAGED_DEVICE;
use super::{Default, Edm, EntityType, EnumType, Property, Target};
use super::{application, around, audit, hold, remote_action, role};

/// Properties that no Graph metadata knows, all on `deviceActionResults` entries, and what they say. Those of
/// entities are in their types: [`Property::is_extension`].
/// Their prefix keeps them apart; SDKs put them into their additional data.
pub const EXTENSIONS: &[(&str, &str)] = &[
    ("chaveiro_actionId", "The id of the action, as audit events name it."),
    ("chaveiro_attempt", "How often the commands were sent, from 1."),
    ("chaveiro_outcome", "Why the action ended as it did; null while it is open."),
    ("chaveiro_deviceStatus", "The device's own status for the deciding command; null when it gave none."),
    ("chaveiro_deviceReason", "The device's own words for why it did not, or not wholly; null when it gave none."),
    ("chaveiro_opens", "What the passcode opens: login:ACCOUNT, luks2:VOLUME, or screen."),
    (
        "chaveiro_verifiedDateTime",
        "When the device proved that the passcode opens all of that; null where a device cannot.",
    ),
    (
        "chaveiro_beforeRestoreDateTime",
        "The restore from an older backup since which nothing has confirmed this result; null when it is certain.",
    ),
    ("chaveiro_passcodeWithheld", "Why passcode is null although the action is done; null otherwise."),
    (
        "chaveiro_passcodeUncertain",
        "Whether the device gave the passcode in a way that leaves it open whether it opens the device.",
    ),
];

pub(super) const ID: Property = Property::new("id", Edm::String).or(Default::Text("")).read_only();
const CREATED: Property = Property::new("createdDateTime", Edm::DateTime).or(Default::Never).read_only();
const MODIFIED: Property = Property::new("lastModifiedDateTime", Edm::DateTime).or(Default::Never).read_only();

pub(super) const fn text(name: &'static str) -> Property {
    Property::new(name, Edm::String)
}

pub(super) const fn flag(name: &'static str) -> Property {
    Property::new(name, Edm::Boolean).or(Default::False)
}

pub(super) const fn number(name: &'static str) -> Property {
    Property::new(name, Edm::Int32).or(Default::Zero)
}

pub(super) const fn time(name: &'static str) -> Property {
    Property::new(name, Edm::DateTime).or(Default::Never)
}

pub(super) const fn member(name: &'static str, of: &'static EnumType, default: &'static str) -> Property {
    Property::new(name, Edm::Enum(of)).or(Default::Text(default))
}

pub(super) const fn texts(name: &'static str) -> Property {
    Property::new(name, Edm::Collection(&Edm::String)).or(Default::Empty)
}

const SCOPE_TAGS: Property = Property::new("roleScopeTagIds", Edm::Collection(&Edm::String)).or(Default::DefaultScope);
const RUN_AS: Property = member("runAsAccount", &RUN_AS_ACCOUNT_TYPE, "system");

const DEVICE_MANAGEMENT: &[Property] = &[ID];

const USER: &[Property] = &[
    ID,
    texts("businessPhones"),
    text("displayName"),
    text("givenName"),
    text("jobTitle"),
    text("mail"),
    text("mobilePhone"),
    text("officeLocation"),
    text("preferredLanguage"),
    text("surname"),
    text("userPrincipalName").required(),
    Property::new("accountEnabled", Edm::Boolean).on_select(),
    text("department").on_select(),
    text("userType").on_select(),
    text("usageLocation").on_select(),
    Property::new("createdDateTime", Edm::DateTime).read_only().on_select(),
    text("onPremisesImmutableId").on_select(),
    Property::new("onPremisesSyncEnabled", Edm::Boolean).on_select(),
    number("deviceEnrollmentLimit").on_select(),
];

const DETECTED_APP: &[Property] = &[
    ID,
    text("displayName").required(),
    text("version"),
    Property::new("sizeInByte", Edm::Int64).or(Default::Zero),
    number("deviceCount"),
    text("publisher"),
    member("platform", &DETECTED_APP_PLATFORM_TYPE, "unknown"),
];

const fn script_parameters(name: &'static str) -> Property {
    Property::new(name, Edm::Collection(&Edm::Complex(&DEVICE_HEALTH_SCRIPT_PARAMETER)))
        .or(Default::Empty)
        .not_kept("this server keeps scripts and their states, and runs none")
}

const HEALTH_SCRIPT: &[Property] = &[
    ID,
    text("publisher"),
    text("version"),
    text("displayName").required(),
    text("description"),
    Property::new("detectionScriptContent", Edm::Binary).single_only(),
    Property::new("remediationScriptContent", Edm::Binary).single_only(),
    CREATED,
    MODIFIED,
    RUN_AS,
    flag("enforceSignatureCheck"),
    flag("runAs32Bit"),
    SCOPE_TAGS,
    flag("isGlobalScript").read_only(),
    text("highestAvailableVersion").read_only(),
    member("deviceHealthScriptType", &DEVICE_HEALTH_SCRIPT_TYPE, "deviceHealthScript"),
    script_parameters("detectionScriptParameters"),
    script_parameters("remediationScriptParameters"),
];

const HEALTH_STATE: &[Property] = &[
    ID,
    member("detectionState", &RUN_STATE, "unknown"),
    time("lastStateUpdateDateTime"),
    Property::new("expectedStateUpdateDateTime", Edm::DateTime),
    time("lastSyncDateTime"),
    text("preRemediationDetectionScriptOutput"),
    text("preRemediationDetectionScriptError"),
    text("remediationScriptError"),
    text("postRemediationDetectionScriptOutput"),
    text("postRemediationDetectionScriptError"),
    member("remediationState", &REMEDIATION_STATE, "unknown"),
    texts("assignmentFilterIds"),
];

const MANAGEMENT_SCRIPT: &[Property] = &[
    ID,
    text("displayName").required(),
    text("description"),
    Property::new("scriptContent", Edm::Binary).single_only(),
    CREATED,
    MODIFIED,
    RUN_AS,
    flag("enforceSignatureCheck"),
    text("fileName"),
    SCOPE_TAGS,
    flag("runAs32Bit"),
];

const MANAGEMENT_STATE: &[Property] = &[
    ID,
    member("runState", &RUN_STATE, "unknown"),
    text("resultMessage"),
    time("lastStateUpdateDateTime"),
    number("errorCode"),
    text("errorDescription"),
];

const USER_STATE: &[Property] =
    &[ID, text("userPrincipalName"), number("successDeviceCount"), number("errorDeviceCount")];

const SHELL_SCRIPT: &[Property] = &[
    ID,
    Property::new("executionFrequency", Edm::Duration).or(Default::Text("PT0S")),
    number("retryCount"),
    flag("blockExecutionNotifications"),
    text("displayName").required(),
    text("description"),
    Property::new("scriptContent", Edm::Binary).single_only(),
    CREATED,
    MODIFIED,
    RUN_AS,
    text("fileName"),
    SCOPE_TAGS,
];

const CUSTOM_ATTRIBUTE_SHELL_SCRIPT: &[Property] = &[
    ID,
    text("displayName").required(),
    text("description"),
    Property::new("scriptContent", Edm::Binary).single_only(),
    CREATED,
    MODIFIED,
    RUN_AS,
    text("fileName"),
    SCOPE_TAGS,
];

const COMPLIANCE_SCRIPT: &[Property] = &[
    ID,
    text("publisher"),
    text("version"),
    text("displayName").required(),
    text("description"),
    Property::new("detectionScriptContent", Edm::Binary).single_only(),
    CREATED,
    MODIFIED,
    RUN_AS,
    flag("enforceSignatureCheck"),
    flag("runAs32Bit"),
    SCOPE_TAGS,
    member("platform", &COMPLIANCE_SCRIPT_PLATFORM, "windows10"),
];

/// Its values are published, its name and numbers are not; `$metadata` leaves the property out.
const COMPLIANCE_SCRIPT_PLATFORM: EnumType =
    EnumType { name: "", members: &[], unnumbered: &["windows10", "linux", "macOS"], beta_only: true };

const COMPLIANCE_STATE: &[Property] = &[
    ID,
    member("detectionState", &RUN_STATE, "unknown"),
    time("lastStateUpdateDateTime"),
    Property::new("expectedStateUpdateDateTime", Edm::DateTime),
    time("lastSyncDateTime"),
    text("scriptOutput"),
    text("scriptError"),
];

const fn entity(
    target: Target,
    name: &'static str,
    properties: &'static [Property],
    key: &'static str,
    beta_only: bool,
) -> EntityType {
    EntityType { target, name, properties, beta_only, key }
}

const fn resource(kind: Kind, name: &'static str, properties: &'static [Property], key: &'static str) -> EntityType {
    entity(Target::Resource(kind), name, properties, key, true)
}

/// Every entity type. The names of resources are those of [`Kind`]; a test compares them.
pub(super) const TYPES: &[EntityType] = &[
    entity(Target::DeviceManagement, "deviceManagement", DEVICE_MANAGEMENT, "", false),
    entity(Target::Device, "managedDevice", MANAGED_DEVICE, "managedDeviceId", false),
    entity(Target::Resource(Kind::User), "user", USER, "userId", false),
    entity(Target::Resource(Kind::DetectedApp), "detectedApp", DETECTED_APP, "detectedAppId", false),
    resource(Kind::DeviceHealthScript, "deviceHealthScript", HEALTH_SCRIPT, "deviceHealthScriptId"),
    resource(
        Kind::DeviceHealthScriptDeviceState,
        "deviceHealthScriptDeviceState",
        HEALTH_STATE,
        "deviceHealthScriptDeviceStateId",
    ),
    resource(Kind::DeviceManagementScript, "deviceManagementScript", MANAGEMENT_SCRIPT, "deviceManagementScriptId"),
    resource(
        Kind::DeviceManagementScriptDeviceState,
        "deviceManagementScriptDeviceState",
        MANAGEMENT_STATE,
        "deviceManagementScriptDeviceStateId",
    ),
    resource(Kind::DeviceComplianceScript, "deviceComplianceScript", COMPLIANCE_SCRIPT, "deviceComplianceScriptId"),
    resource(
        Kind::DeviceComplianceScriptDeviceState,
        "deviceComplianceScriptDeviceState",
        COMPLIANCE_STATE,
        "deviceComplianceScriptDeviceStateId",
    ),
    resource(Kind::DeviceShellScript, "deviceShellScript", SHELL_SCRIPT, "deviceShellScriptId"),
    resource(
        Kind::DeviceCustomAttributeShellScript,
        "deviceCustomAttributeShellScript",
        CUSTOM_ATTRIBUTE_SHELL_SCRIPT,
        "deviceCustomAttributeShellScriptId",
    ),
    resource(
        Kind::DeviceManagementScriptUserState,
        "deviceManagementScriptUserState",
        USER_STATE,
        "deviceManagementScriptUserStateId",
    ),
    audit::AUDIT_EVENT,
    remote_action::REMOTE_ACTION_AUDIT,
    hold::HOLD,
    application::APPLICATION,
    role::ROLE_DEFINITION,
    role::ROLE_ASSIGNMENT,
    around::DEVICE_CATEGORY,
    around::COMPLIANCE_POLICY_STATE,
    around::CONFIGURATION_STATE,
    around::LOG_COLLECTION_RESPONSE,
    around::WINDOWS_PROTECTION_STATE,
    around::FILTER_EVALUATION,
    around::APP_CONFIGURATION_STATE,
    around::BASELINE_STATE,
];

/// Entity types of Graph that derive from one of these and add nothing: name, what they derive from, whether only beta has
/// them. `$metadata` declares them, and a body may say that it is one; what is served says the type it derives from.
pub const DERIVED_ENTITIES: &[(&str, Target, bool)] = &[("windowsManagedDevice", Target::Device, true)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_resources_have_the_names_of_their_kinds() {
        for entity in TYPES {
            if let Target::Resource(kind) = entity.target {
                assert_eq!(entity.name, kind.name());
            }
        }
    }
}
