//! The response to an error, and the reason for which a request was refused.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use chaveiro_auth::TokenRefusal;
use chaveiro_core::Refusal;
use chaveiro_core::refusal::{HoldRefusal, RevocationRefusal, RightsRefusal, TenantRefusal};
use chaveiro_core::refused::Reason;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::GraphError;
use super::document::{Place, nested, no_role, no_role_challenge};
use super::row::Family;
use super::table::row;

/// The reason for which a request was refused, and the code it was answered with. `None` for an error that says nothing of
/// the caller's rights, and for refusals that are recorded one by one.
pub(crate) fn reason(error: &GraphError, place: &Place) -> Option<(Reason, &'static str)> {
    let row = row(error, place);
    let reason = match (error, row.status) {
        (GraphError::Refused(Refusal::Hold(HoldRefusal::RecoveryOnHold { .. })), _) => return None,
        (GraphError::Token(TokenRefusal::Missing), _) => Reason::NoToken,
        (GraphError::Token(_), StatusCode::SERVICE_UNAVAILABLE) => return None,
        (GraphError::Token(_), _) => Reason::BadToken,
        (GraphError::Refused(Refusal::Revocation(RevocationRefusal::TokenRevoked { .. })), _) => Reason::RevokedToken,
        (
            GraphError::Refused(Refusal::Tenant(TenantRefusal::Unlicensed) | Refusal::Rights(RightsRefusal::NoRole)),
            _,
        ) => Reason::Forbidden,
        (GraphError::Refused(_), StatusCode::FORBIDDEN) => Reason::Forbidden,
        (GraphError::Refused(_), StatusCode::NOT_FOUND) => Reason::NotFound,
        (GraphError::Throttled(_), _) => Reason::TooMany,
        _ => return None,
    };
    Some((reason, row.code))
}

/// The response to that error, without the headers that every response has.
pub fn respond(error: &GraphError, place: &Place) -> Response {
    let row = row(error, place);
    let message = match row.family {
        Family::Gateway => row.message,
        Family::Intune => nested(&row.message, "{}", place),
        Family::NoRole => no_role(&row.message, place),
    };
    let body = json!({"error": {
        "code": row.code,
        "message": message,
        "innerError": {
            "date": place.now.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            "request-id": place.request_id,
            "client-request-id": place.client_request_id,
            "chaveiro_code": row.coded.code,
            "chaveiro_arguments": row.coded.arguments,
        },
    }});
    let mut response = Response::new(Body::from(Bytes::from(body.to_string())));
    *response.status_mut() = row.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if row.family == Family::NoRole
        && let Ok(challenge) = HeaderValue::from_str(&no_role_challenge(place))
    {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some((name, value)) = row.header
        && let Ok(value) = HeaderValue::from_str(&value)
    {
        headers.insert(name, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use chaveiro_core::Timestamp;
    use chaveiro_core::caller::ActorKind;
    use chaveiro_core::permission::Permission;
    use chaveiro_core::refusal::{DeviceRefusal, ResourceRefusal, RoleRefusal};
    use chaveiro_core::role::RoleAction;

    use super::*;
    use crate::limits::Throttled;
    use crate::model::Service;
    use crate::resolve::Version;

    fn place(service: Service, caller: Option<ActorKind>) -> Place {
        Place {
            base_url: "https://graph.example".to_owned(),
            version: Version::Beta,
            path: String::new(),
            request_id: String::new(),
            client_request_id: String::new(),
            now: Timestamp::UNIX_EPOCH,
            service,
            caller,
        }
    }

    #[test]
    fn an_error_has_a_code_of_its_own_with_the_values_of_its_text() {
        let (hold, since) = (chaveiro_core::id::HoldId(uuid::Uuid::nil()), Timestamp::UNIX_EPOCH);
        let on_hold = row(&HoldRefusal::RecoveryOnHold { hold, since }.into(), &place(Service::Intune, None));
        assert_eq!((on_hold.coded.code, on_hold.code), ("recoveryOnHold", "RecoveryOnHold"));
        assert_eq!(on_hold.coded.arguments["since"], "1970-01-01T00:00:00Z");
    }

    #[test]
    fn a_caller_without_the_right_is_called_what_it_is_in_the_form_of_the_service() {
        use ActorKind::{Application, Delegated};
        use Service::{Directory, Intune};
        let lacks = || GraphError::from(RightsRefusal::RoleLacks(RoleAction::RolesManage));
        let missing = || GraphError::from(RightsRefusal::MissingPermission(&[Permission::UserReadAll]));
        let none = || GraphError::from(RightsRefusal::NoRole);
        let denied = "Authorization_RequestDenied";
        for (error, service, caller, status, code, words) in [
            (lacks(), Intune, Application, 403, "Forbidden", "Application is not authorized to perform this operation"),
            (lacks(), Intune, Delegated, 403, "Forbidden", "User is not authorized to perform this operation"),
            (lacks(), Directory, Application, 403, denied, "The application needs a role"),
            (lacks(), Directory, Delegated, 403, denied, "The signed-in user needs a role"),
            (
                missing(),
                Intune,
                Application,
                403,
                "Forbidden",
                "Application must have one of the following scopes: User",
            ),
            (missing(), Intune, Delegated, 403, "Forbidden", "the token of the signed-in user has none of them"),
            (
                missing(),
                Directory,
                Application,
                403,
                denied,
                "The application must have one of these permissions: User",
            ),
            (missing(), Directory, Delegated, 403, denied, "The token of the signed-in user must have one of"),
            (none(), Intune, Delegated, 401, "UnknownError", "the signed-in user has no role"),
            (none(), Directory, Delegated, 403, denied, "The signed-in user has no role"),
            (RoleRefusal::Own.into(), Intune, Application, 403, "Forbidden", "Application is not authorized"),
        ] {
            let row = row(&error, &place(service, Some(caller)));
            assert_eq!((row.status.as_u16(), row.code), (status, code), "{error:?} {caller:?}");
            assert!(row.message.contains(words), "{error:?} {caller:?}: {}", row.message);
            assert_eq!(service == Directory, row.family == Family::Gateway, "{error:?} {caller:?}");
            if service == Directory {
                assert!(
                    row.message.starts_with("Insufficient privileges to complete the operation."),
                    "{}",
                    row.message
                );
            }
        }
    }

    #[test]
    fn what_is_refused_for_the_caller_is_counted_and_what_is_recorded_by_itself_is_not() {
        let since = Timestamp::UNIX_EPOCH;
        let hold = chaveiro_core::id::HoldId(uuid::Uuid::nil());
        for (error, expected) in [
            (GraphError::Token(TokenRefusal::Missing), Some(Reason::NoToken)),
            (GraphError::Token(TokenRefusal::BadSignature), Some(Reason::BadToken)),
            (GraphError::Token(TokenRefusal::PersonalAccount), Some(Reason::BadToken)),
            (GraphError::Token(TokenRefusal::IssuerUnavailable { retry_after_s: 1 }), None),
            (RevocationRefusal::TokenRevoked { valid_from: since }.into(), Some(Reason::RevokedToken)),
            (RightsRefusal::NoRole.into(), Some(Reason::Forbidden)),
            (TenantRefusal::Unlicensed.into(), Some(Reason::Forbidden)),
            (RightsRefusal::MissingPermission(&[]).into(), Some(Reason::Forbidden)),
            (RoleRefusal::Own.into(), Some(Reason::Forbidden)),
            (DeviceRefusal::NotFound.into(), Some(Reason::NotFound)),
            (ResourceRefusal::NotFound("user").into(), Some(Reason::NotFound)),
            (HoldRefusal::RecoveryOnHold { hold, since }.into(), None),
            (ResourceRefusal::Changed.into(), None),
            (DeviceRefusal::Retired.into(), None),
            (GraphError::Throttled(Throttled { retry_after_s: 1 }), Some(Reason::TooMany)),
            (GraphError::NoUserSignedIn, None),
            (GraphError::Busy, None),
        ] {
            let counted = reason(&error, &place(Service::Intune, None)).map(|(reason, _)| reason);
            assert_eq!(counted, expected, "{error:?}");
        }
    }
}
