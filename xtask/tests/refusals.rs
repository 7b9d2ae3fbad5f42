//! One shape for each refusal: what undoes everything is a fault, what keeps its record is `Decided`. A result in a result
//! would say neither, and one `?` too many in it would drop a record in silence.

mod sources;

use std::fs;
use std::path::Path;

/// The marks of a result in a result.
const NESTED: &[&str] = &["Result<Result<", "Ok(Ok(", "Ok(Err(", "??"];

/// Places where a library makes one: a timeout, a channel or a thread around what can fail by itself.
const OF_LIBRARIES: &[&str] = &[
    "crates/server/src/watch.rs",
    "crates/mdm/src/wake.rs",
    "crates/cli/src/verbs/backup.rs",
    "crates/cli/tests/floods.rs",
    "crates/cli/tests/torture/faults.rs",
];

#[test]
fn no_result_holds_a_result() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let paths = sources::below(&root.join("crates"));
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
