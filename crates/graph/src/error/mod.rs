//! Every error of the Graph face, and the answer to it. A row says it all: stable code, status, text. [`table`] has the rows
//! of requests that are not understood, [`common`] those of refusals that are about no kind of entity. Refusals about a kind
//! have theirs in the file of the kind. [`document`] is the form that Intune gives to a text.

pub(crate) mod common;
mod document;
mod response;
pub(crate) mod row;
mod table;
mod token;

use chaveiro_auth::TokenRefusal;
use chaveiro_core::application::ApplicationRefusal;
use chaveiro_core::ports::StoreError;
use chaveiro_core::refusal::{
    ActionRefusal, DeviceRefusal, HoldRefusal, ResourceRefusal, RevocationRefusal, RightsRefusal, RoleRefusal,
    TenantRefusal, UserRefusal,
};
use chaveiro_core::{Fault, Refusal};
use thiserror::Error;

pub use self::document::Place;
pub(crate) use self::response::reason;
pub use self::response::respond;
pub(crate) use self::row::Coded;
use crate::batch::BatchError;
use crate::body::BodyError;
use crate::limits::Throttled;
use crate::negotiation::HeaderError;
use crate::query::QueryError;
use crate::resolve::{MalformedKey, PathError};

/// The error of a request.
#[derive(Debug, Error)]
pub enum GraphError {
    /// The path leads nowhere in the model.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The token.
    #[error("the token is refused: {0:?}")]
    Token(TokenRefusal),
    /// The domain refuses the request.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The path is known, the verb is not for it.
    #[error("{method} is not for {template}")]
    Verb {
        /// The method as it was asked.
        method: String,
        /// The route template.
        template: String,
        /// The path, keys in parentheses.
        path: String,
        /// The methods that are allowed.
        allow: String,
        /// True if Intune would answer, false if the rest of Graph would.
        intune: bool,
    },
    /// `me`, and no user is signed in.
    #[error("an application has no me")]
    NoUserSignedIn,
    /// A key that no entity can have.
    #[error("malformed key {0:?}")]
    Key(MalformedKey),
    /// A query option.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A header that says what may be answered.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The body.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A batch, or an item of one.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The caller asks for too much.
    #[error("throttled for {} seconds", .0.retry_after_s)]
    Throttled(Throttled),
    /// Too much is waiting.
    #[error("busy")]
    Busy,
    /// The disk has no room.
    #[error("the disk is full")]
    Full,
    /// The escrow cannot take a passcode. The text is for the log alone.
    #[error("the escrow is not ready: {0}")]
    EscrowNotReady(String),
    /// A fault of ours. The text is for the log alone.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<TokenRefusal> for GraphError {
    fn from(refusal: TokenRefusal) -> Self {
        Self::Token(refusal)
    }
}

impl From<Throttled> for GraphError {
    fn from(throttled: Throttled) -> Self {
        Self::Throttled(throttled)
    }
}

impl From<MalformedKey> for GraphError {
    fn from(key: MalformedKey) -> Self {
        Self::Key(key)
    }
}

impl From<StoreError> for GraphError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Busy,
            StoreError::Full => Self::Full,
            StoreError::ForeignCursor => Self::Query(QueryError::Cursor),
            StoreError::TooCostly => Self::Query(QueryError::TooCostly),
            StoreError::Duplicate(what) => ResourceRefusal::AlreadyExists(what).into(),
            StoreError::Unavailable(_) | StoreError::ReadOnly(_) | StoreError::Inconsistent(_) => {
                Self::Internal(error.to_string())
            }
        }
    }
}

/// Takes the refusals of single subjects.
macro_rules! refusals {
    ($($subject:ty),+ $(,)?) => {
        $(impl From<$subject> for GraphError {
            fn from(refusal: $subject) -> Self {
                Self::Refused(refusal.into())
            }
        })+
    };
}

refusals!(
    DeviceRefusal,
    ActionRefusal,
    HoldRefusal,
    RightsRefusal,
    RoleRefusal,
    RevocationRefusal,
    ApplicationRefusal,
    UserRefusal,
    ResourceRefusal,
    TenantRefusal,
);

impl From<Fault> for GraphError {
    fn from(fault: Fault) -> Self {
        fault.map(Self::Refused).into()
    }
}

impl From<Fault<Self>> for GraphError {
    fn from(fault: Fault<Self>) -> Self {
        match fault {
            Fault::Refused(error) => error,
            Fault::Store(error) => error.into(),
            Fault::Escrow(reason) => Self::EscrowNotReady(reason),
        }
    }
}
