//! Remote actions as values: the engine runs them, and every face reads them.
//!
//! A policy is a row of data and a few pure functions over values. It neither reads nor writes a store: it decides the
//! next step, and [`crate::engine`] carries it out.

use crate::action::{ActionRecord, ActionState, Outcome};
use crate::command::{Delivery, DeviceCommand, Purpose};
use crate::device::Platform;
use crate::escrow::{EscrowedSecret, SecretKind, Standing};
use crate::lock::{DeviceReport, Lock};
use crate::permission::Permission;
use crate::role::RoleAction;
use crate::secret::SecretBytes;
use crate::tenant::TenantSettings;

/// The declaration of a remote action; every face and the documentation read it.
#[derive(Debug)]
pub struct RemoteAction {
    /// Graph's name, `recoverPasscode`.
    pub name: &'static str,
    /// The permission that the caller's token needs.
    pub permission: Permission,
    /// The right that the caller's role must allow.
    pub role_action: RoleAction,
    /// One line for people.
    pub summary: &'static str,
    /// Graph's type of the result, such as `resetPasscodeActionResult`.
    pub result_type: &'static str,
    /// The names of its audit events.
    pub audit: AuditNames,
    /// True if an accepted request counts towards the tenant's hold ([`crate::decisions::hold`]).
    pub counts_for_hold: bool,
    /// The kind of secret that it keeps; `None` if it keeps none, even if a device gives one.
    pub keeps: Option<SecretKind>,
    /// The ways to carry it out, at most one for each platform.
    pub ways: &'static [&'static Way],
}

/// The names of a remote action's events in Graph's audit record, each a `verb Entity`.
#[derive(Debug)]
pub struct AuditNames {
    /// The name by which stored events identify their action; `None` for the one action whose events are older than
    /// this field.
    pub recorded_as: Option<&'static str>,
    /// The action was accepted or refused.
    pub requested: &'static str,
    /// The action was requested again.
    pub repeated: &'static str,
    /// The action went to the device, or its answer was lost.
    pub sent: &'static str,
    /// The action ended.
    pub settled: &'static str,
}

impl RemoteAction {
    /// Returns the way of a platform; `None` if its devices cannot do it.
    pub fn way_of(&self, platform: Platform) -> Option<&'static Way> {
        self.ways.iter().copied().find(|way| way.platforms.contains(&platform))
    }

    /// Returns the way that opens these locks; `None` if they do not identify one.
    pub fn way_that_opens(&self, locks: &[Lock]) -> Option<&'static Way> {
        let opens = |way: &&'static Way| locks.iter().all(|lock| way.opens.contains(lock));
        let mut ways = self.ways.iter().copied().filter(opens);
        ways.next().filter(|_| ways.next().is_none())
    }

    /// Returns true if an action with these deliveries, oldest first, must not end without an answer. The device was
    /// asked to change, and has not reported the result.
    pub fn holds_on(&self, deliveries: &[Delivery]) -> bool {
        self.ways.iter().any(|way| (way.holds_on)(deliveries))
    }
}

/// The policy of one way to carry an action out.
#[derive(Debug)]
pub struct Way {
    /// The platforms that use this way.
    pub platforms: &'static [Platform],
    /// The steps.
    pub steps: &'static [Purpose],
    /// Makes the secret of an attempt from random bytes, if the server makes it. The secret is sealed before it is
    /// sent.
    pub makes: Option<Make>,
    /// The number of attempts after which the engine gives up.
    pub max_attempts: u32,
    /// The outcome when the last attempt has failed.
    pub exhausted: Outcome,
    /// The kinds of lock that it opens. Ways of one action have none in common, so that a stored action identifies its
    /// way.
    pub opens: &'static [Lock],
    /// The locks that are asked for, of those.
    pub locks: fn(&TenantSettings) -> &'static [Lock],
    /// The first step of an attempt.
    pub first: fn(&ActionRecord) -> Step,
    /// Decides the meaning of an answer; `None` if more must come.
    pub settle: fn(Purpose, Evidence<'_>) -> Option<Settlement>,
    /// Decides the next step when the answer to a step was lost.
    pub lost: fn(Purpose, Held) -> OnLoss,
    /// See [`RemoteAction::holds_on`].
    pub holds_on: fn(&[Delivery]) -> bool,
    /// The command that follows an action that is done; no step waits for its answer.
    pub afterwards: fn(&ActionRecord) -> Option<DeviceCommand>,
    /// True if a value that came late or in an unexpected way may open the device: it is shown, with a warning. A
    /// device that reverts to its old secret has no such value.
    pub keeps_uncertain_values: bool,
}

impl Way {
    /// Returns true if the server sends a secret by this way: one that it makes, or one that the escrow holds.
    pub fn sends_secret(&self, action: &ActionRecord) -> bool {
        self.makes.is_some() || (self.first)(action).commands.iter().any(DeviceCommand::gives_secret)
    }
}

/// Makes a secret of the kind that the action keeps. The argument fills a buffer with random bytes.
pub type Make = fn(&mut dyn FnMut(&mut [u8])) -> Option<SecretBytes>;

/// A step: commands that are sent together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The purpose.
    pub purpose: Purpose,
    /// The commands, in order.
    pub commands: Vec<DeviceCommand>,
}

/// The facts on which a decision is made.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The number of this attempt. Earlier attempts delivered nothing, but may have changed the device.
    pub attempt: u32,
    /// The device's codes for the commands of the step.
    pub statuses: &'a [Option<u16>],
    /// The value of this attempt in escrow.
    pub value: Held,
    /// The envelope of that value.
    pub envelope: Option<&'a [u8]>,
    /// The device's report on this very attempt.
    pub report: Option<&'a DeviceReport>,
    /// True if the device has nothing more to say for now.
    pub complete: bool,
}

/// The value of an attempt in escrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// No value.
    Nothing,
    /// A value that came as expected.
    Certain,
    /// A value that came unnamed or in an unexpected form.
    Doubtful,
}

impl Held {
    /// Returns the standing of a value, as evidence.
    pub fn of(value: Option<&EscrowedSecret>) -> Self {
        match value.map(|secret| secret.standing) {
            None => Self::Nothing,
            Some(Standing::Uncertain) => Self::Doubtful,
            Some(Standing::Current | Standing::History | Standing::Void) => Self::Certain,
        }
    }
}

/// The end of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The state.
    pub state: ActionState,
    /// The reason.
    pub outcome: Outcome,
    /// The device's own code for the deciding command.
    pub device_status: Option<u16>,
}

/// The facts that prove an ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The value of the attempt in escrow.
    pub value: Held,
    /// True if the way has a step of its own that verifies its work.
    pub verifies: bool,
    /// True if that step has decided it.
    pub verified: bool,
}

impl Proof {
    /// Returns true if an action may be done with that outcome.
    pub fn allows(self, outcome: Outcome) -> bool {
        match outcome {
            // A value in escrow does not yet prove that it opens the device.
            Outcome::Replaced => self.value == Held::Certain && (self.verified || !self.verifies),
            Outcome::Removed => self.verified,
            Outcome::Revealed => self.value == Held::Certain,
            Outcome::Acknowledged => true,
            Outcome::ValueNotDelivered
            | Outcome::DeviceRefused
            | Outcome::FeatureAbsent
            | Outcome::Contradictory
            | Outcome::Uncertain
            | Outcome::OutcomeUnknown
            | Outcome::NoSecret
            | Outcome::Expired
            | Outcome::Reenrolled
            | Outcome::Retired
            | Outcome::Unenrolled
            | Outcome::CanceledByCaller => false,
        }
    }
}

impl Ending {
    /// Returns the ending that this proof allows. An action that ends as done without proof has failed with an unknown
    /// outcome; a value in escrow may open the device even so.
    pub fn proven_by(self, proof: Proof) -> Self {
        if self.state != ActionState::Done || proof.allows(self.outcome) {
            return self;
        }
        let outcome = if proof.value == Held::Nothing { Outcome::OutcomeUnknown } else { Outcome::Uncertain };
        Self { state: ActionState::Failed, outcome, ..self }
    }
}

/// The decision about an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The action ends.
    Ended(Ending),
    /// Another step of the same attempt follows.
    Next(Step),
    /// This attempt changed nothing on the device; another may follow.
    TryAgain,
}

/// The decision about a lost answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnLoss {
    /// The same step is sent again: the device answers the same.
    Resend,
    /// Another step of the same attempt follows.
    Next(Step),
    /// Another attempt follows, or the action has used its last one.
    TryAgain,
    /// The action ends.
    Ended(Ending),
    /// No step waits for the answer.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_done_without_the_proof_of_its_outcome() {
        use Held::{Certain, Doubtful, Nothing};
        use Outcome::{Acknowledged, DeviceRefused, OutcomeUnknown, Removed, Replaced, Revealed, Uncertain};
        // (outcome, value, the way verifies, it was verified) -> what the action ends with, `None` when it is done
        let table = [
            (Replaced, Certain, false, false, None),
            (Replaced, Certain, true, true, None),
            (Replaced, Certain, true, false, Some(Uncertain)),
            (Replaced, Doubtful, true, true, Some(Uncertain)),
            (Replaced, Doubtful, false, false, Some(Uncertain)),
            (Replaced, Nothing, true, true, Some(OutcomeUnknown)),
            (Removed, Nothing, true, true, None),
            (Removed, Nothing, true, false, Some(OutcomeUnknown)),
            (Removed, Nothing, false, false, Some(OutcomeUnknown)),
            (Revealed, Certain, false, false, None),
            (Revealed, Doubtful, false, false, Some(Uncertain)),
            (Revealed, Nothing, true, true, Some(OutcomeUnknown)),
            (Acknowledged, Nothing, false, false, None),
            (DeviceRefused, Certain, true, true, Some(Uncertain)),
            (OutcomeUnknown, Nothing, true, true, Some(OutcomeUnknown)),
        ];
        for (outcome, value, verifies, verified, otherwise) in table {
            let done = Ending { state: ActionState::Done, outcome, device_status: Some(200) };
            let expected = match otherwise {
                None => done,
                Some(outcome) => Ending { state: ActionState::Failed, outcome, ..done },
            };
            let proof = Proof { value, verifies, verified };
            assert_eq!(done.proven_by(proof), expected, "{outcome:?} {proof:?}");
            let failed = Ending { state: ActionState::Failed, ..done };
            assert_eq!(failed.proven_by(proof), failed, "{outcome:?} {proof:?}");
        }
    }
}
