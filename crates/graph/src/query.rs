//! The query options that are supported: `$select`, `$top`, `$skiptoken`, `$count`. Any other option is
//! refused by name, because an ignored `$filter` would answer with every device.

use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::model::{EntityType, Property};
use crate::resolve::{Version, encode};

/// Items of a page, when nothing else is asked; also the most that can be asked.
pub const MAX_PAGE: usize = 1000;

/// Options that OData knows, without `$`: Graph takes them in both spellings.
const SYSTEM_OPTIONS: [&str; 14] = [
    "apply",
    "compute",
    "count",
    "deltatoken",
    "expand",
    "filter",
    "format",
    "id",
    "index",
    "orderby",
    "schemaversion",
    "search",
    "skip",
    "levels",
];

/// What is wrong with the query.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// An option that is not supported.
    #[error(
        "The query option '{0}' is not supported here. Supported are $select on entities and lists, and $top, $skiptoken and $count on lists."
    )]
    Unsupported(String),
    /// An option given twice.
    #[error("The query option '{0}' is given more than once.")]
    Repeated(&'static str),
    /// A value that is none.
    #[error("The value of the query option '{option}' must be {expected}.")]
    Value {
        /// Which option.
        option: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// `$select` of something the type does not have.
    #[error("Could not find a property named '{name}' on type 'microsoft.graph.{entity}'.")]
    Property {
        /// As asked.
        name: String,
        /// The type.
        entity: &'static str,
    },
    /// Percent-encoding that is no text.
    #[error("The query string is not valid UTF-8 when percent-decoded.")]
    NotText,
}

/// The options of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Names as asked; `*` stays.
    pub select: Option<Vec<String>>,
    /// `$top`, at most [`MAX_PAGE`].
    pub top: Option<usize>,
    /// The cursor.
    pub skiptoken: Option<String>,
    /// `$count` was given.
    pub count: bool,
}

impl Query {
    /// Reads a query string.
    pub fn parse(text: Option<&str>) -> Result<Self, QueryError> {
        let mut query = Self::default();
        for pair in text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            query.add(&decode(name)?, decode(value)?)?;
        }
        Ok(query)
    }

    fn add(&mut self, name: &str, value: String) -> Result<(), QueryError> {
        let lower = name.to_ascii_lowercase();
        match lower.strip_prefix('$').unwrap_or(&lower) {
            "select" => {
                let names = value.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
                let names: Vec<_> = names.collect();
                if names.is_empty() {
                    return Err(QueryError::Value { option: "$select", expected: "a list of property names" });
                }
                set(&mut self.select, names, "$select")
            }
            "top" => {
                let top = value.parse::<usize>().ok().filter(|top| *top > 0);
                let top = top.ok_or(QueryError::Value { option: "$top", expected: "a number from 1" })?;
                set(&mut self.top, top.min(MAX_PAGE), "$top")
            }
            "skiptoken" => set(&mut self.skiptoken, value, "$skiptoken"),
            "count" => match value.to_ascii_lowercase().as_str() {
                "true" | "false" => {
                    self.count = true;
                    Ok(())
                }
                _ => Err(QueryError::Value { option: "$count", expected: "true or false" }),
            },
            option if lower.starts_with('$') || SYSTEM_OPTIONS.contains(&option) => {
                Err(QueryError::Unsupported(name.to_owned()))
            }
            // OData leaves other names to the client: they mean nothing to the service.
            _ => Ok(()),
        }
    }

    /// Refuses the options of lists.
    pub fn only_select(&self) -> Result<(), QueryError> {
        let given = [("$top", self.top.is_some()), ("$skiptoken", self.skiptoken.is_some()), ("$count", self.count)];
        given
            .iter()
            .find(|(_, given)| *given)
            .map_or(Ok(()), |(name, _)| Err(QueryError::Unsupported((*name).to_owned())))
    }

    /// Refuses every option.
    pub fn nothing(&self) -> Result<(), QueryError> {
        match self.select {
            Some(_) => Err(QueryError::Unsupported("$select".to_owned())),
            None => self.only_select(),
        }
    }

    /// What `$select` means for that type.
    pub fn selection(&self, entity: &EntityType, version: Version) -> Result<Selection, QueryError> {
        let Some(names) = &self.select else { return Ok(Selection::Default) };
        let mut chosen = Vec::new();
        let mut all = false;
        for name in names {
            if name == "*" {
                all = true;
                continue;
            }
            let property = entity.property(name).filter(|property| is_served(property, entity, version));
            let property = property.ok_or_else(|| QueryError::Property { name: name.clone(), entity: entity.name })?;
            chosen.push(property.name);
        }
        Ok(if all { Selection::All(chosen) } else { Selection::Only(chosen) })
    }

    /// The query string of the next page.
    pub fn next(&self, cursor: &str) -> String {
        let mut parts = Vec::new();
        if let Some(select) = &self.select {
            parts.push(format!("$select={}", select.iter().map(|name| encode(name)).collect::<Vec<_>>().join(",")));
        }
        if let Some(top) = self.top {
            parts.push(format!("$top={top}"));
        }
        parts.push(format!("$skiptoken={}", encode(cursor)));
        parts.join("&")
    }
}

/// Whether a version serves a property. Types that only beta documents are whole in both versions.
pub fn is_served(property: &Property, entity: &EntityType, version: Version) -> bool {
    version == Version::Beta || entity.beta_only || !property.beta_only
}

/// What a response holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// What is served without `$select`.
    Default,
    /// Everything; these were named besides.
    All(Vec<&'static str>),
    /// These.
    Only(Vec<&'static str>),
}

impl Selection {
    /// Whether that property is served.
    pub fn contains(&self, property: &Property) -> bool {
        match self {
            Self::Default => !property.on_select,
            Self::All(_) => true,
            Self::Only(names) => names.contains(&property.name),
        }
    }

    /// Whether the caller wrote the name of that property.
    pub fn names(&self, name: &str) -> bool {
        match self {
            Self::Default => false,
            Self::All(names) | Self::Only(names) => names.contains(&name),
        }
    }

    /// The part of `@odata.context` that tells the selection.
    pub fn context(&self) -> String {
        match self {
            Self::Default | Self::All(_) => String::new(),
            Self::Only(names) => format!("({})", names.join(",")),
        }
    }
}

fn set<T>(slot: &mut Option<T>, value: T, option: &'static str) -> Result<(), QueryError> {
    match slot.replace(value) {
        Some(_) => Err(QueryError::Repeated(option)),
        None => Ok(()),
    }
}

fn decode(text: &str) -> Result<String, QueryError> {
    let spaces = text.replace('+', " ");
    percent_decode_str(&spaces).decode_utf8().map(Into::into).map_err(|_| QueryError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_it_does_not_do_in_every_spelling() {
        for option in [
            "$filter=a eq 1",
            "%24filter=x",
            "filter=x",
            "$orderby=a",
            "$expand=users",
            "$skip=1",
            "$search=x",
            "$new=1",
            "%24top%3D=1",
        ] {
            assert!(matches!(Query::parse(Some(option)), Err(QueryError::Unsupported(_))), "{option}");
        }
    }

    #[test]
    fn reads_what_it_does_in_every_spelling() {
        let query =
            Query::parse(Some("%24select=id,%20DeviceName&$TOP=5&skiptoken=a%2Bb&$count=true&x=y")).expect("fine");
        assert_eq!(query.select, Some(vec!["id".to_owned(), "DeviceName".to_owned()]));
        assert_eq!((query.top, query.skiptoken.as_deref()), (Some(5), Some("a+b")));
    }

    #[test]
    fn refuses_values_that_mean_nothing() {
        for option in ["$top=0", "$top=-1", "$top=ten", "$top=", "$count=1", "$select=", "$top=1&$top=2"] {
            assert!(Query::parse(Some(option)).is_err(), "{option}");
        }
    }

    #[test]
    fn a_page_is_never_larger_than_the_limit() {
        assert_eq!(Query::parse(Some("$top=5000")).map(|query| query.top), Ok(Some(MAX_PAGE)));
    }

    #[test]
    fn the_next_page_asks_the_same_question() {
        let query = Query::parse(Some("$select=id,model&$top=2")).expect("fine");
        let next = query.next("a=b&c/d");
        let again = Query::parse(Some(&next)).expect("our own query");
        assert_eq!(again, Query { skiptoken: Some("a=b&c/d".to_owned()), ..query });
    }
}
