//! The official clients of Microsoft Graph against the real server over TLS: the programs of `tests/sdk` sign in, page
//! through 10,000 devices, recover one that really answers as an application and as a person, and meet every class of
//! error. `docs/sdk` shows the same programs. Those of `sdk_more` take longer and run when they are asked for.

pub mod clients;
mod issuer;
pub mod named;
pub mod packages;
mod schemathesis;

use std::path::Path;
use std::process::Command;

use clients::{CHECKS, every_check_is_ok};
use packages::SCRIPTS;
use serde_json::Value;

use crate::support;

/// Every page that shows a program, as what language, and which program.
const PAGES: &[(&str, &str, &str)] = &[
    ("python.md", "python", "python/recover.py"),
    ("javascript.md", "javascript", "javascript/recover.mjs"),
    ("unmodified.md", "python", "python/unmodified.py"),
    ("java.md", "xml", "java/pom.xml"),
    ("java.md", "java", "java/Recover.java"),
    ("go.md", "go", "go/recover.go"),
    ("terraform.md", "terraform", "terraform/main.tf"),
];

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
    every_check_is_ok(CHECKS + 1, |_| script("checks"), |_| script("recover")).await;
}

#[tokio::test]
async fn the_javascript_client_pages_recovers_and_names_every_error() {
    let directory = packages::node();
    let script = |name: &str| {
        let mut command = Command::new("node");
        command.arg(directory.join(name).with_extension("mjs"));
        command
    };
    every_check_is_ok(CHECKS, |_| script("checks"), |_| script("recover")).await;
}

#[tokio::test]
async fn the_java_sdk_pages_recovers_and_names_every_error() {
    let java = packages::java();
    every_check_is_ok(CHECKS, |root| java.program(root, "Checks"), |root| java.source(root, "Recover")).await;
}

#[test]
fn the_openapi_document_opens_in_the_readers_of_swagger_and_postman() {
    let document = Path::new(SCRIPTS).join("../../../../generated/openapi.json");
    let opened = Command::new("node").arg(packages::openapi()).arg(&document).output().expect("node");
    assert!(opened.status.success(), "{}", support::text(&opened.stderr));
    let opened: Value = serde_json::from_slice(&opened.stdout).expect("JSON");
    let document: Value = serde_json::from_str(&std::fs::read_to_string(&document).expect("a file")).expect("JSON");
    let operations = document["paths"].as_object().expect("paths").values().flat_map(|path| path.as_object());
    let operations = operations.flatten().filter(|(name, _)| *name != "parameters");
    let mut expected: Vec<_> = operations
        .map(|(method, operation)| {
            let name = operation["summary"].as_str().expect("a summary");
            (method.to_uppercase(), name.to_owned(), "{{baseUrl}}".to_owned())
        })
        .collect();
    let mut shown: Vec<(String, String, String)> =
        serde_json::from_value(opened["shown"].clone()).expect("requests with names and addresses");
    assert!(shown.len() > 300, "{}", shown.len());
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected, "Postman shows every operation by its summary");
    let variables = &opened["variables"];
    assert_eq!((&variables["baseUrl"], &variables["host"]), (&"https://{{host}}".into(), &"localhost:8443".into()));
}

#[test]
fn the_pages_show_the_programs_that_run() {
    for (page, language, program) in PAGES {
        let page = Path::new(SCRIPTS).join("../../../../docs/sdk").join(page);
        let shown = std::fs::read_to_string(&page).expect("a page");
        let program = std::fs::read_to_string(Path::new(SCRIPTS).join(program)).expect("a program");
        assert!(shown.contains(&format!("```{language}\n{program}```\n")), "{} shows another program", page.display());
    }
}
