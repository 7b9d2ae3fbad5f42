//! Queries to a list: a filter, an order, a page. They are plain data that a store translates. [`Filter::matches`]
//! answers them for one item without a store, so that the two can be compared.
//!
//! Null follows OData 4.01, Part 2, 5.1.1. `eq` and `ne` are true or false; every other comparison with null, and every
//! function of null, is false. A negation reverses that. Text is compared without regard to ASCII case, as production
//! Graph does. In an order, null comes first.
//!
//! Each list has a type for its fields: [`DeviceField`], [`ResourceField`]. Only a property that differs from item to
//! item is a field. One that is equal for all items is decided before a filter is made.

mod action_field;
mod audit_field;
mod field;

use std::cmp::Ordering;
use std::fmt;

use jiff::civil;
use jiff::fmt::temporal::Pieces;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use uuid::Uuid;

pub use crate::device::DeviceFacts;
pub use action_field::ActionField;
pub use audit_field::AuditField;
pub use field::{DeviceField, MemberKind, ResourceField};

/// Graph's time of "never", 0001-01-01T00:00:00Z, in microseconds since 1970.
pub const NEVER: i64 = -62_135_596_800_000_000;

/// A value of a property or of a literal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Value {
    /// No value.
    Null,
    /// True or false.
    Flag(bool),
    /// An integer.
    Number(i64),
    /// Microseconds since 1970, UTC. Graph's "never" and its end of time exceed the range of `Timestamp`.
    Time(i64),
    /// Text, or the name of a member of an enum.
    Text(SmolStr),
    /// A collection of texts; a literal never is one.
    Texts(Vec<String>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// The test of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `eq`; [`Value::Null`] matches a missing value.
    Equal(Value),
    /// `lt`.
    Less(Value),
    /// `le`.
    AtMost(Value),
    /// `gt`.
    Greater(Value),
    /// `ge`.
    AtLeast(Value),
    /// `startswith`.
    StartsWith(String),
    /// `endswith`.
    EndsWith(String),
    /// `contains`.
    Contains(String),
    /// `any(t:t eq '...')`, to the letter: collections here hold identifiers.
    Has(String),
}

/// A condition in negation normal form: only a test can be negated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter<F> {
    /// Every one of these; empty is true.
    All(Vec<Self>),
    /// At least one of these; empty is false.
    Any(Vec<Self>),
    /// The test of a field has the wanted outcome.
    Is {
        /// The field.
        field: F,
        /// The test.
        test: Test,
        /// The wanted outcome.
        holds: bool,
    },
}

/// One key of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order<F> {
    /// The field to order by.
    pub field: F,
    /// True if the largest comes first.
    pub descending: bool,
}

/// The end of a page. Only the store that made it can interpret `place`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The sort keys of the last item, in the order of the page.
    pub keys: Vec<Value>,
    /// The place among items with the same keys. It reveals nothing about items of other tenants.
    pub place: Uuid,
}

/// A query to a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<F> {
    /// The items wanted.
    pub filter: Filter<F>,
    /// The order; empty leaves it to the store. Items with equal keys come in the order in which they were made.
    pub order: Vec<Order<F>>,
    /// The cursor to continue after: [`Paged::next`] of a page of the same filter and order.
    pub after: Option<Cursor>,
    /// The number of items to skip. Only without `after`.
    pub skip: usize,
    /// Most items of the page.
    pub limit: usize,
}

/// The items of one page. An item that exists throughout comes exactly once, even if others are added or removed
/// between pages. An item whose sort key changes meanwhile may come twice or be missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paged<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page, if there is one.
    pub next: Option<Cursor>,
}

impl<F> Listing<F> {
    /// Returns a query for the first of all items.
    pub fn first(limit: usize) -> Self {
        Self { filter: Filter::always(), order: Vec::new(), after: None, skip: 0, limit }
    }

    /// Returns true if every item is wanted, in no special order.
    pub fn is_plain(&self) -> bool {
        self.filter.is_always() && self.order.is_empty()
    }
}

impl<F> Filter<F> {
    /// Returns a filter that is true of everything.
    pub fn always() -> Self {
        Self::All(Vec::new())
    }

    /// Returns a filter that is true of nothing.
    pub fn never() -> Self {
        Self::Any(Vec::new())
    }

    /// Returns [`Self::always`] or [`Self::never`].
    pub fn constant(outcome: bool) -> Self {
        if outcome { Self::always() } else { Self::never() }
    }

    /// Returns true if the filter is true of everything, whatever the values.
    pub fn is_always(&self) -> bool {
        matches!(self, Self::All(parts) if parts.is_empty())
    }

    /// Returns true if the filter is true of nothing, whatever the values.
    pub fn is_never(&self) -> bool {
        matches!(self, Self::Any(parts) if parts.is_empty())
    }

    /// Returns the conjunction. Nested conjunctions are flattened, and parts that are decided already are left out.
    pub fn all(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                part if part.is_never() => return Self::never(),
                Self::All(inner) => flat.extend(inner),
                part => flat.push(part),
            }
        }
        alone(flat, Self::All)
    }

    /// Returns the disjunction, flattened in the same way.
    pub fn any(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                part if part.is_always() => return Self::always(),
                Self::Any(inner) => flat.extend(inner),
                part => flat.push(part),
            }
        }
        alone(flat, Self::Any)
    }

    /// Returns true if one of its tests concerns such a field.
    pub fn asks(&self, of: &impl Fn(&F) -> bool) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.asks(of)),
            Self::Is { field, .. } => of(field),
        }
    }

    /// Returns true if the filter is true of the item with these values.
    pub fn matches(&self, get: &impl Fn(&F) -> Value) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(get)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(get)),
            Self::Is { field, test, holds } => test.of(&get(field)) == *holds,
        }
    }
}

/// Returns a single part without a group around it.
fn alone<F>(mut parts: Vec<Filter<F>>, group: fn(Vec<Filter<F>>) -> Filter<F>) -> Filter<F> {
    match parts.len() {
        1 => parts.remove(0),
        _ => group(parts),
    }
}

impl Test {
    /// Returns true if the test is true of that value.
    pub fn of(&self, value: &Value) -> bool {
        let compared = |literal: &Value, fits: fn(Ordering) -> bool| {
            *value != Value::Null && *literal != Value::Null && fits(compare(value, literal))
        };
        let text = |fits: &dyn Fn(&str) -> bool| matches!(value, Value::Text(text) if fits(&text.to_ascii_lowercase()));
        match self {
            Self::Equal(literal) => compare(value, literal).is_eq(),
            Self::Less(literal) => compared(literal, Ordering::is_lt),
            Self::AtMost(literal) => compared(literal, Ordering::is_le),
            Self::Greater(literal) => compared(literal, Ordering::is_gt),
            Self::AtLeast(literal) => compared(literal, Ordering::is_ge),
            Self::StartsWith(part) => text(&|text| text.starts_with(&part.to_ascii_lowercase())),
            Self::EndsWith(part) => text(&|text| text.ends_with(&part.to_ascii_lowercase())),
            Self::Contains(part) => text(&|text| text.contains(&part.to_ascii_lowercase())),
            Self::Has(item) => matches!(value, Value::Texts(items) if items.contains(item)),
        }
    }
}

/// Compares values of one type: null first, text without regard to ASCII case.
pub fn compare(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Flag(_) => 1,
        Value::Number(_) => 2,
        Value::Time(_) => 3,
        Value::Text(_) => 4,
        Value::Texts(_) => 5,
    };
    match (a, b) {
        (Value::Flag(a), Value::Flag(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) | (Value::Time(a), Value::Time(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => {
            let folded = |text: &str| text.bytes().map(|byte| byte.to_ascii_lowercase()).collect::<Vec<_>>();
            folded(a).cmp(&folded(b))
        }
        (Value::Texts(a), Value::Texts(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    }
}

/// Returns the whole microseconds since 1970 of an `Edm.DateTimeOffset`, from year 1 to the end of 9999. Finer digits
/// are dropped.
pub fn moment(text: &str) -> Option<i64> {
    let fits = text.bytes().all(|byte| byte.is_ascii_digit() || b"TtZz:.+-".contains(&byte));
    let pieces = Pieces::parse(text).ok().filter(|_| fits)?;
    let offset = i128::from(pieces.to_numeric_offset()?.seconds());
    let since = pieces.date().to_datetime(pieces.time()?).duration_since(civil::date(1970, 1, 1).at(0, 0, 0, 0));
    let nanoseconds = since.as_nanos() - offset * 1_000_000_000;
    i64::try_from(nanoseconds.div_euclid(1000)).ok()
}

/// Returns the text of a [`moment`], in UTC.
fn moment_text(micros: i64) -> String {
    let since = jiff::SignedDuration::from_micros(micros);
    match civil::date(1970, 1, 1).at(0, 0, 0, 0).checked_add(since) {
        Ok(at) => format!("{at}Z"),
        Err(_) => format!("{micros}us"),
    }
}

impl fmt::Display for Value {
    /// Writes a literal of `$filter`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Time(micros) => f.write_str(&moment_text(*micros)),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Texts(texts) => write!(f, "[{}]", texts.join(",")),
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl<F: fmt::Display> fmt::Display for Filter<F> {
    /// Writes the text of a `$filter` with the same meaning, with the fewest parentheses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, word, empty) = match self {
            Self::All(parts) => (parts, " and ", "true"),
            Self::Any(parts) => (parts, " or ", "false"),
            Self::Is { field, test: Test::Equal(value), holds: false } => return write!(f, "{field} ne {value}"),
            Self::Is { field, test, holds } => {
                f.write_str(if *holds { "" } else { "not " })?;
                return show(f, field, test);
            }
        };
        if parts.is_empty() {
            return f.write_str(empty);
        }
        for (index, part) in parts.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { word })?;
            match (self, part) {
                (Self::All(_), Self::Any(inner)) if !inner.is_empty() => write!(f, "({part})")?,
                _ => write!(f, "{part}")?,
            }
        }
        Ok(())
    }
}

fn show(f: &mut fmt::Formatter<'_>, field: &impl fmt::Display, test: &Test) -> fmt::Result {
    match test {
        Test::Equal(value) => write!(f, "{field} eq {value}"),
        Test::Less(value) => write!(f, "{field} lt {value}"),
        Test::AtMost(value) => write!(f, "{field} le {value}"),
        Test::Greater(value) => write!(f, "{field} gt {value}"),
        Test::AtLeast(value) => write!(f, "{field} ge {value}"),
        Test::StartsWith(text) => write!(f, "startswith({field},{})", quoted(text)),
        Test::EndsWith(text) => write!(f, "endswith({field},{})", quoted(text)),
        Test::Contains(text) => write!(f, "contains({field},{})", quoted(text)),
        Test::Has(text) => write!(f, "{field}/any(t:t eq {})", quoted(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn null_is_equal_to_null_and_nothing_else_is_true_of_it() {
        for (test, of_null) in [
            (Test::Equal(Value::Null), true),
            (Test::Equal(text("")), false),
            (Test::Less(text("z")), false),
            (Test::AtMost(Value::Null), false),
            (Test::AtLeast(text("")), false),
            (Test::StartsWith(String::new()), false),
            (Test::Contains(String::new()), false),
            (Test::Has(String::new()), false),
        ] {
            assert_eq!(test.of(&Value::Null), of_null, "{test:?}");
            let negated = Filter::Is { field: (), test, holds: false };
            assert_eq!(negated.matches(&|()| Value::Null), !of_null, "a negation turns it round");
        }
    }

    #[test]
    fn text_is_compared_without_ascii_case_only() {
        assert!(Test::Equal(text("laptop-a")).of(&text("LAPTOP-A")));
        assert!(!Test::Equal(text("\u{e9}")).of(&text("\u{c9}")));
        assert!(Test::Contains("TOP".to_owned()).of(&text("laptop")));
        assert!(Test::Less(text("B")).of(&text("a")));
        assert!(Test::Has("a".to_owned()).of(&Value::Texts(vec!["a".to_owned()])));
        assert!(!Test::Has("A".to_owned()).of(&Value::Texts(vec!["a".to_owned()])));
    }

    #[test]
    fn groups_are_flat_and_what_is_decided_is_gone() {
        let is = |number| Filter::Is { field: number, test: Test::Equal(Value::Null), holds: true };
        assert_eq!(
            Filter::all(vec![Filter::all(vec![is(1), is(2)]), Filter::always(), is(3)]),
            Filter::All(vec![is(1), is(2), is(3)])
        );
        assert_eq!(Filter::all(vec![is(1), Filter::never()]), Filter::never());
        assert_eq!(Filter::any(vec![is(1), Filter::never()]), is(1));
        assert_eq!(Filter::any(vec![is(1), Filter::always()]), Filter::always());
    }

    #[test]
    fn moments_reach_from_never_to_the_end_of_time() {
        for (at, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T02:00:00.5+02:00", Some(500_000)),
            ("1969-12-31T23:59:59.9999999Z", Some(-1)),
            ("0001-01-01T00:00:00Z", Some(-62_135_596_800_000_000)),
            ("9999-12-31T23:59:59.9999999Z", Some(253_402_300_799_999_999)),
            ("2026-01-31", None),
            ("2026-01-31T08:30:00", None),
            ("2026-01-31T08:30:00Z[Europe/Lisbon]", None),
            ("2026-02-30T00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(moment(at), expected, "{at}");
        }
        assert_eq!(Value::Time(-62_135_596_800_000_000).to_string(), "0001-01-01T00:00:00Z");
    }
}
