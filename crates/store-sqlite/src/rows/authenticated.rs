//! Row authenticators: write access to the database without the key grants no rights.
//!
//! A row of [`TABLES`] has a `mac`: HMAC-SHA-256 over the name of its table, the identifiers of its owners, and every
//! column that counts. It cannot be edited, moved to another tenant or made by other programs. For small tables
//! `row_set` also authenticates the set of a tenant's rows, with a version. So rows cannot be removed, or put back from
//! an older copy. Temporary triggers in the writer's connection write both, so that no statement forgets them, and a
//! change never makes an unsound row sound.
//!
//! Code that reads a row for a decision reads it with [`Table::sound`] or [`Table::sound_beside`]. Where the absence of a
//! row, or an older row, could grant a right, it calls [`is_whole`] too.

use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::caller::Actor;
use chaveiro_core::digest::{hex, sha256};
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{RowLook, RowPlace, RowSet, StoreError, UnsoundRow};
use chaveiro_store_rows::RowKey;
use chaveiro_store_rows::message::{Field, ROW, SET, columns, message};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::codec::{blob, field, many, moment, one, run, uuid};
use crate::rows::audit::append_event;

/// A table whose rows are authenticated. In its texts `{}` stands for the row.
pub(crate) struct Table {
    name: &'static str,
    /// The row of the tenant.
    tenant: &'static str,
    /// The identifiers of the owners: rows refer to them by numbers, which prove nothing by themselves.
    owners: &'static [&'static str],
    /// The columns that refer to the owners.
    references: &'static [&'static str],
    columns: &'static [&'static str],
    /// The columns that the table got after rows were signed. NULL values of them are left out of the authenticated
    /// message, so that older rows verify. Their order never changes.
    later: &'static [&'static str],
    key: &'static [&'static str],
    /// The condition for rows that are authenticated.
    only: Option<&'static str>,
    /// True if `row_set` authenticates the set of rows.
    set: bool,
    /// True if a row that does not verify may be removed: only its grant is lost.
    removable: bool,
    /// The name of the row for people, as SQL.
    shown: &'static str,
}

const TENANT: &str = "(SELECT o.id FROM tenant o WHERE o.row = {}.tenant)";
const DEVICE: &str = "(SELECT o.id FROM device o WHERE o.row = {}.device)";
const TENANT_OF_DEVICE: &str = "(SELECT o.id FROM device w JOIN tenant o ON o.row = w.tenant WHERE w.row = {}.device)";
const ACTION: &str = "(SELECT o.id FROM action o WHERE o.row = {}.action)";
const TENANT_ROW_OF_DEVICE: &str = "(SELECT w.tenant FROM device w WHERE w.row = {}.device)";

const PLAIN: Table = Table {
    name: "",
    tenant: "{}.tenant",
    owners: &[TENANT],
    references: &["tenant"],
    columns: &[],
    later: &[],
    key: &["row"],
    only: None,
    set: false,
    removable: false,
    shown: "shown({}.id)",
};

pub(crate) static TENANTS: Table = Table {
    name: "tenant",
    tenant: "{}.row",
    owners: &[],
    references: &[],
    columns: columns::TENANTS,
    set: true,
    ..PLAIN
};
pub(crate) static APPLICATIONS: Table =
    Table { name: "application", columns: columns::APPLICATIONS, set: true, removable: true, ..PLAIN };
pub(crate) static ASSIGNMENTS: Table =
    Table { name: "role_assignment", columns: columns::ASSIGNMENTS, set: true, removable: true, ..PLAIN };
pub(crate) static HOLDS: Table = Table { name: "hold", columns: columns::HOLDS, set: true, ..PLAIN };
pub(crate) static REVOCATIONS: Table = Table {
    name: "revocation",
    columns: columns::REVOCATIONS,
    key: &["tenant", "kind", "principal"],
    set: true,
    shown: "{}.kind || ' ' || {}.principal",
    ..PLAIN
};
pub(crate) static ENROLLMENTS: Table = Table {
    name: "enrollment",
    tenant: TENANT_ROW_OF_DEVICE,
    owners: &[TENANT_OF_DEVICE, DEVICE],
    references: &["device"],
    columns: columns::ENROLLMENTS,
    ..PLAIN
};
pub(crate) static ENROLLMENT_TOKENS: Table = Table {
    name: "enrollment_token",
    columns: columns::ENROLLMENT_TOKENS,
    key: &["sha256"],
    removable: true,
    shown: "lower(hex(substr({}.sha256, 1, 8)))",
    ..PLAIN
};
pub(crate) static SIGN_INS: Table = Table {
    name: "sign_in",
    columns: columns::SIGN_INS,
    later: &["address"],
    removable: true,
    shown: "lower(hex(substr({}.handle_sha256, 1, 8)))",
    ..PLAIN
};
pub(crate) static SECRETS: Table = Table {
    name: "secret",
    tenant: "(SELECT w.tenant FROM action w WHERE w.row = {}.action)",
    owners: &[ACTION],
    references: &["action"],
    columns: columns::SECRETS,
    ..PLAIN
};
pub(crate) static DEVICE_TAGS: Table = Table {
    name: "device_tag",
    tenant: TENANT_ROW_OF_DEVICE,
    owners: &[TENANT_OF_DEVICE, DEVICE],
    references: &["device"],
    columns: columns::DEVICE_TAGS,
    key: &["device", "tag"],
    removable: true,
    shown: "shown((SELECT o.id FROM device o WHERE o.row = {}.device)) || ' ' || {}.tag",
    ..PLAIN
};
/// Users: their tokens name them as these rows do, and a disabled account is disabled there.
pub(crate) static USERS: Table =
    Table { name: "resource", columns: columns::USERS, only: Some("{}.kind = 'user'"), ..PLAIN };

/// Every table whose rows are authenticated.
static TABLES: [&Table; 11] = [
    &TENANTS,
    &APPLICATIONS,
    &ASSIGNMENTS,
    &HOLDS,
    &REVOCATIONS,
    &ENROLLMENTS,
    &ENROLLMENT_TOKENS,
    &SIGN_INS,
    &SECRETS,
    &DEVICE_TAGS,
    &USERS,
];

fn at(text: &str, row: &str) -> String {
    text.replace("{}", row)
}

impl Table {
    /// Returns the condition that the row with that alias is as this program wrote it.
    pub(crate) fn sound(&self, row: &str) -> String {
        format!("row_sound({row}.mac, {})", self.arguments(row))
    }

    /// Returns the same condition for a query that has joined the owners: it names their identifiers, and SQLite does not
    /// look for them again.
    pub(crate) fn sound_beside<const OWNERS: usize>(&self, row: &str, owners: [&str; OWNERS]) -> String {
        debug_assert_eq!(OWNERS, self.owners.len(), "{}", self.name);
        let arguments = self.arguments_of(row, owners.into_iter().map(str::to_owned));
        format!("row_sound({row}.mac, {arguments})")
    }

    fn arguments(&self, row: &str) -> String {
        self.arguments_of(row, self.owners.iter().map(|owner| at(owner, row)))
    }

    fn arguments_of(&self, row: &str, owners: impl Iterator<Item = String>) -> String {
        let columns = self.columns.iter().chain(self.later).map(|column| format!("{row}.{column}"));
        let all: Vec<String> = [format!("'{}'", self.name)].into_iter().chain(owners).chain(columns).collect();
        all.join(", ")
    }

    /// Returns the number of arguments before [`Self::later`].
    fn fixed(&self) -> usize {
        1 + self.owners.len() + self.columns.len()
    }

    fn same_key(&self, row: &str) -> String {
        let equal = self.key.iter().map(|column| format!("{column} = {row}.{column}"));
        equal.collect::<Vec<_>>().join(" AND ")
    }

    fn only(&self, row: &str, before: &str) -> String {
        self.only.map(|only| format!("{before}{}", at(only, row))).unwrap_or_default()
    }

    /// Returns the authenticators of a tenant's rows, in one text: of sound rows only, or of all.
    fn members(&self, tenant: &str, sound: bool) -> String {
        let sound = if sound { format!(" AND {}", self.sound("s")) } else { String::new() };
        format!(
            "(SELECT group_concat(hex(s.mac), '' ORDER BY s.mac) FROM {} s WHERE {} = {tenant}{sound})",
            self.name,
            at(self.tenant, "s")
        )
    }

    fn set_mac(&self, tenant: &str, version: &str, sound: bool) -> String {
        let (name, members) = (self.name, self.members(tenant, sound));
        format!("set_mac('{name}', (SELECT o.id FROM tenant o WHERE o.row = {tenant}), {version}, {members})")
    }

    /// Returns the triggers of the writer.
    fn triggers(&self) -> String {
        let Self { name, columns, later, references, .. } = self;
        let mut sql = String::new();
        let mut trigger = |what: &str, event: &str, when: &str, body: &str| {
            sql.push_str(&format!(
                "CREATE TEMP TRIGGER {what}_{name} {event} ON main.{name} {when} BEGIN {body} END;\n"
            ));
        };
        let changed = columns.iter().chain(*later).chain(*references).copied().collect::<Vec<_>>().join(", ");
        let sign = format!("UPDATE {name} SET mac = row_mac({}) WHERE {};", self.arguments(name), self.same_key("NEW"));
        let keep = format!(
            "UPDATE {name} SET mac = iif({}, row_mac({}), NULL) WHERE {};",
            self.sound("OLD"),
            self.arguments(name),
            self.same_key("NEW")
        );
        let (mut inserted, mut updated) = (sign, keep);
        if self.set {
            // A set that does not verify before a change does not verify after it.
            let check = |row: &str| {
                let tenant = at(self.tenant, row);
                let mac = self.set_mac(&tenant, "version", true);
                format!(
                    "UPDATE row_set SET mac = NULL WHERE tenant = {tenant} AND name = '{name}' AND mac IS NOT {mac};"
                )
            };
            let renew = |row: &str| {
                let tenant = at(self.tenant, row);
                let mac = self.set_mac(&tenant, "version + 1", true);
                format!(
                    "UPDATE row_set SET version = version + 1, mac = {mac}
                    WHERE tenant = {tenant} AND name = '{name}' AND mac IS NOT NULL;"
                )
            };
            if name == &TENANTS.name {
                for table in TABLES.iter().filter(|table| table.set) {
                    let (of, mac) = (table.name, table.set_mac("NEW.row", "1", true));
                    inserted.push_str(&format!("INSERT INTO row_set VALUES (NEW.row, '{of}', 1, {mac});"));
                }
            } else {
                trigger("check_insert", "BEFORE INSERT", "", &check("NEW"));
                trigger("check_delete", "BEFORE DELETE", "", &check("OLD"));
                trigger("renew_delete", "AFTER DELETE", "", &renew("OLD"));
                inserted.push_str(&renew("NEW"));
            }
            trigger("check_update", &format!("BEFORE UPDATE OF {changed}"), "", &check("OLD"));
            updated.push_str(&renew("NEW"));
        }
        trigger("sign_insert", "AFTER INSERT", &self.only("NEW", "WHEN "), &inserted);
        trigger("sign_update", &format!("AFTER UPDATE OF {changed}"), &self.only("NEW", "WHEN "), &updated);
        sql
    }
}

/// Returns the arguments of a function from that place on, as values of a message.
fn fields<'a>(context: &'a Context<'_>, from: usize) -> impl Iterator<Item = Field<'a>> {
    (from..context.len()).map(|index| field(context.get_raw(index)))
}

/// Returns the message of a row; its first value is the name of the table.
fn row_message(context: &Context<'_>, from: usize) -> Vec<u8> {
    let name = context.get_raw(from);
    let table = TABLES.iter().find(|table| name == ValueRef::Text(table.name.as_bytes()));
    message(ROW, fields(context, from), table.map_or(usize::MAX, |table| table.fixed()))
}

/// Most characters of a row's name for people.
const MAX_SHOWN: usize = 200;

/// Registers the SQL functions that sign and verify.
pub(crate) fn functions(connection: &Connection, key: &RowKey) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let signing = key.clone();
    connection
        .create_scalar_function("row_mac", -1, flags, move |arguments| Ok(signing.sign(&row_message(arguments, 0))))?;
    let verifying = key.clone();
    connection.create_scalar_function("row_sound", -1, flags, move |arguments| {
        let mac = arguments.get_raw(0).as_blob_or_null()?;
        Ok(mac.is_some_and(|mac| verifying.verifies(&row_message(arguments, 1), mac)))
    })?;
    connection.create_scalar_function("shown", 1, flags, |arguments| {
        let bytes = arguments.get_raw(0).as_bytes_or_null()?.unwrap_or_default();
        Ok(Uuid::from_slice(bytes).map_or_else(|_| hex(bytes), |id| id.to_string()))
    })?;
    let signing = key.clone();
    connection.create_scalar_function("set_mac", 4, flags, move |arguments| {
        Ok(signing.sign(&message(SET, fields(arguments, 0), usize::MAX)))
    })
}

/// Prepares the one connection that writes.
pub(crate) fn install(connection: &Connection) -> rusqlite::Result<()> {
    TABLES.iter().try_for_each(|table| connection.execute_batch(&table.triggers()))
}

/// Returns SQLite's number of the schema, which differs after every change.
pub(crate) fn schema_number(connection: &Connection) -> Result<i64, StoreError> {
    let number = one(connection, "PRAGMA schema_version", [], |row| Ok(row.get(0)?))?;
    number.ok_or_else(|| StoreError::Inconsistent("the schema has no number".to_owned()))
}

/// Refuses a database in which one of our tables can change by itself: by a computed column, or as a consequence of
/// changes elsewhere. The writer would sign whatever it is made to change.
pub(crate) fn check_schema(connection: &Connection) -> Result<(), StoreError> {
    for table in TABLES {
        let sql = "SELECT (SELECT count(*) FROM pragma_table_xinfo(?1) WHERE hidden <> 0)
            + (SELECT count(*) FROM pragma_foreign_key_list(?1)
                WHERE on_update <> 'NO ACTION' OR on_delete <> 'NO ACTION')";
        if one(connection, sql, [table.name], |row| Ok(row.get::<_, i64>(0)?))? != Some(0) {
            let text = format!("the schema of the table {} was changed by another program", table.name);
            return Err(StoreError::Unavailable(text));
        }
    }
    Ok(())
}

/// Returns true if the rows of a tenant in that table are those that this program left there. With `every`, each row is
/// verified too: for tables where the absence of a row grants a right.
pub(crate) fn is_whole(
    connection: &Connection,
    table: &Table,
    tenant: TenantId,
    every: bool,
) -> Result<bool, StoreError> {
    let whole = |sound| {
        let mac = table.set_mac("t.row", "s.version", sound);
        let sql = format!(
            "SELECT s.mac IS NOT NULL AND s.mac = {mac} FROM tenant t
            LEFT JOIN row_set s ON s.tenant = t.row AND s.name = '{}' WHERE t.id = ?",
            table.name
        );
        one(connection, &sql, [blob(&tenant.0)], |row| Ok(row.get::<_, bool>(0)?)).map(|whole| whole.unwrap_or(true))
    };
    // Rows added by other programs are no members; they only make the short check fail.
    Ok((!every && whole(false)?) || whole(true)?)
}

/// Returns the fault of a decision that is impossible because another program changed the rows.
pub(crate) fn unsound(table: &Table) -> StoreError {
    StoreError::Inconsistent(format!(
        "rows of the table {} were changed by another program; run: chaveiro audit rows",
        table.name
    ))
}

/// Verifies no more than about `limit` rows from that place on.
pub(crate) fn look(connection: &Connection, from: RowPlace, limit: usize) -> Result<RowLook, StoreError> {
    let mut look = RowLook { unsound: Vec::new(), sets: Vec::new(), next: from };
    let mut left = limit;
    while let Some(table) = TABLES.get(look.next.table) {
        if look.next.offset == 0 && table.set {
            sets(connection, table, &mut look)?;
        }
        let sql = format!(
            "SELECT {sound} AS sound, substr({shown}, 1, {MAX_SHOWN}) AS shown, (SELECT id FROM tenant WHERE row = {tenant}) AS tenant_id
            FROM {name} x{only} LIMIT ?1 OFFSET ?2",
            sound = table.sound("x"),
            shown = at(table.shown, "x"),
            tenant = at(table.tenant, "x"),
            name = table.name,
            only = table.only("x", " WHERE "),
        );
        let offset = i64::try_from(look.next.offset).unwrap_or(i64::MAX);
        let rows = many(connection, &sql, params![left as i64, offset], |row| {
            // Other programs may have written any value, and no value may stop the verification.
            let tenant = row.get_ref("tenant_id")?.as_bytes().ok().and_then(|bytes| Uuid::from_slice(bytes).ok());
            let unsound = UnsoundRow { tenant: tenant.map(TenantId), table: table.name, row: row.get("shown")? };
            Ok((row.get::<_, bool>("sound")?, unsound))
        })?;
        let seen = rows.len();
        look.unsound.extend(rows.into_iter().filter(|(sound, _)| !sound).map(|(_, row)| row));
        left = left.saturating_sub(seen);
        if left == 0 {
            look.next.offset += seen;
            return Ok(look);
        }
        look.next = RowPlace { table: look.next.table + 1, offset: 0 };
    }
    look.next = RowPlace::default();
    Ok(look)
}

fn sets(connection: &Connection, table: &'static Table, look: &mut RowLook) -> Result<(), StoreError> {
    let sql =
        "SELECT t.id, coalesce((SELECT s.version FROM row_set s WHERE s.tenant = t.row AND s.name = ?), 0) AS version
        FROM tenant t WHERE length(t.id) = 16 ORDER BY t.row";
    let sets = many(connection, sql, [table.name], |row| {
        Ok((TenantId(uuid(row, "id")?), row.get::<_, i64>("version")?.unsigned_abs()))
    })?;
    for (tenant, version) in sets {
        look.sets.push(RowSet { tenant, table: table.name, version });
        if !is_whole(connection, table, tenant, true)? {
            look.unsound.push(UnsoundRow { tenant: Some(tenant), table: table.name, row: None });
        }
    }
    Ok(())
}

/// Signs every row that does not verify as it stands or, with `remove`, removes those whose only effect is what they
/// grant. Then signs every set as it stands. Returns the number of rows.
pub(crate) fn settle(connection: &Connection, remove: bool) -> Result<u64, StoreError> {
    let mut touched = 0;
    for table in TABLES {
        let (name, unsound) =
            (table.name, format!("NOT {}{}", table.sound(table.name), table.only(table.name, " AND ")));
        let sql = match (remove, table.removable) {
            (false, _) => format!("UPDATE {name} SET mac = row_mac({}) WHERE {unsound}", table.arguments(name)),
            (true, true) => format!("DELETE FROM {name} WHERE {unsound}"),
            (true, false) => continue,
        };
        touched += run(connection, &sql, [])? as u64;
    }
    for table in TABLES.iter().filter(|table| table.set) {
        let name = table.name;
        let version =
            format!("coalesce((SELECT v.version FROM row_set v WHERE v.tenant = t.row AND v.name = '{name}'), 0) + 1");
        let mac = table.set_mac("t.row", &version, true);
        let sql = format!("INSERT OR REPLACE INTO row_set SELECT t.row, '{name}', {version}, {mac} FROM tenant t");
        run(connection, &sql, [])?;
    }
    Ok(touched)
}

/// Records the key of a database, and signs everything if it has none yet. Returns the key that it had.
pub(crate) fn introduce(connection: &Connection, key: &RowKey) -> Result<Option<Vec<u8>>, StoreError> {
    let noted = noted_key(connection)?;
    if noted.is_some() {
        return Ok(noted);
    }
    settle(connection, false)?;
    run(connection, "INSERT INTO row_key (fingerprint) VALUES (?)", [key.fingerprint()])?;
    let tenants = many(connection, "SELECT id, unixepoch('now') * 1000000 AS now FROM tenant", [], |row| {
        Ok((TenantId(uuid(row, "id")?), moment(row.get("now")?, "now")?))
    })?;
    for (tenant, now) in tenants {
        let short = hex(&sha256(&key.fingerprint())[..8]);
        let event = AuditEvent::new(tenant, now, Actor::system(), Activity::RowsSigned).with("key", short);
        append_event(connection, &event)?;
    }
    Ok(None)
}

/// Returns the fingerprint of the key that signed the database.
pub(crate) fn noted_key(connection: &Connection) -> Result<Option<Vec<u8>>, StoreError> {
    one(connection, "SELECT fingerprint FROM row_key LIMIT 1", [], |row| Ok(row.get(0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns that need no authentication: no decision depends on them that an attacker would want.
    const FREE: &[(&str, &[&str])] = &[
        ("enrollment", &["session"]),
        // The action says whose a secret is, and is as free; the device is there for the index.
        ("secret", &["mark", "device"]),
        ("sign_in", &["mark"]),
        ("resource", &["owner", "device", "created", "modified"]),
    ];

    #[test]
    fn a_row_that_was_signed_before_a_column_came_verifies_and_the_column_cannot_be_filled_afterwards() {
        let database = Connection::open_in_memory().expect("a database");
        let key = RowKey::new(&[7; 32], std::path::Path::new("rows.key")).expect("a key");
        functions(&database, &key).expect("functions");
        let table = Table { later: &["address", "other"], ..SIGN_INS };
        let columns = vec!["1"; table.fixed() - 1].join(", ");
        let mac = |later: &str| -> Vec<u8> {
            let sql = format!("SELECT row_mac('sign_in', {columns}{later})");
            database.query_row(&sql, [], |row| row.get(0)).expect("a mac")
        };
        let before = mac("");
        assert_eq!(mac(", NULL"), before);
        assert_eq!(mac(", NULL, NULL"), before);
        let filled = [mac(", 'a'"), mac(", NULL, 'a'"), mac(", 'a', 'a'"), mac(", ''"), mac(", x'61'")];
        assert_eq!(mac(", 'a', NULL"), filled[0]);
        let all: std::collections::BTreeSet<_> = filled.iter().chain([&before]).collect();
        assert_eq!(all.len(), filled.len() + 1, "each is another message");
    }

    #[test]
    fn every_column_of_an_authenticated_table_is_authenticated_or_known_to_be_free() {
        let directory = tempfile::tempdir().expect("a directory");
        drop(crate::SqliteStore::open(directory.path()).expect("a store"));
        let database = Connection::open(directory.path().join(crate::FILE_NAME)).expect("opened");
        for table in TABLES {
            let mut columns = database.prepare("SELECT name FROM pragma_table_xinfo(?)").expect("SQL");
            let columns = columns.query_map([table.name], |row| row.get::<_, String>(0)).expect("columns");
            let columns: Vec<String> = columns.collect::<Result<_, _>>().expect("names");
            assert!(columns.len() > 2, "{}", table.name);
            let free = FREE.iter().find(|(name, _)| *name == table.name).map_or(&[][..], |(_, free)| free);
            let known = [table.columns, table.later, table.references, free, &["row", "mac"]].concat();
            let unknown: Vec<_> = columns.iter().filter(|column| !known.contains(&column.as_str())).collect();
            assert!(unknown.is_empty(), "{}: {unknown:?}", table.name);
        }
    }
}
