//! The local issuer: makes the embedded default work with no outside service. It knows applications,
//! not people: client credentials, and operator tokens minted on the host.

mod http;
pub(crate) mod keys;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro_core::Timestamp;
use chaveiro_core::id::TenantId;
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{Clock, Entropy, Store};
use chaveiro_core::tenant::Application;
use jsonwebtoken::Header;
use jsonwebtoken::jwk::Jwk;
use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;
use zeroize::Zeroizing;

use keys::{ALGORITHM, IssuerKeys, KeyError};

/// `idtyp` of tokens that a person minted on the host.
pub(crate) const OPERATOR: &str = "operator";

/// How long a token lives.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The longest life an operator may ask for.
const MAX_OPERATOR_LIFETIME: Duration = Duration::from_secs(8 * 60 * 60);

/// Why no token was minted.
#[derive(Debug, Error)]
pub enum MintError {
    /// The signing key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Signing failed.
    #[error("the token could not be signed")]
    Signing,
    /// Longer than a key is kept.
    #[error("a token may live for at most {} hours", MAX_OPERATOR_LIFETIME.as_secs() / 3600)]
    TooLong,
}

/// A bearer token in clear.
pub struct AccessToken {
    text: Zeroizing<String>,
    /// How long it lives.
    pub lifetime: Duration,
}

impl AccessToken {
    /// The token in clear, to hand it to its owner.
    pub fn expose_secret(&self) -> &str {
        &self.text
    }
}

/// The claims of a minted token, in the shape of Entra v2 with its v1 names beside.
#[derive(Serialize)]
struct Minted<'a> {
    aud: &'a str,
    iss: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    tid: TenantId,
    azp: &'a str,
    appid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_displayname: Option<&'a str>,
    oid: &'a str,
    sub: &'a str,
    roles: Vec<&'static str>,
    idtyp: &'static str,
    uti: String,
    ver: &'static str,
}

/// Who a token is for.
struct Subject<'a> {
    id: &'a str,
    name: Option<&'a str>,
    kind: &'static str,
}

/// The issuer.
pub struct LocalIssuer {
    keys: IssuerKeys,
    base_url: String,
}

impl LocalIssuer {
    /// An issuer with these keys at that address, for example `https://chaveiro.example:8443`.
    pub fn new(keys: IssuerKeys, base_url: String) -> Self {
        Self { keys, base_url: base_url.trim_end_matches('/').to_owned() }
    }

    /// The keys, to rotate them.
    pub fn keys(&self) -> &IssuerKeys {
        &self.keys
    }

    /// Token endpoint, discovery and keys, under `/{tenant}/`.
    pub fn router(self: Arc<Self>, store: Arc<dyn Store>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Router {
        http::router(self, store, clock, entropy)
    }

    /// A token for a person on the host: for that tenant, with these permissions.
    pub fn mint_operator_token(
        &self,
        tenant: TenantId,
        permissions: &[Permission],
        now: Timestamp,
        lifetime: Duration,
        entropy: &dyn Entropy,
    ) -> Result<AccessToken, MintError> {
        if lifetime > MAX_OPERATOR_LIFETIME {
            return Err(MintError::TooLong);
        }
        let subject = Subject { id: "chaveiro-cli", name: None, kind: OPERATOR };
        self.mint(tenant, &subject, permissions, now, lifetime, entropy)
    }

    fn mint_for_application(
        &self,
        application: &Application,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<AccessToken, MintError> {
        let id = application.id.to_string();
        let subject = Subject { id: &id, name: Some(&application.display_name), kind: "app" };
        self.mint(application.tenant, &subject, &application.permissions, now, LIFETIME, entropy)
    }

    fn mint(
        &self,
        tenant: TenantId,
        subject: &Subject<'_>,
        permissions: &[Permission],
        now: Timestamp,
        lifetime: Duration,
        entropy: &dyn Entropy,
    ) -> Result<AccessToken, MintError> {
        // Another process may have rotated.
        self.keys.reload()?;
        let keys = self.keys.current();
        let key = keys.last().ok_or_else(|| KeyError::None(self.keys.directory().to_owned()))?;
        let begins = now.as_second();
        let issuer = self.issuer(tenant);
        let mut unique = [0; 16];
        entropy.fill(&mut unique);
        let claims = Minted {
            aud: crate::GRAPH_APPLICATION_ID,
            iss: &issuer,
            iat: begins,
            nbf: begins,
            exp: begins + lifetime.as_secs() as i64,
            tid: tenant,
            azp: subject.id,
            appid: subject.id,
            app_displayname: subject.name,
            oid: subject.id,
            sub: subject.id,
            roles: permissions.iter().map(|permission| permission.name()).collect(),
            idtyp: subject.kind,
            uti: URL_SAFE_NO_PAD.encode(unique),
            ver: "2.0",
        };
        let header = Header { kid: Some(key.id.clone()), ..Header::new(ALGORITHM) };
        let text = jsonwebtoken::encode(&header, &claims, &key.private).map_err(|_| MintError::Signing)?;
        Ok(AccessToken { text: Zeroizing::new(text), lifetime })
    }

    /// The `iss` of a tenant's tokens.
    fn issuer(&self, tenant: TenantId) -> String {
        format!("{}/{tenant}/v2.0", self.base_url)
    }

    /// The tenant whose issuer this is; `None` when it is not ours.
    pub(crate) fn tenant_of_issuer(&self, issuer: &str) -> Option<TenantId> {
        let path = issuer.strip_prefix(&self.base_url)?.strip_prefix('/')?;
        let tenant = path.strip_suffix("/v2.0")?;
        Uuid::try_parse(tenant).ok().map(TenantId).filter(|tenant| self.issuer(*tenant) == issuer)
    }

    /// The public key of that id.
    pub(crate) fn key(&self, id: Option<&str>) -> Option<Jwk> {
        let find = || self.keys.current().iter().find(|key| Some(key.id.as_str()) == id).map(|key| key.public.clone());
        find().or_else(|| {
            // Made by another process since, perhaps.
            id.filter(|id| self.keys.has_file(id))?;
            self.keys.reload().ok()?;
            find()
        })
    }
}
