//! Refusals about devices.

use thiserror::Error;

/// Why nothing is done about a device.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeviceRefusal {
    /// The device is absent, foreign or not reachable from where the caller came; one answer for all.
    #[error("the device does not exist")]
    NotFound,
    /// The device is no longer managed.
    #[error("the device is retired; it must enroll again before its passcode can be recovered")]
    Retired,
    /// The device has no open enrolment.
    #[error("the device is not enrolled; it must enroll before its passcode can be recovered")]
    NotEnrolled,
}
