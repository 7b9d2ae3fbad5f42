//! URL paths to walks through the model, in two stages.
//!
//! [`parse`] needs no store: it splits, decodes and matches segments against edges and actions, in every
//! spelling that clients use (`/seg/{id}`, `seg('id')`, `seg(id)`, any case, qualified action names). What
//! comes out is a [`Walk`]. [`crate::follow`] then takes the walk hop by hop inside the caller's tenant.
//!
//! References: OData 4.0 URL conventions, 4.3; the path grammar of Intune as its clients use it.

use std::fmt::Write as _;

use chaveiro_core::resource::ResourceKind;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use thiserror::Error;
use uuid::Uuid;

use crate::model::{Action, Bound, Edge, Follow, MAX_HOPS, MODEL, Operation, Target, known};

/// Bytes of a path; the longest documented walk has about 500.
pub const MAX_PATH_BYTES: usize = 2048;

/// The key that client libraries write for the signed-in user.
const ME_TOKEN: &str = "me-token-to-replace";

/// The two API versions; they differ in what they document, not in what they accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// `/beta`.
    Beta,
    /// `/v1.0`.
    V1,
}

impl Version {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Beta, Self::V1];

    /// The first segment of its paths.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Beta => "beta",
            Self::V1 => "v1.0",
        }
    }

    fn parse(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.segment().eq_ignore_ascii_case(segment))
    }
}

/// Why a path is no walk.
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
    /// Neither edge nor action of where the walk stands.
    #[error("Resource not found for the segment '{0}'.")]
    Segment(String),
}

/// A key as the path gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Decoded text.
    pub text: String,
    /// The same as a GUID, if it is one.
    pub id: Option<Uuid>,
}

impl Key {
    fn new(text: String) -> Self {
        let id = Uuid::try_parse(&text).ok();
        Self { text, id }
    }

    /// One spelling for all: GUIDs lower-case and hyphenated, the rest as given.
    pub fn canonical(&self) -> String {
        self.id.map_or_else(|| self.text.clone(), |id| id.to_string())
    }
}

/// One edge of a walk, and the entity chosen at its end.
#[derive(Clone, Debug)]
pub struct Hop {
    /// The edge.
    pub edge: &'static Edge,
    /// The key; `None` on single edges, and on a collection that the walk ends on.
    pub key: Option<Key>,
}

/// A function of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Function {
    /// `getAuditCategories()`.
    Categories,
    /// `getAuditActivityTypes(category='...')`, with the category.
    ActivityTypes(String),
}

impl Function {
    /// The function of that segment, with its parameters.
    fn parse(at: Target, segment: &str) -> Option<Self> {
        let (name, parameters) = action_name(segment).strip_suffix(')')?.split_once('(')?;
        if at != Target::AuditEvent {
            return None;
        }
        if name.eq_ignore_ascii_case("getAuditCategories") && parameters.trim().is_empty() {
            return Some(Self::Categories);
        }
        let (parameter, value) = parameters.split_once('=')?;
        let value = value.trim().strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'");
        let named = name.eq_ignore_ascii_case("getAuditActivityTypes") && parameter.trim() == "category";
        named.then_some(Self::ActivityTypes(value))
    }
}

impl std::fmt::Display for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Categories => f.write_str("getAuditCategories()"),
            Self::ActivityTypes(category) => {
                write!(f, "getAuditActivityTypes(category='{}')", category.replace('\'', "''"))
            }
        }
    }
}

/// What a walk ends on.
#[derive(Clone, Debug)]
pub enum End {
    /// The service document.
    Service,
    /// `$metadata`.
    Metadata,
    /// `$batch`.
    Batch,
    /// A collection.
    Set,
    /// An entity.
    Entity,
    /// An action of the entity.
    Action(Action),
    /// An operation on the entity.
    Operation(&'static Operation),
    /// A function of a collection.
    Function(Function),
    /// `$count` of a collection.
    SetCount,
    /// `$ref` of a collection: links are added here.
    SetRef,
    /// `$ref` of an entity in a collection: that link.
    EntityRef,
}

/// A path that the model knows; nothing is looked up yet.
#[derive(Clone, Debug)]
pub struct Walk {
    /// The version.
    pub version: Version,
    /// The hops.
    pub hops: Vec<Hop>,
    /// What the last hop is used for.
    pub end: End,
}

/// Parses a path, `/beta/...` or `/v1.0/...`, still percent-encoded.
pub fn parse(path: &str) -> Result<Walk, PathError> {
    if path.len() > MAX_PATH_BYTES {
        return Err(PathError::TooLong);
    }
    let mut segments = path.trim_start_matches('/').trim_end_matches('/').split('/').map(decode);
    let first = segments.next().unwrap_or_else(|| Ok(String::new()))?;
    let version = Version::parse(&first).ok_or_else(|| PathError::Version(first.to_lowercase()))?;
    let rest = segments.collect::<Result<Vec<_>, _>>()?;
    walk(version, rest)
}

/// Parses a path without version, as `@odata.bind` values may have it.
pub fn parse_relative(version: Version, path: &str) -> Result<Walk, PathError> {
    parse(&relative(version, path))
}

/// The whole path that one without version means, under that version.
pub fn relative(version: Version, path: &str) -> String {
    let path = path.trim_start_matches('/');
    match Version::parse(path.split('/').next().unwrap_or_default()) {
        Some(_) => format!("/{path}"),
        None => format!("/{}/{path}", version.segment()),
    }
}

fn decode(segment: &str) -> Result<String, PathError> {
    percent_decode_str(segment).decode_utf8().map(Into::into).map_err(|_| PathError::NotText)
}

fn walk(version: Version, segments: Vec<String>) -> Result<Walk, PathError> {
    let mut segments = segments.into_iter().peekable();
    let mut hops: Vec<Hop> = Vec::new();
    let mut at = Target::Service;
    let mut end = End::Service;
    while let Some(segment) = segments.next() {
        if hops.is_empty() && segments.peek().is_none() {
            for (name, end) in [("$metadata", End::Metadata), ("$batch", End::Batch)] {
                if segment.eq_ignore_ascii_case(name) {
                    return Ok(Walk { version, hops, end });
                }
            }
        }
        if hops.len() == MAX_HOPS && MODEL.action(at, action_name(&segment)).is_none() {
            return Err(PathError::TooManyHops);
        }
        let (name, inline_key) = split_key(&segment);
        let Some(edge) = MODEL.edge(at, name).filter(|edge| edge.many || inline_key.is_none()) else {
            end = last_segment(at, &hops, segment, segments.peek().is_some())?;
            return Ok(Walk { version, hops, end });
        };
        at = edge.to;
        if !edge.many {
            hops.push(Hop { edge, key: None });
            end = End::Entity;
            continue;
        }
        if let Some(function) = segments.peek().and_then(|next| Function::parse(at, next)) {
            segments.next();
            hops.push(Hop { edge, key: None });
            return match segments.next() {
                None => Ok(Walk { version, hops, end: End::Function(function) }),
                Some(more) => Err(PathError::Segment(more)),
            };
        }
        let key = match inline_key {
            Some(key) => Some(application_key(at, key)),
            None => segments.next_if(|next| !next.starts_with('$')),
        };
        if let Some(key) = &key {
            offered(at, key)?;
        }
        // Client libraries write it where they mean the signed-in user, and rewrite it themselves if all goes well.
        if hops.is_empty()
            && at == Target::Resource(ResourceKind::User)
            && key.as_deref() == Some(ME_TOKEN)
            && let Some(me) = MODEL.edge(Target::Service, "me")
        {
            hops.push(Hop { edge: me, key: None });
            end = End::Entity;
            continue;
        }
        let has_key = key.is_some();
        hops.push(Hop { edge, key: key.map(Key::new) });
        end = End::Entity;
        if !has_key {
            return match (segments.next(), segments.next()) {
                (None, _) => Ok(Walk { version, hops, end: End::Set }),
                (Some(last), None) if last.eq_ignore_ascii_case("$count") => {
                    Ok(Walk { version, hops, end: End::SetCount })
                }
                (Some(last), None) if last.eq_ignore_ascii_case("$ref") => Ok(Walk { version, hops, end: End::SetRef }),
                (Some(other), _) => Err(PathError::Segment(other)),
            };
        }
    }
    Ok(Walk { version, hops, end })
}

/// What follows an entity and is no edge: an action or `$ref`, and nothing after it.
fn last_segment(at: Target, hops: &[Hop], segment: String, more: bool) -> Result<End, PathError> {
    if more {
        return Err(PathError::Segment(segment));
    }
    let keyed = hops.last().is_some_and(|hop| hop.key.is_some());
    if keyed && segment.eq_ignore_ascii_case("$ref") {
        return Ok(End::EntityRef);
    }
    let name = action_name(&segment);
    if let Some(action) = MODEL.action(at, name) {
        return Ok(End::Action(action));
    }
    if let Some(operation) = MODEL.operation(at, name).filter(|_| keyed) {
        return Ok(End::Operation(operation));
    }
    let (name, _) = split_key(name);
    match known(Bound::Device, name).filter(|_| at == Target::Device) {
        Some(name) => Err(PathError::NotOffered(name)),
        None => Err(PathError::Segment(segment)),
    }
}

/// Refuses a key of a device that is the name of something on all of them.
fn offered(at: Target, key: &str) -> Result<(), PathError> {
    let (name, _) = split_key(action_name(key));
    match known(Bound::Devices, name).filter(|_| at == Target::Device) {
        None => Ok(()),
        Some("executeAction") => Err(PathError::Bulk),
        Some(name) => Err(PathError::NotOffered(name)),
    }
}

/// The name of an action without its namespace.
fn action_name(segment: &str) -> &str {
    const NAMESPACE: &str = "microsoft.graph.";
    match segment.get(..NAMESPACE.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(NAMESPACE) => &segment[NAMESPACE.len()..],
        _ => segment,
    }
}

/// Splits `seg('id')` and `seg(id)`. A quote inside a quoted key is doubled.
fn split_key(segment: &str) -> (&str, Option<String>) {
    let Some((name, key)) = segment.strip_suffix(')').and_then(|rest| rest.split_once('(')) else {
        return (segment, None);
    };
    let quoted = key.len() >= 2 && key.starts_with('\'') && key.ends_with('\'');
    let key = if quoted { key[1..key.len() - 1].replace("''", "'") } else { key.to_owned() };
    (name, Some(key))
}

/// The key of an application in `applications(appId='...')`: it has one id under both names.
fn application_key(at: Target, key: String) -> String {
    let named = key.split_once('=').filter(|(name, _)| at == Target::Application && name.trim() == "appId");
    let quoted = named.and_then(|(_, value)| value.trim().strip_prefix('\'')?.strip_suffix('\''));
    quoted.map(str::to_owned).unwrap_or(key)
}

/// What must be encoded in a path segment; keeps what UUIDs and user principal names are made of.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'(')
    .add(b')')
    .add(b'\'')
    .add(b'$')
    .add(b'&')
    .add(b'+')
    .add(b'=');

/// Percent-encodes one path segment or query value.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

impl Walk {
    /// Whether it begins at the signed-in user.
    pub fn is_about_me(&self) -> bool {
        self.hops.first().is_some_and(|hop| hop.edge.follow == Follow::Me)
    }

    /// The same walk from that user: `me` becomes `users/{id}`. The id is an object id or a principal name; with both,
    /// whichever is found counts.
    pub fn as_user(&self, object_id: Option<&str>, principal_name: Option<&str>) -> Option<Self> {
        let edge = MODEL.users()?;
        let text = principal_name.or(object_id)?.to_owned();
        let id = object_id.and_then(|id| Uuid::try_parse(id).ok());
        let mut walk = self.clone();
        *walk.hops.first_mut()? = Hop { edge, key: Some(Key { text, id }) };
        Some(walk)
    }

    /// Where it ends.
    pub fn target(&self) -> Target {
        self.hops.last().map_or(Target::Service, |hop| hop.edge.to)
    }

    /// The one spelling of this walk: model's names, `/{id}` keys, no version, percent-encoded. Keys that would be
    /// taken for something else as a segment stand in parentheses.
    pub fn canonical(&self) -> String {
        let mut path = String::new();
        for hop in &self.hops {
            path.push('/');
            path.push_str(hop.edge.name);
            if let Some(key) = hop.key.as_ref().map(Key::canonical) {
                if key.is_empty() || key.starts_with('$') {
                    // Writing into a string does not fail.
                    let _ = write!(path, "('{}')", encode(&key.replace('\'', "''")));
                } else {
                    path.push('/');
                    path.push_str(&encode(&key));
                }
            }
        }
        match &self.end {
            End::Service | End::Set | End::Entity => {}
            End::Metadata => path.push_str("/$metadata"),
            End::Batch => path.push_str("/$batch"),
            End::Action(action) => {
                path.push('/');
                path.push_str(action.name);
            }
            End::Operation(operation) => {
                path.push('/');
                path.push_str(operation.name);
            }
            End::Function(function) => {
                let _ = write!(path, "/{}", encode(&function.to_string()));
            }
            End::SetCount => path.push_str("/$count"),
            End::SetRef | End::EntityRef => path.push_str("/$ref"),
        }
        path
    }

    /// The path as OData contexts and Intune's error texts write it: keys in parentheses, no leading slash,
    /// the action under `namespace`.
    pub fn parenthesised(&self, namespace: &str) -> String {
        let mut path = String::new();
        for hop in &self.hops {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(hop.edge.name);
            if let Some(key) = &hop.key {
                let _ = write!(path, "('{}')", key.canonical().replace('\'', "''"));
            }
        }
        match &self.end {
            End::Service | End::Metadata | End::Batch | End::Set | End::Entity => {}
            End::Action(action) => {
                let _ = write!(path, "/{namespace}{}", action.name);
            }
            End::Operation(operation) => {
                let _ = write!(path, "/{namespace}{}", operation.name);
            }
            End::Function(function) => {
                let _ = write!(path, "/{function}");
            }
            End::SetCount => path.push_str("/$count"),
            End::SetRef | End::EntityRef => path.push_str("/$ref"),
        }
        path
    }

    /// The path in the words of OData's route templates, `~/singleton/navigation/key/action`.
    pub fn route_template(&self) -> String {
        let mut path = String::from("~");
        for hop in &self.hops {
            path.push_str(match (hop.edge.from, hop.edge.many) {
                (Target::Service, true) => "/entityset",
                (Target::Service, false) => "/singleton",
                _ => "/navigation",
            });
            if hop.key.is_some() {
                path.push_str("/key");
            }
        }
        path.push_str(match &self.end {
            End::Service | End::Set | End::Entity => "",
            End::Metadata => "/$metadata",
            End::Batch => "/$batch",
            End::Action(_) | End::Operation(_) => "/action",
            End::Function(_) => "/function",
            End::SetCount => "/$count",
            End::SetRef | End::EntityRef => "/$ref",
        });
        path
    }
}
