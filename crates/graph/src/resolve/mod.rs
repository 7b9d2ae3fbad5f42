//! URL paths to walks through the model, in two stages.
//!
//! [`Model::parse`] needs no store: it splits, decodes and matches segments against edges, properties and actions. It knows every
//! spelling that clients use: `/seg/{id}`, `seg('id')`, `seg(id)`, `seg(id='...')`, any case, qualified action names. What comes
//! out is a [`Walk`]. [`crate::follow`] then takes the walk hop by hop inside the caller's tenant.
//!
//! Empty segments mean nothing, as in production: a client whose base URL ends with a slash writes one before each path.
//!
//! References: OData 4.01 URL conventions, 4.3 to 4.7; the path grammar of Intune as its clients use it.

mod walk;

use percent_encoding::percent_decode_str;
use thiserror::Error;

use chaveiro_core::actions::ACTIONS;

use self::walk::ME;
pub use self::walk::{Called, End, Hop, Key, MalformedKey, PropertyPath, Version, Walk, encode};
use crate::model::{Edge, Edm, EntityType, Function, KeyForm, MAX_HOPS, Model, SERVICE};
use crate::shown::shown;

/// Bytes of a path; the longest documented walk has about 500.
pub const MAX_PATH_BYTES: usize = 2048;

/// The namespace of Graph's types, actions and functions.
const NAMESPACE: &str = "microsoft.graph.";

/// The segment that asks for a property as raw text.
const VALUE: &str = "$value";

/// The key that client libraries write for the signed-in user.
const ME_TOKEN: &str = "me-token-to-replace";

/// The error of a path.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// More than [`MAX_PATH_BYTES`].
    #[error("The path is longer than {MAX_PATH_BYTES} bytes.")]
    TooLong,
    /// More than [`MAX_HOPS`] hops.
    #[error(
        "The path has more than {MAX_HOPS} navigation hops. Address the device directly: /deviceManagement/managedDevices/{{id}}."
    )]
    TooManyHops,
    /// A segment that is not UTF-8 when percent-decoded.
    #[error("The path is not valid UTF-8 when percent-decoded.")]
    NotText,
    /// The first segment is no version.
    #[error("Invalid version: {0}. Use /beta or /v1.0.")]
    Version(String),
    /// Something that Graph has there, and this server does not.
    #[error(
        "Resource not found for the segment '{0}': Microsoft Graph knows it, and this server does not offer it. What it offers is listed in /$metadata."
    )]
    NotOffered(&'static str),
    /// The action on many devices at once.
    #[error(
        "Resource not found for the segment 'executeAction': this server does not offer it. Its action names have no recoverPasscode in Microsoft Graph either: a passcode cannot be recovered in bulk. POST .../managedDevices/{{id}}/recoverPasscode for each device, up to 20 in one $batch."
    )]
    Bulk,
    /// Neither edge nor property nor action of where the walk stands.
    #[error("Resource not found for the segment '{segment}'. {instead}")]
    Segment {
        /// The segment, decoded.
        segment: String,
        /// What can stand in its place.
        instead: String,
    },
    /// A key by the name of a property that is none.
    #[error("'{name}' is no key of '{collection}'. Write {collection}('...') or {collection}({known}='...').")]
    KeyName {
        /// The name as it was given.
        name: String,
        /// The collection.
        collection: &'static str,
        /// The names that it has.
        known: &'static str,
    },
    /// A parameter alias.
    #[error("The parameter alias '{0}' is not supported in a path. Write the value itself in its place, in quotes.")]
    Alias(String),
    /// A function that is called with other parameters than its own.
    #[error("The function '{function}' cannot be called as '{called}'. Write {form}.")]
    Call {
        /// The function.
        function: &'static str,
        /// The segment as it was given.
        called: String,
        /// The form of a call.
        form: String,
    },
    /// `/$value` of something that is no single value.
    #[error(
        "The property '{0}' is a structure or a collection, which has no raw value. GET it without /$value, as JSON."
    )]
    NoValue(&'static str),
}

impl Model {
    /// Parses a path, `/beta/...` or `/v1.0/...`, still percent-encoded.
    pub fn parse(&'static self, path: &str) -> Result<Walk, PathError> {
        if path.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong);
        }
        let mut segments = segments(path).map(decode);
        let first = segments.next().unwrap_or_else(|| Ok(String::new()))?;
        let version = Version::parse(&first).ok_or_else(|| PathError::Version(first.to_lowercase()))?;
        let rest = segments.collect::<Result<Vec<_>, _>>()?;
        walk(self, version, rest)
    }

    /// Parses a path without version, as `@odata.bind` values may have it.
    pub fn parse_relative(&'static self, version: Version, path: &str) -> Result<Walk, PathError> {
        self.parse(&relative(version, path))
    }
}

/// The whole path that one without version means, under that version.
pub fn relative(version: Version, path: &str) -> String {
    let path = path.trim_start_matches('/');
    match Version::parse(path.split('/').next().unwrap_or_default()) {
        Some(_) => format!("/{path}"),
        None => format!("/{}/{path}", version.segment()),
    }
}

/// The segments of a path that are not empty, still percent-encoded.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// The same path without empty segments.
pub fn without_empty_segments(path: &str) -> String {
    segments(path).fold(String::with_capacity(path.len()), |path, segment| path + "/" + segment)
}

fn decode(segment: &str) -> Result<String, PathError> {
    percent_decode_str(segment).decode_utf8().map(Into::into).map_err(|_| PathError::NotText)
}

fn walk(model: &'static Model, version: Version, segments: Vec<String>) -> Result<Walk, PathError> {
    let mut segments = segments.into_iter().peekable();
    let mut hops: Vec<Hop> = Vec::new();
    let mut at = &SERVICE;
    let mut end = End::Service;
    while let Some(segment) = segments.next() {
        if hops.is_empty() && segments.peek().is_none() {
            for (name, end) in [("$metadata", End::Metadata), ("$batch", End::Batch)] {
                if segment.eq_ignore_ascii_case(name) {
                    return Ok(Walk { model, version, hops, end });
                }
            }
        }
        if is_own_type(at, &segment) {
            continue;
        }
        let (name, inline_key) = split_key(&segment);
        let Some(edge) = model.edge(at, name).filter(|edge| edge.many || inline_key.is_none()) else {
            end = match property(at, version, &segment, &mut segments)? {
                Some(path) => End::Property(path),
                None => last_segment(model, at, &hops, segment, segments.peek().is_some())?,
            };
            return Ok(Walk { model, version, hops, end });
        };
        if hops.len() == MAX_HOPS {
            return Err(PathError::TooManyHops);
        }
        at = edge.to;
        if !edge.many {
            hops.push(Hop { edge, key: None });
            end = End::Entity;
            continue;
        }
        // Where any text is a key, the name of the type is one.
        if inline_key.is_none() && at.key_form != KeyForm::Text {
            segments.next_if(|next| is_own_type(at, next));
        }
        let called = segments.peek().filter(|_| inline_key.is_none()).map(|next| function(at, next));
        if let Some(called) = called.transpose()?.flatten() {
            segments.next();
            hops.push(Hop { edge, key: None });
            return match segments.next() {
                None => Ok(Walk { model, version, hops, end: End::Function(called) }),
                Some(more) => Err(unknown(&more, "Nothing follows a function.")),
            };
        }
        let key = match inline_key {
            Some(key) => Some(key_in_parentheses(edge, key)?),
            None => segments.next_if(|next| !next.starts_with('$')).map(Key::new),
        };
        if let Some(key) = &key {
            offered(at, &key.text)?;
        }
        // Client libraries write it where they mean the signed-in user, and rewrite it themselves if all goes well.
        if hops.is_empty()
            && key.as_ref().is_some_and(|key| key.text == ME_TOKEN)
            && let Some(me) = model.edge(&SERVICE, ME).filter(|me| me.to == at)
        {
            hops.push(Hop { edge: me, key: None });
            end = End::Entity;
            continue;
        }
        let has_key = key.is_some();
        hops.push(Hop { edge, key });
        end = End::Entity;
        if !has_key {
            return match (segments.next(), segments.next()) {
                (None, _) => Ok(Walk { model, version, hops, end: End::Set }),
                (Some(last), None) if last.eq_ignore_ascii_case("$count") => {
                    Ok(Walk { model, version, hops, end: End::SetCount })
                }
                (Some(last), None) if last.eq_ignore_ascii_case("$ref") => {
                    Ok(Walk { model, version, hops, end: End::SetRef })
                }
                (Some(other), _) => Err(unknown(&other, "A collection is followed by a key, $count or $ref.")),
            };
        }
    }
    Ok(Walk { model, version, hops, end })
}

/// Returns true if a segment casts to the type that stands there anyway.
fn is_own_type(at: &EntityType, segment: &str) -> bool {
    let name = action_name(segment);
    at != &SERVICE && name.len() < segment.len() && name.eq_ignore_ascii_case(at.name)
}

/// The property that a segment names, with the members and the `$value` that follow it.
fn property(
    at: &'static EntityType,
    version: Version,
    segment: &str,
    rest: &mut impl Iterator<Item = String>,
) -> Result<Option<PropertyPath>, PathError> {
    let found = at.property(segment).filter(|property| version.serves(property, at));
    let Some(property) = found else { return Ok(None) };
    let mut path = PropertyPath { property, members: Vec::new(), raw: false };
    while let Some(segment) = rest.next() {
        let last = path.last();
        match last.edm {
            Edm::Complex(_) | Edm::Collection(_) if segment.eq_ignore_ascii_case(VALUE) => {
                return Err(PathError::NoValue(last.name));
            }
            _ if segment.eq_ignore_ascii_case(VALUE) => {
                path.raw = true;
                return match rest.next() {
                    None => Ok(Some(path)),
                    Some(more) => Err(unknown(&more, "Nothing follows $value.")),
                };
            }
            Edm::Complex(of) => {
                let member = of.property(&segment).filter(|member| version.serves_member(member, of));
                let names = of.properties.iter().filter(|member| version.serves_member(member, of));
                let names = || names.map(|member| member.name).collect::<Vec<_>>().join(", ");
                let member = member.ok_or_else(|| unknown(&segment, &format!("'{}' has {}.", last.name, names())))?;
                path.members.push(member);
            }
            _ => return Err(unknown(&segment, "A property is followed by $value or nothing.")),
        }
    }
    Ok(Some(path))
}

/// The end of a walk after an entity that is neither edge nor property: an action or `$ref`, and nothing after it.
fn last_segment(
    model: &'static Model,
    at: &'static EntityType,
    hops: &[Hop],
    segment: String,
    more: bool,
) -> Result<End, PathError> {
    let name = action_name(&segment);
    // Anything that comes after it is not offered either.
    if let Some(known) = at.lacks(split_key(name).0) {
        return Err(PathError::NotOffered(known));
    }
    if more {
        return Err(unknown_behind(model, at, &segment));
    }
    let keyed = hops.last().is_some_and(|hop| hop.key.is_some());
    if keyed && segment.eq_ignore_ascii_case("$ref") {
        return Ok(End::EntityRef);
    }
    if let Some(action) = at.action(name) {
        return Ok(End::Action(action));
    }
    // Of a collection nothing comes here: the last hop ends on an entity.
    if let Some(operation) = at.operation(name) {
        return Ok(End::Operation(operation));
    }
    Err(unknown_behind(model, at, &segment))
}

/// The error of a segment that means nothing where it stands.
fn unknown(segment: &str, instead: &str) -> PathError {
    PathError::Segment { segment: shown(segment), instead: instead.to_owned() }
}

/// The same behind an entity of that type, with everything that leads on from there.
fn unknown_behind(model: &'static Model, at: &'static EntityType, segment: &str) -> PathError {
    let edges = model.edges_from(at).map(|edge| edge.name);
    let actions = ACTIONS.iter().filter(|action| at.action(action.name).is_some()).map(|action| action.name);
    let names: Vec<_> = edges.chain(actions).chain(at.operations.iter().map(|operation| operation.name)).collect();
    let properties = if at == &SERVICE { "" } else { ", and its properties, which $metadata lists" };
    match names.as_slice() {
        [] => unknown(segment, "Its properties can stand there; $metadata lists them."),
        names => unknown(segment, &format!("There are {}{properties}.", names.join(", "))),
    }
}

/// The function of a collection that a segment calls, with the value of its parameter. Parentheses without a parameter may
/// be left out.
fn function(at: &'static EntityType, segment: &str) -> Result<Option<Called>, PathError> {
    let (name, given) = split_key(action_name(segment));
    let Some(function) = at.functions.iter().find(|function| name.eq_ignore_ascii_case(function.name)) else {
        return Ok(None);
    };
    let given = given.unwrap_or_default().trim();
    let value = match &function.parameter {
        None => given.is_empty().then(String::new),
        Some(parameter) => {
            let value = given.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case(parameter.name));
            let value = value.map(|(_, value)| value.trim());
            if let Some(alias) = value.filter(|value| value.starts_with('@')) {
                return Err(PathError::Alias(alias.to_owned()));
            }
            value.and_then(unquoted)
        }
    };
    match value {
        Some(value) => Ok(Some(Called { function, value })),
        None => {
            Err(PathError::Call { function: function.name, called: segment.to_owned(), form: form_of_call(function) })
        }
    }
}

fn form_of_call(function: &Function) -> String {
    let parameter = function.parameter.as_ref().map(|parameter| format!("{}='...'", parameter.name));
    format!("{}({})", function.name, parameter.unwrap_or_default())
}

/// Refuses a key that is the name of something on a whole collection.
fn offered(at: &'static EntityType, key: &str) -> Result<(), PathError> {
    let (name, _) = split_key(action_name(key));
    match at.lacks_on_all(name) {
        None => Ok(()),
        Some("executeAction") => Err(PathError::Bulk),
        Some(name) => Err(PathError::NotOffered(name)),
    }
}

/// The name of an action without its namespace.
fn action_name(segment: &str) -> &str {
    match segment.get(..NAMESPACE.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(NAMESPACE) => &segment[NAMESPACE.len()..],
        _ => segment,
    }
}

/// Splits `seg('id')` and `seg(id)` into the name and the text in parentheses.
fn split_key(segment: &str) -> (&str, Option<&str>) {
    match segment.strip_suffix(')').and_then(|rest| rest.split_once('(')) {
        Some((name, key)) => (name, Some(key)),
        None => (segment, None),
    }
}

/// The content of a text in quotes; a quote inside is doubled.
fn unquoted(text: &str) -> Option<String> {
    Some(text.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"))
}

/// The key in `seg('id')`, `seg(id)`, `seg(id='...')`, and in `applications(appId='...')`, where a type has another name.
fn key_in_parentheses(edge: &'static Edge, text: &str) -> Result<Key, PathError> {
    if let Some(key) = unquoted(text) {
        return Ok(Key::new(key));
    }
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let named = text.split_once('=').map(|(name, value)| (name.trim(), value.trim())).filter(|(name, _)| is_name(name));
    let (name, value) = named.unwrap_or(("id", text));
    if value.starts_with('@') {
        return Err(PathError::Alias(value.to_owned()));
    }
    let other = edge.to.key_name.filter(|known| name.eq_ignore_ascii_case(known));
    if other.is_none() && !name.eq_ignore_ascii_case("id") {
        let known = edge.to.key_name.unwrap_or("id");
        return Err(PathError::KeyName { name: name.to_owned(), collection: edge.name, known });
    }
    let key = Key::new(unquoted(value).unwrap_or_else(|| value.to_owned()));
    // A name that looks like an id is still a name.
    Ok(if other.is_some() && edge.to.key_form == KeyForm::Text { Key { id: None, ..key } } else { key })
}
