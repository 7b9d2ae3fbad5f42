//! Changes of keys. Each is recorded by name and fingerprint, in the record of every tenant that the key serves.

use std::time::Duration;

use jiff::Timestamp;

use crate::audit::{Activity, AuditEvent};
use crate::caller::Actor;
use crate::keys::{Fingerprint, KeyName, KnownKey};
use crate::ports::{StoreError, UnitOfWork};

/// The kind of a change, for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// The key was made.
    Made,
    /// The key existed when the database began to track keys.
    Adopted,
    /// The key was made and replaces others.
    Rotated,
    /// A recipient was added.
    RecipientAdded,
    /// A recipient was removed.
    RecipientRemoved,
    /// An operator accepted another key in its place, for this reason.
    Accepted(&'a str),
    /// Signatures by the key no longer count.
    Retired,
    /// The file is kept elsewhere from now on.
    TakenAway,
    /// The file is back.
    BroughtBack,
}

impl Change<'_> {
    fn name(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Adopted => "adopted",
            Self::Rotated => "rotated",
            Self::RecipientAdded => "recipientAdded",
            Self::RecipientRemoved => "recipientRemoved",
            Self::Accepted(_) => "accepted",
            Self::Retired => "retired",
            Self::TakenAway => "takenAway",
            Self::BroughtBack => "broughtBack",
        }
    }
}

/// The actor that changes a key, and the time.
#[derive(Clone, Debug)]
pub struct Hand {
    /// The actor.
    pub actor: Actor,
    /// The time.
    pub now: Timestamp,
}

/// Records the fingerprint of the key of that name. One that is known already is not recorded again.
pub fn record(
    unit: &mut dyn UnitOfWork,
    hand: &Hand,
    name: &KeyName,
    fingerprint: Fingerprint,
    change: Change<'_>,
) -> Result<(), StoreError> {
    let before = unit.known_key(name)?;
    if before.as_ref().is_some_and(|before| before.fingerprint == fingerprint) {
        return Ok(());
    }
    let away = before.as_ref().is_some_and(|before| before.away);
    let running_s = unit.running()?.total_s;
    unit.put_known_key(&KnownKey { name: name.clone(), fingerprint, since: hand.now, until: None, away, running_s })?;
    record_change(unit, hand, name, Some(fingerprint), before, change)
}

/// Records that the key of that name is no longer used.
pub fn retire(unit: &mut dyn UnitOfWork, hand: &Hand, name: &KeyName, change: Change<'_>) -> Result<(), StoreError> {
    let Some(before) = unit.known_key(name)? else { return Ok(()) };
    unit.end_known_key(name, hand.now)?;
    record_change(unit, hand, name, None, Some(before), change)
}

/// Ends issuer keys that were replaced so long ago that no token signed by them can be valid. Both the clock and the
/// running time of the servers must say so. `replaced` names each key with its successor. Returns the names of the keys that ended.
pub fn retire_replaced(
    unit: &mut dyn UnitOfWork,
    hand: &Hand,
    replaced: &[(String, String)],
    lifetime: Duration,
) -> Result<Vec<String>, StoreError> {
    let total_s = unit.running()?.total_s;
    let mut retired = Vec::new();
    for (id, successor) in replaced {
        let Some(successor) = unit.known_key(&KeyName::Issuer(successor.clone()))? else { continue };
        let by_clock = successor.since.checked_add(lifetime).is_ok_and(|end| end <= hand.now);
        if by_clock && successor.running_s.saturating_add(lifetime.as_secs()) <= total_s {
            retire(unit, hand, &KeyName::Issuer(id.clone()), Change::Retired)?;
            retired.push(id.clone());
        }
    }
    Ok(retired)
}

/// Records whether the file of a key is kept elsewhere. `unknown` is the key as it is put if the database does not know it yet.
pub fn set_away(unit: &mut dyn UnitOfWork, hand: &Hand, unknown: &KnownKey, away: bool) -> Result<(), StoreError> {
    let known = unit.known_key(&unknown.name)?.unwrap_or_else(|| unknown.clone());
    unit.put_known_key(&KnownKey { away, ..known.clone() })?;
    let change = if away { Change::TakenAway } else { Change::BroughtBack };
    record_change(unit, hand, &known.name, Some(known.fingerprint), None, change)
}

/// Writes the change into the record of the tenant of the key, or of every tenant.
fn record_change(
    unit: &mut dyn UnitOfWork,
    hand: &Hand,
    name: &KeyName,
    fingerprint: Option<Fingerprint>,
    before: Option<KnownKey>,
    change: Change<'_>,
) -> Result<(), StoreError> {
    let tenants = match name.tenant() {
        Some(tenant) => vec![tenant],
        None => unit.tenants()?.into_iter().map(|tenant| tenant.id).collect(),
    };
    for tenant in tenants {
        let mut event = AuditEvent::new(tenant, hand.now, hand.actor.clone(), Activity::KeyChanged)
            .with("key", name)
            .with("change", change.name());
        if let Some(fingerprint) = fingerprint {
            event = event.with("fingerprint", fingerprint);
        }
        if let Some(before) = &before {
            event = event.with("before", before.fingerprint);
        }
        if let Change::Accepted(reason) = change {
            event = event.with("reason", reason);
        }
        unit.append_audit(&event)?;
    }
    Ok(())
}
