//! That filters enter the indexes that are there for them, and that what would read too much is not read.

use chaveiro_core::Timestamp;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{DeviceScope, ResourceScope, UnitOfWork, View};
use chaveiro_core::query::{DeviceField, MemberKind, ResourceField};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_core::tenant::{Licence, Tenant, TenantSettings};
use rusqlite::Connection;

use super::*;
use crate::Options;
use crate::rows::{device, resource};

const TENANT: TenantId = TenantId(Uuid::from_u128(1));

fn connection(directory: &tempfile::TempDir) -> Connection {
    let file = directory.path().join(crate::FILE_NAME);
    let connection = crate::open::writer(directory.path(), &file, &Options::default()).expect("a database");
    let tenant = Tenant {
        id: TENANT,
        display_name: "t".to_owned(),
        licence: Licence::Active,
        entra_tenant: None,
        settings: TenantSettings::default(),
        created: Timestamp::UNIX_EPOCH,
    };
    let mut unit = Transaction { connection: &connection, list_steps: u64::MAX };
    unit.insert_tenant(&tenant).expect("inserted");
    connection
}

fn plan<F: Fields>(connection: &Connection, list: &List<'_>, listing: &Listing<F>) -> String {
    let order = effective_order(listing);
    let columns: Vec<Column> = order.iter().map(|key| key.field.column()).collect();
    let row = list.row(&listing.filter);
    let ranges = list.ranges(&row, &order, &columns, listing.after.as_ref());
    let details = ranges.into_iter().map(|range| {
        let condition = range.filter(&listing.filter, list.tenant);
        let (sql, parameters) = list.select(&row, &order, &columns, condition, listing.limit, listing.skip);
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("SQL");
        let details = statement.query_map(params_from_iter(parameters), |row| row.get::<_, String>("detail"));
        let details: Result<Vec<String>, _> = details.expect("a plan").collect();
        details.expect("details").join("\n")
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
    let unit = Transaction { connection: &connection, list_steps: u64::MAX };
    let list = device::list(&unit, TENANT, DeviceScope::All, &Visibility::All).expect("read").expect("a tenant");
    let text = |text: &str| Test::Equal(Value::Text(text.to_owned()));
    for (filter, index, sorts) in [
        (is(DeviceField::DeviceName, text("a")), "device_by_name (tenant=? AND device_name=?)", false),
        (
            is(DeviceField::DeviceName, Test::StartsWith("a".to_owned())),
            "device_by_name (tenant=? AND device_name>?",
            false,
        ),
        (is(DeviceField::SerialNumber, text("a")), "device_by_serial_number (tenant=? AND serial_number=?)", false),
        (is(DeviceField::AzureAdDeviceId, text("a")), "device_by_azure_ad_device_id", false),
        (is(DeviceField::Imei, text("a")), "device_by_imei", false),
        (is(DeviceField::OperatingSystem, text("Linux")), "device_by_operating_system", false),
        (is(DeviceField::ManagementState, text("managed")), "device_by_management_state", false),
        (
            is(DeviceField::LastSync, Test::Less(Value::Time(1))),
            "device_by_last_sync (tenant=? AND last_sync<?)",
            false,
        ),
        (
            is(DeviceField::Enrolled, Test::AtLeast(Value::Time(1))),
            "device_by_enrolled (tenant=? AND enrolled>?)",
            false,
        ),
        (is(DeviceField::UserPrincipalName, text("a")), "user_by_principal_name", true),
        (is(DeviceField::UserPrincipalName, text("a")), "device_of_user", true),
        (is(DeviceField::Id, text(&Uuid::nil().to_string())), "(tenant=? AND id=?)", true),
        (is(DeviceField::ScopeTags, Test::Has("a".to_owned())), "device_tag_devices", true),
    ] {
        let plan = plan(&connection, &list, &Listing { filter: filter.clone(), ..Listing::first(10) });
        assert!(plan.contains(index), "{filter}: {plan}");
        assert!(sorts || !plan.contains("TEMP B-TREE FOR ORDER"), "{filter}: {plan}");
    }
    let names = is(DeviceField::DeviceName, Test::Equal(Value::Null));
    for (cursor, index) in [
        (Value::Text("a".to_owned()), "device_by_name (tenant=? AND device_name>?"),
        (Value::Text("a".to_owned()), "device_by_name (tenant=? AND device_name=? AND row>?)"),
        (Value::Null, "device_by_name (tenant=? AND device_name=? AND row>?)"),
    ] {
        let after = Some(Cursor { keys: vec![cursor], row: 7 });
        let order = vec![Order { field: DeviceField::DeviceName, descending: false }];
        let plan = plan(&connection, &list, &Listing { order, after, ..Listing::first(10) });
        assert!(plan.contains(index), "{names}: {plan}");
    }
}

#[test]
fn names_of_resources_enter_an_index() {
    let directory = tempfile::tempdir().expect("a directory");
    let connection = connection(&directory);
    let unit = Transaction { connection: &connection, list_steps: u64::MAX };
    let member = |name| ResourceField::Member { name, kind: MemberKind::Plain, absent: Value::Null };
    for (kind, field, index) in [
        (ResourceKind::User, "userPrincipalName", "user_by_principal_name"),
        (ResourceKind::DetectedApp, "displayName", "resource_by_display_name"),
    ] {
        let list = resource::list(&unit, TENANT, ResourceScope::All(kind), &Visibility::All);
        let list = list.expect("read").expect("a tenant");
        for test in [Test::Equal(Value::Text("a".to_owned())), Test::StartsWith("a".to_owned())] {
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
    let mut unit = Transaction { connection: &connection, list_steps: 5_000 };
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
        Listing { filter: is(name.clone(), Test::Equal(Value::Text("USER 1999".to_owned()))), ..Listing::first(10) },
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
