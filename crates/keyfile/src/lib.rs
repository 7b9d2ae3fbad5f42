//! Files that only their owner may read, and that are either complete or absent.
//!
//! Every private key of the server lives in such a file: that of the certificate authority, the escrow, the local
//! issuer and the audit signer. A key that other users could read is refused, because they may already know it.

mod kept;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, setrlimit, umask};
use thiserror::Error;
use zeroize::Zeroizing;

pub use kept::Kept;

/// Protects this process from other users. Files that it creates from now on are private. Its memory, which holds keys
/// and passcodes, stays out of core files and debuggers.
pub fn keep_to_oneself() {
    umask(Mode::RWXG | Mode::RWXO);
    // Neither can fail: each process may lower its own limits.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// The largest key file that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// The reason why a key file cannot be used, and the remedy. The variants never hold contents.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// The file does not exist.
    #[error("the key file {} does not exist", .0.display())]
    Missing(PathBuf),
    /// The file exists already.
    #[error("the key file {} exists already and is not overwritten", .0.display())]
    Exists(PathBuf),
    /// Users other than the owner may read or write the file.
    #[error("the key file {} is accessible to others (mode {mode:o}); if no other user has read it, run: chmod 600 {}", file.display(), file.display())]
    TooOpen {
        /// The file.
        file: PathBuf,
        /// The permission bits of the file.
        mode: u32,
    },
    /// The file has unexpected contents.
    #[error("the key file {} is damaged: {what}; restore it from a backup", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The problem, without contents.
        what: &'static str,
    },
    /// A directory for key files cannot be made.
    #[error("the directory {} cannot be made: {error}", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// The file system failed.
    #[error("the key file {} cannot be used: {error}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
}

fn io(file: &Path) -> impl Fn(std::io::Error) -> KeyFileError {
    move |error| KeyFileError::Io { file: file.to_owned(), error }
}

fn open(file: &Path) -> Result<File, KeyFileError> {
    File::open(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => KeyFileError::Missing(file.to_owned()),
        _ => io(file)(error),
    })
}

/// Reads a key file, wiping the bytes when they are dropped.
pub fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let opened = open(file)?;
    let metadata = opened.metadata().map_err(io(file))?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::TooOpen { file: file.to_owned(), mode });
    }
    if metadata.len() > MAX_BYTES {
        return Err(KeyFileError::Damaged { file: file.to_owned(), what: "it is too large for a key" });
    }
    // Sized beforehand, so that no reallocation leaves a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
    opened.take(MAX_BYTES).read_to_end(&mut bytes).map_err(io(file))?;
    Ok(bytes)
}

/// Returns the directory of a file: the current one for a bare name, which has an empty parent.
pub fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a new key file, readable by its owner only. The file is durable when this returns. Refuses to overwrite.
pub fn create(file: &Path, contents: &[u8]) -> Result<(), KeyFileError> {
    let temporary = temporary_name(file);
    let written = write_synced(&temporary, contents).and_then(|()| fs::hard_link(&temporary, file));
    // The link publishes the complete file; the temporary name is not needed any more either way.
    let _ = fs::remove_file(&temporary);
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => KeyFileError::Exists(file.to_owned()),
        _ => io(file)(error),
    })?;
    sync_directory(directory_of(file)).map_err(io(file))
}

/// Writes a key file, replacing an older one atomically. The file is durable when this returns.
pub fn replace(file: &Path, contents: &[u8]) -> Result<(), KeyFileError> {
    let temporary = temporary_name(file);
    let written = write_synced(&temporary, contents).and_then(|()| fs::rename(&temporary, file));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(io(file))?;
    sync_directory(directory_of(file)).map_err(io(file))
}

/// Writes the next contents of a key file beside it, under [`staged_name`]; durable when this returns. The caller
/// records the new key, then calls [`settle`]. After a crash in between, the staged key is on record and can be found.
pub fn stage(file: &Path, contents: &[u8]) -> Result<(), KeyFileError> {
    replace(&staged_name(file), contents)
}

/// Puts staged contents into place atomically; durable when this returns. Returns whether there were any.
pub fn settle(file: &Path) -> Result<bool, KeyFileError> {
    match fs::rename(staged_name(file), file) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(io(file)(error)),
    }
    sync_directory(directory_of(file)).map_err(io(file))?;
    Ok(true)
}

/// The name of the staged contents of a key file.
pub fn staged_name(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".staged");
    file.with_file_name(name)
}

/// Makes a directory that only its owner may enter; leaves an existing one unchanged.
pub fn create_directory(directory: &Path) -> Result<(), KeyFileError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| KeyFileError::Directory { directory: directory.to_owned(), error })
}

/// A lock on a directory of key files, held until it is dropped. A change that reads a file and replaces it holds the lock
/// from the reading to the replacement, so that no other change is lost.
#[derive(Debug)]
pub struct DirectoryLock(#[expect(dead_code, reason = "closing the file frees the lock")] File);

/// Takes the lock of a directory, and waits while another process or thread has it.
pub fn lock(directory: &Path) -> Result<DirectoryLock, KeyFileError> {
    let opened = open(directory)?;
    opened.lock().map_err(io(directory))?;
    Ok(DirectoryLock(opened))
}

/// Takes the lock of a directory, unless another process or thread has it.
pub fn try_lock(directory: &Path) -> Result<Option<DirectoryLock>, KeyFileError> {
    let opened = open(directory)?;
    match opened.try_lock() {
        Ok(()) => Ok(Some(DirectoryLock(opened))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(io(directory)(error)),
    }
}

fn temporary_name(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    file.with_file_name(name)
}

fn write_synced(file: &Path, contents: &[u8]) -> std::io::Result<()> {
    // A file of that name is a killed run's, or was put there by another user, who would keep it open.
    let _ = fs::remove_file(file);
    let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    opened.write_all(contents)?;
    opened.sync_all()
}

fn sync_directory(directory: &Path) -> std::io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_not_written_into_a_file_that_was_put_in_the_place_of_the_temporary_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.key");
        fs::write(temporary_name(&file), "").expect("planted");
        fs::set_permissions(temporary_name(&file), fs::Permissions::from_mode(0o666)).expect("set");
        let mut planted = File::open(temporary_name(&file)).expect("open");
        create(&file, b"secret").expect("written");
        let mut seen = Vec::new();
        planted.read_to_end(&mut seen).expect("read");
        assert!(seen.is_empty());
        assert_eq!(file.metadata().expect("there").mode() & 0o777, 0o600);
    }

    #[test]
    fn a_new_key_file_is_readable_by_its_owner_only_and_is_not_overwritten() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.key");
        create(&file, b"first").expect("written");
        assert_eq!(file.metadata().expect("there").mode() & 0o777, 0o600);
        assert!(matches!(create(&file, b"second"), Err(KeyFileError::Exists(_))));
        assert_eq!(read(&file).expect("readable").as_slice(), b"first");
        replace(&file, b"third").expect("replaced");
        assert_eq!(read(&file).expect("readable").as_slice(), b"third");
        assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 1);
    }

    #[test]
    fn a_key_file_that_others_could_read_is_refused_with_the_command_that_helps() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.key");
        create(&file, b"secret").expect("written");
        for mode in [0o640, 0o604, 0o660, 0o666] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("chmod");
            let error = read(&file).expect_err("too open").to_string();
            assert!(error.contains("chmod 600"), "{error}");
            assert!(!error.contains("secret"));
        }
    }

    #[test]
    fn staged_contents_change_nothing_until_they_are_settled() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.key");
        create(&file, b"old").expect("written");
        stage(&file, b"new").expect("staged");
        assert_eq!(read(&file).expect("readable").as_slice(), b"old");
        assert_eq!(read(&staged_name(&file)).expect("readable").as_slice(), b"new");
        assert!(settle(&file).expect("settled"));
        assert_eq!(read(&file).expect("readable").as_slice(), b"new");
        assert!(!settle(&file).expect("nothing is staged"));
    }

    #[test]
    fn one_change_at_a_time_has_the_lock_of_a_directory() {
        let directory = tempfile::tempdir().expect("a directory");
        let held = lock(directory.path()).expect("free");
        assert!(try_lock(directory.path()).expect("asked").is_none());
        drop(held);
        assert!(try_lock(directory.path()).expect("asked").is_some());
        assert!(matches!(lock(&directory.path().join("none")), Err(KeyFileError::Missing(_))));
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_not_called_a_key_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("file");
        fs::write(&file, b"").expect("written");
        for (place, what) in [(file.clone(), "a file is there"), (file.join("below"), "its parent is a file")] {
            let error = create_directory(&place).expect_err(what).to_string();
            assert!(error.starts_with(&format!("the directory {} cannot be made: ", place.display())), "{error}");
        }
    }

    #[test]
    fn a_missing_key_file_is_named() {
        let error = read(Path::new("/nonexistent/x.key")).expect_err("missing");
        assert!(error.to_string().contains("/nonexistent/x.key"));
    }
}
