//! Tenants.

use chaveiro_core::id::TenantId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::tenant::Tenant;
use chaveiro_store_rows::read;
use rusqlite::{Connection, Row, params};

use crate::codec::{Cells, RowError, blob, change_one, insert, json, many, micros, one};
use crate::rows::authenticated::{TENANTS, is_whole};

/// Selects tenants as this program wrote them.
fn select(rest: &str) -> String {
    let sound = TENANTS.sound("tenant");
    format!("SELECT id, display_name, licence, entra_tenant, settings, created FROM tenant WHERE {sound} {rest}")
}

fn read_tenant(row: &Row<'_>) -> Result<Tenant, RowError> {
    Ok(read::tenant(&mut Cells::of(row))?)
}

pub(crate) fn tenant(connection: &Connection, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    let found = one(connection, &select("AND id = ?"), [blob(&id.0)], read_tenant)?;
    // Older settings could have been put back.
    let stands = found.is_some() && is_whole(connection, &TENANTS, id, false)?;
    Ok(found.filter(|_| stands))
}

/// Returns the row of that tenant; for an unknown tenant 0, which owns no rows.
pub(crate) fn row(connection: &Connection, id: TenantId) -> Result<i64, StoreError> {
    let found = one(connection, "SELECT row FROM tenant WHERE id = ?", [blob(&id.0)], |row| Ok(row.get(0)?))?;
    Ok(found.unwrap_or(0))
}

pub(crate) fn tenants(connection: &Connection) -> Result<Vec<Tenant>, StoreError> {
    let mut stand = Vec::new();
    for tenant in many(connection, &select("ORDER BY row"), [], read_tenant)? {
        if is_whole(connection, &TENANTS, tenant.id, false)? {
            stand.push(tenant);
        }
    }
    Ok(stand)
}

pub(crate) fn insert_tenant(connection: &Connection, tenant: &Tenant) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO tenant (id, display_name, licence, entra_tenant, settings, created) VALUES (?, ?, ?, ?, ?, ?)";
    let parameters = params![
        blob(&tenant.id.0),
        tenant.display_name,
        json(&tenant.licence)?,
        tenant.entra_tenant.as_ref().map(blob),
        json(&tenant.settings)?,
        micros(tenant.created)
    ];
    insert(connection, sql, parameters, "tenant")
}

pub(crate) fn update_tenant(connection: &Connection, tenant: &Tenant) -> Result<(), StoreError> {
    let sql = "UPDATE tenant SET display_name = ?2, licence = ?3, entra_tenant = ?4, settings = ?5 WHERE id = ?1";
    let parameters = params![
        blob(&tenant.id.0),
        tenant.display_name,
        json(&tenant.licence)?,
        tenant.entra_tenant.as_ref().map(blob),
        json(&tenant.settings)?
    ];
    change_one(connection, sql, parameters, "tenant")
}
