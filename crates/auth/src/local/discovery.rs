//! The issuer's description of itself (docs/graph-facts.md#login-endpoints): each field is true of this server.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::response::Response;
use chaveiro_core::refused::Face;
use serde_json::{Value, json};

use super::error::Refusal;
use super::http::{Call, Claim, Endpoint, find_tenant, is_any, is_consumers, public, refused};

/// The paths of the document and of the keys of a tenant.
pub(super) const DOCUMENT_PATH: &str = "/{tenant}/v2.0/.well-known/openid-configuration";
pub(super) const KEYS_PATH: &str = "/{tenant}/discovery/v2.0/keys";

/// The cache lifetime of the document, which changes with a release. Keys change when an operator rotates them.
const DOCUMENT_S: u32 = 86_400;
const KEYS_S: u32 = 300;

pub(super) async fn document(
    State(endpoint): State<Arc<Endpoint>>,
    Extension(call): Extension<Call>,
    Path(tenant): Path<String>,
) -> Response {
    match endpoint.document(&tenant).await {
        Ok(document) => public(&document, DOCUMENT_S),
        Err(refusal) => endpoint.refuse(&refusal, call, &Claim::at(Face::Token, DOCUMENT_PATH)),
    }
}

pub(super) async fn keys(
    State(endpoint): State<Arc<Endpoint>>,
    Extension(call): Extension<Call>,
    Path(tenant): Path<String>,
) -> Response {
    match endpoint.path_of(&tenant).await {
        Ok(_) => all_keys(State(endpoint)).await,
        Err(refusal) => endpoint.refuse(&refusal, call, &Claim::at(Face::Token, KEYS_PATH)),
    }
}

/// Serves the keys, which are the same for every tenant. The `iss` of a token says which tenant it belongs to.
pub(super) async fn all_keys(State(endpoint): State<Arc<Endpoint>>) -> Response {
    if let Err(error) = endpoint.issuer.keys.reload() {
        tracing::error!(%error, "the signing keys were not read");
    }
    let keys = endpoint.issuer.keys.current();
    let keys: Vec<_> = keys.iter().map(|key| &key.public.jwk).collect();
    public(&json!({ "keys": keys }), KEYS_S)
}

pub(super) async fn instance(State(endpoint): State<Arc<Endpoint>>) -> Response {
    let host = endpoint.host();
    let document = json!({
        "tenant_discovery_endpoint":
            format!("{}/common/v2.0/.well-known/openid-configuration", endpoint.issuer.base_url),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    });
    public(&document, DOCUMENT_S)
}

impl Endpoint {
    fn host(&self) -> &str {
        let base = self.issuer.base_url.as_str();
        base.strip_prefix("https://").unwrap_or(base)
    }

    /// Returns the prefix of a tenant's paths, and its issuer. Entra answers `common` with a placeholder in the issuer,
    /// and clients know it.
    async fn path_of(&self, name: &str) -> Result<(String, String), Refusal> {
        let base = &self.issuer.base_url;
        if is_any(name) {
            let name = name.to_ascii_lowercase();
            return Ok((format!("{base}/{name}"), format!("{base}/{{tenantid}}/v2.0")));
        }
        if is_consumers(name) {
            return Err(Refusal::PersonalAccounts);
        }
        let asked = name.to_owned();
        let found = self.store.try_read(move |view| find_tenant(view, &asked)).await;
        let id = found.map_err(refused)?.tenant.id;
        Ok((format!("{base}/{id}"), self.issuer.issuer(id)))
    }

    async fn document(&self, name: &str) -> Result<Value, Refusal> {
        let (path, issuer) = self.path_of(name).await?;
        let host = self.host();
        Ok(json!({
            "token_endpoint": format!("{path}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256"],
            "jwks_uri": format!("{path}/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            // The field is required, and empty is true: this server has no sign-in in the browser.
            "response_types_supported": [],
            "grant_types_supported":
                ["client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": issuer,
            "request_uri_parameter_supported": false,
            "authorization_endpoint": format!("{path}/oauth2/v2.0/authorize"),
            // MSAL.js derives it from token_endpoint, MSAL Python reads it here: they must agree.
            "device_authorization_endpoint": format!("{path}/oauth2/v2.0/devicecode"),
            "revocation_endpoint": format!("{path}/oauth2/v2.0/revoke"),
            // Beside Graph, as in Entra ID: it takes tokens for Graph.
            "userinfo_endpoint": format!("{}/oidc/userinfo", self.issuer.base_url),
            "http_logout_supported": false,
            "frontchannel_logout_supported": false,
            "end_session_endpoint": format!("{path}/oauth2/v2.0/logout"),
            "claims_supported": [
                "sub", "iss", "aud", "exp", "iat", "nbf", "tid", "oid", "name", "preferred_username", "uti", "ver"
            ],
            "tenant_region_scope": null,
            "cloud_instance_name": host,
            "cloud_graph_host_name": host,
            "msgraph_host": host,
        }))
    }
}
