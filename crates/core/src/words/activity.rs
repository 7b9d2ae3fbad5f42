//! The table from our activities to the names that Graph's audit events use.
//!
//! Reference: docs/graph-facts.md#audit-events. `activityType` is `verb Entity` there, for instance `wipe ManagedDevice`.

use strum::VariantArray;

use crate::audit::Activity;
use crate::remote_action::AuditNames;

/// The fields by which Graph describes an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Described {
    /// `activityType`, and `displayName`.
    pub activity_type: &'static str,
    /// `category`.
    pub category: &'static str,
    /// `componentName`.
    pub component: &'static str,
    /// `activityOperationType`.
    pub operation: &'static str,
    /// `activityResult`.
    pub result: &'static str,
}

const SUCCESS: &str = "Success";
const FAILURE: &str = "Failure";

const fn of(activity_type: &'static str, category: &'static str, operation: &'static str) -> Described {
    let component = match category.as_bytes() {
        b"Device" => "ManagedDevices",
        b"Enrollment" => "Enrollment",
        b"Role" => "RBAC",
        b"DeviceConfiguration" => "DeviceConfiguration",
        _ => "Administration",
    };
    Described { activity_type, category, component, operation, result: SUCCESS }
}

impl Activity {
    /// Every activity.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns Graph's description. An activity about a remote action takes that action's names.
    pub const fn described(self, names: &AuditNames) -> Described {
        match self {
            Self::TenantCreated => of("create Tenant", "Authorization", "Create"),
            Self::TenantChanged => of("patch Tenant", "Authorization", "Patch"),
            Self::ApplicationRegistered => of("create Application", "Authorization", "Create"),
            Self::ApplicationRenamed => of("rename Application", "Authorization", "Patch"),
            Self::ApplicationPermissionsChanged => of("grant Application", "Authorization", "Patch"),
            Self::ApplicationSecretChanged => of("patch Application", "Authorization", "Patch"),
            Self::ApplicationCertificateChanged => of("patch ApplicationCertificate", "Authorization", "Patch"),
            Self::ApplicationDeleted => of("delete Application", "Authorization", "Delete"),
            Self::SignInApproved => of("approve SignIn", "Authorization", "Action"),
            Self::SignInDenied => of("deny SignIn", "Authorization", "Action"),
            Self::SignInRevoked => of("revoke SignIn", "Authorization", "Delete"),
            Self::TokensRevoked => of("revoke AccessToken", "Authorization", "Action"),
            Self::OperatorTokenMinted => of("create OperatorToken", "Authorization", "Create"),
            Self::EnrollmentTokenCreated => of("create EnrollmentToken", "Enrollment", "Create"),
            Self::DeviceEnrolled => of("enroll ManagedDevice", "Enrollment", "Create"),
            Self::DeviceRetired => of("retire ManagedDevice", "Device", "Action"),
            Self::ResourceCreated => of("create Resource", "DeviceConfiguration", "Create"),
            Self::ResourceChanged => of("patch Resource", "DeviceConfiguration", "Patch"),
            Self::ResourceDeleted => of("delete Resource", "DeviceConfiguration", "Delete"),
            Self::ActionRequested => of(names.requested, "Device", "Action"),
            Self::ActionRequestedAgain => of(names.repeated, "Device", "Action"),
            Self::ActionRefused => Described { result: FAILURE, ..of(names.requested, "Device", "Action") },
            Self::ActionSent => of(names.sent, "Device", "Action"),
            Self::ActionAnswerLost => Described { result: FAILURE, ..of(names.sent, "Device", "Action") },
            Self::CandidateEscrowed => of("escrowPasscode ManagedDevice", "Device", "Create"),
            Self::ActionSettled => of(names.settled, "Device", "Action"),
            Self::SecretKept => of("keepPasscode ManagedDevice", "Device", "Create"),
            Self::PasscodeDisclosed => of("readPasscode ManagedDevice", "Device", "Get"),
            Self::DisclosureRefused => {
                Described { result: FAILURE, ..of("readPasscode ManagedDevice", "Device", "Get") }
            }
            Self::SecretShredded => of("deletePasscode ManagedDevice", "Device", "Delete"),
            Self::RoleAssigned => of("create RoleAssignment", "Role", "Create"),
            Self::RoleUnassigned => of("delete RoleAssignment", "Role", "Delete"),
            Self::HoldPlaced => of("create RecoveryHold", "Device", "Create"),
            Self::HoldReleased => of("delete RecoveryHold", "Device", "Delete"),
            Self::BreakGlassUsed => of("breakGlass ManagedDevice", "Device", "Action"),
            Self::RoleAssignmentChanged => of("patch RoleAssignment", "Role", "Patch"),
            Self::RowsSigned => of("sign Rows", "Authorization", "Action"),
            Self::RowsRemoved => of("remove Rows", "Authorization", "Delete"),
            Self::RowForged => Described { result: FAILURE, ..of("verify Rows", "Authorization", "Action") },
            Self::RestoreAccepted => of("restore Tenant", "Authorization", "Action"),
            Self::ResultConfirmed => of("confirmPasscode ManagedDevice", "Device", "Action"),
            Self::KeyChanged => of("patch Key", "Authorization", "Patch"),
            Self::RequestsRefused => Described { result: FAILURE, ..of("refuse Request", "Authorization", "Action") },
            Self::ResourceLinked => of("link Resource", "DeviceConfiguration", "Create"),
            Self::ResourceUnlinked => of("unlink Resource", "DeviceConfiguration", "Delete"),
            Self::PrimaryUserChanged => of("setPrimaryUser ManagedDevice", "Device", "Patch"),
            Self::SecretUsed => of("useSecret ManagedDevice", "Device", "Action"),
            Self::DeviceUnenrolled => of("unenroll ManagedDevice", "Enrollment", "Delete"),
        }
    }
}
