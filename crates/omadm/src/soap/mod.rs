//! The SOAP messages of enrolment: [MS-MDE2], [MS-XCEP], [MS-WSTEP]. Requests and responses, both directions.
//!
//! The parsers of clients are picky about prefixes and default namespaces. Everything is therefore written
//! from fixed templates with escaped values, and read by namespace, never by prefix.

pub mod discovery;
pub mod enrollment;
pub mod fault;
pub mod policy;

use thiserror::Error;

use crate::Secret;
use crate::xml::{Limits, Node, XmlError, escape};

/// The content type of SOAP 1.2.
pub const CONTENT_TYPE: &str = "application/soap+xml; charset=utf-8";

pub(crate) const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
pub(crate) const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
pub(crate) const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
pub(crate) const ENROLLMENT: &str = "http://schemas.microsoft.com/windows/management/2012/01/enrollment";
pub(crate) const PKI_ENROLLMENT: &str = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment";

/// The reason why bytes are not the expected message. No variant quotes them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SoapError {
    /// Not XML, or beyond the limits.
    #[error("the message is not acceptable XML: {0}")]
    Xml(#[from] XmlError),
    /// Not a SOAP 1.2 envelope.
    #[error("the message is not a SOAP 1.2 envelope")]
    NotAnEnvelope,
    /// Another message than the expected one.
    #[error("the body holds no {0}")]
    Unexpected(&'static str),
    /// A required element is missing or empty.
    #[error("the element {0} is missing")]
    Missing(&'static str),
    /// A value outside its value space.
    #[error("the element {0} has an invalid value")]
    Invalid(&'static str),
    /// The answer is a fault.
    #[error("the server answered with the fault {subcode}: {reason}")]
    #[non_exhaustive]
    Fault {
        /// `Code/Subcode/Value`.
        subcode: String,
        /// `Reason/Text`.
        reason: String,
    },
}

/// `wsse:UsernameToken`: the name and password that a person typed.
#[non_exhaustive]
pub struct UsernameToken {
    /// The user principal name.
    pub username: String,
    /// The password. Many servers take a one-time enrolment token here.
    pub password: Secret,
}

impl UsernameToken {
    /// A name and a password.
    pub fn new(username: &str, password: impl Into<Secret>) -> Self {
        Self { username: username.to_owned(), password: password.into() }
    }
}

/// An envelope that was read.
pub(crate) struct Envelope<'d> {
    root: Node<'d>,
}

impl<'d> Envelope<'d> {
    pub(crate) fn parse(bytes: &'d [u8]) -> Result<Self, SoapError> {
        let root = Node::parse(bytes, Limits::MESSAGE)?;
        if !root.is(SOAP, "Envelope") || root.child(SOAP, "Body").is_none() {
            return Err(SoapError::NotAnEnvelope);
        }
        Ok(Self { root })
    }

    /// The element of the body, by name; a fault in its place is an error that carries it.
    pub(crate) fn body(&self, namespace: &str, name: &'static str) -> Result<&Node<'d>, SoapError> {
        let body = self.root.child(SOAP, "Body").ok_or(SoapError::NotAnEnvelope)?;
        if let Some(fault) = body.child(SOAP, "Fault") {
            return Err(fault::read(fault));
        }
        body.child(namespace, name).ok_or(SoapError::Unexpected(name))
    }

    fn header(&self, namespace: &str, name: &str) -> Option<&Node<'_>> {
        self.root.child(SOAP, "Header")?.child(namespace, name)
    }

    /// `a:MessageID`; empty when there is none.
    pub(crate) fn message_id(&self) -> String {
        self.header(ADDRESSING, "MessageID").map(|id| id.trimmed().to_owned()).unwrap_or_default()
    }

    pub(crate) fn username_token(&self) -> Option<UsernameToken> {
        let token = self.header(WSSE, "Security")?.child(WSSE, "UsernameToken")?;
        Some(UsernameToken {
            username: token.child(WSSE, "Username")?.trimmed().to_owned(),
            password: Secret::new(token.child(WSSE, "Password")?.trimmed().to_owned()),
        })
    }
}

/// The text of a required child.
pub(crate) fn required<'e>(parent: &'e Node<'_>, name: &'static str) -> Result<&'e str, SoapError> {
    let text = parent.child_named(name).map(Node::trimmed).filter(|text| !text.is_empty());
    text.ok_or(SoapError::Missing(name))
}

/// A response in the template that real clients read.
pub(crate) fn response(action: &str, relates_to: &str, header: &str, body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"{SOAP}\" xmlns:a=\"{ADDRESSING}\"><s:Header>\
         <a:Action s:mustUnderstand=\"1\">{action}</a:Action><a:RelatesTo>{}</a:RelatesTo>{header}</s:Header>\
         <s:Body xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">{body}</s:Body></s:Envelope>",
        escape(relates_to)
    )
}

/// A request as a device writes it.
pub(crate) fn request(action: &str, message_id: &str, to: &str, token: Option<&UsernameToken>, body: &str) -> Secret {
    let security = token.map_or_else(Secret::default, |token| {
        let (username, password) = (escape(&token.username), Secret::new(escape(&token.password).into_owned()));
        Secret::new(format!(
            "<wsse:Security s:mustUnderstand=\"1\"><wsse:UsernameToken><wsse:Username>{username}</wsse:Username>\
             <wsse:Password Type=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText\">{}</wsse:Password>\
             </wsse:UsernameToken></wsse:Security>",
            password.as_str()
        ))
    });
    Secret::new(format!(
        "<s:Envelope xmlns:s=\"{SOAP}\" xmlns:a=\"{ADDRESSING}\" xmlns:wsse=\"{WSSE}\"><s:Header>\
         <a:Action s:mustUnderstand=\"1\">{action}</a:Action><a:MessageID>{}</a:MessageID>\
         <a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>\
         <a:To s:mustUnderstand=\"1\">{}</a:To>{}</s:Header><s:Body>{body}</s:Body></s:Envelope>",
        escape(message_id),
        escape(to),
        security.as_str()
    ))
}
