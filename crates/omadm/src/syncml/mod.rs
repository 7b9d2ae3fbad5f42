//! SyncML 1.2 as OMA Device Management 1.2 uses it: messages as values, decoding, encoding.
//!
//! Both ends use the same types. References: OMA-TS-DM_RepPro 1.2, OMA-TS-SyncML_RepPro 1.2, [MS-MDM] 2.2.
//!
//! Item data may hold a passcode: it is wiped when dropped, and nothing that holds an item has `Debug`.

mod decode;
mod encode;

use zeroize::Zeroizing;

pub use decode::{DecodeError, decode};
pub use encode::encode;

/// The content type of messages, in both directions.
pub const CONTENT_TYPE: &str = "application/vnd.syncml.dm+xml";

/// Namespace of the message.
pub(crate) const NAMESPACE: &str = "SYNCML:SYNCML1.2";

/// Older devices and the answers of some clients use this one; it is read alike.
pub(crate) const NAMESPACE_1_1: &str = "SYNCML:SYNCML1.1";

/// Namespace of meta information.
pub(crate) const METINF: &str = "syncml:metinf";

/// One message.
pub struct Message {
    /// `SyncHdr`.
    pub header: Header,
    /// What `SyncBody` holds, in document order.
    pub body: Vec<Element>,
    /// Whether it is the last message of its package. Windows and servers send one message a package.
    pub is_final: bool,
}

/// `SyncHdr`.
pub struct Header {
    /// `SessionID`: an opaque text, at most [`MAX_SESSION_BYTES`] long.
    pub session: String,
    /// `MsgID`, from 1 within the session.
    pub message: u32,
    /// `Target/LocURI`.
    pub target: String,
    /// `Source/LocURI`: for a device, its name for itself.
    pub source: String,
    /// `Source/LocName`: the user name, when there is a credential.
    pub source_name: Option<String>,
    /// `Cred`.
    pub credential: Option<Credential>,
}

/// The longest `SessionID`. The specification allows four bytes.
pub const MAX_SESSION_BYTES: usize = 16;

/// `Cred`.
pub struct Credential {
    /// `Meta/Type`, for example `syncml:auth-md5`.
    pub kind: String,
    /// `Data`.
    pub data: Zeroizing<String>,
}

/// `Meta/Type` of the MD5 digest scheme.
pub const AUTH_MD5: &str = "syncml:auth-md5";

/// One element of the body.
pub enum Element {
    /// `Status`.
    Status(Status),
    /// `Results`.
    Results(Results),
    /// `Alert`.
    Alert(Alert),
    /// `Add`, `Replace`, `Delete`, `Get`, `Exec`.
    Command(Command),
    /// `Atomic`, `Sequence`.
    Container(Container),
    /// Something else; it is answered with status 400.
    Unknown {
        /// `CmdID`, 0 when it has none.
        id: u32,
        /// The element's name.
        name: String,
    },
}

/// `Status`: what became of a command of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// `CmdID`.
    pub id: u32,
    /// `MsgRef`: the peer's message.
    pub message_ref: u32,
    /// `CmdRef`: the command in it, 0 for its header.
    pub command_ref: u32,
    /// `Cmd`.
    pub command: String,
    /// `TargetRef`: which item, when the command had several.
    pub target_ref: Option<String>,
    /// `Chal`.
    pub challenge: Option<Challenge>,
    /// `Data`.
    pub code: u16,
}

/// `Chal`, for the MD5 scheme: prove yourself with this nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The decoded nonce.
    pub nonce: Vec<u8>,
}

/// `Results`: what a `Get` found.
pub struct Results {
    /// `CmdID`.
    pub id: u32,
    /// `MsgRef`; 1 when it is missing, as [MS-MDM] says.
    pub message_ref: u32,
    /// `CmdRef`; 1 when it is missing.
    pub command_ref: u32,
    /// The values.
    pub items: Vec<Item>,
}

/// `Alert`.
pub struct Alert {
    /// `CmdID`.
    pub id: u32,
    /// `Data`: see [`alert`].
    pub code: u16,
    /// What it is about; often nothing.
    pub items: Vec<Item>,
}

/// Codes of alerts.
pub mod alert {
    /// The server began the session (push).
    pub const SERVER_INITIATED: u16 = 1200;
    /// The device began the session.
    pub const CLIENT_INITIATED: u16 = 1201;
    /// The next message, please.
    pub const NEXT_MESSAGE: u16 = 1222;
    /// The device ends the session at once.
    pub const SESSION_ABORT: u16 = 1223;
    /// A client event.
    pub const CLIENT_EVENT: u16 = 1224;
    /// A generic alert; its item's type says which.
    pub const GENERIC: u16 = 1226;
    /// Type of the generic alert of a user who unenrols ([MS-MDM] 3.1.5.1.2).
    pub const UNENROLLMENT: &str = "com.microsoft:mdm.unenrollment.userrequest";
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Make a node.
    Add,
    /// Change a node.
    Replace,
    /// Remove a node.
    Delete,
    /// Read a node.
    Get,
    /// Run a node.
    Exec,
}

/// Verbs and their element names.
pub(crate) const VERBS: [(Verb, &str); 5] = [
    (Verb::Add, "Add"),
    (Verb::Replace, "Replace"),
    (Verb::Delete, "Delete"),
    (Verb::Get, "Get"),
    (Verb::Exec, "Exec"),
];

impl Verb {
    /// The element name.
    pub fn name(self) -> &'static str {
        VERBS.iter().find(|(verb, _)| *verb == self).map_or("", |(_, name)| name)
    }
}

/// `Add`, `Replace`, `Delete`, `Get`, `Exec`.
pub struct Command {
    /// `CmdID`; 0 when it is missing.
    pub id: u32,
    /// What it does.
    pub verb: Verb,
    /// To which nodes.
    pub items: Vec<Item>,
}

/// How a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerKind {
    /// All or nothing.
    Atomic,
    /// In order.
    Sequence,
}

impl ContainerKind {
    /// The element name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Atomic => "Atomic",
            Self::Sequence => "Sequence",
        }
    }
}

/// `Atomic`, `Sequence`. They are not nested.
pub struct Container {
    /// `CmdID`.
    pub id: u32,
    /// How it runs.
    pub kind: ContainerKind,
    /// What it holds.
    pub commands: Vec<Command>,
}

/// `Item`.
#[derive(Default)]
pub struct Item {
    /// `Target/LocURI`.
    pub target: Option<String>,
    /// `Source/LocURI`.
    pub source: Option<String>,
    /// `Meta/Format`.
    pub format: Option<String>,
    /// `Meta/Type`.
    pub kind: Option<String>,
    /// `Data`; `None` when the element is missing.
    pub data: Option<Zeroizing<String>>,
}

impl Item {
    /// A node to act on.
    pub fn at(target: &str) -> Self {
        Self { target: Some(target.to_owned()), ..Self::default() }
    }

    /// With meta format.
    pub fn formatted(mut self, format: &str) -> Self {
        self.format = Some(format.to_owned());
        self
    }

    /// With data.
    pub fn holding(mut self, data: &str) -> Self {
        self.data = Some(Zeroizing::new(data.to_owned()));
        self
    }

    /// The data, unless it is missing, empty or of format `null`.
    pub fn value(&self) -> Option<&Zeroizing<String>> {
        let is_null = self.format.as_deref().is_some_and(|format| format.trim().eq_ignore_ascii_case("null"));
        self.data.as_ref().filter(|data| !is_null && !data.is_empty())
    }
}

impl Element {
    /// `CmdID`.
    pub fn id(&self) -> u32 {
        match self {
            Self::Status(status) => status.id,
            Self::Results(results) => results.id,
            Self::Alert(alert) => alert.id,
            Self::Command(command) => command.id,
            Self::Container(container) => container.id,
            Self::Unknown { id, .. } => *id,
        }
    }
}

impl Message {
    /// The statuses, in order.
    pub fn statuses(&self) -> impl Iterator<Item = &Status> {
        self.body.iter().filter_map(|element| match element {
            Element::Status(status) => Some(status),
            _ => None,
        })
    }

    /// The results, in order.
    pub fn results(&self) -> impl Iterator<Item = &Results> {
        self.body.iter().filter_map(|element| match element {
            Element::Results(results) => Some(results),
            _ => None,
        })
    }

    /// The alerts, in order.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.body.iter().filter_map(|element| match element {
            Element::Alert(alert) => Some(alert),
            _ => None,
        })
    }

    /// The commands outside containers, in order.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.body.iter().filter_map(|element| match element {
            Element::Command(command) => Some(command),
            _ => None,
        })
    }
}
