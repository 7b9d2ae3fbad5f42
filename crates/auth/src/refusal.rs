//! The reasons for which a token is refused.

use thiserror::Error;

/// The reason why a token is refused. These texts are for logs; the `graph` crate has those for callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenRefusal {
    /// The `Authorization` header is missing or empty.
    #[error("there is no token")]
    Missing,
    /// The header is not `Bearer` and a JWS in compact serialisation.
    #[error("the token is not well formed")]
    Malformed,
    /// `exp` has passed.
    #[error("the token is expired")]
    Expired,
    /// `nbf` lies ahead.
    #[error("the token is not yet valid")]
    NotYetValid,
    /// `aud` is not one of our audiences.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `iss` is not configured.
    #[error("the issuer is not trusted")]
    UnknownIssuer,
    /// The signature is not the issuer's, or its key is unknown.
    #[error("the signature does not match")]
    BadSignature,
    /// The algorithm is `none`, symmetric, or one that the issuer may not use.
    #[error("the algorithm is not allowed")]
    WrongAlgorithm,
    /// A claim has the wrong type, such as a list where a text belongs.
    #[error("the claim {claim} of the token has the wrong type")]
    WrongType {
        /// The claim.
        claim: &'static str,
    },
    /// `exp`, `nbf` or `iat` is before 1970 or after 9999.
    #[error("the claim {claim} of the token is out of range")]
    TimeOutOfRange {
        /// The claim.
        claim: &'static str,
    },
    /// The token is an ID token, which tells a client who signed in and permits nothing.
    #[error("the token is an ID token")]
    IdToken,
    /// The token is a logout token or another security event.
    #[error("the token is a logout token")]
    LogoutToken,
    /// The token is something else that the issuer signs: a refresh token, a proof, a request.
    #[error("the token is not an access token")]
    NotAnAccessToken,
    /// The token is bound to a key (`cnf`) that the request does not prove.
    #[error("the token is bound to a key that the request does not prove")]
    BoundToken,
    /// The token has none of `azp`, `appid` and `client_id`.
    #[error("the token names no client")]
    NoClient,
    /// Two of these claims have different values.
    #[error("the token names two different clients")]
    ClientsDisagree,
    /// The token is a person's and has neither `oid` nor `sub`.
    #[error("the token names no subject")]
    NoSubject,
    /// The token says that it is an application's and names a person, or `idtyp` is unknown.
    #[error("the token does not say clearly whether it is a person's or an application's")]
    SubjectUnclear,
    /// The issuer publishes the key for something other than signing.
    #[error("the key of the token is not published for signing")]
    KeyNotForSigning,
    /// `tid` is missing, or names a tenant that the issuer may not speak for.
    #[error("the token names no tenant that its issuer may speak for")]
    NoTenant,
    /// The token is of a personal Microsoft account.
    #[error("the token is of a personal account")]
    PersonalAccount,
    /// The issuer's keys cannot be fetched, and the known ones are too old.
    #[error("the known keys of the issuer are too old, and new ones are not available")]
    KeysTooOld {
        /// Seconds until the server asks the issuer again, at least one.
        retry_after_s: u64,
    },
    /// The issuer's keys cannot be fetched, and none are known.
    #[error("the keys of the issuer are not available")]
    IssuerUnavailable {
        /// Seconds until the server asks the issuer again, at least one.
        retry_after_s: u64,
    },
}
