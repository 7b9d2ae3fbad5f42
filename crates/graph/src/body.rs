//! Request bodies: size and encoding limits, and the typed check of JSON against the model.

use std::io::Read;
use std::time::Duration;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};
use thiserror::Error;
use tokio::time::timeout;

use crate::json::{self, NotJson};
use crate::model::{ComplexType, Edm, EntityType, Operation};
use crate::shown::shown;

/// Bytes of a body, before and after decompression. Script contents are the largest thing sent.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Bytes of a body that is accepted and ignored.
pub const MAX_IGNORED_BYTES: usize = 64 * 1024;

/// Bytes of a body that are read after its request was refused.
pub const MAX_DRAINED_BYTES: usize = 8 * 1024 * 1024;

/// The time in which a body must arrive. A request may take longer as a whole, so that the answer says what was wrong.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The time for which the rest of a body is waited for after its request was refused.
const DRAINING: Duration = Duration::from_secs(5);

/// The error of a body.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BodyError {
    /// It does not arrive in time.
    #[error(
        "The request body did not arrive within {0} seconds. Nothing was done; send it again, and faster: with gzip, or in smaller parts."
    )]
    TooSlow(u64),
    /// Larger than allowed.
    #[error("The request body is larger than {0} bytes. Send less, or several requests.")]
    TooLarge(usize),
    /// A content encoding other than gzip.
    #[error("The content encoding '{0}' is not supported. Send the body as it is, or with gzip.")]
    Encoding(String),
    /// The client went away.
    #[error("The request body ended early. Nothing was done; send it again, whole.")]
    Interrupted,
    /// The header says gzip, and the body is not valid gzip.
    #[error(
        "The request body is not valid gzip, which Content-Encoding says it is. Send it again, or as it is and without Content-Encoding."
    )]
    Corrupt,
    /// No `Content-Type`.
    #[error(
        "Write requests (excluding DELETE) must contain the Content-Type header declaration. Send Content-Type: application/json."
    )]
    NoContentType,
    /// Another `Content-Type` than JSON.
    #[error("Entity only allows writes with a JSON Content-Type header. It is '{0}'; send application/json.")]
    ContentType(String),
    /// The body is empty.
    #[error("Empty Payload. JSON content expected. Send an object, such as {{\"name\": \"value\"}}.")]
    Empty,
    /// The body is not JSON.
    #[error(
        "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format. {0}"
    )]
    NotJson(#[from] NotJson),
    /// The body is another JSON value than an object.
    #[error(
        "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format. The payload is {0}; send an object, such as {{\"name\": \"value\"}}."
    )]
    NotAnObject(&'static str),
    /// Two members that mean one property.
    #[error("The property '{name}' of type 'microsoft.graph.{entity}' is given twice. Send it once.")]
    Twice {
        /// The name.
        name: &'static str,
        /// The type.
        entity: &'static str,
    },
    /// A navigation property.
    #[error(
        "The property '{name}' of type 'microsoft.graph.{entity}' is a navigation property and is not set in a body. {instead}"
    )]
    Navigation {
        /// The name.
        name: &'static str,
        /// The type.
        entity: &'static str,
        /// The advice.
        instead: &'static str,
    },
    /// A property the type does not have.
    #[error(
        "The property '{name}' does not exist on type 'microsoft.graph.{entity}'. Make sure to only use property names that are defined by the type."
    )]
    UnknownProperty {
        /// The name as it was sent.
        name: String,
        /// The type.
        entity: &'static str,
    },
    /// A parameter the operation does not have.
    #[error(
        "The parameter '{name}' in the request payload is not a valid parameter for the operation '{operation}'. {known}"
    )]
    Parameter {
        /// The name as it was sent.
        name: String,
        /// The operation.
        operation: &'static str,
        /// The parameters that it has, as a sentence.
        known: String,
    },
    /// An operation without it.
    #[error("The operation '{operation}' needs '{name}'. Add it to the request body.")]
    Missing {
        /// The name.
        name: &'static str,
        /// The operation.
        operation: &'static str,
    },
    /// A property that the server sets.
    #[error("The property '{name}' of type 'microsoft.graph.{entity}' is read-only. {instead}")]
    ReadOnly {
        /// The name.
        name: &'static str,
        /// The type.
        entity: &'static str,
        /// The advice.
        instead: &'static str,
    },
    /// A property that Graph lets callers set and this server does not.
    #[error("The property '{name}' of type 'microsoft.graph.{entity}' cannot be set here: {why}. Leave it out.")]
    NotKept {
        /// The name.
        name: &'static str,
        /// The type.
        entity: &'static str,
        /// The reason.
        why: &'static str,
    },
    /// A value outside the value space.
    #[error("The value of '{name}' must be {expected}.")]
    Value {
        /// The name.
        name: &'static str,
        /// The values that it takes.
        expected: String,
    },
    /// A create without it.
    #[error("A microsoft.graph.{entity} needs '{name}'. Add it to the request body.")]
    Required {
        /// The name.
        name: &'static str,
        /// The type.
        entity: &'static str,
    },
    /// A binding that does not lead to an entity.
    #[error("The value of '{name}' must be {expected}.")]
    Bind {
        /// The annotation.
        name: String,
        /// The values that it takes.
        expected: String,
    },
}

impl BodyError {
    /// The error of a value outside the value space, which is named.
    pub(crate) fn value(name: &'static str, given: &Value, expected: &str) -> Self {
        Self::Value { name, expected: format!("{expected}, and not {}", shown(&given.to_string())) }
    }

    /// The error of a URL that leads to no entity of the right kind, which is named.
    pub(crate) fn bind(name: &str, given: &str, expected: &str) -> Self {
        Self::Bind { name: name.to_owned(), expected: format!("{expected}, and not '{}'", shown(given)) }
    }
}

/// Reads a body that must be JSON and gives the object in it.
pub async fn json_object(headers: &HeaderMap, body: &mut Body) -> Result<Map<String, Value>, BodyError> {
    json_object_within(headers, body, MAX_BODY_BYTES).await
}

/// The same of a body that may be left out.
pub async fn optional_object(headers: &HeaderMap, body: &mut Body) -> Result<Map<String, Value>, BodyError> {
    match json_object_within(headers, body, MAX_IGNORED_BYTES).await {
        Err(BodyError::Empty) => Ok(Map::new()),
        read => read,
    }
}

/// The same within another limit, in bytes before and after decompression.
pub async fn json_object_within(
    headers: &HeaderMap,
    body: &mut Body,
    limit: usize,
) -> Result<Map<String, Value>, BodyError> {
    let bytes = read(body, limit, PATIENCE).await?;
    let bytes = decompress(headers, bytes, limit)?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(BodyError::Empty);
    }
    let content_type = headers.get(header::CONTENT_TYPE).ok_or(BodyError::NoContentType)?;
    if !content_type.to_str().is_ok_and(is_json) {
        return Err(BodyError::ContentType(shown(&String::from_utf8_lossy(content_type.as_bytes()))));
    }
    match json::read(&bytes)? {
        Value::Object(object) => Ok(object),
        Value::Array(_) => Err(BodyError::NotAnObject("a list")),
        Value::String(_) => Err(BodyError::NotAnObject("a text")),
        Value::Number(_) => Err(BodyError::NotAnObject("a number")),
        Value::Bool(_) | Value::Null => Err(BodyError::NotAnObject("true, false or null")),
    }
}

/// Reads a body to its end and forgets it.
pub async fn ignore(body: &mut Body) -> Result<(), BodyError> {
    read(body, MAX_IGNORED_BYTES, PATIENCE).await.map(drop)
}

/// Reads the rest of a body that is not needed. A connection that is closed with unread bytes in it is reset, and the
/// client never sees the answer. More than [`MAX_DRAINED_BYTES`], or a body that is slow, is not waited for.
pub async fn drain(body: &mut Body) {
    drain_within(body, DRAINING).await;
}

async fn drain_within(body: &mut Body, patience: Duration) {
    let mut left = MAX_DRAINED_BYTES;
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
            left = rest;
        }
    };
    // The answer leaves now, with or without the rest.
    let _ = timeout(patience, read).await;
}

async fn read(body: &mut Body, limit: usize, patience: Duration) -> Result<Bytes, BodyError> {
    let collected = timeout(patience, Limited::new(body, limit).collect()).await;
    match collected.map_err(|_| BodyError::TooSlow(patience.as_secs()))? {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge(limit)),
        Err(_) => Err(BodyError::Interrupted),
    }
}

/// Returns true if a media type is JSON.
pub fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn decompress(headers: &HeaderMap, bytes: Bytes, limit: usize) -> Result<Bytes, BodyError> {
    let Some(encoding) = headers.get(header::CONTENT_ENCODING) else { return Ok(bytes) };
    let encoding = encoding.to_str().unwrap_or("?").trim().to_ascii_lowercase();
    match encoding.as_str() {
        "" | "identity" => Ok(bytes),
        "gzip" | "x-gzip" => {
            let mut plain = Vec::new();
            // One byte more than allowed tells a bomb from a body that just fits.
            let mut reader = flate2::read::MultiGzDecoder::new(bytes.as_ref()).take(limit as u64 + 1);
            reader.read_to_end(&mut plain).map_err(|_| BodyError::Corrupt)?;
            if plain.len() > limit {
                return Err(BodyError::TooLarge(limit));
            }
            Ok(plain.into())
        }
        _ => Err(BodyError::Encoding(encoding)),
    }
}

/// An object that was checked against its type.
#[derive(Debug, Default)]
pub struct Checked {
    /// Properties under their canonical names.
    pub properties: Map<String, Value>,
    /// `x@odata.bind` annotations: name without the suffix, and the URLs.
    pub binds: Vec<(String, Vec<String>)>,
}

/// Checks each member of an object against the type.
pub fn check(object: Map<String, Value>, entity: &'static EntityType) -> Result<Checked, BodyError> {
    let mut checked = Checked::default();
    for (name, value) in object {
        if let Some(edge) = name.strip_suffix("@odata.bind") {
            checked.binds.push((edge.to_owned(), urls(&name, value)?));
            continue;
        }
        if name == "@odata.type" {
            check_type(&value, entity)?;
            continue;
        }
        // Other annotations carry no value of ours.
        if name.contains('@') {
            continue;
        }
        // As Graph's own samples write it where they mean none.
        if name == "id" && value.as_str() == Some("") {
            continue;
        }
        let property = entity.property(&name).ok_or_else(|| no_property(name, entity))?;
        if let Some(why) = property.not_kept {
            return Err(BodyError::NotKept { name: property.name, entity: entity.name, why });
        }
        if !property.writable {
            let (name, instead) = (property.name, property.instead);
            return Err(BodyError::ReadOnly { name, entity: entity.name, instead });
        }
        if !(value.is_null() && property.nullable && !property.required) {
            check_value(&value, property.edm).map_err(|expected| BodyError::value(property.name, &value, &expected))?;
        }
        if property.required && value.as_str().is_none_or(|text| text.trim().is_empty()) {
            return Err(BodyError::Required { name: property.name, entity: entity.name });
        }
        let value = if matches!(property.edm, Edm::Int32 | Edm::Int64) { whole(value) } else { value };
        if checked.properties.insert(property.name.to_owned(), value).is_some() {
            return Err(BodyError::Twice { name: property.name, entity: entity.name });
        }
    }
    Ok(checked)
}

/// The error for a member that is no property of the type; a navigation property is set in another way.
pub(crate) fn no_property(name: String, entity: &'static EntityType) -> BodyError {
    let edge = entity.edges.iter().find(|edge| edge.from == entity && edge.name.eq_ignore_ascii_case(&name));
    match edge {
        Some(edge) => BodyError::Navigation { name: edge.name, entity: entity.name, instead: edge.in_a_body() },
        None => BodyError::UnknownProperty { name: shown(&name), entity: entity.name },
    }
}

/// Refuses a create without what its type requires.
pub fn require(checked: &Checked, entity: &'static EntityType) -> Result<(), BodyError> {
    for property in entity.properties.iter().filter(|property| property.required) {
        let given = checked.properties.get(property.name).and_then(Value::as_str);
        if given.is_none_or(|text| text.trim().is_empty()) {
            return Err(BodyError::Required { name: property.name, entity: entity.name });
        }
    }
    Ok(())
}

/// Checks the parameters of an operation, those that are structures included. What is null counts as left out.
pub fn parameters(object: Map<String, Value>, operation: &Operation) -> Result<Map<String, Value>, BodyError> {
    let mut given = Map::new();
    for (name, value) in object.into_iter().filter(|(name, value)| !name.contains('@') && !value.is_null()) {
        let known = operation.parameters.iter().find(|parameter| parameter.name == name);
        let parameter = known.ok_or_else(|| no_parameter(&name, operation))?;
        let value = match parameter.edm {
            Edm::Complex(of) => structure(value, parameter.name, of)?,
            edm => {
                check_value(&value, edm).map_err(|expected| BodyError::value(parameter.name, &value, &expected))?;
                if matches!(edm, Edm::Int32 | Edm::Int64) { whole(value) } else { value }
            }
        };
        given.insert(parameter.name.to_owned(), value);
    }
    let missing = operation.parameters.iter().find(|one| one.required && !given.contains_key(one.name));
    match missing {
        Some(one) => Err(BodyError::Missing { name: one.name, operation: operation.name }),
        None => Ok(given),
    }
}

fn no_parameter(name: &str, operation: &Operation) -> BodyError {
    let names: Vec<_> = operation.parameters.iter().map(|parameter| parameter.name).collect();
    let known = match names.as_slice() {
        [] => "It has none; leave the body out.".to_owned(),
        names => format!("It has {}.", names.join(", ")),
    };
    BodyError::Parameter { name: shown(name), operation: operation.name, known }
}

/// A structure whose properties are simple.
fn structure(value: Value, name: &'static str, of: &'static ComplexType) -> Result<Value, BodyError> {
    let Value::Object(object) = value else {
        return Err(BodyError::value(name, &value, &format!("an object of type microsoft.graph.{}", of.name)));
    };
    let mut given = Map::new();
    // What a client read it may send back: nulls say nothing.
    for (name, value) in object.into_iter().filter(|(name, value)| !name.contains('@') && !value.is_null()) {
        let known = of.properties.iter().find(|property| property.name == name);
        let property = known.ok_or_else(|| BodyError::UnknownProperty { name: shown(&name), entity: of.name })?;
        if let Some(why) = property.not_kept {
            return Err(BodyError::NotKept { name: property.name, entity: of.name, why });
        }
        if !property.writable {
            return Err(BodyError::ReadOnly { name: property.name, entity: of.name, instead: property.instead });
        }
        check_value(&value, property.edm).map_err(|expected| BodyError::value(property.name, &value, &expected))?;
        given.insert(property.name.to_owned(), value);
    }
    Ok(given.into())
}

fn check_type(value: &Value, entity: &'static EntityType) -> Result<(), BodyError> {
    let name = value.as_str().unwrap_or_default().trim_start_matches('#');
    match name.strip_prefix("microsoft.graph.") {
        Some(name) if name == entity.name => Ok(()),
        Some(name) if entity.derived.iter().any(|(known, _)| *known == name) => Ok(()),
        _ => Err(BodyError::value("@odata.type", value, &format!("#microsoft.graph.{}", entity.name))),
    }
}

fn urls(name: &str, value: Value) -> Result<Vec<String>, BodyError> {
    let wrong =
        || BodyError::Bind { name: name.to_owned(), expected: "the URL of an entity, or a list of such".to_owned() };
    match value {
        Value::String(url) => Ok(vec![url]),
        Value::Array(items) => items
            .into_iter()
            .map(|item| match item {
                Value::String(url) => Ok(url),
                _ => Err(wrong()),
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(wrong()),
    }
}

fn check_value(value: &Value, edm: Edm) -> Result<(), String> {
    let is = |fits: bool, expected: &str| if fits { Ok(()) } else { Err(expected.to_owned()) };
    let text = value.as_str();
    match edm {
        Edm::String => is(text.is_some(), "a string"),
        Edm::Boolean => is(value.is_boolean(), "true or false"),
        Edm::Int32 => is(integer(value).is_some_and(|n| i32::try_from(n).is_ok()), "a 32-bit integer"),
        Edm::Int64 => is(integer(value).is_some(), "a 64-bit integer"),
        Edm::DateTime => is(text.is_some_and(is_date_time), "a date and time such as 2026-01-31T08:30:00Z"),
        Edm::Binary => is(text.is_some_and(|text| STANDARD.decode(text).is_ok()), "base64 text"),
        Edm::Enum(of) => {
            let fits = text.is_some_and(|text| of.names().any(|name| name == text));
            let members = || of.names().collect::<Vec<_>>().join(", ");
            if fits { Ok(()) } else { Err(format!("one of {}", members())) }
        }
        Edm::Double => is(value.is_number(), "a number"),
        Edm::Guid => is(text.is_some_and(|text| uuid::Uuid::try_parse(text).is_ok()), "a GUID"),
        Edm::Duration => {
            let fits = text.is_some_and(|text| text.parse::<jiff::Span>().is_ok());
            is(fits, "a duration such as PT1H or P1D")
        }
        Edm::Complex(of) => is(false, &format!("left out: microsoft.graph.{} is not kept here", of.name)),
        Edm::Collection(item) => match value.as_array() {
            Some(items) => items.iter().try_for_each(|value| check_value(value, *item)),
            None => Err("a list".to_owned()),
        },
    }
}

/// A whole number, also one that is written with a fraction of zero: JSON does not tell them apart.
fn integer(value: &Value) -> Option<i64> {
    // Beyond this a double does not hold every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let written = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT);
    value.as_i64().or_else(|| written.map(|number| number as i64))
}

fn whole(value: Value) -> Value {
    integer(&value).map_or(value, Value::from)
}

/// `Edm.DateTimeOffset`. The civil part is parsed alone, because the end of time that Intune writes,
/// 9999-12-31T23:59:59.9999999Z, is beyond what instants can hold.
fn is_date_time(text: &str) -> bool {
    let Some((date, rest)) = text.split_once(['T', 't']) else { return false };
    let Some(end) = rest.find(['Z', 'z', '+', '-']) else { return false };
    let (time, offset) = rest.split_at(end);
    let numeric = |text: &str| text.len() == 5 && text.as_bytes()[2] == b':';
    let offset_fits = offset.eq_ignore_ascii_case("Z")
        || (numeric(&offset[1..]) && format!("{}:00", &offset[1..]).parse::<jiff::civil::Time>().is_ok());
    offset_fits && time.contains(':') && format!("{date}T{time}").parse::<jiff::civil::DateTime>().is_ok()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::StreamExt;
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up_and_one_that_is_there_is_read() {
        const MOMENT: Duration = Duration::from_millis(20);
        let begun = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{"))]);
        let mut slow = Body::from_stream(begun.chain(stream::pending()));
        assert_eq!(read(&mut slow, 10, MOMENT).await, Err(BodyError::TooSlow(0)));
        drain_within(&mut slow, MOMENT).await;
        assert_eq!(read(&mut Body::from("{}"), 10, MOMENT).await, Ok(Bytes::from_static(b"{}")));
    }

    #[test]
    fn reads_the_dates_that_intune_writes() {
        for text in [
            "2026-01-31T08:30:00Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.9999999Z",
            "2026-01-31T08:30:00.5+01:00",
        ] {
            assert!(is_date_time(text), "{text}");
        }
        for text in
            ["", "T", "2026-01-31", "2026-13-01T00:00:00Z", "2026-01-31T08:30:00", "nowT1Z", "2026-01-31T08:30:00+é:00"]
        {
            assert!(!is_date_time(text), "{text}");
        }
    }
}
