//! What Graph can do to a `managedDevice` and this server cannot: names that are told from unknown ones, so that a
//! caller learns that the path is right and the server the wrong one. They are in no generated document.

/// To what an operation is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// To one device.
    Device,
    /// To a collection of devices.
    Devices,
}

/// The operation of that name, without namespace and parameters, compared without case: as Graph spells it.
pub fn known(bound: Bound, name: &str) -> Option<&'static str> {
    let names = match bound {
        Bound::Device => ON_A_DEVICE,
        Bound::Devices => ON_DEVICES,
    };
    names.iter().copied().find(|known| known.eq_ignore_ascii_case(name))
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
    use chaveiro_core::action::ACTIONS;

    use super::*;

    #[test]
    fn what_is_offered_is_not_also_said_to_be_missing() {
        for action in ACTIONS {
            assert_eq!(known(Bound::Device, action.name), None);
        }
        assert_eq!(known(Bound::Device, "REBOOTNOW"), Some("rebootNow"));
        assert_eq!(known(Bound::Devices, "rebootNow"), None);
    }
}
