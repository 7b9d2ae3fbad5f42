//! The parts of a JWS in compact serialisation (RFC 7515).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use crate::refusal::TokenRefusal;

#[derive(Deserialize)]
pub(crate) struct Header {
    alg: String,
    pub(crate) kid: Option<String>,
    /// The kind of token (RFC 8725, 3.11).
    pub(crate) typ: Option<String>,
    /// SHA-1 of the certificate, base64url (RFC 7515, 4.1.7).
    pub(crate) x5t: Option<String>,
    /// SHA-256 of the certificate (4.1.8).
    #[serde(rename = "x5t#S256")]
    pub(crate) x5t_s256: Option<String>,
    // RFC 7515, 4.1.11: this server understands no critical extension.
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

    pub(crate) fn check_signature(&self, key: &PublicKey, algorithm: Algorithm) -> Result<(), TokenRefusal> {
        serves(&key.jwk, algorithm)?;
        self.check_signature_with(key.decoding.as_ref().ok_or(TokenRefusal::BadSignature)?, algorithm)
    }

    pub(crate) fn check_signature_with(&self, key: &DecodingKey, algorithm: Algorithm) -> Result<(), TokenRefusal> {
        let verified = jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key, algorithm);
        if verified.unwrap_or(false) { Ok(()) } else { Err(TokenRefusal::BadSignature) }
    }
}

/// A published key, made ready once for every signature that it verifies.
pub(crate) struct PublicKey {
    pub(crate) jwk: Jwk,
    /// `None` for a key that is not one.
    decoding: Option<DecodingKey>,
}

impl From<Jwk> for PublicKey {
    fn from(jwk: Jwk) -> Self {
        Self { decoding: DecodingKey::from_jwk(&jwk).ok(), jwk }
    }
}

/// Refuses a key that is not published for checking signatures of that algorithm (RFC 7517, 4.2 to 4.4).
pub(crate) fn serves(key: &Jwk, algorithm: Algorithm) -> Result<(), TokenRefusal> {
    let common = &key.common;
    let for_signing = common.public_key_use.as_ref().is_none_or(|named| *named == PublicKeyUse::Signature);
    let verifies = common.key_operations.as_ref().is_none_or(|named| named.contains(&KeyOperations::Verify));
    if !for_signing || !verifies {
        return Err(TokenRefusal::KeyNotForSigning);
    }
    // A key that names its algorithm serves no other; one for encryption (RSA-OAEP) signs nothing.
    match common.key_algorithm.map(Algorithm::try_from) {
        Some(Err(_)) => return Err(TokenRefusal::KeyNotForSigning),
        Some(Ok(named)) if named != algorithm => return Err(TokenRefusal::WrongAlgorithm),
        Some(Ok(_)) | None => {}
    }
    let fits = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512)
        | (AlgorithmParameters::RSA(_), Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512) => true,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES384) => key.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => key.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    if fits { Ok(()) } else { Err(TokenRefusal::WrongAlgorithm) }
}

fn decode<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, TokenRefusal> {
    let bytes = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).map_err(|_| TokenRefusal::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenRefusal::Malformed)
}
