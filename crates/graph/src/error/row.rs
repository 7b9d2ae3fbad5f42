//! A row of the table of errors, and the challenges that some rows carry.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::Timestamp;
use http::{HeaderName, StatusCode};
use serde_json::json;

/// Application id of Microsoft Graph, which clients expect in the challenge.
const GRAPH_APPLICATION: &str = "00000003-0000-0000-c000-000000000000";

/// The service whose words an error has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Plain text.
    Gateway,
    /// A document inside of the message.
    Intune,
    /// Intune's answer to a user without any role: its document once more inside another.
    NoRole,
}

/// One row of the table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) family: Family,
    pub(super) message: String,
    pub(super) header: Option<(HeaderName, String)>,
}

pub(super) fn gateway(status: StatusCode, code: &'static str, message: impl Into<String>) -> Row {
    Row { status, code, family: Family::Gateway, message: message.into(), header: None }
}

pub(super) fn intune(status: StatusCode, code: &'static str, message: impl Into<String>) -> Row {
    Row { status, code, family: Family::Intune, message: message.into(), header: None }
}

impl Row {
    pub(super) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.header = Some((name, value.into()));
        self
    }
}

pub(super) const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;

/// Names the issuer to which a client goes for a token.
pub(super) fn challenge(base_url: &str) -> String {
    format!(
        "Bearer realm=\"\", authorization_uri=\"{base_url}/common/oauth2/authorize\", client_id=\"{GRAPH_APPLICATION}\""
    )
}

/// Asks for a token that was not issued before that moment (docs/graph-facts.md#errors). Clients hand the claims on to the issuer.
pub(super) fn claims_challenge(base_url: &str, not_before: Timestamp) -> String {
    let moment = json!({"essential": true, "value": not_before.as_second().to_string()});
    let claims = STANDARD.encode(json!({"access_token": {"nbf": moment}}).to_string());
    format!("{}, error=\"insufficient_claims\", claims=\"{claims}\"", challenge(base_url))
}
