//! Role assignments.

use chaveiro_core::id::{AssignmentId, TenantId};
use chaveiro_core::ports::StoreError;
use chaveiro_core::principal::{Principal, PrincipalKind, RoleAssignment};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_store_rows::read;
use rusqlite::{Connection, Row, params};

use crate::codec::{Cells, RowError, blob, insert, json, many, micros, name, run};
use crate::rows::authenticated::{ASSIGNMENTS, is_whole, unsound};

/// Selects assignments as this program wrote them; others grant nothing.
fn select(rest: &str) -> String {
    let sound = ASSIGNMENTS.sound("r");
    format!(
        "SELECT r.id, t.id AS tenant_id, r.role, r.kind, r.principal, r.tags, r.created, r.display_name, r.description
        FROM role_assignment r JOIN tenant t ON t.row = r.tenant
        WHERE t.id = ?1 AND {sound} {rest}"
    )
}

fn read(row: &Row<'_>) -> Result<RoleAssignment, RowError> {
    Ok(read::role_assignment(&mut Cells::of(row))?)
}

pub(crate) fn assignments(connection: &Connection, tenant: TenantId) -> Result<Vec<RoleAssignment>, StoreError> {
    many(connection, &select("ORDER BY r.row"), [blob(&tenant.0)], read)
}

pub(crate) fn assignments_of(
    connection: &Connection,
    tenant: TenantId,
    principals: &[Principal],
) -> Result<Vec<RoleAssignment>, StoreError> {
    let sql = select("AND r.kind = ?2 AND r.principal = ?3 ORDER BY r.row");
    let mut found: Vec<RoleAssignment> = Vec::new();
    for principal in principals {
        let parameters = params![blob(&tenant.0), name(&principal.kind)?, principal.text];
        found.extend(many(connection, &sql, parameters, read)?);
    }
    // An application without an assignment is unrestricted: then no assignment may be missing.
    let unbound = found.is_empty() && principals.iter().any(|principal| principal.kind == PrincipalKind::Application);
    if (unbound || !found.is_empty()) && !is_whole(connection, &ASSIGNMENTS, tenant, unbound)? {
        return Err(unsound(&ASSIGNMENTS));
    }
    Ok(found)
}

pub(crate) fn insert_assignment(connection: &Connection, assignment: &RoleAssignment) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO role_assignment (tenant, id, role, kind, principal, tags, created, display_name, description)
        SELECT row, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM tenant WHERE id = ?1";
    let tags = match &assignment.scope {
        Visibility::All => None,
        Visibility::Tagged(tags) => Some(json(tags)?),
    };
    let parameters = params![
        blob(&assignment.tenant.0),
        blob(&assignment.id.0),
        assignment.role.key,
        name(&assignment.principal.kind)?,
        assignment.principal.text,
        tags,
        micros(assignment.created),
        assignment.display_name,
        assignment.description
    ];
    insert(connection, sql, parameters, "role assignment")
}

pub(crate) fn update_assignment(connection: &Connection, assignment: &RoleAssignment) -> Result<(), StoreError> {
    let sql = "UPDATE role_assignment SET display_name = ?3, description = ?4
        WHERE id = ?2 AND tenant = (SELECT row FROM tenant WHERE id = ?1)";
    let key = (blob(&assignment.tenant.0), blob(&assignment.id.0));
    let parameters = params![key.0, key.1, assignment.display_name, assignment.description];
    run(connection, sql, parameters).map(drop)
}

pub(crate) fn delete_assignment(
    connection: &Connection,
    tenant: TenantId,
    id: AssignmentId,
) -> Result<bool, StoreError> {
    let sql = "DELETE FROM role_assignment WHERE id = ?2 AND tenant = (SELECT row FROM tenant WHERE id = ?1)";
    Ok(run(connection, sql, [blob(&tenant.0), blob(&id.0)])? > 0)
}
