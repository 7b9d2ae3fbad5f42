//! The principals that role assignments and revocations name, and the assignments themselves.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::caller::{Actor, ActorKind, Caller};
use crate::id::{AssignmentId, TenantId};
use crate::role::Role;
use crate::scope_tag::Visibility;

/// Most role assignments of a tenant.
pub const MAX_ASSIGNMENTS: usize = 1000;

/// Most characters of the name of a principal, or of an assignment.
pub const MAX_NAME: usize = 256;

/// Most characters of the description of an assignment, as in Intune.
pub const MAX_DESCRIPTION: usize = 1500;

/// The principal to which a role is assigned. Texts are compared as [`Principal::new`] writes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The kind of principal that the text names.
    pub kind: PrincipalKind,
    /// For a user the object id or principal name. For a group its id or name, as the token has it. For an application
    /// its client id.
    pub text: String,
}

/// The kind of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PrincipalKind {
    /// A person.
    User,
    /// A group, by the `groups` claim.
    Group,
    /// An application with permissions of its own.
    Application,
}

impl PrincipalKind {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Application => "application",
        }
    }
}

impl Principal {
    /// Returns a principal. The text is trimmed and lower-cased, as ids and principal names are compared. An id is the
    /// same in braces, without hyphens or in capitals.
    pub fn new(kind: PrincipalKind, text: &str) -> Self {
        let text = text.trim();
        let text = Uuid::try_parse(text).map_or_else(|_| text.to_lowercase(), |id| id.to_string());
        Self { kind, text }
    }

    /// Returns the names that a token gives its person: object id and principal name, as far as it has them.
    pub fn of_person(actor: &Actor) -> impl Iterator<Item = Self> {
        let names = [actor.user_id.as_deref(), actor.user_principal_name.as_deref()];
        names.into_iter().flatten().map(|name| Self::new(PrincipalKind::User, name))
    }

    /// Returns the names under which a caller can have assignments: those of the person, or else of the application.
    pub fn names_of(caller: &Caller) -> Vec<Self> {
        let actor = &caller.actor;
        match actor.kind {
            ActorKind::Application => vec![Self::new(PrincipalKind::Application, &actor.application_id)],
            ActorKind::Delegated => Self::of_person(actor)
                .chain(caller.groups.iter().map(|group| Self::new(PrincipalKind::Group, group)))
                .collect(),
            ActorKind::Device | ActorKind::Operator | ActorKind::System => Vec::new(),
        }
    }
}

/// A role of a principal, on all devices of a tenant or on those with certain tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleAssignment {
    /// The key.
    pub id: AssignmentId,
    /// The tenant.
    pub tenant: TenantId,
    /// The name for people; it decides nothing.
    pub display_name: Option<String>,
    /// The description for people.
    pub description: Option<String>,
    /// The role.
    pub role: &'static Role,
    /// The principal.
    pub principal: Principal,
    /// The devices in scope.
    pub scope: Visibility,
    /// The time at which it was made.
    pub created: Timestamp,
}
