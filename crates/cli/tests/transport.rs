//! The Graph listener over real TLS: both versions of HTTP, connections that stay, bodies in every form.

use std::io::{BufRead, BufReader, Write};

use crate::support::{Server, full_token, initialised};
use serde_json::Value;

const NOWHERE: &str = "/beta/deviceManagement/managedDevices/00000000-0000-4000-8000-000000000000";

/// One answer of HTTP/1.1 whose length is told: its status line, and its body.
fn answer(reader: &mut impl BufRead) -> (String, Vec<u8>) {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_ascii_lowercase()),
        }
    }
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    (lines.first().cloned().unwrap_or_default(), body)
}

#[test]
fn characters_that_the_http_layer_refuses_are_those_that_the_document_names() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    // Refused in a path, and in a query.
    let table: [(&[u8], bool, bool); 16] = [
        (b"<", true, true),
        (b">", true, true),
        (b"`", true, false),
        (b"\"", false, true),
        (b" ", true, true),
        (b"\t", true, true),
        (b"\x01", true, true),
        (b"\x7f", true, true),
        (b"\xff", true, true),
        ("\u{e9}".as_bytes(), false, false),
        (b"{", false, false),
        (b"}", false, false),
        (b"|", false, false),
        (b"\\", false, false),
        (b"^", false, false),
        (b"'", false, false),
    ];
    for (sign, in_path, in_query) in table {
        for (before, is_refused) in [(&b"/v1.0/users/"[..], in_path), (b"/v1.0/users?$top=1&$filter=a", in_query)] {
            let mut connection = BufReader::new(server.connect());
            let request = [b"GET ", before, sign, b" HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
            connection.get_mut().write_all(&request).expect("sent");
            let (line, body) = answer(&mut connection);
            let told = String::from_utf8_lossy(&request).into_owned();
            assert_eq!(body.is_empty(), is_refused, "{told}: {line} {}", String::from_utf8_lossy(&body));
            assert!(line.starts_with(if is_refused { "http/1.1 400" } else { "http/1.1 4" }), "{told}: {line}");
        }
    }
}

#[tokio::test]
async fn a_client_that_offers_both_gets_http2_and_one_that_does_not_keeps_its_connection() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let client = server.client();
    let response = client.get(format!("{}/v1.0/users", server.graph_url)).send().await.expect("an answer");
    assert_eq!((response.version(), response.status().as_u16()), (reqwest::Version::HTTP_2, 200));

    let token = full_token(&data);
    let mut connection = BufReader::new(server.connect());
    let head = |method: &str, path: &str, more: &str| {
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{more}")
    };
    let user = "{\"userPrincipalName\":\"a@example.org\"}";
    let chunked = format!("{:x}\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n", 5, &user[..5], user.len() - 5, &user[5..]);
    let json = "Content-Type: application/json\r\n";
    for (request, status) in [
        (head("GET", "/v1.0/users", "\r\n"), "http/1.1 200"),
        (head("POST", "/v1.0/users", &format!("{json}Transfer-Encoding: chunked\r\n\r\n{chunked}")), "http/1.1 201"),
        (head("POST", &format!("{NOWHERE}/recoverPasscode"), "Content-Length: 0\r\n\r\n"), "http/1.1 404"),
        (
            head(
                "PATCH",
                "/v1.0/users/a%40example.org",
                &format!("{json}Content-Length: 16\r\n\r\n{{\"jobTitle\":\"x\"}}"),
            ),
            "http/1.1 204",
        ),
        (head("OPTIONS", "/v1.0/users", "Origin: https://portal.example\r\n\r\n"), "http/1.1 204"),
        (head("DELETE", "/v1.0/users/a%40example.org", "\r\n"), "http/1.1 204"),
    ] {
        connection.get_mut().write_all(request.as_bytes()).expect("sent");
        let (line, body) = answer(&mut connection);
        assert!(line.starts_with(status), "{request}: {line} {}", String::from_utf8_lossy(&body));
    }
}

#[tokio::test]
async fn a_refusal_of_a_large_body_reaches_the_client() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let client = server.client();
    for bytes in [70_000, 2 << 20] {
        for _ in 0..10 {
            let body = format!("{{\"notes\":\"{}\"}}", "x".repeat(bytes));
            let request = client.patch(format!("{}{NOWHERE}", server.graph_url));
            let response = request.header("Content-Type", "application/json").body(body).send().await;
            let response = response.expect("an answer, not a broken connection");
            assert_eq!(response.status().as_u16(), 404, "{bytes}");
            let error: Value = serde_json::from_slice(&response.bytes().await.expect("a body")).expect("JSON");
            assert_eq!(error["error"]["code"], "ResourceNotFound");
        }
    }
}
