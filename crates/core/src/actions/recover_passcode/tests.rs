mod linux;

use super::*;

#[test]
fn the_outcome_table_of_windows() {
    use ActionState::{Done, Failed, NotSupported};
    use Outcome::{Contradictory, DeviceRefused, FeatureAbsent, Replaced, ValueNotDelivered};
    // (Exec status, Get status, value) -> (state, outcome)
    let table = [
        (200, 200, true, Done, Replaced),
        (200, 200, false, Failed, ValueNotDelivered),
        (200, 404, false, Failed, ValueNotDelivered),
        (200, 500, false, Failed, ValueNotDelivered),
        (405, 200, false, Failed, DeviceRefused),
        (404, 404, false, NotSupported, FeatureAbsent),
        (406, 404, false, NotSupported, FeatureAbsent),
        (403, 403, false, Failed, DeviceRefused),
        (425, 425, false, Failed, DeviceRefused),
        (500, 200, false, Failed, DeviceRefused),
        (507, 215, false, Failed, DeviceRefused),
        (418, 200, false, Failed, DeviceRefused),
        (500, 200, true, Failed, Contradictory),
        (404, 200, true, Failed, Contradictory),
    ];
    for (exec, read, has_value, state, outcome) in table {
        let statuses = [Some(exec), Some(read)];
        let settlement = settle(Purpose::Act, Evidence { statuses: &statuses, has_value, report: None });
        let ending = Ending { state, outcome, device_status: Some(exec) };
        assert_eq!(settlement, Some(Settlement::Ended(ending)), "{exec} {read} {has_value}");
    }
}

#[test]
fn nothing_is_decided_before_every_command_is_answered() {
    for statuses in [[None, None], [Some(200), None], [None, Some(200)]] {
        assert_eq!(settle(Purpose::Act, Evidence { statuses: &statuses, has_value: true, report: None }), None);
    }
    assert_eq!(settle(Purpose::Probe, Evidence { statuses: &[None], has_value: false, report: None }), None);
}

#[test]
fn a_probe_that_finds_a_value_ends_the_action_and_one_that_finds_none_tries_again() {
    let found = settle(Purpose::Probe, Evidence { statuses: &[Some(200)], has_value: true, report: None });
    assert!(matches!(found, Some(Settlement::Ended(Ending { state: ActionState::Done, .. }))));
    for status in [200, 404, 500] {
        let none = settle(Purpose::Probe, Evidence { statuses: &[Some(status)], has_value: false, report: None });
        assert_eq!(none, Some(Settlement::TryAgain));
    }
}
