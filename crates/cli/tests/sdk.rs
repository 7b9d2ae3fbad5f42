//! The official clients of Microsoft Graph against the real server over TLS: the scripts of `tests/sdk` sign in, page
//! through 10,000 devices, recover one that really answers as an application and as a person, and meet every class of
//! error. `docs/sdk` shows the same scripts.

#![allow(unreachable_pub, dead_code, reason = "a test crate; the support is shared")]

mod support;

#[path = "sdk/issuer.rs"]
mod issuer;
#[path = "sdk/packages.rs"]
mod packages;
#[path = "sdk/schemathesis.rs"]
mod schemathesis;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use chaveiro_core::id::TenantId;
use chaveiro_fleet::https::Https;
use chaveiro_fleet::windows::WindowsDevice;
use issuer::Issuer;
use packages::SCRIPTS;
use serde_json::json;
use support::{Server, fill, initialised, run, run_json, text};

/// How many checks each client has.
const CHECKS: usize = 32;

/// Devices beside the one that answers.
const DEVICES: usize = 10_000;

/// Whose device it is, and who signs in with a device code.
const PERSON: &str = "ana@example.org";

const READ: &str = "DeviceManagementManagedDevices.Read.All";
const WRITE: &str = "DeviceManagementManagedDevices.ReadWrite.All";
const PRIVILEGED: &str = "DeviceManagementManagedDevices.PrivilegedOperations.All";
const AUDIT: &str = "DeviceManagementApps.Read.All";
const USERS: &str = "User.Read.All";

#[tokio::test]
async fn the_python_sdk_pages_recovers_and_names_every_error() {
    let python = packages::python("python");
    let script = |name: &str| {
        let mut command = Command::new(&python);
        command.env("PYTHONPYCACHEPREFIX", python.with_file_name("compiled"));
        command.arg(format!("{SCRIPTS}/python/{name}.py"));
        command
    };
    // One more than the others: it alone asks for a token that answers a claims challenge.
    every_check_is_ok(script("checks"), script("recover"), CHECKS + 1).await;
}

#[tokio::test]
async fn the_javascript_client_pages_recovers_and_names_every_error() {
    let directory = packages::node();
    let script = |name: &str| {
        let mut command = Command::new("node");
        command.arg(directory.join(name).with_extension("mjs"));
        command
    };
    every_check_is_ok(script("checks"), script("recover"), CHECKS).await;
}

#[test]
fn the_pages_show_the_scripts_that_run_here() {
    for (page, language, script) in
        [("python.md", "python", "python/recover.py"), ("javascript.md", "javascript", "javascript/recover.mjs")]
    {
        let page = Path::new(SCRIPTS).join("../../../../docs/sdk").join(page);
        let shown = std::fs::read_to_string(&page).expect("a page");
        let script = std::fs::read_to_string(Path::new(SCRIPTS).join(script)).expect("a script");
        assert!(shown.contains(&format!("```{language}\n{script}```\n")), "{} shows another script", page.display());
    }
}

/// Runs the checks of one client, and then its recipe as it stands, beside a server and a device that answers.
async fn every_check_is_ok(checks: Command, recipe: Command, expected: usize) {
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
    let (mut device, transport) = server.device_by(1, &["--user", PERSON]).await;

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
        "name": "ANA-LT1",
        "person": PERSON,
        "known": {"id": fill::device_id(7).to_string(), "deviceName": "DESKTOP-0000007", "serialNumber": "SN00000007"},
        "certificate": certificate,
        "public": register("console", &tenant, &[&["--public"], delegated.as_flattened()].concat()),
        "reader": application("reader", &[READ], &tenant),
        "robot": application("robot", &[PRIVILEGED], &tenant),
        "revoked": application("revoked", &[READ, PRIVILEGED], &tenant),
        "unlicensed": application("unlicensed", &[READ], &other),
        "expired": issuer.token("up", &tenant, -3600),
        "keysUnavailable": issuer.token("down", &tenant, 3600),
    });
    let with_environment = |mut command: Command| {
        let of = |name: &str| helpdesk[name].as_str().expect("text");
        command
            .env("CHAVEIRO_URL", &server.graph_url)
            .env("CHAVEIRO_TENANT_ID", &tenant)
            .env("CHAVEIRO_CLIENT_ID", of("clientId"))
            .env("CHAVEIRO_CLIENT_SECRET", of("clientSecret"))
            .env("CHECKS", facts.to_string())
            .env("NO_PROXY", "127.0.0.1");
        for variable in ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
            command.env(variable, data.join("keys/ca/root.pem"));
        }
        command
    };

    let operator = {
        let (data, tenant) = (data.clone(), tenant.clone());
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
    let (said, pins) = beside(&mut device, &transport, with_environment(checks), operator).await;
    assert!(said.success && !said.out.contains("FAILED "), "{}{}", said.out, said.err);
    let passed = said.out.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(passed, expected, "all checks ran\n{}{}", said.out, said.err);
    let read: Vec<_> = said.out.lines().filter_map(|line| line.strip_prefix("passcode ")).collect();
    assert_eq!(read, pins, "what the application read, and then the person, opened the device");

    let mut recipe = with_environment(recipe);
    recipe.arg("ana-lt1");
    let (said, pins) = beside(&mut device, &transport, recipe, |_| {}).await;
    assert!(said.success && pins.len() == 1, "{}", said.err);
    assert_eq!(said.out.trim(), pins[0], "the recipe prints the new passcode");
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

/// What a script said.
struct Said {
    success: bool,
    out: String,
    err: String,
}

/// Runs it to its end while the device polls, and somebody reads what it says and does what it asks for. Also gives the
/// passcodes that the device had one after the other since then.
async fn beside(
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
