//! SyncML 1.2 as OMA Device Management 1.2 uses it: messages as values, decoding, encoding.
//!
//! Both ends use the same types. References: OMA-TS-DM_RepPro 1.2, OMA-TS-SyncML_RepPro 1.2, [MS-MDM] 2.2.
//!
//! Item data may hold a passcode: it is wiped when dropped, and nothing that holds an item has `Debug`.

mod decode;
mod encode;

use crate::Secret;
pub use decode::{DecodeError, decode};
pub use encode::encode;
pub(crate) use encode::{append, closing, opening};

/// The content type of messages, in both directions.
pub const CONTENT_TYPE: &str = "application/vnd.syncml.dm+xml";

/// Namespace of the message.
pub(crate) const NAMESPACE: &str = "SYNCML:SYNCML1.2";

/// Older devices and the answers of some clients use this one; it is read alike.
pub(crate) const NAMESPACE_1_1: &str = "SYNCML:SYNCML1.1";

/// Namespace of meta information.
pub(crate) const METINF: &str = "syncml:metinf";

/// One message.
#[non_exhaustive]
pub struct Message {
    /// `SyncHdr`.
    pub header: Header,
    /// The elements of `SyncBody`, in document order.
    pub body: Vec<Element>,
    /// True for the last message of its package (`Final`). Windows and most servers send one message per package.
    pub is_final: bool,
}

/// `SyncHdr`.
#[non_exhaustive]
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

/// Reads an id as a number. Ids are opaque texts; most devices count.
pub fn number(id: &str) -> Option<u32> {
    id.parse().ok()
}

/// `Cred`.
#[non_exhaustive]
pub struct Credential {
    /// `Meta/Type`.
    pub scheme: Scheme,
    /// `Data`.
    pub data: Secret,
}

impl Credential {
    /// A credential of that scheme.
    pub fn new(scheme: Scheme, data: Secret) -> Self {
        Self { scheme, data }
    }
}

/// The scheme of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// `syncml:auth-md5`, the digest scheme: see [`crate::digest`].
    Md5,
    /// Another scheme, as the device names it.
    Other(String),
}

impl Scheme {
    /// The text of `Meta/Type`.
    pub fn name(&self) -> &str {
        match self {
            Self::Md5 => "syncml:auth-md5",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for Scheme {
    fn from(name: &str) -> Self {
        if name == Self::Md5.name() { Self::Md5 } else { Self::Other(name.to_owned()) }
    }
}

/// The format of a value (`Meta/Format`, OMA-TS-DM_RepPro 1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// `chr`: text; the format of a value that names none.
    Text,
    /// `int`.
    Int,
    /// `bool`.
    Bool,
    /// `b64`: bytes in base64.
    Base64,
    /// `bin`: bytes.
    Binary,
    /// `null`: no value.
    Null,
    /// `node`: an inner node.
    Node,
    /// `xml`.
    Xml,
    /// Another format, as the peer names it.
    Other(String),
}

/// Formats and their names.
const FORMATS: [(Format, &str); 8] = [
    (Format::Text, "chr"),
    (Format::Int, "int"),
    (Format::Bool, "bool"),
    (Format::Base64, "b64"),
    (Format::Binary, "bin"),
    (Format::Null, "null"),
    (Format::Node, "node"),
    (Format::Xml, "xml"),
];

impl Format {
    /// The text of `Meta/Format`.
    pub fn name(&self) -> &str {
        match self {
            Self::Other(name) => name,
            known => FORMATS.iter().find(|(format, _)| format == known).map_or("", |(_, name)| name),
        }
    }
}

/// Devices write the names in upper and lower case.
impl From<&str> for Format {
    fn from(name: &str) -> Self {
        let known = FORMATS.into_iter().find(|(_, known)| name.trim().eq_ignore_ascii_case(known));
        known.map_or_else(|| Self::Other(name.to_owned()), |(format, _)| format)
    }
}

/// One element of the body.
#[non_exhaustive]
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
    /// Another element; it is answered with status 400.
    #[non_exhaustive]
    Unknown {
        /// `CmdID`, or [`HEADER_REF`] when it has no usable one.
        id: String,
        /// The element's name.
        name: String,
    },
}

/// `Status`: the outcome of a command of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// `CmdID`.
    pub id: String,
    /// `MsgRef`: the peer's message.
    pub message_ref: String,
    /// `CmdRef`: the command in it, [`HEADER_REF`] for its header.
    pub command_ref: String,
    /// `Cmd`.
    pub command: String,
    /// `TargetRef`: the item, when the command had several.
    pub target_ref: Option<String>,
    /// `Chal`.
    pub challenge: Option<Challenge>,
    /// `Data`; 0 when it is not a number.
    pub code: u16,
}

/// `Chal`, for the MD5 scheme: the receiver is to prove itself with this nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// The decoded nonce.
    pub nonce: Vec<u8>,
}

/// `Results`: the values that a `Get` found.
#[non_exhaustive]
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
    /// The node whose value an item holds, if the device names it.
    pub fn node<'a>(&'a self, item: &'a Item) -> Option<&'a str> {
        let said = [item.source.as_deref(), self.node_ref.as_deref(), item.target.as_deref()];
        said.into_iter().flatten().find(|node| !node.is_empty())
    }
}

/// `Alert`.
#[non_exhaustive]
pub struct Alert {
    /// `CmdID`.
    pub id: String,
    /// `Data`: see [`alert`].
    pub code: u16,
    /// The subjects of the alert; often none.
    pub items: Vec<Item>,
}

/// Codes of alerts.
pub mod alert {
    /// The server began the session (push).
    pub const SERVER_INITIATED: u16 = 1200;
    /// The device began the session.
    pub const CLIENT_INITIATED: u16 = 1201;
    /// Asks for the next message of the package.
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

/// The operation of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct Command {
    /// `CmdID`.
    pub id: String,
    /// The operation.
    pub verb: Verb,
    /// The nodes that it acts on.
    pub items: Vec<Item>,
}

/// The two ways in which a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct Container {
    /// `CmdID`.
    pub id: String,
    /// The way in which it runs.
    pub kind: ContainerKind,
    /// The commands inside.
    pub commands: Vec<Command>,
}

/// `Item`.
#[derive(Default)]
#[non_exhaustive]
pub struct Item {
    /// `Target/LocURI`.
    pub target: Option<String>,
    /// `Source/LocURI`.
    pub source: Option<String>,
    /// `Meta/Format`.
    pub format: Option<Format>,
    /// `Meta/Type`: a media type, or the name of a generic alert. The set is open.
    pub kind: Option<String>,
    /// `Meta/Size`: the bytes of the whole value. A size that is not a number reads as `u64::MAX`.
    pub size: Option<u64>,
    /// `Data`; `None` when the element is missing.
    pub data: Option<Secret>,
    /// `MoreData`: the value goes on in a following message.
    pub more_data: bool,
}

impl Item {
    /// A node to act on.
    pub fn at(target: &str) -> Self {
        Self { target: Some(target.to_owned()), ..Self::default() }
    }

    /// A value of a node.
    pub fn of(source: &str) -> Self {
        Self { source: Some(source.to_owned()), ..Self::default() }
    }

    /// Adds `Meta/Format`.
    pub fn formatted(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Adds `Meta/Type`.
    pub fn typed(mut self, kind: &str) -> Self {
        self.kind = Some(kind.to_owned());
        self
    }

    /// Adds `Data`.
    pub fn holding(mut self, data: impl Into<Secret>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// The data, unless it is missing, empty or of format `null`.
    pub fn value(&self) -> Option<&Secret> {
        self.data.as_ref().filter(|data| self.format != Some(Format::Null) && !data.is_empty())
    }
}

impl Header {
    /// A header without credential. Ids are those of the sender.
    pub fn new(session: &str, message: &str, target: &str, source: &str) -> Self {
        Self {
            session: session.to_owned(),
            message: message.to_owned(),
            target: target.to_owned(),
            source: source.to_owned(),
            source_name: None,
            credential: None,
            max_message: None,
        }
    }
}

impl Status {
    /// A status of that command (id and name) in that message.
    pub fn new(message_ref: &str, command_ref: &str, command: &str, code: u16) -> Self {
        Self {
            id: String::new(),
            message_ref: message_ref.to_owned(),
            command_ref: command_ref.to_owned(),
            command: command.to_owned(),
            target_ref: None,
            challenge: None,
            code,
        }
    }
}

impl Challenge {
    /// A challenge with that nonce.
    pub fn new(nonce: &[u8]) -> Self {
        Self { nonce: nonce.to_vec() }
    }
}

impl Results {
    /// The values that answer that command in that message.
    pub fn new(message_ref: &str, command_ref: &str, items: Vec<Item>) -> Self {
        let (message_ref, command_ref) = (message_ref.to_owned(), command_ref.to_owned());
        Self { id: String::new(), message_ref, command_ref, node_ref: None, items }
    }
}

impl Alert {
    /// An alert with that code: see [`alert`].
    pub fn new(code: u16, items: Vec<Item>) -> Self {
        Self { id: String::new(), code, items }
    }
}

impl Command {
    /// A command on those nodes.
    pub fn new(verb: Verb, items: Vec<Item>) -> Self {
        Self { id: String::new(), verb, items }
    }
}

impl Container {
    /// A container of those commands.
    pub fn new(kind: ContainerKind, commands: Vec<Command>) -> Self {
        Self { id: String::new(), kind, commands }
    }
}

impl Element {
    /// An element that this library does not know.
    pub fn unknown(id: &str, name: &str) -> Self {
        Self::Unknown { id: id.to_owned(), name: name.to_owned() }
    }

    /// Sets the `CmdID` to that number.
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
    /// A message that ends its package.
    pub fn new(header: Header, body: Vec<Element>) -> Self {
        Self { header, body, is_final: true }
    }

    /// True if the device begins a session with this message, or begins again: it holds package 1.
    pub fn is_first_package(&self) -> bool {
        self.alerts().any(|alert| [alert::SERVER_INITIATED, alert::CLIENT_INITIATED].contains(&alert.code))
    }

    /// True if the device ends the session at once.
    pub fn is_abort(&self) -> bool {
        self.alerts().any(|alert| alert.code == alert::SESSION_ABORT)
    }

    /// True if the user unenrols the device.
    pub fn is_unenrollment(&self) -> bool {
        let asks = |item: &Item| item.kind.as_deref() == Some(alert::UNENROLLMENT);
        self.alerts().any(|alert| alert.code == alert::GENERIC && alert.items.iter().any(asks))
    }

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
