//! Checkpoints as they are kept outside the server: one word for a person, one line for a machine.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::Timestamp;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{StoreError, View};
use serde::{Deserialize, Serialize};

use crate::chain::Checkpoint;
use crate::signer::PublicKey;
use crate::succession::{Keys, Lineage};

/// A place in a chain, written `POSITION:HASH`. It identifies all events up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The position, from 1.
    pub position: u64,
    /// The hash of the link there.
    pub hash: [u8; 32],
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, STANDARD.encode(self.hash))
    }
}

impl FromStr for Point {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a checkpoint looks like POSITION:HASH; chaveiro audit verify prints the newest";
        let (position, hash) = text.trim().split_once(':').ok_or(EXPECTED)?;
        let position = position.parse().ok().filter(|position| *position > 0).ok_or(EXPECTED)?;
        let hash = STANDARD.decode(hash).ok().and_then(|hash| hash.try_into().ok()).ok_or(EXPECTED)?;
        Ok(Self { position, hash })
    }
}

/// A checkpoint that leaves the server: one line of JSON, which can be verified without the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeptCheckpoint {
    /// The tenant of the chain.
    pub tenant: TenantId,
    /// The key of the signature.
    pub public_key: String,
    /// The position of the event that it signs.
    pub position: u64,
    /// The hash of the link there, in base64.
    pub hash: String,
    /// The time of the signature.
    pub at: Timestamp,
    /// The signature, in base64.
    pub signature: String,
}

impl KeptCheckpoint {
    /// The hash, if that key signed exactly this checkpoint.
    pub fn verified(&self, key: &PublicKey) -> Option<[u8; 32]> {
        let hash = STANDARD.decode(&self.hash).ok()?.try_into().ok()?;
        let checkpoint = Checkpoint {
            position: self.position,
            hash: self.hash.clone(),
            at: self.at,
            signature: self.signature.clone(),
        };
        (self.position > 0 && self.public_key == key.to_string() && checkpoint.is_signed_by(key, self.tenant, &hash))
            .then_some(hash)
    }
}

/// The hash of a kept checkpoint, if the key that it names is one of these keys and signed it.
pub(crate) fn verified_by(kept: &KeptCheckpoint, keys: &Keys) -> Option<[u8; 32]> {
    let key = kept.public_key.parse().ok().filter(|key| keys.contains(key))?;
    kept.verified(&key)
}

/// The newest checkpoint of every tenant that has one, in the form that leaves the server.
pub fn newest_checkpoints(view: &dyn View, signer: &Lineage) -> Result<Vec<KeptCheckpoint>, StoreError> {
    let keys = signer.keys(view)?;
    let mut kept = Vec::new();
    for stored in view.newest_checkpoints()? {
        let unreadable = |_| StoreError::Inconsistent(format!("the checkpoint at position {}", stored.position));
        let checkpoint: Checkpoint = serde_json::from_str(&stored.body).map_err(unreadable)?;
        // After a change of the key, the newest checkpoint is signed with the previous key until an event is linked.
        let link = STANDARD.decode(&checkpoint.hash).ok().and_then(|hash| hash.try_into().ok());
        let signed = link.and_then(|hash| keys.signer_of(&checkpoint, stored.tenant, &hash, 0));
        let public_key = signed.map_or(signer.key(), |(_, key)| key).to_string();
        let Checkpoint { position, hash, at, signature } = checkpoint;
        kept.push(KeptCheckpoint { tenant: stored.tenant, public_key, position, hash, at, signature });
    }
    Ok(kept)
}
