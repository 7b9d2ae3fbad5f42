//! The embedded certificate authority: one root, its key in an owner-only file.
//!
//! A certificate request proves possession of a key; nothing else is taken from it. Windows writes subjects that strict
//! parsers reject, so the server ignores the subject ([MS-MDE2] 3.4).

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest;
use chaveiro_core::Timestamp;
use chaveiro_core::id::EnrollmentId;
use chaveiro_core::keys::Fingerprint;
use chaveiro_core::ports::Entropy;
use chaveiro_keyfile::{self as keyfile, KeyFileError};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber, SubjectPublicKeyInfo,
};
use thiserror::Error;
use x509_parser::prelude::{FromDer, X509Certificate, X509CertificationRequest};
use x509_parser::public_key::PublicKey;
use zeroize::Zeroizing;

const DAY: Duration = Duration::from_secs(86_400);
const ROOT_VALIDITY: Duration = Duration::from_secs(20 * 365 * 86_400);
const SERVER_VALIDITY: Duration = Duration::from_secs(397 * 86_400);

/// The validity of a device's certificate, which the certificate policy states too.
pub(crate) const DEVICE_VALIDITY: Duration = Duration::from_secs(365 * 86_400);

/// The tolerance for clocks of devices: certificates begin this much earlier.
const BACKDATE: Duration = Duration::from_secs(10 * 60);

/// The much larger tolerance for certificates that only this server verifies. A device that enrolled while the clock
/// was ahead stays usable after the clock is corrected.
const DEVICE_BACKDATE: Duration = Duration::from_secs(400 * 86_400);

/// The smallest RSA key, as the certificate policy says.
const MIN_RSA_BITS: usize = 2048;

const ROOT_NAME: &str = "Chaveiro device root";

/// The reason why the authority cannot work.
#[derive(Debug, Error)]
pub enum CaError {
    /// A key file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The certificate file cannot be read.
    #[error("the root certificate {} cannot be read: {error}", file.display())]
    Certificate {
        /// The file.
        file: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// Signing failed, or a certificate cannot hold a name.
    #[error("a certificate could not be made: {0}")]
    Signing(#[from] rcgen::Error),
    /// A certificate cannot express the time.
    #[error("the time is out of range")]
    Time,
}

/// The reason why a certificate request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The request is not PKCS #10 in DER.
    #[error("the certificate request is not PKCS #10")]
    Malformed,
    /// The signature does not verify, so possession of the key is not proven.
    #[error("the signature of the certificate request does not verify")]
    Signature,
    /// The key is neither RSA with at least 2048 bits nor on an elliptic curve.
    #[error("the key of the certificate request is too weak or of an unknown kind; use RSA with 2048 bits or more")]
    Key,
}

/// A public key whose possession is proven.
pub struct VerifiedRequest {
    public_key: SubjectPublicKeyInfo,
}

impl VerifiedRequest {
    /// Verifies a certificate request (RFC 2986).
    pub fn verify(pkcs10: &[u8]) -> Result<Self, RequestError> {
        let (rest, request) = X509CertificationRequest::from_der(pkcs10).map_err(|_| RequestError::Malformed)?;
        if !rest.is_empty() {
            return Err(RequestError::Malformed);
        }
        request.verify_signature().map_err(|_| RequestError::Signature)?;
        let key = &request.certification_request_info.subject_pki;
        let fits = match key.parsed() {
            Ok(PublicKey::RSA(rsa)) => rsa.key_size() >= MIN_RSA_BITS,
            Ok(PublicKey::EC(_)) => true,
            Ok(_) | Err(_) => false,
        };
        if !fits {
            return Err(RequestError::Key);
        }
        let public_key = SubjectPublicKeyInfo::from_der(key.raw).map_err(|_| RequestError::Key)?;
        Ok(Self { public_key })
    }
}

/// A certificate of a device.
pub struct IssuedCertificate {
    /// The certificate.
    pub der: Vec<u8>,
    /// The SHA-256 of the certificate, by which enrolments are found.
    pub sha256: [u8; 32],
    /// The end of validity.
    pub expires: Timestamp,
}

/// The certificate authority.
pub struct CertificateAuthority {
    root_der: Vec<u8>,
    root_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl CertificateAuthority {
    /// Makes `root.pem` and `root.key` in that directory. An existing key is not replaced.
    pub fn create(directory: &Path, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, CaError> {
        keyfile::create_directory(directory)?;
        let (key_file, certificate_file) = (directory.join("root.key"), directory.join("root.pem"));
        if key_file.exists() {
            return Err(KeyFileError::Exists(key_file).into());
        }
        let key = KeyPair::generate()?;
        let certificate = root_parameters(now, entropy)?.self_signed(&key)?;
        // The key is written last: if it exists, so does its certificate.
        keyfile::replace(&certificate_file, certificate.pem().as_bytes())?;
        keyfile::create(&key_file, Zeroizing::new(key.serialize_pem()).as_bytes())?;
        Self::open(directory, now, entropy)
    }

    /// Reads `root.pem` and `root.key` of that directory.
    pub fn open(directory: &Path, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, CaError> {
        let (key_file, certificate_file) = (directory.join("root.key"), directory.join("root.pem"));
        let key_text = keyfile::read(&key_file)?;
        let damaged = |file: &Path, what| KeyFileError::Damaged { file: file.to_owned(), what };
        let key_text = std::str::from_utf8(&key_text).map_err(|_| damaged(&key_file, "it is not PEM"))?;
        let key =
            KeyPair::from_pem(key_text).map_err(|_| damaged(&key_file, "it does not hold a private key in PEM"))?;
        let root_pem = std::fs::read_to_string(&certificate_file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => KeyFileError::Missing(certificate_file.clone()).into(),
            _ => CaError::Certificate { file: certificate_file.clone(), error },
        })?;
        let root_der =
            der_of(&root_pem).ok_or_else(|| damaged(&certificate_file, "it does not hold a certificate in PEM"))?;
        if public_key_of(&root_der).as_deref() != Some(key.public_key_raw()) {
            return Err(damaged(&certificate_file, "it is not the certificate of root.key").into());
        }
        let issuer = Issuer::new(root_parameters(now, entropy)?, key);
        Ok(Self { root_der, root_pem, issuer })
    }

    /// The fingerprint of the root certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of("certificate authority", &self.root_der)
    }

    /// The root, DER.
    pub fn root_der(&self) -> &[u8] {
        &self.root_der
    }

    /// The root, PEM.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// Issues a certificate for a device: its subject is the enrolment, its only use is client authentication.
    pub fn issue_device_certificate(
        &self,
        request: &VerifiedRequest,
        enrollment: EnrollmentId,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<IssuedCertificate, CaError> {
        let mut parameters = leaf(&enrollment.to_string(), now, DEVICE_VALIDITY, entropy)?;
        parameters.not_before = second(now.checked_sub(DEVICE_BACKDATE).map_err(|_| CaError::Time)?)?;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = parameters.signed_by(&request.public_key, &self.issuer)?;
        let der = certificate.der().to_vec();
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest::digest(&digest::SHA256, &der).as_ref());
        let expires = now.checked_add(DEVICE_VALIDITY).map_err(|_| CaError::Time)?;
        Ok(IssuedCertificate { der, sha256, expires })
    }

    /// Issues a certificate for the server's own listeners, for those names and addresses: chain and key, both PEM.
    pub fn issue_server_certificate(
        &self,
        names: &[String],
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<(String, Zeroizing<String>), CaError> {
        let mut parameters = leaf("Chaveiro", now, SERVER_VALIDITY, entropy)?;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        for name in names {
            let alternative = match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into()?),
            };
            parameters.subject_alt_names.push(alternative);
        }
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        Ok((format!("{}{}", certificate.pem(), self.root_pem), Zeroizing::new(key.serialize_pem())))
    }
}

fn root_parameters(now: Timestamp, entropy: &dyn Entropy) -> Result<CertificateParams, CaError> {
    let mut parameters = parameters(ROOT_NAME, now, ROOT_VALIDITY, entropy)?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(parameters)
}

fn leaf(name: &str, now: Timestamp, validity: Duration, entropy: &dyn Entropy) -> Result<CertificateParams, CaError> {
    let mut parameters = parameters(name, now, validity, entropy)?;
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    parameters.use_authority_key_identifier_extension = true;
    Ok(parameters)
}

fn parameters(
    name: &str,
    now: Timestamp,
    validity: Duration,
    entropy: &dyn Entropy,
) -> Result<CertificateParams, CaError> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    let begins = now.checked_sub(BACKDATE).map_err(|_| CaError::Time)?;
    parameters.not_before = second(begins)?;
    parameters.not_after = second(now.checked_add(validity.max(DAY)).map_err(|_| CaError::Time)?)?;
    let mut serial = [0; 16];
    entropy.fill(&mut serial);
    // Positive and not zero (RFC 5280, 4.1.2.2).
    serial[0] = serial[0] & 0x7f | 0x40;
    parameters.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(parameters)
}

fn second(at: Timestamp) -> Result<time::OffsetDateTime, CaError> {
    time::OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|_| CaError::Time)
}

fn der_of(pem: &str) -> Option<Vec<u8>> {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    CertificateDer::from_pem_slice(pem.as_bytes()).ok().map(|der| der.to_vec())
}

/// The public key of a certificate, as the bits of its field.
fn public_key_of(der: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.public_key().subject_public_key.data.to_vec())
}

/// Upper-case hex SHA-1, by which Windows names certificates in its stores.
pub(crate) fn thumbprint(der: &[u8]) -> String {
    let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der);
    sha1.as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
}
