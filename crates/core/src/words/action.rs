//! The state of a remote action, and its record.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::caller::Actor;
use crate::id::{ActionId, DeviceId, TenantId};
use crate::lock::{DeviceLock, Lock};

/// `actionState` of `deviceActionResult`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ActionState {
    /// The action waits for the device.
    Pending,
    /// The commands went out to the device.
    Active,
    /// The device carried the action out, and the escrow holds the result.
    Done,
    /// The action did not happen, or its result is lost; the outcome says which.
    Failed,
    /// The device cannot carry the action out.
    NotSupported,
    /// The action ended before the device was asked.
    Canceled,
}

impl ActionState {
    /// Graph's spelling, which stores use too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::NotSupported => "notSupported",
            Self::Canceled => "canceled",
        }
    }

    /// Returns true if the action still waits for something.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Active)
    }
}

/// The reason why an action ended as it did. The codes are stable: they are served, audited and translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The device set a new passcode and reported it; the escrow holds it.
    Replaced,
    /// The lock is gone: the device was seen without it later. There is no secret.
    Removed,
    /// The device gave a secret that it had before; the escrow holds it. The device has not changed.
    Revealed,
    /// The device reports that it did what was asked; nothing else proves it.
    Acknowledged,
    /// The device says it changed its passcode but did not give the value.
    ValueNotDelivered,
    /// The device refused, or was unable; the old passcode still works.
    DeviceRefused,
    /// The device lacks the feature.
    FeatureAbsent,
    /// The device reported a failure and a value. The value may not open the device; it is kept, and shown with a
    /// warning.
    Contradictory,
    /// The device gave a value with an unexpected status or in an unexpected form. The value may not open the device;
    /// it is kept, and shown with a warning.
    Uncertain,
    /// The device was asked twice and never answered.
    OutcomeUnknown,
    /// The escrow holds no secret of the kind that the device would have needed; it was not asked.
    NoSecret,
    /// The device did not connect in time.
    Expired,
    /// The device enrolled again.
    Reenrolled,
    /// The device was retired.
    Retired,
    /// The device was unenrolled on the device itself.
    Unenrolled,
    /// A caller canceled the action.
    CanceledByCaller,
}

impl Outcome {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::Removed => "removed",
            Self::Revealed => "revealed",
            Self::Acknowledged => "acknowledged",
            Self::ValueNotDelivered => "valueNotDelivered",
            Self::DeviceRefused => "deviceRefused",
            Self::FeatureAbsent => "featureAbsent",
            Self::Contradictory => "contradictory",
            Self::Uncertain => "uncertain",
            Self::OutcomeUnknown => "outcomeUnknown",
            Self::NoSecret => "noSecret",
            Self::Expired => "expired",
            Self::Reenrolled => "reenrolled",
            Self::Retired => "retired",
            Self::Unenrolled => "unenrolled",
            Self::CanceledByCaller => "canceledByCaller",
        }
    }
}

/// One remote action on one device; becomes a `deviceActionResult`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ActionRecord {
    /// The id.
    pub id: ActionId,
    /// The tenant.
    pub tenant: TenantId,
    /// The device.
    pub device: DeviceId,
    /// The name of its [`crate::remote_action::RemoteAction`].
    pub name: &'static str,
    /// The state.
    pub state: ActionState,
    /// The current attempt, from 1.
    pub attempt: u32,
    /// The reason why it ended; `None` while it is open.
    pub outcome: Option<Outcome>,
    /// The device's own status for the deciding command. `Some(0)` and `None` differ.
    pub device_status: Option<u16>,
    /// The device's own words for why it failed, or succeeded only in part.
    pub device_reason: Option<String>,
    /// The locks that it was asked to open.
    pub locks: Vec<Lock>,
    /// The locks that the passcode opens, once the action is done.
    pub opens: Vec<DeviceLock>,
    /// The time at which the device proved that the passcode opens all of them; `None` where a device cannot prove it.
    pub verified: Option<Timestamp>,
    /// The restore since which nothing has confirmed the result; `None` if there was none.
    pub before_restore: Option<Timestamp>,
    /// The party that requested it.
    pub requested_by: Actor,
    /// The id that the caller gave to the request.
    pub client_request_id: Option<String>,
    /// The time at which it was accepted.
    pub started: Timestamp,
    /// The time at which it last changed.
    pub updated: Timestamp,
}

impl ActionRecord {
    /// An action that was accepted at that time: its first attempt is open, and its device has said nothing yet.
    pub fn pending(
        id: ActionId,
        (tenant, device): (TenantId, DeviceId),
        name: &'static str,
        requested_by: Actor,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            tenant,
            device,
            name,
            state: ActionState::Pending,
            attempt: 1,
            outcome: None,
            device_status: None,
            device_reason: None,
            locks: Vec::new(),
            opens: Vec::new(),
            verified: None,
            before_restore: None,
            requested_by,
            client_request_id: None,
            started: now,
            updated: now,
        }
    }
}
