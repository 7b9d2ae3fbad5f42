//! The walks.

use std::marker::PhantomData;
use std::time::Instant;

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use super::promises::{
    ACKNOWLEDGED_IS_HELD, ACTION_IS_DONE, DEVICE_IS_KEPT, DONE_IS_PROVEN, DONE_OPENS, LOCK_IS_REMOVED,
    OUTCOME_IS_UNKNOWN, PASSCODE_IS_SHOWN, RECORDED_FIRST, REENROLLED_CHANGED, SECOND_ATTEMPT_IS_DONE, SECOND_IS_DONE,
    SECRET_IS_LACKING, SECRET_IS_REVEALED, SENT_IS_SEALED, STORED_FIRST, UNCHANGED_IS_UNCHANGED,
};
use super::remote_lock::Windows;
use super::seal_first::Linux;
use super::server_makes::Taker;
use super::{Budget, Check, Device, Server};
use crate::actions::clear_unlock_token::CLEAR_UNLOCK_TOKEN;
use crate::actions::planted::Fault;
use crate::actions::read_unlock_token::READ_UNLOCK_TOKEN;
use crate::actions::recover_passcode::RECOVER_PASSCODE;
use crate::actions::set_unlock_token::SET_UNLOCK_TOKEN;
use crate::remote_action::RemoteAction;

/// The actions that callers ask for.
type Asked = &'static [&'static RemoteAction];

/// The action of a device that makes its passcode.
const RECOVER: Asked = &[&RECOVER_PASSCODE];
/// The action by which the server makes a secret.
const SET: Asked = &[&SET_UNLOCK_TOKEN];
/// The action by which the server makes a secret, and the actions that use the secret.
const USE: Asked = &[&SET_UNLOCK_TOKEN, &CLEAR_UNLOCK_TOKEN, &READ_UNLOCK_TOKEN];

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

/// Two recoveries of which any three things go wrong: a walk on demand.
const DEEP: Budget = Budget { troubles: 3, ..TROUBLED };
/// Two recoveries of a device that enrols again or stays away: a walk on demand.
const WIDE: Budget = Budget { enrollments: 2, expiries: 1, ..TROUBLED };

/// Three actions while one thing goes wrong: one brings a secret, another uses it, a third runs beside them.
const MIXED: Budget = Budget { asks: 3, losses: 1, troubles: 1, ..TROUBLED };
/// [`MIXED`] with a device that enrols again or stays away: a walk on demand.
const MIXED_LEAVING: Budget = Budget { enrollments: 1, expiries: 1, ..MIXED };

fn check<D: Device>(actions: Asked, bounds: Budget, planted: Option<Fault>, server: Server) -> Check<D> {
    Check { actions, bounds, planted, server, device: PhantomData }
}

/// Walks every order within the bounds. Every promise must hold, and each of these states must be reached.
fn walk<D: Device>(actions: Asked, bounds: Budget, reached: &[&str]) {
    let begun = Instant::now();
    let checker = check::<D>(actions, bounds, None, Server::Sound).checker().threads(2);
    let checker = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let (states, steps, depth) = (checker.unique_state_count(), checker.state_count(), checker.max_depth());
    let device = std::any::type_name::<D>();
    println!("{device}: {states} states, {steps} steps, depth {depth}, {:.1?}", begun.elapsed());
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
fn is_found<D: Device>(actions: Asked, bounds: Budget, planted: Option<Fault>, server: Server, promise: &'static str) {
    let checker = check::<D>(actions, bounds, planted, server).checker().threads(2);
    let checker = checker.finish_when(HasDiscoveries::AnyOf([promise].into())).spawn_bfs().join();
    assert!(
        checker.discoveries().contains_key(promise),
        "{planted:?}, {server:?}: {promise} is not found to be broken"
    );
}

#[test]
fn a_device_that_makes_its_pin_keeps_every_promise_whatever_goes_wrong() {
    walk::<Windows>(RECOVER, TROUBLED, &[ACTION_IS_DONE, SECOND_IS_DONE, SECOND_ATTEMPT_IS_DONE, OUTCOME_IS_UNKNOWN]);
}

#[test]
fn a_device_that_makes_its_pin_keeps_every_promise_when_it_enrolls_again_or_stays_away() {
    walk::<Windows>(RECOVER, LEAVING, &[ACTION_IS_DONE, OUTCOME_IS_UNKNOWN, REENROLLED_CHANGED]);
}

#[test]
fn a_device_that_seals_first_keeps_every_promise_whatever_goes_wrong() {
    walk::<Linux>(RECOVER, TROUBLED, &[ACTION_IS_DONE, SECOND_IS_DONE, SECOND_ATTEMPT_IS_DONE]);
}

#[test]
fn a_device_that_seals_first_keeps_every_promise_when_it_enrolls_again_or_stays_away() {
    walk::<Linux>(RECOVER, LEAVING, &[ACTION_IS_DONE, OUTCOME_IS_UNKNOWN, REENROLLED_CHANGED]);
}

#[test]
fn a_secret_that_the_server_makes_keeps_every_promise_whatever_goes_wrong() {
    walk::<Taker>(SET, TROUBLED, &[ACTION_IS_DONE, SECOND_IS_DONE, SECOND_ATTEMPT_IS_DONE, OUTCOME_IS_UNKNOWN]);
}

#[test]
fn a_secret_that_the_server_makes_keeps_every_promise_when_its_device_enrolls_again_or_stays_away() {
    walk::<Taker>(SET, LEAVING, &[ACTION_IS_DONE, OUTCOME_IS_UNKNOWN, REENROLLED_CHANGED]);
}

#[test]
fn what_is_removed_or_revealed_keeps_every_promise_beside_a_secret_that_the_server_makes() {
    walk::<Taker>(USE, MIXED, &[SECOND_IS_DONE, LOCK_IS_REMOVED, SECRET_IS_REVEALED, SECRET_IS_LACKING]);
}

#[test]
fn what_callers_are_answered_and_shown_outlives_every_crash() {
    walk::<Windows>(RECOVER, ASKED, &[ACTION_IS_DONE, SECOND_IS_DONE, PASSCODE_IS_SHOWN]);
    walk::<Taker>(SET, ASKED, &[ACTION_IS_DONE, SECOND_IS_DONE]);
}

#[test]
fn a_lost_answer_that_is_taken_for_a_refusal_is_found() {
    is_found::<Windows>(RECOVER, TROUBLED, Some(Fault::SilenceIsRefusal), Server::Sound, UNCHANGED_IS_UNCHANGED);
}

#[test]
fn a_candidate_that_is_the_result_before_it_is_applied_is_found() {
    is_found::<Linux>(RECOVER, TROUBLED, Some(Fault::DoneBeforeApplied), Server::Sound, DONE_OPENS);
}

#[test]
fn an_action_that_expires_while_its_device_may_have_changed_is_found() {
    is_found::<Linux>(RECOVER, LEAVING, Some(Fault::ExpiresAnyway), Server::Sound, DEVICE_IS_KEPT);
}

#[test]
fn a_word_that_is_taken_for_a_proof_is_found() {
    is_found::<Taker>(SET, TROUBLED, Some(Fault::WordIsProof), Server::Sound, DONE_IS_PROVEN);
}

#[test]
fn a_lost_answer_that_is_taken_for_a_refusal_is_found_where_the_server_makes_the_secret() {
    is_found::<Taker>(SET, TROUBLED, Some(Fault::SilenceIsRefusal), Server::Sound, UNCHANGED_IS_UNCHANGED);
}

#[test]
fn a_secret_that_is_retained_too_short_is_found() {
    is_found::<Taker>(SET, TROUBLED, Some(Fault::RetainedTooShort), Server::Sound, DEVICE_IS_KEPT);
}

#[test]
fn a_result_that_replaces_what_a_device_is_about_to_have_is_found() {
    is_found::<Taker>(USE, MIXED, Some(Fault::ReplacesOpenOnes), Server::Sound, DEVICE_IS_KEPT);
}

#[test]
fn a_server_that_answers_before_it_commits_is_found() {
    for promise in [STORED_FIRST, RECORDED_FIRST] {
        is_found::<Windows>(RECOVER, ASKED, None, Server::AnswersEarly, promise);
    }
    is_found::<Windows>(RECOVER, TROUBLED, None, Server::AnswersEarly, ACKNOWLEDGED_IS_HELD);
    is_found::<Taker>(SET, TROUBLED, None, Server::AnswersEarly, SENT_IS_SEALED);
}

#[test]
fn a_channel_that_gives_two_messages_one_name_is_found() {
    is_found::<Windows>(RECOVER, TROUBLED, None, Server::RepeatsNames, DONE_OPENS);
}

#[test]
#[ignore = "an optimised build is wanted: `cargo xtask model`"]
fn a_device_that_makes_its_pin_keeps_every_promise_in_the_long_walks() {
    walk::<Windows>(RECOVER, DEEP, &[ACTION_IS_DONE, SECOND_IS_DONE, SECOND_ATTEMPT_IS_DONE, OUTCOME_IS_UNKNOWN]);
    walk::<Windows>(RECOVER, WIDE, &[ACTION_IS_DONE, SECOND_IS_DONE, OUTCOME_IS_UNKNOWN, REENROLLED_CHANGED]);
}

#[test]
#[ignore = "an optimised build is wanted: `cargo xtask model`"]
fn a_device_that_seals_first_keeps_every_promise_in_the_long_walks() {
    walk::<Linux>(RECOVER, DEEP, &[ACTION_IS_DONE, SECOND_IS_DONE, SECOND_ATTEMPT_IS_DONE]);
    walk::<Linux>(RECOVER, WIDE, &[ACTION_IS_DONE, SECOND_IS_DONE, OUTCOME_IS_UNKNOWN, REENROLLED_CHANGED]);
}

#[test]
#[ignore = "an optimised build is wanted: `cargo xtask model`"]
fn a_secret_that_the_server_makes_keeps_every_promise_in_the_long_walks() {
    walk::<Taker>(SET, DEEP, &[ACTION_IS_DONE, SECOND_IS_DONE, SECOND_ATTEMPT_IS_DONE, OUTCOME_IS_UNKNOWN]);
    walk::<Taker>(SET, WIDE, &[ACTION_IS_DONE, SECOND_IS_DONE, OUTCOME_IS_UNKNOWN, REENROLLED_CHANGED]);
    walk::<Taker>(USE, TROUBLED, &[SECOND_IS_DONE, LOCK_IS_REMOVED, SECRET_IS_REVEALED, SECRET_IS_LACKING]);
    walk::<Taker>(USE, MIXED_LEAVING, &[SECOND_IS_DONE, LOCK_IS_REMOVED, SECRET_IS_REVEALED, REENROLLED_CHANGED]);
}
