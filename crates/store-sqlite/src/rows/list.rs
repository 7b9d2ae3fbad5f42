//! Lists: a filter, an order and a cursor as SQL.
//!
//! A list plugs in with [`Fields`] for the type of its fields and a [`List`]: what is selected from where, and the conditions
//! that always hold. Values of callers are only ever parameters.
//!
//! A page that goes on after a cursor is read as a few ranges, one after the other, instead of as one condition with `OR`: each range
//! begins where an index can be entered, and what one range leaves of the page the next one fills.

use std::borrow::Cow;

use chaveiro_core::ports::StoreError;
use chaveiro_core::query::{Cursor, Filter, Listing, Order, Paged, Test, Value};
use rusqlite::types::Value as Sql;
use rusqlite::{Row, params_from_iter};
use uuid::Uuid;

use crate::codec::{RowError, many, one};
use crate::unit::Transaction;

/// How the values of a column are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Numbers, times, flags, and names of enums, which the filter has in their one spelling.
    Exact,
    /// Text, without ASCII case.
    Text,
    /// A 16-byte identifier, as text outside.
    Id,
    /// Text of the primary user of device `d`; the expression is about resource `u`.
    OfUser,
    /// The tags of device `d`.
    Tags,
}

/// A field as SQL.
pub(crate) struct Column {
    /// The expression.
    pub(crate) sql: Cow<'static, str>,
    /// How it is compared.
    pub(crate) kind: Kind,
    /// Whether an index (tenant, column, row) answers a range of it in order.
    pub(crate) indexed: bool,
}

impl Column {
    pub(crate) fn new(sql: impl Into<Cow<'static, str>>, kind: Kind) -> Self {
        Self { sql: sql.into(), kind, indexed: false }
    }

    pub(crate) fn indexed(sql: &'static str, kind: Kind) -> Self {
        Self { sql: sql.into(), kind, indexed: true }
    }

    /// The value, wherever it stands.
    pub(crate) fn value(&self) -> Cow<'static, str> {
        match self.kind {
            Kind::OfUser => {
                let of_user = "FROM resource u WHERE u.tenant = d.tenant AND u.kind = 'user' AND u.id = d.user";
                format!("(SELECT {} {of_user})", self.sql).into()
            }
            Kind::Exact | Kind::Text | Kind::Id | Kind::Tags => self.sql.clone(),
        }
    }

    /// What stands behind a parameter that is compared with it.
    fn collation(&self) -> &'static str {
        match self.kind {
            Kind::Text | Kind::OfUser => " COLLATE NOCASE",
            Kind::Exact | Kind::Id | Kind::Tags => "",
        }
    }
}

/// The fields of a list.
pub(crate) trait Fields: Clone {
    /// The column of this one.
    fn column(&self) -> Column;
}

/// A condition and its parameters, in the order in which they stand in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Where {
    sql: String,
    parameters: Vec<Sql>,
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

    fn filter<F: Fields>(self, filter: &Filter<F>, tenant: i64) -> Self {
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

    /// Each test is written so that it is true or false, never null, and so that a wanted outcome of true can enter an index.
    fn test(&mut self, column: &Column, test: &Test, holds: bool, tenant: i64) {
        match (column.kind, test) {
            (Kind::Tags, Test::Has(tag)) => {
                let not = if holds { "" } else { "NOT " };
                let sql = format!("d.row {not}IN (SELECT device FROM device_tag WHERE tag = ?)");
                return self.put(&sql, [Sql::Text(tag.clone())]);
            }
            // Nothing else is true of tags, and having an item of nothing else.
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
            (Kind::Exact | Kind::Text | Kind::OfUser, _) => {}
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

    /// A range, which an index answers.
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

    /// `LIKE` folds ASCII case, and only that.
    fn like(&mut self, x: &str, pattern: &str, holds: bool) {
        let sql = match holds {
            true => format!("({x} IS NOT NULL AND {x} LIKE ? ESCAPE '\\')"),
            false => format!("({x} NOT LIKE ? ESCAPE '\\' OR {x} IS NULL)"),
        };
        self.put(&sql, [Sql::Text(pattern.to_owned())]);
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// The least text, in the order of folded ASCII, behind everything that begins so; `None` when nothing is.
fn successor(text: &str) -> Option<String> {
    let mut kept = text.to_owned();
    while let Some(last) = kept.pop() {
        let next = match last {
            // Capitals stand for small letters: the next one that stands for itself is this.
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

/// The identifier that is written so, as the API writes them.
fn id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36)
}

fn sql(kind: Kind, value: &Value) -> Sql {
    match value {
        Value::Null | Value::Texts(_) => Sql::Null,
        Value::Flag(flag) => Sql::Integer(i64::from(*flag)),
        Value::Number(number) | Value::Time(number) => Sql::Integer(*number),
        Value::Text(text) => match id(text).filter(|_| kind == Kind::Id) {
            Some(id) => Sql::Blob(id.as_bytes().to_vec()),
            None => Sql::Text(text.clone()),
        },
    }
}

/// A sort key as the cursor keeps it.
fn key(value: Sql) -> Value {
    match value {
        Sql::Null => Value::Null,
        Sql::Integer(number) => Value::Number(number),
        // A number that JSON wrote with a fraction or an exponent.
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        Sql::Real(number) => Value::Number(number as i64),
        Sql::Text(text) => Value::Text(text),
        Sql::Blob(bytes) => Uuid::from_slice(&bytes).map_or(Value::Null, |id| Value::Text(id.to_string())),
    }
}

/// Where a list comes from.
pub(crate) struct List<'a> {
    /// The columns that `read` needs, without sort keys.
    pub(crate) columns: &'a str,
    /// Tables and joins.
    pub(crate) from: &'a str,
    /// The integer row: its order is that in which items were made.
    pub(crate) row: &'a str,
    /// The row of the tenant.
    pub(crate) tenant: i64,
    /// What always holds.
    pub(crate) base: Where,
}

impl List<'_> {
    /// One page.
    pub(crate) fn page<F: Fields, T>(
        &self,
        unit: &Transaction<'_>,
        listing: &Listing<F>,
        read: impl Fn(&Row<'_>) -> Result<T, RowError>,
    ) -> Result<Paged<T>, StoreError> {
        let order = effective_order(listing);
        let columns: Vec<Column> = order.iter().map(|key| key.field.column()).collect();
        let wanted = listing.limit.saturating_add(1);
        let mut rows: Vec<(Cursor, T)> = Vec::new();
        let read = |row: &Row<'_>| {
            let keys = (0..columns.len()).map(|index| Ok(key(row.get(format!("key_{index}").as_str())?)));
            let cursor = Cursor { keys: keys.collect::<Result<_, RowError>>()?, row: row.get("row")? };
            Ok((cursor, read(row)?))
        };
        let by_row = self.row(&listing.filter);
        let bounded = !listing.is_plain();
        for range in self.ranges(&by_row, &order, &columns, listing.after.as_ref()) {
            if rows.len() >= wanted {
                break;
            }
            let (sql, parameters) = self.select(
                &by_row,
                &order,
                &columns,
                range.filter(&listing.filter, self.tenant),
                wanted - rows.len(),
                listing.skip,
            );
            let parameters = params_from_iter(parameters);
            rows.extend(unit.bounded(bounded, |connection| many(connection, &sql, parameters, read))?);
        }
        // One more than asked tells whether there is a next page.
        let more = rows.len() > listing.limit;
        rows.truncate(listing.limit);
        let next = rows.last().filter(|_| more).map(|(cursor, _)| cursor.clone());
        Ok(Paged { items: rows.into_iter().map(|(_, item)| item).collect(), next })
    }

    /// How many match.
    pub(crate) fn count<F: Fields>(&self, unit: &Transaction<'_>, filter: &Filter<F>) -> Result<u64, StoreError> {
        let condition = self.base.clone().filter(filter, self.tenant);
        let sql = format!("SELECT count(*) FROM {} WHERE {}", self.from, condition.sql);
        let counted = unit.bounded(true, |connection| {
            one(connection, &sql, params_from_iter(condition.parameters), |row| Ok(row.get::<_, i64>(0)?))
        })?;
        Ok(counted.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
    }

    /// The row as conditions and orders have it.
    fn row<F: Fields>(&self, filter: &Filter<F>) -> String {
        format!("{}{}", if goes_by_user(filter) { "+" } else { "" }, self.row)
    }

    fn select<F>(
        &self,
        row: &str,
        order: &[Order<F>],
        columns: &[Column],
        condition: Where,
        limit: usize,
        skip: usize,
    ) -> (String, Vec<Sql>) {
        let mut sql = format!("SELECT {}", self.columns);
        let mut by = String::new();
        for (index, (key, column)) in order.iter().zip(columns).enumerate() {
            sql.push_str(&format!(", {} AS key_{index}", column.value()));
            by.push_str(&format!("{}{} {}, ", column.value(), column.collation(), direction(key.descending)));
        }
        // The row goes the way of the last key, so that one walk over an index gives both.
        let last = direction(order.last().is_some_and(|key| key.descending));
        sql.push_str(&format!(
            " FROM {} WHERE {} ORDER BY {by}{row} {last} LIMIT ? OFFSET ?",
            self.from, condition.sql
        ));
        let mut parameters = condition.parameters;
        parameters.extend([limit, skip].map(|number| Sql::Integer(i64::try_from(number).unwrap_or(i64::MAX))));
        (sql, parameters)
    }

    /// What comes after a cursor, as ranges in their order.
    fn ranges<F>(&self, row: &str, order: &[Order<F>], columns: &[Column], after: Option<&Cursor>) -> Vec<Where> {
        let Some(cursor) = after else { return vec![self.base.clone()] };
        let mut same = self.base.clone();
        let mut ranges = Vec::new();
        for ((key, column), value) in order.iter().zip(columns).zip(&cursor.keys) {
            let (x, c) = (column.value(), column.collation());
            let bound = || sql(column.kind, value);
            let null = *value == Value::Null;
            let mut behind = Vec::new();
            match (key.descending, null) {
                (false, true) => behind.push(same.clone().and(&format!("{x} IS NOT NULL"), None)),
                (false, false) => behind.push(same.clone().and(&format!("{x} > ?{c}"), [bound()])),
                (true, true) => {}
                (true, false) => {
                    behind.push(same.clone().and(&format!("{x} < ?{c}"), [bound()]));
                    behind.push(same.clone().and(&format!("{x} IS NULL"), None));
                }
            }
            // What is behind in an earlier key comes later.
            behind.append(&mut ranges);
            ranges = behind;
            same = match null {
                true => same.and(&format!("{x} IS NULL"), None),
                false => same.and(&format!("{x} = ?{c}"), [bound()]),
            };
        }
        let descending = order.last().is_some_and(|key| key.descending);
        let onward = format!("{row} {} ?", if descending { "<" } else { ">" });
        ranges.insert(0, same.and(&onward, [Sql::Integer(cursor.row)]));
        ranges
    }
}

/// Whether a condition on the primary user finds a few devices. The planner would rather walk all devices in order than sort a few:
/// a row with a sign is a row that no index has.
fn goes_by_user<F: Fields>(filter: &Filter<F>) -> bool {
    let is = |part: &Filter<F>| match part {
        Filter::Is { field, test: Test::Equal(Value::Text(_)) | Test::StartsWith(_), holds: true } => {
            field.column().kind == Kind::OfUser
        }
        _ => false,
    };
    match filter {
        Filter::All(parts) => parts.iter().any(is),
        other => is(other),
    }
}

fn direction(descending: bool) -> &'static str {
    if descending { "DESC" } else { "ASC" }
}

/// The order that was asked for. Without one, a filter that is a range of an index is answered in the order of that index, because in
/// any other order each page would read and sort the whole range.
fn effective_order<F: Fields>(listing: &Listing<F>) -> Cow<'_, [Order<F>]> {
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
        match (field.column(), found) {
            // A few rows, which are quickly sorted.
            (Column { indexed: true, .. } | Column { kind: Kind::Id | Kind::OfUser, .. }, false) => {
                return Cow::Borrowed(&[]);
            }
            (Column { indexed: true, .. }, true) if range.is_none() => {
                range = Some(Order { field: field.clone(), descending: false });
            }
            _ => {}
        }
    }
    range.map_or(Cow::Borrowed(&[]), |order| Cow::Owned(vec![order]))
}

#[cfg(test)]
mod tests;
