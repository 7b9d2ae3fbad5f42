//! Tenants and their applications.

use chaveiro_core::id::{ApplicationId, TenantId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::StoreError;
use chaveiro_core::tenant::{Application, Tenant};
use rusqlite::{Connection, Row, params};

use crate::codec::{
    RowError, blob, change_one, from_json, insert, json, many, micros, one, optional_uuid, run, time, uuid,
};

fn read_tenant(row: &Row<'_>) -> Result<Tenant, RowError> {
    Ok(Tenant {
        id: TenantId(uuid(row, "id")?),
        display_name: row.get("display_name")?,
        licence: from_json(row, "licence")?,
        entra_tenant: optional_uuid(row, "entra_tenant")?,
        settings: from_json(row, "settings")?,
        created: time(row, "created")?,
    })
}

pub(crate) fn tenant(connection: &Connection, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    one(connection, "SELECT * FROM tenant WHERE id = ?", [blob(&id.0)], read_tenant)
}

/// The row of that tenant.
pub(crate) fn row(connection: &Connection, id: TenantId) -> Result<Option<i64>, StoreError> {
    one(connection, "SELECT row FROM tenant WHERE id = ?", [blob(&id.0)], |row| Ok(row.get(0)?))
}

pub(crate) fn tenants(connection: &Connection) -> Result<Vec<Tenant>, StoreError> {
    many(connection, "SELECT * FROM tenant ORDER BY row", [], read_tenant)
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

const APPLICATION: &str = "SELECT a.id, a.display_name, a.permissions, a.secret_hashes, a.created, t.id AS tenant_id
    FROM application a JOIN tenant t ON t.row = a.tenant WHERE t.id = ?";

fn read_application(row: &Row<'_>) -> Result<Application, RowError> {
    let names: Vec<String> = from_json(row, "permissions")?;
    let permissions = names.iter().map(|name| {
        Permission::parse(name).ok_or_else(|| RowError::Content(format!("permissions: {name} is not known")))
    });
    Ok(Application {
        tenant: TenantId(uuid(row, "tenant_id")?),
        id: ApplicationId(uuid(row, "id")?),
        display_name: row.get("display_name")?,
        permissions: permissions.collect::<Result<_, _>>()?,
        secret_hashes: from_json(row, "secret_hashes")?,
        created: time(row, "created")?,
    })
}

pub(crate) fn application(
    connection: &Connection,
    tenant: TenantId,
    id: ApplicationId,
) -> Result<Option<Application>, StoreError> {
    let sql = format!("{APPLICATION} AND a.id = ?");
    one(connection, &sql, [blob(&tenant.0), blob(&id.0)], read_application)
}

pub(crate) fn applications(connection: &Connection, tenant: TenantId) -> Result<Vec<Application>, StoreError> {
    let sql = format!("{APPLICATION} ORDER BY a.row");
    many(connection, &sql, [blob(&tenant.0)], read_application)
}

fn permission_names(application: &Application) -> Result<String, StoreError> {
    json(&application.permissions.iter().map(|permission| permission.name()).collect::<Vec<_>>())
}

pub(crate) fn insert_application(connection: &Connection, application: &Application) -> Result<(), StoreError> {
    let sql = "INSERT INTO application (tenant, id, display_name, permissions, secret_hashes, created)
        SELECT row, ?2, ?3, ?4, ?5, ?6 FROM tenant WHERE id = ?1";
    let parameters = params![
        blob(&application.tenant.0),
        blob(&application.id.0),
        application.display_name,
        permission_names(application)?,
        json(&application.secret_hashes)?,
        micros(application.created)
    ];
    insert(connection, sql, parameters, "application")
}

pub(crate) fn update_application(connection: &Connection, application: &Application) -> Result<(), StoreError> {
    let sql = "UPDATE application SET display_name = ?3, permissions = ?4, secret_hashes = ?5
        WHERE id = ?2 AND tenant = (SELECT row FROM tenant WHERE id = ?1)";
    let parameters = params![
        blob(&application.tenant.0),
        blob(&application.id.0),
        application.display_name,
        permission_names(application)?,
        json(&application.secret_hashes)?
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
