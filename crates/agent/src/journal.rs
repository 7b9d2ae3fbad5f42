//! The journal of one recovery. Each change is written and on the disk before it is made. After a crash or a power
//! loss, the journal says what has to be finished or taken back.
//!
//! A line for each record: eight hex digits of its SHA-256, a space, JSON. A line that a power loss cut, or a record
//! that does not match its digits, ends the journal: the announced change had not begun.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chaveiro_core::digest::sha256_hex;
use chaveiro_core::lock::{DeviceReport, Unpromoted};
use chaveiro_core::secret::joined;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The largest journal that is read, in bytes: a recovery of a few volumes takes a few kilobytes.
const MAX_BYTES: u64 = 256 * 1024;

/// The digits of the SHA-256 that guard a record.
const DIGITS: usize = 8;

/// One record. The former hash of a password is in it: the file is for root alone, and is gone after the recovery.
#[derive(Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Record {
    /// A candidate that the escrow holds is about to be applied.
    Applying {
        /// The candidate.
        candidate: Unpromoted,
    },
    /// A key slot is about to be added.
    Adding {
        /// The volume, as configured.
        volume: PathBuf,
        /// The slot, which was free.
        slot: u8,
    },
    /// The password of an account is about to be replaced.
    Setting {
        /// The account.
        account: String,
        /// The former hash and day, fields 2 and 3 of shadow(5).
        #[serde(with = "former")]
        old_hash: Zeroizing<String>,
        /// The day of its last change.
        old_last_change: String,
        /// Hex SHA-256 of the new hash.
        new_fingerprint: String,
    },
    /// Everything opens with the candidate; the old secrets are still there.
    Applied {
        /// The report to the server, also when it asks again.
        report: DeviceReport,
    },
    /// The server has promoted the candidate: the old secrets are about to go.
    Retiring,
    /// The candidate will not be promoted: the applied changes are about to be taken back.
    TakingBack,
}

/// The former hash is the one secret that this file keeps; its type does not serialise by itself.
mod former {
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(hash: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(hash)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(deserializer).map(Zeroizing::new)
    }
}

/// The journal of the recovery under way.
pub(crate) struct Journal {
    file: PathBuf,
    records: Vec<Record>,
    /// The length in bytes of the valid records; the rest is cut off before the next record is written.
    length: u64,
}

impl Journal {
    /// Reads the journal; an absent file is an empty journal.
    pub(crate) fn open(file: &Path) -> std::io::Result<Self> {
        let bytes = match std::fs::metadata(file) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
            Ok(metadata) if metadata.len() > MAX_BYTES => return Err(std::io::Error::from(ErrorKind::FileTooLarge)),
            Ok(_) => std::fs::read(file)?,
        };
        let bytes = Zeroizing::new(bytes);
        let (mut records, mut length) = (Vec::new(), 0);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(record) = parse(line) else { break };
            records.push(record);
            length += line.len() as u64;
        }
        Ok(Self { file: file.to_owned(), records, length })
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Adds a record; it is on the disk when this returns.
    pub(crate) fn append(&mut self, record: Record) -> std::io::Result<()> {
        let json = Zeroizing::new(serde_json::to_string(&record)?);
        let line = joined(&[&digits(json.as_bytes()), " ", &json, "\n"]);
        let is_new = self.length == 0;
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(false).mode(0o600).open(&self.file)?;
        file.set_len(self.length)?;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(self.length))?;
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        if is_new {
            sync_parent(&self.file)?;
        }
        self.length += line.len() as u64;
        self.records.push(record);
        Ok(())
    }

    /// Removes the journal of a recovery that is over. The file is overwritten first, because it holds the former hash.
    pub(crate) fn remove(&mut self) -> std::io::Result<()> {
        match OpenOptions::new().write(true).open(&self.file) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(mut file) => {
                // One byte of the first record goes first: from here on the journal is empty, whatever the disk does with
                // the rest.
                let length = file.metadata()?.len().min(MAX_BYTES) as usize;
                file.write_all(&vec![0; length.min(1)])?;
                file.sync_all()?;
                file.write_all(&vec![0; length.saturating_sub(1)])?;
                file.sync_all()?;
                std::fs::remove_file(&self.file)?;
                sync_parent(&self.file)?;
            }
        }
        (self.records, self.length) = (Vec::new(), 0);
        Ok(())
    }

    /// The candidate that this journal is about.
    pub(crate) fn candidate(&self) -> Option<&Unpromoted> {
        self.records.iter().find_map(|record| match record {
            Record::Applying { candidate } => Some(candidate),
            _ => None,
        })
    }

    /// The report, from the time when everything opens with the candidate until the candidate is taken back.
    pub(crate) fn applied(&self) -> Option<&DeviceReport> {
        if self.records.iter().any(|record| matches!(record, Record::TakingBack)) {
            return None;
        }
        self.records.iter().find_map(|record| match record {
            Record::Applied { report } => Some(report),
            _ => None,
        })
    }

    /// Returns true if the old secrets may be gone by now.
    pub(crate) fn is_retiring(&self) -> bool {
        self.records.iter().any(|record| matches!(record, Record::Retiring))
    }
}

fn parse(line: &[u8]) -> Option<Record> {
    let line = line.strip_suffix(b"\n")?;
    let (digits_of_it, json) = (line.get(..DIGITS)?, line.get(DIGITS + 1..)?);
    (line.get(DIGITS) == Some(&b' ') && digits(json).as_bytes() == digits_of_it)
        .then(|| serde_json::from_slice(json).ok())
        .flatten()
}

fn digits(json: &[u8]) -> String {
    let mut text = sha256_hex(json);
    text.truncate(DIGITS);
    text
}

fn sync_parent(file: &Path) -> std::io::Result<()> {
    File::open(file.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use chaveiro_core::id::ActionId;

    use super::*;

    fn applying(attempt: u32) -> Record {
        let action = ActionId(uuid::Uuid::from_u128(7));
        Record::Applying { candidate: Unpromoted { action, attempt, envelope_sha256: "ab".to_owned() } }
    }

    fn adding(slot: u8) -> Record {
        Record::Adding { volume: PathBuf::from("/dev/sda3"), slot }
    }

    #[test]
    fn records_come_back_in_order_from_a_file_that_only_root_may_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("journal");
        let mut journal = Journal::open(&file).expect("empty");
        assert!(journal.records().is_empty() && journal.candidate().is_none());
        journal.append(applying(2)).expect("written");
        journal.append(adding(3)).expect("written");
        assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o600);
        let mut journal = Journal::open(&file).expect("read");
        assert_eq!(journal.candidate().map(|candidate| candidate.attempt), Some(2));
        assert!(matches!(journal.records(), [Record::Applying { .. }, Record::Adding { slot: 3, .. }]));
        assert!(journal.applied().is_none() && !journal.is_retiring());
        journal.remove().expect("removed");
        assert!(!file.exists());
        journal.remove().expect("removing twice is no error");
    }

    #[test]
    fn a_journal_that_was_cut_at_any_byte_holds_its_whole_records_and_goes_on_from_there() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("journal");
        let mut journal = Journal::open(&file).expect("empty");
        for record in [applying(1), adding(1), adding(2)] {
            journal.append(record).expect("written");
        }
        let whole = std::fs::read(&file).expect("read");
        let ends: Vec<usize> =
            whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
        for cut in 0..=whole.len() {
            std::fs::write(&file, &whole[..cut]).expect("written");
            let mut journal = Journal::open(&file).expect("read");
            let complete = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(journal.records().len(), complete, "cut at {cut}");
            journal.append(adding(9)).expect("written");
            let again = Journal::open(&file).expect("read");
            assert_eq!(again.records().len(), complete + 1, "cut at {cut}");
        }
    }

    #[test]
    fn a_changed_byte_ends_the_journal_before_its_record() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("journal");
        let mut journal = Journal::open(&file).expect("empty");
        journal.append(applying(1)).expect("written");
        journal.append(adding(1)).expect("written");
        let whole = std::fs::read(&file).expect("read");
        let first = whole.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&file, &changed).expect("written");
            let records = Journal::open(&file).expect("read").records().len();
            assert!(records <= usize::from(at >= first), "byte {at}: {records}");
        }
    }
}
