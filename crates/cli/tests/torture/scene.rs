//! A data directory with its server, its devices and its callers, and what is checked when they are at rest.

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chaveiro_fleet::enroll::enroll;
use chaveiro_fleet::hardware::Hardware;
use chaveiro_fleet::https::Https;
use chaveiro_fleet::linux::LinuxDevice;
use chaveiro_fleet::windows::{SyncError, WindowsDevice};
use fastrand::Rng;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;
use tempfile::TempDir;

use crate::faults::Mount;
use crate::ledger::{Entry, Event, Ledger, Promise, Record};
use crate::server::{Place, Server, Start};
use crate::support::text;
use crate::wire::{Weather, Wire};

pub const DEVICES: &str = "/beta/deviceManagement/managedDevices";

/// Settings of the tenant: one device is recovered, and its passcode read, more often here than a company ever needs.
const SETTINGS: &[&str] = &[
    "tenant",
    "set",
    "--hold-recoveries=0",
    "--disclosure-window=1440",
    "--reading-limit=0",
    "--reading-caller-limit=0",
    "--reading-percent=0",
];

/// The permissions of the callers.
const PERMISSIONS: &[&str] = &[
    "DeviceManagementManagedDevices.PrivilegedOperations.All",
    "DeviceManagementManagedDevices.Read.All",
    "DeviceManagementApps.Read.All",
];

/// The longest that a caller waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// A simulated device of either kind.
pub enum Body {
    Windows(Box<WindowsDevice>),
    Linux(Box<LinuxDevice>),
}

/// A device, its wire, and the id that callers know it by.
pub struct Device {
    pub number: usize,
    pub id: String,
    pub wire: Wire,
    pub body: tokio::sync::Mutex<Body>,
}

impl Device {
    /// One session.
    pub async fn sync(&self) -> Result<(), SyncError> {
        match &mut *self.body.lock().await {
            Body::Windows(device) => device.sync(&self.wire).await.map(drop),
            Body::Linux(device) => {
                let report = device.sync(&self.wire).await?;
                // The old passcode was dropped because the new one is in escrow.
                let retired = report.commands.iter().any(|(_, node, code)| node.ends_with("/Retire") && *code == 200);
                if retired && !device.is_unsettled() {
                    self.wire.ledger.acknowledge(self.number, device.passcode());
                }
                Ok(())
            }
        }
    }

    /// Says whether it seals a passcode before it changes.
    async fn seals_first(&self) -> bool {
        matches!(*self.body.lock().await, Body::Linux(_))
    }

    /// The passcode that opens it now.
    pub async fn passcode(&self) -> String {
        match &*self.body.lock().await {
            Body::Windows(device) => device.pin().to_owned(),
            Body::Linux(device) => device.passcode().to_owned(),
        }
    }
}

/// The callers' side of a server.
pub struct Face {
    client: reqwest::Client,
    url: String,
    token: Mutex<String>,
    ledger: Arc<Ledger>,
}

/// An answer: its status, its `request-id`, its JSON.
pub struct Answer {
    pub status: u16,
    pub request: String,
    pub body: Value,
}

impl Face {
    /// Sends a request; `None` when there was no answer.
    pub async fn send(&self, of: &str, request: reqwest::RequestBuilder) -> Option<Answer> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Ok(response) = request.bearer_auth(token).send().await else {
            self.ledger.silence();
            return None;
        };
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (request, retry_after) = (header("request-id").unwrap_or_default(), header("retry-after").is_some());
        self.ledger.status(of, status, retry_after);
        // An answer that was cut off told its caller nothing.
        let body = response.bytes().await.ok()?;
        Some(Answer { status, request, body: serde_json::from_slice(&body).unwrap_or_default() })
    }

    /// Asks for a recovery: the status, when there was an answer.
    pub async fn recover(&self, id: &str, client_request: Option<&str>) -> Option<u16> {
        self.ledger.ask();
        let mut request = self.client.post(format!("{}{DEVICES}/{id}/recoverPasscode", self.url));
        if let Some(client_request) = client_request {
            request = request.header("client-request-id", client_request);
        }
        let answer = self.send("recoverPasscode", request).await?;
        if answer.status == 204 {
            self.ledger.answer(&answer.request);
        }
        Some(answer.status)
    }

    /// Reads the results of a device, passcodes included, and notes what was shown.
    pub async fn read(&self, device: usize, id: &str) -> Option<Vec<Entry>> {
        let answer =
            self.get("the results of a device", &format!("{DEVICES}/{id}?$select=deviceActionResults")).await?;
        let entries = Entry::of_device(&answer.body);
        for entry in &entries {
            if let Some(passcode) = &entry.passcode {
                self.ledger.show(device, &answer.request, entry, passcode);
            }
        }
        (answer.status == 200).then_some(entries)
    }

    /// Gets that path.
    pub async fn get(&self, of: &str, path: &str) -> Option<Answer> {
        self.send(of, self.client.get(format!("{}{path}", self.url))).await
    }

    /// The status of that path, without a note of it.
    pub async fn probe(&self, path: &str) -> Option<u16> {
        Some(self.client.get(format!("{}{path}", self.url)).send().await.ok()?.status().as_u16())
    }

    fn sign_in(&self, token: String) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }
}

/// A data directory and everything around it.
pub struct Scene {
    pub server: Option<Server>,
    /// The small file system that it lies on, if it does.
    mount: Option<Mount>,
    home: TempDir,
    pub place: Place,
    pub face: Arc<Face>,
    pub devices: Vec<Arc<Device>>,
    pub ledger: Arc<Ledger>,
    pub weather: Arc<Weather>,
    pub rng: Rng,
    audit_key: String,
    /// The links of the last export: the next begins with them.
    links: Vec<String>,
    /// The rounds that it has seen.
    pub rounds: usize,
    /// The scene ends with this round: its data directory is not what it was.
    pub is_spent: bool,
}

impl Scene {
    /// A fresh one, with two devices of each kind, in that directory.
    pub async fn build(home: TempDir, mount: Option<Mount>, mut rng: Rng) -> Result<Self> {
        let data = mount.as_ref().map_or(home.path(), Mount::path).join("data");
        let host = Ipv4Addr::new(127, rng.u8(64..250), rng.u8(..), rng.u8(1..255));
        // On a disk that becomes full, or where the server can still say that it is.
        let log = match &mount {
            Some(mount) if rng.bool() => mount.path().join("server.log"),
            Some(_) | None => home.path().join("server.log"),
        };
        let mut place = Place { data, host, ports: [0, 0], environment: Vec::new(), files: None, log };
        run(&place, &["init"])?;
        run(&place, SETTINGS)?;
        let audit_key = run(&place, &["audit", "key"])?.trim().to_owned();
        let server = match Server::start(&place)? {
            Start::Serving(server, ports) => {
                place.ports = ports;
                server
            }
            Start::Refused { said, .. } => bail!("a fresh server does not start: {said}"),
        };
        let ledger = Arc::new(Ledger::default());
        let face = Arc::new(face(&place, Arc::clone(&ledger))?);
        let (devices, weather) = (Vec::new(), Arc::default());
        let server = Some(server);
        let mut scene = Self {
            server,
            mount,
            home,
            place,
            face,
            devices,
            ledger,
            weather,
            rng,
            audit_key,
            links: Vec::new(),
            rounds: 0,
            is_spent: false,
        };
        for number in 0..4 {
            scene.enroll(number % 2 == 0).await?;
        }
        Ok(scene)
    }

    /// Where it is.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Leaves the directory where it is, for a person to look at.
    pub fn keep(mut self) -> Result<PathBuf> {
        self.server = None;
        if self.mount.is_some() {
            // What is mounted is gone with this process.
            let kept = self.home().with_extension("kept");
            ensure!(Command::new("cp").arg("-aT").args([self.home(), &kept]).status()?.success(), "cp failed");
            return Ok(kept);
        }
        Ok(self.home.keep())
    }

    async fn enroll(&mut self, windows: bool) -> Result<()> {
        let number = self.ledger.open_book();
        let token = self.enrollment_token()?;
        let (root, url) = (root(&self.place)?, self.device_url());
        let plain = Https::new(&root, None)?;
        let ledger = Arc::clone(&self.ledger);
        let make = Box::new(move || ledger.make(number));
        let before = self.device_ids().await?;
        let (body, account) = if windows {
            let hardware = Hardware::laptop(number as u64);
            let account = enroll(&plain, &hardware, &url, "ana@example.org", &token).await?;
            let identity = account.identity.clone();
            (Body::Windows(Box::new(WindowsDevice::new(hardware, account, make))), identity)
        } else {
            let device = LinuxDevice::enroll(&plain, number as u64, &url, &token, make).await?;
            let identity = device.account.identity.clone();
            (Body::Linux(Box::new(device)), identity)
        };
        let after = self.device_ids().await?;
        let id = after.into_iter().find(|id| !before.contains(id)).context("the device that enrolled")?;
        let wire = Wire {
            https: Https::new(&root, Some(&account))?,
            device: number,
            ledger: Arc::clone(&self.ledger),
            weather: Arc::clone(&self.weather),
            rng: Mutex::new(self.rng.fork()),
        };
        let device = Device { number, id, wire, body: tokio::sync::Mutex::new(body) };
        device.sync().await?;
        self.devices.push(Arc::new(device));
        Ok(())
    }

    /// A token with which one device enrols.
    pub fn enrollment_token(&self) -> Result<String> {
        let made: Value = serde_json::from_str(&run(&self.place, &["device", "enroll-token", "--json"])?)?;
        self.ledger.mint();
        Ok(made["token"].as_str().context("a token")?.to_owned())
    }

    /// Where devices find the server.
    pub fn device_url(&self) -> String {
        format!("https://{}:{}", self.place.host, self.place.ports[1])
    }

    /// Every device that the server knows.
    pub async fn device_ids(&self) -> Result<Vec<String>> {
        let listed = self.face.get("the devices", DEVICES).await.context("the devices")?;
        ensure!(listed.status == 200, "the devices cannot be listed: {}", listed.body);
        let ids = listed.body["value"].as_array().into_iter().flatten().filter_map(|device| device["id"].as_str());
        Ok(ids.map(str::to_owned).collect())
    }

    /// The server, which must run.
    pub fn server(&mut self) -> Result<&mut Server> {
        self.server.as_mut().context("the server does not run")
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Starts the server on its ports and gives callers a new token. A server that refuses breaks a promise, and ends
    /// the scene.
    pub async fn must_start(&mut self, after: &str) -> Result<bool> {
        match Server::start(&self.place)? {
            Start::Serving(server, _) => {
                self.server = Some(server);
                self.sign_in(&format!("after {after}")).await
            }
            Start::Refused { code, said } => {
                let what = format!("the server ends with {code:?} when it starts after {after}: {}", said.trim());
                self.ledger.broke(Promise::NothingStopsIt, what);
                self.is_spent = true;
                Ok(false)
            }
        }
    }

    /// Gives callers a token of now, and says whether it is taken; one that is not breaks a promise, and ends the scene.
    pub async fn sign_in(&mut self, after: &str) -> Result<bool> {
        let taken = self.is_signed_in().await?;
        if !taken {
            self.ledger.broke(Promise::NothingStopsIt, format!("{after}, a fresh token of an operator is not taken"));
            self.is_spent = true;
        }
        Ok(taken)
    }

    async fn is_signed_in(&self) -> Result<bool> {
        // Tokens end with a moment, and others begin after it.
        for _ in 0..5 {
            self.face.sign_in(token(&self.place)?);
            let listed = self.face.get("the devices", &format!("{DEVICES}?$top=1")).await;
            if listed.is_some_and(|answer| answer.status == 200) {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        Ok(false)
    }

    /// A number of milliseconds in that range, from the schedule.
    pub async fn pause(&mut self, milliseconds: std::ops::Range<u64>) {
        let milliseconds = self.rng.u64(milliseconds);
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    /// Everything that was promised, compared with what is there. The server runs, and no fault is left.
    pub async fn check(&mut self, after: &str) -> Result<()> {
        self.serves_again(after).await;
        self.settle(after).await;
        for device in &self.devices {
            let owed = self.ledger.is_owed(device.number, &device.passcode().await, device.seals_first().await);
            self.judge(device, owed, after).await;
        }
        self.compare_record(after).await
    }

    /// A good caller's recovery is accepted in good time.
    async fn serves_again(&mut self, after: &str) {
        let device = &self.devices[self.rng.usize(0..self.devices.len())];
        let begun = Instant::now();
        let mut last = None;
        while begun.elapsed() < PATIENCE {
            last = self.face.recover(&device.id, None).await;
            if last == Some(204) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        let said = last.map_or("nothing".to_owned(), |status| format!("status {status}"));
        self.ledger
            .broke(Promise::NothingStopsIt, format!("{after}, a recovery is answered with {said} for ten seconds"));
    }

    /// Every device comes until nothing waits for it any more.
    pub async fn settle(&self, after: &str) {
        let mut open = String::new();
        for _ in 0..12 {
            open.clear();
            for device in &self.devices {
                let synchronised = device.sync().await;
                let path = format!("{DEVICES}/{}", device.id);
                let answer = self.face.get("a device", &path).await;
                let entries = answer.map(|answer| Entry::of_device(&answer.body)).unwrap_or_default();
                if let Some(entry) = entries.first().filter(|entry| entry.is_open()) {
                    let ended = synchronised.err().map_or("ended well".to_owned(), |error| error.to_string());
                    open = format!(
                        "action {} of device {} is {}, the last session {ended}",
                        entry.action, device.number, entry.state
                    );
                }
            }
            if open.is_empty() {
                return;
            }
        }
        self.ledger.broke(Promise::Durable, format!("{after}, an accepted recovery does not end: {open}"));
    }

    /// Reads and judges every device, whatever waits for it.
    pub async fn judge_all(&self, after: &str) {
        for device in &self.devices {
            let owed = self.ledger.is_owed(device.number, &device.passcode().await, false);
            self.judge(device, owed, after).await;
        }
    }

    /// What is shown as the passcode of a device opens it, and what is owed is there.
    async fn judge(&self, device: &Device, owed: bool, after: &str) {
        let Some(entries) = self.face.read(device.number, &device.id).await else {
            let what = format!("{after}, the results of device {} cannot be read", device.number);
            return self.ledger.broke(Promise::NothingStopsIt, what);
        };
        self.judge_entries(device, &entries, owed, after).await;
    }

    async fn judge_entries(&self, device: &Device, entries: &[Entry], owed: bool, after: &str) {
        let real = device.passcode().await;
        let newest = entries.first();
        if let Some(entry) = newest.filter(|entry| entry.is_done() && !entry.uncertain) {
            match (&entry.passcode, &entry.withheld) {
                (Some(passcode), _) if *passcode == real => {}
                (Some(passcode), _) => self.ledger.broke(
                    Promise::Truth,
                    format!("{after}, {passcode} of device {} is shown as current, and {real} opens it", device.number),
                ),
                (None, reason) => self.ledger.broke(
                    Promise::NeverLost,
                    format!(
                        "{after}, the passcode {real} of device {} is done and withheld: {reason:?}",
                        device.number
                    ),
                ),
            }
        }
        let is_held = entries.iter().any(|entry| entry.is_done() && entry.passcode.as_deref() == Some(real.as_str()));
        if owed && !is_held {
            let seen: Vec<_> =
                entries.iter().map(|entry| format!("{} {} {:?}", entry.state, entry.outcome, entry.passcode)).collect();
            self.ledger.broke(
                Promise::NeverLost,
                format!("{after}, {real} opens device {}, was acknowledged, and is not there: {seen:?}", device.number),
            );
        }
    }

    /// Judges what a damaged data directory serves that is put right afterwards: nothing of it is noted as told.
    pub async fn judge_apart(&mut self, accepted: bool, after: &str) -> Result<()> {
        ensure!(self.is_signed_in().await?, "{after}, a fresh token of an operator is not taken");
        for device in &self.devices {
            let path = format!("{DEVICES}/{}?$select=deviceActionResults", device.id);
            let answer = self.face.get("the results of a device", &path).await;
            let status = answer.as_ref().map_or(0, |answer| answer.status);
            let Some(answer) = answer.filter(|answer| answer.status == 200) else {
                // A row that cannot be understood is answered with 500, which claims nothing.
                if !accepted && status != 500 {
                    let what = format!("{after}, the results of device {} are answered with {status}", device.number);
                    self.ledger.broke(Promise::NothingStopsIt, what);
                }
                continue;
            };
            let owed = !accepted && self.ledger.is_owed(device.number, &device.passcode().await, false);
            self.judge_entries(device, &Entry::of_device(&answer.body), owed, after).await;
        }
        Ok(())
    }

    /// The record verifies, begins with what it was before, and holds what was told.
    pub async fn compare_record(&mut self, after: &str) -> Result<()> {
        let events = match self.export() {
            Ok(events) => events,
            Err(error) => {
                self.ledger.broke(Promise::RecordIsSound, format!("{after}, {error:#}"));
                return Ok(());
            }
        };
        let links: Vec<_> = events.iter().map(|event| event.hash.clone()).collect();
        if !links.starts_with(&self.links) {
            self.ledger
                .broke(Promise::RecordIsSound, format!("{after}, the record does not begin with the record of before"));
        }
        self.links = links;
        let mut actions = std::collections::BTreeSet::new();
        let mut next = Some("/beta/deviceManagement/remoteActionAudits?$top=1000&$select=id".to_owned());
        while let Some(path) = next {
            let Some(answer) = self.face.get("the remote actions", &path).await.filter(|answer| answer.status == 200)
            else {
                self.ledger.broke(Promise::NothingStopsIt, format!("{after}, the remote actions cannot be listed"));
                return Ok(());
            };
            let ids = answer.body["value"].as_array().into_iter().flatten().filter_map(|action| action["id"].as_str());
            actions.extend(ids.map(str::to_owned));
            let link = answer.body["@odata.nextLink"].as_str();
            next = link.and_then(|link| link.strip_prefix(self.face.url.as_str())).map(str::to_owned);
        }
        self.ledger.compare_record(&Record { events, actions });
        Ok(())
    }

    /// A connection on which the head of a request has begun.
    pub async fn half_a_request(
        &self,
        stream: tokio::net::TcpStream,
    ) -> Result<rustls::StreamOwned<rustls::ClientConnection, std::net::TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(root(&self.place)?.as_bytes())?)?;
        let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        let host = std::net::IpAddr::from(self.place.host);
        let begun = tokio::task::spawn_blocking(move || {
            let connection = rustls::ClientConnection::new(Arc::new(config), host.into())?;
            let mut connection = rustls::StreamOwned::new(connection, stream);
            connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: local")?;
            Ok(connection)
        });
        begun.await?
    }

    /// Exports the record and verifies it with the key that was pinned at the beginning.
    fn export(&self) -> Result<Vec<Event>> {
        let file = self.home().join("audit.jsonl");
        let name = file.to_str().context("a path")?;
        run(&self.place, &["audit", "export", "--output", name])?;
        run(&self.place, &["audit", "verify", name, "--key", &self.audit_key])?;
        Ok(Event::of_export(&std::fs::read_to_string(&file)?))
    }

    /// An older copy was accepted with `chaveiro restore accept`: what was told before it counts no more.
    pub fn begin_anew(&mut self) {
        self.ledger.begin_anew();
        self.links.clear();
    }
}

/// A command of the product: its output, or everything it said when it failed.
pub fn run(place: &Place, arguments: &[&str]) -> Result<String> {
    match output(&mut place.command(arguments))? {
        Ended::Well(said) => Ok(said),
        Ended::Badly(said) => anyhow::bail!("`chaveiro {}` failed: {said}", arguments.join(" ")),
    }
}

/// The end of a command.
pub enum Ended {
    /// It succeeded; its output.
    Well(String),
    /// It failed; everything it said.
    Badly(String),
}

/// Runs a command to its end.
pub fn output(command: &mut Command) -> Result<Ended> {
    let output = command.output().with_context(|| format!("running {}", command.get_program().to_string_lossy()))?;
    let said = text(&output.stdout);
    Ok(if output.status.success() { Ended::Well(said) } else { Ended::Badly(said + &text(&output.stderr)) })
}

fn token(place: &Place) -> Result<String> {
    let mut arguments = vec!["token"];
    for name in PERMISSIONS {
        arguments.extend(["--permission", name]);
    }
    Ok(run(place, &arguments)?.trim().to_owned())
}

fn root(place: &Place) -> Result<String> {
    Ok(std::fs::read_to_string(place.data.join("keys/ca/root.pem"))?)
}

/// Callers of the server at that place.
fn face(place: &Place, ledger: Arc<Ledger>) -> Result<Face> {
    let root = reqwest::Certificate::from_pem(root(place)?.as_bytes())?;
    // A connection for each request: one that was kept may belong to a server that is dead.
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]).pool_max_idle_per_host(0);
    let client = client.timeout(PATIENCE).build()?;
    let url = format!("https://{}:{}", place.host, place.ports[0]);
    Ok(Face { client, url, token: Mutex::new(token(place)?), ledger })
}
