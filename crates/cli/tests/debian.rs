//! The Debian packages in a fresh Debian that systemd has booted: installed, upgraded with data, removed, purged.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use chaveiro_core::digest::sha256_hex;
use serde_json::Value;

use crate::durable::aged;
use crate::support::machine::AGENT;
use crate::support::{chaveiro, text};

/// The release of Debian in which the packages are tried.
const RELEASE: &str = "bookworm";

/// The packages that are there before ours: the system, and what ours depend on.
const INCLUDED: &str = "--include=systemd,adduser,ca-certificates,cryptsetup-bin,libpam-modules-bin";

const DATA: &str = "/var/lib/chaveiro";
const CONFIGURATION: &str = "/etc/chaveiro/chaveiro.toml";

/// The version that is upgraded from.
const BEFORE: &str = "0.0.9-1";

fn succeeds(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output();
    let output =
        output.unwrap_or_else(|error| panic!("{command:?}: {error}; `cargo xtask test` installs what is missing"));
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    output
}

/// An archive of the fresh Debian, which is fetched once and kept below the target directory.
static SYSTEM: LazyLock<PathBuf> = LazyLock::new(|| {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian");
    std::fs::create_dir_all(&place).expect("a directory");
    let lock = std::fs::File::create(place.join("lock")).expect("a file");
    lock.lock().expect("one at a time");
    // The directory may be older than what is wanted in it now.
    let wanted = &sha256_hex(INCLUDED.as_bytes())[..12];
    let system = place.join(format!("{RELEASE}-{wanted}.tar"));
    if !system.exists() {
        eprintln!("debian: fetching {RELEASE} into {}", system.display());
        let unfinished = place.join("unfinished.tar");
        succeeds(Command::new("mmdebstrap").args(["--quiet", "--variant=apt", INCLUDED, RELEASE]).arg(&unfinished));
        std::fs::rename(&unfinished, &system).expect("renamed");
    }
    system
});

/// A directory with the packages of the programs under test, and `before.deb`, the server of the version before.
static PACKAGES: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    assert!(AGENT.exists(), "the agent is built");
    let directory = tempfile::tempdir().expect("a directory");
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workspace).args(["xtask", "package", "--fast", "--output"]).arg(directory.path());
    succeeds(&mut cargo);
    let unpacked = directory.path().join("unpacked");
    succeeds(
        Command::new("dpkg-deb").arg("--raw-extract").arg(package(directory.path(), "chaveiro-server")).arg(&unpacked),
    );
    let control = unpacked.join("DEBIAN/control");
    let fields = std::fs::read_to_string(&control).expect("its fields");
    let older = |line: &str| if line.starts_with("Version: ") { format!("Version: {BEFORE}") } else { line.to_owned() };
    let fields: Vec<_> = fields.lines().map(older).collect();
    std::fs::write(control, fields.join("\n") + "\n").expect("written");
    let before = directory.path().join("before.deb");
    succeeds(
        Command::new("dpkg-deb").args(["-Zgzip", "-z1", "--root-owner-group", "--build"]).arg(&unpacked).arg(before),
    );
    std::fs::remove_dir_all(unpacked).expect("removed");
    directory
});

/// The file of that package.
fn package(directory: &Path, name: &str) -> PathBuf {
    let mut files = std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    let begins = format!("{name}_");
    let found = files.find(|file| file.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&begins)));
    found.unwrap_or_else(|| panic!("{name} in {}", directory.display()))
}

/// A fresh Debian with the packages in `/packages`. It ends when it is dropped.
struct Debian {
    directory: tempfile::TempDir,
    container: Child,
    /// The process id of its systemd.
    init: u32,
}

impl Debian {
    fn boot() -> Self {
        assert!(rustix::process::geteuid().is_root(), "systemd-nspawn needs root");
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().join("root");
        std::fs::create_dir(&root).expect("made");
        succeeds(Command::new("tar").arg("--extract").arg("--file").arg(&*SYSTEM).arg("--directory").arg(&root));
        succeeds(Command::new("cp").arg("-r").arg(PACKAGES.path()).arg(root.join("packages")));
        let mut boot = Command::new("systemd-nspawn");
        boot.args(["--quiet", "--boot", "--register=no", "--keep-unit", "--private-network", "--link-journal=no"]);
        boot.args(["--console=pipe", "--directory"]).arg(&root);
        boot.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let container = boot.spawn().expect("systemd-nspawn; `cargo xtask test` installs what is missing");
        let mut debian = Self { directory, container, init: 0 };
        let begun = Instant::now();
        while !debian.is_up() {
            assert!(begun.elapsed() < Duration::from_secs(120), "Debian has not come up");
            std::thread::sleep(Duration::from_millis(200));
        }
        debian
    }

    fn is_up(&mut self) -> bool {
        let children = format!("/proc/{0}/task/{0}/children", self.container.id());
        let children = std::fs::read_to_string(children).unwrap_or_default();
        let Some(init) = children.split_whitespace().next().and_then(|pid| pid.parse().ok()) else { return false };
        self.init = init;
        let named = std::fs::read_to_string(format!("/proc/{init}/comm")).unwrap_or_default();
        named.trim() == "systemd" && self.attempt("systemctl is-active --quiet multi-user.target").status.success()
    }

    /// Runs a line of shell inside, as root.
    fn attempt(&self, line: &str) -> Output {
        let mut enter = Command::new("nsenter");
        enter.args(["--target", &self.init.to_string(), "--all", "--", "/usr/bin/env", "-i"]);
        enter.args(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]);
        enter.args(["sh", "-c", line]).stdin(Stdio::null()).output().expect("nsenter runs")
    }

    /// The same, which must succeed; everything that it said.
    fn run(&self, line: &str) -> String {
        let output = self.attempt(line);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
        said
    }

    /// Runs the command as the user of the server; its JSON.
    fn chaveiro(&self, arguments: &str) -> Value {
        let said = self.run(&format!("runuser -u chaveiro -- chaveiro {arguments} --json"));
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{arguments}: {error}: {said}"))
    }

    fn is(&self, condition: &str) -> bool {
        self.attempt(condition).status.success()
    }

    /// A path of the container, as seen from here.
    fn path(&self, inside: &str) -> PathBuf {
        self.directory.path().join("root").join(inside.trim_start_matches('/'))
    }

    fn install(&self, name: &str) -> String {
        let file = package(PACKAGES.path(), name);
        self.run(&format!("dpkg --install /packages/{}", file.file_name().expect("a name").to_string_lossy()))
    }

    /// The process of the service, once the server answers.
    fn serving(&self) -> String {
        let begun = Instant::now();
        while !self.is("runuser -u chaveiro -- chaveiro device list") {
            assert!(begun.elapsed() < Duration::from_secs(60), "{}", self.run("journalctl --no-pager --unit chaveiro"));
            std::thread::sleep(Duration::from_millis(200));
        }
        self.run("systemctl show --property MainPID --value chaveiro")
    }
}

impl Drop for Debian {
    fn drop(&mut self) {
        // Everything inside ends with its first process.
        if let Some(init) = i32::try_from(self.init).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(init, rustix::process::Signal::KILL);
        } else {
            let _ = self.container.kill();
        }
        let _ = self.container.wait();
    }
}

#[test]
fn the_server_is_installed_upgraded_with_its_data_removed_and_purged() {
    let debian = Debian::boot();

    let said = debian.run("dpkg --install /packages/before.deb");
    assert!(said.contains("sudo -u chaveiro chaveiro init"), "{said}");
    assert!(debian.is("systemctl is-enabled --quiet chaveiro") && !debian.is("systemctl is-active --quiet chaveiro"));
    assert_eq!(
        debian.run(&format!("stat --format '%U %G %a' {DATA} {CONFIGURATION}")),
        "chaveiro chaveiro 700\nroot chaveiro 640\n"
    );

    debian.chaveiro("init --name Contoso");
    let written = std::fs::read_to_string(debian.path(CONFIGURATION)).expect("the configuration");
    std::fs::write(debian.path(CONFIGURATION), format!("{written}\ngraph-listen = \"127.0.0.1:9443\"\n"))
        .expect("written");
    aged(&debian.path(DATA), 8);
    debian.run(&format!("chown --recursive --no-dereference chaveiro:chaveiro {DATA}"));

    debian.install("chaveiro-server");
    let first = debian.serving();
    assert_eq!(debian.chaveiro("tenant list").as_array().map(Vec::len), Some(1), "the tenant of before");
    let running = std::fs::read_to_string(debian.path(&format!("{DATA}/server.lock"))).expect("the lock");
    assert!(running.contains(":9443"), "the configuration of before is in force: {running}");

    debian.chaveiro("app register helpdesk --permission DeviceManagementManagedDevices.Read.All");
    debian.install("chaveiro-server");
    assert_ne!(debian.serving(), first, "the new program runs");
    let apps = debian.chaveiro("app list");

    debian.run("dpkg --remove chaveiro-server");
    assert!(!debian.is("systemctl is-active --quiet chaveiro") && !debian.is("command -v chaveiro"));
    debian.install("chaveiro-server");
    debian.serving();
    assert_eq!(debian.chaveiro("app list"), apps, "what was there is there again");

    let said = debian.run("dpkg --purge chaveiro-server");
    assert!(said.contains("it is kept"), "{said}");
    assert!(debian.is(&format!("test -s {DATA}/chaveiro.db && test -d {DATA}/keys && id chaveiro")));
    for gone in ["/etc/chaveiro", "/usr/lib/systemd/system/chaveiro.service", "/usr/bin/chaveiro"] {
        assert!(!debian.is(&format!("test -e {gone}")), "{gone}");
    }

    debian.run(&format!("mv {DATA}/chaveiro.db /root/"));
    debian.install("chaveiro-server");
    debian.run("dpkg --purge chaveiro-server");
    assert!(debian.is(&format!("test -d {DATA}/keys")), "the keys of a database that is elsewhere stay");

    debian.run(&format!("rm -r {DATA}"));
    debian.install("chaveiro-server");
    debian.run("dpkg --purge chaveiro-server");
    assert!(!debian.is(&format!("test -e {DATA}")) && !debian.is("id chaveiro"), "without an escrow nothing stays");
}

#[test]
fn the_command_line_has_a_page_for_each_verb_and_gives_way_to_the_server() {
    let debian = Debian::boot();
    debian.install("chaveiro");
    assert!(debian.run("chaveiro --version").starts_with("chaveiro "));

    let pages = tempfile::tempdir().expect("a directory");
    assert!(chaveiro().args(["man", "--directory"]).arg(pages.path()).status().expect("it runs").success());
    let pages = std::fs::read_dir(pages.path()).expect("the pages").map(|page| page.expect("a page").file_name());
    let pages: Vec<String> = pages.map(|page| page.into_string().expect("a name")).collect();
    for page in ["chaveiro.1", "chaveiro-recover.1", "chaveiro-keys-list.1"] {
        assert!(pages.contains(&page.to_owned()), "{page} in {pages:?}");
    }
    for page in &pages {
        for folder in ["man1", "pt_BR/man1"] {
            assert!(debian.is(&format!("test -s /usr/share/man/{folder}/{page}.gz")), "{folder}/{page}");
        }
    }
    for completions in [
        "bash-completion/completions/chaveiro",
        "zsh/vendor-completions/_chaveiro",
        "fish/vendor_completions.d/chaveiro.fish",
    ] {
        assert!(debian.is(&format!("grep -q CHAVEIRO_COMPLETE /usr/share/{completions}")), "{completions}");
    }

    let server = package(PACKAGES.path(), "chaveiro-server");
    let server = server.file_name().expect("a name").to_string_lossy();
    debian.run(&format!("apt-get install --yes --no-install-recommends /packages/{server}"));
    assert!(debian.is("dpkg --status chaveiro-server | grep -q '^Status: install ok installed'"));
    assert!(!debian.is("dpkg --status chaveiro | grep -q '^Status: install ok installed'"));
    assert!(debian.run("chaveiro --version").starts_with("chaveiro "));
}

#[test]
fn the_agent_is_installed_and_purged_and_waits_for_its_enrolment() {
    let debian = Debian::boot();
    let said = debian.install("chaveiro-agent");
    assert!(said.contains("chaveiro-agent enroll"), "{said}");
    assert!(debian.is("systemctl is-enabled --quiet chaveiro-agent"));
    assert!(!debian.is("systemctl is-active --quiet chaveiro-agent"), "there is nothing to do yet");
    debian.run("chaveiro-agent doctor || test $? = 1");
    debian.run("dpkg --purge chaveiro-agent");
    for gone in ["/etc/chaveiro-agent.toml", "/var/lib/chaveiro-agent", "/usr/bin/chaveiro-agent"] {
        assert!(!debian.is(&format!("test -e {gone}")), "{gone}");
    }
}
