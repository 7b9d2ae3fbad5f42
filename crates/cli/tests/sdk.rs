//! The official clients of Microsoft Graph against the real server over TLS: the scripts of `tests/sdk` sign in, page
//! through 10,000 devices, recover one that really answers, and meet every class of error. `docs/sdk` shows the same
//! scripts.

#![allow(unreachable_pub, dead_code, reason = "a test crate; the support is shared")]

mod support;

#[path = "sdk/issuer.rs"]
mod issuer;
#[path = "sdk/packages.rs"]
mod packages;
#[path = "sdk/schemathesis.rs"]
mod schemathesis;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use chaveiro_core::id::TenantId;
use chaveiro_fleet::https::Https;
use chaveiro_fleet::windows::WindowsDevice;
use issuer::Issuer;
use packages::SCRIPTS;
use serde_json::json;
use support::{Server, fill, initialised, run, run_json, text};

/// What the server does of that which clients can ask. Checks of what it does not do yet see to it that it is refused
/// by name; a row turns the check over.
const SERVED: &[(&str, bool)] = &[
    ("filter", false),
    ("orderby", false),
    ("count", false),
    ("search", false),
    ("expand", false),
    ("batch", true),
    ("auditEvents", false),
    ("deviceCode", false),
];

/// How many checks each client has.
const CHECKS: usize = 29;

/// Devices beside the one that answers.
const DEVICES: usize = 10_000;

const READ: &str = "DeviceManagementManagedDevices.Read.All";
const PRIVILEGED: &str = "DeviceManagementManagedDevices.PrivilegedOperations.All";

#[tokio::test]
async fn the_python_sdk_pages_recovers_and_names_every_error() {
    let python = packages::python("python");
    let script = |name: &str| {
        let mut command = Command::new(&python);
        command.env("PYTHONPYCACHEPREFIX", python.with_file_name("compiled"));
        command.arg(format!("{SCRIPTS}/python/{name}.py"));
        command
    };
    every_check_is_ok(script("checks"), script("recover")).await;
}

#[tokio::test]
async fn the_javascript_client_pages_recovers_and_names_every_error() {
    let directory = packages::node();
    let script = |name: &str| {
        let mut command = Command::new("node");
        command.arg(directory.join(name).with_extension("mjs"));
        command
    };
    every_check_is_ok(script("checks"), script("recover")).await;
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
async fn every_check_is_ok(checks: Command, recipe: Command) {
    let (_directory, data) = initialised();
    let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
    let issuer = Issuer::start();
    issuer.trust(&data, &tenant);
    fill::fill(&data, TenantId(tenant.parse().expect("an id")), 0..DEVICES).await;
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(1).await;

    let application = |name: &str, permissions: &[&str], tenant: &str| {
        let permissions = permissions.iter().flat_map(|permission| ["--permission", permission]);
        let register = ["app", "register", name, "--tenant", tenant];
        run_json(&data, &register.into_iter().chain(permissions).collect::<Vec<_>>())
    };
    let helpdesk = application("helpdesk", &[READ, PRIVILEGED], &tenant);
    let other = run_json(&data, &["tenant", "create", "Unlicensed"])["id"].as_str().expect("an id").to_owned();
    run(&data, &["tenant", "set", "--licence", "inactive", "--tenant", &other]);
    let facts = json!({
        "devices": DEVICES + 1,
        "name": "ANA-LT1",
        "known": {"id": fill::device_id(7).to_string(), "deviceName": "DESKTOP-0000007"},
        "reader": application("reader", &[READ], &tenant),
        "robot": application("robot", &[PRIVILEGED], &tenant),
        "unlicensed": application("unlicensed", &[READ], &other),
        "expired": issuer.token("up", &tenant, -3600),
        "keysUnavailable": issuer.token("down", &tenant, 3600),
        "served": SERVED.iter().copied().collect::<BTreeMap<_, _>>(),
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
    let all = |output: &Output| format!("{}{}", text(&output.stdout), text(&output.stderr));

    let output = beside(&mut device, &transport, with_environment(checks)).await;
    let said = text(&output.stdout);
    assert!(output.status.success() && !said.contains("FAILED "), "{}", all(&output));
    let passed = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(passed, CHECKS, "all checks ran\n{}", all(&output));
    let read = said.lines().find_map(|line| line.strip_prefix("passcode "));
    assert_eq!(read, Some(device.pin()), "what the client read opens the device\n{}", all(&output));

    let mut recipe = with_environment(recipe);
    recipe.arg("ana-lt1");
    let output = beside(&mut device, &transport, recipe).await;
    assert_eq!(text(&output.stdout).trim(), device.pin(), "the recipe prints the new passcode\n{}", all(&output));
}

/// Runs it to its end while the device polls.
async fn beside(device: &mut WindowsDevice, transport: &Https, mut command: Command) -> Output {
    let mut running = tokio::task::spawn_blocking(move || command.output().expect("it runs"));
    loop {
        tokio::select! {
            ended = &mut running => return ended.expect("joined"),
            () = tokio::time::sleep(Duration::from_millis(100)) => {
                device.sync(transport).await.expect("a session");
            }
        }
    }
}
