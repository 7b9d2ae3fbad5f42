//! The local issuer, which makes the embedded default work without an outside service. Applications prove themselves
//! with a secret or a certificate. Operators vouch for people on the host, and mint their own tokens there.

mod discovery;
mod error;
mod grants;
mod http;
pub(crate) mod keys;
mod limits;
mod origin;
pub(crate) mod page;
mod sign_in;
mod token;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use chaveiro_core::Timestamp;
use chaveiro_core::caller::HostUser;
use chaveiro_core::caller::OPERATOR_CLIENT;
use chaveiro_core::id::TenantId;
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{Clock, Entropy, Store};
use jsonwebtoken::Header;
use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;
use zeroize::Zeroizing;

use http::Endpoint;
use keys::{ALGORITHM, IssuerKeys, KeyError};
use limits::TokenLimits;
use token::{Client, Ends, Person, Span, Subject};

use crate::jws::PublicKey;

pub use limits::TokenCeilings;
pub use origin::TrustedProxies;
pub(crate) use token::{HOST, OPERATOR};

/// The lifetime of a token.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The longest life an operator may ask for.
pub const MAX_OPERATOR_LIFETIME: Duration = Duration::from_secs(8 * 60 * 60);

/// The reason why no token was minted.
#[derive(Debug, Error)]
pub enum MintError {
    /// The signing key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Signing failed.
    #[error("the token could not be signed")]
    Signing,
    /// The life is longer than a replaced key is kept.
    #[error("a token may live for at most {} hours", MAX_OPERATOR_LIFETIME.as_secs() / 3600)]
    TooLong,
}

/// A bearer token in clear.
pub struct AccessToken {
    text: Zeroizing<String>,
    /// The lifetime of the token.
    pub lifetime: Duration,
}

impl AccessToken {
    /// The token in clear, to hand it to its owner.
    pub fn expose_secret(&self) -> &str {
        &self.text
    }
}

/// The local issuer.
pub struct LocalIssuer {
    keys: IssuerKeys,
    base_url: String,
}

impl LocalIssuer {
    /// Returns an issuer with these keys at that address, for example `https://chaveiro.example:8443`.
    pub fn new(keys: IssuerKeys, base_url: String) -> Self {
        Self { keys, base_url: base_url.trim_end_matches('/').to_owned() }
    }

    /// The keys, to rotate them.
    pub fn keys(&self) -> &IssuerKeys {
        &self.keys
    }

    /// Returns the routes of the token endpoint, device codes, discovery and keys under `/{tenant}/`, and the pages
    /// beside them.
    pub fn router(
        self: Arc<Self>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        ceilings: TokenCeilings,
        proxies: TrustedProxies,
    ) -> Router {
        let limits = TokenLimits::new(ceilings, Arc::clone(&clock));
        http::router(Endpoint { issuer: self, store, clock, entropy, limits, proxies })
    }

    /// Mints a token for that person on the host: for that tenant, with these permissions. The token names the person
    /// and begins at `issued`, which must not precede the revocation time of the tenant's operators
    /// ([`chaveiro_core::revocation::issued_at`]).
    pub fn mint_operator_token(
        &self,
        tenant: TenantId,
        person: &HostUser,
        permissions: &[Permission],
        issued: Timestamp,
        lifetime: Duration,
        entropy: &dyn Entropy,
    ) -> Result<AccessToken, MintError> {
        if lifetime > MAX_OPERATOR_LIFETIME {
            return Err(MintError::TooLong);
        }
        let client = Client { id: OPERATOR_CLIENT, name: None, proof: None, capable: false };
        let asked = Minting { tenant, audience: crate::GRAPH_APPLICATION_ID, client: &client, issued, lifetime };
        self.mint_access(&asked, &Subject::Operator(person), permissions, entropy)
    }

    fn mint_access(
        &self,
        asked: &Minting<'_>,
        subject: &Subject<'_>,
        permissions: &[Permission],
        entropy: &dyn Entropy,
    ) -> Result<AccessToken, MintError> {
        let (issuer, span) = (self.issuer(asked.tenant), asked.span());
        let claims = token::access(&asked.ends(&issuer, entropy), asked.client, subject, permissions, span);
        Ok(AccessToken { text: self.sign(&claims)?, lifetime: asked.lifetime })
    }

    /// Mints an id token; `asked.audience` is the client.
    fn mint_identity(
        &self,
        asked: &Minting<'_>,
        person: &Person,
        entropy: &dyn Entropy,
    ) -> Result<Zeroizing<String>, MintError> {
        let issuer = self.issuer(asked.tenant);
        self.sign(&token::identity(&asked.ends(&issuer, entropy), asked.client, person, asked.span()))
    }

    fn sign(&self, claims: &impl Serialize) -> Result<Zeroizing<String>, MintError> {
        // Another process may have rotated.
        self.keys.reload()?;
        let keys = self.keys.current();
        let key = keys.last().ok_or_else(|| KeyError::None(self.keys.directory().to_owned()))?;
        let header = Header { kid: Some(key.id.clone()), ..Header::new(ALGORITHM) };
        jsonwebtoken::encode(&header, claims, &key.private).map(Zeroizing::new).map_err(|_| MintError::Signing)
    }

    /// The `iss` of a tenant's tokens.
    fn issuer(&self, tenant: TenantId) -> String {
        format!("{}/{tenant}/v2.0", self.base_url)
    }

    /// The tenant that this issuer address belongs to; `None` if it is not ours.
    pub(crate) fn tenant_of_issuer(&self, issuer: &str) -> Option<TenantId> {
        let path = issuer.strip_prefix(&self.base_url)?.strip_prefix('/')?;
        let tenant = path.strip_suffix("/v2.0")?;
        Uuid::try_parse(tenant).ok().map(TenantId).filter(|tenant| self.issuer(*tenant) == issuer)
    }

    /// The public key of that id.
    pub(crate) fn key(&self, id: Option<&str>) -> Option<Arc<PublicKey>> {
        let keys = || self.keys.current();
        let find = || keys().iter().find(|key| Some(key.id.as_str()) == id).map(|key| Arc::clone(&key.public));
        find().or_else(|| {
            // Another process may have made it since the last read.
            id.filter(|id| self.keys.has_file(id))?;
            self.keys.reload().ok()?;
            find()
        })
    }
}

/// The subject and claims of a token to mint.
struct Minting<'a> {
    tenant: TenantId,
    audience: &'a str,
    client: &'a Client<'a>,
    /// The time of issue, never before the revocation time of its person and its application.
    issued: Timestamp,
    lifetime: Duration,
}

impl<'a> Minting<'a> {
    fn span(&self) -> Span {
        Span { begins: self.issued, seconds: self.lifetime.as_secs() }
    }

    fn ends(&self, issuer: &'a str, entropy: &dyn Entropy) -> Ends<'a> {
        let mut unique = [0; 16];
        entropy.fill(&mut unique);
        Ends { issuer, audience: self.audience, tenant: self.tenant, unique }
    }
}
