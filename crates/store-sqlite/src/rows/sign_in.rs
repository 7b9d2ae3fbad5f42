//! Sign-ins at the local issuer.

use chaveiro_core::Timestamp;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::sign_in::SignIn;
use chaveiro_store_rows::read;
use rusqlite::{Connection, Row, named_params};

use crate::codec::{Cells, RowError, blob, change_one, insert, many, micros, name, one, run};
use crate::rows::authenticated::SIGN_INS;

/// Selects sign-ins as this program wrote them; others sign no person in.
fn select(rest: &str) -> String {
    let sound = SIGN_INS.sound("s");
    format!(
        "SELECT t.id AS tenant_id, s.application, s.handle_sha256, s.user_code, s.scope, s.standing, s.user,
            s.refresh_sha256, s.previous_sha256, s.created, s.expires, s.asked, s.address
        FROM sign_in s JOIN tenant t ON t.row = s.tenant WHERE {sound} AND {rest}"
    )
}

/// The time for which an ended row stays, so that its code or token is answered as ended.
const KEPT_MICROS: i64 = 60 * 60 * 1_000_000;

fn read(row: &Row<'_>) -> Result<SignIn, RowError> {
    Ok(read::sign_in(&mut Cells::of(row))?)
}

pub(crate) fn sign_in(
    connection: &Connection,
    tenant: TenantId,
    handle_sha256: &[u8; 32],
) -> Result<Option<SignIn>, StoreError> {
    let sql = select("t.id = ? AND s.handle_sha256 = ?");
    one(connection, &sql, [blob(&tenant.0), handle_sha256.as_slice()], read)
}

pub(crate) fn by_code(connection: &Connection, user_code: &str) -> Result<Option<SignIn>, StoreError> {
    one(connection, &select("s.user_code = ?"), [user_code], read)
}

pub(crate) fn sign_ins(connection: &Connection, tenant: TenantId) -> Result<Vec<SignIn>, StoreError> {
    many(connection, &select("t.id = ? ORDER BY s.row"), [blob(&tenant.0)], read)
}

pub(crate) fn insert_sign_in(connection: &Connection, sign_in: &SignIn) -> Result<(), StoreError> {
    let sql = "INSERT INTO sign_in (tenant, application, handle_sha256, user_code, scope, standing, user,
            refresh_sha256, previous_sha256, created, expires, asked, address)
        SELECT row, :application, :handle, :user_code, :scope, :standing, :user, :refresh, :previous, :created,
            :expires, :asked, :address FROM tenant WHERE id = :tenant";
    let parameters = named_params! {
        ":tenant": blob(&sign_in.tenant.0),
        ":application": blob(&sign_in.application.0),
        ":handle": sign_in.handle_sha256,
        ":user_code": sign_in.user_code,
        ":scope": sign_in.scope,
        ":standing": name(&sign_in.standing)?,
        ":user": sign_in.user.as_ref().map(|user| blob(&user.0)),
        ":refresh": sign_in.refresh_sha256,
        ":previous": sign_in.previous_sha256,
        ":created": micros(sign_in.created),
        ":expires": micros(sign_in.expires),
        ":asked": sign_in.asked.map(micros),
        ":address": sign_in.address.map(|address| address.to_string()),
    };
    insert(connection, sql, parameters, "sign-in")
}

pub(crate) fn update_sign_in(connection: &Connection, sign_in: &SignIn) -> Result<(), StoreError> {
    let sql = "UPDATE sign_in SET standing = :standing, user = :user, refresh_sha256 = :refresh,
            previous_sha256 = :previous, expires = :expires, asked = :asked
        WHERE handle_sha256 = :handle AND tenant = (SELECT row FROM tenant WHERE id = :tenant)";
    let parameters = named_params! {
        ":tenant": blob(&sign_in.tenant.0),
        ":handle": sign_in.handle_sha256,
        ":standing": name(&sign_in.standing)?,
        ":user": sign_in.user.as_ref().map(|user| blob(&user.0)),
        ":refresh": sign_in.refresh_sha256,
        ":previous": sign_in.previous_sha256,
        ":expires": micros(sign_in.expires),
        ":asked": sign_in.asked.map(micros),
    };
    change_one(connection, sql, parameters, "sign-in")
}

pub(crate) fn delete_expired(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let sql = "DELETE FROM sign_in WHERE expires <= ? AND standing NOT IN ('approved', 'active')";
    run(connection, sql, [micros(now) - KEPT_MICROS]).map(drop)
}
