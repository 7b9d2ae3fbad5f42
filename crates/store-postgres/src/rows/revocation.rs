//! The revocation times of principals.

use chaveiro_core::Timestamp;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::principal::{Principal, PrincipalKind};
use chaveiro_core::revocation::of_everyone;
use chaveiro_store_rows::cells::Cells as _;
use chaveiro_store_rows::text::{micros, name};
use tokio_postgres::Row;

use crate::authenticated::{REVOCATIONS, insert_into_set, unsound, update_in_set};
use crate::unit::{Unit, params};
use crate::value::Cells;

pub(crate) fn valid_from(
    unit: &Unit<'_>,
    tenant: TenantId,
    principals: &[Principal],
) -> Result<Option<Timestamp>, StoreError> {
    let everyone = of_everyone();
    let named: Vec<_> = principals.iter().chain([&everyone]).collect();
    let kinds = named.iter().map(|principal| name(&principal.kind)).collect::<Result<Vec<_>, _>>()?;
    let texts: Vec<String> = named.iter().map(|principal| principal.text.clone()).collect();
    let sql = format!(
        "SELECT x.valid_from, {} FROM unnest($2::text[], $3::text[]) AS j (kind, principal)
        JOIN revocation x ON x.tenant = $1 AND x.kind = j.kind AND x.principal = j.principal",
        REVOCATIONS.proof("x")
    );
    let read = |row: &Row| Ok((Cells::of(row).time("valid_from")?, REVOCATIONS.sound(unit.key(), row, 1)?));
    let found = unit.many(&sql, &params![tenant.0, kinds, texts], read)?;
    match found.iter().all(|(_, sound)| *sound) {
        true => Ok(found.into_iter().map(|(valid_from, _)| valid_from).max()),
        false => Err(unsound(&REVOCATIONS)),
    }
}

pub(crate) fn last_valid_from(
    unit: &Unit<'_>,
    tenant: TenantId,
    kind: PrincipalKind,
) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT valid_from FROM revocation WHERE tenant = $1 AND kind = $2 ORDER BY valid_from DESC LIMIT 1";
    unit.one(sql, &params![tenant.0, name(&kind)?], |row| Ok(Cells::of(row).time("valid_from")?))
}

pub(crate) fn set_valid_from(
    unit: &Unit<'_>,
    tenant: TenantId,
    principal: &Principal,
    moment: Timestamp,
) -> Result<(), StoreError> {
    let moment = ("valid_from", micros(moment).into());
    let key = params![tenant.0, name(&principal.kind)?, &principal.text];
    let condition = "x.tenant = $1 AND x.kind = $2 AND x.principal = $3";
    if update_in_set(unit, &REVOCATIONS, tenant, std::slice::from_ref(&moment), condition, &key, "revocation")? > 0 {
        return Ok(());
    }
    let [tenant_id, kind, text] = key;
    let row = vec![("tenant", tenant_id), ("kind", kind), ("principal", text), moment];
    insert_into_set(unit, &REVOCATIONS, tenant, row, "revocation")
}
