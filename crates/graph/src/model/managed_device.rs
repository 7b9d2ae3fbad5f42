//! `managedDevice`: its 84 properties in documented order and three of our own, except `deviceActionResults`, which the service
//! writes last. Defaults are what real responses carry when nothing is known.

use super::complex::*;
use super::enums::*;
use super::{Default, Edm, Property};

/// Properties that the device channel does not know; a single GET says so with an empty text.
pub(crate) const EMPTY: [&str; 3] = ["iccid", "remoteAssistanceSessionUrl", "udid"];

/// The way to the properties of the primary user.
const PRIMARY_USER: &str = "Set the primary user with POST .../managedDevices/{id}/users/$ref and the body \
    {\"@odata.id\": \"https://HOST/beta/users/{userId}\"}, or remove it with DELETE .../managedDevices/{id}/users/$ref.";

const fn of_primary_user(name: &'static str) -> Property {
    Property::new(name, Edm::String).read_only().instead(PRIMARY_USER)
}

/// The properties.
pub(crate) const MANAGED_DEVICE: &[Property] = &[
    Property::new("id", Edm::String).or(Default::Text("")).read_only(),
    of_primary_user("userId"),
    Property::new("deviceName", Edm::String).read_only(),
    Property::new("hardwareInformation", Edm::Complex(&HARDWARE_INFORMATION)).read_only().beta().named_only(),
    Property::new("ownerType", Edm::Enum(&OWNER_TYPE)).or(Default::Text("unknown")).beta(),
    Property::new("managedDeviceOwnerType", Edm::Enum(&MANAGED_DEVICE_OWNER_TYPE)).or(Default::Text("unknown")),
    Property::new("managementState", Edm::Enum(&MANAGEMENT_STATE)).or(Default::Text("managed")).read_only(),
    Property::new("enrolledDateTime", Edm::DateTime).or(Default::Never).read_only(),
    Property::new("lastSyncDateTime", Edm::DateTime).or(Default::Never).read_only(),
    Property::new("chassisType", Edm::Enum(&CHASSIS_TYPE)).or(Default::Text("unknown")).read_only().beta(),
    Property::new("operatingSystem", Edm::String).read_only(),
    Property::new("deviceType", Edm::Enum(&DEVICE_TYPE)).or(Default::Text("unknown")).read_only().beta(),
    Property::new("complianceState", Edm::Enum(&COMPLIANCE_STATE)).or(Default::Text("unknown")).read_only(),
    Property::new("jailBroken", Edm::String).or(Default::Text("Unknown")).or_null().read_only(),
    Property::new("managementAgent", Edm::Enum(&MANAGEMENT_AGENT_TYPE)).or(Default::Text("mdm")).read_only(),
    Property::new("osVersion", Edm::String).read_only(),
    Property::new("easActivated", Edm::Boolean).or(Default::False).read_only(),
    Property::new("easDeviceId", Edm::String).or(Default::Text("")).or_null().read_only(),
    Property::new("easActivationDateTime", Edm::DateTime).or(Default::Never).read_only(),
    Property::new("aadRegistered", Edm::Boolean).read_only().beta(),
    Property::new("azureADRegistered", Edm::Boolean).read_only(),
    Property::new("deviceEnrollmentType", Edm::Enum(&DEVICE_ENROLLMENT_TYPE)).or(Default::Text("unknown")).read_only(),
    Property::new("lostModeState", Edm::Enum(&LOST_MODE_STATE)).or(Default::Text("disabled")).read_only().beta(),
    Property::new("activationLockBypassCode", Edm::String).read_only().single_only(),
    of_primary_user("emailAddress").or(Default::Text("")).or_null(),
    Property::new("azureActiveDirectoryDeviceId", Edm::String).read_only().beta(),
    Property::new("azureADDeviceId", Edm::String).read_only(),
    Property::new("deviceRegistrationState", Edm::Enum(&DEVICE_REGISTRATION_STATE))
        .or(Default::Text("unknown"))
        .read_only(),
    Property::new("deviceCategoryDisplayName", Edm::String).or(Default::Text("")).or_null().read_only(),
    Property::new("isSupervised", Edm::Boolean).or(Default::False).read_only(),
    Property::new("exchangeLastSuccessfulSyncDateTime", Edm::DateTime).or(Default::Never).read_only(),
    Property::new("exchangeAccessState", Edm::Enum(&DEVICE_MANAGEMENT_EXCHANGE_ACCESS_STATE))
        .or(Default::Text("none"))
        .read_only(),
    Property::new("exchangeAccessStateReason", Edm::Enum(&DEVICE_MANAGEMENT_EXCHANGE_ACCESS_STATE_REASON))
        .or(Default::Text("none"))
        .read_only(),
    Property::new("remoteAssistanceSessionUrl", Edm::String).read_only().single_only(),
    Property::new("remoteAssistanceSessionErrorDetails", Edm::String).read_only(),
    Property::new("isEncrypted", Edm::Boolean).or(Default::False).read_only(),
    of_primary_user("userPrincipalName").or(Default::Text("")).or_null(),
    Property::new("model", Edm::String).read_only(),
    Property::new("manufacturer", Edm::String).read_only(),
    Property::new("imei", Edm::String).or(Default::Text("")).or_null().read_only(),
    Property::new("complianceGracePeriodExpirationDateTime", Edm::DateTime)
        .or(Default::Text("9999-12-31T23:59:59.9999999Z"))
        .read_only(),
    Property::new("serialNumber", Edm::String).read_only(),
    Property::new("phoneNumber", Edm::String).or(Default::Text("")).or_null().read_only(),
    Property::new("androidSecurityPatchLevel", Edm::String).or(Default::Text("")).or_null().read_only(),
    of_primary_user("userDisplayName").or(Default::Text("")).or_null(),
    Property::new(
        "configurationManagerClientEnabledFeatures",
        Edm::Complex(&CONFIGURATION_MANAGER_CLIENT_ENABLED_FEATURES),
    )
    .read_only(),
    Property::new("wiFiMacAddress", Edm::String).or(Default::Text("")).or_null().read_only(),
    Property::new("deviceHealthAttestationState", Edm::Complex(&DEVICE_HEALTH_ATTESTATION_STATE)).read_only(),
    Property::new("subscriberCarrier", Edm::String).or(Default::Text("")).or_null().read_only(),
    Property::new("meid", Edm::String).or(Default::Text("")).or_null().read_only(),
    Property::new("totalStorageSpaceInBytes", Edm::Int64).or(Default::Zero).read_only(),
    Property::new("freeStorageSpaceInBytes", Edm::Int64).or(Default::Zero).read_only(),
    Property::new("managedDeviceName", Edm::String),
    Property::new("partnerReportedThreatState", Edm::Enum(&MANAGED_DEVICE_PARTNER_REPORTED_HEALTH_STATE))
        .or(Default::Text("unknown"))
        .read_only(),
    Property::new("retireAfterDateTime", Edm::DateTime).or(Default::Never).read_only().beta(),
    Property::new("usersLoggedOn", Edm::Collection(&Edm::Complex(&LOGGED_ON_USER)))
        .or(Default::Empty)
        .read_only()
        .beta(),
    Property::new("preferMdmOverGroupPolicyAppliedDateTime", Edm::DateTime).or(Default::Never).read_only().beta(),
    Property::new("autopilotEnrolled", Edm::Boolean).or(Default::False).read_only().beta(),
    Property::new("requireUserEnrollmentApproval", Edm::Boolean).read_only(),
    Property::new("managementCertificateExpirationDate", Edm::DateTime).or(Default::Never).read_only(),
    Property::new("iccid", Edm::String).read_only().single_only(),
    Property::new("udid", Edm::String).read_only().single_only(),
    Property::new("roleScopeTagIds", Edm::Collection(&Edm::String)).or(Default::DefaultScope).beta(),
    Property::new("windowsActiveMalwareCount", Edm::Int32).or(Default::Zero).read_only().beta().single_only(),
    Property::new("windowsRemediatedMalwareCount", Edm::Int32).or(Default::Zero).read_only().beta().single_only(),
    Property::new("notes", Edm::String).single_only(),
    Property::new("configurationManagerClientHealthState", Edm::Complex(&CONFIGURATION_MANAGER_CLIENT_HEALTH_STATE))
        .read_only()
        .beta(),
    Property::new("configurationManagerClientInformation", Edm::Complex(&CONFIGURATION_MANAGER_CLIENT_INFORMATION))
        .read_only()
        .beta(),
    Property::new("ethernetMacAddress", Edm::String).read_only().single_only(),
    Property::new("physicalMemoryInBytes", Edm::Int64).or(Default::Zero).read_only().single_only(),
    Property::new("processorArchitecture", Edm::Enum(&MANAGED_DEVICE_ARCHITECTURE))
        .or(Default::Text("unknown"))
        .read_only()
        .beta(),
    Property::new("specificationVersion", Edm::String).read_only().beta(),
    Property::new("joinType", Edm::Enum(&JOIN_TYPE)).or(Default::Text("unknown")).read_only().beta(),
    Property::new("skuFamily", Edm::String).read_only().beta(),
    Property::new("skuNumber", Edm::Int32).or(Default::Zero).read_only().beta(),
    Property::new("managementFeatures", Edm::Enum(&MANAGED_DEVICE_MANAGEMENT_FEATURES))
        .or(Default::Text("none"))
        .read_only()
        .beta(),
    Property::new("chromeOSDeviceInfo", Edm::Collection(&Edm::Complex(&CHROME_OS_DEVICE_PROPERTY)))
        .or(Default::Empty)
        .read_only()
        .beta()
        .single_only(),
    Property::new("bootstrapTokenEscrowed", Edm::Boolean).or(Default::False).read_only().beta().single_only(),
    Property::new("cloudPcRemoteActionResults", Edm::Collection(&Edm::Complex(&CLOUD_PC_REMOTE_ACTION_RESULT)))
        .or(Default::Empty)
        .read_only()
        .beta(),
    Property::new("deviceFirmwareConfigurationInterfaceManaged", Edm::Boolean)
        .or(Default::False)
        .beta()
        .not_kept("it would turn firmware management on or off, which this server does not do"),
    // The server keeps no record of who enrolled a device.
    Property::new("enrolledByUserPrincipalName", Edm::String).read_only().beta(),
    Property::new("enrollmentProfileName", Edm::String).read_only(),
    Property::new("securityPatchLevel", Edm::String).read_only().beta(),
    Property::new("chaveiro_managementState", Edm::Enum(&MANAGEMENT_WORD))
        .or(Default::Text("managed"))
        .read_only()
        .beta(),
    Property::new("chaveiro_connected", Edm::Boolean).read_only().beta().single_only(),
    Property::new("chaveiro_recoverability", Edm::Collection(&Edm::Complex(&RECOVERABILITY)))
        .or(Default::Empty)
        .read_only()
        .beta()
        .single_only(),
    Property::new("deviceActionResults", Edm::Collection(&Edm::Complex(&DEVICE_ACTION_RESULT)))
        .or(Default::Empty)
        .read_only(),
];
