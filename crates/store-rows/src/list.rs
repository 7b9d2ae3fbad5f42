//! What the lists of every backend have in common.

use chaveiro_core::query::{Test, Value};
use uuid::Uuid;

use crate::message::Field;

/// Returns a sort key as the cursor stores it.
pub fn key(value: Field<'_>) -> Value {
    match value {
        Field::Null => Value::Null,
        Field::Integer(number) => Value::Number(number),
        // A number that JSON wrote with a fraction or an exponent.
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        Field::Real(number) => Value::Number(number as i64),
        Field::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        Field::Blob(bytes) => Uuid::from_slice(bytes).map_or(Value::Null, |id| id.to_string().into()),
    }
}

/// Returns true if only a value with some text passes the test.
pub fn wants_text(test: &Test) -> bool {
    match test {
        Test::Equal(Value::Text(text)) => !text.is_empty(),
        Test::StartsWith(text) | Test::EndsWith(text) | Test::Contains(text) => !text.is_empty(),
        Test::Equal(_) | Test::Less(_) | Test::AtMost(_) | Test::Greater(_) | Test::AtLeast(_) | Test::Has(_) => false,
    }
}

/// Returns a text as a pattern of `LIKE` that matches it alone; the escape is a backslash.
pub fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Returns the least text, in the order of folded ASCII, after every text with that beginning; `None` if there is none.
pub fn successor(text: &str) -> Option<String> {
    let mut kept = text.to_owned();
    while let Some(last) = kept.pop() {
        let next = match last {
            // Capital letters are compared as small letters, so this is the next character that stands for itself.
            '@' => Some('['),
            '\u{d7ff}' => Some('\u{e000}'),
            other => char::from_u32(u32::from(other) + 1),
        };
        if let Some(next) = next {
            kept.push(next);
            return Some(kept);
        }
    }
    None
}

/// Returns the identifier with that text, in the spelling of the API.
pub fn id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36)
}
