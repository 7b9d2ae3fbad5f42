//! The time of this machine, for a person's session. Decisions of a server take a `Clock` instead.

use chaveiro_core::Timestamp;

/// The time now.
#[expect(clippy::disallowed_methods, reason = "a client has no decisions that take a clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
