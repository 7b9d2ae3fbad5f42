//! The messages that authenticators cover.

/// The beginning of the message of a row.
pub const ROW: &[u8] = b"chaveiro row v1\0";

/// The beginning of the message of a set of rows.
pub const SET: &[u8] = b"chaveiro row set v1\0";

/// A value of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field<'a> {
    /// No value.
    Null,
    /// A number, a flag (0 or 1), or a time in microseconds.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// Text.
    Text(&'a [u8]),
    /// Bytes, or an identifier as its 16 bytes.
    Blob(&'a [u8]),
}

/// Returns the message that is authenticated: each value with its type and length, so that no two rows give the same.
/// After the first `fixed` values, each also has its place, and null is left out.
pub fn message<'a>(label: &[u8], fields: impl IntoIterator<Item = Field<'a>>, fixed: usize) -> Vec<u8> {
    let mut message = Vec::with_capacity(512);
    message.extend_from_slice(label);
    for (index, field) in fields.into_iter().enumerate() {
        if let Some(place) = index.checked_sub(fixed) {
            if field == Field::Null {
                continue;
            }
            message.push(5);
            message.extend_from_slice(&(place as u64).to_be_bytes());
        }
        let (kind, bytes): (u8, &[u8]) = match field {
            Field::Null => (0, &[]),
            Field::Integer(number) => {
                message.push(1);
                message.extend_from_slice(&number.to_be_bytes());
                continue;
            }
            Field::Real(number) => {
                message.push(2);
                message.extend_from_slice(&number.to_be_bytes());
                continue;
            }
            Field::Text(text) => (3, text),
            Field::Blob(bytes) => (4, bytes),
        };
        message.push(kind);
        message.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        message.extend_from_slice(bytes);
    }
    message
}
