//! `recoverPasscode`: the device gets a new passcode, and the escrow holds it.
//!
//! | platform | way | what the operator gets |
//! |---|---|---|
//! | Windows, Windows Phone | [`remote_lock`]: the device makes a PIN and reports it | the new PIN, or the device's own refusal |
//! | Linux | [`seal_first`]: the device seals a candidate, the escrow takes it, then the device changes | a passcode that the device has proven to open what it names, or its own reason why not |
//!
//! References: the Graph page of the action; RemoteLock CSP; `docs/linux.md` for our own nodes.
//!
//! The story, as [`crate::engine`] tells it:
//! 1. A caller asks ([`crate::decisions::ask`]): action `pending`, first step queued, audit: one unit of work; then the caller is answered.
//! 2. The device opens a session; the step goes out, and the action is `active`.
//! 3. Answers are matched by delivery, a value is sealed as it arrives (or arrives sealed), and the way settles it.
//!    Secret, result and audit are one unit of work; the device gets its acknowledgement after that.
//! 4. No answer and a new session: the step was lost. A command that can be repeated is sent again; a PIN that can be read once
//!    is asked for first. Otherwise there is one more attempt, or the action ends with the truth: the outcome is unknown.
//! 5. An action whose device left or never came is closed.

pub mod remote_lock;
pub mod seal_first;

use crate::escrow::SecretKind;
use crate::permission::Permission;
use crate::remote_action::{AuditNames, RemoteAction};
use crate::role::RoleAction;

/// The declaration.
pub const RECOVER_PASSCODE: RemoteAction = RemoteAction {
    name: "recoverPasscode",
    permission: Permission::PrivilegedOperationsAll,
    role_action: RoleAction::ResetPasscode,
    summary: "Give the device a new passcode and keep it for a permitted person",
    result_type: "resetPasscodeActionResult",
    audit: AuditNames {
        recorded_as: None,
        requested: "recoverPasscode ManagedDevice",
        repeated: "repeatRecoverPasscode ManagedDevice",
        sent: "sendRecoverPasscode ManagedDevice",
        settled: "settleRecoverPasscode ManagedDevice",
    },
    counts_for_hold: true,
    keeps: Some(SecretKind::Passcode),
    ways: &[&remote_lock::WAY, &seal_first::WAY],
};

#[cfg(test)]
mod tests;
