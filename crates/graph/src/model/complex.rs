//! The complex types of `managedDevice`, as the public metadata declares them. Most are only ever `null` or empty
//! here: they are declared so that a client that was generated from `$metadata` knows every property.

use chaveiro_core::actions::{self, ACTIONS};

use super::enums::*;
use super::properties::{flag, member, number, text, texts, time};
use super::{Default, Edm, Property};

/// A complex type.
#[derive(Debug)]
pub struct ComplexType {
    /// Name in the namespace `microsoft.graph`.
    pub name: &'static str,
    /// The type it derives from.
    pub base: Option<&'static ComplexType>,
    /// The properties of its own, in documented order.
    pub properties: &'static [Property],
    /// Only in beta.
    pub beta_only: bool,
}

impl ComplexType {
    /// The property of that name, its own or of a type it derives from, compared without case.
    pub fn property(&self, name: &str) -> Option<&'static Property> {
        let own = self.properties.iter().find(|property| property.name.eq_ignore_ascii_case(name));
        own.or_else(|| self.base.and_then(|base| base.property(name)))
    }
}

pub(crate) const fn complex_type(name: &'static str, properties: &'static [Property]) -> ComplexType {
    ComplexType { name, base: None, properties, beta_only: false }
}

pub(crate) const fn beta(name: &'static str, properties: &'static [Property]) -> ComplexType {
    ComplexType { name, base: None, properties, beta_only: true }
}

const fn result(name: &'static str, properties: &'static [Property]) -> ComplexType {
    ComplexType { name, base: Some(&DEVICE_ACTION_RESULT), properties, beta_only: false }
}

const fn beta_result(name: &'static str, properties: &'static [Property]) -> ComplexType {
    ComplexType { name, base: Some(&DEVICE_ACTION_RESULT), properties, beta_only: true }
}

const fn long(name: &'static str) -> Property {
    Property::new(name, Edm::Int64).or(Default::Zero)
}

const fn real(name: &'static str) -> Property {
    Property::new(name, Edm::Double).or(Default::Zero)
}

/// The base of what `deviceActionResults` holds.
pub(crate) const DEVICE_ACTION_RESULT: ComplexType = complex_type(
    "deviceActionResult",
    &[
        text("actionName"),
        member("actionState", &ACTION_STATE, "none"),
        time("startDateTime"),
        time("lastUpdatedDateTime"),
    ],
);

const DEVICE_GEO_LOCATION: ComplexType = complex_type(
    "deviceGeoLocation",
    &[
        time("lastCollectedDateTime"),
        real("longitude"),
        real("latitude"),
        real("altitude"),
        real("horizontalAccuracy"),
        real("verticalAccuracy"),
        real("heading"),
        real("speed"),
    ],
);

/// The type of the results of a remote action: the one that its declaration names.
pub fn result_type(action: &str) -> Option<&'static ComplexType> {
    let name = actions::named(action)?.result_type;
    std::iter::once(&DEVICE_ACTION_RESULT).chain(DERIVED.iter().copied()).find(|of| of.name == name)
}

/// Returns true if some remote action has results of that type.
pub fn is_result(of: &ComplexType) -> bool {
    ACTIONS.iter().any(|action| action.result_type == of.name)
}

/// A parameter of a health script. This server runs no scripts, and serves empty lists of parameters.
pub(crate) const DEVICE_HEALTH_SCRIPT_PARAMETER: ComplexType = beta(
    "deviceHealthScriptParameter",
    &[text("name"), text("description"), flag("isRequired"), flag("applyDefaultValueWhenNotAssigned")],
);

const fn script_parameter(name: &'static str, properties: &'static [Property]) -> ComplexType {
    ComplexType { name, base: Some(&DEVICE_HEALTH_SCRIPT_PARAMETER), properties, beta_only: true }
}

/// The types that derive from another: those of [`DEVICE_ACTION_RESULT`], and the parameters of health scripts.
pub const DERIVED: &[&ComplexType] = &[
    &result("deleteUserFromSharedAppleDeviceActionResult", &[text("userPrincipalName")]),
    &result("locateDeviceActionResult", &[Property::new("deviceLocation", Edm::Complex(&DEVICE_GEO_LOCATION))]),
    &result("remoteLockActionResult", &[text("unlockPin")]),
    &result("resetPasscodeActionResult", &[text("passcode"), number("errorCode")]),
    &result("rotateBitLockerKeysDeviceActionResult", &[number("errorCode")]),
    &result("windowsDefenderScanActionResult", &[text("scanType")]),
    &beta_result("activateDeviceEsimActionResult", &[text("carrierUrl")]),
    &beta_result(
        "configurationManagerActionResult",
        &[
            member("actionDeliveryStatus", &CONFIGURATION_MANAGER_ACTION_DELIVERY_STATUS, "unknown"),
            number("errorCode"),
        ],
    ),
    &beta_result("revokeAppleVppLicensesActionResult", &[number("totalLicensesCount"), number("failedLicensesCount")]),
    &script_parameter("deviceHealthScriptBooleanParameter", &[flag("defaultValue")]),
    &script_parameter("deviceHealthScriptIntegerParameter", &[number("defaultValue")]),
    &script_parameter("deviceHealthScriptStringParameter", &[text("defaultValue")]),
];

pub(crate) const CONFIGURATION_MANAGER_CLIENT_ENABLED_FEATURES: ComplexType = complex_type(
    "configurationManagerClientEnabledFeatures",
    &[
        flag("inventory"),
        flag("modernApps"),
        flag("resourceAccess"),
        flag("deviceConfiguration"),
        flag("compliancePolicy"),
        flag("windowsUpdateForBusiness"),
        flag("endpointProtection").beta(),
        flag("officeApps").beta(),
    ],
);

pub(crate) const CONFIGURATION_MANAGER_CLIENT_HEALTH_STATE: ComplexType = beta(
    "configurationManagerClientHealthState",
    &[member("state", &CONFIGURATION_MANAGER_CLIENT_STATE, "unknown"), number("errorCode"), time("lastSyncDateTime")],
);

pub(crate) const CONFIGURATION_MANAGER_CLIENT_INFORMATION: ComplexType = beta(
    "configurationManagerClientInformation",
    &[text("clientIdentifier"), flag("isBlocked"), text("clientVersion")],
);

pub(crate) const LOGGED_ON_USER: ComplexType = beta("loggedOnUser", &[text("userId"), time("lastLogOnDateTime")]);

pub(crate) const CHROME_OS_DEVICE_PROPERTY: ComplexType =
    beta("chromeOSDeviceProperty", &[text("name"), text("value"), text("valueType"), flag("updatable")]);

const KEY_VALUE_PAIR: ComplexType = complex_type("keyValuePair", &[text("name"), text("value")]);

const STATUS_DETAIL: &[Property] = &[
    text("code"),
    text("message"),
    Property::new("additionalInformation", Edm::Collection(&Edm::Complex(&KEY_VALUE_PAIR))).or(Default::Empty),
];

const CLOUD_PC_STATUS_DETAIL: ComplexType = beta("cloudPcStatusDetail", STATUS_DETAIL);
const CLOUD_PC_STATUS_DETAILS: ComplexType = beta("cloudPcStatusDetails", STATUS_DETAIL);

pub(crate) const CLOUD_PC_REMOTE_ACTION_RESULT: ComplexType = beta(
    "cloudPcRemoteActionResult",
    &[
        text("actionName"),
        Property::new("actionState", Edm::Enum(&ACTION_STATE)),
        Property::new("startDateTime", Edm::DateTime),
        Property::new("lastUpdatedDateTime", Edm::DateTime),
        text("cloudPcId"),
        text("managedDeviceId"),
        Property::new("statusDetail", Edm::Complex(&CLOUD_PC_STATUS_DETAIL)),
        Property::new("statusDetails", Edm::Complex(&CLOUD_PC_STATUS_DETAILS)),
    ],
);

const SHARED_APPLE_DEVICE_USER: ComplexType = beta(
    "sharedAppleDeviceUser",
    &[text("userPrincipalName"), flag("dataToSync"), Property::new("dataQuota", Edm::Int64), long("dataUsed")],
);

/// The hardware of a device, filled from the inventory as far as that knows.
pub const HARDWARE_INFORMATION: ComplexType = beta(
    "hardwareInformation",
    &[
        text("serialNumber"),
        long("totalStorageSpace"),
        long("freeStorageSpace"),
        text("imei"),
        text("meid"),
        text("manufacturer"),
        text("model"),
        text("phoneNumber"),
        text("subscriberCarrier"),
        text("cellularTechnology"),
        text("wifiMac"),
        text("operatingSystemLanguage"),
        flag("isSupervised"),
        flag("isEncrypted"),
        text("batterySerialNumber"),
        Property::new("batteryHealthPercentage", Edm::Int32).or(Default::Zero),
        Property::new("batteryChargeCycles", Edm::Int32).or(Default::Zero),
        flag("isSharedDevice"),
        Property::new("sharedDeviceCachedUsers", Edm::Collection(&Edm::Complex(&SHARED_APPLE_DEVICE_USER)))
            .or(Default::Empty),
        text("tpmSpecificationVersion"),
        text("operatingSystemEdition"),
        text("deviceFullQualifiedDomainName"),
        member(
            "deviceGuardVirtualizationBasedSecurityHardwareRequirementState",
            &DEVICE_GUARD_HARDWARE_REQUIREMENT_STATE,
            "meetHardwareRequirements",
        )
        .unknown(),
        member("deviceGuardVirtualizationBasedSecurityState", &DEVICE_GUARD_SECURITY_STATE, "other").unknown(),
        member(
            "deviceGuardLocalSystemAuthorityCredentialGuardState",
            &DEVICE_GUARD_CREDENTIAL_GUARD_STATE,
            "notConfigured",
        )
        .unknown(),
        text("osBuildNumber"),
        number("operatingSystemProductType"),
        text("ipAddressV4"),
        text("subnetAddress"),
        text("esimIdentifier"),
        text("systemManagementBIOSVersion"),
        text("tpmManufacturer"),
        text("tpmVersion"),
        texts("wiredIPv4Addresses"),
        Property::new("batteryLevelPercentage", Edm::Double),
        Property::new("residentUsersCount", Edm::Int32),
        text("productName"),
        member("deviceLicensingStatus", &DEVICE_LICENSING_STATUS, "unknown"),
        number("deviceLicensingLastErrorCode"),
        text("deviceLicensingLastErrorDescription"),
    ],
);

pub(crate) const DEVICE_HEALTH_ATTESTATION_STATE: ComplexType = complex_type(
    "deviceHealthAttestationState",
    &[
        text("lastUpdateDateTime"),
        text("contentNamespaceUrl"),
        text("deviceHealthAttestationStatus"),
        text("contentVersion"),
        time("issuedDateTime"),
        text("attestationIdentityKey"),
        long("resetCount"),
        long("restartCount"),
        text("dataExcutionPolicy"),
        text("bitLockerStatus"),
        text("bootManagerVersion"),
        text("codeIntegrityCheckVersion"),
        text("secureBoot"),
        text("bootDebugging"),
        text("operatingSystemKernelDebugging"),
        text("codeIntegrity"),
        text("testSigning"),
        text("safeMode"),
        text("windowsPE"),
        text("earlyLaunchAntiMalwareDriverProtection"),
        text("virtualSecureMode"),
        text("pcrHashAlgorithm"),
        text("bootAppSecurityVersion"),
        text("bootManagerSecurityVersion"),
        text("tpmVersion"),
        text("pcr0"),
        text("secureBootConfigurationPolicyFingerPrint"),
        text("codeIntegrityPolicy"),
        text("bootRevisionListInfo"),
        text("operatingSystemRevListInfo"),
        text("healthStatusMismatchInfo"),
        text("healthAttestationSupportedStatus"),
    ],
);

/// An entry of our `chaveiro_recoverability`; no Graph metadata knows it, and `$metadata` leaves it out.
pub(crate) const RECOVERABILITY: ComplexType = beta(
    "chaveiroRecoverability",
    &[text("lock"), text("subject"), flag("ready"), text("obstacle"), text("escrow"), text("actionId")],
);

const SETTING_SOURCE: ComplexType = complex_type(
    "settingSource",
    &[text("id"), text("displayName"), member("sourceType", &SETTING_SOURCE_TYPE, "deviceConfiguration")],
);

const SETTING_STATE: &[Property] = &[
    text("setting"),
    text("settingName"),
    text("instanceDisplayName"),
    member("state", &COMPLIANCE_STATUS, "unknown"),
    long("errorCode"),
    text("errorDescription"),
    text("userId"),
    text("userName"),
    text("userEmail"),
    text("userPrincipalName"),
    Property::new("sources", Edm::Collection(&Edm::Complex(&SETTING_SOURCE))).or(Default::Empty),
    text("currentValue"),
];

pub(crate) const COMPLIANCE_POLICY_SETTING_STATE: ComplexType =
    complex_type("deviceCompliancePolicySettingState", SETTING_STATE);
pub(crate) const CONFIGURATION_SETTING_STATE: ComplexType =
    complex_type("deviceConfigurationSettingState", SETTING_STATE);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_type_of_every_action_is_declared() {
        for action in ACTIONS {
            assert!(result_type(action.name).is_some(), "{}: {}", action.name, action.result_type);
        }
    }
}
