//! SIGKILL at the worst moments: what was answered is kept, what was not is finished by the rules.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use chaveiro_fleet::https::Https;

use crate::support::{Server, full_token, get, initialised, run, taken_once};

const DEVICES: &str = "/beta/deviceManagement/managedDevices";

#[tokio::test]
async fn a_204_survives_the_death_of_the_server() {
    let (_directory, data) = initialised();
    let mut server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(7).await;
    let client = server.client();
    let listed = get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
    let id = listed["value"][0]["id"].as_str().expect("an id").to_owned();
    for round in 0..3 {
        let asked = client.post(format!("{}{DEVICES}/{id}/recoverPasscode", server.graph_url)).send().await;
        assert_eq!(asked.expect("an answer").status(), 204);
        server = server.kill_and_restart();
        let found = get(&client, &format!("{}{DEVICES}/{id}", server.graph_url)).await;
        assert_eq!(found["deviceActionResults"][0]["actionState"], "pending", "round {round}");
        device.sync(&transport).await.expect("a session");
        let read = get(&client, &format!("{}{DEVICES}/{id}?$select=deviceActionResults", server.graph_url)).await;
        assert_eq!(read["deviceActionResults"][0]["passcode"], device.pin(), "round {round}");
    }
}

#[tokio::test]
async fn a_request_that_is_sent_again_after_the_death_of_the_server_is_one_recovery() {
    let (_directory, data) = initialised();
    let mut server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(9).await;
    let client = server.client();
    let listed = get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
    let path = format!("{DEVICES}/{}/recoverPasscode", listed["value"][0]["id"].as_str().expect("an id"));
    // With an id, and as SDKs repeat that leave the id out; each before and after the device has answered.
    for (first, again, answered) in [
        (("client-request-id", "one"), ("client-request-id", "one"), false),
        (("client-request-id", "two"), ("client-request-id", "two"), true),
        (("Retry-Attempt", "0"), ("Retry-Attempt", "1"), false),
        (("Retry-Attempt", "0"), ("Retry-Attempt", "2"), true),
    ] {
        let ask =
            |url: &str, (name, value): (&str, &str)| client.post(format!("{url}{path}")).header(name, value).send();
        assert_eq!(ask(&server.graph_url, first).await.expect("an answer").status(), 204);
        if answered {
            device.sync(&transport).await.expect("a session");
        }
        server = server.kill_and_restart();
        let before = device.pin().to_owned();
        assert_eq!(ask(&server.graph_url, again).await.expect("an answer").status(), 204);
        device.sync(&transport).await.expect("a session");
        assert_eq!(before == device.pin(), answered, "{again:?}: the repeat makes no other passcode");
    }
    let export = run(&data, &["audit", "export"]);
    assert_eq!(export.matches("actionRequested\\\"").count(), 4, "four recoveries");
    assert_eq!(export.matches("actionRequestedAgain").count(), 4, "and a record of each repeat");
}

#[tokio::test]
async fn a_hold_outlives_the_death_of_the_server() {
    let (_directory, data) = initialised();
    let mut server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    for number in [1, 2, 3] {
        server.device(number).await;
    }
    run(&data, &["tenant", "set", "--hold-recoveries", "1"]);
    let client = server.client();
    let listed = get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
    let mut statuses = Vec::new();
    for device in listed["value"].as_array().expect("devices") {
        let path = format!("{DEVICES}/{}/recoverPasscode", device["id"].as_str().expect("an id"));
        let asked = client.post(format!("{}{path}", server.graph_url)).send().await.expect("an answer");
        statuses.push(asked.status().as_u16());
        server = server.kill_and_restart();
    }
    assert_eq!(statuses, [204, 403, 403]);
    let metrics = client.get(format!("{}/metrics", server.graph_url)).send().await.expect("an answer");
    assert!(metrics.text().await.expect("text").contains("chaveiro_holds_active 1"));
}

#[tokio::test]
async fn an_alert_is_told_although_the_server_died_right_after_its_answer() {
    let (_directory, data) = initialised();
    // No receiver listens yet; later one does, at the same address.
    let hook = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let file = std::fs::OpenOptions::new().append(true).open(data.join("chaveiro.toml"));
    write!(file.expect("the configuration"), "\nalert-url = \"http://{hook}/hook\"\n").expect("written");
    let mut server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    for number in [1, 2] {
        server.device(number).await;
    }
    run(&data, &["tenant", "set", "--hold-recoveries", "1"]);
    let client = server.client();
    let listed = get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
    for (device, status) in listed["value"].as_array().expect("devices").iter().zip([204, 403]) {
        let path = format!("{DEVICES}/{}/recoverPasscode", device["id"].as_str().expect("an id"));
        let asked = client.post(format!("{}{path}", server.graph_url)).send().await;
        assert_eq!(asked.expect("an answer").status(), status);
    }
    server.kill();

    let waiting = || -> u32 {
        let database = rusqlite::Connection::open(data.join("chaveiro.db")).expect("the database");
        database.query_row("SELECT count(*) FROM alert", [], |row| row.get(0)).expect("a count")
    };
    assert_eq!(waiting(), 1, "the receiver has not taken it");
    let hook = TcpListener::bind(hook).expect("the same port");
    let told = tokio::task::spawn_blocking(move || taken_once(&hook));
    let _server = server.kill_and_restart();
    let told = tokio::time::timeout(Duration::from_secs(30), told).await.expect("in time").expect("taken");
    assert_eq!((&told["alert"], &told["counted"]), (&"chaveiro.hold_placed".into(), &1.into()));
    assert!(told["id"].as_str().is_some_and(|id| id.starts_with("chaveiro.hold_placed/")), "{told}");
    let is_empty = (0..2_000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        waiting() == 0
    });
    assert!(is_empty, "what was taken is not told again");
}

#[tokio::test]
async fn a_server_killed_while_it_takes_the_result_loses_nothing() {
    let (_directory, data) = initialised();
    let mut server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(8).await;
    let client = server.client();
    let listed = get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
    let id = listed["value"][0]["id"].as_str().expect("an id").to_owned();
    // From before the first message to after the last: the delays cover the whole session.
    for delay_us in [0, 500, 1_000, 2_000, 3_000, 4_000, 6_000, 10_000, 20_000] {
        let asked = client.post(format!("{}{DEVICES}/{id}/recoverPasscode", server.graph_url)).send().await;
        assert_eq!(asked.expect("an answer").status(), 204);
        let kill = async {
            tokio::time::sleep(Duration::from_micros(delay_us)).await;
            server.kill();
        };
        let (session, ()) = tokio::join!(device.sync(&transport), kill);
        server = server.kill_and_restart();
        let mut state = String::new();
        for _ in 0..4 {
            let found = get(&client, &format!("{}{DEVICES}/{id}", server.graph_url)).await;
            state = found["deviceActionResults"][0]["actionState"].as_str().expect("a state").to_owned();
            if state == "done" {
                break;
            }
            device.sync(&transport).await.expect("a session");
        }
        assert_eq!(state, "done", "killed after {delay_us} us, the session was {session:?}");
        let read = get(&client, &format!("{}{DEVICES}/{id}?$select=deviceActionResults", server.graph_url)).await;
        assert_eq!(read["deviceActionResults"][0]["passcode"], device.pin(), "killed after {delay_us} us");
    }
    let export = data.join("audit.jsonl");
    run(&data, &["audit", "export", "--output", export.to_str().expect("text")]);
    let key = run(&data, &["audit", "key"]);
    run(&data, &["audit", "verify", export.to_str().expect("text"), "--key", key.trim()]);
}

#[tokio::test]
async fn a_log_that_cannot_be_written_stops_nothing() {
    let (_directory, data) = initialised();
    // Writing to this device always fails, as to a file on a full disk.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("the device");
    let server = Server::start_logging(&data, full);
    let client = server.client();
    for _ in 0..3 {
        get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
    }
}

#[test]
fn a_server_that_is_told_to_stop_finishes_open_requests_and_ends_with_success() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let body = r#"{"displayName": "Disk health"}"#;
    let head = format!(
        "POST /beta/deviceManagement/deviceHealthScripts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
        full_token(&data),
        body.len()
    );
    let mut open = server.connect();
    open.write_all(head.as_bytes()).expect("sent");
    // "100 Continue" is the sign that the request is open: a handler now waits for its body.
    let mut line = String::new();
    while !line.ends_with("\r\n\r\n") {
        let mut byte = [0];
        open.read_exact(&mut byte).expect("an answer");
        line.push(char::from(byte[0]));
    }
    assert!(line.starts_with("HTTP/1.1 100"), "{line}");

    server.tell_to_stop();
    let address = crate::support::address(&server.graph_url);
    let closed = (0..2_000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        TcpStream::connect(&address).is_err()
    });
    assert!(closed, "a server that is told to stop takes no new connections");

    open.write_all(body.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    // Some peers close without a TLS close_notify; what matters is what came before.
    let _ = open.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(server.wait());
}

/// The rows of these tables, as the database has them.
fn rows(data: &Path, columns: &[(&str, &str)]) -> Vec<Vec<rusqlite::types::Value>> {
    let database = rusqlite::Connection::open(data.join("chaveiro.db")).expect("the database");
    let of = |(columns, table): &(&str, &str)| {
        let mut statement = database.prepare(&format!("SELECT {columns} FROM {table} ORDER BY 1")).expect("a query");
        let width = statement.column_count();
        let rows = statement.query_map([], |row| (0..width).map(|column| row.get(column)).collect());
        rows.expect("rows").collect::<Result<Vec<_>, _>>().expect("rows")
    };
    columns.iter().flat_map(of).collect()
}

const LAST_SYNC: [(&str, &str); 1] = [("row, last_sync", "device")];

#[tokio::test]
async fn a_server_that_is_told_to_stop_stores_the_check_ins_that_wait() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut certified, certificate) = server.device(7).await;
    let (mut by_digest, _) = server.device(8).await;
    let plain = Https::new(&server.root_pem(), None).expect("a transport");
    by_digest.sync(&plain).await.expect("a session without the certificate");
    let sessions = || rows(&data, &[("row, session", "enrollment")]);
    let (times, states) = (rows(&data, &LAST_SYNC), sessions());
    for (device, transport) in [(&mut certified, &certificate), (&mut by_digest, &plain)] {
        let report = device.sync(transport).await.expect("a session");
        assert!(report.commands.is_empty(), "it is idle");
    }
    assert_eq!((rows(&data, &LAST_SYNC), sessions()), (times.clone(), states.clone()), "they wait");
    server.tell_to_stop();
    assert!(server.wait());
    for (after, before) in rows(&data, &LAST_SYNC).into_iter().zip(times) {
        let [after, before] = [after, before].map(|row| match row[..] {
            [_, rusqlite::types::Value::Integer(micros)] => micros,
            _ => panic!("no time: {row:?}"),
        });
        assert!(after > before);
    }
    let stored = sessions();
    assert_eq!(stored[0], states[0], "a certificate needs no state");
    assert_ne!(stored[1], states[1], "the nonces of a digest are stored with the time");
}

#[tokio::test]
async fn a_kill_takes_the_time_of_the_check_ins_of_a_minute_and_nothing_else() {
    let (_directory, data) = initialised();
    let mut server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(7).await;
    let first = rows(&data, &LAST_SYNC);
    device.sync(&transport).await.expect("an idle session");
    let begun = Instant::now();
    while rows(&data, &LAST_SYNC) == first {
        assert!(begun.elapsed() <= Duration::from_secs(60), "the time of a check-in waits for a minute at most");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let everything = ["device", "device_tag", "enrollment", "action", "delivery", "secret"].map(|table| ("*", table));
    let recorded = [("body", "audit_event")];
    let before = (rows(&data, &everything), rows(&data, &recorded));
    device.sync(&transport).await.expect("an idle session, which is lost");
    server = server.kill_and_restart();
    assert_eq!((rows(&data, &everything), rows(&data, &recorded)), before);
    let client = server.client();
    let listed = get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
    let path = format!("{}{DEVICES}/{}", server.graph_url, listed["value"][0]["id"].as_str().expect("an id"));
    let asked = client.post(format!("{path}/recoverPasscode")).send().await.expect("an answer");
    assert_eq!(asked.status(), 204);
    device.sync(&transport).await.expect("the recovery");
    let read = get(&client, &format!("{path}?$select=deviceActionResults")).await;
    assert_eq!(read["deviceActionResults"][0]["passcode"], device.pin());
}
