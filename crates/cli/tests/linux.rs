//! The real agent against the real server, each a process of its own.

use crate::support::machine::{Machine, OLD_PASSWORD, PASSPHRASE, escrowed};
use crate::support::{Server, get, initialised, run, run_json, text};
use serde_json::Value;

const DEVICES: &str = "/beta/deviceManagement/managedDevices";

async fn devices(server: &Server) -> Value {
    get(&server.client(), &format!("{}/beta/deviceManagement/managedDevices", server.graph_url)).await["value"].clone()
}

#[tokio::test]
async fn a_linux_machine_enrols_reports_what_it_is_and_leaves() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let machine = Machine::new();
    assert_eq!(machine.try_run(&["status"]).status.code(), Some(1), "not enrolled yet");
    let enrolled = machine.enroll(&server);
    assert!(enrolled.status.success(), "{}", text(&enrolled.stderr));
    machine.run(&["sync"]);

    let devices_before = devices(&server).await;
    let device = &devices_before[0];
    for (property, value) in [
        ("deviceName", "ana-laptop"),
        ("operatingSystem", "Linux"),
        ("deviceType", "linux"),
        ("osVersion", "12"),
        ("manufacturer", "Contoso"),
        ("model", "Laptop 9"),
        ("serialNumber", "SN-42"),
        ("wiFiMacAddress", "00155DA1B2C4"),
        ("processorArchitecture", "arM64"),
    ] {
        assert_eq!(device[property], value, "{property} of {device}");
    }
    assert_eq!(device["physicalMemoryInBytes"].as_u64(), Some(0), "told by a single GET alone");
    let id = device["id"].as_str().expect("an id");
    let url = format!("{}/beta/deviceManagement/managedDevices/{id}", server.graph_url);
    let single = get(&server.client(), &format!("{url}?$select=physicalMemoryInBytes,totalStorageSpaceInBytes")).await;
    assert_eq!(single["physicalMemoryInBytes"].as_u64(), Some(16_000 << 20));
    assert!(single["totalStorageSpaceInBytes"].as_u64() > Some(0));

    let apps = get(&server.client(), &format!("{url}/detectedApps")).await;
    assert_eq!((&apps["value"][0]["displayName"], &apps["value"][1]), (&"editor".into(), &Value::Null), "{apps}");
    let users = get(&server.client(), &format!("{url}/users")).await;
    assert_eq!(users["value"][0]["userPrincipalName"], "ana@ana-laptop");
    assert_eq!(users["value"][0]["displayName"], "Ana Souza");
    // What is reported already is not reported again, and an empty list is a list.
    let again = || -> Value { serde_json::from_str(&machine.run(&["sync", "--json"])).expect("JSON") };
    assert_eq!(again()["commands"], 0);
    std::fs::write(machine.root().join("var/lib/dpkg/status"), "").expect("written");
    assert_eq!((again()["commands"].clone(), again()["commands"].clone()), (1.into(), 0.into()));
    let apps = get(&server.client(), &format!("{url}/detectedApps")).await;
    assert_eq!(apps["value"].as_array().map(Vec::len), Some(0), "{apps}");
    let described = machine.run(&["ddf"]);
    assert!(described.contains("<NodeName>Prepare</NodeName>"));

    let status: Value = serde_json::from_str(&machine.run(&["status", "--json"])).expect("JSON");
    assert!(status["lastSync"].is_string() && status["enrolled"] == true, "{status}");
    machine.run(&["unenroll"]);
    assert_eq!(devices(&server).await, serde_json::json!([]), "it has left the list");
    let left = run_json(&data, &["device", "list", "--retired"]);
    assert_eq!(left[0]["chaveiro_managementState"], "unenrolled", "nobody retired it, and its record stays: {left}");
    assert!(text(&machine.try_run(&["sync"]).stderr).contains("not enrolled"));
}

#[tokio::test]
async fn a_machine_that_enrols_again_is_the_same_device_when_its_token_was_made_for_it() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let machine = Machine::new();
    assert!(machine.enroll(&server).status.success());
    let again = machine.enroll(&server);
    assert!(text(&again.stderr).contains("enrolled already"), "{}", text(&again.stderr));
    let first = devices(&server).await[0]["id"].clone();
    machine.run(&["unenroll", "--force"]);
    let token = run_json(&data, &["device", "enroll-token", "--replace", first.as_str().expect("an id")]);
    assert!(machine.try_enroll(&server, token["token"].as_str().expect("a token")).status.success());
    machine.run(&["sync"]);
    let now = devices(&server).await;
    assert_eq!((now.as_array().map(Vec::len), &now[0]["id"]), (Some(1), &first));
}

#[tokio::test]
async fn what_goes_wrong_is_said_with_what_to_do_and_leaves_nothing_behind() {
    let (_directory, data) = initialised();
    let mut server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let machine = Machine::new();
    let refused = machine.try_enroll(&server, "WRONG-TOKEN");
    assert!(!refused.status.success() && text(&refused.stderr).contains("not enrolled"), "{}", text(&refused.stderr));
    assert_eq!(machine.try_run(&["status"]).status.code(), Some(1));

    let token = run_json(&data, &["device", "enroll-token"])["token"].as_str().expect("a token").to_owned();
    let untrusted = machine.try_run(&["enroll", &server.device_url, "--token", &token]);
    assert!(!untrusted.status.success(), "a server without a known root is not trusted");
    let said = text(&untrusted.stderr);
    assert!(!said.contains(&token), "the token is not repeated");
    assert_eq!(said.matches("root").count() - said.matches("--root-fingerprint").count(), 1, "told once: {said}");
    assert!(said.contains("nothing was sent") && said.ends_with("it has the --root-fingerprint\n"), "{said}");

    assert!(machine.try_enroll(&server, &token).status.success(), "a token that was not used still serves");
    server.kill();
    for verb in [&["sync"][..], &["unenroll"]] {
        let output = machine.try_run(verb);
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains("try again") || text(&output.stderr).contains("--force"));
    }
    assert!(machine.run(&["status"]).contains("enrolled at"), "nothing was removed");
    machine.run(&["unenroll", "--force"]);
    assert_eq!(machine.try_run(&["status"]).status.code(), Some(1));
}

/// The newest action result of the only device; naming it in `$select` shows its passcode.
async fn newest(server: &Server, client: &reqwest::Client, id: &str) -> Value {
    let url = format!("{}{DEVICES}/{id}?$select=deviceActionResults", server.graph_url);
    get(client, &url).await["deviceActionResults"][0].clone()
}

async fn recover(server: &Server, client: &reqwest::Client, id: &str) {
    let asked = client.post(format!("{}{DEVICES}/{id}/recoverPasscode", server.graph_url)).send().await;
    assert_eq!(asked.expect("an answer").status(), 204);
}

/// Asks until the newest action has ended.
async fn ended(server: &Server, client: &reqwest::Client, id: &str) -> Value {
    for _ in 0..600 {
        let url = format!("{}{DEVICES}/{id}", server.graph_url);
        let result = get(client, &url).await["deviceActionResults"][0].clone();
        if !["pending", "active"].contains(&result["actionState"].as_str().unwrap_or_default()) {
            return newest(server, client, id).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the action did not end");
}

#[tokio::test]
async fn a_locked_out_person_gets_a_passcode_that_opens_account_and_disk() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let client = server.client();
    let machine = Machine::ready(&server);
    let locks = machine.locks();
    let id = devices(&server).await[0]["id"].as_str().expect("an id").to_owned();

    // The disk was escrowed by itself, before a caller asked; the password of the account is still the person's.
    let first = newest(&server, &client, &id).await;
    let standing = first["passcode"].as_str().expect("a passcode").to_owned();
    assert_eq!(
        (&first["actionState"], &first["chaveiro_opens"]),
        (&"done".into(), &serde_json::json!(["luks2:/disk.img"]))
    );
    assert!(locks.passphrase_opens(&standing) && locks.passphrase_opens(PASSPHRASE));
    assert!(locks.password_opens(OLD_PASSWORD) && !locks.password_opens(&standing));

    // The request wakes the service, which does not poll.
    let service = machine.service();
    recover(&server, &client, &id).await;
    let result = ended(&server, &client, &id).await;
    let passcode = result["passcode"].as_str().expect("a passcode").to_owned();
    assert_eq!(result["actionState"], "done", "{result}");
    assert_eq!(result["chaveiro_opens"], serde_json::json!(["luks2:/disk.img", "login:ana"]));
    assert!(result["chaveiro_verifiedDateTime"].is_string());
    assert!(locks.password_opens(&passcode) && locks.passphrase_opens(&passcode));
    assert!(!locks.password_opens(OLD_PASSWORD), "the forgotten password is gone");
    assert!(locks.passphrase_opens(PASSPHRASE), "the person's own slot is untouched");
    assert!(service.stop(), "it ends well when it is told to");
    machine.run(&["sync"]);
    assert!(!locks.passphrase_opens(&standing), "the passcode that was escrowed before is retired");
    assert!(!machine.state().join("recovery.journal").exists(), "nothing is left to be done");

    let shown = get(&client, &format!("{}{DEVICES}/{id}", server.graph_url)).await;
    let states: Vec<_> = shown["chaveiro_recoverability"].as_array().expect("a list").iter().collect();
    assert_eq!(states.len(), 2);
    assert!(states.iter().all(|state| state["ready"] == true && state["escrow"] == "opens"), "{states:?}");
    let told = run(&data, &["device", "recoverability", "ana-laptop"]);
    assert!(told.contains("/disk.img") && told.contains("ana"), "{told}");

    // In clear it is nowhere: not on the device, not on the server.
    drop(server);
    for directory in [machine.directory.path(), data.as_path()] {
        for secret in [&passcode, &standing] {
            let found = std::process::Command::new("grep").args(["-rlF", "--", secret]).arg(directory).output();
            let found = text(&found.expect("grep runs").stdout);
            assert!(found.is_empty(), "a passcode is in {found}");
        }
    }
    assert!(escrowed(&data).await.contains(&passcode));
}

#[tokio::test]
async fn leaving_can_take_the_key_slots_along_and_never_takes_a_persons() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let client = server.client();
    for release in [false, true] {
        let machine = Machine::ready(&server);
        let locks = machine.locks();
        let all = devices(&server).await;
        let id = all
            .as_array()
            .and_then(|all| all.last())
            .and_then(|device| device["id"].as_str())
            .expect("an id")
            .to_owned();
        let passcode = newest(&server, &client, &id).await["passcode"].as_str().expect("a passcode").to_owned();
        assert!(locks.passphrase_opens(&passcode));
        let flags: &[&str] = if release { &["unenroll", "--release-slots"] } else { &["unenroll"] };
        let told = machine.run(flags);
        assert_eq!(told.contains("are gone"), release, "{told}");
        assert_eq!(locks.passphrase_opens(&passcode), !release);
        assert!(locks.passphrase_opens(PASSPHRASE) && locks.password_opens(OLD_PASSWORD));
        let device = get(&client, &format!("{}{DEVICES}/{id}", server.graph_url)).await;
        assert_eq!(device["chaveiro_managementState"], "unenrolled");
        let events = run_json(&data, &["device", "list"]);
        assert!(events.is_array());
    }
}
