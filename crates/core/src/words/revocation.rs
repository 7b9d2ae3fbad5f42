//! Revocation: access tokens that end before their expiry.
//!
//! A token proves itself and cannot be recalled. But the server reads the store anyway when it verifies one, and finds
//! the revocation times of that person and that application. A token issued earlier is refused, whether the local
//! issuer or another issued it (`docs/adr/0013-tokens-end-by-a-moment.md`).
//!
//! Tokens state their issue time in whole seconds, and an issuer sees a revocation when it is stored, not when it is
//! decided. So the revocation time is the second after the next. A token minted once the revocation is stored carries
//! that time as its issue time:
//!
//! ```text
//!  ..T.0......T.8......T+1.0......T+1.1......T+1.2......T+2.0..
//!    old       decided  old        stored     new
//!    iat T     time     iat T+1               iat T+2          refused: iat < T+2
//!              T+2
//! ```
//!
//! A token minted after a revocation carries the revocation time itself, so the next revocation needs a later one. A
//! token of a person through an application carries the later of two such times. So each kind of principal needs a time
//! after every one of the other. That must have an end: a token issued too far in the future is refused
//! ([`MOST_AHEAD_S`]).

use jiff::Timestamp;

use crate::caller::{Actor, ActorKind, Caller, OPERATOR_CLIENT};
use crate::id::ApplicationId;
use crate::principal::{Principal, PrincipalKind};
use crate::resource::Resource;

/// Most seconds by which a revocation time may lie ahead of the clock. Verifiers refuse tokens issued a minute ahead.
/// Tokens of other issuers are refused until the revocation time has come, so repeated revocations would lock every
/// user out.
pub const MOST_AHEAD_S: i64 = 10;

/// Returns the revocation time of a revocation at `now`, in whole seconds. It is later than the issue time of every
/// token issued until then, including those that carry the time of the `previous` revocation. It is also later than the
/// next second, in which a token may be minted before the revocation is stored.
pub fn moment_after(now: Timestamp, previous: Option<Timestamp>) -> Timestamp {
    let next = now.as_second().saturating_add(1);
    let last = previous.map_or(next, |previous| previous.as_second().max(next));
    Timestamp::from_second(last.saturating_add(1)).unwrap_or(Timestamp::MAX)
}

/// Returns the `iat` of a token minted now: `now`, but never before `valid_from`.
pub fn issued_at(now: Timestamp, valid_from: Option<Timestamp>) -> Timestamp {
    valid_from.map_or(now, |valid_from| valid_from.max(now))
}

/// Returns the principals by which a token of that actor can be revoked: its application, and the person by every name
/// in the token. An operator's name belongs to the host, and is no principal of the tenant.
pub fn of_actor(actor: &Actor) -> Vec<Principal> {
    let application = Principal::new(PrincipalKind::Application, &actor.application_id);
    match actor.kind {
        ActorKind::Operator => vec![application],
        ActorKind::Delegated | ActorKind::Application | ActorKind::Device | ActorKind::System => {
            Principal::of_person(actor).chain([application]).collect()
        }
    }
}

/// Returns the identifiers that prove that callers act on their own account (self-service). These are the object id,
/// and the principal name if the local issuer states it. Other issuers may let people choose it.
pub fn of_oneself(caller: &Caller) -> Vec<Principal> {
    let actor = &caller.actor;
    let names = [actor.user_id.as_deref(), actor.user_principal_name.as_deref().filter(|_| caller.local)];
    names.into_iter().flatten().map(|name| Principal::new(PrincipalKind::User, name)).collect()
}

/// Returns the names of a user: the object id of the local issuer, and the principal name that other issuers use.
pub fn of_user(user: &Resource) -> Vec<Principal> {
    let names = [Some(user.id.to_string()), user.alternate_key.clone()];
    names.into_iter().flatten().map(|name| Principal::new(PrincipalKind::User, &name)).collect()
}

/// Returns an application of the local issuer.
pub fn of_application(id: ApplicationId) -> Principal {
    Principal::new(PrincipalKind::Application, &id.to_string())
}

/// Returns the principal for all tokens that were minted on the host.
pub fn of_operators() -> Principal {
    Principal::new(PrincipalKind::Application, OPERATOR_CLIENT)
}

/// Returns the principal for all tokens of a tenant, from any issuer. Stores apply its revocation time to every other
/// principal.
pub fn of_everyone() -> Principal {
    Principal::new(PrincipalKind::Application, "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).expect("a time")
    }

    /// Returns the issue time of a token minted at that time.
    fn minted(now: Timestamp, valid_from: Option<Timestamp>) -> Timestamp {
        Timestamp::from_second(issued_at(now, valid_from).as_second()).expect("a time")
    }

    #[test]
    fn within_one_second_old_tokens_end_and_new_ones_count() {
        for revoked in [0, 1, 400, 999] {
            let moment = moment_after(at(revoked), None);
            assert!(minted(at(0), None) < moment, "an old token of that second, revoked at {revoked}");
            for new in [revoked, 999, 1000, 5000] {
                assert!(minted(at(new), Some(moment)) >= moment, "revoked at {revoked}, minted at {new}");
            }
        }
    }

    #[test]
    fn a_token_that_is_minted_while_the_revocation_is_being_kept_ends_with_it() {
        for previous in [None, Some(at(-60_000)), Some(at(1000)), Some(at(2000)), Some(at(5000))] {
            // Decided in the last instant of a second, stored in the next.
            let moment = moment_after(at(999), previous);
            for between in [999, 1000, 1500, 1999] {
                assert!(minted(at(between), previous) < moment, "{previous:?}, minted at {between}");
            }
        }
    }

    #[test]
    fn a_token_that_was_minted_after_a_revocation_ends_with_the_next_of_the_same_second() {
        let mut valid_from = None;
        for revoked in [400, 500, 600] {
            let before = minted(at(revoked), valid_from);
            let next = moment_after(at(revoked), valid_from);
            assert!(before < next && minted(at(revoked), Some(next)) >= next, "{revoked}");
            valid_from = Some(next);
        }
        assert_eq!(valid_from, Some(at(4000)));
        assert_eq!(moment_after(at(60_000), valid_from), at(62_000), "what is long ago costs nothing");
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_bring_old_tokens_back() {
        let first = moment_after(at(60_000), None);
        let second = moment_after(at(0), Some(first));
        assert!(second > first, "a token that was minted at 60 s in between carries that second");
    }
}
