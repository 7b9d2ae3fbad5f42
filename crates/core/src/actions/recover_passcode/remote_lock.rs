//! Windows: the RemoteLock CSP makes a PIN and gives it once.

use super::{Ending, Evidence, Held, Settlement};
use crate::action::{ActionState, Outcome};
use crate::command::{DeviceCommand, Purpose};

/// The commands, in the order that matters: the PIN must be read after it was made, in the same
/// message, because the device gives it once (RemoteLock CSP, `NewPINValue`).
pub(super) fn act() -> Vec<DeviceCommand> {
    vec![DeviceCommand::LockAndRecoverPin, DeviceCommand::ReadNewPin]
}

/// Asks whether a PIN whose answer was lost can still be read.
pub(super) fn probe() -> Vec<DeviceCommand> {
    vec![DeviceCommand::ReadNewPin]
}

pub(super) fn settle(purpose: Purpose, evidence: Evidence<'_>) -> Option<Settlement> {
    // Statuses may come before the value: only the end of the device's package says that there is none.
    if evidence.value == Held::Nothing && !evidence.complete {
        return None;
    }
    if purpose == Purpose::Act {
        let [Some(exec), Some(read)] = evidence.statuses else { return None };
        return Some(Settlement::Ended(ending(*exec, *read, evidence.value)));
    }
    let [Some(read)] = evidence.statuses else { return None };
    if evidence.value == Held::Nothing {
        return Some(Settlement::TryAgain);
    }
    Some(Settlement::Ended(Ending { device_status: Some(*read), ..ending(OK, *read, evidence.value) }))
}

/// SyncML status: the device did it.
const OK: u16 = 200;

/// The outcome table: status of `LockAndRecoverPIN` x status of `NewPINValue` x the value that came.
fn ending(exec: u16, read: u16, value: Held) -> Ending {
    let (state, outcome) = match (exec, read, value) {
        (OK, OK, Held::Certain) => (ActionState::Done, Outcome::Replaced),
        (200..=299, _, Held::Nothing) => (ActionState::Failed, Outcome::ValueNotDelivered),
        (200..=299, _, Held::Certain | Held::Doubtful) => (ActionState::Failed, Outcome::Uncertain),
        (_, _, Held::Certain | Held::Doubtful) => (ActionState::Failed, Outcome::Contradictory),
        (404 | 406, _, Held::Nothing) => (ActionState::NotSupported, Outcome::FeatureAbsent),
        (_, _, Held::Nothing) => (ActionState::Failed, Outcome::DeviceRefused),
    };
    Ending { state, outcome, device_status: Some(exec) }
}
