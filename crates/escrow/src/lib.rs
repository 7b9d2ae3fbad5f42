//! Sealing of passcodes to the recipients of a tenant, and opening them again.
//!
//! HPKE (RFC 9180) in base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, one ciphertext for each
//! recipient. The context of a value (tenant, device, action, attempt, kind) is authenticated, so an envelope that is
//! moved to another row does not open. Sealing needs public keys only. A server without the private key files can still
//! accept recoveries ("ingest only").

mod binding;
mod envelope;
mod error;
mod keyring;
mod private;
mod recipient;
mod suite;

pub use envelope::{MAX_ENVELOPE_BYTES, recipients, seal};
pub use error::KeyringError;
pub use keyring::{Keyring, Staged};
pub use private::RecoveryKey;
pub use recipient::{KeyId, Recipient};
