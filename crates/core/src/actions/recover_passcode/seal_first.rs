//! Linux: the device makes a candidate and seals it; the escrow takes it; only then the device changes.
//!
//! | delivery | the device | then the server |
//! |---|---|---|
//! | `Prepare` | makes a candidate, seals it to the tenant's recipients; nothing is changed | keeps the envelope, sends `Apply` with its hash |
//! | `Apply` | adds the new key slot, sets the new hash, keeps the way back, proves that the candidate opens | promotes: the action is done |
//! | `Finish` | drops the old secret (`Retire`), or goes back to it (`Undo`) | nothing: the device says in each session what it waits for |
//!
//! Every command may be repeated: the device's journal answers alike. At every moment the device opens with its old
//! secret, or with a candidate in escrow.

#[cfg(test)]
use super::super::planted::{Fault, is_planted};
use crate::action::{ActionRecord, ActionState, Outcome};
use crate::command::{Delivery, DeviceCommand, Phase, Purpose};
use crate::device::Platform;
use crate::digest::sha256_hex;
use crate::lock::Lock;
use crate::remote_action::{Ending, Evidence, Held, OnLoss, Settlement, Step, Way};

/// The way of Linux machines.
pub const WAY: Way = Way {
    platforms: &[Platform::Linux],
    makes: None,
    steps: &[Purpose::Prepare, Purpose::Apply],
    // A candidate that was lost changed nothing.
    max_attempts: 5,
    // The device says of each attempt that it is unchanged by it.
    exhausted: Outcome::DeviceRefused,
    opens: &[Lock::Login, Lock::Luks2],
    locks: |settings| settings.linux_locks.locks(),
    first,
    settle,
    // The journal of the device answers a repeated command alike.
    lost: |_, _| OnLoss::Resend,
    holds_on: may_have_changed,
    afterwards: |action| Some(DeviceCommand::RetireOld { action: action.id, attempt: action.attempt }),
    keeps_uncertain_values: false,
};

/// The device's code for success.
const OK: u16 = 200;
/// The device's code for an unknown command: the agent is older than this recovery.
const NO_NODE: u16 = 404;
/// The device's code: nothing on this device can be recovered; the report says why.
const NOTHING_READY: u16 = 406;
/// The device's code for an unknown candidate: the device no longer has it, and is unchanged by it.
const UNKNOWN_CANDIDATE: u16 = 409;

fn first(action: &ActionRecord) -> Step {
    let prepare = DeviceCommand::PrepareCandidate { locks: action.locks.clone() };
    let commands = vec![prepare, DeviceCommand::ReadCandidate, DeviceCommand::ReadReport];
    Step { purpose: Purpose::Prepare, commands }
}

/// Returns the step that applies the candidate, because the escrow holds it.
fn apply(envelope: &[u8]) -> Settlement {
    let apply = DeviceCommand::ApplyCandidate { envelope_sha256: sha256_hex(envelope) };
    Settlement::Next(Step { purpose: Purpose::Apply, commands: vec![apply, DeviceCommand::ReadReport] })
}

fn settle(step: Purpose, evidence: Evidence<'_>) -> Option<Settlement> {
    if !evidence.statuses.iter().all(Option::is_some) {
        return None;
    }
    // A doubtful envelope counts as none.
    let has_value = evidence.value == Held::Certain;
    // Statuses may come before the value: only the end of the device's package says that there is none.
    if !evidence.complete && !(has_value && (step == Purpose::Prepare || evidence.report.is_some())) {
        return None;
    }
    let exec = evidence.statuses.first().copied().flatten()?;
    let ended = |state, outcome| Settlement::Ended(Ending { state, outcome, device_status: Some(exec) });
    let refused = ended(ActionState::Failed, Outcome::DeviceRefused);
    #[cfg(test)]
    if is_planted(Fault::DoneBeforeApplied) && (step, exec, has_value) == (Purpose::Prepare, OK, true) {
        return Some(ended(ActionState::Done, Outcome::Replaced));
    }
    Some(match (step, exec) {
        (_, NO_NODE) | (Purpose::Prepare, NOTHING_READY) => ended(ActionState::NotSupported, Outcome::FeatureAbsent),
        (Purpose::Prepare, OK) if has_value => evidence.envelope.map_or(Settlement::TryAgain, apply),
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

/// Returns true if the device was told to change and has not reported the result.
fn may_have_changed(deliveries: &[Delivery]) -> bool {
    #[cfg(test)]
    if is_planted(Fault::ExpiresAnyway) {
        return false;
    }
    let told = |delivery: &Delivery| {
        delivery.purpose == Purpose::Apply && matches!(delivery.phase, Phase::Sent(_) | Phase::Lost(_))
    };
    let settled =
        |delivery: &Delivery| delivery.purpose == Purpose::Apply && matches!(delivery.phase, Phase::Settled(_));
    deliveries.iter().rev().take_while(|delivery| !settled(delivery)).any(told)
}
