//! The documents, in JSON, because a node holds one value and SyncML has no structures. Unknown members are ignored, so
//! agent and server understand each other across versions.

use chaveiro_core::id::{ActionId, DeviceId, TenantId};
use chaveiro_core::lock::{Lock, Recoverability, Unpromoted};
use chaveiro_core::passcode::PasscodePolicy;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The largest document that is read, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024;

/// Data of `Prepare`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prepare {
    /// The tenant. The envelope is bound to it and to the next three members.
    pub tenant: TenantId,
    /// The device.
    pub device: DeviceId,
    /// The action.
    pub action: ActionId,
    /// The attempt.
    pub attempt: u32,
    /// The recipients of the envelope, each as `p256 BASE64 name`.
    pub recipients: Vec<String>,
    /// The locks to recover, as far as the device can.
    pub locks: Vec<Lock>,
    /// The form of the passcode.
    pub passcode: PasscodePolicy,
    /// Set if the user must change a login password at the next sign-in.
    pub must_change: bool,
    /// Set if live sessions of the account are locked.
    pub lock_sessions: bool,
}

/// Data of `Apply`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Apply {
    /// The action.
    pub action: ActionId,
    /// The attempt.
    pub attempt: u32,
    /// Lower-case hex SHA-256 of the envelope that the escrow holds.
    pub envelope_sha256: String,
}

/// Data of `Retire` and `Undo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finish {
    /// The action.
    pub action: ActionId,
    /// The attempt.
    pub attempt: u32,
}

/// The state that a device reports at the beginning of each session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Standing {
    /// The recoverability of each lock, tested a moment ago.
    pub locks: Vec<Recoverability>,
    /// A candidate that works and that the server has not promoted yet, as far as the device knows.
    pub unpromoted: Option<Unpromoted>,
    /// Lower-case hex SHA-256 of the list of packages.
    pub packages_sha256: Option<String>,
    /// The name of the user whose account would be recovered, from passwd(5).
    pub account_name: Option<String>,
}

/// The reason why a document cannot be used.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// The document is longer than [`MAX_DOCUMENT_BYTES`].
    #[error("the document has {0} bytes, more than {MAX_DOCUMENT_BYTES}")]
    TooLong(usize),
    /// The document is not JSON, or a member is missing or wrong.
    #[error("the document is not readable: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// Reads a document. Unknown members are ignored.
///
/// ```
/// use chaveiro_csp::{Finish, decode, encode};
///
/// let text = r#"{"action":"5a0b7e0c-3c2e-4f0e-9d55-0c1f2e3d4b5a","attempt":2,"of a newer server":true}"#;
/// let finish: Finish = decode(text)?;
/// assert_eq!(finish.attempt, 2);
/// assert_eq!(decode::<Finish>(&encode(&finish))?, finish);
/// # Ok::<(), chaveiro_csp::DocumentError>(())
/// ```
pub fn decode<T: DeserializeOwned>(text: &str) -> Result<T, DocumentError> {
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(DocumentError::TooLong(text.len()));
    }
    Ok(serde_json::from_str(text)?)
}

/// Writes a document.
pub fn encode<T: Serialize>(document: &T) -> String {
    // Plain structs of texts and numbers always serialise.
    serde_json::to_string(document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chaveiro_core::lock::{DeviceLock, EscrowTest};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn documents_come_back_as_they_were_written_and_look_like_this() {
        let action = ActionId(Uuid::from_u128(3));
        let prepare = Prepare {
            tenant: TenantId(Uuid::from_u128(1)),
            device: DeviceId(Uuid::from_u128(2)),
            action,
            attempt: 1,
            recipients: vec!["p256 BASE64 server".to_owned()],
            locks: vec![Lock::Login, Lock::Luks2],
            passcode: PasscodePolicy::default(),
            must_change: true,
            lock_sessions: false,
        };
        let standing = Standing {
            locks: vec![Recoverability {
                of: DeviceLock { lock: Lock::Luks2, subject: "/dev/sda3".to_owned() },
                obstacle: Some("noFreeSlot".to_owned()),
                escrow: EscrowTest::Opens,
                action: Some(action),
            }],
            unpromoted: Some(Unpromoted { action, attempt: 1, envelope_sha256: "00".to_owned() }),
            packages_sha256: None,
            account_name: Some("Ana".to_owned()),
        };
        assert_eq!(decode::<Prepare>(&encode(&prepare)).expect("readable"), prepare);
        assert_eq!(decode::<Standing>(&encode(&standing)).expect("readable"), standing);
        insta::assert_snapshot!([encode(&prepare), encode(&standing)].join("\n"));
    }

    #[test]
    fn what_is_too_long_or_no_document_is_refused() {
        assert!(matches!(decode::<Finish>(&" ".repeat(MAX_DOCUMENT_BYTES + 1)), Err(DocumentError::TooLong(_))));
        for text in ["", "{}", "[]", "{\"action\":\"x\",\"attempt\":1}", "{\"action\":null}"] {
            assert!(decode::<Finish>(text).is_err(), "{text}");
        }
        assert_eq!(decode::<Standing>("{\"newer\":true}").expect("readable"), Standing::default());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_document_or_an_error(text in ".{0,300}") {
            let _ = decode::<Prepare>(&text);
            let _ = decode::<Standing>(&text);
        }
    }
}
