//! The form of a batch: its limits and its errors.
//!
//! Reference: docs/graph-facts.md#batches; OData JSON Format 4.01, 19.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use thiserror::Error;

use crate::shown::shown;

/// Requests in one batch.
pub const MAX_ITEMS: usize = 20;

/// Bytes of a batch, before and after decompression.
pub const MAX_BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of the id of an item.
const MAX_ID_BYTES: usize = 256;

/// The error of a batch, or of one item of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BatchError {
    /// No `requests`.
    #[error(
        "Invalid batch payload format: 'requests' {0}. Send {{\"requests\": [{{\"id\", \"method\", \"url\"}}, ...]}}."
    )]
    Requests(&'static str),
    /// An item, or a member of one, that is something else.
    #[error("Invalid batch payload format: '{place}' {found}; it must be {expected}.")]
    Member {
        /// The place, such as `requests[2].url`.
        place: String,
        /// The value that was sent.
        found: &'static str,
        /// The values that it takes.
        expected: &'static str,
    },
    /// Too many.
    #[error("The batch has {0} requests; the maximum is {MAX_ITEMS}. Send the rest in another batch.")]
    TooMany(usize),
    /// An id that is empty or too long.
    #[error("A request Id must have 1 to {MAX_ID_BYTES} bytes; 'requests[{at}].id' has {bytes}.")]
    Id {
        /// The number of the item, from 0.
        at: usize,
        /// The bytes of its id.
        bytes: usize,
    },
    /// Two items of one id.
    #[error("Duplicate request Id {0}: every request of a batch needs its own.")]
    Duplicate(String),
    /// A dependency on a later item, or on none.
    #[error("Invalid dependency for request Id {0}: dependsOn can only name requests before it.")]
    Dependency(String),
    /// A dependency that failed.
    #[error("The request was not sent, because request Id {0}, on which it depends, failed.")]
    Failed(String),
    /// A batch in a batch.
    #[error("A batch cannot hold another batch. Send its requests in this one.")]
    Nested,
    /// A URL that leads elsewhere, or nowhere.
    #[error(
        "The url of a request in a batch must be relative to the version, for example /deviceManagement/managedDevices; it is '{0}'."
    )]
    Url(String),
    /// A method that is missing or unknown.
    #[error("The method of a request in a batch must be GET, POST, PATCH, PUT or DELETE; it is '{0}'.")]
    Method(String),
    /// A header with an invalid name or value.
    #[error(
        "The header '{0}' of a request in a batch is not a valid HTTP header: its value must be a text of one line."
    )]
    Header(String),
    /// A body without `Content-Type`.
    #[error("A request in a batch that has a body must have the header Content-Type.")]
    ContentType,
    /// A body that is neither JSON nor base64.
    #[error("The body of a request in a batch must be JSON, or base64 text where its Content-Type is another.")]
    Body,
}

/// A batch whose ids and dependencies hold together.
#[derive(Debug)]
pub struct Batch {
    pub(crate) requests: Vec<Item>,
}

#[derive(Debug)]
pub(crate) struct Item {
    /// A number is kept as its text, as production answers it.
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: BTreeMap<String, Value>,
    pub(crate) body: Value,
    pub(crate) depends_on: Vec<String>,
}

/// Reads and checks a batch.
pub fn read(mut object: Map<String, Value>) -> Result<Batch, BatchError> {
    let items = match object.remove("requests") {
        Some(Value::Array(items)) if items.is_empty() => return Err(BatchError::Requests("is empty")),
        Some(Value::Array(items)) => items,
        Some(other) => return Err(BatchError::Requests(kind(&other))),
        None => return Err(BatchError::Requests("is missing")),
    };
    if let Some(name) = unknown(&object) {
        return Err(BatchError::Member { place: name, found: "is no member of a batch", expected: "left out" });
    }
    if items.len() > MAX_ITEMS {
        return Err(BatchError::TooMany(items.len()));
    }
    let requests = items.into_iter().enumerate().map(|(at, value)| item(at, value)).collect::<Result<Vec<_>, _>>()?;
    let mut before = BTreeSet::new();
    for (at, item) in requests.iter().enumerate() {
        if item.id.is_empty() || item.id.len() > MAX_ID_BYTES {
            return Err(BatchError::Id { at, bytes: item.id.len() });
        }
        if !item.depends_on.iter().all(|id| before.contains(id.as_str())) {
            return Err(BatchError::Dependency(item.id.clone()));
        }
        if !before.insert(item.id.as_str()) {
            return Err(BatchError::Duplicate(item.id.clone()));
        }
    }
    Ok(Batch { requests })
}

fn item(at: usize, value: Value) -> Result<Item, BatchError> {
    const ID: &str = "a text or a number";
    let Value::Object(mut members) = value else {
        let (place, found) = (format!("requests[{at}]"), kind(&value));
        return Err(BatchError::Member { place, found, expected: "an object with id, method and url" });
    };
    let wrong = |name: &str, found: &Value, expected| BatchError::Member {
        place: format!("requests[{at}].{name}"),
        found: kind(found),
        expected,
    };
    let mut text = |name: &str, expected| match members.remove(name) {
        Some(Value::String(text)) => Ok(text),
        Some(Value::Number(number)) if expected == ID => Ok(number.to_string()),
        Some(other) => Err(wrong(name, &other, expected)),
        None => Err(BatchError::Member { place: format!("requests[{at}].{name}"), found: "is missing", expected }),
    };
    let id = text("id", ID)?;
    let method = text("method", "a text such as \"GET\"")?;
    let url = text("url", "a text such as \"/deviceManagement/managedDevices\"")?;
    let headers = match members.remove("headers") {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(Value::Object(headers)) => headers.into_iter().collect(),
        Some(other) => return Err(wrong("headers", &other, "an object of texts")),
    };
    // The SDK for Python writes `depends_on`, and means the same.
    let depends_on = match members.remove("dependsOn").or_else(|| members.remove("depends_on")) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(ids)) => {
            let ids = ids.into_iter().enumerate().map(|(number, id)| match id {
                Value::String(id) => Ok(id),
                Value::Number(id) => Ok(id.to_string()),
                other => Err(wrong(&format!("dependsOn[{number}]"), &other, ID)),
            });
            ids.collect::<Result<_, _>>()?
        }
        Some(other) => return Err(wrong("dependsOn", &other, "a list of ids")),
    };
    let body = members.remove("body").unwrap_or_default();
    // Another spelling of dependsOn must not let an item run that was to wait.
    if let Some(name) = unknown(&members) {
        let (place, found) = (format!("requests[{at}].{name}"), "is no member of a request");
        let expected = "left out, or one of id, method, url, headers, body and dependsOn";
        return Err(BatchError::Member { place, found, expected });
    }
    Ok(Item { id, method, url, headers, body, depends_on })
}

/// The first member that is left when the known ones are taken. Annotations say nothing that is done.
fn unknown(members: &Map<String, Value>) -> Option<String> {
    members.keys().find(|name| !name.contains('@')).map(|name| shown(name))
}

/// The kind of a value, after the name of its place.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "is null",
        Value::Bool(_) => "is true or false",
        Value::Number(_) => "is a number",
        Value::String(_) => "is a text",
        Value::Array(_) => "is a list",
        Value::Object(_) => "is an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_beside_the_requests_is_refused_and_an_annotation_is_not() {
        let batch = |name: &str| json!({"requests": [{"id": 1, "method": "GET", "url": "/users", "@a.b": 1}], name: 1});
        let read = |name| read(batch(name).as_object().expect("an object").clone());
        assert!(read("@odata.context").is_ok());
        let error = read("request").expect_err("a fault").to_string();
        assert!(error.contains("'request' is no member of a batch; it must be left out."), "{error}");
    }

    #[test]
    fn the_word_of_the_sdk_for_python_makes_an_item_wait_too() {
        let batch = |word: &str, on: Value| {
            let item = |id| json!({"id": id, "method": "GET", "url": "/users"});
            let mut second = item("2");
            second[word] = on;
            read(json!({"requests": [item("1"), second]}).as_object().expect("an object").clone())
        };
        for (word, on) in [("dependsOn", json!(["1"])), ("depends_on", json!(["1"])), ("depends_on", json!([1]))] {
            let items = batch(word, on).expect("a batch").requests;
            assert_eq!(items[1].depends_on, ["1"], "{word}");
        }
        assert!(batch("depends_on", json!(["3"])).is_err(), "what is not there is not waited for");
    }

    #[test]
    fn an_error_names_the_item_and_its_member() {
        let good = json!({"id": 1, "method": "GET", "url": "/users"});
        for (item, expected) in [
            (json!("x"), "'requests[1]' is a text; it must be an object with id, method and url."),
            (json!({"id": null}), "'requests[1].id' is null; it must be a text or a number."),
            (json!({"method": "GET"}), "'requests[1].id' is missing; it must be a text or a number."),
            (json!({"id": 2, "method": 1}), "'requests[1].method' is a number; it must be a text such as \"GET\"."),
            (json!({"id": 2, "method": "GET", "url": []}), "'requests[1].url' is a list; it must be a text such as"),
            (json!({"id": 2, "method": "GET", "url": "", "headers": []}), "'requests[1].headers' is a list"),
            (json!({"id": 2, "method": "GET", "url": "", "dependsOn": 1}), "'requests[1].dependsOn' is a number"),
            (
                json!({"id": 2, "method": "GET", "url": "", "dependsOn": [1, true]}),
                "'requests[1].dependsOn[1]' is true",
            ),
            (json!({"id": "", "method": "GET", "url": ""}), "'requests[1].id' has 0."),
            (
                json!({"id": 2, "method": "GET", "url": "", "dependson": [1]}),
                "'requests[1].dependson' is no member of a request; it must be left out, or one of id, method, url",
            ),
            (json!({"id": 2, "method": "GET", "url": "", "atomicityGroup": "g"}), "'requests[1].atomicityGroup' is no"),
            (json!({"id": "1", "method": "GET", "url": ""}), "Duplicate request Id 1"),
        ] {
            let batch = json!({"requests": [good, item]});
            let error = read(batch.as_object().expect("an object").clone()).expect_err("a fault").to_string();
            assert!(error.contains(expected), "{item}: {error}");
        }
    }
}
