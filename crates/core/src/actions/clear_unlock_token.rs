//! `clearUnlockToken`: the server sends the device its own secret, the device removes its lock, and a second command looks for
//! the lock. No product has this action. It proves that an action may end well without a secret of its own, and use the secret
//! of another action.
//!
//! | step | the device | then |
//! |---|---|---|
//! | `Act` | takes its secret, and removes its lock | `Verify`, also when it refused or its answer was lost |
//! | `Verify` | says whether a lock is there | the action is done, or another attempt |

use crate::action::{ActionState, Outcome};
use crate::command::{DeviceCommand, Purpose};
use crate::device::Platform;
use crate::escrow::SecretKind;
use crate::permission::Permission;
use crate::remote_action::{AuditNames, Ending, Evidence, Held, OnLoss, RemoteAction, Settlement, Step, Way};
use crate::role::RoleAction;

/// The declaration.
pub const CLEAR_UNLOCK_TOKEN: RemoteAction = RemoteAction {
    name: "clearUnlockToken",
    permission: Permission::PrivilegedOperationsAll,
    role_action: RoleAction::ResetPasscode,
    summary: "Remove the lock of the device",
    result_type: "deviceActionResult",
    audit: AuditNames {
        recorded_as: Some("clearUnlockToken"),
        requested: "clearUnlockToken ManagedDevice",
        repeated: "repeatClearUnlockToken ManagedDevice",
        sent: "sendClearUnlockToken ManagedDevice",
        settled: "settleClearUnlockToken ManagedDevice",
    },
    counts_for_hold: true,
    keeps: None,
    ways: &[&WAY],
};

const WAY: Way = Way {
    platforms: &[Platform::Windows],
    makes: None,
    steps: &[Purpose::Act, Purpose::Verify],
    max_attempts: 2,
    // Each attempt was looked at: the lock is there.
    exhausted: Outcome::DeviceRefused,
    opens: &[],
    locks: |_| &[],
    first: |_| Step {
        purpose: Purpose::Act,
        commands: vec![DeviceCommand::give("clearUnlockToken", SecretKind::UnlockToken)],
    },
    settle,
    lost,
    holds_on: |_| false,
    afterwards: |_| None,
    keeps_uncertain_values: false,
};

fn verify() -> Step {
    Step { purpose: Purpose::Verify, commands: vec![DeviceCommand::run("hasNoUnlockToken")] }
}

fn settle(step: Purpose, evidence: Evidence<'_>) -> Option<Settlement> {
    let code = evidence.statuses.first().copied().flatten()?;
    let ended = |state, outcome| Settlement::Ended(Ending { state, outcome, device_status: Some(code) });
    Some(match (step, code) {
        (Purpose::Act, 404 | 406) => ended(ActionState::NotSupported, Outcome::FeatureAbsent),
        // A device can fail after it has changed: whatever it says, it is looked at.
        (Purpose::Act, _) => Settlement::Next(verify()),
        (_, 200) => ended(ActionState::Done, Outcome::Removed),
        (_, 409) => Settlement::TryAgain,
        (_, _) => ended(ActionState::Failed, Outcome::OutcomeUnknown),
    })
}

fn lost(step: Purpose, _: Held) -> OnLoss {
    match step {
        Purpose::Act => OnLoss::Next(verify()),
        _ => OnLoss::Resend,
    }
}
