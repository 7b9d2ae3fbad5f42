//! Fuzzing with libFuzzer on the stable toolchain. The coverage pass of LLVM is switched on by hand.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail, ensure};

use crate::chores::{cargo, kept, root, run};
use crate::lanes::built as programs;

/// The flags by which libFuzzer learns which branches an input took.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// `cargo xtask fuzz [SECONDS] [TARGET ...]`: each target for that long, all of them by default.
pub(crate) fn fuzz(arguments: &[String]) -> Result<()> {
    let seconds: u64 = match arguments.first() {
        Some(text) => text.parse().context("the first argument is the number of seconds for each target")?,
        None => 30,
    };
    let all = targets()?;
    let chosen: Vec<&String> = match arguments.get(1..) {
        Some(names) if !names.is_empty() => names.iter().collect(),
        _ => all.iter().collect(),
    };
    if let Some(unknown) = chosen.iter().find(|name| !all.contains(name)) {
        bail!("there is no target `{unknown}`; there are {}", all.join(", "));
    }
    let built = build_all()?;
    chosen.into_iter().try_for_each(|name| run(&mut fuzzer(&built.join(name), name, seconds)?))
}

/// The seconds that [`smoke`] gives each target.
const SMOKE: u64 = 5;

/// Fuzzes every target for a moment, as many at once as there are processors, from a build that costs little.
pub(crate) fn smoke() -> Result<()> {
    let waiting = Mutex::new(build_ours()?);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((name, program)) = next(&waiting) {
                    let ended = fuzzer(&program, &name, SMOKE).and_then(|mut fuzzer| Ok(fuzzer.output()?));
                    let said = match ended {
                        Ok(ended) if ended.status.success() => continue,
                        Ok(ended) => String::from_utf8_lossy(&ended.stderr).into_owned(),
                        Err(error) => format!("{error:#}"),
                    };
                    locked(&failed).push(format!("{name}: {said}"));
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

/// Takes one out, and locks the others no longer than that.
fn next<T>(waiting: &Mutex<Vec<T>>) -> Option<T> {
    locked(waiting).pop()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The directory of what was found, and of what reached far.
fn directory() -> PathBuf {
    root().join("target/fuzz")
}

/// Builds every target, and everything that it uses with coverage; returns the directory of the programs.
fn build_all() -> Result<PathBuf> {
    // Named, so that build scripts and procedural macros are not instrumented.
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut build = cargo(&["build", "--profile", "fuzz", "--locked", "--package", "chaveiro-fuzz", "--bins"]);
    build.args(["--target", &target]).arg("--target-dir").arg(directory());
    run(build.env("CARGO_BUILD_BUILD_DIR", kept().join("fuzz")).env("RUSTFLAGS", COVERAGE))?;
    Ok(directory().join(target).join("fuzz"))
}

/// Builds every target from what the tests are built from, of which our own crates alone count their branches. Returns names
/// and programs.
fn build_ours() -> Result<Vec<(String, PathBuf)>> {
    let mut build = cargo(&["test", "--workspace", "--locked"]);
    build.args(targets()?.iter().flat_map(|name| ["--bin", name]));
    build.env("RUSTC_WORKSPACE_WRAPPER", root().join("fuzz/covered")).env("COVERAGE", COVERAGE);
    // The crates of others have a level of their own, and stay as they are.
    build.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    let mut built: Vec<_> = programs(build, &[])?.into_iter().map(|program| (program.target, program.file)).collect();
    built.sort();
    let names: Vec<_> = built.iter().map(|(name, _)| name.clone()).collect();
    ensure!(names == targets()?, "cargo has built {names:?} of the targets");
    Ok(built)
}

fn fuzzer(program: &Path, name: &str, seconds: u64) -> Result<Command> {
    let corpus = directory().join("corpus").join(name);
    std::fs::create_dir_all(&corpus).with_context(|| format!("making {}", corpus.display()))?;
    let mut fuzzer = Command::new(program);
    fuzzer.args([&format!("-max_total_time={seconds}"), "-timeout=10", "-rss_limit_mb=2048", "-verbosity=0"]);
    fuzzer.args(["-max_len=65536", "-print_final_stats=1"]);
    fuzzer.arg(format!("-artifact_prefix={}/{name}-", directory().display()));
    fuzzer.arg(&corpus).arg(root().join("fuzz/seeds").join(name));
    Ok(fuzzer)
}

/// The targets, by their files.
fn targets() -> Result<Vec<String>> {
    let entries = std::fs::read_dir(root().join("fuzz/targets")).context("reading fuzz/targets")?;
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut names: Vec<_> = entries.filter_map(|entry| stem(&entry.ok()?.path())).collect();
    names.sort();
    Ok(names)
}
