//! Releases: both programs, built so that every build of a commit gives the same bytes. A release also has a bill of materials of
//! each program, the checksums, and a signature over these. `docs/release.md` is the manual.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::MetadataCommand;
use sha2::{Digest, Sha256};

use crate::chores::{root, run};
use crate::sbom::{self, PROGRAMS, TARGET};

/// The purpose that a signature is made for; one for another purpose does not verify.
const NAMESPACE: &str = "chaveiro-release";

/// The checksums, in the form of `sha256sum`.
const SUMS: &str = "SHA256SUMS";

/// The sources and the tools that the release was built with.
const RECIPE: &str = "BUILD";

/// The place of the sources, as the programs tell it.
const SOURCES: &str = "/chaveiro";

/// The place of the crates, as the programs tell it.
const CRATES: &str = "/cargo";

/// `cargo xtask release [--verify] [--sign KEY]`: writes the files of a release to `target/release-files/`. `--verify` builds
/// a second time, elsewhere, and compares; `--sign` names a key for `ssh-keygen`.
pub(crate) fn release(arguments: &[String]) -> Result<()> {
    let (mut verify, mut key) = (false, None);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--verify" => verify = true,
            "--sign" => key = Some(Path::new(arguments.next().context("--sign takes the file of a key")?)),
            other => bail!("unknown argument `{other}`; docs/release.md names those that there are"),
        }
    }
    let source = Source::of(&root())?;
    let directory = root().join("target/release-files");
    if directory.exists() {
        fs::remove_dir_all(&directory).context("clearing target/release-files")?;
    }
    fs::create_dir_all(&directory).context("making target/release-files")?;
    let programs = source.build(&root(), &root().join("target/release-build"))?;
    if verify {
        let elsewhere = std::env::temp_dir().join(format!("chaveiro-release-{}", std::process::id()));
        let same = source.build_elsewhere(&elsewhere).and_then(|second| same(&programs, &second));
        fs::remove_dir_all(&elsewhere).with_context(|| format!("removing {}", elsewhere.display()))?;
        same?;
    }
    for program in programs.iter().chain(&sbom::write()?) {
        let name = program.file_name().context("a file has a name")?;
        fs::copy(program, directory.join(name)).with_context(|| format!("copying {}", program.display()))?;
    }
    fs::write(directory.join(RECIPE), source.recipe()?).context("writing the recipe")?;
    write_sums(&directory)?;
    if let Some(key) = key {
        sign(&directory, key)?;
    }
    print!("{}", fs::read_to_string(directory.join(SUMS))?);
    Ok(())
}

/// The commit that is built.
struct Source {
    commit: String,
    /// The time of the commit in seconds since 1970, for tools that write a time into their output.
    time: String,
    version: String,
}

impl Source {
    fn of(root: &Path) -> Result<Self> {
        let git = |arguments: &[&str]| said(Command::new("git").args(arguments).current_dir(root));
        let changed = git(&["status", "--porcelain"])?;
        ensure!(changed.is_empty(), "a release is one commit, and these files differ from it; commit them:\n{changed}");
        let metadata = MetadataCommand::new().current_dir(root).no_deps().exec()?;
        let package = metadata.packages.iter().find(|package| package.name.as_str() == PROGRAMS[0]);
        let package = package.context("no such program")?;
        let pinned = package.rust_version.as_ref().context("Cargo.toml names no rust-version")?;
        let ours = said(Command::new("rustc").arg("--version").current_dir(root))?;
        ensure!(
            ours.split(' ').nth(1) == Some(&pinned.to_string()),
            "releases are built by Rust {pinned}, this is {ours}; run: RUSTUP_TOOLCHAIN={pinned} cargo xtask release"
        );
        Ok(Self {
            commit: git(&["rev-parse", "HEAD"])?,
            time: git(&["log", "-1", "--format=%ct"])?,
            version: package.version.to_string(),
        })
    }

    /// Builds both programs of the sources there into that directory, and looks for names of directories in them.
    fn build(&self, root: &Path, target: &Path) -> Result<Vec<PathBuf>> {
        let mut build = cargo_in(root, target, &self.time)?;
        run(build.args(["build", "--release", "--locked", "--target", TARGET]).args(packages()))?;
        let programs = PROGRAMS.iter().map(|program| target.join(TARGET).join("release").join(program));
        let programs: Vec<PathBuf> = programs.collect();
        let crates = cargo_home()?;
        for program in &programs {
            let found = directories_in(&fs::read(program)?, &[root, &crates])?;
            ensure!(found.is_empty(), "{} tells where it was built: {found:?}", program.display());
        }
        Ok(programs)
    }

    /// The same of a copy of the commit in another directory.
    fn build_elsewhere(&self, directory: &Path) -> Result<Vec<PathBuf>> {
        let sources = directory.join("a-directory-of-another-name");
        fs::create_dir_all(&sources).with_context(|| format!("making {}", sources.display()))?;
        let archive = directory.join("sources.tar");
        let (file, commit) = (format!("--output={}", archive.display()), self.commit.as_str());
        run(Command::new("git").args(["archive", &file, commit]).current_dir(root()))?;
        run(Command::new("tar").arg("--extract").arg("--file").arg(archive).arg("--directory").arg(&sources))?;
        self.build(&sources, &sources.join("target"))
    }

    /// Everything that has to be equal for equal programs.
    fn recipe(&self) -> Result<String> {
        let first = |program: &str| {
            let said = said(Command::new(program).arg("--version"))?;
            Ok::<_, anyhow::Error>(said.lines().next().unwrap_or_default().to_owned())
        };
        let (rust, cc, ld) = (first("rustc")?, first("cc")?, first("ld")?);
        let Self { commit, time, version } = self;
        Ok(format!(
            "version {version}\ncommit {commit}\nSOURCE_DATE_EPOCH {time}\ntarget {TARGET}\nrustc: {rust}\ncc: {cc}\nld: {ld}\n"
        ))
    }
}

fn packages() -> impl Iterator<Item = &'static str> {
    PROGRAMS.iter().flat_map(|program| ["--package", program])
}

/// The switch of `.ci/run` that spares its many programs a source of entropy. What is shipped has every source that aws-lc knows.
const ONE_SOURCE: &str = "AWS_LC_SYS_NO_JITTER_ENTROPY";

/// A cargo that tells of no directory of this machine and of no time but that of the commit, in whatever it builds.
fn cargo_in(sources: &Path, target: &Path, time: &str) -> Result<Command> {
    let sources_of = sources.canonicalize().with_context(|| format!("looking for {}", sources.display()))?;
    let places = [(sources_of, SOURCES), (cargo_home()?, CRATES)];
    let text = |path: &Path| path.to_str().map(str::to_owned).context("a directory whose name is not text");
    let (mut rust, mut c) = (Vec::new(), Vec::new());
    for (place, name) in &places {
        rust.push(format!("--remap-path-prefix={}={name}", text(place)?));
        c.push(format!("-ffile-prefix-map={}={name}", text(place)?));
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(sources).env("CARGO_TARGET_DIR", target).env("CARGO_BUILD_BUILD_DIR", target);
    for switch in ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", ONE_SOURCE] {
        cargo.env_remove(switch);
    }
    // Flags are separated by a byte that no path has.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", rust.join("\x1f")).env("CFLAGS", c.join(" "));
    cargo.env("SOURCE_DATE_EPOCH", time).env("CARGO_INCREMENTAL", "0");
    cargo.env("LC_ALL", "C").env("TZ", "UTC");
    Ok(cargo)
}

/// Where cargo keeps the sources of crates.
fn cargo_home() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    home.context("neither CARGO_HOME nor HOME is set")
}

/// The directories whose names are in these bytes.
fn directories_in<'a>(bytes: &[u8], directories: &[&'a Path]) -> Result<Vec<&'a Path>> {
    let mut found = Vec::new();
    for directory in directories {
        let name = directory.to_str().context("a directory whose name is not text")?.as_bytes();
        if bytes.windows(name.len()).any(|window| window == name) {
            found.push(*directory);
        }
    }
    Ok(found)
}

/// Compares what two builds made.
fn same(first: &[PathBuf], second: &[PathBuf]) -> Result<()> {
    for (one, other) in first.iter().zip(second) {
        let (ours, theirs) = (sha256(one)?, sha256(other)?);
        ensure!(ours == theirs, "{} is not the same when it is built elsewhere: {ours}, {theirs}", one.display());
        eprintln!("xtask: {} was built twice, and is the same: {ours}", one.display());
    }
    Ok(())
}

fn sha256(file: &Path) -> Result<String> {
    let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes the checksums of each file of the directory, by name.
fn write_sums(directory: &Path) -> Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))? {
        names.push(entry?.file_name().into_string().ok().context("a file whose name is not text")?);
    }
    names.sort();
    let lines = names.iter().map(|name| Ok(format!("{}  {name}\n", sha256(&directory.join(name))?)));
    let lines = lines.collect::<Result<String>>()?;
    fs::write(directory.join(SUMS), lines).context("writing the checksums")
}

/// Signs the checksums with that key: of a file, or, if the file holds its public half, of the agent of SSH.
fn sign(directory: &Path, key: &Path) -> Result<()> {
    run(Command::new("ssh-keygen").args(["-q", "-Y", "sign", "-n", NAMESPACE, "-f"]).arg(key).arg(directory.join(SUMS)))
}

/// The content of a command.
fn said(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("starting {program}"))?;
    ensure!(output.status.success(), "`{program}` failed ({})", output.status);
    Ok(String::from_utf8(output.stdout).context("not text")?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANUAL: &str = include_str!("../../docs/release.md");

    /// A directory with something to release.
    fn files() -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("chaveiro"), b"a program").expect("written");
        fs::write(directory.path().join(RECIPE), b"version 1\n").expect("written");
        write_sums(directory.path()).expect("sums");
        directory
    }

    /// A key without a passphrase, and the line that trusts it.
    fn key(directory: &Path, name: &str) -> (PathBuf, String) {
        let file = directory.join(name);
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file).status();
        assert!(made.expect("ssh-keygen runs; apt-get install openssh-client").success());
        let public = fs::read_to_string(file.with_extension("pub")).expect("its public half");
        (file, format!("releases@chaveiro namespaces=\"{NAMESPACE}\" {public}"))
    }

    /// The commands of the manual by which a user verifies.
    fn verifies(directory: &Path, signers: &str) -> bool {
        fs::write(directory.join("allowed_signers"), signers).expect("written");
        let chapter = MANUAL.split_once("## Verify").expect("a chapter").1;
        let commands = chapter.split_once("```sh\n").expect("commands").1.split_once("```").expect("an end").0;
        assert!(commands.contains("ssh-keygen") && commands.contains("sha256sum"), "{commands}");
        let script = format!("set -e\n{commands}");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).current_dir(directory).stdout(Stdio::null()).stderr(Stdio::null());
        shell.status().expect("it runs").success()
    }

    #[test]
    fn a_signed_release_verifies_by_the_manual_and_nothing_else_does() {
        let (keys, release) = (tempfile::tempdir().expect("a directory"), files());
        let (ours, trusted) = key(keys.path(), "ours");
        let (theirs, _) = key(keys.path(), "theirs");
        let directory = release.path();
        assert!(!verifies(directory, &trusted), "without a signature");
        sign(directory, &ours).expect("signed");
        assert!(verifies(directory, &trusted));
        assert!(!verifies(directory, &trusted.replace(NAMESPACE, "file")), "a key that is trusted for something else");

        fs::write(directory.join("chaveiro"), b"another program").expect("written");
        assert!(!verifies(directory, &trusted), "a file that was changed");
        fs::write(directory.join("chaveiro"), b"a program").expect("written");
        assert!(verifies(directory, &trusted));
        let sums = fs::read_to_string(directory.join(SUMS)).expect("sums");
        let shorter: String =
            sums.lines().filter(|line| !line.ends_with(RECIPE)).map(|line| format!("{line}\n")).collect();
        fs::write(directory.join(SUMS), shorter).expect("written");
        assert!(!verifies(directory, &trusted), "checksums that were changed");

        fs::write(directory.join(SUMS), sums).expect("written");
        fs::remove_file(directory.join("SHA256SUMS.sig")).expect("removed");
        sign(directory, &theirs).expect("signed");
        assert!(!verifies(directory, &trusted), "the key of a stranger");
    }

    /// A package with a program that tells where it was built, if it is allowed to.
    fn package(directory: &Path) {
        fs::create_dir_all(directory.join("src")).expect("made");
        for (name, contents) in [
            ("Cargo.toml", "[package]\nname = \"small\"\nversion = \"1.0.0\"\nedition = \"2024\"\n[workspace]\n"),
            (
                "build.rs",
                "fn main() { let made = std::path::Path::new(&std::env::var(\"OUT_DIR\").unwrap()).join(\"made.rs\");
                 std::fs::write(made, \"fn place() -> &'static str { std::panic::Location::caller().file() }\").unwrap() }",
            ),
            ("src/main.rs", "include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\nfn main() { panic!(\"{}\", place()) }"),
        ] {
            fs::write(directory.join(name), contents).expect("written");
        }
    }

    fn built(mut cargo: Command, directory: &Path) -> Vec<u8> {
        let cargo = cargo.current_dir(directory).args(["build", "--quiet", "--release", "--offline"]);
        cargo.args(["--config", "profile.release.strip=\"symbols\""]);
        assert!(cargo.status().expect("it runs").success());
        fs::read(directory.join("target/release/small")).expect("a program")
    }

    #[test]
    fn what_is_built_in_two_directories_is_the_same_and_names_neither() {
        let directory = tempfile::tempdir().expect("a directory");
        let places = ["one", "a-directory-of-another-name"].map(|name| directory.path().join(name));
        let named: Vec<&Path> = places.iter().map(PathBuf::as_path).collect();
        let programs = places.each_ref().map(|place| {
            package(place);
            built(cargo_in(place, &place.join("target"), "1800000000").expect("a command"), place)
        });
        assert!(programs[0] == programs[1], "the same bytes");
        assert_eq!(directories_in(&programs[0], &named).expect("text"), Vec::<&Path>::new());
        // Built as usual, it names the directory.
        let mut usual = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        for directory in ["CARGO_TARGET_DIR", "CARGO_BUILD_BUILD_DIR"] {
            usual.env(directory, places[0].join("target"));
        }
        assert_eq!(directories_in(&built(usual, &places[0]), &named).expect("text"), [named[0]]);
    }

    #[test]
    fn a_directory_in_the_bytes_of_a_program_is_found() {
        let bytes = b"\0src/main.rs\0/home/ana/chaveiro/crates/cli/src/main.rs\0";
        let (ana, eva) = (Path::new("/home/ana/chaveiro"), Path::new("/home/eva/chaveiro"));
        assert_eq!(directories_in(bytes, &[ana, eva]).expect("text"), [ana]);
    }

    #[test]
    fn the_checksums_name_each_file_once_in_order() {
        let release = files();
        let sums = fs::read_to_string(release.path().join(SUMS)).expect("sums");
        let names: Vec<&str> = sums.lines().filter_map(|line| line.split("  ").nth(1)).collect();
        assert_eq!(names, [RECIPE, "chaveiro"]);
        let mut check = Command::new("sha256sum");
        check.args(["--check", "--strict", "--quiet", SUMS]).current_dir(release.path());
        assert!(check.status().expect("it runs").success());
    }
}
