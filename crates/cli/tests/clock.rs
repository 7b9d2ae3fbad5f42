//! A real server whose clock jumps, by libfaketime.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Server, chaveiro, faketime, get, initialised, text};
use chaveiro_core::permission::PERMISSIONS;
use chaveiro_fleet::enroll::enroll;
use chaveiro_fleet::hardware::Hardware;
use chaveiro_fleet::https::Https;
use chaveiro_fleet::windows::WindowsDevice;

const DEVICES: &str = "/beta/deviceManagement/managedDevices";

/// A clock that a test moves under running processes.
struct FakeClock {
    library: &'static str,
    file: PathBuf,
}

impl FakeClock {
    fn new(directory: &Path) -> Option<Self> {
        let clock = Self { library: faketime::library()?, file: directory.join("time") };
        clock.set("+0");
        Some(clock)
    }

    /// Sets it, relative to the real time: `+43d`.
    fn set(&self, offset: &str) {
        let next = self.file.with_extension("next");
        std::fs::write(&next, offset).expect("written");
        std::fs::rename(next, &self.file).expect("moved");
    }

    fn command(&self) -> Command {
        let mut command = chaveiro();
        command
            .env("LD_PRELOAD", self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command
    }

    /// A token that the host mints by this clock.
    fn token(&self, data: &Path) -> String {
        let mut command = self.command();
        command.args(["token", "--data"]).arg(data);
        for row in PERMISSIONS {
            command.args(["--permission", row.name]);
        }
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }
}

/// The clock, or `None` where libfaketime is not installed, which is said.
fn fake_clock(directory: &Path) -> Option<FakeClock> {
    let clock = FakeClock::new(directory);
    if clock.is_none() {
        println!("skipped: libfaketime is not installed (Debian: faketime)");
        assert!(std::env::var_os("CI").is_none(), "CI must have it");
    }
    clock
}

async fn say(server: &Server, client: &reqwest::Client, path: &str) -> (u16, String) {
    let answer = client.get(format!("{}{path}", server.graph_url)).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

async fn until(what: &str, limit: Duration, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < limit, "{what}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Longer than the job that destroys waits between two looks.
const A_JOB_AND_MORE: Duration = Duration::from_secs(17);

#[tokio::test]
async fn a_clock_that_jumps_ahead_and_back_destroys_nothing_and_stops_nothing() {
    let (directory, data) = initialised();
    let Some(clock) = fake_clock(directory.path()) else { return };
    let server = Server::start_by(clock.command(), &data, &["--log", "error"]);
    let (mut device, transport) = server.device(7).await;
    let (mut second, second_transport) = server.device(8).await;
    let client = server.client_with(&clock.token(&data));
    let listed = get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
    let ids: Vec<_> = (0..2).map(|n| listed["value"][n]["id"].as_str().expect("an id").to_owned()).collect();
    let enroll_by = async |number: u64| {
        let output = clock.command().args(["device", "enroll-token", "--json", "--data"]).arg(&data).output();
        let token: serde_json::Value = serde_json::from_slice(&output.expect("it runs").stdout).expect("JSON");
        let (plain, hardware) = (Https::new(&server.root_pem(), None).expect("a transport"), Hardware::laptop(number));
        let token = token["token"].as_str().expect("a token");
        let account = enroll(&plain, &hardware, &server.device_url, "ana@example.org", token).await.expect("enrolled");
        let transport = Https::new(&account.root_pem, Some(&account.identity)).expect("a transport");
        let mut device = WindowsDevice::new(hardware, account, Box::new(|| "1".to_owned()));
        device.sync(&transport).await.expect("the first session");
        (device, transport)
    };
    let recover = async |client: &reqwest::Client, id: &str| {
        let asked = client.post(format!("{}{DEVICES}/{id}/recoverPasscode", server.graph_url)).send().await;
        asked.expect("an answer").status().as_u16()
    };
    let passcode = async |client: &reqwest::Client, id: &str| {
        let url = format!("{}{DEVICES}/{id}?$select=deviceActionResults", server.graph_url);
        get(client, &url).await["deviceActionResults"][0]["passcode"].clone()
    };
    assert_eq!(recover(&client, &ids[0]).await, 204);
    device.sync(&transport).await.expect("a session");
    let unread = device.pin().to_owned();

    for (ahead, told) in [("+8d", "8 d 0 h"), ("+43d", "43 d 0 h")] {
        clock.set(ahead);
        tokio::time::sleep(A_JOB_AND_MORE).await;
        let then = server.client_with(&clock.token(&data));
        let (status, said) = say(&server, &then, "/readyz").await;
        assert!(status == 200 && said.contains(told) && said.contains("ahead"), "{ahead}: {status} {said}");
        // Who asks now is answered, by a token of now, and is not told to wait.
        assert_eq!(recover(&then, &ids[1]).await, 204, "{ahead}");
        second.sync(&second_transport).await.expect("a session");
        assert_eq!(passcode(&then, &ids[1]).await, second.pin(), "{ahead}");
        // So are those that enrol now, and they are known afterwards.
        let number = if ahead == "+8d" { 20 } else { 30 };
        let (mut newcomer, newcomers_transport) = enroll_by(number).await;

        clock.set("+0");
        until("the way back is told", Duration::from_secs(20), async || {
            say(&server, &client, "/readyz").await.1.contains("back")
        })
        .await;
        let back = server.client_with(&clock.token(&data));
        for _ in 0..5 {
            assert_eq!(recover(&back, &ids[1]).await, 204, "after {ahead}");
        }
        second.sync(&second_transport).await.expect("a session");
        newcomer.sync(&newcomers_transport).await.expect("a session with a certificate that was issued ahead");
        enroll_by(number + 1).await;
    }
    let (_, metrics) = say(&server, &client, "/metrics").await;
    assert!(metrics.contains("chaveiro_clock_jumps_total 4"), "{metrics}");
    assert_eq!(passcode(&server.client_with(&clock.token(&data)), &ids[0]).await, unread);
}

#[tokio::test]
async fn what_is_over_goes_after_the_grace_also_across_a_restart_with_a_wrong_clock() {
    let (directory, data) = initialised();
    let Some(clock) = fake_clock(directory.path()) else { return };
    let flags = ["--log", "error", "--expiry-grace-s", "25"];
    let mut server = Server::start_by(clock.command(), &data, &flags);
    let (mut device, transport) = server.device(7).await;
    let client = server.client_with(&clock.token(&data));
    let id = get(&client, &format!("{}{DEVICES}", server.graph_url)).await["value"][0]["id"].clone();
    let id = id.as_str().expect("an id").to_owned();
    let asked = client.post(format!("{}{DEVICES}/{id}/recoverPasscode", server.graph_url)).send().await;
    assert_eq!(asked.expect("an answer").status(), 204);
    device.sync(&transport).await.expect("a session");
    let envelopes = || -> u32 {
        let database = rusqlite::Connection::open(data.join("chaveiro.db")).expect("the database");
        database
            .query_row("SELECT count(*) FROM secret WHERE envelope IS NOT NULL", [], |row| row.get(0))
            .expect("a count")
    };
    // A machine boots with a wrong clock: nothing goes before the server has run for the grace.
    server.kill();
    drop(server);
    clock.set("+8d");
    let begun = Instant::now();
    let server = Server::start_by(clock.command(), &data, &flags);
    while begun.elapsed() < Duration::from_secs(22) {
        assert_eq!(envelopes(), 1, "after {:?}", begun.elapsed());
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    until("it goes in the end", Duration::from_secs(60), async || envelopes() == 0).await;
    // The clock is set right while no server runs: the next one knows.
    drop(server);
    clock.set("+0");
    let server = Server::start_by(clock.command(), &data, &flags);
    let (status, said) = say(&server, &server.client_with(&clock.token(&data)), "/readyz").await;
    assert!(status == 200 && said.contains("back"), "{status} {said}");
}

#[tokio::test]
async fn a_server_that_began_with_a_wrong_clock_is_reached_once_it_is_right() {
    let (directory, data) = initialised();
    let Some(clock) = fake_clock(directory.path()) else { return };
    clock.set("+43d");
    let server = Server::start_by(clock.command(), &data, &["--log", "error"]);
    let client = server.client_with("none");
    let is_reached = || async { client.get(format!("{}/healthz", server.graph_url)).send().await.is_ok() };
    assert!(!is_reached().await, "its certificate does not count yet");
    clock.set("+0");
    until("it shows another certificate", Duration::from_secs(30), is_reached).await;
}
