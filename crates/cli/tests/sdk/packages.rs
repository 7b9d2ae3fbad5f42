//! Packages of Python, Node and Java for tests: exactly those of a committed lock file (for Java, which has none: of the
//! versions that `pom.xml` names), installed once below `sdk` of cargo's build directory into a directory that is named after the hash of that file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use chaveiro_core::digest::sha256_hex;

use super::support::text;

/// Where the scripts and the lock files are.
pub const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk");

/// A program that ends after seconds does not gain what the second compiler of the JVM and a collector with threads cost.
const BRIEF: [&str; 2] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

/// Written last: what was interrupted is begun anew.
const COMPLETE: &str = "complete";

/// The interpreter of a virtual environment with the packages of `tests/sdk/NAME/requirements.txt`.
pub fn python(name: &str) -> PathBuf {
    let lock = format!("{SCRIPTS}/{name}/requirements.txt");
    let directory = installed(name, &lock, |directory| {
        run(&lock, Command::new("python3").args(["-m", "venv"]).arg(directory));
        // Byte-compiling some ten thousand files takes longer than everything else.
        let mut pip = Command::new(directory.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "-r", &lock]);
        run(&lock, &mut pip);
    });
    directory.join("bin/python")
}

/// A directory with the scripts of `tests/sdk/javascript` beside the packages that they use.
pub fn node() -> PathBuf {
    let directory = npm("javascript", "node");
    for name in ["recover.mjs", "checks.mjs"] {
        copy(&format!("javascript/{name}"), &directory);
    }
    directory
}

/// The program that opens an OpenAPI document, beside the readers that it uses.
pub fn openapi() -> PathBuf {
    let directory = npm("openapi", "openapi");
    copy("openapi/openapi.mjs", &directory);
    directory.join("openapi.mjs")
}

/// The program `m365`: CLI for Microsoft 365.
pub fn m365() -> PathBuf {
    npm("m365", "m365").join("node_modules/.bin/m365")
}

/// A directory with the packages of that lock file.
fn npm(scripts: &str, name: &str) -> PathBuf {
    let lock = format!("{SCRIPTS}/{scripts}/package-lock.json");
    installed(name, &lock, |directory| {
        std::fs::create_dir_all(directory).expect("made");
        for file in ["package.json", "package-lock.json", ".npmrc"] {
            copy(&format!("{scripts}/{file}"), directory);
        }
        let mut npm = Command::new("npm");
        run(&lock, npm.args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(directory));
    })
}

/// The packages of `tests/sdk/java/pom.xml`, and the programs beside it, compiled against them.
pub fn java() -> Java {
    let lock = format!("{SCRIPTS}/java/pom.xml");
    let directory = installed("java", &lock, |directory| {
        let mut maven = Command::new("mvn");
        maven.args(["--quiet", "--batch-mode", "--file", &lock, "dependency:copy-dependencies"]);
        run(&lock, maven.arg(format!("-DoutputDirectory={}", directory.join("lib").display())));
    });
    let java = Java { directory };
    let mut compiler = Command::new("javac");
    compiler.args(BRIEF.map(|option| format!("-J{option}")));
    compiler.arg("-cp").arg(java.path("lib/*")).arg("-d").arg(java.path("classes"));
    run(&lock, compiler.args(["Recover", "Checks"].map(|name| format!("{SCRIPTS}/java/{name}.java"))));
    java
}

/// The program of `tests/sdk/go`, or its checks, compiled. The first time takes long: the SDK is one of the largest Go
/// modules that there are.
pub fn go(arguments: &[&str], name: &str) -> PathBuf {
    let program = kept().join("sdk/go").join(name);
    let mut compiler = Command::new("go");
    compiler.args(arguments).arg("-o").arg(&program).arg(".").current_dir(format!("{SCRIPTS}/go"));
    let output = compiler.output().unwrap_or_else(|error| panic!("Go 1.25 or newer is needed: {error}"));
    assert!(output.status.success(), "{compiler:?}: {}", text(&output.stderr));
    program
}

/// Compiled programs, and the packages that they use.
pub struct Java {
    directory: PathBuf,
}

impl Java {
    /// A compiled program.
    pub fn program(&self, root: &Path, name: &str) -> Command {
        let mut java = self.command(root, &["classes", "lib/*"]);
        java.arg(name);
        java
    }

    /// A program from its source, as the launcher of Java runs single files.
    pub fn source(&self, root: &Path, name: &str) -> Command {
        let mut java = self.command(root, &["lib/*"]);
        java.arg(format!("{SCRIPTS}/java/{name}.java"));
        java
    }

    /// Trusts that root certificate.
    fn command(&self, root: &Path, class_path: &[&str]) -> Command {
        let store = root.with_extension("p12");
        if !store.exists() {
            let mut keytool = Command::new("keytool");
            keytool.args(BRIEF.map(|option| format!("-J{option}")));
            keytool.args(["-importcert", "-noprompt", "-alias", "chaveiro", "-storepass", "changeit", "-file"]);
            run("a trust store", keytool.arg(root).arg("-keystore").arg(&store));
        }
        let mut java = Command::new("java");
        java.args(BRIEF).arg(format!("-Djavax.net.ssl.trustStore={}", store.display()));
        java.args(["-Djavax.net.ssl.trustStorePassword=changeit", "-cp"]);
        java.arg(class_path.iter().map(|name| self.path(name).display().to_string()).collect::<Vec<_>>().join(":"));
        java
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Copies a file of `tests/sdk`.
fn copy(name: &str, directory: &Path) {
    let from = Path::new(SCRIPTS).join(name);
    let to = directory.join(from.file_name().expect("a name"));
    std::fs::copy(&from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

/// Returns the directory that was installed from that lock file, and installs it if there is none.
fn installed(name: &str, lock: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let bytes = std::fs::read(lock).unwrap_or_else(|error| panic!("{lock}: {error}"));
    let hash = &sha256_hex(&bytes)[..12];
    let place = kept().join("sdk");
    let directory = place.join(format!("{name}-{hash}"));
    std::fs::create_dir_all(&place).expect("made");
    // Two tests, in this process or in another, must not install the same.
    let installing = File::create(place.join(format!("{name}.lock"))).expect("a lock file");
    installing.lock().expect("locked");
    if !directory.join(COMPLETE).exists() {
        let _ = std::fs::remove_dir_all(&directory);
        install(&directory);
        std::fs::write(directory.join(COMPLETE), "").expect("written");
    }
    directory
}

/// The directory of what other builds can take over, by the place of cargo's temporary files.
fn kept() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's build directory")
}

fn run(lock: &str, command: &mut Command) {
    let advice = format!(
        "The packages of {lock} could not be installed. They are needed to run the official clients against the server: \
         `cargo xtask test` installs python3, python3-venv, nodejs, npm, maven and a JDK; the package indexes that pip, npm \
         and mvn are configured for must be reachable the first time."
    );
    let output = command.output().unwrap_or_else(|error| panic!("{advice}\n{command:?}: {error}"));
    let said = || format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{advice}\n{command:?}: {}", said());
}
