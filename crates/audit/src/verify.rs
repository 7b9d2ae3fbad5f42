//! Offline verification of an export. It needs only the file and, to prove the file's origin, the key.
//!
//! A line counts only in the exact bytes that an export writes. This program signs what it exports, so an export whose
//! last event is unsigned comes from elsewhere. One export alone cannot show that it was truncated or is outdated. The
//! comparison with an earlier one does ([`Earlier`]).

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::Timestamp;
use chaveiro_core::audit::AuditEvent;
use chaveiro_core::id::TenantId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::chain::{BEFORE_THE_FIRST, Checkpoint, Hash, link_hash};
use crate::export::{Line, VERSION};
use crate::kept::{KeptCheckpoint, Point, verified_by};
use crate::signer::PublicKey;
use crate::succession::{Keys, Link, Succeeded};

/// The longest line that is read, in bytes.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;

/// The verifier's own knowledge, with which an export is compared.
#[derive(Default)]
pub struct Expected<'a> {
    /// The key that must have signed it.
    pub key: Option<&'a PublicKey>,
    /// The tenant whose record it must be.
    pub tenant: Option<TenantId>,
    /// Set to accept events after the last checkpoint, although no signature proves them.
    pub allow_unsigned_tail: bool,
    /// The earlier state that this export must continue.
    pub earlier: Option<Earlier<'a>>,
}

impl<'a> Expected<'a> {
    /// Expects that key, and nothing else.
    pub fn signed_by(key: &'a PublicKey) -> Self {
        Self { key: Some(key), ..Self::default() }
    }
}

/// An earlier state of the same record.
pub enum Earlier<'a> {
    /// A checkpoint, as a verification printed it.
    Point(Point),
    /// An earlier export, or a file of checkpoints that the server sent out.
    File(&'a mut dyn BufRead),
}

/// The facts that a sound export shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The tenant of the chain.
    pub tenant: TenantId,
    /// The number of events.
    pub events: u64,
    /// The number of verified checkpoints.
    pub checkpoints: u64,
    /// The newest checkpoint: a signature protects the chain up to its position.
    pub newest: Point,
    /// The signing time of the newest checkpoint.
    pub newest_at: Timestamp,
    /// The key of the newest signatures.
    pub public_key: PublicKey,
    /// The changes of the key, the oldest first.
    pub succession: Vec<Succeeded>,
    /// Set if the verifier gave that key; otherwise it is only the export's own claim.
    pub pinned: bool,
    /// The times of the first and last event.
    pub span: (Timestamp, Timestamp),
    /// The first event with an earlier time than its predecessor: the server's clock was set back.
    pub clock_went_back: Option<u64>,
    /// The position up to which the export continues the earlier state.
    pub continues: Option<u64>,
}

impl Report {
    /// The position up to which a signature protects the chain.
    pub fn signed_through(&self) -> u64 {
        self.newest.position
    }
}

/// The place where an export is not sound.
#[derive(Debug, Error)]
#[error("line {line}: {kind}")]
pub struct Broken {
    /// The number of the line, from 1.
    pub line: u64,
    /// The kind of damage.
    pub kind: BrokenKind,
}

/// The kinds of damage.
#[derive(Debug, Error)]
pub enum BrokenKind {
    /// The file could not be read.
    #[error("it cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// A line is longer than [`MAX_LINE_BYTES`].
    #[error("it is longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// A line is not one of an export.
    #[error("it is not a line of an audit export")]
    NotALine,
    /// A line has valid content, but not in the bytes that an export writes.
    #[error("it is not written as an export writes it: something was added, repeated or rearranged")]
    NotCanonical,
    /// The last line has no end.
    #[error("it does not end: the file was cut off")]
    CutOff,
    /// The header is missing, or comes twice.
    #[error("the header must be the first line, once")]
    Header,
    /// The version is unknown.
    #[error("the export has version {0}, this program knows {VERSION}")]
    Version(u32),
    /// The header's key is unusable, or not the pinned one.
    #[error("the export names the key {found}, expected is {expected}")]
    Key {
        /// The key in the header.
        found: String,
        /// The pinned key.
        expected: String,
    },
    /// A link of the succession is forged, missing or unreadable.
    #[error("the succession of audit keys in the header is not whole: link {0} is missing or forged")]
    Succession(usize),
    /// The pinned key does not lead to the key of the export.
    #[error(
        "the succession of audit keys is broken at {at}: no older key vouches for {to}; pin the new key with --key if you know from elsewhere that it is the server's"
    )]
    SuccessionBroken {
        /// The time of the break.
        at: Timestamp,
        /// The new key.
        to: String,
    },
    /// Only keys from before the pinned one, or from before a break, have signed.
    #[error("no checkpoint is signed with the pinned key or a successor of it")]
    SignedBefore,
    /// The record belongs to another tenant.
    #[error("the export is of tenant {found}, expected is {expected}")]
    Tenant {
        /// The tenant in the header.
        found: TenantId,
        /// The requested tenant.
        expected: TenantId,
    },
    /// An event is missing, repeated or out of order.
    #[error("it has position {found} where {expected} is due: an event was removed, added or moved")]
    Position {
        /// The position on the line.
        found: u64,
        /// The next position in order.
        expected: u64,
    },
    /// A checkpoint signs nothing that the one before it did not sign.
    #[error("the checkpoint at position {0} occurs twice")]
    CheckpointAgain(u64),
    /// The event does not match its hash.
    #[error("the hash of event {0} does not match: the event or one before it was changed")]
    Hash(u64),
    /// The event belongs to another tenant, or is unreadable.
    #[error("event {0} is not an event of this tenant")]
    Foreign(u64),
    /// The signature does not match.
    #[error("the signature of the checkpoint at position {0} does not match")]
    Signature(u64),
    /// The export holds no event.
    #[error("the export holds no event, so it proves nothing")]
    Empty,
    /// The export holds events and no checkpoint.
    #[error("the export holds events but no signed checkpoint")]
    Unsigned,
    /// Events follow the last checkpoint.
    #[error(
        "only the events up to {signed} of {events} are signed: the end was cut off, or events were added; an export made by this program is signed to its end"
    )]
    UnsignedTail {
        /// The position of the last checkpoint.
        signed: u64,
        /// The number of events.
        events: u64,
    },
    /// The earlier state is not sound in itself.
    #[error("the earlier record: {0}")]
    Earlier(Box<Broken>),
    /// The earlier state has no checkpoint of this tenant.
    #[error("the earlier record holds no checkpoint of tenant {0}")]
    EarlierForeign(TenantId),
    /// The export ends before the earlier state does.
    #[error("the earlier record reaches position {earlier}, this export ends at {events}: its end was cut off")]
    Shorter {
        /// The position of the earlier state.
        earlier: u64,
        /// The number of events.
        events: u64,
    },
    /// The event differs from the earlier one at the same position.
    #[error("event {position} is not the one of the earlier record: there {earlier}, here {now}")]
    Differs {
        /// The first position that differs.
        position: u64,
        /// The earlier event, in short.
        earlier: String,
        /// The event of this export, in short.
        now: String,
    },
    /// The chain reaches an earlier checkpoint with another hash.
    #[error(
        "the earlier checkpoint at position {position} has the hash {earlier}, this export {now}: an event up to there was changed"
    )]
    DiffersAt {
        /// The position of the checkpoint.
        position: u64,
        /// The earlier hash.
        earlier: String,
        /// The hash of this export.
        now: String,
    },
}

/// Verifies an export.
pub fn verify(input: &mut dyn BufRead, expected: Expected<'_>) -> Result<Report, Broken> {
    let Expected { key, tenant, allow_unsigned_tail, earlier } = expected;
    let mut export = Export::begin(input, key)?;
    let found = export.checking.tenant;
    if let Some(expected) = tenant.filter(|expected| *expected != found) {
        return Err(export.lines.broken(BrokenKind::Tenant { found, expected }));
    }
    let mut earlier = match earlier {
        None => Before::Nothing,
        Some(earlier) => Before::open(earlier, &export.checking).map_err(|kind| export.lines.broken(kind))?,
    };
    while let Some(event) = export.next()? {
        earlier.compare(&event).map_err(|kind| export.lines.broken(kind))?;
    }
    let Export { lines, checking } = export;
    let continues = earlier.end(checking.events, allow_unsigned_tail).map_err(|kind| lines.broken(kind))?;
    let report = checking.finish(key.is_some(), allow_unsigned_tail).map_err(|kind| lines.broken(kind))?;
    Ok(Report { continues, ..report })
}

/// The lines of a file, each as this program writes it.
struct Lines<'i> {
    input: &'i mut dyn BufRead,
    number: u64,
}

impl Lines<'_> {
    fn next<L: Serialize + DeserializeOwned>(&mut self) -> Result<Option<L>, Broken> {
        self.number += 1;
        let mut line = Vec::new();
        let mut bounded = (&mut *self.input).take(MAX_LINE_BYTES as u64 + 1);
        let read = bounded.read_until(b'\n', &mut line);
        if read.map_err(|error| self.broken(BrokenKind::Unreadable(error)))? == 0 {
            return Ok(None);
        }
        if line.len() > MAX_LINE_BYTES {
            return Err(self.broken(BrokenKind::TooLong));
        }
        let Some(text) = line.strip_suffix(b"\n") else { return Err(self.broken(BrokenKind::CutOff)) };
        let parsed: L = serde_json::from_slice(text).map_err(|_| self.broken(BrokenKind::NotALine))?;
        match serde_json::to_vec(&parsed) {
            Ok(written) if written == text => Ok(Some(parsed)),
            _ => Err(self.broken(BrokenKind::NotCanonical)),
        }
    }

    fn broken(&self, kind: BrokenKind) -> Broken {
        Broken { line: self.number, kind }
    }
}

/// An export that is being read.
struct Export<'i> {
    lines: Lines<'i>,
    checking: Checking,
}

/// An event whose link is correct.
struct Verified {
    position: u64,
    hash: Hash,
    event: AuditEvent,
}

impl<'i> Export<'i> {
    fn begin(input: &'i mut dyn BufRead, key: Option<&PublicKey>) -> Result<Self, Broken> {
        let mut lines = Lines { input, number: 0 };
        let checking = match lines.next()? {
            Some(Line::Header { version, tenant, public_key, succession }) => {
                Checking::begin(version, tenant, &public_key, &succession, key)
            }
            Some(Line::Event { .. } | Line::Checkpoint(_)) | None => Err(BrokenKind::Header),
        };
        match checking {
            Ok(checking) => Ok(Self { lines, checking }),
            Err(kind) => Err(lines.broken(kind)),
        }
    }

    /// Verifies up to the next event, including checkpoints in between.
    fn next(&mut self) -> Result<Option<Verified>, Broken> {
        while let Some(line) = self.lines.next()? {
            let verified = match line {
                Line::Event { position, hash, body } => self.checking.event(position, &hash, &body).map(Some),
                Line::Checkpoint(checkpoint) => self.checking.checkpoint(&checkpoint).map(|()| None),
                Line::Header { .. } => Err(BrokenKind::Header),
            };
            match verified {
                Ok(None) => {}
                Ok(event) => return Ok(event),
                Err(kind) => return Err(self.lines.broken(kind)),
            }
        }
        Ok(None)
    }
}

/// An earlier state, read along with the export.
enum Before<'i> {
    Nothing,
    Points { points: BTreeMap<u64, Hash>, last: u64 },
    Export(Box<Export<'i>>),
}

impl<'i> Before<'i> {
    /// Opens an earlier state. It must be of the same tenant, and signed by the same key or one before it.
    fn open(earlier: Earlier<'i>, now: &Checking) -> Result<Self, BrokenKind> {
        let input = match earlier {
            Earlier::Point(Point { position, hash }) => {
                return Ok(Self::Points { points: BTreeMap::from([(position, hash)]), last: position });
            }
            Earlier::File(input) => input,
        };
        let within = |broken| BrokenKind::Earlier(Box::new(broken));
        let begins = input.fill_buf().map_err(BrokenKind::Unreadable)?;
        if begins.starts_with(b"{\"line\":") {
            let export = Export::begin(input, None).map_err(within)?;
            let (found, expected) = (export.checking.public_key, now.public_key);
            if !now.keys.contains(&found) {
                let (found, expected) = (found.to_string(), expected.to_string());
                return Err(within(export.lines.broken(BrokenKind::Key { found, expected })));
            }
            let (found, expected) = (export.checking.tenant, now.tenant);
            if found != expected {
                return Err(within(export.lines.broken(BrokenKind::Tenant { found, expected })));
            }
            return Ok(Self::Export(Box::new(export)));
        }
        let mut lines = Lines { input, number: 0 };
        let mut points = BTreeMap::new();
        while let Some(kept) = lines.next::<KeptCheckpoint>().map_err(within)? {
            if kept.tenant != now.tenant {
                continue;
            }
            let position = kept.position;
            let Some(hash) = verified_by(&kept, &now.keys) else {
                return Err(within(lines.broken(BrokenKind::Signature(position))));
            };
            // Two different signed checkpoints of one position belong to two records.
            if let Some(other) = points.insert(position, hash).filter(|other| *other != hash) {
                let [earlier, now] = [other, hash].map(|hash| STANDARD.encode(hash));
                return Err(within(lines.broken(BrokenKind::DiffersAt { position, earlier, now })));
            }
        }
        let last = points.last_key_value().map(|(position, _)| *position);
        let last = last.ok_or(BrokenKind::EarlierForeign(now.tenant))?;
        Ok(Self::Points { points, last })
    }

    fn compare(&mut self, now: &Verified) -> Result<(), BrokenKind> {
        match self {
            Self::Nothing => Ok(()),
            Self::Points { points, .. } => match points.get(&now.position) {
                Some(hash) if *hash != now.hash => Err(BrokenKind::DiffersAt {
                    position: now.position,
                    earlier: STANDARD.encode(hash),
                    now: STANDARD.encode(now.hash),
                }),
                Some(_) | None => Ok(()),
            },
            Self::Export(export) => match export.next().map_err(|broken| BrokenKind::Earlier(Box::new(broken)))? {
                Some(earlier) if earlier.hash != now.hash => Err(BrokenKind::Differs {
                    position: now.position,
                    earlier: in_short(&earlier.event),
                    now: in_short(&now.event),
                }),
                Some(_) | None => Ok(()),
            },
        }
    }

    /// The position up to which the export continues the earlier state.
    fn end(self, events: u64, allow_unsigned_tail: bool) -> Result<Option<u64>, BrokenKind> {
        let last = match self {
            Self::Nothing => return Ok(None),
            Self::Points { last, .. } => last,
            Self::Export(mut export) => {
                let within = |broken| BrokenKind::Earlier(Box::new(broken));
                while export.next().map_err(within)?.is_some() {}
                let Export { lines, checking } = *export;
                let report = checking.finish(true, allow_unsigned_tail);
                report.map_err(|kind| within(lines.broken(kind)))?.events
            }
        };
        if last > events {
            return Err(BrokenKind::Shorter { earlier: last, events });
        }
        Ok(Some(last))
    }
}

/// The form in which an error names an event.
fn in_short(event: &AuditEvent) -> String {
    format!("{} of {}", event.activity.name(), event.at)
}

struct Checking {
    tenant: TenantId,
    public_key: PublicKey,
    keys: Keys,
    /// The index of the key that signed last.
    signer: usize,
    head: Hash,
    events: u64,
    checkpoints: u64,
    /// The position of the last checkpoint.
    last_signed: u64,
    /// The newest checkpoint whose key counts.
    newest: Option<(Point, Timestamp)>,
    span: Option<(Timestamp, Timestamp)>,
    clock_went_back: Option<u64>,
}

impl Checking {
    fn begin(
        version: u32,
        tenant: TenantId,
        named: &str,
        succession: &[Link],
        pinned: Option<&PublicKey>,
    ) -> Result<Self, BrokenKind> {
        if version == 0 || version > VERSION {
            return Err(BrokenKind::Version(version));
        }
        if (version == VERSION) == succession.is_empty() {
            return Err(BrokenKind::NotCanonical);
        }
        let found = named.parse::<PublicKey>().ok().filter(|found| found.to_string() == named);
        let expected = || pinned.map_or_else(|| "an Ed25519 key".to_owned(), PublicKey::to_string);
        let public_key = found.ok_or_else(|| BrokenKind::Key { found: named.to_owned(), expected: expected() })?;
        let mut keys = Keys::new(succession, public_key)?;
        pinned.map_or(Ok(()), |pinned| keys.pin(pinned))?;
        Ok(Self {
            tenant,
            public_key,
            keys,
            signer: 0,
            head: BEFORE_THE_FIRST,
            events: 0,
            checkpoints: 0,
            last_signed: 0,
            newest: None,
            span: None,
            clock_went_back: None,
        })
    }

    fn event(&mut self, position: u64, hash: &str, body: &str) -> Result<Verified, BrokenKind> {
        let expected = self.events + 1;
        if position != expected {
            return Err(BrokenKind::Position { found: position, expected });
        }
        self.head = link_hash(&self.head, self.tenant, position, body);
        if STANDARD.encode(self.head) != hash {
            return Err(BrokenKind::Hash(position));
        }
        let event: AuditEvent = serde_json::from_str(body).map_err(|_| BrokenKind::Foreign(position))?;
        if event.tenant != self.tenant {
            return Err(BrokenKind::Foreign(position));
        }
        self.events = position;
        if self.span.is_some_and(|(_, last)| event.at < last) {
            self.clock_went_back.get_or_insert(position);
        }
        let first = self.span.map_or(event.at, |(first, _)| first);
        self.span = Some((first, event.at));
        Ok(Verified { position, hash: self.head, event })
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), BrokenKind> {
        let position = checkpoint.position;
        if position != self.events {
            return Err(BrokenKind::Position { found: position, expected: self.events });
        }
        if position > 0 && self.last_signed == position {
            return Err(BrokenKind::CheckpointAgain(position));
        }
        if checkpoint.hash != STANDARD.encode(self.head) || position == 0 {
            return Err(BrokenKind::Signature(position));
        }
        self.last_signed = position;
        let key = match self.keys.signer_of(checkpoint, self.tenant, &self.head, self.signer) {
            Some((place, key)) => {
                self.signer = place;
                key
            }
            // The key is lost, so the checkpoint cannot be verified. A newer key signs the same events later, or they
            // stay unsigned.
            None if self.keys.is_lost_from(self.signer) => return Ok(()),
            None => return Err(BrokenKind::Signature(position)),
        };
        self.checkpoints += 1;
        if self.keys.counts(&key) {
            self.newest = Some((Point { position, hash: self.head }, checkpoint.at));
        }
        Ok(())
    }

    fn finish(self, pinned: bool, allow_unsigned_tail: bool) -> Result<Report, BrokenKind> {
        let span = self.span.ok_or(BrokenKind::Empty)?;
        let none = if self.checkpoints == 0 { BrokenKind::Unsigned } else { BrokenKind::SignedBefore };
        let (newest, newest_at) = self.newest.ok_or(none)?;
        if newest.position < self.events && !allow_unsigned_tail {
            return Err(BrokenKind::UnsignedTail { signed: newest.position, events: self.events });
        }
        Ok(Report {
            tenant: self.tenant,
            events: self.events,
            checkpoints: self.checkpoints,
            newest,
            newest_at,
            public_key: self.public_key,
            succession: self.keys.changes,
            pinned,
            span,
            clock_went_back: self.clock_went_back,
            continues: None,
        })
    }
}
