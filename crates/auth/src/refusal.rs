//! Why a token is refused.

use thiserror::Error;

/// Why a token is refused. The texts are for logs; the `graph` crate has those for callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenRefusal {
    /// No `Authorization` header, or an empty one.
    #[error("there is no token")]
    Missing,
    /// Not `Bearer` and a JWS in compact serialisation.
    #[error("the token is not well formed")]
    Malformed,
    /// After `exp`.
    #[error("the token is expired")]
    Expired,
    /// Before `nbf`.
    #[error("the token is not yet valid")]
    NotYetValid,
    /// `aud` is none of ours.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `iss` is not configured.
    #[error("the issuer is not trusted")]
    UnknownIssuer,
    /// The signature is not the issuer's, or its key is not known.
    #[error("the signature does not match")]
    BadSignature,
    /// `none`, a symmetric algorithm, or one the issuer may not use.
    #[error("the algorithm is not allowed")]
    WrongAlgorithm,
    /// No `tid`, or one the issuer may not speak for.
    #[error("the token names no tenant that its issuer may speak for")]
    NoTenant,
    /// A personal Microsoft account.
    #[error("the token is of a personal account")]
    PersonalAccount,
    /// The issuer's keys cannot be fetched and none are known.
    #[error("the keys of the issuer are not available")]
    IssuerUnavailable {
        /// Seconds until the issuer is asked again, at least one.
        retry_after_s: u64,
    },
}
