//! The words for a record that is not sound.

use chaveiro_audit::{Broken, BrokenKind, ExportError};
use chaveiro_lang::{Text, text};

use super::store::of_store;

/// The words for an export that was not written.
pub(crate) fn of_export(error: &ExportError) -> Text {
    match error {
        ExportError::Store(error) => of_store(error),
        ExportError::Checkpoint(position) => text!("export-checkpoint", position = *position),
        ExportError::Output(error) => text!("export-output", error = error),
    }
}

/// The fault of a line.
pub(crate) fn of_broken(kind: &BrokenKind) -> Text {
    match kind {
        BrokenKind::Unreadable(error) => text!("record-unreadable", error = error),
        BrokenKind::TooLong => text!("record-line-too-long"),
        BrokenKind::NotALine => text!("record-not-a-line"),
        BrokenKind::NotCanonical => text!("record-not-canonical"),
        BrokenKind::CutOff => text!("record-cut-off"),
        BrokenKind::Header => text!("record-header"),
        BrokenKind::Version(version) => text!("record-version", version = *version),
        BrokenKind::Key { found, expected } => text!("record-key", found = found, expected = expected),
        BrokenKind::Succession(link) => text!("record-succession", link = *link),
        BrokenKind::SuccessionBroken { at, to } => text!("record-succession-broken", at = *at, key = to),
        BrokenKind::SignedBefore => text!("record-signed-before"),
        BrokenKind::Tenant { found, expected } => {
            text!("record-tenant", found = found.to_string(), expected = expected.to_string())
        }
        BrokenKind::Position { found, expected } => text!("record-position", found = *found, expected = *expected),
        BrokenKind::CheckpointAgain(position) => text!("record-checkpoint-again", position = *position),
        BrokenKind::Hash(event) => text!("record-hash", event = *event),
        BrokenKind::Foreign(event) => text!("record-foreign", event = *event),
        BrokenKind::Signature(position) => text!("record-signature", position = *position),
        BrokenKind::Empty => text!("record-empty"),
        BrokenKind::Unsigned => text!("record-unsigned"),
        BrokenKind::UnsignedTail { signed, events } => text!("record-tail", signed = *signed, events = *events),
        BrokenKind::Earlier(earlier) => {
            let Broken { line, kind } = earlier.as_ref();
            text!("record-earlier", line = *line, fault = of_broken(kind))
        }
        BrokenKind::EarlierForeign(tenant) => text!("record-earlier-foreign", tenant = tenant.to_string()),
        BrokenKind::Shorter { earlier, events } => text!("record-shorter", earlier = *earlier, events = *events),
        BrokenKind::Differs { position, earlier, now } => {
            text!("record-differs", position = *position, earlier = earlier, now = now)
        }
        BrokenKind::DiffersAt { position, earlier, now } => {
            text!("record-differs-at", position = *position, earlier = earlier, now = now)
        }
    }
}
