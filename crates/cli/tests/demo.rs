//! The demonstration, and that no passcode is anywhere it should not be.

#![allow(unreachable_pub, dead_code, reason = "a test crate; the support is shared")]

mod support;

use std::path::Path;

use serde_json::Value;
use support::{Server, chaveiro, run, text, try_run};

fn demo(data: &Path) -> (Vec<Value>, String) {
    let output = chaveiro().args(["demo", "--json", "--data"]).arg(data).env("CHAVEIRO_LOG", "trace").output();
    let output = output.expect("it runs");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    (out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(), err)
}

#[test]
fn the_demonstration_recovers_the_passcode_through_all_seven_urls() {
    let output = chaveiro().arg("demo").output().expect("it runs");
    let out = text(&output.stdout);
    assert!(output.status.success(), "{out}{}", text(&output.stderr));
    assert_eq!(out.matches("204 No Content").count(), 7, "{out}");
    assert_eq!(out.matches("= the device's PIN").count(), 7, "{out}");
    assert!(out.contains("verified with the pinned key"), "{out}");
    let portuguese = chaveiro().args(["demo", "--lang", "pt-BR"]).output().expect("it runs");
    assert!(text(&portuguese.stdout).contains("= o PIN do dispositivo"));
}

#[tokio::test]
async fn no_passcode_is_in_any_log_file_page_key_error_or_metric() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let (story, logs) = demo(&data);
    let passcodes: Vec<String> = story
        .iter()
        .filter(|line| line["step"] == "recovered")
        .map(|line| line["passcode"].as_str().expect("a passcode").to_owned())
        .collect();
    assert_eq!(passcodes.len(), 7);
    assert!(logs.contains("answered"), "the log is there at all");

    // The same data under a running server: errors, lists and metrics.
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let client = server.client();
    let mut served = String::new();
    for path in [
        "/metrics",
        "/healthz",
        "/readyz",
        "/beta/deviceManagement/managedDevices",
        "/beta/deviceManagement/managedDevices/00000000-0000-0000-0000-000000000000",
        "/beta/nope",
        "/v1.0/users",
    ] {
        let answer = client.get(format!("{}{path}", server.graph_url)).send().await.expect("an answer");
        served.push_str(&answer.text().await.expect("text"));
    }
    assert!(served.contains("chaveiro_devices 1"), "{served}");
    let export = run(&data, &["audit", "export"]);
    drop(server);

    let mut places = vec![("the log".to_owned(), logs.into_bytes()), ("answers".to_owned(), served.into_bytes())];
    places.push(("the audit export".to_owned(), export.into_bytes()));
    read_all(&data, &mut places);
    assert!(places.iter().any(|(name, bytes)| name.ends_with("chaveiro.db") && bytes.len() > 4096));
    for passcode in &passcodes {
        for (name, bytes) in &places {
            let found = bytes.windows(passcode.len()).any(|window| window == passcode.as_bytes());
            assert!(!found, "a passcode is in {name}");
        }
    }
}

fn read_all(directory: &Path, places: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_all(&path, places);
        } else {
            places.push((path.display().to_string(), std::fs::read(&path).expect("bytes")));
        }
    }
}

#[test]
fn a_demonstration_does_not_touch_a_data_directory_that_is_there() {
    let (_directory, data) = support::initialised();
    let output = try_run(&data, &["demo"]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("already"), "{}", text(&output.stderr));
}
