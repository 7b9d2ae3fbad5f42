//! The tools by which kinds are rendered as JSON, in the documented order.

pub mod control;
pub(crate) mod outline;
pub(crate) mod typed;

use chaveiro_core::{Timestamp, query};
use jiff::fmt::temporal::DateTimePrinter;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::model::{ComplexType, Default, Property};
use crate::resolve::Version;

/// The form in which an entity is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An item of a list: some properties only have their default.
    Listed,
    /// Alone.
    Single,
}

/// Known values by the names of their properties.
pub fn named<const N: usize>(known: [(&str, Value); N]) -> Map<String, Value> {
    known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The JSON of a complex value: each property with its known value, or its default.
pub fn complex(of: &'static ComplexType, version: Version, mut known: Map<String, Value>) -> Value {
    let mut object = Map::new();
    for property in of.properties.iter().filter(|property| version == Version::Beta || !property.beta_only) {
        object.insert(property.name.to_owned(), known.remove(property.name).unwrap_or_else(|| default(property)));
    }
    object.into()
}

pub(crate) fn default(property: &Property) -> Value {
    match property.default {
        Default::Null => Value::Null,
        Default::Text(text) => text.into(),
        Default::False => false.into(),
        Default::Zero => 0.into(),
        Default::Empty => json!([]),
        Default::DefaultScope => json!(["0"]),
        Default::Never => "0001-01-01T00:00:00Z".into(),
    }
}

static PRINTER: DateTimePrinter = DateTimePrinter::new();

/// `Edm.DateTimeOffset`: UTC, at most seven fractional digits, none when they are zero.
pub fn date_time(at: Timestamp) -> String {
    let below = at.as_nanosecond().rem_euclid(100);
    let ticks = if below == 0 { at } else { Timestamp::from_nanosecond(at.as_nanosecond() - below).unwrap_or(at) };
    PRINTER.timestamp_to_string(&ticks)
}

/// A value of a list, as JSON has it.
pub(crate) struct Shown<'a>(pub(crate) &'a query::Value);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            query::Value::Null => serializer.serialize_unit(),
            query::Value::Flag(flag) => serializer.serialize_bool(*flag),
            query::Value::Number(number) => serializer.serialize_i64(*number),
            query::Value::Time(micros) => {
                Timestamp::from_microsecond(*micros).ok().map(date_time).serialize(serializer)
            }
            query::Value::Text(text) => serializer.serialize_str(text),
            query::Value::Texts(texts) => texts.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_at_most_seven_fractional_digits() {
        for (nanosecond, expected) in [
            (0, "2027-01-15T08:00:00Z"),
            (500_000_000, "2027-01-15T08:00:00.5Z"),
            (123_456_789, "2027-01-15T08:00:00.1234567Z"),
            (99, "2027-01-15T08:00:00Z"),
            (1_000, "2027-01-15T08:00:00.000001Z"),
        ] {
            let at = Timestamp::new(1_800_000_000, nanosecond).expect("a valid time");
            assert_eq!(date_time(at), expected);
        }
        for (second, expected) in [(0, "1970-01-01T00:00:00Z"), (-62_135_596_800, "0001-01-01T00:00:00Z")] {
            assert_eq!(date_time(Timestamp::from_second(second).expect("a valid time")), expected);
        }
    }
}
