//! Refusals about the rights of a caller.

use thiserror::Error;

use crate::permission::Permission;
use crate::role::RoleAction;

/// The reason why a caller may not do what it requests.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RightsRefusal {
    /// The caller lacks all of these permissions.
    #[error("the caller needs one of {0:?}")]
    MissingPermission(&'static [Permission]),
    /// The signed-in person has no role.
    #[error("the caller has no role")]
    NoRole,
    /// The caller has roles, and none allows the action there.
    #[error("the caller has no role that allows {0} there")]
    RoleLacks(RoleAction),
    /// The change would move a device into or out of a scope that the caller does not hold.
    #[error("the caller does not hold the scope tag {0:?}")]
    ScopeNotHeld(String),
    /// The application may do more than the caller, and a caller that gives it a secret could act as the application.
    #[error("the application may do more than the caller")]
    ApplicationBeyondCaller,
}
