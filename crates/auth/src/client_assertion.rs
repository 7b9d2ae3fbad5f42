//! Client certificates: an application signs an assertion with its key instead of sending a secret. The form is Entra's
//! of RFC 7523, 2.2, where the header names the certificate by its thumbprint.
//!
//! The server does not remember assertions. The official libraries reuse one for the ten minutes it lives, so refusing
//! a repeated `jti` would refuse them. The short life and the audience of an assertion limit what a thief can do with
//! it.

use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chaveiro_core::Timestamp;
use chaveiro_core::application::{Application, ApplicationCertificate};
use chaveiro_core::digest::{hex, sha256_hex};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use thiserror::Error;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::parse_x509_pem;
use x509_parser::public_key::PublicKey;

use crate::claims::{LEEWAY, Texts};
use crate::jws::Parts;
use crate::refusal::TokenRefusal;

/// The value of `client_assertion_type`.
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The longest assertion that is read, in bytes. The header may carry a chain of certificates.
const MAX_BYTES: usize = 32 * 1024;

/// The longest time until an assertion may end. Entra's documents speak of 5 to 10 minutes.
const MAX_LIFE: Duration = Duration::from_secs(60 * 60);

/// The largest file that is read as a certificate, in bytes.
const MAX_PEM_BYTES: usize = 64 * 1024;

const ALGORITHMS: [Algorithm; 2] = [Algorithm::RS256, Algorithm::PS256];

/// The reason why a file cannot be registered. Each text says what is expected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertificateRefusal {
    /// The file holds no certificate.
    #[error("this is no certificate; give a PEM file that begins with -----BEGIN CERTIFICATE-----")]
    NotOne,
    /// The file holds a private key.
    #[error(
        "there is a private key in this file; give the public certificate alone, the key stays with the application"
    )]
    PrivateKey,
    /// The key is not RSA, or too short.
    #[error("the key of this certificate cannot sign RS256 or PS256; make one with RSA of 2048 bits or more")]
    Key,
    /// The certificate has expired.
    #[error("the certificate ended on {0}; make a new one")]
    Over(Timestamp),
}

/// Reads a public certificate to register it.
pub fn read_certificate(pem: &str, now: Timestamp) -> Result<ApplicationCertificate, CertificateRefusal> {
    if pem.len() > MAX_PEM_BYTES {
        return Err(CertificateRefusal::NotOne);
    }
    if pem.contains("PRIVATE KEY-----") {
        return Err(CertificateRefusal::PrivateKey);
    }
    let (_, block) = parse_x509_pem(pem.as_bytes()).map_err(|_| CertificateRefusal::NotOne)?;
    let certificate = block.parse_x509().map_err(|_| CertificateRefusal::NotOne)?;
    rsa_key(&certificate).ok_or(CertificateRefusal::Key)?;
    let moment = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp());
    let begins = moment(certificate.validity().not_before).map_err(|_| CertificateRefusal::NotOne)?;
    let expires = moment(certificate.validity().not_after).map_err(|_| CertificateRefusal::NotOne)?;
    if expires <= now {
        return Err(CertificateRefusal::Over(expires));
    }
    let encoded = STANDARD.encode(&block.contents);
    let lines = encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default());
    let body = lines.collect::<Vec<_>>().join("\n");
    Ok(ApplicationCertificate {
        sha1: hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, &block.contents).as_ref()),
        sha256: sha256_hex(&block.contents),
        subject: certificate.subject().to_string(),
        pem: format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"),
        begins,
        expires,
        added: now,
    })
}

/// The RSA key of the certificate, if it has one of sufficient length.
fn rsa_key(certificate: &X509Certificate<'_>) -> Option<DecodingKey> {
    let info = certificate.public_key();
    match info.parsed() {
        Ok(PublicKey::RSA(key)) if (2048..=8192).contains(&key.key_size()) => {
            Some(DecodingKey::from_rsa_der(&info.subject_public_key.data))
        }
        _ => None,
    }
}

/// The reason why an assertion proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AssertionRefusal {
    /// The assertion is not a JWS of the right form.
    #[error("The client assertion is malformed, or its algorithm is neither RS256 nor PS256.")]
    Malformed,
    /// `iss` or `sub` differs from the client id.
    #[error("The issuer and the subject of the client assertion must both be the client id.")]
    NotTheClient,
    /// `aud` names another server.
    #[error("The audience of the client assertion is not valid. Use {0}.")]
    Audience(String),
    /// The assertion is not valid yet, has ended, or ends too far ahead.
    #[error("The client assertion is not within its valid time range: {0}.")]
    Time(&'static str),
    /// The header has no thumbprint, or one that is not registered.
    #[error(
        "The certificate with identifier used to sign the client assertion is not registered on application. Thumbprint in the assertion: {0}. Register it with `chaveiro app add-certificate`."
    )]
    UnknownCertificate(String),
    /// The certificate is outside its own validity period.
    #[error(
        "The certificate used to sign the client assertion is not valid now: it is valid from {begins} to {expires}. Register a new one with `chaveiro app add-certificate`."
    )]
    CertificateDates {
        /// The start of the period.
        begins: Timestamp,
        /// The end of the period.
        expires: Timestamp,
    },
    /// The assertion is signed with another key.
    #[error("Client assertion failed signature validation. Sign with the private key of the registered certificate.")]
    Signature,
}

/// The claims that the server reads from an assertion.
#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Texts>,
    exp: Option<f64>,
    nbf: Option<f64>,
}

/// Checks that this application made the assertion, for one of these audiences and for now. A refusal names the first
/// audience.
pub fn check(
    assertion: &str,
    application: &Application,
    audiences: &[String],
    now: Timestamp,
) -> Result<(), AssertionRefusal> {
    let malformed = |_: TokenRefusal| AssertionRefusal::Malformed;
    if assertion.len() > MAX_BYTES {
        return Err(AssertionRefusal::Malformed);
    }
    let parts = Parts::split(assertion).map_err(malformed)?;
    let algorithm = parts.algorithm(&ALGORITHMS).map_err(malformed)?;
    let certificate = find(&parts, &application.certificates)?;
    if now < certificate.begins || certificate.expires <= now {
        let (begins, expires) = (certificate.begins, certificate.expires);
        return Err(AssertionRefusal::CertificateDates { begins, expires });
    }
    let key = stored_key(&certificate.pem).ok_or(AssertionRefusal::Signature)?;
    parts.check_signature_with(&key, algorithm).map_err(|_| AssertionRefusal::Signature)?;

    let claims: Claims = parts.claims().map_err(malformed)?;
    let client = application.id.to_string();
    let is_client = |claim: &Option<String>| claim.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(&client));
    if !is_client(&claims.iss) || !is_client(&claims.sub) {
        return Err(AssertionRefusal::NotTheClient);
    }
    let ours = |audience: &String| audiences.iter().any(|ours| ours.eq_ignore_ascii_case(audience));
    if !claims.aud.as_ref().is_some_and(|audiences| audiences.as_slice().iter().any(ours)) {
        return Err(AssertionRefusal::Audience(audiences.first().cloned().unwrap_or_default()));
    }
    check_times(&claims, now).map_err(AssertionRefusal::Time)
}

fn check_times(claims: &Claims, now: Timestamp) -> Result<(), &'static str> {
    let (now, leeway) = (now.as_second() as f64, LEEWAY.as_secs_f64());
    let expires = claims.exp.ok_or("it has no exp")?;
    if now >= expires + leeway {
        return Err("its exp is over; are both clocks right?");
    }
    if expires > now + MAX_LIFE.as_secs_f64() + leeway {
        return Err("its exp is more than an hour ahead");
    }
    match claims.nbf {
        Some(begins) if now + leeway < begins => Err("its nbf is still to come; are both clocks right?"),
        Some(_) | None => Ok(()),
    }
}

/// Returns the registered certificate that the header names: `x5t#S256`, `x5t`, or a `kid` that is a thumbprint.
/// Microsoft's library for Java writes the first two in plain base64 (msal4j 1.23, `ClientCertificate`), and Entra
/// accepts it.
fn find<'c>(
    parts: &Parts<'_>,
    registered: &'c [ApplicationCertificate],
) -> Result<&'c ApplicationCertificate, AssertionRefusal> {
    let header = &parts.header;
    let named = header.x5t_s256.as_deref().or(header.x5t.as_deref()).or(header.kid.as_deref());
    let unknown = || AssertionRefusal::UnknownCertificate(named.map_or("none".to_owned(), shortened));
    let named = named.ok_or_else(unknown)?;
    let url_safe = named.trim_end_matches('=').replace('+', "-").replace('/', "_");
    let thumbprint = match URL_SAFE_NO_PAD.decode(url_safe) {
        Ok(bytes) if [20, 32].contains(&bytes.len()) => hex(&bytes),
        _ => named.to_ascii_lowercase(),
    };
    registered.iter().find(|known| known.sha1 == thumbprint || known.sha256 == thumbprint).ok_or_else(unknown)
}

/// Returns the name for an error text: at most as long as a thumbprint, and only the characters of one.
fn shortened(named: &str) -> String {
    let of_one = |character: &char| character.is_ascii_alphanumeric() || "-_=+/".contains(*character);
    named.chars().filter(of_one).take(64).collect()
}

fn stored_key(pem: &str) -> Option<DecodingKey> {
    let (_, block) = parse_x509_pem(pem.as_bytes()).ok()?;
    rsa_key(&block.parse_x509().ok()?)
}
