//! The rows of the refusals of the domain.

use std::fmt::Display;

use chaveiro_core::Refusal;
use chaveiro_core::application::{ApplicationRefusal, MAX_SECRETS};
use chaveiro_core::hold::{MAX_REASON, MIN_REASON};
use chaveiro_core::permission::Permission;
use chaveiro_core::refusal::{
    ActionRefusal, DeviceRefusal, HoldRefusal, ResourceRefusal, RevocationRefusal, RightsRefusal, RoleRefusal,
    TenantRefusal, UserRefusal,
};
use http::{StatusCode, header};

use super::row::{BAD_REQUEST, Family, Row, claims_challenge, gateway, intune};

/// The row of a refusal.
pub(super) fn of_refusal(refusal: &Refusal, base_url: &str) -> Row {
    match refusal {
        Refusal::Device(refusal) => of_device(refusal),
        Refusal::Action(refusal) => of_action(refusal),
        Refusal::Hold(refusal) => of_hold(refusal),
        Refusal::Rights(refusal) => of_rights(refusal),
        Refusal::Role(refusal) => of_role(refusal),
        Refusal::Revocation(refusal) => of_revocation(refusal, base_url),
        Refusal::Application(refusal) => of_application(refusal),
        Refusal::User(refusal) => of_user(refusal),
        Refusal::Resource(refusal) => of_resource(refusal),
        Refusal::Tenant(TenantRefusal::Unlicensed) => {
            gateway(BAD_REQUEST, "BadRequest", "Request not applicable to target tenant.")
        }
    }
}

/// The row of a condition that is not met; `next` says what to do, if there is anything.
fn precondition(refusal: &dyn Display, next: &str) -> Row {
    let comma = if next.is_empty() { "" } else { "; " };
    intune(BAD_REQUEST, "BadRequest", format!("An error has occurred: {refusal}{comma}{next}"))
}

/// The row of a request that the caller may not make; `help` says who may.
fn unauthorized(refusal: &dyn Display, help: &str) -> Row {
    let text = format!("User is not authorized to perform this operation: {refusal}; {help}");
    intune(StatusCode::FORBIDDEN, "Forbidden", text)
}

fn of_device(refusal: &DeviceRefusal) -> Row {
    match refusal {
        DeviceRefusal::NotFound => intune(
            StatusCode::NOT_FOUND,
            "ResourceNotFound",
            "An error has occurred: no managed device is reached by this path in your tenant; list them with GET /deviceManagement/managedDevices",
        ),
        DeviceRefusal::Retired | DeviceRefusal::NotEnrolled => precondition(refusal, ""),
    }
}

fn of_action(refusal: &ActionRefusal) -> Row {
    match refusal {
        ActionRefusal::PlatformUnsupported { .. } => precondition(refusal, "do it at the device"),
        ActionRefusal::RecoveryUnderWay => precondition(refusal, "ask again in a minute"),
    }
}

fn of_hold(refusal: &HoldRefusal) -> Row {
    match refusal {
        HoldRefusal::RecoveryOnHold { since, .. } => gateway(
            StatusCode::FORBIDDEN,
            "RecoveryOnHold",
            format!(
                "Recoveries of this tenant are on hold since {since}, because more of them were requested than its limit allows. Nothing was done for this device. Another user with a role that grants Chaveiro_Holds_Release, or an operator on the server's host, can look at the hold with `chaveiro hold list` and release it with `chaveiro hold release`. For one device that cannot wait, a caller with the role Break Glass sends the header x-chaveiro-break-glass with a reason."
            ),
        ),
        HoldRefusal::BreakGlassReason => gateway(
            BAD_REQUEST,
            "BadRequest",
            format!(
                "x-chaveiro-break-glass must be a reason of {MIN_REASON} to {MAX_REASON} characters in UTF-8. Nothing was done."
            ),
        ),
        HoldRefusal::Released(_) => precondition(refusal, "there is nothing to do"),
        HoldRefusal::Own => {
            let help = "ask another user with a role that grants Chaveiro_Holds_Release, or an operator on the server's host, to release it with `chaveiro hold release`";
            unauthorized(refusal, help)
        }
    }
}

fn of_rights(refusal: &RightsRefusal) -> Row {
    match refusal {
        RightsRefusal::MissingPermission(permissions) => intune(
            StatusCode::FORBIDDEN,
            "Forbidden",
            format!(
                "Application is not authorized to perform this operation. Application must have one of the following scopes: {}",
                names(permissions)
            ),
        ),
        RightsRefusal::NoRole => Row {
            status: StatusCode::UNAUTHORIZED,
            code: "UnknownError",
            family: Family::NoRole,
            message:
                "An error has occurred: the signed-in user has no role in this tenant; ask an administrator for one"
                    .to_owned(),
            header: None,
        },
        RightsRefusal::RoleLacks(action) => {
            let help = format!("; ask an administrator for a role that grants {action} in this scope");
            intune(
                StatusCode::FORBIDDEN,
                "Forbidden",
                format!("User is not authorized to perform this operation{help}"),
            )
        }
        RightsRefusal::ScopeNotHeld(_) => {
            let help = "ask a user who holds the tag to move the device";
            unauthorized(refusal, help)
        }
        RightsRefusal::ApplicationBeyondCaller => {
            let help = "a caller that gives it a secret can act as it, so the caller must hold all of its permissions and the rights of its roles; an operator can do it on the server's host with `chaveiro app add-secret`";
            let text = format!("Insufficient privileges to complete the operation: {refusal}; {help}.");
            gateway(StatusCode::FORBIDDEN, "Authorization_RequestDenied", text)
        }
    }
}

fn of_role(refusal: &RoleRefusal) -> Row {
    match refusal {
        RoleRefusal::Own => {
            let help = "ask another user with a role that grants Chaveiro_Roles_Manage, or an operator on the server's host, who uses `chaveiro role assign` or `chaveiro role unassign`";
            unauthorized(refusal, help)
        }
        RoleRefusal::BeyondCaller(_) => {
            let help = "ask a user who holds it to assign the role, or an operator on the server's host, who uses `chaveiro role assign`";
            unauthorized(refusal, help)
        }
        RoleRefusal::UnboundBeyondCaller(_) => {
            let help = "an application without assignments may do everything that its permissions allow; assign it another role first, or ask an operator to do it on the server's host with `chaveiro role unassign`";
            unauthorized(refusal, help)
        }
        RoleRefusal::AssignedAlready => gateway(
            BAD_REQUEST,
            "Request_BadRequest",
            "Another object with the same value for property roleDefinition, members and scope already exists.",
        ),
        RoleRefusal::TooMany => {
            precondition(refusal, "delete assignments that are no longer needed, or assign roles to groups")
        }
    }
}

fn of_revocation(refusal: &RevocationRefusal, base_url: &str) -> Row {
    match refusal {
        // Clients look for these words and for the challenge, get themselves another token and send the request again.
        RevocationRefusal::TokenRevoked { valid_from } => gateway(
            StatusCode::UNAUTHORIZED,
            "InvalidAuthenticationToken",
            "Continuous access evaluation resulted in claims challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp",
        )
        .with(header::WWW_AUTHENTICATE, claims_challenge(base_url, *valid_from)),
        RevocationRefusal::TooMany { retry_after_s } => gateway(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "Tokens of this user or application were revoked too often just now. Those that were issued before are revoked; nothing else was done. Send the request again after the seconds in Retry-After.",
        )
        .with(header::RETRY_AFTER, retry_after_s.to_string()),
    }
}

fn of_user(refusal: &UserRefusal) -> Row {
    match refusal {
        UserRefusal::NameAssigned(_) => {
            let help = "the user who has the name has the role. Remove the assignment first, or assign the role to the object id of the user, which never changes; an operator can change the name with a token that was minted on the server's host";
            let text = format!("Insufficient privileges to complete the operation: {refusal}, and {help}.");
            gateway(StatusCode::FORBIDDEN, "Authorization_RequestDenied", text)
        }
        UserRefusal::NameIsId => gateway(
            BAD_REQUEST,
            "Request_BadRequest",
            "Invalid value specified for property 'userPrincipalName': it must not have the form of an object id, because roles are assigned to both.",
        ),
    }
}

fn of_resource(refusal: &ResourceRefusal) -> Row {
    match refusal {
        ResourceRefusal::NotFound(kind) => intune(
            StatusCode::NOT_FOUND,
            "ResourceNotFound",
            format!(
                "An error has occurred: no {kind} is reached by this path in your tenant; list the collection to see the entities that are"
            ),
        ),
        ResourceRefusal::AlreadyExists(what) => gateway(
            BAD_REQUEST,
            "Request_BadRequest",
            format!("Another object with the same value for property {what} already exists."),
        ),
        ResourceRefusal::Changed => gateway(
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailed",
            "The entity has changed since it was read: its @odata.etag is not in If-Match. Nothing was done; read it again and send the change with its new @odata.etag.",
        ),
    }
}

/// The domain says the fact; these texts add what a caller of the API can do.
fn of_application(refusal: &ApplicationRefusal) -> Row {
    let text = match refusal {
        ApplicationRefusal::TooManySecrets(named) => format!(
            "The application has {MAX_SECRETS} password credentials, which is the most: {named}. Remove one that is no longer used: POST .../removePassword with its keyId."
        ),
        ApplicationRefusal::Public => {
            "The application is a public client, which cannot keep a secret. Create another application for a program that runs on a server.".to_owned()
        }
        ApplicationRefusal::Unknown(id) => format!(
            "No password credential found with keyId {id}. GET the application to see what passwordCredentials it has."
        ),
        ApplicationRefusal::PublicPermissions => {
            "The application is a public client, which cannot keep a secret, so it has no permissions of its own. Grant delegated permissions.".to_owned()
        }
        ApplicationRefusal::TooManyCertificates | ApplicationRefusal::CertificateTwice(_) => refusal.to_string(),
    };
    gateway(BAD_REQUEST, "Request_BadRequest", text)
}

fn names(permissions: &[Permission]) -> String {
    permissions.iter().map(|permission| permission.name()).collect::<Vec<_>>().join(", ")
}
