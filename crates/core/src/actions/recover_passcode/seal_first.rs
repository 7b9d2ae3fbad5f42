//! Linux: the device makes a candidate and seals it; the escrow takes it; only then the device changes.
//!
//! | delivery | the device | then the server |
//! |---|---|---|
//! | `Prepare` | makes a candidate, seals it to the tenant's recipients; nothing is changed | keeps the envelope, sends `Apply` with its hash |
//! | `Apply` | adds the new key slot, sets the new hash, keeps the way back, proves that the candidate opens | promotes: the action is done |
//! | `Finish` | drops the old secret (`Retire`), or goes back to it (`Undo`) | nothing: the device says in each session what it waits for |
//!
//! Every command may be repeated: the device's journal answers alike. At every moment either the old secret opens the
//! device or a candidate does that the escrow holds.

use std::time::Duration;

use jiff::Timestamp;

use super::{Ending, Evidence, Held, Means, Recoverable, Settlement, delivery, fresh, open};
use crate::action::{ActionRecord, ActionState, Outcome};
use crate::audit::{Activity, AuditEvent};
use crate::caller::Actor;
use crate::command::{Delivery, DeviceCommand, Phase, Purpose};
use crate::device::{ManagedDevice, ManagementState};
use crate::digest::sha256_hex;
use crate::enrollment::Enrollment;
use crate::escrow::{EscrowedSecret, Standing};
use crate::id::ActionId;
use crate::lock::{EscrowTest, Lock, Unpromoted};
use crate::ports::Fault;
use crate::ports::{StoreError, UnitOfWork, View};
use crate::refusal::Refusal;
use crate::steady::is_recent;

/// SyncML status: the device did it.
const OK: u16 = 200;
/// SyncML status: no such node; the agent is older than this recovery.
const NO_NODE: u16 = 404;
/// SyncML status: nothing on this device can be recovered; the report says why.
const NOTHING_READY: u16 = 406;
/// SyncML status: the device has no such candidate any more, and is unchanged by it.
const UNKNOWN_CANDIDATE: u16 = 409;

/// How long the server waits before it tries again, by itself, to escrow a disk that failed.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn prepare(locks: &[Lock]) -> Vec<DeviceCommand> {
    let prepare = DeviceCommand::PrepareCandidate { locks: locks.to_vec() };
    vec![prepare, DeviceCommand::ReadCandidate, DeviceCommand::ReadReport]
}

pub(super) fn settle(purpose: Purpose, evidence: Evidence<'_>) -> Option<Settlement> {
    if !evidence.statuses.iter().all(Option::is_some) {
        return None;
    }
    // What cannot be opened here is as good as nothing when it is doubtful.
    let has_value = evidence.value == Held::Certain;
    // Statuses may come before the value: only the end of the device's package says that there is none.
    if !evidence.complete && !(has_value && (purpose == Purpose::Prepare || evidence.report.is_some())) {
        return None;
    }
    let exec = evidence.statuses.first().copied().flatten()?;
    let ended = |state, outcome| Settlement::Ended(Ending { state, outcome, device_status: Some(exec) });
    let refused = ended(ActionState::Failed, Outcome::DeviceRefused);
    Some(match (purpose, exec) {
        (_, NO_NODE) | (Purpose::Prepare, NOTHING_READY) => ended(ActionState::NotSupported, Outcome::FeatureAbsent),
        (Purpose::Prepare, OK) if has_value => Settlement::Apply,
        (Purpose::Prepare, OK) => ended(ActionState::Failed, Outcome::ValueNotDelivered),
        // An earlier candidate is in the way; what settles it goes out before the next attempt.
        (Purpose::Prepare, UNKNOWN_CANDIDATE) => Settlement::TryAgain,
        (Purpose::Prepare, _) => refused,
        // Without its proof the device's word is not enough; what the escrow holds stays, and the device goes back.
        (_, OK) if has_value && evidence.report.is_some_and(|report| !report.opens.is_empty()) => {
            ended(ActionState::Done, Outcome::Replaced)
        }
        (_, OK) => ended(ActionState::Failed, Outcome::Contradictory),
        (_, UNKNOWN_CANDIDATE) => Settlement::TryAgain,
        (_, _) => refused,
    })
}

/// The escrow holds the candidate: the device may change.
pub(super) fn apply(
    unit: &mut dyn UnitOfWork,
    action: &ActionRecord,
    prepared: &Delivery,
    candidate: Option<EscrowedSecret>,
    now: Timestamp,
) -> Result<(), Fault> {
    let envelope = candidate.and_then(|secret| secret.envelope);
    let envelope = envelope.ok_or_else(|| StoreError::Inconsistent("a candidate without its envelope".to_owned()))?;
    let apply = DeviceCommand::ApplyCandidate { envelope_sha256: sha256_hex(&envelope) };
    let commands = vec![apply, DeviceCommand::ReadReport];
    unit.insert_delivery(&delivery(action, prepared.enrollment, Purpose::Apply, commands, now))?;
    Ok(())
}

/// What follows an action that has ended. It belongs to no action: nothing waits for it.
pub(super) fn finish(enrollment: &Enrollment, command: DeviceCommand, now: Timestamp) -> Delivery {
    Delivery::of_no_action(enrollment, Purpose::Finish, vec![command], now)
}

/// Whether the device was told to change and has not said what became of it.
pub(super) fn may_have_changed(deliveries: &[Delivery]) -> bool {
    let told = |delivery: &Delivery| {
        delivery.purpose == Purpose::Apply && matches!(delivery.phase, Phase::Sent(_) | Phase::Lost(_))
    };
    let settled =
        |delivery: &Delivery| delivery.purpose == Purpose::Apply && matches!(delivery.phase, Phase::Settled(_));
    deliveries.iter().rev().take_while(|delivery| !settled(delivery)).any(told)
}

/// A device holds a candidate that works and that it has not seen promoted: its answer, or ours, was lost; or this
/// server came back from an old backup. The escrow decides: what it holds as the result stays, anything else goes.
pub fn reconcile(
    unit: &mut dyn UnitOfWork,
    enrollment: &Enrollment,
    unpromoted: &Unpromoted,
    now: Timestamp,
) -> Result<(), Fault> {
    let Unpromoted { action: id, attempt, envelope_sha256 } = unpromoted;
    let action = unit.action(enrollment.tenant, *id)?.filter(|action| action.device == enrollment.device);
    if action.as_ref().is_some_and(|action| action.state.is_open() && action.attempt == *attempt) {
        // Its `Apply` goes out again, and is answered from the journal.
        return Ok(());
    }
    let secrets = match &action {
        Some(action) if action.state == ActionState::Done => unit.secrets(action.tenant, action.id)?,
        Some(_) | None => Vec::new(),
    };
    let is_result = |secret: &EscrowedSecret| {
        let hash = secret.envelope.as_deref().map(sha256_hex);
        // A shredded result was the result all the same, and so was one of an earlier enrolment: somebody may have
        // read it.
        secret.standing != Standing::History
            && secret.context.attempt == *attempt
            && hash.is_none_or(|hash| hash == *envelope_sha256)
    };
    let command = match secrets.iter().any(is_result) {
        true => DeviceCommand::RetireOld { action: *id, attempt: *attempt },
        false => DeviceCommand::UndoCandidate { action: *id, attempt: *attempt },
    };
    if unit.deliveries_queued(enrollment.id)?.iter().any(|queued| queued.commands.first() == Some(&command)) {
        return Ok(());
    }
    unit.insert_delivery(&finish(enrollment, command, now))?;
    Ok(())
}

/// A disk is locked while its device is off: its passcode must be in escrow before anybody asks. Opens a recovery of
/// the disk alone when the device is ready for one and the escrow holds nothing that opens it, or holds a passcode
/// that somebody has seen. Says whether it did. `fresh` is the id of the action, if one is opened.
pub fn keep_disk_escrowed(
    unit: &mut dyn UnitOfWork,
    device: &ManagedDevice,
    enrollment: &Enrollment,
    id: ActionId,
    now: Timestamp,
) -> Result<bool, Fault> {
    let tenant = unit.tenant(device.tenant)?.ok_or(Refusal::DeviceNotEnrolled)?;
    let wanted = tenant.settings.linux_locks.locks().contains(&Lock::Luks2)
        && tenant.licence.is_active(now)
        && device.management_state == ManagementState::Managed;
    if !wanted {
        return Ok(false);
    }
    let Some(lack) = lack(unit, device, tenant.settings.disclosure_window(), now)? else { return Ok(false) };
    let newest = unit.newest_action_for(device.tenant, device.id, Lock::Luks2)?;
    let newest = newest.filter(|action| action.started >= enrollment.created);
    // An open one will escrow it; one that failed a moment ago, or whose passcode the device does not know a moment
    // later, would do so again.
    let tried = |action: &ActionRecord| action.state != ActionState::Done || lack == Lack::Passcode;
    let in_hand = newest.is_some_and(|action| tried(&action) && is_recent(action.updated, now, PATIENCE));
    if in_hand || unit.open_action(device.tenant, device.id, super::RECOVER_PASSCODE.name)?.is_some() {
        return Ok(false);
    }
    let recoverable = Recoverable { enrollment: enrollment.id, means: Means::SealFirst };
    let action = fresh(device, id, &[Lock::Luks2], Actor::system(), now);
    open(unit, &action, &recoverable)?;
    let event = AuditEvent::new(device.tenant, now, Actor::system(), Activity::ActionRequested)
        .on_device(device.id)
        .for_action(action.id)
        .with("because", "the escrow holds no unseen passcode of the disk");
    unit.append_audit(&event)?;
    Ok(true)
}

/// Why a disk needs a recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    /// The escrow holds nothing that opens it.
    Passcode,
    /// Somebody has seen what it holds.
    Secrecy,
}

/// What a disk lacks that is ready for a recovery; if one has no passcode, that.
fn lack(view: &dyn View, device: &ManagedDevice, window: Duration, now: Timestamp) -> Result<Option<Lack>, StoreError> {
    let disks = device.recoverability.iter().filter(|entry| entry.of.lock == Lock::Luks2);
    let mut found = None;
    for entry in disks.filter(|entry| entry.obstacle.is_none()) {
        let result = match entry.action.filter(|_| entry.escrow == EscrowTest::Opens) {
            Some(action) => result_of(view, device, action)?,
            None => None,
        };
        let Some(result) = result else { return Ok(Some(Lack::Passcode)) };
        // Until the window is over, somebody may still be reading it.
        if result.disclosed.is_some_and(|(at, _)| at.checked_add(window).is_ok_and(|end| end <= now)) {
            found = Some(Lack::Secrecy);
        }
    }
    Ok(found)
}

/// The result of that action, if the escrow still holds it and it is this device's.
fn result_of(view: &dyn View, device: &ManagedDevice, action: ActionId) -> Result<Option<EscrowedSecret>, StoreError> {
    let is_result = |secret: &EscrowedSecret| {
        secret.context.device == device.id && secret.standing == Standing::Current && secret.envelope.is_some()
    };
    Ok(view.secrets(device.tenant, action)?.into_iter().find(is_result))
}
