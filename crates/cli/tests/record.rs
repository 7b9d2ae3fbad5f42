//! Somebody writes the database of a running server, and the server neither believes it nor keeps quiet.

#![allow(unreachable_pub, dead_code, reason = "a test crate; the support is shared")]

mod support;

use std::time::Duration;

use support::{Server, initialised, run, run_json};

/// The status of a request for a token.
async fn token(server: &Server, tenant: &str, id: &str, secret: &str) -> u16 {
    let body = format!(
        "grant_type=client_credentials&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default&client_id={id}&client_secret={secret}"
    );
    let url = format!("{}/{tenant}/oauth2/v2.0/token", server.graph_url);
    let root = reqwest::Certificate::from_pem(server.root_pem().as_bytes()).expect("the root");
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().expect("a client");
    let asked = client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
    asked.send().await.expect("an answer").status().as_u16()
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
    // Another application with the same secret, which whoever wrote it knows.
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
