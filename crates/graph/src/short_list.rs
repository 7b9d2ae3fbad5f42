//! Lists of which a tenant has few items. They are read whole, and filtered, ordered and paged here, by the rules of
//! [`chaveiro_core::query`] that hold in the store too.

use std::cmp::Ordering;

use chaveiro_core::query::{Cursor, Filter, Listing, Paged, Value, compare, moment};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::model::{Edm, EntityType, Property};
use crate::query::{Fields, Selection, Source};
use crate::render::Form;
use crate::render::outline::{Outline, Values};
use crate::resolve::Version;

static EVERYTHING: Selection = Selection::All(Vec::new());

/// A property as lists serve it.
#[derive(Clone, Debug)]
pub struct Rendered(Property);

impl Fields for Rendered {
    const SEARCHED: &'static [Self] = &[];

    fn source(property: &Property) -> Option<Source<Self>> {
        let simple = !matches!(property.edm, Edm::Binary | Edm::Complex(_) | Edm::Collection(_));
        simple.then_some(Source::Field(Self(*property)))
    }
}

impl Rendered {
    fn value<R: Values>(&self, item: &Item<R>) -> Value {
        match Outline::new(item.of, item.version, &EVERYTHING, Form::Listed).value(self.0.name, &item.row) {
            Json::Bool(flag) => Value::Flag(flag),
            Json::Number(number) => number.as_i64().map_or(Value::Null, Value::Number),
            Json::String(text) if matches!(self.0.edm, Edm::DateTime) => moment(&text).map_or(Value::Null, Value::Time),
            Json::String(text) => text.into(),
            Json::Null | Json::Array(_) | Json::Object(_) => Value::Null,
        }
    }
}

/// One item, and its place when nothing else orders them. Items of the same place go by their ids.
#[derive(Clone, Debug)]
pub(crate) struct Item<R> {
    /// The place: the smaller comes first.
    pub(crate) place: i64,
    /// The type.
    pub(crate) of: &'static EntityType,
    /// The version in which it is served.
    pub(crate) version: Version,
    /// The entity.
    pub(crate) row: R,
}

/// The place of an item as a cursor has it, in the same order.
fn place_of(place: i64) -> Uuid {
    Uuid::from_u128(u128::from(place.wrapping_sub(i64::MIN).cast_unsigned()))
}

/// The number of items that match.
pub(crate) fn count<R: Values>(filter: &Filter<Rendered>, items: &[Item<R>]) -> u64 {
    items.iter().filter(|item| filter.matches(&|field: &Rendered| field.value(item))).count() as u64
}

/// The page that was asked for.
pub(crate) fn page<R: Values>(listing: &Listing<Rendered>, items: Vec<Item<R>>) -> Paged<R> {
    let place = |item: &Item<R>| {
        let mut keys: Vec<_> = listing.order.iter().map(|order| order.field.value(item)).collect();
        keys.push(Rendered(item.of.properties[0]).value(item));
        Cursor { keys, place: place_of(item.place) }
    };
    let in_order = |one: &Cursor, other: &Cursor| {
        let by_keys = listing.order.iter().zip(one.keys.iter().zip(&other.keys)).map(|(order, (one, other))| {
            let ascending = compare(one, other);
            if order.descending { ascending.reverse() } else { ascending }
        });
        let by_keys = by_keys.fold(Ordering::Equal, Ordering::then);
        let id = |cursor: &Cursor| cursor.keys.last().cloned().unwrap_or(Value::Null);
        by_keys.then(one.place.cmp(&other.place)).then_with(|| compare(&id(one), &id(other)))
    };
    let matching = items.into_iter().filter(|item| listing.filter.matches(&|field: &Rendered| field.value(item)));
    let mut placed: Vec<_> = matching.map(|item| (place(&item), item.row)).collect();
    placed.sort_by(|(one, _), (other, _)| in_order(one, other));
    if let Some(after) = &listing.after {
        placed.retain(|(place, _)| in_order(place, after).is_gt());
    }
    let mut rest = placed.into_iter().skip(listing.skip);
    let (mut items, mut last) = (Vec::new(), None);
    for (place, row) in rest.by_ref().take(listing.limit) {
        items.push(row);
        last = Some(place);
    }
    let more = rest.next().is_some();
    Paged { items, next: last.filter(|_| more) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{APPLICATION, MODEL};
    use crate::query::{OF_LIST, Query, Taken};
    use crate::render::outline::Wanted;

    impl Values for (i64, &'static str) {
        fn value(&self, wanted: Wanted) -> Option<Json> {
            match wanted.property.name {
                "id" => Some(format!("i{}", self.0).into()),
                "displayName" => Some(self.1.into()),
                "createdDateTime" => Some("2027-01-15T08:00:00Z".into()),
                _ => None,
            }
        }
    }

    fn items() -> Vec<Item<(i64, &'static str)>> {
        let item = |(number, name): (i64, &'static str)| Item {
            place: number,
            of: &APPLICATION,
            version: Version::Beta,
            row: (number, name),
        };
        [(1, "b"), (2, "a"), (3, "C"), (4, "a"), (5, "d")].map(item).into()
    }

    fn asked(query: &str) -> (Query, Listing<Rendered>) {
        let walk = MODEL.parse("/beta/applications").expect("a walk");
        let query = Query::parse(Some(query), &Taken { options: OF_LIST, place: String::new() }).expect("a query");
        let listing = query.listing(&APPLICATION, &walk).expect("a listing");
        (query, listing)
    }

    #[test]
    fn pages_of_one_follow_each_other_to_the_end_in_every_order() {
        for (query, expected) in [
            ("$top=1", vec!["b", "a", "C", "a", "d"]),
            ("$top=1&$orderby=displayName", vec!["a", "a", "b", "C", "d"]),
            ("$top=1&$orderby=displayName desc", vec!["d", "C", "b", "a", "a"]),
            ("$top=1&$filter=startswith(displayName,'A') or displayName eq 'c'", vec!["a", "C", "a"]),
            ("$top=1&$filter=createdDateTime gt 2027-01-15T08:00:00Z", vec![]),
            ("$top=1&$skip=4", vec!["d"]),
        ] {
            let (_, mut listing) = asked(query);
            let mut found = Vec::new();
            loop {
                let page = page(&listing, items());
                found.extend(page.items.iter().map(|(_, name)| *name));
                match page.next {
                    Some(next) => (listing.after, listing.skip) = (Some(next), 0),
                    None => break,
                }
            }
            assert_eq!(found, expected, "{query}");
        }
    }

    #[test]
    fn an_item_that_goes_between_two_pages_takes_no_other_with_it() {
        let (_, mut listing) = asked("$top=2");
        let mut left = items();
        listing.after = page(&listing, left.clone()).next;
        left.drain(..2);
        let numbers: Vec<_> = page(&listing, left).items.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [3, 4]);
    }
}
