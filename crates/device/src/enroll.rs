//! Enrolment from the device's side ([MS-MDE2]): discovery, certificate policy, certificate request with the device's
//! own key, provisioning document.

use omadm::provisioning::{Provisioned, ProvisioningError};
use omadm::session::device;
use omadm::soap::discovery::{Discover, Discovered, ON_PREMISE};
use omadm::soap::enrollment::{Issued, RequestSecurityToken};
use omadm::soap::policy::{GetPolicies, Policy};
use omadm::soap::{CONTENT_TYPE, SoapError, UsernameToken};
use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::transport::{Request, Transport, TransportError};

pub(crate) const DISCOVERY: &str = "/EnrollmentServer/Discovery.svc";

/// The identity and the accounts of an enrolled device.
pub struct Account {
    /// `EntDMID`.
    pub enrollment_id: String,
    /// The device's certificate and private key, both PEM, in one text.
    pub identity: Zeroizing<String>,
    /// The root that it trusts, PEM.
    pub root_pem: String,
    /// The account for management sessions.
    pub management: device::Account,
}

/// The reason why an enrolment ended.
#[derive(Debug, Error)]
pub enum EnrollError {
    /// The server sent no response.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server sent an HTTP status without SOAP.
    #[error("{step} was answered with HTTP {status}")]
    Status {
        /// The step.
        step: &'static str,
        /// The status.
        status: u16,
    },
    /// The server sent a fault or an unexpected message.
    #[error("{step}: {error}")]
    Soap {
        /// The step.
        step: &'static str,
        /// The problem.
        error: SoapError,
    },
    /// The provisioning document is unusable.
    #[error(transparent)]
    Provisioning(#[from] ProvisioningError),
    /// The certificate in the document is not for this device's key, or its name is wrong.
    #[error("the provisioning document has a certificate for another key")]
    ForeignCertificate,
    /// A key could not be generated.
    #[error("no key could be made: {0}")]
    Key(#[from] rcgen::Error),
}

/// The facts that a device reports when it enrols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applicant {
    /// The name that it uses in OMA-DM.
    pub oma_device_id: String,
    /// `DeviceType`.
    pub device_type: &'static str,
    /// `OSEdition`, on Windows.
    pub os_edition: Option<i32>,
    /// The additional context of the certificate request: name and value, in order.
    pub context: Vec<(String, String)>,
}

/// Enrols with the device's own key. `user` and `token` are what a person would type.
pub async fn enroll(
    transport: &impl Transport,
    applicant: &Applicant,
    key: &KeyPair,
    server_url: &str,
    user: &str,
    token: &str,
) -> Result<Account, EnrollError> {
    let discovery_url = format!("{server_url}{DISCOVERY}");
    let probe = Request { method: "GET", url: discovery_url.clone(), content_type: None, body: Vec::new() };
    transport.send(probe).await?;

    let mut discover = Discover::new(&message_id(1), user, (9, 0), applicant.device_type);
    discover.os_edition = applicant.os_edition;
    discover.auth_policies = vec![ON_PREMISE.to_owned(), "Federated".to_owned()];
    let answer = post(transport, "discovery", &discovery_url, discover.encode(&discovery_url).as_bytes()).await?;
    let discovered = Discovered::decode(&answer).map_err(|error| EnrollError::Soap { step: "discovery", error })?;

    let typed = || UsernameToken::new(user, token);
    let policies = GetPolicies::new(&message_id(2), typed());
    let body = policies.encode(&discovered.policy_url);
    let answer = post(transport, "policy", &discovered.policy_url, body.as_bytes()).await?;
    Policy::decode(&answer).map_err(|error| EnrollError::Soap { step: "policy", error })?;

    let pkcs10 = certificate_request(key, &applicant.oma_device_id)?;
    let request = RequestSecurityToken::new(&message_id(3), typed(), pkcs10, applicant.context.clone());
    let body = request.encode(&discovered.enrollment_url);
    let answer = post(transport, "certificate request", &discovered.enrollment_url, body.as_bytes()).await?;
    let document = Issued::decode(&answer).map_err(|error| EnrollError::Soap { step: "certificate request", error })?;
    account(&Provisioned::decode(&document)?, key, &applicant.oma_device_id)
}

/// Makes a certificate request with the device's own key (PKCS #10, RFC 2986).
pub fn certificate_request(key: &KeyPair, oma_device_id: &str) -> Result<Vec<u8>, rcgen::Error> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, oma_device_id);
    Ok(parameters.serialize_request(key)?.der().to_vec())
}

fn account(provisioned: &Provisioned, key: &KeyPair, oma_device_id: &str) -> Result<Account, EnrollError> {
    let key_der = PrivatePkcs8KeyDer::from(key.serialized_der().to_vec());
    let (_, certificate) =
        x509_parser::parse_x509_certificate(&provisioned.device).map_err(|_| EnrollError::ForeignCertificate)?;
    let ours = certificate.public_key().raw == rcgen::PublicKeyData::subject_public_key_info(key);
    if !ours || thumbprint(&provisioned.device) != provisioned.device_thumbprint {
        return Err(EnrollError::ForeignCertificate);
    }
    let (certificate, key) =
        (pem("CERTIFICATE", &provisioned.device), Zeroizing::new(pem("PRIVATE KEY", key_der.secret_pkcs8_der())));
    // Its room is there from the beginning: a text that grows leaves copies of the key behind.
    let mut identity = Zeroizing::new(String::with_capacity(certificate.len() + key.len()));
    identity.push_str(&certificate);
    identity.push_str(&key);
    Ok(Account {
        enrollment_id: provisioned.enrollment_id.clone(),
        identity,
        root_pem: pem("CERTIFICATE", &provisioned.root),
        management: device::Account::new(&provisioned.address, oma_device_id).proving(&provisioned.device_proof),
    })
}

/// The end of the certificate of an identity (PEM, as in [`Account::identity`]), in seconds since 1970.
pub fn expires(identity: &str) -> Option<i64> {
    use rustls_pki_types::pem::PemObject;
    let der = rustls_pki_types::CertificateDer::from_pem_slice(identity.as_bytes()).ok()?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

fn thumbprint(der: &[u8]) -> String {
    let sha1 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, der);
    sha1.as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Encodes in PEM (RFC 7468).
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> =
        encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn message_id(number: u64) -> String {
    format!("urn:uuid:{}", uuid::Uuid::from_u64_pair(0x0d5a_1441_5891_453b, 0xbecf_a2e5_f6ea_0000 | number))
}

async fn post(transport: &impl Transport, step: &'static str, url: &str, body: &[u8]) -> Result<Vec<u8>, EnrollError> {
    let request =
        Request { method: "POST", url: url.to_owned(), content_type: Some(CONTENT_TYPE), body: body.to_vec() };
    let response = transport.send(request).await?;
    match response.status {
        200 | 500 => Ok(response.body),
        status => Err(EnrollError::Status { step, status }),
    }
}
