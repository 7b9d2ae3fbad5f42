//! The subject of a token: an application that acts by itself, or a person who acts through one.
//!
//! An issuer signs more than access tokens, and it signs tokens of people and of applications with the same key. Roles
//! and scopes do not tell the two apart: Keycloak and Entra write `roles` into tokens of people, too. The subject does:
//!
//! | the token | is of |
//! |---|---|
//! | its subject is listed in `application-subjects` of the issuer | the application |
//! | `idtyp` is `app`, and nothing in it names a person | the application |
//! | `sub` and `oid`, as far as they are there, are both the client id, and nothing in it names a person | the application |
//! | `idtyp` is `user`, or any other subject | the person |
//! | it says both, or `idtyp` is another word | neither: it is refused |
//!
//! A person needs a role of ours beside the permissions of the token ([`chaveiro_core::rights::Rights::of`]); an
//! application does not. So a token that is not clearly an application's is a person's or refused.

use chaveiro_core::caller::{Actor, ActorKind, Caller, HostUser};
use chaveiro_core::id::TenantId;
use chaveiro_core::permission::{Permission, PermissionSet};
use uuid::Uuid;

use crate::claims::{Claims, is_same_audience};
use crate::local::{HOST, OPERATOR};
use crate::refusal::TokenRefusal;

/// The trust in an issuer beyond its signature.
#[derive(Clone, Copy)]
pub(crate) enum Trust<'a> {
    /// The local issuer: its `idtyp` names the kind of subject.
    Local,
    /// Another issuer.
    External {
        /// Subjects that are applications.
        application_subjects: &'a [String],
        /// `wids` counts as directory roles.
        directory_roles: bool,
    },
}

/// The subject of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    /// A person on the host.
    Operator,
    /// The client itself.
    Application,
    /// A person, by object id.
    Person(&'a str),
}

/// An access token with its client and its subject.
pub(crate) struct Access<'a> {
    claims: &'a Claims,
    pub(crate) client: &'a str,
    pub(crate) subject: Subject<'a>,
}

impl<'a> Access<'a> {
    /// Reads the claims of a token whose JOSE header has that `typ`.
    pub(crate) fn read(claims: &'a Claims, typ: Option<&str>, trust: Trust<'_>) -> Result<Self, TokenRefusal> {
        let said = require_access(claims, typ)?;
        let client = client(claims)?;
        // OpenID Connect Core, 2: an ID token is for the client itself. An access token may be, too, if it says that it
        // is one.
        let for_client = claims.audiences()?.iter().any(|audience| is_same_audience(audience, client));
        if for_client && !said && !is_of_access_tokens(claims)? {
            return Err(TokenRefusal::IdToken);
        }
        let subject = match trust {
            Trust::Local => of_local(claims)?,
            Trust::External { application_subjects, .. } => of_external(claims, client, application_subjects)?,
        };
        Ok(Self { claims, client, subject })
    }

    /// The caller that the token proves.
    pub(crate) fn into_caller(self, tenant: TenantId, trust: Trust<'_>) -> Result<Caller, TokenRefusal> {
        let claims = self.claims;
        let (kind, person) = match self.subject {
            Subject::Operator => (ActorKind::Operator, None),
            Subject::Application => (ActorKind::Application, None),
            Subject::Person(id) => (ActorKind::Delegated, Some(id)),
        };
        let named = || Ok::<_, TokenRefusal>(claims.name("upn")?.or(claims.name("preferred_username")?));
        let principal_name = match person {
            Some(_) => named()?.or(claims.name("unique_name")?),
            None => None,
        };
        let believes_roles = match trust {
            Trust::Local => true,
            Trust::External { directory_roles, .. } => directory_roles,
        };
        let role_ids = if believes_roles { claims.texts("wids")? } else { None };
        let groups = claims.texts("groups")?.unwrap_or_default();
        let actor = match kind {
            // An operator token names the person who minted it on the host.
            ActorKind::Operator => {
                let person: Option<HostUser> = claims.structure(HOST)?;
                Actor::operator(&person.ok_or(TokenRefusal::NotAnAccessToken)?)
            }
            ActorKind::Application | ActorKind::Delegated | ActorKind::Device | ActorKind::System => Actor {
                kind,
                application_id: self.client.to_owned(),
                application_name: claims.text("app_displayname")?.map(str::to_owned),
                user_id: person.map(str::to_owned),
                user_principal_name: principal_name.map(str::to_owned),
                address: None,
                host: None,
            },
        };
        Ok(Caller {
            tenant,
            actor,
            permissions: self.permissions()?,
            directory_roles: role_ids.iter().flatten().filter_map(|id| Uuid::try_parse(id).ok()).collect(),
            groups: groups.into_iter().map(str::to_owned).collect(),
            local: matches!(trust, Trust::Local),
            issued: claims.issued()?,
        })
    }

    /// The permissions that the token carries. Entra writes `scp` for people and `roles` for applications. Issuers that
    /// follow RFC 9068 write `scope` for both. Without one of our scopes, a person's token has the permissions in
    /// `roles`.
    fn permissions(&self) -> Result<PermissionSet, TokenRefusal> {
        let (scp, roles) = (self.claims.texts("scp")?, self.claims.list("roles")?);
        let scope = self.claims.text("scope")?.map(|scope| known([scope]));
        let roles = roles.map(known);
        Ok(match self.subject {
            Subject::Person(_) => match scp {
                Some(scp) => known(scp),
                None => scope.filter(|scope| !scope.is_empty()).or(roles).unwrap_or_default(),
            },
            Subject::Application => roles.or(scope).unwrap_or_default(),
            Subject::Operator => roles.unwrap_or_default(),
        })
    }
}

/// The permissions of ours among these words.
fn known<'t>(texts: impl IntoIterator<Item = &'t str>) -> PermissionSet {
    texts.into_iter().flat_map(str::split_ascii_whitespace).filter_map(Permission::parse).collect()
}

/// Claims that stand in ID tokens alone (OpenID Connect Core 2 and 3.3.2.11, FAPI 1.0, CIBA 10.3.1).
const OF_ID_TOKENS: [&str; 5] = ["nonce", "at_hash", "c_hash", "s_hash", "urn:openid:params:jwt:claim:rt_hash"];

/// Refuses signed objects that are not access tokens, and tokens that need another proof. Returns whether the token
/// says explicitly that it is an access token.
fn require_access(claims: &Claims, typ: Option<&str>) -> Result<bool, TokenRefusal> {
    let typ = typ.map(str::to_ascii_lowercase);
    let of_header = match typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ)) {
        None | Some("jwt") => false,
        Some("at+jwt") => true,
        Some("logout+jwt" | "secevent+jwt") => return Err(TokenRefusal::LogoutToken),
        Some(_) => return Err(TokenRefusal::NotAnAccessToken),
    };
    // Keycloak states it in `typ`, Cognito in `token_use`.
    let mut of_claims = false;
    for name in ["typ", "token_use"] {
        match claims.text(name)?.map(str::to_ascii_lowercase).as_deref() {
            None | Some("jwt") => {}
            Some("bearer" | "access" | "access_token" | "at+jwt") => of_claims = true,
            Some("id" | "id_token") => return Err(TokenRefusal::IdToken),
            Some("logout") => return Err(TokenRefusal::LogoutToken),
            Some("dpop") => return Err(TokenRefusal::BoundToken),
            Some(_) => return Err(TokenRefusal::NotAnAccessToken),
        }
    }
    if claims.has("events") {
        return Err(TokenRefusal::LogoutToken);
    }
    if OF_ID_TOKENS.iter().any(|name| claims.has(name)) {
        return Err(TokenRefusal::IdToken);
    }
    // RFC 7800: the caller must also prove that it holds a key, and no request here does.
    if claims.has("cnf") {
        return Err(TokenRefusal::BoundToken);
    }
    Ok(of_header || of_claims)
}

/// Returns whether the token has claims that no ID token has.
fn is_of_access_tokens(claims: &Claims) -> Result<bool, TokenRefusal> {
    let scoped = claims.name("scope")?.is_some() || claims.texts("scp")?.is_some();
    Ok(scoped || ["idtyp", "azpacr", "appidacr"].iter().any(|name| claims.has(name)))
}

/// The client to which the token was given. Issuers write it under three names; two that differ are refused.
fn client(claims: &Claims) -> Result<&str, TokenRefusal> {
    let named = [claims.text("azp")?, claims.text("appid")?, claims.text("client_id")?];
    let mut named = named.into_iter().flatten();
    let client = named.next().ok_or(TokenRefusal::NoClient)?;
    if named.any(|other| other != client) {
        return Err(TokenRefusal::ClientsDisagree);
    }
    if client.trim().is_empty() { Err(TokenRefusal::NoClient) } else { Ok(client) }
}

/// The local issuer writes `idtyp` into every access token.
fn of_local(claims: &Claims) -> Result<Subject<'_>, TokenRefusal> {
    match claims.text("idtyp")? {
        Some(OPERATOR) => Ok(Subject::Operator),
        Some("app") => Ok(Subject::Application),
        Some("user") => person(claims),
        Some(_) | None => Err(TokenRefusal::NotAnAccessToken),
    }
}

fn of_external<'c>(
    claims: &'c Claims,
    client: &str,
    application_subjects: &[String],
) -> Result<Subject<'c>, TokenRefusal> {
    let (sub, oid) = (claims.name("sub")?, claims.name("oid")?);
    let listed = sub.or(oid).is_some_and(|subject| application_subjects.iter().any(|listed| listed == subject));
    let is_client = [sub, oid].into_iter().flatten().all(|subject| subject == client) && sub.or(oid).is_some();
    let scopes = claims.texts("scp")?.is_some_and(|scopes| scopes.iter().any(|scope| !scope.trim().is_empty()));
    match claims.text("idtyp")? {
        Some("user") if listed => Err(TokenRefusal::SubjectUnclear),
        Some("user") => person(claims),
        None | Some("app") if listed && !scopes => Ok(Subject::Application),
        None if !listed && !is_client => person(claims),
        None | Some("app") if scopes || names_a_person(claims, client)? => Err(TokenRefusal::SubjectUnclear),
        None | Some("app") => Ok(Subject::Application),
        Some(_) => Err(TokenRefusal::SubjectUnclear),
    }
}

/// The person that the token names. Without an id, a person could neither be recorded nor have a role.
fn person(claims: &Claims) -> Result<Subject<'_>, TokenRefusal> {
    let id = claims.name("oid")?.or(claims.name("sub")?);
    id.map(Subject::Person).ok_or(TokenRefusal::NoSubject)
}

/// Returns whether the token has claims of a person who signed in. Where people choose their subject, a person can be
/// named like a client. A mapper that writes `idtyp` may also be set for more clients than intended.
fn names_a_person(claims: &Claims, client: &str) -> Result<bool, TokenRefusal> {
    let of_people = ["upn", "unique_name", "email", "given_name", "family_name", "auth_time", "amr"];
    // RFC 8693: another party acts in the place of the subject.
    let named = of_people.iter().chain(&["act"]).any(|name| claims.has(name));
    // Keycloak's name for the account of a client.
    let account = format!("service-account-{client}");
    let called = claims.name("preferred_username")?.is_some_and(|name| !name.eq_ignore_ascii_case(&account));
    let signed_in =
        claims.text("scope")?.is_some_and(|scope| scope.split_ascii_whitespace().any(|word| word == "openid"));
    Ok(named || called || signed_in)
}
