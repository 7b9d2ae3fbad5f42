//! The succession of the keys that sign checkpoints. A replaced key signs its successor. An auditor who has pinned the
//! older key follows these links to the newer one.
//!
//! Signed links lie beside the key, in `audit.succession`, one line of JSON each. If a key was lost and another
//! accepted, there is no link. The database knows only the fingerprints then, and the succession is broken there.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::Timestamp;
use chaveiro_core::digest::unhex;
use chaveiro_core::id::TenantId;
use chaveiro_core::keys::{Fingerprint, KeyName};
use chaveiro_core::ports::{StoreError, View};
use chaveiro_keyfile::{self as keyfile, KeyFileError};
use serde::{Deserialize, Serialize};

use crate::chain::{Checkpoint, Hash};
use crate::signer::PublicKey;
use crate::verify::BrokenKind;

/// The prefix of a fingerprint, which stands for a key that is no longer known.
const FINGERPRINT: &str = "sha256:";

/// A step from one key to the next, as it is stored and exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Link {
    from: String,
    to: String,
    at: Timestamp,
    /// The signature of the older key; absent where the succession is broken.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    signature: Option<String>,
}

impl Link {
    /// A link that the older key signs, with `sign`.
    pub(crate) fn signed(from: PublicKey, to: PublicKey, at: Timestamp, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Self {
        let signature = Some(STANDARD.encode(sign(&signed_bytes(&from, &to, at))));
        Self { from: from.to_string(), to: to.to_string(), at, signature }
    }
}

fn signed_bytes(from: &PublicKey, to: &PublicKey, at: Timestamp) -> Vec<u8> {
    let mut bytes = b"chaveiro audit succession v1\0".to_vec();
    for key in [from, to] {
        bytes.extend_from_slice(key.as_bytes());
    }
    bytes.extend_from_slice(at.to_string().as_bytes());
    bytes
}

/// A key of the succession: the key itself, or its fingerprint if the key is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heir {
    Known(PublicKey),
    Lost([u8; 32]),
}

impl Heir {
    /// Parses a key in its canonical spelling only.
    fn parse(text: &str) -> Option<Self> {
        let lost = || Some(Self::Lost(unhex(text.strip_prefix(FINGERPRINT)?)?.try_into().ok()?));
        let found = text.parse().ok().map(Self::Known).or_else(lost)?;
        (found.to_string() == text).then_some(found)
    }

    fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Known(key) => key.fingerprint(),
            Self::Lost(hash) => Fingerprint(*hash),
        }
    }
}

impl fmt::Display for Heir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(key) => key.fmt(f),
            Self::Lost(hash) => write!(f, "{FINGERPRINT}{}", Fingerprint(*hash)),
        }
    }
}

/// The key that signs now, with the signed links that lie beside it.
#[derive(Clone, Debug)]
pub struct Lineage {
    key: PublicKey,
    links: Vec<Link>,
}

impl Lineage {
    /// Returns a key without links.
    pub fn of(key: PublicKey) -> Self {
        Self { key, links: Vec::new() }
    }

    /// Reads the links beside the file of a key.
    pub(crate) fn read(key: PublicKey, file: &Path) -> Result<Self, KeyFileError> {
        let beside = beside(file);
        let bytes = match keyfile::read(&beside) {
            Ok(bytes) => bytes,
            Err(KeyFileError::Missing(_)) => return Ok(Self::of(key)),
            Err(error) => return Err(error),
        };
        let links = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let links = links.map(serde_json::from_slice).collect::<Result<Vec<_>, _>>();
        let what = "it does not hold a succession of audit keys";
        Ok(Self { key, links: links.map_err(|_| KeyFileError::Damaged { file: beside, what })? })
    }

    /// Writes the links beside the file of a key, with one more.
    pub(crate) fn write_with(&self, link: Link, file: &Path) -> Result<(), KeyFileError> {
        // A link whose key was never settled is left out.
        let mut kept: Vec<&Link> = self.links.iter().filter(|old| old.from != link.from).collect();
        kept.push(&link);
        let unwritable = |error| KeyFileError::Io { file: beside(file), error: std::io::Error::other(error) };
        let lines = kept.iter().map(serde_json::to_string).collect::<Result<Vec<_>, serde_json::Error>>();
        keyfile::replace(&beside(file), (lines.map_err(unwritable)?.join("\n") + "\n").as_bytes())
    }

    /// The key that signs now.
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// The links of every audit key that the database knows, in order; empty if there was only one key.
    pub(crate) fn links(&self, view: &dyn View) -> Result<Vec<Link>, StoreError> {
        let known = view.known_keys()?.into_iter().filter(|known| known.name == KeyName::Audit);
        let mut known: Vec<_> = known.map(|known| (known.fingerprint, known.since)).collect();
        known.dedup_by_key(|(fingerprint, _)| *fingerprint);
        // The last of them is the current key, unless a new one is about to be accepted.
        let current = self.key.fingerprint();
        let Some(end) = known.iter().rposition(|(fingerprint, _)| *fingerprint == current) else {
            return Ok(Vec::new());
        };
        let signed = |from: Fingerprint, to: Fingerprint| {
            let is = |text: &str, print| Heir::parse(text).is_some_and(|heir| heir.fingerprint() == print);
            self.links.iter().find(|link| is(&link.from, from) && is(&link.to, to)).cloned()
        };
        let named = |print: Fingerprint| {
            let keys = self.links.iter().flat_map(|link| [&link.from, &link.to]).filter_map(|text| Heir::parse(text));
            let found = keys.chain([Heir::Known(self.key)]).find(|heir| heir.fingerprint() == print);
            found.unwrap_or(Heir::Lost(print.0)).to_string()
        };
        let link = |pair: &[(Fingerprint, Timestamp)]| {
            let (from, to, at) = (pair[0].0, pair[1].0, pair[1].1);
            signed(from, to).unwrap_or_else(|| Link { from: named(from), to: named(to), at, signature: None })
        };
        Ok(known[..=end].windows(2).map(link).collect())
    }

    /// The keys of the succession.
    pub(crate) fn keys(&self, view: &dyn View) -> Result<Keys, StoreError> {
        let damaged = |kind: BrokenKind| StoreError::Inconsistent(kind.to_string());
        Keys::new(&self.links(view)?, self.key).map_err(damaged)
    }
}

/// The path of the links of a key.
fn beside(file: &Path) -> PathBuf {
    file.with_extension("succession")
}

/// One change of the key, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succeeded {
    /// The time.
    pub at: Timestamp,
    /// The new key.
    pub to: String,
    /// True if the key before it signed the change.
    pub vouched_for: bool,
}

/// Every key that may have signed checkpoints, in order.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    heirs: Vec<Heir>,
    pub(crate) changes: Vec<Succeeded>,
    /// The index of the first key that counts. Older keys may have signed, but prove nothing.
    trusted: usize,
}

impl Keys {
    /// Verifies the links that end with that key. Without a pinned key, the keys count from which signed links lead to
    /// the newest.
    pub(crate) fn new(links: &[Link], last: PublicKey) -> Result<Self, BrokenKind> {
        let mut heirs: Vec<Heir> = Vec::new();
        let mut changes = Vec::new();
        for (index, link) in links.iter().enumerate() {
            let forged = || BrokenKind::Succession(index + 1);
            let (from, to) = Heir::parse(&link.from).zip(Heir::parse(&link.to)).ok_or_else(forged)?;
            if heirs.last().is_some_and(|before| *before != from) || from == to {
                return Err(forged());
            }
            if heirs.is_empty() {
                heirs.push(from);
            }
            if let Some(signature) = &link.signature {
                let (Heir::Known(old), Heir::Known(new)) = (from, to) else { return Err(forged()) };
                let signature = STANDARD.decode(signature).map_err(|_| forged())?;
                if !old.verifies(&signed_bytes(&old, &new, link.at), &signature) {
                    return Err(forged());
                }
            }
            heirs.push(to);
            changes.push(Succeeded { at: link.at, to: to.to_string(), vouched_for: link.signature.is_some() });
        }
        match heirs.last() {
            None => heirs.push(Heir::Known(last)),
            Some(end) if *end == Heir::Known(last) => {}
            Some(_) => return Err(BrokenKind::Succession(links.len())),
        }
        let trusted = changes.iter().rposition(|change| !change.vouched_for).map_or(0, |broken| broken + 1);
        Ok(Self { heirs, changes, trusted })
    }

    /// Trusts the keys from the pinned one on. Signed links must lead from it to the newest without a break.
    pub(crate) fn pin(&mut self, pinned: &PublicKey) -> Result<(), BrokenKind> {
        let place = self.place(pinned).ok_or_else(|| BrokenKind::Key {
            found: self.heirs.last().map(Heir::to_string).unwrap_or_default(),
            expected: pinned.to_string(),
        })?;
        if let Some(broken) = self.changes[place..].iter().find(|change| !change.vouched_for) {
            return Err(BrokenKind::SuccessionBroken { at: broken.at, to: broken.to.clone() });
        }
        self.trusted = place;
        Ok(())
    }

    /// The last index of a key in the succession: an operator may have put an older one back.
    fn place(&self, key: &PublicKey) -> Option<usize> {
        let print = key.fingerprint();
        self.heirs.iter().rposition(|heir| heir.fingerprint() == print)
    }

    /// Returns whether that key belongs to the succession.
    pub(crate) fn contains(&self, key: &PublicKey) -> bool {
        self.place(key).is_some()
    }

    /// Returns whether signatures of that key count.
    pub(crate) fn counts(&self, key: &PublicKey) -> bool {
        self.place(key).is_some_and(|place| place >= self.trusted)
    }

    /// The index of the key that signed a checkpoint, among the keys from `from` on.
    pub(crate) fn signer_of(
        &self,
        checkpoint: &Checkpoint,
        tenant: TenantId,
        hash: &Hash,
        from: usize,
    ) -> Option<(usize, PublicKey)> {
        let signed = |(place, heir): (usize, &Heir)| match heir {
            Heir::Known(key) if checkpoint.is_signed_by(key, tenant, hash) => Some((place, *key)),
            Heir::Known(_) | Heir::Lost(_) => None,
        };
        self.heirs.iter().enumerate().skip(from).find_map(signed)
    }

    /// Returns whether a lost key, which can verify nothing any more, may have signed before the keys from that index
    /// on.
    pub(crate) fn is_lost_from(&self, place: usize) -> bool {
        self.heirs[place..].iter().any(|heir| matches!(heir, Heir::Lost(_)))
    }
}
