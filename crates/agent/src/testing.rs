//! The parts that tests of this crate share.

use std::ffi::OsStr;
use std::process::Command;

/// Names the test that is running inside.
const INSIDE: &str = "CHAVEIRO_TEST_INSIDE";

/// The preparation in the new namespace before the test: `/etc` becomes a copy, `/run` is empty.
const ENTER: &str = "mount --bind \"$1\" /etc && mount -t tmpfs tmpfs /run && \
    exec \"$0\" --exact \"$2\" --nocapture --include-ignored";

/// Runs `body` where `/etc` is a copy of this machine's and `/run` is empty, so that real programs may change accounts
/// there. `test_name` is the full name of the calling test, which runs itself again in a mount namespace of its own.
pub(crate) fn in_private_etc(test_name: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).as_deref() == Some(OsStr::new(test_name)) {
        return body();
    }
    assert!(rustix::process::geteuid().is_root(), "{test_name} needs root: it mounts a copy of /etc; run it as root");
    let etc = tempfile::tempdir().expect("a directory");
    let copied = Command::new("cp").args(["--archive", "/etc/."]).arg(etc.path()).status().expect("cp runs");
    assert!(copied.success(), "/etc cannot be copied");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", ENTER]);
    command.arg(std::env::current_exe().expect("this program")).arg(etc.path()).arg(test_name);
    let output = command.env(INSIDE, test_name).output().expect("unshare runs");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{test_name}, inside:\n{text}");
}
