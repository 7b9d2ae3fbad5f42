//! The data directory: its files, and the processes that may use it.
//!
//! ```text
//! chaveiro.db            the database
//! chaveiro.mark          how far the database had come when the last caller was answered
//! chaveiro.toml          the configuration
//! server.lock            held by the running server; says where it listens
//! keys/ca/               root certificate and key of the embedded authority
//! keys/escrow/           per tenant: recipients and private key
//! keys/issuer/           signing keys of the local issuer
//! keys/audit.key         signs checkpoints of the audit chain
//! keys/audit.succession  links from older audit keys to that one
//! keys/rows.key          authenticates rows that grant something
//! keys/device-credentials.key   derives the OMA-DM credentials of devices
//! ```

use std::fs::{File, OpenOptions, Permissions};
use std::future::Future;
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chaveiro_audit::{Signer, SignerError};
use chaveiro_auth::{IssuerKeys, KeyError};
use chaveiro_core::Timestamp;
use chaveiro_core::ports::{Entropy, Store, StoreError};
use chaveiro_escrow::{Keyring, KeyringError};
use chaveiro_keyfile::{self as keyfile, KeyFileError};
use chaveiro_mdm::{CaError, CertificateAuthority, DeviceCredentials};
use chaveiro_store_sqlite::{Doubt, FILE_NAME, OpenError, Options, ReadOnly, SqliteStore};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::config_reference;
use crate::inventory::{Inventory, InventoryError, hand_of_system};

/// The reason why the data directory cannot be used, and the remedy.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// The directory does not exist.
    #[error("the data directory {} does not exist; make it with: chaveiro init --data {}", .0.display(), .0.display())]
    Missing(PathBuf),
    /// The directory holds no database.
    #[error("{} is not a data directory of Chaveiro; make one with: chaveiro init --data {}", .0.display(), .0.display())]
    NotInitialised(PathBuf),
    /// The directory holds a database already.
    #[error("{} is already a data directory of Chaveiro; use it as it is, or name another", .0.display())]
    AlreadyInitialised(PathBuf),
    /// Users other than the owner may enter the directory.
    #[error("the data directory {} is accessible to others (mode {mode:o}); if no other user has read it, run: chmod 700 {}", directory.display(), directory.display())]
    TooOpen {
        /// The directory.
        directory: PathBuf,
        /// The permission bits of the directory.
        mode: u32,
    },
    /// The directory belongs to another user than the one who runs this. New files would belong to that one, and the
    /// server could not read them.
    #[error("the data directory {} belongs to user {owner}, and this runs as user {runs_as}; run it as its owner", directory.display())]
    OtherOwner {
        /// The directory.
        directory: PathBuf,
        /// The number of its owner.
        owner: u32,
        /// The number of the user who runs this.
        runs_as: u32,
    },
    /// A file of the directory belongs to another user than the directory, and cannot be used for that reason.
    #[error("{} belongs to user {owner}, not to the owner of the data directory; run as root: chown -R {} {}", file.display(), of_directory, directory.display())]
    ForeignFile {
        /// The file.
        file: PathBuf,
        /// The number of its owner.
        owner: u32,
        /// The directory.
        directory: PathBuf,
        /// The number of the directory's owner.
        of_directory: u32,
    },
    /// `init` was interrupted there.
    #[error("the data directory {} is incomplete; finish it with: chaveiro init --data {}", .0.display(), .0.display())]
    Unfinished(PathBuf),
    /// Keys are missing, or differ from those that the database knows.
    #[error(transparent)]
    Keys(InventoryError),
    /// Another server uses the directory.
    #[error("the data directory {} is in use by another server (process {pid}); stop that one first", directory.display())]
    InUse {
        /// The directory.
        directory: PathBuf,
        /// The process id of that server, `?` if unknown.
        pid: String,
    },
    /// The file system failed.
    #[error("{} cannot be used: {error}; the server needs to write there", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// A key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The escrow keys cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The audit key cannot be used.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The issuer's keys cannot be used.
    #[error(transparent)]
    Issuer(#[from] KeyError),
    /// The certificate authority cannot be used.
    #[error(transparent)]
    Ca(#[from] CaError),
}

/// A data directory.
#[derive(Clone, Debug)]
pub struct DataDir {
    root: PathBuf,
}

/// The addresses and process id that a running server writes to its lock file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// The process id.
    pub pid: u32,
    /// The address for Graph clients.
    pub graph_url: String,
    /// The address for devices.
    pub device_url: String,
    /// The SHA-256 of the root certificate of the listeners, in hex, if the embedded authority issued theirs.
    #[serde(default)]
    pub root_sha256: Option<String>,
}

/// The lock of a running server; released when dropped, and when the process dies.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Writes the addresses of the server into the lock file.
    pub fn announce(&mut self, running: &Running) -> std::io::Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()?;
        serde_json::to_writer(&self.0, running)?;
        self.0.flush()
    }
}

/// The opened contents of a data directory.
pub struct Opened {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The same database, for the features that only the embedded store has: its disk, its backup.
    pub sqlite: Arc<SqliteStore>,
    /// The escrow keys.
    pub keyring: Arc<Keyring>,
    /// The audit key.
    pub signer: Arc<Signer>,
    /// The certificate authority.
    pub ca: Arc<CertificateAuthority>,
    /// The devices' credentials.
    pub credentials: Arc<DeviceCredentials>,
}

impl DataDir {
    /// Makes a data directory: database, keys, a configuration file to fill in. Also completes one that an earlier run
    /// left unfinished. A key that the database knows is never replaced, and a database with a tenant gets no new key;
    /// the caller refuses such a database. Concurrent runs take turns: the lock is held until it is dropped.
    pub fn init(root: &Path, now: Timestamp, entropy: &dyn Entropy) -> Result<(Self, Opened, Lock), DataDirError> {
        let directory = Self { root: root.to_owned() };
        keyfile::create_directory(root)?;
        require_own(root)?;
        close_if_empty(root).map_err(io(root))?;
        require_closed(root)?;
        let lock = directory.wait_for_lock()?;
        let file = directory.config_file();
        if !file.exists() {
            keyfile::create(&file, config_reference().as_bytes())?;
        }
        let sqlite = Arc::new(SqliteStore::open(root)?);
        keyfile::create_directory(&directory.keys())?;
        let (inventory, hand) = (directory.inventory(&sqlite), hand_of_system(now));
        directory.explain(wait(inventory.make(&hand, entropy)))?;
        let opened = directory.load(sqlite, now, entropy)?;
        Ok((directory, opened, lock))
    }

    /// Opens an existing data directory.
    pub fn open(root: &Path) -> Result<Self, DataDirError> {
        match root.metadata() {
            Ok(found) if found.is_dir() => {}
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(io(root)(error)),
            _ => return Err(DataDirError::Missing(root.to_owned())),
        }
        require_own(root)?;
        if !root.join(FILE_NAME).exists() {
            return Err(DataDirError::NotInitialised(root.to_owned()));
        }
        require_closed(root)?;
        Ok(Self { root: root.to_owned() })
    }

    /// Opens the contents, once every key matches the one that the database knows. Another process may have it open
    /// too.
    pub fn open_all(&self, now: Timestamp, entropy: &dyn Entropy) -> Result<Opened, DataDirError> {
        self.open_with(now, entropy, Options::default())
    }

    /// Opens the contents like [`Self::open_all`], with other settings of the store.
    pub fn open_with(&self, now: Timestamp, entropy: &dyn Entropy, options: Options) -> Result<Opened, DataDirError> {
        let opened = || {
            let sqlite = Arc::new(SqliteStore::open_with(&self.root, options)?);
            let (inventory, hand) = (self.inventory(&sqlite), hand_of_system(now));
            self.explain(wait(inventory.check(&hand)))?;
            self.load(sqlite, now, entropy)
        };
        opened().map_err(|error| self.blame(error))
    }

    /// The cause of an error: a file of another user, if there is one.
    fn blame(&self, error: DataDirError) -> DataDirError {
        let Ok(of_directory) = self.root.metadata().map(|found| found.uid()) else { return error };
        match foreign_file(&self.root, of_directory) {
            Some((file, owner)) => {
                DataDirError::ForeignFile { file, owner, directory: self.root.clone(), of_directory }
            }
            None => error,
        }
    }

    /// The keys, and the fingerprints by which the database knows them.
    pub fn inventory(&self, sqlite: &Arc<SqliteStore>) -> Inventory {
        Inventory::new(self.keys(), sqlite.clone())
    }

    fn load(&self, sqlite: Arc<SqliteStore>, now: Timestamp, entropy: &dyn Entropy) -> Result<Opened, DataDirError> {
        let keys = self.keys();
        Ok(Opened {
            store: sqlite.clone(),
            sqlite,
            keyring: Arc::new(Keyring::open(&keys.join("escrow"))?),
            signer: Arc::new(Signer::open(&keys.join("audit.key"))?),
            ca: Arc::new(CertificateAuthority::open(&keys.join("ca"), now, entropy)?),
            credentials: Arc::new(DeviceCredentials::open(&keys.join("device-credentials.key"), entropy)?),
        })
    }

    /// The signing keys of the local issuer.
    pub fn issuer_keys(&self) -> Result<IssuerKeys, DataDirError> {
        IssuerKeys::open(&self.keys().join("issuer")).map_err(|error| self.blame(error.into()))
    }

    fn explain<T>(&self, outcome: Result<T, InventoryError>) -> Result<T, DataDirError> {
        outcome.map_err(|error| match error {
            InventoryError::Unfinished => DataDirError::Unfinished(self.root.clone()),
            error => DataDirError::Keys(error),
        })
    }

    /// Opens only the database.
    pub fn open_store(&self) -> Result<SqliteStore, DataDirError> {
        SqliteStore::open(&self.root).map_err(|error| self.blame(error.into()))
    }

    /// Opens only the database, to read names that nothing depends on.
    pub fn open_to_read(&self) -> Result<ReadOnly, DataDirError> {
        ReadOnly::open(&self.root).map_err(|error| self.blame(error.into()))
    }

    /// Opens only the database, for an operator who accepts it, and returns the doubt about it.
    pub fn open_to_accept(&self) -> Result<(SqliteStore, Option<Doubt>), DataDirError> {
        SqliteStore::open_to_accept(&self.root).map_err(|error| self.blame(error.into()))
    }

    /// Takes the lock to make the directory, and waits for another run of `init`. It does not wait for a running
    /// server.
    fn wait_for_lock(&self) -> Result<Lock, DataDirError> {
        const PAUSE: std::time::Duration = std::time::Duration::from_millis(20);
        loop {
            match self.lock_for_server() {
                Err(DataDirError::InUse { .. }) if self.running().is_none() => std::thread::sleep(PAUSE),
                done => return done,
            }
        }
    }

    /// Takes the lock for a server; only one server may hold it.
    pub fn lock_for_server(&self) -> Result<Lock, DataDirError> {
        let path = self.lock_file();
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(|error| self.blame(io(&path)(error)))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock(file)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let pid = self.running().map_or_else(|| "?".to_owned(), |running| running.pid.to_string());
                Err(DataDirError::InUse { directory: self.root.clone(), pid })
            }
            Err(error) => Err(io(&path)(error.into())),
        }
    }

    /// The server that runs on this directory now, if one does.
    pub fn running(&self) -> Option<Running> {
        let mut file = File::open(self.lock_file()).ok()?;
        if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
            // The lock is free: the file is left from a server that has ended.
            return None;
        }
        let mut text = String::new();
        file.read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `chaveiro.toml`.
    pub fn config_file(&self) -> PathBuf {
        self.root.join("chaveiro.toml")
    }

    /// The root certificate, PEM.
    pub fn root_certificate_file(&self) -> PathBuf {
        self.root.join("keys/ca/root.pem")
    }

    /// `keys`.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    fn lock_file(&self) -> PathBuf {
        self.root.join("server.lock")
    }
}

/// Makes an empty directory private to its owner.
fn close_if_empty(root: &Path) -> std::io::Result<()> {
    match std::fs::read_dir(root)?.next() {
        None => std::fs::set_permissions(root, Permissions::from_mode(0o700)),
        Some(_) => Ok(()),
    }
}

/// Refuses to work on a directory of another user: the server, which runs as its owner, could not read new files.
fn require_own(root: &Path) -> Result<(), DataDirError> {
    let (owner, runs_as) = (root.metadata().map_err(io(root))?.uid(), rustix::process::geteuid().as_raw());
    match owner == runs_as {
        true => Ok(()),
        false => Err(DataDirError::OtherOwner { directory: root.to_owned(), owner, runs_as }),
    }
}

/// The first file, of those that the server makes, that belongs to another user than `owner`; and that user.
fn foreign_file(root: &Path, owner: u32) -> Option<(PathBuf, u32)> {
    let ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name == "keys" || name == "server.lock" || (name.starts_with("chaveiro.") && name != "chaveiro.toml")
    };
    let mut waiting: Vec<_> = entries(root).filter(ours).collect();
    while let Some(path) = waiting.pop() {
        let Ok(found) = path.symlink_metadata() else { continue };
        if found.uid() != owner {
            return Some((path, found.uid()));
        }
        if found.is_dir() {
            waiting.extend(entries(&path));
        }
    }
    None
}

fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Refuses a directory that other users may enter: it holds databases, backups and keys.
fn require_closed(root: &Path) -> Result<(), DataDirError> {
    let mode = root.metadata().map_err(io(root))?.permissions().mode() & 0o7777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(DataDirError::TooOpen { directory: root.to_owned(), mode }),
    }
}

/// Runs work on the store from synchronous code, with or without a runtime around it.
fn wait<T: Send>(work: impl Future<Output = Result<T, InventoryError>> + Send) -> Result<T, InventoryError> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let unavailable = |error: std::io::Error| StoreError::Unavailable(error.to_string());
        runtime.map_err(|error| InventoryError::Store(unavailable(error).into()))?.block_on(work)
    };
    let stopped = || Err(InventoryError::Store(StoreError::Unavailable("a thread panicked".to_owned()).into()));
    std::thread::scope(|scope| scope.spawn(run).join().unwrap_or_else(|_| stopped()))
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> DataDirError {
    move |error| DataDirError::Io { path: path.to_owned(), error }
}
