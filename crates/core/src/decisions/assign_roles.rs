//! Role assignments: made, renamed and removed, each in one unit of work, recorded. Operators on the host and callers
//! of the API both use these functions; the `event` says which.
//!
//! A role manager can grant rights they do not hold. These rules prevent privilege escalation (`docs/roles.md`):
//!
//! - Callers cannot change their own role assignments.
//! - Some rights, such as managing roles or applications, are implied by no permission
//!   ([`RoleAction::is_only_assigned`]). Only a caller who holds such a right can grant it, within the caller's scope.
//! - A person who has an application's secret can act as that application, and that person may be the caller. So an
//!   application gets no right that it lacked before and that the caller lacks too. The first assignment restricts an
//!   application to its roles; removing the last one lifts the restriction.
//! - No person stands behind an application, so it can grant only rights it holds.

use super::rights;
use crate::alert::{Alert, Assigned, News};
use crate::audit::AuditEvent;
use crate::caller::{ActorKind, Caller};
use crate::ports::Fault;
use crate::ports::{StoreError, UnitOfWork, View};
use crate::principal::{MAX_ASSIGNMENTS, Principal, PrincipalKind, RoleAssignment};
use crate::refusal::{ResourceRefusal, RightsRefusal, RoleRefusal};
use crate::rights::Rights;
use crate::role::RoleAction;
use crate::scope_tag::Visibility;

/// Makes the assignment. An assignment through the API raises an alert. One on the host does not, because the operator
/// knows of it. Nor does the limit apply on the host, because callers may have used it up.
pub fn assign(
    unit: &mut dyn UnitOfWork,
    by: &Caller,
    assignment: &RoleAssignment,
    event: AuditEvent,
) -> Result<(), Fault> {
    let held = manages(unit, by)?;
    refuse_own(by, &assignment.principal)?;
    let all = unit.role_assignments(assignment.tenant)?;
    let lacking = match assignment.principal.kind {
        PrincipalKind::Application => {
            let before: Vec<_> = all.iter().filter(|one| one.principal == assignment.principal).collect();
            let after: Vec<_> = before.iter().copied().chain([assignment]).collect();
            held.lack_beyond(&bound_by(&before), &bound_by(&after))
        }
        PrincipalKind::User | PrincipalKind::Group => {
            let must_hold = |action: &RoleAction| by.actor.kind == ActorKind::Application || action.is_only_assigned();
            let holds = |action| held.scope(action).is_some_and(|scope| scope.covers(&assignment.scope));
            assignment.role.actions.iter().copied().find(|action| must_hold(action) && !holds(*action))
        }
    };
    if let Some(action) = lacking {
        return Err(RoleRefusal::BeyondCaller(action).into());
    }
    let same = |one: &RoleAssignment| {
        one.role == assignment.role && one.principal == assignment.principal && one.scope == assignment.scope
    };
    if all.iter().any(same) {
        return Err(RoleRefusal::AssignedAlready.into());
    }
    if all.len() >= MAX_ASSIGNMENTS && event.request.is_some() {
        return Err(RoleRefusal::TooMany.into());
    }
    unit.insert_role_assignment(assignment)?;
    raise_alert(unit, News::RoleAssigned, &event, assignment)?;
    Ok(unit.append_audit(&described(event, assignment))?)
}

/// Replaces the name and the description of an assignment.
pub fn rename(
    unit: &mut dyn UnitOfWork,
    by: &Caller,
    assignment: &RoleAssignment,
    event: AuditEvent,
) -> Result<(), Fault> {
    manages(unit, by)?;
    let all = unit.role_assignments(assignment.tenant)?;
    let before = all.iter().find(|one| one.id == assignment.id).ok_or(ResourceRefusal::NotFound("roleAssignment"))?;
    unit.update_role_assignment(assignment)?;
    let event = described(event, assignment);
    let changed = [
        ("displayName", before.display_name != assignment.display_name),
        ("description", before.description != assignment.description),
    ];
    let changed: Vec<_> = changed.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect();
    Ok(unit.append_audit(&event.with("changed", changed.join(",")))?)
}

/// Removes an assignment. A removal through the API raises an alert.
pub fn unassign(
    unit: &mut dyn UnitOfWork,
    by: &Caller,
    assignment: &RoleAssignment,
    event: AuditEvent,
) -> Result<(), Fault> {
    let held = manages(unit, by)?;
    refuse_own(by, &assignment.principal)?;
    if assignment.principal.kind == PrincipalKind::Application {
        let all = unit.role_assignments(assignment.tenant)?;
        let before: Vec<_> = all.iter().filter(|one| one.principal == assignment.principal).collect();
        let after: Vec<_> = before.iter().copied().filter(|one| one.id != assignment.id).collect();
        if let Some(action) = held.lack_beyond(&bound_by(&before), &bound_by(&after)) {
            return Err(RoleRefusal::UnboundBeyondCaller(action).into());
        }
    }
    if !unit.delete_role_assignment(assignment.tenant, assignment.id)? {
        return Err(ResourceRefusal::NotFound("roleAssignment").into());
    }
    raise_alert(unit, News::RoleUnassigned, &event, assignment)?;
    Ok(unit.append_audit(&described(event, assignment))?)
}

/// Returns the rights of the caller, who must manage the roles of the whole tenant.
fn manages(view: &dyn View, by: &Caller) -> Result<Rights, Fault> {
    let held = rights::of(view, by)?;
    match held.scope(RoleAction::RolesManage) {
        Some(Visibility::All) => Ok(held),
        Some(Visibility::Tagged(_)) | None => Err(RightsRefusal::RoleLacks(RoleAction::RolesManage).into()),
    }
}

/// Refuses an assignment that names the caller: the person, one of their groups, or the application that they use.
fn refuse_own(by: &Caller, principal: &Principal) -> Result<(), RoleRefusal> {
    let application = Principal::new(PrincipalKind::Application, &by.actor.application_id);
    let is_hers = match by.actor.kind {
        ActorKind::Application | ActorKind::Delegated => {
            *principal == application || Principal::names_of(by).contains(principal)
        }
        ActorKind::Device | ActorKind::Operator | ActorKind::System => false,
    };
    if is_hers { Err(RoleRefusal::Own) } else { Ok(()) }
}

/// Returns the rights of an application with these assignments.
fn bound_by(assignments: &[&RoleAssignment]) -> Rights {
    match assignments {
        [] => Rights::Permissions,
        _ => Rights::Roles(assignments.iter().map(|one| (one.role, one.scope.clone())).collect()),
    }
}

/// Raises an alert about an assignment that a request of the API changed, with any token: an operator's token works
/// wherever it is taken.
fn raise_alert(
    unit: &mut dyn UnitOfWork,
    news: fn(Assigned) -> News,
    event: &AuditEvent,
    assignment: &RoleAssignment,
) -> Result<(), StoreError> {
    if event.request.is_none() {
        return Ok(());
    }
    let tags = match &assignment.scope {
        Visibility::All => None,
        Visibility::Tagged(tags) => Some(tags.clone()),
    };
    let assigned = Assigned {
        assignment: assignment.id,
        role: assignment.role.key.to_owned(),
        principal_type: assignment.principal.kind,
        principal: assignment.principal.text.clone(),
        tags,
    };
    let (tenant, about, actor) = (assignment.tenant, assignment.id.0, event.actor.clone());
    unit.insert_alert(&Alert { tenant, about, at: event.at, actor, news: news(assigned) })
}

/// Adds the facts of an assignment to an event.
fn described(event: AuditEvent, assignment: &RoleAssignment) -> AuditEvent {
    let event = event.with("assignment", assignment.id).with("role", assignment.role.key);
    let event = event.with(assignment.principal.kind.name(), &assignment.principal.text);
    let event = match &assignment.scope {
        Visibility::All => event,
        Visibility::Tagged(tags) => event.with("tags", tags.iter().cloned().collect::<Vec<_>>().join(",")),
    };
    let texts = [("name", &assignment.display_name), ("description", &assignment.description)];
    texts
        .into_iter()
        .filter_map(|(fact, text)| Some((fact, text.as_ref()?)))
        .fold(event, |event, (fact, text)| event.with(fact, text))
}
