//! The endpoints, in the paths and with the headers that Microsoft's identity libraries expect (docs/graph-facts.md,
//! #login-headers and #login-endpoints).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use chaveiro_core::id::{ApplicationId, TenantId};
use chaveiro_core::ports::{Clock, Entropy, Peer, Sender, Store, View};
use chaveiro_core::refused::{By, Face, Refused, RefusedRequests};
use chaveiro_core::tenant::Tenant;
use chaveiro_core::{Fault, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::{Uuid, uuid};

use super::error::Refusal;
use super::limits::TokenLimits;
use super::origin::{Origin, TrustedProxies};
use super::{LocalIssuer, discovery, grants, page, sign_in};

/// The time in which a form must arrive. A request may take longer as a whole, so that the answer says what was wrong.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes of a body that are read before it is refused as no form: a connection with unread bytes would be reset.
const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

/// The tenant of personal Microsoft accounts, by its id and by its name.
const CONSUMERS: Uuid = uuid!("9188040d-6c67-4c5b-b112-36a304b66dad");

/// Names that stand for "whichever tenant the person belongs to".
const ANY_TENANT: [&str; 2] = ["common", "organizations"];

const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");

/// The paths where tokens are given out, sign-ins begin, and sign-ins end.
pub(super) const TOKEN_PATH: &str = "/{tenant}/oauth2/v2.0/token";
pub(super) const DEVICE_CODE_PATH: &str = "/{tenant}/oauth2/v2.0/devicecode";
pub(super) const REVOKE_PATH: &str = "/{tenant}/oauth2/v2.0/revoke";

pub(super) struct Endpoint {
    pub(super) issuer: Arc<LocalIssuer>,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) limits: TokenLimits,
    pub(super) proxies: TrustedProxies,
}

pub(super) fn router(endpoint: Endpoint) -> Router {
    let endpoint = Arc::new(endpoint);
    let forms = Router::new()
        .route(TOKEN_PATH, post(grants::token))
        .route(DEVICE_CODE_PATH, post(sign_in::device_code))
        .route(REVOKE_PATH, post(sign_in::revoke))
        .layer(middleware::from_fn_with_state(Arc::clone(&endpoint), with_body));
    forms
        .route("/{tenant}/oauth2/v2.0/authorize", get(page::no_browser_sign_in).post(page::no_browser_sign_in))
        // The address that the challenge of a refused request names, as Graph's does.
        .route("/{tenant}/oauth2/authorize", get(page::no_browser_sign_in).post(page::no_browser_sign_in))
        .route("/{tenant}/oauth2/v2.0/logout", get(page::sign_out))
        .route("/devicelogin", get(page::device_login))
        .route("/error", get(page::error))
        .route(discovery::DOCUMENT_PATH, get(discovery::document))
        .route("/{tenant}/.well-known/openid-configuration", get(discovery::document))
        .route(discovery::KEYS_PATH, get(discovery::keys))
        .route("/common/discovery/keys", get(discovery::all_keys))
        .route("/common/discovery/instance", get(discovery::instance))
        .route("/common/userrealm/{user}", get(no_user_realm))
        .layer(middleware::from_fn_with_state(Arc::clone(&endpoint), with_call))
        .with_state(endpoint)
}

/// Answers that no federated realm exists; libraries read this as "an ordinary account".
async fn no_user_realm() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// The identifiers of one request, for later diagnosis.
#[derive(Clone, Copy)]
pub(super) struct Call {
    /// Our id: `trace_id`, `x-ms-request-id`.
    pub(super) trace: Uuid,
    /// The client's `client-request-id`, if it sent one.
    pub(super) correlation: Uuid,
    /// The origin by which limits count.
    pub(super) origin: Origin,
    /// The address of the client, for the audit record.
    pub(super) address: Option<IpAddr>,
}

/// The application that the sender of a request claims to be, and the endpoint.
pub(super) struct Claim {
    pub(super) face: Face,
    path: &'static str,
    pub(super) of: Option<(TenantId, ApplicationId)>,
}

impl Claim {
    /// A sender that has not named an application yet.
    pub(super) fn at(face: Face, path: &'static str) -> Self {
        Self { face, path, of: None }
    }

    /// The refusal as the audit record and the metrics count it.
    fn refused(&self, refusal: &Refusal) -> Option<Refused> {
        let (reason, code) = (refusal.reason()?, format!("AADSTS{}", refusal.row().code));
        let by = match self.of {
            Some((tenant, id)) => By::Claimed { tenant, application: Some(id), user: refusal.user() },
            None => By::Stranger,
        };
        Some(Refused { face: self.face, reason, by, path: self.path.to_owned(), code })
    }
}

/// Waits for the form of a request, and refuses one that does not arrive in time.
async fn with_body(
    State(endpoint): State<Arc<Endpoint>>,
    Extension(call): Extension<Call>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let refused = |refusal| endpoint.refuse(&refusal, call, &Claim::at(Face::Token, TOKEN_PATH));
    let Ok(read) = timeout(PATIENCE, to_bytes(body, MAX_BODY_BYTES)).await else {
        return refused(Refusal::TooSlow(PATIENCE.as_secs()));
    };
    match read {
        Ok(bytes) => next.run(Request::from_parts(parts, bytes.into())).await,
        Err(_) => refused(Refusal::NotAForm),
    }
}

/// Adds the ids of the request to every answer, and forbids clients to guess its content type.
async fn with_call(State(endpoint): State<Arc<Endpoint>>, mut request: Request, next: Next) -> Response {
    let sent = client_request_id(&request);
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let call = Call {
        trace: endpoint.entropy.uuid(),
        correlation: sent.unwrap_or_else(|| endpoint.entropy.uuid()),
        origin: Origin::of(peer, request.headers(), &endpoint.proxies),
        address: peer.map(|peer| endpoint.proxies.client(peer, request.headers())),
    };
    let connection = request.extensions().get::<Arc<dyn Peer>>().cloned();
    request.extensions_mut().insert(call);
    let mut response = next.run(request).await;
    // Tokens are given only after a proof.
    let proven = response.extensions().get() == Some(&Sender::Known);
    if let Some(connection) = connection.filter(|_| proven) {
        connection.has_proven_itself();
    }
    let headers = response.headers_mut();
    set(headers, REQUEST_ID, &call.trace.to_string());
    if sent.is_some() {
        set(headers, CLIENT_REQUEST_ID, &call.correlation.to_string());
    }
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    response
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Reads the client's request id: Python sends a header, JavaScript a query parameter.
fn client_request_id(request: &Request) -> Option<Uuid> {
    let header = request.headers().get(CLIENT_REQUEST_ID).and_then(|value| value.to_str().ok());
    let header = header.and_then(|text| Uuid::try_parse(text).ok());
    header.or_else(|| Uuid::try_parse(&query(request.uri().query(), "client-request-id")?).ok())
}

/// The parameter of that name.
pub(super) fn query(query: Option<&str>, name: &str) -> Option<String> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query?).ok()?;
    pairs.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// The tenant that a path names.
pub(super) struct Named {
    pub(super) tenant: Tenant,
    /// Set if the path said `common` or `organizations`, which is enough while there is only one tenant.
    pub(super) by_any: bool,
}

/// Finds the tenant of that id, or of that name if the name is unique.
pub(super) fn find_tenant(view: &dyn View, name: &str) -> Result<Named, Fault<Refusal>> {
    if is_consumers(name) {
        return Err(Fault::Refused(Refusal::PersonalAccounts));
    }
    if let Ok(id) = Uuid::try_parse(name) {
        let found = view.tenant(TenantId(id))?.map(|tenant| Named { tenant, by_any: false });
        return found.ok_or_else(|| Fault::Refused(Refusal::UnknownTenant(name.to_owned())));
    }
    let by_any = is_any(name);
    let tenants = view.tenants()?.into_iter();
    let mut found = tenants.filter(|tenant| by_any || tenant.display_name.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (Some(tenant), None) => Ok(Named { tenant, by_any }),
        (None | Some(_), _) if by_any => Err(Fault::Refused(Refusal::NoTenantNamed)),
        (None | Some(_), _) => Err(Fault::Refused(Refusal::UnknownTenant(name.to_owned()))),
    }
}

pub(super) fn is_any(name: &str) -> bool {
    ANY_TENANT.iter().any(|any| any.eq_ignore_ascii_case(name))
}

pub(super) fn is_consumers(name: &str) -> bool {
    name.eq_ignore_ascii_case("consumers") || Uuid::try_parse(name) == Ok(CONSUMERS)
}

impl Endpoint {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Builds an answer of the token endpoints.
    pub(super) fn answer(&self, answer: Result<Value, Refusal>, call: Call, claim: &Claim) -> Response {
        match answer {
            Ok(value) => no_store(StatusCode::OK, value),
            Err(refusal) => self.refuse(&refusal, call, claim),
        }
    }

    pub(super) fn refuse(&self, refusal: &Refusal, call: Call, claim: &Claim) -> Response {
        let (row, base) = (refusal.row(), &self.issuer.base_url);
        let timestamp = self.now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let Call { trace, correlation, .. } = call;
        let text = refusal.text(base);
        let code = row.code;
        let mut answer = json!({
            "error": row.error,
            "error_description": format!(
                "AADSTS{code}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {timestamp}"
            ),
            "error_codes": [code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("{base}/error?code={code}"),
        });
        if let Some(suberror) = row.suberror {
            answer["suberror"] = suberror.into();
        }
        let mut response = no_store(row.status, answer);
        if let Some(refused) = claim.refused(refusal) {
            response.extensions_mut().insert(RefusedRequests(vec![refused]));
        }
        if let Some(seconds) = refusal.retry_after_s() {
            set(response.headers_mut(), header::RETRY_AFTER, &seconds.to_string());
        }
        if row.status == StatusCode::UNAUTHORIZED {
            // RFC 6749, 5.2: a client that tried this method is told that it exists.
            set(response.headers_mut(), header::WWW_AUTHENTICATE, "Basic realm=\"chaveiro\"");
        }
        response
    }
}

/// Hides a fault of the store from the client, which is asked to retry.
pub(super) fn busy(error: &Fault) -> Refusal {
    tracing::error!(%error, "a sign-in could not be answered");
    Refusal::Busy
}

/// Returns the refusal of a decision, or the answer to a fault of the store.
pub(super) fn refused(fault: Fault<Refusal>) -> Refusal {
    match fault {
        Fault::Refused(refusal) => refusal,
        Fault::Store(error) => busy(&error.into()),
        Fault::Escrow(error) => busy(&Fault::Escrow(error)),
    }
}

fn no_store(status: StatusCode, body: Value) -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-store, no-cache"),
        (header::PRAGMA, "no-cache"),
        (header::EXPIRES, "-1"),
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
    ];
    (status, headers, body.to_string()).into_response()
}

/// A public document that caches may keep for that long.
pub(super) fn public(body: &Value, seconds: u32) -> Response {
    let headers = [
        (header::CACHE_CONTROL, format!("max-age={seconds}, private")),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*".to_owned()),
        (header::CONTENT_TYPE, "application/json; charset=utf-8".to_owned()),
    ];
    (StatusCode::OK, headers, body.to_string()).into_response()
}
