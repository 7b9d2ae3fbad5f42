//! Access tokens that end before their hour.
//!
//! A token proves itself; nobody can take it back. But whoever is shown one reads the store anyway, and finds there since
//! when tokens of that person and of that application count. What was issued before is refused, whoever issued it: the
//! local issuer or another (`docs/adr/0013-tokens-end-by-a-moment.md`).
//!
//! Tokens say in whole seconds when they were issued, and whoever mints one sees a revocation when it is kept, not when it
//! is decided. So the moment is the second after the next, and a token that is minted when the revocation is kept says that
//! it was issued then:
//!
//! ```text
//!  ..T.0......T.8......T+1.0......T+1.1......T+1.2......T+2.0..
//!    old       decided  old        kept       new
//!    iat T     moment   iat T+1               iat T+2          refused: iat < T+2
//!              T+2
//! ```
//!
//! A token that was minted since carries the moment itself, so the next revocation needs a later one; and a token of a person
//! through an application carries the later of two moments, so that each kind of principal needs a moment after every one of
//! the other. That cannot go on for ever: a token from a future that is too far off is refused ([`MOST_AHEAD_S`]).

use jiff::Timestamp;

use crate::caller::{Actor, ActorKind, Caller, OPERATOR_CLIENT};
use crate::id::ApplicationId;
use crate::principal::{Principal, PrincipalKind};
use crate::resource::Resource;

/// How many seconds ahead of the clock a revocation may put the moment. Verifiers refuse what was issued a minute ahead, and
/// other issuers' tokens are refused until the moment has come: revocation after revocation would lock everybody out.
pub const MOST_AHEAD_S: i64 = 10;

/// Since when tokens count after a revocation at `now`, in whole seconds. Later than every second in which one can have
/// been issued until then, tokens that were minted after the `previous` revocation and carry its moment included. And later
/// than the next second, in which one may still be minted before the revocation is kept.
pub fn moment_after(now: Timestamp, previous: Option<Timestamp>) -> Timestamp {
    let next = now.as_second().saturating_add(1);
    let last = previous.map_or(next, |previous| previous.as_second().max(next));
    Timestamp::from_second(last.saturating_add(1)).unwrap_or(Timestamp::MAX)
}

/// When a token says that it was issued which is minted now, for somebody whose tokens count since `valid_from`.
pub fn issued_at(now: Timestamp, valid_from: Option<Timestamp>) -> Timestamp {
    valid_from.map_or(now, |valid_from| valid_from.max(now))
}

/// The principals by which a token of that actor ends: its application, and the person by every name in the token. The
/// name of an operator is the host's, and no principal of the tenant.
pub fn of_actor(actor: &Actor) -> Vec<Principal> {
    let application = Principal::new(PrincipalKind::Application, &actor.application_id);
    match actor.kind {
        ActorKind::Operator => vec![application],
        ActorKind::Delegated | ActorKind::Application | ActorKind::Device | ActorKind::System => {
            Principal::of_person(actor).chain([application]).collect()
        }
    }
}

/// By what a person is herself for whatever she may do to herself alone: by object id, and by principal name only where the
/// local issuer says it. Others may let people choose it.
pub fn of_oneself(caller: &Caller) -> Vec<Principal> {
    let actor = &caller.actor;
    let names = [actor.user_id.as_deref(), actor.user_principal_name.as_deref().filter(|_| caller.local)];
    names.into_iter().flatten().map(|name| Principal::new(PrincipalKind::User, name)).collect()
}

/// The names of a user: the object id of the local issuer, and the principal name by which other issuers know her.
pub fn of_user(user: &Resource) -> Vec<Principal> {
    let names = [Some(user.id.to_string()), user.alternate_key.clone()];
    names.into_iter().flatten().map(|name| Principal::new(PrincipalKind::User, &name)).collect()
}

/// An application of the local issuer.
pub fn of_application(id: ApplicationId) -> Principal {
    Principal::new(PrincipalKind::Application, &id.to_string())
}

/// Whoever holds a token that was minted on the host.
pub fn of_operators() -> Principal {
    Principal::new(PrincipalKind::Application, OPERATOR_CLIENT)
}

/// Everyone in a tenant, whatever issued the token: stores count the moment of this principal for each other one.
pub fn of_everyone() -> Principal {
    Principal::new(PrincipalKind::Application, "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).expect("a time")
    }

    /// What a token says that is minted at that moment.
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
            // Decided in the last instant of a second, kept in the next.
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
