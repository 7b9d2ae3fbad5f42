//! Programs that this project did not write and that know Microsoft's names alone, unmodified: the SDK for v1.0 with its
//! defaults, a backup of a tenant, and the connection test of a security product. `docs/sdk/unmodified.md` tells of them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::sdk::clients::{AUDIT, DEVICE, PERSON, PRIVILEGED, READ};
use crate::sdk::named::{Named, within};
use crate::sdk::packages::{self, SCRIPTS};

const USERS: &str = "User.ReadWrite.All";
const SCRIPTS_READ: &str = "DeviceManagementScripts.Read.All";
const ROLES: &str = "DeviceManagementRBAC.Read.All";

#[test]
fn the_v1_sdk_for_python_pages_counts_and_recovers_with_its_defaults() {
    let python = packages::python("python");
    within(async {
        let mut named = Named::build(&[READ, PRIVILEGED, USERS, AUDIT]).await;
        let (seen, _) = named.shown(script(&python, "unmodified_checks")).await;
        let expected = json!({"first": 50, "next": true, "devices": 151, "one": true, "users": ["Ana", "Rui"],
            "user": "rui@example.org", "usersCounted": 2, "audited": true,
            "missing": [404, "ResourceNotFound", true], "forbidden": [403, "Authorization_RequestDenied", true]});
        assert_eq!(seen, expected);

        let mut recipe = script(&python, "unmodified");
        recipe.arg(DEVICE);
        let (said, pins) = named.run(recipe).await;
        assert!(said.success && pins.len() == 1, "{pins:?}\n{}{}", said.out, said.err);
        assert_eq!(said.out.trim(), pins[0], "the recipe prints the new passcode");
    });
}

#[test]
fn the_connection_test_of_a_security_product_meets_text_in_devices_without_a_user() {
    let python = packages::python("python");
    within(async {
        let mut named = Named::build(&[READ]).await;
        let mut program = script(&python, "connection_test");
        program.args([DEVICE, PERSON]);
        let (mut seen, _) = named.shown(program).await;
        let id = seen["byName"][0].clone();
        assert_eq!(seen["byId"][0][1].take().as_str().map(str::len), Some(36), "the id of its user");
        let expected = json!({"connectionTest": [], "byName": [id], "byEmail": [id], "byUser": [id],
            "byId": [[DEVICE, null, id, PERSON]]});
        assert_eq!(seen, expected);
    });
}

/// Kinds of scripts: their collection, where the backup keeps them, and the files with their contents.
const SCRIPTS_KEPT: &[(&str, &str, &[&str])] = &[
    ("deviceManagementScripts", "Scripts/Powershell", &["Script Data/a.ps1"]),
    ("deviceShellScripts", "Scripts/Shell", &["Script Data/a.sh"]),
    ("deviceCustomAttributeShellScripts", "Custom Attributes", &["Script Data/a.sh"]),
    ("deviceComplianceScripts", "Compliance Policies/Scripts", &["Script Data/a.ps1"]),
    (
        "deviceHealthScripts",
        "Proactive Remediations",
        &["Script Data/a_detectionScript.ps1", "Script Data/a_remediationScript.ps1"],
    ),
];

#[test]
fn a_backup_by_intunecd_keeps_scripts_and_tags_and_names_what_this_server_does_not_offer() {
    let python = packages::python("python");
    within(async {
        let mut named = Named::build(&[SCRIPTS_READ, ROLES, AUDIT]).await;
        for (collection, _, _) in SCRIPTS_KEPT {
            let url = format!("{}/beta/deviceManagement/{collection}", named.server.graph_url);
            let made = named.server.client().post(url).json(&a_script(collection)).send().await;
            assert_eq!(made.expect("an answer").status(), 201, "{collection}");
        }
        let place = named.directory().join("backup");
        std::fs::create_dir(&place).expect("made");
        let mut backup = Command::new(python.with_file_name("IntuneCD-startbackup"));
        backup.args(["--mode", "1", "--audit", "--verbose", "--path"]).arg(&place);
        for (variable, name) in
            [("TENANT_NAME", "tenantId"), ("CLIENT_ID", "clientId"), ("CLIENT_SECRET", "clientSecret")]
        {
            backup.env(variable, named.application(name));
        }
        let (said, _) = named.run(backup).await;
        assert!(said.success, "{}{}", said.out, said.err);
        let refused = ["segmentNotOffered", "unknownSegment"].map(str::to_owned);
        assert_eq!(refusals(&said.out), BTreeSet::from(refused), "{}", said.out);
        assert!(!said.out.contains("[ERROR]"), "{}", said.out);

        let read = |folder: &str, file: &str| {
            let kept = std::fs::read_to_string(place.join(folder).join(file));
            kept.unwrap_or_else(|_| panic!("{folder}/{file}\n{}", said.out))
        };
        let setting = |folder: &str, file: &str| serde_json::from_str::<Value>(&read(folder, file)).expect("JSON");
        for (collection, folder, files) in SCRIPTS_KEPT {
            assert_eq!(
                setting(folder, "a.json")["roleScopeTagIds"],
                json!(["Default"]),
                "{collection}: its tag's name"
            );
            for file in *files {
                assert_eq!(read(folder, file), "exit 0", "{collection}");
            }
        }
        assert_eq!(setting("Scope Tags", "Default.json")["displayName"], "Default");
    });
}

/// The codes of the errors that the backup printed.
fn refusals(out: &str) -> BTreeSet<String> {
    let answers = out.split("response: ").skip(1);
    let errors = answers.filter_map(|text| serde_json::Deserializer::from_str(text).into_iter::<Value>().next()?.ok());
    errors.map(|error| error["error"]["innerError"]["chaveiro_code"].as_str().unwrap_or("none").to_owned()).collect()
}

/// A script of that collection with everything that the backup looks at.
fn a_script(collection: &str) -> Value {
    let content = "ZXhpdCAw";
    match collection {
        "deviceHealthScripts" => {
            json!({"displayName": "a", "publisher": "Contoso", "detectionScriptContent": content, "remediationScriptContent": content})
        }
        "deviceComplianceScripts" => {
            json!({"displayName": "a", "publisher": "Contoso", "detectionScriptContent": content})
        }
        "deviceManagementScripts" => json!({"displayName": "a", "fileName": "a.ps1", "scriptContent": content}),
        _ => json!({"displayName": "a", "fileName": "a.sh", "scriptContent": content}),
    }
}

/// A program of `tests/sdk/python`.
fn script(python: &Path, name: &str) -> Command {
    let mut command = Command::new(python);
    command.env("PYTHONPYCACHEPREFIX", python.with_file_name("compiled")).arg(format!("{SCRIPTS}/python/{name}.py"));
    command
}
