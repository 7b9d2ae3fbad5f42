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
    /// A claim that must be a text is a list, a number where a text belongs, and the like.
    #[error("the claim {claim} of the token has the wrong type")]
    WrongType {
        /// The claim.
        claim: &'static str,
    },
    /// `exp`, `nbf` or `iat` before 1970 or after 9999.
    #[error("the claim {claim} of the token is out of range")]
    TimeOutOfRange {
        /// The claim.
        claim: &'static str,
    },
    /// An ID token, which tells a client who signed in and permits nothing.
    #[error("the token is an ID token")]
    IdToken,
    /// A logout token or another security event.
    #[error("the token is a logout token")]
    LogoutToken,
    /// Something else that the issuer signs: a refresh token, a proof, a request.
    #[error("the token is not an access token")]
    NotAnAccessToken,
    /// Bound to a key (`cnf`) that the request does not prove.
    #[error("the token is bound to a key that the request does not prove")]
    BoundToken,
    /// None of `azp`, `appid` and `client_id`.
    #[error("the token names no client")]
    NoClient,
    /// Two of them, with different values.
    #[error("the token names two different clients")]
    ClientsDisagree,
    /// A person's token without `oid` and `sub`.
    #[error("the token names no subject")]
    NoSubject,
    /// It says that it is an application's and names a person, or `idtyp` is unknown.
    #[error("the token does not say clearly whether it is a person's or an application's")]
    SubjectUnclear,
    /// The issuer publishes the key for something else than signing.
    #[error("the key of the token is not published for signing")]
    KeyNotForSigning,
    /// No `tid`, or one the issuer may not speak for.
    #[error("the token names no tenant that its issuer may speak for")]
    NoTenant,
    /// A personal Microsoft account.
    #[error("the token is of a personal account")]
    PersonalAccount,
    /// The issuer's keys cannot be fetched, and those that are known are too old.
    #[error("the known keys of the issuer are too old, and new ones are not available")]
    KeysTooOld {
        /// Seconds until the issuer is asked again, at least one.
        retry_after_s: u64,
    },
    /// The issuer's keys cannot be fetched and none are known.
    #[error("the keys of the issuer are not available")]
    IssuerUnavailable {
        /// Seconds until the issuer is asked again, at least one.
        retry_after_s: u64,
    },
}
