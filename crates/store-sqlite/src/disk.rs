//! The disk below the database: its free space, and the response to its failure.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rusqlite::ffi;

/// The bytes written as a test for free space: more than one commit of the audit chain needs.
const PROBE_BYTES: usize = 256 * 1024;

/// The exit code of a process whose disk failed: `EX_IOERR`.
const FAILED: i32 = 74;

/// Returns true if a little more can be written into that directory. A quota is not a property of the file system, so
/// only a write shows it.
pub(crate) fn has_room(directory: &Path) -> bool {
    let file = directory.join(format!(".room.{}", std::process::id()));
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(&file);
    let written = opened.and_then(|mut opened| opened.write_all(&[0; PROBE_BYTES]));
    let _ = fs::remove_file(&file);
    !written.is_err_and(|error| is_full(&error))
}

/// Returns true if the system reports that there is no space.
pub(crate) fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Returns the bytes that an unprivileged process can still write there.
pub(crate) fn free_bytes(directory: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(directory).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

/// Returns true if that is an error of `fsync`.
pub(crate) fn is_sync_failure(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC))
}

/// Returns true if SQLite reports a full disk, or an error that a full disk can cause: a quota, or a file that cannot
/// grow.
pub(crate) fn may_be_full(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(
        code,
        Some(
            ffi::SQLITE_FULL
                | ffi::SQLITE_IOERR_WRITE
                | ffi::SQLITE_IOERR_TRUNCATE
                | ffi::SQLITE_IOERR_SHMOPEN
                | ffi::SQLITE_IOERR_SHMSIZE
                | ffi::SQLITE_IOERR_SHMMAP
                | ffi::SQLITE_CANTOPEN
        )
    )
}

/// Ends the process. After a failed `fsync` the system may believe that pages are written which are not. No later read
/// or write can be trusted, and no caller may be answered. The next start reads the true content of the disk.
pub(crate) fn end_process(error: &dyn std::fmt::Display) -> ! {
    tracing::error!(%error, "the disk did not keep what was written; the server ends itself");
    let text = "the disk did not keep what was written; look after the disk, then start again";
    let _ = writeln!(std::io::stderr(), "chaveiro: {error}: {text}");
    std::process::exit(FAILED);
}
