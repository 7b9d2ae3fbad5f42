//! The end of an action, and what it means for the secrets that the escrow holds.

use jiff::Timestamp;

use super::declared;
use crate::action::{ActionRecord, ActionState, Outcome};
use crate::audit::Activity;
use crate::caller::Actor;
use crate::command::{Delivery, DeviceCommand};
use crate::digest::sha256_hex;
use crate::escrow::{EscrowedSecret, Standing, UNTIL_REPLACED};
use crate::id::ActionId;
use crate::lock::{DeviceLock, DeviceReport, Lock};
use crate::ports::{Fault, StoreError, UnitOfWork};
use crate::remote_action::Ending;

/// When an unread passcode of that action is shredded.
pub(super) fn unread(
    unit: &mut dyn UnitOfWork,
    action: &ActionRecord,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let settings = unit.tenant(action.tenant)?.map(|tenant| tenant.settings).unwrap_or_default();
    Ok(now.checked_add(settings.unread_retention()).unwrap_or(Timestamp::MAX))
}

/// The value that this delivery is about, if any: the one that the device is told to apply; otherwise the newest that
/// came with that attempt.
pub(super) fn held_value(
    unit: &mut dyn UnitOfWork,
    action: &ActionRecord,
    delivery: &Delivery,
) -> Result<Option<EscrowedSecret>, StoreError> {
    let secrets = unit.secrets(action.tenant, action.id)?;
    let of_attempt = |secret: &EscrowedSecret| secret.context.attempt == delivery.attempt;
    Ok(match delivery.commands.iter().find_map(DeviceCommand::envelope) {
        Some(named) => secrets.into_iter().find(|secret| {
            let hash = secret.envelope.as_deref().map(sha256_hex);
            of_attempt(secret) && hash.as_deref() == Some(named)
        }),
        None => secrets.into_iter().rfind(of_attempt),
    })
}

/// The newest value that came late, for any attempt of an action that failed without one, if its way says that the device may
/// open with it.
fn late_value(unit: &mut dyn UnitOfWork, action: &ActionRecord) -> Result<Option<EscrowedSecret>, StoreError> {
    let Some(newest) = unit.secrets(action.tenant, action.id)?.pop() else { return Ok(None) };
    let deliveries = unit.deliveries(action.id)?;
    let way = deliveries.first().and_then(|delivery| declared(action).ok()?.way_with(delivery.purpose));
    Ok(way.is_some_and(|way| way.keeps_late_values).then_some(newest))
}

/// Ends an action: state, secrets, record.
pub(super) fn end(
    unit: &mut dyn UnitOfWork,
    action: &mut ActionRecord,
    mut ending: Ending,
    report: Option<DeviceReport>,
    mut value: Option<EscrowedSecret>,
    now: Timestamp,
) -> Result<(), Fault> {
    if ending.state == ActionState::Failed && value.is_none() {
        value = late_value(unit, action)?;
        ending.outcome = value.as_ref().map_or(ending.outcome, |_| Outcome::Uncertain);
    }
    action.state = ending.state;
    action.outcome = Some(ending.outcome);
    action.device_status = ending.device_status;
    action.device_reason = report.as_ref().and_then(DeviceReport::reason);
    action.updated = now;
    // Whatever it says, it says it now.
    action.before_restore = None;
    if ending.state == ActionState::Done {
        match report {
            Some(report) => (action.opens, action.verified) = (report.opens, Some(now)),
            None => {
                let whole = |lock: &Lock| DeviceLock { lock: *lock, subject: String::new() };
                action.opens = action.locks.iter().map(whole).collect();
            }
        }
    }
    unit.update_action(action)?;
    promote(unit, action, value, now)?;
    let mut event = super::event(action, now, Actor::system(), Activity::ActionSettled)?
        .with("state", action.state.name())
        .with("outcome", ending.outcome.code())
        .with("attempt", action.attempt);
    if let Some(status) = ending.device_status {
        event = event.with("deviceStatus", status);
    }
    if let Some(reason) = &action.device_reason {
        event = event.with("deviceReason", reason);
    }
    if !action.opens.is_empty() {
        let opens: Vec<_> = action.opens.iter().map(ToString::to_string).collect();
        event = event.with("opens", opens.join(", "));
    }
    unit.append_audit(&event)?;
    Ok(())
}

/// What the end of an action means for what the escrow holds: the result becomes current and the retention of
/// everything else begins, that of older results included, as far as the new one opens what they opened.
fn promote(
    unit: &mut dyn UnitOfWork,
    action: &ActionRecord,
    result: Option<EscrowedSecret>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let done = action.state == ActionState::Done;
    let unread = unread(unit, action, now)?;
    // A disk is locked while its device is off: what opens it must be here before anybody asks.
    let stays = action.opens.iter().any(|of| of.lock == Lock::Luks2);
    for mut secret in unit.secrets(action.tenant, action.id)? {
        let is_value = result.as_ref().is_some_and(|result| result.id == secret.id);
        let is_result = done && is_value;
        secret.standing = match secret.standing {
            _ if is_result => Standing::Current,
            _ if is_value && action.keeps_uncertain_value() => Standing::Uncertain,
            // One value is shown, at the most.
            Standing::Uncertain => Standing::History,
            other => other,
        };
        secret.expires = if is_result && stays { UNTIL_REPLACED } else { secret.expires.min(unread) };
        unit.update_secret(&secret)?;
    }
    if !done {
        return Ok(());
    }
    let settings = unit.tenant(action.tenant)?.map(|tenant| tenant.settings).unwrap_or_default();
    // Several newer results together may open what one older did: what counts is which action opens each disk last.
    let newest = unit.current_results(action.tenant, action.device)?;
    for older in unit.results_kept(action.tenant, action.device)? {
        if older.id == action.id {
            continue;
        }
        let opens_last = |of: &DeviceLock| opener(&newest, of).is_some_and(|id| id == older.id);
        if !older.opens.iter().any(|of| of.lock == Lock::Luks2 && opens_last(of)) {
            for secret in unit.secrets(action.tenant, older.id)? {
                let window = settings.disclosure_window();
                let end = secret.disclosed.as_ref().and_then(|(at, _)| at.checked_add(window).ok());
                let expires = end.unwrap_or(unread).min(unread).min(secret.expires);
                if secret.expires > expires {
                    unit.update_secret(&EscrowedSecret { expires, ..secret })?;
                }
            }
        }
    }
    Ok(())
}

/// The action whose passcode opens that lock now: the newest that is done and opens it, of results newest first.
fn opener(newest_first: &[ActionRecord], of: &DeviceLock) -> Option<ActionId> {
    let opens = |action: &&ActionRecord| action.state == ActionState::Done && action.opens.contains(of);
    newest_first.iter().find(opens).map(|action| action.id)
}
