//! The sources that use the store by its port, for the tests that read how they do.

#[path = "../sources/mod.rs"]
mod sources;

use std::path::{Path, PathBuf};

/// The domain, the store with its suite, and the worlds of tests, which fill a store.
const FREE: [&str; 4] = ["core", "store-sqlite", "store-conformance", "testing"];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The source files below that folder, without tests.
pub(crate) fn without_tests(folder: &Path) -> Vec<PathBuf> {
    let is_test = |path: &PathBuf| {
        let inside = path.strip_prefix(folder).expect("below the folder");
        inside.iter().any(|name| Path::new(name).file_stem().is_some_and(|stem| stem == "tests"))
    };
    let mut found = sources::below(folder);
    found.retain(|path| !is_test(path));
    found
}

/// The text of a file up to its tests.
pub(crate) fn before_tests(file: &Path) -> String {
    let text = std::fs::read_to_string(file).expect("text");
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// The sources of every other crate: path below the workspace, and text up to the tests.
pub(crate) fn all() -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root.join("crates")).expect("the crates") {
        let krate = entry.expect("a crate").path();
        let name = krate.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if FREE.contains(&name) || !krate.join("src").is_dir() {
            continue;
        }
        found.extend(without_tests(&krate.join("src")).into_iter().map(|file| {
            let text = before_tests(&file);
            (file.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned(), text)
        }));
    }
    found
}
