//! Every unit of work names its scope, or stands here with the reason why it is about any rows. A backend on several nodes
//! locks and fetches by it (ADR 30).

mod callers;

use std::collections::BTreeSet;

/// Units of work about any rows: file, function, reason.
const WHOLE: &[(&str, &str, &str)] = &[
    ("crates/cli/src/host.rs", "create_tenant", "a tenant is made, with its keys"),
    ("crates/cli/src/host.rs", "change_tenant", "the settings of a tenant count for all of it"),
    ("crates/cli/src/host.rs", "rotate_issuer", "keys are of the installation"),
    ("crates/cli/src/host.rs", "settle_recipients", "the recipients of a tenant count for all of it"),
    ("crates/cli/src/host.rs", "enroll_token", "a token for a device that is not there yet"),
    ("crates/cli/src/host.rs", "operator_token", "a token of a person counts for the tenant"),
    ("crates/cli/src/host.rs", "assign_role", "rights are about all devices that they reach"),
    ("crates/cli/src/host.rs", "unassign_role", "rights are about all devices that they reach"),
    ("crates/cli/src/host.rs", "release_hold", "a hold is on the tenant"),
    ("crates/cli/src/host.rs", "link_audit", "the chain is of a tenant"),
    ("crates/cli/src/identity.rs", "register_app", "an application is made"),
    ("crates/cli/src/identity.rs", "revoke_app", "all tokens of an application end"),
    ("crates/cli/src/identity.rs", "change_found", "an application is found, and its tokens may end"),
    ("crates/cli/src/identity.rs", "delete_app", "an application goes with its roles and sign-ins"),
    ("crates/cli/src/identity.rs", "decide", "the sign-in is found by a code, and may end others of that person"),
    ("crates/cli/src/identity.rs", "revoke_sign_ins", "all sign-ins of a person end"),
    ("crates/cli/src/identity.rs", "revoke_external", "all tokens of a person end"),
    ("crates/cli/src/verbs/audit.rs", "rows", "rows of every kind that do not verify"),
    ("crates/cli/src/verbs/open.rs", "record", "the passcodes of all devices that one key opens"),
    ("crates/cli/src/verbs/restore.rs", "restore", "every device waits for its confirmation"),
    ("crates/graph/src/kinds/application.rs", "create", "an application is made"),
    ("crates/graph/src/kinds/application.rs", "change", "an application, whose tokens may end"),
    ("crates/graph/src/kinds/hold.rs", "release", "a hold is on the tenant"),
    ("crates/graph/src/kinds/resource.rs", "create", "a user, app or script is made"),
    ("crates/graph/src/kinds/resource.rs", "update", "a user, app or script that many devices have"),
    ("crates/graph/src/kinds/role_assignment.rs", "assign", "rights are about all devices that they reach"),
    ("crates/graph/src/kinds/role_assignment.rs", "rename", "rights are about all devices that they reach"),
    ("crates/graph/src/kinds/user.rs", "revoke_sign_in_sessions", "all sign-ins of a person end"),
    ("crates/mdm/src/check_ins.rs", "store", "the idle check-ins of many devices"),
    ("crates/mdm/src/enrollment/mod.rs", "enroll", "a device is made, or found by what it says of itself"),
    ("crates/server/src/alarm.rs", "remove", "an alert leaves the outbox"),
    ("crates/server/src/inventory.rs", "accept", "keys are of the installation"),
    ("crates/server/src/inventory.rs", "set_away", "keys are of the installation"),
    ("crates/server/src/inventory.rs", "record", "keys are of the installation"),
    ("crates/server/src/jobs.rs", "link", "the events of all tenants that wait"),
    ("crates/server/src/jobs.rs", "expire", "the actions of all devices that are over"),
    ("crates/server/src/jobs.rs", "shred", "the secrets of all devices that are over"),
    ("crates/server/src/record.rs", "alert", "an alert about the record of a tenant"),
    ("crates/server/src/refusals.rs", "record", "sums over all requests"),
    ("crates/server/src/vigil.rs", "keep", "the running time of the server"),
];

/// The calls that name no scope, without their spaces: of a store by its name, and of any receiver with the work written out.
const CALLS: [&str; 8] = [
    "store.write(",
    "store.try_write(",
    "write_store(",
    "write_and_alert(",
    ".write(move|unit|",
    ".write(|unit|",
    ".try_write(move|unit|",
    ".try_write(|unit|",
];

/// The functions of a text with such a call.
fn without_scope(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split("fn ").skip(1).filter_map(|function| {
        let (name, body) = function.split_once(['(', '<'])?;
        let body: String = body.split_whitespace().collect();
        CALLS.iter().any(|call| body.contains(call)).then(|| name.to_owned())
    })
}

#[test]
fn every_unit_of_work_names_its_scope_or_the_reason_why_it_has_none() {
    let mut found = BTreeSet::new();
    for (file, text) in callers::all() {
        found.extend(without_scope(&text).map(|function| (file.clone(), function)));
    }
    let listed: BTreeSet<_> =
        WHOLE.iter().map(|(file, function, _)| ((*file).to_owned(), (*function).to_owned())).collect();
    let more: Vec<_> = found.difference(&listed).collect();
    assert!(more.is_empty(), "name the scope, or the reason why it is about any rows: {more:#?}");
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(gone.is_empty(), "WHOLE names what is not there: {gone:?}");
}
