//! The enum types of the model, members as in the public metadata.

use super::EnumType;

/// `actionState`.
pub const ACTION_STATE: EnumType = EnumType {
    name: "actionState",
    members: &[
        ("none", 0),
        ("pending", 1),
        ("canceled", 2),
        ("active", 3),
        ("done", 4),
        ("failed", 5),
        ("notSupported", 6),
    ],
    unnumbered: &[],
    beta_only: false,
};
/// `complianceState`.
pub const COMPLIANCE_STATE: EnumType = EnumType {
    name: "complianceState",
    members: &[
        ("unknown", 0),
        ("compliant", 1),
        ("noncompliant", 2),
        ("conflict", 3),
        ("error", 4),
        ("inGracePeriod", 254),
        ("configManager", 255),
    ],
    unnumbered: &[],
    beta_only: false,
};
/// `managementAgentType`.
pub const MANAGEMENT_AGENT_TYPE: EnumType = EnumType {
    name: "managementAgentType",
    members: &[
        ("eas", 1),
        ("mdm", 2),
        ("easMdm", 3),
        ("intuneClient", 4),
        ("easIntuneClient", 5),
        ("configurationManagerClient", 8),
        ("configurationManagerClientMdm", 10),
        ("configurationManagerClientMdmEas", 11),
        ("unknown", 16),
        ("jamf", 32),
        ("googleCloudDevicePolicyController", 64),
        ("microsoft365ManagedMdm", 258),
        ("windowsManagementCloudApi", 512),
        ("msSense", 1024),
        ("intuneAosp", 2048),
    ],
    unnumbered: &["google", "unknownFutureValue"],
    beta_only: false,
};
/// `managementState`.
pub const MANAGEMENT_STATE: EnumType = EnumType {
    name: "managementState",
    members: &[
        ("managed", 0),
        ("retirePending", 1),
        ("retireFailed", 2),
        ("wipePending", 3),
        ("wipeFailed", 4),
        ("unhealthy", 5),
        ("deletePending", 6),
        ("retireIssued", 7),
        ("wipeIssued", 8),
        ("wipeCanceled", 9),
        ("retireCanceled", 10),
        ("discovered", 11),
        ("unknownFutureValue", 12),
    ],
    unnumbered: &[],
    beta_only: false,
};
/// `chaveiro_managementState`: the state in our own words. Unnumbered, so that `$metadata` leaves it out.
pub const MANAGEMENT_WORD: EnumType = EnumType {
    name: "chaveiroManagementState",
    members: &[],
    unnumbered: &["managed", "retired", "unenrolled"],
    beta_only: true,
};
/// `managedDeviceOwnerType`.
pub const MANAGED_DEVICE_OWNER_TYPE: EnumType = EnumType {
    name: "managedDeviceOwnerType",
    members: &[("unknown", 0), ("company", 1), ("personal", 2), ("unknownFutureValue", 3)],
    unnumbered: &[],
    beta_only: false,
};
/// `ownerType`.
pub const OWNER_TYPE: EnumType = EnumType {
    name: "ownerType",
    members: &[("unknown", 0), ("company", 1), ("personal", 2)],
    unnumbered: &[],
    beta_only: true,
};
/// `deviceEnrollmentType`.
pub const DEVICE_ENROLLMENT_TYPE: EnumType = EnumType {
    name: "deviceEnrollmentType",
    members: &[
        ("unknown", 0),
        ("userEnrollment", 1),
        ("deviceEnrollmentManager", 2),
        ("appleBulkWithUser", 3),
        ("appleBulkWithoutUser", 4),
        ("windowsAzureADJoin", 5),
        ("windowsBulkUserless", 6),
        ("windowsAutoEnrollment", 7),
        ("windowsBulkAzureDomainJoin", 8),
        ("windowsCoManagement", 9),
        ("windowsAzureADJoinUsingDeviceAuth", 10),
        ("appleUserEnrollment", 11),
        ("appleUserEnrollmentWithServiceAccount", 12),
        ("unknownFutureValue", 26),
        ("azureAdJoinUsingAzureVmExtension", 14),
        ("androidEnterpriseDedicatedDevice", 15),
        ("androidEnterpriseFullyManaged", 16),
        ("androidEnterpriseCorporateWorkProfile", 17),
    ],
    unnumbered: &[
        "androidAOSPUserOwnedDeviceEnrollment",
        "androidAOSPUserlessDeviceEnrollment",
        "appleAccountDrivenUserEnrollment",
    ],
    beta_only: false,
};
/// `deviceRegistrationState`.
pub const DEVICE_REGISTRATION_STATE: EnumType = EnumType {
    name: "deviceRegistrationState",
    members: &[
        ("notRegistered", 0),
        ("registered", 2),
        ("revoked", 3),
        ("keyConflict", 4),
        ("approvalPending", 5),
        ("certificateReset", 6),
        ("notRegisteredPendingEnrollment", 7),
        ("unknown", 8),
    ],
    unnumbered: &[],
    beta_only: false,
};
/// `deviceManagementExchangeAccessState`.
pub const DEVICE_MANAGEMENT_EXCHANGE_ACCESS_STATE: EnumType = EnumType {
    name: "deviceManagementExchangeAccessState",
    members: &[("none", 0), ("unknown", 1), ("allowed", 2), ("blocked", 3), ("quarantined", 4)],
    unnumbered: &[],
    beta_only: false,
};
/// `deviceManagementExchangeAccessStateReason`.
pub const DEVICE_MANAGEMENT_EXCHANGE_ACCESS_STATE_REASON: EnumType = EnumType {
    name: "deviceManagementExchangeAccessStateReason",
    members: &[
        ("none", 0),
        ("unknown", 1),
        ("exchangeGlobalRule", 2),
        ("exchangeIndividualRule", 3),
        ("exchangeDeviceRule", 4),
        ("exchangeUpgrade", 5),
        ("exchangeMailboxPolicy", 6),
        ("other", 7),
        ("compliant", 8),
        ("notCompliant", 9),
        ("notEnrolled", 10),
        ("unknownLocation", 12),
        ("mfaRequired", 13),
        ("azureADBlockDueToAccessPolicy", 14),
        ("compromisedPassword", 15),
        ("deviceNotKnownWithManagedApp", 16),
    ],
    unnumbered: &[],
    beta_only: false,
};
/// `managedDevicePartnerReportedHealthState`.
pub const MANAGED_DEVICE_PARTNER_REPORTED_HEALTH_STATE: EnumType = EnumType {
    name: "managedDevicePartnerReportedHealthState",
    members: &[
        ("unknown", 0),
        ("activated", 1),
        ("deactivated", 2),
        ("secured", 3),
        ("lowSeverity", 4),
        ("mediumSeverity", 5),
        ("highSeverity", 6),
        ("unresponsive", 7),
        ("compromised", 8),
        ("misconfigured", 9),
    ],
    unnumbered: &[],
    beta_only: false,
};
/// `lostModeState`.
pub const LOST_MODE_STATE: EnumType =
    EnumType { name: "lostModeState", members: &[("disabled", 0), ("enabled", 1)], unnumbered: &[], beta_only: true };
/// `joinType`.
pub const JOIN_TYPE: EnumType = EnumType {
    name: "joinType",
    members: &[("unknown", 0), ("azureADJoined", 1), ("azureADRegistered", 2), ("hybridAzureADJoined", 3)],
    unnumbered: &[],
    beta_only: true,
};
/// `chassisType`.
pub const CHASSIS_TYPE: EnumType = EnumType {
    name: "chassisType",
    members: &[
        ("unknown", 0),
        ("desktop", 1),
        ("laptop", 2),
        ("worksWorkstation", 3),
        ("enterpriseServer", 4),
        ("phone", 100),
        ("tablet", 101),
        ("mobileOther", 102),
        ("mobileUnknown", 103),
    ],
    unnumbered: &[],
    beta_only: true,
};
/// `deviceType`.
pub const DEVICE_TYPE: EnumType = EnumType {
    name: "deviceType",
    members: &[
        ("desktop", 0),
        ("windowsRT", 1),
        ("winMO6", 2),
        ("nokia", 3),
        ("windowsPhone", 4),
        ("mac", 5),
        ("winCE", 6),
        ("winEmbedded", 7),
        ("iPhone", 8),
        ("iPad", 9),
        ("iPod", 10),
        ("android", 11),
        ("iSocConsumer", 12),
        ("unix", 13),
        ("macMDM", 14),
        ("holoLens", 15),
        ("surfaceHub", 16),
        ("androidForWork", 17),
        ("androidEnterprise", 18),
        ("windows10x", 19),
        ("androidnGMS", 20),
        ("chromeOS", 21),
        ("linux", 22),
        ("blackberry", 100),
        ("palm", 101),
        ("unknown", 255),
        ("cloudPC", 257),
    ],
    unnumbered: &["visionOS", "tvOS"],
    beta_only: true,
};
/// `managedDeviceArchitecture`.
pub const MANAGED_DEVICE_ARCHITECTURE: EnumType = EnumType {
    name: "managedDeviceArchitecture",
    members: &[("unknown", 0), ("x86", 1), ("x64", 2), ("arm", 3), ("arM64", 4)],
    unnumbered: &[],
    beta_only: true,
};
/// `managedDeviceManagementFeatures`.
pub const MANAGED_DEVICE_MANAGEMENT_FEATURES: EnumType = EnumType {
    name: "managedDeviceManagementFeatures",
    members: &[("none", 0), ("microsoftManagedDesktop", 1)],
    unnumbered: &[],
    beta_only: true,
};
/// `runState`.
pub const RUN_STATE: EnumType = EnumType {
    name: "runState",
    members: &[("unknown", 0), ("success", 1), ("fail", 2), ("scriptError", 3), ("pending", 4), ("notApplicable", 5)],
    unnumbered: &[],
    beta_only: true,
};
/// `remediationState`.
pub const REMEDIATION_STATE: EnumType = EnumType {
    name: "remediationState",
    members: &[
        ("unknown", 0),
        ("skipped", 1),
        ("success", 2),
        ("remediationFailed", 3),
        ("scriptError", 4),
        ("unknownFutureValue", 5),
    ],
    unnumbered: &[],
    beta_only: true,
};
/// `runAsAccountType`.
pub const RUN_AS_ACCOUNT_TYPE: EnumType =
    EnumType { name: "runAsAccountType", members: &[("system", 0), ("user", 1)], unnumbered: &[], beta_only: true };
/// `deviceHealthScriptType`.
pub const DEVICE_HEALTH_SCRIPT_TYPE: EnumType = EnumType {
    name: "deviceHealthScriptType",
    members: &[("deviceHealthScript", 0), ("managedInstallerScript", 1)],
    unnumbered: &[],
    beta_only: true,
};
/// `detectedAppPlatformType`.
pub const DETECTED_APP_PLATFORM_TYPE: EnumType = EnumType {
    name: "detectedAppPlatformType",
    members: &[
        ("unknown", 0),
        ("windows", 1),
        ("windowsMobile", 2),
        ("windowsHolographic", 3),
        ("ios", 4),
        ("macOS", 5),
        ("chromeOS", 6),
        ("androidOSP", 7),
        ("androidDeviceAdministrator", 8),
        ("androidWorkProfile", 9),
        ("androidDedicatedAndFullyManaged", 10),
        ("unknownFutureValue", 11),
    ],
    unnumbered: &[],
    beta_only: false,
};

/// `configurationManagerActionDeliveryStatus`.
pub const CONFIGURATION_MANAGER_ACTION_DELIVERY_STATUS: EnumType = EnumType {
    name: "configurationManagerActionDeliveryStatus",
    members: &[
        ("unknown", 0),
        ("pendingDelivery", 1),
        ("deliveredToConnectorService", 2),
        ("failedToDeliverToConnectorService", 3),
        ("deliveredToOnPremisesServer", 4),
    ],
    unnumbered: &[],
    beta_only: true,
};
/// `configurationManagerClientState`.
pub const CONFIGURATION_MANAGER_CLIENT_STATE: EnumType = EnumType {
    name: "configurationManagerClientState",
    members: &[
        ("unknown", 0),
        ("installed", 1),
        ("healthy", 7),
        ("installFailed", 8),
        ("updateFailed", 11),
        ("communicationError", 19),
    ],
    unnumbered: &[],
    beta_only: true,
};
/// `deviceGuardVirtualizationBasedSecurityHardwareRequirementState`.
pub const DEVICE_GUARD_HARDWARE_REQUIREMENT_STATE: EnumType = EnumType {
    name: "deviceGuardVirtualizationBasedSecurityHardwareRequirementState",
    members: &[
        ("meetHardwareRequirements", 0),
        ("secureBootRequired", 1),
        ("dmaProtectionRequired", 2),
        ("hyperVNotSupportedForGuestVM", 4),
        ("hyperVNotAvailable", 8),
    ],
    unnumbered: &[],
    beta_only: true,
};
/// `deviceGuardVirtualizationBasedSecurityState`.
pub const DEVICE_GUARD_SECURITY_STATE: EnumType = EnumType {
    name: "deviceGuardVirtualizationBasedSecurityState",
    members: &[
        ("running", 0),
        ("rebootRequired", 1),
        ("require64BitArchitecture", 2),
        ("notLicensed", 3),
        ("notConfigured", 4),
        ("doesNotMeetHardwareRequirements", 5),
        ("other", 42),
    ],
    unnumbered: &[],
    beta_only: true,
};
/// `deviceGuardLocalSystemAuthorityCredentialGuardState`.
pub const DEVICE_GUARD_CREDENTIAL_GUARD_STATE: EnumType = EnumType {
    name: "deviceGuardLocalSystemAuthorityCredentialGuardState",
    members: &[
        ("running", 0),
        ("rebootRequired", 1),
        ("notLicensed", 2),
        ("notConfigured", 3),
        ("virtualizationBasedSecurityNotRunning", 4),
    ],
    unnumbered: &[],
    beta_only: true,
};
/// `deviceLicensingStatus`.
pub const DEVICE_LICENSING_STATUS: EnumType = EnumType {
    name: "deviceLicensingStatus",
    members: &[
        ("licenseRefreshStarted", 0),
        ("licenseRefreshPending", 1),
        ("deviceIsNotAzureActiveDirectoryJoined", 2),
        ("verifyingMicrosoftDeviceIdentity", 3),
        ("deviceIdentityVerificationFailed", 4),
        ("verifyingMicrosoftAccountIdentity", 5),
        ("microsoftAccountVerificationFailed", 6),
        ("acquiringDeviceLicense", 7),
        ("refreshingDeviceLicense", 8),
        ("deviceLicenseRefreshSucceed", 9),
        ("deviceLicenseRefreshFailed", 10),
        ("removingDeviceLicense", 11),
        ("deviceLicenseRemoveSucceed", 12),
        ("deviceLicenseRemoveFailed", 13),
        ("unknownFutureValue", 14),
        ("unknown", -1),
    ],
    unnumbered: &[],
    beta_only: true,
};
/// `complianceStatus`.
pub const COMPLIANCE_STATUS: EnumType = EnumType {
    name: "complianceStatus",
    members: &[
        ("unknown", 0),
        ("notApplicable", 1),
        ("compliant", 2),
        ("remediated", 3),
        ("nonCompliant", 4),
        ("error", 5),
        ("conflict", 6),
        ("notAssigned", 255),
    ],
    unnumbered: &[],
    beta_only: false,
};
/// `policyPlatformType`.
pub const POLICY_PLATFORM_TYPE: EnumType = EnumType {
    name: "policyPlatformType",
    members: &[
        ("android", 0),
        ("androidForWork", 1),
        ("iOS", 2),
        ("macOS", 3),
        ("windowsPhone81", 4),
        ("windows81AndLater", 5),
        ("windows10AndLater", 6),
        ("androidWorkProfile", 7),
        ("all", 100),
    ],
    unnumbered: &[],
    beta_only: false,
};
/// `settingSourceType`.
pub const SETTING_SOURCE_TYPE: EnumType = EnumType {
    name: "settingSourceType",
    members: &[("deviceConfiguration", 0), ("deviceIntent", 1)],
    unnumbered: &[],
    beta_only: false,
};
/// `appLogUploadState`.
pub const APP_LOG_UPLOAD_STATE: EnumType = EnumType {
    name: "appLogUploadState",
    members: &[("pending", 0), ("completed", 1), ("failed", 2), ("unknownFutureValue", 3)],
    unnumbered: &[],
    beta_only: false,
};
/// `windowsDeviceHealthState`.
pub const WINDOWS_DEVICE_HEALTH_STATE: EnumType = EnumType {
    name: "windowsDeviceHealthState",
    members: &[
        ("clean", 0),
        ("fullScanPending", 1),
        ("rebootPending", 2),
        ("manualStepsPending", 4),
        ("offlineScanPending", 8),
        ("critical", 16),
    ],
    unnumbered: &[],
    beta_only: false,
};

/// `remoteAction`.
pub const REMOTE_ACTION: EnumType = EnumType {
    name: "remoteAction",
    members: &[
        ("unknown", 0),
        ("factoryReset", 1),
        ("removeCompanyData", 2),
        ("resetPasscode", 3),
        ("remoteLock", 4),
        ("enableLostMode", 5),
        ("disableLostMode", 6),
        ("locateDevice", 7),
        ("rebootNow", 8),
        ("recoverPasscode", 9),
        ("cleanWindowsDevice", 10),
        ("logoutSharedAppleDeviceActiveUser", 11),
        ("quickScan", 12),
        ("fullScan", 13),
        ("windowsDefenderUpdateSignatures", 14),
        ("factoryResetKeepEnrollmentData", 15),
        ("updateDeviceAccount", 16),
        ("automaticRedeployment", 17),
        ("shutDown", 18),
        ("rotateBitLockerKeys", 19),
        ("rotateFileVaultKey", 20),
        ("getFileVaultKey", 21),
        ("setDeviceName", 22),
        ("activateDeviceEsim", 23),
    ],
    unnumbered: &[
        "deprovision",
        "disable",
        "reenable",
        "moveDeviceToOrganizationalUnit",
        "initiateMobileDeviceManagementKeyRecovery",
        "initiateOnDemandProactiveRemediation",
        "rotateLocalAdminPassword",
        "unknownFutureValue",
        "launchRemoteHelp",
        "revokeAppleVppLicenses",
        "removeDeviceFirmwareConfigurationInterfaceManagement",
        "pauseConfigurationRefresh",
        "initiateDeviceAttestation",
        "changeAssignments",
        "delete",
        "suspendManagedHomeScreen",
        "restoreManagedHomeScreen",
    ],
    beta_only: true,
};
/// `deviceActionCategory`.
pub const DEVICE_ACTION_CATEGORY: EnumType =
    EnumType { name: "deviceActionCategory", members: &[("single", 0), ("bulk", 1)], unnumbered: &[], beta_only: true };
/// `roleAssignmentScopeType`. The values are the places of the members in Microsoft's generated clients.
pub const ROLE_ASSIGNMENT_SCOPE_TYPE: EnumType = EnumType {
    name: "roleAssignmentScopeType",
    members: &[("resourceScope", 0), ("allDevices", 1), ("allLicensedUsers", 2), ("allDevicesAndLicensedUsers", 3)],
    unnumbered: &[],
    beta_only: true,
};

/// Every enum type.
pub const ENUMS: &[&EnumType] = &[
    &ACTION_STATE,
    &COMPLIANCE_STATE,
    &MANAGEMENT_AGENT_TYPE,
    &MANAGEMENT_STATE,
    &MANAGED_DEVICE_OWNER_TYPE,
    &OWNER_TYPE,
    &DEVICE_ENROLLMENT_TYPE,
    &DEVICE_REGISTRATION_STATE,
    &DEVICE_MANAGEMENT_EXCHANGE_ACCESS_STATE,
    &DEVICE_MANAGEMENT_EXCHANGE_ACCESS_STATE_REASON,
    &MANAGED_DEVICE_PARTNER_REPORTED_HEALTH_STATE,
    &LOST_MODE_STATE,
    &JOIN_TYPE,
    &CHASSIS_TYPE,
    &DEVICE_TYPE,
    &MANAGED_DEVICE_ARCHITECTURE,
    &MANAGED_DEVICE_MANAGEMENT_FEATURES,
    &RUN_STATE,
    &REMEDIATION_STATE,
    &RUN_AS_ACCOUNT_TYPE,
    &DEVICE_HEALTH_SCRIPT_TYPE,
    &DETECTED_APP_PLATFORM_TYPE,
    &CONFIGURATION_MANAGER_ACTION_DELIVERY_STATUS,
    &CONFIGURATION_MANAGER_CLIENT_STATE,
    &DEVICE_GUARD_HARDWARE_REQUIREMENT_STATE,
    &DEVICE_GUARD_SECURITY_STATE,
    &DEVICE_GUARD_CREDENTIAL_GUARD_STATE,
    &DEVICE_LICENSING_STATUS,
    &COMPLIANCE_STATUS,
    &POLICY_PLATFORM_TYPE,
    &SETTING_SOURCE_TYPE,
    &APP_LOG_UPLOAD_STATE,
    &WINDOWS_DEVICE_HEALTH_STATE,
    &REMOTE_ACTION,
    &DEVICE_ACTION_CATEGORY,
    &ROLE_ASSIGNMENT_SCOPE_TYPE,
];
