//! Conditions of lists: a filter as SQL. Values of callers are only ever parameters.

use std::borrow::Cow;

use chaveiro_core::query::{Filter, Test, Value};
pub(super) use chaveiro_store_rows::list::wants_text;
use chaveiro_store_rows::list::{Reach, escaped, id, successor};
use rusqlite::types::Value as Sql;

use crate::veil::{Purpose, opened};

/// The comparison of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Numbers, times, flags, and names of enums. The filter spells a name as the column does.
    Exact,
    /// Text, without ASCII case.
    Text,
    /// A 16-byte identifier, as text outside.
    Id,
    /// Text of the primary user of device `d`; the expression concerns resource `u`.
    OfUser,
    /// The tags of device `d`.
    Tags,
    /// The id of event `v`, an opaque name for its place.
    Event,
}

/// A field as SQL.
pub(crate) struct Column {
    /// The expression.
    pub(crate) sql: Cow<'static, str>,
    /// The kind of comparison.
    pub(crate) kind: Kind,
    /// True if an index (tenant, column, row) answers a range of it in order.
    pub(crate) indexed: bool,
    /// True if null is served as an empty text.
    pub(crate) or_empty: bool,
}

impl Column {
    pub(crate) fn new(sql: impl Into<Cow<'static, str>>, kind: Kind) -> Self {
        Self { sql: sql.into(), kind, indexed: false, or_empty: false }
    }

    pub(crate) fn indexed(sql: &'static str, kind: Kind) -> Self {
        Self { sql: sql.into(), kind, indexed: true, or_empty: false }
    }

    /// Makes null an empty text. A column with an index never stores one, so that null has its place in the order.
    pub(crate) fn or_empty(self) -> Self {
        Self { or_empty: true, ..self }
    }

    /// Returns the rows that have a value of it.
    pub(crate) fn reach(&self) -> Reach {
        match self.kind {
            _ if self.indexed => Reach::Indexed,
            Kind::Id | Kind::OfUser | Kind::Event => Reach::Few,
            Kind::Exact | Kind::Text | Kind::Tags => Reach::Any,
        }
    }

    /// Returns the value as it is served, as an expression that can be used anywhere.
    fn served(&self) -> Cow<'static, str> {
        match self.or_empty {
            true => format!("coalesce({}, '')", self.value()).into(),
            false => self.value(),
        }
    }

    /// Returns the expression by which items are ordered.
    pub(super) fn key(&self) -> Cow<'static, str> {
        if self.indexed { self.value() } else { self.served() }
    }

    /// Returns the value as an expression that can be used anywhere.
    pub(crate) fn value(&self) -> Cow<'static, str> {
        match self.kind {
            Kind::OfUser => {
                let of_user = "FROM resource u WHERE u.tenant = d.tenant AND u.kind = 'user' AND u.id = d.user";
                format!("(SELECT {} {of_user})", self.sql).into()
            }
            Kind::Exact | Kind::Text | Kind::Id | Kind::Tags | Kind::Event => self.sql.clone(),
        }
    }

    /// Returns the collation of a parameter that is compared with it.
    pub(super) fn collation(&self) -> &'static str {
        match self.kind {
            Kind::Text | Kind::OfUser | Kind::Event => " COLLATE NOCASE",
            Kind::Exact | Kind::Id | Kind::Tags => "",
        }
    }
}

/// The fields of a list.
pub(crate) trait Fields: Clone {
    /// Returns the column of this field.
    fn column(&self) -> Column;
}

/// A condition and its parameters, in the order of their use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Where {
    pub(super) sql: String,
    pub(super) parameters: Vec<Sql>,
}

impl Where {
    /// Adds a condition that must hold as well; each `?` is one parameter.
    pub(crate) fn and(mut self, sql: &str, parameters: impl IntoIterator<Item = Sql>) -> Self {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        self.sql.push_str(sql);
        self.parameters.extend(parameters);
        self
    }

    fn put(&mut self, sql: &str, parameters: impl IntoIterator<Item = Sql>) {
        self.sql.push_str(sql);
        self.parameters.extend(parameters);
    }

    pub(super) fn filter<F: Fields>(self, filter: &Filter<F>, tenant: i64) -> Self {
        if filter.is_always() {
            return self;
        }
        let mut with = self.and("", None);
        with.filter_part(filter, tenant);
        with
    }

    fn filter_part<F: Fields>(&mut self, filter: &Filter<F>, tenant: i64) {
        let (parts, word) = match filter {
            Filter::Is { field, test, holds } => return self.test(&field.column(), test, *holds, tenant),
            Filter::All(parts) if parts.is_empty() => return self.put("1", None),
            Filter::Any(parts) if parts.is_empty() => return self.put("0", None),
            Filter::All(parts) => (parts, " AND "),
            Filter::Any(parts) => (parts, " OR "),
        };
        for (index, part) in parts.iter().enumerate() {
            self.put(if index == 0 { "(" } else { word }, None);
            self.filter_part(part, tenant);
        }
        self.put(")", None);
    }

    /// Adds a test. It is true or false, never null, and a wanted outcome of true can enter an index.
    fn test(&mut self, column: &Column, test: &Test, holds: bool, tenant: i64) {
        // An empty text fails the test as null does, so null needs no case of its own.
        if column.or_empty && !wants_text(test) {
            return self.compare(column, &column.served(), test, holds);
        }
        match (column.kind, test) {
            (Kind::Tags, Test::Has(tag)) => {
                let not = if holds { "" } else { "NOT " };
                let sql = format!("d.row {not}IN (SELECT device FROM device_tag WHERE tag = ?)");
                return self.put(&sql, [Sql::Text(tag.clone())]);
            }
            // Tags can only be tested for membership, and membership can only be tested of tags.
            (Kind::Tags, _) | (_, Test::Has(_)) => return self.put(if holds { "0" } else { "1" }, None),
            // Users are fewer than devices, and some of their properties have an index.
            (Kind::OfUser, Test::Equal(Value::Text(_)) | Test::StartsWith(_)) if holds => {
                self.put(
                    "d.user IN (SELECT u.id FROM resource u WHERE u.tenant = ? AND u.kind = 'user' AND ",
                    [tenant.into()],
                );
                self.compare(column, &column.sql, test, holds);
                return self.put(")", None);
            }
            (Kind::Id, Test::Equal(Value::Text(text))) if id(text).is_none() => {
                return self.put(if holds { "0" } else { "1" }, None);
            }
            (Kind::Id, Test::Equal(_)) => {}
            (Kind::Id, _) => {
                let text = Column::new(format!("uuid_text({})", column.sql), Kind::Text);
                return self.compare(&text, &text.sql, test, holds);
            }
            (Kind::Event, Test::Equal(Value::Text(text))) => {
                let operator = if holds { "=" } else { "<>" };
                // If the tenant has no event of that id, the condition is false.
                let place = format!("coalesce({}, -1)", opened(Purpose::Event, "?", "?"));
                return self.put(&format!("v.seq {operator} {place}"), [tenant.into(), Sql::Text(text.to_string())]);
            }
            (Kind::Exact | Kind::Text | Kind::OfUser | Kind::Event, _) => {}
        }
        self.compare(column, &column.value(), test, holds);
    }

    fn compare(&mut self, column: &Column, x: &str, test: &Test, holds: bool) {
        let c = column.collation();
        let operator = |is: &'static str, is_not: &'static str| if holds { is } else { is_not };
        let (operator, value) = match test {
            Test::Equal(Value::Null) => {
                let sql = format!("{x} {}", operator("IS NULL", "IS NOT NULL"));
                return self.put(&sql, None);
            }
            Test::Equal(value) => (operator("=", "<>"), value),
            Test::Less(value) => (operator("<", ">="), value),
            Test::AtMost(value) => (operator("<=", ">"), value),
            Test::Greater(value) => (operator(">", "<="), value),
            Test::AtLeast(value) => (operator(">=", "<"), value),
            Test::StartsWith(text) => return self.starts_with(x, text, holds),
            Test::EndsWith(text) => return self.like(x, &format!("%{}", escaped(text)), holds),
            Test::Contains(text) => return self.like(x, &format!("%{}%", escaped(text)), holds),
            Test::Has(_) => return self.put("0", None),
        };
        let or_null = if holds { String::new() } else { format!(" OR {x} IS NULL") };
        self.put(&format!("({x} {operator} ?{c}{or_null})"), [sql(column.kind, value)]);
    }

    /// Adds a test for a beginning as a range, which an index answers.
    fn starts_with(&mut self, x: &str, text: &str, holds: bool) {
        let from = text.to_ascii_lowercase();
        match (successor(&from), holds) {
            (Some(to), true) => self.put(
                &format!("({x} >= ? COLLATE NOCASE AND {x} < ? COLLATE NOCASE)"),
                [Sql::Text(from), Sql::Text(to)],
            ),
            (Some(to), false) => self.put(
                &format!("({x} < ? COLLATE NOCASE OR {x} >= ? COLLATE NOCASE OR {x} IS NULL)"),
                [Sql::Text(from), Sql::Text(to)],
            ),
            (None, true) => self.put(&format!("{x} >= ? COLLATE NOCASE"), [Sql::Text(from)]),
            (None, false) => self.put(&format!("({x} < ? COLLATE NOCASE OR {x} IS NULL)"), [Sql::Text(from)]),
        }
    }

    /// Adds a `LIKE`, which folds ASCII case and nothing else.
    fn like(&mut self, x: &str, pattern: &str, holds: bool) {
        let sql = match holds {
            true => format!("({x} IS NOT NULL AND {x} LIKE ? ESCAPE '\\')"),
            false => format!("({x} NOT LIKE ? ESCAPE '\\' OR {x} IS NULL)"),
        };
        self.put(&sql, [Sql::Text(pattern.to_owned())]);
    }
}

/// Returns a value as a column of that kind has it.
pub(crate) fn sql(kind: Kind, value: &Value) -> Sql {
    match value {
        Value::Null | Value::Texts(_) => Sql::Null,
        Value::Flag(flag) => Sql::Integer(i64::from(*flag)),
        Value::Number(number) | Value::Time(number) => Sql::Integer(*number),
        Value::Text(text) => match id(text).filter(|_| kind == Kind::Id) {
            Some(id) => Sql::Blob(id.as_bytes().to_vec()),
            None => Sql::Text(text.to_string()),
        },
    }
}
