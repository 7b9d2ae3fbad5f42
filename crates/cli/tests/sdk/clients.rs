//! The surroundings of every client: a server, a device that answers, and an operator who approves codes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use chaveiro_core::id::TenantId;
use chaveiro_fleet::https::Https;
use chaveiro_fleet::windows::WindowsDevice;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::issuer::Issuer;
use super::support::{Server, fill, initialised, run, run_json, text};

/// How many checks every client makes.
pub const CHECKS: usize = 34;

/// Devices beside the one that answers.
const DEVICES: usize = 10_000;

/// The device that answers.
pub const DEVICE: &str = "ANA-LT1";

/// Whose device it is, and who signs in with a device code.
pub const PERSON: &str = "ana@example.org";

pub const READ: &str = "DeviceManagementManagedDevices.Read.All";
const WRITE: &str = "DeviceManagementManagedDevices.ReadWrite.All";
pub const PRIVILEGED: &str = "DeviceManagementManagedDevices.PrivilegedOperations.All";
pub const AUDIT: &str = "DeviceManagementApps.Read.All";
const USERS: &str = "User.Read.All";

/// Runs the checks of one client, and then its recipe as it stands. Both are told the root certificate to trust.
pub async fn every_check_is_ok(expected: usize, checks: impl Fn(&Path) -> Command, recipe: impl Fn(&Path) -> Command) {
    let mut stand = Stand::build().await;
    let (said, pins) = stand.run(checks(&stand.root())).await;
    assert!(said.success && !said.out.contains("FAILED "), "{}{}", said.out, said.err);
    let passed = said.out.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(passed, expected, "all checks ran\n{}{}", said.out, said.err);
    let read: Vec<_> = said.out.lines().filter_map(|line| line.strip_prefix("passcode ")).collect();
    assert_eq!(read, pins, "what the application read, and then the person, opened the device");

    let mut recipe = recipe(&stand.root());
    recipe.arg(DEVICE.to_lowercase());
    let (said, pins) = stand.run(recipe).await;
    assert!(said.success && pins.len() == 1, "{}", said.err);
    assert_eq!(said.out.trim(), pins[0], "the recipe prints the new passcode");
}

/// A server with thousands of devices and one more that answers, applications that may more and less, and an issuer of
/// tokens beside its own.
pub struct Stand {
    directory: TempDir,
    data: PathBuf,
    tenant: String,
    server: Server,
    device: WindowsDevice,
    transport: Https,
    facts: Value,
}

impl Stand {
    pub async fn build() -> Self {
        let (directory, data) = initialised();
        let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
        let issuer = Issuer::start();
        issuer.trust(&data, &tenant);
        fill::fill(&data, TenantId(tenant.parse().expect("an id")), 0..DEVICES).await;
        let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
        let made = server.client().post(format!("{}/v1.0/users", server.graph_url));
        let user = json!({"userPrincipalName": PERSON, "displayName": "Ana"});
        assert_eq!(made.json(&user).send().await.expect("an answer").status(), 201);
        run(&data, &["role", "assign", "help-desk-operator", "--user", PERSON]);
        let (device, transport) = server.device_by(1, &["--user", PERSON]).await;

        let register = |name: &str, tenant: &str, more: &[&str]| {
            run_json(&data, &[&["app", "register", name, "--tenant", tenant], more].concat())
        };
        let application = |name: &str, permissions: &[&str], tenant: &str| {
            register(name, tenant, &permissions.iter().flat_map(|name| ["--permission", name]).collect::<Vec<_>>())
        };
        let delegated = [READ, WRITE, PRIVILEGED, USERS].map(|name| ["--delegated", name]);
        let helpdesk = application("helpdesk", &[READ, PRIVILEGED, AUDIT, USERS], &tenant);
        let certificate = directory.path().join("helpdesk.pem");
        add_certificate(&data, helpdesk["clientId"].as_str().expect("text"), &certificate);
        let other = run_json(&data, &["tenant", "create", "Unlicensed"])["id"].as_str().expect("an id").to_owned();
        run(&data, &["tenant", "set", "--licence", "inactive", "--tenant", &other]);
        let facts = json!({
            "devices": DEVICES + 1,
            "name": DEVICE,
            "person": PERSON,
            "known": {"id": fill::device_id(7).to_string(), "deviceName": "DESKTOP-0000007", "serialNumber": "SN00000007"},
            "helpdesk": helpdesk,
            "certificate": certificate,
            "public": register("console", &tenant, &[&["--public"], delegated.as_flattened()].concat()),
            "reader": application("reader", &[READ], &tenant),
            "robot": application("robot", &[PRIVILEGED], &tenant),
            "revoked": application("revoked", &[READ, PRIVILEGED], &tenant),
            "unlicensed": application("unlicensed", &[READ], &other),
            "expired": issuer.token("up", &tenant, -3600),
            "keysUnavailable": issuer.token("down", &tenant, 3600),
        });
        Self { directory, data, tenant, server, device, transport, facts }
    }

    /// The certificate to trust.
    pub fn root(&self) -> PathBuf {
        self.data.join("keys/ca/root.pem")
    }

    /// A directory that lives as long as this.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs a client to its end while the device polls, and an operator does what it asks for. Also gives the passcodes that
    /// the device had one after the other since then.
    pub async fn run(&mut self, command: Command) -> (Said, Vec<String>) {
        self.run_as("helpdesk", command).await
    }

    /// The same, as another application.
    pub async fn run_as(&mut self, application: &str, mut command: Command) -> (Said, Vec<String>) {
        let of = |name: &str| self.facts[application][name].as_str().expect("text");
        command
            .env("CHAVEIRO_URL", &self.server.graph_url)
            .env("CHAVEIRO_TENANT_ID", of("tenantId"))
            .env("CHAVEIRO_CLIENT_ID", of("clientId"))
            .env("CHAVEIRO_CLIENT_SECRET", of("clientSecret"))
            .env("CHECKS", self.facts.to_string())
            .env("NO_PROXY", "127.0.0.1,localhost");
        for variable in ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
            command.env(variable, self.root());
        }
        let operator = {
            let (data, tenant) = (self.data.clone(), self.tenant.clone());
            move |line: &str| match line.split_once(' ') {
                Some(("approve", code)) => {
                    run(&data, &["sign-in", "approve", code, "--user", PERSON, "--tenant", &tenant]);
                }
                Some(("revoke", application)) => {
                    run(&data, &["app", "revoke", application, "--tenant", &tenant]);
                }
                _ => {}
            }
        };
        beside(&mut self.device, &self.transport, command, operator).await
    }
}

/// Registers a new certificate; the file holds it with its key, as identity libraries want it.
fn add_certificate(data: &Path, application: &str, file: &Path) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key");
    let certificate = rcgen::CertificateParams::new(vec!["helpdesk.example".to_owned()]).expect("parameters");
    let pem = certificate.self_signed(&key).expect("a certificate").pem();
    let public = file.with_extension("crt");
    std::fs::write(&public, &pem).expect("written");
    std::fs::write(file, format!("{}{pem}", key.serialize_pem())).expect("written");
    run(data, &["app", "add-certificate", application, public.to_str().expect("a path")]);
}

/// What a client said.
pub struct Said {
    pub success: bool,
    pub out: String,
    pub err: String,
}

/// Runs a command to its end while the device polls, and gives each line of its output to the operator.
///
/// Also returns the passcodes that the device had one after the other since then.
pub async fn beside(
    device: &mut WindowsDevice,
    transport: &Https,
    mut command: Command,
    operator: impl Fn(&str) + Send + 'static,
) -> (Said, Vec<String>) {
    let mut running = tokio::task::spawn_blocking(move || {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let reader = std::thread::spawn(move || {
            let mut out = String::new();
            for line in lines.map_while(Result::ok) {
                operator(&line);
                out += &line;
                out.push('\n');
            }
            out
        });
        let output = child.wait_with_output().expect("it ends");
        Said { success: output.status.success(), out: reader.join().expect("read"), err: text(&output.stderr) }
    });
    let mut pins = vec![device.pin().to_owned()];
    loop {
        tokio::select! {
            ended = &mut running => return (ended.expect("joined"), pins.split_off(1)),
            () = tokio::time::sleep(Duration::from_millis(100)) => {
                device.sync(transport).await.expect("a session");
                if pins.last().is_some_and(|pin| pin != device.pin()) {
                    pins.push(device.pin().to_owned());
                }
            }
        }
    }
}
