//! The end of an action, and what it means for the secrets that the escrow holds.

use jiff::Timestamp;

use super::{declared, way_of};
use crate::action::{ActionRecord, ActionState, Outcome};
use crate::actions::keeps_uncertain_value;
#[cfg(test)]
use crate::actions::planted::{Fault, is_planted};
use crate::audit::Activity;
use crate::caller::Actor;
use crate::command::{Delivery, DeviceCommand, Purpose};
use crate::digest::sha256_hex;
use crate::escrow::{EscrowedSecret, SecretKind, Standing, UNTIL_REPLACED};
use crate::id::ActionId;
use crate::lock::{DeviceLock, DeviceReport, Lock};
use crate::ports::{StoreError, UnitOfWork, View};
use crate::remote_action::{Ending, Held, Proof, Way};
use crate::tenant::TenantSettings;

/// The settings and secrets of an action, as far as one unit of work has read them. Nothing is read twice.
#[derive(Default)]
pub(super) struct Holdings {
    settings: Option<TenantSettings>,
    secrets: Option<Vec<EscrowedSecret>>,
}

impl Holdings {
    /// The holdings of an action whose tenant has these settings.
    pub(super) fn within(settings: TenantSettings) -> Self {
        Self { settings: Some(settings), secrets: None }
    }

    /// The settings of the tenant.
    fn settings(&mut self, view: &dyn View, action: &ActionRecord) -> Result<TenantSettings, StoreError> {
        if let Some(settings) = self.settings {
            return Ok(settings);
        }
        let settings = view.tenant(action.tenant)?.map(|tenant| tenant.settings).unwrap_or_default();
        Ok(*self.settings.insert(settings))
    }

    /// The secrets of the action, oldest first; those that the unit of work adds belong at the end.
    pub(super) fn secrets(
        &mut self,
        view: &dyn View,
        action: &ActionRecord,
    ) -> Result<&mut Vec<EscrowedSecret>, StoreError> {
        let secrets = match self.secrets.take() {
            Some(secrets) => secrets,
            None => view.secrets(action.tenant, action.id)?,
        };
        Ok(self.secrets.insert(secrets))
    }

    /// The time at which an unread passcode of the action is shredded.
    pub(super) fn unread(
        &mut self,
        view: &dyn View,
        action: &ActionRecord,
        now: Timestamp,
    ) -> Result<Timestamp, StoreError> {
        let settings = self.settings(view, action)?;
        Ok(now.checked_add(settings.unread_retention()).unwrap_or(Timestamp::MAX))
    }

    /// Returns the value that this delivery is about, if any. That is the one that it sends or tells the device to apply, and
    /// otherwise the newest one of that attempt.
    pub(super) fn value(
        &mut self,
        view: &dyn View,
        action: &ActionRecord,
        delivery: &Delivery,
    ) -> Result<Option<EscrowedSecret>, StoreError> {
        let secrets = self.secrets(view, action)?;
        if let Some(sent) = delivery.commands.iter().find_map(DeviceCommand::secret) {
            return Ok(secrets.iter().find(|secret| secret.id == sent.id).cloned());
        }
        let mut of_attempt = secrets.iter().filter(|secret| secret.context.attempt == delivery.attempt);
        let value = match delivery.commands.iter().find_map(DeviceCommand::envelope) {
            Some(named) => {
                of_attempt.find(|secret| secret.envelope.as_deref().map(sha256_hex).as_deref() == Some(named))
            }
            None => of_attempt.next_back(),
        };
        Ok(value.cloned())
    }
}

/// Returns the newest value that came late, for any attempt of an action that ends without one. The way of the action must say
/// that the device may open with it.
fn late_value(
    unit: &mut dyn UnitOfWork,
    holdings: &mut Holdings,
    action: &ActionRecord,
) -> Result<Option<EscrowedSecret>, StoreError> {
    let Some(newest) = holdings.secrets(unit, action)?.last().cloned() else { return Ok(None) };
    let deliveries = unit.deliveries(action.id)?;
    let way = match deliveries.first() {
        Some(delivery) => way_of(unit, declared(action)?, delivery)?,
        None => None,
    };
    Ok(way.is_some_and(|way| way.keeps_uncertain_values).then_some(newest))
}

/// The grounds on which an action ends; empty if no device has answered.
#[derive(Default)]
pub(super) struct Grounds<'a> {
    /// The device's report on the attempt.
    pub(super) report: Option<DeviceReport>,
    /// The value in escrow that the ending concerns.
    pub(super) value: Option<EscrowedSecret>,
    /// The way that decides the ending.
    pub(super) way: Option<&'a Way>,
    /// The step that a device has answered.
    pub(super) answered: Option<Purpose>,
}

/// Ends an action: state, secrets, record. This is the one place where an action becomes done, and it does so with the proof
/// of its outcome alone ([`Ending::proven_by`]).
pub(super) fn end(
    unit: &mut dyn UnitOfWork,
    holdings: &mut Holdings,
    action: &mut ActionRecord,
    ending: Ending,
    grounds: Grounds<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Grounds { report, mut value, way, answered } = grounds;
    let verified = answered == Some(Purpose::Verify);
    #[cfg(test)]
    let verified = verified || is_planted(Fault::WordIsProof);
    let mut ending = ending.proven_by(Proof {
        value: Held::of(value.as_ref()),
        verifies: way.is_none_or(|way| way.steps.contains(&Purpose::Verify)),
        verified,
    });
    // A value that may be what opens the device stays within reach, also when another enrolment or the end of management
    // cancels the action.
    if matches!(ending.state, ActionState::Failed | ActionState::Canceled) && value.is_none() {
        value = late_value(unit, holdings, action)?;
        if value.is_some() {
            (ending.state, ending.outcome) = (ActionState::Failed, Outcome::Uncertain);
        }
    }
    action.state = ending.state;
    action.outcome = Some(ending.outcome);
    action.device_status = ending.device_status;
    action.device_reason = report.as_ref().and_then(DeviceReport::reason);
    action.updated = now;
    // The end is newer than any restore.
    action.before_restore = None;
    if ending.state == ActionState::Done {
        match report {
            Some(report) => (action.opens, action.verified) = (report.opens, Some(now)),
            None => {
                let whole = |lock: &Lock| DeviceLock { lock: *lock, subject: String::new() };
                action.opens = action.locks.iter().map(whole).collect();
                action.verified = verified.then_some(now);
            }
        }
    }
    unit.update_action(action)?;
    promote(unit, holdings, action, value, now)?;
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

/// Promotes the result of an action that ends, and begins the retention of every other secret. Older results are among these,
/// as far as newer ones open the same locks.
fn promote(
    unit: &mut dyn UnitOfWork,
    holdings: &mut Holdings,
    action: &ActionRecord,
    result: Option<EscrowedSecret>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let done = action.state == ActionState::Done;
    let unread = holdings.unread(unit, action, now)?;
    // A disk is locked while its device is off: its passcode must be here before a person needs it.
    let stays = action.opens.iter().any(|of| of.lock == Lock::Luks2);
    for secret in holdings.secrets(unit, action)? {
        let is_value = result.as_ref().is_some_and(|result| result.id == secret.id);
        let is_result = done && is_value;
        secret.standing = match secret.standing {
            _ if is_result => Standing::Current,
            _ if is_value && keeps_uncertain_value(action) => Standing::Uncertain,
            // One value is shown, at the most.
            Standing::Uncertain => Standing::History,
            other => other,
        };
        secret.expires = match (is_result && stays, secret.context.kind.is_for_people()) {
            (true, _) => UNTIL_REPLACED,
            (false, true) => secret.expires.min(unread),
            (false, false) => secret.expires,
        };
        unit.update_secret(secret)?;
    }
    if !done {
        return Ok(());
    }
    let kind = result.map_or(SecretKind::Passcode, |result| result.context.kind);
    if !kind.is_for_people() {
        return replace(unit, action, kind, unread);
    }
    // The retention of all others has begun, and ends by then.
    let mut older = unit.secrets_to_retire(action.tenant, action.device, kind, unread)?;
    older.retain(|(secret, state)| *state == ActionState::Done && secret.context.action != action.id);
    if older.is_empty() {
        return Ok(());
    }
    // Several newer results together may open what one older did: what counts is which action opens each disk last.
    let newest = unit.current_results(action.tenant, action.device)?;
    let opens_last = |older: &ActionRecord| {
        let mut disks = older.opens.iter().filter(|of| of.lock == Lock::Luks2);
        disks.any(|of| opener(&newest, of).is_some_and(|id| id == older.id))
    };
    let stay: Vec<_> = newest.iter().filter(|older| opens_last(older)).map(|older| older.id).collect();
    older.retain(|(secret, _)| !stay.contains(&secret.context.action));
    let window = holdings.settings(unit, action)?.disclosure_window();
    for (secret, _) in older {
        let end = secret.disclosed.as_ref().and_then(|(at, _)| at.checked_add(window).ok());
        let expires = end.unwrap_or(unread).min(unread);
        unit.update_secret(&EscrowedSecret { expires, ..secret })?;
    }
    Ok(())
}

/// Begins the retention of the older values of a kind that the server sends by itself. A new result has replaced them all, also
/// those of failed attempts. A value of an open action stays, because the device may have it by then.
fn replace(
    unit: &mut dyn UnitOfWork,
    action: &ActionRecord,
    kind: SecretKind,
    unread: Timestamp,
) -> Result<(), StoreError> {
    for (older, state) in unit.secrets_to_retire(action.tenant, action.device, kind, unread)? {
        let is_result = older.standing == Standing::Current && older.context.action == action.id;
        let may_be_next = state.is_open();
        #[cfg(test)]
        let may_be_next = may_be_next && !is_planted(Fault::ReplacesOpenOnes);
        if !is_result && !may_be_next {
            unit.update_secret(&EscrowedSecret { expires: unread, ..older })?;
        }
    }
    Ok(())
}

/// Returns the action whose passcode opens that lock now: the newest done one that opens it. The results come newest
/// first.
fn opener(newest_first: &[ActionRecord], of: &DeviceLock) -> Option<ActionId> {
    let opens = |action: &&ActionRecord| action.state == ActionState::Done && action.opens.contains(of);
    newest_first.iter().find(opens).map(|action| action.id)
}
