//! The list of remote actions, Graph's `remoteActionAudits`: which are found, in which order, and by which caller.

use std::sync::Arc;

use chaveiro_core::action::Outcome;
use chaveiro_core::device::ManagedDevice;
use chaveiro_core::engine::close;
use chaveiro_core::ports::Store;
use chaveiro_core::query::{ActionField, Filter, Listing, Order, Test, Value};
use chaveiro_core::scope_tag::Visibility;

use crate::Backend;
use crate::sample::{ask, at, device, device_id, filled, read, tenant_id, uuid, write};

/// Returns a store with actions 1 to 4 in tenant 1, a second apart, and one action in tenant 2.
async fn with_actions(backend: &dyn Backend) -> Arc<dyn Store> {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| {
        unit.update_device(&ManagedDevice { scope_tags: ["lisbon".to_owned()].into(), ..device(1, 11) })?;
        for (number, of) in [(1, 11), (2, 12), (3, 11), (4, 13)] {
            if let Some(open) = unit.open_action(tenant_id(1), device_id(of), "recoverPasscode")? {
                close(unit, open, Outcome::CanceledByCaller, at(number))?;
            }
            _ = ask(unit, 1, of, number, None)?;
        }
        _ = ask(unit, 2, 21, 5, None)?;
        Ok(())
    })
    .await;
    store
}

fn is(field: ActionField, test: Test) -> Filter<ActionField> {
    Filter::Is { field, test, holds: true }
}

fn text(text: &str) -> Test {
    Test::Equal(text.into())
}

/// Returns the numbers of the actions that are found, page by page.
async fn found(store: &Arc<dyn Store>, seen: Visibility, listing: Listing<ActionField>) -> Vec<u64> {
    read(store, move |view| {
        let mut numbers = Vec::new();
        let mut after = None;
        loop {
            let page = Listing { after: after.clone(), limit: 1, ..listing.clone() };
            let page = view.remote_actions(tenant_id(1), &seen, &page)?;
            numbers.extend(page.items.iter().map(|action| {
                assert_eq!(view.action(tenant_id(1), action.id).ok().flatten().as_ref(), Some(action), "as it is kept");
                (1..=5).find(|number| action.id.0 == uuid(5, *number)).unwrap_or(0)
            }));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let all = view.remote_actions(tenant_id(1), &seen, &listing)?.items.len();
        assert_eq!(all, numbers.len(), "pages hold what the list holds");
        assert_eq!(view.count_remote_actions(tenant_id(1), &seen, &listing.filter)?, all as u64);
        Ok(numbers)
    })
    .await
}

pub(crate) async fn remote_actions_are_found_by_what_graph_calls_them(backend: &dyn Backend) {
    let store = with_actions(backend).await;
    let micros = |second: u64| Value::Time(at(second).as_microsecond());
    for (filter, expected) in [
        (Filter::always(), vec![1, 2, 3, 4]),
        (is(ActionField::State, text("canceled")), vec![1]),
        (is(ActionField::State, text("pending")), vec![2, 3, 4]),
        (Filter::Is { field: ActionField::State, test: text("pending"), holds: false }, vec![1]),
        (is(ActionField::Device, text(&device_id(11).to_string())), vec![1, 3]),
        (is(ActionField::Device, text(&device_id(21).to_string())), vec![]),
        (is(ActionField::Device, text("x")), vec![]),
        (is(ActionField::Requested, Test::AtLeast(micros(3))), vec![3, 4]),
        (is(ActionField::Requested, Test::Less(micros(2))), vec![1]),
        (is(ActionField::Requested, Test::Equal(micros(2))), vec![2]),
        (
            Filter::all(vec![
                is(ActionField::Device, text(&device_id(11).to_string())),
                is(ActionField::State, text("pending")),
            ]),
            vec![3],
        ),
    ] {
        let listing = Listing { filter: filter.clone(), ..Listing::first(100) };
        assert_eq!(found(&store, Visibility::All, listing).await, expected, "{filter}");
    }
    for (field, descending, expected) in [
        (ActionField::Requested, true, [4, 3, 2, 1]),
        (ActionField::Device, false, [1, 3, 2, 4]),
        (ActionField::State, true, [4, 3, 2, 1]),
        (ActionField::State, false, [1, 2, 3, 4]),
    ] {
        let listing = Listing { order: vec![Order { field, descending }], ..Listing::first(100) };
        assert_eq!(found(&store, Visibility::All, listing).await, expected, "by {field}");
    }
}

pub(crate) async fn remote_actions_are_seen_with_their_devices(backend: &dyn Backend) {
    let store = with_actions(backend).await;
    let tagged = |tags: &[&str]| Visibility::Tagged(tags.iter().map(|tag| (*tag).to_owned()).collect());
    let all = || Listing::first(100);
    assert_eq!(found(&store, tagged(&["lisbon"]), all()).await, [1, 3]);
    // Devices 12 and 13 have tag 7, and the others their number modulo three.
    assert_eq!(found(&store, tagged(&["7"]), all()).await, [2, 4]);
    assert_eq!(found(&store, tagged(&["lisbon", "0"]), all()).await, [1, 2, 3]);
    assert_eq!(found(&store, tagged(&[]), all()).await, Vec::<u64>::new());
    let of_another = is(ActionField::Device, text(&device_id(12).to_string()));
    assert_eq!(found(&store, tagged(&["lisbon"]), Listing { filter: of_another, ..all() }).await, Vec::<u64>::new());
    // The list reflects the present state of the devices.
    write(&store, |unit| {
        Ok(unit.update_device(&ManagedDevice { scope_tags: ["porto".to_owned()].into(), ..device(1, 11) })?)
    })
    .await;
    assert_eq!(found(&store, tagged(&["lisbon"]), all()).await, Vec::<u64>::new());
    assert_eq!(found(&store, tagged(&["porto"]), all()).await, [1, 3]);
}
