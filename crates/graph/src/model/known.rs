//! What Graph can do to a `managedDevice`, and has on scripts and users, and this server does not: names that are told from unknown ones, so that a
//! caller learns that the path is right and the server the wrong one. They are in no generated document.

use chaveiro_core::actions::ACTIONS;
use chaveiro_core::resource::ResourceKind as Kind;

use super::Target;

/// Where something is that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// On one entity.
    Entity(Target),
    /// On a collection of devices.
    Devices,
}

/// What has that name there, without namespace and parameters, compared without case: as Graph spells it. A remote action
/// that this server offers is none of them.
pub fn known(bound: Bound, name: &str) -> Option<&'static str> {
    let names = match bound {
        Bound::Devices => ON_DEVICES,
        Bound::Entity(Target::Device) => ON_A_DEVICE,
        Bound::Entity(Target::Resource(kind)) => on_a_resource(kind),
        Bound::Entity(
            Target::Service
            | Target::DeviceManagement
            | Target::AuditEvent
            | Target::RemoteAction
            | Target::Hold
            | Target::Application
            | Target::RoleDefinition
            | Target::RoleAssignment
            | Target::Unkept(_),
        ) => &[],
    };
    let offered =
        |name: &str| bound == Bound::Entity(Target::Device) && ACTIONS.iter().any(|action| action.name == name);
    names.iter().copied().find(|known| known.eq_ignore_ascii_case(name) && !offered(known))
}

/// What Intune hangs on its scripts and on users: to whom a script is assigned, sums of its runs, what else it manages for a
/// person.
fn on_a_resource(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::User => &[
            "managedAppRegistrations",
            "deviceManagementTroubleshootingEvents",
            "deviceEnrollmentConfigurations",
            "devices",
            "windowsInformationProtectionDeviceRegistrations",
        ],
        Kind::DeviceHealthScript | Kind::DeviceComplianceScript => &["assignments", "runSummary", "assign"],
        Kind::DeviceManagementScript | Kind::DeviceShellScript | Kind::DeviceCustomAttributeShellScript => {
            &["groupAssignments", "assignments", "runSummary", "assign"]
        }
        Kind::DetectedApp
        | Kind::DeviceHealthScriptDeviceState
        | Kind::DeviceManagementScriptDeviceState
        | Kind::DeviceComplianceScriptDeviceState
        | Kind::DeviceManagementScriptUserState => &[],
    }
}

/// Those of v1.0, then those that beta adds, then functions.
const ON_A_DEVICE: &[&str] = &[
    "bypassActivationLock",
    "cleanWindowsDevice",
    "deleteUserFromSharedAppleDevice",
    "disableLostMode",
    "locateDevice",
    "logoutSharedAppleDeviceActiveUser",
    "rebootNow",
    "remoteLock",
    "requestRemoteAssistance",
    "resetPasscode",
    "retire",
    "shutDown",
    "syncDevice",
    "updateWindowsDeviceAccount",
    "windowsDefenderScan",
    "windowsDefenderUpdateSignatures",
    "wipe",
    "activateDeviceEsim",
    "changeAssignments",
    "createDeviceLogCollectionRequest",
    "deprovision",
    "disable",
    "enableLostMode",
    "enrollNowAction",
    "initiateDeviceAttestation",
    "initiateMobileDeviceManagementKeyRecovery",
    "initiateOnDemandProactiveRemediation",
    "overrideComplianceState",
    "pauseConfigurationRefresh",
    "playLostModeSound",
    "reenable",
    "removeDeviceEsim",
    "removeDeviceFirmwareConfigurationInterfaceManagement",
    "restoreManagedHomeScreen",
    "revokeAppleVppLicenses",
    "rotateBitLockerKeys",
    "rotateFileVaultKey",
    "rotateLocalAdminPassword",
    "rotateRecoveryLockPasscode",
    "sendCustomNotificationToCompanyPortal",
    "setDeviceName",
    "suspendManagedHomeScreen",
    "triggerConfigurationManagerAction",
    "getFileVaultKey",
    "getNonCompliantSettings",
    "getSyncStatus",
    "retrieveDeviceLocalAdminAccountDetail",
    "retrieveMacOSManagedDeviceLocalAdminAccountDetail",
    "retrieveRecoveryLockPasscode",
];

const ON_DEVICES: &[&str] = &[
    "executeAction",
    "moveDevicesToOU",
    "bulkReprovisionCloudPc",
    "downloadAppDiagnostics",
    "downloadPowerliftAppDiagnostic",
    "appDiagnostics",
    "retrievePowerliftAppDiagnosticsDetails",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MODEL;

    #[test]
    fn what_is_offered_is_not_also_said_to_be_missing() {
        for action in ACTIONS {
            assert_eq!(known(Bound::Entity(Target::Device), action.name), None);
        }
        for at in MODEL.types.iter().map(|entity| entity.target) {
            for edge in MODEL.edges_from(at) {
                assert_eq!(known(Bound::Entity(at), edge.name), None, "{at:?}");
            }
        }
        assert_eq!(known(Bound::Entity(Target::Device), "REBOOTNOW"), Some("rebootNow"));
        assert_eq!(known(Bound::Devices, "rebootNow"), None);
    }
}
