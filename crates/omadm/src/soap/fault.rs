//! SOAP faults, by the table of [MS-MDE2] 2.2.6.1: each subcode is an error code that the client shows.

use super::{ADDRESSING, PKI_ENROLLMENT, SOAP, SoapError, enrollment};
use crate::xml::{Element, escape};

/// What kind of no it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::MessageFormat,
        Self::Authentication,
        Self::Authorization,
        Self::CertificateRequest,
        Self::EnrollmentServer,
        Self::InvalidSecurity,
    ];

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

/// `ErrorType` of the detail, where the protocol has a name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// The tenant may not enrol devices: 0x80180018.
    UserLicense,
    /// What the device says of itself is not enough: 0x80180019.
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
pub struct Fault {
    /// Answers that message.
    pub relates_to: String,
    /// What kind.
    pub kind: FaultKind,
    /// What happened and what to do, for a person.
    pub reason: String,
    /// Its name in the detail.
    pub error_type: Option<ErrorType>,
    /// Finds the request in the log.
    pub trace_id: String,
}

impl Fault {
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
pub(super) fn read(fault: &Element) -> SoapError {
    let find = |names: &[&str]| {
        let mut element = Some(fault);
        for name in names {
            element = element.and_then(|element| element.child_named(name));
        }
        element.map(|element| element.trimmed().to_owned()).unwrap_or_default()
    };
    SoapError::Fault { subcode: find(&["Code", "Subcode", "Value"]), reason: find(&["Reason", "Text"]) }
}
