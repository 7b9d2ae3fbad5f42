//! The rules of `deny.toml` about licences, banned crates and sources, for everything in the lock file. `cargo deny check` reads
//! the same file and knows more; these need no program that takes minutes to build.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{MetadataCommand, Package};
use serde::Deserialize;
use spdx::Expression;

use crate::chores::root;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[derive(Deserialize)]
struct Rules {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

/// Compares every package with the rules.
pub(crate) fn deny() -> Result<()> {
    let rules: Rules = toml::from_str(&std::fs::read_to_string(root().join("deny.toml"))?).context("deny.toml")?;
    let mut faults = BTreeSet::new();
    for target in &rules.graph.targets {
        let options = ["--locked", "--all-features", "--filter-platform", target].map(str::to_owned);
        let metadata = MetadataCommand::new().current_dir(root()).other_options(options).exec()?;
        faults.extend(metadata.packages.iter().filter_map(|package| fault(&rules, package)));
    }
    let faults: Vec<_> = faults.into_iter().collect();
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

/// The first rule that a package breaks.
fn fault(rules: &Rules, package: &Package) -> Option<String> {
    let source = package.source.as_ref()?;
    let wrong = |what: String| Some(format!("{} {}: {what}", package.name, package.version));
    if let Some(ban) = rules.bans.deny.iter().find(|ban| ban.name == package.name.as_str()) {
        return wrong(format!("is banned ({})", ban.reason));
    }
    if source.repr != REGISTRY {
        return wrong(format!("comes from {}", source.repr));
    }
    match &package.license {
        None => wrong("names no licence".to_owned()),
        Some(license) if is_allowed(license, &rules.licenses.allow) => None,
        Some(license) => wrong(format!("has the licence {license}, which deny.toml does not allow")),
    }
}

/// Says whether one of the ways to satisfy a licence needs allowed licences alone.
fn is_allowed(license: &str, allowed: &[String]) -> bool {
    let Ok(expression) = Expression::parse_mode(license, spdx::ParseMode::LAX) else { return false };
    expression.evaluate(|required| allowed.iter().any(|name| *name == required.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_is_allowed_by_one_of_its_ways() {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
        for (license, expected) in [
            ("MIT", true),
            ("MIT OR GPL-3.0", true),
            ("MIT/Apache-2.0", true),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("MIT AND GPL-3.0-only", false),
            ("(MIT OR GPL-3.0-only) AND Unicode-3.0", false),
            ("no licence", false),
        ] {
            assert_eq!(is_allowed(license, &allowed), expected, "{license}");
        }
    }

    #[test]
    fn each_rule_of_a_package_is_held() {
        let rules: Rules = toml::from_str(
            "[graph]\ntargets = []\n[licenses]\nallow = [\"MIT\"]\n[bans]\ndeny = [{ crate = \"openssl\", reason = \"TLS is rustls\" }]\n",
        )
        .expect("rules");
        let package = |name: &str, license: &str, source: &str| -> Package {
            let value = serde_json::json!({
                "name": name, "version": "1.0.0", "id": name, "license": license, "source": source, "dependencies": [],
                "targets": [], "features": {}, "manifest_path": "/a/Cargo.toml", "edition": "2021",
            });
            serde_json::from_value(value).expect("a package")
        };
        for (name, license, source, expected) in [
            ("a", "MIT", REGISTRY, None),
            ("openssl", "MIT", REGISTRY, Some("TLS is rustls")),
            ("a", "GPL-3.0-only", REGISTRY, Some("does not allow")),
            ("a", "MIT", "git+https://example.org/a", Some("comes from")),
        ] {
            let found = fault(&rules, &package(name, license, source));
            assert_eq!(found.is_some(), expected.is_some(), "{found:?}");
            assert!(found.is_none_or(|found| found.contains(expected.unwrap_or_default())), "{name} {license}");
        }
    }
}
