//! Refusals of enrolment.

use thiserror::Error;

use super::tenant::TenantRefusal;

/// The reason why a device does not enrol.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnrollmentRefusal {
    /// The enrolment token is unknown, used or expired.
    #[error("the enrollment token is {0}")]
    Token(TokenFault),
    /// The tenant of the token is not served.
    #[error(transparent)]
    Tenant(#[from] TenantRefusal),
}

/// The fault of an enrolment token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// No such token exists.
    Unknown,
    /// The token was used before.
    Used,
    /// The token has expired.
    Expired,
}

impl std::fmt::Display for TokenFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "not known",
            Self::Used => "already used",
            Self::Expired => "expired",
        })
    }
}
