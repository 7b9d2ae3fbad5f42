//! The commands for a device, in words of no protocol, and the record of one delivery.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::enrollment::Enrollment;
use crate::escrow::SecretKind;
use crate::id::{ActionId, DeviceId, EnrollmentId, SecretId, TenantId};
use crate::inventory::InventoryField;
use crate::lock::Lock;

/// One step that a remote action (or enrolment) sends to a device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "camelCase")]
pub enum DeviceCommand {
    /// Lock the device and set a new PIN, keeping the keys of Windows Hello.
    LockAndRecoverPin,
    /// Read the new PIN, which the device gives once.
    ReadNewPin,
    /// Let users of that Entra tenant recover their PIN themselves.
    EnablePinRecovery {
        /// The Entra tenant.
        entra_tenant: Uuid,
    },
    /// Read one inventory value.
    ReadInventory {
        /// The value.
        field: InventoryField,
    },
    /// Make a candidate passcode for what can be recovered of these locks, and seal it on the device.
    /// Nothing is changed yet.
    PrepareCandidate {
        /// The locks.
        locks: Vec<Lock>,
    },
    /// Read the sealed candidate.
    ReadCandidate,
    /// Make the locks open with the candidate, prove it, and keep the way back.
    ApplyCandidate {
        /// Lower-case hex SHA-256 of the envelope that the escrow holds: the device applies no other.
        envelope_sha256: String,
    },
    /// Read the device's report on the candidate.
    ReadReport,
    /// The escrow has promoted the candidate: the old secret may go.
    RetireOld {
        /// The action of the candidate.
        action: ActionId,
        /// The attempt of the candidate.
        attempt: u32,
    },
    /// The candidate will not be promoted: go back to the old secret.
    UndoCandidate {
        /// The action of the candidate.
        action: ActionId,
        /// The attempt of the candidate.
        attempt: u32,
    },
    /// Read the installed packages.
    ReadPackages,
    /// Run the operation of that name. A channel has a row of that name.
    Run {
        /// The name.
        name: String,
    },
    /// Give the value of that name.
    Read {
        /// The name.
        name: String,
    },
    /// Take a secret under that name. The command holds a reference; the value is opened while its message is written.
    Give {
        /// The name.
        name: String,
        /// The kind of the secret.
        kind: SecretKind,
        /// The secret; `None` until the command goes out for the first time.
        secret: Option<SecretRef>,
    },
}

/// A reference to a secret in escrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// The action that brought it.
    pub action: ActionId,
    /// The id of the secret.
    pub id: SecretId,
}

/// Commands that travel together in one message, and their fate. A lost delivery stays, marked as lost, and the
/// engine makes another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// Assigned by the store, growing; `0` before it is stored.
    pub seq: i64,
    /// The tenant.
    pub tenant: TenantId,
    /// The device.
    pub device: DeviceId,
    /// The enrolment that may fetch it.
    pub enrollment: EnrollmentId,
    /// The remote action it serves; `None` for set-up and inventory.
    pub action: Option<ActionId>,
    /// The attempt of the action, from 1; 0 without an action.
    pub attempt: u32,
    /// The purpose.
    pub purpose: Purpose,
    /// The commands, in order.
    pub commands: Vec<DeviceCommand>,
    /// The progress of the delivery.
    pub phase: Phase,
    /// The device's status for each command, as far as they arrived. Same length as `commands`.
    pub statuses: Vec<Option<u16>>,
    /// The time at which it was queued.
    pub created: Timestamp,
}

impl Delivery {
    /// Returns a new delivery that belongs to no action, so that no action waits for its answer.
    pub fn of_no_action(
        enrollment: &Enrollment,
        purpose: Purpose,
        commands: Vec<DeviceCommand>,
        now: Timestamp,
    ) -> Self {
        Self {
            seq: 0,
            tenant: enrollment.tenant,
            device: enrollment.device,
            enrollment: enrollment.id,
            action: None,
            attempt: 0,
            purpose,
            statuses: vec![None; commands.len()],
            commands,
            phase: Phase::Queued,
            created: now,
        }
    }

    /// Returns a new delivery for the same enrolment that belongs to no action.
    pub fn follow_up(&self, purpose: Purpose, commands: Vec<DeviceCommand>, now: Timestamp) -> Self {
        let statuses = vec![None; commands.len()];
        let (seq, action, attempt, phase) = (0, None, 0, Phase::Queued);
        Self { seq, action, attempt, purpose, commands, statuses, phase, created: now, ..*self }
    }

    /// Returns true if one of its commands gives the device a secret.
    pub fn gives_secret(&self) -> bool {
        self.commands.iter().any(DeviceCommand::gives_secret)
    }
}

/// The reason for which a delivery is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Purpose {
    /// The commands of the action itself.
    Act,
    /// Asks whether an earlier attempt, whose answer was lost, left a value behind.
    Probe,
    /// The device makes a candidate and gives it sealed.
    Prepare,
    /// The device puts the candidate into effect, which the escrow holds by now.
    Apply,
    /// Verifies with a command of its own that an earlier step did what its acknowledgement said.
    Verify,
    /// The step after an action has ended: the old secret goes, or comes back. If this step is lost, the device reports
    /// in its next session what it still waits for.
    Finish,
    /// Set-up after enrolment and inventory: no action waits for it.
    SetUp,
}

impl DeviceCommand {
    /// The command that runs the operation of that name.
    pub fn run(name: &str) -> Self {
        Self::Run { name: name.to_owned() }
    }

    /// The command that reads the value of that name.
    pub fn read(name: &str) -> Self {
        Self::Read { name: name.to_owned() }
    }

    /// The command that gives a secret of that kind under that name. It is the secret of its attempt, or else the device's
    /// newest.
    pub fn give(name: &str, kind: SecretKind) -> Self {
        Self::Give { name: name.to_owned(), kind, secret: None }
    }

    /// Returns true if the command gives the device a secret, known by now or not.
    pub fn gives_secret(&self) -> bool {
        matches!(self, Self::Give { .. })
    }

    /// The secret that the command sends.
    pub fn secret(&self) -> Option<SecretRef> {
        match self {
            Self::Give { secret, .. } => *secret,
            _ => None,
        }
    }

    /// The name by which a channel finds the command: its own, or the one that it is stored under.
    pub fn name(&self) -> &str {
        match self {
            Self::LockAndRecoverPin => "lockAndRecoverPin",
            Self::ReadNewPin => "readNewPin",
            Self::EnablePinRecovery { .. } => "enablePinRecovery",
            Self::ReadInventory { .. } => "readInventory",
            Self::PrepareCandidate { .. } => "prepareCandidate",
            Self::ReadCandidate => "readCandidate",
            Self::ApplyCandidate { .. } => "applyCandidate",
            Self::ReadReport => "readReport",
            Self::RetireOld { .. } => "retireOld",
            Self::UndoCandidate { .. } => "undoCandidate",
            Self::ReadPackages => "readPackages",
            Self::Run { name } | Self::Read { name } | Self::Give { name, .. } => name,
        }
    }

    /// The envelope that the device is told to apply, by its hash.
    pub fn envelope(&self) -> Option<&str> {
        match self {
            Self::ApplyCandidate { envelope_sha256 } => Some(envelope_sha256),
            _ => None,
        }
    }
}

impl Purpose {
    /// Returns true if the device may change by this step: it could make a passcode that nothing keeps, or drop an old one.
    pub fn may_change(self) -> bool {
        match self {
            Self::Act | Self::Probe | Self::Prepare | Self::Apply | Self::Finish => true,
            Self::Verify | Self::SetUp => false,
        }
    }
}

/// The progress of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "camelCase")]
pub enum Phase {
    /// The delivery waits for the device.
    Queued,
    /// The delivery went out in that message; answers are matched by it.
    Sent(Receipt),
    /// The device answered, and the answer was used.
    Settled(Receipt),
    /// The delivery was never answered: a new session began, or the device aborted.
    Lost(Receipt),
    /// The delivery never went out: its action was canceled.
    Withdrawn,
}

/// The proof that a delivery went out, in the words of the channel that took it. Nothing but the channel reads it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The message that carried it. Answers are matched by it, and by the place of a command.
    pub message: String,
    /// The place of its first command in that message. Where two messages of an enrolment have one name, their commands have
    /// different places, later ones higher.
    pub first: u32,
}

impl Phase {
    /// The receipt, once it went out.
    pub fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::Sent(at) | Self::Settled(at) | Self::Lost(at) => Some(at),
            Self::Queued | Self::Withdrawn => None,
        }
    }
}
