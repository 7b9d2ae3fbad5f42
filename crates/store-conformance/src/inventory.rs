//! The further reports of devices, beside their recoveries.

use std::sync::Arc;

use chaveiro_core::decisions::take_inventory::{MAX_PACKAGES, take_account, take_packages};
use chaveiro_core::device::{Inventory, InventoryField, ManagedDevice};
use chaveiro_core::id::AssignmentId;
use chaveiro_core::ports::{ResourceScope, Store};
use chaveiro_core::principal::{Principal, PrincipalKind, RoleAssignment};
use chaveiro_core::query::Listing;
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::role::ROLES;
use chaveiro_core::scope_tag::Visibility;
use serde_json::Value;

use crate::Backend;
use crate::sample::{at, device_id, linux_device, read, resource, tenant_id, uuid, with_linux, write};

/// Reports these packages from device `number`.
async fn reports(store: &Arc<dyn Store>, number: u64, lines: &str, second: u64) {
    let lines = lines.to_owned();
    write(store, move |unit| Ok(take_packages(unit, &linux_device(number / 10, number), &lines, at(second))?)).await;
}

async fn found(store: &Arc<dyn Store>, of: u64, scope: ResourceScope) -> Vec<Resource> {
    let page = Listing::first(10_000);
    read(store, move |view| Ok(view.resources(tenant_id(of), scope, &Visibility::All, &page)?.items)).await
}

/// Returns the apps of a device: name, version, and the number of devices that have it.
async fn apps(store: &Arc<dyn Store>, number: u64) -> Vec<(String, String, i64)> {
    let scope = ResourceScope::OfDevice(ResourceKind::DetectedApp, device_id(number));
    let mut apps: Vec<_> = found(store, number / 10, scope).await.iter().map(shown).collect();
    apps.sort();
    apps
}

fn shown(app: &Resource) -> (String, String, i64) {
    let properties: Value = serde_json::from_str(&app.properties).unwrap_or_default();
    let text = |name: &str| properties[name].as_str().unwrap_or_default().to_owned();
    (text("displayName"), text("version"), properties["deviceCount"].as_i64().unwrap_or_default())
}

fn is(name: &str, version: &str, count: i64) -> (String, String, i64) {
    (name.to_owned(), version.to_owned(), count)
}

pub(crate) async fn packages_become_apps_and_only_changes_are_written(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    reports(&store, 14, "bash\t5.2\nvim\t9.0\n", 10).await;
    reports(&store, 15, "bash\t5.2\nvim\t9.1", 11).await;
    reports(&store, 24, "bash\t5.2", 12).await;
    assert_eq!(apps(&store, 14).await, [is("bash", "5.2", 2), is("vim", "9.0", 1)]);
    assert_eq!(apps(&store, 15).await, [is("bash", "5.2", 2), is("vim", "9.1", 1)]);
    assert_eq!(apps(&store, 24).await, [is("bash", "5.2", 1)], "every tenant is a wall");

    // One is new, one is gone, one is unchanged.
    reports(&store, 14, "bash\t5.2\nvim\t9.1", 20).await;
    assert_eq!(apps(&store, 14).await, [is("bash", "5.2", 2), is("vim", "9.1", 2)]);
    let all = found(&store, 1, ResourceScope::All(ResourceKind::DetectedApp)).await;
    let modified: Vec<_> = all.iter().map(|app| (shown(app).0, app.modified)).collect();
    assert_eq!(modified.len(), 2, "what no device has any more is gone");
    assert!(modified.contains(&("bash".to_owned(), at(11))), "what did not change was not written");
    reports(&store, 14, "", 30).await;
    assert_eq!(apps(&store, 14).await, []);
    assert_eq!(apps(&store, 15).await, [is("bash", "5.2", 1), is("vim", "9.1", 1)]);
    assert_eq!(apps(&store, 24).await, [is("bash", "5.2", 1)]);
}

pub(crate) async fn apps_that_callers_linked_stay(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    let by_hand = resource(1, ResourceKind::DetectedApp, 1);
    write(&store, move |unit| {
        unit.insert_resource(&by_hand)?;
        Ok(unit.link(tenant_id(1), device_id(14), ResourceKind::DetectedApp, by_hand.id)?)
    })
    .await;
    reports(&store, 14, "bash\t5.2", 10).await;
    assert_eq!(apps(&store, 14).await, [is("bash", "5.2", 1), is("x", "", 0)]);

    // A reported app that a caller renamed belongs to callers from then on: it is neither counted again nor removed.
    let scope = ResourceScope::OfDevice(ResourceKind::DetectedApp, device_id(14));
    let bash = found(&store, 1, scope).await.into_iter().find(|app| shown(app).0 == "bash");
    let bash = bash.unwrap_or_else(|| panic!("no bash"));
    let renamed = Resource { properties: bash.properties.replace("\"bash\"", "\"shell\""), ..bash };
    write(&store, move |unit| Ok(unit.update_resource(&renamed)?)).await;
    for (second, lines) in [(11, "bash\t5.2\nvim\t9"), (12, "bash\t5.2"), (13, "")] {
        reports(&store, 14, lines, second).await;
    }
    assert_eq!(apps(&store, 14).await, [is("shell", "5.2", 1), is("x", "", 0)]);

    // An app that a caller linked to another device is not removed when the device that reported it loses it.
    reports(&store, 15, "vim\t9", 20).await;
    let scope = ResourceScope::OfDevice(ResourceKind::DetectedApp, device_id(15));
    let vim = found(&store, 1, scope).await.remove(0).id;
    write(&store, move |unit| Ok(unit.link(tenant_id(1), device_id(13), ResourceKind::DetectedApp, vim)?)).await;
    reports(&store, 15, "", 21).await;
    assert_eq!(apps(&store, 15).await, []);
    assert_eq!(apps(&store, 13).await, [is("vim", "9", 0)]);
}

pub(crate) async fn packages_have_bounds(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    let flood: String = (0..MAX_PACKAGES + 10).map(|number| format!("p{number}\t1\n")).collect();
    reports(&store, 14, &flood, 10).await;
    assert_eq!(apps(&store, 14).await.len(), MAX_PACKAGES);
    let long = "n".repeat(1000);
    let nonsense = format!("no tab\n\t1\n \t1\nsame\t1\nsame\t1\nb\u{7}ell\t\u{1b}2\n{long}\t{long}\n");
    reports(&store, 14, &nonsense, 20).await;
    let (cut, bell) = ("n".repeat(128), is("bell", "2", 1));
    assert_eq!(apps(&store, 14).await, [bell, is(&cut, &cut, 1), is("same", "1", 1)]);
    let left = found(&store, 1, ResourceScope::All(ResourceKind::DetectedApp)).await;
    assert_eq!(left.len(), 3, "a device cannot fill the store with what it once had");
}

pub(crate) async fn an_account_becomes_a_user_of_its_device_once(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    let named = |number: u64, host: &str| {
        let inventory = Inventory::default().with(InventoryField::DEVICE_NAME, host);
        ManagedDevice { inventory, ..linux_device(number / 10, number) }
    };
    let owned = {
        let owned =
            Resource { alternate_key: Some("boss@example.org".to_owned()), ..resource(1, ResourceKind::User, 9) };
        let device = ManagedDevice { user: Some(owned.id), ..named(13, "Desk") };
        write(&store, move |unit| {
            unit.insert_resource(&owned)?;
            Ok(unit.update_device(&device)?)
        })
        .await;
        ManagedDevice { user: Some(resource(1, ResourceKind::User, 9).id), ..named(13, "Desk") }
    };
    let named_role = RoleAssignment {
        id: AssignmentId(uuid(10, 1)),
        tenant: tenant_id(1),
        display_name: None,
        description: None,
        role: &ROLES[0],
        principal: Principal::new(PrincipalKind::User, "Eva@Desk"),
        scope: Visibility::All,
        created: at(1),
    };
    write(&store, move |unit| Ok(unit.insert_role_assignment(&named_role)?)).await;
    // The device, its account and its name; the second machine with the same host name is kept apart.
    let said = [
        (named(14, "Desk"), "Ana", Some("Ana Lima")),
        (named(14, "Desk"), "Ana", Some("Ana Lima")),
        (named(15, "desk"), "ana", Some(" ")),
        (named(15, "desk"), "ana", None),
        (named(15, "renamed"), "ANA", None),
        (named(24, "desk"), "ana", None),
        (named(14, "Desk"), "", Some("Nobody")),
        (named(14, "Desk"), "eva", None),
        (named(14, ""), "ana", Some("Nowhere")),
        (named(14, "\u{7}"), "\u{7}", Some("Control")),
        (owned, "ana", Some("Not me")),
    ];
    for (number, (device, account, name)) in (100..).zip(said) {
        write(&store, move |unit| Ok(take_account(unit, &device, account, name, uuid(7, number), at(number))?)).await;
    }
    let users = |number: u64| {
        let (store, scope) = (Arc::clone(&store), ResourceScope::OfDevice(ResourceKind::User, device_id(number)));
        async move {
            let users = found(&store, number / 10, scope).await;
            users.iter().map(|user| (user.alternate_key.clone().unwrap_or_default(), shown(user).0)).collect::<Vec<_>>()
        }
    };
    let user = |key: &str, name: &str| (key.to_owned(), name.to_owned());
    let assigned = format!("eva@desk-{}", &device_id(14).to_string()[..8]);
    let of_first = [user("ana@desk", "Ana Lima"), user(&assigned, "eva")];
    assert_eq!(users(14).await, of_first, "no device gives a user a name that a role is assigned to");
    let twin = format!("ana@desk-{}", &device_id(15).to_string()[..8]);
    assert_eq!(users(15).await, [user(&twin, "ana")]);
    assert_eq!(users(24).await, [user("ana@desk", "ana")]);
    assert_eq!(users(13).await, [user("boss@example.org", "x")]);
    for number in 200..300 {
        let (device, account) = (named(24, "desk"), format!("account{number}"));
        write(&store, move |unit| Ok(take_account(unit, &device, &account, None, uuid(7, number), at(number))?)).await;
    }
    assert_eq!(users(24).await.len(), 16, "a device cannot fill the store with its accounts");
}
