//! A Linux machine for tests: a system of its own below a directory, with an account and an encrypted disk, and the
//! real agent on it. Passwords are checked by crypt(3) of this system, disks by cryptsetup: neither is our code.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, LazyLock};

use chaveiro_core::ports::{Store, Unsealer};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_escrow::Keyring;
use chaveiro_store_sqlite::SqliteStore;

use super::{Server, run_json, text};

/// The password of `ana` before the first recovery.
pub const OLD_PASSWORD: &str = "old-password";
/// What the installer gave the disk; a person's own slot.
pub const PASSPHRASE: &str = "the passphrase of the installer";

/// crypt(3) of [`OLD_PASSWORD`], SHA-512.
const OLD_HASH: &str =
    "$6$abcdefghijklmnop$lZ8Jmb4dhHwgP.iKewaQpQdqSCRLvveC49/6Ld5z5jFB69JnsTTfw8ri5qflX63jWDJnhqEsXCWBe9HGnVXcZ.";

/// Where the agent is. It belongs to another package, so that it is built here, once.
pub static AGENT: LazyLock<PathBuf> = LazyLock::new(|| {
    let program = Path::new(env!("CARGO_BIN_EXE_chaveiro")).with_file_name("chaveiro-agent");
    let mut build = Command::new(env!("CARGO"));
    let target = program.ancestors().nth(2).expect("a target directory");
    // Of the whole workspace, as the tests are: for a package alone cargo would build everything below it once more.
    let built = build.args(["build", "--quiet", "--locked", "--workspace", "--bin", "chaveiro-agent"]);
    built.arg("--target-dir").arg(target);
    if program.parent().is_some_and(|directory| directory.ends_with("release")) {
        built.arg("--release");
    }
    assert!(built.status().expect("cargo runs").success());
    program
});

/// A freshly encrypted disk, made once and copied: opened by [`PASSPHRASE`], cheaply.
static DISK: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("disk");
    std::fs::File::create(&file).expect("made").set_len(2 << 20).expect("sized");
    let format = ["luksFormat", "--batch-mode", "--type", "luks2", "--pbkdf", "pbkdf2", "--key-file", "-"];
    let small = ["--pbkdf-force-iterations", "1000", "--luks2-keyslots-size", "1500k", "--offset", "4096"];
    assert!(cryptsetup(format.iter().chain(&small), &file, PASSPHRASE), "a disk was made");
    std::fs::read(file).expect("read")
});

fn cryptsetup<'a>(arguments: impl IntoIterator<Item = &'a &'a str>, file: &Path, input: &str) -> bool {
    let mut command = Command::new("cryptsetup");
    command.args(arguments).arg(file).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = command.spawn().expect("cryptsetup runs; apt-get install cryptsetup-bin");
    running.stdin.take().expect("its input").write_all(input.as_bytes()).expect("written");
    running.wait().expect("it ends").success()
}

pub struct Machine {
    pub directory: tempfile::TempDir,
}

impl Machine {
    /// A machine with its own system directory and state.
    pub fn new() -> Self {
        Self::in_directory(&std::env::temp_dir())
    }

    /// A machine whose files are below that directory.
    pub fn in_directory(parent: &Path) -> Self {
        let directory = tempfile::tempdir_in(parent).expect("a directory");
        let root = directory.path().join("root");
        let shadow =
            format!("root:*:19000:0:99999:7:::\nana:{OLD_HASH}:19000:0:99999:7:::\nbob:*:19000:0:99999:7:::\n");
        for (name, contents) in [
            ("etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
            ("etc/os-release", "VERSION_ID=\"12\"\n"),
            ("etc/hostname", "ana-laptop\n"),
            ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nana:x:1000:1000:Ana Souza,,,:/home/ana:/bin/sh\n"),
            ("etc/shadow", &shadow),
            // The cheapest cost: each password is hashed and checked many times.
            ("etc/login.defs", "ENCRYPT_METHOD YESCRYPT\nYESCRYPT_COST_FACTOR 1\n"),
            (
                "etc/chaveiro-agent.toml",
                "account = \"ana\"\nvolumes = [\"/disk.img\"]\nkdf = \"pbkdf2\"\npbkdf2_iterations = 1000\n",
            ),
            ("usr/sbin/unix_chkpwd", ""),
            ("proc/sys/kernel/arch", "aarch64\n"),
            ("proc/meminfo", "MemTotal:       16384000 kB\n"),
            ("sys/class/dmi/id/sys_vendor", "Contoso\n"),
            ("sys/class/dmi/id/product_name", "Laptop 9\n"),
            ("sys/class/dmi/id/product_serial", "SN-42\n"),
            ("sys/class/net/wlan0/address", "00:15:5d:a1:b2:c4\n"),
            ("sys/class/net/wlan0/device/uevent", ""),
            ("sys/class/net/wlan0/phy80211/name", "phy0\n"),
            (
                "var/lib/dpkg/status",
                "Package: editor\nStatus: install ok installed\nVersion: 9.1\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
            ),
        ] {
            let file = root.join(name);
            std::fs::create_dir_all(file.parent().expect("a parent")).expect("made");
            std::fs::write(file, contents).expect("written");
        }
        std::fs::write(root.join("disk.img"), &*DISK).expect("written");
        Self { directory }
    }

    /// One that is enrolled, whose agent has its key slot, and whose disk has its first passcode in escrow.
    pub fn ready(server: &Server) -> Self {
        let machine = Self::new();
        machine.make_ready(server);
        machine
    }

    /// Enrols it, gives its agent a key slot, and has the first passcode of its disk escrowed.
    pub fn make_ready(&self, server: &Server) {
        let enrolled = self.enroll(server);
        assert!(enrolled.status.success(), "{}", text(&enrolled.stderr));
        self.escrow();
        self.run(&["sync"]);
    }

    /// The agent gets its key slot.
    pub fn escrow(&self) {
        let file = self.directory.path().join("passphrase");
        std::fs::write(&file, PASSPHRASE).expect("written");
        self.run(&["escrow", "--accept-open-disk", "--passphrase-file", file.to_str().expect("text")]);
    }

    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    pub fn agent(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&*AGENT);
        command.env("LC_ALL", "C.UTF-8").env_remove("CHAVEIRO_LANG").args(arguments).stdin(Stdio::null());
        command.arg("--root").arg(self.root()).arg("--state").arg(self.state());
        command
    }

    pub fn try_run(&self, arguments: &[&str]) -> Output {
        self.agent(arguments).output().expect("it runs")
    }

    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.try_run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// One session in which the agent is killed at that step, if it comes to it; says whether it was.
    pub fn sync_and_die_at(&self, step: &str) -> bool {
        let output = self.agent(&["sync"]).env("CHAVEIRO_AGENT_DIE_AT", step).output().expect("it runs");
        std::os::unix::process::ExitStatusExt::signal(&output.status) == Some(9)
    }

    /// The service, in the background; killed when dropped.
    pub fn service(&self) -> Service {
        let child = self.agent(&["run"]).stderr(Stdio::piped()).spawn().expect("it starts");
        Service(child)
    }

    pub fn enroll(&self, server: &Server) -> Output {
        let token = run_json(&server.data, &["device", "enroll-token"])["token"].as_str().expect("a token").to_owned();
        self.try_enroll(server, &token)
    }

    /// Enrols with a token that was made for that device: a machine that left shows nothing else that it is the same.
    pub fn enroll_as(&self, server: &Server, device: &str) -> Output {
        let made = run_json(&server.data, &["device", "enroll-token", "--replace", device]);
        self.try_enroll(server, made["token"].as_str().expect("a token"))
    }

    pub fn try_enroll(&self, server: &Server, token: &str) -> Output {
        let root = server.data.join("keys/ca/root.pem");
        let root = root.to_str().expect("text");
        self.try_run(&["enroll", &server.device_url, "--token", token, "--root-certificate", root])
    }

    pub fn locks(&self) -> Locks {
        Locks { shadow: self.root().join("etc/shadow"), disk: self.root().join("disk.img"), _copy: None }
    }
}

/// The two locks as they are now, or as they were when they were copied.
pub struct Locks {
    shadow: PathBuf,
    disk: PathBuf,
    _copy: Option<tempfile::TempDir>,
}

impl Locks {
    /// As they are at this moment.
    pub fn copied(&self) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let [shadow, disk] = ["shadow", "disk"].map(|name| directory.path().join(name));
        std::fs::copy(&self.shadow, &shadow).expect("copied");
        std::fs::copy(&self.disk, &disk).expect("copied");
        Self { shadow, disk, _copy: Some(directory) }
    }

    /// Whether that is the password of `ana`, by crypt(3) of this system.
    pub fn password_opens(&self, password: &str) -> bool {
        let shadow = std::fs::read_to_string(&self.shadow).expect("read");
        let hash = shadow.lines().find_map(|line| line.strip_prefix("ana:")?.split(':').next()).expect("a hash");
        let script = "exit(crypt($ARGV[0], $ARGV[1]) eq $ARGV[1] ? 0 : 1)";
        Command::new("perl").args(["-e", script, "--", password, hash]).status().expect("perl runs").success()
    }

    /// Whether that opens the disk, by cryptsetup.
    pub fn passphrase_opens(&self, passphrase: &str) -> bool {
        cryptsetup(&["open", "--test-passphrase", "--key-file", "-"], &self.disk, passphrase)
    }
}

/// `chaveiro-agent run`.
pub struct Service(pub Child);

impl Service {
    /// SIGTERM, and waits; whether it ended well.
    pub fn stop(mut self) -> bool {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told");
        self.0.wait().expect("it ends").success()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Every passcode that the escrow holds, also those that are never shown. A person with the server's keys could still
/// open them.
pub async fn escrowed(data: &Path) -> Vec<String> {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(data).expect("a store"));
    let keyring = Keyring::open(&data.join("keys/escrow")).expect("keys");
    let secrets = store.read(|view| {
        let tenant = view.tenants()?.remove(0).id;
        let page = chaveiro_core::query::Listing::first(100);
        let devices = view.devices(tenant, chaveiro_core::ports::DeviceScope::all(), &Visibility::All, &page)?.items;
        let mut secrets = Vec::new();
        for device in devices {
            for action in view.actions(tenant, device.id, 1000)? {
                secrets.extend(view.secrets(tenant, action.id)?);
            }
        }
        Ok(secrets)
    });
    let secrets = secrets.await.expect("read");
    let open = |secret: chaveiro_core::escrow::EscrowedSecret| {
        let passcode = keyring.unseal(&secret.context, &secret.envelope?).expect("it opens");
        Some(passcode.expose_secret().to_owned())
    };
    secrets.into_iter().filter_map(open).collect()
}
