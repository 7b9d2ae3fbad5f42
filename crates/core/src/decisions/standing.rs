//! The standing of a Linux device: its report on itself at the start of a session, and the decisions that follow.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::action::{ActionRecord, ActionState};
use crate::actions::recover_passcode::{RECOVER_PASSCODE, seal_first};
use crate::audit::Activity;
use crate::caller::Actor;
use crate::command::{Delivery, DeviceCommand, Purpose};
use crate::device::{ManagedDevice, ManagementState};
use crate::digest::sha256_hex;
use crate::engine::{self, Opening};
use crate::enrollment::Enrollment;
use crate::escrow::{EscrowedSecret, Standing};
use crate::id::ActionId;
use crate::lock::{EscrowTest, Lock, Unpromoted};
use crate::ports::{Fault, StoreError, UnitOfWork, View};
use crate::refusal::DeviceRefusal;
use crate::steady::is_recent;

/// The time for which the server waits before it tries again, by itself, to escrow a disk that failed.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Settles a working candidate that the device has not seen promoted. Either an answer was lost on one side, or this
/// server was restored from an old backup. The escrow decides: the candidate stays if it is the result there, and is
/// discarded otherwise.
pub fn reconcile(
    unit: &mut dyn UnitOfWork,
    enrollment: &Enrollment,
    unpromoted: &Unpromoted,
    now: Timestamp,
) -> Result<(), Fault> {
    let Unpromoted { action: id, attempt, envelope_sha256 } = unpromoted;
    let action = unit.action(enrollment.tenant, *id)?.filter(|action| action.device == enrollment.device);
    if action.as_ref().is_some_and(|action| action.state.is_open() && action.attempt == *attempt) {
        // Its `Apply` is sent again, and the device answers from its journal.
        return Ok(());
    }
    let secrets = match &action {
        Some(action) if action.state == ActionState::Done => unit.secrets(action.tenant, action.id)?,
        Some(_) | None => Vec::new(),
    };
    let is_result = |secret: &EscrowedSecret| {
        let hash = secret.envelope.as_deref().map(sha256_hex);
        // A shredded result was a result too, and so was one of an earlier enrolment: a caller may have read it.
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
    unit.insert_delivery(&Delivery::of_no_action(enrollment, Purpose::Finish, vec![command], now))?;
    Ok(())
}

/// Opens a recovery of the disk alone, if the device is ready for one. The escrow must hold no passcode that opens the
/// disk, or only one that was read. A disk is locked while its device is off, so its passcode must be in escrow before
/// it is needed. Returns true if a recovery was opened. `id` is the id of that action.
pub fn keep_disk_escrowed(
    unit: &mut dyn UnitOfWork,
    device: &ManagedDevice,
    enrollment: &Enrollment,
    id: ActionId,
    now: Timestamp,
) -> Result<bool, Fault> {
    let tenant = unit.tenant(device.tenant)?.ok_or(DeviceRefusal::NotEnrolled)?;
    let wanted = tenant.settings.linux_locks.locks().contains(&Lock::Luks2)
        && tenant.licence.is_active(now)
        && device.management_state == ManagementState::Managed;
    if !wanted {
        return Ok(false);
    }
    let Some(lack) = lack(unit, device, tenant.settings.disclosure_window(), now)? else { return Ok(false) };
    let newest = unit.newest_action_for(device.tenant, device.id, Lock::Luks2)?;
    let newest = newest.filter(|action| action.started >= enrollment.created);
    // Skip if a recovery is open, or one was tried within a day and would fail the same way.
    let tried = |action: &ActionRecord| action.state != ActionState::Done || lack == Lack::Passcode;
    let in_hand = newest.is_some_and(|action| tried(&action) && is_recent(action.updated, now, PATIENCE));
    if in_hand || unit.open_action(device.tenant, device.id, RECOVER_PASSCODE.name)?.is_some() {
        return Ok(false);
    }
    let opening = Opening {
        id,
        action: &RECOVER_PASSCODE,
        way: &seal_first::WAY,
        device,
        enrollment: enrollment.id,
        locks: &[Lock::Luks2],
        requested_by: Actor::system(),
        client_request_id: None,
    };
    let action = engine::open(unit, opening, now)?;
    let event = engine::event(&action, now, Actor::system(), Activity::ActionRequested)?
        .with("because", "the escrow holds no unseen passcode of the disk");
    unit.append_audit(&event)?;
    Ok(true)
}

/// The reason why a disk needs a recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    /// The escrow holds no passcode that opens it.
    Passcode,
    /// The passcode in escrow was read.
    Secrecy,
}

/// Returns the lack of a disk that is ready for a recovery; a missing passcode comes first.
fn lack(view: &dyn View, device: &ManagedDevice, window: Duration, now: Timestamp) -> Result<Option<Lack>, StoreError> {
    let disks = device.recoverability.iter().filter(|entry| entry.of.lock == Lock::Luks2);
    let disks: Vec<_> = disks.filter(|entry| entry.obstacle.is_none()).collect();
    if disks.is_empty() {
        return Ok(None);
    }
    let opening = disks.iter().filter(|entry| entry.escrow == EscrowTest::Opens).filter_map(|entry| entry.action);
    let opening: BTreeSet<_> = opening.collect();
    let held = view.secrets_of(device.tenant, &Vec::from_iter(opening))?;
    let mut found = None;
    for entry in disks {
        let opens = entry.action.filter(|_| entry.escrow == EscrowTest::Opens);
        let result = opens.and_then(|action| result_of(&held, device, action));
        let Some(result) = result else { return Ok(Some(Lack::Passcode)) };
        // Until the window is over, the reader may still be using it.
        if result.disclosed.as_ref().is_some_and(|(at, _)| at.checked_add(window).is_ok_and(|end| end <= now)) {
            found = Some(Lack::Secrecy);
        }
    }
    Ok(found)
}

/// Returns the result of that action of the device, if the escrow still holds it.
fn result_of<'a>(held: &'a [EscrowedSecret], device: &ManagedDevice, action: ActionId) -> Option<&'a EscrowedSecret> {
    held.iter().find(|secret| {
        (secret.context.device, secret.context.action) == (device.id, action)
            && secret.standing == Standing::Current
            && secret.envelope.is_some()
    })
}
