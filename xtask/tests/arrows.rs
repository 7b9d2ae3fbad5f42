//! The arrows of the architecture: which of our crates may use which, and which libraries the inner
//! crates must never see. The table is the rule; `cargo metadata` is the fact.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Our crate -> those of ours that it may use outside its tests.
const MAY_USE: &[(&str, &[&str])] = &[
    ("chaveiro-core", &[]),
    ("omadm", &[]),
    ("chaveiro-csp", &["chaveiro-core"]),
    ("chaveiro-keyfile", &[]),
    ("chaveiro-lang", &[]),
    ("chaveiro-escrow", &["chaveiro-core", "chaveiro-keyfile"]),
    ("chaveiro-audit", &["chaveiro-core", "chaveiro-keyfile"]),
    ("chaveiro-auth", &["chaveiro-core", "chaveiro-keyfile"]),
    ("chaveiro-store-sqlite", &["chaveiro-core", "chaveiro-keyfile"]),
    ("chaveiro-store-conformance", &["chaveiro-core"]),
    ("chaveiro-graph", &["chaveiro-core", "chaveiro-auth"]),
    ("chaveiro-mdm", &["chaveiro-core", "chaveiro-csp", "chaveiro-keyfile", "omadm"]),
    ("chaveiro-device", &["omadm"]),
    // A simulated Linux device seals as the agent does.
    ("chaveiro-fleet", &["chaveiro-core", "chaveiro-csp", "chaveiro-device", "chaveiro-escrow", "omadm"]),
    (
        "chaveiro-server",
        &[
            "chaveiro-core",
            "chaveiro-keyfile",
            "chaveiro-escrow",
            "chaveiro-audit",
            "chaveiro-auth",
            "chaveiro-graph",
            "chaveiro-mdm",
            "chaveiro-store-sqlite",
        ],
    ),
    (
        "chaveiro",
        &[
            "chaveiro-core",
            "chaveiro-keyfile",
            "chaveiro-lang",
            "chaveiro-escrow",
            "chaveiro-audit",
            "chaveiro-auth",
            "chaveiro-graph",
            "chaveiro-mdm",
            "chaveiro-csp",
            "chaveiro-agent",
            "chaveiro-fleet",
            "chaveiro-server",
            "chaveiro-store-sqlite",
        ],
    ),
    (
        "chaveiro-agent",
        // What a sealed passcode is bound to, and how it is sealed, are shared with the server on purpose.
        &[
            "chaveiro-core",
            "chaveiro-csp",
            "chaveiro-escrow",
            "chaveiro-device",
            "chaveiro-keyfile",
            "chaveiro-lang",
            "omadm",
        ],
    ),
    ("xtask", &[]),
];

/// Libraries that decide nothing for the domain and the codec: they stay outside.
const INNER_NEVER_SEES: &[&str] = &["tokio", "axum", "hyper", "reqwest", "rusqlite", "rustls", "tower", "tracing"];

fn workspace() -> BTreeMap<String, Package> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata runs");
    metadata.packages.into_iter().map(|package| (package.name.to_string(), package)).collect()
}

fn uses(package: &Package) -> BTreeSet<&str> {
    let outside_tests = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
    outside_tests.map(|dependency| dependency.name.as_str()).collect()
}

#[test]
fn every_crate_uses_only_what_the_architecture_allows() {
    let packages = workspace();
    let ours: BTreeSet<&str> = packages.keys().map(String::as_str).collect();
    for (name, package) in &packages {
        let allowed = MAY_USE.iter().find(|(of, _)| of == name).map(|(_, allowed)| *allowed);
        let allowed = allowed.unwrap_or_else(|| panic!("{name} has no row in MAY_USE"));
        for used in uses(package).intersection(&ours) {
            assert!(allowed.contains(used), "{name} must not use {used}");
        }
    }
}

#[test]
fn the_table_names_no_crate_that_is_gone() {
    let packages = workspace();
    for (name, allowed) in MAY_USE {
        for name in std::iter::once(name).chain(*allowed) {
            assert!(packages.contains_key(*name), "{name} is in the table but not in the workspace");
        }
    }
}

#[test]
fn the_domain_and_the_codec_know_no_sockets_no_sql_and_no_runtime() {
    let packages = workspace();
    for inner in ["chaveiro-core", "chaveiro-csp", "omadm"] {
        for used in uses(&packages[inner]) {
            assert!(!INNER_NEVER_SEES.contains(&used), "{inner} must not use {used}");
        }
    }
}

#[test]
fn only_the_backend_of_the_store_knows_sql() {
    for (name, package) in &workspace() {
        if uses(package).contains("rusqlite") {
            assert_eq!(name, "chaveiro-store-sqlite");
        }
    }
}
