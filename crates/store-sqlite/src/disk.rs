//! The disk below the database: whether it has room, and what follows when it fails.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rusqlite::ffi;

/// How much is written to see whether there is room: more than one commit of the audit chain needs.
const PROBE_BYTES: usize = 256 * 1024;

/// The exit code of a process whose disk failed: `EX_IOERR`.
const FAILED: i32 = 74;

/// Returns whether a little more can be written into that directory. A quota is no property of the file system: only writing tells.
pub(crate) fn has_room(directory: &Path) -> bool {
    let file = directory.join(format!(".room.{}", std::process::id()));
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(&file);
    let written = opened.and_then(|mut opened| opened.write_all(&[0; PROBE_BYTES]));
    let _ = fs::remove_file(&file);
    !written.is_err_and(|error| is_full(&error))
}

/// Returns whether the system says that there is no room.
pub(crate) fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// How many bytes a process without privileges can still write there.
pub(crate) fn free_bytes(directory: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(directory).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

/// Returns whether that is an error of `fsync`.
pub(crate) fn is_sync_failure(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC))
}

/// Returns whether SQLite names a full disk, or an error behind which a full disk can stand: a quota, or a file that cannot grow.
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

/// Ends the process. After a failed `fsync` the system may believe that pages are written which are not: nothing that is read or
/// written from then on can be trusted, and nobody may be answered. The next start reads what the disk really holds.
pub(crate) fn end_process(error: &dyn std::fmt::Display) -> ! {
    tracing::error!(%error, "the disk did not keep what was written; the server ends itself");
    let text = "the disk did not keep what was written; look after the disk, then start again";
    let _ = writeln!(std::io::stderr(), "chaveiro: {error}: {text}");
    std::process::exit(FAILED);
}
