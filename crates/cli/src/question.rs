//! Questions to the API: a path with query options, each name and value of them escaped exactly once.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A question for a list or an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    path: String,
    filters: Vec<String>,
    options: Vec<(&'static str, String)>,
}

impl Question {
    /// Asks for what is at that path.
    pub(crate) fn of(path: impl Into<String>) -> Self {
        Self { path: path.into(), filters: Vec::new(), options: Vec::new() }
    }

    /// Asks for these properties alone.
    pub(crate) fn select(self, names: &[&str]) -> Self {
        self.option("$select", names.join(","))
    }

    /// Asks for items of which this holds, in addition to every filter before it.
    pub(crate) fn filter(mut self, filter: impl Into<String>) -> Self {
        self.filters.push(filter.into());
        self
    }

    /// Asks for devices that have each word of the text in one of the searched properties.
    pub(crate) fn search(self, text: &str) -> Self {
        self.option("$search", words(text))
    }

    /// Asks for pages of at most so many items.
    pub(crate) fn top(self, most: usize) -> Self {
        self.option("$top", most.to_string())
    }

    fn option(mut self, name: &'static str, value: String) -> Self {
        self.options.push((name, value));
        self
    }

    /// The path and the query, ready for a URL.
    pub(crate) fn url(&self) -> String {
        let filter = match self.filters.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            several => Some(several.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join(" and ")),
        };
        let filter = filter.map(|filter| ("$filter", filter));
        let options = filter.iter().chain(&self.options);
        let options: Vec<_> = options.map(|(name, value)| format!("{name}={}", segment(value))).collect();
        if options.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, options.join("&")) }
    }
}

/// A text as one segment of a path, or one value of a query.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A text as a literal of a filter.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A comparison of a property with a text.
pub(crate) fn equals(property: &str, text: &str) -> String {
    format!("{property} eq {}", literal(text))
}

/// A test for the beginning of a property.
pub(crate) fn begins(property: &str, text: &str) -> String {
    format!("startswith({property},{})", literal(text))
}

/// The words of a text, each quoted, so that no character in them has another meaning.
fn words(text: &str) -> String {
    let quoted = |word: &str| format!("\"{}\"", word.replace('"', "\"\""));
    text.split_whitespace().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_any_character_is_one_value() {
        for (name, url) in [
            ("ANA-LT1", "/d?$filter=deviceName%20eq%20%27ANA-LT1%27"),
            ("O'Brien", "/d?$filter=deviceName%20eq%20%27O%27%27Brien%27"),
            ("a&$top=1", "/d?$filter=deviceName%20eq%20%27a%26%24top%3D1%27"),
            ("100%25", "/d?$filter=deviceName%20eq%20%27100%2525%27"),
            ("c#/x+y", "/d?$filter=deviceName%20eq%20%27c%23%2Fx%2By%27"),
            ("' or id ne '", "/d?$filter=deviceName%20eq%20%27%27%27%20or%20id%20ne%20%27%27%27"),
            ("é", "/d?$filter=deviceName%20eq%20%27%C3%A9%27"),
        ] {
            assert_eq!(Question::of("/d").filter(equals("deviceName", name)).url(), url);
        }
    }

    #[test]
    fn filters_are_joined_and_words_are_quoted() {
        let asked = Question::of("/d").select(&["id", "model"]).filter("a eq 1 or b eq 2").filter("c eq 3").top(2);
        let filter = "$filter=%28a%20eq%201%20or%20b%20eq%202%29%20and%20%28c%20eq%203%29";
        assert_eq!(asked.url(), format!("/d?{filter}&$select=id%2Cmodel&$top=2"));
        assert_eq!(words(" ana  \"so(u)za OR "), r#""ana" """so(u)za" "OR""#);
        assert_eq!(Question::of("/d").url(), "/d");
    }
}
