//! Packages of Python and Node for tests: exactly those of a committed lock file, installed once below `target/sdk` into
//! a directory that is named after the hash of that file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use aws_lc_rs::digest::{SHA256, digest};

use super::support::text;

/// Where the scripts and the lock files are.
pub const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk");

/// Written last: what was interrupted is begun anew.
const COMPLETE: &str = "complete";

/// Two tests must not install the same.
static INSTALLING: Mutex<()> = Mutex::new(());

/// The interpreter of a virtual environment with the packages of `tests/sdk/NAME/requirements.txt`.
pub fn python(name: &str) -> PathBuf {
    let lock = format!("{SCRIPTS}/{name}/requirements.txt");
    let directory = installed(name, &lock, |directory| {
        run(&lock, Command::new("python3").args(["-m", "venv"]).arg(directory));
        // Byte-compiling some ten thousand files takes longer than everything else.
        let mut pip = Command::new(directory.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "-r", &lock]);
        run(&lock, &mut pip);
    });
    directory.join("bin/python")
}

/// A directory with the scripts of `tests/sdk/javascript` beside the packages that they use.
pub fn node() -> PathBuf {
    let lock = format!("{SCRIPTS}/javascript/package-lock.json");
    let directory = installed("node", &lock, |directory| {
        std::fs::create_dir_all(directory).expect("made");
        for name in ["package.json", "package-lock.json", ".npmrc"] {
            copy(name, directory);
        }
        let mut npm = Command::new("npm");
        run(&lock, npm.args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(directory));
    });
    for name in ["recover.mjs", "checks.mjs"] {
        copy(name, &directory);
    }
    directory
}

fn copy(name: &str, directory: &Path) {
    let from = format!("{SCRIPTS}/javascript/{name}");
    std::fs::copy(&from, directory.join(name)).unwrap_or_else(|error| panic!("{from}: {error}"));
}

fn installed(name: &str, lock: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let bytes = std::fs::read(lock).unwrap_or_else(|error| panic!("{lock}: {error}"));
    let hash: String = digest(&SHA256, &bytes).as_ref()[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    let directory = target().join("sdk").join(format!("{name}-{hash}"));
    let _one_by_one = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !directory.join(COMPLETE).exists() {
        let _ = std::fs::remove_dir_all(&directory);
        install(&directory);
        std::fs::write(directory.join(COMPLETE), "").expect("written");
    }
    directory
}

/// The target directory that this test was built into.
fn target() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_chaveiro")).ancestors().nth(2).expect("a target directory").to_owned()
}

fn run(lock: &str, command: &mut Command) {
    let advice = format!(
        "The packages of {lock} could not be installed. They are needed to run the official clients against the server: \
         `cargo xtask test` installs python3, python3-venv, nodejs and npm; the package index that pip and npm are \
         configured for must be reachable the first time."
    );
    let output = command.output().unwrap_or_else(|error| panic!("{advice}\n{command:?}: {error}"));
    let said = || format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{advice}\n{command:?}: {}", said());
}
