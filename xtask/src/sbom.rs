//! Bills of materials (CycloneDX 1.5, JSON): what each program is made of, from `cargo metadata` and `Cargo.lock`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use rustsec::Lockfile;
use serde_json::{Value, json};

use crate::chores::root;

/// The programs that people install.
pub(crate) const PROGRAMS: &[&str] = &["chaveiro", "chaveiro-agent"];

/// The system that the bills are for; other systems have other dependencies.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Writes a bill for each program to `target/sbom/PROGRAM.cdx.json`.
pub(crate) fn sbom(_: &[String]) -> Result<()> {
    for file in write()? {
        println!("{}", file.display());
    }
    Ok(())
}

/// Writes the bills, and returns where they are.
pub(crate) fn write() -> Result<Vec<PathBuf>> {
    let options = ["--locked", "--filter-platform", TARGET].map(str::to_owned).to_vec();
    let metadata = MetadataCommand::new().current_dir(root()).other_options(options).exec()?;
    let lock = Lockfile::load(root().join("Cargo.lock"))?;
    let directory = root().join("target/sbom");
    std::fs::create_dir_all(&directory)?;
    let write = |program: &&str| {
        let file = directory.join(format!("{program}.cdx.json"));
        let bill = bill(program, &metadata, &lock)?;
        std::fs::write(&file, serde_json::to_vec_pretty(&bill)?)
            .with_context(|| format!("writing {}", file.display()))?;
        Ok(file)
    };
    PROGRAMS.iter().map(write).collect()
}

/// The bill of one program: all that is linked into it or runs to build it, and what of that needs what.
fn bill(program: &str, metadata: &Metadata, lock: &Lockfile) -> Result<Value> {
    let packages: BTreeMap<&PackageId, &Package> =
        metadata.packages.iter().map(|package| (&package.id, package)).collect();
    let resolve = metadata.resolve.as_ref().context("no resolved dependencies")?;
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let root = metadata.packages.iter().find(|package| package.name.as_str() == program).context("no such program")?;
    let (mut parts, mut waiting) = (BTreeMap::new(), vec![&root.id]);
    while let Some(id) = waiting.pop() {
        if parts.contains_key(id) {
            continue;
        }
        let node = nodes.get(id).context("a dependency that is not resolved")?;
        let ships =
            |kinds: &[cargo_metadata::DepKindInfo]| kinds.iter().any(|kind| kind.kind != DependencyKind::Development);
        let needs: BTreeSet<&PackageId> =
            node.deps.iter().filter(|dep| ships(&dep.dep_kinds)).map(|dep| &dep.pkg).collect();
        waiting.extend(&needs);
        parts.insert(id, needs);
    }
    let part = |id: &PackageId| packages.get(id).copied().context("a package that is not described");
    let components = parts.keys().filter(|id| ***id != root.id).map(|id| Ok(component("library", part(id)?, lock)));
    let dependencies = parts.iter().map(|(id, needs)| {
        let needs = needs.iter().map(|id| Ok(purl(part(id)?))).collect::<Result<Vec<_>>>()?;
        Ok(json!({"ref": purl(part(id)?), "dependsOn": needs}))
    });
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component("application", root, lock)},
        "components": components.collect::<Result<Vec<_>>>()?,
        "dependencies": dependencies.collect::<Result<Vec<_>>>()?,
    }))
}

fn component(kind: &str, package: &Package, lock: &Lockfile) -> Value {
    let (name, version) = (package.name.as_str(), package.version.to_string());
    let mut component = json!({
        "type": kind,
        "bom-ref": purl(package),
        "name": name,
        "version": version,
        "purl": purl(package),
    });
    // Before SPDX had expressions, Cargo took a slash for "or".
    if let Some(licence) = &package.license {
        component["licenses"] = json!([{"expression": licence.replace('/', " OR ").replace("  ", " ")}]);
    }
    let locked =
        lock.packages.iter().find(|locked| locked.name.as_str() == name && locked.version.to_string() == version);
    if let Some(checksum) = locked.and_then(|locked| locked.checksum.as_ref()) {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum.to_string()}]);
    }
    if let Some(repository) = &package.repository {
        component["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
    }
    component
}

fn purl(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version.to_string().replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use cyclonedx_bom::prelude::{Bom, SpecVersion, Validate};

    use super::*;

    #[test]
    fn the_bills_of_both_programs_are_valid_and_name_what_is_in_them() {
        let files = write().expect("written");
        assert_eq!(files.len(), PROGRAMS.len());
        for (file, (present, absent)) in files.iter().zip([
            (&["rusqlite", "rustls", "chaveiro-core", "tokio"][..], &["proptest", "insta", "schannel"][..]),
            (&["yescrypt", "rustls", "omadm"], &["rusqlite", "proptest", "chaveiro-server"]),
        ]) {
            let text = std::fs::read(file).expect("read");
            let bom = Bom::parse_from_json(text.as_slice()).expect("CycloneDX");
            let judged = bom.validate_version(SpecVersion::V1_5);
            assert!(judged.passed(), "{}: {judged:?}", file.display());
            let bill: Value = serde_json::from_slice(&text).expect("JSON");
            let components = bill["components"].as_array().expect("a list");
            let names: BTreeSet<&str> = components.iter().filter_map(|component| component["name"].as_str()).collect();
            assert!(present.iter().all(|name| names.contains(name)), "{}: {names:?}", file.display());
            assert!(absent.iter().all(|name| !names.contains(name)), "{}: {names:?}", file.display());
            // Whatever comes from a registry is told by its licence and its checksum, and each reference leads somewhere.
            let ours = |component: &&Value| component.get("hashes").is_some();
            assert!(components.iter().filter(ours).all(|component| component.get("licenses").is_some()));
            assert!(components.iter().filter(ours).count() > components.len() / 2);
            let references: BTreeSet<&str> = bill["dependencies"]
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(|part| part["ref"].as_str())
                .collect();
            for part in bill["dependencies"].as_array().expect("a list") {
                let needs = part["dependsOn"].as_array().expect("a list");
                assert!(needs.iter().all(|need| references.contains(need.as_str().expect("text"))), "{part}");
            }
            assert_eq!(references.len(), components.len() + 1);
        }
    }
}
