//! Sign-ins at the local issuer.

use chaveiro_core::Timestamp;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::sign_in::SignIn;
use chaveiro_store_rows::read;
use chaveiro_store_rows::text::{micros, name};
use tokio_postgres::Row;

use crate::authenticated::{SIGN_INS, Written, insert, update};
use crate::unit::{Unit, is_one, params};
use crate::value::{Cells, Sql};

/// The time for which an ended row stays, so that its code or token is answered as ended.
const KEPT_MICROS: i64 = 60 * 60 * 1_000_000;

/// Returns the sign-ins that this program wrote; others sign no person in.
fn sound(unit: &Unit<'_>, condition: &str, parameters: &[Sql]) -> Result<Vec<SignIn>, StoreError> {
    let sql = format!(
        "SELECT x.tenant AS tenant_id, x.application, x.handle_sha256, x.user_code, x.scope, x.standing, x.\"user\",
            x.refresh_sha256, x.previous_sha256, x.created, x.expires, x.asked, x.address, {}
        FROM sign_in x WHERE {condition} ORDER BY x.row",
        SIGN_INS.proof("x")
    );
    let read = |row: &Row| match SIGN_INS.sound(unit.key(), row, 13)? {
        true => Ok(Some(read::sign_in(&mut Cells::of(row))?)),
        false => Ok(None),
    };
    Ok(unit.many(&sql, parameters, read)?.into_iter().flatten().collect())
}

pub(crate) fn sign_in(
    unit: &Unit<'_>,
    tenant: TenantId,
    handle_sha256: &[u8; 32],
) -> Result<Option<SignIn>, StoreError> {
    Ok(sound(unit, "x.tenant = $1 AND x.handle_sha256 = $2", &params![tenant.0, handle_sha256])?.pop())
}

pub(crate) fn by_code(unit: &Unit<'_>, user_code: &str) -> Result<Option<SignIn>, StoreError> {
    Ok(sound(unit, "x.user_code = $1", &params![user_code])?.pop())
}

pub(crate) fn sign_ins(unit: &Unit<'_>, tenant: TenantId) -> Result<Vec<SignIn>, StoreError> {
    sound(unit, "x.tenant = $1", &params![tenant.0])
}

/// Returns the columns that change.
fn changing(sign_in: &SignIn) -> Result<Written, StoreError> {
    Ok(vec![
        ("standing", name(&sign_in.standing)?.into()),
        ("user", sign_in.user.map(|user| user.0).into()),
        ("refresh_sha256", sign_in.refresh_sha256.into()),
        ("previous_sha256", sign_in.previous_sha256.into()),
        ("expires", micros(sign_in.expires).into()),
        ("asked", sign_in.asked.map(micros).into()),
    ])
}

pub(crate) fn insert_sign_in(unit: &Unit<'_>, sign_in: &SignIn) -> Result<(), StoreError> {
    let mut row = changing(sign_in)?;
    row.extend([
        ("tenant", sign_in.tenant.0.into()),
        ("application", sign_in.application.0.into()),
        ("handle_sha256", sign_in.handle_sha256.into()),
        ("user_code", (&sign_in.user_code).into()),
        ("scope", (&sign_in.scope).into()),
        ("created", micros(sign_in.created).into()),
        ("address", sign_in.address.map(|address| address.to_string()).into()),
    ]);
    insert(unit, &SIGN_INS, row, "sign-in")
}

pub(crate) fn update_sign_in(unit: &Unit<'_>, sign_in: &SignIn) -> Result<(), StoreError> {
    let condition = "x.tenant = $1 AND x.handle_sha256 = $2";
    let key = params![sign_in.tenant.0, sign_in.handle_sha256];
    is_one(update(unit, &SIGN_INS, &changing(sign_in)?, condition, &key, "sign-in")?, "sign-in")
}

pub(crate) fn delete_expired(unit: &Unit<'_>, now: Timestamp) -> Result<(), StoreError> {
    let sql = "DELETE FROM sign_in WHERE expires <= $1 AND standing NOT IN ('approved', 'active')";
    unit.run(sql, &params![micros(now) - KEPT_MICROS]).map(drop)
}
