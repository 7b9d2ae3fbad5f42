//! The locks that the promoted passcode opens, kept between sessions without the passcode. Each has a fingerprint of everything
//! that decides whether the passcode opens it. While the fingerprint stays as it was at the proof, the lock still opens.

use std::path::Path;

use anyhow::Result;
use chaveiro_core::id::ActionId;
use chaveiro_core::lock::DeviceLock;
use chaveiro_keyfile::{self as keyfile, KeyFileError};
use chaveiro_lang::{Explain, text};
use serde::{Deserialize, Serialize};

/// One lock that a promoted passcode opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Escrowed {
    #[serde(flatten)]
    pub(crate) of: DeviceLock,
    /// The action whose passcode it is.
    pub(crate) action: ActionId,
    /// The key slot, of a volume.
    pub(crate) slot: Option<u8>,
    /// The SHA-256 of the password hash, or of the key slot with everything it depends on, in hex.
    pub(crate) fingerprint: String,
}

/// Reads the list; an absent one is empty.
pub(crate) fn load(file: &Path) -> Result<Vec<Escrowed>> {
    let bytes = match keyfile::read(file) {
        Err(KeyFileError::Missing(_)) => return Ok(Vec::new()),
        other => other?,
    };
    serde_json::from_slice(&bytes).explain(|| text!("agent-escrowed-damaged", file = file))
}

/// Replaces the list with the locks of a newly promoted passcode; durable when this returns.
pub(crate) fn replace(file: &Path, newer: &[Escrowed]) -> Result<()> {
    let mut list = load(file).unwrap_or_default();
    list.retain(|known| newer.iter().all(|new| new.of != known.of));
    list.extend_from_slice(newer);
    Ok(keyfile::replace(file, &serde_json::to_vec_pretty(&list)?)?)
}

#[cfg(test)]
mod tests {
    use chaveiro_core::lock::Lock;

    use super::*;

    #[test]
    fn a_newer_passcode_takes_the_place_of_the_older_for_its_locks_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("escrowed.json");
        let entry = |lock, action: u128| Escrowed {
            of: DeviceLock { lock, subject: "x".to_owned() },
            action: ActionId(uuid::Uuid::from_u128(action)),
            slot: None,
            fingerprint: action.to_string(),
        };
        assert!(load(&file).expect("empty").is_empty());
        replace(&file, &[entry(Lock::Login, 1), entry(Lock::Luks2, 1)]).expect("kept");
        replace(&file, &[entry(Lock::Luks2, 2)]).expect("kept");
        assert_eq!(load(&file).expect("read"), [entry(Lock::Login, 1), entry(Lock::Luks2, 2)]);
        keyfile::replace(&file, b"{").expect("damaged");
        assert!(load(&file).expect_err("damaged").to_string().contains("remove it"));
        replace(&file, &[entry(Lock::Luks2, 3)]).expect("a damaged list does not stop a recovery");
        assert_eq!(load(&file).expect("read").len(), 1);
    }
}
