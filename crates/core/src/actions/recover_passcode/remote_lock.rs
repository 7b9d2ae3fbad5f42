//! Windows: the RemoteLock CSP makes a PIN and gives it once.
//!
//! | step | the device | then |
//! |---|---|---|
//! | `Act` | makes a PIN, and gives it in the same message | the outcome table |
//! | `Probe`, after a lost answer | gives the PIN if it still has it | the outcome table, or another attempt |

#[cfg(test)]
use super::super::planted::{Fault, is_planted};
use crate::action::{ActionRecord, ActionState, Outcome};
use crate::command::{DeviceCommand, Purpose};
use crate::device::Platform;
use crate::lock::Lock;
use crate::remote_action::{Ending, Evidence, Held, OnLoss, Settlement, Step, Way};

/// The way of Windows devices.
pub const WAY: Way = Way {
    platforms: &[Platform::Windows, Platform::WindowsPhone],
    makes: None,
    steps: &[Purpose::Act, Purpose::Probe],
    // A PIN is lost with its answer, so that a new one changes the device again.
    max_attempts: 2,
    // The device may have made a PIN that never arrived.
    exhausted: Outcome::OutcomeUnknown,
    opens: &[Lock::Screen],
    locks: |_| &[Lock::Screen],
    first,
    settle,
    lost,
    holds_on: |_| false,
    afterwards: |_| None,
    keeps_uncertain_values: true,
};

/// The commands, in the order that matters. The PIN is made and read in one message, because the device gives it once
/// (RemoteLock CSP, `NewPINValue`).
fn first(_: &ActionRecord) -> Step {
    Step { purpose: Purpose::Act, commands: vec![DeviceCommand::LockAndRecoverPin, DeviceCommand::ReadNewPin] }
}

/// Asks whether a PIN whose answer was lost can still be read.
fn probe() -> Step {
    Step { purpose: Purpose::Probe, commands: vec![DeviceCommand::ReadNewPin] }
}

fn settle(step: Purpose, evidence: Evidence<'_>) -> Option<Settlement> {
    // Statuses may come before the value: only the end of the device's package says that there is none.
    if evidence.value == Held::Nothing && !evidence.complete {
        return None;
    }
    if step == Purpose::Act {
        let [Some(exec), Some(read)] = evidence.statuses else { return None };
        let ending = ending(*exec, *read, evidence.value);
        return Some(Settlement::Ended(if evidence.attempt > 1 { of_all_attempts(ending) } else { ending }));
    }
    let [Some(read)] = evidence.statuses else { return None };
    if evidence.value == Held::Nothing {
        return Some(Settlement::TryAgain);
    }
    Some(Settlement::Ended(Ending { device_status: Some(*read), ..ending(OK, *read, evidence.value) }))
}

/// Returns the end of an action whose last attempt has that ending. A device that refuses speaks of this attempt alone. A PIN of
/// an earlier attempt may open the device, so the outcome must not say that the old passcode works.
fn of_all_attempts(ending: Ending) -> Ending {
    match ending.outcome {
        Outcome::DeviceRefused | Outcome::FeatureAbsent => {
            Ending { state: ActionState::Failed, outcome: WAY.exhausted, ..ending }
        }
        _ => ending,
    }
}

/// Decides what follows a lost answer. The PIN of that attempt never arrived, so another attempt is safe. Reading the PIN that
/// the device may still hold is better.
fn lost(step: Purpose, held: Held) -> OnLoss {
    #[cfg(test)]
    if is_planted(Fault::SilenceIsRefusal) {
        return OnLoss::Ended(Ending { device_status: None, ..ending(0, 0, held) });
    }
    match (step, held) {
        (_, Held::Certain | Held::Doubtful) => {
            OnLoss::Ended(Ending { state: ActionState::Failed, outcome: Outcome::Uncertain, device_status: None })
        }
        (Purpose::Act, Held::Nothing) => OnLoss::Next(probe()),
        (_, Held::Nothing) => OnLoss::TryAgain,
    }
}

/// The device's code for success.
const OK: u16 = 200;

/// The outcome table: code of `LockAndRecoverPIN` x code of `NewPINValue` x the value that came.
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
