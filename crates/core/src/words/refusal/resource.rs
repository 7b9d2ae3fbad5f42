//! Refusals about entities of any kind.

use thiserror::Error;

/// Why nothing is done about an entity.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResourceRefusal {
    /// The entity is absent, foreign or unlinked.
    #[error("the {0} does not exist")]
    NotFound(&'static str),
    /// An entity of that key exists already.
    #[error("a {0} with that key already exists")]
    AlreadyExists(&'static str),
    /// The entity is no longer as the caller saw it.
    #[error("the entity has changed since the caller read it")]
    Changed,
}
