//! From an `Authorization` header to a caller.

use std::collections::HashMap;
use std::sync::Arc;

use chaveiro_core::Timestamp;
use chaveiro_core::caller::Caller;
use chaveiro_core::id::TenantId;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use thiserror::Error;
use uuid::Uuid;

use crate::claims::Claims;
use crate::jwks::{RemoteKeys, Source};
use crate::jws::Parts;
use crate::local::LocalIssuer;
use crate::refusal::TokenRefusal;

/// The longest header that is read, in bytes. Entra's longest tokens have about 8 KiB.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// What an issuer may sign with, unless its configuration says less. Nothing symmetric: a public key must
/// never pass for a shared secret.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// An external issuer that is trusted for one tenant.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IssuerConfig {
    /// The exact `iss` of its tokens.
    pub issuer: String,
    /// The tenant it speaks for. A token that names another tenant in `tid` is refused, unless that is
    /// [`Self::directory`].
    pub tenant: TenantId,
    /// The issuer's own name of the tenant, when it differs: the Entra directory id.
    #[serde(default)]
    pub directory: Option<Uuid>,
    /// Where its keys are; by default found through `{issuer}/.well-known/openid-configuration`.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// Audiences accepted from it beside those of the server.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// Algorithms it may use; by default every asymmetric one.
    #[serde(default)]
    pub algorithms: Vec<String>,
}

/// Why a configuration of issuers cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// Two entries of one issuer.
    #[error("the issuer {0} is configured twice; keep one entry")]
    Twice(String),
    /// An algorithm that is unknown or symmetric.
    #[error("the issuer {issuer} may not use the algorithm {algorithm}; use asymmetric ones such as RS256 or ES256")]
    Algorithm {
        /// Which issuer.
        issuer: String,
        /// As configured.
        algorithm: String,
    },
    /// Not an `https` address.
    #[error("the address {0} must begin with https://, or with http:// on the loopback interface")]
    Address(String),
}

struct External {
    keys: RemoteKeys,
    tenant: TenantId,
    directory: Option<Uuid>,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
}

/// Verifies tokens of the local issuer and of the configured ones.
pub struct Verifier {
    local: Arc<LocalIssuer>,
    external: HashMap<String, External>,
    audiences: Vec<String>,
}

impl Verifier {
    /// Trusts the local issuer, and these issuers, whose keys are fetched with `client`. `audiences` are the
    /// names of this server beside those of Graph.
    pub fn new(
        issuers: Vec<IssuerConfig>,
        local: Arc<LocalIssuer>,
        audiences: Vec<String>,
        client: &reqwest::Client,
    ) -> Result<Self, ConfigError> {
        let mut verifier = Self::local_only(local, audiences);
        for config in issuers {
            let issuer = config.issuer.clone();
            let external = external(config, &verifier.audiences, client)?;
            if verifier.external.insert(issuer.clone(), external).is_some() {
                return Err(ConfigError::Twice(issuer));
            }
        }
        Ok(verifier)
    }

    /// Trusts the local issuer alone.
    pub fn local_only(local: Arc<LocalIssuer>, audiences: Vec<String>) -> Self {
        let graph = crate::GRAPH_AUDIENCES.iter().map(|audience| (*audience).to_owned());
        Self { local, external: HashMap::new(), audiences: graph.chain(audiences).collect() }
    }

    /// The caller that the header of a request proves.
    pub async fn verify(&self, authorization: Option<&str>, now: Timestamp) -> Result<Caller, TokenRefusal> {
        let token = bearer(authorization)?;
        let parts = Parts::split(token)?;
        let algorithm = parts.algorithm(&ALGORITHMS)?;
        let claims: Claims = parts.claims()?;

        if let Some(tenant) = self.local.tenant_of_issuer(&claims.iss) {
            let key = self.local.key(parts.header.kid.as_deref()).ok_or(TokenRefusal::BadSignature)?;
            parts.check_signature(&key, algorithm)?;
            claims.check_times(now)?;
            claims.check_audience(&self.audiences)?;
            let named = claims.tenant()?.filter(|named| *named == tenant).ok_or(TokenRefusal::NoTenant)?;
            return Ok(claims.into_caller(named, true));
        }

        let issuer = self.external.get(&claims.iss).ok_or(TokenRefusal::UnknownIssuer)?;
        if !issuer.algorithms.contains(&algorithm) {
            return Err(TokenRefusal::WrongAlgorithm);
        }
        let key = issuer.keys.key(parts.header.kid.as_deref(), now).await?;
        parts.check_signature(&key, algorithm)?;
        claims.check_times(now)?;
        claims.check_audience(&issuer.audiences)?;
        let fits = claims.tenant()?.is_none_or(|named| named == issuer.tenant || Some(named.0) == issuer.directory);
        if !fits {
            return Err(TokenRefusal::NoTenant);
        }
        Ok(claims.into_caller(issuer.tenant, false))
    }
}

fn external(config: IssuerConfig, ours: &[String], client: &reqwest::Client) -> Result<External, ConfigError> {
    let allowed = |name: &String| {
        let algorithm = name.parse().ok().filter(|algorithm| ALGORITHMS.contains(algorithm));
        algorithm.ok_or_else(|| ConfigError::Algorithm { issuer: config.issuer.clone(), algorithm: name.clone() })
    };
    let algorithms = match config.algorithms.is_empty() {
        true => ALGORITHMS.to_vec(),
        false => config.algorithms.iter().map(allowed).collect::<Result<_, _>>()?,
    };
    let source = match config.jwks_url {
        Some(url) => Source::Jwks(secure(url)?),
        None => Source::Discovery(secure(format!(
            "{}/.well-known/openid-configuration",
            config.issuer.trim_end_matches('/')
        ))?),
    };
    Ok(External {
        keys: RemoteKeys::new(source, client.clone()),
        tenant: config.tenant,
        directory: config.directory,
        audiences: ours.iter().cloned().chain(config.audiences).collect(),
        algorithms,
    })
}

/// Keys that arrive in clear are worth nothing, except on this very machine.
fn secure(url: String) -> Result<String, ConfigError> {
    let loopback = ["http://127.0.0.1:", "http://[::1]:", "http://localhost:"];
    let fits = url.starts_with("https://") || loopback.iter().any(|prefix| url.starts_with(prefix));
    if fits { Ok(url) } else { Err(ConfigError::Address(url)) }
}

fn bearer(authorization: Option<&str>) -> Result<&str, TokenRefusal> {
    let header = authorization.map(str::trim).filter(|header| !header.is_empty()).ok_or(TokenRefusal::Missing)?;
    if header.len() > MAX_HEADER_BYTES {
        return Err(TokenRefusal::Malformed);
    }
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    match (scheme.eq_ignore_ascii_case("bearer"), token.trim()) {
        (true, "") => Err(TokenRefusal::Missing),
        (true, token) => Ok(token),
        (false, _) => Err(TokenRefusal::Malformed),
    }
}
