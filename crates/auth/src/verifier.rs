//! Verification of an `Authorization` header, which yields a caller.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chaveiro_core::Timestamp;
use chaveiro_core::caller::Caller;
use chaveiro_core::id::TenantId;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use thiserror::Error;
use uuid::Uuid;

use crate::claims::Claims;
use crate::jwks::{RemoteKeys, Source, secure};
use crate::jws::Parts;
use crate::local::LocalIssuer;
use crate::refusal::TokenRefusal;
use crate::subject::{Access, Subject, Trust};

/// The longest header that is read, in bytes. Entra's longest tokens have about 8 KiB.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// The algorithms that an issuer may use by default. None is symmetric: a public key must never pass for a shared
/// secret.
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

/// The default of `stale-keys-hours`: the hours for which keys serve that cannot be fetched again.
const STALE_HOURS: u32 = 24;

/// The most that `stale-keys-hours` may be.
pub const MOST_STALE_HOURS: u32 = 7 * 24;

/// The issuers whose `wids` names directory roles by default: Entra ID, v1 and v2, of each cloud.
const ENTRA: [&str; 5] = [
    "https://login.microsoftonline.com/",
    "https://sts.windows.net/",
    "https://login.microsoftonline.us/",
    "https://login.partner.microsoftonline.cn/",
    "https://sts.chinacloudapi.cn/",
];

/// The claim that names the tenant of an issuer that speaks for several.
const TENANT_CLAIM: &str = "tid";

/// An external issuer and the trust placed in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IssuerConfig {
    /// The exact `iss` of its tokens.
    pub issuer: String,
    /// The tenant that it speaks for. A token that names another tenant in `tid` is refused, unless that is
    /// [`Self::directory`].
    #[serde(default)]
    pub tenant: Option<TenantId>,
    /// The issuer's own id of the tenant, if it differs: the Entra directory id.
    #[serde(default)]
    pub directory: Option<Uuid>,
    /// The tenants that it speaks for, by the value of [`Self::tenant_claim`]; replaces [`Self::tenant`].
    #[serde(default)]
    pub tenants: BTreeMap<String, TenantId>,
    /// The claim that selects one of [`Self::tenants`]; by default `tid`.
    #[serde(default)]
    pub tenant_claim: Option<String>,
    /// The address of its keys; by default found through `{issuer}/.well-known/openid-configuration`.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// The audiences accepted from it in addition to those of the server.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The algorithms that it may use; by default every asymmetric one.
    #[serde(default)]
    pub algorithms: Vec<String>,
    /// The subjects (`sub`, else `oid`) of its tokens that are applications. Every other subject is a person, unless it
    /// is the client itself or `idtyp` says `app`.
    #[serde(default)]
    pub application_subjects: Vec<String>,
    /// Set if `wids` counts as directory roles; by default for Entra ID only.
    #[serde(default)]
    pub directory_roles: Option<bool>,
    /// The hours for which its keys serve while it is unreachable; by default 24.
    #[serde(default)]
    pub stale_keys_hours: Option<u32>,
}

impl IssuerConfig {
    /// Returns an issuer that speaks for one tenant, with defaults for the rest.
    pub fn new(issuer: &str, tenant: TenantId) -> Self {
        Self {
            issuer: issuer.to_owned(),
            tenant: Some(tenant),
            directory: None,
            tenants: BTreeMap::new(),
            tenant_claim: None,
            jwks_url: None,
            audiences: Vec::new(),
            algorithms: Vec::new(),
            application_subjects: Vec::new(),
            directory_roles: None,
            stale_keys_hours: None,
        }
    }

    fn trust(&self) -> Trust<'_> {
        let is_entra = || ENTRA.iter().any(|origin| self.issuer.starts_with(origin));
        Trust::External {
            application_subjects: &self.application_subjects,
            directory_roles: self.directory_roles.unwrap_or_else(is_entra),
        }
    }

    /// The tenant of a token with these claims.
    fn tenant_of(&self, claims: &Claims) -> Result<TenantId, TokenRefusal> {
        let directory = claims.directory()?;
        let tenant = match self.tenant {
            Some(tenant) => tenant,
            None => {
                let claim = self.tenant_claim.as_deref().unwrap_or(TENANT_CLAIM);
                let named = claims.configured(claim).ok_or(TokenRefusal::NoTenant)?;
                *self.tenants.get(&written(named)).ok_or(TokenRefusal::NoTenant)?
            }
        };
        // If `tid` selected the tenant, it is the issuer's own id of that tenant.
        let chose = self.tenant.is_none() && self.tenant_claim.as_deref().unwrap_or(TENANT_CLAIM) == TENANT_CLAIM;
        let fits = directory.is_none_or(|named| named == tenant.0 || Some(named) == self.directory);
        if chose || fits { Ok(tenant) } else { Err(TokenRefusal::NoTenant) }
    }
}

/// The reason why a configuration of issuers cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// An issuer has two entries.
    #[error("the issuer {0} is configured twice; keep one entry, with tenants when it speaks for several")]
    Twice(String),
    /// An entry has neither `tenant` nor `tenants`, both, or a key that belongs to the other one.
    #[error(
        "the issuer {0} must have a tenant, perhaps with its directory, or tenants, perhaps with a tenant-claim; give one of them"
    )]
    Tenants(String),
    /// An audience or a subject is empty.
    #[error("the issuer {issuer} has an empty text among its {key}; remove it")]
    Empty {
        /// The issuer.
        issuer: String,
        /// The configuration key.
        key: &'static str,
    },
    /// The number of hours is out of range.
    #[error("stale-keys-hours of the issuer {0} is out of range; use 1 to {MOST_STALE_HOURS}")]
    StaleKeys(String),
    /// An algorithm is unknown or symmetric.
    #[error("the issuer {issuer} may not use the algorithm {algorithm}; use asymmetric ones such as RS256 or ES256")]
    Algorithm {
        /// The issuer.
        issuer: String,
        /// The configured algorithm.
        algorithm: String,
    },
    /// An address does not begin with `https`.
    #[error("the address {0} must begin with https://, or with http:// on the loopback interface; correct it")]
    Address(String),
    /// The HTTP client for issuers cannot be made.
    #[error("the HTTP client for issuers could not be made: {0}; see the configuration of TLS on this host")]
    Client(String),
}

struct External {
    keys: RemoteKeys,
    config: IssuerConfig,
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
    /// Trusts the local issuer and these issuers. Their keys are fetched with `client`, which is set to follow no
    /// redirect. `audiences` are the names of this server in addition to those of Graph.
    pub fn new(
        issuers: Vec<IssuerConfig>,
        local: Arc<LocalIssuer>,
        audiences: Vec<String>,
        client: reqwest::ClientBuilder,
    ) -> Result<Self, ConfigError> {
        let client = client.redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|error| ConfigError::Client(error.to_string()))?;
        let mut verifier = Self::local_only(local, audiences);
        for config in issuers {
            let issuer = config.issuer.clone();
            let external = external(config, &verifier.audiences, &client)?;
            if verifier.external.insert(issuer.clone(), external).is_some() {
                return Err(ConfigError::Twice(issuer));
            }
        }
        Ok(verifier)
    }

    /// Trusts only the local issuer.
    pub fn local_only(local: Arc<LocalIssuer>, audiences: Vec<String>) -> Self {
        let graph = crate::GRAPH_AUDIENCES.iter().map(|audience| (*audience).to_owned());
        Self { local, external: HashMap::new(), audiences: graph.chain(audiences).collect() }
    }

    /// Lists the issuers whose keys could not be fetched at the last attempt: the name, and the end of service of the
    /// known keys.
    pub fn unreachable(&self) -> Vec<(&str, Option<Timestamp>)> {
        let failing = self.external.iter().filter_map(|(issuer, external)| Some((issuer, external.keys.failing()?)));
        failing.map(|(issuer, failing)| (issuer.as_str(), failing.serve_until)).collect()
    }

    /// Returns the caller that the header of a request proves.
    pub async fn verify(&self, authorization: Option<&str>, now: Timestamp) -> Result<Caller, TokenRefusal> {
        let token = bearer(authorization)?;
        let parts = Parts::split(token)?;
        let algorithm = parts.algorithm(&ALGORITHMS)?;
        let claims: Claims = parts.claims()?;
        let (kid, typ) = (parts.header.kid.as_deref(), parts.header.typ.as_deref());
        let named = claims.text("iss")?.ok_or(TokenRefusal::UnknownIssuer)?;

        if let Some(tenant) = self.local.tenant_of_issuer(named) {
            let key = self.local.key(kid).ok_or(TokenRefusal::BadSignature)?;
            parts.check_signature(&key, algorithm)?;
            claims.check_times(now)?;
            let access = Access::read(&claims, typ, Trust::Local)?;
            claims.check_audience(&self.audiences)?;
            let fits = claims.directory()? == Some(tenant.0);
            return if fits { access.into_caller(tenant, Trust::Local) } else { Err(TokenRefusal::NoTenant) };
        }

        let issuer = self.external.get(named).ok_or(TokenRefusal::UnknownIssuer)?;
        if !issuer.algorithms.contains(&algorithm) {
            return Err(TokenRefusal::WrongAlgorithm);
        }
        let key = issuer.keys.key(kid, algorithm, now).await?;
        parts.check_signature(&key, algorithm)?;
        claims.check_times(now)?;
        let trust = issuer.config.trust();
        let access = Access::read(&claims, typ, trust)?;
        claims.check_audience(&issuer.audiences)?;
        access.into_caller(issuer.config.tenant_of(&claims)?, trust)
    }
}

/// The subject and client that a token of these issuers would count as. Only its claims are read: its signature, times
/// and audience are not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The client to which the token was given.
    pub client: String,
    /// The subject: `sub`, else `oid`.
    pub subject: Option<String>,
    /// Set if the token is an application's; otherwise it is a person's.
    pub application: bool,
}

impl Reading {
    /// Reads a token as a verifier with these issuers would.
    pub fn of(token: &str, issuers: &[IssuerConfig]) -> Result<Self, TokenRefusal> {
        let parts = Parts::split(token.trim())?;
        let claims: Claims = parts.claims()?;
        let named = claims.text("iss")?;
        let issuer = issuers.iter().find(|issuer| named == Some(issuer.issuer.as_str()));
        let issuer = issuer.ok_or(TokenRefusal::UnknownIssuer)?;
        let access = Access::read(&claims, parts.header.typ.as_deref(), issuer.trust())?;
        let subject = claims.name("sub")?.or(claims.name("oid")?);
        Ok(Self {
            client: access.client.to_owned(),
            subject: subject.map(str::to_owned),
            application: access.subject == Subject::Application,
        })
    }
}

/// Normalises a tenant: an id in any spelling is the same; another text is case-sensitive.
fn written(tenant: &str) -> String {
    Uuid::try_parse(tenant).map_or_else(|_| tenant.to_owned(), |id| id.to_string())
}

fn external(mut config: IssuerConfig, ours: &[String], client: &reqwest::Client) -> Result<External, ConfigError> {
    let issuer = config.issuer.clone();
    let issuer = || issuer.clone();
    let allowed = |name: &String| {
        let algorithm = name.parse().ok().filter(|algorithm| ALGORITHMS.contains(algorithm));
        algorithm.ok_or_else(|| ConfigError::Algorithm { issuer: issuer(), algorithm: name.clone() })
    };
    let algorithms = match config.algorithms.is_empty() {
        true => ALGORITHMS.to_vec(),
        false => config.algorithms.iter().map(allowed).collect::<Result<_, _>>()?,
    };
    match (config.tenant, config.tenants.is_empty()) {
        (Some(_), true) if config.tenant_claim.is_none() => {}
        (None, false) if config.directory.is_none() => {}
        _ => return Err(ConfigError::Tenants(issuer())),
    }
    let lists = [("audiences", &config.audiences), ("application-subjects", &config.application_subjects)];
    if let Some((key, _)) = lists.iter().find(|(_, texts)| texts.iter().any(|text| text.trim().is_empty())) {
        return Err(ConfigError::Empty { issuer: issuer(), key });
    }
    let stale_hours = config.stale_keys_hours.unwrap_or(STALE_HOURS);
    if !(1..=MOST_STALE_HOURS).contains(&stale_hours) {
        return Err(ConfigError::StaleKeys(issuer()));
    }
    let address = |text: &str| secure(text).ok_or_else(|| ConfigError::Address(text.to_owned()));
    let source = match &config.jwks_url {
        Some(url) => Source::Jwks(address(url)?),
        None => Source::Discovery {
            url: address(&format!("{}/.well-known/openid-configuration", config.issuer.trim_end_matches('/')))?,
            issuer: issuer(),
        },
    };
    config.tenants = config.tenants.iter().map(|(named, tenant)| (written(named), *tenant)).collect();
    let most_stale = Duration::from_secs(u64::from(stale_hours) * 60 * 60);
    Ok(External {
        keys: RemoteKeys::new(source, client.clone(), most_stale),
        audiences: ours.iter().chain(&config.audiences).cloned().collect(),
        algorithms,
        config,
    })
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
