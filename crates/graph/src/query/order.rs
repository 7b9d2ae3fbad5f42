//! `$orderby` and `$search`.

use chaveiro_core::query::{Filter, Order, Test};

use super::detail::{Awaited, detail};
use super::error::QueryError;
use super::fields::{Fields, Source, find_path};
use super::scan::Scan;
use crate::model::{Edm, EntityType};
use crate::resolve::Version;

/// Most keys of an order.
pub(super) const MAX_KEYS: usize = 4;

/// Longest search, and most words of it.
pub(super) const MAX_SEARCH_BYTES: usize = 256;
/// See [`MAX_SEARCH_BYTES`].
pub(super) const MAX_WORDS: usize = 8;

/// Reads `deviceName desc,id`.
pub(super) fn parse<F: Fields>(
    text: &str,
    entity: &'static EntityType,
    version: Version,
) -> Result<Vec<Order<F>>, QueryError> {
    const OPTION: &str = "$orderby";
    let mut scan = Scan::new(OPTION, text);
    let mut order = Vec::new();
    loop {
        let at = scan.at();
        let name = scan.name();
        if name.is_empty() {
            return Err(scan.expected(Awaited("property", "a property")));
        }
        let (property, source) = find_path(&mut scan, name, at, entity, version)?;
        if matches!(property.edm, Edm::Collection(_)) {
            let problem =
                detail!("orderOfCollection", "'{name}' is a collection and has no order", name = property.name);
            return Err(scan.problem(at, problem));
        }
        if order.len() == MAX_KEYS {
            return Err(scan.problem(at, detail!("tooManyKeys", "more than {most} properties", most = MAX_KEYS)));
        }
        let descending = scan.keyword("desc");
        if !descending {
            scan.keyword("asc");
        }
        // What is the same everywhere orders nothing.
        if let Source::Field(field) = source {
            order.push(Order { field, descending });
        }
        if scan.is_at_end() {
            return Ok(order);
        }
        scan.need(',', Awaited("directionOrEnd", "asc, desc, a comma or the end"))?;
    }
}

/// Reads `word "two words"`: each must be part of one of the fields that are searched.
pub(super) fn search<F: Fields>(text: &str, entity: &'static EntityType) -> Result<Filter<F>, QueryError> {
    const OPTION: &str = "$search";
    let mut scan = Scan::new(OPTION, text);
    if F::SEARCHED.is_empty() {
        let problem = detail!(
            "notSearched",
            "{entity} cannot be searched, only managedDevice; use $filter",
            entity = entity.name,
        );
        return Err(scan.problem(1, problem));
    }
    if text.len() > MAX_SEARCH_BYTES {
        return Err(
            scan.problem(1, detail!("searchTooLong", "a search has at most {most} bytes", most = MAX_SEARCH_BYTES))
        );
    }
    let mut parts = Vec::new();
    while !scan.is_at_end() {
        let at = scan.at();
        let is_quoted = scan.touches('"');
        let word = if is_quoted { scan.quoted('"')? } else { scan.until_space().to_owned() };
        if let Some((property, _)) = word.split_once(':').filter(|(name, _)| entity.property(name).is_some()) {
            let problem = detail!(
                "searchOfProperty",
                "a search is not for one property; use $filter=contains({name},'...')",
                name = property,
            );
            return Err(scan.problem(at, problem));
        }
        match word.as_str() {
            "" => {
                let problem = detail!("nothingQuoted", "there is nothing between the quotes");
                return Err(scan.problem(at, problem));
            }
            "AND" | "OR" | "NOT" if !is_quoted => {
                let problem = detail!("searchOperators", "AND, OR and NOT are not supported; every word must be found");
                return Err(scan.problem(at, problem));
            }
            _ if !is_quoted && (word.contains(['"', '(', ')']) || word.chars().any(char::is_control)) => {
                let problem = detail!("quotesNeeded", "put words with special characters into double quotes");
                return Err(scan.problem(at, problem));
            }
            _ => {}
        }
        if parts.len() == MAX_WORDS {
            return Err(scan.problem(at, detail!("tooManyWords", "more than {most} words", most = MAX_WORDS)));
        }
        let is = |field: &F| Filter::Is { field: field.clone(), test: Test::Contains(word.clone()), holds: true };
        parts.push(Filter::any(F::SEARCHED.iter().map(is).collect()));
    }
    match parts.is_empty() {
        true => Err(scan.expected(Awaited("word", "a word"))),
        false => Ok(Filter::all(parts)),
    }
}
