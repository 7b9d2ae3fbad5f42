//! Refusals about assignments of roles.

use thiserror::Error;

use crate::principal::MAX_ASSIGNMENTS;
use crate::role::RoleAction;

/// Why a role is not assigned, or stays assigned.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RoleRefusal {
    /// The caller would give itself a role, or take one back from itself.
    #[error("nobody gives herself a role or takes one back")]
    Own,
    /// The assignment would give a right that the caller may not pass on.
    #[error("the caller does not hold {0} there and cannot pass it on")]
    BeyondCaller(RoleAction),
    /// Without the assignment the application may do what the caller may not.
    #[error("without it the application may do what the caller may not: {0}")]
    UnboundBeyondCaller(RoleAction),
    /// That assignment exists.
    #[error("the role is assigned to that principal in that scope already")]
    AssignedAlready,
    /// The tenant has as many assignments as it may have.
    #[error("the tenant has {MAX_ASSIGNMENTS} role assignments, which is the most")]
    TooMany,
}
