//! The owner of a key slot. A token in the header says so (LUKS2 On-Disk Format Specification 1.1, section 3.6). `cryptsetup`
//! keeps it with the slot, copies it with the header, and takes the slot out of it when the slot is removed. So a slot that a
//! token of ours names is ours, also when another program has used cryptsetup in between.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::header::Header;

/// The type of our tokens. With this type, cryptsetup has no way to open a volume, and needs none.
pub(super) const TYPE: &str = "chaveiro";

/// The purpose of a slot of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Opened by the key file of the agent: lets it add and remove the others.
    Agent,
    /// Opened by a recovery passcode.
    Escrow,
}

/// The action and the attempt that added a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) action: String,
    pub(crate) attempt: u32,
}

/// A slot of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) slot: u8,
    pub(crate) token: u8,
    pub(crate) role: Role,
    pub(crate) mark: Option<Mark>,
}

/// A token of ours, as it is in the header.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    r#type: String,
    keyslots: Vec<String>,
    role: Role,
    action: String,
    attempt: u32,
}

/// The form that `cryptsetup token import` takes.
pub(super) fn to_json(slot: u8, role: Role, mark: Option<&Mark>) -> Value {
    serde_json::json!(Token {
        r#type: TYPE.to_owned(),
        keyslots: vec![slot.to_string()],
        role,
        action: mark.map(|mark| mark.action.clone()).unwrap_or_default(),
        attempt: mark.map(|mark| mark.attempt).unwrap_or_default(),
    })
}

/// The slots that our tokens name. A token of another form is not ours. It may name two slots: cryptsetup
/// copies what a token says of a slot to the one that is about to take its place.
pub(super) fn owned(header: &Header) -> Vec<Owned> {
    let read = |(number, value): (&u8, &Value)| {
        let token = Token::deserialize(value).ok().filter(|token| token.r#type == TYPE)?;
        let slots: Vec<u8> = token.keyslots.iter().map(|slot| slot.parse().ok()).collect::<Option<_>>()?;
        let mark = Mark { action: token.action, attempt: token.attempt };
        let mark = (!mark.action.is_empty()).then_some(mark);
        let (number, role) = (*number, token.role);
        Some(slots.into_iter().map(move |slot| Owned { slot, token: number, role, mark: mark.clone() }))
    };
    let named = header.tokens.iter().filter_map(read).flatten();
    named.filter(|owned| header.slots.contains_key(&owned.slot)).collect()
}

/// The tokens of ours whose slot is gone.
pub(super) fn stale(header: &Header) -> Vec<u8> {
    let slots = |token: &Value| token.get("keyslots").and_then(Value::as_array).map(Vec::len);
    let ours = header.tokens.iter().filter(|(_, token)| token.get("type").and_then(Value::as_str) == Some(TYPE));
    ours.filter(|(_, token)| slots(token) == Some(0)).map(|(number, _)| *number).collect()
}

/// Returns true if a token of any program names the slot.
pub(super) fn is_named(header: &Header, slot: u8) -> bool {
    let slot = slot.to_string();
    let names = |token: &Value| token.get("keyslots").and_then(Value::as_array).cloned().unwrap_or_default();
    header.tokens.values().any(|token| names(token).iter().any(|name| name.as_str() == Some(&slot)))
}
