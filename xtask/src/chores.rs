//! The chores, as a table.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::advisories::advisories;
use crate::bench::bench;
use crate::check::check;
use crate::fuzz::fuzz;
use crate::lanes::{run_all, run_quick};
use crate::needs::{self, FETCHED, FETCHED_BY_CLIENTS};
use crate::package::package;
use crate::prose::prose;
use crate::release::release;
use crate::sbom::sbom;

/// One thing that can be asked of `cargo xtask`.
pub(crate) struct Chore {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) run: fn(&[String]) -> Result<()>,
}

/// Every chore.
pub(crate) const CHORES: &[Chore] = &[
    Chore {
        name: "test",
        summary: "build everything, run every test and a minute of torture; --quick runs those that need no other program, \
            --no-install says what is missing; other arguments go to the test runner",
        run: test,
    },
    Chore {
        name: "check",
        summary: "format, prose, licences, clippy, the client alone, the tests built, arrows, catalogues, generated files, a round of each benchmark and fuzz target",
        run: check,
    },
    Chore {
        name: "prose",
        summary: "count doc summaries that begin evasively, and check documents; --list names them, --sample SEED draws twenty",
        run: prose,
    },
    Chore {
        name: "advisories",
        summary: "compare the lock files with the RustSec database (or the copy that is named)",
        run: advisories,
    },
    Chore { name: "sbom", summary: "write a bill of materials of each program to target/sbom/", run: sbom },
    Chore {
        name: "release",
        summary: "build the files of a release: --verify builds twice and compares, --sign KEY signs; docs/release.md",
        run: release,
    },
    Chore {
        name: "package",
        summary: "write the Debian packages to target/debian/, or build the client for Windows with --windows; --fast takes the dev \
            profile, --version and --output",
        run: package,
    },
    Chore { name: "codegen", summary: "write generated/ anew (--check: only compare)", run: codegen },
    Chore {
        name: "fuzz",
        summary: "fuzz each parser for SECONDS (30); `fuzz 60 soap token` fuzzes those two",
        run: fuzz,
    },
    Chore {
        name: "sdk",
        summary: "run the clients of Graph that every test run leaves out: `sdk go terraform m365 az`, or all of them",
        run: sdk,
    },
    Chore {
        name: "torture",
        summary: "kill and starve a server under load: --seconds N, --seed S, --only KIND, --json; --help names the kinds",
        run: torture,
    },
    Chore {
        name: "model",
        summary: "walk every order of events of a recovery, further than every test run does",
        run: model,
    },
    Chore {
        name: "bench",
        summary: "measure each goal beside its yardstick, and write docs/benchmarks/; `bench accepts --scale medium` does less, \
            --help lists everything",
        run: bench,
    },
];

/// Options of `cargo xtask test`; everything else goes to the test runner.
const QUICK: &str = "--quick";
const NO_INSTALL: &str = "--no-install";

fn test(arguments: &[String]) -> Result<()> {
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let rest: Vec<_> = arguments.iter().filter(|argument| ![QUICK, NO_INSTALL].contains(&argument.as_str())).collect();
    if has(QUICK) {
        ensure!(rest.is_empty(), "{QUICK} takes no other arguments");
        eprintln!("xtask: the quick tests; programs, their faults, clients of Graph and other issuers are left out");
        return run_quick(cargo);
    }
    needs::provide(!has(NO_INSTALL), FETCHED)?;
    if rest.is_empty() {
        return run_all(cargo);
    }
    run(cargo(&["test", "--workspace", "--locked"]).args(rest))
}

fn torture(arguments: &[String]) -> Result<()> {
    needs::provide(true, &[])?;
    let mut command = cargo(&["test", "--quiet", "--workspace", "--locked", "--test", "torture", "--"]);
    command.args(arguments);
    run(&mut command)
}

fn model(_: &[String]) -> Result<()> {
    let walks = ["model::", "--ignored", "--nocapture", "--test-threads", "1"];
    run(cargo(&["test", "--release", "--locked", "--package", "chaveiro-core", "--lib", "--"]).args(walks))
}

/// One of those clients.
struct Client {
    name: &'static str,
    /// The program that must be there; the others are installed by the test.
    program: Option<&'static str>,
    test: &'static str,
}

const CLIENTS: &[Client] = &[
    Client { name: "go", program: Some("go"), test: "the_go_sdk_pages_recovers_and_names_every_error" },
    Client {
        name: "terraform",
        program: Some("terraform"),
        test: "terraform_recovers_once_for_each_ticket_and_keeps_the_passcode_out_of_its_state",
    },
    Client {
        name: "m365",
        program: None,
        test: "the_cli_for_microsoft_365_signs_in_lists_recovers_and_shows_the_passcode",
    },
    Client {
        name: "az",
        program: None,
        test: "the_azure_cli_cannot_sign_in_and_asks_graph_with_a_token_that_another_got",
    },
];

fn sdk(arguments: &[String]) -> Result<()> {
    if let Some(unknown) = arguments.iter().find(|name| !CLIENTS.iter().any(|client| client.name == *name)) {
        bail!("there is no client `{unknown}`; `cargo xtask help` names those that there are");
    }
    needs::provide(true, FETCHED_BY_CLIENTS)?;
    for client in CLIENTS {
        if arguments.is_empty() || arguments.iter().any(|name| name == client.name) {
            if let Some(program) = client.program {
                run(Command::new(program).arg("version")).with_context(|| format!("{program} is needed"))?;
            }
            run(&mut cargo(&["test", "--workspace", "--locked", "--test", "sdk_more", "--", "--exact", client.test]))?;
        }
    }
    Ok(())
}

/// A small test, which makes a build choose the features that the builds of all tests choose: it takes over what they built.
const LIKE_TESTS: (&str, &str) = ("--test", "arrows");

/// The product prints its own inventories (`chaveiro generate`); this only says where they belong.
pub(crate) fn codegen(arguments: &[String]) -> Result<()> {
    let check = arguments.iter().any(|argument| argument == "--check");
    let committed = root().join("generated");
    let target = if check { root().join("target/generated") } else { committed.clone() };
    if check && target.exists() {
        std::fs::remove_dir_all(&target).context("clearing target/generated")?;
    }
    run(&mut cargo(&["build", "--quiet", "--workspace", "--locked", "--bin", "chaveiro", LIKE_TESTS.0, LIKE_TESTS.1]))?;
    run(Command::new(self::target().join("debug/chaveiro")).arg("generate").arg(&target))?;
    if check {
        compare(&committed, &target)?;
    }
    Ok(())
}

fn compare(committed: &Path, fresh: &Path) -> Result<()> {
    let (old, new) = (file_names(committed)?, file_names(fresh)?);
    let stale: Vec<_> = old
        .iter()
        .chain(&new)
        .filter(|name| std::fs::read(committed.join(name)).ok() != std::fs::read(fresh.join(name)).ok())
        .map(String::as_str)
        .collect();
    if !stale.is_empty() {
        bail!("generated/ is not up to date ({}); run `cargo xtask codegen` and commit", stale.join(", "));
    }
    Ok(())
}

fn file_names(directory: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).unwrap_or(Path::new(".")).to_owned()
}

/// The directory that cargo builds into.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The directory of what other builds can take over: of compiled crates, and of what tests and chores fetch. It is
/// [`target`] unless cargo is told of another one.
pub(crate) fn kept() -> PathBuf {
    std::env::var_os("CARGO_BUILD_BUILD_DIR").map_or_else(target, PathBuf::from)
}

/// The files of the repository that fit a pattern of git, below its root.
pub(crate) fn tracked(pattern: &str) -> Result<Vec<String>> {
    let listed = Command::new("git").args(["ls-files", "-z", pattern]).current_dir(root()).output().context("git")?;
    ensure!(listed.status.success(), "git does not list the files: {}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).context("the name of a file")?;
    Ok(names.split_terminator('\0').map(str::to_owned).collect())
}

/// The cargo that runs us, at the root of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command and turns a failure into an error that names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    let line = words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    eprintln!("xtask: {line}");
    let status = command.status().with_context(|| format!("starting `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}
