//! An answer, or its loss, is settled by the way of the action that waits for it.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Answer, Opening, lost, open, receive, sent};
use crate::action::{ActionRecord, ActionState, Outcome};
use crate::actions::ACTIONS;
use crate::actions::recover_passcode::remote_lock;
use crate::actions::set_unlock_token::SET_UNLOCK_TOKEN;
use crate::actions::two_ways::TWO_WAYS;
use crate::caller::Actor;
use crate::command::{Delivery, Phase, Purpose, Receipt};
use crate::device::Platform;
use crate::id::{ActionId, SecretId};
use crate::model::channel::Glass;
use crate::model::store::{DEVICE, Db, TENANT, enrollment_id};
use crate::ports::View;
use crate::remote_action::RemoteAction;

/// A device of that platform whose first step of that action is out.
fn asked(platform: Platform, action: &'static RemoteAction) -> (Db, Delivery) {
    let mut unit = Db::new(platform);
    let device = unit.device(TENANT, DEVICE).expect("read").expect("a device");
    let way = action.way_of(platform).expect("a way");
    let opening = Opening {
        id: ActionId(Uuid::from_u128(1)),
        action,
        way,
        device: &device,
        enrollment: enrollment_id(1),
        locks: way.opens,
        requested_by: Actor::system(),
        client_request_id: None,
    };
    open(&mut unit, opening, Timestamp::UNIX_EPOCH).expect("opened");
    let queued = unit.next_delivery(enrollment_id(1)).expect("read").expect("a step");
    let receipt = Receipt { message: "one".to_owned(), first: 1 };
    sent(&mut unit, queued, receipt, Timestamp::UNIX_EPOCH).expect("sent");
    let delivery = unit.deliveries[0].clone();
    (unit, delivery)
}

/// A device of that platform that has answered 200 to the first step of that action.
fn answered(platform: Platform, action: &'static RemoteAction) -> Db {
    let (mut unit, delivery) = asked(platform, action);
    let answer = Answer { statuses: vec![Some(200)], value: None, report: None, complete: true };
    let secret = SecretId(Uuid::nil());
    receive(&mut unit, &Glass, delivery, answer, secret, Timestamp::UNIX_EPOCH).expect("received");
    unit
}

fn ended(unit: &Db) -> (ActionState, Option<Outcome>, u32) {
    let ActionRecord { state, outcome, attempt, .. } = unit.actions[0];
    (state, outcome, attempt)
}

#[test]
fn the_first_way_that_knows_the_step_is_the_way_of_none_of_these_actions() {
    let first = ACTIONS.iter().flat_map(|action| action.ways).find(|way| way.steps.contains(&Purpose::Act));
    assert_eq!(first.map(|way| way.platforms), Some(remote_lock::WAY.platforms));
    assert!(TWO_WAYS.ways.iter().all(|way| way.steps == [Purpose::Act]));
}

#[test]
fn an_answer_to_a_shared_step_is_settled_by_the_way_of_the_action_that_waits_for_it() {
    for (platform, state, outcome) in [
        (Platform::Windows, ActionState::Done, Outcome::Acknowledged),
        (Platform::Linux, ActionState::Failed, Outcome::DeviceRefused),
    ] {
        assert_eq!(ended(&answered(platform, &TWO_WAYS)), (state, Some(outcome), 1), "{platform:?}");
    }
    let unit = answered(Platform::Windows, &SET_UNLOCK_TOKEN);
    assert_eq!(ended(&unit), (ActionState::Active, None, 1));
    let next = unit.deliveries.last().map(|delivery| (delivery.purpose, delivery.phase.clone()));
    assert_eq!(next, Some((Purpose::Verify, Phase::Queued)));
}

#[test]
fn a_lost_answer_to_a_shared_step_is_settled_by_the_way_of_the_action_that_waits_for_it() {
    for (platform, expected) in [
        (Platform::Windows, (ActionState::Active, None, 2)),
        (Platform::Linux, (ActionState::NotSupported, Some(Outcome::FeatureAbsent), 1)),
    ] {
        let (mut unit, delivery) = asked(platform, &TWO_WAYS);
        lost(&mut unit, delivery, Timestamp::UNIX_EPOCH).expect("lost");
        assert_eq!(ended(&unit), expected, "{platform:?}");
    }
}
