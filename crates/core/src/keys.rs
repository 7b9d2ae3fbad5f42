//! The keys of a server, as its database knows them: by name and fingerprint, never by value.
//!
//! `init` makes keys, and a few verbs change them; each time the fingerprint is recorded in the unit of work that records
//! the change. A server compares them with the files at its start. A key that is missing, or another, is an error: a
//! new one would lock out every device, or make the record look forged.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::audit::{Activity, AuditEvent};
use crate::caller::Actor;
use crate::id::TenantId;
use crate::ports::{Sealer, StoreError, UnitOfWork, View};
use crate::refusal::Fault;

/// The SHA-256 that tells a key from every other. Of a key pair it covers the public half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of these bytes. The purpose keeps keys of different kinds apart.
    pub fn of(purpose: &str, bytes: &[u8]) -> Self {
        let hash = Sha256::new().chain_update(purpose).chain_update([0]).chain_update(bytes).finalize();
        Self(hash.into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The name of a key. It is stable: the database and the command line use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// The root of the embedded certificate authority.
    Authority,
    /// The key that derives the OMA-DM credentials of devices.
    DeviceCredentials,
    /// The key that signs checkpoints of the audit chain.
    Audit,
    /// A signing key of the local issuer, by its key id.
    Issuer(String),
    /// The private escrow key of a tenant.
    EscrowPrivate(TenantId),
    /// The escrow recipients of a tenant.
    EscrowRecipients(TenantId),
}

impl KeyName {
    /// The tenant of the key; `None` if it serves every tenant.
    pub fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::EscrowPrivate(tenant) | Self::EscrowRecipients(tenant) => Some(*tenant),
            Self::Authority | Self::DeviceCredentials | Self::Audit | Self::Issuer(_) => None,
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority => f.write_str("ca"),
            Self::DeviceCredentials => f.write_str("device-credentials"),
            Self::Audit => f.write_str("audit"),
            Self::Issuer(id) => write!(f, "issuer/{id}"),
            Self::EscrowPrivate(tenant) => write!(f, "escrow/{tenant}.key"),
            Self::EscrowRecipients(tenant) => write!(f, "escrow/{tenant}.pub"),
        }
    }
}

impl FromStr for KeyName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const UNKNOWN: &str = "there is no key of that name; list them with: chaveiro keys list";
        let tenant = |id: &str| id.parse().map_err(|_| UNKNOWN);
        match text {
            "ca" => return Ok(Self::Authority),
            "device-credentials" => return Ok(Self::DeviceCredentials),
            "audit" => return Ok(Self::Audit),
            _ => {}
        }
        match text.split_once('/') {
            Some(("issuer", id)) if !id.is_empty() => Ok(Self::Issuer(id.to_owned())),
            Some(("escrow", file)) => match file.split_once('.') {
                Some((id, "key")) => Ok(Self::EscrowPrivate(tenant(id)?)),
                Some((id, "pub")) => Ok(Self::EscrowRecipients(tenant(id)?)),
                Some(_) | None => Err(UNKNOWN),
            },
            Some(_) | None => Err(UNKNOWN),
        }
    }
}

/// A key that the database knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// The name.
    pub name: KeyName,
    /// The fingerprint.
    pub fingerprint: Fingerprint,
    /// The time when it became known.
    pub since: Timestamp,
    /// The time when another took its place, or it was retired. `None` for the key of now.
    pub until: Option<Timestamp>,
    /// Set while the file is kept elsewhere on purpose: the server takes passcodes in and cannot open them.
    pub away: bool,
    /// The steady running time of servers when it became known ([`crate::steady::Running`]).
    pub running_s: u64,
}

/// The kind of a change, for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// It was made.
    Made,
    /// It was there when the database began to know keys.
    Adopted,
    /// It was made and takes the place of others.
    Rotated,
    /// A recipient was added.
    RecipientAdded,
    /// An operator accepted another key in its place, and said why.
    Accepted(&'a str),
    /// Nothing signed with it counts any more.
    Retired,
    /// The file is kept elsewhere from now on.
    TakenAway,
    /// The file is here again.
    BroughtBack,
}

impl Change<'_> {
    fn name(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Adopted => "adopted",
            Self::Rotated => "rotated",
            Self::RecipientAdded => "recipientAdded",
            Self::Accepted(_) => "accepted",
            Self::Retired => "retired",
            Self::TakenAway => "takenAway",
            Self::BroughtBack => "broughtBack",
        }
    }
}

/// The one who changes a key, with the time.
#[derive(Clone, Debug)]
pub struct Hand {
    /// The actor.
    pub actor: Actor,
    /// The time.
    pub now: Timestamp,
}

/// Records that the key of that name has that fingerprint from now on. One that is known already is not recorded again.
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
    tell(unit, hand, name, Some(fingerprint), before, change)
}

/// Records that the key of that name is no longer used.
pub fn retire(unit: &mut dyn UnitOfWork, hand: &Hand, name: &KeyName, change: Change<'_>) -> Result<(), StoreError> {
    let Some(before) = unit.known_key(name)? else { return Ok(()) };
    unit.end_known_key(name, hand.now)?;
    tell(unit, hand, name, None, Some(before), change)
}

/// Records whether the file of a key is kept elsewhere.
pub fn set_away(unit: &mut dyn UnitOfWork, hand: &Hand, known: &KnownKey, away: bool) -> Result<(), StoreError> {
    unit.put_known_key(&KnownKey { away, ..known.clone() })?;
    let change = if away { Change::TakenAway } else { Change::BroughtBack };
    tell(unit, hand, &known.name, Some(known.fingerprint), None, change)
}

/// Writes the change into the record of the tenant of the key, or of every tenant.
fn tell(
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

/// The escrow keys of a tenant, as the database knows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EscrowKeys {
    /// The fingerprint of the recipients.
    pub recipients: Option<Fingerprint>,
    /// The fingerprint of the private key.
    pub private: Option<Fingerprint>,
    /// Set while the private key is kept elsewhere on purpose.
    pub away: bool,
}

impl EscrowKeys {
    /// The escrow keys that the database knows for that tenant.
    pub fn of(view: &dyn View, tenant: TenantId) -> Result<Self, StoreError> {
        let recipients = view.known_key(&KeyName::EscrowRecipients(tenant))?;
        let private = view.known_key(&KeyName::EscrowPrivate(tenant))?;
        Ok(Self {
            recipients: recipients.map(|known| known.fingerprint),
            away: private.as_ref().is_some_and(|known| known.away),
            private: private.map(|known| known.fingerprint),
        })
    }
}

/// Requires an escrow that takes a passcode of that tenant now, and gives it back where its private key is meant to be.
/// Nothing that changes a device may be sent, and nothing accepted, without it.
pub fn require_escrow(view: &dyn View, sealer: &dyn Sealer, tenant: TenantId) -> Result<(), Fault> {
    Ok(sealer.prove(tenant, &EscrowKeys::of(view, tenant)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_alike_by_the_database_and_by_people() {
        let tenant = TenantId(uuid::Uuid::from_u128(7));
        for name in [
            KeyName::Authority,
            KeyName::DeviceCredentials,
            KeyName::Audit,
            KeyName::Issuer("0011aabb".to_owned()),
            KeyName::EscrowPrivate(tenant),
            KeyName::EscrowRecipients(tenant),
        ] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        for wrong in ["", "issuer/", "escrow/7.key", "escrow/x", "rows/1", "CA"] {
            assert!(wrong.parse::<KeyName>().is_err(), "{wrong}");
        }
    }
}
