//! No test is left out in silence: where a manifest switches off that cargo finds tests by itself, every file is in a program.

mod sources;

use std::fs;
use std::path::{Path, PathBuf};

/// The folders of the crates.
fn crates() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut all: Vec<_> =
        fs::read_dir(folder).expect("the crates").map(|entry| entry.expect("an entry").path()).collect();
    all.retain(|path| path.join("Cargo.toml").exists());
    all
}

fn manifest(folder: &Path) -> toml::Table {
    fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest").parse().expect("TOML")
}

/// The files directly in `tests/` that no program of the manifest has.
fn left_out(folder: &Path, manifest: &toml::Table) -> Vec<String> {
    if manifest["package"].get("autotests").and_then(toml::Value::as_bool) != Some(false) {
        return Vec::new();
    }
    let main = fs::read_to_string(folder.join("tests/main.rs")).expect("the program");
    let named: Vec<_> =
        manifest["test"].as_array().expect("programs").iter().map(|test| test["name"].as_str()).collect();
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.join("tests")).expect("the tests") {
        let path = entry.expect("an entry").path();
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        let is_known = stem == "main" || named.contains(&Some(&stem)) || main.contains(&format!("mod {stem};"));
        if is_source && !is_known {
            names.push(stem);
        }
    }
    names
}

#[test]
fn every_file_of_tests_is_in_a_program() {
    let mut switched_off = 0;
    for folder in crates() {
        let manifest = manifest(&folder);
        switched_off += usize::from(manifest["package"].get("autotests").is_some());
        assert_eq!(left_out(&folder, &manifest), [""; 0], "{}: name them in tests/main.rs", folder.display());
    }
    assert!(switched_off > 5, "{switched_off}");
}

#[test]
fn a_file_that_no_program_has_is_noticed() {
    let directory = tempfile::tempdir().expect("a directory");
    let tests = directory.path().join("tests");
    fs::create_dir(&tests).expect("made");
    for (name, text) in [("main.rs", "mod one;\n"), ("one.rs", ""), ("two.rs", ""), ("three.rs", ""), ("data.txt", "")]
    {
        fs::write(tests.join(name), text).expect("written");
    }
    let manifest =
        "[package]\nautotests = false\n[[test]]\nname = \"it\"\n[[test]]\nname = \"three\"\n".parse().expect("TOML");
    assert_eq!(left_out(directory.path(), &manifest), ["two"]);
}

#[test]
fn the_pinned_toolchain_is_the_version_that_the_manifest_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let read = |name: &str| fs::read_to_string(root.join(name)).expect("a file").parse::<toml::Table>().expect("TOML");
    let (toolchain, workspace) = (read("rust-toolchain.toml"), read("Cargo.toml"));
    let pinned = toolchain["toolchain"]["channel"].as_str().expect("a version");
    let named = workspace["workspace"]["package"]["rust-version"].as_str().expect("a version");
    assert!(pinned.starts_with(&format!("{named}.")), "{pinned} and {named}");
}

#[test]
fn a_crate_whose_unit_tests_are_switched_off_has_none() {
    for folder in crates() {
        let manifest = manifest(&folder);
        let is_off = |target: &toml::Value| target.get("test").and_then(toml::Value::as_bool) == Some(false);
        if manifest.get("lib").is_some_and(is_off) {
            for path in sources::below(&folder.join("src")) {
                let text = fs::read_to_string(&path).expect("a source");
                assert!(!text.contains("test]"), "{}: remove `test = false` from the manifest", path.display());
            }
        }
    }
}
