//! Scripts and their run states: kinds of one shape. This server keeps scripts and their states, and runs none.

use chaveiro_core::permission::Permission as P;
use chaveiro_core::role::RoleAction;

use super::device_management::DEVICE_MANAGEMENT;
use crate::model::properties::{CREATED, ID, MODIFIED, flag, member, number, text, texts, time};
use crate::model::{
    Access, DEVICE_HEALTH_SCRIPT_PARAMETER, DEVICE_HEALTH_SCRIPT_TYPE, Default, Edge, Edm, EntityType, EnumType,
    Property, REMEDIATION_STATE, RUN_AS_ACCOUNT_TYPE, RUN_STATE, RoleActions,
};

const SCOPE_TAGS: Property = Property::new("roleScopeTagIds", Edm::Collection(&Edm::String)).or(Default::DefaultScope);
const RUN_AS: Property = member("runAsAccount", &RUN_AS_ACCOUNT_TYPE, "system");

const fn script_parameters(name: &'static str) -> Property {
    Property::new(name, Edm::Collection(&Edm::Complex(&DEVICE_HEALTH_SCRIPT_PARAMETER)))
        .or(Default::Empty)
        .not_kept("this server keeps scripts and their states, and runs none")
}

const HEALTH_SCRIPT_PROPERTIES: &[Property] = &[
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

const HEALTH_STATE_PROPERTIES: &[Property] = &[
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

const MANAGEMENT_SCRIPT_PROPERTIES: &[Property] = &[
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

const MANAGEMENT_STATE_PROPERTIES: &[Property] = &[
    ID,
    member("runState", &RUN_STATE, "unknown"),
    text("resultMessage"),
    time("lastStateUpdateDateTime"),
    number("errorCode"),
    text("errorDescription"),
];

const USER_STATE_PROPERTIES: &[Property] =
    &[ID, text("userPrincipalName"), number("successDeviceCount"), number("errorDeviceCount")];

const SHELL_SCRIPT_PROPERTIES: &[Property] = &[
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

const ATTRIBUTE_SCRIPT_PROPERTIES: &[Property] = &[
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

const COMPLIANCE_SCRIPT_PROPERTIES: &[Property] = &[
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

/// An enum whose values are published, and whose name and numbers are not: `$metadata` leaves the property out.
const COMPLIANCE_SCRIPT_PLATFORM: EnumType =
    EnumType { name: "", members: &[], unnumbered: &["windows10", "linux", "macOS"], beta_only: true };

const COMPLIANCE_STATE_PROPERTIES: &[Property] = &[
    ID,
    member("detectionState", &RUN_STATE, "unknown"),
    time("lastStateUpdateDateTime"),
    Property::new("expectedStateUpdateDateTime", Edm::DateTime),
    time("lastSyncDateTime"),
    text("scriptOutput"),
    text("scriptError"),
];

pub(super) const READ_SCRIPTS: &[P] = &[
    P::ScriptsReadAll,
    P::ScriptsReadWriteAll,
    P::ConfigurationReadAll,
    P::ConfigurationReadWriteAll,
    P::ManagedDevicesReadAll,
    P::ManagedDevicesReadWriteAll,
];
const WRITE_SCRIPTS: &[P] = &[P::ScriptsReadWriteAll, P::ConfigurationReadWriteAll, P::ManagedDevicesReadWriteAll];

/// A collection that callers fill.
const fn owned(from: &'static EntityType, name: &'static str, to: &'static EntityType) -> Edge {
    let edge = Edge::many(from, name, to);
    Edge { access: Access::Owned, beta_only: true, read: READ_SCRIPTS, write: WRITE_SCRIPTS, ..edge }
}

const fn root(name: &'static str, to: &'static EntityType) -> Edge {
    owned(&DEVICE_MANAGEMENT, name, to)
}

const fn run_states(of: &'static EntityType, to: &'static EntityType) -> Edge {
    owned(of, "deviceRunStates", to)
}

const fn user_states(of: &'static EntityType) -> Edge {
    owned(of, "userRunStates", &USER_STATE)
}

/// A script or a state with its edges, and what Intune hangs on a script beside them.
const fn script(
    name: &'static str,
    about: &'static str,
    properties: &'static [Property],
    key: &'static str,
    edges: &'static [Edge],
    not_offered: &'static [&'static str],
) -> EntityType {
    EntityType {
        about,
        beta_only: true,
        role: RoleActions::new(RoleAction::ScriptsRead, RoleAction::ScriptsWrite),
        has_tag: true,
        edges,
        not_offered,
        ..EntityType::new(name, properties, key)
    }
}

const ASSIGNED: &[&str] = &["assignments", "runSummary", "assign"];
const ASSIGNED_TO_GROUPS: &[&str] = &["groupAssignments", "assignments", "runSummary", "assign"];

pub(super) static HEALTH_SCRIPT: EntityType = script(
    "deviceHealthScript",
    "A script that detects and remediates a problem. The server keeps it with the results that callers report, and runs nothing.",
    HEALTH_SCRIPT_PROPERTIES,
    "deviceHealthScriptId",
    &[root("deviceHealthScripts", &HEALTH_SCRIPT), run_states(&HEALTH_SCRIPT, &HEALTH_STATE)],
    ASSIGNED,
);

pub(super) static HEALTH_STATE: EntityType = script(
    "deviceHealthScriptDeviceState",
    "The last result of a remediation script on one device, which `managedDevice@odata.bind` names when it is created.",
    HEALTH_STATE_PROPERTIES,
    "deviceHealthScriptDeviceStateId",
    &[],
    &[],
);

pub(super) static MANAGEMENT_SCRIPT: EntityType = script(
    "deviceManagementScript",
    "A PowerShell script for Windows. The server keeps it with the results that callers report, and runs nothing.",
    MANAGEMENT_SCRIPT_PROPERTIES,
    "deviceManagementScriptId",
    &[
        root("deviceManagementScripts", &MANAGEMENT_SCRIPT),
        run_states(&MANAGEMENT_SCRIPT, &MANAGEMENT_STATE),
        user_states(&MANAGEMENT_SCRIPT),
    ],
    ASSIGNED_TO_GROUPS,
);

pub(super) static MANAGEMENT_STATE: EntityType = script(
    "deviceManagementScriptDeviceState",
    "The last result of a script on one device, which `managedDevice@odata.bind` names when it is created.",
    MANAGEMENT_STATE_PROPERTIES,
    "deviceManagementScriptDeviceStateId",
    &[],
    &[],
);

pub(super) static COMPLIANCE_SCRIPT: EntityType = script(
    "deviceComplianceScript",
    "A script that detects whether a device complies. The server keeps it with the results that callers report, and runs nothing.",
    COMPLIANCE_SCRIPT_PROPERTIES,
    "deviceComplianceScriptId",
    &[root("deviceComplianceScripts", &COMPLIANCE_SCRIPT), run_states(&COMPLIANCE_SCRIPT, &COMPLIANCE_STATE)],
    ASSIGNED,
);

pub(super) static COMPLIANCE_STATE: EntityType = script(
    "deviceComplianceScriptDeviceState",
    "The last result of a compliance script on one device, which `managedDevice@odata.bind` names when it is created.",
    COMPLIANCE_STATE_PROPERTIES,
    "deviceComplianceScriptDeviceStateId",
    &[],
    &[],
);

pub(super) static SHELL_SCRIPT: EntityType = script(
    "deviceShellScript",
    "A shell script for macOS. The server keeps it with the results that callers report, and runs nothing.",
    SHELL_SCRIPT_PROPERTIES,
    "deviceShellScriptId",
    &[
        root("deviceShellScripts", &SHELL_SCRIPT),
        run_states(&SHELL_SCRIPT, &MANAGEMENT_STATE),
        user_states(&SHELL_SCRIPT),
    ],
    ASSIGNED_TO_GROUPS,
);

pub(super) static ATTRIBUTE_SCRIPT: EntityType = script(
    "deviceCustomAttributeShellScript",
    "A shell script whose output is an attribute of a device. The server keeps it with the results that callers report, and runs nothing.",
    ATTRIBUTE_SCRIPT_PROPERTIES,
    "deviceCustomAttributeShellScriptId",
    &[
        root("deviceCustomAttributeShellScripts", &ATTRIBUTE_SCRIPT),
        run_states(&ATTRIBUTE_SCRIPT, &MANAGEMENT_STATE),
        user_states(&ATTRIBUTE_SCRIPT),
    ],
    ASSIGNED_TO_GROUPS,
);

pub(super) static USER_STATE: EntityType = script(
    "deviceManagementScriptUserState",
    "The results of a script for one user: on how many devices it succeeded and failed.",
    USER_STATE_PROPERTIES,
    "deviceManagementScriptUserStateId",
    &[run_states(&USER_STATE, &MANAGEMENT_STATE)],
    &[],
);
