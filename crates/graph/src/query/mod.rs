//! The query options: read, or refused by name and place. Nothing is ignored, because an ignored `$filter` would answer with
//! every device.

mod cursor;
mod error;
mod expand;
mod fields;
mod filter;
mod order;
mod page;
mod scan;

use chaveiro_core::query::{Filter, Listing};
use percent_encoding::percent_decode_str;

use self::cursor::Question;
pub use self::error::QueryError;
pub use self::expand::Expand;
pub use self::fields::{Fields, Source, is_served};
pub use self::filter::{MAX_BYTES, MAX_COMPARISONS, MAX_DEPTH, parse as parse_filter};
pub use self::page::{MAX_EXPANDED_PAGE, MAX_PAGE, MAX_SKIP};
use crate::model::{EntityType, Property};
use crate::resolve::{Version, Walk, encode};

/// Options that OData knows and that are not supported, without `$`: Graph takes them in both spellings.
const REFUSED: [&str; 8] = ["apply", "compute", "deltatoken", "format", "id", "index", "schemaversion", "levels"];

/// The options of one request, as they were asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Names; `*` stays.
    pub select: Option<Vec<String>>,
    /// `$top`, at most [`MAX_PAGE`].
    pub top: Option<usize>,
    /// `$skip`.
    pub skip: Option<usize>,
    /// The cursor.
    pub skiptoken: Option<String>,
    /// `$count`.
    pub count: Option<bool>,
    /// `$filter`.
    pub filter: Option<String>,
    /// `$search`.
    pub search: Option<String>,
    /// `$orderby`.
    pub orderby: Option<String>,
    /// `$expand`.
    pub expand: Option<String>,
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
                // More digits than a number has are more than a page, too.
                let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                let top = digits.then(|| value.parse::<usize>().unwrap_or(usize::MAX)).filter(|top| *top > 0);
                let top = top.ok_or(QueryError::Value { option: "$top", expected: "a number from 1" })?;
                set(&mut self.top, top.min(MAX_PAGE), "$top")
            }
            "skip" => {
                let skip = value.parse::<usize>().ok().filter(|skip| *skip <= MAX_SKIP);
                let expected = "a number up to 10000; follow @odata.nextLink for more";
                set(&mut self.skip, skip.ok_or(QueryError::Value { option: "$skip", expected })?, "$skip")
            }
            "filter" => set(&mut self.filter, value, "$filter"),
            "search" => set(&mut self.search, value, "$search"),
            "orderby" => set(&mut self.orderby, value, "$orderby"),
            "expand" => set(&mut self.expand, value, "$expand"),
            "skiptoken" => set(&mut self.skiptoken, value, "$skiptoken"),
            "count" => match value.to_ascii_lowercase().as_str() {
                "true" => set(&mut self.count, true, "$count"),
                "false" => set(&mut self.count, false, "$count"),
                _ => Err(QueryError::Value { option: "$count", expected: "true or false" }),
            },
            option if lower.starts_with('$') || REFUSED.contains(&option) => {
                Err(QueryError::Unsupported(name.to_owned()))
            }
            // OData leaves other names to the client: they mean nothing to the service.
            _ => Ok(()),
        }
    }

    /// Refuses every option that is given and not among these, which are named without `$`.
    pub fn only(&self, allowed: &[&str]) -> Result<(), QueryError> {
        let given = [
            ("$select", self.select.is_some()),
            ("$expand", self.expand.is_some()),
            ("$filter", self.filter.is_some()),
            ("$search", self.search.is_some()),
            ("$orderby", self.orderby.is_some()),
            ("$top", self.top.is_some()),
            ("$skip", self.skip.is_some()),
            ("$skiptoken", self.skiptoken.is_some()),
            ("$count", self.count.is_some()),
        ];
        let refused = given.iter().find(|(name, given)| *given && !allowed.contains(&&name[1..]));
        refused.map_or(Ok(()), |(name, _)| Err(QueryError::Unsupported((*name).to_owned())))
    }

    /// `$filter` and `$search` together.
    pub fn filter<F: Fields>(&self, entity: &'static EntityType, version: Version) -> Result<Filter<F>, QueryError> {
        let filter = self.filter.as_deref().map(|text| filter::parse(text, entity, version)).transpose()?;
        let search = self.search.as_deref().map(|text| order::search(text, entity)).transpose()?;
        Ok(Filter::all(filter.into_iter().chain(search).collect()))
    }

    /// The question to the list at the end of that walk.
    pub fn listing<F: Fields>(&self, entity: &'static EntityType, walk: &Walk) -> Result<Listing<F>, QueryError> {
        if self.skip.is_some() && self.skiptoken.is_some() {
            let expected = "left out beside $skiptoken, which says where the page begins";
            return Err(QueryError::Value { option: "$skip", expected });
        }
        let filter = self.filter(entity, walk.version)?;
        let order = self.orderby.as_deref().map(|text| order::parse(text, entity, walk.version)).transpose()?;
        let after = self.skiptoken.as_deref();
        let after = after.map(|token| cursor::decode(token, &self.question(&walk.canonical()))).transpose()?;
        let most = match self.expands(walk)?.iter().any(|expand| expand.edge.many) {
            true => MAX_EXPANDED_PAGE,
            false => MAX_PAGE,
        };
        Ok(Listing {
            filter,
            order: order.unwrap_or_default(),
            after,
            skip: self.skip.unwrap_or(0),
            limit: self.top.unwrap_or(most).min(most),
        })
    }

    /// Refuses what cannot be asked of the list at the end of that walk, before anything is read.
    pub fn check<F: Fields>(&self, entity: &'static EntityType, walk: &Walk) -> Result<(), QueryError> {
        self.listing::<F>(entity, walk).map(drop)
    }

    /// The edges that are expanded from the entities at the end of that walk.
    pub fn expands(&self, walk: &Walk) -> Result<Vec<Expand>, QueryError> {
        self.expand.as_deref().map_or(Ok(Vec::new()), |text| expand::parse(text, walk.model, walk.target()))
    }

    /// The selection that `$select` means for that type.
    pub fn selection(&self, entity: &EntityType, version: Version) -> Result<Selection, QueryError> {
        self.select.as_deref().map_or(Ok(Selection::Default), |names| Selection::of(names, entity, version))
    }

    /// The question to a list that its cursors belong to.
    fn question<'a>(&'a self, list: &'a str) -> Question<'a> {
        let text = |option: &'a Option<String>| option.as_deref().unwrap_or_default();
        Question { list, filter: text(&self.filter), search: text(&self.search), orderby: text(&self.orderby) }
    }

    /// The query string of the page after that cursor, of the list at the end of that walk.
    pub fn next(&self, cursor: &chaveiro_core::query::Cursor, walk: &Walk) -> String {
        let select = self.select.as_ref().map(|names| names.join(","));
        let text = |option: &Option<String>| option.clone();
        let parts = [
            ("$select", select),
            ("$expand", text(&self.expand)),
            ("$filter", text(&self.filter)),
            ("$search", text(&self.search)),
            ("$orderby", text(&self.orderby)),
            ("$count", self.count.map(|count| count.to_string())),
            ("$top", self.top.map(|top| top.to_string())),
            ("$skiptoken", Some(cursor::encode(cursor, &self.question(&walk.canonical())))),
        ];
        let parts = parts.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", encode(&value?))));
        parts.collect::<Vec<_>>().join("&")
    }
}

/// The properties that a response holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Those that are served without `$select`.
    Default,
    /// Everything; these were named besides.
    All(Vec<&'static str>),
    /// These.
    Only(Vec<&'static str>),
}

impl Selection {
    /// The properties of that type with these names.
    pub fn of(names: &[String], entity: &EntityType, version: Version) -> Result<Self, QueryError> {
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
        Ok(if all { Self::All(chosen) } else { Self::Only(chosen) })
    }

    /// Returns true if that property is served.
    pub fn contains(&self, property: &Property) -> bool {
        match self {
            Self::Default => !property.on_select,
            Self::All(_) => true,
            Self::Only(names) => names.contains(&property.name),
        }
    }

    /// Returns true if items of a list show their tag: a caller that names properties gets these alone.
    pub fn shows_tag(&self) -> bool {
        !matches!(self, Self::Only(_))
    }

    /// Returns true if the caller wrote the name of that property.
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
mod tests;
