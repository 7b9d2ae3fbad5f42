//! Clients of Microsoft Graph that are not part of every test run, because compiling them takes too long (Go) or
//! because a machine seldom has them (Terraform), or because they are large (m365, az). `cargo xtask sdk` runs these tests.

#![allow(unreachable_pub, dead_code, reason = "a test crate; the support is shared")]

mod support;

#[path = "sdk/clients.rs"]
mod clients;
#[path = "sdk/issuer.rs"]
mod issuer;
#[path = "sdk/named.rs"]
mod named;
#[path = "sdk/packages.rs"]
mod packages;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use clients::{CHECKS, DEVICE, PERSON, PRIVILEGED, READ, Said, Stand, every_check_is_ok};
use named::Named;
use packages::SCRIPTS;
use support::run;

/// The query of a device's passcodes.
const RESULTS: &str = "$select=id,deviceActionResults";

#[tokio::test]
async fn the_go_sdk_pages_recovers_and_names_every_error() {
    let recipe = packages::go(&["build"], "recover");
    let checks = packages::go(&["test", "-vet=off", "-c"], "checks");
    every_check_is_ok(CHECKS, |_| Command::new(&checks), |_| Command::new(&recipe)).await;
}

#[tokio::test]
async fn terraform_recovers_once_for_each_ticket_and_keeps_the_passcode_out_of_its_state() {
    let mut stand = Stand::build().await;
    let place = stand.directory().join("terraform");
    std::fs::create_dir(&place).expect("made");
    for (from, name) in [("terraform/main.tf", "main.tf"), ("python/recover.py", "recover.py")] {
        std::fs::copy(format!("{SCRIPTS}/{from}"), place.join(name)).expect("copied");
    }
    let python = packages::python("python");
    symlink(python.ancestors().nth(2).expect("its environment"), place.join("env")).expect("linked");
    let read = || std::fs::read_to_string(place.join("passcode")).expect("a passcode");

    let (said, _) = stand.run(terraform(&place, &["init"])).await;
    assert!(said.success, "{}", said.err);
    let mut shown = Vec::new();
    for (ticket, recoveries) in [("INC-1", 1), ("INC-1", 0), ("INC-2", 1)] {
        let (said, pins) = stand.run(apply(&place, &DEVICE.to_lowercase(), ticket)).await;
        assert!(said.success && pins.len() == recoveries, "{ticket}: {pins:?} {}{}", said.out, said.err);
        shown.extend(pins);
        assert_eq!(Some(read().trim()), shown.last().map(String::as_str), "{ticket}");
        let state = std::fs::read_to_string(place.join("terraform.tfstate")).expect("a state");
        assert!(state.contains(ticket) && !shown.iter().any(|pin| state.contains(pin) || said.says(pin)), "{ticket}");
    }
    let mode = std::fs::metadata(place.join("passcode")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "its owner alone reads it");

    for (application, device, words) in [
        ("helpdesk", "nobody's", "0 devices are called nobody's"),
        ("reader", DEVICE, "403 Forbidden: "),
        ("unlicensed", DEVICE, "Request not applicable to target tenant."),
    ] {
        let (said, pins) = stand.run_as(application, apply(&place, device, "INC-3")).await;
        assert!(!said.success && pins.is_empty() && said.says(words), "{words}: {}{}", said.out, said.err);
    }
}

#[test]
fn the_cli_for_microsoft_365_signs_in_lists_recovers_and_shows_the_passcode() {
    let m365 = packages::m365();
    named::within(async {
        let permissions = [READ, PRIVILEGED, "User.ReadWrite.All", "User.RevokeSessions.All"];
        let mut stand = Named::build(&permissions).await;
        let [tenant, id, secret] =
            ["tenantId", "clientId", "clientSecret"].map(|name| stand.application(name).to_owned());
        let call = |arguments: &[&str]| {
            let mut command = Command::new(&m365);
            command.args(arguments).args(["--output", "json"]);
            command
        };
        let login = ["login", "--authType", "secret", "--tenant", &tenant, "--appId", &id, "--secret", &secret];
        stand.shown(call(&login)).await;

        let devices = "https://graph.microsoft.com/v1.0/deviceManagement/managedDevices";
        let query = format!("{devices}?$filter=deviceName eq '{DEVICE}'&$select=id,deviceName");
        let (found, _) = stand.shown(call(&["request", "--url", &query])).await;
        assert_eq!(found["value"][0]["deviceName"], DEVICE);
        let device = format!("{devices}/{}", found["value"][0]["id"].as_str().expect("an id"));
        let recovery = call(&["request", "--method", "post", "--url", &format!("{device}/recoverPasscode")]);
        stand.recovers(recovery, || call(&["request", "--url", &format!("{device}?{RESULTS}")])).await;

        let (users, _) = stand.shown(call(&["entra", "user", "list"])).await;
        assert_eq!(users[0]["userPrincipalName"], PERSON);
        let (user, _) = stand.shown(call(&["entra", "user", "get", "--userName", PERSON])).await;
        assert_eq!(user["id"], users[0]["id"]);
        stand.shown(call(&["entra", "user", "session", "revoke", "--userName", PERSON, "--force"])).await;

        let (said, _) = stand.run(call(&["entra", "app", "list"])).await;
        assert!(!said.success && said.says("Application.Read.All"), "{}{}", said.out, said.err);
    });
}

#[test]
fn the_azure_cli_cannot_sign_in_and_asks_graph_with_a_token_that_another_got() {
    let az = packages::python("az").with_file_name("az");
    named::within(async {
        let mut stand = Named::build(&[READ, PRIVILEGED]).await;
        let [tenant, id, secret] =
            ["tenantId", "clientId", "clientSecret"].map(|name| stand.application(name).to_owned());
        let call = |arguments: &[&str]| {
            let mut command = Command::new(&az);
            command.args(arguments).env("AZURE_CORE_COLLECT_TELEMETRY", "false");
            command
        };
        let login = ["login", "--service-principal", "--username", &id, "--password", &secret, "--tenant", &tenant];
        let (said, _) = stand.run(call(&login)).await;
        let scope = "https://management.core.windows.net//.default";
        assert!(!said.success && said.says("AADSTS70011") && said.says(scope), "{}{}", said.out, said.err);

        let token = run(&stand.data, &["token", "--permission", READ, "--permission", PRIVILEGED]);
        let authorization = format!("Authorization=Bearer {}", token.trim());
        let rest = |method: &str, url: &str| {
            let mut command = call(&["rest", "--skip-authorization-header", "--method", method, "--url", url]);
            command.arg("--headers").arg(&authorization);
            command
        };
        let devices = "https://graph.microsoft.com/v1.0/deviceManagement/managedDevices";
        let query = format!("{devices}?$filter=deviceName eq '{DEVICE}'&$select=id");
        let (found, _) = stand.shown(rest("get", &query)).await;
        let device = format!("{devices}/{}", found["value"][0]["id"].as_str().expect("an id"));
        let recovery = rest("post", &format!("{device}/recoverPasscode"));
        stand.recovers(recovery, || rest("get", &format!("{device}?{RESULTS}"))).await;
    });
}

fn terraform(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("terraform");
    command.args(arguments).args(["-input=false", "-no-color"]).current_dir(place).env("CHECKPOINT_DISABLE", "1");
    command
}

fn apply(place: &Path, device: &str, ticket: &str) -> Command {
    let mut command = terraform(place, &["apply", "-auto-approve"]);
    command.arg(format!("-var=device={device}")).arg(format!("-var=ticket={ticket}"));
    command
}

impl Said {
    fn says(&self, words: &str) -> bool {
        self.out.contains(words) || self.err.contains(words)
    }
}
