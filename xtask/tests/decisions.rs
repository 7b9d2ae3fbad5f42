//! Every decision is a function of `core`: no other crate writes by the port of the store, but for what is named here.

mod sources;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Writes that decide nothing: file, method, reason.
const MAY_WRITE: &[(&str, &str, &str)] = &[
    ("crates/audit/src/chain.rs", "append_links", "the chain is made of events that decisions have recorded"),
    ("crates/audit/src/chain.rs", "insert_checkpoint", "a checkpoint signs the head of the chain"),
    ("crates/mdm/src/management/turn.rs", "put_session", "the state of the protocol, in bytes of its own"),
    ("crates/server/src/alarm.rs", "delete_alert", "an alert that was taken leaves the outbox"),
    ("crates/server/src/vigil.rs", "set_running", "the running time is a reading of the clock"),
];

/// The domain, the store with its suite, and the worlds of tests, which fill a store.
const FREE: [&str; 4] = ["core", "store-sqlite", "store-conformance", "testing"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The source files below that folder, without tests.
fn without_tests(folder: &Path) -> Vec<PathBuf> {
    let is_test = |path: &PathBuf| {
        let inside = path.strip_prefix(folder).expect("below the folder");
        inside.iter().any(|name| Path::new(name).file_stem().is_some_and(|stem| stem == "tests"))
    };
    let mut found = sources::below(folder);
    found.retain(|path| !is_test(path));
    found
}

/// The text of a file up to its tests.
fn text(file: &Path) -> String {
    let text = std::fs::read_to_string(file).expect("text");
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// The methods of the port that write.
fn writing() -> BTreeSet<String> {
    let mut methods = BTreeSet::new();
    for file in without_tests(&root().join("crates/core/src/ports")) {
        for declared in text(&file).split("fn ").skip(1) {
            let (name, parameters) = declared.split_once('(').unwrap_or_default();
            if parameters.trim_start().starts_with("&mut self") {
                methods.insert(name.to_owned());
            }
        }
    }
    methods
}

/// Every call of these methods: file and method. Where a method's name is an everyday word, its receiver must be a `unit`.
fn calls(methods: &BTreeSet<String>) -> BTreeSet<(String, String)> {
    let root = root();
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(root.join("crates")).expect("the crates") {
        let krate = entry.expect("a crate").path();
        let name = krate.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if FREE.contains(&name) || !krate.join("src").is_dir() {
            continue;
        }
        for file in without_tests(&krate.join("src")) {
            let text: String = text(&file).split_whitespace().collect();
            for method in methods {
                let call = if method.contains('_') { format!(".{method}(") } else { format!("unit.{method}(") };
                if text.contains(&call) {
                    let file = file.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
                    found.insert((file, method.clone()));
                }
            }
        }
    }
    found
}

#[test]
fn only_core_writes_by_the_port_of_the_store() {
    let methods = writing();
    for known in ["append_audit", "insert_device", "update_resource", "delete_role_assignment", "link", "put_session"] {
        assert!(methods.contains(known), "{known} is a method that writes: {methods:?}");
    }
    let allowed: BTreeSet<_> =
        MAY_WRITE.iter().map(|(file, method, _)| ((*file).to_owned(), (*method).to_owned())).collect();
    let calls = calls(&methods);
    let more: Vec<_> = calls.difference(&allowed).collect();
    assert!(more.is_empty(), "a decision stands outside core; make it a function of core::decisions: {more:?}");
    let gone: Vec<_> = allowed.difference(&calls).collect();
    assert!(gone.is_empty(), "MAY_WRITE names what is not there: {gone:?}");
}
