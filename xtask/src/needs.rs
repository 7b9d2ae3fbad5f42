//! What a fresh Debian machine with a Rust toolchain may lack, and how to get it.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::chores::{cargo, run};

/// A program, and the Debian package that brings it.
struct Need {
    program: &'static str,
    /// With these arguments it succeeds when it is what is needed.
    probe: &'static [&'static str],
    package: &'static str,
    why: &'static str,
}

const VERSION: &[&str] = &["--version"];

const NEEDS: &[Need] = &[
    Need { program: "cc", probe: VERSION, package: "build-essential", why: "SQLite and aws-lc are C" },
    Need {
        program: "ssh",
        probe: &["-V"],
        package: "openssh-client",
        why: "releases are signed and verified with ssh-keygen",
    },
    Need {
        program: "/usr/sbin/cryptsetup",
        probe: VERSION,
        package: "cryptsetup-bin",
        why: "the tests of the agent change real LUKS2 volumes",
    },
    Need {
        program: "faketime",
        probe: VERSION,
        package: "faketime",
        why: "tests set the clock of the agent and of the server",
    },
    Need {
        program: "perl",
        probe: VERSION,
        package: "perl",
        why: "tests check password hashes with crypt(3) of this system",
    },
    Need {
        program: "python3",
        probe: &["-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
        package: "python3",
        why: "tests run the Python SDK of Microsoft Graph, and schemathesis; both need Python 3.11 or newer",
    },
    Need {
        program: "python3",
        probe: &["-c", "import ensurepip, venv"],
        package: "python3-venv",
        why: "the packages of these tests go into an environment of their own",
    },
    Need {
        program: "node",
        probe: &["-e", "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)"],
        package: "nodejs",
        why: "tests run the JavaScript client of Microsoft Graph, which needs Node 20 or newer",
    },
    Need { program: "npm", probe: VERSION, package: "npm", why: "it installs that client" },
    Need {
        program: "javac",
        probe: VERSION,
        package: "default-jdk-headless",
        why: "tests compile and run the Java SDK of Microsoft Graph, and run Keycloak",
    },
    Need { program: "mvn", probe: VERSION, package: "maven", why: "it installs that SDK and Keycloak" },
];

/// Installs what the build and the tests need and this machine lacks, and says so.
pub(crate) fn install_missing() -> Result<()> {
    for need in NEEDS {
        if succeeds(need.program, need.probe) {
            continue;
        }
        eprintln!("xtask: {} is missing ({}); installing it", need.package, need.why);
        if !succeeds("apt-get", VERSION) {
            bail!("install {} with this system's package manager, then try again", need.package);
        }
        run(Command::new("apt-get").args(["update", "--quiet"]))?;
        run(Command::new("apt-get").args(["install", "--yes", "--quiet", need.package]))?;
        if !succeeds(need.program, need.probe) {
            bail!("{} of this system is too old ({}); install a newer one, then try again", need.package, need.why);
        }
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

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
