//! Known vulnerabilities of what we depend on, by the RustSec database: what the lock file holds against each advisory.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use rustsec::advisory::{self, Informational};
use rustsec::database::Query;
use rustsec::{Database, Lockfile, Vulnerability};

use crate::chores::{root, run};

/// A copy of the database beside the repository, for machines without internet.
const COPY: &str = "../shared/advisory-db";

const DATABASE: &str = "https://github.com/RustSec/advisory-db";

/// Fails on every advisory that concerns a version of ours and is not ignored, with its reason, in `deny.toml`. An
/// argument names a copy of the database.
pub(crate) fn advisories(arguments: &[String]) -> Result<()> {
    let place = match arguments.first() {
        Some(path) => PathBuf::from(path),
        None => copy_or_fetch()?,
    };
    let database = Database::open(&place).with_context(|| format!("reading {}", place.display()))?;
    let newest = database.iter().map(|advisory| advisory.metadata.date.as_str().to_owned()).max().unwrap_or_default();
    eprintln!("xtask: {} advisories, the newest of {newest}", database.iter().count());
    let ignored = ignored(&std::fs::read_to_string(root().join("deny.toml"))?)?;
    let mut unused = ignored.clone();
    let mut lines = Vec::new();
    let lock = Lockfile::load(root().join("Cargo.lock")).context("reading Cargo.lock")?;
    for found in concerned(&database, &lock) {
        unused.retain(|id| *id != found.advisory.id);
        if !ignored.contains(&found.advisory.id) {
            lines.push(line(&found));
        }
    }
    if !lines.is_empty() {
        bail!("{}\nupdate these, or ignore them in deny.toml, with the reason", lines.join("\n"));
    }
    if let Some(id) = unused.first() {
        bail!("deny.toml ignores {id}, which concerns nothing here any more; remove it");
    }
    Ok(())
}

/// The advisories about versions of the lock file. What is unsound or no longer maintained counts like a vulnerability.
fn concerned(database: &Database, lock: &Lockfile) -> Vec<Vulnerability> {
    let notable =
        |found: &Vulnerability| found.advisory.informational.as_ref().is_none_or(|kind| *kind != Informational::Notice);
    let of_kind =
        |informational| database.query_vulnerabilities(lock, &Query::crate_scope().informational(informational));
    let found = [false, true].into_iter().flat_map(of_kind);
    found.filter(|found| found.advisory.withdrawn.is_none()).filter(notable).collect()
}

fn line(found: &Vulnerability) -> String {
    let (advisory, package) = (&found.advisory, &found.package);
    let kind = advisory.informational.as_ref().map_or("vulnerability", Informational::as_str);
    format!("Cargo.lock: {} {} has {} ({kind}): {}", package.name, package.version, advisory.id, advisory.title)
}

/// The advisories that `deny.toml` ignores; each has a reason there.
fn ignored(deny: &str) -> Result<Vec<advisory::Id>> {
    let deny: toml::Table = deny.parse().context("deny.toml")?;
    let list =
        deny.get("advisories").and_then(|section| section.get("ignore")?.as_array().cloned()).unwrap_or_default();
    let entry = |entry: &toml::Value| {
        let text = |name: &str| entry.get(name)?.as_str().filter(|text| !text.trim().is_empty());
        let (Some(id), Some(_)) = (text("id"), text("reason")) else {
            bail!("deny.toml ignores an advisory without `id` or `reason`; give both");
        };
        id.parse().with_context(|| format!("{id} in deny.toml"))
    };
    list.iter().map(entry).collect()
}

fn copy_or_fetch() -> Result<PathBuf> {
    let copy = root().join(COPY);
    if copy.is_dir() {
        return Ok(copy);
    }
    let fetched = root().join("target/advisory-db");
    let git = |arguments: &[&str], place: &Path| run(Command::new("git").args(arguments).arg(place));
    if fetched.join(".git").is_dir() {
        run(Command::new("git").arg("-C").arg(&fetched).args(["pull", "--quiet", "--ff-only"]))?;
    } else {
        git(&["clone", "--quiet", "--depth", "1", DATABASE], &fetched).context("fetching the RustSec database")?;
    }
    Ok(fetched)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database with one advisory of each kind about the crate `leaky`.
    fn database() -> (tempfile::TempDir, Database) {
        let directory = tempfile::tempdir().expect("a directory");
        let place = directory.path().join("crates/leaky");
        std::fs::create_dir_all(&place).expect("made");
        for (id, more) in [
            ("RUSTSEC-2026-0001", ""),
            ("RUSTSEC-2026-0002", "informational = \"unsound\"\n"),
            ("RUSTSEC-2026-0003", "informational = \"unmaintained\"\n"),
            ("RUSTSEC-2026-0004", "informational = \"notice\"\n"),
            ("RUSTSEC-2026-0005", "withdrawn = \"2026-02-01\"\n"),
        ] {
            let advisory = format!(
                "[advisory]\nid = \"{id}\"\npackage = \"leaky\"\ndate = \"2026-01-02\"\n{more}\n[versions]\npatched = [\">= 1.2.0\"]\n"
            );
            std::fs::write(place.join(format!("{id}.md")), format!("```toml\n{advisory}```\n\n# It leaks\n\nBadly.\n"))
                .expect("written");
        }
        let database = Database::open(directory.path()).expect("a database");
        (directory, database)
    }

    fn lock(version: &str) -> Lockfile {
        let source = "registry+https://github.com/rust-lang/crates.io-index";
        let text =
            format!("version = 4\n\n[[package]]\nname = \"leaky\"\nversion = \"{version}\"\nsource = \"{source}\"\n");
        text.parse().expect("a lock file")
    }

    #[test]
    fn a_version_that_an_advisory_is_about_is_found_and_a_patched_one_is_not() {
        let (_directory, database) = database();
        let ids = |version| -> Vec<String> {
            let mut ids: Vec<_> =
                concerned(&database, &lock(version)).iter().map(|found| found.advisory.id.to_string()).collect();
            ids.sort();
            ids
        };
        assert_eq!(ids("1.1.9"), ["RUSTSEC-2026-0001", "RUSTSEC-2026-0002", "RUSTSEC-2026-0003"]);
        assert_eq!(ids("1.2.0"), [""; 0]);
        let found = concerned(&database, &lock("1.1.9"));
        assert_eq!(line(&found[0]), "Cargo.lock: leaky 1.1.9 has RUSTSEC-2026-0001 (vulnerability): It leaks");
    }

    #[test]
    fn an_advisory_is_ignored_with_a_reason_only() {
        let one =
            ignored("[advisories]\nignore = [{ id = \"RUSTSEC-2026-0001\", reason = \"not reached\" }]").expect("read");
        assert_eq!(one.iter().map(ToString::to_string).collect::<Vec<_>>(), ["RUSTSEC-2026-0001"]);
        assert_eq!(ignored("[bans]\n").expect("read"), []);
        for wrong in [
            "[{ id = \"RUSTSEC-2026-0001\" }]",
            "[\"RUSTSEC-2026-0001\"]",
            "[{ id = \"RUSTSEC-2026-0001\", reason = \" \" }]",
        ] {
            assert!(ignored(&format!("[advisories]\nignore = {wrong}")).is_err(), "{wrong}");
        }
    }
}
