//! The form of a batch: its limits and its errors.
//!
//! Reference: docs/graph-facts.md#batches; OData JSON Format 4.01, 19.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

/// Requests in one batch.
pub const MAX_ITEMS: usize = 20;

/// Bytes of a batch, before and after decompression.
pub const MAX_BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of the id of an item.
const MAX_ID_BYTES: usize = 256;

/// The error of a batch, or of one item of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BatchError {
    /// No `requests`, or items that are none.
    #[error("Invalid batch payload format. Send {{\"requests\": [{{\"id\", \"method\", \"url\"}}, ...]}}.")]
    Format,
    /// Too many.
    #[error("The batch has {0} requests; the maximum is {MAX_ITEMS}. Send the rest in another batch.")]
    TooMany(usize),
    /// An id that is empty or too long.
    #[error("A request Id must have 1 to {MAX_ID_BYTES} bytes.")]
    Id,
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
        "The url of a request in a batch must be relative to the version, for example /deviceManagement/managedDevices."
    )]
    Url,
    /// A method that is none.
    #[error("The method of a request in a batch must be GET, POST, PATCH, PUT or DELETE.")]
    Method,
    /// A header that is none.
    #[error("The header '{0}' of a request in a batch is not a valid HTTP header.")]
    Header(String),
    /// A body without `Content-Type`.
    #[error("A request in a batch that has a body must have the header Content-Type.")]
    ContentType,
    /// A body that is no JSON and not base64 either.
    #[error("The body of a request in a batch must be JSON, or base64 text where its Content-Type is another.")]
    Body,
}

/// A batch whose ids and dependencies hold together.
#[derive(Debug, Deserialize)]
pub struct Batch {
    pub(crate) requests: Vec<Item>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    pub(crate) body: Value,
    #[serde(default)]
    pub(crate) depends_on: Option<Vec<String>>,
}

/// Reads and checks a batch.
pub fn read(object: Map<String, Value>) -> Result<Batch, BatchError> {
    let batch: Batch = serde_json::from_value(Value::Object(object)).map_err(|_| BatchError::Format)?;
    if batch.requests.is_empty() {
        return Err(BatchError::Format);
    }
    if batch.requests.len() > MAX_ITEMS {
        return Err(BatchError::TooMany(batch.requests.len()));
    }
    let mut before = BTreeSet::new();
    for item in &batch.requests {
        if item.id.is_empty() || item.id.len() > MAX_ID_BYTES {
            return Err(BatchError::Id);
        }
        if !item.depends_on.iter().flatten().all(|id| before.contains(id.as_str())) {
            return Err(BatchError::Dependency(item.id.clone()));
        }
        if !before.insert(item.id.as_str()) {
            return Err(BatchError::Duplicate(item.id.clone()));
        }
    }
    Ok(batch)
}
