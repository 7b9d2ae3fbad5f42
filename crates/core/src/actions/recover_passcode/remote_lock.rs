//! Windows: the RemoteLock CSP makes a PIN and gives it once.

use super::{Ending, Evidence, Settlement};
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
    if purpose == Purpose::Act {
        let [Some(exec), Some(_read)] = evidence.statuses else { return None };
        return Some(Settlement::Ended(ending(*exec, evidence.has_value)));
    }
    let [Some(read)] = evidence.statuses else { return None };
    Some(match evidence.has_value {
        true => Settlement::Ended(Ending {
            state: ActionState::Done,
            outcome: Outcome::Replaced,
            device_status: Some(*read),
        }),
        false => Settlement::TryAgain,
    })
}

/// The outcome table: status of `LockAndRecoverPIN` x whether a value came.
fn ending(exec: u16, has_value: bool) -> Ending {
    let (state, outcome) = match (exec, has_value) {
        (200, true) => (ActionState::Done, Outcome::Replaced),
        (200, false) => (ActionState::Failed, Outcome::ValueNotDelivered),
        (_, true) => (ActionState::Failed, Outcome::Contradictory),
        (404 | 406, false) => (ActionState::NotSupported, Outcome::FeatureAbsent),
        (_, false) => (ActionState::Failed, Outcome::DeviceRefused),
    };
    Ending { state, outcome, device_status: Some(exec) }
}
