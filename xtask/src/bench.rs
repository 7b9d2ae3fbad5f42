//! The benchmarks: what they need, and where their page goes.

use std::path::Path;

use anyhow::Result;

use crate::chores::{cargo, root, run};
use crate::needs;

/// Options of the benchmarks that take a path. It is meant from here, and they run elsewhere.
const PATHS: &[&str] = &["--into", "--before", "--render"];

/// `cargo xtask bench [GOAL ...] [OPTION ...]`: a whole run writes `docs/benchmarks/`, any other one `target/bench/`.
pub(crate) fn bench(arguments: &[String]) -> Result<()> {
    needs::provide_for_benches()?;
    let mut command = cargo(&["bench", "--locked", "--package", "chaveiro", "--bench", "bench", "--"]);
    command.args(absolute(arguments)?);
    if !arguments.iter().any(|argument| argument == "--into" || argument == "--help") {
        command.arg("--into").arg(root().join(page(arguments)));
    }
    run(&mut command)
}

/// The directory of the page.
fn page(arguments: &[String]) -> &'static Path {
    let whole = arguments.iter().all(|argument| argument == "--before" || argument.ends_with(".json"));
    Path::new(if whole { "docs/benchmarks" } else { "target/bench" })
}

fn absolute(arguments: &[String]) -> Result<Vec<String>> {
    let is_path = |at: usize| at.checked_sub(1).is_some_and(|before| PATHS.contains(&arguments[before].as_str()));
    let absolute = |(at, argument): (usize, &String)| match is_path(at) {
        true => Ok(std::path::absolute(argument)?.display().to_string()),
        false => Ok(argument.clone()),
    };
    arguments.iter().enumerate().map(absolute).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_run_writes_into_the_documents() {
        for (arguments, expected) in [
            (&[][..], "docs/benchmarks"),
            (&["--before", "old.json"], "docs/benchmarks"),
            (&["accepts"], "target/bench"),
            (&["--scale", "medium"], "target/bench"),
            (&["--rounds", "1"], "target/bench"),
        ] {
            let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
            assert_eq!(page(&arguments), Path::new(expected), "{arguments:?}");
        }
    }

    #[test]
    fn a_path_is_meant_from_where_the_chore_was_called() {
        let arguments = ["accepts", "--before", "old.json", "--rounds", "3"].map(str::to_owned);
        let here = std::env::current_dir().expect("a directory");
        let expected = ["accepts", "--before", &here.join("old.json").display().to_string(), "--rounds", "3"];
        assert_eq!(absolute(&arguments).expect("paths"), expected);
    }
}
