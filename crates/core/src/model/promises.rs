//! The promises, as properties of every state that can be reached, and the states that a meaningful walk must reach.

use stateright::Property;

use super::channel::sealed_in;
use super::store::Recorded;
use super::{Check, Device, World};
use crate::action::{ActionRecord, ActionState, Outcome};
use crate::actions::keeps_uncertain_value;
use crate::command::Phase;
use crate::escrow::{EscrowedSecret, Standing};

pub(super) const DEVICE_IS_KEPT: &str = "P1 what opens the device is kept";
pub(super) const ACKNOWLEDGED_IS_HELD: &str = "P1 what the device was acknowledged is in escrow";
pub(super) const STORED_FIRST: &str = "P2 what was answered is stored and recorded";
const OPEN_MOVES: &str = "P2 an open action waits for something that will come";
pub(super) const RECORDED_FIRST: &str = "P4 what was shown is recorded";
pub(super) const DONE_OPENS: &str = "P8 what is done opens the device";
pub(super) const UNCHANGED_IS_UNCHANGED: &str = "P8 a device that is said to be unchanged is unchanged";
pub(super) const SENT_IS_SEALED: &str = "P1 what is sent to the device is in escrow before it leaves";
const PEOPLE_ALONE: &str = "P3 what is not for people is not shown";
pub(super) const DONE_IS_PROVEN: &str = "P8 what becomes done was seen to be so";
const SHOWN_BY_OUTCOME: &str = "P8 what is uncertain is shown once, and what is unknown not at all";
const ENDS_RECORDED: &str = "P8 every end is recorded";
pub(super) const ACTION_IS_DONE: &str = "an action is done";
pub(super) const SECOND_IS_DONE: &str = "a second action is done after a first one";
pub(super) const SECOND_ATTEMPT_IS_DONE: &str = "an action is done in a second attempt";
pub(super) const OUTCOME_IS_UNKNOWN: &str = "an outcome is unknown";
pub(super) const REENROLLED_CHANGED: &str = "a device enrols again while it is changed";
pub(super) const PASSCODE_IS_SHOWN: &str = "a passcode is shown";
pub(super) const LOCK_IS_REMOVED: &str = "a lock is removed";
pub(super) const SECRET_IS_REVEALED: &str = "a secret is revealed";
pub(super) const SECRET_IS_LACKING: &str = "a secret is lacking";

/// Every promise, and every state that must be reachable.
pub(super) fn all<D: Device>() -> Vec<Property<Check<D>>> {
    vec![
        Property::always(DEVICE_IS_KEPT, |_, world| D::is_kept(world)),
        Property::always(ACKNOWLEDGED_IS_HELD, |_, world: &World<D>| {
            world.promised.acknowledged.iter().all(|value| world.holds(*value))
        }),
        Property::always(SENT_IS_SEALED, |_, world: &World<D>| {
            world.order().and_then(|order| order.secret).is_none_or(|secret| world.holds(secret))
        }),
        Property::always(PEOPLE_ALONE, |_, world: &World<D>| {
            let is_for_people = |id| world.store.shown(id).is_none_or(|secret| secret.context.kind.is_for_people());
            world.promised.shown.iter().all(|id| is_for_people(*id))
        }),
        Property::always(STORED_FIRST, |_, world: &World<D>| {
            world.promised.accepted.iter().all(|(request, id)| {
                world.store.actions.iter().any(|action| action.id == *id)
                    && world.store.record.contains(&Recorded::Asked(*request, *id))
            })
        }),
        Property::always(OPEN_MOVES, |_, world: &World<D>| {
            let moves = |action: &ActionRecord| {
                let mut deliveries =
                    world.store.deliveries.iter().filter(|delivery| delivery.action == Some(action.id));
                deliveries.any(|delivery| matches!(delivery.phase, Phase::Queued | Phase::Sent(_)))
            };
            world.store.actions.iter().all(|action| !action.state.is_open() || moves(action))
        }),
        Property::always(RECORDED_FIRST, |_, world: &World<D>| {
            world.promised.shown.iter().all(|id| world.store.record.contains(&Recorded::Shown(*id)))
        }),
        Property::always(DONE_OPENS, |_, world: &World<D>| {
            world.ended(|action| action.state == ActionState::Done).is_none_or(|action| {
                // After a re-enrolment nothing is said of it any more.
                let is_void = world.store.shown(action.id).is_some_and(|secret| secret.standing == Standing::Void);
                world.is_so(action) || is_void
            })
        }),
        Property::always(DONE_IS_PROVEN, |_, world: &World<D>| world.promised.unproven.is_empty()),
        Property::always(UNCHANGED_IS_UNCHANGED, |_, world: &World<D>| {
            let unchanged =
                [Outcome::DeviceRefused, Outcome::FeatureAbsent, Outcome::Expired, Outcome::CanceledByCaller];
            let says = |action: &ActionRecord| action.outcome.is_some_and(|outcome| unchanged.contains(&outcome));
            !world.store.actions.iter().any(|action| says(action) && world.is_changed_by(action))
        }),
        Property::always(SHOWN_BY_OUTCOME, |_, world: &World<D>| {
            world.store.actions.iter().all(|action| {
                let shown = world.store.shown(action.id).is_some();
                match action.outcome {
                    Some(Outcome::Replaced | Outcome::Revealed) => shown,
                    Some(Outcome::Uncertain | Outcome::Contradictory) => shown == keeps_uncertain_value(action),
                    Some(_) | None => !shown,
                }
            })
        }),
        Property::always(ENDS_RECORDED, |_, world: &World<D>| {
            world
                .store
                .actions
                .iter()
                .all(|action| action.state.is_open() != world.store.record.contains(&Recorded::Ended(action.id)))
        }),
        Property::sometimes(ACTION_IS_DONE, |_, world: &World<D>| {
            world.ended(|action| action.state == ActionState::Done).is_some()
        }),
        Property::sometimes(SECOND_IS_DONE, |_, world: &World<D>| {
            world.store.actions.iter().filter(|action| action.state == ActionState::Done).count() > 1
        }),
        Property::sometimes(SECOND_ATTEMPT_IS_DONE, |_, world: &World<D>| {
            world.ended(|action| action.state == ActionState::Done && action.attempt > 1).is_some()
        }),
        Property::sometimes(OUTCOME_IS_UNKNOWN, |_, world: &World<D>| {
            world.ended(|action| action.outcome == Some(Outcome::OutcomeUnknown)).is_some()
        }),
        Property::sometimes(REENROLLED_CHANGED, |_, world: &World<D>| {
            world.ended(|action| action.outcome == Some(Outcome::Reenrolled) && world.is_changed_by(action)).is_some()
        }),
        Property::sometimes(PASSCODE_IS_SHOWN, |_, world: &World<D>| !world.promised.shown.is_empty()),
        Property::sometimes(LOCK_IS_REMOVED, |_, world: &World<D>| world.has_ended_as(Outcome::Removed)),
        Property::sometimes(SECRET_IS_REVEALED, |_, world: &World<D>| world.has_ended_as(Outcome::Revealed)),
        Property::sometimes(SECRET_IS_LACKING, |_, world: &World<D>| world.has_ended_as(Outcome::NoSecret)),
    ]
}

fn number(secret: &EscrowedSecret) -> u8 {
    secret.envelope.as_deref().map(sealed_in).unwrap_or_default()
}

impl<D: Device> World<D> {
    /// The action that ended last, if it did so in that way and none is open.
    fn ended(&self, how: impl Fn(&ActionRecord) -> bool) -> Option<&ActionRecord> {
        let actions = &self.store.actions;
        let at_rest = actions.iter().all(|action| !action.state.is_open());
        actions.iter().find(|action| at_rest && Some(action.id) == self.promised.ended && how(action))
    }

    /// Returns true if an action ended with that outcome.
    fn has_ended_as(&self, outcome: Outcome) -> bool {
        self.store.actions.iter().any(|action| action.outcome == Some(outcome))
    }

    /// Returns true if a done action tells the truth: the device has its result, or the device has nothing.
    pub(super) fn is_so(&self, action: &ActionRecord) -> bool {
        let result = self.store.shown(action.id).map(number);
        match action.outcome {
            Some(Outcome::Replaced | Outcome::Revealed) => result == Some(self.device.passcode()),
            Some(Outcome::Removed) => result.is_none() && self.device.passcode() == 0,
            Some(_) | None => false,
        }
    }

    /// Returns true if that action brought the secret that opens the device now.
    fn is_changed_by(&self, action: &ActionRecord) -> bool {
        self.promised.made.get(&self.device.passcode()) == Some(&action.id)
    }

    /// Returns true if the escrow holds that passcode.
    pub(super) fn holds(&self, passcode: u8) -> bool {
        self.sealed(passcode).next().is_some()
    }

    /// The secret in escrow of that passcode.
    pub(super) fn sealed(&self, passcode: u8) -> impl Iterator<Item = &EscrowedSecret> {
        self.store.secrets.iter().filter(move |secret| secret.envelope.is_some() && number(secret) == passcode)
    }

    /// Returns true if a permitted person is shown that passcode.
    pub(super) fn is_reachable(&self, passcode: u8) -> bool {
        self.store.actions.iter().any(|action| self.store.shown(action.id).map(number) == Some(passcode))
    }
}
