//! What Windows does in a way of its own: files of one user, the place for them, terminals. A file below the profile of a user
//! inherits the access list of that directory: the user, the administrators and the system may read it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use chaveiro_lang::{Explain, text};
use zeroize::Zeroizing;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// The directory for what programs keep on this machine alone, by these variables.
pub(crate) fn settings(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    variable("LOCALAPPDATA")
}

/// New files are private by their place.
pub(crate) fn keep_to_oneself() {}

/// Returns true if a terminal takes colours, after asking it to. Older consoles print the codes instead.
pub(crate) fn shows_colour() -> bool {
    anstyle_query::windows::enable_ansi_colors() != Some(false)
}

/// Makes a directory; leaves an existing one unchanged.
pub(crate) fn create_directory(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).explain(|| text!("directory-not-made", directory = directory))
}

/// Reads a file, wiping the bytes when they are dropped.
pub(crate) fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let unreadable = || text!("file-unreadable", file = file);
    let opened = File::open(file).explain(unreadable)?;
    // Sized beforehand, so that no reallocation leaves a copy behind.
    let length = opened.metadata().explain(unreadable)?.len().min(MAX_BYTES);
    let mut bytes = Zeroizing::new(Vec::with_capacity(length as usize + 1));
    opened.take(MAX_BYTES).read_to_end(&mut bytes).explain(unreadable)?;
    Ok(bytes)
}

/// Writes a file, replacing an older one atomically.
pub(crate) fn replace(file: &Path, contents: &[u8]) -> Result<()> {
    let temporary = file.with_extension(format!("{}.new", std::process::id()));
    let written = write_synced(&temporary, contents).and_then(|()| fs::rename(&temporary, file));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.explain(|| text!("file-unwritable", file = file))
}

fn write_synced(file: &Path, contents: &[u8]) -> std::io::Result<()> {
    let mut opened = File::create(file)?;
    opened.write_all(contents)?;
    opened.sync_all()
}
