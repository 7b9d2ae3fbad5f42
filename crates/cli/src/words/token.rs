//! The words for tokens that are refused, and for issuers that cannot be configured so.

use chaveiro_auth::{ConfigError, MAX_OPERATOR_LIFETIME, MOST_STALE_HOURS, MintError, TokenRefusal};
use chaveiro_lang::{Text, text};

use super::keys::of_issuer;

/// The reason why a token is refused.
pub(crate) fn of_token(refusal: TokenRefusal) -> Text {
    match refusal {
        TokenRefusal::Missing => text!("token-missing"),
        TokenRefusal::Malformed => text!("token-malformed"),
        TokenRefusal::Expired => text!("token-expired"),
        TokenRefusal::NotYetValid => text!("token-not-yet-valid"),
        TokenRefusal::WrongAudience => text!("token-other-audience"),
        TokenRefusal::UnknownIssuer => text!("token-issuer-unknown"),
        TokenRefusal::BadSignature => text!("token-signature"),
        TokenRefusal::WrongAlgorithm => text!("token-algorithm"),
        TokenRefusal::WrongType { claim } => text!("token-claim-type", claim = claim),
        TokenRefusal::TimeOutOfRange { claim } => text!("token-claim-range", claim = claim),
        TokenRefusal::IdToken => text!("token-id"),
        TokenRefusal::LogoutToken => text!("token-logout"),
        TokenRefusal::NotAnAccessToken => text!("token-no-access"),
        TokenRefusal::BoundToken => text!("token-bound"),
        TokenRefusal::NoClient => text!("token-no-client"),
        TokenRefusal::ClientsDisagree => text!("token-two-clients"),
        TokenRefusal::NoSubject => text!("token-no-subject"),
        TokenRefusal::SubjectUnclear => text!("token-subject-unclear"),
        TokenRefusal::KeyNotForSigning => text!("token-key-use"),
        TokenRefusal::NoTenant => text!("token-no-tenant"),
        TokenRefusal::PersonalAccount => text!("token-personal"),
        TokenRefusal::KeysTooOld { .. } => text!("token-keys-old"),
        TokenRefusal::IssuerUnavailable { .. } => text!("token-keys-absent"),
    }
}

/// The words for a token that was not minted.
pub(crate) fn of_mint(error: &MintError) -> Text {
    match error {
        MintError::Key(error) => of_issuer(error),
        MintError::Signing => text!("token-unsigned"),
        MintError::TooLong => text!("token-too-long", hours = MAX_OPERATOR_LIFETIME.as_secs() / 3600),
    }
}

/// The words for a configuration of issuers.
pub(crate) fn of_issuers(error: &ConfigError) -> Text {
    match error {
        ConfigError::Twice(issuer) => text!("issuer-twice", issuer = issuer),
        ConfigError::Tenants(issuer) => text!("issuer-tenants", issuer = issuer),
        ConfigError::Empty { issuer, key } => text!("issuer-empty", issuer = issuer, key = *key),
        ConfigError::StaleKeys(issuer) => text!("issuer-stale-keys", issuer = issuer, most = MOST_STALE_HOURS),
        ConfigError::Algorithm { issuer, algorithm } => {
            text!("issuer-algorithm", issuer = issuer, algorithm = algorithm)
        }
        ConfigError::Address(address) => text!("issuer-address", address = address),
        ConfigError::Client(error) => text!("http-client", error = error),
    }
}
