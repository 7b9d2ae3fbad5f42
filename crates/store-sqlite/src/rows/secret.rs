//! Escrowed secrets: envelopes, never values.

use std::sync::LazyLock;

use chaveiro_core::Timestamp;
use chaveiro_core::action::ActionState;
use chaveiro_core::escrow::{EscrowedSecret, SecretKind, UNTIL_REPLACED};
use chaveiro_core::id::{ActionId, DeviceId, TenantId};
use chaveiro_core::ports::StoreError;
use chaveiro_core::steady::Ripeness;
use chaveiro_store_rows::read;
use rusqlite::{Connection, Row, params};

use crate::codec::{Cells, IDS, RowError, blob, change_one, from_name, hex, insert, many, micros, name, one, run};
use crate::rows::authenticated::SECRETS;
use crate::rows::steady;

/// The columns of a secret and of what it belongs to, in the order of [`read`].
pub(crate) const COLUMNS: &str = "s.id, t.id AS tenant_id, d.id AS device_id, a.id AS action_id, s.attempt, s.kind,
    s.envelope, s.standing, s.received, s.expires, s.disclosed_at, s.disclosed_by, a.state AS action_state";

/// Secrets, each with its action, its device and its tenant.
pub(crate) const FROM: &str = "FROM secret s JOIN action a ON a.row = s.action JOIN device d ON d.row = a.device
    JOIN tenant t ON t.row = d.tenant";

/// Selects secrets as this program wrote them; others are never shown.
fn select(rest: &str) -> String {
    let sound = SECRETS.sound_beside("s", ["a.id"]);
    format!("SELECT {COLUMNS} {FROM} WHERE {sound} AND {rest}")
}

pub(crate) fn read(row: &Row<'_>) -> Result<EscrowedSecret, RowError> {
    Ok(read::secret(&mut Cells::of(row))?)
}

pub(crate) fn secrets(
    connection: &Connection,
    tenant: TenantId,
    action: ActionId,
) -> Result<Vec<EscrowedSecret>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| select("t.id = ? AND a.id = ? ORDER BY s.row"));
    many(connection, &SQL, [blob(&tenant.0), blob(&action.0)], read)
}

pub(crate) fn of_actions(
    connection: &Connection,
    tenant: TenantId,
    actions: &[ActionId],
) -> Result<Vec<EscrowedSecret>, StoreError> {
    if actions.is_empty() {
        return Ok(Vec::new());
    }
    static SQL: LazyLock<String> = LazyLock::new(|| select(&format!("t.id = ? AND a.id IN {IDS} ORDER BY s.row")));
    many(connection, &SQL, params![blob(&tenant.0), hex(actions.iter().map(|id| id.0))?], read)
}

/// The condition for kept secrets of a device, by their index; the action says whose a secret is.
const OF_DEVICE: &str =
    "s.device = (SELECT w.row FROM device w JOIN tenant o ON o.row = w.tenant WHERE o.id = ?1 AND w.id = ?2)
    AND +a.device = s.device AND s.kind = ?3 AND s.envelope IS NOT NULL";

pub(crate) fn unreplaced(
    connection: &Connection,
    tenant: TenantId,
    device: DeviceId,
    kind: SecretKind,
) -> Result<Option<EscrowedSecret>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        select(&format!("{OF_DEVICE} AND s.expires = ?4 AND s.standing = 'current' ORDER BY s.row DESC LIMIT 1"))
    });
    let parameters = params![blob(&tenant.0), blob(&device.0), name(&kind)?, micros(UNTIL_REPLACED)];
    one(connection, &SQL, parameters, read)
}

pub(crate) fn to_retire(
    connection: &Connection,
    tenant: TenantId,
    device: DeviceId,
    kind: SecretKind,
    beyond: Timestamp,
) -> Result<Vec<(EscrowedSecret, ActionState)>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| select(&format!("{OF_DEVICE} AND s.expires > ?4 ORDER BY s.row")));
    let parameters = params![blob(&tenant.0), blob(&device.0), name(&kind)?, micros(beyond)];
    many(connection, &SQL, parameters, |row| Ok((read(row)?, from_name(row, "action_state")?)))
}

pub(crate) fn ripe(
    connection: &Connection,
    ripeness: &Ripeness,
    limit: usize,
) -> Result<Vec<EscrowedSecret>, StoreError> {
    let sql = select("s.envelope IS NOT NULL AND s.mark <= ? AND s.expires <= ? ORDER BY s.mark, s.expires LIMIT ?");
    many(connection, &sql, params![steady::ripe(ripeness), micros(ripeness.now), limit as i64], read)
}

pub(crate) fn insert_secret(connection: &Connection, secret: &EscrowedSecret) -> Result<(), StoreError> {
    let sql = "INSERT INTO secret (action, device, id, attempt, kind, envelope, standing, received, expires,
            disclosed_at, disclosed_by)
        SELECT row, device, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM action WHERE id = ?1";
    let parameters = params![
        blob(&secret.context.action.0),
        blob(&secret.id.0),
        secret.context.attempt,
        name(&secret.context.kind)?,
        secret.envelope,
        name(&secret.standing)?,
        micros(secret.received),
        micros(secret.expires),
        secret.disclosed.as_ref().map(|(at, _)| micros(*at)),
        secret.disclosed.as_ref().map(|(_, by)| by)
    ];
    insert(connection, sql, parameters, "secret")
}

pub(crate) fn update_secret(connection: &Connection, secret: &EscrowedSecret) -> Result<(), StoreError> {
    let sql = "UPDATE secret SET envelope = ?3, standing = ?4, expires = ?5, disclosed_at = ?6, disclosed_by = ?7
        WHERE action = (SELECT row FROM action WHERE id = ?1) AND id = ?2";
    let parameters = params![
        blob(&secret.context.action.0),
        blob(&secret.id.0),
        secret.envelope,
        name(&secret.standing)?,
        micros(secret.expires),
        secret.disclosed.as_ref().map(|(at, _)| micros(*at)),
        secret.disclosed.as_ref().map(|(_, by)| by)
    ];
    change_one(connection, sql, parameters, "secret")
}

pub(crate) fn close_windows(connection: &Connection, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError> {
    let sql = "UPDATE secret SET expires = ?2 WHERE disclosed_at IS NOT NULL AND envelope IS NOT NULL AND expires > ?2
        AND expires <> ?3 AND action IN (
            SELECT a.row FROM action a JOIN device d ON d.row = a.device JOIN tenant t ON t.row = d.tenant WHERE t.id = ?1)";
    let parameters = params![blob(&tenant.0), micros(at), micros(UNTIL_REPLACED)];
    run(connection, sql, parameters).map(|closed| closed as u64)
}

pub(crate) fn void(connection: &Connection, tenant: TenantId, device: DeviceId) -> Result<(), StoreError> {
    let sql = "UPDATE secret SET standing = 'void' WHERE standing IN ('current', 'uncertain') AND action IN (
        SELECT a.row FROM action a JOIN device d ON d.row = a.device JOIN tenant t ON t.row = d.tenant
        WHERE t.id = ? AND d.id = ?)";
    run(connection, sql, [blob(&tenant.0), blob(&device.0)]).map(drop)
}
