//! Linux devices: the time from an accepted recovery to `done`, by the server's own timestamps, with the real agent
//! woken over loopback; and the memory of the server for each device that it holds. One run, one machine.

#![allow(unreachable_pub, dead_code, reason = "the support is shared with the tests")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use chaveiro_fleet::https::Https;
use jiff::Timestamp;
use support::machine::Machine;
use support::{Server, get, initialised, is_measured, run, run_json};

const DEVICES: &str = "/beta/deviceManagement/managedDevices";
const RECOVERIES: usize = 1000;
const DISK_RECOVERIES: usize = 100;
const ENROLMENTS: usize = 500;
/// The number of each when nothing is measured.
const SMOKE: usize = 2;
/// As many as the server holds under one enrolment.
const EACH: usize = 4;

fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let number = |measured| if is_measured() { measured } else { SMOKE };
        recoveries("login", number(RECOVERIES)).await;
        recoveries("both", number(DISK_RECOVERIES)).await;
        held(number(ENROLMENTS)).await;
    });
}

async fn recoveries(locks: &str, count: usize) {
    let (_directory, data) = initialised();
    run(&data, &["tenant", "set", "--linux-locks", locks]);
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let client = server.client();
    let machine = Machine::ready(&server);
    let listed = get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
    let url = format!("{}{DEVICES}/{}", server.graph_url, listed["value"][0]["id"].as_str().expect("an id"));
    let _service = machine.service();
    let mut took = Vec::new();
    for _ in 0..count {
        let asked = client.post(format!("{url}/recoverPasscode")).send().await.expect("an answer");
        assert_eq!(asked.status(), 204);
        took.push(done(&client, &url).await);
    }
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!(
        "204 to done, {locks:<5} {count:>5} recoveries: median {:>7.1} ms, p90 {:>7.1} ms, p99 {:>7.1} ms, max {:>7.1} ms",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}

/// Waits for the end; the time is the server's own.
async fn done(client: &reqwest::Client, url: &str) -> Duration {
    let begun = Instant::now();
    loop {
        let device = get(client, &format!("{url}?$select=deviceActionResults,id")).await;
        let result = &device["deviceActionResults"][0];
        match result["actionState"].as_str() {
            Some("done") => {
                let time =
                    |name: &str| -> Timestamp { result[name].as_str().and_then(|at| at.parse().ok()).expect("a time") };
                let took = time("lastUpdatedDateTime").duration_since(time("startDateTime"));
                return Duration::try_from(took).expect("forwards");
            }
            Some("pending" | "active") if begun.elapsed() < Duration::from_secs(60) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            _ => panic!("{result}"),
        }
    }
}

async fn held(enrolments: usize) {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let plain = Https::new(&server.root_pem(), None).expect("a transport");
    let mut accounts = Vec::new();
    for number in 0..enrolments {
        let token = run_json(&data, &["device", "enroll-token"])["token"].as_str().expect("a token").to_owned();
        let applicant = chaveiro_device::enroll::Applicant {
            oma_device_id: format!("held-{number}"),
            device_type: "Linux",
            os_edition: None,
            context: [("DeviceType", "Linux"), ("EnrollmentType", "Device"), ("DeviceID", &format!("held-{number}"))]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
        };
        let key = rcgen::KeyPair::generate().expect("a key");
        let enrolled =
            chaveiro_device::enroll::enroll(&plain, &applicant, &key, &server.device_url, "ana@example.org", &token);
        let account = enrolled.await.expect("enrolled");
        // What is queued at enrolment is taken first: a device for which something waits is not held.
        let transport = Https::new(&account.root_pem, Some(&account.identity)).expect("a transport");
        let mut management = account.management;
        drain(&transport, &mut management).await;
        accounts.push((account.root_pem, account.identity));
    }
    let before = resident_kib(server.pid());
    let url = format!("{}/ManagementServer/Wake", server.device_url);
    let mut waits = Vec::new();
    for (root, identity) in &accounts {
        for _ in 0..EACH {
            let transport = Https::new(root, Some(identity)).expect("a transport");
            let url = url.clone();
            waits.push(tokio::spawn(async move { transport.wait(&url, Duration::from_secs(120)).await }));
        }
    }
    let expected = enrolments * EACH;
    let client = server.client();
    for _ in 0..600 {
        let metrics = client.get(format!("{}/metrics", server.graph_url)).send().await.expect("an answer");
        let text = metrics.text().await.expect("text");
        if text.contains(&format!("chaveiro_waiting_devices {expected}")) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let after = resident_kib(server.pid());
    println!(
        "{expected} held connections: {:.1} KiB of the server's memory each ({} to {} MiB)",
        after.saturating_sub(before) as f64 / expected as f64,
        before / 1024,
        after / 1024
    );
    waits.iter().for_each(tokio::task::JoinHandle::abort);
}

/// One session that answers everything with 404.
async fn drain(transport: &Https, account: &mut omadm::session::device::Account) {
    use chaveiro_fleet::transport::{Request, Transport};
    use omadm::session::device::{Next, Session, Tree};
    struct Nothing;
    impl Tree for Nothing {
        fn get(&mut self, _: &str) -> Result<Option<omadm::Secret>, u16> {
            Err(404)
        }
        fn exec(&mut self, _: &str, _: Option<&str>) -> u16 {
            404
        }
        fn set(&mut self, _: omadm::syncml::Verb, _: &str, _: Option<&str>) -> u16 {
            404
        }
    }
    let url = account.address.clone();
    let mut session = Session::new(account, "1", false, Vec::new(), Vec::new());
    let mut message = session.begin();
    loop {
        let body = omadm::syncml::encode(&message).as_bytes().to_vec();
        let content_type = Some(omadm::syncml::CONTENT_TYPE);
        let request = Request { method: "POST", url: url.clone(), content_type, body };
        let answer = transport.send(request).await.expect("an answer");
        let answer = omadm::syncml::decode(&answer.body, omadm::Limits::MESSAGE).expect("readable");
        match session.receive(&answer, &mut Nothing) {
            Next::Send(next) => message = next,
            Next::End => return,
            Next::Refused(code) => panic!("refused: {code}"),
        }
    }
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("resident memory");
    line.split_whitespace().next().and_then(|text| text.parse().ok()).expect("a number")
}
