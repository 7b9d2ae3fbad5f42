//! The standing of a Linux device: what it says of itself at the beginning of a session, and what follows.

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

/// How long the server waits before it tries again, by itself, to escrow a disk that failed.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

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
    unit.insert_delivery(&Delivery::of_no_action(enrollment, Purpose::Finish, vec![command], now))?;
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
    // An open one will escrow it; one that failed a moment ago, or whose passcode the device does not know a moment
    // later, would do so again.
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
