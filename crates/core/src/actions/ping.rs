//! `ping`: the device says that it is there. No product has it; it proves that a remote action is one file.
//!
//! | step | the device | then |
//! |---|---|---|
//! | `Act` | answers | the action is done, or the device lacks the command, or refuses it |
//!
//! The action keeps no secret. The server asks once more for an answer that was lost.

use crate::action::{ActionState, Outcome};
use crate::command::{DeviceCommand, Purpose};
use crate::device::Platform;
use crate::permission::Permission;
use crate::remote_action::{AuditNames, Ending, Evidence, OnLoss, RemoteAction, Settlement, Step, Way};
use crate::role::RoleAction;

/// The declaration.
pub const PING: RemoteAction = RemoteAction {
    name: "ping",
    permission: Permission::ManagedDevicesReadWriteAll,
    role_action: RoleAction::ManagedDevicesUpdate,
    summary: "Ask the device for a sign of life",
    result_type: "deviceActionResult",
    audit: AuditNames {
        recorded_as: Some("ping"),
        requested: "ping ManagedDevice",
        repeated: "repeatPing ManagedDevice",
        sent: "sendPing ManagedDevice",
        settled: "settlePing ManagedDevice",
    },
    counts_for_hold: false,
    keeps: None,
    ways: &[&WAY],
};

const WAY: Way = Way {
    platforms: &[Platform::Windows],
    makes: None,
    steps: &[Purpose::Act],
    max_attempts: 2,
    exhausted: Outcome::OutcomeUnknown,
    opens: &[],
    locks: |_| &[],
    first: |_| Step { purpose: Purpose::Act, commands: vec![DeviceCommand::run("ping")] },
    settle,
    lost: |_, _| OnLoss::TryAgain,
    holds_on: |_| false,
    afterwards: |_| None,
    keeps_uncertain_values: false,
};

fn settle(_: Purpose, evidence: Evidence<'_>) -> Option<Settlement> {
    let device_status = evidence.statuses.first().copied().flatten()?;
    let (state, outcome) = match device_status {
        200 => (ActionState::Done, Outcome::Acknowledged),
        404 | 406 => (ActionState::NotSupported, Outcome::FeatureAbsent),
        _ => (ActionState::Failed, Outcome::DeviceRefused),
    };
    Some(Settlement::Ended(Ending { state, outcome, device_status: Some(device_status) }))
}
