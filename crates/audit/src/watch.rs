//! Verification of the stored record by the server itself, in pieces of bounded size.
//!
//! Other programs may write to the store. A [`Watch`] walks the chain of each tenant in the order of linking. An event can
//! be linked after one with a greater sequence number. The watch compares each event with its link, each link with its
//! predecessor, and each checkpoint with its link. It remembers the heads that it has seen, so it notices
//! if the record gets shorter while the server runs. Then it looks for events outside the chains.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{ChainLink, ChainedEvent, EventLinks, StoreError, StoredCheckpoint, StoredEvent, View};

use crate::chain::{BEFORE_THE_FIRST, Checkpoint, Hash, link_hash};
use crate::signer::PublicKey;
use crate::succession::{Keys, Lineage};

/// A place where the stored record differs from what was recorded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    /// The tenant of the chain.
    pub tenant: TenantId,
    /// The position in the chain; of an event without a link, its sequence number.
    pub position: u64,
    /// The kind of damage.
    pub kind: DamageKind,
}

/// The kinds of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DamageKind {
    /// An event among linked ones has no link: it was added.
    Unlinked,
    /// An event or a link is missing, or was added or moved.
    Gap,
    /// An event does not match its hash.
    Changed,
    /// A checkpoint is missing, unreadable, or signs another link.
    Checkpoint,
    /// The chain is shorter than before, or a different one.
    Shorter,
}

impl DamageKind {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unlinked => "unlinked",
            Self::Gap => "gap",
            Self::Changed => "changed",
            Self::Checkpoint => "checkpoint",
            Self::Shorter => "shorter",
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, position, kind } = self;
        match kind {
            DamageKind::Unlinked => write!(f, "the event number {position} of tenant {tenant} was added"),
            DamageKind::Gap => write!(f, "at position {position} of tenant {tenant} an event was removed or moved"),
            DamageKind::Changed => write!(f, "event {position} of tenant {tenant} was changed"),
            DamageKind::Checkpoint => {
                write!(f, "the checkpoint at position {position} of tenant {tenant} does not verify")
            }
            DamageKind::Shorter => {
                write!(f, "the chain of tenant {tenant} had reached position {position} and no longer does")
            }
        }
    }
}

/// The head of a chain, and the newest verified checkpoint before it.
#[derive(Clone, Copy)]
struct Head {
    position: u64,
    hash: Hash,
    /// The position of the newest verified checkpoint.
    signed: u64,
    /// The index of its key in the succession: an older key signs nothing after a newer one.
    signer: usize,
    /// True if the key of the checkpoint counts.
    counts: bool,
}

/// A walk over the stored record.
#[derive(Clone)]
pub struct Watch {
    signer: Lineage,
    /// The sequence number up to which events outside the chains were looked for.
    seq: i64,
    heads: BTreeMap<TenantId, Head>,
    /// The heads that earlier rounds have reached.
    reached: BTreeMap<TenantId, (u64, Hash)>,
}

impl Watch {
    /// Returns a walk that starts at the first event.
    pub fn new(signer: Lineage) -> Self {
        Self { signer, seq: 0, heads: BTreeMap::new(), reached: BTreeMap::new() }
    }

    /// Begins another round from the first event.
    pub fn again(&mut self) {
        self.remember();
        self.seq = 0;
        self.heads.clear();
    }

    /// Examines at most `limit` events. Returns the damage, and whether it reached the end. At the end, a call costs
    /// almost nothing while no event is added.
    pub fn advance(&mut self, view: &dyn View, limit: usize) -> Result<(Vec<Damage>, bool), StoreError> {
        let (mut damage, mut left) = (Vec::new(), limit);
        for newest in view.chain_heads()? {
            left -= self.follow(view, newest.tenant, left, &mut damage)?.min(left);
        }
        left -= self.look_for_strays(view, left, &mut damage)?.min(left);
        let at_end = left > 0;
        if at_end {
            self.end(view, &mut damage)?;
        }
        Ok((damage, at_end))
    }

    /// Examines the next events of a chain, at most `limit`. Returns their number.
    fn follow(
        &mut self,
        view: &dyn View,
        tenant: TenantId,
        limit: usize,
        damage: &mut Vec<Damage>,
    ) -> Result<usize, StoreError> {
        let before = Head { position: 0, hash: BEFORE_THE_FIRST, signed: 0, signer: 0, counts: false };
        let head = self.heads.entry(tenant).or_insert(before);
        let mut seen: BTreeMap<u64, Hash> = BTreeMap::new();
        for ChainedEvent { event, link } in view.chained_events(tenant, head.position, limit)? {
            let mut found = |kind| damage.push(Damage { tenant, position: link.position, kind });
            if event.tenant != tenant || link.position != head.position + 1 {
                found(DamageKind::Gap);
            } else if link_hash(&head.hash, tenant, link.position, &event.body) != link.hash {
                found(DamageKind::Changed);
            } else if self.reached.get(&tenant).is_some_and(|(at, hash)| *at == link.position && *hash != link.hash) {
                found(DamageKind::Shorter);
            }
            // The next link is compared with the stored one, so that each damage is reported once.
            (head.position, head.hash) = (link.position, link.hash);
            seen.insert(link.position, link.hash);
        }
        if !seen.is_empty() {
            let keys = self.signer.keys(view)?;
            self.checkpoints(view, &keys, tenant, &seen, damage)?;
        }
        Ok(seen.len())
    }

    /// Looks for events outside the chains among the next `limit` events of all tenants. Returns their number.
    fn look_for_strays(
        &mut self,
        view: &dyn View,
        limit: usize,
        damage: &mut Vec<Damage>,
    ) -> Result<usize, StoreError> {
        let strays = view.stray_events(self.seq, limit)?;
        self.seq = strays.through;
        damage.extend(strays.events.iter().map(|event| Damage {
            tenant: event.tenant,
            position: event.seq.unsigned_abs(),
            kind: DamageKind::Unlinked,
        }));
        Ok(strays.looked_at)
    }

    /// Verifies the checkpoints of the examined links.
    fn checkpoints(
        &mut self,
        view: &dyn View,
        keys: &Keys,
        tenant: TenantId,
        links: &BTreeMap<u64, Hash>,
        damage: &mut Vec<Damage>,
    ) -> Result<(), StoreError> {
        let (Some((first, _)), Some((last, _))) = (links.first_key_value(), links.last_key_value()) else {
            return Ok(());
        };
        for stored in view.checkpoints_between(tenant, *first, *last)? {
            let position = stored.position;
            let Some(head) = self.heads.get_mut(&tenant) else { continue };
            match links.get(&position).and_then(|hash| signed(&stored, keys, hash, head.signer)) {
                Some(Signed::By(place, key)) => {
                    head.signed = head.signed.max(position);
                    (head.signer, head.counts) = (place, keys.counts(&key));
                }
                Some(Signed::ByLostKey) => {}
                None => damage.push(Damage { tenant, position, kind: DamageKind::Checkpoint }),
            }
        }
        Ok(())
    }

    /// Checks at the end of a round that every chain is as long as it ever was, and signed to its head.
    fn end(&mut self, view: &dyn View, damage: &mut Vec<Damage>) -> Result<(), StoreError> {
        for (tenant, head) in &self.heads {
            let stored = view.chain_head(*tenant)?;
            let stands = stored.is_some_and(|link| link.position == head.position && link.hash == head.hash);
            let kind = match (stands, head.signed == head.position && head.counts) {
                (false, _) => DamageKind::Shorter,
                (true, false) => DamageKind::Checkpoint,
                (true, true) => continue,
            };
            damage.push(Damage { tenant: *tenant, position: head.position, kind });
        }
        for (tenant, (position, _)) in &self.reached {
            if self.heads.get(tenant).is_none_or(|head| head.position < *position) {
                damage.push(Damage { tenant: *tenant, position: *position, kind: DamageKind::Shorter });
            }
        }
        self.remember();
        Ok(())
    }

    fn remember(&mut self) {
        for (tenant, head) in &self.heads {
            let reached = self.reached.entry(*tenant).or_insert((head.position, head.hash));
            if head.position > reached.0 {
                *reached = (head.position, head.hash);
            }
        }
    }
}

/// Compares some events of one tenant with their links, and each link with its predecessor. Returns the damage. Events
/// that are not linked yet pass. One query of the store suffices for any number of events.
pub fn examine(view: &dyn View, events: &[&StoredEvent]) -> Result<Vec<Damage>, StoreError> {
    let seqs: Vec<_> = events.iter().map(|event| event.seq).collect();
    let EventLinks { links, waiting } = view.links_of(&seqs)?;
    let links: BTreeMap<i64, (ChainLink, Option<Hash>)> =
        links.into_iter().map(|(link, before)| (link.seq, (link, before))).collect();
    let damage = |event: &&&StoredEvent| {
        let tenant = event.tenant;
        let Some((link, before)) = links.get(&event.seq) else {
            let damage = Damage { tenant, position: event.seq.unsigned_abs(), kind: DamageKind::Unlinked };
            return (!waiting.contains(&event.seq)).then_some(damage);
        };
        let found = |kind| Some(Damage { tenant, position: link.position, kind });
        let before = if link.position == 1 { Some(BEFORE_THE_FIRST) } else { *before };
        match before {
            _ if link.tenant != tenant => found(DamageKind::Gap),
            None => found(DamageKind::Gap),
            Some(before) if link_hash(&before, tenant, link.position, &event.body) != link.hash => {
                found(DamageKind::Changed)
            }
            Some(_) => None,
        }
    };
    Ok(events.iter().filter_map(|event| damage(&event)).collect())
}

/// The signer of a checkpoint.
enum Signed {
    /// The key at that index of the succession.
    By(usize, PublicKey),
    /// Perhaps a key of which only the fingerprint is left: a newer key signs the same events later.
    ByLostKey,
}

/// Returns the signer of a stored checkpoint of that link, if one of these keys may have signed it.
fn signed(stored: &StoredCheckpoint, keys: &Keys, hash: &Hash, from: usize) -> Option<Signed> {
    let checkpoint = serde_json::from_str::<Checkpoint>(&stored.body).ok()?;
    if checkpoint.position != stored.position || checkpoint.hash != STANDARD.encode(hash) {
        return None;
    }
    let by = keys.signer_of(&checkpoint, stored.tenant, hash, from).map(|(place, key)| Signed::By(place, key));
    by.or_else(|| keys.is_lost_from(from).then_some(Signed::ByLostKey))
}
