//! The faults of ports and units of work, and the refusal that keeps what it recorded.
//!
//! | a decision that refuses | its writes |
//! |---|---|
//! | `Err(`[`Fault::Refused`]`)` | are undone, all of them |
//! | `Ok(`[`Decided::RefusedAndRecorded`]`)` | are kept: the event of the refusal, the hold that it placed |

use thiserror::Error;

use crate::refusal::{EnrollmentRefusal, Refusal, UnclearHold};

/// A fault of the store. The texts are internal: they go to logs, never to callers.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Too much is waiting; try again soon. Nothing was done.
    #[error("the store's queue is full")]
    Busy,
    /// The disk has no room. The write may have been kept even so; a repeat of the request finds it.
    #[error("the disk of the store is full")]
    Full,
    /// The medium failed, or the store is shutting down. Nothing was done.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Nothing can be written, for instance in a dry run.
    #[error("the store cannot be written: {0}")]
    ReadOnly(String),
    /// A filter or an order would require reading too much. Trying again does not help.
    #[error("the list cannot be answered without reading too much")]
    TooCostly,
    /// The cursor was not made by this store for that list and tenant.
    #[error("the cursor is not of this list")]
    ForeignCursor,
    /// A row with that key exists already.
    #[error("duplicate {0}")]
    Duplicate(&'static str),
    /// Stored data cannot be read back, or a unit of work panicked.
    #[error("the store is inconsistent: {0}")]
    Inconsistent(String),
}

/// The reason why a unit of work ended without its result. `R` lists its refusals.
#[derive(Debug, Error)]
pub enum Fault<R = Refusal> {
    /// The domain refused; every write of the unit of work is undone.
    #[error(transparent)]
    Refused(R),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Sealing or unsealing failed. The text is internal.
    #[error("escrow: {0}")]
    Escrow(String),
}

/// The reason why sealing or unsealing failed. The texts are internal.
#[derive(Debug, Error)]
pub enum EscrowError {
    /// The tenant has no recipient to seal to, or there is no private key to open with.
    #[error("no key: {0}")]
    NoKey(String),
    /// The envelope is damaged, of another version, or bound to another context.
    #[error("the envelope does not open: {0}")]
    Unopenable(String),
}

impl<R> Fault<R> {
    /// Returns the same fault, with its refusal translated by `words`.
    pub fn map<S>(self, words: impl FnOnce(R) -> S) -> Fault<S> {
        match self {
            Self::Refused(refusal) => Fault::Refused(words(refusal)),
            Self::Store(error) => Fault::Store(error),
            Self::Escrow(error) => Fault::Escrow(error),
        }
    }
}

impl<S> From<S> for Fault
where
    Refusal: From<S>,
{
    fn from(refusal: S) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<EnrollmentRefusal> for Fault<EnrollmentRefusal> {
    fn from(refusal: EnrollmentRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<UnclearHold> for Fault<UnclearHold> {
    fn from(refusal: UnclearHold) -> Self {
        Self::Refused(refusal)
    }
}

impl<R> From<EscrowError> for Fault<R> {
    fn from(error: EscrowError) -> Self {
        Self::Escrow(error.to_string())
    }
}

/// The result of a decision that keeps its writes even when it refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decided<T, R = Refusal> {
    /// The act was permitted and done.
    Done(T),
    /// The act was refused. The writes of the unit of work stay, including the record of the refusal.
    RefusedAndRecorded(R),
}

impl<T, R> Decided<T, R> {
    /// Maps the result, and leaves a refusal as it is.
    pub fn map<S>(self, then: impl FnOnce(T) -> S) -> Decided<S, R> {
        match self {
            Self::Done(done) => Decided::Done(then(done)),
            Self::RefusedAndRecorded(refusal) => Decided::RefusedAndRecorded(refusal),
        }
    }
}
