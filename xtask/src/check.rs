//! Everything that is checked without running the tests of the product.

use std::time::Instant;

use anyhow::{Result, bail, ensure};

use crate::chores::{cargo, codegen, run};
use crate::deny::deny;
use crate::fuzz::smoke;
use crate::lanes::TEST_ACTIONS;
use crate::needs;
use crate::prose::prose;

/// One check.
struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "format", run: || run(&mut cargo(&["fmt", "--all", "--check"])) },
    Step { name: "prose", run: || prose(&[]) },
    Step { name: "deny", run: deny },
    Step { name: "clippy", run: clippy },
    Step { name: "client", run: client },
    // What the steps below run, and the tests after them, in one call: each call ends with its longest crate alone, on one processor.
    Step { name: "build", run: || run(&mut cargo(&["test", "--quiet", "--workspace", "--locked", "--no-run"])) },
    Step { name: "arrows", run: || run(cargo(&["test", "--quiet", "--workspace", "--locked"]).args(ARROWS)) },
    Step {
        name: "catalogues",
        run: || run(&mut cargo(&["test", "--quiet", "--workspace", "--locked", "--test", "catalogues"])),
    },
    Step { name: "generated", run: || codegen(&["--check".to_owned()]) },
    // By `cargo test` they run one small round; by `cargo bench` they measure.
    Step { name: "benches", run: || run(&mut cargo(&["test", "--workspace", "--locked", "--bench", "*"])) },
    Step { name: "fuzz", run: smoke },
];

/// The tests of the architecture.
const ARROWS: [&str; 10] =
    ["--test", "arrows", "--test", "decisions", "--test", "programs", "--test", "refusals", "--test", "scopes"];

/// `cargo xtask check [STEP ...]`: those steps, all of them by default. A step that fails does not keep the others from running.
pub(crate) fn check(arguments: &[String]) -> Result<()> {
    if let Some(unknown) = arguments.iter().find(|name| !STEPS.iter().any(|step| step.name == *name)) {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!("there is no step `{unknown}`; there are {}", names.join(", "));
    }
    needs::provide(true, &[])?;
    let mut failed = Vec::new();
    for step in STEPS.iter().filter(|step| arguments.is_empty() || arguments.iter().any(|name| name == step.name)) {
        eprintln!("xtask: checking {}", step.name);
        let begun = Instant::now();
        if let Err(error) = (step.run)() {
            eprintln!("xtask: {}: {error:#}", step.name);
            failed.push(step.name);
        }
        eprintln!("xtask: checked {} in {:.0} s", step.name, begun.elapsed().as_secs_f64());
    }
    ensure!(failed.is_empty(), "these have failed: {}", failed.join(", "));
    Ok(())
}

/// The command without the verbs of a server's host builds alone, as it must for Windows.
fn client() -> Result<()> {
    let only = ["clippy", "--package", "chaveiro", "--no-default-features", "--bin", "chaveiro"];
    run(cargo(&only).args(["--locked", "--", "-D", "warnings"]))
}

fn clippy() -> Result<()> {
    let refuse = ["--locked", "--", "-D", "warnings"];
    run(cargo(&["clippy", "--workspace", "--all-targets"]).args(refuse))?;
    // Targets that no other call builds.
    run(cargo(&["clippy", "--workspace", "--test", "sdk_more", "--test", "torture"]).args(refuse))?;
    run(cargo(&["clippy", "--workspace"]).args(TEST_ACTIONS).args(refuse))
}
