//! The `wap-provisioningdoc` that ends an enrolment: certificates, management account, polling
//! ([MS-MDE2] 3.6, w7 APPLICATION CSP, DMClient CSP, CertificateStore CSP).
//!
//! The order of the stores (Root, CA, My) and the upper-case parameter names matter to real clients.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::Secret;
use crate::xml::{Limits, Node, XmlError, escape};

/// A certificate in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredCertificate {
    /// Upper-case hex SHA-1 of the DER: the node's name.
    pub thumbprint: String,
    /// The certificate.
    pub der: Vec<u8>,
}

/// The name, secret and nonce with which a device proves itself in the MD5 scheme.
#[non_exhaustive]
pub struct Proof {
    /// `AAUTHNAME`.
    pub name: Option<String>,
    /// `AAUTHSECRET`.
    pub secret: Secret,
    /// `AAUTHDATA`, decoded.
    pub nonce: Vec<u8>,
}

/// The settings that a server gives to a device.
#[non_exhaustive]
pub struct Provisioning {
    /// `PROVIDER-ID` and `NAME`: the name of the management account, one for each server product.
    pub provider: String,
    /// The trusted root.
    pub root: StoredCertificate,
    /// The certificate of the device.
    pub device: StoredCertificate,
    /// True if the certificate belongs to the user (`EnrollmentType` `Full`) and not to the system.
    pub for_user: bool,
    /// `EntDMID`: the enrolment id; also the common name in the device's certificate.
    pub enrollment_id: String,
    /// `ADDR`: the address of management sessions.
    pub address: String,
    /// `APPAUTH` of level `APPSRV`: the device proves itself. The server proves itself by TLS and sends no credential.
    /// The document has no `APPAUTH` of level `CLIENT`, because a device that reads one waits for that credential.
    pub device_proof: Proof,
    /// `UPN`; empty at first.
    pub user_principal_name: String,
    /// `EntDeviceName`; empty at first.
    pub device_name: String,
    /// Minutes between polls after the first hours; 60 at first.
    pub poll_minutes: u32,
}

impl StoredCertificate {
    /// A certificate (DER) and its thumbprint.
    pub fn new(thumbprint: String, der: Vec<u8>) -> Self {
        Self { thumbprint, der }
    }
}

impl Proof {
    /// A proof under that name.
    pub fn new(name: String, secret: Secret, nonce: Vec<u8>) -> Self {
        Self { name: Some(name), secret, nonce }
    }
}

impl Provisioning {
    /// The document of that provider for one enrolment. The other fields keep their first values until the caller sets
    /// them: a certificate of the user, and no names.
    pub fn new(
        provider: &str,
        root: StoredCertificate,
        device: StoredCertificate,
        enrollment_id: String,
        address: String,
        device_proof: Proof,
    ) -> Self {
        Self {
            provider: provider.to_owned(),
            root,
            device,
            for_user: true,
            enrollment_id,
            address,
            device_proof,
            user_principal_name: String::new(),
            device_name: String::new(),
            poll_minutes: 60,
        }
    }

    /// Writes the document.
    pub fn encode(&self) -> Secret {
        let mut w = Writer(Secret::with_capacity(8192));
        w.0.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?><wap-provisioningdoc version=\"1.1\">");
        w.group("CertificateStore", |w| self.certificates(w));
        w.group("APPLICATION", |w| self.account(w));
        w.group("DMClient", |w| w.group("Provider", |w| w.group(&self.provider, |w| self.client(w))));
        w.0.push_str("</wap-provisioningdoc>");
        w.0
    }

    fn certificates(&self, w: &mut Writer) {
        for store in ["Root", "CA"] {
            w.group(store, |w| w.group("System", |w| w.certificate(&self.root)));
        }
        w.group("My", |w| {
            w.group(if self.for_user { "User" } else { "System" }, |w| {
                w.certificate(&self.device);
                w.group("PrivateKeyContainer", |_| {});
            });
            w.group("WSTEP", |w| {
                w.group("Renew", |w| {
                    w.typed("ROBOSupport", "false", "boolean");
                    w.typed("RenewPeriod", "42", "integer");
                    w.typed("RetryInterval", "4", "integer");
                });
            });
        });
    }

    fn account(&self, w: &mut Writer) {
        w.parm("APPID", "w7");
        w.parm("PROVIDER-ID", &self.provider);
        w.parm("NAME", &self.provider);
        w.parm("ADDR", &self.address);
        w.parm("CONNRETRYFREQ", "6");
        w.parm("INITIALBACKOFFTIME", "30000");
        w.parm("MAXBACKOFFTIME", "120000");
        w.0.push_str("<parm name=\"BACKCOMPATRETRYDISABLED\"/>");
        w.parm("DEFAULTENCODING", crate::syncml::CONTENT_TYPE);
        let store = if self.for_user { "User" } else { "System" };
        let criteria = format!("Subject=CN%3D{}&Stores=My%5C{store}", self.enrollment_id);
        w.parm("SSLCLIENTCERTSEARCHCRITERIA", &criteria);
        w.group("APPAUTH", |w| {
            let proof = &self.device_proof;
            w.parm("AAUTHLEVEL", "APPSRV");
            w.parm("AAUTHTYPE", "DIGEST");
            if let Some(name) = &proof.name {
                w.parm("AAUTHNAME", name);
            }
            w.parm("AAUTHSECRET", &proof.secret);
            w.parm("AAUTHDATA", &STANDARD.encode(&proof.nonce));
        });
    }

    fn client(&self, w: &mut Writer) {
        w.typed("UPN", &self.user_principal_name, "string");
        w.typed("EntDeviceName", &self.device_name, "string");
        w.typed("EntDMID", &self.enrollment_id, "string");
        w.group("Poll", |w| {
            // A zero count with an interval repeats without end.
            let poll = self.poll_minutes.to_string();
            for (name, value) in [
                ("NumberOfFirstRetries", "8"),
                ("IntervalForFirstSetOfRetries", "15"),
                ("NumberOfSecondRetries", "5"),
                ("IntervalForSecondSetOfRetries", "3"),
                ("NumberOfRemainingScheduledRetries", "0"),
                ("IntervalForRemainingScheduledRetries", &poll),
            ] {
                w.typed(name, value, "integer");
            }
            w.typed("PollOnLogin", "true", "boolean");
            w.typed("AllUsersPollOnFirstLogin", "true", "boolean");
        });
    }
}

struct Writer(Secret);

impl Writer {
    fn group(&mut self, kind: &str, write: impl FnOnce(&mut Self)) {
        self.0.push_str(&format!("<characteristic type=\"{}\">", escape(kind)));
        write(self);
        self.0.push_str("</characteristic>");
    }

    fn parm(&mut self, name: &str, value: &str) {
        let escaped = Secret::new(escape(value).into_owned());
        for part in ["<parm name=\"", name, "\" value=\"", &escaped, "\"/>"] {
            self.0.push_str(part);
        }
    }

    fn typed(&mut self, name: &str, value: &str, datatype: &str) {
        self.0.push_str(&format!("<parm name=\"{name}\" value=\"{}\" datatype=\"{datatype}\"/>", escape(value)));
    }

    fn certificate(&mut self, certificate: &StoredCertificate) {
        self.group(&certificate.thumbprint, |w| w.parm("EncodedCertificate", &STANDARD.encode(&certificate.der)));
    }
}

/// The reason why a document cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProvisioningError {
    /// Not XML, or beyond the limits.
    #[error("the provisioning document is not acceptable XML: {0}")]
    Xml(#[from] XmlError),
    /// An element is missing.
    #[error("the provisioning document has no {0}")]
    Missing(&'static str),
    /// An element has a value that cannot be used.
    #[error("the provisioning document has an invalid {0}")]
    Invalid(&'static str),
}

/// The parts of the document that a device keeps.
#[non_exhaustive]
pub struct Provisioned {
    /// The trusted root, DER.
    pub root: Vec<u8>,
    /// The thumbprint that names the device's certificate.
    pub device_thumbprint: String,
    /// The certificate of the device, DER.
    pub device: Vec<u8>,
    /// `EntDMID`.
    pub enrollment_id: String,
    /// `ADDR`.
    pub address: String,
    /// The proof with which the device opens sessions.
    pub device_proof: Proof,
}

impl Provisioned {
    /// Reads the document as a device does.
    pub fn decode(document: &str) -> Result<Self, ProvisioningError> {
        use ProvisioningError::{Invalid, Missing};
        let root = Node::parse(document.as_bytes(), Limits::MESSAGE)?;
        let store = group(&root, "CertificateStore").ok_or(Missing("CertificateStore"))?;
        let my = group(store, "My").ok_or(Missing("My"))?;
        let my = group(my, "User").or(group(my, "System")).ok_or(Missing("My/User"))?;
        let authority = group(store, "Root").and_then(|root| group(root, "System")).ok_or(Missing("Root/System"))?;
        let (_, authority) = certificate(authority)?;
        let (thumbprint, device) = certificate(my)?;

        let account = group(&root, "APPLICATION").ok_or(Missing("APPLICATION"))?;
        let proof = |level: &str, what: &'static str| {
            let mut proofs = account.children.iter().filter(|child| child.attribute("type") == Some("APPAUTH"));
            let proof = proofs.find(|proof| parm(proof, "AAUTHLEVEL") == Some(level)).ok_or(Missing(what))?;
            if parm(proof, "AAUTHTYPE") != Some("DIGEST") {
                return Err(Invalid("AAUTHTYPE"));
            }
            Ok(Proof {
                name: parm(proof, "AAUTHNAME").map(str::to_owned),
                secret: Secret::new(parm(proof, "AAUTHSECRET").ok_or(Missing("AAUTHSECRET"))?.to_owned()),
                nonce: STANDARD
                    .decode(parm(proof, "AAUTHDATA").unwrap_or_default())
                    .map_err(|_| Invalid("AAUTHDATA"))?,
            })
        };
        let client = group(&root, "DMClient").and_then(|client| group(client, "Provider"));
        let provider = parm(account, "PROVIDER-ID").ok_or(Missing("PROVIDER-ID"))?;
        let client = client.and_then(|client| group(client, provider)).ok_or(Missing("DMClient/Provider"))?;
        Ok(Self {
            root: authority,
            device_thumbprint: thumbprint,
            device,
            enrollment_id: parm(client, "EntDMID").ok_or(Missing("EntDMID"))?.to_owned(),
            address: parm(account, "ADDR").ok_or(Missing("ADDR"))?.to_owned(),
            device_proof: proof("APPSRV", "APPAUTH of level APPSRV")?,
        })
    }
}

fn group<'e>(parent: &'e Node<'e>, kind: &str) -> Option<&'e Node<'e>> {
    parent.children.iter().find(|child| child.name == "characteristic" && child.attribute("type") == Some(kind))
}

fn parm<'e>(parent: &'e Node<'_>, name: &str) -> Option<&'e str> {
    let found = parent.children.iter().find(|child| child.name == "parm" && child.attribute("name") == Some(name));
    found.and_then(|parm| parm.attribute("value"))
}

fn certificate(store: &Node<'_>) -> Result<(String, Vec<u8>), ProvisioningError> {
    const WHAT: &str = "EncodedCertificate";
    let node = store.children.iter().find(|child| parm(child, WHAT).is_some());
    let node = node.ok_or(ProvisioningError::Missing(WHAT))?;
    let der = STANDARD.decode(parm(node, WHAT).unwrap_or_default());
    let der = der.map_err(|_| ProvisioningError::Invalid(WHAT))?;
    Ok((node.attribute("type").unwrap_or_default().to_owned(), der))
}
