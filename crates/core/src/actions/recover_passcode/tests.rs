mod linux;

use super::RECOVER_PASSCODE;
use crate::action::{ActionState, Outcome};
use crate::command::Purpose;
use crate::remote_action::{Ending, Evidence, Held, Settlement};

fn evidence(statuses: &[Option<u16>], value: Held) -> Evidence<'_> {
    Evidence { attempt: 1, statuses, value, envelope: Some(b"envelope"), report: None, complete: true }
}

/// The decision of the way that has that step.
fn settle(step: Purpose, evidence: Evidence<'_>) -> Option<Settlement> {
    let way = RECOVER_PASSCODE.ways.iter().find(|way| way.steps.contains(&step))?;
    (way.settle)(step, evidence)
}

#[test]
fn the_outcome_table_of_windows() {
    use ActionState::{Done, Failed, NotSupported};
    use Held::{Certain, Doubtful, Nothing};
    use Outcome::{Contradictory, DeviceRefused, FeatureAbsent, Replaced, Uncertain, ValueNotDelivered};
    // (Exec status, Get status, value) -> (state, outcome)
    let table = [
        (200, 200, Certain, Done, Replaced),
        (200, 200, Nothing, Failed, ValueNotDelivered),
        (200, 404, Nothing, Failed, ValueNotDelivered),
        (200, 500, Nothing, Failed, ValueNotDelivered),
        (202, 200, Nothing, Failed, ValueNotDelivered),
        (405, 200, Nothing, Failed, DeviceRefused),
        (404, 404, Nothing, NotSupported, FeatureAbsent),
        (406, 404, Nothing, NotSupported, FeatureAbsent),
        (403, 403, Nothing, Failed, DeviceRefused),
        (425, 425, Nothing, Failed, DeviceRefused),
        (500, 200, Nothing, Failed, DeviceRefused),
        (507, 215, Nothing, Failed, DeviceRefused),
        (418, 200, Nothing, Failed, DeviceRefused),
        (0, 0, Nothing, Failed, DeviceRefused),
        (500, 200, Certain, Failed, Contradictory),
        (404, 200, Certain, Failed, Contradictory),
        (0, 200, Certain, Failed, Contradictory),
        (500, 200, Doubtful, Failed, Contradictory),
        (202, 200, Certain, Failed, Uncertain),
        (201, 200, Certain, Failed, Uncertain),
        (200, 202, Certain, Failed, Uncertain),
        (200, 404, Certain, Failed, Uncertain),
        (200, 500, Certain, Failed, Uncertain),
        (200, 200, Doubtful, Failed, Uncertain),
        (202, 404, Doubtful, Failed, Uncertain),
    ];
    for (exec, read, value, state, outcome) in table {
        let statuses = [Some(exec), Some(read)];
        let settlement = settle(Purpose::Act, evidence(&statuses, value));
        let ending = Ending { state, outcome, device_status: Some(exec) };
        assert_eq!(settlement, Some(Settlement::Ended(ending)), "{exec} {read} {value:?}");
    }
}

#[test]
fn nothing_is_decided_before_every_command_is_answered() {
    for statuses in [[None, None], [Some(200), None], [None, Some(200)]] {
        assert_eq!(settle(Purpose::Act, evidence(&statuses, Held::Certain)), None);
    }
    assert_eq!(settle(Purpose::Probe, evidence(&[None], Held::Nothing)), None);
}

#[test]
fn that_there_is_no_value_is_known_when_the_package_has_ended_and_not_before() {
    fn unfinished(statuses: &[Option<u16>], value: Held) -> Evidence<'_> {
        Evidence { complete: false, ..evidence(statuses, value) }
    }
    let (two, one) = ([Some(200), Some(200)], [Some(200)]);
    for (purpose, statuses) in [(Purpose::Act, &two[..]), (Purpose::Probe, &one)] {
        assert_eq!(settle(purpose, unfinished(statuses, Held::Nothing)), None, "{purpose:?}");
        assert!(settle(purpose, unfinished(statuses, Held::Certain)).is_some(), "{purpose:?}");
    }
    for purpose in [Purpose::Prepare, Purpose::Apply] {
        let statuses = [Some(200); 3];
        assert_eq!(settle(purpose, unfinished(&statuses, Held::Nothing)), None, "{purpose:?}");
    }
}

#[test]
fn a_device_that_refuses_a_second_attempt_is_not_said_to_be_unchanged_by_the_first() {
    for (exec, read) in [(500, 200), (405, 200), (404, 404), (406, 404), (0, 0)] {
        let statuses = [Some(exec), Some(read)];
        let settlement = settle(Purpose::Act, Evidence { attempt: 2, ..evidence(&statuses, Held::Nothing) });
        let (state, outcome) = (ActionState::Failed, Outcome::OutcomeUnknown);
        let ending = Ending { state, outcome, device_status: Some(exec) };
        assert_eq!(settlement, Some(Settlement::Ended(ending)), "{exec} {read}");
    }
}

#[test]
fn a_probe_that_finds_a_value_ends_the_action_and_one_that_finds_none_tries_again() {
    for (status, value, state, outcome) in [
        (200, Held::Certain, ActionState::Done, Outcome::Replaced),
        (200, Held::Doubtful, ActionState::Failed, Outcome::Uncertain),
        (404, Held::Certain, ActionState::Failed, Outcome::Uncertain),
        (500, Held::Certain, ActionState::Failed, Outcome::Uncertain),
    ] {
        let found = settle(Purpose::Probe, evidence(&[Some(status)], value));
        let ending = Ending { state, outcome, device_status: Some(status) };
        assert_eq!(found, Some(Settlement::Ended(ending)), "{status} {value:?}");
    }
    for status in [200, 404, 500] {
        let none = settle(Purpose::Probe, evidence(&[Some(status)], Held::Nothing));
        assert_eq!(none, Some(Settlement::TryAgain));
    }
}
