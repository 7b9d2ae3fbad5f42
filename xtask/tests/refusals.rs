//! One shape for each refusal: what undoes everything is a fault, what keeps its record is `Decided`. A result in a result
//! would say neither, and one `?` too many in it would drop a record in silence.

use std::fs;
use std::path::{Path, PathBuf};

/// The marks of a result in a result.
const NESTED: &[&str] = &["Result<Result<", "Ok(Ok(", "Ok(Err(", "??"];

/// Places where a library makes one: a timeout, a channel or a thread around what can fail by itself.
const OF_LIBRARIES: &[&str] = &[
    "crates/server/src/listener.rs",
    "crates/server/src/watch.rs",
    "crates/mdm/src/wake.rs",
    "crates/cli/src/verbs/backup.rs",
    "crates/cli/tests/floods.rs",
    "crates/cli/tests/torture/faults.rs",
];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_result_holds_a_result() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut paths = Vec::new();
    sources(&root.join("crates"), &mut paths);
    assert!(paths.len() > 300, "{} sources", paths.len());
    let mut excused = Vec::new();
    for path in &paths {
        let name = path.strip_prefix(root).expect("below the workspace").to_string_lossy().into_owned();
        let text = fs::read_to_string(path).expect("a source");
        for (number, line) in text.lines().enumerate() {
            if NESTED.iter().any(|mark| line.contains(mark)) {
                assert!(OF_LIBRARIES.contains(&name.as_str()), "{name}:{}: {line}", number + 1);
                excused.push(name.clone());
            }
        }
    }
    for name in OF_LIBRARIES {
        assert!(excused.iter().any(|excused| excused == name), "{name} needs no exception any more");
    }
}
