//! The enum types of the model, members as in the public metadata. Members without a published value
//! are left out: the server never writes them, and refuses them on input.

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
        ("msSense", 1024),
        ("intuneAosp", 2048),
    ],
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
    beta_only: false,
};
/// `managedDeviceOwnerType`.
pub const MANAGED_DEVICE_OWNER_TYPE: EnumType = EnumType {
    name: "managedDeviceOwnerType",
    members: &[("unknown", 0), ("company", 1), ("personal", 2), ("unknownFutureValue", 3)],
    beta_only: false,
};
/// `ownerType`.
pub const OWNER_TYPE: EnumType =
    EnumType { name: "ownerType", members: &[("unknown", 0), ("company", 1), ("personal", 2)], beta_only: true };
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
    beta_only: false,
};
/// `deviceManagementExchangeAccessState`.
pub const DEVICE_MANAGEMENT_EXCHANGE_ACCESS_STATE: EnumType = EnumType {
    name: "deviceManagementExchangeAccessState",
    members: &[("none", 0), ("unknown", 1), ("allowed", 2), ("blocked", 3), ("quarantined", 4)],
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
    beta_only: false,
};
/// `lostModeState`.
pub const LOST_MODE_STATE: EnumType =
    EnumType { name: "lostModeState", members: &[("disabled", 0), ("enabled", 1)], beta_only: true };
/// `joinType`.
pub const JOIN_TYPE: EnumType = EnumType {
    name: "joinType",
    members: &[("unknown", 0), ("azureADJoined", 1), ("azureADRegistered", 2), ("hybridAzureADJoined", 3)],
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
    beta_only: true,
};
/// `managedDeviceArchitecture`.
pub const MANAGED_DEVICE_ARCHITECTURE: EnumType = EnumType {
    name: "managedDeviceArchitecture",
    members: &[("unknown", 0), ("x86", 1), ("x64", 2), ("arm", 3), ("arM64", 4)],
    beta_only: true,
};
/// `managedDeviceManagementFeatures`.
pub const MANAGED_DEVICE_MANAGEMENT_FEATURES: EnumType = EnumType {
    name: "managedDeviceManagementFeatures",
    members: &[("none", 0), ("microsoftManagedDesktop", 1)],
    beta_only: true,
};
/// `runState`.
pub const RUN_STATE: EnumType = EnumType {
    name: "runState",
    members: &[("unknown", 0), ("success", 1), ("fail", 2), ("scriptError", 3), ("pending", 4), ("notApplicable", 5)],
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
    beta_only: true,
};
/// `runAsAccountType`.
pub const RUN_AS_ACCOUNT_TYPE: EnumType =
    EnumType { name: "runAsAccountType", members: &[("system", 0), ("user", 1)], beta_only: true };
/// `deviceHealthScriptType`.
pub const DEVICE_HEALTH_SCRIPT_TYPE: EnumType = EnumType {
    name: "deviceHealthScriptType",
    members: &[("deviceHealthScript", 0), ("managedInstallerScript", 1)],
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
    beta_only: false,
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
];
