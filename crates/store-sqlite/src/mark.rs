//! The mark: a small file beside the database that records the database's progress when the last caller was answered.
//!
//! A database that is older than its mark has lost something that a caller was promised. Its log is damaged or missing,
//! or it is yesterday's copy. The file has two slots of a fixed size, each with a checksum. The older slot is
//! overwritten in place, so that a torn write leaves the other one, and no disk space is needed. Several processes
//! write it: the highest count wins.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

/// The file name of the mark, beside the database.
pub const FILE_NAME: &str = "chaveiro.mark";

const MAGIC: &[u8; 8] = b"CHVMARK\x01";

/// The distance between the two slots: a sector, so that one torn write damages one slot.
const SLOT_BYTES: usize = 512;

/// The bytes of a slot before its checksum.
const BODY_BYTES: usize = 152;

const CHECKSUM_BYTES: usize = 32;

/// A place in a table of the audit record, and the hash that belongs there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The sequence number; 0 if there is none yet.
    pub seq: i64,
    /// The hash of the item with that number.
    pub hash: [u8; 32],
}

/// The progress of a database that callers rely on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promise {
    /// The database.
    pub database: [u8; 16],
    /// The number of its last commit.
    pub commits: u64,
    /// The number of starts of a server on it.
    pub boots: u64,
    /// The version of its schema.
    pub schema: u32,
    /// The number of a commit that the database file holds without its log. The file may hold later ones.
    pub checkpointed: u64,
    /// The salt of the log at that commit, which distinguishes one generation of the log from another.
    pub salt: [u8; 8],
    /// The newest audit event, and the SHA-256 of its text.
    pub event: Place,
    /// The newest link of the audit chain, and its hash, which covers every event before it.
    pub link: Place,
}

impl Promise {
    /// Reads a slot of the file that has that inode. Also returns true if the slot was written for another file. `None`
    /// if the slot is damaged.
    pub fn from_slot(slot: &[u8], inode: u64) -> Option<(Self, bool)> {
        let (body, checksum) = slot.get(..BODY_BYTES + CHECKSUM_BYTES)?.split_at(BODY_BYTES);
        if !body.starts_with(MAGIC) || Sha256::digest(body).as_slice() != checksum {
            return None;
        }
        let mut rest = &body[MAGIC.len()..];
        let database = take(&mut rest)?;
        let of = u64::from_be_bytes(take(&mut rest)?);
        let [commits, boots, checkpointed] =
            [take(&mut rest)?, take(&mut rest)?, take(&mut rest)?].map(u64::from_be_bytes);
        let schema = u32::try_from(u64::from_be_bytes(take(&mut rest)?)).ok()?;
        let salt = take(&mut rest)?;
        let event = Place { seq: i64::from_be_bytes(take(&mut rest)?), hash: take(&mut rest)? };
        let link = Place { seq: i64::from_be_bytes(take(&mut rest)?), hash: take(&mut rest)? };
        Some((Self { database, commits, boots, schema, checkpointed, salt, event, link }, of != inode))
    }

    fn to_slot(self, inode: u64) -> Vec<u8> {
        let mut slot = Vec::with_capacity(SLOT_BYTES);
        slot.extend_from_slice(MAGIC);
        slot.extend_from_slice(&self.database);
        for number in [inode, self.commits, self.boots, self.checkpointed, u64::from(self.schema)] {
            slot.extend_from_slice(&number.to_be_bytes());
        }
        slot.extend_from_slice(&self.salt);
        for place in [self.event, self.link] {
            slot.extend_from_slice(&place.seq.to_be_bytes());
            slot.extend_from_slice(&place.hash);
        }
        let checksum = Sha256::digest(&slot);
        slot.extend_from_slice(&checksum);
        slot.resize(SLOT_BYTES, 0);
        slot
    }

    /// Returns the later of two, with the newest facts about the database file.
    fn later(self, other: Self) -> Self {
        let checkpointed = self.checkpointed.max(other.checkpointed);
        let later = if other.commits > self.commits { other } else { self };
        Self { checkpointed, ..later }
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

/// The content of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Both slots are damaged.
    Damaged,
    /// The newest promise.
    Promised {
        promise: Promise,
        /// True if the file is a copy of the one that was written.
        moved: bool,
    },
}

/// The open file.
#[derive(Debug)]
pub(crate) struct MarkFile {
    file: File,
    inode: u64,
}

impl MarkFile {
    /// Opens an existing mark.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => Self::of(file).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the mark, or makes one without a promise, readable by its owner only.
    pub(crate) fn open_or_create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        Self::of(options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?)
    }

    fn of(file: File) -> io::Result<Self> {
        let inode = file.metadata()?.ino();
        Ok(Self { file, inode })
    }

    /// Returns the newest promise.
    pub(crate) fn read(&self) -> io::Result<Reading> {
        self.locked(|| {
            Ok(match self.slots()?.iter().flatten().max_by_key(|(promise, _)| order(promise)) {
                Some((promise, moved)) => Reading::Promised { promise: *promise, moved: *moved },
                None => Reading::Damaged,
            })
        })
    }

    /// Writes a promise, unless a later one is there. It survives the death of this process, and that of the system
    /// after [`Self::sync`].
    pub(crate) fn promise(&self, promise: &Promise) -> io::Result<()> {
        self.locked(|| {
            let slots =
                self.slots()?.map(|slot| slot.filter(|(known, moved)| known.database == promise.database && !moved));
            let [first, second] = slots.map(|slot| slot.map(|(known, _)| known));
            let newest_is_first = match (&first, &second) {
                (Some(first), Some(second)) => order(first) > order(second),
                (first, _) => first.is_some(),
            };
            let newest = if newest_is_first { first } else { second };
            let next = newest.map_or(*promise, |newest| newest.later(*promise));
            if newest == Some(next) {
                return Ok(());
            }
            let offset = if newest_is_first { SLOT_BYTES as u64 } else { 0 };
            self.file.write_all_at(&next.to_slot(self.inode), offset)
        })
    }

    /// Overwrites both slots with a promise, whatever they hold, and flushes the file.
    pub(crate) fn replace(&self, promise: &Promise) -> io::Result<()> {
        self.locked(|| {
            for offset in [0, SLOT_BYTES as u64] {
                self.file.write_all_at(&promise.to_slot(self.inode), offset)?;
            }
            Ok(())
        })?;
        self.sync()
    }

    /// Flushes the file to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn slots(&self) -> io::Result<[Option<(Promise, bool)>; 2]> {
        let mut bytes = [0; 2 * SLOT_BYTES];
        let mut read = 0;
        while read < bytes.len() {
            match self.file.read_at(&mut bytes[read..], read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let (first, second) = bytes.split_at(SLOT_BYTES);
        Ok([first, second].map(|slot| Promise::from_slot(slot, self.inode)))
    }

    /// Runs `work` while no other process reads or writes the mark.
    fn locked<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        flock(&self.file, FlockOperation::LockExclusive)?;
        let done = work();
        let unlocked = flock(&self.file, FlockOperation::Unlock);
        let done = done?;
        unlocked?;
        Ok(done)
    }
}

fn order(promise: &Promise) -> (u64, u64) {
    (promise.commits, promise.checkpointed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promise(commits: u64) -> Promise {
        Promise { database: [7; 16], commits, schema: 13, ..Promise::default() }
    }

    fn promised(mark: &MarkFile) -> u64 {
        match mark.read().expect("readable") {
            Reading::Promised { promise, moved: false } => promise.commits,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_highest_promise_wins_in_whatever_order_two_processes_write() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(FILE_NAME);
        let marks = [(); 2].map(|()| MarkFile::open_or_create(&path).expect("a mark"));
        for (writer, commits, expected) in [(0, 1, 1), (1, 2, 2), (1, 4, 4), (0, 3, 4), (1, 6, 6), (0, 5, 6), (0, 7, 7)]
        {
            marks[writer].promise(&promise(commits)).expect("written");
            assert_eq!(promised(&marks[1 - writer]), expected, "after {commits}");
        }
        assert_eq!(std::fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_known_of_the_database_file_never_falls_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let mark = MarkFile::open_or_create(&directory.path().join(FILE_NAME)).expect("a mark");
        mark.promise(&Promise { checkpointed: 5, ..promise(5) }).expect("written");
        mark.promise(&promise(9)).expect("written");
        mark.promise(&Promise { checkpointed: 7, ..promise(8) }).expect("written");
        let Reading::Promised { promise, .. } = mark.read().expect("readable") else { panic!("a promise") };
        assert_eq!((promise.commits, promise.checkpointed), (9, 7));
    }

    #[test]
    fn a_slot_that_is_torn_at_any_byte_leaves_the_promise_before_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(FILE_NAME);
        let mark = MarkFile::open_or_create(&path).expect("a mark");
        mark.promise(&promise(1)).expect("written");
        mark.promise(&promise(2)).expect("written");
        let (whole, next) = (std::fs::read(&path).expect("bytes"), promise(3).to_slot(mark.inode));
        for torn in 0..SLOT_BYTES {
            let mut bytes = whole.clone();
            bytes[..torn].copy_from_slice(&next[..torn]);
            std::fs::write(&path, bytes).expect("written");
            let commits = promised(&mark);
            assert!(commits == 2 || (commits == 3 && torn >= BODY_BYTES), "{commits} after {torn} bytes");
        }
    }

    #[test]
    fn a_bit_that_is_flipped_anywhere_in_a_slot_is_noticed() {
        let slot = promise(3).to_slot(1);
        for bit in 0..(BODY_BYTES + CHECKSUM_BYTES) * 8 {
            let mut flipped = slot.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Promise::from_slot(&flipped, 1), None, "bit {bit}");
        }
        assert_eq!(Promise::from_slot(&slot, 1), Some((promise(3), false)));
        assert_eq!(Promise::from_slot(&slot, 2), Some((promise(3), true)), "a copy of the file");
    }
}
