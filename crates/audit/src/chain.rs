//! The hash chain of the audit record: the bytes that are hashed, the links that are signed, and the job that links new
//! events.
//!
//! Link `n` of a tenant is a SHA-256 hash. It covers a label, the hash of link `n - 1` (zeros for the first), the
//! tenant, `n`, and the exact bytes of the event. A checkpoint signs a link.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{ChainLink, ChainedEvent, StoreError, StoredCheckpoint, UnitOfWork};
use chaveiro_core::{Fault, Timestamp};
use serde::{Deserialize, Serialize};

use crate::signer::{PublicKey, Signer};

/// SHA-256.
pub(crate) type Hash = [u8; 32];

/// The predecessor of the first link.
pub(crate) const BEFORE_THE_FIRST: Hash = [0; 32];

/// The hash of a link.
pub(crate) fn link_hash(previous: &Hash, tenant: TenantId, position: u64, body: &str) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(b"chaveiro audit link v1\0");
    context.update(previous);
    context.update(tenant.0.as_bytes());
    context.update(&position.to_be_bytes());
    context.update(&(body.len() as u64).to_be_bytes());
    context.update(body.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The links of one tenant, recomputed from its events and compared with the stored ones. Signatures are not checked.
pub struct Links {
    tenant: TenantId,
    position: u64,
    head: Hash,
}

impl Links {
    /// Returns the links of that tenant, before the first.
    pub fn of(tenant: TenantId) -> Self {
        Self { tenant, position: 0, head: BEFORE_THE_FIRST }
    }

    /// The number of correct links.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Takes the next event. Returns its position if it is not the event that was linked there.
    pub fn follow(&mut self, chained: &ChainedEvent) -> Result<(), u64> {
        let position = self.position + 1;
        let hash = link_hash(&self.head, self.tenant, position, &chained.event.body);
        let ChainLink { tenant, position: stored, hash: linked, .. } = &chained.link;
        if (*tenant, *stored, *linked) != (self.tenant, position, hash) {
            return Err(position);
        }
        (self.position, self.head) = (position, hash);
        Ok(())
    }
}

/// A signed link, as it is stored and exported.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Checkpoint {
    pub(crate) position: u64,
    pub(crate) hash: String,
    pub(crate) at: Timestamp,
    pub(crate) signature: String,
}

impl Checkpoint {
    fn sign(signer: &Signer, tenant: TenantId, position: u64, hash: &Hash, at: Timestamp) -> Self {
        let signature = signer.sign(&signed_bytes(tenant, position, hash, at));
        Self { position, hash: STANDARD.encode(hash), at, signature: STANDARD.encode(signature) }
    }

    /// Returns whether the key signed exactly this link.
    pub(crate) fn is_signed_by(&self, key: &PublicKey, tenant: TenantId, hash: &Hash) -> bool {
        let Ok(signature) = STANDARD.decode(&self.signature) else { return false };
        key.verifies(&signed_bytes(tenant, self.position, hash, self.at), &signature)
    }
}

fn signed_bytes(tenant: TenantId, position: u64, hash: &Hash, at: Timestamp) -> Vec<u8> {
    let mut bytes = b"chaveiro audit checkpoint v1\0".to_vec();
    bytes.extend_from_slice(tenant.0.as_bytes());
    bytes.extend_from_slice(&position.to_be_bytes());
    bytes.extend_from_slice(hash);
    bytes.extend_from_slice(at.to_string().as_bytes());
    bytes
}

/// Links up to `limit` events that have no link yet, and signs the new head of every chain it touched. Returns the
/// number of events.
pub fn extend(unit: &mut dyn UnitOfWork, signer: &Signer, now: Timestamp, limit: usize) -> Result<usize, Fault> {
    let events = unit.unchained_events(limit)?;
    let mut heads: BTreeMap<TenantId, (u64, Hash)> = BTreeMap::new();
    let mut links = Vec::with_capacity(events.len());
    for event in &events {
        let (position, previous) = match heads.get(&event.tenant) {
            Some(head) => *head,
            None => unit.chain_head(event.tenant)?.map_or((0, BEFORE_THE_FIRST), |link| (link.position, link.hash)),
        };
        let position = position + 1;
        let hash = link_hash(&previous, event.tenant, position, &event.body);
        heads.insert(event.tenant, (position, hash));
        links.push(ChainLink { seq: event.seq, tenant: event.tenant, position, hash });
    }
    unit.append_links(&links)?;
    for (tenant, (position, hash)) in heads {
        let checkpoint = Checkpoint::sign(signer, tenant, position, &hash, now);
        let body = serde_json::to_string(&checkpoint).map_err(|error| StoreError::Inconsistent(error.to_string()))?;
        unit.insert_checkpoint(&StoredCheckpoint { tenant, position, body })?;
    }
    Ok(links.len())
}
