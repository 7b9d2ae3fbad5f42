//! URL paths to walks through the model, in two stages.
//!
//! [`Model::parse`] needs no store: it splits, decodes and matches segments against edges and actions, in every
//! spelling that clients use (`/seg/{id}`, `seg('id')`, `seg(id)`, any case, qualified action names). What
//! comes out is a [`Walk`]. [`crate::follow`] then takes the walk hop by hop inside the caller's tenant.
//!
//! References: OData 4.0 URL conventions, 4.3; the path grammar of Intune as its clients use it.

mod walk;

use percent_encoding::percent_decode_str;
use thiserror::Error;

use self::walk::ME;
pub use self::walk::{Called, End, Hop, Key, MalformedKey, Version, Walk, encode};
use crate::model::{EntityType, MAX_HOPS, Model, SERVICE};

/// Bytes of a path; the longest documented walk has about 500.
pub const MAX_PATH_BYTES: usize = 2048;

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
    /// Neither edge nor action of where the walk stands.
    #[error("Resource not found for the segment '{0}'.")]
    Segment(String),
}

impl Model {
    /// Parses a path, `/beta/...` or `/v1.0/...`, still percent-encoded.
    pub fn parse(&'static self, path: &str) -> Result<Walk, PathError> {
        if path.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong);
        }
        let mut segments = path.trim_start_matches('/').trim_end_matches('/').split('/').map(decode);
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
        if hops.len() == MAX_HOPS && at.action(action_name(&segment)).is_none() {
            return Err(PathError::TooManyHops);
        }
        let (name, inline_key) = split_key(&segment);
        let Some(edge) = model.edge(at, name).filter(|edge| edge.many || inline_key.is_none()) else {
            end = last_segment(at, &hops, segment, segments.peek().is_some())?;
            return Ok(Walk { model, version, hops, end });
        };
        at = edge.to;
        if !edge.many {
            hops.push(Hop { edge, key: None });
            end = End::Entity;
            continue;
        }
        if let Some(function) = segments.peek().and_then(|next| function(at, next)) {
            segments.next();
            hops.push(Hop { edge, key: None });
            return match segments.next() {
                None => Ok(Walk { model, version, hops, end: End::Function(function) }),
                Some(more) => Err(PathError::Segment(more)),
            };
        }
        let key = match inline_key {
            Some(key) => Some(value_of_key(at, key)),
            None => segments.next_if(|next| !next.starts_with('$')),
        };
        if let Some(key) = &key {
            offered(at, key)?;
        }
        // Client libraries write it where they mean the signed-in user, and rewrite it themselves if all goes well.
        if hops.is_empty()
            && key.as_deref() == Some(ME_TOKEN)
            && let Some(me) = model.edge(&SERVICE, ME).filter(|me| me.to == at)
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
                (None, _) => Ok(Walk { model, version, hops, end: End::Set }),
                (Some(last), None) if last.eq_ignore_ascii_case("$count") => {
                    Ok(Walk { model, version, hops, end: End::SetCount })
                }
                (Some(last), None) if last.eq_ignore_ascii_case("$ref") => {
                    Ok(Walk { model, version, hops, end: End::SetRef })
                }
                (Some(other), _) => Err(PathError::Segment(other)),
            };
        }
    }
    Ok(Walk { model, version, hops, end })
}

/// The end of a walk after an entity that is no edge: an action or `$ref`, and nothing after it.
fn last_segment(at: &'static EntityType, hops: &[Hop], segment: String, more: bool) -> Result<End, PathError> {
    let name = action_name(&segment);
    // Whatever comes after it is not offered either.
    if let Some(known) = at.lacks(split_key(name).0) {
        return Err(PathError::NotOffered(known));
    }
    if more {
        return Err(PathError::Segment(segment));
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
    Err(PathError::Segment(segment))
}

/// The function of a collection that a segment calls, with the value of its parameter.
fn function(at: &'static EntityType, segment: &str) -> Option<Called> {
    let (name, given) = action_name(segment).strip_suffix(')')?.split_once('(')?;
    let function = at.functions.iter().find(|function| name.eq_ignore_ascii_case(function.name))?;
    let value = match &function.parameter {
        None => given.trim().is_empty().then(String::new)?,
        Some(parameter) => {
            let (_, value) = given.split_once('=').filter(|(given, _)| given.trim() == parameter.name)?;
            value.trim().strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'")
        }
    };
    Some(Called { function, value })
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

/// The value in `applications(appId='...')`: the named property is as good as the key.
fn value_of_key(at: &'static EntityType, key: String) -> String {
    let named = key.split_once('=').filter(|(name, _)| at.key_name == Some(name.trim()));
    let quoted = named.and_then(|(_, value)| value.trim().strip_prefix('\'')?.strip_suffix('\''));
    quoted.map(str::to_owned).unwrap_or(key)
}
