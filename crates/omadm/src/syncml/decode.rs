//! From bytes to a message. Total: any bytes give a message within the limits, or an error.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::{
    Alert, Challenge, Command, Container, ContainerKind, Credential, Element, Format, HEADER_REF, Header, Item,
    MAX_ID_BYTES, METINF, Message, NAMESPACE, NAMESPACE_1_1, Results, Status, VERBS,
};
use crate::Secret;
use crate::xml::{self, Limits, XmlError};

/// The reason why bytes are not a message. No variant quotes them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not XML, or beyond the limits.
    #[error("the message is not acceptable XML: {0}")]
    Xml(#[from] XmlError),
    /// Another root element.
    #[error("the root element is not SyncML 1.2")]
    NotSyncMl,
    /// A required element is missing.
    #[error("the element {0} is missing")]
    Missing(&'static str),
    /// An id is empty or reserved.
    #[error("the element {0} is empty or 0")]
    NoId(&'static str),
    /// An id is too long.
    #[error("the element {0} is longer than {MAX_ID_BYTES} bytes")]
    LongId(&'static str),
}

/// Reads one message.
pub fn decode(bytes: &[u8], limits: Limits) -> Result<Message, DecodeError> {
    let root = xml::Node::parse(bytes, limits)?;
    let namespace = &*root.namespace;
    if root.name != "SyncML" || ![NAMESPACE, NAMESPACE_1_1].contains(&namespace) {
        return Err(DecodeError::NotSyncMl);
    }
    let header = required(&root, "SyncHdr")?;
    let body = required(&root, "SyncBody")?;
    let elements = body.children.iter().filter(|child| child.name != "Final").map(element);
    Ok(Message {
        header: read_header(header)?,
        body: elements.collect::<Result<_, _>>()?,
        is_final: body.child_named("Final").is_some(),
    })
}

fn read_header(header: &xml::Node<'_>) -> Result<Header, DecodeError> {
    // A session may have the number 0; a message is counted from 1.
    let session = bounded_id(required(header, "SessionID")?, "SessionID")?;
    if session.is_empty() {
        return Err(DecodeError::NoId("SessionID"));
    }
    let message = bounded_id(required(header, "MsgID")?, "MsgID")?;
    if !is_usable(&message) {
        return Err(DecodeError::NoId("MsgID"));
    }
    let source = required(header, "Source")?;
    let meta = header.child_named("Meta");
    Ok(Header {
        session,
        message,
        target: required(required(header, "Target")?, "LocURI")?.trimmed().to_owned(),
        source: required(source, "LocURI")?.trimmed().to_owned(),
        source_name: text(source, "LocName"),
        credential: header.child_named("Cred").map(read_credential).transpose()?,
        max_message: meta.and_then(|meta| text(meta, "MaxMsgSize")?.parse().ok()),
    })
}

fn read_credential(credential: &xml::Node<'_>) -> Result<Credential, DecodeError> {
    let scheme = credential.child_named("Meta").and_then(|meta| text(meta, "Type")).unwrap_or_default();
    let data = required(credential, "Data")?;
    Ok(Credential::new(scheme.as_str().into(), data.trimmed().into()))
}

fn element(element: &xml::Node<'_>) -> Result<Element, DecodeError> {
    let name = element.name;
    let id = optional_id(element, "CmdID", HEADER_REF)?;
    // Answers are matched by their references. Every other element is answered, so that it must have an id.
    match name {
        "Status" => return Ok(Element::Status(read_status(element, id)?)),
        "Results" => return Ok(Element::Results(read_results(element, id)?)),
        _ if !is_usable(&id) => return Ok(Element::Unknown { id: HEADER_REF.to_owned(), name: name.to_owned() }),
        _ => {}
    }
    if let Some((verb, _)) = VERBS.iter().find(|(_, known)| *known == name) {
        return Ok(Element::Command(Command { id, verb: *verb, items: items(element) }));
    }
    Ok(match name {
        "Alert" => Element::Alert(Alert { id, code: code(element), items: items(element) }),
        "Atomic" => container(element, id, ContainerKind::Atomic)?,
        "Sequence" => container(element, id, ContainerKind::Sequence)?,
        name => Element::Unknown { id, name: name.to_owned() },
    })
}

fn container(element: &xml::Node<'_>, id: String, kind: ContainerKind) -> Result<Element, DecodeError> {
    let commands = element.children.iter().filter_map(|child| {
        let (verb, _) = VERBS.iter().find(|(_, name)| *name == child.name)?;
        let id = optional_id(child, "CmdID", HEADER_REF);
        Some(id.map(|id| Command { id, verb: *verb, items: items(child) }))
    });
    Ok(Element::Container(Container { id, kind, commands: commands.collect::<Result<_, _>>()? }))
}

fn read_status(element: &xml::Node<'_>, id: String) -> Result<Status, DecodeError> {
    let challenge = element.child_named("Chal").and_then(|challenge| challenge.child_named("Meta"));
    let nonce = challenge.map(|meta| text(meta, "NextNonce").unwrap_or_default());
    Ok(Status {
        id,
        message_ref: optional_id(element, "MsgRef", "1")?,
        command_ref: optional_id(element, "CmdRef", "1")?,
        command: text(element, "Cmd").unwrap_or_default(),
        target_ref: text(element, "TargetRef"),
        challenge: nonce.map(|nonce| Challenge { nonce: STANDARD.decode(nonce).unwrap_or_default() }),
        code: code(element),
    })
}

fn read_results(element: &xml::Node<'_>, id: String) -> Result<Results, DecodeError> {
    let mut items = items(element);
    // `Meta` of the command counts for the items that have none of their own.
    for item in &mut items {
        item.format = item.format.take().or_else(|| format(element));
        item.kind = item.kind.take().or_else(|| meta(element, "Type"));
        item.size = item.size.or_else(|| size(element));
    }
    Ok(Results {
        id,
        message_ref: optional_id(element, "MsgRef", "1")?,
        command_ref: optional_id(element, "CmdRef", "1")?,
        node_ref: text(element, "SourceRef").or_else(|| text(element, "TargetRef")),
        items,
    })
}

fn items(element: &xml::Node<'_>) -> Vec<Item> {
    element.children.iter().filter(|child| child.name == "Item").map(read_item).collect()
}

fn read_item(item: &xml::Node<'_>) -> Item {
    let location = |name: &str| item.child_named(name).and_then(|end| text(end, "LocURI"));
    Item {
        target: location("Target"),
        source: location("Source"),
        format: format(item),
        kind: meta(item, "Type"),
        size: size(item),
        data: item.child_named("Data").map(|data| Secret::from(&*data.text)),
        more_data: item.child_named("MoreData").is_some(),
    }
}

fn format(parent: &xml::Node<'_>) -> Option<Format> {
    meta(parent, "Format").map(|name| name.as_str().into())
}

fn size(item: &xml::Node<'_>) -> Option<u64> {
    meta(item, "Size").map(|size| size.parse().unwrap_or(u64::MAX))
}

/// Some messages of Windows have `Type` beside an empty `Meta` ([MS-MDM] 3.2.5.1.5).
fn meta(parent: &xml::Node<'_>, name: &str) -> Option<String> {
    let inside = parent.child_named("Meta").and_then(|meta| meta.child(METINF, name).or(meta.child_named(name)));
    inside.or(parent.child_named(name)).map(|element| element.trimmed().to_owned()).filter(|text| !text.is_empty())
}

fn required<'e>(parent: &'e xml::Node<'e>, name: &'static str) -> Result<&'e xml::Node<'e>, DecodeError> {
    parent.child_named(name).ok_or(DecodeError::Missing(name))
}

fn text(parent: &xml::Node<'_>, name: &str) -> Option<String> {
    parent.child_named(name).map(|child| child.trimmed().to_owned())
}

/// An id that a message can be referred to by: 0 stands for the header.
fn is_usable(id: &str) -> bool {
    !id.is_empty() && id != HEADER_REF
}

fn bounded_id(element: &xml::Node<'_>, name: &'static str) -> Result<String, DecodeError> {
    let id = element.trimmed();
    if id.len() > MAX_ID_BYTES { Err(DecodeError::LongId(name)) } else { Ok(id.to_owned()) }
}

/// The id of that name, or the given one when it is missing.
fn optional_id(parent: &xml::Node<'_>, name: &'static str, missing: &str) -> Result<String, DecodeError> {
    parent.child_named(name).map_or_else(|| Ok(missing.to_owned()), |element| bounded_id(element, name))
}

/// A code that is not a number is read as 0, which means nothing, so that one unreadable code does not spoil a message.
fn code(element: &xml::Node<'_>) -> u16 {
    element.child_named("Data").and_then(|data| data.trimmed().parse().ok()).unwrap_or(0)
}
