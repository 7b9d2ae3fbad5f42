//! A row of the table of errors: the answer to one error, and the shapes that many rows share.
//!
//! The code of Graph (`error.code`) is shared by many errors, and the text is English. `innerError` has members for what
//! a service adds, and clients pass over those that they do not know. Ours are `chaveiro_code` and `chaveiro_arguments`: a
//! program tells the error in the language of its user by these.

use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::Timestamp;
use http::{HeaderName, StatusCode, header};
use serde_json::{Map, Value, json};

use super::document::Place;
use crate::model::Service;

/// Application id of Microsoft Graph, which clients expect in the challenge.
const GRAPH_APPLICATION: &str = "00000003-0000-0000-c000-000000000000";

/// The service whose words an error has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Plain text.
    Gateway,
    /// A document inside of the message.
    Intune,
    /// Intune's answer to a user without any role: its document once more inside another.
    NoRole,
}

/// The stable code of an error, with the values of its text.
#[derive(Debug, PartialEq)]
pub(crate) struct Coded {
    pub(crate) code: &'static str,
    pub(crate) arguments: Map<String, Value>,
}

/// Makes a [`Coded`]: the code, and the arguments by name. A code that was served once keeps its meaning and its arguments.
macro_rules! coded {
    ($code:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::error::Coded {
            code: $code,
            arguments: serde_json::Map::from_iter([$((stringify!($name).to_owned(), serde_json::json!($value))),*]),
        }
    };
}
pub(crate) use coded;

/// The answer to one error.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) coded: Coded,
    pub(crate) status: StatusCode,
    /// The code of Graph.
    pub(crate) code: &'static str,
    pub(crate) family: Family,
    pub(crate) message: String,
    pub(crate) header: Option<(HeaderName, String)>,
}

impl Row {
    pub(crate) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.header = Some((name, value.into()));
        self
    }
}

/// A row in plain text.
pub(crate) fn gateway(coded: Coded, status: StatusCode, code: &'static str, message: impl Into<String>) -> Row {
    Row { coded, status, code, family: Family::Gateway, message: message.into(), header: None }
}

/// A row whose text stands in Intune's document.
pub(crate) fn intune(coded: Coded, status: StatusCode, code: &'static str, message: impl Into<String>) -> Row {
    Row { coded, status, code, family: Family::Intune, message: message.into(), header: None }
}

/// The row of a request that the gateway does not understand.
pub(crate) fn bad_request(coded: Coded, message: impl Into<String>) -> Row {
    gateway(coded, StatusCode::BAD_REQUEST, "BadRequest", message)
}

/// The row of a request that the directory does not understand.
pub(crate) fn directory_request(coded: Coded, message: impl Into<String>) -> Row {
    gateway(coded, StatusCode::BAD_REQUEST, "Request_BadRequest", message)
}

/// The row of a condition that is not met; `next` says what to do, if there is anything.
pub(crate) fn precondition(coded: Coded, refusal: &dyn Display, next: &str) -> Row {
    let comma = if next.is_empty() { "" } else { "; " };
    intune(coded, StatusCode::BAD_REQUEST, "BadRequest", format!("An error has occurred: {refusal}{comma}{next}"))
}

/// The row of an entity that is absent.
pub(crate) fn not_found(coded: Coded, message: impl Display) -> Row {
    intune(coded, StatusCode::NOT_FOUND, "ResourceNotFound", format!("An error has occurred: {message}"))
}

/// The row of a request that the caller may not make; `help` says who may.
pub(crate) fn unauthorized(coded: Coded, refusal: &dyn Display, help: &str, place: &Place) -> Row {
    match place.service {
        Service::Intune => forbidden(coded, place, &format!(": {refusal}; {help}")),
        Service::Directory => denied(coded, &format!("{refusal}; {help}.")),
    }
}

/// Intune's row for a caller without the right.
pub(crate) fn forbidden(coded: Coded, place: &Place, more: &str) -> Row {
    let text = format!("{} is not authorized to perform this operation{more}", place.caller());
    intune(coded, StatusCode::FORBIDDEN, "Forbidden", text)
}

/// The directory's row for a caller without the right (docs/graph-facts.md#errors).
pub(crate) fn denied(coded: Coded, more: &str) -> Row {
    let text = format!("Insufficient privileges to complete the operation. {more}");
    gateway(coded, StatusCode::FORBIDDEN, "Authorization_RequestDenied", text)
}

/// The row of a request that may be sent again after so many seconds.
pub(crate) fn not_available(coded: Coded, text: &str, retry_after_s: impl Display) -> Row {
    gateway(coded, StatusCode::SERVICE_UNAVAILABLE, "serviceNotAvailable", text)
        .with(header::RETRY_AFTER, retry_after_s.to_string())
}

/// Names the issuer to which a client goes for a token.
pub(crate) fn challenge(base_url: &str) -> String {
    format!(
        "Bearer realm=\"\", authorization_uri=\"{base_url}/common/oauth2/authorize\", client_id=\"{GRAPH_APPLICATION}\""
    )
}

/// Asks for a token that was not issued before that moment (docs/graph-facts.md#errors). Clients hand the claims on to the issuer.
pub(crate) fn claims_challenge(base_url: &str, not_before: Timestamp) -> String {
    let moment = json!({"essential": true, "value": not_before.as_second().to_string()});
    let claims = STANDARD.encode(json!({"access_token": {"nbf": moment}}).to_string());
    format!("{}, error=\"insufficient_claims\", claims=\"{claims}\"", challenge(base_url))
}
