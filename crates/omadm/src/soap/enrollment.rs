//! The certificate request and its answer ([MS-MDE2] 3.4, [MS-WSTEP] 3.1.4.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{Envelope, PKI_ENROLLMENT, SoapError, UsernameToken, WSSE, required};
use crate::Secret;
use crate::xml::{Node, escape};

const TRUST: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
const CONTEXT: &str = "http://schemas.xmlsoap.org/ws/2006/12/authorization";
const REQUEST: &str = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment/RST/wstep";
pub(super) const RESPONSE: &str = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment/RSTRC/wstep";
const TOKEN_TYPE: &str = "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentToken";
const ISSUE: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512/Issue";
const PKCS10: &str = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment#PKCS10";
const PROVISIONING: &str =
    "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentProvisionDoc";
const BASE64_BINARY: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd#base64binary";

/// `RequestSecurityToken`.
#[non_exhaustive]
pub struct RequestSecurityToken {
    /// `a:MessageID`.
    pub message_id: String,
    /// The name and password of the user.
    pub token: Option<UsernameToken>,
    /// True if it asks for a first certificate, not for a renewal.
    pub is_issue: bool,
    /// The certificate request, PKCS #10 in DER.
    pub pkcs10: Vec<u8>,
    /// `AdditionalContext`: name and value, in order; `MAC` repeats.
    pub context: Vec<(String, String)>,
}

impl RequestSecurityToken {
    /// A request for a first certificate. `pkcs10` is DER.
    pub fn new(message_id: &str, token: UsernameToken, pkcs10: Vec<u8>, context: Vec<(String, String)>) -> Self {
        Self { message_id: message_id.to_owned(), token: Some(token), is_issue: true, pkcs10, context }
    }

    /// Reads the request.
    pub fn decode(bytes: &[u8]) -> Result<Self, SoapError> {
        let envelope = Envelope::parse(bytes)?;
        let request = envelope.body(TRUST, "RequestSecurityToken")?;
        let binary = request.child(WSSE, "BinarySecurityToken").ok_or(SoapError::Missing("BinarySecurityToken"))?;
        if binary.attribute("ValueType").is_some_and(|kind| !kind.ends_with("#PKCS10") && !kind.ends_with("#PKCS7")) {
            return Err(SoapError::Invalid("BinarySecurityToken"));
        }
        // Clients break the base64 text into lines.
        let encoded: String = binary.text.chars().filter(|character| !character.is_whitespace()).collect();
        let items = request.child_named("AdditionalContext").map(|context| {
            context.children.iter().filter(|item| item.name == "ContextItem").filter_map(|item| {
                let value = item.child_named("Value").map(Node::trimmed).unwrap_or_default();
                Some((item.attribute("Name")?.to_owned(), value.to_owned()))
            })
        });
        Ok(Self {
            message_id: envelope.message_id(),
            token: envelope.username_token(),
            is_issue: required(request, "RequestType")? == ISSUE,
            pkcs10: STANDARD.decode(encoded).map_err(|_| SoapError::Invalid("BinarySecurityToken"))?,
            context: items.map(Iterator::collect).unwrap_or_default(),
        })
    }

    /// The first context item of that name.
    pub fn context(&self, name: &str) -> Option<&str> {
        let found = self.context.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Writes the request.
    pub fn encode(&self, to: &str) -> Secret {
        let items: String = self
            .context
            .iter()
            .map(|(name, value)| {
                let (name, value) = (escape(name), escape(value));
                format!("<ac:ContextItem Name=\"{name}\"><ac:Value>{value}</ac:Value></ac:ContextItem>")
            })
            .collect();
        let body = format!(
            "<wst:RequestSecurityToken xmlns:wst=\"{TRUST}\" xmlns:ac=\"{CONTEXT}\">\
             <wst:TokenType>{TOKEN_TYPE}</wst:TokenType><wst:RequestType>{ISSUE}</wst:RequestType>\
             <wsse:BinarySecurityToken ValueType=\"{PKCS10}\" EncodingType=\"{BASE64_BINARY}\">{}</wsse:BinarySecurityToken>\
             <ac:AdditionalContext>{items}</ac:AdditionalContext></wst:RequestSecurityToken>",
            STANDARD.encode(&self.pkcs10)
        );
        super::request(REQUEST, &self.message_id, to, self.token.as_ref(), &body)
    }
}

/// `RequestSecurityTokenResponseCollection`.
#[non_exhaustive]
pub struct Issued {
    /// The id of the message that this one answers.
    pub relates_to: String,
    /// `Timestamp/Created`, RFC 3339 in UTC.
    pub created: String,
    /// `Timestamp/Expires`.
    pub expires: String,
    /// The provisioning document. It holds the device's secrets.
    pub provisioning: Secret,
}

impl Issued {
    /// The answer to that message. Both times are RFC 3339 in UTC.
    pub fn new(relates_to: &str, created: String, expires: String, provisioning: Secret) -> Self {
        Self { relates_to: relates_to.to_owned(), created, expires, provisioning }
    }

    /// Writes the response.
    pub fn encode(&self) -> Secret {
        let header = format!(
            "<o:Security s:mustUnderstand=\"1\" xmlns:o=\"{WSSE}\" \
             xmlns:u=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\">\
             <u:Timestamp u:Id=\"_0\"><u:Created>{}</u:Created><u:Expires>{}</u:Expires></u:Timestamp></o:Security>",
            escape(&self.created),
            escape(&self.expires)
        );
        let encoded = Secret::new(STANDARD.encode(self.provisioning.as_bytes()));
        let body = Secret::new(format!(
            "<RequestSecurityTokenResponseCollection xmlns=\"{TRUST}\"><RequestSecurityTokenResponse>\
             <TokenType>{TOKEN_TYPE}</TokenType><DispositionMessage xmlns=\"{PKI_ENROLLMENT}\"/>\
             <RequestedSecurityToken><BinarySecurityToken xmlns=\"{WSSE}\" ValueType=\"{PROVISIONING}\" \
             EncodingType=\"{BASE64_BINARY}\">{}</BinarySecurityToken></RequestedSecurityToken>\
             <RequestID xmlns=\"{PKI_ENROLLMENT}\">0</RequestID></RequestSecurityTokenResponse>\
             </RequestSecurityTokenResponseCollection>",
            encoded.as_str()
        ));
        Secret::new(super::response(RESPONSE, &self.relates_to, &header, &body))
    }

    /// Reads the provisioning document out of the response.
    pub fn decode(bytes: &[u8]) -> Result<Secret, SoapError> {
        let envelope = Envelope::parse(bytes)?;
        let mut element = envelope.body(TRUST, "RequestSecurityTokenResponseCollection")?;
        for name in ["RequestSecurityTokenResponse", "RequestedSecurityToken", "BinarySecurityToken"] {
            element = element.child_named(name).ok_or(SoapError::Missing(name))?;
        }
        let invalid = || SoapError::Invalid("BinarySecurityToken");
        let document = STANDARD.decode(element.trimmed()).map(Zeroizing::new).map_err(|_| invalid())?;
        Ok(Secret::new(std::str::from_utf8(&document).map_err(|_| invalid())?.to_owned()))
    }
}
