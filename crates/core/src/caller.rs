//! The authenticated party of a request: a user through an application, or an application alone.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::TenantId;
use crate::permission::PermissionSet;

/// Who is calling, after the token was verified and the tenant found licensed.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The tenant of the token; the wall around everything the caller can reach.
    pub tenant: TenantId,
    /// What is written into audit events.
    pub actor: Actor,
    /// What the token grants.
    pub permissions: PermissionSet,
    /// The directory roles of the signed-in user, as template ids: the `wids` claim (graph.md 6.1). Empty when the token
    /// names none. They are the issuer's word; what they allow is decided elsewhere.
    pub directory_roles: Vec<Uuid>,
    /// The groups of the signed-in user: the `groups` claim, ids or names as the issuer writes them.
    pub groups: Vec<String>,
    /// Whether the token is of the local issuer. Another may let people choose the names by which it calls them.
    pub local: bool,
    /// When the token was issued, in whole seconds; `None` when it does not say.
    pub issued: Option<Timestamp>,
}

impl Caller {
    /// A person on the server's host, who uses no API and needs no permissions.
    pub fn operator(tenant: TenantId) -> Self {
        Self {
            tenant,
            actor: Actor::operator(),
            permissions: PermissionSet::default(),
            directory_roles: Vec::new(),
            groups: Vec::new(),
            local: true,
            issued: None,
        }
    }
}

/// The identity of a caller as the audit record keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// Application or delegated.
    pub kind: ActorKind,
    /// The `appid`/`azp` claim; for operators and the server itself a fixed word.
    pub application_id: String,
    /// Display name of the application, when the token says it.
    pub application_name: Option<String>,
    /// The `oid` (or `sub`) of the signed-in user.
    pub user_id: Option<String>,
    /// The `upn` or `preferred_username` of the signed-in user.
    pub user_principal_name: Option<String>,
}

/// How the caller acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ActorKind {
    /// An application with its own permissions (`roles`).
    Application,
    /// A user through an application (`scp`).
    Delegated,
    /// A device, over the device channel.
    Device,
    /// The server itself: expiry, retention, checkpoints.
    System,
    /// A person on the server's own host, through the command line.
    Operator,
}

impl Actor {
    /// The server acting by itself.
    pub fn system() -> Self {
        Self::named(ActorKind::System, "chaveiro")
    }

    /// A person on the server's host.
    pub fn operator() -> Self {
        Self::named(ActorKind::Operator, crate::revocation::OPERATOR_CLIENT)
    }

    /// A device, named by its enrolment.
    pub fn device(enrollment: crate::id::EnrollmentId) -> Self {
        Self::named(ActorKind::Device, &enrollment.to_string())
    }

    fn named(kind: ActorKind, application_id: &str) -> Self {
        Self {
            kind,
            application_id: application_id.to_owned(),
            application_name: None,
            user_id: None,
            user_principal_name: None,
        }
    }

    /// One text that is equal exactly for the same party: "same caller" in the disclosure window and
    /// in repeated requests. A user through two applications is two callers.
    pub fn key(&self) -> String {
        format!("{}/{}", self.application_id, self.user_id.as_deref().unwrap_or("-"))
    }

    /// Whether the same person is behind both, through whichever application; without a person, the same application.
    pub fn is_same_party(&self, other: &Self) -> bool {
        let same = |one: &Option<String>, other: &Option<String>| match (one, other) {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            (None, _) | (_, None) => false,
        };
        self.key().eq_ignore_ascii_case(&other.key())
            || same(&self.user_id, &other.user_id)
            || same(&self.user_principal_name, &other.user_principal_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_the_same_through_whichever_application_and_an_application_only_itself() {
        let actor = |application: &str, user: Option<&str>, name: Option<&str>| Actor {
            application_id: application.to_owned(),
            user_id: user.map(str::to_owned),
            user_principal_name: name.map(str::to_owned),
            ..Actor::operator()
        };
        let ana = actor("desk", Some("1"), Some("ana@x"));
        for (other, same) in [
            (actor("desk", Some("1"), Some("ana@x")), true),
            (actor("other", Some("1"), None), true),
            (actor("other", Some("2"), Some("ANA@x")), true),
            (actor("desk", Some("2"), Some("bob@x")), false),
            (actor("desk", None, None), false),
        ] {
            assert_eq!(ana.is_same_party(&other), same, "{other:?}");
        }
        let script = actor("script", None, None);
        assert!(script.is_same_party(&actor("SCRIPT", None, None)));
        assert!(!script.is_same_party(&actor("desk", None, None)));
    }
}
