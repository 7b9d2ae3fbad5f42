//! The revocation times of principals.

use chaveiro_core::Timestamp;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::principal::{Principal, PrincipalKind};
use chaveiro_core::revocation::of_everyone;
use rusqlite::{Connection, Row, params};

use crate::codec::{blob, insert, json, many, micros, name, one, time};
use crate::rows::authenticated::{REVOCATIONS, unsound};

pub(crate) fn valid_from(
    connection: &Connection,
    tenant: TenantId,
    principals: &[Principal],
) -> Result<Option<Timestamp>, StoreError> {
    let sound = REVOCATIONS.sound("r");
    let sql = format!(
        "SELECT r.valid_from, {sound} AS sound FROM tenant t CROSS JOIN json_each(?2) j CROSS JOIN revocation r
        WHERE t.id = ?1 AND r.tenant = t.row AND r.kind = j.value ->> 0 AND r.principal = j.value ->> 1"
    );
    let everyone = of_everyone();
    let named: Vec<_> =
        principals.iter().chain([&everyone]).map(|principal| (principal.kind, &principal.text)).collect();
    let read = |row: &Row<'_>| Ok((time(row, "valid_from")?, row.get("sound")?));
    let found: Vec<(Timestamp, bool)> = many(connection, &sql, params![blob(&tenant.0), json(&named)?], read)?;
    match found.iter().all(|(_, sound)| *sound) {
        true => Ok(found.into_iter().map(|(valid_from, _)| valid_from).max()),
        false => Err(unsound(&REVOCATIONS)),
    }
}

pub(crate) fn last_valid_from(
    connection: &Connection,
    tenant: TenantId,
    kind: PrincipalKind,
) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT valid_from FROM revocation WHERE tenant = (SELECT row FROM tenant WHERE id = ?1) AND kind = ?2
        ORDER BY valid_from DESC LIMIT 1";
    one(connection, sql, params![blob(&tenant.0), name(&kind)?], |row| time(row, "valid_from"))
}

pub(crate) fn set_valid_from(
    connection: &Connection,
    tenant: TenantId,
    principal: &Principal,
    moment: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO revocation (tenant, kind, principal, valid_from)
        SELECT row, ?2, ?3, ?4 FROM tenant WHERE id = ?1
        ON CONFLICT (tenant, kind, principal) DO UPDATE SET valid_from = excluded.valid_from";
    let parameters = params![blob(&tenant.0), name(&principal.kind)?, principal.text, micros(moment)];
    insert(connection, sql, parameters, "revocation")
}
