//! From bytes to a message. Total: any bytes give a message within the limits, or an error.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{
    Alert, Challenge, Command, Container, ContainerKind, Credential, Element, Header, Item, MAX_SESSION_BYTES, METINF,
    Message, NAMESPACE, NAMESPACE_1_1, Results, Status, VERBS, Verb,
};
use crate::xml::{self, Limits, XmlError};

/// Why bytes are no message. No variant quotes them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
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
    /// A number is none, or too large.
    #[error("the element {0} is not a number in range")]
    NotANumber(&'static str),
    /// A session id is too long.
    #[error("the session id is longer than {MAX_SESSION_BYTES} bytes")]
    LongSession,
}

/// Reads one message.
pub fn decode(bytes: &[u8], limits: Limits) -> Result<Message, DecodeError> {
    let root = xml::Element::parse(bytes, limits)?;
    let namespace = root.namespace.as_str();
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

fn read_header(header: &xml::Element) -> Result<Header, DecodeError> {
    let session = required(header, "SessionID")?.trimmed().to_owned();
    if session.len() > MAX_SESSION_BYTES {
        return Err(DecodeError::LongSession);
    }
    let source = required(header, "Source")?;
    Ok(Header {
        session,
        message: number(required(header, "MsgID")?, "MsgID")?,
        target: required(required(header, "Target")?, "LocURI")?.trimmed().to_owned(),
        source: required(source, "LocURI")?.trimmed().to_owned(),
        source_name: text(source, "LocName"),
        credential: header.child_named("Cred").map(read_credential).transpose()?,
    })
}

fn read_credential(credential: &xml::Element) -> Result<Credential, DecodeError> {
    let kind = credential.child_named("Meta").and_then(|meta| text(meta, "Type")).unwrap_or_default();
    let data = required(credential, "Data")?;
    Ok(Credential { kind, data: Zeroizing::new(data.trimmed().to_owned()) })
}

fn element(element: &xml::Element) -> Result<Element, DecodeError> {
    if let Some((verb, _)) = VERBS.iter().find(|(_, name)| *name == element.name) {
        return Ok(Element::Command(read_command(element, *verb)?));
    }
    let id = id(element)?;
    Ok(match element.name.as_str() {
        "Status" => Element::Status(read_status(element, id)?),
        "Results" => Element::Results(Results {
            id,
            message_ref: optional_number(element, "MsgRef")?.unwrap_or(1),
            command_ref: optional_number(element, "CmdRef")?.unwrap_or(1),
            items: items(element),
        }),
        "Alert" => Element::Alert(Alert { id, code: code(element)?, items: items(element) }),
        "Atomic" => container(element, id, ContainerKind::Atomic)?,
        "Sequence" => container(element, id, ContainerKind::Sequence)?,
        name => Element::Unknown { id, name: name.to_owned() },
    })
}

fn container(element: &xml::Element, id: u32, kind: ContainerKind) -> Result<Element, DecodeError> {
    let commands = element.children.iter().filter_map(|child| {
        let (verb, _) = VERBS.iter().find(|(_, name)| *name == child.name)?;
        Some(read_command(child, *verb))
    });
    Ok(Element::Container(Container { id, kind, commands: commands.collect::<Result<_, _>>()? }))
}

fn read_command(element: &xml::Element, verb: Verb) -> Result<Command, DecodeError> {
    Ok(Command { id: id(element)?, verb, items: items(element) })
}

fn read_status(element: &xml::Element, id: u32) -> Result<Status, DecodeError> {
    let challenge = element.child_named("Chal").and_then(|challenge| challenge.child_named("Meta"));
    let nonce = challenge.map(|meta| text(meta, "NextNonce").unwrap_or_default());
    Ok(Status {
        id,
        message_ref: optional_number(element, "MsgRef")?.unwrap_or(1),
        command_ref: optional_number(element, "CmdRef")?.unwrap_or(1),
        command: text(element, "Cmd").unwrap_or_default(),
        target_ref: text(element, "TargetRef"),
        challenge: nonce.map(|nonce| Challenge { nonce: STANDARD.decode(nonce).unwrap_or_default() }),
        code: code(element)?,
    })
}

fn items(element: &xml::Element) -> Vec<Item> {
    element.children.iter().filter(|child| child.name == "Item").map(read_item).collect()
}

fn read_item(item: &xml::Element) -> Item {
    let location = |name: &str| item.child_named(name).and_then(|end| text(end, "LocURI"));
    // Some messages of Windows have `Type` beside an empty `Meta` ([MS-MDM] 3.2.5.1.5).
    let meta = |name: &str| {
        let inside = item.child_named("Meta").and_then(|meta| meta.child(METINF, name).or(meta.child_named(name)));
        inside.or(item.child_named(name)).map(|element| element.trimmed().to_owned()).filter(|text| !text.is_empty())
    };
    Item {
        target: location("Target"),
        source: location("Source"),
        format: meta("Format"),
        kind: meta("Type"),
        data: item.child_named("Data").map(|data| data.text.clone()),
    }
}

fn required<'e>(parent: &'e xml::Element, name: &'static str) -> Result<&'e xml::Element, DecodeError> {
    parent.child_named(name).ok_or(DecodeError::Missing(name))
}

fn text(parent: &xml::Element, name: &str) -> Option<String> {
    parent.child_named(name).map(|child| child.trimmed().to_owned())
}

fn number(element: &xml::Element, name: &'static str) -> Result<u32, DecodeError> {
    element.trimmed().parse().map_err(|_| DecodeError::NotANumber(name))
}

fn optional_number(parent: &xml::Element, name: &'static str) -> Result<Option<u32>, DecodeError> {
    parent.child_named(name).map(|element| number(element, name)).transpose()
}

fn id(element: &xml::Element) -> Result<u32, DecodeError> {
    Ok(optional_number(element, "CmdID")?.unwrap_or(0))
}

fn code(element: &xml::Element) -> Result<u16, DecodeError> {
    required(element, "Data")?.trimmed().parse().map_err(|_| DecodeError::NotANumber("Data"))
}
