//! The endpoints, in the paths and shapes that Microsoft's identity libraries expect.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::id::{ApplicationId, TenantId};
use chaveiro_core::ports::{Clock, Entropy, Store};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::LocalIssuer;
use crate::client_secret::verify_client_secret;

/// The largest form that is read, in bytes. Libraries add telemetry to it.
const MAX_FORM_BYTES: usize = 16 * 1024;

struct Endpoint {
    issuer: Arc<LocalIssuer>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

pub(super) fn router(
    issuer: Arc<LocalIssuer>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Router {
    Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(token))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(discovery))
        .route("/{tenant}/.well-known/openid-configuration", get(discovery))
        .route("/{tenant}/discovery/v2.0/keys", get(jwks))
        .route("/common/discovery/keys", get(all_jwks))
        .route("/common/discovery/instance", get(instance))
        .with_state(Arc::new(Endpoint { issuer, store, clock, entropy }))
}

async fn discovery(State(endpoint): State<Arc<Endpoint>>, Path(tenant): Path<String>) -> Response {
    let base = format!("{}/{tenant}", endpoint.issuer.base_url);
    let issuer = match Uuid::try_parse(&tenant) {
        Ok(tenant) => endpoint.issuer.issuer(TenantId(tenant)),
        // Entra answers these names with a placeholder in the issuer, and clients know it.
        Err(_) if ["common", "organizations"].contains(&tenant.as_str()) => {
            format!("{}/{{tenantid}}/v2.0", endpoint.issuer.base_url)
        }
        Err(_) => return endpoint.refuse(Refusal::UnknownTenant(tenant)),
    };
    let document = json!({
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer,
        "request_uri_parameter_supported": false,
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nbf", "tid", "oid", "azp", "appid", "roles", "ver"],
        "tenant_region_scope": null,
    });
    Json(document).into_response()
}

async fn jwks(State(endpoint): State<Arc<Endpoint>>, Path(tenant): Path<String>) -> Response {
    let known = Uuid::try_parse(&tenant).is_ok() || ["common", "organizations"].contains(&tenant.as_str());
    if !known {
        return endpoint.refuse(Refusal::UnknownTenant(tenant));
    }
    all_jwks(State(endpoint)).await
}

async fn all_jwks(State(endpoint): State<Arc<Endpoint>>) -> Response {
    if let Err(error) = endpoint.issuer.keys.reload() {
        tracing::error!(%error, "the signing keys were not read");
    }
    let keys = endpoint.issuer.keys.current();
    let keys: Vec<_> = keys.iter().map(|key| &key.public).collect();
    Json(json!({ "keys": keys })).into_response()
}

async fn instance(State(endpoint): State<Arc<Endpoint>>) -> Response {
    let base = &endpoint.issuer.base_url;
    let host = base.strip_prefix("https://").unwrap_or(base);
    let document = json!({
        "tenant_discovery_endpoint": format!("{base}/common/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    });
    Json(document).into_response()
}

/// The form of a token request; other fields are telemetry.
#[derive(Default, Deserialize)]
struct Form {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
}

/// Why no token is given.
enum Refusal {
    UnknownTenant(String),
    NotAForm,
    Missing(&'static str),
    Grant(String),
    Scope(String),
    NoSecret,
    WrongSecret,
    UnknownApplication(String),
    Busy,
}

async fn token(
    State(endpoint): State<Arc<Endpoint>>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match endpoint.token(&tenant, &headers, &body).await {
        Ok(response) => response,
        Err(refusal) => endpoint.refuse(refusal),
    }
}

impl Endpoint {
    async fn token(&self, tenant: &str, headers: &HeaderMap, body: &[u8]) -> Result<Response, Refusal> {
        let unknown_tenant = || Refusal::UnknownTenant(tenant.to_owned());
        let tenant_id = Uuid::try_parse(tenant).map(TenantId).map_err(|_| unknown_tenant())?;
        let mut form = read_form(body)?;
        if let Some((id, secret)) = basic(headers) {
            form.client_id = Some(id);
            form.client_secret = Some(secret);
        }
        match form.grant_type.as_deref() {
            Some("client_credentials") => {}
            Some(other) => return Err(Refusal::Grant(other.to_owned())),
            None => return Err(Refusal::Missing("grant_type")),
        }
        let id = form.client_id.ok_or(Refusal::Missing("client_id"))?;
        let secret = form.client_secret.ok_or(Refusal::NoSecret)?;
        self.check_scope(form.scope.as_deref().ok_or(Refusal::Missing("scope"))?)?;

        let application_id: Option<ApplicationId> = id.parse().ok();
        let found = self.store.read(move |view| {
            let tenant = view.tenant(tenant_id)?;
            let application = match application_id {
                Some(id) => view.application(tenant_id, id)?,
                None => None,
            };
            Ok((tenant, application))
        });
        let (tenant, application) = found.await.map_err(|error| {
            tracing::error!(%error, "an application was not read");
            Refusal::Busy
        })?;
        tenant.ok_or_else(unknown_tenant)?;
        let application = application.ok_or(Refusal::UnknownApplication(id))?;
        if !application.secret_hashes.iter().any(|line| verify_client_secret(&secret, line)) {
            return Err(Refusal::WrongSecret);
        }
        let minted = self.issuer.mint_for_application(&application, self.clock.now(), self.entropy.as_ref());
        let token = minted.map_err(|error| {
            tracing::error!(%error, "a token was not minted");
            Refusal::Busy
        })?;
        let seconds = token.lifetime.as_secs();
        let answer = json!({
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": token.expose_secret(),
        });
        Ok(no_store(StatusCode::OK, answer))
    }

    /// Every scope must mean Graph: `…/.default`, of any of its names or of this server.
    fn check_scope(&self, scope: &str) -> Result<(), Refusal> {
        let ours = |resource: &str| {
            let resource = resource.trim_end_matches('/');
            crate::GRAPH_AUDIENCES.iter().any(|name| name.trim_end_matches('/') == resource)
                || resource == self.issuer.base_url
                || resource.strip_prefix("api://").is_some_and(|name| name == crate::GRAPH_APPLICATION_ID)
        };
        let fits = |scope: &str| {
            ["openid", "profile", "offline_access", ".default"].contains(&scope)
                || scope.strip_suffix("/.default").is_some_and(ours)
        };
        match scope.split_ascii_whitespace().find(|scope| !fits(scope)) {
            Some(wrong) => Err(Refusal::Scope(wrong.to_owned())),
            None => Ok(()),
        }
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        let (status, error, code, text) = match refusal {
            Refusal::UnknownTenant(tenant) => (
                StatusCode::BAD_REQUEST,
                "invalid_tenant",
                90002,
                format!("Tenant '{tenant}' not found. Use the tenant id that `chaveiro tenant list` prints."),
            ),
            Refusal::NotAForm => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                900144,
                "The request body must be application/x-www-form-urlencoded.".to_owned(),
            ),
            Refusal::Missing(field) => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                900144,
                format!("The request body must contain the following parameter: '{field}'."),
            ),
            Refusal::Grant(grant) => (
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                70003,
                format!("The grant type '{grant}' is not supported here. Use client_credentials."),
            ),
            Refusal::Scope(scope) => (
                StatusCode::BAD_REQUEST,
                "invalid_scope",
                70011,
                format!("The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid; ask for https://graph.microsoft.com/.default or {}/.default.", self.issuer.base_url),
            ),
            Refusal::NoSecret => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                7000216,
                "'client_secret' is required for the 'client_credentials' grant type.".to_owned(),
            ),
            Refusal::WrongSecret => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID; make another with `chaveiro app add-secret`.".to_owned(),
            ),
            Refusal::UnknownApplication(id) => (
                StatusCode::BAD_REQUEST,
                "unauthorized_client",
                700016,
                format!("Application with identifier '{id}' was not found in the directory. Register it with `chaveiro app register`."),
            ),
            Refusal::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                90033,
                "A transient error has occurred. Please try again.".to_owned(),
            ),
        };
        let now = self.clock.now();
        let timestamp = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let (trace, correlation) = (self.entropy.uuid(), self.entropy.uuid());
        let description = format!(
            "AADSTS{code}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {timestamp}"
        );
        let answer = json!({
            "error": error,
            "error_description": description,
            "error_codes": [code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
        });
        let mut response = no_store(status, answer);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

fn no_store(status: StatusCode, body: serde_json::Value) -> Response {
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
    (status, headers, Json(body)).into_response()
}

fn read_form(body: &[u8]) -> Result<Form, Refusal> {
    if body.len() > MAX_FORM_BYTES {
        return Err(Refusal::NotAForm);
    }
    serde_urlencoded::from_bytes(body).map_err(|_| Refusal::NotAForm)
}

/// RFC 6749, 2.3.1: both halves are form-encoded before they are joined.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decoded_form_value(id)?, decoded_form_value(secret)?))
}

fn decoded_form_value(text: &str) -> Option<String> {
    let pair: Vec<(String, String)> = serde_urlencoded::from_str(&format!("v={text}")).ok()?;
    pair.into_iter().next().map(|(_, value)| value)
}
