//! `setUnlockToken`: the server makes a secret, seals it, sends it, and verifies it by another command. No product has this
//! action. It proves that the engine carries this third way.
//!
//! | step | the device | then |
//! |---|---|---|
//! | `Act` | takes the secret | `Verify`, also when it refused or its answer was lost: it may have taken it |
//! | `Verify` | compares the hash of the secret with what it has | the action is done, or another attempt with another secret |
//!
//! The secret is in escrow before it goes out, and every attempt has its own. At every moment the device has one of them.

use zeroize::Zeroizing;

#[cfg(test)]
use super::planted::{Fault, is_planted};
use crate::action::{ActionState, Outcome};
use crate::command::{Delivery, DeviceCommand, Phase, Purpose};
use crate::device::Platform;
use crate::escrow::SecretKind;
use crate::permission::Permission;
use crate::remote_action::{AuditNames, Ending, Evidence, Held, OnLoss, RemoteAction, Settlement, Step, Way};
use crate::role::RoleAction;
use crate::secret::SecretBytes;

/// The declaration.
pub const SET_UNLOCK_TOKEN: RemoteAction = RemoteAction {
    name: "setUnlockToken",
    permission: Permission::PrivilegedOperationsAll,
    role_action: RoleAction::ResetPasscode,
    summary: "Give the device a new secret to be unlocked with",
    result_type: "deviceActionResult",
    audit: AuditNames {
        recorded_as: Some("setUnlockToken"),
        requested: "setUnlockToken ManagedDevice",
        repeated: "repeatSetUnlockToken ManagedDevice",
        sent: "sendSetUnlockToken ManagedDevice",
        settled: "settleSetUnlockToken ManagedDevice",
    },
    counts_for_hold: true,
    keeps: Some(SecretKind::UnlockToken),
    ways: &[&WAY],
};

const WAY: Way = Way {
    platforms: &[Platform::Windows],
    makes: Some(make),
    steps: &[Purpose::Act, Purpose::Verify],
    max_attempts: 2,
    // Each attempt was looked at: the device is unchanged by it.
    exhausted: Outcome::DeviceRefused,
    opens: &[],
    locks: |_| &[],
    first: |_| Step {
        purpose: Purpose::Act,
        commands: vec![DeviceCommand::give("setUnlockToken", SecretKind::UnlockToken)],
    },
    settle,
    lost,
    holds_on: may_have_changed,
    afterwards: |_| None,
    keeps_uncertain_values: false,
};

/// Makes a token of the greatest length.
fn make(random: &mut dyn FnMut(&mut [u8])) -> Option<SecretBytes> {
    let mut bytes = Zeroizing::new(vec![0; SecretKind::UnlockToken.max_bytes()]);
    random(&mut bytes);
    SecretBytes::new(SecretKind::UnlockToken, bytes)
}

fn verify() -> Step {
    let command = DeviceCommand::give("verifyUnlockToken", SecretKind::UnlockToken);
    Step { purpose: Purpose::Verify, commands: vec![command] }
}

fn settle(step: Purpose, evidence: Evidence<'_>) -> Option<Settlement> {
    let code = evidence.statuses.first().copied().flatten()?;
    let ended = |state, outcome| Settlement::Ended(Ending { state, outcome, device_status: Some(code) });
    #[cfg(test)]
    if is_planted(Fault::WordIsProof) && (step, code) == (Purpose::Act, 200) {
        return Some(ended(ActionState::Done, Outcome::Replaced));
    }
    Some(match (step, code) {
        (Purpose::Act, 404 | 406) => ended(ActionState::NotSupported, Outcome::FeatureAbsent),
        // A device can fail after it has changed: whatever it says, it is looked at.
        (Purpose::Act, _) => Settlement::Next(verify()),
        (_, 200) => ended(ActionState::Done, Outcome::Replaced),
        // It has another: this attempt has not changed it.
        (_, 409) => Settlement::TryAgain,
        (_, _) => ended(ActionState::Failed, Outcome::OutcomeUnknown),
    })
}

fn lost(step: Purpose, _: Held) -> OnLoss {
    #[cfg(test)]
    if is_planted(Fault::SilenceIsRefusal) {
        let (state, outcome) = (ActionState::Failed, Outcome::DeviceRefused);
        return OnLoss::Ended(Ending { state, outcome, device_status: None });
    }
    match step {
        Purpose::Act => OnLoss::Next(verify()),
        _ => OnLoss::Resend,
    }
}

/// Returns true if the device was told to change since it was last looked at.
fn may_have_changed(deliveries: &[Delivery]) -> bool {
    let looked = |of: &&Delivery| of.purpose == Purpose::Verify && matches!(of.phase, Phase::Settled(_));
    deliveries.iter().rev().take_while(|of| !looked(of)).any(|of| of.phase.receipt().is_some())
}
