//! A strict reader from XML bytes to a small tree, and the escaping rules for writing.
//!
//! Any stranger can send a message, so everything is limited: size, depth, number of elements and attributes. Document type declarations, processing instructions and entities other
//! than the five predefined ones and character references are refused, so there is nothing to expand.
//! Names are matched by namespace and local name, never by prefix.
//!
//! Text may hold a passcode. Where it is joined from several parts it is wiped when dropped; elsewhere it is a part of the
//! document, which belongs to the caller. [`Node`] has no `Debug`.

use std::borrow::Cow;
use std::ops::Deref;
use std::rc::Rc;

use crate::Secret;
use quick_xml::NsReader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use thiserror::Error;

/// The limits of one document. A caller changes the fields of [`Limits::MESSAGE`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the document.
    pub bytes: usize,
    /// Nesting of elements.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
    /// Attributes of one element.
    pub attributes: usize,
}

impl Limits {
    /// Limits that fit SOAP and SyncML messages of Windows devices: 512 KiB.
    pub const MESSAGE: Self = Self { bytes: 512 * 1024, depth: 32, elements: 10_000, attributes: 32 };
}

/// The reason why a document was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum XmlError {
    /// More bytes than allowed.
    #[error("the document is larger than {0} bytes")]
    TooLarge(usize),
    /// Nested deeper than allowed.
    #[error("elements are nested deeper than {0}")]
    TooDeep(usize),
    /// More elements or attributes than allowed.
    #[error("more than {0} {1}")]
    TooMany(usize, &'static str),
    /// A construct that device messages never need and that is often harmful.
    #[error("{0} is not allowed")]
    Forbidden(&'static str),
    /// Not well-formed. The text never quotes the document.
    #[error("not well-formed XML near byte {0}")]
    Malformed(u64),
}

/// An element of a document, with its namespace resolved. It borrows from the bytes of the document.
pub(crate) struct Node<'d> {
    /// The namespace name; empty for none. An element shares it with its parent.
    pub(crate) namespace: Rc<str>,
    /// The local name.
    pub(crate) name: &'d str,
    /// Attributes by local name, in document order; namespace declarations are not among them.
    pub(crate) attributes: Vec<(String, String)>,
    /// Child elements, in document order.
    pub(crate) children: Vec<Node<'d>>,
    /// All character data directly inside, joined.
    pub(crate) text: Text<'d>,
}

/// Character data: a part of the document, or several that were joined.
pub(crate) enum Text<'d> {
    Whole(&'d str),
    Joined(Secret),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Whole(text) => text,
            Self::Joined(text) => text,
        }
    }
}

impl<'d> Text<'d> {
    /// Appends a part of the document.
    fn append(&mut self, more: &'d str) {
        match self {
            Self::Whole("") => *self = Self::Whole(more),
            _ => self.join(more),
        }
    }

    /// Appends a text that is not in the document as such.
    fn join(&mut self, more: &str) {
        match self {
            Self::Whole(first) => *self = Self::Joined([*first, more].concat().into()),
            Self::Joined(text) => text.push_str(more),
        }
    }
}

impl<'d> Node<'d> {
    /// Reads one document. Total: any input gives a tree within the limits, or an error.
    pub(crate) fn parse(document: &'d [u8], limits: Limits) -> Result<Self, XmlError> {
        if document.len() > limits.bytes {
            return Err(XmlError::TooLarge(limits.bytes));
        }
        let text = std::str::from_utf8(document).map_err(|e| XmlError::Malformed(e.valid_up_to() as u64))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Some(position) = forbidden(text) {
            return Err(XmlError::Malformed(position as u64));
        }
        let mut reader = NsReader::from_str(text);
        let mut open: Vec<Node<'d>> = Vec::new();
        let mut root: Option<Node<'d>> = None;
        let mut count = 0;
        loop {
            let position = reader.buffer_position();
            let malformed = || XmlError::Malformed(position);
            let event = reader.read_event().map_err(|_| malformed())?;
            match event {
                Event::Start(start) => {
                    count += 1;
                    let element = begin(text, &reader, &start, position, (&open, count), limits)?;
                    open.push(element);
                }
                Event::Empty(start) => {
                    count += 1;
                    let element = begin(text, &reader, &start, position, (&open, count), limits)?;
                    place(element, &mut open, &mut root).ok_or_else(malformed)?;
                }
                Event::End(_) => {
                    let element = open.pop().ok_or_else(malformed)?;
                    place(element, &mut open, &mut root).ok_or_else(malformed)?;
                }
                Event::Text(text) => append(text.into_inner(), &mut open).ok_or_else(malformed)?,
                Event::CData(data) => append(data.into_inner(), &mut open).ok_or_else(malformed)?,
                Event::GeneralRef(reference) => {
                    let character = resolve(&reference).ok_or(XmlError::Forbidden("an entity reference"))?;
                    let element = open.last_mut().ok_or_else(malformed)?;
                    element.text.join(character.encode_utf8(&mut [0; 4]));
                }
                Event::DocType(_) => return Err(XmlError::Forbidden("a document type declaration")),
                Event::PI(_) => return Err(XmlError::Forbidden("a processing instruction")),
                Event::Decl(_) | Event::Comment(_) => {}
                Event::Eof => break,
            }
        }
        if !open.is_empty() {
            return Err(XmlError::Malformed(text.len() as u64));
        }
        root.ok_or(XmlError::Malformed(0))
    }

    /// Returns true if this is that element.
    pub(crate) fn is(&self, namespace: &str, name: &str) -> bool {
        self.name == name && &*self.namespace == namespace
    }

    /// The first child of that namespace and name.
    pub(crate) fn child(&self, namespace: &str, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(namespace, name))
    }

    /// The first child of that local name in any namespace, because real devices are sloppy.
    pub(crate) fn child_named(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text without surrounding white space, which specifications and devices add freely.
    pub(crate) fn trimmed(&self) -> &str {
        self.text.trim()
    }

    /// The value of the attribute of that local name.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The longest name of a namespace: elements that do not share it with their parent copy it.
const MAX_NAMESPACE_BYTES: usize = 256;

/// The element that begins at that position of the document, inside those that are open.
fn begin<'d>(
    document: &'d str,
    reader: &NsReader<&[u8]>,
    start: &BytesStart<'_>,
    position: u64,
    (open, count): (&[Node<'d>], usize),
    limits: Limits,
) -> Result<Node<'d>, XmlError> {
    if count > limits.elements {
        return Err(XmlError::TooMany(limits.elements, "elements"));
    }
    let malformed = || XmlError::Malformed(position);
    let (namespace, local) = reader.resolver().resolve_element(start.name());
    let namespace = match namespace {
        ResolveResult::Bound(namespace) if namespace.0.len() > MAX_NAMESPACE_BYTES => {
            return Err(XmlError::TooMany(MAX_NAMESPACE_BYTES, "bytes of a namespace"));
        }
        ResolveResult::Bound(namespace) => namespace.0,
        ResolveResult::Unbound => "",
        ResolveResult::Unknown(_) => return Err(malformed()),
    };
    let of_parent = open.last().map(|parent| &parent.namespace).filter(|of_parent| ***of_parent == *namespace);
    let namespace = of_parent.map_or_else(|| Rc::from(namespace), Rc::clone);
    // The qualified name stands behind the `<`, and ends with the local one.
    let end = position as usize + 1 + start.name().as_ref().len();
    let name = document.get(end - local.as_ref().len()..end);
    let name = name.filter(|name| *name == local.as_ref()).ok_or_else(malformed)?;
    let mut attributes = Vec::new();
    for (index, attribute) in start.attributes().enumerate() {
        if index >= limits.attributes {
            return Err(XmlError::TooMany(limits.attributes, "attributes"));
        }
        let attribute = attribute.map_err(|_| malformed())?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let key = attribute.key.local_name().as_ref().to_owned();
        let value =
            quick_xml::escape::unescape(&attribute.value).map_err(|_| XmlError::Forbidden("an entity reference"))?;
        if !value.chars().all(is_allowed) {
            return Err(XmlError::Forbidden("an entity reference"));
        }
        attributes.push((key, value.into_owned()));
    }
    if open.len() >= limits.depth {
        return Err(XmlError::TooDeep(limits.depth));
    }
    Ok(Node { namespace, name, attributes, children: Vec::new(), text: Text::Whole("") })
}

fn place<'d>(element: Node<'d>, open: &mut [Node<'d>], root: &mut Option<Node<'d>>) -> Option<()> {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_none() => *root = Some(element),
        None => return None,
    }
    Some(())
}

/// Appends character data, which outside of the root element is white space alone.
fn append<'d>(text: Cow<'d, str>, open: &mut [Node<'d>]) -> Option<()> {
    match (open.last_mut(), text) {
        (Some(element), Cow::Borrowed(text)) => element.text.append(text),
        (Some(element), Cow::Owned(text)) => element.text.join(&text),
        (None, text) if text.trim().is_empty() => {}
        (None, _) => return None,
    }
    Some(())
}

/// The five predefined entities and character references; nothing else.
fn resolve(reference: &BytesRef<'_>) -> Option<char> {
    if reference.is_char_ref() {
        return reference.resolve_char_ref().ok().flatten().filter(|character| is_allowed(*character));
    }
    match reference.as_ref() {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => None,
    }
}

/// The place of the first character that no document carries.
fn forbidden(text: &str) -> Option<usize> {
    // The bytes of nearly every document are of this kind, which takes a processor less time than its characters.
    let is_plain = |byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=0xee | 0xf0..);
    match text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        true => None,
        false => text.find(|character| !is_allowed(character)),
    }
}

/// Returns true for a character that a document can carry (XML 1.0, 2.2, production `Char`).
fn is_allowed(character: char) -> bool {
    !matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// Escapes text for element content and attribute values. Characters that XML 1.0 cannot carry are
/// replaced by U+FFFD, so that no value makes a document unreadable.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    let is_plain = |character| !matches!(character, '<' | '>' | '&' | '"' | '\'' | '\r') && is_allowed(character);
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\r' => escaped.push_str("&#xD;"),
            _ if !is_allowed(character) => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Node<'_>, XmlError> {
        Node::parse(text.as_bytes(), Limits::MESSAGE)
    }

    #[test]
    fn names_are_matched_by_namespace_whatever_the_prefix() {
        for text in ["<a:x xmlns:a='urn:n'/>", "<b:x xmlns:b='urn:n'></b:x>", "<x xmlns='urn:n'/>"] {
            assert!(parse(text).is_ok_and(|element| element.is("urn:n", "x")), "{text}");
        }
    }

    #[test]
    fn predefined_entities_and_character_references_are_resolved() {
        let element = parse("<x>a&lt;b&#x41;&amp;</x>").map(|e| e.trimmed().to_owned());
        assert_eq!(element.as_deref(), Ok("a<bA&"));
    }

    #[test]
    fn hostile_documents_are_refused() {
        let deep = "<x>".repeat(40) + &"</x>".repeat(40);
        let wide = format!("<x>{}</x>", "<y/>".repeat(10_001));
        let attributes = format!("<x {}/>", (0..40).map(|i| format!("a{i}='1' ")).collect::<String>());
        let namespace = format!("<x xmlns:a='{}'>{}</x>", "n".repeat(400_000), "<a:y/>".repeat(9_999));
        let bomb = "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><x>&b;</x>";
        let table = [
            (deep.as_str(), XmlError::TooDeep(32)),
            (&wide, XmlError::TooMany(10_000, "elements")),
            (&attributes, XmlError::TooMany(32, "attributes")),
            (&namespace, XmlError::TooMany(256, "bytes of a namespace")),
            (bomb, XmlError::Forbidden("a document type declaration")),
            ("<x>&#1;</x>", XmlError::Forbidden("an entity reference")),
            ("<x>&e;</x>", XmlError::Forbidden("an entity reference")),
            ("<?xml-stylesheet href='a'?><x/>", XmlError::Forbidden("a processing instruction")),
        ];
        for (text, error) in table {
            assert_eq!(parse(text).err(), Some(error));
        }
        for text in
            ["", "text", "<x>", "<x></y>", "<x/><y/>", "<p:x/>", "<x/>tail", "<x>\u{1}</x>", "\u{feff}\u{feff}<x/>"]
        {
            assert!(matches!(parse(text), Err(XmlError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn a_character_that_no_document_carries_is_found_wherever_it_stands() {
        for character in
            (0..=0x11_ffff).filter_map(char::from_u32).step_by(7).chain('\0'..=' ').chain('\u{fff0}'..='\u{10010}')
        {
            let text = format!("long enough to be read in blocks of bytes, whichever{character} follows");
            assert_eq!(forbidden(&text).is_none(), is_allowed(character), "{character:?}");
        }
    }

    #[test]
    fn escaped_text_comes_back_as_it_was() {
        let text = "a<b>&\"'\r\n\u{10348}";
        let document = format!("<x>{}</x>", escape(text));
        assert_eq!(parse(&document).map(|e| e.text.to_owned()).as_deref(), Ok(text));
    }
}
