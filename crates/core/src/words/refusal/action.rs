//! Refusals about remote actions.

use thiserror::Error;

/// The reason why a remote action is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ActionRefusal {
    /// The platform has no way to carry the action out.
    #[error("{action} is not possible on {platform}")]
    PlatformUnsupported {
        /// The name of the action.
        action: &'static str,
        /// The platform of the device.
        platform: &'static str,
    },
    /// A recovery of fewer locks has changed the device already, and must end first.
    #[error("a recovery of the disk alone is being carried out; ask again when the device has answered")]
    RecoveryUnderWay,
}
