//! Discovery: the device describes itself, and the server names its addresses ([MS-MDE2] 3.1).

use super::{ENROLLMENT, Envelope, SoapError, required};
use crate::xml::{Node, escape};

const REQUEST: &str = "http://schemas.microsoft.com/windows/management/2012/01/enrollment/IDiscoveryService/Discover";
const RESPONSE: &str =
    "http://schemas.microsoft.com/windows/management/2012/01/enrollment/IDiscoveryService/DiscoverResponse";

/// The protocol version that the server offers. Windows 11 sends an attestation key with 5.0 and enrols.
const ENROLLMENT_VERSION: &str = "5.0";

/// `AuthPolicy`: the user types a name and a password.
pub const ON_PREMISE: &str = "OnPremise";

/// `Discover`.
#[non_exhaustive]
pub struct Discover {
    /// `a:MessageID`.
    pub message_id: String,
    /// `EmailAddress`; may be empty.
    pub email: String,
    /// `RequestVersion`: major and minor. Newer clients count up and stay compatible.
    pub version: (u32, u32),
    /// `DeviceType`.
    pub device_type: String,
    /// `OSEdition`.
    pub os_edition: Option<i32>,
    /// `AuthPolicies`; empty when the client names none.
    pub auth_policies: Vec<String>,
}

impl Discover {
    /// A request of that user and kind of device, without edition and authentication policies.
    pub fn new(message_id: &str, email: &str, version: (u32, u32), device_type: &str) -> Self {
        Self {
            message_id: message_id.to_owned(),
            email: email.to_owned(),
            version,
            device_type: device_type.to_owned(),
            os_edition: None,
            auth_policies: Vec::new(),
        }
    }

    /// Reads the request.
    pub fn decode(bytes: &[u8]) -> Result<Self, SoapError> {
        let envelope = Envelope::parse(bytes)?;
        let request = envelope.body(ENROLLMENT, "Discover")?.child_named("request");
        let request = request.ok_or(SoapError::Missing("request"))?;
        let policies = request.child_named("AuthPolicies");
        let policies = policies.map(|policies| policies.children.iter().map(|policy| policy.trimmed().to_owned()));
        Ok(Self {
            message_id: envelope.message_id(),
            email: request.child_named("EmailAddress").map(Node::trimmed).unwrap_or_default().to_owned(),
            version: version(required(request, "RequestVersion")?).ok_or(SoapError::Invalid("RequestVersion"))?,
            device_type: request.child_named("DeviceType").map(Node::trimmed).unwrap_or_default().to_owned(),
            os_edition: request.child_named("OSEdition").and_then(|edition| edition.trimmed().parse().ok()),
            auth_policies: policies.map(Iterator::collect).unwrap_or_default(),
        })
    }

    /// Writes the request.
    pub fn encode(&self, to: &str) -> String {
        let policies: String =
            self.auth_policies.iter().map(|policy| format!("<AuthPolicy>{}</AuthPolicy>", escape(policy))).collect();
        let edition = self.os_edition.map(|edition| format!("<OSEdition>{edition}</OSEdition>")).unwrap_or_default();
        let body = format!(
            "<Discover xmlns=\"{ENROLLMENT}\"><request><EmailAddress>{}</EmailAddress>{edition}\
             <RequestVersion>{}.{}</RequestVersion><DeviceType>{}</DeviceType>\
             <AuthPolicies>{policies}</AuthPolicies></request></Discover>",
            escape(&self.email),
            self.version.0,
            self.version.1,
            escape(&self.device_type)
        );
        super::request(REQUEST, &self.message_id, to, None, &body).to_string()
    }
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// `DiscoverResponse`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Discovered {
    /// The id of the message that this one answers.
    pub relates_to: String,
    /// `EnrollmentPolicyServiceUrl`.
    pub policy_url: String,
    /// `EnrollmentServiceUrl`.
    pub enrollment_url: String,
}

impl Discovered {
    /// The answer to that message.
    pub fn new(relates_to: &str, policy_url: String, enrollment_url: String) -> Self {
        Self { relates_to: relates_to.to_owned(), policy_url, enrollment_url }
    }

    /// Writes the response.
    pub fn encode(&self) -> String {
        let body = format!(
            "<DiscoverResponse xmlns=\"{ENROLLMENT}\"><DiscoverResult><AuthPolicy>{ON_PREMISE}</AuthPolicy>\
             <EnrollmentVersion>{ENROLLMENT_VERSION}</EnrollmentVersion>\
             <EnrollmentPolicyServiceUrl>{}</EnrollmentPolicyServiceUrl>\
             <EnrollmentServiceUrl>{}</EnrollmentServiceUrl></DiscoverResult></DiscoverResponse>",
            escape(&self.policy_url),
            escape(&self.enrollment_url)
        );
        super::response(RESPONSE, &self.relates_to, "", &body)
    }

    /// Reads the response.
    pub fn decode(bytes: &[u8]) -> Result<Self, SoapError> {
        let envelope = Envelope::parse(bytes)?;
        let result = envelope.body(ENROLLMENT, "DiscoverResponse")?.child_named("DiscoverResult");
        let result = result.ok_or(SoapError::Missing("DiscoverResult"))?;
        if required(result, "AuthPolicy")? != ON_PREMISE {
            return Err(SoapError::Invalid("AuthPolicy"));
        }
        Ok(Self {
            relates_to: String::new(),
            policy_url: required(result, "EnrollmentPolicyServiceUrl")?.to_owned(),
            enrollment_url: required(result, "EnrollmentServiceUrl")?.to_owned(),
        })
    }
}
