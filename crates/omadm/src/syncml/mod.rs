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
pub(crate) use encode::encoded_bytes;

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
    /// `SessionID`: an opaque text.
    pub session: String,
    /// `MsgID`: an opaque text; devices count from 1 within the session.
    pub message: String,
    /// `Target/LocURI`.
    pub target: String,
    /// `Source/LocURI`: for a device, its name for itself.
    pub source: String,
    /// `Source/LocName`: the user name, when there is a credential.
    pub source_name: Option<String>,
    /// `Cred`.
    pub credential: Option<Credential>,
    /// `Meta/MaxMsgSize`: the longest message that the sender takes, in bytes.
    pub max_message: Option<u32>,
}

/// The longest `SessionID`, `MsgID`, `CmdID`, `MsgRef` and `CmdRef`. The DTD says `#PCDATA`: devices send UUIDs, too.
pub const MAX_ID_BYTES: usize = 256;

/// The reference to the header of a message, where the id of a command stands otherwise.
pub const HEADER_REF: &str = "0";

/// The number that an id is, if it is one.
pub fn number(id: &str) -> Option<u32> {
    id.parse().ok()
}

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
        /// `CmdID`, or [`HEADER_REF`] when it has no usable one.
        id: String,
        /// The element's name.
        name: String,
    },
}

/// `Status`: what became of a command of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// `CmdID`.
    pub id: String,
    /// `MsgRef`: the peer's message.
    pub message_ref: String,
    /// `CmdRef`: the command in it, [`HEADER_REF`] for its header.
    pub command_ref: String,
    /// `Cmd`.
    pub command: String,
    /// `TargetRef`: which item, when the command had several.
    pub target_ref: Option<String>,
    /// `Chal`.
    pub challenge: Option<Challenge>,
    /// `Data`; 0 when it is no number.
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
    pub id: String,
    /// `MsgRef`; 1 when it is missing, as [MS-MDM] says.
    pub message_ref: String,
    /// `CmdRef`; 1 when it is missing.
    pub command_ref: String,
    /// `SourceRef`, or else `TargetRef`: the node, for items that do not name it.
    pub node_ref: Option<String>,
    /// The values.
    pub items: Vec<Item>,
}

impl Results {
    /// The node whose value an item is, as far as the device says it.
    pub fn node<'a>(&'a self, item: &'a Item) -> Option<&'a str> {
        let said = [item.source.as_deref(), self.node_ref.as_deref(), item.target.as_deref()];
        said.into_iter().flatten().find(|node| !node.is_empty())
    }
}

/// `Alert`.
pub struct Alert {
    /// `CmdID`.
    pub id: String,
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
    /// The last chunk of a large value did not come.
    pub const NO_END_OF_DATA: u16 = 1225;
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
    /// `CmdID`.
    pub id: String,
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
    pub id: String,
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
    /// `Meta/Size`: the bytes of the whole value. A size that is no number is larger than every value.
    pub size: Option<u64>,
    /// `Data`; `None` when the element is missing.
    pub data: Option<Zeroizing<String>>,
    /// `MoreData`: the value goes on in a following message.
    pub more_data: bool,
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
    /// Gives the element another `CmdID`.
    pub fn number(&mut self, number: usize) {
        let id = match self {
            Self::Status(status) => &mut status.id,
            Self::Results(results) => &mut results.id,
            Self::Alert(alert) => &mut alert.id,
            Self::Command(command) => &mut command.id,
            Self::Container(container) => &mut container.id,
            Self::Unknown { id, .. } => id,
        };
        *id = number.to_string();
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

    /// The status of the header, if the message has one.
    pub fn header_status(&self) -> Option<&Status> {
        self.statuses().find(|status| status.command_ref == HEADER_REF)
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
