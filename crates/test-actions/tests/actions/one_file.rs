//! A remote action is one file and one line, as ADR 4 says. These tests check it.

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
    for (name, file) in [
        ("ping", "crates/core/src/actions/ping.rs"),
        ("setUnlockToken", "crates/core/src/actions/set_unlock_token.rs"),
        ("clearUnlockToken", "crates/core/src/actions/clear_unlock_token.rs"),
        ("readUnlockToken", "crates/core/src/actions/read_unlock_token.rs"),
    ] {
        let mut others = files_that_say(name);
        others.retain(|other| other != file);
        let allowed =
            ["crates/core/src/actions/mod.rs", "crates/fleet/src/windows.rs", "crates/mdm/src/management/csp.rs"];
        assert!(others.iter().all(|other| allowed.contains(&other.as_str())), "{name} is in {others:?}");
        assert!(!others.is_empty(), "git finds {name}");
    }
}
