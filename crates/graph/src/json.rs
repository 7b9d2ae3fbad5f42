//! JSON as callers of Graph write it.
//!
//! Microsoft's service reads names without quotes, and names and texts in single quotes; published scripts rely on it: `{
//! ownerType:"company" }`, `{'@odata.id':'...'}`. A body is read as JSON. If it is not JSON, it is rewritten with double quotes
//! and read again. So depth, numbers and escapes are those of JSON in both readings. A member must not come twice.
//!
//! Reference: docs/graph-facts.md#bodies.

use std::fmt;

use crate::shown::shown;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use thiserror::Error;

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The first fault of a text that is not JSON.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("Line {line}, column {column}: {problem}.")]
pub struct NotJson {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The fault.
    pub problem: String,
}

/// Reads JSON, or what Microsoft's service takes for it. Nesting is limited to 127 levels. A byte order mark, with which
/// PowerShell begins the files that it writes, means nothing (RFC 8259, 8.1).
pub fn read(bytes: &[u8]) -> Result<Value, NotJson> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let strict = match parsed(bytes) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let not_text = |error: std::str::Utf8Error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
        let (line, column) = line_and_column(&before, before.len());
        NotJson { line, column, problem: "the text is not UTF-8".to_owned() }
    };
    let text = std::str::from_utf8(bytes).map_err(not_text)?;
    let Some(rewritten) = rewritten(text) else { return Err(fault(text, offset(text, &strict), &strict)) };
    let error = match parsed(rewritten.as_bytes()) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    Err(fault(text, origin(text, offset(&rewritten, &error)), &error))
}

fn fault(text: &str, at: usize, error: &serde_json::Error) -> NotJson {
    let (line, column) = line_and_column(text, at.min(text.len()));
    let problem = error.to_string();
    let problem = problem.rsplit_once(" at line ").map_or(problem.as_str(), |(problem, _)| problem).to_owned();
    NotJson { line, column, problem }
}

fn parsed(bytes: &[u8]) -> serde_json::Result<Value> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let Once(value) = Once::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// The place of an error, in bytes.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    before + error.column().saturating_sub(1)
}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

/// The text with double quotes around its names and texts; `None` if they all have them.
fn rewritten(original: &str) -> Option<String> {
    let mut writer = Writer::new(original, usize::MAX);
    writer.run();
    writer.moved.map(|_| writer.text)
}

/// The place in the original of a place in the rewritten text. It is written once more, so that no other place is kept.
fn origin(original: &str, at: usize) -> usize {
    let mut writer = Writer::new(original, at);
    writer.run();
    writer.moved.map_or(at, |(written, read)| read + (at - written))
}

struct Writer<'a> {
    original: &'a str,
    /// The place in the original.
    at: usize,
    text: String,
    /// The place in the text up to which it is written.
    end: usize,
    /// The last place at which something else was written than read, and that place in the original.
    moved: Option<(usize, usize)>,
}

impl<'a> Writer<'a> {
    fn new(original: &'a str, end: usize) -> Self {
        Self { original, at: 0, text: String::with_capacity(original.len()), end, moved: None }
    }

    fn run(&mut self) {
        let mut last = None;
        while let Some(next) = self.peek().filter(|_| self.text.len() <= self.end) {
            match next {
                '"' => self.copy_text(),
                '\'' => self.rewrite_text(),
                _ if matches!(last, Some('{' | ',')) && begins_name(next) => self.take_word(),
                _ => self.copy(),
            }
            last = if next.is_whitespace() { last } else { Some(next) };
        }
    }

    fn peek(&self) -> Option<char> {
        self.original[self.at..].chars().next()
    }

    fn copy(&mut self) {
        if let Some(next) = self.peek() {
            self.text.push(next);
            self.at += next.len_utf8();
        }
    }

    /// Writes something else for what is skipped.
    fn put(&mut self, written: &str, skipped: usize) {
        self.text.push_str(written);
        self.at += skipped;
        if self.text.len() <= self.end {
            self.moved = Some((self.text.len(), self.at));
        }
    }

    fn copy_text(&mut self) {
        self.copy();
        while let Some(next) = self.peek() {
            self.copy();
            match next {
                '"' => return,
                '\\' => self.copy(),
                _ => {}
            }
        }
    }

    fn rewrite_text(&mut self) {
        self.put("\"", 1);
        while let Some(next) = self.peek() {
            match next {
                '\'' => return self.put("\"", 1),
                '"' => self.put("\\\"", 1),
                '\\' if self.original[self.at..].starts_with("\\'") => self.put("'", 2),
                '\\' => {
                    self.copy();
                    self.copy();
                }
                _ => self.copy(),
            }
        }
    }

    /// A word before a colon is a name.
    fn take_word(&mut self) {
        let rest = &self.original[self.at..];
        let length = rest.find(|next| !continues_name(next)).unwrap_or(rest.len());
        let is_name = rest[length..].trim_start().starts_with(':');
        if is_name {
            self.put("\"", 0);
        }
        self.text.push_str(&rest[..length]);
        self.at += length;
        if is_name {
            self.put("\"", 0);
        }
    }
}

fn begins_name(next: char) -> bool {
    next.is_ascii_alphabetic() || matches!(next, '_' | '$' | '@')
}

fn continues_name(next: char) -> bool {
    next.is_ascii_alphanumeric() || matches!(next, '_' | '$' | '@' | '.' | '-')
}

/// A value in whose objects no member comes twice.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Once)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Once(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the member '{}' comes twice", shown(&name))));
            }
            let Once(value) = members.next_value()?;
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_read_as_it_is_and_names_and_quotes_as_published_scripts_write_them() {
        let user = "https://graph.microsoft.com/beta/users/1";
        for (text, expected) in [
            (r#"{"a": [1, -2.5, 1e3, true, null, "x"]}"#, json!({"a": [1, -2.5, 1e3, true, null, "x"]})),
            (r#"{ ownerType:"company" }"#, json!({"ownerType": "company"})),
            ("{'@odata.id':'https://graph.microsoft.com/beta/users/1'}", json!({"@odata.id": user})),
            ("{@odata.id: 'https://graph.microsoft.com/beta/users/1'}", json!({"@odata.id": user})),
            ("{\n  notes : 'a',\n  $b_1-c.d: {e: ['f', \"g\"]}}", json!({"notes": "a", "$b_1-c.d": {"e": ["f", "g"]}})),
            (r#"{a: 'it\'s "so" \u00e9 \\ \n'}"#, json!({"a": "it's \"so\" \u{e9} \\ \n"})),
            (r#"{a: "b: {c: 'd'}, e: f"}"#, json!({"a": "b: {c: 'd'}, e: f"})),
            (r#"{a: "\"", 'b': true}"#, json!({"a": "\"", "b": true})),
            ("{'': 1}", json!({"": 1})),
            ("'x'", json!("x")),
            ("\u{feff}{\"a\": 1}", json!({"a": 1})),
            ("\u{feff}{a: 'b'}", json!({"a": "b"})),
        ] {
            assert_eq!(read(text.as_bytes()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        let deep = format!("{{a:{}1{}}}", "[".repeat(200), "]".repeat(200));
        for (text, line, column, word) in [
            ("{", 1, 1, "EOF"),
            ("{'a' 1}", 1, 6, "expected `:`"),
            ("{a:\n  'b',\n  c: }", 3, 6, "expected value"),
            ("{a: 'b}", 1, 7, "EOF"),
            ("{\"a\": \"\u{e9}\", \"b\" 1}", 1, 16, "expected `:`"),
            ("{a: 1, 'a': 2}", 1, 10, "the member 'a' comes twice"),
            (r#"{"a": 1, "a": 2}"#, 1, 12, "the member 'a' comes twice"),
            ("{a: b}", 1, 5, "expected value"),
            ("{a: 1,}", 1, 7, "trailing comma"),
            ("{a: 1 /* b */}", 1, 7, "expected `,` or `}`"),
            ("{a: NaN}", 1, 5, "expected"),
            ("\u{feff}\u{feff}{}", 1, 1, "expected value"),
            ("{a: 0x10}", 1, 6, "expected"),
            ("{a: 1} {b: 2}", 1, 8, "trailing characters"),
            ("{a: 'b\nc'}", 2, 1, "control character"),
            (&deep, 1, 130, "recursion limit"),
        ] {
            let error = read(text.as_bytes()).expect_err(text);
            assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
            assert!(error.problem.contains(word), "{text}: {error}");
        }
        let error = read(b"{\"a\": \"\xff\"}").expect_err("no text");
        assert_eq!((error.line, error.column, error.problem.as_str()), (1, 8, "the text is not UTF-8"));
    }
}
