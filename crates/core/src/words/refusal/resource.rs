//! Refusals about entities of any kind.

use thiserror::Error;

/// The reason why a request about an entity is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResourceRefusal {
    /// The entity is absent, in another tenant or not linked.
    #[error("the {0} does not exist")]
    NotFound(&'static str),
    /// An entity with that key exists already.
    #[error("a {0} with that key already exists")]
    AlreadyExists(&'static str),
    /// The entity has changed since the caller read it.
    #[error("the entity has changed since the caller read it")]
    Changed,
}
