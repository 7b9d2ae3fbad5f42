//! The revocation times of principals.

use chaveiro_core::Timestamp;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::principal::{Principal, PrincipalKind};
use chaveiro_core::revocation::of_everyone;
use rusqlite::{Connection, params};

use crate::codec::{blob, insert, micros, name, one, time};
use crate::rows::authenticated::{REVOCATIONS, unsound};

pub(crate) fn valid_from(
    connection: &Connection,
    tenant: TenantId,
    principals: &[Principal],
) -> Result<Option<Timestamp>, StoreError> {
    let sound = REVOCATIONS.sound("r");
    let sql = format!(
        "SELECT r.valid_from, {sound} AS sound FROM revocation r JOIN tenant t ON t.row = r.tenant
        WHERE t.id = ?1 AND r.kind = ?2 AND r.principal = ?3"
    );
    let (everyone, mut last) = (of_everyone(), None);
    for principal in principals.iter().chain([&everyone]) {
        let parameters = params![blob(&tenant.0), name(&principal.kind)?, principal.text];
        let found = one(connection, &sql, parameters, |row| Ok((time(row, "valid_from")?, row.get("sound")?)))?;
        match found {
            Some((_, false)) => return Err(unsound(&REVOCATIONS)),
            Some((valid_from, true)) => last = last.max(Some(valid_from)),
            None => {}
        }
    }
    Ok(last)
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
