//! Certificate policy: the key and signature that a request must have ([MS-XCEP] 3.1.4.1, `GetPolicies`).

use super::{Envelope, SoapError, UsernameToken};
use crate::xml::{Node, escape};

const NAMESPACE: &str = "http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy";
const REQUEST: &str = "http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy/IPolicy/GetPolicies";
const RESPONSE: &str = "http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy/IPolicy/GetPoliciesResponse";

/// `GetPolicies`.
#[non_exhaustive]
pub struct GetPolicies {
    /// `a:MessageID`.
    pub message_id: String,
    /// The name and password of the user.
    pub token: Option<UsernameToken>,
}

impl GetPolicies {
    /// A request of that user.
    pub fn new(message_id: &str, token: UsernameToken) -> Self {
        Self { message_id: message_id.to_owned(), token: Some(token) }
    }

    /// Reads the request.
    pub fn decode(bytes: &[u8]) -> Result<Self, SoapError> {
        let envelope = Envelope::parse(bytes)?;
        envelope.body(NAMESPACE, "GetPolicies")?;
        Ok(Self { message_id: envelope.message_id(), token: envelope.username_token() })
    }

    /// Writes the request.
    pub fn encode(&self, to: &str) -> crate::Secret {
        let body = format!(
            "<GetPolicies xmlns=\"{NAMESPACE}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
             <client><lastUpdate xsi:nil=\"true\"/><preferredLanguage xsi:nil=\"true\"/></client>\
             <requestFilter xsi:nil=\"true\"/></GetPolicies>"
        );
        super::request(REQUEST, &self.message_id, to, self.token.as_ref(), &body)
    }
}

/// The demands on a certificate request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// `policyID`: changes when the policy does, so that clients read it again.
    pub id: String,
    /// `commonName`: the name of the policy.
    pub name: String,
    /// `minimalKeyLength`, in bits of an RSA modulus.
    pub minimal_key_bits: u32,
    /// `validityPeriodSeconds`.
    pub validity_s: u64,
    /// `renewalPeriodSeconds`.
    pub renewal_s: u64,
}

impl Policy {
    /// RSA 2048, SHA-256, a year, renewal 42 days before its end.
    pub fn new(id: &str, name: &str) -> Self {
        let (validity_s, renewal_s) = (365 * 86_400, 42 * 86_400);
        Self { id: id.to_owned(), name: name.to_owned(), minimal_key_bits: 2048, validity_s, renewal_s }
    }

    /// Writes the response. The OID of the hash stands in group 4, where real clients look for it.
    pub fn encode(&self, relates_to: &str) -> String {
        let Self { minimal_key_bits, validity_s, renewal_s, .. } = self;
        let (id, name) = (escape(&self.id), escape(&self.name));
        let nil = |names: &[&str]| names.iter().map(|name| format!("<{name} xsi:nil=\"true\"/>")).collect::<String>();
        let body = [
            format!("<GetPoliciesResponse xmlns=\"{NAMESPACE}\"><response><policyID>{id}</policyID>"),
            nil(&["policyFriendlyName", "nextUpdateHours", "policiesNotChanged"]),
            "<policies><policy><policyOIDReference>0</policyOIDReference>".to_owned(),
            nil(&["cAs"]),
            format!("<attributes><commonName>{name}</commonName><policySchema>3</policySchema>"),
            format!(
                "<certificateValidity><validityPeriodSeconds>{validity_s}</validityPeriodSeconds>\
                 <renewalPeriodSeconds>{renewal_s}</renewalPeriodSeconds></certificateValidity>"
            ),
            "<permission><enroll>true</enroll><autoEnroll>false</autoEnroll></permission>".to_owned(),
            format!("<privateKeyAttributes><minimalKeyLength>{minimal_key_bits}</minimalKeyLength>"),
            nil(&["keySpec", "keyUsageProperty", "permissions"]),
            "<algorithmOIDReference>1</algorithmOIDReference>".to_owned(),
            nil(&["cryptoProviders"]),
            "</privateKeyAttributes>".to_owned(),
            "<revision><majorRevision>1</majorRevision><minorRevision>0</minorRevision></revision>".to_owned(),
            nil(&["supersededPolicies", "privateKeyFlags", "subjectNameFlags", "enrollmentFlags", "generalFlags"]),
            "<hashAlgorithmOIDReference>0</hashAlgorithmOIDReference>".to_owned(),
            nil(&["rARequirements", "keyArchivalAttributes", "extensions"]),
            "</attributes></policy></policies></response>".to_owned(),
            nil(&["cAs"]),
            "<oIDs><oID><value>2.16.840.1.101.3.4.2.1</value><group>4</group><oIDReferenceID>0</oIDReferenceID>\
             <defaultName>sha256</defaultName></oID><oID><value>1.2.840.113549.1.1.1</value><group>3</group>\
             <oIDReferenceID>1</oIDReferenceID><defaultName>rsa</defaultName></oID></oIDs></GetPoliciesResponse>"
                .to_owned(),
        ];
        super::response(RESPONSE, relates_to, "", &body.concat())
    }

    /// Reads the response.
    pub fn decode(bytes: &[u8]) -> Result<Self, SoapError> {
        let envelope = Envelope::parse(bytes)?;
        let response = envelope.body(NAMESPACE, "GetPoliciesResponse")?;
        let text = |parent: Option<&Node<'_>>, name: &str| {
            parent.and_then(|parent| parent.child_named(name)).map(|element| element.trimmed().to_owned())
        };
        let id = text(response.child_named("response"), "policyID").unwrap_or_default();
        let mut element = response;
        for name in ["response", "policies", "policy", "attributes"] {
            element = element.child_named(name).ok_or(SoapError::Missing(name))?;
        }
        let number = |parent: &'static str, name: &'static str| {
            let parent = element.child_named(parent).ok_or(SoapError::Missing(parent))?;
            super::required(parent, name)?.parse::<u64>().map_err(|_| SoapError::Invalid(name))
        };
        let bits = number("privateKeyAttributes", "minimalKeyLength")?;
        Ok(Self {
            id,
            name: text(Some(element), "commonName").unwrap_or_default(),
            minimal_key_bits: u32::try_from(bits).map_err(|_| SoapError::Invalid("minimalKeyLength"))?,
            validity_s: number("certificateValidity", "validityPeriodSeconds")?,
            renewal_s: number("certificateValidity", "renewalPeriodSeconds")?,
        })
    }
}
