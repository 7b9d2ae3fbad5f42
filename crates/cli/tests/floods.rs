//! Connections that prove nothing, in every form, against a server that may open 1,024 files: callers who have something
//! to show get their answers throughout, on both listeners, and from the address of the flood, too.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Server, Tls, initialised, run, run_json};
use chaveiro_fleet::enroll::enroll;
use chaveiro_fleet::hardware::Hardware;
use chaveiro_fleet::https::Https;
use chaveiro_fleet::windows::WindowsDevice;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// Where floods come from, and where nothing else does.
const FLOOD: &str = "127.0.0.1";
const ELSEWHERE: &str = "127.0.0.2";

/// What systemd gives a service that asks for nothing.
const FILES: u64 = 1024;
const CONNECTIONS: usize = 1300;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const UNFINISHED: &[u8] = b"GET /v1.0/users HTTP/1.1\r\nHost: x\r\nX-Slow: ";
const SLOW_BODY: &[u8] = b"POST /common/oauth2/v2.0/token HTTP/1.1\r\nHost: x\r\n\
    Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 200000\r\n\r\ngrant_type=";

/// A server under siege, and those who have business with it.
struct Scene {
    _directory: tempfile::TempDir,
    server: Server,
    device: WindowsDevice,
    transport: Https,
    /// From the address of the flood, and from another one.
    callers: [reqwest::Client; 2],
}

impl Scene {
    async fn new(flags: &[&str]) -> Self {
        allow_many_files();
        let (directory, data) = initialised();
        let server = Server::start_limited(&data, FILES, flags);
        let soft =
            prlimit(server_pid(&server), Resource::Nofile, Rlimit { current: Some(FILES), maximum: Some(FILES) });
        assert_eq!(soft.expect("its limits").current, Some(FILES), "the server has raised its soft limit");
        let (device, transport) = server.device(1).await;
        let callers = [FLOOD, ELSEWHERE].map(|address| caller(&server, address));
        Self { _directory: directory, server, device, transport, callers }
    }

    fn graph(&self) -> SocketAddr {
        address_of(&self.server.graph_url)
    }

    fn devices(&self) -> SocketAddr {
        address_of(&self.server.device_url)
    }

    /// Every caller with something to show is answered, on new connections, several times.
    async fn serves(&mut self, when: &str) {
        for round in 0..5 {
            for caller in &self.callers {
                let answer = caller.get(format!("{}/v1.0/users", self.server.graph_url)).send().await;
                let status = answer.unwrap_or_else(|error| panic!("{when}, round {round}: {error:?}")).status();
                assert_eq!(status, 200, "{when}, round {round}");
            }
            let [near, far] = &self.callers;
            for caller in [near, far] {
                let ready = caller.get(format!("{}/readyz", self.server.graph_url)).send().await;
                assert_eq!(ready.unwrap_or_else(|error| panic!("{when}: {error:?}")).status(), 200, "{when}");
            }
            self.device.sync(&self.transport).await.unwrap_or_else(|error| panic!("{when}, a device: {error}"));
        }
        assert!(self.files() < FILES, "{when}: there are descriptors left for files");
    }

    fn files(&self) -> u64 {
        std::fs::read_dir(format!("/proc/{}/fd", self.server.pid())).expect("its files").count() as u64
    }

    async fn metric(&self, name: &str) -> u64 {
        let text = self.callers[1].get(format!("{}/metrics", self.server.graph_url)).send().await.expect("an answer");
        let text = text.text().await.expect("text");
        let values = text.lines().filter_map(|line| line.strip_prefix(name)?.rsplit(' ').next()?.parse::<u64>().ok());
        values.sum()
    }

    fn tls(&self, alpn: &[u8]) -> Arc<ClientConfig> {
        self.tls_of(alpn, None)
    }

    /// The same, for a device with that certificate and key, both PEM.
    fn tls_of(&self, alpn: &[u8], identity: Option<&str>) -> Arc<ClientConfig> {
        let mut config = ClientConfig::clone(&self.server.tls(identity));
        config.alpn_protocols = vec![alpn.to_vec()];
        Arc::new(config)
    }
}

/// This process holds the other end of every connection.
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

fn server_pid(server: &Server) -> Option<Pid> {
    Pid::from_raw(i32::try_from(server.pid()).expect("a pid"))
}

fn address_of(url: &str) -> SocketAddr {
    crate::support::address(url).parse().expect("an address")
}

/// One that opens a connection for each request, from that address.
fn caller(server: &Server, address: &str) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(server.root_pem().as_bytes()).expect("the root");
    let mut headers = reqwest::header::HeaderMap::new();
    let token = run(&server.data, &["token"]);
    headers.insert("Authorization", format!("Bearer {}", token.trim()).parse().expect("a header"));
    let builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]).default_headers(headers);
    let builder = builder.local_address(address.parse::<IpAddr>().expect("an address"));
    builder.pool_max_idle_per_host(0).timeout(Duration::from_secs(5)).build().expect("a client")
}

/// A connection from that address to that one.
async fn connect(from: &str, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from.parse().expect("an address"), 0))?;
    let stream = tokio::time::timeout(Duration::from_secs(5), socket.connect(to)).await??.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_write_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

/// The same over TLS, after these bytes. One that was closed meanwhile is kept as it is.
async fn say(from: &str, to: SocketAddr, tls: &Arc<ClientConfig>, bytes: &[u8]) -> Tls {
    let name = "localhost".try_into().expect("a name");
    let connection = ClientConnection::new(Arc::clone(tls), name).expect("a connection");
    let mut stream = StreamOwned::new(connection, connect(from, to).await.expect("connected"));
    let _ = stream.write_all(bytes).and_then(|()| stream.flush());
    stream
}

/// How long the server takes to close the connection, reading what it says meanwhile.
fn closed_after(stream: &mut Tls, begun: Instant) -> Duration {
    let mut bytes = [0; 4096];
    while matches!(stream.read(&mut bytes), Ok(1..)) {}
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_and_unfinished_heads_keep_no_caller_out_of_either_listener() {
    let mut scene = Scene::new(&[]).await;
    let tls = scene.tls(b"http/1.1");
    for (name, to) in [("Graph", scene.graph()), ("devices", scene.devices())] {
        let (mut silent, mut talking) = (Vec::new(), Vec::new());
        for number in 0..CONNECTIONS {
            match number % 6 {
                0 => silent.push(connect(FLOOD, to).await.expect("connected")),
                1..3 => talking.push(say(FLOOD, to, &tls, b"").await),
                _ => talking.push(say(FLOOD, to, &tls, UNFINISHED).await),
            }
            if number % 300 == 299 {
                scene.serves(&format!("{number} connections to the listener of {name}")).await;
            }
        }
        scene.serves(&format!("every connection to the listener of {name}")).await;
    }
    assert!(scene.metric("chaveiro_connections_refused_total{").await >= 1000);
    let log_file = scene.server.data.join("log");
    let log = std::fs::read_to_string(&log_file).expect("the log");
    let lines = log.lines().filter(|line| !line.contains("\"answered\"")).count();
    assert!(lines < 20, "connections that say nothing write no lines: {log}");
    assert!(log.contains("limit on open files"), "{log}");
    // The sums of the last minute are told at the end, too: one line for each listener and minute.
    scene.server.tell_to_stop();
    assert!(scene.server.wait());
    let log = std::fs::read_to_string(&log_file).expect("the log");
    let told = log.matches("connections gave way or were not accepted").count();
    assert!((2..20).contains(&told), "{told} lines: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_many_addresses_keeps_no_caller_out() {
    let mut scene = Scene::new(&[]).await;
    let tls = scene.tls(b"http/1.1");
    let mut held = Vec::new();
    for number in 0..CONNECTIONS {
        let from = format!("127.0.{}.{}", 1 + number % 4, 1 + number / 4 % 250);
        // More than there is room for on either listener.
        let to = if number % 3 == 0 { scene.graph() } else { scene.devices() };
        held.push(say(&from, to, &tls, if number % 2 == 0 { b"" } else { UNFINISHED }).await);
    }
    scene.serves("many connections from a thousand addresses").await;
    for listener in ["graph", "device"] {
        let refused = format!("chaveiro_connections_refused_total{{listener=\"{listener}\",reason=");
        assert!(scene.metric(&format!("{refused}\"full\"")).await > 100, "{listener}: it was full");
        assert_eq!(scene.metric(&format!("{refused}\"system\"")).await, 0, "{listener}: each one has its own room");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_come_without_end_keep_no_caller_out() {
    let mut scene = Scene::new(&[]).await;
    scene.callers = [caller(&scene.server, "127.0.0.3"), caller(&scene.server, ELSEWHERE)];
    let stop = Arc::new(AtomicBool::new(false));
    let floods = [scene.graph(), scene.graph()].map(|to| {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || {
            let mut held = std::collections::VecDeque::new();
            let mut made = 0;
            while !stop.load(Ordering::Relaxed) {
                if let Ok(stream) = TcpStream::connect_timeout(&to, Duration::from_secs(1)) {
                    held.push_back(stream);
                    made += 1;
                }
                if held.len() > CONNECTIONS / 2 {
                    held.pop_front();
                }
            }
            made
        })
    });
    for _ in 0..3 {
        scene.serves("while connections come without end").await;
    }
    stop.store(true, Ordering::Relaxed);
    let made: usize = floods.into_iter().map(|flood| flood.join().expect("it ended")).sum();
    assert!(made > 2 * CONNECTIONS, "{made} connections were made");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_and_idle_http2_keep_no_caller_out() {
    let mut scene = Scene::new(&[]).await;
    let (http1, http2) = (scene.tls(b"http/1.1"), scene.tls(b"h2"));
    let mut held = Vec::new();
    for number in 0..CONNECTIONS {
        let (tls, bytes) = if number % 2 == 0 { (&http1, SLOW_BODY) } else { (&http2, PREFACE) };
        held.push(say(FLOOD, scene.graph(), tls, bytes).await);
    }
    scene.serves("slow bodies and idle HTTP/2").await;
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_pings_streams_and_resets_keep_no_caller_out() {
    // `:method: GET`, `:scheme: https`, `:path: /`, of the static table (RFC 7541, appendix A).
    let request = |stream: u32| frame(1, 0b101, stream, &[0x82, 0x87, 0x84]);
    let reset = |stream: u32| frame(3, 0, stream, &8_u32.to_be_bytes());
    // The body of this one never comes.
    let open = |stream: u32| frame(1, 0b100, stream, &[0x83, 0x87, 0x84]);
    let streams = || (0..5000_u32).map(|number| 2 * number + 1);
    let floods: [(&str, Vec<u8>); 5] = [
        ("pings", std::iter::repeat_n(frame(6, 0, 0, &[7; 8]), 5000).flatten().collect()),
        ("settings", std::iter::repeat_n(frame(4, 0, 0, &[]), 5000).flatten().collect()),
        ("requests", streams().flat_map(request).collect()),
        ("resets", streams().flat_map(|stream| [request(stream), reset(stream)].concat()).collect()),
        ("streams without an end", streams().flat_map(open).collect()),
    ];
    let mut scene = Scene::new(&[]).await;
    let tls = scene.tls(b"h2");
    let mut settings = vec![0; 1024];
    let read = say(FLOOD, scene.graph(), &tls, PREFACE).await.read(&mut settings).expect("its settings");
    let most_streams = [0, 3, 0, 0, 0, 64];
    assert!(settings[..read].windows(6).any(|setting| setting == most_streams), "{:?}", &settings[..read]);
    for (name, bytes) in floods {
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for _ in 0..4 {
            let mut stream = say(FLOOD, scene.graph(), &tls, PREFACE).await;
            let (stop, bytes) = (Arc::clone(&stop), bytes.clone());
            stream.sock.set_read_timeout(Some(Duration::from_millis(1))).expect("set");
            stream.sock.set_write_timeout(Some(Duration::from_secs(2))).expect("set");
            threads.push(std::thread::spawn(move || {
                let mut answers = vec![0; 65_536];
                for part in bytes.chunks(16_384).cycle() {
                    if stop.load(Ordering::Relaxed) || stream.write_all(part).is_err() {
                        return;
                    }
                    let _ = stream.read(&mut answers);
                }
            }));
        }
        scene.serves(name).await;
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().expect("it ended");
        }
    }
    let memory = std::fs::read_to_string(format!("/proc/{}/status", scene.server.pid())).expect("its status");
    let peak =
        memory.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<u64>().ok());
    assert!(peak.expect("a number") < 400_000, "{memory}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_behind_the_address_of_a_flood_is_not_cut_off() {
    const DEVICES: u64 = 12;
    let mut scene = Scene::new(&["--limit-connections-by-address=4", "--idle-timeout-s=2"]).await;
    let mut fleet = Vec::new();
    for number in 2..2 + DEVICES {
        fleet.push(scene.server.device(number).await.1);
    }
    let url = format!("{}/ManagementServer/Wake", scene.server.device_url);
    let waits: Vec<_> = fleet
        .into_iter()
        .map(|transport| {
            let url = url.clone();
            tokio::spawn(async move {
                // More devices than the limit connect at once; one whose handshake is refused tries again, as agents do.
                loop {
                    let begun = Instant::now();
                    match transport.wait(&url, Duration::from_secs(8)).await {
                        Err(_) if begun.elapsed() < Duration::from_secs(2) => {}
                        answer => return (answer, begun.elapsed()),
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            })
        })
        .collect();
    let asked = Instant::now();
    while scene.metric("chaveiro_waiting_devices").await < DEVICES {
        assert!(asked.elapsed() < Duration::from_secs(7), "the devices are not all connected");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let tls = scene.tls(b"http/1.1");
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(say(FLOOD, scene.devices(), &tls, UNFINISHED).await);
    }
    scene.serves("devices and a flood at one address").await;
    for wait in waits {
        let (answer, took) = wait.await.expect("it ended");
        assert_eq!(answer.expect("an answer"), 204, "held to the end, though nothing was said");
        assert!(took >= Duration::from_secs(8), "{took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_its_share_of_connections_and_a_trusted_proxy_any_number() {
    const LIMIT: &str = "--limit-connections-by-address=4";
    for (flags, stay) in [(&[LIMIT][..], 4), (&[LIMIT, "--trusted-proxies=127.0.0.1"], 12)] {
        let scene = Scene::new(flags).await;
        let tls = scene.tls(b"http/1.1");
        let mut held = Vec::new();
        for _ in 0..12 {
            held.push(say(FLOOD, scene.graph(), &tls, UNFINISHED).await);
        }
        let mut open = 0;
        for stream in &mut held {
            stream.sock.set_read_timeout(Some(Duration::from_millis(100))).expect("set");
            let silent = stream.read(&mut [0; 1]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
            open += usize::from(silent);
        }
        assert_eq!(open, stay, "{flags:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_stage_of_a_connection_ends_in_its_time() {
    let scene = Scene::new(&["--head-timeout-s=1", "--idle-timeout-s=3"]).await;
    let (http1, http2) = (scene.tls(b"http/1.1"), scene.tls(b"h2"));
    let whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".as_slice();
    let request = [PREFACE, &frame(1, 0b101, 1, &[0x82, 0x87, 0x84])].concat();
    for (name, tls, bytes, least, most) in [
        ("nothing", &http1, b"".as_slice(), 0.9, 2.5),
        ("an unfinished head", &http1, UNFINISHED, 0.9, 2.5),
        ("a request", &http1, whole, 2.9, 4.5),
        ("HTTP/2 without a request", &http2, PREFACE, 0.9, 4.5),
        ("HTTP/2 with a request", &http2, &request, 2.9, 6.5),
    ] {
        let mut stream = say(FLOOD, scene.graph(), tls, bytes).await;
        let begun = Instant::now();
        let took = closed_after(&mut stream, begun).as_secs_f64();
        assert!((least..most).contains(&took), "{name}: {took} s");
    }
    // A head after a request has the time of a head, too.
    let mut stream = say(FLOOD, scene.graph(), &http1, whole).await;
    assert!(stream.read(&mut [0; 4096]).expect("an answer") > 0);
    stream.write_all(UNFINISHED).and_then(|()| stream.flush()).expect("sent");
    let begun = Instant::now();
    let took = closed_after(&mut stream, begun).as_secs_f64();
    assert!((0.9..2.5).contains(&took), "an unfinished head after a request: {took} s");
    // A line now and then does not prolong a head.
    let mut stream = say(FLOOD, scene.graph(), &http1, UNFINISHED).await;
    let begun = Instant::now();
    while stream.write_all(b"x").and_then(|()| stream.flush()).is_ok() && begun.elapsed() < Duration::from_secs(9) {
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_a_body_and_the_answer_to_a_ping_have_their_time_too() {
    let scene = Scene::new(&[]).await;
    // A device that waits to be woken has no other deadline for nearly five minutes.
    let token =
        run_json(&scene.server.data, &["device", "enroll-token"])["token"].as_str().expect("a token").to_owned();
    let plain = Https::new(&scene.server.root_pem(), None).expect("a transport");
    let enrolled = enroll(&plain, &Hardware::laptop(2), &scene.server.device_url, "bob@example.org", &token).await;
    let waiting = scene.tls_of(b"h2", Some(&enrolled.expect("enrolled").identity));
    let path = b"/ManagementServer/Wake";
    // `:method: GET`, `:scheme: https`, and a literal `:path`.
    let fields = [&[0x82, 0x87, 0x04, u8::try_from(path.len()).expect("short")], path.as_slice()].concat();
    let wait = [PREFACE, &frame(1, 0b101, 1, &fields)].concat();

    let handshake = connect(FLOOD, scene.graph()).await.expect("connected");
    let form = say(FLOOD, scene.graph(), &scene.tls(b"http/1.1"), SLOW_BODY).await;
    let token = run(&scene.server.data, &["token", "--permission", "User.ReadWrite.All"]);
    let slow = format!(
        "POST /v1.0/users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
        Content-Length: 200000\r\n\r\n{{",
        token.trim()
    );
    let body = say(FLOOD, scene.graph(), &scene.tls(b"http/1.1"), slow.as_bytes()).await;
    let pings = say(FLOOD, scene.devices(), &waiting, &wait).await;
    for stream in [&handshake, &form.sock, &body.sock, &pings.sock] {
        stream.set_read_timeout(Some(Duration::from_secs(100))).expect("set");
    }
    let begun = Instant::now();
    // The answer begins with the one text, and has the other in it.
    let late = ["HTTP/1.1 408", "The request body did not arrive within 20 seconds."];
    type End = (&'static str, Box<dyn Read + Send>, f64, f64, [&'static str; 2]);
    let ends: [End; 4] = [
        ("a handshake", Box::new(handshake), 9.0, 20.0, [""; 2]),
        ("a form", Box::new(form), 19.0, 45.0, late),
        ("a body", Box::new(body), 19.0, 45.0, late),
        ("the answer to pings", Box::new(pings), 49.0, 75.0, [""; 2]),
    ];
    let ends = ends.map(|(name, mut stream, least, most, expected)| {
        let ended = std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = stream.read_to_end(&mut said);
            (said, begun.elapsed().as_secs_f64())
        });
        (name, ended, least, most, expected)
    });
    for (name, ended, least, most, [begin, text]) in ends {
        let (said, took) = ended.join().expect("it ended");
        assert!((least..most).contains(&took), "{name}: {took} s");
        let said = String::from_utf8_lossy(&said);
        assert!(said.starts_with(begin) && said.contains(text), "{name}: {said}");
        assert_eq!(said.contains("HTTP/1.1"), !begin.is_empty(), "{name}: {said}");
        assert_eq!(said.contains("application/json"), !begin.is_empty(), "{name}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_without_descriptors_waits_for_some_and_goes_on() {
    let mut scene = Scene::new(&[]).await;
    let limit = |files: u64| {
        prlimit(server_pid(&scene.server), Resource::Nofile, Rlimit { current: Some(files), maximum: Some(FILES) })
            .expect("set");
    };
    let ticks = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", scene.server.pid())).expect("its times");
        let fields: Vec<u64> =
            stat.rsplit(") ").next().expect("fields").split(' ').map(|n| n.parse().unwrap_or(0)).collect();
        fields[11] + fields[12]
    };
    limit(scene.files());
    let before = ticks();
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(connect(FLOOD, scene.graph()).await.expect("the kernel takes it"));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let spent = ticks() - before;
    assert!(spent < 50, "{spent} hundredths of a second of work in two seconds of waiting");
    limit(FILES);
    scene.serves("after descriptors were short").await;
    let refused = scene.metric("chaveiro_connections_refused_total{listener=\"graph\",reason=\"system\"}").await;
    assert!((1..100).contains(&refused), "{refused} failures of accept were counted");
}
