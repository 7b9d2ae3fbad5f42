//! What the lists of every backend have in common.

use std::borrow::Cow;

use chaveiro_core::actions::{ACTIONS, recorded_as};
use chaveiro_core::activity::Described;
use chaveiro_core::audit::Activity;
use chaveiro_core::query::{Filter, Listing, Order, Test, Value};
use chaveiro_core::remote_action::RemoteAction;
use uuid::Uuid;

use crate::message::Field;

/// Returns a sort key as the cursor stores it.
pub fn key(value: Field<'_>) -> Value {
    match value {
        Field::Null => Value::Null,
        Field::Integer(number) => Value::Number(number),
        // A number that JSON wrote with a fraction or an exponent.
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        Field::Real(number) => Value::Number(number as i64),
        Field::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        Field::Blob(bytes) => Uuid::from_slice(bytes).map_or(Value::Null, |id| id.to_string().into()),
    }
}

/// Returns true if only a value with some text passes the test.
pub fn wants_text(test: &Test) -> bool {
    match test {
        Test::Equal(Value::Text(text)) => !text.is_empty(),
        Test::StartsWith(text) | Test::EndsWith(text) | Test::Contains(text) => !text.is_empty(),
        Test::Equal(_) | Test::Less(_) | Test::AtMost(_) | Test::Greater(_) | Test::AtLeast(_) | Test::Has(_) => false,
    }
}

/// Returns a text as a pattern of `LIKE` that matches it alone; the escape is a backslash.
pub fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Returns the least text, in the order of folded ASCII, after every text with that beginning; `None` if there is none.
pub fn successor(text: &str) -> Option<String> {
    let mut kept = text.to_owned();
    while let Some(last) = kept.pop() {
        let next = match last {
            // Capital letters are compared as small letters, so this is the next character that stands for itself.
            '@' => Some('['),
            '\u{d7ff}' => Some('\u{e000}'),
            other => char::from_u32(u32::from(other) + 1),
        };
        if let Some(next) = next {
            kept.push(next);
            return Some(kept);
        }
    }
    None
}

/// Returns the identifier with that text, in the spelling of the API.
pub fn id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36)
}

/// The rows that have a value of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// An index answers a range of values in order.
    Indexed,
    /// A value belongs to a few rows, which are found without reading others.
    Few,
    /// Any number of rows.
    Any,
}

/// Returns the requested order. Without one, a filter that is a range of an index is answered in the order of that
/// index. In any other order each page would read and sort the whole range.
pub fn effective_order<F: Clone>(listing: &Listing<F>, reach: impl Fn(&F) -> Reach) -> Cow<'_, [Order<F>]> {
    if !listing.order.is_empty() {
        return Cow::Borrowed(&listing.order);
    }
    let parts = match &listing.filter {
        Filter::All(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    let mut range = None;
    for part in parts {
        let Filter::Is { field, test, holds: true } = part else { continue };
        let found = match test {
            Test::Equal(_) => false,
            Test::Less(_) | Test::AtMost(_) | Test::Greater(_) | Test::AtLeast(_) | Test::StartsWith(_) => true,
            Test::EndsWith(_) | Test::Contains(_) | Test::Has(_) => continue,
        };
        match (reach(field), found) {
            // A few rows, which are quickly sorted.
            (Reach::Indexed | Reach::Few, false) => return Cow::Borrowed(&[]),
            (Reach::Indexed, true) if range.is_none() => {
                range = Some(Order { field: field.clone(), descending: false });
            }
            _ => {}
        }
    }
    range.map_or(Cow::Borrowed(&[]), |order| Cow::Owned(vec![order]))
}

/// Returns SQL for one column of the table of described activities. `remote_action` is the name of the action in the body of an
/// event, as SQL.
pub fn activity_cases(of: fn(Described) -> &'static str, remote_action: &str) -> String {
    let mut sql = String::from("CASE v.activity");
    for activity in Activity::ALL {
        let of_action = |action: &RemoteAction| of(activity.described(&action.audit));
        let usual = of_action(recorded_as(None));
        let others = ACTIONS.iter().filter_map(|action| Some((action.audit.recorded_as?, of_action(action))));
        let others: Vec<_> = others.filter(|(_, text)| *text != usual).collect();
        let text = match others.as_slice() {
            [] => format!("'{usual}'"),
            others => {
                let others: String =
                    others.iter().map(|(name, text)| format!(" WHEN '{name}' THEN '{text}'")).collect();
                format!("CASE {remote_action}{others} ELSE '{usual}' END")
            }
        };
        sql.push_str(&format!(" WHEN '{}' THEN {text}", activity.name()));
    }
    sql.push_str(" END");
    sql
}
