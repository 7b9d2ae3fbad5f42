//! Queries over HTTP: what is answered, exactly, and what is refused.

mod expressions;
mod options;

use std::collections::{BTreeMap, BTreeSet};

use crate::world::{BASE, OWN, World, device, id, permissions, tenant};
use chaveiro_core::Timestamp;
use chaveiro_core::device::{Inventory, InventoryField, ManagedDevice, ManagementState, OwnerType, Platform};
use chaveiro_core::hold::HoldRule;
use chaveiro_core::id::ResourceId;
use chaveiro_core::ports::{DeviceScope, View};
use chaveiro_core::query::Listing;
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_graph::kinds::MANAGED_DEVICE;
use chaveiro_graph::limits::Ceilings;
use chaveiro_graph::model::Edm;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

const DEVICES: &str = "/beta/deviceManagement/managedDevices";

async fn world() -> (World, String) {
    let world = World::with(HoldRule::default(), Ceilings::default()).await;
    let permissions = permissions();
    let token = world.token_with(&json!({"roles": permissions.split(' ').collect::<Vec<_>>()}));
    (world, token)
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn ids(list: &Value) -> Vec<String> {
    let items = list["value"].as_array().unwrap_or_else(|| panic!("no list: {list}"));
    items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

/// Devices 10 to 13, of which each property has at least two values where it can.
async fn fill(world: &World) {
    let at = |second: i64| Timestamp::from_second(1_790_000_000 + second).expect("a time");
    let user = |number: u64, properties: Value| Resource {
        tenant: tenant(1),
        kind: ResourceKind::User,
        id: ResourceId(id(0xa, number)),
        owner: None,
        device: None,
        alternate_key: Some(format!("user{number}@x")),
        properties: properties.to_string(),
        created: at(0),
        modified: at(0),
    };
    let users = [
        user(10, json!({"userPrincipalName": "ana@x", "mail": "ana@mail", "displayName": "Ana O'Brien"})),
        user(11, json!({"userPrincipalName": "Rui@x"})),
    ];
    let plain = ManagedDevice {
        last_sync: at(10),
        owner_type: OwnerType::Unknown,
        scope_tags: ["own".to_owned()].into(),
        ..ManagedDevice::new(tenant(1), device(10), Platform::Windows, at(0))
    };
    let word = |text: &str| Some(text.to_owned());
    let reported = |name: &str| InventoryField::named(name).expect("a row");
    let named = |name: &str| Inventory::default().with(InventoryField::DEVICE_NAME, name);
    let texts = [
        ("manufacturer", "Dell"),
        ("model", "Latitude 50%"),
        ("serialNumber", "5CG1"),
        ("osVersion", "10.0.1"),
        ("azureAdDeviceId", "0b9c"),
        ("imei", "35"),
        ("ethernetMacAddress", "00AA"),
        ("wifiMacAddress", "00BB"),
    ];
    let numbers =
        [("skuNumber", 48), ("totalStorageBytes", 1 << 40), ("freeStorageBytes", 7), ("physicalMemoryBytes", 1 << 34)];
    let inventory = named("LAPTOP-1").with(reported("isEncrypted"), true);
    let inventory = texts.into_iter().fold(inventory, |all, (name, text)| all.with(reported(name), text));
    let inventory = numbers.into_iter().fold(inventory, |all, (name, number)| all.with(reported(name), number));
    let devices = [
        ManagedDevice { user: Some(users[0].id), inventory: inventory.clone(), notes: word("it's"), ..plain.clone() },
        ManagedDevice {
            id: device(11),
            platform: Platform::Linux,
            user: Some(users[1].id),
            owner_type: OwnerType::Personal,
            certificate_expires: Some(at(99)),
            last_sync: Timestamp::from_microsecond(1_790_000_000_123_456).expect("a time"),
            inventory: named("laptop-1"),
            scope_tags: ["own".to_owned(), "porto".to_owned()].into(),
            ..plain.clone()
        },
        ManagedDevice {
            id: device(12),
            platform: Platform::WindowsPhone,
            management_state: ManagementState::RetireIssued,
            managed_device_name: word("ana_phone"),
            owner_type: OwnerType::Company,
            comanaged: true,
            enrolled: at(5_000_000),
            inventory: inventory
                .with(InventoryField::DEVICE_NAME, "\u{e9}t\u{e9}")
                .with(reported("isEncrypted"), false),
            ..plain.clone()
        },
        ManagedDevice { id: device(13), ..plain },
    ];
    world
        .write(move |unit| {
            users.iter().try_for_each(|user| unit.insert_resource(user))?;
            Ok(devices.iter().try_for_each(|device| unit.insert_device(device))?)
        })
        .await;
}

/// The condition by which a filter also covers devices that are no longer managed.
const OF_ALL: &str = "managementState in ('managed','retireIssued','unknownFutureValue')";

/// The literal of a value that was served, or `None` for what is no scalar.
fn literal(edm: Edm, value: &Value) -> Option<String> {
    match (edm, value) {
        (Edm::Binary | Edm::Complex(_) | Edm::Collection(_), _) => None,
        (_, Value::Null) => Some("null".to_owned()),
        (Edm::DateTime, Value::String(text)) => Some(text.clone()),
        (_, Value::String(text)) => Some(format!("'{}'", text.replace('\'', "''"))),
        (_, other) => Some(other.to_string()),
    }
}

#[tokio::test]
async fn a_filter_says_of_every_property_what_a_get_says() {
    let (world, token) = world().await;
    fill(&world).await;
    let (_, all) = world.ask(&token, "GET", &format!("{DEVICES}?$filter={}", encoded(OF_ALL)), &[]).await;
    let mut compared = 0;
    // What each device says of each property, alone.
    let mut said: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    for one in ids(&all) {
        let (status, single) = world.ask(&token, "GET", &format!("{DEVICES}/{one}"), &[]).await;
        assert_eq!(status, 200);
        for property in MANAGED_DEVICE.properties {
            if let Some(literal) = literal(property.edm, &single[property.name]) {
                said.entry(property.name).or_default().insert(one.clone(), literal);
            }
        }
    }
    for (property, of) in &said {
        for asked in of.values().collect::<BTreeSet<_>>() {
            // Text is compared without ASCII case.
            let same = |literal: &&String| literal.eq_ignore_ascii_case(asked);
            for (operator, wanted) in [("eq", true), ("ne", false)] {
                let path =
                    format!("{DEVICES}?$filter={}", encoded(&format!("{property} {operator} {asked} and {OF_ALL}")));
                let (status, list) = world.ask(&token, "GET", &path, &[]).await;
                assert_eq!(status, 200, "{property} {operator} {asked}: {list}");
                let expected: BTreeSet<_> =
                    of.iter().filter(|(_, literal)| same(literal) == wanted).map(|(id, _)| id.clone()).collect();
                assert_eq!(ids(&list).into_iter().collect::<BTreeSet<_>>(), expected, "{property} {operator} {asked}");
                compared += 1;
            }
        }
    }
    assert!(said.len() > 65 && compared > 200, "{} properties, {compared} filters", said.len());
}

#[tokio::test]
async fn every_spelling_and_every_option_works_together() {
    let (world, token) = world().await;
    fill(&world).await;
    for (query, expected) in [
        ("%24filter=deviceName%20eq%20%27laptop-1%27", 2),
        ("$filter=deviceName+eq+'LAPTOP-1'", 2),
        ("filter=model%20eq%20'latitude%2050%25'", 1),
        ("filter=model%20eq%20'latitude%2050%25'%20and%20managementState%20ne%20null", 2),
        ("$filter=startswith(deviceName,'lap')%20and%20not%20contains(osVersion,'.')", 1),
        ("$filter=userDisplayName%20eq%20'Ana%20O''Brien'", 1),
        ("$filter=deviceName%20in%20('D1','D5',null)", 3),
        ("$filter=roleScopeTagIds/any(x:x%20eq%20'porto')", 1),
        ("$search=lap", 2),
        ("$search=%22LAPTOP-1%22%20ana", 1),
        ("$search=phone", 0),
        ("$skip=2", 3),
        ("$filter=complianceState%20eq%20'compliant'", 0),
        ("$filter=complianceState%20ne%20'compliant'", 5),
    ] {
        let (status, list) = world.ask(&token, "GET", &format!("{DEVICES}?{query}"), &[]).await;
        assert_eq!(status, 200, "{query}: {list}");
        assert_eq!(ids(&list).len(), expected, "{query}");
    }
    let (_, sorted) = world.ask(&token, "GET", &format!("{DEVICES}?$orderby=deviceName%20desc,id"), &[]).await;
    let names: Vec<_> = sorted["value"].as_array().expect("a list").iter().map(|one| &one["deviceName"]).collect();
    assert_eq!(names, [&json!("LAPTOP-1"), &json!("laptop-1"), &json!("D5"), &json!("D1"), &Value::Null]);
}

#[tokio::test]
async fn the_next_link_carries_every_option_and_leads_through_all() {
    let (world, token) = world().await;
    fill(&world).await;
    let filter = encoded("deviceName ne 'D5' and operatingSystem ne 'x&y'");
    let mut path = format!(
        "{DEVICES}?$filter={filter}&$orderby=deviceName&$select=id,deviceName&$top=2&$count=true&$expand=users($select=id)"
    );
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let (status, list) = world.ask(&token, "GET", &path, &[]).await;
        assert_eq!((status, &list["@odata.count"]), (200, &json!(4)), "{list}");
        assert!(list["value"].as_array().is_some_and(|items| items.iter().all(|item| item["users"].is_array())));
        seen.extend(ids(&list));
        pages += 1;
        let Some(next) = list["@odata.nextLink"].as_str() else { break };
        path = next.strip_prefix(BASE).expect("our own host").to_owned();
    }
    assert_eq!((pages, seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (2, 4, 4));

    let token_of = path.split("$skiptoken=").nth(1).expect("a cursor");
    for wrong in [
        format!("{DEVICES}?$skiptoken={token_of}"),
        format!("/beta/users?$skiptoken={token_of}"),
        format!("{DEVICES}?$skiptoken=7"),
        path.replace("$skiptoken=", "$skip=1&$skiptoken="),
    ] {
        let (status, answer) = world.ask(&token, "GET", &wrong, &[]).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert_eq!((status, message.contains("$skiptoken")), (400, true), "{wrong}: {answer}");
    }
}

#[tokio::test]
async fn counts_are_of_what_the_caller_sees() {
    let (world, token) = world().await;
    fill(&world).await;
    for (path, expected) in [
        (format!("{DEVICES}/$count"), 5),
        (format!("{DEVICES}/$count?$filter=managementState%20eq%20'retireIssued'"), 1),
        (format!("{DEVICES}/$count?$filter=startswith(deviceName,'lap')"), 2),
        (format!("{DEVICES}/%24count?$search=laptop%20ana"), 1),
        ("/v1.0/users/$count".to_owned(), 4),
        (format!("/beta/users/{}/managedDevices/$count", id(0xa, OWN)), 1),
    ] {
        assert_eq!(world.ask(&token, "GET", &path, &[]).await, (200, json!(expected)), "{path}");
    }
    let (_, page) = world.ask(&token, "GET", &format!("{DEVICES}?$top=2"), &[]).await;
    assert_eq!(page["@odata.count"], 2, "without $count=true, the number on the page");
    for (method, path) in [
        ("POST", format!("{DEVICES}/$count")),
        ("GET", format!("{DEVICES}/$count?$top=1")),
        ("GET", format!("{DEVICES}/$count?$filter=nope%20eq%201")),
        ("GET", format!("{DEVICES}/{}/$count", id(0xde, OWN))),
    ] {
        assert_eq!(world.ask(&token, method, &path, &[]).await.0, 400, "{method} {path}");
    }
    let other = world.token_with(&json!({"roles": ["User.Read.All"]}));
    assert_eq!(world.ask(&other, "GET", &format!("{DEVICES}/$count"), &[]).await.0, 403);
}

#[tokio::test]
async fn what_is_expanded_needs_its_own_permission_and_discloses_nothing() {
    let (world, token) = world().await;
    let own = id(0xde, OWN);
    let (status, list) =
        world.ask(&token, "GET", &format!("{DEVICES}?$expand=users($select=id;$top=1),detectedApps"), &[]).await;
    assert_eq!(status, 200, "{list}");
    assert_eq!(list["value"][0]["users"], json!([{"id": id(0xa, OWN)}]));
    assert_eq!(list["value"][0]["detectedApps"][0]["id"], json!(id(0xb, OWN)));
    let (_, single) =
        world.ask(&token, "GET", &format!("{DEVICES}/{own}?$select=id&$expand=users($select=id)"), &[]).await;
    assert_eq!(single["users"], json!([{"id": id(0xa, OWN)}]));

    let states = format!("/beta/deviceManagement/deviceHealthScripts/{}/deviceRunStates", id(0xc0, OWN));
    let (_, states_list) = world.ask(&token, "GET", &format!("{states}?$expand=managedDevice"), &[]).await;
    let expanded = &states_list["value"][0]["managedDevice"];
    assert_eq!((&expanded["id"], &expanded["deviceActionResults"]), (&json!(own), &json!([])));

    let scripts_only = world.token_with(&json!({"roles": ["DeviceManagementScripts.Read.All"]}));
    assert_eq!(world.ask(&scripts_only, "GET", &states, &[]).await.0, 200);
    assert_eq!(world.ask(&scripts_only, "GET", &format!("{states}?$expand=managedDevice"), &[]).await.0, 403);
    for wrong in ["nothing", "users($filter=id%20eq%20'x')", "users,users"] {
        let (status, answer) = world.ask(&token, "GET", &format!("{DEVICES}?$expand={wrong}"), &[]).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert_eq!((status, message.contains("'$expand'") && message.contains("character")), (400, true), "{answer}");
    }
}

#[tokio::test]
async fn a_long_expansion_says_where_the_rest_is() {
    let (world, token) = world().await;
    world
        .write(|unit| {
            for number in 0..101 {
                let app = Resource {
                    tenant: tenant(1),
                    kind: ResourceKind::DetectedApp,
                    id: ResourceId(id(0xbb, number)),
                    owner: None,
                    device: None,
                    alternate_key: None,
                    properties: json!({"displayName": format!("app {number}")}).to_string(),
                    created: Timestamp::UNIX_EPOCH,
                    modified: Timestamp::UNIX_EPOCH,
                };
                unit.insert_resource(&app)?;
                unit.link(tenant(1), device(OWN), ResourceKind::DetectedApp, app.id)?;
            }
            Ok(())
        })
        .await;
    let (_, list) = world.ask(&token, "GET", &format!("{DEVICES}?$expand=detectedApps($select=id)"), &[]).await;
    let first = &list["value"][0];
    let next = first["detectedApps@odata.nextLink"].as_str().expect("a link").strip_prefix(BASE).expect("our host");
    let (status, rest) = world.ask(&token, "GET", next, &[]).await;
    let expanded = first["detectedApps"].as_array().expect("a list").len();
    assert_eq!((status, expanded + ids(&rest).len()), (200, 102), "{rest}");
}

#[tokio::test]
async fn nothing_is_answered_that_was_not_asked() {
    let (world, token) = world().await;
    for path in [
        format!("{DEVICES}?$filter="),
        format!("{DEVICES}?$filter=deviceName"),
        format!("{DEVICES}?$orderby=nope"),
        format!("{DEVICES}?$search="),
        format!("{DEVICES}?$apply=groupby((model))"),
        "/beta/users?$search=x".to_owned(),
        format!("{DEVICES}/{}?$filter=model%20eq%20'x'", id(0xde, OWN)),
    ] {
        assert_eq!(world.ask(&token, "GET", &path, &[]).await.0, 400, "{path}");
    }
    // The query is looked at before the path is followed.
    let absent = format!("/beta/users/{}/managedDevices", id(0xa, 77));
    assert_eq!(world.ask(&token, "GET", &absent, &[]).await.0, 404);
    assert_eq!(world.ask(&token, "GET", &format!("{absent}?$filter=x"), &[]).await.0, 400);
    let view = |view: &dyn View| view.devices(tenant(1), DeviceScope::all(), &Visibility::All, &Listing::first(1));
    assert!(world.store.read(move |it| Ok(view(it)?)).await.is_ok_and(|page| page.next.is_some()));
}
