//! Secrets in the memory of the two programs: they are gone soon after the connections that brought them have ended.
//!
//! The memory is read as a debugger reads it. The programs let root alone do that, so these tests need root.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::machine::{AGENT, Machine, Service};
use crate::support::{Server, full_token, get, initialised, run_json, text};
use memchr::memmem::Finder;
use serde_json::{Value, json};

/// The bytes that are searched for: a freed block keeps its end when its beginning was overwritten.
const FRAGMENT: usize = 12;

/// The time within which a server notices that a connection ended, and lets go of what it held.
const SOON: Duration = Duration::from_secs(15);

/// A secret that a program has seen.
struct Secret {
    what: &'static str,
    text: String,
}

impl Secret {
    /// The whole text, which has nothing in common with any other text.
    fn new(what: &'static str, text: &str) -> Self {
        assert!(text.len() >= FRAGMENT, "{what} is too short to be told from other bytes");
        Self { what, text: text.to_owned() }
    }

    /// The signature of a token; its header is that of every token.
    fn token(what: &'static str, token: &str) -> Self {
        Self::new(what, token.trim().rsplit('.').next().expect("a signature"))
    }

    /// The beginning, the middle and the end of a secret.
    fn fragments(&self) -> [&[u8]; 3] {
        let (bytes, last) = (self.text.as_bytes(), self.text.len() - FRAGMENT);
        [0, last / 2, last].map(|start| &bytes[start..start + FRAGMENT])
    }
}

/// The secrets of which a part is in the memory of that process, with the names of the mappings.
fn remembered(pid: u32, secrets: &[Secret]) -> Vec<String> {
    let finders: Vec<_> =
        secrets.iter().flat_map(|secret| secret.fragments().map(|part| (secret.what, Finder::new(part)))).collect();
    let memory = File::open(format!("/proc/{pid}/mem")).expect("the memory of the process; run this test as root");
    let (mut found, mut read) = (Vec::new(), 0);
    for line in std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("its mappings").lines() {
        let mut words = line.split_whitespace();
        let (range, modes, name) = (words.next().expect("a range"), words.next().expect("modes"), words.nth(3));
        // Code that the kernel lends cannot be read like this, and holds nothing of the process.
        if !modes.starts_with('r') || name.is_some_and(|name| name.starts_with("[v")) {
            continue;
        }
        let (start, end) = range.split_once('-').expect("two addresses");
        let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).expect("an address"));
        let mut bytes = vec![0; usize::try_from(end - start).expect("a size")];
        // A mapping may have ended since it was listed.
        if memory.read_exact_at(&mut bytes, start).is_err() {
            continue;
        }
        read += bytes.len();
        for (what, finder) in &finders {
            let times = finder.find_iter(&bytes).count();
            if times > 0 {
                found.push(format!("{what}, {times} in {}", name.unwrap_or("memory of no name")));
            }
        }
    }
    assert!(read > 1 << 20, "the memory was read: {read} bytes");
    found
}

/// The memory of the process once it had time to let go.
async fn remembered_at_last(pid: u32, secrets: &[Secret]) -> Vec<String> {
    let begun = std::time::Instant::now();
    loop {
        let found = remembered(pid, secrets);
        if found.is_empty() || begun.elapsed() > SOON {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The newest action of the device once it has ended, and its passcode is shown.
async fn shown(server: &Server, client: &reqwest::Client, url: &str) -> String {
    for _ in 0..600 {
        let state = get(client, url).await["deviceActionResults"][0]["actionState"].clone();
        if state == "done" {
            let shown = get(client, &format!("{url}?$select=deviceActionResults")).await;
            return shown["deviceActionResults"][0]["passcode"].as_str().expect("a passcode").to_owned();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the action of {url} at {} did not end", server.graph_url);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_stays_in_memory_when_the_connections_that_brought_it_have_ended() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let bearer = full_token(&data);
    let client = server.client_with(&bearer);
    let devices = format!("{}/beta/deviceManagement/managedDevices", server.graph_url);
    let mut secrets = vec![Secret::token("the bearer token of an operator", &bearer)];

    // What an application signs in with, and what it gets.
    let applications = format!("{}/v1.0/applications", server.graph_url);
    let post = async |url: &str, body: Value| -> Value {
        client.post(url).json(&body).send().await.expect("an answer").json().await.expect("JSON")
    };
    let made = post(&applications, json!({"displayName": "desk"})).await;
    let id = made["appId"].as_str().expect("an id");
    let added = post(&format!("{applications}/{id}/addPassword"), json!({})).await;
    let client_secret = added["secretText"].as_str().expect("a secret");
    secrets.push(Secret::new("a client secret", client_secret.trim_start_matches("chs_")));
    let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
    for _ in 0..5 {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", client_secret),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let body = serde_urlencoded::to_string(form).expect("a form");
        let sent = client.post(format!("{}/{tenant}/oauth2/v2.0/token", server.graph_url)).body(body);
        let sent = sent.header("content-type", "application/x-www-form-urlencoded").send().await;
        let answer: Value = sent.expect("an answer").json().await.expect("JSON");
        secrets.push(Secret::token("an access token", answer["access_token"].as_str().expect("a token")));
    }

    // A Windows device tells its passcode in clear, inside TLS.
    let (mut windows, transport) = server.device(7).await;
    let url = format!("{devices}/{}", get(&client, &devices).await["value"][0]["id"].as_str().expect("an id"));
    let ask = async |url: &str| client.post(format!("{url}/recoverPasscode")).send().await.expect("an answer").status();
    assert_eq!(ask(&url).await, 204);
    for _ in 0..3 {
        windows.sync(&transport).await.expect("a session");
    }
    for _ in 0..10 {
        assert_eq!(shown(&server, &client, &url).await, windows.pin());
    }
    secrets.push(Secret::new("the passcode of a Windows device", windows.pin()));

    // A Linux machine makes its own, and seals it.
    let token = run_json(&data, &["device", "enroll-token"])["token"].as_str().expect("a token").to_owned();
    let machine = Machine::new();
    let enrolled = machine.try_enroll(&server, &token);
    assert!(enrolled.status.success(), "{}", text(&enrolled.stderr));
    secrets.push(Secret::new("an enrolment token", &token));
    machine.escrow();
    machine.run(&["sync"]);
    let listed = get(&client, &format!("{devices}?$filter=operatingSystem eq 'Linux'")).await;
    let url = format!("{devices}/{}", listed["value"][0]["id"].as_str().expect("an id"));
    let standing = shown(&server, &client, &url).await;
    secrets.push(Secret::new("the first passcode of a Linux machine", &standing));
    let service = machine.service();
    assert_eq!(ask(&url).await, 204);
    let mut passcode = standing.clone();
    while passcode == standing {
        tokio::time::sleep(Duration::from_millis(100)).await;
        passcode = shown(&server, &client, &url).await;
    }
    secrets.push(Secret::new("the passcode of a Linux machine", &passcode));
    let of_the_agent = &secrets[secrets.len() - 1..];
    assert_eq!(remembered_at_last(service.0.id(), of_the_agent).await, Vec::<String>::new(), "by the agent");
    assert!(service.stop());

    // The search finds what is there: the beginning of a request that has not ended.
    let unfinished = [Secret::new("an unfinished request", "kB7zQ2mX9wLr4TnV6yHd1sJf")];
    let mut connection = server.connect();
    write!(connection, "GET /v1.0 HTTP/1.1\r\nAuthorization: Bearer {}", unfinished[0].text).expect("written");
    connection.flush().expect("sent");
    while remembered(server.pid(), &unfinished).is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop((connection, transport, client));
    secrets.extend(unfinished);
    assert_eq!(remembered_at_last(server.pid(), &secrets).await, Vec::<String>::new(), "by the server");
}

/// Gives a directory, and everything in it, to that user.
fn give(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).expect("chown; run this test as root");
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a directory") {
            give(&entry.expect("an entry").path(), user);
        }
    }
}

#[tokio::test]
async fn the_memory_of_both_programs_is_closed_to_the_user_that_runs_them_and_in_no_core_file() {
    const NOBODY: u32 = 65_534;
    let (directory, data) = initialised();
    let machine = Machine::ready(&Server::start(&data, "127.0.0.1:0", "127.0.0.1:0"));
    let program = |file: &Path| {
        let copy = directory.path().join(file.file_name().expect("a name"));
        std::fs::copy(file, &copy).expect("copied");
        copy
    };
    let [server, agent] = [Path::new(env!("CARGO_BIN_EXE_chaveiro")), AGENT.as_path()].map(program);
    give(directory.path(), NOBODY);
    give(machine.directory.path(), NOBODY);
    let as_nobody = |program: &Path| {
        let mut command = Command::new(program);
        command.uid(NOBODY).gid(NOBODY).stdin(Stdio::null());
        command
    };
    let mut command = as_nobody(&agent);
    command.arg("run").arg("--root").arg(machine.root()).arg("--state").arg(machine.state());
    let server = Server::start_by(as_nobody(&server), &data, &["--log", "error"]);
    let agent = Service(command.stderr(Stdio::null()).spawn().expect("it starts"));
    for pid in [server.pid(), agent.0.id()] {
        let ours = || as_nobody(Path::new("cat")).arg(format!("/proc/{pid}/environ")).output().expect("it runs");
        // The agent says nothing when it has begun.
        for _ in 0..100 {
            if !ours().status.success() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let refused = text(&ours().stderr);
        assert!(refused.contains("Permission denied"), "{refused}");
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("it runs, and has limits");
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a line");
        assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    }
}
