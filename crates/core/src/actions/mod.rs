//! The policies: one remote action is one value in one file, and one line in [`ACTIONS`].

#[cfg(feature = "test-actions")]
pub mod clear_unlock_token;
#[cfg(feature = "test-actions")]
pub mod ping;
#[cfg(test)]
pub(crate) mod planted;
#[cfg(feature = "test-actions")]
pub mod read_unlock_token;
pub mod recover_passcode;
#[cfg(feature = "test-actions")]
pub mod set_unlock_token;

use crate::remote_action::RemoteAction;

/// The remote action of that name.
pub fn named(name: &str) -> Option<&'static RemoteAction> {
    ACTIONS.iter().copied().find(|action| action.name == name)
}

/// Every remote action; the first is the one whose audit events name none.
pub const ACTIONS: &[&RemoteAction] = &[
    &recover_passcode::RECOVER_PASSCODE,
    #[cfg(feature = "test-actions")]
    &ping::PING,
    #[cfg(feature = "test-actions")]
    &set_unlock_token::SET_UNLOCK_TOKEN,
    #[cfg(feature = "test-actions")]
    &clear_unlock_token::CLEAR_UNLOCK_TOKEN,
    #[cfg(feature = "test-actions")]
    &read_unlock_token::READ_UNLOCK_TOKEN,
];

/// The remote action of an audit event, by the name that the event has.
pub fn recorded_as(name: Option<&str>) -> &'static RemoteAction {
    let known = ACTIONS.iter().copied().find(|action| action.audit.recorded_as == name);
    known.unwrap_or(ACTIONS[0])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_is_taken_once_and_a_platform_has_one_way() {
        let names: BTreeSet<_> = ACTIONS.iter().map(|action| action.name).collect();
        assert_eq!(names.len(), ACTIONS.len());
        for (index, action) in ACTIONS.iter().enumerate() {
            assert_eq!(action.audit.recorded_as.is_none(), index == 0, "{}", action.name);
            let mut platforms = Vec::new();
            for way in action.ways {
                for platform in way.platforms {
                    assert!(!platforms.contains(platform), "{}: {platform:?}", action.name);
                    platforms.push(*platform);
                }
            }
        }
    }
}
