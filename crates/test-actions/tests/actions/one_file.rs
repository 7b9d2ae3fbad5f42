//! A remote action is one file and one line: ADR 4 says so, and these tests look.

use std::path::Path;
use std::process::Command;

/// The files of the repository that have that word, outside this package.
fn files_that_say(word: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the root of the repository");
    let mut command = Command::new("git");
    command.args(["grep", "--untracked", "--files-with-matches", "--ignore-case", "--word-regexp", "--", word]);
    command.args(["crates", "xtask", "fuzz", "generated", ":!crates/test-actions"]);
    let found = command.current_dir(root).output().expect("git runs");
    String::from_utf8(found.stdout).expect("text").lines().map(str::to_owned).collect()
}

#[test]
fn a_remote_action_is_its_file_one_line_and_a_row_at_each_end_of_the_channel() {
    assert_eq!(
        files_that_say("ping"),
        [
            "crates/core/src/actions/mod.rs",
            "crates/core/src/actions/ping.rs",
            "crates/fleet/src/windows.rs",
            "crates/mdm/src/management/csp.rs",
        ]
    );
}
