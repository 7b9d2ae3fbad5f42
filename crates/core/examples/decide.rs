//! Asks the policy of `recoverPasscode` for its decisions, without a store or a device:
//! `cargo run -p chaveiro-core --example decide`.
//!
//! A policy is data and pure functions: the engine calls them with what it read, and carries out what they answer.

use chaveiro_core::Timestamp;
use chaveiro_core::action::{ActionRecord, ActionState, Outcome};
use chaveiro_core::actions::recover_passcode::RECOVER_PASSCODE;
use chaveiro_core::caller::Actor;
use chaveiro_core::command::Purpose;
use chaveiro_core::device::Platform;
use chaveiro_core::id::{ActionId, DeviceId, TenantId};
use chaveiro_core::remote_action::{Evidence, Held, OnLoss, Settlement};
use uuid::Uuid;

fn main() {
    let way = RECOVER_PASSCODE.way_of(Platform::Windows).expect("Windows has a way");
    let of = (TenantId(Uuid::nil()), DeviceId(Uuid::nil()));
    let (id, now) = (ActionId(Uuid::nil()), Timestamp::UNIX_EPOCH);
    let action = ActionRecord::pending(id, of, RECOVER_PASSCODE.name, Actor::system(), now);
    let first = (way.first)(&action);
    println!("first: {:?}", first.commands);

    // The device did both commands, and its PIN is in escrow; it refuses; it says nothing yet.
    let answered = |statuses, value, complete| {
        let evidence = Evidence { attempt: 1, statuses, value, envelope: None, report: None, complete };
        (way.settle)(first.purpose, evidence)
    };
    let ended = |settlement| match settlement {
        Some(Settlement::Ended(ending)) => (ending.state, ending.outcome),
        other => panic!("not an end: {other:?}"),
    };
    let done = ended(answered(&[Some(200), Some(200)], Held::Certain, true));
    assert_eq!(done, (ActionState::Done, Outcome::Replaced));
    let refused = ended(answered(&[Some(403), Some(404)], Held::Nothing, true));
    assert_eq!(refused, (ActionState::Failed, Outcome::DeviceRefused));
    assert_eq!(answered(&[Some(200), Some(200)], Held::Nothing, false), None, "the value may still come");
    println!("answered: {done:?}, or {refused:?}");

    // The answer was lost: the device may still hold the PIN that it made, so it is asked for that first.
    let OnLoss::Next(probe) = (way.lost)(first.purpose, Held::Nothing) else { panic!("a step follows") };
    assert_eq!(probe.purpose, Purpose::Probe);
    println!("lost: {:?}", probe.commands);
}
