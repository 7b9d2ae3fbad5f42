//! `twoWays`: two ways that have every step in common and agree on nothing. It proves that an answer is settled by the way of
//! its action; tests of this crate alone have it.
//!
//! | platform | opens | an answer | a lost answer |
//! |---|---|---|---|
//! | Windows | the screen | the action is done | another attempt |
//! | Linux | an account | the device has refused | the feature is absent |

use crate::action::{ActionState, Outcome};
use crate::command::{DeviceCommand, Purpose};
use crate::device::Platform;
use crate::escrow::SecretKind;
use crate::lock::Lock;
use crate::permission::Permission;
use crate::remote_action::{AuditNames, Ending, Evidence, OnLoss, RemoteAction, Settlement, Step, Way};
use crate::role::RoleAction;

/// The declaration.
pub(crate) const TWO_WAYS: RemoteAction = RemoteAction {
    name: "twoWays",
    permission: Permission::PrivilegedOperationsAll,
    role_action: RoleAction::ResetPasscode,
    summary: "Go one of two ways",
    result_type: "deviceActionResult",
    audit: AuditNames {
        recorded_as: Some("twoWays"),
        requested: "twoWays ManagedDevice",
        repeated: "repeatTwoWays ManagedDevice",
        sent: "sendTwoWays ManagedDevice",
        settled: "settleTwoWays ManagedDevice",
    },
    counts_for_hold: false,
    keeps: Some(SecretKind::Passcode),
    ways: &[&SCREEN, &ACCOUNT],
};

const SCREEN: Way = Way {
    platforms: &[Platform::Windows],
    makes: None,
    steps: &[Purpose::Act],
    max_attempts: 2,
    exhausted: Outcome::OutcomeUnknown,
    opens: &[Lock::Screen],
    locks: |_| &[Lock::Screen],
    first: |_| Step { purpose: Purpose::Act, commands: vec![DeviceCommand::run("one")] },
    settle: |_, evidence| Some(Settlement::Ended(ending(evidence, ActionState::Done, Outcome::Acknowledged))),
    lost: |_, _| OnLoss::TryAgain,
    holds_on: |_| false,
    afterwards: |_| None,
    keeps_uncertain_values: false,
};

const ACCOUNT: Way = Way {
    platforms: &[Platform::Linux],
    exhausted: Outcome::DeviceRefused,
    opens: &[Lock::Login],
    locks: |_| &[Lock::Login],
    first: |_| Step { purpose: Purpose::Act, commands: vec![DeviceCommand::run("other")] },
    settle: |_, evidence| Some(Settlement::Ended(ending(evidence, ActionState::Failed, Outcome::DeviceRefused))),
    lost: |_, _| {
        let (state, outcome) = (ActionState::NotSupported, Outcome::FeatureAbsent);
        OnLoss::Ended(Ending { state, outcome, device_status: None })
    },
    keeps_uncertain_values: true,
    ..SCREEN
};

fn ending(evidence: Evidence<'_>, state: ActionState, outcome: Outcome) -> Ending {
    Ending { state, outcome, device_status: evidence.statuses.first().copied().flatten() }
}
