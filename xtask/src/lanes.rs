//! Every test of the workspace, in lanes: most of the long ones wait for processes and clocks, and leave a processor idle.

use std::collections::VecDeque;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::Message;

/// The programs of tests that run at the same time. Each has as many threads as there are processors.
const LANES: usize = 2;

/// The programs that take longest begin first, so that neither lane is left alone with one of them.
const LONGEST: [&str; 2] = ["cli/tests/", "store-sqlite/tests/conformance"];

/// The test that is not part of `cargo test`, and the seed with which every test run starts it: the same faults each time.
const TORTURE: (&str, &[&str]) = ("torture", &["--seed", "1"]);

/// A program of tests.
struct Program {
    /// `chaveiro-core`, or `chaveiro tests/linux.rs`.
    name: String,
    file: PathBuf,
    /// The directory of its package.
    directory: PathBuf,
    arguments: &'static [&'static str],
}

/// The remote actions that no product has. A call of its own: their feature must not reach what the other tests test.
const TEST_ACTIONS: &[&str] =
    &["test", "--package", "chaveiro-test-actions", "--features", "on", "--locked", "--tests"];

/// Builds every test and runs them all; fails at the end if one has failed, and names those.
pub(crate) fn run_all(cargo: impl Fn(&[&str]) -> Command) -> Result<()> {
    let mut waiting = built(cargo(&["test", "--workspace", "--locked", "--test", TORTURE.0]), TORTURE.1)?;
    waiting.extend(built(cargo(&["test", "--workspace", "--locked"]), &[])?);
    waiting.extend(built(cargo(TEST_ACTIONS), &[])?);
    let (mut first, rest): (VecDeque<_>, VecDeque<_>) =
        waiting.into_iter().partition(|program| LONGEST.iter().any(|part| program.name.contains(part)));
    first.extend(rest);
    let (waiting, failed) = (Mutex::new(first), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some(program) = next(&waiting) {
                    let passed = run(&program).unwrap_or_else(|error| {
                        eprintln!("{}: {error:#}", program.name);
                        false
                    });
                    if !passed {
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(program.name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    ensure!(failed.is_empty(), "these have failed: {}", failed.join(", "));
    let documented = cargo(&["test", "--workspace", "--locked", "--doc", "--quiet"]).status()?;
    ensure!(documented.success(), "examples in the documentation have failed");
    Ok(())
}

fn next(waiting: &Mutex<VecDeque<Program>>) -> Option<Program> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// Builds, and returns the programs.
fn built(mut command: Command, arguments: &'static [&'static str]) -> Result<Vec<Program>> {
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
        programs.push(Program { name, file: file.into(), directory, arguments });
    }
    if !building.wait()?.success() {
        bail!("the tests do not build");
    }
    Ok(programs)
}

/// Runs a program as `cargo test` does, and shows everything that it said once it has ended. Returns whether it passed.
fn run(program: &Program) -> Result<bool> {
    let begun = Instant::now();
    let mut command = Command::new(&program.file);
    command.args(program.arguments).current_dir(&program.directory).env("CARGO_MANIFEST_DIR", &program.directory);
    let ended = command.stdin(Stdio::null()).output().with_context(|| format!("running {}", program.file.display()))?;
    let mut out = std::io::stdout().lock();
    let verdict = if ended.status.success() { "passed" } else { "FAILED" };
    writeln!(out, "     Running {} ({verdict} in {:.0} s)", program.name, begun.elapsed().as_secs_f64())?;
    out.write_all(&ended.stdout)?;
    out.write_all(&ended.stderr)?;
    Ok(ended.status.success())
}
