//! Every chore of the repository. `cargo xtask help` lists them; `.ci/run` calls one of them.

mod advisories;
mod bench;
mod check;
mod chores;
mod deny;
mod fuzz;
mod lanes;
mod needs;
mod package;
mod prose;
mod release;
mod sbom;

use std::process::ExitCode;
use std::time::Instant;

use chores::{CHORES, Chore};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "help".to_owned());
    let rest: Vec<String> = arguments.collect();
    let Some(chore) = CHORES.iter().find(|chore| chore.name == name) else {
        print_help();
        return if name == "help" { ExitCode::SUCCESS } else { ExitCode::from(2) };
    };
    run(chore, &rest)
}

fn run(chore: &Chore, arguments: &[String]) -> ExitCode {
    let begun = Instant::now();
    match (chore.run)(arguments) {
        Ok(()) => {
            eprintln!("xtask {}: done in {:.0} s", chore.name, begun.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("xtask {}: {error:#}", chore.name);
            ExitCode::FAILURE
        }
    }
}

fn print_help() {
    println!("cargo xtask <chore>\n");
    for chore in CHORES {
        println!("  {:<10} {}", chore.name, chore.summary);
    }
}
