//! A PostgreSQL that the tests start themselves.
//!
//! It lives in a temporary directory, listens on a socket in it alone, and keeps nothing durably. PostgreSQL refuses to run
//! as root, so root starts it as the user `postgres` of Debian's package.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio_postgres::{Config, NoTls};

/// The settings of a server that is thrown away.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_connections=200",
    "shared_buffers=64MB",
    "autovacuum=off",
    "jit=off",
];

/// A running server.
pub(crate) struct Cluster {
    directory: TempDir,
    server: Child,
    port: u16,
}

/// The number in the name of the socket of a server without a port of its own.
const PORT: u16 = 5432;

/// Returns the directory with the newest server programs: Debian keeps them outside of the path.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").map(|entries| entries.flatten().collect::<Vec<_>>());
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let versions = versions.unwrap_or_default().into_iter().map(|entry| entry.path());
    let newest = versions.filter(|path| path.join("bin/initdb").exists()).max_by_key(|path| number(path));
    newest.expect("PostgreSQL is installed (Debian: apt-get install postgresql)").join("bin")
}

/// Returns the user and the group that run the server when the tests run as root.
fn unprivileged() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let accounts = std::fs::read_to_string("/etc/passwd").expect("accounts");
    let account = accounts.lines().find(|line| line.starts_with("postgres:")).expect("the user postgres");
    let numbers: Vec<u32> =
        account.split(':').skip(2).take(2).map(|number| number.parse().expect("a number")).collect();
    Some((numbers[0], numbers[1]))
}

fn command(program: &str) -> Command {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(programs().join(program));
    command.env_remove("PGDATA").stdin(Stdio::null()).stdout(Stdio::null()).current_dir("/");
    if let Some((user, group)) = unprivileged() {
        command.uid(user).gid(group);
    }
    command
}

impl Cluster {
    /// Starts a server with these files in its data, and with these settings beside the usual.
    pub(crate) fn start(files: &[(&str, &str)], settings: &[&str], port: u16) -> Self {
        let directory = tempfile::Builder::new().prefix("pg").tempdir().expect("a directory");
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o711)).expect("permissions");
        if let Some((user, group)) = unprivileged() {
            chown(directory.path(), Some(user), Some(group)).expect("owner");
        }
        let data = directory.path().join("data");
        let made = command("initdb")
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(&data)
            .status();
        assert!(made.expect("initdb").success(), "initdb failed");
        for (name, text) in files {
            let file = data.join(name);
            std::fs::write(&file, text).expect("written");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("permissions");
            if let Some((user, group)) = unprivileged() {
                chown(&file, Some(user), Some(group)).expect("owner");
            }
        }
        let mut server = command("postgres");
        server.arg("-D").arg(&data).arg("-k").arg(directory.path());
        server.args(SETTINGS.iter().chain(settings).flat_map(|setting| ["-c", setting])).stderr(Stdio::null());
        server.arg("-p").arg(port.to_string());
        let cluster = Self { directory, server: server.spawn().expect("postgres"), port };
        cluster.wait();
        cluster
    }

    fn wait(&self) {
        for _ in 0..600 {
            if runtime().block_on(self.config("postgres").connect(NoTls)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL did not start");
    }

    /// Returns the address of a database.
    pub(crate) fn address(&self, database: &str) -> String {
        format!("host={} port={} user=postgres dbname={database}", self.directory.path().display(), self.port)
    }

    fn config(&self, database: &str) -> Config {
        self.address(database).parse().expect("an address")
    }

    /// Runs statements in the database `postgres`.
    pub(crate) fn run(&self, sql: &str) {
        self.run_in("postgres", sql);
    }

    /// Runs a statement in another way, and returns the code of its fault.
    pub(crate) fn try_as(&self, config: &Config, sql: &str) -> Option<String> {
        runtime().block_on(async {
            let (client, connection) = config.connect(NoTls).await.expect("connected");
            tokio::spawn(connection);
            Some(client.batch_execute(sql).await.err()?.code()?.code().to_owned())
        })
    }

    /// Runs statements in that database.
    pub(crate) fn run_in(&self, database: &str, sql: &str) {
        runtime().block_on(async {
            let (client, connection) = self.config(database).connect(NoTls).await.expect("connected");
            tokio::spawn(connection);
            client.batch_execute(sql).await.expect(sql);
        });
    }

    /// Ends the server at once: nothing of it is kept.
    fn end(&self) {
        let id = rustix::process::Pid::from_child(&self.server);
        let _ = rustix::process::kill_process(id, rustix::process::Signal::QUIT);
        let _ = rustix::process::waitpid(Some(id), rustix::process::WaitOptions::empty());
    }

    /// Makes a database, a copy of that one, and returns its name.
    pub(crate) fn fresh(&self, template: &str) -> String {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("case_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
        name
    }
}

/// Removes a database.
pub(crate) fn remove(database: &str) {
    cluster().run(&format!("DROP DATABASE {database} WITH (FORCE)"));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();

/// Returns the server of this test program, which is started by the first call.
pub(crate) fn cluster() -> &'static Cluster {
    CLUSTER.get_or_init(|| Cluster::start(&[], &[], PORT))
}

/// Ends the server of this test program: a static is never dropped.
pub(crate) fn stop() {
    if let Some(cluster) = CLUSTER.get() {
        cluster.end();
        let _ = std::fs::remove_dir_all(cluster.directory.path());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
    }
}
