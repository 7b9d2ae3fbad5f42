//! The OpenAPI document against the server: schemathesis makes requests from it, good and bad, and checks that the
//! answers are those that it promises.

use std::fmt::Write;
use std::process::Command;

use super::packages::{self, SCRIPTS};
use super::support::{Server, WITHOUT_LIMITS, chaveiro, full_token, get, text};

/// Threads. With two, one seed does not make the same requests again.
const WORKERS: &str = "1";

/// Requests of one operation in the fuzzing phase.
const EXAMPLES: &str = "3";

/// Collections whose first entity stands for all, and the placeholders of its key.
const COLLECTIONS: &[(&str, &str)] = &[
    ("users", "userId"),
    ("deviceManagement/managedDevices", "managedDeviceId"),
    ("deviceManagement/detectedApps", "detectedAppId"),
    ("deviceManagement/roleDefinitions", "roleDefinitionId"),
    ("deviceManagement/deviceHealthScripts", "deviceHealthScriptId"),
    ("deviceManagement/deviceManagementScripts", "deviceManagementScriptId"),
    ("deviceManagement/deviceComplianceScripts", "deviceComplianceScriptId"),
];

/// Walks to a device and what is around it that differ only in how they begin.
const SAME_AGAIN: &str =
    r"^/beta/(users/\{userId\}|me|deviceManagement/(comanagedDevices|detectedApps/\{detectedAppId\}))/.+/";

/// Two runs: every corner of what is asked and answered, with keys of the demonstration, of which nothing is deleted; then
/// random requests of every operation, with keys that schemathesis makes or was given by the server.
#[tokio::test]
async fn the_server_answers_as_its_openapi_document_says() {
    let python = packages::python("schemathesis");
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let shown = chaveiro().args(["demo", "--data"]).arg(&data).output().expect("it runs");
    assert!(shown.status.success(), "{}", text(&shown.stderr));
    // Thousands of requests in half a minute are the point.
    let server = Server::start_with(&data, "127.0.0.1:0", "127.0.0.1:0", WITHOUT_LIMITS);
    let configuration = std::fs::read_to_string(format!("{SCRIPTS}/schemathesis/schemathesis.toml")).expect("read");
    let keys = format!("{configuration}\n[parameters]\n{}", keys(&server).await);
    let corners = ["--phases", "examples,coverage", "--exclude-method", "DELETE", "--exclude-path-regex", SAME_AGAIN];
    let random = ["--phases", "fuzzing,stateful", "--max-examples", EXAMPLES];
    for (name, configuration, more) in [("known", keys, &corners[..]), ("made", configuration, &random)] {
        let place = directory.path().join(name);
        std::fs::create_dir(&place).expect("made");
        let file = place.join("schemathesis.toml");
        std::fs::write(&file, configuration).expect("written");
        let mut command = Command::new(python.with_file_name("schemathesis"));
        command.current_dir(&place).arg("--config-file").arg(&file).args(["run", OPENAPI, "--url", &server.graph_url]);
        command.arg("--tls-verify").arg(data.join("keys/ca/root.pem")).arg("--header");
        command.arg(format!("Authorization: Bearer {}", full_token(&data)));
        command.args(["--seed", "1", "--workers", WORKERS, "--no-color"]);
        command.args(["--continue-on-failure", "--warnings", "off"]).args(more).env("NO_PROXY", "127.0.0.1,localhost");
        command
            .env("SCHEMATHESIS_HOOKS", format!("{SCRIPTS}/schemathesis/hooks.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "with keys that are {name}:\n{}", text(&output.stdout));
    }
}

const OPENAPI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../generated/openapi.json");

/// The keys of what is there, as values of path parameters.
async fn keys(server: &Server) -> String {
    let client = server.client();
    let first = async |path: &str| {
        let page = get(&client, &format!("{}/beta/{path}", server.graph_url)).await;
        page["value"][0]["id"].as_str().unwrap_or_else(|| panic!("nothing in {path}")).to_owned()
    };
    let mut lines = String::new();
    let mut add = |placeholder: &str, key: &str| writeln!(lines, "\"path.{placeholder}\" = \"{key}\"").expect("text");
    for (path, placeholder) in COLLECTIONS {
        let key = first(path).await;
        add(placeholder, &key);
        if let Some(script) = placeholder.strip_suffix("ScriptId") {
            add(&format!("{script}ScriptDeviceStateId"), &first(&format!("{path}/{key}/deviceRunStates")).await);
        }
    }
    lines
}
