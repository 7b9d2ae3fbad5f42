//! The one table from a refusal to a status, a code and a text.
//!
//! Graph has two families of errors. *Gateway* errors carry plain text. *Intune* errors carry a second JSON
//! document, as a string, inside `error.message`; its structure is kept, its host is ours. Codes and the
//! beginnings of texts are those that callers search for; what is ours says what to do next.

use chaveiro_auth::TokenRefusal;
use http::{StatusCode, header};

use super::GraphError;
use super::document::Place;
use super::refusal::of_refusal;
use super::row::{BAD_REQUEST, Row, challenge, gateway, intune};
use crate::batch::BatchError;
use crate::body::BodyError;
use crate::model::KeyForm;
use crate::negotiation::HeaderError;
use crate::resolve::{MalformedKey, PathError};
use crate::shown::shown;

/// Seconds after which a caller may try again when the store is busy.
const RETRY_AFTER_S: &str = "1";

/// Seconds after which a caller may try again when the disk is full: an operator has to make room.
const FULL_RETRY_AFTER_S: &str = "30";

/// Seconds after which a caller may try again when a person has to repair the escrow first.
const ESCROW_RETRY_AFTER_S: &str = "30";

/// The row of that error.
pub(super) fn row(error: &GraphError, place: &Place) -> Row {
    let base_url = place.base_url.as_str();
    match error {
        GraphError::Path(error) => of_path(error),
        GraphError::Token(refusal) => of_token(refusal, base_url),
        GraphError::Refused(refusal) => of_refusal(refusal, place),
        GraphError::Verb { method, template, path, allow, intune } => match intune {
            true => gateway(
                BAD_REQUEST,
                "No method match route template",
                format!(
                    "No OData route exists that match template {template} with http verb {method} for request /DeviceFE/StatelessDeviceFEService/{path}. Send one of {allow}."
                ),
            ),
            false => gateway(
                StatusCode::METHOD_NOT_ALLOWED,
                "Request_BadRequest",
                format!(
                    "Specified HTTP method is not allowed for the request target. It is {method}; send one of {allow}."
                ),
            ),
        }
        .with(header::ALLOW, allow),
        GraphError::NoUserSignedIn => gateway(
            BAD_REQUEST,
            "BadRequest",
            "/me request is only valid with delegated authentication flow. Sign a user in, or name one: /users/{id}.",
        ),
        GraphError::Key(key) => of_key(key),
        GraphError::Query(error) => gateway(BAD_REQUEST, "BadRequest", error.to_string()),
        GraphError::Header(error) => of_header(error),
        GraphError::Body(error) => of_body(error),
        GraphError::Batch(error) => of_batch(error),
        GraphError::Throttled(throttled) => gateway(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "Too many requests. Nothing was done; send it again after the seconds in Retry-After.",
        )
        .with(header::RETRY_AFTER, throttled.retry_after_s.to_string()),
        GraphError::Busy => gateway(
            StatusCode::SERVICE_UNAVAILABLE,
            "serviceNotAvailable",
            "The service is busy. Nothing was done; try again after the time in Retry-After.",
        )
        .with(header::RETRY_AFTER, RETRY_AFTER_S),
        GraphError::Full => gateway(
            StatusCode::SERVICE_UNAVAILABLE,
            "serviceNotAvailable",
            "The service cannot store anything at the moment: its disk is full. Try again after the time in Retry-After.",
        )
        .with(header::RETRY_AFTER, FULL_RETRY_AFTER_S),
        GraphError::EscrowNotReady(_) => gateway(
            StatusCode::SERVICE_UNAVAILABLE,
            "serviceNotAvailable",
            "The escrow of this tenant cannot take a passcode now, so no device is asked to change. Nothing was done; try again after the time in Retry-After, and ask the operator of the server to look at /readyz.",
        )
        .with(header::RETRY_AFTER, ESCROW_RETRY_AFTER_S),
        GraphError::Internal(_) => intune(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            "An error has occurred. Nothing was done; the operator finds the reason in the server's log under the request-id",
        ),
    }
}

fn of_path(error: &PathError) -> Row {
    let text = error.to_string();
    match error {
        PathError::TooLong => gateway(StatusCode::URI_TOO_LONG, "RequestUriTooLong", text),
        PathError::TooManyHops
        | PathError::NotText
        | PathError::Segment { .. }
        | PathError::NotOffered(_)
        | PathError::Bulk
        | PathError::KeyName { .. }
        | PathError::Alias(_)
        | PathError::Call { .. }
        | PathError::NoValue(_) => gateway(BAD_REQUEST, "BadRequest", text),
        PathError::Version(_) => gateway(StatusCode::NOT_FOUND, "ResourceNotFound", text),
    }
}

fn of_token(refusal: &TokenRefusal, base_url: &str) -> Row {
    let invalid = |text: &str| {
        gateway(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", text)
            .with(header::WWW_AUTHENTICATE, challenge(base_url))
    };
    match refusal {
        TokenRefusal::Missing => invalid("Access token is empty."),
        TokenRefusal::Malformed => invalid(
            "IDX14100: JWT is not well formed.\nThe token needs to be in JWS Compact Serialization Format: 'EncodedHeader.EncodedPayload.EncodedSignature'.",
        ),
        TokenRefusal::Expired => invalid("Lifetime validation failed, the token is expired."),
        TokenRefusal::NotYetValid => invalid("Access token has expired or is not yet valid."),
        TokenRefusal::WrongAudience => invalid("Access token validation failure. Invalid audience."),
        TokenRefusal::UnknownIssuer => invalid("Access token validation failure. Invalid issuer."),
        TokenRefusal::BadSignature => invalid("Access token validation failure."),
        TokenRefusal::WrongAlgorithm => invalid("Access token validation failure. Invalid algorithm."),
        TokenRefusal::NoTenant => invalid("Access token validation failure. The token names no tenant."),
        TokenRefusal::WrongType { claim } => {
            invalid(&format!("Access token validation failure. The claim {claim} has the wrong type."))
        }
        TokenRefusal::TimeOutOfRange { claim } => {
            invalid(&format!("Lifetime validation failed, the claim {claim} is out of range."))
        }
        TokenRefusal::IdToken => {
            invalid("Access token validation failure. This is an ID token; send the access token instead.")
        }
        TokenRefusal::LogoutToken => invalid("Access token validation failure. This is a logout token."),
        TokenRefusal::NotAnAccessToken => invalid("Access token validation failure. This is not an access token."),
        TokenRefusal::BoundToken => invalid(
            "Access token validation failure. The token is bound to a key (cnf), which this server does not check; ask the issuer for a bearer token.",
        ),
        TokenRefusal::NoClient => {
            invalid("Access token validation failure. The token names no client (azp, appid or client_id).")
        }
        TokenRefusal::ClientsDisagree => {
            invalid("Access token validation failure. Two of azp, appid and client_id name different clients.")
        }
        TokenRefusal::NoSubject => invalid("Access token validation failure. The token names no subject (oid or sub)."),
        TokenRefusal::SubjectUnclear => invalid(
            "Access token validation failure. The token does not say clearly whether it is a person's or an application's; see application-subjects in docs/identity.md.",
        ),
        TokenRefusal::KeyNotForSigning => {
            invalid("Access token validation failure. The issuer does not publish the key of the token for signing.")
        }
        TokenRefusal::PersonalAccount => gateway(
            BAD_REQUEST,
            "BadRequest",
            "Specified resource is not supported for MSA requests. Sign in with a work or school account.",
        ),
        TokenRefusal::KeysTooOld { retry_after_s } => gateway(
            StatusCode::SERVICE_UNAVAILABLE,
            "serviceNotAvailable",
            "The signing keys of the token's issuer could not be read for so long that the known ones no longer serve. Try again after the time in Retry-After.",
        )
        .with(header::RETRY_AFTER, retry_after_s.to_string()),
        TokenRefusal::IssuerUnavailable { retry_after_s } => gateway(
            StatusCode::SERVICE_UNAVAILABLE,
            "serviceNotAvailable",
            "The signing keys of the token's issuer cannot be read at the moment. Try again after the time in Retry-After.",
        )
        .with(header::RETRY_AFTER, retry_after_s.to_string()),
    }
}

fn of_key(key: &MalformedKey) -> Row {
    let name = key.of.name;
    match key.of.key_form {
        KeyForm::Guid(entity) => {
            let text =
                format!("An error has occurred: the id of {entity} must be a GUID, and '{}' is none", shown(&key.text));
            intune(BAD_REQUEST, "InternalError", text)
        }
        KeyForm::TypedGuid => {
            let text = format!("{name} id must be in the form of Guid, {name} id = {}", shown(&key.text));
            intune(BAD_REQUEST, "BadRequest", text)
        }
        KeyForm::ObjectId => {
            let text = format!("Invalid object identifier '{}'. Send the {name} id, a GUID.", shown(&key.text));
            gateway(BAD_REQUEST, "Request_BadRequest", text)
        }
        KeyForm::Text | KeyForm::None => gateway(BAD_REQUEST, "BadRequest", "There is no key here."),
    }
}

fn of_header(error: &HeaderError) -> Row {
    let text = error.to_string();
    match error {
        HeaderError::NotAcceptable { .. } => gateway(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", text),
        HeaderError::MaxVersion(_) | HeaderError::Version(_) => gateway(BAD_REQUEST, "BadRequest", text),
    }
}

fn of_body(error: &BodyError) -> Row {
    let text = error.to_string();
    match error {
        BodyError::TooSlow(_) => gateway(StatusCode::REQUEST_TIMEOUT, "RequestTimeout", text),
        BodyError::TooLarge(_) => gateway(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", text),
        BodyError::Encoding(_) => gateway(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", text)
            .with(header::ACCEPT_ENCODING, "gzip"),
        BodyError::Interrupted
        | BodyError::Corrupt
        | BodyError::NoContentType
        | BodyError::ContentType(_)
        | BodyError::Empty
        | BodyError::NotJson(_)
        | BodyError::NotAnObject(_)
        | BodyError::Twice { .. }
        | BodyError::Navigation { .. }
        | BodyError::UnknownProperty { .. }
        | BodyError::Parameter { .. }
        | BodyError::Missing { .. }
        | BodyError::ReadOnly { .. }
        | BodyError::NotKept { .. }
        | BodyError::Value { .. }
        | BodyError::Required { .. }
        | BodyError::Bind { .. } => gateway(BAD_REQUEST, "BadRequest", text),
    }
}

fn of_batch(error: &BatchError) -> Row {
    let text = error.to_string();
    match error {
        BatchError::Failed(_) => gateway(StatusCode::FAILED_DEPENDENCY, "FailedDependency", text),
        BatchError::Requests(_)
        | BatchError::Member { .. }
        | BatchError::TooMany(_)
        | BatchError::Id { .. }
        | BatchError::Duplicate(_)
        | BatchError::Dependency(_)
        | BatchError::Nested
        | BatchError::Url(_)
        | BatchError::Method(_)
        | BatchError::Header(_)
        | BatchError::ContentType
        | BatchError::Body => gateway(BAD_REQUEST, "BadRequest", text),
    }
}
