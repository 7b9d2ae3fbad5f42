//! A disk that lies to the server: a small library that is compiled here and loaded before the C library.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A fault of the disk, by its number in `preload.c`.
#[derive(Clone, Copy)]
pub enum Fault {
    /// `fsync` and `fdatasync` fail with EIO.
    Fsync = 1,
    /// Writing fails with EIO.
    Write = 2,
    /// Half of what is given is written.
    ShortWrite = 3,
    /// Reading fails with EIO.
    Read = 4,
}

/// The library, and the file through which it is steered.
pub struct Preload {
    library: PathBuf,
    switch: PathBuf,
    under: PathBuf,
}

impl Preload {
    /// Compiles the library. Files under that directory are affected.
    pub fn build(home: &Path, under: &Path) -> Result<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture/preload.c");
        let (library, switch) = (home.join("preload.so"), home.join("preload.switch"));
        let built =
            Command::new("cc").args(["-O1", "-Wall", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
        ensure!(built.context("cc must be installed")?.success(), "cc did not compile preload.c");
        std::fs::write(&switch, [0; 8])?;
        Ok(Self { library, switch, under: under.canonicalize()? })
    }

    /// The environment of the process that is affected.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let text = |path: &Path| path.display().to_string();
        vec![
            ("LD_PRELOAD", text(&self.library)),
            ("TORTURE_SWITCH", text(&self.switch)),
            ("TORTURE_UNDER", text(&self.under)),
        ]
    }

    /// The fault strikes each `every`th call from now on.
    pub fn arm(&self, fault: Fault, every: i32) -> Result<()> {
        self.set([fault as i32, every])
    }

    /// No fault strikes any more.
    pub fn disarm(&self) -> Result<()> {
        self.set([0, 0])
    }

    fn set(&self, [fault, every]: [i32; 2]) -> Result<()> {
        let file = std::fs::OpenOptions::new().write(true).open(&self.switch)?;
        // How often first: a fault without a number strikes nothing.
        file.write_all_at(&every.to_ne_bytes(), 4)?;
        Ok(file.write_all_at(&fault.to_ne_bytes(), 0)?)
    }
}
