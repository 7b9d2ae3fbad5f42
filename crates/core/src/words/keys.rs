//! The keys of a server as its database knows them: by name and fingerprint, never by value.
//!
//! `init` makes keys, and a few verbs change them. The unit of work that records such a change also records the
//! fingerprint. A server compares the fingerprint with the files at its start. A key that is missing or different is an
//! error: a new key would lock out every device, or make the audit record look forged.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::id::TenantId;

/// The SHA-256 that distinguishes a key from every other. For a key pair it covers the public half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Returns the fingerprint of these bytes. The purpose keeps keys of different kinds apart.
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

/// The error for a text that names no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there is no key of that name")]
pub struct UnknownKey;

/// The name of a key. It is stable: the database stores it, and operators type it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyName {
    /// The root of the embedded certificate authority.
    Authority,
    /// The key that derives the credentials with which devices and server authenticate each other's messages.
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
    type Err = UnknownKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tenant = |id: &str| id.parse().map_err(|_| UnknownKey);
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
                Some(_) | None => Err(UnknownKey),
            },
            Some(_) | None => Err(UnknownKey),
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
    /// The time at which it became known.
    pub since: Timestamp,
    /// The time at which it was replaced or retired; `None` for the current key.
    pub until: Option<Timestamp>,
    /// True while the file is kept elsewhere on purpose: the server can seal passcodes and cannot open them.
    pub away: bool,
    /// The steady running time of the servers when it became known ([`crate::steady::Running`]).
    pub running_s: u64,
}

/// The escrow keys of a tenant, as the database knows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EscrowKeys {
    /// The fingerprint of the recipients.
    pub recipients: Option<Fingerprint>,
    /// The fingerprint of the private key.
    pub private: Option<Fingerprint>,
    /// True while the private key is kept elsewhere on purpose.
    pub away: bool,
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
