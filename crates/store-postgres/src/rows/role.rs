//! Role assignments.

use chaveiro_core::id::{AssignmentId, TenantId};
use chaveiro_core::ports::StoreError;
use chaveiro_core::principal::{Principal, PrincipalKind, RoleAssignment};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_store_rows::read;
use chaveiro_store_rows::text::{json, micros, name};
use tokio_postgres::Row;

use crate::authenticated::{ASSIGNMENTS, delete_from_set, insert_into_set, is_whole, unsound, update_in_set};
use crate::unit::{Unit, params};
use crate::value::{Cells, Sql};

/// Returns the assignments that this program wrote; others grant nothing.
fn sound(unit: &Unit<'_>, rest: &str, parameters: &[Sql]) -> Result<Vec<RoleAssignment>, StoreError> {
    let sql = format!(
        "SELECT x.id, x.tenant AS tenant_id, x.role, x.kind, x.principal, x.tags, x.created, x.display_name, x.description, {}
        FROM role_assignment x WHERE x.tenant = $1 {rest} ORDER BY x.row",
        ASSIGNMENTS.proof("x")
    );
    let read = |row: &Row| match ASSIGNMENTS.sound(unit.key(), row, 9)? {
        true => Ok(Some(read::role_assignment(&mut Cells::of(row))?)),
        false => Ok(None),
    };
    Ok(unit.many(&sql, parameters, read)?.into_iter().flatten().collect())
}

pub(crate) fn assignments(unit: &Unit<'_>, tenant: TenantId) -> Result<Vec<RoleAssignment>, StoreError> {
    sound(unit, "", &params![tenant.0])
}

pub(crate) fn assignments_of(
    unit: &Unit<'_>,
    tenant: TenantId,
    principals: &[Principal],
) -> Result<Vec<RoleAssignment>, StoreError> {
    let mut found: Vec<RoleAssignment> = Vec::new();
    for principal in principals {
        let parameters = params![tenant.0, name(&principal.kind)?, &principal.text];
        found.extend(sound(unit, "AND x.kind = $2 AND x.principal = $3", &parameters)?);
    }
    // An application without an assignment is unrestricted: then no assignment may be missing.
    let unbound = found.is_empty() && principals.iter().any(|principal| principal.kind == PrincipalKind::Application);
    if (unbound || !found.is_empty()) && !is_whole(unit, &ASSIGNMENTS, tenant, unbound)? {
        return Err(unsound(&ASSIGNMENTS));
    }
    Ok(found)
}

pub(crate) fn insert_assignment(unit: &Unit<'_>, assignment: &RoleAssignment) -> Result<(), StoreError> {
    let tags = match &assignment.scope {
        Visibility::All => None,
        Visibility::Tagged(tags) => Some(json(tags)?),
    };
    let row = vec![
        ("tenant", assignment.tenant.0.into()),
        ("id", assignment.id.0.into()),
        ("role", assignment.role.key.into()),
        ("kind", name(&assignment.principal.kind)?.into()),
        ("principal", (&assignment.principal.text).into()),
        ("tags", tags.into()),
        ("created", micros(assignment.created).into()),
        ("display_name", assignment.display_name.as_ref().into()),
        ("description", assignment.description.as_ref().into()),
    ];
    insert_into_set(unit, &ASSIGNMENTS, assignment.tenant, row, "role assignment")
}

pub(crate) fn update_assignment(unit: &Unit<'_>, assignment: &RoleAssignment) -> Result<(), StoreError> {
    let set = [
        ("display_name", assignment.display_name.as_ref().into()),
        ("description", assignment.description.as_ref().into()),
    ];
    let (tenant, key) = (assignment.tenant, params![assignment.tenant.0, assignment.id.0]);
    let condition = "x.tenant = $1 AND x.id = $2";
    update_in_set(unit, &ASSIGNMENTS, tenant, &set, condition, &key, "role assignment").map(drop)
}

pub(crate) fn delete_assignment(unit: &Unit<'_>, tenant: TenantId, id: AssignmentId) -> Result<bool, StoreError> {
    let key = params![tenant.0, id.0];
    Ok(delete_from_set(unit, &ASSIGNMENTS, tenant, "x.tenant = $1 AND x.id = $2", &key)? > 0)
}
