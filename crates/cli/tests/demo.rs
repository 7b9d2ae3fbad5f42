//! The demonstration, and that no passcode is anywhere it should not be.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::support::{self, Server, chaveiro, run, run_json, text, try_run};
use serde_json::Value;

fn demo(data: &Path) -> (Vec<Value>, String) {
    let output = chaveiro().args(["demo", "--json", "--log", "trace", "--data"]).arg(data).output();
    let output = output.expect("it runs");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    (out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(), err)
}

#[test]
fn the_demonstration_recovers_windows_through_all_seven_urls_and_linux_with_its_disk() {
    let output = chaveiro().arg("demo").output().expect("it runs");
    let out = text(&output.stdout);
    assert!(output.status.success(), "{out}{}", text(&output.stderr));
    assert_eq!(out.matches("204 No Content").count(), 8, "{out}");
    assert_eq!(out.matches("= the device's PIN").count(), 7, "{out}");
    for (lock, secret, verdict) in [
        ("login:ana", "the former secret", "is refused"),
        ("login:ana", "the recovered passcode", "opens"),
        ("luks2:/disk.img", "the former secret", "is refused"),
        ("luks2:/disk.img", "the recovered passcode", "opens"),
        ("luks2:/disk.img", "the user's own passphrase", "opens"),
    ] {
        let told = |line: &str| line.contains(lock) && line.contains(secret) && line.ends_with(verdict);
        assert!(out.lines().any(told), "{lock}, {secret}: {verdict}\n{out}");
    }
    assert!(out.contains("verified with the pinned key"), "{out}");
    let table = out.lines().skip_while(|line| !line.starts_with("URL "));
    let rows: Vec<&str> = table.take_while(|line| !line.is_empty()).collect();
    assert!(rows.len() == 9 && rows.iter().all(|row| row.chars().count() <= 80), "a table of 80 columns: {rows:#?}");
    let portuguese = chaveiro().args(["demo", "--lang", "pt-BR"]).output().expect("it runs");
    let out = text(&portuguese.stdout);
    assert!(!out.contains("pending") && !out.contains("done"), "states are in the reader's language: {out}");
    assert!(out.contains("= o PIN do dispositivo") && out.contains("frase secreta do próprio usuário"), "{out}");
}

#[tokio::test]
async fn no_passcode_is_in_any_log_file_page_key_error_or_metric() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let (story, logs) = demo(&data);
    let of = |step: &str| {
        let lines = story.iter().filter(|line| line["step"] == step);
        lines.map(|line| line["passcode"].as_str().expect("a passcode").to_owned()).collect::<Vec<_>>()
    };
    let (recovered, of_disk) = (of("recovered"), of("linuxDisk"));
    assert_eq!((recovered.len(), of_disk.len()), (8, 1), "Windows seven times, Linux; its disk before that");
    let passcodes = [recovered, of_disk].concat();
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
    assert!(served.contains("chaveiro_devices 2"), "{served}");
    let export = run(&data, &["audit", "export"]);
    drop(server);

    let mut places = vec![("the log".to_owned(), logs.into_bytes()), ("answers".to_owned(), served.into_bytes())];
    places.push(("the audit export".to_owned(), export.into_bytes()));
    support::read_all(&data, &mut places);
    assert!(places.iter().any(|(name, bytes)| name.ends_with("chaveiro.db") && bytes.len() > 4096));
    for name in ["linux-device/root/etc/shadow", "linux-device/root/disk.img", "linux-device/state/escrowed.json"] {
        assert!(places.iter().any(|(place, _)| place.ends_with(name)), "{name} is looked at");
    }
    for passcode in &passcodes {
        for (name, bytes) in &places {
            let found = bytes.windows(passcode.len()).any(|window| window == passcode.as_bytes());
            assert!(!found, "a passcode is in {name}");
        }
    }
}

#[test]
fn what_the_linux_machine_said_of_its_locks_and_its_recoveries_is_on_the_command_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    demo(&data);
    let _server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let locks = run_json(&data, &["device", "recoverability", "ana-desktop"]);
    for (entry, lock, subject) in [(&locks[0], "login", "ana"), (&locks[1], "luks2", "/disk.img")] {
        assert_eq!((&entry["lock"], &entry["subject"]), (&lock.into(), &subject.into()), "{locks}");
        assert_eq!((&entry["ready"], &entry["escrow"]), (&true.into(), &"opens".into()), "{locks}");
    }
    let table = run(&data, &["device", "recoverability", "ana-desktop", "--lang", "pt"]);
    let told =
        table.lines().any(|line| ["volume cifrado", "/disk.img", "sim", "abre"].iter().all(|word| line.contains(word)));
    assert!(told && table.contains("Recuperável hoje"), "{table}");
    let actions = run(&data, &["action", "ana-desktop"]);
    assert!(actions.contains("Opens") && actions.contains("encrypted volume /disk.img"), "{actions}");
    assert!(!actions.contains("Reason"), "a column that nothing is in is not shown: {actions}");
}

#[test]
fn a_demonstration_does_not_touch_a_data_directory_that_is_there() {
    let (_directory, data) = support::initialised();
    let output = try_run(&data, &["demo"]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("already"), "{}", text(&output.stderr));
}

#[test]
fn the_demonstration_uses_nothing_of_the_environment_and_its_commands_work_as_printed() {
    let (_directory, data) = support::initialised();
    let before = support::tree(&data);
    let mut command = chaveiro();
    command.args(["demo", "--keep", "--json"]).env("CHAVEIRO_DATA", &data).env("CHAVEIRO_GRAPH_LISTEN", "nowhere");
    command.env("CHAVEIRO_LOG", "no=filter=at=all").env("CHAVEIRO_CONFIG", "/nonexistent").stdout(Stdio::piped());
    let mut demo = Running(command.spawn().expect("it starts"));
    let output = BufReader::new(demo.0.stdout.take().expect("its output"));
    let steps = output.lines().map(|line| serde_json::from_str::<Value>(&line.expect("text")).expect("JSON"));
    let next = steps.into_iter().find(|step| step["step"] == "next").expect("what to try");
    assert_eq!(support::tree(&data), before, "the directory of the variable is not touched");

    let commands: Vec<&str> = next["commands"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let ours: Vec<&str> = commands.iter().filter_map(|line| line.strip_prefix("chaveiro ")).collect();
    assert!(ours.len() >= 4 && !commands.iter().any(|line| line.contains('…')), "{commands:?}");
    for line in ours {
        // A reader who exported the variable types what is printed, too.
        let mut typed = chaveiro();
        typed.args(line.split(' ')).env("CHAVEIRO_DATA", &data);
        let output = typed.output().expect("it runs");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{line}: {out}{err}");
        if line.contains("--show") {
            let json = chaveiro()
                .args(line.replace("recover ", "action ").replace("--wait ", "").split(' '))
                .arg("--json")
                .output();
            let shown: Value = serde_json::from_slice(&json.expect("it runs").stdout).expect("JSON");
            let passcode = shown[0]["passcode"].as_str().unwrap_or_else(|| panic!("{line}: {shown}"));
            assert!(out.contains(passcode) || out.replace([' ', '\n'], "").contains(passcode), "{line}: {out}");
        }
    }
}

/// A demonstration that stays up; killed when dropped.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}
