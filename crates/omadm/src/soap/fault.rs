//! SOAP faults, by the table of [MS-MDE2] 2.2.6.1: each subcode is an error code that the client shows.

use super::{ADDRESSING, PKI_ENROLLMENT, SOAP, SoapError, enrollment};
use crate::xml::{Node, escape};

/// The kind of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The message cannot be read: client code 0x80180001.
    MessageFormat,
    /// Bad user name, password or token: 0x80180002.
    Authentication,
    /// The user may not enrol: 0x80180003.
    Authorization,
    /// The certificate request is not acceptable: 0x80180004.
    CertificateRequest,
    /// The server failed: 0x80180005.
    EnrollmentServer,
    /// The security header cannot be used: 0x80180007.
    InvalidSecurity,
}

/// The namespace of the subcodes that WCF services use.
const DISPATCHER: &str = "http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher";

impl FaultKind {
    /// `Subcode/Value`, with its prefix.
    pub fn subcode(self) -> &'static str {
        match self {
            Self::MessageFormat => "s:MessageFormat",
            Self::Authentication => "s:Authentication",
            Self::Authorization => "s:Authorization",
            Self::CertificateRequest => "s:CertificateRequest",
            Self::EnrollmentServer => "s:EnrollmentServer",
            Self::InvalidSecurity => "d:InvalidSecurity",
        }
    }
}

/// `ErrorType` of the detail, for errors that the protocol names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorType {
    /// The tenant may not enrol devices: 0x80180018.
    UserLicense,
    /// The device does not say enough about itself: 0x80180019.
    InvalidEnrollmentData,
    /// The kind of enrolment is not supported: 0x80180015.
    NotSupported,
    /// A renewal that is not due: 0x80180016.
    NotEligibleToRenew,
}

impl ErrorType {
    /// The element's text.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserLicense => "UserLicense",
            Self::InvalidEnrollmentData => "InvalidEnrollmentData",
            Self::NotSupported => "NotSupported",
            Self::NotEligibleToRenew => "NotEligibleToRenew",
        }
    }
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The id of the message that this one answers.
    pub relates_to: String,
    /// The kind.
    pub kind: FaultKind,
    /// A text for a person: the problem, and the next step.
    pub reason: String,
    /// The name of the error in the detail.
    pub error_type: Option<ErrorType>,
    /// An id that finds the request in the log.
    pub trace_id: String,
}

impl Fault {
    /// A fault without `ErrorType`.
    pub fn new(relates_to: &str, kind: FaultKind, reason: String, trace_id: String) -> Self {
        Self { relates_to: relates_to.to_owned(), kind, reason, error_type: None, trace_id }
    }

    /// Writes the fault.
    pub fn encode(&self) -> String {
        let (reason, trace) = (escape(&self.reason), escape(&self.trace_id));
        let error_type = self.error_type.map(|of| format!("<ErrorType>{}</ErrorType>", of.name())).unwrap_or_default();
        format!(
            "<s:Envelope xmlns:s=\"{SOAP}\" xmlns:a=\"{ADDRESSING}\" xmlns:d=\"{DISPATCHER}\"><s:Header>\
             <a:Action s:mustUnderstand=\"1\">{}</a:Action><a:RelatesTo>{}</a:RelatesTo></s:Header><s:Body><s:Fault>\
             <s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>{}</s:Value></s:Subcode></s:Code>\
             <s:Reason><s:Text xml:lang=\"en-US\">{reason}</s:Text></s:Reason>\
             <s:Detail><DeviceEnrollmentServiceError xmlns=\"{PKI_ENROLLMENT}\">{error_type}<Message>{reason}</Message>\
             <TraceId>{trace}</TraceId></DeviceEnrollmentServiceError></s:Detail></s:Fault></s:Body></s:Envelope>",
            enrollment::RESPONSE,
            escape(&self.relates_to),
            self.kind.subcode()
        )
    }
}

/// The error that a fault in a response is.
pub(super) fn read(fault: &Node<'_>) -> SoapError {
    let find = |names: &[&str]| {
        let mut element = Some(fault);
        for name in names {
            element = element.and_then(|element| element.child_named(name));
        }
        element.map(|element| element.trimmed().to_owned()).unwrap_or_default()
    };
    SoapError::Fault { subcode: find(&["Code", "Subcode", "Value"]), reason: find(&["Reason", "Text"]) }
}
