//! `@odata.etag` and `If-Match`: a caller changes an entity only as long as it is what the caller read.
//!
//! A tag is computed from the entity and stored nowhere. It is weak: it names what callers can change or end, and what a
//! device reports about itself in between is no conflict. The comparison is part of the unit of work that writes.

use chaveiro_core::digest::{hex, sha256};
use http::{HeaderMap, header};

/// The annotation of an entity that holds its tag.
pub(crate) const ANNOTATION: &str = "@odata.etag";

/// The bytes of the digest that make a tag.
const BYTES: usize = 12;

/// The tag of an entity in that state.
pub(crate) fn tag(state: &[u8]) -> String {
    format!("W/\"{}\"", hex(&sha256(state)[..BYTES]))
}

/// The states that `If-Match` of a request allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: any state.
    Any,
    /// The states with these tags, each with its quotes and without the mark of a weak one. A malformed header has none, so
    /// that it changes nothing.
    OneOf(Vec<String>),
}

impl IfMatch {
    /// The condition of a request, if it has one.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let lines: Vec<_> =
            headers.get_all(header::IF_MATCH).iter().map(|line| line.to_str().unwrap_or("\"").trim()).collect();
        match lines.as_slice() {
            [] => None,
            ["*"] => Some(Self::Any),
            lines => {
                let tags: Option<Vec<_>> = lines.iter().map(|line| tags(line)).collect();
                Some(Self::OneOf(tags.unwrap_or_default().concat()))
            }
        }
    }

    /// Returns true if an entity with that tag may be changed. Strong and weak tags are compared alike: clients write both.
    pub(crate) fn allows(&self, tag: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tag.is_some_and(|tag| tags.iter().any(|one| one == opaque(tag))),
        }
    }
}

/// The tags of a list of them (RFC 9110, 8.8.3 and 5.6.1); `None` if it is malformed anywhere.
fn tags(line: &str) -> Option<Vec<String>> {
    const SPACE: [char; 2] = [' ', '\t'];
    let (mut rest, mut tags) = (line, Vec::new());
    loop {
        // Elements may be empty.
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(tags);
        }
        let (tag, behind) = opaque(rest).strip_prefix('"')?.split_once('"')?;
        if !tag.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        tags.push(format!("\"{tag}\""));
        rest = behind.trim_start_matches(SPACE);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
    }
}

/// A tag without the mark of a weak one.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_as_http_writes_them() {
        let one_of = |tags: &[&str]| Some(IfMatch::OneOf(tags.iter().map(|tag| (*tag).to_owned()).collect()));
        for (lines, expected) in [
            (&[][..], None),
            (&["*"], Some(IfMatch::Any)),
            (&[" * "], Some(IfMatch::Any)),
            (&["\"a\""], one_of(&["\"a\""])),
            (&["W/\"a\", \"b\""], one_of(&["\"a\"", "\"b\""])),
            (&["W/\"a\"", "\"b\""], one_of(&["\"a\"", "\"b\""])),
            (&[" , \"a\" ,,\t\"b\","], one_of(&["\"a\"", "\"b\""])),
            // A comma may stand within a tag.
            (&["\"a,b\""], one_of(&["\"a,b\""])),
            // What is malformed anywhere allows nothing.
            (&["a"], one_of(&[])),
            (&[""], one_of(&[])),
            (&["*, \"a\""], one_of(&[])),
            (&["*", "\"a\""], one_of(&[])),
            (&["\"a\"", "\"b"], one_of(&[])),
            (&["\"a\" \"b\""], one_of(&[])),
            (&["\"x,\"a\",y\""], one_of(&[])),
            (&["w/\"a\""], one_of(&[])),
            (&["\"a b\""], one_of(&[])),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::IF_MATCH, line.parse().expect("a value"));
            }
            assert_eq!(IfMatch::read(&headers), expected, "{lines:?}");
        }
    }
}
