//! Refusals about remote actions.

use thiserror::Error;

/// Why a remote action is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ActionRefusal {
    /// The action has no way of being carried out on that platform.
    #[error("{action} is not possible on {platform}")]
    PlatformUnsupported {
        /// The name of the action.
        action: &'static str,
        /// The platform of the device.
        platform: &'static str,
    },
    /// A recovery of less than what is asked for has changed the device already, and must end first.
    #[error("a recovery of the disk alone is being carried out; ask again when the device has answered")]
    RecoveryUnderWay,
}
