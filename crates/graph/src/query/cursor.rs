//! `$skiptoken`: where the last page ended, and of which question. Only the server that wrote it reads it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro_core::query::Cursor;
use sha2::{Digest, Sha256};

use super::error::QueryError;

/// Longest token: sort keys are as long as what devices say of themselves.
const MAX_BYTES: usize = 8192;

/// The question to a list that a cursor belongs to. An option that was left out is empty.
pub(super) struct Question<'a> {
    pub(super) list: &'a str,
    pub(super) filter: &'a str,
    pub(super) search: &'a str,
    pub(super) orderby: &'a str,
}

impl Question<'_> {
    /// Ties a cursor to the question.
    fn digest(&self) -> [u8; 8] {
        let mut hash = Sha256::new();
        for part in [self.list, self.filter, self.search, self.orderby] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hash.finalize()[..8]);
        first
    }
}

/// The token of a cursor.
pub(super) fn encode(cursor: &Cursor, question: &Question<'_>) -> String {
    let mut bytes = question.digest().to_vec();
    bytes.extend(serde_json::to_vec(cursor).unwrap_or_default());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The cursor of a token that was written for the same question.
pub(super) fn decode(token: &str, question: &Question<'_>) -> Result<Cursor, QueryError> {
    let bytes =
        Some(token).filter(|token| token.len() <= MAX_BYTES).and_then(|token| URL_SAFE_NO_PAD.decode(token).ok());
    let bytes = bytes.ok_or_else(|| QueryError::cursor(token))?;
    let (of, cursor) = bytes.split_at_checked(8).ok_or(QueryError::Cursor)?;
    if of != question.digest() {
        return Err(QueryError::Cursor);
    }
    serde_json::from_slice(cursor).map_err(|_| QueryError::Cursor)
}
