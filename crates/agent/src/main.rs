//! `chaveiro-agent`: see the library of the same name.

fn main() -> std::process::ExitCode {
    chaveiro_agent::main()
}
