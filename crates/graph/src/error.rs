//! Every refusal of the Graph face, and the one table from it to a status, a code and a text.
//!
//! Graph has two families of errors. *Gateway* errors carry plain text. *Intune* errors carry a second JSON
//! document, as a string, inside `error.message`; its structure is kept, its host is ours. Codes and the
//! beginnings of texts are those that callers search for; what is ours says what to do next.

use axum::response::Response;
use bytes::Bytes;
use chaveiro_auth::TokenRefusal;
use chaveiro_core::application::{ApplicationRefusal, MAX_SECRETS};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::StoreError;
use chaveiro_core::resource::ResourceKind;
use chaveiro_core::{Fault, Refusal, Timestamp};
use http::{HeaderName, HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use thiserror::Error;

use crate::batch::BatchError;
use crate::body::BodyError;
use crate::follow::MalformedKey;
use crate::limits::Throttled;
use crate::model::{MODEL, Target};
use crate::query::QueryError;
use crate::resolve::{PathError, Version};

/// Seconds after which a caller may try again when the store is busy.
const RETRY_AFTER_S: &str = "1";

/// What Intune leaves as it is in the `Url` of its messages; parentheses and quotes are encoded there.
const KEPT_IN_URLS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Application id of Microsoft Graph, which clients expect in the challenge.
const GRAPH_APPLICATION: &str = "00000003-0000-0000-c000-000000000000";

/// Why a request is not answered as wished.
#[derive(Debug, Error)]
pub enum GraphError {
    /// The path is no walk.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The token.
    #[error("the token is refused: {0:?}")]
    Token(TokenRefusal),
    /// The domain said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The path is known, the verb is not for it.
    #[error("{method} is not for {template}")]
    Verb {
        /// As asked.
        method: String,
        /// The route template.
        template: String,
        /// The path, keys in parentheses.
        path: String,
        /// What is for it.
        allow: String,
        /// Whether Intune, or the rest of Graph, would answer.
        intune: bool,
    },
    /// `me`, and nobody is signed in.
    #[error("an application has no me")]
    NobodySignedIn,
    /// A key that cannot be one.
    #[error("malformed key {0:?}")]
    Key(MalformedKey),
    /// A query option.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The body.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// What an application cannot get or lose.
    #[error(transparent)]
    Application(#[from] ApplicationRefusal),
    /// A batch, or an item of one.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The caller asks for too much.
    #[error("throttled for {} seconds", .0.retry_after_s)]
    Throttled(Throttled),
    /// Too much is waiting.
    #[error("busy")]
    Busy,
    /// A fault of ours. The text is for the log alone.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<TokenRefusal> for GraphError {
    fn from(refusal: TokenRefusal) -> Self {
        Self::Token(refusal)
    }
}

impl From<Throttled> for GraphError {
    fn from(throttled: Throttled) -> Self {
        Self::Throttled(throttled)
    }
}

impl From<MalformedKey> for GraphError {
    fn from(key: MalformedKey) -> Self {
        Self::Key(key)
    }
}

impl From<StoreError> for GraphError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Busy,
            StoreError::TooCostly => Self::Query(QueryError::TooCostly),
            StoreError::Duplicate(what) => Self::Refused(Refusal::AlreadyExists(what)),
            StoreError::Unavailable(_) | StoreError::Inconsistent(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<Fault> for GraphError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(refusal) => Self::Refused(refusal),
            Fault::Store(error) => error.into(),
            Fault::Escrow(_) => Self::Internal(fault.to_string()),
        }
    }
}

/// Who words the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Gateway,
    Intune,
    /// Intune's answer to somebody without any role: its document once more inside another.
    NoRole,
}

/// One row of the table.
#[derive(Debug)]
struct Row {
    status: StatusCode,
    code: &'static str,
    family: Family,
    message: String,
    header: Option<(HeaderName, String)>,
}

fn gateway(status: StatusCode, code: &'static str, message: impl Into<String>) -> Row {
    Row { status, code, family: Family::Gateway, message: message.into(), header: None }
}

fn intune(status: StatusCode, code: &'static str, message: impl Into<String>) -> Row {
    Row { status, code, family: Family::Intune, message: message.into(), header: None }
}

impl Row {
    fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.header = Some((name, value.into()));
        self
    }
}

const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;

/// The table.
fn row(error: &GraphError, base_url: &str) -> Row {
    match error {
        GraphError::Path(error) => of_path(error),
        GraphError::Token(refusal) => of_token(refusal, base_url),
        GraphError::Refused(refusal) => of_refusal(refusal),
        GraphError::Verb { method, template, path, allow, intune } => match intune {
            true => gateway(
                BAD_REQUEST,
                "No method match route template",
                format!(
                    "No OData route exists that match template {template} with http verb {method} for request /DeviceFE/StatelessDeviceFEService/{path}."
                ),
            ),
            false => gateway(
                StatusCode::METHOD_NOT_ALLOWED,
                "Request_BadRequest",
                "Specified HTTP method is not allowed for the request target.",
            ),
        }
        .with(header::ALLOW, allow),
        GraphError::NobodySignedIn => gateway(
            BAD_REQUEST,
            "BadRequest",
            "/me request is only valid with delegated authentication flow. Sign a user in, or name one: /users/{id}.",
        ),
        GraphError::Key(key) => of_key(key),
        GraphError::Query(error) => gateway(BAD_REQUEST, "BadRequest", error.to_string()),
        GraphError::Body(error) => of_body(error),
        GraphError::Application(refusal) => of_application(refusal),
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
        | PathError::Segment(_)
        | PathError::NotOffered(_)
        | PathError::Bulk => gateway(BAD_REQUEST, "BadRequest", text),
        PathError::Version(_) => gateway(StatusCode::NOT_FOUND, "ResourceNotFound", text),
    }
}

fn of_token(refusal: &TokenRefusal, base_url: &str) -> Row {
    let invalid = |text: &str| {
        let challenge = format!(
            "Bearer realm=\"\", authorization_uri=\"{base_url}/common/oauth2/authorize\", client_id=\"{GRAPH_APPLICATION}\""
        );
        gateway(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", text).with(header::WWW_AUTHENTICATE, challenge)
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
        TokenRefusal::PersonalAccount => gateway(
            BAD_REQUEST,
            "BadRequest",
            "Specified resource is not supported for MSA requests. Sign in with a work or school account.",
        ),
        TokenRefusal::IssuerUnavailable { retry_after_s } => gateway(
            StatusCode::SERVICE_UNAVAILABLE,
            "serviceNotAvailable",
            "The signing keys of the token's issuer cannot be read at the moment. Try again after the time in Retry-After.",
        )
        .with(header::RETRY_AFTER, retry_after_s.to_string()),
    }
}

fn of_refusal(refusal: &Refusal) -> Row {
    let not_applicable = || gateway(BAD_REQUEST, "BadRequest", "Request not applicable to target tenant.");
    let precondition = |next: &str| {
        let comma = if next.is_empty() { "" } else { "; " };
        intune(BAD_REQUEST, "BadRequest", format!("An error has occurred: {refusal}{comma}{next}"))
    };
    match refusal {
        Refusal::DeviceNotFound => intune(
            StatusCode::NOT_FOUND,
            "ResourceNotFound",
            "An error has occurred: no managed device is reached by this path in your tenant; list them with GET /deviceManagement/managedDevices",
        ),
        Refusal::ResourceNotFound(kind) => intune(
            StatusCode::NOT_FOUND,
            "ResourceNotFound",
            format!(
                "An error has occurred: no {kind} is reached by this path in your tenant; list the collection before it to see what is"
            ),
        ),
        Refusal::MissingPermission(permissions) => intune(
            StatusCode::FORBIDDEN,
            "Forbidden",
            format!(
                "Application is not authorized to perform this operation. Application must have one of the following scopes: {}",
                names(permissions)
            ),
        ),
        Refusal::NoRole => Row {
            status: StatusCode::UNAUTHORIZED,
            code: "UnknownError",
            family: Family::NoRole,
            message:
                "An error has occurred: the signed-in user has no role in this tenant; ask an administrator for one"
                    .to_owned(),
            header: None,
        },
        Refusal::RoleLacks(action) => {
            let help = format!("; ask an administrator for a role with {action} whose scope holds what this is about");
            intune(
                StatusCode::FORBIDDEN,
                "Forbidden",
                format!("User is not authorized to perform this operation{help}"),
            )
        }
        Refusal::ScopeNotHeld(_) => {
            let help = "whoever moves a device into or out of a scope must hold it";
            let text = format!("User is not authorized to perform this operation: {refusal}; {help}");
            intune(StatusCode::FORBIDDEN, "Forbidden", text)
        }
        Refusal::RecoveryOnHold { since, .. } => gateway(
            StatusCode::FORBIDDEN,
            "RecoveryOnHold",
            format!(
                "Recoveries of this tenant are on hold since {since}, because more were asked for than its limit allows. Nothing was done for this device. Somebody else with a role that has Chaveiro_Holds_Release, or an operator on the server's host, sees what happened with `chaveiro hold list` and releases it with `chaveiro hold release`. For one device that cannot wait, a caller with the role Break Glass sends the header x-chaveiro-break-glass with a reason."
            ),
        ),
        Refusal::HoldReleased(_) => precondition("there is nothing to do"),
        Refusal::OwnHold => {
            let help = "somebody else with a role that has Chaveiro_Holds_Release looks at it, or an operator on the server's host with `chaveiro hold release`";
            let text = format!("User is not authorized to perform this operation: {refusal}; {help}");
            intune(StatusCode::FORBIDDEN, "Forbidden", text)
        }
        Refusal::ApplicationBeyondCaller => {
            let help = "whoever gives it a secret can act as it, and so must hold all of its permissions and the rights of its roles; an operator does it on the server's host with `chaveiro app add-secret`";
            let text = format!("Insufficient privileges to complete the operation: {refusal}; {help}.");
            gateway(StatusCode::FORBIDDEN, "Authorization_RequestDenied", text)
        }
        Refusal::BreakGlassReason => gateway(
            BAD_REQUEST,
            "BadRequest",
            format!("The header x-chaveiro-break-glass is no reason: {refusal}, in UTF-8. Nothing was done; say why."),
        ),
        Refusal::DeviceRetired | Refusal::DeviceNotEnrolled | Refusal::EnrollmentToken(_) => precondition(""),
        Refusal::PlatformUnsupported(_) => precondition("recover it at the device"),
        Refusal::RecoveryUnderWay => precondition("ask again in a minute"),
        Refusal::ActionEnded => precondition("ask for it again to start another"),
        Refusal::AlreadyExists(what) => gateway(
            BAD_REQUEST,
            "Request_BadRequest",
            format!("Another object with the same value for property {what} already exists."),
        ),
        Refusal::NotDisclosed(_) => {
            intune(StatusCode::FORBIDDEN, "Forbidden", format!("{refusal}; recover the passcode again"))
        }
        Refusal::Unlicensed => not_applicable(),
    }
}

fn of_key(key: &MalformedKey) -> Row {
    let kind = |kind: ResourceKind| {
        let name = kind.name();
        intune(BAD_REQUEST, "BadRequest", format!("{name} id must be in the form of Guid, {name} id = {}", key.text))
    };
    match key.target {
        Target::Device => {
            intune(BAD_REQUEST, "InternalError", "An error has occurred: the id of a managed device must be a GUID")
        }
        Target::Resource(of) => kind(of),
        Target::RemoteAction => {
            intune(BAD_REQUEST, "InternalError", "An error has occurred: the id of a remote action must be a GUID")
        }
        Target::AuditEvent => {
            intune(BAD_REQUEST, "InternalError", "An error has occurred: the id of an audit event must be a GUID")
        }
        Target::Unkept(name) => intune(
            BAD_REQUEST,
            "BadRequest",
            format!("{name} id must be in the form of Guid, {name} id = {}", key.text),
        ),
        Target::Hold => intune(BAD_REQUEST, "InternalError", "An error has occurred: the id of a hold must be a GUID"),
        Target::Application => {
            gateway(BAD_REQUEST, "Request_BadRequest", format!("Invalid object identifier '{}'.", key.text))
        }
        Target::Service | Target::DeviceManagement => gateway(BAD_REQUEST, "BadRequest", "There is no key here."),
    }
}

fn of_body(error: &BodyError) -> Row {
    let text = error.to_string();
    match error {
        BodyError::TooLarge(_) => gateway(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", text),
        BodyError::Encoding(_) => gateway(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", text)
            .with(header::ACCEPT_ENCODING, "gzip"),
        BodyError::Interrupted
        | BodyError::Corrupt
        | BodyError::NoContentType
        | BodyError::ContentType
        | BodyError::Empty
        | BodyError::NotJson
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

/// The words of the domain are for the command line; these are for callers of the API.
fn of_application(refusal: &ApplicationRefusal) -> Row {
    let text = match refusal {
        ApplicationRefusal::TooManySecrets(named) => format!(
            "The application has {MAX_SECRETS} password credentials, which is the most: {named}. Remove the one that nobody uses any more: POST .../removePassword with its keyId."
        ),
        ApplicationRefusal::Public => {
            "The application is a public client, which can keep no secret. Create another application for what runs on a server.".to_owned()
        }
        ApplicationRefusal::Unknown(id) => format!(
            "No password credential found with keyId {id}. GET the application to see what passwordCredentials it has."
        ),
        ApplicationRefusal::TooManyCertificates | ApplicationRefusal::CertificateTwice(_) => refusal.to_string(),
    };
    gateway(BAD_REQUEST, "Request_BadRequest", text)
}

fn of_batch(error: &BatchError) -> Row {
    let text = error.to_string();
    match error {
        BatchError::Failed(_) => gateway(StatusCode::FAILED_DEPENDENCY, "FailedDependency", text),
        BatchError::Format
        | BatchError::TooMany(_)
        | BatchError::Id
        | BatchError::Duplicate(_)
        | BatchError::Dependency(_)
        | BatchError::Nested
        | BatchError::Url
        | BatchError::Method
        | BatchError::Header(_)
        | BatchError::ContentType
        | BatchError::Body => gateway(BAD_REQUEST, "BadRequest", text),
    }
}

fn names(permissions: &[Permission]) -> String {
    permissions.iter().map(|permission| permission.name()).collect::<Vec<_>>().join(", ")
}

/// What the text of an error refers to.
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
    /// Now.
    pub now: Timestamp,
}

/// The response to that error, without the headers that every response has.
pub fn respond(error: &GraphError, place: &Place) -> Response {
    let row = row(error, &place.base_url);
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
        },
    }});
    let mut response = Response::new(axum::body::Body::from(Bytes::from(body.to_string())));
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

/// The document inside `error.message`. Line ends and indent are part of what clients have seen.
fn nested(text: &str, http_headers: &str, place: &Place) -> String {
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

/// The message for somebody without any role (graph.md 3.3): a JSON text that holds the document of [`nested`], whose
/// `HttpHeaders` has the challenge.
fn no_role(text: &str, place: &Place) -> String {
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

fn no_role_challenge(place: &Place) -> String {
    format!("Bearer realm=\"urn:intune:service,{},{}\"", uuid::Uuid::nil(), place.request_id)
}

/// Whether Intune, rather than the directory, would answer at that target.
pub fn is_intune(target: Target) -> bool {
    !matches!(target, Target::Resource(ResourceKind::User) | Target::Application) && MODEL.entity_type(target).is_some()
}
