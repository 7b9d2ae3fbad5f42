//! Tests that filters use the indexes made for them, and that lists that would read too much are refused.

use chaveiro_core::Timestamp;
use chaveiro_core::id::TenantId;
use chaveiro_core::inventory::InventoryField;
use chaveiro_core::ports::{DeviceScope, DeviceSet, ResourceScope, UnitOfWork, View};
use chaveiro_core::query::{ActionField, AuditField, DeviceField, MemberKind, ResourceField};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_core::tenant::Tenant;
use chaveiro_store_rows::list::successor;
use rusqlite::Connection;

use super::*;
use crate::Options;
use crate::remembered::Remembered;
use crate::rows::{action_list, audit_list, device, resource};

const TENANT: TenantId = TenantId(Uuid::from_u128(1));

fn connection(directory: &tempfile::TempDir) -> Connection {
    let file = directory.path().join(crate::FILE_NAME);
    let trust = crate::open::Trust::Verified;
    let opened = crate::open::writer(directory.path(), &file, &Options::default(), trust).expect("a database");
    let connection = opened.database.connection;
    let tenant = Tenant::new(TENANT, "t", Timestamp::UNIX_EPOCH);
    let remembered = Remembered::default();
    let mut unit = Transaction::new(&connection, &remembered, u64::MAX);
    unit.insert_tenant(&tenant).expect("inserted");
    connection
}

fn plan<F: Fields>(connection: &Connection, list: &List<'_>, listing: &Listing<F>) -> String {
    let order = effective_order(listing, |field| field.column().reach());
    let columns: Vec<Column> = order.iter().map(|key| key.field.column()).collect();
    let row = list.row(&listing.filter);
    let after = listing.after.as_ref().map(|cursor| Place { keys: cursor.keys.clone(), row: 7 });
    let ranges = list.ranges(&row, &order, &columns, after.as_ref());
    let details = ranges.into_iter().map(|range| {
        let condition = range.filter(&listing.filter, list.tenant);
        let (sql, parameters) = list.select(&row, &order, &columns, condition, listing.limit, listing.skip);
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("SQL");
        let details = statement.query_map(params_from_iter(parameters), |row| row.get::<_, String>("detail"));
        let details: Result<Vec<String>, _> = details.expect("a plan").collect();
        let details = details.expect("details").join("\n");
        // Beside the rows of a list there can be a queue of a few, which is read whole.
        let Some((rows, queue)) = details.split_once("RIGHT") else { return details };
        assert!(queue.contains("USING INDEX audit_queue"), "{details}");
        rows.to_owned()
    });
    details.collect::<Vec<_>>().join("\n")
}

fn is<F>(field: F, test: Test) -> Filter<F> {
    Filter::Is { field, test, holds: true }
}

#[test]
fn the_filters_that_find_few_enter_an_index() {
    let directory = tempfile::tempdir().expect("a directory");
    let connection = connection(&directory);
    let remembered = Remembered::default();
    let unit = Transaction::new(&connection, &remembered, u64::MAX);
    let list =
        device::list(&unit, TENANT, DeviceScope::managed(DeviceSet::All), &Visibility::All, false).expect("read");
    let text = |text: &str| Test::Equal(text.into());
    for (filter, index, sorts) in [
        (is(DeviceField::DEVICE_NAME, text("a")), "device_by_name (tenant=? AND device_name=?)", false),
        (
            is(DeviceField::DEVICE_NAME, Test::StartsWith("a".to_owned())),
            "device_by_name (tenant=? AND device_name>?",
            false,
        ),
        (is(DeviceField::SERIAL_NUMBER, text("a")), "device_by_serial_number (tenant=? AND serial_number=?)", false),
        (
            is(DeviceField::Reported(InventoryField::AZURE_AD_DEVICE_ID), text("a")),
            "device_by_azure_ad_device_id",
            false,
        ),
        (is(DeviceField::Reported(InventoryField::IMEI), text("a")), "device_by_imei", false),
        (is(DeviceField::OPERATING_SYSTEM, text("Linux")), "device_by_operating_system", false),
        (is(DeviceField::MANAGEMENT_STATE, text("managed")), "device_by_management_state", false),
        (
            is(DeviceField::LAST_SYNC, Test::Less(Value::Time(1))),
            "device_by_last_sync (tenant=? AND last_sync<?)",
            false,
        ),
        (
            is(DeviceField::ENROLLED, Test::AtLeast(Value::Time(1))),
            "device_by_enrolled (tenant=? AND enrolled>?)",
            false,
        ),
        (is(DeviceField::USER_PRINCIPAL_NAME, text("a")), "user_by_principal_name", true),
        (is(DeviceField::USER_PRINCIPAL_NAME, text("a")), "device_of_user", true),
        (is(DeviceField::Reported(InventoryField::IMEI), Test::StartsWith("3".to_owned())), "device_by_imei", false),
        (is(DeviceField::ID, text(&Uuid::nil().to_string())), "(tenant=? AND id=?)", true),
        (is(DeviceField::SCOPE_TAGS, Test::Has("a".to_owned())), "device_tag_devices", true),
    ] {
        let plan = plan(&connection, &list, &Listing { filter: filter.clone(), ..Listing::first(10) });
        assert!(plan.contains(index), "{filter}: {plan}");
        assert!(sorts || !plan.contains("TEMP B-TREE FOR ORDER"), "{filter}: {plan}");
    }
    let names = is(DeviceField::DEVICE_NAME, Test::Equal(Value::Null));
    for (cursor, index) in [
        ("a".into(), "device_by_name (tenant=? AND device_name>?"),
        ("a".into(), "device_by_name (tenant=? AND device_name=? AND row>?)"),
        (Value::Null, "device_by_name (tenant=? AND device_name=? AND row>?)"),
    ] {
        let after = Some(Cursor { keys: vec![cursor], place: Uuid::nil() });
        let order = vec![Order { field: DeviceField::DEVICE_NAME, descending: false }];
        let plan = plan(&connection, &list, &Listing { order, after, ..Listing::first(10) });
        assert!(plan.contains(index), "{names}: {plan}");
    }
}

#[test]
fn audit_events_of_a_person_and_the_one_of_an_id_are_found_by_an_index() {
    let directory = tempfile::tempdir().expect("a directory");
    let connection = connection(&directory);
    let remembered = Remembered::default();
    let unit = Transaction::new(&connection, &remembered, u64::MAX);
    let list = audit_list::list(&unit, TENANT, &Visibility::All).expect("read");
    let text = |text: &str| Test::Equal(text.into());
    for (filter, index) in [
        (is(AuditField::ActorName, text("a")), "audit_by_actor_name (tenant=? AND actor_name=?)"),
        (
            is(AuditField::ActorName, Test::StartsWith("a".to_owned())),
            "audit_by_actor_name (tenant=? AND actor_name>? AND actor_name<?)",
        ),
        (is(AuditField::ActorUser, text("a")), "audit_by_actor_user (tenant=? AND actor_user=?)"),
        (is(AuditField::ActorApplication, text("a")), "audit_by_actor_application (tenant=? AND actor_application=?)"),
        (is(AuditField::ActorAddress, text("a")), "audit_by_actor_address (tenant=? AND actor_address=?)"),
        (is(AuditField::Id, text(&Uuid::nil().to_string())), "SEARCH v USING INTEGER PRIMARY KEY (rowid=?)"),
    ] {
        let plan = plan(&connection, &list, &Listing { filter: filter.clone(), ..Listing::first(10) });
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE FOR ORDER"), "{filter}: {plan}");
    }
}

#[test]
fn plain_lists_go_along_an_index_and_read_no_more_than_a_page() {
    let directory = tempfile::tempdir().expect("a directory");
    let connection = connection(&directory);
    let remembered = Remembered::default();
    let unit = Transaction::new(&connection, &remembered, u64::MAX);
    let after = || Some(Cursor { keys: Vec::new(), place: Uuid::nil() });
    for after in [None, after()] {
        let all = Visibility::All;
        let devices = device::list(&unit, TENANT, DeviceScope::managed(DeviceSet::All), &all, true).expect("read");
        let devices =
            plan(&connection, &devices, &Listing::<DeviceField> { after: after.clone(), ..Listing::first(10) });
        let events = audit_list::list(&unit, TENANT, &all).expect("read");
        let events = plan(&connection, &events, &Listing::<AuditField> { after: after.clone(), ..Listing::first(10) });
        let actions = action_list::list(&unit, TENANT, &all).expect("read");
        let newest = vec![Order { field: ActionField::Requested, descending: true }];
        let latest = Listing { order: newest, ..Listing::first(10) };
        let latest = plan(&connection, &actions, &latest);
        let actions = plan(&connection, &actions, &Listing::<ActionField> { after, ..Listing::first(10) });
        for (plan, index) in [
            (devices, "device_by_management_state (tenant=? AND management_state=?"),
            (events, "audit_of_tenant (tenant=?"),
            (actions, "action_of_tenant (tenant=?"),
            (latest, "action_by_started (tenant=?"),
        ] {
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}

#[test]
fn lists_for_a_caller_who_sees_few_devices_begin_with_these() {
    let directory = tempfile::tempdir().expect("a directory");
    let connection = connection(&directory);
    let remembered = Remembered::default();
    let unit = Transaction::new(&connection, &remembered, u64::MAX);
    let few = Visibility::Tagged(["lisbon".to_owned()].into());
    let devices = device::list(&unit, TENANT, DeviceScope::managed(DeviceSet::All), &few, false).expect("read");
    for (filter, field) in [
        (Filter::always(), None),
        (is(DeviceField::MODEL, Test::Contains("x".to_owned())), None),
        (is(DeviceField::MODEL, Test::Contains("x".to_owned())), Some(DeviceField::DEVICE_NAME)),
    ] {
        let order = field.into_iter().map(|field| Order { field, descending: false }).collect();
        let plan = plan(&connection, &devices, &Listing { filter, order, ..Listing::first(10) });
        assert!(plan.contains("SEARCH d USING INTEGER PRIMARY KEY (rowid=?)"), "{plan}");
        assert!(plan.contains("device_tag_devices (tag=?)"), "{plan}");
    }
    let events = audit_list::list(&unit, TENANT, &few).expect("read");
    let events = plan(&connection, &events, &Listing::<AuditField>::first(10));
    let actions = action_list::list(&unit, TENANT, &few).expect("read");
    let actions = plan(&connection, &actions, &Listing::<ActionField>::first(10));
    for (plan, index) in [(events, "audit_by_device (tenant=? AND device=?)"), (actions, "action_of_name (device=?)")] {
        assert!(plan.contains(index) && plan.contains("device_tag_devices (tag=?)"), "{plan}");
    }
}

#[test]
fn seldom_tags_and_common_ones_show_the_same() {
    let directory = tempfile::tempdir().expect("a directory");
    let connection = connection(&directory);
    let fill = "
        INSERT INTO device (tenant, id, platform, management_state, comanaged, enrolled, last_sync, inventory, owner_type)
        SELECT 1, unhex(printf('%032d', value)), 'linux', 'managed', 0, 0, 0, '{}', 'company' FROM generated;
        INSERT INTO device_tag (device, tag) SELECT row, iif(row = 12000, 'other', 'common') FROM device;
        INSERT INTO device_tag (device, tag) SELECT row, 'seldom' FROM device WHERE row <= 3;
        INSERT INTO action (tenant, id, device, name, state, attempt, requested_by, started, updated)
        SELECT tenant, id, row, 'recoverPasscode', 'done', 1, '{}', 0, 0 FROM device WHERE row IN (1, 12000);
        INSERT INTO audit_event (tenant, body)
        SELECT 1, json_object('at', '2027-01-15T08:00:00Z', 'activity', 'deviceEnrolled', 'device',
            printf('00000000-0000-0000-0000-%012d', row)) FROM device WHERE row IN (1, 12000);
        INSERT INTO audit_event (tenant, body) VALUES (1, '{\"at\":\"2027-01-15T08:00:00Z\",\"activity\":\"tenantCreated\"}');";
    let generated = "(WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 12000)
        SELECT value FROM n)";
    connection.execute_batch(&fill.replace("generated", generated)).expect("rows");
    let remembered = Remembered::default();
    let unit = Transaction::new(&connection, &remembered, u64::MAX);
    let few =
        |tag: &str| crate::rows::device_tag::is_seldom(&connection, &format!("[\"{tag}\"]"), 10_000).expect("read");
    assert!(few("seldom") && few("nobody") && !few("common"));
    for (tags, seen, about) in [
        (vec!["common"], 11_999, 1),
        (vec!["common", "seldom"], 11_999, 1),
        (vec!["common", "other"], 12_000, 2),
        (vec!["seldom"], 3, 1),
        (vec!["seldom", "other"], 4, 2),
        (vec!["nobody"], 0, 0),
        (vec![], 0, 0),
    ] {
        let visible = Visibility::Tagged(tags.iter().map(|tag| (*tag).to_owned()).collect());
        let counted = unit.count_devices(TENANT, DeviceScope::all(), &visible, &Filter::always()).expect("counted");
        let actions = unit.count_remote_actions(TENANT, &visible, &Filter::always()).expect("counted");
        let events = unit.count_audit_events(TENANT, &visible, &Filter::always()).expect("counted");
        assert_eq!((counted, actions, events), (seen, about, about), "{tags:?}");
        let (mut paged, mut after) = (0, None);
        loop {
            let listing = Listing { after, ..Listing::first(5_000) };
            let page = unit.devices(TENANT, DeviceScope::all(), &visible, &listing).expect("a page");
            paged += page.items.len() as u64;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let listed = unit.audit_events(TENANT, &visible, &Listing::first(10)).expect("a page").items.len() as u64;
        assert_eq!((paged, listed), (seen, about), "{tags:?}");
    }
}

#[test]
fn names_of_resources_enter_an_index() {
    let directory = tempfile::tempdir().expect("a directory");
    let connection = connection(&directory);
    let remembered = Remembered::default();
    let unit = Transaction::new(&connection, &remembered, u64::MAX);
    let member = |name| ResourceField::Member { name, kind: MemberKind::Plain, absent: Value::Null };
    for (kind, field, index) in [
        (ResourceKind::User, "userPrincipalName", "user_by_principal_name"),
        (ResourceKind::DetectedApp, "displayName", "resource_by_display_name"),
    ] {
        let list = resource::list(&unit, TENANT, ResourceScope::All(kind), &Visibility::All);
        let list = list.expect("read");
        for test in [Test::Equal("a".into()), Test::StartsWith("a".to_owned())] {
            let listing = Listing { filter: is(member(field), test), ..Listing::first(10) };
            let plan = plan(&connection, &list, &listing);
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{field}: {plan}");
        }
    }
}

#[test]
fn what_would_read_too_much_is_refused_and_a_plain_list_never() {
    let directory = tempfile::tempdir().expect("a directory");
    let connection = connection(&directory);
    let remembered = Remembered::default();
    let mut unit = Transaction::new(&connection, &remembered, 5_000);
    for number in 0..2_000 {
        let row = Resource {
            tenant: TENANT,
            kind: ResourceKind::User,
            id: chaveiro_core::id::ResourceId(Uuid::from_u128(number)),
            owner: None,
            device: None,
            alternate_key: None,
            properties: format!("{{\"displayName\":\"user {number}\"}}"),
            created: Timestamp::UNIX_EPOCH,
            modified: Timestamp::UNIX_EPOCH,
        };
        unit.insert_resource(&row).expect("inserted");
    }
    let name = ResourceField::Member { name: "displayName", kind: MemberKind::Plain, absent: Value::Null };
    let scope = ResourceScope::All(ResourceKind::User);
    let listed = |listing: Listing<ResourceField>| unit.resources(TENANT, scope, &Visibility::All, &listing);
    let contains = |text: &str| is(name.clone(), Test::Contains(text.to_owned()));
    let refused = listed(Listing { filter: contains("nobody"), ..Listing::first(10) });
    assert!(matches!(refused, Err(StoreError::TooCostly)));
    let counted = unit.count_resources(TENANT, scope, &Visibility::All, &contains("nobody"));
    assert!(matches!(counted, Err(StoreError::TooCostly)));
    for fits in [
        Listing { filter: contains("user"), ..Listing::first(10) },
        Listing { filter: is(name.clone(), Test::Equal("USER 1999".into())), ..Listing::first(10) },
        Listing { order: vec![Order { field: name.clone(), descending: true }], ..Listing::first(10) },
        Listing::first(2_000),
    ] {
        assert!(listed(fits.clone()).is_ok_and(|page| !page.items.is_empty()), "{fits:?}");
    }
}

#[test]
fn the_successor_of_a_beginning_is_just_behind_it() {
    for (text, expected) in [
        ("a", Some("b")),
        ("z", Some("{")),
        ("x@", Some("x[")),
        ("\u{d7ff}", Some("\u{e000}")),
        ("a\u{10ffff}", Some("b")),
        ("\u{10ffff}", None),
        ("", None),
    ] {
        assert_eq!(successor(text).as_deref(), expected, "{text:?}");
    }
}
