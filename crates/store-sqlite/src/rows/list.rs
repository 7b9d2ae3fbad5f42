//! Lists: a filter, an order and a cursor as SQL.
//!
//! A list plugs in with [`Fields`] for the type of its fields and a [`List`]: the columns, the tables, and the
//! conditions that always hold. Values of callers are only ever parameters.
//!
//! A page after a cursor is read as a few ranges, one after the other, instead of as one condition with `OR`. Each
//! range starts where an index can be entered, and the next range fills the rest of the page.

mod condition;

use std::borrow::Cow;

use chaveiro_core::ports::StoreError;
use chaveiro_core::query::{Cursor, Filter, Listing, Order, Paged, Test, Value};
use chaveiro_store_rows::cells::{Cells as _, Content};
use chaveiro_store_rows::list::{effective_order, key};
use rusqlite::types::Value as Sql;
use rusqlite::{Row, params, params_from_iter};
use uuid::Uuid;

use self::condition::wants_text;
pub(crate) use self::condition::{Column, Fields, Kind, Where, sql};
use crate::codec::{Cells, RowError, many, one};
use crate::unit::Transaction;
use crate::veil::{Purpose, opaque, opened};

/// The place of a row in an order.
struct Place {
    keys: Vec<Value>,
    row: i64,
}

/// Some of the rows of a list, which have indexes of their own.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// Tables and joins.
    pub(crate) from: &'a str,
    /// The condition for its rows.
    pub(crate) only: &'a str,
}

/// The source of a list.
pub(crate) struct List<'a> {
    /// The columns in the order in which `read` takes them. The row and the sort keys come before them.
    pub(crate) columns: Cow<'a, str>,
    /// The parts of the list: mostly one, without a condition.
    pub(crate) parts: &'a [Source<'a>],
    /// The integer row, whose order is the order of creation.
    pub(crate) row: &'a str,
    /// The row of the tenant.
    pub(crate) tenant: i64,
    /// The condition that always holds.
    pub(crate) base: Where,
}

impl List<'_> {
    /// Returns one page.
    pub(crate) fn page<F: Fields, T>(
        &self,
        unit: &Transaction<'_>,
        listing: &Listing<F>,
        read: impl Fn(&mut Cells<'_, '_>) -> Result<T, Content>,
    ) -> Result<Paged<T>, StoreError> {
        let order = effective_order(listing, |field| field.column().reach());
        let columns: Vec<Column> = order.iter().map(|key| key.field.column()).collect();
        let wanted = listing.limit.saturating_add(1);
        let mut rows: Vec<(Place, T)> = Vec::new();
        let names: Vec<String> = (0..columns.len()).map(|index| format!("key_{index}")).collect();
        let read = |row: &Row<'_>| {
            let cells = &mut Cells::of(row);
            let row = cells.get("row")?;
            let keys = names.iter().map(|name| Ok(key(cells.next(name)?))).collect::<Result<_, RowError>>()?;
            Ok((Place { keys, row }, read(cells)?))
        };
        let after = listing.after.as_ref().map(|cursor| self.open(unit, cursor)).transpose()?;
        let by_row = self.row(&listing.filter);
        let bounded = !listing.is_plain();
        for range in self.ranges(&by_row, &order, &columns, after.as_ref()) {
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
        // One more than requested shows whether there is a next page.
        let more = rows.len() > listing.limit;
        rows.truncate(listing.limit);
        let next = rows.last().filter(|_| more).map(|(place, _)| self.close(unit, place)).transpose()?;
        Ok(Paged { items: rows.into_iter().map(|(_, item)| item).collect(), next })
    }

    /// Returns the cursor of a place, which hides the row: rows are numbered over all tenants, and callers get the
    /// cursor.
    fn close(&self, unit: &Transaction<'_>, place: &Place) -> Result<Cursor, StoreError> {
        let sql = format!("SELECT {}", opaque(Purpose::Page, "?", "?"));
        let name = one(unit.connection, &sql, [self.tenant, place.row], |row| Ok(row.get::<_, String>(0)?))?;
        let name = name.and_then(|name| Uuid::try_parse(&name).ok());
        let name = name.ok_or_else(|| StoreError::Inconsistent("a row without a name".to_owned()))?;
        Ok(Cursor { keys: place.keys.clone(), place: name })
    }

    fn open(&self, unit: &Transaction<'_>, cursor: &Cursor) -> Result<Place, StoreError> {
        let sql = format!("SELECT {}", opened(Purpose::Page, "?", "?"));
        let parameters = params![self.tenant, cursor.place.to_string()];
        let row = one(unit.connection, &sql, parameters, |row| Ok(row.get::<_, Option<i64>>(0)?))?;
        let row = row.flatten().ok_or(StoreError::ForeignCursor)?;
        Ok(Place { keys: cursor.keys.clone(), row })
    }

    /// Counts the matching items.
    pub(crate) fn count<F: Fields>(&self, unit: &Transaction<'_>, filter: &Filter<F>) -> Result<u64, StoreError> {
        let condition = self.base.clone().filter(filter, self.tenant);
        let (counts, parameters) = self.of_each_part("count(*) AS counted", condition);
        let sql = format!("SELECT sum(counted) FROM ({counts})");
        let counted = unit.bounded(true, |connection| {
            one(connection, &sql, params_from_iter(parameters), |row| Ok(row.get::<_, i64>(0)?))
        })?;
        Ok(counted.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
    }

    /// Returns the row as conditions and orders use it.
    fn row<F: Fields>(&self, filter: &Filter<F>) -> String {
        format!("{}{}", if goes_by_user(filter) { "+" } else { "" }, self.row)
    }

    /// Returns these columns of the rows of every part that fulfil the condition.
    fn of_each_part(&self, columns: &str, condition: Where) -> (String, Vec<Sql>) {
        let select =
            |part: &Source<'_>| format!("SELECT {columns} FROM {} WHERE {}{}", part.from, part.only, condition.sql);
        let sql = self.parts.iter().map(select).collect::<Vec<_>>().join(" UNION ALL ");
        (sql, self.parts.iter().flat_map(|_| condition.parameters.clone()).collect())
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
        // Several parts are merged, each in the order of one of its indexes; an order over them is by the columns of the
        // result.
        let is_one = self.parts.len() == 1;
        let (mut selected, mut by) = (format!("{} AS row", self.row), String::new());
        for (index, (key, column)) in order.iter().zip(columns).enumerate() {
            selected.push_str(&format!(", {} AS key_{index}", column.key()));
            let sorted = if is_one { column.key() } else { format!("key_{index}").into() };
            by.push_str(&format!("{sorted}{} {}, ", column.collation(), direction(key.descending)));
        }
        selected.extend([", ", &self.columns]);
        // The row follows the direction of the last key, so that one walk over an index gives both.
        let last = direction(order.last().is_some_and(|key| key.descending));
        let row = if is_one { row } else { "row" };
        let (rows, mut parameters) = self.of_each_part(&selected, condition);
        let sql = format!("{rows} ORDER BY {by}{row} {last} LIMIT ? OFFSET ?");
        parameters.extend([limit, skip].map(|number| Sql::Integer(i64::try_from(number).unwrap_or(i64::MAX))));
        (sql, parameters)
    }

    /// Returns the items after a cursor, as ranges in their order.
    fn ranges<F>(&self, row: &str, order: &[Order<F>], columns: &[Column], after: Option<&Place>) -> Vec<Where> {
        let Some(cursor) = after else { return vec![self.base.clone()] };
        let mut same = self.base.clone();
        let mut ranges = Vec::new();
        for ((key, column), value) in order.iter().zip(columns).zip(&cursor.keys) {
            let (x, c) = (column.key(), column.collation());
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
            // Items behind in an earlier key come later.
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

/// Returns true if a condition on the primary user finds few devices. The planner would rather walk all devices in
/// order than sort a few. A row with a sign is a row without an index.
fn goes_by_user<F: Fields>(filter: &Filter<F>) -> bool {
    let is = |part: &Filter<F>| match part {
        Filter::Is { field, test: test @ (Test::Equal(Value::Text(_)) | Test::StartsWith(_)), holds: true } => {
            field.column().kind == Kind::OfUser && wants_text(test)
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

#[cfg(test)]
mod tests;
