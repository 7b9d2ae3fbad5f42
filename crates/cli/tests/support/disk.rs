//! A disk that fails on command: `disk.c`, loaded into the process that is tested.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub struct Disk {
    directory: TempDir,
    below: PathBuf,
}

impl Disk {
    /// Builds it; files below that directory are concerned.
    pub fn below(below: &Path) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/disk.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(directory.path().join("disk.so")).arg(source).arg("-ldl");
        assert!(compiler.status().expect("cc, which Rust links with").success());
        Self { directory, below: below.to_owned() }
    }

    /// Nothing fails (``), there is no room (`n`), the quota is used up (`q`), or `fsync` fails (`f`).
    pub fn command(&self, letter: &str) {
        let control = self.control();
        std::fs::write(control.with_extension("new"), letter).expect("written");
        std::fs::rename(control.with_extension("new"), control).expect("renamed");
    }

    /// The command, on this disk.
    pub fn under(&self, mut command: Command) -> Command {
        command
            .env("LD_PRELOAD", self.directory.path().join("disk.so"))
            .env("DISK_TEST_DIR", &self.below)
            .env("DISK_TEST_CONTROL", self.control());
        command
    }

    fn control(&self) -> PathBuf {
        self.directory.path().join("control")
    }
}
