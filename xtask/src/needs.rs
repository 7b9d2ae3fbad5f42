//! What a fresh Debian machine with a Rust toolchain may lack, and how to get it.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::chores::{cargo, run};

/// A program, and the Debian package that brings it.
struct Need {
    program: &'static str,
    package: &'static str,
    why: &'static str,
}

const NEEDS: &[Need] = &[
    Need { program: "cc", package: "build-essential", why: "SQLite and aws-lc are C" },
    Need {
        program: "/usr/sbin/cryptsetup",
        package: "cryptsetup-bin",
        why: "the tests of the agent change real LUKS2 volumes",
    },
    Need { program: "faketime", package: "faketime", why: "tests set the clock of the agent and of the server" },
    Need { program: "perl", package: "perl", why: "tests check password hashes with crypt(3) of this system" },
];

/// Installs what the build and the tests need and this machine lacks, and says so.
pub(crate) fn install_missing() -> Result<()> {
    for need in NEEDS.iter().filter(|need| !is_there(need.program)) {
        eprintln!("xtask: `{}` is missing ({}); installing {}", need.program, need.why, need.package);
        if !is_there("apt-get") {
            bail!("install `{}` with this system's package manager, then try again", need.program);
        }
        run(Command::new("apt-get").args(["update", "--quiet"]))?;
        run(Command::new("apt-get").args(["install", "--yes", "--quiet", need.package]))?;
    }
    Ok(())
}

/// `cargo deny` checks licences, banned crates and sources.
pub(crate) fn install_cargo_deny() -> Result<()> {
    let installed = cargo(&["deny", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if installed.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    eprintln!("xtask: cargo-deny is missing; installing it (a few minutes)");
    run(&mut cargo(&["install", "--locked", "cargo-deny"]))
}

fn is_there(program: &str) -> bool {
    let status = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
