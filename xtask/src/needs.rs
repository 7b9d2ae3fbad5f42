//! The tools that a fresh Debian machine with a Rust toolchain may lack, and how to get them.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::chores::{kept, run};

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
        program: "pg_lsclusters",
        probe: &["--no-header"],
        package: "postgresql",
        why: "the tests of the store of many nodes start a PostgreSQL of their own",
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
    Need { program: "zsh", probe: VERSION, package: "zsh", why: "tests complete names in it" },
    Need { program: "fish", probe: VERSION, package: "fish", why: "tests complete names in it" },
    Need { program: "npm", probe: VERSION, package: "npm", why: "it installs that client" },
    Need {
        program: "javac",
        probe: VERSION,
        package: "default-jdk-headless",
        why: "tests compile and run the Java SDK of Microsoft Graph, and run Keycloak",
    },
    Need {
        program: "mmdebstrap",
        probe: VERSION,
        package: "mmdebstrap",
        why: "the packages are installed in a fresh Debian",
    },
    Need { program: "systemd-nspawn", probe: VERSION, package: "systemd-container", why: "it boots that Debian" },
    Need {
        program: "ip",
        probe: &["-V"],
        package: "iproute2",
        why: "tests give a server Microsoft's names in a network namespace",
    },
    Need { program: "mvn", probe: VERSION, package: "maven", why: "it installs that SDK and Keycloak" },
];

/// The tools that only `cargo xtask package --windows` needs.
const NEEDS_OF_WINDOWS: &[Need] = &[
    Need {
        program: "x86_64-w64-mingw32-gcc",
        probe: VERSION,
        package: "gcc-mingw-w64-x86-64",
        why: "aws-lc is C, and a program for Windows is linked with it",
    },
    Need { program: "nasm", probe: VERSION, package: "nasm", why: "parts of aws-lc for Windows are in its language" },
];

/// The tools that only `cargo xtask bench` needs.
const NEEDS_OF_BENCHES: &[Need] = &[Need {
    program: "/usr/sbin/nginx",
    probe: &["-v"],
    package: "nginx-light",
    why: "the memory of held connections is compared with that of nginx, which a benchmark starts for itself",
}];

/// Packages that the tests fetch by themselves, and that stay in the [`kept`] directory for the next run.
pub(crate) struct Fetched {
    /// The file or the directory that is there afterwards, below that directory; a name that ends in `-` begins one.
    place: &'static str,
    from: &'static str,
    what: &'static str,
}

/// Everything that `cargo xtask test` fetches.
pub(crate) const FETCHED: &[Fetched] = &[
    Fetched {
        place: "sdk/python-",
        from: "PyPI",
        what: "msgraph-beta-sdk, msgraph-sdk, azure-identity and IntuneCD, 650 MB unpacked",
    },
    Fetched { place: "sdk/schemathesis-", from: "PyPI", what: "schemathesis" },
    Fetched { place: "sdk/node-", from: "npm", what: "@microsoft/microsoft-graph-client and @azure/identity" },
    Fetched { place: "sdk/openapi-", from: "npm", what: "readers of OpenAPI of Swagger and Postman, 40 MB unpacked" },
    Fetched { place: "sdk/java-", from: "Maven Central", what: "microsoft-graph-beta and azure-identity" },
    Fetched { place: "tmp/oidc/installed", from: "npm", what: "oidc-provider" },
    Fetched { place: "tmp/keycloak/installed", from: "Maven Central", what: "Keycloak, 160 MB" },
    Fetched { place: "tmp/debian/bookworm.tar", from: "Debian", what: "a fresh Debian, 60 MB" },
    Fetched { place: "tools/cargo-deb-", from: "crates.io", what: "cargo-deb, which is built once" },
];

/// The packages that `cargo xtask sdk` fetches besides.
pub(crate) const FETCHED_BY_CLIENTS: &[Fetched] = &[
    Fetched { place: "sdk/m365-", from: "npm", what: "@pnp/cli-microsoft365, 400 MB unpacked" },
    Fetched { place: "sdk/az-", from: "PyPI", what: "azure-cli, 400 MB unpacked" },
];

impl Fetched {
    fn is_there(&self, kept: &Path) -> bool {
        let (folder, name) = self.place.rsplit_once('/').unwrap_or(("", self.place));
        let names = std::fs::read_dir(kept.join(folder)).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let fits = |found: &str| if name.ends_with('-') { found.starts_with(name) } else { found == name };
        names.filter_map(|found| found.into_string().ok()).any(|found| fits(&found))
    }
}

/// Says what this machine lacks and will be installed or fetched, then installs it; with `install` off, stops behind the list.
pub(crate) fn provide(install: bool, fetched: &[Fetched]) -> Result<()> {
    let missing: Vec<_> = NEEDS.iter().filter(|need| !succeeds(need.program, need.probe)).collect();
    let kept = kept();
    let fetched: Vec<_> = fetched.iter().filter(|fetched| !fetched.is_there(&kept)).collect();
    for need in &missing {
        eprintln!("xtask: {} is missing ({}); apt-get will install it", need.package, need.why);
    }
    for fetched in &fetched {
        eprintln!("xtask: {} will be fetched from {} into {}", fetched.what, fetched.from, kept.display());
    }
    if install {
        return missing.into_iter().try_for_each(install_package);
    }
    if missing.is_empty() && fetched.is_empty() {
        return Ok(());
    }
    bail!("nothing was installed; run it without --no-install, or install these by hand")
}

/// Installs what this machine lacks to build for Windows: the tools, and the target of the Rust toolchain.
pub(crate) fn provide_for_windows(target: &str) -> Result<()> {
    install(NEEDS_OF_WINDOWS)?;
    run(Command::new("rustup").args(["target", "add", target]))
}

/// Installs what this machine lacks for the benchmarks.
pub(crate) fn provide_for_benches() -> Result<()> {
    install(NEEDS_OF_BENCHES)
}

/// Installs those of the needs that this machine lacks.
fn install(needs: &[Need]) -> Result<()> {
    for need in needs.iter().filter(|need| !succeeds(need.program, need.probe)) {
        eprintln!("xtask: {} is missing ({}); apt-get will install it", need.package, need.why);
        install_package(need)?;
    }
    Ok(())
}

fn install_package(need: &Need) -> Result<()> {
    if !succeeds("apt-get", VERSION) {
        bail!("install {} with this system's package manager, then try again", need.package);
    }
    run(Command::new("apt-get").args(["update", "--quiet"]))?;
    run(Command::new("apt-get").args(["install", "--yes", "--quiet", need.package]))?;
    if !succeeds(need.program, need.probe) {
        bail!("{} of this system is too old ({}); install a newer one, then try again", need.package, need.why);
    }
    Ok(())
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetched_package_is_known_by_its_place() {
        let target = tempfile::tempdir().expect("a directory");
        let fetched = |place| Fetched { place, from: "", what: "" };
        std::fs::create_dir_all(target.path().join("sdk/python-0123")).expect("made");
        std::fs::write(target.path().join("sdk/complete"), "").expect("written");
        for (place, expected) in
            [("sdk/python-", true), ("sdk/node-", false), ("sdk/complete", true), ("sdk/comp", false), ("tmp/a", false)]
        {
            assert_eq!(fetched(place).is_there(target.path()), expected, "{place}");
        }
    }
}
