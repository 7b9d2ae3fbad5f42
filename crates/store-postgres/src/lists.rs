//! Lists: a filter, an order and a cursor as SQL. Values of callers are only ever parameters.
//!
//! A page after a cursor is read as a few ranges, one after the other, instead of as one condition with `OR`. Each
//! range starts where an index can be entered, and the next range fills the rest of the page.

use std::borrow::Cow;

use chaveiro_core::id::TenantId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::query::{Cursor, Filter, Listing, Order, Paged, Test, Value};
use chaveiro_store_rows::cells::Cells as _;
use chaveiro_store_rows::list::{Reach, effective_order, escaped, id, key, successor, wants_text};
use chaveiro_store_rows::veil::Purpose;

use crate::unit::Unit;
use crate::value::{Cells, Sql};

/// Returns the condition that a device has one of the tags of a parameter; tenant and device are expressions.
pub(crate) fn these(tenant: &str, device: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM device_tag g WHERE g.tenant = {tenant} AND g.device = {device} AND g.tag = ANY (?::text[]))"
    )
}

/// The comparison of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Numbers, times and flags.
    Exact,
    /// Names of enums. The filter spells a name as the column does.
    Name,
    /// Text, without ASCII case.
    Text,
    /// An identifier, as text outside.
    Id,
    /// Text of the primary user of device `d`; the expression concerns resource `u`.
    OfUser,
    /// The tags of device `d`.
    Tags,
    /// The id of event `v`, as text.
    Event,
}

/// A field as SQL.
pub(crate) struct Column {
    pub(crate) sql: Cow<'static, str>,
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

    pub(crate) fn indexed(sql: impl Into<Cow<'static, str>>, kind: Kind) -> Self {
        Self { indexed: true, ..Self::new(sql, kind) }
    }

    /// Makes null an empty text. A column with an index never stores one, so that null has its place in the order.
    pub(crate) fn or_empty(self) -> Self {
        Self { or_empty: true, ..self }
    }

    /// Returns the value as an expression that can be used anywhere.
    pub(crate) fn value(&self) -> Cow<'static, str> {
        match self.kind {
            Kind::OfUser => {
                let of_user = "FROM resource u WHERE u.tenant = d.tenant AND u.kind = 'user' AND u.id = d.\"user\"";
                format!("(SELECT {} {of_user})", self.sql).into()
            }
            Kind::Exact | Kind::Name | Kind::Text | Kind::Id | Kind::Tags | Kind::Event => self.sql.clone(),
        }
    }

    /// Returns the rows that have a value of it.
    pub(crate) fn reach(&self) -> Reach {
        match self.kind {
            _ if self.indexed => Reach::Indexed,
            Kind::Id | Kind::OfUser | Kind::Event => Reach::Few,
            Kind::Exact | Kind::Name | Kind::Text | Kind::Tags => Reach::Any,
        }
    }

    /// Returns the value as it is served.
    fn served(&self) -> Cow<'static, str> {
        match self.or_empty {
            true => format!("coalesce({}, '')", self.value()).into(),
            false => self.value(),
        }
    }

    /// Returns that value of the column as it is compared.
    fn compared(&self, value: &str) -> String {
        match self.kind {
            Kind::Text | Kind::OfUser | Kind::Event => folded(value),
            Kind::Name => format!("{value} COLLATE \"C\""),
            Kind::Exact | Kind::Id | Kind::Tags => value.to_owned(),
        }
    }

    /// Returns the expression by which items are ordered.
    fn key(&self) -> String {
        self.compared(&if self.indexed { self.value() } else { self.served() })
    }
}

/// Returns a text in small letters: of ASCII alone, which the collation sees to.
fn folded(text: &str) -> String {
    format!("lower({text} COLLATE \"C\")")
}

/// The fields of a list.
pub(crate) trait Fields: Clone {
    /// Returns the column of this field.
    fn column(&self) -> Column;
}

/// Returns a value as a column of that kind has it.
pub(crate) fn sql(kind: Kind, value: &Value) -> Sql {
    match value {
        Value::Null | Value::Texts(_) => Sql::Null,
        Value::Flag(flag) => Sql::Flag(*flag),
        Value::Number(number) | Value::Time(number) => Sql::Integer(*number),
        Value::Text(text) => match id(text).filter(|_| kind == Kind::Id) {
            Some(id) => Sql::Uuid(id),
            None => Sql::Text(text.to_string()),
        },
    }
}

/// Returns a value as it is compared with a column of that kind.
fn operand(kind: Kind, value: &Value) -> Sql {
    match (kind, value) {
        (Kind::Text | Kind::OfUser | Kind::Event, Value::Text(text)) => Sql::Text(text.to_ascii_lowercase()),
        _ => sql(kind, value),
    }
}

/// A condition and its parameters, in the order of their use; each `?` is one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Where {
    sql: String,
    parameters: Vec<Sql>,
}

impl Where {
    /// Adds a condition that must hold as well.
    pub(crate) fn and(mut self, sql: &str, parameters: impl IntoIterator<Item = Sql>) -> Self {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        self.put(sql, parameters);
        self
    }

    fn put(&mut self, sql: &str, parameters: impl IntoIterator<Item = Sql>) {
        self.sql.push_str(sql);
        self.parameters.extend(parameters);
    }

    fn filter<F: Fields>(self, filter: &Filter<F>, list: &Rows<'_>) -> Self {
        if filter.is_always() {
            return self;
        }
        let mut with = self.and("", None);
        with.filter_part(filter, list);
        with
    }

    fn filter_part<F: Fields>(&mut self, filter: &Filter<F>, list: &Rows<'_>) {
        let (parts, word) = match filter {
            Filter::Is { field, test, holds } => return self.test(&field.column(), test, *holds, list),
            Filter::All(parts) if parts.is_empty() => return self.put("true", None),
            Filter::Any(parts) if parts.is_empty() => return self.put("false", None),
            Filter::All(parts) => (parts, " AND "),
            Filter::Any(parts) => (parts, " OR "),
        };
        for (index, part) in parts.iter().enumerate() {
            self.put(if index == 0 { "(" } else { word }, None);
            self.filter_part(part, list);
        }
        self.put(")", None);
    }

    /// Adds a test. It is true or false, never null, and a wanted outcome of true can enter an index.
    fn test(&mut self, column: &Column, test: &Test, holds: bool, list: &Rows<'_>) {
        let never = if holds { "false" } else { "true" };
        // An empty text fails the test as null does, so null needs no case of its own.
        if column.or_empty && !wants_text(test) {
            return self.compare(column, &column.served(), test, holds);
        }
        match (column.kind, test) {
            (Kind::Tags, Test::Has(tag)) => {
                let not = if holds { "" } else { "NOT " };
                let sql = format!(
                    "{not}EXISTS (SELECT 1 FROM device_tag g WHERE g.tenant = d.tenant AND g.device = d.id AND g.tag = ?)"
                );
                return self.put(&sql, [Sql::Text(tag.clone())]);
            }
            // Tags can only be tested for membership, and membership can only be tested of tags.
            (Kind::Tags, _) | (_, Test::Has(_)) => return self.put(never, None),
            // Users are fewer than devices, and some of their properties have an index.
            (Kind::OfUser, Test::Equal(Value::Text(_)) | Test::StartsWith(_)) if holds => {
                self.put(
                    "d.\"user\" IN (SELECT u.id FROM resource u WHERE u.tenant = ? AND u.kind = 'user' AND ",
                    [list.tenant.0.into()],
                );
                self.compare(column, &column.sql, test, holds);
                return self.put(")", None);
            }
            (Kind::Id, Test::Equal(Value::Text(text))) if id(text).is_none() => return self.put(never, None),
            (Kind::Id, Test::Equal(_)) => {}
            (Kind::Id, _) => {
                let text = Column::new(format!("({})::text", column.sql), Kind::Text);
                return self.compare(&text, &text.sql, test, holds);
            }
            (Kind::Event, Test::Equal(Value::Text(text))) => {
                let operator = if holds { "=" } else { "<>" };
                // If the tenant has no event of that id, the condition is false.
                let place = list.unit.shared.veil.opened(Purpose::Event.number(), list.row, text);
                return self.put(&format!("v.seq {operator} ?"), [place.unwrap_or(-1).into()]);
            }
            (Kind::Exact | Kind::Name | Kind::Text | Kind::OfUser | Kind::Event, _) => {}
        }
        self.compare(column, &column.value(), test, holds);
    }

    fn compare(&mut self, column: &Column, value: &str, test: &Test, holds: bool) {
        let operator = |is: &'static str, is_not: &'static str| if holds { is } else { is_not };
        let (operator, wanted) = match test {
            Test::Equal(Value::Null) => {
                return self.put(&format!("{value} {}", operator("IS NULL", "IS NOT NULL")), None);
            }
            Test::Equal(wanted) => (operator("=", "<>"), wanted),
            Test::Less(wanted) => (operator("<", ">="), wanted),
            Test::AtMost(wanted) => (operator("<=", ">"), wanted),
            Test::Greater(wanted) => (operator(">", "<="), wanted),
            Test::AtLeast(wanted) => (operator(">=", "<"), wanted),
            Test::StartsWith(text) => return self.starts_with(&folded(value), text, holds),
            Test::EndsWith(text) => return self.like(&folded(value), &format!("%{}", escaped(text)), holds),
            Test::Contains(text) => return self.like(&folded(value), &format!("%{}%", escaped(text)), holds),
            Test::Has(_) => return self.put("false", None),
        };
        let or_null = if holds { String::new() } else { format!(" OR {value} IS NULL") };
        let x = column.compared(value);
        self.put(&format!("({x} {operator} ?{or_null})"), [operand(column.kind, wanted)]);
    }

    /// Adds a test for a beginning as a range, which an index answers.
    fn starts_with(&mut self, x: &str, text: &str, holds: bool) {
        let from = text.to_ascii_lowercase();
        match (successor(&from), holds) {
            (Some(to), true) => self.put(&format!("({x} >= ? AND {x} < ?)"), [from.into(), to.into()]),
            (Some(to), false) => {
                self.put(&format!("({x} < ? OR {x} >= ? OR {x} IS NULL)"), [from.into(), to.into()]);
            }
            (None, true) => self.put(&format!("{x} >= ?"), [from.into()]),
            (None, false) => self.put(&format!("({x} < ? OR {x} IS NULL)"), [from.into()]),
        }
    }

    /// Adds a `LIKE`.
    fn like(&mut self, x: &str, pattern: &str, holds: bool) {
        let sql = match holds {
            true => format!("({x} IS NOT NULL AND {x} LIKE ?)"),
            false => format!("({x} NOT LIKE ? OR {x} IS NULL)"),
        };
        self.put(&sql, [pattern.to_ascii_lowercase().into()]);
    }
}

/// The rows of a list within a unit of work.
struct Rows<'u> {
    unit: &'u Unit<'u>,
    tenant: TenantId,
    row: i64,
}

/// The place of a row in an order.
struct Place {
    keys: Vec<Value>,
    row: i64,
}

/// The source of a list.
pub(crate) struct List {
    /// The columns in the order in which `read` takes them. The row and the sort keys come before them.
    pub(crate) columns: String,
    /// The table with its alias.
    pub(crate) from: &'static str,
    /// The integer row, whose order is the order of creation.
    pub(crate) row: &'static str,
    /// The row of the tenant.
    pub(crate) tenant: i64,
    /// The tenant.
    pub(crate) tenant_id: TenantId,
    /// The condition that always holds.
    pub(crate) base: Where,
}

impl List {
    /// Returns one page.
    pub(crate) fn page<F: Fields, T>(
        &self,
        unit: &Unit<'_>,
        listing: &Listing<F>,
        read: impl Fn(&mut Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<Paged<T>, StoreError> {
        let order = effective_order(listing, |field| field.column().reach());
        let columns: Vec<Column> = order.iter().map(|key| key.field.column()).collect();
        let wanted = listing.limit.saturating_add(1);
        let after = listing.after.as_ref().map(|cursor| self.open(unit, cursor)).transpose()?;
        let list = Rows { unit, tenant: self.tenant_id, row: self.tenant };
        let mut rows: Vec<(Place, T)> = Vec::new();
        for range in self.ranges(&order, &columns, after.as_ref()) {
            if rows.len() >= wanted {
                break;
            }
            let condition = range.filter(&listing.filter, &list);
            let (sql, parameters) = self.select(&order, &columns, condition, wanted - rows.len(), listing.skip);
            if !listing.is_plain() {
                unit.require_cheap(&sql, &parameters)?;
            }
            rows.extend(unit.many(&sql, &parameters, |row| {
                let cells = &mut Cells::of(row);
                let row = cells.get("row")?;
                let keys = (0..columns.len()).map(|index| Ok(key(cells.next(&format!("key_{index}"))?)));
                let keys = keys.collect::<Result<_, StoreError>>()?;
                Ok((Place { keys, row }, read(cells)?))
            })?);
        }
        // One more than requested shows whether there is a next page.
        let more = rows.len() > listing.limit;
        rows.truncate(listing.limit);
        let next = rows.last().filter(|_| more).map(|(place, _)| self.close(unit, place));
        Ok(Paged { items: rows.into_iter().map(|(_, item)| item).collect(), next })
    }

    /// Returns the cursor of a place, which hides the row: rows are numbered over all tenants, and callers get the
    /// cursor.
    fn close(&self, unit: &Unit<'_>, place: &Place) -> Cursor {
        let name = unit.shared.veil.name(Purpose::Page.number(), self.tenant, place.row.unsigned_abs());
        Cursor { keys: place.keys.clone(), place: name }
    }

    fn open(&self, unit: &Unit<'_>, cursor: &Cursor) -> Result<Place, StoreError> {
        let row = unit.shared.veil.opened(Purpose::Page.number(), self.tenant, &cursor.place.to_string());
        Ok(Place { keys: cursor.keys.clone(), row: row.ok_or(StoreError::ForeignCursor)? })
    }

    /// Counts the matching items.
    pub(crate) fn count<F: Fields>(&self, unit: &Unit<'_>, filter: &Filter<F>) -> Result<u64, StoreError> {
        let list = Rows { unit, tenant: self.tenant_id, row: self.tenant };
        let condition = self.base.clone().filter(filter, &list);
        let sql = numbered(&format!("SELECT count(*) AS counted FROM {} WHERE {}", self.from, condition.sql));
        unit.require_cheap(&sql, &condition.parameters)?;
        let read = |row: &tokio_postgres::Row| Ok(Cells::of(row).get::<i64>("counted")?);
        let counted = unit.one(&sql, &condition.parameters, read)?;
        Ok(counted.unwrap_or_default().unsigned_abs())
    }

    fn select<F>(
        &self,
        order: &[Order<F>],
        columns: &[Column],
        condition: Where,
        limit: usize,
        skip: usize,
    ) -> (String, Vec<Sql>) {
        let (mut selected, mut by) = (format!("{} AS row", self.row), String::new());
        for (index, (key, column)) in order.iter().zip(columns).enumerate() {
            selected.push_str(&format!(", {} AS key_{index}", column.key()));
            by.push_str(&format!("{}{}, ", column.key(), direction(key.descending)));
        }
        // The row follows the direction of the last key, so that one walk over an index gives both.
        let last = if order.last().is_some_and(|key| key.descending) { " DESC" } else { " ASC" };
        let sql = format!(
            "SELECT {selected}, {} FROM {} WHERE {} ORDER BY {by}{}{last} LIMIT ? OFFSET ?",
            self.columns, self.from, condition.sql, self.row
        );
        let mut parameters = condition.parameters;
        parameters.extend([Sql::from(limit), Sql::from(skip)]);
        (numbered(&sql), parameters)
    }

    /// Returns the items after a cursor, as ranges in their order.
    fn ranges<F>(&self, order: &[Order<F>], columns: &[Column], after: Option<&Place>) -> Vec<Where> {
        let Some(cursor) = after else { return vec![self.base.clone()] };
        let mut same = self.base.clone();
        let mut ranges = Vec::new();
        for ((key, column), value) in order.iter().zip(columns).zip(&cursor.keys) {
            let x = column.key();
            let bound = || operand(column.kind, value);
            let null = *value == Value::Null;
            let mut behind = Vec::new();
            match (key.descending, null) {
                (false, true) => behind.push(same.clone().and(&format!("{x} IS NOT NULL"), None)),
                (false, false) => behind.push(same.clone().and(&format!("{x} > ?"), [bound()])),
                (true, true) => {}
                (true, false) => {
                    behind.push(same.clone().and(&format!("{x} < ?"), [bound()]));
                    behind.push(same.clone().and(&format!("{x} IS NULL"), None));
                }
            }
            // Items behind in an earlier key come later.
            behind.append(&mut ranges);
            ranges = behind;
            same = match null {
                true => same.and(&format!("{x} IS NULL"), None),
                false => same.and(&format!("{x} = ?"), [bound()]),
            };
        }
        let descending = order.last().is_some_and(|key| key.descending);
        let onward = format!("{} {} ?", self.row, if descending { "<" } else { ">" });
        ranges.insert(0, same.and(&onward, [cursor.row.into()]));
        ranges
    }
}

/// Returns a statement with numbered parameters. None of its texts has a question mark.
fn numbered(sql: &str) -> String {
    let mut pieces = sql.split('?');
    let mut numbered = pieces.next().unwrap_or_default().to_owned();
    for (number, piece) in (1..).zip(pieces) {
        numbered.push_str(&format!("${number}{piece}"));
    }
    numbered
}

/// Returns the direction of a key, with null as the least value.
fn direction(descending: bool) -> &'static str {
    if descending { " DESC NULLS LAST" } else { " ASC NULLS FIRST" }
}
