//! The navigation edges, in the words of the Graph reference. A walk through them that ends on a
//! `managedDevice` can be followed by any remote action.
//!
//! Permissions are those of the Graph permission list, least privileged first.

use chaveiro_core::permission::Permission as P;
use chaveiro_core::resource::ResourceKind as Kind;

use super::{Access, Edge, Follow, Target};

const DEVICE: Target = Target::Device;
const DEVICE_MANAGEMENT: Target = Target::DeviceManagement;
const USER: Target = Target::Resource(Kind::User);
const DETECTED_APP: Target = Target::Resource(Kind::DetectedApp);
const HEALTH_SCRIPT: Target = Target::Resource(Kind::DeviceHealthScript);
const HEALTH_STATE: Target = Target::Resource(Kind::DeviceHealthScriptDeviceState);
const MANAGEMENT_SCRIPT: Target = Target::Resource(Kind::DeviceManagementScript);
const MANAGEMENT_STATE: Target = Target::Resource(Kind::DeviceManagementScriptDeviceState);
const COMPLIANCE_SCRIPT: Target = Target::Resource(Kind::DeviceComplianceScript);
const SHELL_SCRIPT: Target = Target::Resource(Kind::DeviceShellScript);
const ATTRIBUTE_SCRIPT: Target = Target::Resource(Kind::DeviceCustomAttributeShellScript);
const USER_STATE: Target = Target::Resource(Kind::DeviceManagementScriptUserState);
const COMPLIANCE_STATE: Target = Target::Resource(Kind::DeviceComplianceScriptDeviceState);

const READ_DEVICES: &[P] =
    &[P::ManagedDevicesReadAll, P::ManagedDevicesReadWriteAll, P::ConfigurationReadAll, P::ConfigurationReadWriteAll];
const WRITE_DEVICES: &[P] = &[P::ManagedDevicesReadWriteAll, P::ConfigurationReadWriteAll];
const READ_SCRIPTS: &[P] = &[
    P::ScriptsReadAll,
    P::ScriptsReadWriteAll,
    P::ConfigurationReadAll,
    P::ConfigurationReadWriteAll,
    P::ManagedDevicesReadAll,
    P::ManagedDevicesReadWriteAll,
];
const WRITE_SCRIPTS: &[P] = &[P::ScriptsReadWriteAll, P::ConfigurationReadWriteAll, P::ManagedDevicesReadWriteAll];
const READ_AUDIT: &[P] = &[P::AppsReadAll, P::AppsReadWriteAll];
/// As the remote actions that a hold counted; and whoever may release one may look at it.
const READ_HOLDS: &[P] = &[P::ManagedDevicesReadAll, P::ManagedDevicesReadWriteAll, P::PrivilegedOperationsAll];
const READ_APPLICATIONS: &[P] = &[P::ApplicationReadAll, P::ApplicationReadWriteAll];
const WRITE_APPLICATIONS: &[P] = &[P::ApplicationReadWriteAll];
const READ_ROLES: &[P] = &[P::RbacReadAll, P::RbacReadWriteAll];
const WRITE_ROLES: &[P] = &[P::RbacReadWriteAll];
const READ_USERS: &[P] = &[P::UserReadAll, P::UserReadWriteAll];
const WRITE_USERS: &[P] = &[P::UserReadWriteAll];
const READ_LINKED_USERS: &[P] =
    &[P::UserReadAll, P::UserReadWriteAll, P::ManagedDevicesReadAll, P::ManagedDevicesReadWriteAll];

const fn many(from: Target, name: &'static str, to: Target, follow: Follow) -> Edge {
    Edge {
        from,
        name,
        to,
        many: true,
        follow,
        beta_only: false,
        contained: true,
        access: Access::ReadOnly,
        read: READ_DEVICES,
        write: WRITE_DEVICES,
    }
}

const fn scripts(name: &'static str, kind: Kind) -> Edge {
    let access = Access::Owned;
    let to = Target::Resource(kind);
    let edge = many(DEVICE_MANAGEMENT, name, to, Follow::Resources(kind));
    Edge { access, beta_only: true, read: READ_SCRIPTS, write: WRITE_SCRIPTS, ..edge }
}

const fn run_states(script: Target, kind: Kind) -> Edge {
    let access = Access::Owned;
    let edge = many(script, "deviceRunStates", Target::Resource(kind), Follow::RunStates(kind));
    Edge { access, beta_only: true, read: READ_SCRIPTS, write: WRITE_SCRIPTS, ..edge }
}

const fn user_states(script: Target) -> Edge {
    let kind = Kind::DeviceManagementScriptUserState;
    Edge { name: "userRunStates", ..run_states(script, kind) }
}

/// What Graph has on a device and this server never holds.
const fn nothing(name: &'static str, of: &'static str) -> Edge {
    many(DEVICE, name, Target::Unkept(of), Follow::Nothing)
}

const fn nothing_beta(name: &'static str, of: &'static str) -> Edge {
    Edge { beta_only: true, ..nothing(name, of) }
}

const fn roles(name: &'static str, to: Target, follow: Follow) -> Edge {
    Edge { read: READ_ROLES, write: WRITE_ROLES, ..many(DEVICE_MANAGEMENT, name, to, follow) }
}

const fn device_of(run_state: Target) -> Edge {
    let edge = many(run_state, "managedDevice", DEVICE, Follow::DeviceOfRunState);
    Edge { many: false, contained: false, beta_only: true, ..edge }
}

/// The edges.
pub(super) const EDGES: &[Edge] = &[
    // Roots.
    Edge {
        many: false,
        contained: false,
        ..many(Target::Service, "deviceManagement", DEVICE_MANAGEMENT, Follow::Singleton)
    },
    Edge {
        access: Access::Owned,
        contained: false,
        read: READ_USERS,
        write: WRITE_USERS,
        ..many(Target::Service, "users", USER, Follow::Resources(Kind::User))
    },
    Edge {
        many: false,
        contained: false,
        read: READ_USERS,
        write: WRITE_USERS,
        ..many(Target::Service, "me", USER, Follow::Me)
    },
    Edge {
        access: Access::Owned,
        contained: false,
        read: READ_APPLICATIONS,
        write: WRITE_APPLICATIONS,
        ..many(Target::Service, "applications", Target::Application, Follow::Applications)
    },
    // deviceManagement.
    Edge { access: Access::Device, ..many(DEVICE_MANAGEMENT, "managedDevices", DEVICE, Follow::Devices) },
    Edge {
        access: Access::Device,
        beta_only: true,
        ..many(DEVICE_MANAGEMENT, "comanagedDevices", DEVICE, Follow::ComanagedDevices)
    },
    Edge {
        access: Access::Owned,
        ..many(DEVICE_MANAGEMENT, "detectedApps", DETECTED_APP, Follow::Resources(Kind::DetectedApp))
    },
    scripts("deviceHealthScripts", Kind::DeviceHealthScript),
    scripts("deviceManagementScripts", Kind::DeviceManagementScript),
    scripts("deviceComplianceScripts", Kind::DeviceComplianceScript),
    scripts("deviceShellScripts", Kind::DeviceShellScript),
    scripts("deviceCustomAttributeShellScripts", Kind::DeviceCustomAttributeShellScript),
    Edge {
        read: READ_AUDIT,
        write: &[],
        ..many(DEVICE_MANAGEMENT, "auditEvents", Target::AuditEvent, Follow::AuditEvents)
    },
    Edge {
        beta_only: true,
        write: &[],
        ..many(DEVICE_MANAGEMENT, "remoteActionAudits", Target::RemoteAction, Follow::RemoteActions)
    },
    Edge {
        beta_only: true,
        read: READ_HOLDS,
        write: &[],
        ..many(DEVICE_MANAGEMENT, "chaveiroHolds", Target::Hold, Follow::Holds)
    },
    roles("roleDefinitions", Target::RoleDefinition, Follow::RoleDefinitions),
    Edge { access: Access::Owned, ..roles("roleAssignments", Target::RoleAssignment, Follow::RoleAssignments) },
    // An assignment is made in one place. Roles are built in and live nowhere else.
    Edge {
        from: Target::RoleDefinition,
        ..roles("roleAssignments", Target::RoleAssignment, Follow::AssignmentsOfRole)
    },
    Edge {
        from: Target::RoleAssignment,
        many: false,
        contained: false,
        ..roles("roleDefinition", Target::RoleDefinition, Follow::RoleOfAssignment)
    },
    // Scripts and their run states.
    run_states(HEALTH_SCRIPT, Kind::DeviceHealthScriptDeviceState),
    run_states(MANAGEMENT_SCRIPT, Kind::DeviceManagementScriptDeviceState),
    run_states(COMPLIANCE_SCRIPT, Kind::DeviceComplianceScriptDeviceState),
    run_states(SHELL_SCRIPT, Kind::DeviceManagementScriptDeviceState),
    run_states(ATTRIBUTE_SCRIPT, Kind::DeviceManagementScriptDeviceState),
    run_states(USER_STATE, Kind::DeviceManagementScriptDeviceState),
    user_states(MANAGEMENT_SCRIPT),
    user_states(SHELL_SCRIPT),
    user_states(ATTRIBUTE_SCRIPT),
    device_of(HEALTH_STATE),
    device_of(MANAGEMENT_STATE),
    device_of(COMPLIANCE_STATE),
    // Around a device, and back.
    Edge {
        access: Access::Linked,
        contained: false,
        read: READ_LINKED_USERS,
        ..many(DEVICE, "users", USER, Follow::LinkedToDevice(Kind::User))
    },
    Edge {
        access: Access::Linked,
        contained: false,
        beta_only: true,
        ..many(DEVICE, "detectedApps", DETECTED_APP, Follow::LinkedToDevice(Kind::DetectedApp))
    },
    Edge { many: false, ..nothing("deviceCategory", "deviceCategory") },
    nothing("deviceCompliancePolicyStates", "deviceCompliancePolicyState"),
    nothing("deviceConfigurationStates", "deviceConfigurationState"),
    nothing("logCollectionRequests", "deviceLogCollectionResponse"),
    Edge { many: false, ..nothing("windowsProtectionState", "windowsProtectionState") },
    nothing_beta("assignmentFilterEvaluationStatusDetails", "assignmentFilterEvaluationStatusDetails"),
    nothing_beta("managedDeviceMobileAppConfigurationStates", "managedDeviceMobileAppConfigurationState"),
    nothing_beta("securityBaselineStates", "securityBaselineState"),
    Edge {
        beta_only: true,
        read: READ_SCRIPTS,
        ..many(
            DEVICE,
            "deviceHealthScriptStates",
            HEALTH_STATE,
            Follow::RunStatesOfDevice(Kind::DeviceHealthScriptDeviceState),
        )
    },
    Edge { access: Access::Device, ..many(USER, "managedDevices", DEVICE, Follow::DevicesOfUser) },
    Edge {
        access: Access::Linked,
        contained: false,
        ..many(DETECTED_APP, "managedDevices", DEVICE, Follow::DevicesWithApp)
    },
];
