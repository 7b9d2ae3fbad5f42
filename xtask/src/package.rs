//! Debian packages of the server, of the command line and of the agent. `Cargo.toml` of `crates/cli` and `crates/agent`
//! say what is in them; the manual pages and the completions come from the programs themselves. For Windows there is the
//! client alone, as one file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::chores::{cargo, kept, root, run, target};
use crate::needs;

/// The program that writes packages, <https://crates.io/crates/cargo-deb>, and its version.
const CARGO_DEB: (&str, &str) = ("cargo-deb", "3.8.0");

/// A package: the crate, and the variant of its metadata.
struct Package {
    program: &'static str,
    variant: Option<&'static str>,
}

const PACKAGES: [Package; 3] = [
    Package { program: "chaveiro", variant: None },
    Package { program: "chaveiro", variant: Some("server") },
    Package { program: "chaveiro-agent", variant: None },
];

/// The shells that get completions.
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// The languages of manual pages, by the tag of the catalogue, and the suffix of their directory.
const LANGUAGES: [(&str, &str); 2] = [("en", ""), ("pt-BR", ".pt_BR")];

/// The platform of the client for Windows.
const WINDOWS: &str = "x86_64-pc-windows-gnu";

/// The arguments that the chore takes.
const ARGUMENTS: &str = "--windows, --fast, --version VERSION and --output DIRECTORY";

/// Options of the chore.
#[derive(Default)]
struct Options {
    /// Takes the programs of the `dev` profile as they are, and compresses little.
    fast: bool,
    /// Builds the client for Windows, and no package.
    windows: bool,
    /// The version of the packages instead of the one of the workspace.
    version: Option<String>,
    /// The directory of the packages instead of `target/debian`.
    output: Option<PathBuf>,
}

impl Options {
    fn of(arguments: &[String]) -> Result<Self> {
        let (mut options, mut arguments) = (Self::default(), arguments.iter());
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--fast" => options.fast = true,
                "--windows" => options.windows = true,
                "--version" => options.version = Some(arguments.next().context("--version takes a version")?.clone()),
                "--output" => options.output = Some(arguments.next().context("--output takes a directory")?.into()),
                other => {
                    bail!("unknown argument `{other}`; there are {ARGUMENTS}")
                }
            }
        }
        Ok(options)
    }

    fn profile(&self) -> &'static str {
        if self.fast { "dev" } else { "release" }
    }

    /// The folder of the profile, below the target directory.
    fn folder(&self) -> &'static str {
        if self.fast { "debug" } else { "release" }
    }
}

/// `cargo xtask package [--fast] [--version VERSION] [--output DIRECTORY]`: writes the packages to `target/debian/`.
/// `cargo xtask package --windows [--fast]`: builds `chaveiro.exe` instead.
pub(crate) fn package(arguments: &[String]) -> Result<()> {
    let options = Options::of(arguments)?;
    if options.windows {
        return windows(&options);
    }
    let tool = cargo_deb()?;
    if !options.fast {
        run(&mut cargo(&["build", "--release", "--locked", "--package", "chaveiro", "--package", "chaveiro-agent"]))?;
    }
    for program in ["chaveiro", "chaveiro-agent"] {
        write_pages(&programs(&options).join(program), &root().join("target/package").join(program))?;
    }
    for package in &PACKAGES {
        run(&mut deb(&tool, package, &options))?;
    }
    Ok(())
}

/// Builds the client for Windows: the command without the verbs of a server's host.
fn windows(options: &Options) -> Result<()> {
    needs::provide_for_windows(WINDOWS)?;
    run(cargo(&["build", "--locked", "--package", "chaveiro", "--no-default-features", "--target", WINDOWS])
        .args(["--profile", options.profile()]))?;
    println!("{}", target().join(WINDOWS).join(options.folder()).join("chaveiro.exe").display());
    Ok(())
}

/// The directory of the programs that go into the packages.
fn programs(options: &Options) -> PathBuf {
    target().join(options.folder())
}

fn deb(tool: &Path, package: &Package, options: &Options) -> Command {
    let mut deb = Command::new(tool);
    deb.current_dir(root()).args(["--no-build", "--quiet", "--package", package.program]);
    deb.args(["--profile", options.profile()]);
    if let Some(variant) = package.variant {
        deb.args(["--variant", variant]);
    }
    if options.fast {
        deb.args(["--fast", "--compress-type", "gz", "--compress-system"]);
    }
    if let Some(version) = &options.version {
        deb.args(["--deb-version", version]);
    }
    if let Some(output) = &options.output {
        deb.arg("--output").arg(output);
    }
    deb
}

/// Lets a program write its manual pages and completions to that directory, anew.
fn write_pages(program: &Path, directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| format!("clearing {}", directory.display()))?;
    }
    for (lang, suffix) in LANGUAGES {
        let pages = directory.join(format!("man{suffix}"));
        fs::create_dir_all(&pages).with_context(|| format!("making {}", pages.display()))?;
        run(Command::new(program).args(["--lang", lang, "man", "--directory"]).arg(&pages))?;
    }
    let name = program.file_name().context("a program has a name")?.to_string_lossy();
    for shell in SHELLS {
        let written = Command::new(program).args(["--lang", "en", "completions", shell]).output()?;
        ensure!(written.status.success(), "{name} completions {shell}: {}", String::from_utf8_lossy(&written.stderr));
        let file = directory.join(format!("{name}.{shell}"));
        fs::write(&file, written.stdout).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(())
}

/// The program that writes packages. It is built once, into the [`kept`] directory.
fn cargo_deb() -> Result<PathBuf> {
    let (name, version) = CARGO_DEB;
    let place = kept().join("tools").join(format!("{name}-{version}"));
    let program = place.join("bin").join(name);
    if !program.exists() {
        let mut install = cargo(&["install", "--locked", name, "--version", version, "--root"]);
        run(install.arg(&place).arg("--target-dir").arg(place.join("build")))?;
        fs::remove_dir_all(place.join("build")).context("clearing the build of cargo-deb")?;
    }
    Ok(program)
}
