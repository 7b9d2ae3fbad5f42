//! Applications registered with the local issuer.

use chaveiro_core::application::Application;
use chaveiro_core::id::{ApplicationId, TenantId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::StoreError;
use chaveiro_store_rows::read;
use chaveiro_store_rows::text::{json, micros};
use tokio_postgres::Row;

use crate::authenticated::{APPLICATIONS, Written, delete_from_set, insert_into_set, is_whole, update_in_set};
use crate::unit::{Unit, is_one, params};
use crate::value::Cells;

fn select(rest: &str) -> String {
    let proof = APPLICATIONS.proof("x");
    format!(
        "SELECT x.tenant AS tenant_id, x.id, x.display_name, x.permissions, x.delegated, x.public, x.secrets, x.certificates,
            x.created, {proof} FROM application x WHERE x.tenant = $1 {rest}"
    )
}

/// Returns an application if this program wrote it; others grant nothing.
fn sound(unit: &Unit<'_>, row: &Row) -> Result<Option<Application>, StoreError> {
    match APPLICATIONS.sound(unit.key(), row, 9)? {
        true => Ok(Some(read::application(&mut Cells::of(row))?)),
        false => Ok(None),
    }
}

pub(crate) fn application(
    unit: &Unit<'_>,
    tenant: TenantId,
    id: ApplicationId,
) -> Result<Option<Application>, StoreError> {
    let found = unit.one(&select("AND x.id = $2"), &params![tenant.0, id.0], |row| sound(unit, row))?.flatten();
    // A removed application could have been put back, or given an older secret again.
    let stands = found.is_some() && is_whole(unit, &APPLICATIONS, tenant, false)?;
    Ok(found.filter(|_| stands))
}

pub(crate) fn applications(unit: &Unit<'_>, tenant: TenantId) -> Result<Vec<Application>, StoreError> {
    if !is_whole(unit, &APPLICATIONS, tenant, false)? {
        return Ok(Vec::new());
    }
    let found = unit.many(&select("ORDER BY x.row"), &params![tenant.0], |row| sound(unit, row))?;
    Ok(found.into_iter().flatten().collect())
}

fn names(permissions: &[Permission]) -> Result<String, StoreError> {
    json(&permissions.iter().map(|permission| permission.name()).collect::<Vec<_>>())
}

/// Returns the columns that change.
fn changing(application: &Application) -> Result<Written, StoreError> {
    Ok(vec![
        ("display_name", (&application.display_name).into()),
        ("permissions", names(&application.permissions)?.into()),
        ("delegated", names(&application.delegated)?.into()),
        ("public", application.public.into()),
        ("secrets", json(&application.secrets)?.into()),
        ("certificates", json(&application.certificates)?.into()),
    ])
}

pub(crate) fn insert_application(unit: &Unit<'_>, application: &Application) -> Result<(), StoreError> {
    let mut row = changing(application)?;
    row.extend([
        ("tenant", application.tenant.0.into()),
        ("id", application.id.0.into()),
        ("created", micros(application.created).into()),
    ]);
    insert_into_set(unit, &APPLICATIONS, application.tenant, row, "application")
}

pub(crate) fn update_application(unit: &Unit<'_>, application: &Application) -> Result<(), StoreError> {
    let (tenant, key) = (application.tenant, params![application.tenant.0, application.id.0]);
    let set = changing(application)?;
    let condition = "x.tenant = $1 AND x.id = $2";
    is_one(update_in_set(unit, &APPLICATIONS, tenant, &set, condition, &key, "application")?, "application")
}

pub(crate) fn delete_application(unit: &Unit<'_>, tenant: TenantId, id: ApplicationId) -> Result<(), StoreError> {
    let key = params![tenant.0, id.0];
    delete_from_set(unit, &APPLICATIONS, tenant, "x.tenant = $1 AND x.id = $2", &key).map(drop)
}
