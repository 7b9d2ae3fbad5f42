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
    /// Waits for the device.
    Pending,
    /// Went out to the device.
    Active,
    /// The device did it and the escrow holds the result.
    Done,
    /// It did not happen, or its result is lost; the outcome says which.
    Failed,
    /// The device cannot do it.
    NotSupported,
    /// Ended before the device was asked.
    Canceled,
}

impl ActionState {
    /// Graph's spelling, also how stores write it.
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

/// The reason why an action ended as it did. Stable codes: they are served, audited and translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The device set a new passcode and reported it; the escrow holds it.
    Replaced,
    /// The lock is gone: the device was seen without it afterwards. There is no secret.
    Removed,
    /// The device gave a secret that it had already; the escrow holds it. The device has not changed.
    Revealed,
    /// The device says that it did what was asked; nothing else proves it.
    Acknowledged,
    /// The device says it changed its passcode but did not give the value.
    ValueNotDelivered,
    /// The device refused or could not; the old passcode still works.
    DeviceRefused,
    /// The device lacks the feature.
    FeatureAbsent,
    /// The device reported a failure and a value. It is not certain that the value opens the device; it is kept, and shown
    /// with a warning.
    Contradictory,
    /// The device gave a value, but not with the status or in the form that goes with one. It is not certain that the
    /// value opens the device; it is kept, and shown with a warning.
    Uncertain,
    /// The device was asked and never answered, twice.
    OutcomeUnknown,
    /// The escrow holds no secret of the kind that the device would have needed; it was not asked.
    NoSecret,
    /// The device did not come in time.
    Expired,
    /// The device enrolled again.
    Reenrolled,
    /// The device was retired or unenrolled.
    Retired,
    /// A person canceled it.
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
    /// The name of a [`crate::remote_action::RemoteAction`].
    pub name: &'static str,
    /// The state.
    pub state: ActionState,
    /// The current attempt, from 1.
    pub attempt: u32,
    /// The reason of its end; `None` while open.
    pub outcome: Option<Outcome>,
    /// The device's own status for the deciding command, `0` and `None` apart.
    pub device_status: Option<u16>,
    /// The device's own words for why it did not, or not wholly.
    pub device_reason: Option<String>,
    /// The locks that are asked for.
    pub locks: Vec<Lock>,
    /// The locks that the passcode opens, once the action is done.
    pub opens: Vec<DeviceLock>,
    /// The time at which the device proved that the passcode opens all of that; `None` where a device cannot.
    pub verified: Option<Timestamp>,
    /// The restore since which nothing has confirmed the result; `None` when there was none.
    pub before_restore: Option<Timestamp>,
    /// The party that asked.
    pub requested_by: Actor,
    /// The caller's own id of the request that opened it.
    pub client_request_id: Option<String>,
    /// The time of its acceptance.
    pub started: Timestamp,
    /// The time of its last change.
    pub updated: Timestamp,
}
