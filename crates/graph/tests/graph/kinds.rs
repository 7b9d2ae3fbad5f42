//! Kinds that only read: the overview of devices, and devices as the directory calls them; and what production leaves empty.

use chaveiro_core::device::{ManagedDevice, Platform};
use chaveiro_core::id::ResourceId;
use chaveiro_core::resource::{Resource, ResourceKind};

use super::*;

/// Properties that are an empty text while they are unknown, whether v1.0 has them, and their value of device 1 once known.
const EMPTY: [(&str, Option<&str>); 10] = [
    ("easDeviceId", None),
    ("imei", Some("356938035643809")),
    ("meid", None),
    ("phoneNumber", None),
    ("androidSecurityPatchLevel", None),
    ("wiFiMacAddress", Some("A0B1C2D3E4F5")),
    ("subscriberCarrier", None),
    ("emailAddress", Some("rui@example.org")),
    ("userPrincipalName", Some("rui@example.org")),
    ("userDisplayName", Some("Rui")),
];

/// Properties that are null while they are unknown.
const NULL: [&str; 9] = [
    "notes",
    "ethernetMacAddress",
    "remoteAssistanceSessionErrorDetails",
    "model",
    "manufacturer",
    "serialNumber",
    "osVersion",
    "userId",
    "enrolledByUserPrincipalName",
];

impl World {
    /// Device 1 gets every value that a device can have, and a user.
    async fn know_everything(&self) {
        let now = self.clock.now();
        let write = self.store.write(move |unit| {
            let properties =
                json!({"userPrincipalName": "rui@example.org", "mail": "rui@example.org", "displayName": "Rui"});
            let user = Resource {
                tenant: tenant(1),
                kind: ResourceKind::User,
                id: ResourceId(id(0xa, 9)),
                owner: None,
                device: None,
                alternate_key: Some("rui@example.org".to_owned()),
                properties: properties.to_string(),
                created: now,
                modified: now,
            };
            unit.insert_resource(&user)?;
            let found = unit.device(tenant(1), device(1))?.expect("the device");
            let mut inventory = found.inventory.clone();
            inventory.set(InventoryField::IMEI, Some("356938035643809".into()));
            let wifi = InventoryField::named("wifiMacAddress").expect("a value");
            inventory.set(wifi, Some("A0B1C2D3E4F5".into()));
            inventory.set(InventoryField::AZURE_AD_DEVICE_ID, Some("5d0c4b0e-0000-4000-8000-00000000000e".into()));
            Ok(unit.update_device(&ManagedDevice { user: Some(user.id), inventory, ..found })?)
        });
        write.await.expect("written");
    }
}

#[tokio::test]
async fn what_production_leaves_empty_is_an_empty_text_in_every_answer_and_every_question() {
    let world = World::new().await;
    world.know_everything().await;
    let token = world.token();
    let devices = "/beta/deviceManagement/managedDevices";
    let (known, unknown) = (device(1).to_string(), device(4).to_string());
    let ids = async |query: String| {
        let (status, page) = world.call(&token, "GET", &format!("{devices}?{query}"), "").await;
        assert_eq!(status, 200, "{query}: {page}");
        let items = page["value"].as_array().expect("items").iter();
        items.map(|item| item["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    for (name, value) in EMPTY {
        let (_, single) = world.call(&token, "GET", &device_path(4), "").await;
        assert_eq!(single[name], "", "{name}");
        let (_, list) = world.call(&token, "GET", &format!("{devices}?$select=id,{name}&$orderby=id"), "").await;
        let of = |id: &str| list["value"].as_array().expect("items").iter().find(|item| item["id"] == id).expect("it");
        assert_eq!(of(&unknown)[name], "", "{name}");
        assert_eq!(of(&known)[name], value.unwrap_or_default(), "{name}");
        let (_, v1) = world.call(&token, "GET", &device_path(4).replace("/beta", "/v1.0"), "").await;
        assert_eq!(v1[name], "", "{name}");

        let with = Vec::from_iter(value.map(|_| known.clone()));
        let mut without = vec![unknown.clone()];
        if value.is_none() {
            without.insert(0, known.clone());
        }
        for (filter, expected) in [
            (format!("{name} eq ''"), &without),
            (format!("not({name} ne '')"), &without),
            (format!("{name} ne ''"), &with),
            (format!("{name} gt ''"), &with),
            (format!("{name} in ('','x')"), &without),
            (format!("{name} lt 'zzz' and {name} eq ''"), &without),
            (format!("{name} eq null"), &Vec::new()),
            (format!("{name} ne 'x' and {name} eq ''"), &without),
        ] {
            let query = format!("$filter={}&$orderby=enrolledDateTime", filter.replace(' ', "%20"));
            assert_eq!(&ids(query).await, expected, "{filter}");
        }
        let all = [known.clone(), unknown.clone()];
        for filter in [format!("startswith({name},'')"), format!("contains({name},'')"), format!("{name} ne null")] {
            let mut found = ids(format!("$filter={}", filter.replace(' ', "%20"))).await;
            found.sort();
            assert_eq!(found, all, "{filter}");
        }
        // Page by page: the empty ones come first, and each device once.
        for (order, first) in [("asc", &unknown), ("desc", &known)] {
            let mut next = Some(format!("{devices}?$select=id&$top=1&$orderby={name}%20{order}"));
            let mut seen = Vec::new();
            while let Some(path) = next {
                let (_, page) = world.call(&token, "GET", &path, "").await;
                seen.extend(page["value"].as_array().expect("items").iter().map(|item| item["id"].clone()));
                next = page["@odata.nextLink"].as_str().map(|link| link.strip_prefix(BASE).expect("ours").to_owned());
            }
            assert_eq!(seen.len(), 2, "{name} {order}: {seen:?}");
            assert!(value.is_none() || seen[0] == *first, "{name} {order}: {seen:?}");
        }
    }
    let (_, single) = world.call(&token, "GET", &device_path(4), "").await;
    for name in NULL {
        assert_eq!(single[name], Value::Null, "{name}");
        let found = ids(format!("$filter={name}%20eq%20''")).await;
        assert_eq!(found, Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn the_overview_counts_the_devices_that_are_seen_by_system() {
    let world = World::new().await;
    let token = world.token();
    let now = world.clock.now();
    let write = world.store.write(move |unit| {
        for (number, platform) in [(50, Platform::Linux), (51, Platform::Linux), (52, Platform::WindowsPhone)] {
            unit.insert_device(&ManagedDevice::new(tenant(1), device(number), platform, now))?;
        }
        Ok(())
    });
    write.await.expect("written");
    for (version, linux, unknown) in [("beta", json!(2), 0), ("v1.0", Value::Null, 2)] {
        let (status, overview) =
            world.call(&token, "GET", &format!("/{version}/deviceManagement/managedDeviceOverview"), "").await;
        assert_eq!(status, 200, "{overview}");
        let by_system = &overview["deviceOperatingSystemSummary"];
        assert_eq!(
            (&overview["enrolledDeviceCount"], &by_system["windowsCount"]),
            (&json!(5), &json!(2)),
            "{overview}"
        );
        assert_eq!((&by_system["linuxCount"], &by_system["unknownCount"]), (&linux, &json!(unknown)), "{overview}");
        assert_eq!((&by_system["windowsMobileCount"], &by_system["configMgrDeviceCount"]), (&json!(1), &json!(2)));
    }
    let none = world.token_for(tenant(1), &[Permission::UserReadAll]);
    assert_eq!(world.call(&none, "GET", "/beta/deviceManagement/managedDeviceOverview", "").await.0, 403);
}

#[tokio::test]
async fn a_device_of_the_directory_is_found_by_its_id_there_and_by_ours() {
    let world = World::new().await;
    world.know_everything().await;
    let token = world.token();
    let entra = "5d0c4b0e-0000-4000-8000-00000000000e";
    let (one, four) = (device(1).to_string(), device(4).to_string());
    let found = async |query: String| {
        let (status, page) = world.call(&token, "GET", &format!("/v1.0/devices?{query}"), "").await;
        assert_eq!(status, 200, "{query}: {page}");
        let items = page["value"].as_array().expect("items").iter();
        items.map(|item| item["displayName"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    for (filter, expected) in [
        (format!("deviceId eq '{entra}'"), vec!["D1"]),
        (format!("deviceId eq '{four}'"), vec!["D4"]),
        (format!("deviceId eq '{one}'"), vec![]),
        (format!("deviceId ne '{entra}'"), vec!["D4"]),
        (format!("id eq '{one}'"), vec!["D1"]),
        ("displayName eq 'd4'".to_owned(), vec!["D4"]),
        ("startswith(displayName,'D')".to_owned(), vec!["D1", "D4"]),
        ("deviceId eq null".to_owned(), vec![]),
        (format!("deviceId in ('{entra}','{four}') and isManaged eq true"), vec!["D1", "D4"]),
    ] {
        let query = format!("$filter={}&$orderby=displayName", filter.replace(' ', "%20"));
        assert_eq!(found(query).await, expected, "{filter}");
    }
    for path in
        [format!("/v1.0/devices/{one}"), format!("/v1.0/devices(deviceId='{entra}')"), format!("/beta/devices/{entra}")]
    {
        let (status, device) = world.call(&token, "GET", &path, "").await;
        assert_eq!((status, &device["id"], &device["deviceId"]), (200, &json!(one), &json!(entra)), "{path}: {device}");
    }
    let (_, device) = world.call(&token, "GET", &format!("/v1.0/devices/{four}"), "").await;
    assert_eq!((&device["deviceId"], &device["operatingSystem"]), (&json!(four), &json!("Windows")));
    for (path, status) in [
        (format!("/v1.0/devices/{}", super::device(2)), 404),
        (format!("/v1.0/devices/{}", super::device(3)), 404),
        ("/v1.0/devices/x".to_owned(), 400),
        ("/v1.0/devices?$orderby=deviceId".to_owned(), 400),
    ] {
        assert_eq!(world.call(&token, "GET", &path, "").await.0, status, "{path}");
    }
    assert_eq!(world.call(&token, "PATCH", &format!("/v1.0/devices/{one}"), "{}").await.0, 405);
}

#[tokio::test]
async fn an_application_reads_roles_with_the_permission_to_read_them() {
    let world = World::new().await;
    let reader = world.token_for(tenant(1), &[Permission::RbacReadAll]);
    for path in ["roleDefinitions", "roleDefinitions?$expand=roleAssignments", "roleAssignments", "roleScopeTags"] {
        let (status, answer) = world.call(&reader, "GET", &format!("/beta/deviceManagement/{path}"), "").await;
        assert_eq!(status, 200, "{path}: {answer}");
    }
}

#[tokio::test]
async fn events_name_their_resources() {
    let world = World::new().await;
    let token = world.token();
    world.call(&token, "PATCH", &device_path(1), "{\"notes\":\"x\"}").await;
    world.call(&token, "PATCH", &format!("/beta/users/{}", id(0xa, 1)), "{\"displayName\":\"Ana\"}").await;
    world
        .call(
            &token,
            "POST",
            &format!("{}/detectedApps/$ref", device_path(4)),
            &json!({"@odata.id": format!("{BASE}/beta/deviceManagement/detectedApps/{}", id(0xb, 1))}).to_string(),
        )
        .await;
    let (_, events) = world.call(&token, "GET", "/beta/deviceManagement/auditEvents", "").await;
    let named: Vec<_> = events["value"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| {
            [&event["activityType"], &event["resources"][0]["displayName"]]
                .map(|text| text.as_str().unwrap_or("-").to_owned())
        })
        .collect();
    let expected = [["patch Resource", "D1"], ["patch Resource", "Ana"], ["link Resource", "D4"]];
    assert_eq!(named, expected.map(|row| row.map(str::to_owned)));
}
