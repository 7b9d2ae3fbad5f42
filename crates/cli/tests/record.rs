//! An intruder writes the database of a running server, and the server neither believes it nor keeps quiet.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::{Server, initialised, run, run_json, taken_once};
use chaveiro_fleet::enroll::enroll;
use chaveiro_fleet::hardware::Hardware;
use chaveiro_fleet::https::Https;
use serde_json::{Value, json};

/// The answer to a request for a token.
async fn ask_token(server: &Server, tenant: &str, id: &str, secret: &str) -> reqwest::Response {
    let body = format!(
        "grant_type=client_credentials&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default&client_id={id}&client_secret={secret}"
    );
    let url = format!("{}/{tenant}/oauth2/v2.0/token", server.graph_url);
    let root = reqwest::Certificate::from_pem(server.root_pem().as_bytes()).expect("the root");
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().expect("a client");
    let asked = client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
    asked.send().await.expect("an answer")
}

/// The status of it.
async fn token(server: &Server, tenant: &str, id: &str, secret: &str) -> u16 {
    ask_token(server, tenant, id, secret).await.status().as_u16()
}

async fn text(server: &Server, path: &str) -> (u16, String) {
    let answer = server.client().get(format!("{}{path}", server.graph_url)).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

#[tokio::test]
async fn an_application_that_was_written_into_the_database_gets_no_token_and_readyz_tells_of_it() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (_directory, data) = initialised();
    let permission = "DeviceManagementManagedDevices.PrivilegedOperations.All";
    let app = run_json(&data, &["app", "register", "x", "--permission", permission]);
    let [tenant, id, secret] = ["tenantId", "clientId", "clientSecret"].map(|name| app[name].as_str().expect(name));
    let kept = data.join("kept.jsonl");
    let flags = ["--checkpoint-file", kept.to_str().expect("text")];
    let server = Server::start_with(&data, "127.0.0.1:0", "127.0.0.1:0", &flags);
    assert_eq!(token(&server, tenant, id, secret).await, 200);
    assert_eq!(text(&server, "/readyz").await, (200, "ready\n".to_owned()));

    let database = rusqlite::Connection::open(data.join("chaveiro.db")).expect("opened");
    database.busy_timeout(Duration::from_secs(5)).expect("set");
    // Another application with the same secret, which the intruder who wrote it knows.
    let forge = "INSERT INTO application (tenant, id, display_name, permissions, delegated, public, secrets, certificates, created, mac)
        SELECT tenant, x'00000000000040008000000000000063', 'y', permissions, delegated, public, secrets, certificates, created, mac
        FROM application";
    database.execute_batch(forge).expect("forged");
    let forged = "00000000-0000-4000-8000-000000000063";
    assert_eq!(token(&server, tenant, forged, secret).await, 400, "there is no such application");
    assert_eq!(token(&server, tenant, id, secret).await, 200, "others go on");
    let mut told = String::new();
    for _ in 0..60 {
        (_, told) = text(&server, "/readyz").await;
        if told.contains("record: ") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(told.starts_with("ready\n") && told.contains("application"), "{told}");
    let (_, metrics) = text(&server, "/metrics").await;
    assert!(metrics.contains("chaveiro_complaints{subject=\"record\"} 1"), "{metrics}");
    database.execute_batch("DELETE FROM role_assignment; UPDATE application SET display_name = 'z'").expect("forged");
    assert_eq!(token(&server, tenant, id, secret).await, 400, "an edited one is none either");
    drop(database);

    server.tell_to_stop();
    assert!(server.wait());
    let export = data.join("audit.jsonl");
    let path = export.to_str().expect("text");
    run(&data, &["audit", "export", "--output", path]);
    assert!(std::fs::read_to_string(&export).expect("text").contains("rowForged"));
    let report = run_json(&data, &["audit", "verify", path, "--since", kept.to_str().expect("text")]);
    assert_eq!(report["continues"], report["events"], "the last checkpoint left before the server did");
}

#[test]
fn a_running_server_sends_its_checkpoints_to_a_file_to_syslog_and_to_an_address() {
    let (directory, data) = initialised();
    let [file, socket] = ["kept.jsonl", "syslog"].map(|name| directory.path().join(name));
    let syslog = std::os::unix::net::UnixDatagram::bind(&socket).expect("a socket");
    syslog.set_nonblocking(true).expect("set");
    let hook = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook", hook.local_addr().expect("an address"));
    let posted = Arc::new(Mutex::new(Value::Null));
    let last_posted = Arc::clone(&posted);
    std::thread::spawn(move || {
        loop {
            let taken = taken_once(&hook);
            *last_posted.lock().expect("no panic") = taken;
        }
    });
    let targets = [("file", file.to_str()), ("syslog", socket.to_str()), ("url", Some(url.as_str()))];
    let flags = targets.map(|(name, to)| format!("--checkpoint-{name}={}", to.expect("text")));
    let _server = Server::start_with(&data, "127.0.0.1:0", "127.0.0.1:0", &flags.each_ref().map(String::as_str));

    let (mut logged, mut before) = (Value::Null, Value::Null);
    for days in [2, 3] {
        run(&data, &["tenant", "set", "--action-expiry", &days.to_string()]);
        let begun = Instant::now();
        before = loop {
            let mut bytes = [0; 4096];
            while let Ok(read) = syslog.recv(&mut bytes) {
                let line = String::from_utf8_lossy(&bytes[..read]).into_owned();
                logged = serde_json::from_str(line.split_once(": checkpoint ").expect("a checkpoint").1).expect("JSON");
            }
            let written = std::fs::read_to_string(&file).unwrap_or_default();
            let newest = written.lines().last().map_or(Value::Null, |line| serde_json::from_str(line).expect("JSON"));
            let posted = posted.lock().expect("no panic").clone();
            // A target that was busy meanwhile gets the newest one alone: in the end all three have the same.
            if newest != before && newest == logged && newest == posted {
                break newest;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "file {newest}, syslog {logged}, address {posted}");
            std::thread::sleep(Duration::from_millis(50));
        };
    }
}

/// The events of an export that sum refused requests, each with its details as an object.
fn refused(record: &str) -> Vec<(Value, Value)> {
    let events = record.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let body: Value = serde_json::from_str(line["body"].as_str()?).expect("an event");
        let pairs: Vec<(String, String)> = serde_json::from_value(body["details"].clone()).unwrap_or_default();
        let details = pairs.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
        (body["activity"] == "requestsRefused").then_some((body, Value::Object(details)))
    });
    events.collect()
}

#[tokio::test]
async fn refused_requests_are_counted_and_summed_in_the_record_and_strangers_make_no_line_each() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (directory, data) = initialised();
    let app = run_json(&data, &["app", "register", "x", "--permission", "DeviceManagementManagedDevices.Read.All"]);
    let [tenant, id, secret] = ["tenantId", "clientId", "clientSecret"].map(|name| app[name].as_str().expect(name));
    let log = directory.path().join("log");
    let server = Server::start_logging(&data, std::fs::File::create(&log).expect("a log"));
    let given: Value = ask_token(&server, tenant, id, secret).await.json().await.expect("JSON");
    let good = server.client_with(given["access_token"].as_str().expect("a token"));
    let lines = || {
        let written = std::fs::read_to_string(&log).expect("the log");
        let parsed = written.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        parsed.filter(|line| ["INFO", "WARN", "ERROR"].iter().any(|level| line["level"] == **level)).count()
    };

    let devices = format!("{}/v1.0/deviceManagement/managedDevices", server.graph_url);
    let unknown = format!("{devices}/00000000-0000-4000-8000-000000000001");
    let before = lines();
    const EACH: usize = 30;
    let (none, bad) = (server.client_with(""), server.client_with("a.b.c"));
    for _ in 0..EACH {
        assert_eq!(none.get(&devices).send().await.expect("an answer").status(), 401);
        assert_eq!(bad.get(&devices).send().await.expect("an answer").status(), 401);
        none.get(format!("{}/healthz", server.graph_url)).send().await.expect("an answer");
    }
    let said = lines() - before;
    assert!(said < EACH, "{said} lines for {} requests", 3 * EACH);

    for _ in 0..2 {
        assert_eq!(good.get(&unknown).send().await.expect("an answer").status(), 404);
        assert_eq!(good.delete(&unknown).send().await.expect("an answer").status(), 403);
    }
    // An item of a batch is a request of its own.
    let item = json!({"id": "1", "method": "DELETE", "url": unknown.trim_start_matches(&server.graph_url).trim_start_matches("/v1.0")});
    let batch = format!("{}/v1.0/$batch", server.graph_url);
    let answered = good.post(batch).json(&json!({"requests": [item]})).send().await.expect("an answer");
    let answered: Value = answered.json().await.expect("JSON");
    assert_eq!(answered["responses"][0]["status"], 403, "{answered}");
    for _ in 0..3 {
        assert_eq!(token(&server, tenant, id, "chs_wrong").await, 401);
    }
    let transport = Https::new(&server.root_pem(), None).expect("a transport");
    let spent = run_json(&data, &["device", "enroll-token"])["token"].as_str().expect("a token").to_owned();
    for (token, enrolls) in [(spent.as_str(), true), (&spent, false), ("che_unknown", false), ("che_unknown", false)] {
        let enrolled = enroll(&transport, &Hardware::laptop(1), &server.device_url, "x@contoso.example", token).await;
        assert_eq!(enrolled.is_ok(), enrolls, "{token}");
    }

    let (_, metrics) = text(&server, "/metrics").await;
    let count = |face: &str, reason: &str| {
        let name = format!("chaveiro_refused_requests_total{{face=\"{face}\",reason=\"{reason}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse::<usize>().ok())
    };
    for (face, reason, expected) in [
        ("graph", "noToken", EACH),
        ("graph", "badToken", EACH),
        ("graph", "notFound", 2),
        ("graph", "forbidden", 3),
        ("token", "wrongProof", 3),
        ("device", "enrollmentToken", 3),
    ] {
        assert_eq!(count(face, reason), Some(expected), "{face} {reason}: {metrics}");
    }

    server.tell_to_stop();
    assert!(server.wait());
    let export = data.join("audit.jsonl");
    let path = export.to_str().expect("text");
    run(&data, &["audit", "export", "--output", path]);
    run(&data, &["audit", "verify", path]);
    let record = std::fs::read_to_string(&export).expect("text");
    let events = refused(&record);
    assert_eq!(events.len(), 5, "{events:?}");
    for (reason, face, count, template, code, address) in [
        ("forbidden", "graph", "3", "/deviceManagement/managedDevices/{id}", "Forbidden", true),
        ("notFound", "graph", "2", "/deviceManagement/managedDevices/{id}", "ResourceNotFound", true),
        ("wrongProof", "token", "3", "/{tenant}/oauth2/v2.0/token", "AADSTS7000215", true),
        ("enrollmentToken", "device", "1", "/EnrollmentServer/Policy.svc", "Authentication", true),
    ] {
        let (event, details) = events.iter().find(|(_, details)| details["reason"] == reason).expect(reason);
        let told = ["face", "count", "path", "code"].map(|name| details[name].as_str().unwrap_or_default());
        assert_eq!(told, [face, count, template, code], "{event}");
        assert_eq!(event["actor"]["address"] == "127.0.0.1", address, "{event}");
        assert!(details["first"].as_str() <= details["last"].as_str(), "{event}");
    }
    let of = |reason: &str| &events.iter().find(|(_, details)| details["reason"] == reason).expect(reason).0["actor"];
    assert_eq!(of("forbidden")["applicationId"], id, "who has proven itself is the actor");
    assert_eq!(of("wrongProof")["kind"], "system", "who has not is no actor");
    let (_, strangers) = events.iter().find(|(_, details)| details["by"] == "strangers").expect("strangers");
    assert_eq!((&strangers["graph.badToken"], &strangers["device.enrollmentToken"]), (&json!("30"), &json!("2")));
    let told = std::fs::read_to_string(&log).expect("the log");
    assert!(told.contains("requests proved nothing") && told.contains("other (graph)"), "at the end at the latest");
}
