//! Offline verification of an export: needs nothing but the file and, to be sure of its origin, the key.

use std::io::{BufRead, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::Timestamp;
use chaveiro_core::audit::AuditEvent;
use chaveiro_core::id::TenantId;
use thiserror::Error;

use crate::chain::{BEFORE_THE_FIRST, Hash, link_hash};
use crate::export::{Line, VERSION};
use crate::signer::PublicKey;

/// The longest line that is read, in bytes.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;

/// What a sound export shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whose chain it is.
    pub tenant: TenantId,
    /// How many events it holds.
    pub events: u64,
    /// How many checkpoints were verified.
    pub checkpoints: u64,
    /// The position up to which a signature protects the chain.
    pub signed_through: u64,
    /// The key of the signatures.
    pub public_key: PublicKey,
    /// Whether that key was given by the verifier; otherwise it is the export's own claim.
    pub pinned: bool,
    /// Times of the first and last event.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// Where an export is not sound.
#[derive(Debug, Error)]
#[error("line {line}: {kind}")]
pub struct Broken {
    /// From 1.
    pub line: u64,
    /// What is wrong there.
    pub kind: BrokenKind,
}

/// What can be wrong with a line.
#[derive(Debug, Error)]
pub enum BrokenKind {
    /// The file could not be read.
    #[error("it cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// Longer than [`MAX_LINE_BYTES`].
    #[error("it is longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// Not a line of an export.
    #[error("it is not a line of an audit export")]
    NotALine,
    /// The header is missing, or comes twice.
    #[error("the header must be the first line, once")]
    Header,
    /// Another version.
    #[error("the export has version {0}, this program knows {VERSION}")]
    Version(u32),
    /// The header's key is none, or not the pinned one.
    #[error("the export names the key {found}, expected is {expected}")]
    Key {
        /// In the header.
        found: String,
        /// Pinned.
        expected: String,
    },
    /// An event is missing, repeated or out of order.
    #[error("it has position {found} where {expected} is due: an event was removed, added or moved")]
    Position {
        /// On the line.
        found: u64,
        /// In order.
        expected: u64,
    },
    /// The event is not what was hashed.
    #[error("the hash of event {0} does not match: the event or one before it was changed")]
    Hash(u64),
    /// The event is of another tenant, or unreadable.
    #[error("event {0} is not an event of this tenant")]
    Foreign(u64),
    /// The signature does not match.
    #[error("the signature of the checkpoint at position {0} does not match")]
    Signature(u64),
    /// There are events and no checkpoint.
    #[error("there are events and no signed checkpoint")]
    Unsigned,
}

/// Verifies an export. With `pinned`, also that this very key signed it.
pub fn verify(input: &mut dyn BufRead, pinned: Option<&PublicKey>) -> Result<Report, Broken> {
    let mut lines = Lines { input, number: 0 };
    let mut checking: Option<Checking> = None;
    while let Some(line) = lines.next()? {
        let checked = match (&mut checking, line) {
            (None, Line::Header { version, tenant, public_key }) => {
                Checking::begin(version, tenant, &public_key, pinned).map(|begun| checking = Some(begun))
            }
            (Some(checking), Line::Event { position, hash, body }) => checking.event(position, &hash, &body),
            (Some(checking), Line::Checkpoint(checkpoint)) => checking.checkpoint(&checkpoint),
            (None, Line::Event { .. } | Line::Checkpoint(_)) | (Some(_), Line::Header { .. }) => {
                Err(BrokenKind::Header)
            }
        };
        checked.map_err(|kind| lines.broken(kind))?;
    }
    let finished = checking.ok_or(BrokenKind::Header).and_then(Checking::finish);
    finished.map_err(|kind| lines.broken(kind))
}

struct Lines<'i> {
    input: &'i mut dyn BufRead,
    number: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<Line>, Broken> {
        self.number += 1;
        let mut line = Vec::new();
        let mut bounded = (&mut *self.input).take(MAX_LINE_BYTES as u64 + 1);
        let read = bounded.read_until(b'\n', &mut line);
        match read.map_err(|error| self.broken(BrokenKind::Unreadable(error)))? {
            0 => Ok(None),
            _ if line.len() > MAX_LINE_BYTES => Err(self.broken(BrokenKind::TooLong)),
            _ => serde_json::from_slice(&line).map(Some).map_err(|_| self.broken(BrokenKind::NotALine)),
        }
    }

    fn broken(&self, kind: BrokenKind) -> Broken {
        Broken { line: self.number, kind }
    }
}

struct Checking {
    report: Report,
    head: Hash,
}

impl Checking {
    fn begin(version: u32, tenant: TenantId, public_key: &str, pinned: Option<&PublicKey>) -> Result<Self, BrokenKind> {
        if version != VERSION {
            return Err(BrokenKind::Version(version));
        }
        let expected = pinned.map_or_else(|| "an Ed25519 key".to_owned(), PublicKey::to_string);
        let found = public_key.parse::<PublicKey>().ok();
        let agreed = found.filter(|found| pinned.is_none_or(|pinned| pinned == found));
        let public_key = agreed.ok_or_else(|| BrokenKind::Key { found: public_key.to_owned(), expected })?;
        let report = Report {
            tenant,
            events: 0,
            checkpoints: 0,
            signed_through: 0,
            public_key,
            pinned: pinned.is_some(),
            span: None,
        };
        Ok(Self { report, head: BEFORE_THE_FIRST })
    }

    fn event(&mut self, position: u64, hash: &str, body: &str) -> Result<(), BrokenKind> {
        let expected = self.report.events + 1;
        if position != expected {
            return Err(BrokenKind::Position { found: position, expected });
        }
        self.head = link_hash(&self.head, self.report.tenant, position, body);
        if STANDARD.encode(self.head) != hash {
            return Err(BrokenKind::Hash(position));
        }
        let event: AuditEvent = serde_json::from_str(body).map_err(|_| BrokenKind::Foreign(position))?;
        if event.tenant != self.report.tenant {
            return Err(BrokenKind::Foreign(position));
        }
        self.report.events = position;
        let first = self.report.span.map_or(event.at, |(first, _)| first);
        self.report.span = Some((first, event.at));
        Ok(())
    }

    fn checkpoint(&mut self, checkpoint: &crate::chain::Checkpoint) -> Result<(), BrokenKind> {
        let position = checkpoint.position;
        if position != self.report.events {
            return Err(BrokenKind::Position { found: position, expected: self.report.events });
        }
        let fits = checkpoint.hash == STANDARD.encode(self.head)
            && checkpoint.is_signed_by(&self.report.public_key, self.report.tenant, &self.head);
        if !fits {
            return Err(BrokenKind::Signature(position));
        }
        self.report.checkpoints += 1;
        self.report.signed_through = position;
        Ok(())
    }

    fn finish(self) -> Result<Report, BrokenKind> {
        match (self.report.events, self.report.signed_through) {
            (1.., 0) => Err(BrokenKind::Unsigned),
            _ => Ok(self.report),
        }
    }
}
