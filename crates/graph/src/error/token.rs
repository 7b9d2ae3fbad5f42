//! The rows of refused tokens.

use chaveiro_auth::TokenRefusal;
use http::{StatusCode, header};

use super::row::{Row, bad_request, challenge, coded, gateway, not_available};

pub(super) fn of_token(refusal: &TokenRefusal, base_url: &str) -> Row {
    let refused = |coded, text: &str| {
        gateway(coded, StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", text)
            .with(header::WWW_AUTHENTICATE, challenge(base_url))
    };
    let invalid = |coded, text: &str| refused(coded, &format!("Access token validation failure. {text}"));
    match refusal {
        TokenRefusal::Missing => refused(coded!("tokenMissing"), "Access token is empty."),
        TokenRefusal::Malformed => refused(
            coded!("tokenMalformed"),
            "IDX14100: JWT is not well formed.\nThe token needs to be in JWS Compact Serialization Format: 'EncodedHeader.EncodedPayload.EncodedSignature'.",
        ),
        TokenRefusal::Expired => refused(coded!("tokenExpired"), "Lifetime validation failed, the token is expired."),
        TokenRefusal::NotYetValid => {
            refused(coded!("tokenNotYetValid"), "Access token has expired or is not yet valid.")
        }
        TokenRefusal::TimeOutOfRange { claim } => refused(
            coded!("tokenTimeOutOfRange", claim = claim),
            &format!("Lifetime validation failed, the claim {claim} is out of range."),
        ),
        TokenRefusal::BadSignature => refused(coded!("tokenSignatureInvalid"), "Access token validation failure."),
        TokenRefusal::WrongAudience => invalid(coded!("tokenOfOtherAudience"), "Invalid audience."),
        TokenRefusal::UnknownIssuer => invalid(coded!("tokenOfUnknownIssuer"), "Invalid issuer."),
        TokenRefusal::WrongAlgorithm => invalid(coded!("tokenAlgorithmInvalid"), "Invalid algorithm."),
        TokenRefusal::NoTenant => invalid(coded!("tokenWithoutTenant"), "The token names no tenant."),
        TokenRefusal::WrongType { claim } => {
            invalid(coded!("tokenClaimMistyped", claim = claim), &format!("The claim {claim} has the wrong type."))
        }
        TokenRefusal::IdToken => {
            invalid(coded!("tokenIsIdToken"), "This is an ID token; send the access token instead.")
        }
        TokenRefusal::LogoutToken => invalid(coded!("tokenIsLogoutToken"), "This is a logout token."),
        TokenRefusal::NotAnAccessToken => invalid(coded!("tokenIsNoAccessToken"), "This is not an access token."),
        TokenRefusal::BoundToken => invalid(
            coded!("tokenIsBound"),
            "The token is bound to a key (cnf), which this server does not check; ask the issuer for a bearer token.",
        ),
        TokenRefusal::NoClient => {
            invalid(coded!("tokenWithoutClient"), "The token names no client (azp, appid or client_id).")
        }
        TokenRefusal::ClientsDisagree => {
            invalid(coded!("tokenClientsDisagree"), "Two of azp, appid and client_id name different clients.")
        }
        TokenRefusal::NoSubject => invalid(coded!("tokenWithoutSubject"), "The token names no subject (oid or sub)."),
        TokenRefusal::SubjectUnclear => invalid(
            coded!("tokenSubjectUnclear"),
            "The token does not say clearly whether it is a person's or an application's; see application-subjects in docs/identity.md.",
        ),
        TokenRefusal::KeyNotForSigning => {
            invalid(coded!("tokenKeyNotForSigning"), "The issuer does not publish the key of the token for signing.")
        }
        TokenRefusal::PersonalAccount => bad_request(
            coded!("personalAccount"),
            "Specified resource is not supported for MSA requests. Sign in with a work or school account.",
        ),
        TokenRefusal::KeysTooOld { retry_after_s } => not_available(
            coded!("issuerKeysTooOld", seconds = retry_after_s),
            "The signing keys of the token's issuer could not be read for so long that the known ones no longer serve. Try again after the time in Retry-After.",
            retry_after_s,
        ),
        TokenRefusal::IssuerUnavailable { retry_after_s } => not_available(
            coded!("issuerUnavailable", seconds = retry_after_s),
            "The signing keys of the token's issuer cannot be read at the moment. Try again after the time in Retry-After.",
            retry_after_s,
        ),
    }
}
