//! The documents that Intune puts inside `error.message`.

use chaveiro_core::Timestamp;
use chaveiro_core::caller::ActorKind;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::model::Service;
use crate::resolve::Version;

/// The characters that Intune leaves as they are in the `Url` of its messages; it encodes parentheses and quotes.
const KEPT_IN_URLS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The facts that the text of an error refers to.
#[derive(Clone, Debug)]
pub struct Place {
    /// `scheme://host:port` of the server.
    pub base_url: String,
    /// The version asked.
    pub version: Version,
    /// The path, keys in parentheses, when it was understood.
    pub path: String,
    /// `request-id`.
    pub request_id: String,
    /// `client-request-id`, or the request id.
    pub client_request_id: String,
    /// The time of the answer.
    pub now: Timestamp,
    /// The service of Microsoft that would answer.
    pub service: Service,
    /// The kind of the caller, once its token is verified.
    pub caller: Option<ActorKind>,
}

impl Place {
    /// The caller in the words of Graph.
    pub(super) fn caller(&self) -> &'static str {
        match self.caller {
            Some(ActorKind::Application) => "Application",
            Some(ActorKind::Delegated | ActorKind::Operator | ActorKind::Device | ActorKind::System) | None => "User",
        }
    }
}

/// The document inside `error.message`. Line ends and indent are part of what clients have seen.
pub(super) fn nested(text: &str, http_headers: &str, place: &Place) -> String {
    let encoded = utf8_percent_encode(&place.path, KEPT_IN_URLS);
    let version = match place.version {
        Version::Beta => "5026-05-10",
        Version::V1 => "2026-05-10",
    };
    let message = format!(
        "{text} - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - Activity ID: {} - Url: {}/DeviceFE/StatelessDeviceFEService/{encoded}?api-version={version}",
        place.client_request_id, place.base_url
    );
    let message = serde_json::Value::from(message);
    [
        "{".to_owned(),
        "  \"_version\": 3,".to_owned(),
        format!("  \"Message\": {message},"),
        "  \"CustomApiErrorPhrase\": \"\",".to_owned(),
        "  \"RetryAfter\": null,".to_owned(),
        "  \"ErrorSourceService\": \"\",".to_owned(),
        format!("  \"HttpHeaders\": {}", serde_json::Value::from(http_headers)),
        "}".to_owned(),
    ]
    .join("\r\n")
}

/// The message for a user without any role (docs/graph-facts.md#errors): a JSON text that holds the document of [`nested`], whose
/// `HttpHeaders` has the challenge.
pub(super) fn no_role(text: &str, place: &Place) -> String {
    let headers = json!({"WWW-Authenticate": no_role_challenge(place)}).to_string();
    json!({
        "ErrorCode": "Forbidden",
        "Message": nested(text, &headers, place),
        "Target": null,
        "Details": null,
        "InnerError": null,
        "InstanceAnnotations": [],
    })
    .to_string()
}

pub(super) fn no_role_challenge(place: &Place) -> String {
    format!("Bearer realm=\"urn:intune:service,{},{}\"", uuid::Uuid::nil(), place.request_id)
}
