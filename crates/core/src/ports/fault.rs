//! Why a port, or a unit of work, did not do what was asked.

use thiserror::Error;

use crate::refusal::Refusal;

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

/// Why a unit of work ended without its result.
#[derive(Debug, Error)]
pub enum Fault {
    /// The domain said no; everything the unit of work did is undone.
    #[error(transparent)]
    Refused(#[from] Refusal),
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

impl From<EscrowError> for Fault {
    fn from(error: EscrowError) -> Self {
        Self::Escrow(error.to_string())
    }
}
