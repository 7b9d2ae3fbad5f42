//! Values of the domain as columns: names of enumerations, structures as JSON, times.

use chaveiro_core::Timestamp;
use chaveiro_core::ports::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cells::Content;

/// Returns a time as a column: microseconds since 1970.
pub fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// Returns a time from a column.
pub fn moment(micros: i64, column: &str) -> Result<Timestamp, Content> {
    Timestamp::from_microsecond(micros).map_err(|_| Content(format!("{column} is not a time")))
}

/// Returns a structure as a JSON column.
pub fn json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Inconsistent(error.to_string()))
}

/// Returns a structure from the text of a JSON column.
pub fn parse<T: DeserializeOwned>(text: &str, column: &str) -> Result<T, Content> {
    serde_json::from_str(text).map_err(|error| Content(format!("{column}: {error}")))
}

/// Returns an enumeration as a column: its serialised name, without quotes.
pub fn name<T: Serialize>(value: &T) -> Result<String, StoreError> {
    let quoted = json(value)?;
    Ok(quoted.trim_matches('"').to_owned())
}

/// Returns an enumeration from the text of a column.
pub fn member<T: DeserializeOwned>(text: &str, column: &str) -> Result<T, Content> {
    let deserializer = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(text);
    T::deserialize(deserializer).map_err(|error| Content(format!("{column}: {error}")))
}

/// Returns seconds as a column.
pub fn seconds_column(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// Returns seconds from the value of a column that may be empty.
pub fn seconds(value: Option<i64>) -> Option<u64> {
    value.and_then(|seconds| u64::try_from(seconds).ok())
}
