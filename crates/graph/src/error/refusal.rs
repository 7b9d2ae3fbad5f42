//! The rows of the refusals of the domain.

use std::fmt::Display;

use chaveiro_core::Refusal;
use chaveiro_core::application::{ApplicationRefusal, MAX_SECRETS};
use chaveiro_core::caller::ActorKind;
use chaveiro_core::hold::{MAX_REASON, MIN_REASON};
use chaveiro_core::permission::Permission;
use chaveiro_core::refusal::{
    ActionRefusal, DeviceRefusal, HoldRefusal, ResourceRefusal, RevocationRefusal, RightsRefusal, RoleRefusal,
    TenantRefusal, UserRefusal,
};
use http::{StatusCode, header};

use super::document::Place;
use super::row::{BAD_REQUEST, Family, Row, claims_challenge, gateway, intune};
use crate::model::Service;

/// The row of a refusal.
pub(super) fn of_refusal(refusal: &Refusal, place: &Place) -> Row {
    match refusal {
        Refusal::Device(refusal) => of_device(refusal),
        Refusal::Action(refusal) => of_action(refusal),
        Refusal::Hold(refusal) => of_hold(refusal, place),
        Refusal::Rights(refusal) => of_rights(refusal, place),
        Refusal::Role(refusal) => of_role(refusal, place),
        Refusal::Revocation(refusal) => of_revocation(refusal, &place.base_url),
        Refusal::Application(refusal) => of_application(refusal),
        Refusal::User(refusal) => of_user(refusal),
        Refusal::Resource(refusal) => of_resource(refusal),
        Refusal::Tenant(TenantRefusal::Unlicensed) => {
            gateway(BAD_REQUEST, "BadRequest", "Request not applicable to target tenant.")
        }
        Refusal::Tenant(refusal @ TenantRefusal::OutOfBounds { .. }) => precondition(refusal, ""),
    }
}

/// The row of a condition that is not met; `next` says what to do, if there is anything.
fn precondition(refusal: &dyn Display, next: &str) -> Row {
    let comma = if next.is_empty() { "" } else { "; " };
    intune(BAD_REQUEST, "BadRequest", format!("An error has occurred: {refusal}{comma}{next}"))
}

/// The row of a request that the caller may not make; `help` says who may.
fn unauthorized(refusal: &dyn Display, help: &str, place: &Place) -> Row {
    match place.service {
        Service::Intune => forbidden(place, &format!(": {refusal}; {help}")),
        Service::Directory => denied(&format!("{refusal}; {help}.")),
    }
}

/// Intune's row for a caller without the right.
fn forbidden(place: &Place, more: &str) -> Row {
    let text = format!("{} is not authorized to perform this operation{more}", place.caller());
    intune(StatusCode::FORBIDDEN, "Forbidden", text)
}

/// The directory's row for a caller without the right (docs/graph-facts.md#errors).
fn denied(more: &str) -> Row {
    let text = format!("Insufficient privileges to complete the operation. {more}");
    gateway(StatusCode::FORBIDDEN, "Authorization_RequestDenied", text)
}

fn of_device(refusal: &DeviceRefusal) -> Row {
    match refusal {
        DeviceRefusal::NotFound => intune(
            StatusCode::NOT_FOUND,
            "ResourceNotFound",
            "An error has occurred: no managed device is reached by this path in your tenant; list them with GET /deviceManagement/managedDevices",
        ),
        DeviceRefusal::RetiredBefore => {
            let text = format!("An error has occurred: {refusal}; GET the device to see them");
            intune(StatusCode::NOT_FOUND, "ResourceNotFound", text)
        }
        DeviceRefusal::Retired | DeviceRefusal::NotEnrolled => precondition(refusal, ""),
    }
}

fn of_action(refusal: &ActionRefusal) -> Row {
    match refusal {
        ActionRefusal::PlatformUnsupported { .. } => precondition(refusal, "do it at the device"),
        ActionRefusal::RecoveryUnderWay => precondition(refusal, "ask again in a minute"),
    }
}

fn of_hold(refusal: &HoldRefusal, place: &Place) -> Row {
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
            unauthorized(refusal, help, place)
        }
    }
}

fn of_rights(refusal: &RightsRefusal, place: &Place) -> Row {
    match refusal {
        RightsRefusal::MissingPermission(permissions) => missing_permission(&names(permissions), place),
        RightsRefusal::NoRole if place.service == Service::Directory => {
            denied("The signed-in user has no role in this tenant; ask an administrator for one.")
        }
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
            let is_application = place.caller == Some(ActorKind::Application);
            let (who, needs) = match is_application {
                true => ("application", "to assign the application a role"),
                false => ("signed-in user", "for a role"),
            };
            let help = format!("ask an administrator {needs} that grants {action} in this scope");
            match place.service {
                Service::Intune => forbidden(place, &format!("; {help}")),
                Service::Directory => denied(&format!("The {who} needs a role; {help}.")),
            }
        }
        RightsRefusal::ScopeNotHeld(_) => {
            let help = "ask a user who holds the tag to move the device";
            unauthorized(refusal, help, place)
        }
        RightsRefusal::ApplicationBeyondCaller => {
            let help = "a caller that gives it a secret can act as it, so the caller must hold all of its permissions and the rights of its roles; an operator can do it on the server's host with `chaveiro app add-secret`";
            denied(&format!("{refusal}; {help}."))
        }
    }
}

/// The row of a token without the permission. Intune's words are about the application, also when a person is signed
/// in.
fn missing_permission(names: &str, place: &Place) -> Row {
    let is_application = place.caller == Some(ActorKind::Application);
    match (place.service, is_application) {
        (Service::Intune, _) => {
            let more = match is_application {
                true => "",
                false => "; the token of the signed-in user has none of them, so sign in again and ask for one",
            };
            let text = format!(
                "Application is not authorized to perform this operation. Application must have one of the following scopes: {names}{more}"
            );
            intune(StatusCode::FORBIDDEN, "Forbidden", text)
        }
        (Service::Directory, true) => denied(&format!("The application must have one of these permissions: {names}.")),
        (Service::Directory, false) => {
            denied(&format!("The token of the signed-in user must have one of these permissions: {names}."))
        }
    }
}

fn of_role(refusal: &RoleRefusal, place: &Place) -> Row {
    match refusal {
        RoleRefusal::Own => {
            let help = "ask another user with a role that grants Chaveiro_Roles_Manage, or an operator on the server's host, who uses `chaveiro role assign` or `chaveiro role unassign`";
            unauthorized(refusal, help, place)
        }
        RoleRefusal::BeyondCaller(_) => {
            let help = "ask a user who holds it to assign the role, or an operator on the server's host, who uses `chaveiro role assign`";
            unauthorized(refusal, help, place)
        }
        RoleRefusal::UnboundBeyondCaller(_) => {
            let help = "an application without assignments may do everything that its permissions allow; assign it another role first, or ask an operator to do it on the server's host with `chaveiro role unassign`";
            unauthorized(refusal, help, place)
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
            denied(&format!("{refusal}, and {help}."))
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
