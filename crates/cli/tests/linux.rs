//! The real agent against the real server, each a process of its own.

#![allow(unreachable_pub, dead_code, reason = "a test crate; the support is shared")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;
use support::{Server, get, initialised, run_json, text};

/// Where the agent is. It belongs to another package, so that it is built here, once.
static AGENT: LazyLock<PathBuf> = LazyLock::new(|| {
    let program = Path::new(env!("CARGO_BIN_EXE_chaveiro")).with_file_name("chaveiro-agent");
    let mut build = Command::new(env!("CARGO"));
    let built = build.args(["build", "--quiet", "--locked", "--package", "chaveiro-agent"]).arg("--target-dir");
    let target = program.ancestors().nth(2).expect("a target directory");
    assert!(built.arg(target).status().expect("cargo runs").success());
    program
});

struct Machine {
    directory: tempfile::TempDir,
}

impl Machine {
    /// A machine with its own system directory and state.
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().join("root");
        for (name, contents) in [
            ("etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
            ("etc/os-release", "VERSION_ID=\"12\"\n"),
            ("etc/hostname", "ana-laptop\n"),
            ("proc/meminfo", "MemTotal:       16384000 kB\n"),
            ("sys/class/dmi/id/sys_vendor", "Contoso\n"),
            ("sys/class/dmi/id/product_name", "Laptop 9\n"),
            ("sys/class/dmi/id/product_serial", "SN-42\n"),
        ] {
            let file = root.join(name);
            std::fs::create_dir_all(file.parent().expect("a parent")).expect("made");
            std::fs::write(file, contents).expect("written");
        }
        Self { directory }
    }

    fn try_run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&*AGENT);
        command.env("LC_ALL", "C.UTF-8").env_remove("CHAVEIRO_LANG").args(arguments);
        command.arg("--root").arg(self.directory.path().join("root"));
        command.arg("--state").arg(self.directory.path().join("state")).output().expect("it runs")
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.try_run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    fn enroll(&self, server: &Server) -> Output {
        let token = run_json(&server.data, &["device", "enroll-token"])["token"].as_str().expect("a token").to_owned();
        self.try_enroll(server, &token)
    }

    fn try_enroll(&self, server: &Server, token: &str) -> Output {
        let root = server.data.join("keys/ca/root.pem");
        let root = root.to_str().expect("text");
        self.try_run(&["enroll", &server.device_url, "--token", token, "--root-certificate", root])
    }
}

async fn devices(server: &Server) -> Value {
    get(&server.client(), &format!("{}/beta/deviceManagement/managedDevices", server.graph_url)).await["value"].clone()
}

#[tokio::test]
async fn a_linux_machine_enrols_reports_what_it_is_and_leaves() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let machine = Machine::new();
    assert_eq!(machine.try_run(&["status"]).status.code(), Some(1), "not enrolled yet");
    let enrolled = machine.enroll(&server);
    assert!(enrolled.status.success(), "{}", text(&enrolled.stderr));
    machine.run(&["sync"]);

    let devices_before = devices(&server).await;
    let device = &devices_before[0];
    for (property, value) in [
        ("deviceName", "ana-laptop"),
        ("operatingSystem", "Linux"),
        ("deviceType", "linux"),
        ("osVersion", "12"),
        ("manufacturer", "Contoso"),
        ("model", "Laptop 9"),
        ("serialNumber", "SN-42"),
    ] {
        assert_eq!(device[property], value, "{property} of {device}");
    }
    assert_eq!(device["physicalMemoryInBytes"].as_u64(), Some(0), "told by a single GET alone");
    let id = device["id"].as_str().expect("an id");
    let url = format!("{}/beta/deviceManagement/managedDevices/{id}", server.graph_url);
    let single = get(&server.client(), &format!("{url}?$select=physicalMemoryInBytes,totalStorageSpaceInBytes")).await;
    assert_eq!(single["physicalMemoryInBytes"].as_u64(), Some(16_000 << 20));
    assert!(single["totalStorageSpaceInBytes"].as_u64() > Some(0));

    // No recovery is pretended: the server says that this platform cannot be recovered yet.
    let asked = server.client().post(format!("{url}/recoverPasscode")).send().await.expect("an answer");
    assert!(asked.status().is_client_error());
    assert!(asked.text().await.expect("a body").contains("Linux"));

    let status: Value = serde_json::from_str(&machine.run(&["status", "--json"])).expect("JSON");
    assert!(status["lastSync"].is_string() && status["enrolled"] == true, "{status}");
    machine.run(&["unenroll"]);
    assert_eq!(devices(&server).await[0]["managementState"], "retireIssued", "the record stays");
    assert!(text(&machine.try_run(&["sync"]).stderr).contains("not enrolled"));
}

#[tokio::test]
async fn a_machine_that_enrols_again_is_the_same_device() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let machine = Machine::new();
    assert!(machine.enroll(&server).status.success());
    let again = machine.enroll(&server);
    assert!(text(&again.stderr).contains("enrolled already"), "{}", text(&again.stderr));
    let first = devices(&server).await[0]["id"].clone();
    machine.run(&["unenroll", "--force"]);
    assert!(machine.enroll(&server).status.success());
    machine.run(&["sync"]);
    let now = devices(&server).await;
    assert_eq!((now.as_array().map(Vec::len), &now[0]["id"]), (Some(1), &first));
}

#[tokio::test]
async fn what_goes_wrong_is_said_with_what_to_do_and_leaves_nothing_behind() {
    let (_directory, data) = initialised();
    let mut server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let machine = Machine::new();
    let refused = machine.try_enroll(&server, "WRONG-TOKEN");
    assert!(!refused.status.success() && text(&refused.stderr).contains("not enrolled"), "{}", text(&refused.stderr));
    assert_eq!(machine.try_run(&["status"]).status.code(), Some(1));

    let token = run_json(&data, &["device", "enroll-token"])["token"].as_str().expect("a token").to_owned();
    let untrusted = machine.try_run(&["enroll", &server.device_url, "--token", &token]);
    assert!(!untrusted.status.success(), "a server that nobody vouches for is not trusted");
    assert!(!text(&untrusted.stderr).contains(&token), "the token is not repeated");

    assert!(machine.try_enroll(&server, &token).status.success(), "a token that was not used still serves");
    server.kill();
    for verb in [&["sync"][..], &["unenroll"]] {
        let output = machine.try_run(verb);
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains("try again") || text(&output.stderr).contains("--force"));
    }
    assert!(machine.run(&["status"]).contains("enrolled at"), "nothing was removed");
    machine.run(&["unenroll", "--force"]);
    assert_eq!(machine.try_run(&["status"]).status.code(), Some(1));
}
