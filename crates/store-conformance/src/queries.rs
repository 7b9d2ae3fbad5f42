//! Filters, orders and pages. [`Filter::matches`] defines the meaning of a filter, over the values that the Graph face
//! serves ([`DeviceField::value`]). A store that finds other devices than those whose served values match has a mistake.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chaveiro_core::device::{ManagedDevice, ManagementState};
use chaveiro_core::id::{DeviceId, ResourceId};
use chaveiro_core::ports::{DeviceScope, DeviceSet, ResourceScope, Store};
use chaveiro_core::query::{
    DeviceField, Filter, Listing, MemberKind, Order, ResourceField, Test, Value, compare, moment,
};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::scope_tag::Visibility;
use serde_json::json;

use crate::Backend;
use crate::random::{
    NUMBERS, fields, has_members, one_of, random_device, random_filter, random_test, text, users, value,
};
use crate::sample::{at, device, device_id, read, resource, tenant, tenant_id, uuid, write};
use crate::walk::Dice;

/// Returns a store with these devices and the users in tenant 1, and the same devices under other ids in tenant 2.
async fn filled_with(store: Arc<dyn Store>, devices: &[ManagedDevice]) -> Arc<dyn Store> {
    let devices = devices.to_vec();
    write(&store, move |unit| {
        for of in [1, 2] {
            unit.insert_tenant(&tenant(of))?;
            for user in users() {
                unit.insert_resource(&Resource { tenant: tenant_id(of), ..user })?;
            }
            for device in &devices {
                unit.insert_device(&ManagedDevice { tenant: tenant_id(of), ..device.clone() })?;
            }
        }
        Ok(())
    })
    .await;
    store
}

fn fleet(dice: &mut Dice, many: u64) -> Vec<ManagedDevice> {
    (100..100 + many).map(|number| random_device(dice, number)).collect()
}

async fn listed(store: &Arc<dyn Store>, listing: Listing<DeviceField>) -> Vec<ManagedDevice> {
    read(store, move |view| Ok(view.devices(tenant_id(1), DeviceScope::all(), &Visibility::All, &listing)?.items)).await
}

pub(crate) async fn a_filter_finds_exactly_the_devices_it_is_true_of(backend: &dyn Backend) {
    let mut dice = Dice(7);
    let devices = fleet(&mut dice, 60);
    let store = filled_with(backend.fresh(), &devices).await;
    let users = users();
    let mut found_some = 0;
    for _ in 0..800 {
        let leaf = |dice: &mut Dice| {
            let field = one_of(dice, &fields());
            let of = value(&one_of(dice, &devices), &users, field);
            // Members of enums are compared by their one spelling and have no order.
            let test = if has_members(field) { Test::Equal(of) } else { random_test(dice, &of) };
            (field, test)
        };
        let filter = random_filter(&mut dice, 3, &leaf);
        let expected: BTreeSet<DeviceId> = devices
            .iter()
            .filter(|device| filter.matches(&|field| value(device, &users, *field)))
            .map(|device| device.id)
            .collect();
        let found = listed(&store, Listing { filter: filter.clone(), ..Listing::first(1000) }).await;
        let found_ids: BTreeSet<DeviceId> = found.iter().map(|device| device.id).collect();
        assert_eq!(found_ids, expected, "{filter}\n{filter:?}");
        assert_eq!(found.len(), expected.len(), "each once: {filter}");
        let counted = filter.clone();
        let count = read(&store, move |view| {
            Ok(view.count_devices(tenant_id(1), DeviceScope::all(), &Visibility::All, &counted)?)
        });
        assert_eq!(count.await, expected.len() as u64, "{filter}");
        found_some += usize::from(!expected.is_empty() && expected.len() < devices.len());
    }
    assert!(found_some > 200, "filters that find all or nothing prove little: {found_some}");
}

pub(crate) async fn an_order_is_by_its_keys_and_then_by_age(backend: &dyn Backend) {
    let mut dice = Dice(8);
    let devices = fleet(&mut dice, 50);
    let store = filled_with(backend.fresh(), &devices).await;
    let users = users();
    for field in fields().into_iter().filter(|field| *field != DeviceField::SCOPE_TAGS) {
        for descending in [false, true] {
            let second =
                one_of(&mut dice, &[DeviceField::MODEL, DeviceField::LAST_SYNC, DeviceField::USER_DISPLAY_NAME]);
            let order = vec![Order { field, descending }, Order { field: second, descending: !descending }];
            let mut expected: Vec<_> = devices.iter().enumerate().collect();
            expected.sort_by(|(a_age, a), (b_age, b)| {
                let turned = |order: Ordering, turn: bool| if turn { order.reverse() } else { order };
                let by = |field| compare(&value(a, &users, field), &value(b, &users, field));
                // Age follows the direction of the last key.
                turned(by(field), descending)
                    .then(turned(by(second), !descending))
                    .then(turned(a_age.cmp(b_age), !descending))
            });
            let expected: Vec<DeviceId> = expected.into_iter().map(|(_, device)| device.id).collect();
            let whole = listed(&store, Listing { order: order.clone(), ..Listing::first(1000) }).await;
            assert_eq!(whole.iter().map(|device| device.id).collect::<Vec<_>>(), expected, "{order:?}");
            let skipped = listed(&store, Listing { order: order.clone(), skip: 7, ..Listing::first(5) }).await;
            assert_eq!(skipped.iter().map(|device| device.id).collect::<Vec<_>>(), expected[7..12], "{order:?}");
        }
    }
}

pub(crate) async fn paging_visits_every_device_once_in_every_order_while_others_come_and_go(backend: &dyn Backend) {
    let mut dice = Dice(9);
    let devices = fleet(&mut dice, 40);
    let ordered = fields().into_iter().filter(|field| *field != DeviceField::SCOPE_TAGS);
    let mut orders: Vec<Vec<Order<DeviceField>>> =
        ordered.flat_map(|field| [false, true].map(|descending| vec![Order { field, descending }])).collect();
    orders.push(Vec::new());
    let is = |field, test| Filter::Is { field, test, holds: true };
    let filters = [
        is(DeviceField::LAST_SYNC, Test::AtLeast(Value::Time(0))),
        is(DeviceField::DEVICE_NAME, Test::StartsWith("a".to_owned())),
    ];
    let store = filled_with(backend.fresh(), &devices).await;
    let (mut number, mut known) = (0, BTreeSet::new());
    for (order, filter) in orders.iter().flat_map(|order| filters.iter().map(move |filter| (order, filter))) {
        let expected: BTreeSet<DeviceId> = {
            let listing = Listing { filter: filter.clone(), ..Listing::first(1000) };
            let found = listed(&store, listing).await.into_iter().map(|device| device.id);
            found.filter(|id| devices.iter().any(|device| device.id == *id)).collect()
        };
        let (mut seen, mut after) = (BTreeMap::new(), None);
        loop {
            let listing = Listing { filter: filter.clone(), order: order.clone(), after, ..Listing::first(7) };
            let page = read(&store, move |view| {
                Ok(view.devices(tenant_id(1), DeviceScope::all(), &Visibility::All, &listing)?)
            });
            let page = page.await;
            assert!(page.items.len() <= 7);
            for device in page.items {
                *seen.entry(device.id).or_insert(0) += 1;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
            // One device is added. Later, when its number returns, it becomes another device, wherever that puts it.
            number = (number + 1) % 6;
            let (come, moving) = (known.insert(number), random_device(&mut dice, 1000 + number));
            write(&store, move |unit| match come {
                true => Ok(unit.insert_device(&moving)?),
                false => Ok(unit.update_device(&moving)?),
            })
            .await;
        }
        for device in &expected {
            assert_eq!(seen.get(device), Some(&1), "{order:?} {filter}");
        }
    }
}

pub(crate) async fn filters_do_not_reach_around_scope_visibility_or_tenant(backend: &dyn Backend) {
    let mut dice = Dice(10);
    let devices = fleet(&mut dice, 40);
    let store = filled_with(backend.fresh(), &devices).await;
    let everything = Filter::Any(vec![
        Filter::Is { field: DeviceField::MODEL, test: Test::Equal(Value::Null), holds: true },
        Filter::Is { field: DeviceField::MODEL, test: Test::Equal(Value::Null), holds: false },
    ]);
    let seen = Visibility::Tagged(BTreeSet::from(["a".to_owned()]));
    read(&store, move |view| {
        for (visible, scope) in [
            (&Visibility::All, DeviceScope::of(DeviceSet::Comanaged)),
            (&seen, DeviceScope::all()),
            (&Visibility::All, DeviceScope::of(DeviceSet::OfUser(ResourceId(uuid(4, 1))))),
            (&seen, DeviceScope::managed(DeviceSet::All)),
            (&Visibility::All, DeviceScope::managed(DeviceSet::All)),
            (&Visibility::All, DeviceScope::managed(DeviceSet::Comanaged)),
        ] {
            let is_managed = |device: &ManagedDevice| device.management_state == ManagementState::Managed;
            let fits = |device: &ManagedDevice| match scope.set {
                DeviceSet::Comanaged => device.comanaged,
                DeviceSet::OfUser(user) => device.user == Some(user),
                DeviceSet::All | DeviceSet::WithApp(_) => true,
            };
            let is_in = |device: &ManagedDevice| {
                fits(device) && (scope.with_retired || is_managed(device)) && visible.admits(&device.scope_tags)
            };
            let expected = devices.iter().filter(|device| is_in(device)).count();
            for filter in [everything.clone(), Filter::always()] {
                let listing = Listing { filter: filter.clone(), ..Listing::first(1000) };
                let found = view.devices(tenant_id(1), scope, visible, &listing)?.items;
                assert_eq!(found.len(), expected, "{scope:?}");
                assert!(found.iter().all(|device| device.tenant == tenant_id(1)));
                assert_eq!(view.count_devices(tenant_id(1), scope, visible, &filter)?, expected as u64);
            }
        }
        let empty = tenant_id(3);
        assert_eq!(view.count_devices(empty, DeviceScope::all(), &Visibility::All, &everything)?, 0);
        Ok(())
    })
    .await;
}

pub(crate) async fn what_is_about_a_device_is_as_visible_as_the_device(backend: &dyn Backend) {
    let store = filled_with(backend.fresh(), &[]).await;
    let kind = ResourceKind::DeviceHealthScriptDeviceState;
    write(&store, move |unit| {
        for (number, tag) in [(1, "lisbon"), (2, "porto")] {
            let scope_tags = BTreeSet::from([tag.to_owned()]);
            unit.insert_device(&ManagedDevice { scope_tags, ..device(1, number) })?;
            unit.insert_resource(&Resource { device: Some(device_id(number)), ..resource(1, kind, 10 + number) })?;
        }
        Ok(())
    })
    .await;
    read(&store, move |view| {
        let scope = ResourceScope::All(kind);
        for (visible, expected) in [(Visibility::All, 2), (Visibility::Tagged(BTreeSet::from(["porto".to_owned()])), 1)]
        {
            let found = view.resources(tenant_id(1), scope, &visible, &Listing::first(10))?.items;
            assert_eq!(found.len() as u64, expected);
            assert_eq!(view.count_resources(tenant_id(1), scope, &visible, &Filter::always())?, expected);
        }
        Ok(())
    })
    .await;
}

pub(crate) async fn a_filter_finds_exactly_the_resources_it_is_true_of(backend: &dyn Backend) {
    let mut dice = Dice(11);
    let kind = ResourceKind::DeviceHealthScriptDeviceState;
    let member = |name, kind, absent| ResourceField::Member { name, kind, absent };
    let never = moment("0001-01-01T00:00:00Z").map(Value::Time).expect("a time");
    let fields = [
        ResourceField::Id,
        ResourceField::Created,
        ResourceField::Modified,
        member("displayName", MemberKind::Plain, Value::Null),
        member("detectionState", MemberKind::Plain, "unknown".into()),
        member("errorCode", MemberKind::Plain, Value::Number(0)),
        member("flag", MemberKind::Plain, Value::Flag(false)),
        member("lastSyncDateTime", MemberKind::Time, never),
        member("expected", MemberKind::Time, Value::Null),
    ];
    let times = [
        "2027-01-15T08:00:00Z",
        "2027-01-15T08:00:00.5Z",
        "2027-01-15T10:00:00.25+02:00",
        "9999-12-31T23:59:59.9999999Z",
    ];
    let mut rows = Vec::new();
    for number in 100..150 {
        let mut properties = serde_json::Map::new();
        let mut put = |dice: &mut Dice, name: &str, value: serde_json::Value| {
            if dice.roll(3) > 0 {
                properties.insert(name.to_owned(), value);
            }
        };
        let (name, time, other) = (text(&mut dice), one_of(&mut dice, &times), one_of(&mut dice, &times));
        put(&mut dice, "displayName", json!(name));
        let (number_of, state, flag) =
            (one_of(&mut dice, &NUMBERS), one_of(&mut dice, &["fail", "success"]), dice.roll(2) == 0);
        put(&mut dice, "errorCode", json!(number_of));
        put(&mut dice, "detectionState", json!(state));
        put(&mut dice, "flag", json!(flag));
        put(&mut dice, "lastSyncDateTime", json!(time));
        put(&mut dice, "expected", json!(other));
        rows.push(Resource {
            properties: serde_json::Value::Object(properties).to_string(),
            created: at(dice.roll(3)),
            modified: at(dice.roll(3)),
            ..resource(1, kind, number)
        });
    }
    let value = |row: &Resource, field: &ResourceField| match field {
        ResourceField::Id => row.id.to_string().into(),
        ResourceField::Created => Value::Time(row.created.as_microsecond()),
        ResourceField::Modified => Value::Time(row.modified.as_microsecond()),
        ResourceField::Member { name, kind, absent } => {
            let properties: serde_json::Value = serde_json::from_str(&row.properties).expect("JSON");
            match (&properties[*name], kind) {
                (serde_json::Value::String(text), MemberKind::Time) => moment(text).map_or(Value::Null, Value::Time),
                (serde_json::Value::String(text), MemberKind::Plain) => text.as_str().into(),
                (serde_json::Value::Bool(flag), _) => Value::Flag(*flag),
                (serde_json::Value::Number(number), _) => Value::Number(number.as_i64().expect("an integer")),
                _ => absent.clone(),
            }
        }
    };
    let store = filled_with(backend.fresh(), &[]).await;
    let inserted = rows.clone();
    write(&store, move |unit| Ok(inserted.iter().try_for_each(|row| unit.insert_resource(row))?)).await;
    for _ in 0..400 {
        let leaf = |dice: &mut Dice| {
            let field = one_of(dice, &fields);
            let of = value(&one_of(dice, &rows), &field);
            // A missing time is still a time.
            let of = if of == Value::Null && matches!(&field, ResourceField::Member { kind: MemberKind::Time, .. }) {
                Value::Time(at(0).as_microsecond())
            } else {
                of
            };
            (field, random_test(dice, &of))
        };
        let filter = random_filter(&mut dice, 3, &leaf);
        let expected: BTreeSet<_> =
            rows.iter().filter(|row| filter.matches(&|field| value(row, field))).map(|row| row.id).collect();
        let order = vec![Order { field: one_of(&mut dice, &fields), descending: dice.roll(2) == 0 }];
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let listing = Listing { filter: filter.clone(), order: order.clone(), after, ..Listing::first(13) };
            let page = read(&store, move |view| {
                Ok(view.resources(tenant_id(1), ResourceScope::All(kind), &Visibility::All, &listing)?)
            });
            let page = page.await;
            seen.extend(page.items.into_iter().map(|row| row.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), expected.len(), "{filter}");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected, "{filter}");
    }
}
