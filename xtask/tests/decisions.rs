//! Every decision is a function of `core`: no other crate writes by the port of the store, but for what is named here.

mod callers;

use std::collections::BTreeSet;

/// Writes that decide nothing: file, method, reason.
const MAY_WRITE: &[(&str, &str, &str)] = &[
    ("crates/audit/src/chain.rs", "append_links", "the chain is made of events that decisions have recorded"),
    ("crates/audit/src/chain.rs", "insert_checkpoint", "a checkpoint signs the head of the chain"),
    ("crates/mdm/src/management/turn.rs", "put_session", "the state of the protocol, in bytes of its own"),
    ("crates/server/src/alarm.rs", "delete_alert", "an alert that was taken leaves the outbox"),
    ("crates/server/src/vigil.rs", "set_running", "the running time is a reading of the clock"),
];

/// The methods of the port that write.
fn writing() -> BTreeSet<String> {
    let mut methods = BTreeSet::new();
    for file in callers::without_tests(&callers::root().join("crates/core/src/ports")) {
        for declared in callers::before_tests(&file).split("fn ").skip(1) {
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
    let mut found = BTreeSet::new();
    for (file, text) in callers::all() {
        let text: String = text.split_whitespace().collect();
        for method in methods {
            let call = if method.contains('_') { format!(".{method}(") } else { format!("unit.{method}(") };
            if text.contains(&call) {
                found.insert((file.clone(), method.clone()));
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
