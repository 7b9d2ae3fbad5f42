//! The walks.

use std::marker::PhantomData;
use std::time::Instant;

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use super::promises::{
    ACKNOWLEDGED_IS_HELD, ACTION_IS_DONE, DEVICE_IS_KEPT, DONE_OPENS, OUTCOME_IS_UNKNOWN, PASSCODE_IS_SHOWN,
    RECORDED_FIRST, REENROLLED_CHANGED, SECOND_ATTEMPT_IS_DONE, SECOND_IS_DONE, STORED_FIRST, UNCHANGED_IS_UNCHANGED,
};
use super::remote_lock::Windows;
use super::seal_first::Linux;
use super::{Budget, Check, Device, Server};
use crate::actions::planted::Fault;

/// Two recoveries of which any two things go wrong.
const TROUBLED: Budget = Budget {
    asks: 2,
    repeats: 0,
    reads: 0,
    losses: 2,
    delays: 1,
    copies: 1,
    crashes: 1,
    outages: 1,
    moods: 1,
    enrollments: 0,
    expiries: 0,
    troubles: 2,
};

/// A recovery of a device that enrols again, twice, or stays away until it expires, while any two things go wrong.
const LEAVING: Budget = Budget { asks: 1, enrollments: 2, expiries: 1, ..TROUBLED };

/// Callers who ask, repeat and read while the server crashes, twice.
const ASKED: Budget =
    Budget { repeats: 1, reads: 2, crashes: 2, losses: 0, delays: 0, copies: 0, outages: 0, moods: 0, ..TROUBLED };

/// The same with any three, and what a device that leaves does with two recoveries: walks on demand.
const DEEP: Budget = Budget { troubles: 3, ..TROUBLED };
const WIDE: Budget = Budget { enrollments: 2, expiries: 1, ..TROUBLED };

fn check<D: Device>(bounds: Budget, planted: Option<Fault>, server: Server) -> Check<D> {
    Check { bounds, planted, server, device: PhantomData }
}

/// Walks everything within the bounds: every promise holds, and each of these is reached.
fn walk<D: Device>(bounds: Budget, reached: &[&str]) {
    let begun = Instant::now();
    let checker = check::<D>(bounds, None, Server::Sound).checker().threads(2).finish_when(HasDiscoveries::AnyFailures);
    let checker = checker.spawn_bfs().join();
    let (states, steps, depth) = (checker.unique_state_count(), checker.state_count(), checker.max_depth());
    println!("{:?}: {states} states, {steps} steps, depth {depth}, {:.1?}", D::PLATFORM, begun.elapsed());
    let mut found = checker.discoveries();
    for property in checker.model().properties() {
        if property.expectation == Expectation::Sometimes {
            continue;
        }
        if let Some(path) = found.remove(property.name) {
            let world = path.last_state().clone();
            let steps: Vec<_> = path.into_actions().iter().map(|step| format!("{step:?}")).collect();
            panic!("{} is broken by\n{}\n{world:?}", property.name, steps.join("\n"));
        }
    }
    for name in reached {
        assert!(found.contains_key(name), "{name} was not reached");
    }
}

/// Requires that the checker finds that this promise is broken.
fn is_found<D: Device>(bounds: Budget, planted: Option<Fault>, server: Server, promise: &'static str) {
    let checker = check::<D>(bounds, planted, server).checker().threads(2);
    let checker = checker.finish_when(HasDiscoveries::AnyOf([promise].into())).spawn_bfs().join();
    assert!(
        checker.discoveries().contains_key(promise),
        "{planted:?}, {server:?}: {promise} is not found to be broken"
    );
}

#[test]
fn a_device_that_makes_its_pin_keeps_every_promise_whatever_goes_wrong() {
    walk::<Windows>(TROUBLED, &[ACTION_IS_DONE, SECOND_IS_DONE, SECOND_ATTEMPT_IS_DONE, OUTCOME_IS_UNKNOWN]);
}

#[test]
fn a_device_that_makes_its_pin_keeps_every_promise_when_it_enrolls_again_or_stays_away() {
    walk::<Windows>(LEAVING, &[ACTION_IS_DONE, OUTCOME_IS_UNKNOWN, REENROLLED_CHANGED]);
}

#[test]
fn a_device_that_seals_first_keeps_every_promise_whatever_goes_wrong() {
    walk::<Linux>(TROUBLED, &[ACTION_IS_DONE, SECOND_IS_DONE, SECOND_ATTEMPT_IS_DONE]);
}

#[test]
fn a_device_that_seals_first_keeps_every_promise_when_it_enrolls_again_or_stays_away() {
    walk::<Linux>(LEAVING, &[ACTION_IS_DONE, OUTCOME_IS_UNKNOWN, REENROLLED_CHANGED]);
}

#[test]
fn what_callers_are_answered_and_shown_outlives_every_crash() {
    walk::<Windows>(ASKED, &[ACTION_IS_DONE, SECOND_IS_DONE, PASSCODE_IS_SHOWN]);
}

#[test]
fn a_lost_answer_that_is_taken_for_a_refusal_is_found() {
    is_found::<Windows>(TROUBLED, Some(Fault::SilenceIsRefusal), Server::Sound, UNCHANGED_IS_UNCHANGED);
}

#[test]
fn a_candidate_that_is_the_result_before_it_is_applied_is_found() {
    is_found::<Linux>(TROUBLED, Some(Fault::DoneBeforeApplied), Server::Sound, DONE_OPENS);
}

#[test]
fn an_action_that_expires_while_its_device_may_have_changed_is_found() {
    is_found::<Linux>(LEAVING, Some(Fault::ExpiresAnyway), Server::Sound, DEVICE_IS_KEPT);
}

#[test]
fn a_server_that_answers_before_it_commits_is_found() {
    for promise in [STORED_FIRST, RECORDED_FIRST] {
        is_found::<Windows>(ASKED, None, Server::AnswersEarly, promise);
    }
    is_found::<Windows>(TROUBLED, None, Server::AnswersEarly, ACKNOWLEDGED_IS_HELD);
}

#[test]
fn a_channel_that_gives_two_messages_one_name_is_found() {
    is_found::<Windows>(TROUBLED, None, Server::RepeatsNames, DONE_OPENS);
}

#[test]
#[ignore = "an optimised build is wanted: `cargo xtask model`"]
fn a_device_that_makes_its_pin_keeps_every_promise_in_the_long_walks() {
    walk::<Windows>(DEEP, &[ACTION_IS_DONE, SECOND_IS_DONE, SECOND_ATTEMPT_IS_DONE, OUTCOME_IS_UNKNOWN]);
    walk::<Windows>(WIDE, &[ACTION_IS_DONE, SECOND_IS_DONE, OUTCOME_IS_UNKNOWN, REENROLLED_CHANGED]);
}

#[test]
#[ignore = "an optimised build is wanted: `cargo xtask model`"]
fn a_device_that_seals_first_keeps_every_promise_in_the_long_walks() {
    walk::<Linux>(DEEP, &[ACTION_IS_DONE, SECOND_IS_DONE, SECOND_ATTEMPT_IS_DONE]);
    walk::<Linux>(WIDE, &[ACTION_IS_DONE, SECOND_IS_DONE, OUTCOME_IS_UNKNOWN, REENROLLED_CHANGED]);
}
