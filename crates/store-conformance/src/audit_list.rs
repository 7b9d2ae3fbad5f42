//! The list of audit events: which are found, in which order, and by which caller.

use chaveiro_core::Timestamp;
use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::caller::Actor;
use chaveiro_core::device::ManagedDevice;
use chaveiro_core::id::EventId;
use chaveiro_core::ports::{Store, StoreError};
use chaveiro_core::query::{AuditField, Filter, Listing, Order, Test, Value};
use chaveiro_core::scope_tag::Visibility;

use crate::Backend;
use crate::sample::{at, device, device_id, filled, read, tenant_id, write};

/// Times in milliseconds, so that some have a fraction and some have none.
const MOMENTS_MS: [i64; 5] =
    [1_700_000_000_000, 1_700_000_000_500, 1_700_000_001_000, 1_700_000_001_001, 1_700_000_002_000];

async fn with_events(backend: &dyn Backend) -> std::sync::Arc<dyn Store> {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| {
        unit.update_device(&ManagedDevice { scope_tags: ["lisbon".to_owned()].into(), ..device(1, 11) })?;
        let activities = [
            (Activity::TenantChanged, None),
            (Activity::ActionRequested, Some(11)),
            (Activity::ActionRefused, Some(12)),
            (Activity::PasscodeDisclosed, Some(11)),
            (Activity::RoleAssigned, None),
        ];
        for ((activity, number), at) in activities.into_iter().zip(MOMENTS_MS) {
            let at = Timestamp::from_millisecond(at).unwrap_or_default();
            let event = AuditEvent::new(tenant_id(1), at, Actor::system(), activity);
            let event = number.map_or(event.clone(), |number| event.on_device(device_id(number)));
            unit.append_audit(&event)?;
        }
        let foreign = AuditEvent::new(tenant_id(2), Timestamp::UNIX_EPOCH, Actor::system(), Activity::DeviceRetired);
        Ok(unit.append_audit(&foreign.on_device(device_id(11)))?)
    })
    .await;
    store
}

fn is(field: AuditField, test: Test) -> Filter<AuditField> {
    Filter::Is { field, test, holds: true }
}

fn text(text: &str) -> Value {
    text.into()
}

/// Returns the places, from 0, of the events that are found.
async fn found(store: &std::sync::Arc<dyn Store>, seen: Visibility, listing: Listing<AuditField>) -> Vec<usize> {
    read(store, move |view| {
        let all = view.audit_events(tenant_id(1), &Visibility::All, &Listing::first(100))?.items;
        let items = view.audit_events(tenant_id(1), &seen, &listing)?.items;
        assert_eq!(view.count_audit_events(tenant_id(1), &seen, &listing.filter)?, items.len() as u64);
        let place = |event| all.iter().position(|other| other == event).unwrap_or(usize::MAX);
        Ok(items.iter().map(place).collect())
    })
    .await
}

pub(crate) async fn audit_events_are_found_by_what_graph_calls_them(backend: &dyn Backend) {
    let store = with_events(backend).await;
    for (filter, expected) in [
        (Filter::always(), vec![0, 1, 2, 3, 4]),
        (is(AuditField::Category, Test::Equal(text("device"))), vec![1, 2, 3]),
        (is(AuditField::ActivityType, Test::Equal(text("recoverPasscode ManagedDevice"))), vec![1, 2]),
        (is(AuditField::Result, Test::Equal(text("Failure"))), vec![2]),
        (is(AuditField::Operation, Test::StartsWith("ge".to_owned())), vec![3]),
        (is(AuditField::At, Test::AtLeast(Value::Time(MOMENTS_MS[1] * 1000))), vec![1, 2, 3, 4]),
        (is(AuditField::At, Test::Greater(Value::Time(MOMENTS_MS[2] * 1000))), vec![3, 4]),
        (is(AuditField::At, Test::Equal(Value::Time(MOMENTS_MS[3] * 1000))), vec![3]),
    ] {
        let listing = Listing { filter: filter.clone(), ..Listing::first(100) };
        assert_eq!(found(&store, Visibility::All, listing).await, expected, "{filter}");
    }
    let newest = Listing { order: vec![Order { field: AuditField::At, descending: true }], ..Listing::first(100) };
    assert_eq!(found(&store, Visibility::All, newest.clone()).await, [4, 3, 2, 1, 0]);
    let pages = read(&store, move |view| {
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let listing = Listing { after: after.clone(), limit: 2, ..newest.clone() };
            let page = view.audit_events(tenant_id(1), &Visibility::All, &listing)?;
            pages.push(page.items.len());
            after = page.next;
            if after.is_none() {
                return Ok(pages);
            }
        }
    });
    assert_eq!(pages.await, [2, 2, 1]);
}

pub(crate) async fn audit_events_are_seen_with_their_devices(backend: &dyn Backend) {
    let store = with_events(backend).await;
    let lisbon = Visibility::Tagged(["lisbon".to_owned()].into());
    assert_eq!(found(&store, lisbon, Listing::first(100)).await, [1, 3], "not those of the tenant as a whole either");
    assert_eq!(found(&store, Visibility::Tagged([].into()), Listing::first(100)).await, Vec::<usize>::new());
    read(&store, |view| {
        let event = view.audit_events(tenant_id(1), &Visibility::All, &Listing::first(1))?.items.remove(0);
        assert_eq!(view.audit_event(tenant_id(1), event.id)?.as_ref(), Some(&event));
        assert_eq!(view.audit_event(tenant_id(2), event.id)?, None, "another tenant's");
        let guessed = EventId(uuid::Uuid::from_u128(event.id.0.as_u128() + 1));
        assert_eq!(view.audit_event(tenant_id(1), guessed)?, None, "a neighbour cannot be guessed");
        Ok(())
    })
    .await;
}

fn by(application: &str, user: Option<(&str, &str)>) -> Actor {
    Actor {
        application_id: application.to_owned(),
        user_id: user.map(|(id, _)| id.to_owned()),
        user_principal_name: user.map(|(_, name)| name.to_owned()),
        ..Actor::system()
    }
}

pub(crate) async fn audit_events_are_found_by_who_did_it_and_by_their_id(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| {
        let ana = by("desk", Some(("oid-1", "Ana@Contoso.example")));
        let ana = Actor { address: "203.0.113.7".parse().ok(), ..ana };
        let actors = [ana.clone(), by("desk", Some(("oid-2", "bob@contoso.example"))), by("script", None), ana];
        for actor in actors {
            unit.append_audit(&AuditEvent::new(tenant_id(1), at(1), actor, Activity::ActionRequested))?;
        }
        let foreign = by("desk", Some(("oid-1", "ana@contoso.example")));
        Ok(unit.append_audit(&AuditEvent::new(tenant_id(2), at(1), foreign, Activity::ActionRequested))?)
    })
    .await;
    let events = read(&store, |view| {
        let of = |tenant| view.audit_events(tenant_id(tenant), &Visibility::All, &Listing::first(10));
        Ok([of(1)?.items, of(2)?.items].concat())
    });
    let ids: Vec<String> = events.await.iter().map(|event| event.id.to_string()).collect();
    // The order of ids is not the order of events.
    let mut by_id = [0, 1, 2, 3];
    by_id.sort_by_key(|place: &usize| &ids[*place]);
    let sorted = |places: &[usize]| {
        let mut places = places.to_vec();
        places.sort_unstable();
        places
    };
    let equal = |field, value: &str| is(field, Test::Equal(text(value)));
    let none = |field| is(field, Test::Equal(Value::Null));
    let not = |filter: Filter<AuditField>| match filter {
        Filter::Is { field, test, holds } => Filter::Is { field, test, holds: !holds },
        other => other,
    };
    for (filter, expected) in [
        (equal(AuditField::ActorName, "ana@contoso.EXAMPLE"), vec![0, 3]),
        (is(AuditField::ActorName, Test::StartsWith("an".to_owned())), vec![0, 3]),
        (is(AuditField::ActorName, Test::Contains("@contoso".to_owned())), vec![0, 1, 3]),
        (none(AuditField::ActorName), vec![2]),
        (not(equal(AuditField::ActorName, "ana@contoso.example")), vec![1, 2]),
        (equal(AuditField::ActorUser, "oid-2"), vec![1]),
        (equal(AuditField::ActorUser, "oid-3"), vec![]),
        (equal(AuditField::ActorApplication, "desk"), vec![0, 1, 3]),
        (equal(AuditField::ActorApplication, "DESK"), vec![0, 1, 3]),
        (equal(AuditField::ActorAddress, "203.0.113.7"), vec![0, 3]),
        (none(AuditField::ActorAddress), vec![1, 2]),
        (
            Filter::all(vec![equal(AuditField::ActorApplication, "desk"), not(equal(AuditField::ActorUser, "oid-1"))]),
            vec![1],
        ),
        (equal(AuditField::Id, &ids[1]), vec![1]),
        (equal(AuditField::Id, &ids[1].to_uppercase()), vec![1]),
        (equal(AuditField::Id, &ids[4]), vec![]),
        (equal(AuditField::Id, &ids[1].replace('-', "")), vec![]),
        (equal(AuditField::Id, "x"), vec![]),
        (none(AuditField::Id), vec![]),
        (not(equal(AuditField::Id, &ids[1])), vec![0, 2, 3]),
        (not(equal(AuditField::Id, &ids[4])), vec![0, 1, 2, 3]),
        (not(equal(AuditField::Id, "x")), vec![0, 1, 2, 3]),
        (is(AuditField::Id, Test::AtLeast(text(&ids[by_id[2]]))), sorted(&by_id[2..])),
        (is(AuditField::Id, Test::EndsWith(ids[3][24..].to_owned())), vec![3]),
        (Filter::any(vec![equal(AuditField::Id, &ids[0]), equal(AuditField::Id, &ids[3])]), vec![0, 3]),
    ] {
        let listing = Listing { filter: filter.clone(), ..Listing::first(100) };
        let mut seen = found(&store, Visibility::All, listing).await;
        seen.sort_unstable();
        assert_eq!(seen, expected, "{filter}");
    }
    let order = |field, descending| Listing { order: vec![Order { field, descending }], ..Listing::first(100) };
    for (listing, expected) in [
        (order(AuditField::ActorName, false), [2, 0, 3, 1]),
        (order(AuditField::ActorUser, true), [1, 3, 0, 2]),
        (order(AuditField::ActorApplication, false), [0, 1, 3, 2]),
        (order(AuditField::Id, true), [by_id[3], by_id[2], by_id[1], by_id[0]]),
    ] {
        assert_eq!(found(&store, Visibility::All, listing.clone()).await, expected, "{:?}", listing.order);
        let pages = read(&store, move |view| {
            let (mut items, mut after) = (Vec::new(), None);
            loop {
                let page = Listing { after: after.clone(), limit: 1, ..listing.clone() };
                let page = view.audit_events(tenant_id(1), &Visibility::All, &page)?;
                items.extend(page.items.iter().map(|event| event.id.to_string()));
                after = page.next;
                if after.is_none() {
                    return Ok(items);
                }
            }
        });
        assert_eq!(pages.await, expected.map(|place| ids[place].clone()), "a page for each");
    }
}

/// A number that counts the rows of all tenants would show in the ids and cursors of one.
pub(crate) async fn ids_and_cursors_tell_nothing_of_how_busy_other_tenants_are(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let record = |tenant: u64, count: usize| {
        let store = store.clone();
        async move {
            write(&store, move |unit| {
                for _ in 0..count {
                    let event = AuditEvent::new(tenant_id(tenant), at(1), Actor::system(), Activity::TenantChanged);
                    unit.append_audit(&event)?;
                }
                Ok(())
            })
            .await;
        }
    };
    for busy in [0, 1, 1, 255, 3, 70, 0, 2] {
        record(1, 1).await;
        record(2, busy).await;
    }
    let (names, places) = read(&store, |view| {
        let (mut names, mut places, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let page = Listing { after: after.clone(), limit: 1, ..Listing::first(1) };
            let page = view.audit_events(tenant_id(1), &Visibility::All, &page)?;
            names.extend(page.items.iter().map(|event| event.id.0.as_u128()));
            after = page.next;
            match &after {
                Some(cursor) => places.push(cursor.place.as_u128()),
                None => return Ok((names, places)),
            }
        }
    })
    .await;
    for values in [names, places] {
        assert!(values.len() >= 7);
        for pair in values.windows(2) {
            // Consecutive numbers of a counter differ in a few low bits; unrelated ids differ in about half of all.
            let apart = (pair[0] ^ pair[1]).count_ones();
            assert!((25..=97).contains(&apart), "{apart} bits between {:x} and {:x}", pair[0], pair[1]);
        }
        assert!(!values.is_sorted(), "their order is not that of the record");
    }
    let foreign = read(&store, |view| {
        let of = |tenant| view.audit_events(tenant_id(tenant), &Visibility::All, &Listing::first(1));
        let after = of(2)?.next;
        let page = Listing { after, ..Listing::first(1) };
        Ok(view.audit_events(tenant_id(1), &Visibility::All, &page).map(|page| page.items.len()))
    });
    assert!(matches!(foreign.await, Err(StoreError::ForeignCursor)), "a cursor of another tenant is refused");
}
