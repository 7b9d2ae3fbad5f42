//! Revocation times.

use std::sync::Arc;

use chaveiro_core::Fault;
use chaveiro_core::Refusal;
use chaveiro_core::caller::Caller;
use chaveiro_core::decisions::revocation::{end_tokens, require_valid};
use chaveiro_core::ports::Store;
use chaveiro_core::principal::{Principal, PrincipalKind};
use chaveiro_core::refusal::RevocationRefusal;
use chaveiro_core::revocation::moment_after;

use crate::Backend;
use crate::sample::{at, caller, filled, read, tenant_id, write};

fn user(name: &str) -> Principal {
    Principal::new(PrincipalKind::User, name)
}

fn application(id: &str) -> Principal {
    Principal::new(PrincipalKind::Application, id)
}

async fn is_valid(store: &Arc<dyn Store>, caller: Caller) -> bool {
    let checked = store.read(move |view| require_valid(view, &caller)).await;
    assert!(
        matches!(checked, Ok(()) | Err(Fault::Refused(Refusal::Revocation(RevocationRefusal::TokenRevoked { .. })))),
        "{checked:?}"
    );
    checked.is_ok()
}

pub(crate) async fn a_moment_is_kept_for_its_principal_in_its_tenant_alone(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let moment = write(&store, |unit| {
        end_tokens(unit, tenant_id(2), &[user("ana")], at(900))?;
        end_tokens(unit, tenant_id(1), &[user("Ana"), user("ana@Example.org")], at(10))?;
        end_tokens(unit, tenant_id(1), &[application("desk")], at(20))
    })
    .await;
    assert_eq!(moment, moment_after(at(20), None));
    for (of, principals, expected) in [
        (1, vec![user("ANA")], Some(moment_after(at(10), None))),
        (1, vec![user("ana@example.org")], Some(moment_after(at(10), None))),
        (1, vec![user("bob"), user("ana"), application("DESK")], Some(moment)),
        (1, vec![application("desk"), user("ana")], Some(moment)),
        (1, vec![application("ana"), user("desk"), Principal::new(PrincipalKind::Group, "ana")], None),
        (1, vec![user("an%"), user("")], None),
        (1, vec![], None),
        (2, vec![user("ana"), application("desk")], Some(moment_after(at(900), None))),
        (3, vec![user("ana"), application("desk")], None),
    ] {
        let asked = principals.clone();
        let found = read(&store, move |view| Ok(view.tokens_valid_from(tenant_id(of), &asked)?)).await;
        assert_eq!(found, expected, "{of}: {principals:?}");
    }
    let store = backend.reopen(store);
    let found = read(&store, |view| Ok(view.tokens_valid_from(tenant_id(1), &[user("ana")])?)).await;
    assert_eq!(found, Some(moment_after(at(10), None)));
}

pub(crate) async fn a_moment_only_ever_moves_on(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let moments = write(&store, |unit| {
        let first = end_tokens(unit, tenant_id(1), &[user("ana")], at(10))?;
        // The same second again, and then a clock that was set back.
        let second = end_tokens(unit, tenant_id(1), &[user("ana"), user("ana@x")], at(10))?;
        let third = end_tokens(unit, tenant_id(1), &[user("ana@x")], at(5))?;
        let kept = unit.tokens_valid_from(tenant_id(1), &[user("ana")])?;
        assert_eq!(kept, Some(second), "the third was not about that name");
        Ok([first, second, third])
    })
    .await;
    assert!(moments.is_sorted() && moments[0] < moments[1] && moments[1] < moments[2], "{moments:?}");
}

pub(crate) async fn a_token_that_carries_the_moment_of_its_application_ends_with_its_person(backend: &dyn Backend) {
    // The reverse holds too. Principals of the same kind do not affect one another.
    for [first, second, third] in
        [[application("desk"), user("ana"), user("bob")], [user("ana"), application("desk"), application("other")]]
    {
        let store = filled(backend.fresh()).await;
        let moments = write(&store, move |unit| {
            end_tokens(unit, tenant_id(2), &[user("far"), application("far")], at(900))?;
            let [first, second, third] = [&first, &second, &third].map(|one| [one.clone()]);
            let moments = [
                end_tokens(unit, tenant_id(1), &first, at(10))?,
                end_tokens(unit, tenant_id(1), &second, at(10))?,
                end_tokens(unit, tenant_id(1), &third, at(10))?,
            ];
            for kind in [first[0].kind, second[0].kind] {
                assert!(unit.last_valid_from(tenant_id(1), kind)?.is_some_and(|last| last <= moments[1]), "{kind:?}");
            }
            assert_eq!(unit.last_valid_from(tenant_id(1), PrincipalKind::Group)?, None);
            Ok(moments)
        })
        .await;
        assert!(moments[0] < moments[1] && moments[1] == moments[2], "{moments:?}");
    }
}

pub(crate) async fn a_token_is_refused_by_its_person_or_its_application_and_by_nothing_else(backend: &dyn Backend) {
    let of_token = |issued: Option<u64>| {
        let mut caller = caller(1, "desk");
        caller.actor.user_id = Some("Ana".to_owned());
        caller.actor.user_principal_name = Some("ana@x".to_owned());
        caller.issued = issued.map(at);
        caller
    };
    for principal in [user("ana"), user("ana@x"), application("desk")] {
        let store = filled(backend.fresh()).await;
        assert!(is_valid(&store, of_token(None)).await, "nothing was ever revoked");
        write(&store, move |unit| end_tokens(unit, tenant_id(1), std::slice::from_ref(&principal), at(10))).await;
        for (issued, valid) in [(Some(9), false), (Some(11), false), (None, false), (Some(12), true)] {
            assert_eq!(is_valid(&store, of_token(issued)).await, valid, "{issued:?}");
        }
        let mut foreign = of_token(Some(9));
        foreign.tenant = tenant_id(2);
        assert!(is_valid(&store, foreign).await, "another tenant");
    }
    let store = filled(backend.fresh()).await;
    let others = [user("desk"), application("ana"), user("bob"), application("other")];
    write(&store, move |unit| end_tokens(unit, tenant_id(1), &others, at(10))).await;
    assert!(is_valid(&store, of_token(Some(9))).await);
}
