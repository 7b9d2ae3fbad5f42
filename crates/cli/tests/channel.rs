//! The device channel of a real server: certificates that a proxy hands on, devices that come back, values that are not
//! certain, and strangers.

use std::io::{Read, Write};

use crate::support::machine::Machine;
use crate::support::{self, Server, initialised, run, run_json, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_fleet::behavior::Behavior;
use chaveiro_fleet::linux::LinuxDevice;
use chaveiro_fleet::transport::{Request, Response, Transport, TransportError};
use rustls::HandshakeKind;
use serde_json::Value;

/// A proxy that ends the TLS connections of devices, or a program that poses as one: from that address, with these headers.
struct Proxy {
    root: reqwest::Certificate,
    address: &'static str,
    headers: Vec<(&'static str, String)>,
}

impl Transport for Proxy {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only([self.root.clone()]);
        let client = builder.local_address(self.address.parse::<std::net::IpAddr>().ok()).build().expect("a client");
        let mut asked = client.post(&request.url).body(request.body);
        if let Some(content_type) = request.content_type {
            asked = asked.header("Content-Type", content_type);
        }
        for (name, value) in &self.headers {
            asked = asked.header(*name, value);
        }
        let answer = asked.send().await.map_err(|error| TransportError::Failed(error.to_string()))?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.map_err(|error| TransportError::Failed(error.to_string()))?.to_vec();
        Ok(Response { status, body })
    }
}

fn root_of(server: &Server) -> reqwest::Certificate {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Certificate::from_pem(server.root_pem().as_bytes()).expect("the root")
}

/// The certificate of a device, as RFC 9440 writes it.
fn client_cert(identity: &str) -> String {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    let der = CertificateDer::from_pem_slice(identity.as_bytes()).expect("a certificate");
    format!(":{}:", STANDARD.encode(&der))
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_certificate_of_a_machine_travels_in_a_header() {
    let (_directory, data) = initialised();
    let flags = ["--trusted-proxies", "127.0.0.3", "--client-certificate-header", "Client-Cert"];
    let server = Server::start_with(&data, "127.0.0.1:0", "127.0.0.1:0", &flags);
    let token = run_json(&data, &["device", "enroll-token"])["token"].as_str().expect("a token").to_owned();
    let root = root_of(&server);
    let proxy = |address, headers| Proxy { root: root.clone(), address, headers };
    let plain = proxy("127.0.0.3", vec![]);
    let mut number = 0;
    let make = move || {
        number += 1;
        format!("passcode-{number}")
    };
    let enrolled = LinuxDevice::enroll(&plain, 1, &server.device_url, &token, Box::new(make)).await;
    let mut device = enrolled.expect("enrolled");
    let shown = client_cert(&device.account.identity);
    let name = "Client-Cert";
    for (what, transport, welcome) in [
        ("no header", proxy("127.0.0.3", vec![]), false),
        ("its certificate", proxy("127.0.0.3", vec![(name, shown.clone())]), true),
        ("a name in other letters", proxy("127.0.0.3", vec![("client-cert", shown.clone())]), true),
        ("a sender that is not a proxy", proxy("127.0.0.4", vec![(name, shown.clone())]), false),
        ("another header", proxy("127.0.0.3", vec![("X-Client-Cert", shown.clone())]), false),
        ("twice", proxy("127.0.0.3", vec![(name, shown.clone()), (name, shown.clone())]), false),
        ("no certificate", proxy("127.0.0.3", vec![(name, ":AAAA:".to_owned())]), false),
        ("its certificate again", proxy("127.0.0.3", vec![(name, shown.clone())]), true),
    ] {
        assert_eq!(device.sync(&transport).await.is_ok(), welcome, "{what}");
    }
}

#[tokio::test]
async fn strangers_are_counted_and_make_no_line_each() {
    let (directory, data) = initialised();
    let log = directory.path().join("log");
    let file = std::fs::File::create(&log).expect("a file");
    let server = Server::start_logging(&data, file);
    let (mut device, transport) = server.device(7).await;
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root_of(&server)]).build().expect("a client");
    let message = format!(
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><SessionID>9</SessionID><MsgID>1</MsgID><Target><LocURI>x</LocURI></Target>\
         <Source><LocURI>{}</LocURI></Source></SyncHdr><SyncBody><Alert><CmdID>1</CmdID><Data>1201</Data></Alert><Final/>\
         </SyncBody></SyncML>",
        device.hardware.oma_device_id
    );
    let lines = || -> Vec<Value> {
        let written = std::fs::read_to_string(&log).expect("the log");
        let parsed = written.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        parsed.filter(|line| ["INFO", "WARN", "ERROR"].iter().any(|level| line["level"] == **level)).collect()
    };
    let before = lines().len();
    const EACH: usize = 50;
    for _ in 0..EACH {
        for (path, body) in [
            ("/ManagementServer/MDM.svc", message.as_str()),
            ("/ManagementServer/MDM.svc", "nonsense"),
            ("/EnrollmentServer/Enrollment.svc", "<x/>"),
            ("/ManagementServer/Wake", ""),
            ("/nothing", ""),
        ] {
            let url = format!("{}{path}", server.device_url);
            let asked = if body.is_empty() { client.get(&url) } else { client.post(&url).body(body.to_owned()) };
            asked.send().await.expect("an answer");
        }
    }
    let metrics = server.client().get(format!("{}/metrics", server.graph_url)).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("a text");
    for kind in ["no credential", "unreadable", "enrolment", "no certificate", "other"] {
        let line = metrics
            .lines()
            .find(|line| line.starts_with(&format!("chaveiro_device_strangers_total{{kind=\"{kind}\"}}")));
        let count = line.and_then(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
        assert!(count.is_some_and(|count| count >= EACH), "{kind}: {line:?}");
    }
    let said = lines().len() - before;
    assert!(said < EACH, "{said} lines for {} requests", 5 * EACH);
    device.sync(&transport).await.expect("a session");
    let answered = lines().into_iter().filter(|line| line["fields"]["listener"] == "device").count();
    assert!(answered > 0, "what a device sends has its line");
    server.tell_to_stop();
    assert!(server.wait());
    let told = std::fs::read_to_string(&log).expect("the log");
    assert!(told.contains("proved nothing") && told.contains("no credential"), "at the end at the latest");
}

#[tokio::test]
async fn a_value_that_is_not_certain_is_shown_with_a_warning() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(7).await;
    run(&data, &["recover", "ANA-LT7"]);
    device.behavior = Behavior::Accepts;
    device.sync(&transport).await.expect("a session");
    let listed = &run_json(&data, &["action", "ANA-LT7"])[0];
    assert_eq!((&listed["actionState"], &listed["chaveiro_outcome"]), (&"failed".into(), &"uncertain".into()));
    assert_eq!((&listed["passcode"], &listed["chaveiro_passcodeWithheld"]), (&Value::Null, &"notSelected".into()));
    let told = run(&data, &["action", "ANA-LT7", "--show"]);
    assert!(told.contains(device.pin()) && told.contains("Warning"), "{told}");
    // A failure afterwards does not hide it; a success does.
    device.behavior = Behavior::Fails;
    run(&data, &["recover", "ANA-LT7"]);
    device.sync(&transport).await.expect("a session");
    let shown = run_json(&data, &["action", "ANA-LT7", "--show"]);
    assert_eq!(shown[0]["chaveiro_outcome"], "deviceRefused");
    assert_eq!((&shown[1]["passcode"], &shown[1]["chaveiro_passcodeUncertain"]), (&device.pin().into(), &true.into()));
    device.behavior = Behavior::Honest;
    run(&data, &["recover", "ANA-LT7"]);
    device.sync(&transport).await.expect("a session");
    let shown = run_json(&data, &["action", "ANA-LT7", "--show"]);
    assert_eq!(shown.as_array().map(Vec::len), Some(1));
    assert_eq!((&shown[0]["passcode"], &shown[0]["chaveiro_passcodeUncertain"]), (&device.pin().into(), &false.into()));
}

#[tokio::test]
async fn a_device_comes_back_with_a_token_for_it_and_is_a_duplicate_without() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    server.device(7).await;
    let ids = || -> Vec<Value> {
        let devices = run_json(&data, &["device", "list"]);
        devices.as_array().expect("a list").iter().map(|device| device["id"].clone()).collect()
    };
    let first = ids();
    server.device_by(7, &["--replace", "ANA-LT7"]).await;
    assert_eq!(ids(), first);
    server.device(7).await;
    assert_eq!(ids().len(), 2);
    assert_eq!(run_json(&data, &["device", "list", "--without-certificate"]), serde_json::json!([]));
    let unknown =
        support::try_run(&data, &["device", "enroll-token", "--replace", "11111111-2222-4333-8444-555555555555"]);
    assert!(!unknown.status.success(), "{}", text(&unknown.stdout));
}

#[test]
fn a_machine_enrols_again_as_the_same_device_by_its_certificate() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let machine = Machine::new();
    assert!(machine.enroll(&server).status.success());
    machine.run(&["sync"]);
    let before = run_json(&data, &["device", "list"]);
    let refused = machine.enroll(&server);
    assert!(text(&refused.stderr).contains("--again"), "{}", text(&refused.stderr));
    let token = run_json(&data, &["device", "enroll-token"])["token"].as_str().expect("a token").to_owned();
    machine.run(&["enroll", &server.device_url, "--token", &token, "--again"]);
    machine.run(&["sync"]);
    let after = run_json(&data, &["device", "list"]);
    assert_eq!((after.as_array().map(Vec::len), &after[0]["id"]), (Some(1), &before[0]["id"]));
    assert_ne!(after[0]["enrolledDateTime"], before[0]["enrolledDateTime"]);
}

#[tokio::test]
async fn a_resumed_session_is_the_devices_own_and_ends_with_its_enrolment() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (device, _) = server.device(7).await;
    let tls = server.tls(Some(&device.account.identity));
    let wake = || {
        let mut connection = server.connect_to(&server.device_url, &tls);
        let ask = "GET /ManagementServer/Wake HTTP/1.1\r\nHost: x\r\nPrefer: wait=0\r\nConnection: close\r\n\r\n";
        connection.write_all(ask.as_bytes()).expect("asked");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("an answer");
        let status = answer.split(' ').nth(1).expect("a status").to_owned();
        (connection.conn.handshake_kind().expect("a handshake"), status)
    };
    assert_eq!(wake(), (HandshakeKind::Full, "204".to_owned()));
    assert_eq!(wake(), (HandshakeKind::Resumed, "204".to_owned()));
    run(&data, &["device", "retire", "ANA-LT7"]);
    assert_eq!(wake(), (HandshakeKind::Resumed, "403".to_owned()));
}

/// The resident memory of a process, in KiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("resident memory");
    line.split_whitespace().next().and_then(|text| text.parse().ok()).expect("a number")
}

/// Devices that wait over connections of their own are kept small; the bound leaves room for a build without
/// optimisation.
#[tokio::test]
async fn a_device_that_waits_costs_little_memory() {
    const DEVICES: u64 = 40;
    const EACH: u64 = 3;
    const MOST_KIB: u64 = 24;
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let mut clients = Vec::new();
    for number in 1..=DEVICES {
        let (device, _) = server.device(number).await;
        clients.push(server.tls(Some(&device.account.identity)));
    }
    let wait = |tls: &std::sync::Arc<rustls::ClientConfig>| {
        let mut connection = server.connect_to(&server.device_url, tls);
        let ask = "GET /ManagementServer/Wake HTTP/1.1\r\nHost: x\r\nPrefer: wait=120\r\n\r\n";
        connection.write_all(ask.as_bytes()).expect("asked");
        connection
    };
    let client = server.client();
    let until_held = async |count: u64| {
        let held = format!("chaveiro_waiting_devices {count}\n");
        for _ in 0..200 {
            let metrics = client.get(format!("{}/metrics", server.graph_url)).send().await.expect("an answer");
            if metrics.text().await.expect("text").contains(&held) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{count} devices are not held");
    };
    // The first round pays for what all have in common.
    let mut connections: Vec<_> = clients.iter().map(wait).collect();
    until_held(DEVICES).await;
    let before = resident(server.pid());
    for _ in 0..EACH {
        connections.extend(clients.iter().map(wait));
    }
    until_held(DEVICES * (1 + EACH)).await;
    let each = resident(server.pid()).saturating_sub(before) / (DEVICES * EACH);
    println!("{each} KiB for each of {}", connections.len());
    assert!(each <= MOST_KIB, "{each} KiB");
}
