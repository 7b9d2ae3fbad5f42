//! Refusals about assignments of roles.

use thiserror::Error;

use crate::principal::MAX_ASSIGNMENTS;
use crate::role::RoleAction;

/// The reason why a role is not assigned, or stays assigned.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RoleRefusal {
    /// Callers cannot assign a role to themselves or remove one of their own.
    #[error("callers cannot change their own role assignments")]
    Own,
    /// The assignment would grant a right that the caller may not pass on.
    #[error("the caller does not hold {0} there and cannot pass it on")]
    BeyondCaller(RoleAction),
    /// Removing the assignment would let the application do what the caller may not.
    #[error("without the assignment the application may do what the caller may not: {0}")]
    UnboundBeyondCaller(RoleAction),
    /// The same assignment exists already.
    #[error("the role is assigned to that principal in that scope already")]
    AssignedAlready,
    /// The tenant has the most assignments that it may have.
    #[error("the tenant has {MAX_ASSIGNMENTS} role assignments, the maximum")]
    TooMany,
}
