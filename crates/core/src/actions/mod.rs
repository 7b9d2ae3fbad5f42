//! The policies: one remote action is one value in one file, and one line in [`ACTIONS`].

#[cfg(any(test, feature = "test-actions"))]
pub mod clear_unlock_token;
#[cfg(any(test, feature = "test-actions"))]
pub mod ping;
#[cfg(test)]
pub(crate) mod planted;
#[cfg(any(test, feature = "test-actions"))]
pub mod read_unlock_token;
pub mod recover_passcode;
#[cfg(any(test, feature = "test-actions"))]
pub mod set_unlock_token;
#[cfg(test)]
pub(crate) mod two_ways;

use crate::action::{ActionRecord, ActionState, Outcome};
use crate::remote_action::RemoteAction;

/// The remote action of that name.
pub fn named(name: &str) -> Option<&'static RemoteAction> {
    ACTIONS.iter().copied().find(|action| action.name == name)
}

/// Every remote action. The audit events of the first name no action.
pub const ACTIONS: &[&RemoteAction] = &[
    &recover_passcode::RECOVER_PASSCODE,
    #[cfg(any(test, feature = "test-actions"))]
    &ping::PING,
    #[cfg(any(test, feature = "test-actions"))]
    &set_unlock_token::SET_UNLOCK_TOKEN,
    #[cfg(any(test, feature = "test-actions"))]
    &clear_unlock_token::CLEAR_UNLOCK_TOKEN,
    #[cfg(any(test, feature = "test-actions"))]
    &read_unlock_token::READ_UNLOCK_TOKEN,
    #[cfg(test)]
    &two_ways::TWO_WAYS,
];

/// The remote action of an audit event, by the name that the event has.
pub fn recorded_as(name: Option<&str>) -> &'static RemoteAction {
    let known = ACTIONS.iter().copied().find(|action| action.audit.recorded_as == name);
    known.unwrap_or(ACTIONS[0])
}

/// Returns true if a stored action failed, and holds a value that may open the device now. The old passcode may be dead, so the
/// value is shown, with a warning. The way that the action went decides.
pub fn keeps_uncertain_value(action: &ActionRecord) -> bool {
    let way = || named(action.name).and_then(|declared| declared.way_that_opens(&action.locks));
    action.state == ActionState::Failed
        && matches!(action.outcome, Some(Outcome::Contradictory | Outcome::Uncertain))
        && way().is_some_and(|way| way.keeps_uncertain_values)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::caller::Actor;
    use crate::id::{ActionId, DeviceId, TenantId};
    use crate::lock::Lock;
    use crate::tenant::{LinuxLocks, TenantSettings};

    #[test]
    fn no_two_actions_have_a_word_of_the_record_in_common() {
        let mut words = BTreeSet::new();
        for (index, action) in ACTIONS.iter().enumerate() {
            let names = &action.audit;
            assert_eq!(names.recorded_as, (index > 0).then_some(action.name));
            for word in [names.requested, names.repeated, names.sent, names.settled] {
                assert!(words.insert(word), "{}: {word}", action.name);
            }
        }
    }

    #[test]
    fn a_name_is_taken_once_and_a_platform_has_one_way() {
        let names: BTreeSet<_> = ACTIONS.iter().map(|action| action.name).collect();
        assert_eq!(names.len(), ACTIONS.len());
        for action in ACTIONS {
            let mut platforms = Vec::new();
            for way in action.ways {
                for platform in way.platforms {
                    assert!(!platforms.contains(platform), "{}: {platform:?}", action.name);
                    platforms.push(*platform);
                }
            }
        }
    }

    #[test]
    fn the_locks_of_a_stored_action_tell_its_way() {
        for linux_locks in [LinuxLocks::Both, LinuxLocks::Login, LinuxLocks::Luks2] {
            let settings = TenantSettings { linux_locks, ..TenantSettings::default() };
            for action in ACTIONS {
                for way in action.ways {
                    let told = action.way_that_opens((way.locks)(&settings));
                    assert!(told.is_some_and(|told| std::ptr::eq(told, *way)), "{}: {way:?}", action.name);
                }
            }
        }
    }

    #[test]
    fn an_uncertain_value_is_kept_by_the_way_and_not_by_the_lock() {
        use Outcome::{Contradictory, DeviceRefused, OutcomeUnknown, Uncertain};
        let (nil, system) = (Uuid::nil(), Actor::system());
        let of = (TenantId(nil), DeviceId(nil));
        let failed = |name, lock, outcome| ActionRecord {
            state: ActionState::Failed,
            outcome: Some(outcome),
            locks: vec![lock],
            ..ActionRecord::pending(ActionId(nil), of, name, system.clone(), Timestamp::UNIX_EPOCH)
        };
        let (recovery, other) = (recover_passcode::RECOVER_PASSCODE.name, two_ways::TWO_WAYS.name);
        for (name, lock, keeps) in [
            (recovery, Lock::Screen, true),
            (recovery, Lock::Login, false),
            (recovery, Lock::Luks2, false),
            (other, Lock::Screen, false),
            (other, Lock::Login, true),
        ] {
            for (outcome, uncertain) in
                [(Contradictory, true), (Uncertain, true), (OutcomeUnknown, false), (DeviceRefused, false)]
            {
                let found = keeps_uncertain_value(&failed(name, lock, outcome));
                assert_eq!(found, keeps && uncertain, "{name} {lock:?} {outcome:?}");
            }
        }
        let ended = ActionRecord { state: ActionState::Done, ..failed(recovery, Lock::Screen, Uncertain) };
        assert!(!keeps_uncertain_value(&ended));
    }
}
