//! Retired devices: they leave lists and counts, and their escrow stays.

use super::*;

const RETIRED: &str = "$filter=managementState%20eq%20'retireIssued'";

impl World {
    async fn ids(&self, token: &str, path: &str) -> Vec<String> {
        let (status, page) = self.call(token, "GET", path, "").await;
        assert_eq!(status, 200, "{path}: {page}");
        let items = page["value"].as_array().expect("items").iter();
        items.map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    }
}

#[tokio::test]
async fn a_deleted_device_leaves_every_list_and_its_passcode_is_still_read() {
    let world = World::new().await;
    let token = world.token();
    world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(1)), "").await;
    world.carry_out(1, PLANTED).await;
    let gone = device(1).to_string();
    let (user, app) = (id(0xa, 1), id(0xb, 1));
    let lists = [
        "/beta/deviceManagement/managedDevices".to_owned(),
        "/v1.0/deviceManagement/managedDevices".to_owned(),
        "/beta/deviceManagement/comanagedDevices".to_owned(),
        format!("/beta/users/{user}/managedDevices"),
        format!("/beta/deviceManagement/detectedApps/{app}/managedDevices"),
        format!("{}/users/{user}/managedDevices", device_path(1)),
        format!("{}/detectedApps/{app}/managedDevices", device_path(1)),
        "/beta/devices".to_owned(),
    ];
    for list in &lists {
        assert!(world.ids(&token, list).await.contains(&gone), "{list}");
    }
    let before = world.ids(&token, &lists[0]).await.len();
    assert_eq!(world.call(&token, "DELETE", &device_path(1), "").await.0, 204);
    for list in &lists {
        assert!(!world.ids(&token, list).await.contains(&gone), "{list}");
        for more in ["$orderby=id", "$filter=id%20ne%20null", "$count=true", "$search=D1"] {
            if list.ends_with("/devices") && more.starts_with("$search") {
                continue;
            }
            assert!(!world.ids(&token, &format!("{list}?{more}")).await.contains(&gone), "{list}?{more}");
        }
    }
    let (_, page) = world.call(&token, "GET", &format!("{}?$count=true&$top=1", lists[0]), "").await;
    assert_eq!(page["@odata.count"], before as u64 - 1);
    let request = Request::get(format!("{}/$count", lists[0])).header("Authorization", format!("Bearer {token}"));
    let (_, count) = world.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(count, json!(before as u64 - 1));
    let (_, expanded) = world
        .call(&token, "GET", &format!("/beta/deviceManagement/detectedApps/{app}?$expand=managedDevices"), "")
        .await;
    assert_eq!(expanded["managedDevices"], json!([]));
    let (_, overview) = world.call(&token, "GET", "/beta/deviceManagement/managedDeviceOverview", "").await;
    assert_eq!(overview["enrolledDeviceCount"], before as u64 - 1);

    assert!(world.ids(&token, &format!("{}?{RETIRED}", lists[0])).await.contains(&gone), "a filter finds it");
    for list in &lists[..5] {
        assert!(world.ids(&token, &format!("{list}?{RETIRED}")).await.contains(&gone), "{list}");
    }
    let (status, single) =
        world.call(&token, "GET", &format!("{}?$select=managementState,deviceActionResults", device_path(1)), "").await;
    assert_eq!((status, &single["managementState"]), (200, &json!("retireIssued")));
    assert_eq!(single["deviceActionResults"][0]["passcode"], PLANTED, "{single}");

    let (status, answer) = world.call(&token, "DELETE", &device_path(1), "").await;
    assert_eq!((status, &answer["error"]["code"]), (404, &json!("ResourceNotFound")));
    assert_eq!(answer["error"]["innerError"]["chaveiro_code"], "deviceRetiredBefore");
    assert!(answer["error"]["message"].as_str().is_some_and(|text| text.contains("retired already")), "{answer}");
}

#[tokio::test]
async fn a_cleanup_that_deletes_what_is_listed_comes_to_its_end() {
    let world = World::new().await;
    let token = world.token();
    for _ in 0..5 {
        for found in world.ids(&token, "/beta/deviceManagement/managedDevices").await {
            let path = format!("/beta/deviceManagement/managedDevices/{found}");
            assert_eq!(world.call(&token, "DELETE", &path, "").await.0, 204);
        }
    }
    assert_eq!(world.ids(&token, "/beta/deviceManagement/managedDevices").await, Vec::<String>::new());
    assert_eq!(world.ids(&token, &format!("/beta/deviceManagement/managedDevices?{RETIRED}")).await.len(), 3);
}

#[tokio::test]
async fn a_device_that_was_unenrolled_there_is_told_and_found_as_such() {
    let world = World::new().await;
    let token = world.token();
    world.add_device(1, 5, ManagementState::Unenrolled).await;
    let all = "/beta/deviceManagement/managedDevices";
    let (managed, retired, left) = (device(1).to_string(), device(3).to_string(), device(5).to_string());
    assert!(!world.ids(&token, all).await.contains(&left), "it leaves lists as a retired one does");
    for (filter, expected) in [
        ("managementState eq 'unknownFutureValue'", vec![&left]),
        ("chaveiro_managementState eq 'unenrolled'", vec![&left]),
        ("chaveiro_managementState eq 'retired'", vec![&retired]),
        ("managementState eq 'retireIssued'", vec![&retired]),
        ("chaveiro_managementState ne 'managed'", vec![&retired, &left]),
        ("not (chaveiro_managementState in ('unenrolled','managed'))", vec![&retired]),
        ("chaveiro_managementState eq 'unenrolled' and deviceName eq 'D1'", vec![]),
    ] {
        let found = world.ids(&token, &format!("{all}?$filter={}", filter.replace(' ', "%20"))).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter}");
    }
    let (status, refused) =
        world.call(&token, "GET", &format!("{all}?$filter=chaveiro_managementState%20eq%20'left'"), "").await;
    let text = refused["error"]["message"].as_str().expect("a text");
    assert!(status == 400 && text.contains("'managed', 'retired', 'unenrolled'"), "{text}");
    for (id, state, word) in [
        (&managed, "managed", "managed"),
        (&retired, "retireIssued", "retired"),
        (&left, "unknownFutureValue", "unenrolled"),
    ] {
        for version in ["beta", "v1.0"] {
            let path = format!("/{version}/deviceManagement/managedDevices/{id}");
            let (_, single) = world.call(&token, "GET", &path, "").await;
            let ours = if version == "beta" { json!(word) } else { Value::Null };
            assert_eq!((&single["managementState"], &single["chaveiro_managementState"]), (&json!(state), &ours));
        }
    }
    let (status, answer) = world.call(&token, "DELETE", &device_path(5), "").await;
    assert_eq!((status, &answer["error"]["innerError"]["chaveiro_code"]), (404, &json!("deviceRetiredBefore")));
    let (status, answer) = world.call(&token, "POST", &format!("{}/recoverPasscode", device_path(5)), "").await;
    let text = answer["error"]["message"].as_str().expect("a text");
    assert!(status == 400 && text.contains("unenrolled on the device itself; it must enroll again"), "{text}");
}
