//! A wrong clock destroys nothing and ends nothing.

use std::time::Duration;

use chaveiro_core::Timestamp;
use chaveiro_core::action::ActionState;
use chaveiro_core::decisions::ask::Begun;
use chaveiro_core::decisions::disclose_passcode::shred;
use chaveiro_core::engine::expire;
use chaveiro_core::hold::HoldRule;
use chaveiro_core::ports::Decided::Done;
use chaveiro_core::steady::{Ripeness, Running};

use crate::Backend;
use crate::linux::{DAY, held, opens, recover, settle_finish};
use crate::sample::{ask, at, filled, read, tenant_id, uuid, with_linux, write};

/// Returns a ripeness with a grace period of a day.
fn ripeness(now: Timestamp, total_s: u64, jumped_s: u64) -> Ripeness {
    let running = Running { total_s, jumped_s, seen: None };
    Ripeness { now, running, grace: Duration::from_secs(DAY) }
}

/// Returns a store with one unread passcode and one action that waits for its device.
async fn with_much_to_lose(backend: &dyn Backend) -> std::sync::Arc<dyn chaveiro_core::ports::Store> {
    let store = with_linux(backend.fresh()).await;
    _ = write(&store, |unit| {
        _ = ask(unit, 1, 14, 1, None)?;
        recover(unit, 14, 1, &opens(true, &[]))?;
        settle_finish(unit, 14, 3)?;
        ask(unit, 1, 11, 5, None)
    })
    .await;
    store
}

async fn tick(store: &std::sync::Arc<dyn chaveiro_core::ports::Store>, ripeness: Ripeness) -> (usize, usize) {
    write(store, move |unit| Ok((shred(unit, &ripeness, 10)?, expire(unit, &ripeness, 10)?))).await
}

pub(crate) async fn a_jump_of_the_clock_destroys_no_passcode_and_ends_no_action(backend: &dyn Backend) {
    let store = with_much_to_lose(backend).await;
    // The clock is 43 days ahead for almost a day, right again, then ahead again; the server runs on throughout.
    for (second, total_s, jumped_s) in [
        (43 * DAY, 100, 100),
        (43 * DAY, 100 + DAY - 1, 100),
        (60, 100 + DAY, 100 + DAY),
        (43 * DAY, 300 + DAY, 300 + DAY),
        (43 * DAY, 2 * DAY, 300 + DAY),
        (120, 3 * DAY, 3 * DAY),
        // The clock is ahead without a noticed jump: marks from before it was right do not count.
        (43 * DAY, 5 * DAY, 3 * DAY),
    ] {
        assert_eq!(tick(&store, ripeness(at(second), total_s, jumped_s)).await, (0, 0), "{second} {total_s}");
    }
    let (_, secrets) = held(&store, 1).await;
    assert!(secrets[0].envelope.is_some());
    let waiting = read(&store, |view| Ok(view.action(tenant_id(1), chaveiro_core::id::ActionId(uuid(5, 5)))?)).await;
    assert_eq!(waiting.map(|action| action.state), Some(ActionState::Pending));
}

pub(crate) async fn what_is_over_goes_after_a_grace_of_steady_running(backend: &dyn Backend) {
    let store = with_much_to_lose(backend).await;
    let first = ripeness(at(43 * DAY), 1000, 0);
    assert!(read(&store, move |view| Ok(view.has_marks_to_set(&first)?)).await);
    assert_eq!(tick(&store, first).await, (0, 0));
    let waits = ripeness(at(44 * DAY - 1), 1000 + DAY - 1, 0);
    assert!(!read(&store, move |view| Ok(view.has_marks_to_set(&waits)?)).await, "marked, and not ripe");
    assert_eq!(tick(&store, waits).await, (0, 0));
    // The marks survive the server.
    let store = backend.reopen(store);
    assert_eq!(tick(&store, ripeness(at(44 * DAY), 1000 + DAY, 0)).await, (1, 1));
    assert_eq!(tick(&store, ripeness(at(44 * DAY), 1000 + DAY, 0)).await, (0, 0));
}

pub(crate) async fn an_open_action_comes_with_its_mark(backend: &dyn Backend) {
    let store = with_much_to_lose(backend).await;
    let marks = || {
        read(&store, |view| {
            let open = view.open_actions_before(at(43 * DAY), 0, 10)?.into_iter();
            Ok(open.map(|(action, mark)| (action.id, mark)).collect::<Vec<_>>())
        })
    };
    let action = chaveiro_core::id::ActionId(uuid(5, 5));
    assert_eq!(marks().await, [(action, None)]);
    tick(&store, ripeness(at(43 * DAY), 1000, 0)).await;
    assert_eq!(marks().await, [(action, Some(1000))]);
    tick(&store, ripeness(at(60), 1000 + DAY, 0)).await;
    assert_eq!(marks().await, [(action, None)], "the clock was ahead");
}

pub(crate) async fn recoveries_of_a_clock_that_was_ahead_place_no_hold(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let begun = write(&store, |unit| {
        if let Some(mut tenant) = unit.tenant(tenant_id(1))? {
            tenant.settings.hold = HoldRule { recoveries: 1, ..tenant.settings.hold };
            unit.update_tenant(&tenant)?;
        }
        _ = ask(unit, 1, 11, 43 * DAY, None)?;
        ask(unit, 1, 12, 100, None)
    })
    .await;
    assert!(matches!(begun, Done(Begun::Opened(_))), "{begun:?}");
}
