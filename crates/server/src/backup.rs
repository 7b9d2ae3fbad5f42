//! Backups and their verification: a copy of the database while the server runs, with its mark and checksums in a
//! manifest.
//!
//! ```text
//! backup.json     the manifest: when, of which state, the length and SHA-256 of each file
//! chaveiro.db     the database
//! ```
//!
//! Keys are not part of a backup: a copy of both together opens passcodes. On request they are copied to another place.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use chaveiro_core::Timestamp;
use chaveiro_core::digest::hex;
use chaveiro_core::ports::StoreError;
use chaveiro_keyfile::{self as keyfile, KeyFileError};
use chaveiro_lang::{Text, text};
use chaveiro_store_sqlite::{BackupError as CopyError, FILE_NAME, OpenError, Promise, Snapshot, SqliteStore};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The file name of the manifest.
const MANIFEST: &str = "backup.json";

/// The version of the manifest that this program writes and reads.
const VERSION: u32 = 1;

/// The longest manifest that is read, in bytes.
const MAX_MANIFEST_BYTES: u64 = 64 * 1024;

/// The number of audit events that are read at once.
const EVENTS_AT_ONCE: usize = 1000;

/// The reason why a backup was not made, or is not complete. Each text says what to do.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The target exists already.
    #[error("{} exists already; name a new directory for each backup", .0.display())]
    Exists(PathBuf),
    /// The keys would lie beside the secrets that they open.
    #[error("the keys would lie within the backup {}; name another place for them, which the backup does not reach", .0.display())]
    KeysWithin(PathBuf),
    /// The manifest is missing.
    #[error("{} is not a backup of Chaveiro: {MANIFEST} is missing; name the directory that chaveiro backup made", .0.display())]
    NoManifest(PathBuf),
    /// The manifest is unreadable.
    #[error("the manifest {} cannot be read: {reason}; use another backup", file.display())]
    Manifest {
        /// The file.
        file: PathBuf,
        /// The problem.
        reason: Text,
    },
    /// A file differs from the one that was backed up.
    #[error("{} differs from what was backed up: {what}; use another backup", file.display())]
    Changed {
        /// The file.
        file: PathBuf,
        /// The difference.
        what: Text,
    },
    /// The database could not be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The database could not be opened.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The rows of the copy could not be read.
    #[error("the rows of the backup cannot be read: {0}; use another backup")]
    Rows(#[from] StoreError),
    /// A directory or a key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The file system failed.
    #[error("{} cannot be used: {error}; this user needs to read and write there", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> BackupError {
    move |error| BackupError::Io { path: path.to_owned(), error }
}

/// The manifest of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// The version of this format.
    pub version: u32,
    /// The time of the backup.
    pub made: Timestamp,
    /// The version of the program that made it.
    pub program: String,
    /// The version of the schema.
    pub schema: u32,
    /// The id of the database.
    pub database: String,
    /// The number of its last commit.
    pub commits: u64,
    /// The number of its newest audit event, over all tenants.
    pub audit_event: i64,
    /// The SHA-256 of that event.
    pub audit_event_sha256: String,
    /// The files.
    pub files: Vec<Entry>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// The name of the file.
    pub name: String,
    /// The length of the file.
    pub bytes: u64,
    /// The SHA-256 of the file.
    pub sha256: String,
}

/// The result of checking a complete backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The manifest.
    pub manifest: Manifest,
    /// The version of the schema that this program uses.
    pub known_schema: i64,
    /// The number of tenants.
    pub tenants: usize,
    /// The number of linked audit events; every link is right.
    pub linked_events: u64,
}

/// Makes a backup in a new directory, while other processes may use the database. The backup is durable when this
/// returns.
pub fn back_up(store: &SqliteStore, to: &Path, now: Timestamp) -> Result<Manifest, BackupError> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    // The backup is made beside its place and renamed, so that a directory with its name is complete.
    let mut partial = to.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    let parent = match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    keyfile::create_directory(parent)?;
    let made = fill(store, &partial, now).and_then(|manifest| {
        fs::rename(&partial, to).map_err(io(to))?;
        sync(parent)?;
        Ok(manifest)
    });
    if made.is_err() {
        let _ = fs::remove_dir_all(&partial);
    }
    made
}

fn fill(store: &SqliteStore, directory: &Path, now: Timestamp) -> Result<Manifest, BackupError> {
    keyfile::create_directory(directory)?;
    let file = directory.join(FILE_NAME);
    let Promise { schema, database, commits, event, .. } = store.back_up(&file)?;
    let manifest = Manifest {
        version: VERSION,
        made: now,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema,
        database: hex(&database),
        commits,
        audit_event: event.seq,
        audit_event_sha256: hex(&event.hash),
        files: vec![entry(&file)?],
    };
    let path = directory.join(MANIFEST);
    let mut text = serde_json::to_vec_pretty(&manifest).map_err(|error| io(&path)(error.into()))?;
    text.push(b'\n');
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(&path);
    opened.and_then(|mut opened| opened.write_all(&text).and_then(|()| opened.sync_all())).map_err(io(&path))?;
    sync(directory)?;
    Ok(manifest)
}

/// Copies every key into a new directory that neither holds the backup nor lies in it.
pub fn copy_keys(keys: &Path, to: &Path, backup: &Path) -> Result<(), BackupError> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    keyfile::create_directory(to)?;
    let within = |path: &Path| fs::canonicalize(path).map_err(io(path));
    let (place, backup_place) = (within(to)?, within(backup)?);
    if place.starts_with(&backup_place) || backup_place.starts_with(&place) {
        let _ = fs::remove_dir(to);
        return Err(BackupError::KeysWithin(backup.to_owned()));
    }
    copy_tree(keys, to)
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), BackupError> {
    keyfile::create_directory(to)?;
    for found in fs::read_dir(from).map_err(io(from))? {
        let found = found.map_err(io(from))?;
        let (source, target) = (found.path(), to.join(found.file_name()));
        if found.file_type().map_err(io(&source))?.is_dir() {
            copy_tree(&source, &target)?;
        } else {
            let mut options = OpenOptions::new();
            let opened = options.write(true).create_new(true).mode(0o600).open(&target);
            let mut opened = opened.map_err(io(&target))?;
            let copied = File::open(&source).and_then(|mut source| std::io::copy(&mut source, &mut opened));
            copied.and_then(|_| opened.sync_all()).map_err(io(&target))?;
        }
    }
    sync(to)
}

/// Checks a complete backup. The check covers the size and checksum of each file, every page of the database, the state
/// in the manifest, and the whole audit record.
pub fn check(backup: &Path) -> Result<Checked, BackupError> {
    let manifest = manifest(backup)?;
    for expected in &manifest.files {
        if expected.name.contains('/') || expected.name.starts_with('.') {
            let reason = text!("manifest-file-name", name = format!("{:?}", expected.name));
            return Err(BackupError::Manifest { file: backup.join(MANIFEST), reason });
        }
        let file = backup.join(&expected.name);
        let found = entry(&file)?;
        if found != *expected {
            let what = text!(
                "backup-file",
                bytes = found.bytes.to_string(),
                sha256 = found.sha256,
                named_bytes = expected.bytes.to_string(),
                named_sha256 = &expected.sha256
            );
            return Err(BackupError::Changed { file, what });
        }
    }
    let file = backup.join(FILE_NAME);
    let changed = |what: Text| BackupError::Changed { file: file.clone(), what };
    let snapshot = Snapshot::open(&file)?;
    if let Some(problem) = snapshot.problems()?.into_iter().next() {
        return Err(changed(text!("backup-page", problem = problem)));
    }
    let (schema, known_schema) = snapshot.schema()?;
    let state = snapshot.promise()?.ok_or_else(|| changed(text!("backup-no-mark")))?;
    let named = (i64::from(manifest.schema), &manifest.database, manifest.commits, manifest.audit_event);
    if named != (schema, &hex(&state.database), state.commits, state.event.seq)
        || manifest.audit_event_sha256 != hex(&state.event.hash)
    {
        return Err(changed(text!("backup-other-state")));
    }
    let tenants = snapshot.tenants()?;
    let mut linked_events = 0;
    for tenant in &tenants {
        let mut links = chaveiro_audit::Links::of(*tenant);
        loop {
            let events = snapshot.chained_events(*tenant, links.position(), EVENTS_AT_ONCE)?;
            if events.is_empty() {
                break;
            }
            for event in &events {
                let follows = links.follow(event);
                follows.map_err(|broken| {
                    changed(text!("backup-event", event = broken.to_string(), tenant = tenant.to_string()))
                })?;
            }
        }
        linked_events += links.position();
    }
    Ok(Checked { tenants: tenants.len(), linked_events, known_schema, manifest })
}

fn manifest(backup: &Path) -> Result<Manifest, BackupError> {
    let file = backup.join(MANIFEST);
    let opened = match File::open(&file) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(BackupError::NoManifest(backup.to_owned()));
        }
        opened => opened.map_err(io(&file))?,
    };
    let mut text = String::new();
    opened.take(MAX_MANIFEST_BYTES).read_to_string(&mut text).map_err(io(&file))?;
    let bad = |reason: Text| BackupError::Manifest { file: file.clone(), reason };
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|error| bad(text!("manifest-malformed", error = &error)))?;
    if manifest.version != VERSION {
        return Err(bad(text!(
            "manifest-version",
            version = manifest.version.to_string(),
            known = VERSION.to_string()
        )));
    }
    if !manifest.files.iter().any(|entry| entry.name == FILE_NAME) {
        return Err(bad(text!("manifest-no-file", file = FILE_NAME)));
    }
    Ok(manifest)
}

fn entry(file: &Path) -> Result<Entry, BackupError> {
    let mut reader = BufReader::with_capacity(1 << 17, File::open(file).map_err(io(file))?);
    let (mut digest, mut bytes, mut buffer) = (Context::new(&SHA256), 0, vec![0; 1 << 17]);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                digest.update(&buffer[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(io(file)(error)),
        }
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Entry { name, bytes, sha256: hex(digest.finish().as_ref()) })
}

fn sync(directory: &Path) -> Result<(), BackupError> {
    File::open(directory).and_then(|opened| opened.sync_all()).map_err(io(directory))
}
