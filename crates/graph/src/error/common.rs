//! The rows of refusals that are about no kind of entity: rights, revoked tokens, the tenant, and entities of any kind.

use chaveiro_core::caller::ActorKind;
use chaveiro_core::permission::Permission;
use chaveiro_core::refusal::{ResourceRefusal, RevocationRefusal, RightsRefusal, TenantRefusal};
use http::{StatusCode, header};

use super::document::Place;
use super::row::{
    Coded, Family, Row, bad_request, claims_challenge, coded, denied, directory_request, forbidden, gateway, intune,
    not_found, precondition, unauthorized,
};
use crate::model::Service;

pub(crate) fn of_tenant(refusal: &TenantRefusal) -> Row {
    match refusal {
        TenantRefusal::Unlicensed => {
            bad_request(coded!("tenantUnlicensed"), "Request not applicable to target tenant.")
        }
        TenantRefusal::OutOfBounds { setting, least, most } => {
            precondition(coded!("settingOutOfBounds", setting = setting, least = least, most = most), refusal, "")
        }
    }
}

pub(crate) fn of_rights(refusal: &RightsRefusal, place: &Place) -> Row {
    match refusal {
        RightsRefusal::MissingPermission(permissions) => missing_permission(&names(permissions), place),
        RightsRefusal::NoRole => no_role(coded!("roleMissing"), place),
        RightsRefusal::RoleLacks(action) => {
            let coded = coded!("roleLacksAction", action = action.to_string());
            let is_application = place.caller == Some(ActorKind::Application);
            let (who, needs) = match is_application {
                true => ("application", "to assign the application a role"),
                false => ("signed-in user", "for a role"),
            };
            let help = format!("ask an administrator {needs} that grants {action} in this scope");
            match place.service {
                Service::Intune => forbidden(coded, place, &format!("; {help}")),
                Service::Directory => denied(coded, &format!("The {who} needs a role; {help}.")),
            }
        }
        RightsRefusal::ScopeNotHeld(tag) => {
            let help = "ask a user who holds the tag to move the device";
            unauthorized(coded!("scopeNotHeld", tag = tag), refusal, help, place)
        }
        RightsRefusal::ApplicationBeyondCaller => {
            let help = "a caller that gives it a secret can act as it, so the caller must hold all of its permissions and the rights of its roles; an operator can do it on the server's host with `chaveiro app add-secret`";
            denied(coded!("applicationBeyondCaller"), &format!("{refusal}; {help}."))
        }
    }
}

fn no_role(coded: Coded, place: &Place) -> Row {
    match place.service {
        Service::Directory => {
            denied(coded, "The signed-in user has no role in this tenant; ask an administrator for one.")
        }
        Service::Intune => {
            let text =
                "An error has occurred: the signed-in user has no role in this tenant; ask an administrator for one";
            Row { family: Family::NoRole, ..intune(coded, StatusCode::UNAUTHORIZED, "UnknownError", text) }
        }
    }
}

/// The row of a token without the permission. Intune's words are about the application, also when a person is signed
/// in.
fn missing_permission(names: &str, place: &Place) -> Row {
    let coded = coded!("permissionMissing", permissions = names);
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
            intune(coded, StatusCode::FORBIDDEN, "Forbidden", text)
        }
        (Service::Directory, true) => {
            denied(coded, &format!("The application must have one of these permissions: {names}."))
        }
        (Service::Directory, false) => {
            denied(coded, &format!("The token of the signed-in user must have one of these permissions: {names}."))
        }
    }
}

fn names(permissions: &[Permission]) -> String {
    permissions.iter().map(|permission| permission.name()).collect::<Vec<_>>().join(", ")
}

pub(crate) fn of_revocation(refusal: &RevocationRefusal, place: &Place) -> Row {
    match refusal {
        // Clients look for these words and for the challenge, get themselves another token and send the request again.
        RevocationRefusal::TokenRevoked { valid_from } => gateway(
            coded!("tokenRevoked", since = valid_from.to_string()),
            StatusCode::UNAUTHORIZED,
            "InvalidAuthenticationToken",
            "Continuous access evaluation resulted in claims challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp",
        )
        .with(header::WWW_AUTHENTICATE, claims_challenge(&place.base_url, *valid_from)),
        RevocationRefusal::TooMany { retry_after_s } => gateway(
            coded!("tokensEndedTooOften", seconds = retry_after_s),
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "Tokens of this user or application were revoked too often just now. Those that were issued before are revoked; nothing else was done. Send the request again after the seconds in Retry-After.",
        )
        .with(header::RETRY_AFTER, retry_after_s.to_string()),
    }
}

pub(crate) fn of_resource(refusal: &ResourceRefusal) -> Row {
    match refusal {
        ResourceRefusal::NotFound(kind) => not_found(
            coded!("entityNotFound", entity = kind),
            format_args!(
                "no {kind} is reached by this path in your tenant; list the collection to see the entities that are"
            ),
        ),
        ResourceRefusal::AlreadyExists(what) => directory_request(
            coded!("entityExists", entity = what),
            format!("Another object with the same value for property {what} already exists."),
        ),
        ResourceRefusal::Changed => gateway(
            coded!("entityChanged"),
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailed",
            "The entity has changed since it was read: its @odata.etag is not in If-Match. Nothing was done; read it again and send the change with its new @odata.etag.",
        ),
    }
}
