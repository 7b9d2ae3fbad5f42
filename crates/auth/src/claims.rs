//! The claims of an access token, in the shapes of Entra v1, Entra v2 and the local issuer.

use std::time::Duration;

use chaveiro_core::Timestamp;
use chaveiro_core::caller::{Actor, ActorKind, Caller};
use chaveiro_core::id::TenantId;
use chaveiro_core::permission::Permission;
use serde::Deserialize;
use uuid::{Uuid, uuid};

use crate::refusal::TokenRefusal;

/// Clocks of issuers and ours may differ by that much.
pub(crate) const LEEWAY: Duration = Duration::from_secs(60);

/// The tenant of personal Microsoft accounts.
const CONSUMERS: Uuid = uuid!("9188040d-6c67-4c5b-b112-36a304b66dad");

/// Issuers write some claims as one text or as a list.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    pub(crate) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }

    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// What we read of a token; everything else in it is ignored.
#[derive(Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    aud: Option<Texts>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    tid: Option<String>,
    /// Entra writes one text, others a list.
    scp: Option<Texts>,
    roles: Option<Vec<String>>,
    /// What issuers write that follow RFC 9068 (2.2.3) and not Entra.
    scope: Option<String>,
    client_id: Option<String>,
    azp: Option<String>,
    appid: Option<String>,
    app_displayname: Option<String>,
    oid: Option<String>,
    sub: Option<String>,
    upn: Option<String>,
    preferred_username: Option<String>,
    unique_name: Option<String>,
    idtyp: Option<String>,
    wids: Option<Texts>,
    groups: Option<Texts>,
}

impl Claims {
    /// `nbf <= now < exp`, with a little leeway; a token without end is none. Nor is one that will have been issued: it
    /// would outlive a revocation that comes first.
    pub(crate) fn check_times(&self, now: Timestamp) -> Result<(), TokenRefusal> {
        let now = now.as_second() as f64;
        let leeway = LEEWAY.as_secs_f64();
        let expires = self.exp.ok_or(TokenRefusal::Expired)?;
        if now >= expires + leeway {
            return Err(TokenRefusal::Expired);
        }
        match [self.nbf, self.iat].into_iter().flatten().any(|begins| now + leeway < begins) {
            true => Err(TokenRefusal::NotYetValid),
            false => Ok(()),
        }
    }

    /// When it was issued; an issuer that does not say so says at least since when it is valid.
    fn issued(&self) -> Option<Timestamp> {
        let seconds = self.iat.or(self.nbf).filter(|seconds| seconds.is_finite())?;
        Timestamp::from_second(seconds.floor() as i64).ok()
    }

    pub(crate) fn check_audience(&self, accepted: &[String]) -> Result<(), TokenRefusal> {
        let ours = |audience: &String| {
            accepted.iter().any(|accepted| accepted.trim_end_matches('/') == audience.trim_end_matches('/'))
        };
        if self.aud.as_ref().is_some_and(|audiences| audiences.as_slice().iter().any(ours)) {
            Ok(())
        } else {
            Err(TokenRefusal::WrongAudience)
        }
    }

    /// The tenant the token names. Personal accounts are told apart, because their owners need another answer.
    pub(crate) fn tenant(&self) -> Result<Option<TenantId>, TokenRefusal> {
        let Some(text) = &self.tid else { return Ok(None) };
        match Uuid::try_parse(text) {
            Ok(CONSUMERS) => Err(TokenRefusal::PersonalAccount),
            Ok(tenant) => Ok(Some(TenantId(tenant))),
            Err(_) => Err(TokenRefusal::NoTenant),
        }
    }

    /// The caller. `scp` makes it delegated; without it the application acts by its `roles`. Issuers that know neither write
    /// `scope` (RFC 9068): delegated then too, unless the subject is the client itself.
    /// Only the local issuer can say that a person on the host acts.
    pub(crate) fn into_caller(self, tenant: TenantId, local: bool) -> Caller {
        let issued = self.issued();
        let operator = local && self.idtyp.as_deref() == Some(crate::local::OPERATOR);
        let client = self.azp.or(self.appid).or(self.client_id).unwrap_or_default();
        let granted = |names: &mut dyn Iterator<Item = &str>| names.filter_map(Permission::parse).collect();
        let words = |texts: &[String]| granted(&mut texts.iter().flat_map(|text| text.split_ascii_whitespace()));
        let (kind, permissions) = match (&self.scp, &self.roles, &self.scope) {
            (Some(scp), _, _) => (ActorKind::Delegated, words(scp.as_slice())),
            (None, Some(roles), _) if operator => (ActorKind::Operator, words(roles)),
            (None, Some(roles), _) => (ActorKind::Application, words(roles)),
            (None, None, Some(scope)) => {
                let is_client = self.sub.as_ref().is_none_or(|subject| *subject == client);
                let kind = if is_client { ActorKind::Application } else { ActorKind::Delegated };
                (kind, words(std::slice::from_ref(scope)))
            }
            (None, None, None) => (ActorKind::Application, granted(&mut std::iter::empty())),
        };
        let user_id = if kind == ActorKind::Delegated { self.oid.or(self.sub) } else { None };
        let actor = Actor {
            kind,
            application_id: client,
            application_name: self.app_displayname,
            user_principal_name: self
                .upn
                .or(self.preferred_username)
                .or(self.unique_name)
                .filter(|_| user_id.is_some()),
            user_id,
        };
        let role_ids = self.wids.map(Texts::into_vec).unwrap_or_default();
        Caller {
            tenant,
            actor,
            permissions,
            directory_roles: role_ids.iter().filter_map(|id| Uuid::try_parse(id).ok()).collect(),
            groups: self.groups.map(Texts::into_vec).unwrap_or_default(),
            local,
            issued,
        }
    }
}
