//! The authenticated party of a request: a user through an application, or an application alone.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::TenantId;
use crate::permission::{Permission, PermissionSet};

/// The `application_id` of tokens that a person minted on the host.
pub const OPERATOR_CLIENT: &str = "chaveiro-cli";

/// The person in the [`Actor::key`] of an application by itself.
pub const NO_PERSON: &str = "-";

/// The caller, after its token was verified and its tenant found licensed.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The tenant of the token; the caller can reach nothing outside it.
    pub tenant: TenantId,
    /// The identity that audit events record.
    pub actor: Actor,
    /// The permissions that the token grants.
    pub permissions: PermissionSet,
    /// The directory roles of the signed-in user, as template ids: the `wids` claim (docs/graph-facts.md#token-claims).
    /// Empty if the token names none. The issuer vouches for them; another place decides what they allow.
    pub directory_roles: Vec<Uuid>,
    /// The groups of the signed-in user: the `groups` claim, ids or names as the issuer writes them.
    pub groups: Vec<String>,
    /// True if the local issuer made the token. Another issuer may let people choose their own names.
    pub local: bool,
    /// The time at which the token was issued, in whole seconds; `None` if the token does not say.
    pub issued: Option<Timestamp>,
}

impl Caller {
    /// Returns a caller with these permissions and nothing else, by a token of the local issuer that tells no time.
    pub fn local(tenant: TenantId, actor: Actor, permissions: PermissionSet) -> Self {
        let (directory_roles, groups) = (Vec::new(), Vec::new());
        Self { tenant, actor, permissions, directory_roles, groups, local: true, issued: None }
    }

    /// Returns a person on the server's host, who uses no API and needs no permissions.
    pub fn operator(tenant: TenantId, person: &HostUser) -> Self {
        Self::local(tenant, Actor::operator(person), PermissionSet::default())
    }

    /// Returns a program that may recover passcodes and read them, and nothing else.
    pub fn recovering(tenant: TenantId, actor: Actor) -> Self {
        Self::local(tenant, actor, [Permission::PrivilegedOperationsAll].into_iter().collect())
    }
}

/// The identity of a caller as the audit record keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// The kind of caller.
    pub kind: ActorKind,
    /// The `appid`/`azp` claim; a fixed word for operators and the server itself.
    pub application_id: String,
    /// The display name of the application, if the token has it.
    pub application_name: Option<String>,
    /// The `oid` (or `sub`) of the signed-in user.
    pub user_id: Option<String>,
    /// The `upn` or `preferred_username` of the signed-in user; for an operator, the name on the host.
    pub user_principal_name: Option<String>,
    /// The address of the client, for a request over the API.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<IpAddr>,
    /// The person on the host, as the operating system names them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<HostUser>,
}

/// A person on the server's own host, identified by the kernel and `sudo`. Several people can share one service user.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostUser {
    /// The user that the process runs as.
    pub user: String,
    /// The number of that user.
    pub uid: u32,
    /// The user who logged in, by the login uid that the kernel keeps for the session.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub login: Option<String>,
    /// The user who called `sudo`, as `sudo` reports it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sudo_user: Option<String>,
    /// The terminal, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub terminal: Option<String>,
}

impl HostUser {
    /// Returns a user without a login session, `sudo` or a terminal.
    pub fn new(user: &str, uid: u32) -> Self {
        Self { user: user.to_owned(), uid, login: None, sudo_user: None, terminal: None }
    }

    /// Returns the name of the person: the user who logged in, or else the one who called `sudo`. Returns both where
    /// they differ, because the environment can be set by hand.
    pub fn name(&self) -> String {
        match (&self.login, &self.sudo_user) {
            (Some(login), Some(sudo)) if login != sudo => format!("{login}/{sudo}"),
            (Some(name), _) | (None, Some(name)) => name.clone(),
            (None, None) => self.user.clone(),
        }
    }
}

/// The kind of party that acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// A person on the server's own host.
    Operator,
}

impl Actor {
    /// Returns the server acting by itself.
    pub fn system() -> Self {
        Self::named(ActorKind::System, "chaveiro")
    }

    /// Returns a person on the server's host.
    pub fn operator(person: &HostUser) -> Self {
        Self {
            user_principal_name: Some(person.name()),
            host: Some(person.clone()),
            ..Self::named(ActorKind::Operator, OPERATOR_CLIENT)
        }
    }

    /// Returns a device, named by its enrolment.
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
            address: None,
            host: None,
        }
    }

    /// Returns the name by which people know the party: that of the user, or else of the application.
    pub fn name(&self) -> &str {
        let user = self.user_principal_name.as_deref().or(self.user_id.as_deref());
        user.or(self.application_name.as_deref()).unwrap_or(&self.application_id)
    }

    /// Returns a text that is equal exactly for the same caller, as disclosure windows and repeated requests compare
    /// them. A user through two applications is two callers; so are two people on the host.
    pub fn key(&self) -> String {
        let person = match &self.host {
            Some(person) => Some(person.name()),
            None => self.user_id.clone(),
        };
        format!("{}/{}", self.application_id, person.as_deref().unwrap_or(NO_PERSON))
    }

    /// Returns a text that is equal for the same party, as [`Self::is_same_party`] compares. It is the person, through
    /// any application; without a person, the application. The limit on reading counts by it.
    pub fn party(&self) -> String {
        let (kind, name) = match (self.kind, &self.user_id) {
            (ActorKind::Operator, _) => ("operator", self.host.as_ref().map_or_else(|| "-".to_owned(), HostUser::name)),
            (ActorKind::Delegated, Some(user)) => ("user", user.clone()),
            (ActorKind::Delegated, None) | (ActorKind::Application | ActorKind::Device | ActorKind::System, _) => {
                ("application", self.application_id.clone())
            }
        };
        format!("{kind}/{}", name.to_ascii_lowercase())
    }

    /// Returns true if the same person is behind both, through any application; without a person, the same application.
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
            ..Actor::system()
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

    #[test]
    fn a_party_is_named_after_its_person_and_without_one_after_its_application() {
        let named = |user: Option<&str>, name: Option<&str>, application: Option<&str>| Actor {
            user_id: user.map(str::to_owned),
            user_principal_name: name.map(str::to_owned),
            application_name: application.map(str::to_owned),
            ..Actor::system()
        };
        for (actor, name) in [
            (named(Some("1"), Some("ana@x"), Some("Desk")), "ana@x"),
            (named(Some("1"), None, Some("Desk")), "1"),
            (named(None, None, Some("Desk")), "Desk"),
            (named(None, None, None), "chaveiro"),
        ] {
            assert_eq!(actor.name(), name);
        }
    }

    #[test]
    fn two_people_who_share_the_service_user_are_two_parties() {
        let shared = HostUser::new("chaveiro", 990);
        let by_sudo = |name: &str| HostUser { sudo_user: Some(name.to_owned()), ..shared.clone() };
        let (alice, bob) = (Actor::operator(&by_sudo("alice")), Actor::operator(&by_sudo("bob")));
        assert!(!alice.is_same_party(&bob));
        assert_ne!((alice.key(), alice.party()), (bob.key(), bob.party()));
        assert!(alice.is_same_party(&Actor::operator(&by_sudo("alice"))));
        // The environment can be set by hand; the login uid cannot.
        let forged = HostUser { login: Some("bob".to_owned()), ..by_sudo("alice") };
        assert_eq!(forged.name(), "bob/alice");
        for (person, name) in [
            (by_sudo("alice"), "alice"),
            (HostUser { login: Some("alice".to_owned()), ..by_sudo("alice") }, "alice"),
            (HostUser { login: Some("alice".to_owned()), ..shared.clone() }, "alice"),
            (shared, "chaveiro"),
        ] {
            assert_eq!(person.name(), name);
        }
    }

    #[test]
    fn a_person_is_one_party_through_every_application_and_an_application_is_one_by_itself() {
        let actor = |kind, application: &str, user: Option<&str>| Actor {
            kind,
            application_id: application.to_owned(),
            user_id: user.map(str::to_owned),
            ..Actor::system()
        };
        assert_eq!(actor(ActorKind::Delegated, "desk", Some("A")).party(), "user/a");
        assert_eq!(actor(ActorKind::Delegated, "other", Some("a")).party(), "user/a");
        assert_eq!(actor(ActorKind::Application, "Script", None).party(), "application/script");
    }
}
