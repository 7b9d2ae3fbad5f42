//! Every test of the workspace, in lanes that run beside each other. Most long tests wait for processes and clocks, and leave a
//! processor idle.
//!
//! A crate has one program of tests, because each program links everything once more. The lanes take its files apart
//! again: each top-level module runs in a process of its own, so that long ones run beside each other.

use std::collections::VecDeque;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::Message;
use rustix::fs::statvfs;
use tempfile::TempDir;

/// The processes of tests that run at the same time. Each has as many threads as there are processors.
const LANES: usize = 3;

/// The parts that take longest begin first, so that no lane is left alone with one of them.
const LONGEST: &[&str] = &[
    "cli/tests/linux_faults",
    "cli/tests/durable",
    "cli/tests/sdk",
    "cli/tests/debian",
    "cli/tests/torture",
    "cli/tests/clock",
    "cli/tests/floods",
    "agent/src",
    "cli/tests",
    "auth/tests/keycloak",
    "store-sqlite/tests/conformance",
    "store-postgres/tests/conformance",
];

/// The parts that are about what a disk keeps: they run as in production. All others have their temporary files in memory,
/// where there is room, and run each unit of work twice.
const ON_DISK: &[&str] = &["cli/tests/crash", "cli/tests/durable", "cli/tests/torture"];

/// The variable by which stores run each unit of work, undo it and run it again: `chaveiro_store_sqlite::TWICE`.
const TWICE: &str = "UNITS_OF_WORK_TWICE";

/// The room that temporary files may take.
const ROOM: u64 = 4 << 30;

/// The test that is not part of `cargo test`, and the seed with which every test run starts it: the same faults each time.
const TORTURE: (&str, &[&str]) = ("torture", &["--seed", "1"]);

/// The program of a crate whose files are its modules.
const PARTED: &str = "it";

/// The remote actions that no product has. A call of its own: their feature must not reach what the other tests test.
pub(crate) const TEST_ACTIONS: &[&str] = &["--features", "chaveiro-test-actions/on", "--test", "actions"];

/// The packages whose tests run programs, which [`run_quick`] does not build. It does not run [`SLOW`] either.
const PROGRAMS: &[&str] = &["chaveiro", "chaveiro-agent", "chaveiro-test-actions", "xtask"];

/// The parts of other packages that run programs, or take long.
const SLOW: &[&str] = &["auth/tests/keycloak", "auth/tests/oidc"];

/// The parts of which a quick run leaves something out, with the arguments that do so. For example, only the full run undoes each
/// unit of work once and runs it again.
const SHORTENED: &[(&str, &[&str])] = &[
    ("store-sqlite/tests/conformance", &["--skip", "undone_once_and_run_again"]),
    ("store-postgres/tests/conformance", &["--skip", "undone_once_and_run_again"]),
];

/// A program of tests.
pub(crate) struct Program {
    /// `crates/core/src/lib.rs`.
    name: String,
    pub(crate) target: String,
    pub(crate) file: PathBuf,
    /// The directory of its package.
    directory: PathBuf,
    arguments: &'static [&'static str],
}

/// Tests that run in one process.
struct Part {
    /// The source: `crates/core/src/lib.rs`, or `crates/cli/tests/linux` for a module.
    name: String,
    file: PathBuf,
    directory: PathBuf,
    arguments: Vec<String>,
}

/// Builds every test and runs them all; fails at the end if one has failed, and names those.
pub(crate) fn run_all(cargo: impl Fn(&[&str]) -> Command) -> Result<()> {
    let mut programs = built(cargo(&["test", "--workspace", "--locked", "--test", TORTURE.0]), TORTURE.1)?;
    programs.extend(built(cargo(&["test", "--workspace", "--locked"]), &[])?);
    let mut test_actions = cargo(&["test", "--workspace", "--locked"]);
    test_actions.args(TEST_ACTIONS);
    programs.extend(built(test_actions, &[])?);
    run_parts(parts(programs)?)?;
    let documented = cargo(&["test", "--workspace", "--locked", "--doc", "--quiet"]).status()?;
    ensure!(documented.success(), "examples in the documentation have failed");
    Ok(())
}

/// Runs the tests that need no other program and no network.
pub(crate) fn run_quick(cargo: impl Fn(&[&str]) -> Command) -> Result<()> {
    let mut build = cargo(&["test", "--workspace", "--locked", "--tests"]);
    build.args(PROGRAMS.iter().flat_map(|package| ["--exclude", package]));
    let mut parts = parts(built(build, &[])?)?;
    parts.retain(|part| !is_one_of(part, SLOW));
    parts.iter_mut().for_each(shorten);
    run_parts(parts)
}

fn run_parts(parts: Vec<Part>) -> Result<()> {
    let memory = in_memory();
    let (waiting, failed) = (Mutex::new(VecDeque::from(ordered(parts))), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some(part) = next(&waiting) {
                    let passed = run(&part, memory.as_ref()).unwrap_or_else(|error| {
                        eprintln!("{}: {error:#}", part.name);
                        false
                    });
                    if !passed {
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(part.name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    ensure!(failed.is_empty(), "these have failed: {}", failed.join(", "));
    Ok(())
}

fn next(waiting: &Mutex<VecDeque<Part>>) -> Option<Part> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

fn is_one_of(part: &Part, list: &[&str]) -> bool {
    list.iter().any(|name| part.name.contains(name))
}

/// Leaves out what [`SHORTENED`] says.
fn shorten(part: &mut Part) {
    let arguments = SHORTENED.iter().filter(|(name, _)| part.name.contains(name)).flat_map(|(_, arguments)| *arguments);
    part.arguments.extend(arguments.map(|argument| (*argument).to_owned()));
}

/// Returns the parts with the longest first, in the order of that list.
fn ordered(mut parts: Vec<Part>) -> Vec<Part> {
    parts.sort_by_key(|part| LONGEST.iter().position(|name| part.name.contains(name)).unwrap_or(LONGEST.len()));
    parts
}

/// A directory for temporary files that no disk has to keep; none if this system has no room for them in memory.
fn in_memory() -> Option<TempDir> {
    let place = Path::new("/dev/shm");
    let room = statvfs(place).map(|room| room.f_bavail * room.f_frsize).unwrap_or(0);
    if room < ROOM {
        return None;
    }
    tempfile::Builder::new().prefix("chaveiro-tests-").tempdir_in(place).ok()
}

/// Builds, and returns the programs.
pub(crate) fn built(mut command: Command, arguments: &'static [&'static str]) -> Result<Vec<Program>> {
    command.args(["--no-run", "--message-format=json-render-diagnostics"]).stdout(Stdio::piped());
    let mut building = command.spawn().context("cargo")?;
    let said = building.stdout.take().context("its output")?;
    let mut programs = Vec::new();
    for message in Message::parse_stream(BufReader::new(said)) {
        let Message::CompilerArtifact(artifact) = message? else { continue };
        let Some(file) = artifact.executable.filter(|_| artifact.profile.test) else { continue };
        let directory = Path::new(artifact.manifest_path.as_str()).parent().context("a package")?.to_owned();
        let source = artifact.target.src_path.as_str();
        let root = directory.ancestors().find(|up| up.join("Cargo.lock").exists()).unwrap_or(&directory);
        let name = Path::new(source).strip_prefix(root).unwrap_or(Path::new(source)).display().to_string();
        programs.push(Program { name, target: artifact.target.name, file: file.into(), directory, arguments });
    }
    if !building.wait()?.success() {
        bail!("the tests do not build");
    }
    Ok(programs)
}

/// Takes the programs apart.
fn parts(programs: Vec<Program>) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for program in programs {
        if program.target != PARTED {
            let arguments = program.arguments.iter().map(|argument| (*argument).to_owned()).collect();
            parts.push(Part { name: program.name, file: program.file, directory: program.directory, arguments });
            continue;
        }
        let listed = Command::new(&program.file).args(["--list", "--format", "terse"]).output()?;
        ensure!(listed.status.success(), "{} does not list its tests", program.name);
        let folder = program.name.trim_end_matches("/main.rs").to_owned();
        for (module, tests) in modules(&String::from_utf8_lossy(&listed.stdout)) {
            let (file, directory) = (program.file.clone(), program.directory.clone());
            let arguments = std::iter::once("--exact".to_owned()).chain(tests).collect();
            parts.push(Part { name: format!("{folder}/{module}"), file, directory, arguments });
        }
    }
    Ok(parts)
}

/// The tests of a program by their top-level module, in the order of the list.
fn modules(listed: &str) -> Vec<(String, Vec<String>)> {
    let mut modules: Vec<(String, Vec<String>)> = Vec::new();
    for test in listed.lines().filter_map(|line| line.strip_suffix(": test")) {
        let module = test.split_once("::").map_or("main", |(module, _)| module);
        match modules.iter_mut().find(|(name, _)| name == module) {
            Some((_, tests)) => tests.push(test.to_owned()),
            None => modules.push((module.to_owned(), vec![test.to_owned()])),
        }
    }
    modules
}

/// Runs a part as `cargo test` does, and shows everything that it said once it has ended. Returns whether it passed.
fn run(part: &Part, memory: Option<&TempDir>) -> Result<bool> {
    let begun = Instant::now();
    let mut command = Command::new(&part.file);
    command.args(&part.arguments).current_dir(&part.directory).env("CARGO_MANIFEST_DIR", &part.directory);
    if !is_one_of(part, ON_DISK) {
        command.env(TWICE, "1");
        if let Some(memory) = memory {
            command.env("TMPDIR", memory.path());
        }
    }
    let ended = command.stdin(Stdio::null()).output().with_context(|| format!("running {}", part.file.display()))?;
    let mut out = std::io::stdout().lock();
    let verdict = if ended.status.success() { "passed" } else { "FAILED" };
    writeln!(out, "     Running {} ({verdict} in {:.0} s)", part.name, begun.elapsed().as_secs_f64())?;
    out.write_all(&ended.stdout)?;
    out.write_all(&ended.stderr)?;
    Ok(ended.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_taken_apart_by_its_modules_and_no_test_is_lost() {
        let listed = "clock::a: test\nlinux::b: test\nclock::deep::c: test\nalone: test\nclock::d: benchmark\n";
        let tests = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let expected = [
            ("clock", tests(&["clock::a", "clock::deep::c"])),
            ("linux", tests(&["linux::b"])),
            ("main", tests(&["alone"])),
        ];
        assert_eq!(modules(listed), expected.map(|(name, tests)| (name.to_owned(), tests)));
    }

    fn part(name: &str) -> Part {
        Part { name: name.to_owned(), file: PathBuf::new(), directory: PathBuf::new(), arguments: Vec::new() }
    }

    #[test]
    fn a_quick_run_shortens_the_parts_that_it_names_and_no_other() {
        for (name, shortened) in [("crates/store-sqlite/tests/conformance.rs", true), ("crates/core/src/lib.rs", false)]
        {
            let mut part = part(name);
            shorten(&mut part);
            assert_eq!(!part.arguments.is_empty(), shortened, "{name}");
        }
    }

    #[test]
    fn the_longest_parts_begin_first_in_their_order() {
        let names = [
            "crates/core/src/lib.rs",
            "crates/cli/tests/linux",
            "crates/cli/tests/durable",
            "crates/cli/tests/linux_faults",
        ];
        let sorted: Vec<_> = ordered(names.map(part).into()).into_iter().map(|part| part.name).collect();
        assert_eq!(sorted, [names[3], names[2], names[1], names[0]]);
    }
}
