//! A JWS in compact serialisation, taken apart (RFC 7515).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use crate::refusal::TokenRefusal;

#[derive(Deserialize)]
pub(crate) struct Header {
    alg: String,
    pub(crate) kid: Option<String>,
    /// SHA-1 of the certificate, base64url (RFC 7515, 4.1.7).
    pub(crate) x5t: Option<String>,
    /// SHA-256 of it (4.1.8).
    #[serde(rename = "x5t#S256")]
    pub(crate) x5t_s256: Option<String>,
    // RFC 7515, 4.1.11: extensions that must be understood are not.
    crit: Option<serde_json::Value>,
}

/// The parts of a JWS in compact serialisation (RFC 7515, 7.1).
pub(crate) struct Parts<'t> {
    signed: &'t str,
    claims: &'t str,
    signature: &'t str,
    pub(crate) header: Header,
}

impl<'t> Parts<'t> {
    pub(crate) fn split(token: &'t str) -> Result<Self, TokenRefusal> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenRefusal::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenRefusal::Malformed)?;
        let header: Header = decode(header)?;
        if header.crit.is_some() {
            return Err(TokenRefusal::Malformed);
        }
        Ok(Self { signed, claims, signature, header })
    }

    pub(crate) fn algorithm(&self, allowed: &[Algorithm]) -> Result<Algorithm, TokenRefusal> {
        let algorithm = self.header.alg.parse().ok();
        algorithm.filter(|algorithm| allowed.contains(algorithm)).ok_or(TokenRefusal::WrongAlgorithm)
    }

    pub(crate) fn claims<T: serde::de::DeserializeOwned>(&self) -> Result<T, TokenRefusal> {
        decode(self.claims)
    }

    pub(crate) fn check_signature(&self, key: &Jwk, algorithm: Algorithm) -> Result<(), TokenRefusal> {
        // A key that names its algorithm is for no other.
        let named = key.common.key_algorithm.and_then(|named| named.to_string().parse().ok());
        if named.is_some_and(|named: Algorithm| named != algorithm) {
            return Err(TokenRefusal::WrongAlgorithm);
        }
        let key = DecodingKey::from_jwk(key).map_err(|_| TokenRefusal::BadSignature)?;
        self.check_signature_with(&key, algorithm)
    }

    pub(crate) fn check_signature_with(&self, key: &DecodingKey, algorithm: Algorithm) -> Result<(), TokenRefusal> {
        let verified = jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key, algorithm);
        if verified.unwrap_or(false) { Ok(()) } else { Err(TokenRefusal::BadSignature) }
    }
}

fn decode<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, TokenRefusal> {
    let bytes = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).map_err(|_| TokenRefusal::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenRefusal::Malformed)
}
