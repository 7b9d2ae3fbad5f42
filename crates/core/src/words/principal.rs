//! The principals that role assignments and revocations name, and the assignments themselves.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::caller::{Actor, ActorKind, Caller};
use crate::id::{AssignmentId, TenantId};
use crate::role::Role;
use crate::scope_tag::Visibility;

/// How many role assignments a tenant may have.
pub const MAX_ASSIGNMENTS: usize = 1000;

/// Most characters of the name of a principal, or of an assignment.
pub const MAX_NAME: usize = 256;

/// Most characters of the description of an assignment, as in Intune.
pub const MAX_DESCRIPTION: usize = 1500;

/// Whom an assignment is for. Texts are compared as [`Principal::new`] writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// What the text names.
    pub kind: PrincipalKind,
    /// Object id or principal name of a user; id or name of a group, as the token has it; client id of an application.
    pub text: String,
}

/// What a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// A principal; the text is trimmed and lower-cased, as ids and principal names are compared. An id is the same however
    /// it is written: in braces, without hyphens, in capitals.
    pub fn new(kind: PrincipalKind, text: &str) -> Self {
        let text = text.trim();
        let text = Uuid::try_parse(text).map_or_else(|_| text.to_lowercase(), |id| id.to_string());
        Self { kind, text }
    }

    /// The names that a token gives its person: object id and principal name, as far as it has them.
    pub fn of_person(actor: &Actor) -> impl Iterator<Item = Self> {
        let names = [actor.user_id.as_deref(), actor.user_principal_name.as_deref()];
        names.into_iter().flatten().map(|name| Self::new(PrincipalKind::User, name))
    }

    /// The names under which a caller can have assignments: those of the person, or of the application alone.
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

/// A role for somebody, on all devices of a tenant or on those with a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleAssignment {
    /// Its key.
    pub id: AssignmentId,
    /// Its tenant.
    pub tenant: TenantId,
    /// What people call it; nothing is decided by it.
    pub display_name: Option<String>,
    /// What people say of it.
    pub description: Option<String>,
    /// The role.
    pub role: &'static Role,
    /// Whom it is for.
    pub principal: Principal,
    /// On which devices.
    pub scope: Visibility,
    /// When it was made.
    pub created: Timestamp,
}
