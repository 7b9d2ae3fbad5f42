//! The query options: read, or refused by name and place. Nothing is ignored, because an ignored `$filter` would answer with
//! every device. [`Taken`] says which options a request has.

mod cursor;
mod detail;
mod error;
mod expand;
mod fields;
mod filter;
mod options;
mod order;
mod page;
mod scan;
mod selection;

use chaveiro_core::query::{Filter, Listing};
use percent_encoding::percent_decode_str;

use self::cursor::Question;
pub use self::detail::Detail;
pub(crate) use self::detail::detail;
pub use self::error::QueryError;
pub use self::expand::Expand;
pub use self::fields::{Fields, Source, constant};
pub use self::filter::{MAX_BYTES, MAX_COMPARISONS, MAX_DEPTH, parse as parse_filter};
pub use self::options::{OF_ANSWER, OF_COUNT, OF_ENTITY, OF_LIST, Taken};
pub use self::page::{MAX_EXPANDED_PAGE, MAX_PAGE, MAX_SKIP};
pub use self::selection::{Named, Selection};
use crate::model::EntityType;
use crate::resolve::{Version, Walk, encode};

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
    /// `$format`.
    pub format: Option<String>,
    /// The most items of a page that the caller prefers, by a header.
    pub preferred: Option<usize>,
}

impl Query {
    /// Reads a query string of a request that takes these options. Graph takes their names without `$`, too.
    pub fn parse(text: Option<&str>, taken: &Taken) -> Result<Self, QueryError> {
        let mut query = Self::default();
        for pair in text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if !options::is_ignored(&name, &value) {
                query.add(taken.named(&name)?, value)?;
            }
        }
        Ok(query)
    }

    fn add(&mut self, option: &'static str, value: String) -> Result<(), QueryError> {
        let wrong = |expected| QueryError::value(option, &value, expected);
        match option {
            "$select" => {
                let names = value.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
                let names: Vec<_> = names.collect();
                if names.is_empty() {
                    return Err(wrong(detail!("propertyNames", "a list of property names")));
                }
                set(&mut self.select, names, option)
            }
            "$top" => {
                // More digits than a number has are more than a page, too.
                let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                let top = digits.then(|| value.parse::<usize>().unwrap_or(usize::MAX));
                let top = top.ok_or_else(|| wrong(detail!("numberFromZero", "a number from 0")))?;
                set(&mut self.top, top.min(MAX_PAGE), option)
            }
            "$skip" => {
                let skip =
                    value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse::<usize>().ok()).flatten();
                let skip = skip.filter(|skip| *skip <= MAX_SKIP);
                let skip = skip.ok_or_else(|| {
                    wrong(detail!(
                        "numberUpTo",
                        "a number up to {most}; follow @odata.nextLink for more",
                        most = MAX_SKIP
                    ))
                })?;
                set(&mut self.skip, skip, option)
            }
            "$count" => match value.to_ascii_lowercase().as_str() {
                "true" => set(&mut self.count, true, option),
                "false" => set(&mut self.count, false, option),
                _ => Err(wrong(detail!("trueOrFalse", "true or false"))),
            },
            "$filter" => set(&mut self.filter, value, option),
            "$search" => set(&mut self.search, value, option),
            "$orderby" => set(&mut self.orderby, value, option),
            "$expand" => set(&mut self.expand, value, option),
            "$skiptoken" => set(&mut self.skiptoken, value, option),
            "$format" => set(&mut self.format, value, option),
            _ => Err(wrong(detail!("leftOut", "left out: it has no meaning here"))),
        }
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
            let expected =
                detail!("leftOutBesideSkiptoken", "left out beside $skiptoken, which says where the page begins");
            return Err(QueryError::value("$skip", &self.skip.unwrap_or_default().to_string(), expected));
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
            limit: self.top.unwrap_or(most).min(most).min(self.preferred.unwrap_or(most)),
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
            ("$format", text(&self.format)),
            ("$skiptoken", Some(cursor::encode(cursor, &self.question(&walk.canonical())))),
        ];
        let parts = parts.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", encode(&value?))));
        parts.collect::<Vec<_>>().join("&")
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
