//! The words for keys that cannot be used.

use chaveiro_agent::of_key_file;
use chaveiro_audit::SignerError;
use chaveiro_auth::KeyError;
use chaveiro_escrow::KeyringError;
use chaveiro_lang::{Text, text};
use chaveiro_mdm::CaError;
use chaveiro_server::{InventoryError, Unusable};

/// The words for an error of the inventory of keys. Several problems at once are told as the server words them.
pub(crate) fn of_inventory(error: &InventoryError) -> Option<Text> {
    Some(match error {
        InventoryError::Unusable(error) => of_unusable(error),
        InventoryError::Unfinished => text!("keys-unfinished"),
        InventoryError::NothingToAccept(file) => text!("keys-nothing-to-accept", file = file),
        InventoryError::Store(_) | InventoryError::Problems(_) => return None,
    })
}

fn of_unusable(error: &Unusable) -> Text {
    match error {
        Unusable::File(error) => of_key_file(error),
        Unusable::Authority(error) => of_authority(error),
        Unusable::Signer(error) => of_signer(error),
        Unusable::Issuer(error) => of_issuer(error),
        Unusable::Keyring(error) => of_keyring(error),
    }
}

/// The words for an error of the certificate authority.
pub(crate) fn of_authority(error: &CaError) -> Text {
    match error {
        CaError::File(error) => of_key_file(error),
        CaError::Certificate { file, error } => text!("root-unreadable", file = file, error = error.to_string()),
        CaError::Signing(error) => text!("certificate-not-made", error = error.to_string()),
        CaError::Time => text!("time-out-of-range"),
    }
}

/// The words for an error of the audit key.
pub(crate) fn of_signer(error: &SignerError) -> Text {
    match error {
        SignerError::File(error) => of_key_file(error),
        SignerError::Generation => text!("key-not-made"),
    }
}

/// The words for an error of the keys of the local issuer.
pub(crate) fn of_issuer(error: &KeyError) -> Text {
    match error {
        KeyError::File(error) => of_key_file(error),
        KeyError::Directory { directory, error } => {
            text!("signing-keys-unreadable", directory = directory, error = error.to_string())
        }
        KeyError::Generation => text!("key-not-made"),
        KeyError::None(directory) => text!("signing-key-missing", directory = directory),
    }
}

/// The words for an error of the keys of the escrow.
pub(crate) fn of_keyring(error: &KeyringError) -> Text {
    match error {
        KeyringError::File(error) => of_key_file(error),
        KeyringError::Recipients { file, error } => {
            text!("recipients-unusable", file = file, error = error.to_string())
        }
        KeyringError::Line { file, line } => text!("recipients-line", line = *line, file = file),
        KeyringError::NoTenant { tenant, file } => {
            text!("recipients-missing", file = file, tenant = tenant.to_string())
        }
        KeyringError::NoRecipient(file) => text!("recipients-empty", file = file),
        KeyringError::Known(key) => text!("recipient-known", key = key.to_string()),
        KeyringError::TooMany => text!("recipients-too-many"),
        KeyringError::Generation => text!("key-not-made"),
    }
}
