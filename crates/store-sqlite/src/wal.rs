//! The write-ahead log, read before SQLite reads it. SQLite ends its recovery silently at the first frame that does not
//! verify; an operator must hear of it.
//!
//! The format is SQLite's (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>): a header of 32 bytes, then frames of
//! 24 bytes and a page each. Checksums are cumulative, so that one flipped bit ends the sound part.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const LITTLE_ENDIAN: u32 = 0x377f_0682;
const BIG_ENDIAN: u32 = 0x377f_0683;
const VERSION: u32 = 3_007_000;

/// Returns the path of the log of a database file.
pub(crate) fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// The content of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The frames up to the last sound commit, which SQLite recovers.
    pub committed: u64,
    /// The salt in its header.
    pub salt: [u8; 8],
    /// The bytes after them.
    pub rest: Rest,
}

/// The bytes after the last sound commit of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rest {
    /// No bytes.
    #[default]
    Nothing,
    /// The start of a commit that a process did not finish before it died.
    Unfinished,
    /// Bytes that no process wrote there: the frame of that number, or the header with 0, does not verify.
    Broken(u64),
}

/// Reads the log of a database file; `None` if it is missing or empty.
pub(crate) fn scan_file(path: &Path) -> io::Result<Option<Log>> {
    match File::open(path) {
        Ok(file) if file.metadata()?.len() == 0 => Ok(None),
        Ok(file) => scan(BufReader::with_capacity(1 << 17, file)).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the salt in the header of the log of a database.
pub(crate) fn salt_of(database: &Path) -> io::Result<[u8; 8]> {
    salt(&File::open(path_of(database))?)
}

/// Returns the salt in the header of an open log.
pub(crate) fn salt(log: &File) -> io::Result<[u8; 8]> {
    let mut salt = [0; 8];
    log.read_exact_at(&mut salt, 16)?;
    Ok(salt)
}

/// Reads a log from its first byte to its last.
pub fn scan(mut log: impl Read) -> io::Result<Log> {
    let mut header = [0; HEADER_BYTES];
    if fill(&mut log, &mut header)? < HEADER_BYTES {
        return Ok(Log { rest: Rest::Unfinished, ..Log::default() });
    }
    let (magic, page) = (word(&header, 0), word(&header, 8));
    let mut sum = Checksum { little: magic == LITTLE_ENDIAN, state: (0, 0) };
    sum.add(&header[..24]);
    let is_sound = matches!(magic, LITTLE_ENDIAN | BIG_ENDIAN)
        && word(&header, 4) == VERSION
        && (512..=65_536).contains(&page)
        && page.is_power_of_two()
        && sum.is(&header[24..]);
    if !is_sound {
        return Ok(Log { rest: Rest::Broken(0), ..Log::default() });
    }
    let mut found = Log::default();
    found.salt.copy_from_slice(&header[16..24]);
    let mut frame = vec![0; FRAME_HEADER_BYTES + page as usize];
    for number in 1.. {
        let read = fill(&mut log, &mut frame)?;
        if read == 0 {
            if found.committed + 1 < number {
                found.rest = Rest::Unfinished;
            }
            break;
        }
        if read < frame.len() {
            found.rest = Rest::Unfinished;
            break;
        }
        sum.add(&frame[..8]);
        sum.add(&frame[FRAME_HEADER_BYTES..]);
        if word(&frame, 0) == 0 || frame[8..16] != found.salt || !sum.is(&frame[16..24]) {
            found.rest = Rest::Broken(number);
            break;
        }
        // A frame with the size of the database ends a commit.
        if word(&frame, 4) != 0 {
            found.committed = number;
        }
    }
    Ok(found)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |word| u32::from_be_bytes(*word))
}

/// Fills the buffer as far as there are bytes to read.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match log.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The cumulative checksum of a log.
struct Checksum {
    /// True if the words are read with their least byte first.
    little: bool,
    state: (u32, u32),
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        let (mut first, mut second) = self.state;
        let read = |word: [u8; 4]| if self.little { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) };
        for pair in bytes.chunks_exact(8) {
            let [a, b, c, d, e, f, g, h] = *pair else { continue };
            first = first.wrapping_add(read([a, b, c, d])).wrapping_add(second);
            second = second.wrapping_add(read([e, f, g, h])).wrapping_add(first);
        }
        self.state = (first, second);
    }

    fn is(&self, stored: &[u8]) -> bool {
        (word(stored, 0), word(stored, 4)) == self.state
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// Returns a log of a few commits as SQLite writes it.
    fn written() -> (tempfile::TempDir, Vec<u8>) {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.db");
        let database = Connection::open(&file).expect("a database");
        database.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a);").expect("a table");
        for number in 0..5 {
            database.execute("INSERT INTO t VALUES (zeroblob(3000 + ?))", [number]).expect("a row");
        }
        let log = std::fs::read(path_of(&file)).expect("the log");
        (directory, log)
    }

    #[test]
    fn the_log_that_sqlite_writes_is_sound_to_its_end() {
        let (_directory, log) = written();
        let found = scan(log.as_slice()).expect("read");
        assert_eq!(found.rest, Rest::Nothing);
        assert_eq!(found.committed, ((log.len() - HEADER_BYTES) / (FRAME_HEADER_BYTES + 4096)) as u64);
        assert!(found.committed > 5);
    }

    #[test]
    fn a_bit_that_is_flipped_anywhere_ends_the_sound_part_before_it() {
        let (_directory, log) = written();
        let frame = FRAME_HEADER_BYTES + 4096;
        for byte in (0..log.len()).step_by(13) {
            let mut flipped = log.clone();
            flipped[byte] ^= 1 << (byte % 8);
            let found = scan(flipped.as_slice()).expect("read");
            let broken = byte.checked_sub(HEADER_BYTES).map_or(0, |byte| byte / frame + 1) as u64;
            assert_eq!(found.rest, Rest::Broken(broken), "byte {byte}");
            assert!(found.committed < broken.max(1), "byte {byte}");
        }
    }

    #[test]
    fn a_log_that_ends_anywhere_is_unfinished_and_not_broken() {
        let (_directory, log) = written();
        for length in (1..log.len()).step_by(97) {
            let found = scan(&log[..length]).expect("read");
            assert!(matches!(found.rest, Rest::Unfinished | Rest::Nothing), "{length}: {found:?}");
        }
    }
}
