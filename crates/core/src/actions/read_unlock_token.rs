//! `readUnlockToken`: the device gives the secret that it has. No product has this action. It proves that an action may reveal
//! a secret that existed before, in bytes.

use crate::action::{ActionState, Outcome};
use crate::command::{DeviceCommand, Purpose};
use crate::device::Platform;
use crate::escrow::SecretKind;
use crate::permission::Permission;
use crate::remote_action::{AuditNames, Ending, Evidence, Held, OnLoss, RemoteAction, Settlement, Step, Way};
use crate::role::RoleAction;

/// The declaration.
pub const READ_UNLOCK_TOKEN: RemoteAction = RemoteAction {
    name: "readUnlockToken",
    permission: Permission::PrivilegedOperationsAll,
    role_action: RoleAction::ResetPasscode,
    summary: "Keep the secret by which the device is unlocked",
    result_type: "deviceActionResult",
    audit: AuditNames {
        recorded_as: Some("readUnlockToken"),
        requested: "readUnlockToken ManagedDevice",
        repeated: "repeatReadUnlockToken ManagedDevice",
        sent: "sendReadUnlockToken ManagedDevice",
        settled: "settleReadUnlockToken ManagedDevice",
    },
    counts_for_hold: true,
    keeps: Some(SecretKind::UnlockToken),
    ways: &[&WAY],
};

const WAY: Way = Way {
    platforms: &[Platform::Windows],
    makes: None,
    steps: &[Purpose::Act],
    max_attempts: 3,
    exhausted: Outcome::OutcomeUnknown,
    opens: &[],
    locks: |_| &[],
    first: |_| Step { purpose: Purpose::Act, commands: vec![DeviceCommand::read("readUnlockToken")] },
    settle,
    // Reading changes nothing.
    lost: |_, _| OnLoss::TryAgain,
    holds_on: |_| false,
    afterwards: |_| None,
    keeps_uncertain_values: false,
};

fn settle(_: Purpose, evidence: Evidence<'_>) -> Option<Settlement> {
    let code = evidence.statuses.first().copied().flatten()?;
    if evidence.value == Held::Nothing && !evidence.complete {
        return None;
    }
    let (state, outcome) = match (code, evidence.value) {
        (200, Held::Certain) => (ActionState::Done, Outcome::Revealed),
        (200, _) => (ActionState::Failed, Outcome::ValueNotDelivered),
        (404 | 406, _) => (ActionState::NotSupported, Outcome::FeatureAbsent),
        (_, _) => (ActionState::Failed, Outcome::DeviceRefused),
    };
    Some(Settlement::Ended(Ending { state, outcome, device_status: Some(code) }))
}
