//! Refusals about the names of users.

use thiserror::Error;

/// The reason why the name of a user is not changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UserRefusal {
    /// A user would get or lose a principal name to which a role is assigned.
    #[error("a role is assigned to the principal name {0:?}")]
    NameAssigned(String),
    /// The principal name looks like an object id, which another user may have.
    #[error("a principal name cannot have the form of an object id")]
    NameIsId,
}
