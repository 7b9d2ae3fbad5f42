//! Refusals about devices.

use thiserror::Error;

/// The reason why a request about a device is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeviceRefusal {
    /// The device is absent, in another tenant or hidden from the caller; the answer is the same for all three.
    #[error("the device does not exist")]
    NotFound,
    /// The device is no longer managed.
    #[error(
        "the device is no longer managed: an administrator retired it, or it was unenrolled on the device itself; it must enroll again before its passcode can be recovered"
    )]
    Retired,
    /// The device is to be retired, and is no longer managed.
    #[error(
        "the device is retired already, or was unenrolled on the device itself; its record and its escrow are kept"
    )]
    RetiredBefore,
    /// The device has no open enrolment.
    #[error("the device is not enrolled; it must enroll before its passcode can be recovered")]
    NotEnrolled,
}
