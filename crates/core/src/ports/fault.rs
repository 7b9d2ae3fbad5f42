//! Why a port, or a unit of work, did not do what was asked; and the refusal that keeps what it recorded.
//!
//! | a decision that refuses | what it wrote |
//! |---|---|
//! | `Err(`[`Fault::Refused`]`)` | is undone, all of it |
//! | `Ok(`[`Decided::RefusedAndRecorded`]`)` | is kept: the event of the refusal, the hold that it placed |

use thiserror::Error;

use crate::refusal::{EnrollmentRefusal, Refusal, UnclearHold};

/// A fault of the store. Texts are internal: they go to logs, never to callers.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Too much is waiting; try again in a moment. Nothing was done.
    #[error("the store's queue is full")]
    Busy,
    /// The disk has no room. What was asked for may be kept all the same, and is found when it is asked for again.
    #[error("the disk of the store is full")]
    Full,
    /// The medium failed, or the store is shutting down. Nothing was done.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Too much would have to be read to answer a filter or an order. Trying again does not help.
    #[error("the list cannot be answered without reading too much")]
    TooCostly,
    /// A cursor that this store did not make for that list and tenant.
    #[error("the cursor is not of this list")]
    ForeignCursor,
    /// A row of that key exists already.
    #[error("duplicate {0}")]
    Duplicate(&'static str),
    /// What is stored cannot be read back, or a unit of work panicked.
    #[error("the store is inconsistent: {0}")]
    Inconsistent(String),
}

/// Why a unit of work ended without its result. `R` lists what it can refuse.
#[derive(Debug, Error)]
pub enum Fault<R = Refusal> {
    /// The domain said no; everything the unit of work did is undone.
    #[error(transparent)]
    Refused(R),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Sealing or unsealing failed. The text is internal.
    #[error("escrow: {0}")]
    Escrow(String),
}

/// Why sealing or unsealing failed. Texts are internal.
#[derive(Debug, Error)]
pub enum EscrowError {
    /// The tenant has no recipient to seal to, or no private key is here to open with.
    #[error("no key: {0}")]
    NoKey(String),
    /// The envelope is damaged, of another version, or bound to something else.
    #[error("the envelope does not open: {0}")]
    Unopenable(String),
}

impl<R> Fault<R> {
    /// Returns the same fault with its refusal in the words of another subject.
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

/// The result of a decision that keeps what it recorded, also when it refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decided<T, R = Refusal> {
    /// It was permitted and done.
    Done(T),
    /// It was refused. What the unit of work wrote stays, the record of the refusal among it.
    RefusedAndRecorded(R),
}

impl<T, R> Decided<T, R> {
    /// Changes what was done, and leaves a refusal as it is.
    pub fn map<S>(self, then: impl FnOnce(T) -> S) -> Decided<S, R> {
        match self {
            Self::Done(done) => Decided::Done(then(done)),
            Self::RefusedAndRecorded(refusal) => Decided::RefusedAndRecorded(refusal),
        }
    }
}
