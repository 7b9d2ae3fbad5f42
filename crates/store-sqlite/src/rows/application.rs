//! Applications registered with the local issuer.

use chaveiro_core::application::Application;
use chaveiro_core::id::{ApplicationId, TenantId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::StoreError;
use chaveiro_store_rows::read;
use rusqlite::{Connection, Row, params};

use crate::codec::{Cells, RowError, blob, change_one, insert, json, many, micros, one, run};
use crate::rows::authenticated::{APPLICATIONS, is_whole};

/// Selects applications as this program wrote them; others grant nothing.
fn select(rest: &str) -> String {
    let sound = APPLICATIONS.sound("a");
    format!(
        "SELECT t.id AS tenant_id, a.id, a.display_name, a.permissions, a.delegated, a.public, a.secrets, a.certificates,
            a.created FROM application a JOIN tenant t ON t.row = a.tenant
        WHERE t.id = ? AND {sound} {rest}"
    )
}

fn read(row: &Row<'_>) -> Result<Application, RowError> {
    Ok(read::application(&mut Cells::of(row))?)
}

pub(crate) fn application(
    connection: &Connection,
    tenant: TenantId,
    id: ApplicationId,
) -> Result<Option<Application>, StoreError> {
    let found = one(connection, &select("AND a.id = ?"), [blob(&tenant.0), blob(&id.0)], read)?;
    // A removed application could have been put back, or given an older secret again.
    let stands = found.is_some() && is_whole(connection, &APPLICATIONS, tenant, false)?;
    Ok(found.filter(|_| stands))
}

pub(crate) fn applications(connection: &Connection, tenant: TenantId) -> Result<Vec<Application>, StoreError> {
    if !is_whole(connection, &APPLICATIONS, tenant, false)? {
        return Ok(Vec::new());
    }
    many(connection, &select("ORDER BY a.row"), [blob(&tenant.0)], read)
}

fn names(permissions: &[Permission]) -> Result<String, StoreError> {
    json(&permissions.iter().map(|permission| permission.name()).collect::<Vec<_>>())
}

pub(crate) fn insert_application(connection: &Connection, application: &Application) -> Result<(), StoreError> {
    let sql = "INSERT INTO application
            (tenant, id, display_name, permissions, delegated, public, secrets, certificates, created)
        SELECT row, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM tenant WHERE id = ?1";
    let parameters = params![
        blob(&application.tenant.0),
        blob(&application.id.0),
        application.display_name,
        names(&application.permissions)?,
        names(&application.delegated)?,
        application.public,
        json(&application.secrets)?,
        json(&application.certificates)?,
        micros(application.created)
    ];
    insert(connection, sql, parameters, "application")
}

pub(crate) fn update_application(connection: &Connection, application: &Application) -> Result<(), StoreError> {
    let sql = "UPDATE application SET display_name = ?3, permissions = ?4, delegated = ?5, public = ?6, secrets = ?7,
            certificates = ?8
        WHERE id = ?2 AND tenant = (SELECT row FROM tenant WHERE id = ?1)";
    let parameters = params![
        blob(&application.tenant.0),
        blob(&application.id.0),
        application.display_name,
        names(&application.permissions)?,
        names(&application.delegated)?,
        application.public,
        json(&application.secrets)?,
        json(&application.certificates)?
    ];
    change_one(connection, sql, parameters, "application")
}

pub(crate) fn delete_application(
    connection: &Connection,
    tenant: TenantId,
    id: ApplicationId,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM application WHERE id = ?2 AND tenant = (SELECT row FROM tenant WHERE id = ?1)";
    run(connection, sql, [blob(&tenant.0), blob(&id.0)]).map(drop)
}
