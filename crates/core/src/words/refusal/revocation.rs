//! Refusals about tokens that ended, or are to end.

use jiff::Timestamp;
use thiserror::Error;

/// Why a token does not count, or tokens are not ended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RevocationRefusal {
    /// The token was issued before tokens of its person, or of its application, began to count.
    #[error("the token was revoked; those issued since {valid_from} count")]
    TokenRevoked {
        /// The moment since which they count, in whole seconds.
        valid_from: Timestamp,
    },
    /// Tokens of the same person or application were ended again and again within seconds.
    #[error("tokens of the same were ended too often just now; nothing was done, try again in {retry_after_s} s")]
    TooMany {
        /// The seconds after which there is room for the next.
        retry_after_s: u64,
    },
}
