//! Refusals about the names of users.

use thiserror::Error;

/// Why a user does not get, or lose, a name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UserRefusal {
    /// A user would get, or lose, a principal name to which a role is assigned.
    #[error("a role is assigned to the principal name {0:?}")]
    NameAssigned(String),
    /// A principal name looks like an object id, and another user can have that one.
    #[error("a principal name cannot have the form of an object id")]
    NameIsId,
}
