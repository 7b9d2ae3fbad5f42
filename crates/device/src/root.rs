//! The root of a server by its fingerprint: it is taken from the server's own certificate chain, before anything secret
//! is sent.

use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::aws_lc_rs::digest::{SHA256, digest};
use reqwest::Client;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::enroll::{DISCOVERY, pem};
use crate::https::explain;
use crate::transport::TransportError;

const TIMEOUT: Duration = Duration::from_secs(30);
const PREFIX: &str = "sha256:";
const BYTES: usize = 32;

/// The fingerprint of a root certificate: `sha256:` and the SHA-256 of its DER in 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootFingerprint([u8; BYTES]);

/// A text that is not a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFingerprint;

impl FromStr for RootFingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let digits = text.strip_prefix(PREFIX).filter(|digits| digits.len() == 2 * BYTES).ok_or(NoFingerprint)?;
        let mut bytes = [0; BYTES];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16).ok_or(NoFingerprint);
            *byte = u8::try_from(16 * digit(0)? + digit(1)?).map_err(|_| NoFingerprint)?;
        }
        Ok(Self(bytes))
    }
}

impl RootFingerprint {
    /// The fingerprint of that certificate (DER).
    pub fn of(certificate: &[u8]) -> Self {
        let mut bytes = [0; BYTES];
        bytes.copy_from_slice(digest(&SHA256, certificate).as_ref());
        Self(bytes)
    }
}

/// Connects to the server and returns its root (PEM). The chain that the server shows must end at the root of that fingerprint,
/// and its certificate must be valid for this address. The request has no token and no body.
pub async fn fetch(server: &str, fingerprint: RootFingerprint) -> Result<String, TransportError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let pinned = Arc::new(Pinned { fingerprint, provider: Arc::clone(&provider), root: OnceLock::new() });
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| TransportError::Failed(error.to_string()))?;
    let config = config.dangerous().with_custom_certificate_verifier(pinned.clone()).with_no_client_auth();
    let client = Client::builder().no_proxy().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
    let client = client.tls_backend_preconfigured(config).build().map_err(|error| explain(&error))?;
    client.get(format!("{server}{DISCOVERY}")).send().await.map_err(|error| explain(&error))?;
    pinned.root.get().map(|root| pem("CERTIFICATE", root)).ok_or(TransportError::OtherRoot)
}

/// The fault of a chain that does not end at the certificate of the fingerprint.
const OTHER: Error = Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);

/// Trusts the chains that end at the certificate of the fingerprint, and keeps that certificate.
#[derive(Debug)]
struct Pinned {
    fingerprint: RootFingerprint,
    provider: Arc<CryptoProvider>,
    root: OnceLock<CertificateDer<'static>>,
}

impl Pinned {
    /// The certificate of the fingerprint among those that the server shows. It must be an authority's: the server's own
    /// certificate changes.
    fn root<'a>(&self, shown: &'a [CertificateDer<'a>]) -> Result<&'a CertificateDer<'a>, Error> {
        let root = shown.iter().find(|certificate| RootFingerprint::of(certificate) == self.fingerprint);
        let is_authority = |certificate: &&CertificateDer<'_>| {
            x509_parser::parse_x509_certificate(certificate).is_ok_and(|(_, certificate)| certificate.is_ca())
        };
        root.filter(is_authority).ok_or(OTHER)
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let root = self.root(intermediates)?.clone().into_owned();
        let mut roots = RootCertStore::empty();
        roots.add(root.clone())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider));
        let verifier = verifier.build().map_err(|error| Error::General(error.to_string()))?;
        let verified = verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        // A certificate of that fingerprint can be shown by anyone; it must have signed the server's.
        let verified = verified.map_err(|error| match error {
            Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => OTHER,
            error => error,
        })?;
        let _ = self.root.set(root);
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
