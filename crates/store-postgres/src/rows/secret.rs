//! Escrowed secrets: envelopes, never values.

use chaveiro_core::Timestamp;
use chaveiro_core::action::ActionState;
use chaveiro_core::escrow::{EscrowedSecret, SecretKind, UNTIL_REPLACED};
use chaveiro_core::id::{ActionId, DeviceId, TenantId};
use chaveiro_core::ports::StoreError;
use chaveiro_core::steady::Ripeness;
use chaveiro_store_rows::cells::Cells as _;
use chaveiro_store_rows::read;
use chaveiro_store_rows::text::{micros, name};
use tokio_postgres::Row;

use crate::authenticated::{SECRETS, Written, insert, update};
use crate::rows::steady;
use crate::unit::{Unit, is_one, params};
use crate::value::{Cells, Sql};

/// Returns the secrets that this program wrote, each with the state of its action; others are never shown.
fn sound(unit: &Unit<'_>, rest: &str, parameters: &[Sql]) -> Result<Vec<(EscrowedSecret, ActionState)>, StoreError> {
    // The action says whose a secret is.
    let sql = format!(
        "SELECT x.id, a.tenant AS tenant_id, a.device AS device_id, x.action AS action_id, x.attempt, x.kind, x.envelope,
            x.standing, x.received, x.expires, x.disclosed_at, x.disclosed_by, a.state AS action_state, {}
        FROM secret x JOIN action a ON a.id = x.action AND a.tenant = x.tenant AND a.device = x.device WHERE {rest}",
        SECRETS.proof("x")
    );
    let read = |row: &Row| match SECRETS.sound(unit.key(), row, 13)? {
        true => {
            let cells = &mut Cells::of(row);
            Ok(Some((read::secret(cells)?, cells.name("action_state")?)))
        }
        false => Ok(None),
    };
    Ok(unit.many(&sql, parameters, read)?.into_iter().flatten().collect())
}

fn alone(found: Vec<(EscrowedSecret, ActionState)>) -> Vec<EscrowedSecret> {
    found.into_iter().map(|(secret, _)| secret).collect()
}

pub(crate) fn secrets(unit: &Unit<'_>, tenant: TenantId, action: ActionId) -> Result<Vec<EscrowedSecret>, StoreError> {
    sound(unit, "a.tenant = $1 AND x.action = $2 ORDER BY x.row", &params![tenant.0, action.0]).map(alone)
}

pub(crate) fn of_actions(
    unit: &Unit<'_>,
    tenant: TenantId,
    actions: &[ActionId],
) -> Result<Vec<EscrowedSecret>, StoreError> {
    if actions.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = actions.iter().map(|action| action.0).collect();
    sound(unit, "a.tenant = $1 AND x.action = ANY ($2) ORDER BY x.row", &params![tenant.0, ids]).map(alone)
}

/// The condition for kept secrets of a device, by their index.
const OF_DEVICE: &str = "x.tenant = $1 AND x.device = $2 AND x.kind = $3 AND x.envelope IS NOT NULL";

pub(crate) fn unreplaced(
    unit: &Unit<'_>,
    tenant: TenantId,
    device: DeviceId,
    kind: SecretKind,
) -> Result<Option<EscrowedSecret>, StoreError> {
    let rest = format!("{OF_DEVICE} AND x.expires = $4 AND x.standing = 'current' ORDER BY x.row");
    let parameters = params![tenant.0, device.0, name(&kind)?, micros(UNTIL_REPLACED)];
    Ok(alone(sound(unit, &rest, &parameters)?).pop())
}

pub(crate) fn to_retire(
    unit: &Unit<'_>,
    tenant: TenantId,
    device: DeviceId,
    kind: SecretKind,
    beyond: Timestamp,
) -> Result<Vec<(EscrowedSecret, ActionState)>, StoreError> {
    let rest = format!("{OF_DEVICE} AND x.expires > $4 ORDER BY x.row");
    sound(unit, &rest, &params![tenant.0, device.0, name(&kind)?, micros(beyond)])
}

pub(crate) fn ripe(unit: &Unit<'_>, ripeness: &Ripeness, limit: usize) -> Result<Vec<EscrowedSecret>, StoreError> {
    let rest = "x.envelope IS NOT NULL AND x.mark <= $1 AND x.expires <= $2 ORDER BY x.mark, x.expires LIMIT $3";
    sound(unit, rest, &params![steady::ripe(ripeness), micros(ripeness.now), limit]).map(alone)
}

/// Returns the columns that change.
fn changing(secret: &EscrowedSecret) -> Result<Written, StoreError> {
    Ok(vec![
        ("envelope", secret.envelope.clone().into()),
        ("standing", name(&secret.standing)?.into()),
        ("expires", micros(secret.expires).into()),
        ("disclosed_at", secret.disclosed.as_ref().map(|(at, _)| micros(*at)).into()),
        ("disclosed_by", secret.disclosed.as_ref().map(|(_, by)| by).into()),
    ])
}

pub(crate) fn insert_secret(unit: &Unit<'_>, secret: &EscrowedSecret) -> Result<(), StoreError> {
    let context = &secret.context;
    let mut row = changing(secret)?;
    row.extend([
        ("tenant", context.tenant.0.into()),
        ("device", context.device.0.into()),
        ("action", context.action.0.into()),
        ("id", secret.id.0.into()),
        ("attempt", context.attempt.into()),
        ("kind", name(&context.kind)?.into()),
        ("received", micros(secret.received).into()),
    ]);
    insert(unit, &SECRETS, row, "secret")
}

pub(crate) fn update_secret(unit: &Unit<'_>, secret: &EscrowedSecret) -> Result<(), StoreError> {
    let key = params![secret.context.action.0, secret.id.0];
    is_one(update(unit, &SECRETS, &changing(secret)?, "x.action = $1 AND x.id = $2", &key, "secret")?, "secret")
}

pub(crate) fn close_windows(unit: &Unit<'_>, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError> {
    let condition = "x.tenant = $1 AND x.disclosed_at IS NOT NULL AND x.envelope IS NOT NULL AND x.expires > $2 AND x.expires <> $3";
    let parameters = params![tenant.0, micros(at), micros(UNTIL_REPLACED)];
    update(unit, &SECRETS, &[("expires", micros(at).into())], condition, &parameters, "secret")
}

pub(crate) fn void(unit: &Unit<'_>, tenant: TenantId, device: DeviceId) -> Result<(), StoreError> {
    let condition = "x.tenant = $1 AND x.device = $2 AND x.standing IN ('current', 'uncertain')";
    update(unit, &SECRETS, &[("standing", "void".into())], condition, &params![tenant.0, device.0], "secret").map(drop)
}
