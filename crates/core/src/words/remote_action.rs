//! A remote action as a value: the engine runs it, and every face reads it.
//!
//! A policy is a row of data and a few pure functions over values. It reads no store and writes none: it says what
//! follows, and [`crate::engine`] does it.

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
    /// The permission that the token of a caller needs.
    pub permission: Permission,
    /// The right that a role of the caller must allow.
    pub role_action: RoleAction,
    /// One line for people.
    pub summary: &'static str,
    /// Graph's type of a result, `resetPasscodeActionResult`.
    pub result_type: &'static str,
    /// The names of its events.
    pub audit: AuditNames,
    /// True if an accepted one counts for the hold of its tenant ([`crate::decisions::hold`]).
    pub counts_for_hold: bool,
    /// The kind of the secret that it keeps; `None` if it keeps none, whatever a device gives.
    pub keeps: Option<SecretKind>,
    /// The ways of carrying it out. A platform has at most one.
    pub ways: &'static [&'static Way],
}

/// The names of the events of a remote action in Graph's audit record, `verb Entity` each.
#[derive(Debug)]
pub struct AuditNames {
    /// The name by which stored events know their action; `None` for the one action whose events are older than that word.
    pub recorded_as: Option<&'static str>,
    /// It was accepted or refused.
    pub requested: &'static str,
    /// It was asked for again.
    pub repeated: &'static str,
    /// It went to the device, or its answer was lost.
    pub sent: &'static str,
    /// It ended.
    pub settled: &'static str,
}

impl RemoteAction {
    /// The way of a platform; `None` if its devices cannot do it.
    pub fn way_of(&self, platform: Platform) -> Option<&'static Way> {
        self.ways.iter().copied().find(|way| way.platforms.contains(&platform))
    }

    /// The way that opens these locks; `None` if they do not tell it from another.
    pub fn way_that_opens(&self, locks: &[Lock]) -> Option<&'static Way> {
        let opens = |way: &&'static Way| locks.iter().all(|lock| way.opens.contains(lock));
        let mut ways = self.ways.iter().copied().filter(opens);
        ways.next().filter(|_| ways.next().is_none())
    }

    /// Returns true if an action with these deliveries, oldest first, must not end without its device: the device was told to
    /// change, and has not said what became of it.
    pub fn holds_on(&self, deliveries: &[Delivery]) -> bool {
        self.ways.iter().any(|way| (way.holds_on)(deliveries))
    }
}

/// The policy of one way of carrying an action out.
#[derive(Debug)]
pub struct Way {
    /// The platforms that go this way.
    pub platforms: &'static [Platform],
    /// The steps.
    pub steps: &'static [Purpose],
    /// Makes the secret of an attempt from random bytes, where the server makes it: sealed before it goes out.
    pub makes: Option<Make>,
    /// The number of attempts after which the engine gives up.
    pub max_attempts: u32,
    /// The truth when the last attempt came to nothing.
    pub exhausted: Outcome,
    /// The kinds of lock that it opens. Ways of one action have none in common, so that a stored action tells its way.
    pub opens: &'static [Lock],
    /// The locks that are asked for, of those.
    pub locks: fn(&TenantSettings) -> &'static [Lock],
    /// The first step of an attempt.
    pub first: fn(&ActionRecord) -> Step,
    /// Decides what an answer means. `None`: more must come.
    pub settle: fn(Purpose, Evidence<'_>) -> Option<Settlement>,
    /// Decides what follows when the answer to a step was lost.
    pub lost: fn(Purpose, Held) -> OnLoss,
    /// See [`RemoteAction::holds_on`].
    pub holds_on: fn(&[Delivery]) -> bool,
    /// The command that follows an action that is done; nothing waits for its answer.
    pub afterwards: fn(&ActionRecord) -> Option<DeviceCommand>,
    /// True if a value may be what opens the device although it came late, or not as a result does: it is shown, with a
    /// warning. A device that goes back to its old secret has no such value.
    pub keeps_uncertain_values: bool,
}

/// Makes a secret of the kind that its action keeps; the argument fills a buffer with random bytes.
pub type Make = fn(&mut dyn FnMut(&mut [u8])) -> Option<SecretBytes>;

/// A step: the commands that travel together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The purpose.
    pub purpose: Purpose,
    /// The commands, in order.
    pub commands: Vec<DeviceCommand>,
}

/// The facts when a decision is due.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The number of this attempt. Of an earlier one nothing came, which does not mean that it changed nothing.
    pub attempt: u32,
    /// The device's codes for the commands of the step.
    pub statuses: &'a [Option<u16>],
    /// The value of this attempt in escrow.
    pub value: Held,
    /// The envelope of that value.
    pub envelope: Option<&'a [u8]>,
    /// The device's words about this very attempt.
    pub report: Option<&'a DeviceReport>,
    /// True if the device has said all that it says for now.
    pub complete: bool,
}

/// The value of an attempt in escrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// No value.
    Nothing,
    /// A value that came as it should.
    Certain,
    /// A value that came unnamed, or in another form than was asked for.
    Doubtful,
}

impl Held {
    /// The standing of a value, as evidence.
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
    /// True if the way verifies by a step of its own what it has done.
    pub verifies: bool,
    /// True if that step has decided it.
    pub verified: bool,
}

impl Proof {
    /// Returns true if an action may be done with that outcome.
    pub fn allows(self, outcome: Outcome) -> bool {
        match outcome {
            // A value that the escrow holds is not yet one that opens the device.
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
            | Outcome::CanceledByCaller => false,
        }
    }
}

impl Ending {
    /// The ending that this proof allows. Without its proof an action that says that it is done has failed, with an unknown
    /// outcome; a value in escrow may be what opens the device all the same.
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
    /// Nothing came of this attempt, and the device is unchanged by it: another may follow.
    TryAgain,
}

/// The decision about an answer that was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnLoss {
    /// The same step goes out again: the device answers alike.
    Resend,
    /// Another step of the same attempt follows.
    Next(Step),
    /// Another attempt follows, or the action has come to its end.
    TryAgain,
    /// The action ends.
    Ended(Ending),
    /// Nothing waits for it.
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
