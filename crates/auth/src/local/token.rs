//! The content of minted tokens (docs/graph-facts.md#token-claims): the shape of Entra v2 plus its v1 names.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro_core::Timestamp;
use chaveiro_core::caller::HostUser;
use chaveiro_core::digest::sha256;
use chaveiro_core::id::{ResourceId, TenantId};
use chaveiro_core::permission::Permission;
use chaveiro_core::resource::Resource;
use chaveiro_core::secret::joined;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::claims_request::CAPABLE;

/// `idtyp` of tokens that a person minted on the host.
pub(crate) const OPERATOR: &str = "operator";

/// The claim of an operator token that names the person.
pub(crate) const HOST: &str = "chaveiro_host";

/// The method by which a client proved itself: `azpacr`, and `appidacr` of v1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// A public client, which proves nothing.
    None,
    /// A secret.
    Secret,
    /// A certificate.
    Certificate,
}

impl Proof {
    fn number(self) -> &'static str {
        match self {
            Self::None => "0",
            Self::Secret => "1",
            Self::Certificate => "2",
        }
    }
}

/// A person who signed in.
pub(super) struct Person {
    pub(super) id: ResourceId,
    pub(super) principal: String,
    pub(super) name: Option<String>,
}

impl Person {
    /// Reads the person from a user.
    pub(super) fn of(user: &Resource) -> Self {
        let properties: Value = serde_json::from_str(&user.properties).unwrap_or_default();
        let name = properties["displayName"].as_str().map(str::to_owned);
        Self { id: user.id, principal: user.principal_name(), name }
    }
}

/// The client of a token.
pub(super) struct Client<'a> {
    pub(super) id: &'a str,
    pub(super) name: Option<&'a str>,
    pub(super) proof: Option<Proof>,
    /// Set if it understands a claims challenge.
    pub(super) capable: bool,
}

/// The subject whose permissions a token carries.
pub(super) enum Subject<'a> {
    /// An operator on the host, by name.
    Operator(&'a HostUser),
    /// The client itself.
    Application,
    /// A person, through the client.
    Person(&'a Person),
}

/// The start and the length of a token's life.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) begins: Timestamp,
    pub(super) seconds: u64,
}

/// The claims that every token of ours has.
#[derive(Serialize)]
struct Common<'a> {
    aud: &'a str,
    iss: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    tid: TenantId,
    oid: String,
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
    uti: String,
    ver: &'static str,
}

/// An access token.
#[derive(Serialize)]
pub(super) struct AccessClaims<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    azp: &'a str,
    appid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    azpacr: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    appidacr: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_displayname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unique_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    xms_cc: Option<[&'static str; 1]>,
    idtyp: &'static str,
    /// Our claim: the person who minted it on the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    chaveiro_host: Option<&'a HostUser>,
}

/// The issuer and the audience of a token.
pub(super) struct Ends<'a> {
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
    pub(super) tenant: TenantId,
    /// Random bytes that make the token unique.
    pub(super) unique: [u8; 16],
}

pub(super) fn access<'a>(
    ends: &Ends<'a>,
    client: &Client<'a>,
    subject: &Subject<'a>,
    permissions: &[Permission],
    span: Span,
) -> AccessClaims<'a> {
    let names = permissions.iter().map(|permission| permission.name());
    let person = match subject {
        Subject::Person(person) => Some(*person),
        Subject::Operator(_) | Subject::Application => None,
    };
    let principal = person.map(|person| person.principal.as_str());
    let proof = client.proof.map(Proof::number);
    AccessClaims {
        common: common(ends, client, person, span),
        azp: client.id,
        appid: client.id,
        azpacr: proof,
        appidacr: proof,
        app_displayname: client.name,
        upn: principal,
        unique_name: principal,
        roles: person.is_none().then(|| names.clone().collect()),
        scp: person.map(|_| names.collect::<Vec<_>>().join(" ")),
        xms_cc: client.capable.then_some([CAPABLE]),
        idtyp: match subject {
            Subject::Operator(_) => OPERATOR,
            Subject::Application => "app",
            Subject::Person(_) => "user",
        },
        chaveiro_host: match subject {
            Subject::Operator(host) => Some(*host),
            Subject::Application | Subject::Person(_) => None,
        },
    }
}

/// Builds an id token (OpenID Connect Core, 2) for the client itself.
pub(super) fn identity<'a>(ends: &Ends<'a>, client: &Client<'a>, person: &'a Person, span: Span) -> impl Serialize {
    common(ends, client, Some(person), span)
}

fn common<'a>(ends: &Ends<'a>, client: &Client<'a>, person: Option<&'a Person>, span: Span) -> Common<'a> {
    let begins = span.begins.as_second();
    Common {
        aud: ends.audience,
        iss: ends.issuer,
        iat: begins,
        nbf: begins,
        exp: begins + span.seconds as i64,
        tid: ends.tenant,
        oid: person.map_or_else(|| client.id.to_owned(), |person| person.id.to_string()),
        sub: person.map_or_else(|| client.id.to_owned(), |person| pairwise(client.id, person.id)),
        name: person.and_then(|person| person.name.as_deref()),
        preferred_username: person.map(|person| person.principal.as_str()),
        uti: URL_SAFE_NO_PAD.encode(ends.unique),
        ver: "2.0",
    }
}

/// The subject of a person for one client, so that two clients cannot correlate a person (OpenID Connect Core, 8.1).
fn pairwise(client: &str, person: ResourceId) -> String {
    URL_SAFE_NO_PAD.encode(sha256(format!("{client}/{person}").as_bytes()))
}

/// `client_info`, from which Microsoft's libraries learn the account.
pub(super) fn client_info(tenant: TenantId, person: &Person) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::json!({"uid": person.id, "utid": tenant}).to_string())
}

/// The client's handle of its sign-in: first the device code, later the first half of every refresh token.
pub(super) struct Handle(Zeroizing<[u8; 32]>);

const REFRESH_PREFIX: &str = "chr_";

impl Handle {
    pub(super) fn new(entropy: &dyn chaveiro_core::ports::Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(bytes.as_mut());
        Self(bytes)
    }

    /// Reads the handle from a device code.
    pub(super) fn read(device_code: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        let length = URL_SAFE_NO_PAD.decode_slice(device_code, bytes.as_mut()).ok()?;
        (length == 32).then_some(Self(bytes))
    }

    /// Reads the handle from a refresh token.
    pub(super) fn of_refresh_token(token: &str) -> Option<Self> {
        let (handle, secret) = token.strip_prefix(REFRESH_PREFIX)?.split_once('.')?;
        (secret.len() <= 64).then_some(())?;
        Self::read(handle)
    }

    pub(super) fn device_code(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// Makes a new refresh token of this sign-in.
    pub(super) fn refresh_token(&self, entropy: &dyn chaveiro_core::ports::Entropy) -> Zeroizing<String> {
        let secret = Self::new(entropy).device_code();
        joined(&[REFRESH_PREFIX, &self.device_code(), ".", &secret])
    }

    pub(super) fn sha256(&self) -> [u8; 32] {
        sha256(self.0.as_slice())
    }
}
