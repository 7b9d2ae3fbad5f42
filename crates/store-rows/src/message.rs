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

/// The columns of each authenticated table that count, in the order of the message. Their order never changes.
pub mod columns {
    /// Those of `tenant`.
    pub const TENANTS: &[&str] = &["id", "display_name", "licence", "entra_tenant", "settings", "created"];
    /// Those of `application`.
    pub const APPLICATIONS: &[&str] =
        &["id", "display_name", "permissions", "delegated", "public", "secrets", "certificates", "created"];
    /// Those of `role_assignment`.
    pub const ASSIGNMENTS: &[&str] =
        &["id", "role", "kind", "principal", "tags", "created", "display_name", "description"];
    /// Those of `hold`.
    pub const HOLDS: &[&str] = &["id", "placed", "caused_by", "counted", "released", "kind", "party"];
    /// Those of `revocation`.
    pub const REVOCATIONS: &[&str] = &["kind", "principal", "valid_from"];
    /// Those of `enrollment`.
    pub const ENROLLMENTS: &[&str] =
        &["id", "certificate_sha256", "oma_device_id", "needs_certificate", "created", "closed"];
    /// Those of `enrollment_token`.
    pub const ENROLLMENT_TOKENS: &[&str] = &["sha256", "user", "created", "expires", "used_at", "used_for", "replaces"];
    /// Those of `sign_in`.
    pub const SIGN_INS: &[&str] = &[
        "application",
        "handle_sha256",
        "user_code",
        "scope",
        "standing",
        "user",
        "refresh_sha256",
        "previous_sha256",
        "created",
        "expires",
        "asked",
    ];
    /// Those of `secret`.
    pub const SECRETS: &[&str] =
        &["id", "attempt", "kind", "envelope", "standing", "received", "expires", "disclosed_at", "disclosed_by"];
    /// Those of `device_tag`.
    pub const DEVICE_TAGS: &[&str] = &["tag"];
    /// Those of `resource`.
    pub const USERS: &[&str] = &["kind", "id", "alternate_key", "properties"];
}
