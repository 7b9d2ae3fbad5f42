//! Tenants.

use chaveiro_core::id::TenantId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::tenant::Tenant;
use chaveiro_store_rows::cells::Cells as _;
use chaveiro_store_rows::read;
use chaveiro_store_rows::text::{json, micros};
use tokio_postgres::Row;

use crate::authenticated::{TENANTS, insert_tenant as insert, is_whole, update_in_set};
use crate::unit::{Unit, is_one, params};
use crate::value::Cells;

fn select(rest: &str) -> String {
    let proof = TENANTS.proof("x");
    format!("SELECT id, display_name, licence, entra_tenant, settings, created, {proof} FROM tenant x {rest}")
}

/// Returns a tenant as this program wrote it. Older settings could have been put back.
fn standing(unit: &Unit<'_>, row: &Row) -> Result<Option<Tenant>, StoreError> {
    let tenant = read::tenant(&mut Cells::of(row))?;
    let stands = TENANTS.sound(unit.key(), row, 6)? && is_whole(unit, &TENANTS, tenant.id, false)?;
    Ok(Some(tenant).filter(|_| stands))
}

pub(crate) fn tenant(unit: &Unit<'_>, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    Ok(unit.one(&select("WHERE id = $1"), &params![id.0], |row| standing(unit, row))?.flatten())
}

/// Returns the row of that tenant; for an unknown tenant 0, which owns no rows.
pub(crate) fn row(unit: &Unit<'_>, id: TenantId) -> Result<i64, StoreError> {
    let found =
        unit.one("SELECT row FROM tenant WHERE id = $1", &params![id.0], |row| Ok(Cells::of(row).get("row")?))?;
    Ok(found.unwrap_or(0))
}

pub(crate) fn tenants(unit: &Unit<'_>) -> Result<Vec<Tenant>, StoreError> {
    let found = unit.many(&select("ORDER BY row"), &[], |row| standing(unit, row))?;
    Ok(found.into_iter().flatten().collect())
}

pub(crate) fn insert_tenant(unit: &Unit<'_>, tenant: &Tenant) -> Result<(), StoreError> {
    let row = vec![
        ("id", tenant.id.0.into()),
        ("display_name", (&tenant.display_name).into()),
        ("licence", json(&tenant.licence)?.into()),
        ("entra_tenant", tenant.entra_tenant.into()),
        ("settings", json(&tenant.settings)?.into()),
        ("created", micros(tenant.created).into()),
    ];
    insert(unit, tenant.id, row)
}

pub(crate) fn update_tenant(unit: &Unit<'_>, tenant: &Tenant) -> Result<(), StoreError> {
    let set = [
        ("display_name", (&tenant.display_name).into()),
        ("licence", json(&tenant.licence)?.into()),
        ("entra_tenant", tenant.entra_tenant.into()),
        ("settings", json(&tenant.settings)?.into()),
    ];
    is_one(update_in_set(unit, &TENANTS, tenant.id, &set, "x.id = $1", &params![tenant.id.0], "tenant")?, "tenant")
}
