//! The rights of a caller, derived from role assignments.
//!
//! Nothing is cached: rights are read in the same transaction as the facts of the decision.

use crate::caller::{ActorKind, Caller};
use crate::ports::{Fault, View};
use crate::principal::Principal;
use crate::refusal::RightsRefusal;
use crate::rights::Rights;
use crate::role::{DIRECTORY_ROLES, Role};
use crate::scope_tag::Visibility;

/// Returns the rights of a caller. A person without any role is refused; an application is restricted to its roles as
/// soon as an assignment names it.
pub fn of(view: &dyn View, caller: &Caller) -> Result<Rights, Fault> {
    let unassigned = match caller.actor.kind {
        ActorKind::Operator | ActorKind::System => return Ok(Rights::Everything),
        // Devices have their own channel and cannot call the API.
        ActorKind::Device => return Err(RightsRefusal::NoRole.into()),
        ActorKind::Application => Some(Rights::Permissions),
        ActorKind::Delegated => None,
    };
    let assigned = view.role_assignments_of(caller.tenant, &Principal::names_of(caller))?;
    let assigned = assigned.into_iter().map(|assignment| (assignment.role, assignment.scope));
    let by_directory = DIRECTORY_ROLES.iter().filter(|(id, ..)| caller.directory_roles.contains(id));
    let by_directory = by_directory.filter_map(|(.., key)| Some((Role::parse(key)?, Visibility::All)));
    let roles: Vec<_> = match caller.actor.kind {
        ActorKind::Delegated => assigned.chain(by_directory).collect(),
        ActorKind::Application | ActorKind::Device | ActorKind::Operator | ActorKind::System => assigned.collect(),
    };
    let rights = if roles.is_empty() { unassigned } else { Some(Rights::Roles(roles)) };
    Ok(rights.ok_or(RightsRefusal::NoRole)?)
}
