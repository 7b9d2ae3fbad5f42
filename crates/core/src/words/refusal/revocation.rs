//! Refusals about revoked tokens, or tokens to revoke.

use jiff::Timestamp;
use thiserror::Error;

/// The reason why a token does not count, or why tokens are not revoked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RevocationRefusal {
    /// The token was issued before the revocation time of its person or its application.
    #[error("the token was revoked; those issued since {valid_from} count")]
    TokenRevoked {
        /// The time since which tokens count, in whole seconds.
        valid_from: Timestamp,
    },
    /// Tokens of the same person or application were revoked repeatedly within seconds.
    #[error("tokens of the same were ended too often just now; nothing was done, try again in {retry_after_s} s")]
    TooMany {
        /// The seconds until the next revocation is possible.
        retry_after_s: u64,
    },
}
