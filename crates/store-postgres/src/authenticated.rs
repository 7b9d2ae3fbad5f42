//! Row authenticators: write access to the database without the key grants no rights (ADR 16).
//!
//! A row of [`TABLES`] has a `mac` over the name of its table, the identifiers of its owners, and every column that counts.
//! PostgreSQL never sees the key. So this program signs what it writes and verifies what it reads: [`insert`] and [`update`]
//! are the only ways in which authenticated columns are written. A change never makes an unsound row sound.
//!
//! `row_set` also authenticates the set of a tenant's rows of small tables, with a version. Where the absence of a row, or an
//! older row, could grant a right, [`is_whole`] is asked too.

use chaveiro_core::Timestamp;
use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::caller::Actor;
use chaveiro_core::digest::{hex, sha256};
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{RowLook, RowPlace, RowSet, StoreError, UnsoundRow};
use chaveiro_store_rows::RowKey;
use chaveiro_store_rows::cells::Cells as _;
use chaveiro_store_rows::message::{Field, ROW, SET, columns, message};
use chaveiro_store_rows::veil::Veil;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::rows::audit;
use crate::session::Session;
use crate::unit::{Unit, params};
use crate::value::{Cells, Sql, field};
use crate::{Options, Shared};

/// A table whose rows are authenticated.
pub(crate) struct Table {
    name: &'static str,
    /// The column with the tenant.
    tenant: &'static str,
    /// The columns with the identifiers of the owners.
    owners: &'static [&'static str],
    columns: &'static [&'static str],
    /// The columns that the table got after rows were signed. Null values of them are left out of the authenticated message.
    later: &'static [&'static str],
    /// The condition for rows that are authenticated.
    only: &'static str,
    /// True if `row_set` authenticates the set of rows.
    set: bool,
    /// True if a row that does not verify may be removed: only its grant is lost.
    removable: bool,
    /// The name of the row for people, as SQL.
    shown: &'static str,
}

const PLAIN: Table = Table {
    name: "",
    tenant: "tenant",
    owners: &["tenant"],
    columns: &[],
    later: &[],
    only: "true",
    set: false,
    removable: false,
    shown: "x.id::text",
};

pub(crate) static TENANTS: Table =
    Table { name: "tenant", tenant: "id", owners: &[], columns: columns::TENANTS, set: true, ..PLAIN };
pub(crate) static APPLICATIONS: Table =
    Table { name: "application", columns: columns::APPLICATIONS, set: true, removable: true, ..PLAIN };
pub(crate) static ASSIGNMENTS: Table =
    Table { name: "role_assignment", columns: columns::ASSIGNMENTS, set: true, removable: true, ..PLAIN };
pub(crate) static HOLDS: Table = Table { name: "hold", columns: columns::HOLDS, set: true, ..PLAIN };
pub(crate) static REVOCATIONS: Table = Table {
    name: "revocation",
    columns: columns::REVOCATIONS,
    set: true,
    shown: "x.kind || ' ' || x.principal",
    ..PLAIN
};
pub(crate) static ENROLLMENTS: Table =
    Table { name: "enrollment", owners: &["tenant", "device"], columns: columns::ENROLLMENTS, ..PLAIN };
pub(crate) static ENROLLMENT_TOKENS: Table = Table {
    name: "enrollment_token",
    columns: columns::ENROLLMENT_TOKENS,
    removable: true,
    shown: "encode(substr(x.sha256, 1, 8), 'hex')",
    ..PLAIN
};
pub(crate) static SIGN_INS: Table = Table {
    name: "sign_in",
    columns: columns::SIGN_INS,
    later: &["address"],
    removable: true,
    shown: "encode(substr(x.handle_sha256, 1, 8), 'hex')",
    ..PLAIN
};
pub(crate) static SECRETS: Table = Table { name: "secret", owners: &["action"], columns: columns::SECRETS, ..PLAIN };
pub(crate) static DEVICE_TAGS: Table = Table {
    name: "device_tag",
    owners: &["tenant", "device"],
    columns: columns::DEVICE_TAGS,
    removable: true,
    shown: "x.device::text || ' ' || x.tag",
    ..PLAIN
};
/// Users: their tokens name them as these rows do, and a disabled account is disabled there.
pub(crate) static USERS: Table = Table { name: "resource", columns: columns::USERS, only: "x.kind = 'user'", ..PLAIN };

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

/// Columns of a row with their values.
pub(crate) type Written = Vec<(&'static str, Sql)>;

impl Table {
    /// Returns every column that the authenticator covers, in its order.
    fn covered(&self) -> impl Iterator<Item = &'static str> {
        self.owners.iter().chain(self.columns).chain(self.later).copied()
    }

    /// Returns the number of values before those of [`Self::later`].
    fn fixed(&self) -> usize {
        1 + self.owners.len() + self.columns.len()
    }

    /// Returns the columns by which [`Self::sound`] verifies the row with that alias.
    pub(crate) fn proof(&self, row: &str) -> String {
        let covered: String = self.covered().map(|column| format!(", {row}.\"{column}\"")).collect();
        format!("{row}.mac{covered}")
    }

    fn mac<'a>(&'a self, key: &RowKey, fields: impl IntoIterator<Item = Field<'a>>) -> Vec<u8> {
        let name = Field::Text(self.name.as_bytes());
        key.sign(&message(ROW, [name].into_iter().chain(fields), self.fixed()))
    }

    /// Returns true if the row is as this program wrote it; the columns of [`Self::proof`] begin at that place.
    pub(crate) fn sound(&self, key: &RowKey, row: &Row, place: usize) -> Result<bool, StoreError> {
        let Field::Blob(mac) = field(row, place)? else { return Ok(false) };
        let fields = (0..self.covered().count()).map(|index| field(row, place + 1 + index));
        let fields = fields.collect::<Result<Vec<_>, _>>()?;
        let name = Field::Text(self.name.as_bytes());
        Ok(key.verifies(&message(ROW, [name].into_iter().chain(fields), self.fixed()), mac))
    }

    /// Returns the authenticator of a row with these columns.
    fn signed(&self, key: &RowKey, row: &Written) -> Vec<u8> {
        let value = |column| row.iter().find(|(name, _)| *name == column).map_or(Field::Null, |(_, sql)| sql.field());
        self.mac(key, self.covered().map(value))
    }
}

/// Returns an insert of these columns. It leaves a row with the same key as it is, so that a unit of work can go on.
fn inserted(table: &str, row: &Written) -> String {
    let names: Vec<String> = row.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let values: Vec<String> = (1..=row.len()).map(|number| format!("${number}")).collect();
    format!("INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT DO NOTHING", names.join(", "), values.join(", "))
}

/// Adds a row to a table that is not authenticated.
pub(crate) fn insert_plain(unit: &Unit<'_>, table: &str, row: Written, what: &'static str) -> Result<(), StoreError> {
    let sql = inserted(table, &row);
    match unit.change(&sql, &row.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), what)? {
        1 => Ok(()),
        _ => Err(StoreError::Duplicate(what)),
    }
}

/// Adds a row and signs it.
pub(crate) fn insert(unit: &Unit<'_>, table: &Table, row: Written, what: &'static str) -> Result<(), StoreError> {
    let mac = table.signed(unit.key(), &row);
    let row = row.into_iter().chain([("mac", mac.into())]).collect();
    insert_plain(unit, table.name, row, what)
}

/// Adds a row to the set of that tenant and signs both.
pub(crate) fn insert_into_set(
    unit: &Unit<'_>,
    table: &Table,
    tenant: TenantId,
    row: Written,
    what: &'static str,
) -> Result<(), StoreError> {
    changing(unit, table, tenant, || insert(unit, table, row, what))
}

/// Writes these columns of the rows that fulfil the condition, whose alias is `x`, and signs those that verified. Returns
/// their number.
pub(crate) fn update(
    unit: &Unit<'_>,
    table: &Table,
    set: &[(&'static str, Sql)],
    condition: &str,
    parameters: &[Sql],
    what: &'static str,
) -> Result<u64, StoreError> {
    let (name, key) = (table.name, unit.key());
    let sql = format!("SELECT x.row, {} FROM {name} x WHERE {condition} FOR NO KEY UPDATE", table.proof("x"));
    let (mut rows, mut macs) = (Vec::new(), Vec::new());
    for row in unit.query(&sql, parameters)? {
        let changed = |(index, column)| match set.iter().find(|(name, _)| *name == column) {
            Some((_, value)) => Ok(value.field()),
            None => field(&row, 2 + index),
        };
        let after = table.covered().enumerate().map(changed).collect::<Result<Vec<_>, _>>()?;
        rows.push(Cells::of(&row).get::<i64>("row")?);
        macs.push(if table.sound(key, &row, 1)? { Some(table.mac(key, after)) } else { None });
    }
    if rows.is_empty() {
        return Ok(0);
    }
    let columns: String = (3..).zip(set).map(|(number, (name, _))| format!("\"{name}\" = ${number}, ")).collect();
    let sql = format!(
        "UPDATE {name} x SET {columns}mac = m.mac FROM unnest($1::bigint[], $2::bytea[]) AS m (row, mac) WHERE x.row = m.row"
    );
    let parameters: Vec<Sql> =
        [rows.into(), macs.into()].into_iter().chain(set.iter().map(|(_, value)| value.clone())).collect();
    unit.change(&sql, &parameters, what)
}

/// Writes columns of the one row of a set that fulfils the condition.
pub(crate) fn update_in_set(
    unit: &Unit<'_>,
    table: &Table,
    tenant: TenantId,
    set: &[(&'static str, Sql)],
    condition: &str,
    parameters: &[Sql],
    what: &'static str,
) -> Result<u64, StoreError> {
    changing(unit, table, tenant, || update(unit, table, set, condition, parameters, what))
}

/// The row of `row_set`.
struct Set {
    version: i64,
    mac: Option<Vec<u8>>,
}

fn set(unit: &Unit<'_>, table: &Table, tenant: TenantId, lock: &str) -> Result<Option<Set>, StoreError> {
    let sql = format!("SELECT version, mac FROM row_set WHERE tenant = $1 AND name = $2{lock}");
    unit.one(&sql, &params![tenant.0, table.name], |row| {
        let cells = &mut Cells::of(row);
        Ok(Set { version: cells.get("version")?, mac: cells.get("mac")? })
    })
}

fn set_mac(key: &RowKey, table: &Table, tenant: TenantId, version: i64, members: &[Vec<u8>]) -> Vec<u8> {
    let members: String = members.iter().map(|mac| hex(mac).to_ascii_uppercase()).collect();
    let members = if members.is_empty() { Field::Null } else { Field::Text(members.as_bytes()) };
    let fields =
        [Field::Text(table.name.as_bytes()), Field::Blob(tenant.0.as_bytes()), Field::Integer(version), members];
    key.sign(&message(SET, fields, usize::MAX))
}

/// Returns the authenticators of the rows of a tenant that verify, in their order.
fn sound_members(unit: &Unit<'_>, table: &Table, tenant: TenantId) -> Result<Vec<Vec<u8>>, StoreError> {
    let sql = format!(
        "SELECT {} FROM {} x WHERE x.\"{}\" = $1 AND x.mac IS NOT NULL ORDER BY x.mac",
        table.proof("x"),
        table.name,
        table.tenant
    );
    let mut members = Vec::new();
    for row in unit.query(&sql, &params![tenant.0])? {
        if table.sound(unit.key(), &row, 0)? {
            members.push(Cells::of(&row).get("mac")?);
        }
    }
    Ok(members)
}

/// Changes a set. One that does not verify before a change does not verify after it.
fn changing<T>(
    unit: &Unit<'_>,
    table: &Table,
    tenant: TenantId,
    change: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let key = unit.key();
    let before = set(unit, table, tenant, " FOR NO KEY UPDATE")?;
    let holds = match &before {
        Some(Set { version, mac: Some(mac) }) => {
            *mac == set_mac(key, table, tenant, *version, &sound_members(unit, table, tenant)?)
        }
        _ => false,
    };
    let done = change()?;
    if let Some(Set { version, .. }) = before {
        let (version, mac) = match holds {
            true => {
                let version = version + 1;
                (version, Some(set_mac(key, table, tenant, version, &sound_members(unit, table, tenant)?)))
            }
            false => (version, None),
        };
        let sql = "UPDATE row_set SET version = $3, mac = $4 WHERE tenant = $1 AND name = $2";
        unit.run(sql, &params![tenant.0, table.name, version, mac])?;
    }
    Ok(done)
}

/// Adds a tenant with its sets.
pub(crate) fn insert_tenant(unit: &Unit<'_>, tenant: TenantId, row: Written) -> Result<(), StoreError> {
    insert(unit, &TENANTS, row, "tenant")?;
    TABLES.iter().filter(|table| table.set).try_for_each(|table| sign_set(unit, table, tenant))
}

/// Signs a set as it stands.
fn sign_set(unit: &Unit<'_>, table: &Table, tenant: TenantId) -> Result<(), StoreError> {
    let version = set(unit, table, tenant, "")?.map_or(1, |set| set.version + 1);
    let mac = set_mac(unit.key(), table, tenant, version, &sound_members(unit, table, tenant)?);
    let sql = "INSERT INTO row_set (tenant, name, version, mac) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant, name) DO UPDATE SET version = excluded.version, mac = excluded.mac";
    unit.run(sql, &params![tenant.0, table.name, version, mac]).map(drop)
}

/// Removes the rows of a set that fulfil the condition, whose alias is `x`. Returns their number.
pub(crate) fn delete_from_set(
    unit: &Unit<'_>,
    table: &Table,
    tenant: TenantId,
    condition: &str,
    parameters: &[Sql],
) -> Result<u64, StoreError> {
    let sql = format!("DELETE FROM {} x WHERE {condition}", table.name);
    changing(unit, table, tenant, || unit.run(&sql, parameters))
}

/// Returns true if the rows of a tenant in that table are those that this program left there. With `every`, each row is
/// verified too: for tables where the absence of a row grants a right.
pub(crate) fn is_whole(unit: &Unit<'_>, table: &Table, tenant: TenantId, every: bool) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT s.version, s.mac, array_to_string(ARRAY(
                SELECT encode(x.mac, 'hex') FROM {} x WHERE x.\"{}\" = t.id AND x.mac IS NOT NULL ORDER BY x.mac), ' ') AS members
        FROM tenant t LEFT JOIN row_set s ON s.tenant = t.id AND s.name = $2 WHERE t.id = $1",
        table.name, table.tenant
    );
    let found = unit.one(&sql, &params![tenant.0, table.name], |row| {
        let cells = &mut Cells::of(row);
        Ok((
            cells.get::<Option<i64>>("version")?,
            cells.get::<Option<Vec<u8>>>("mac")?,
            cells.get::<String>("members")?,
        ))
    })?;
    let (version, mac, members) = match found {
        // Of an unknown tenant nothing is missing.
        None => return Ok(true),
        Some((Some(version), Some(mac), members)) => (version, mac, members),
        Some(_) => return Ok(false),
    };
    let is = |members: &[Vec<u8>]| mac == set_mac(unit.key(), table, tenant, version, members);
    if !every && is(&members.split_whitespace().map(unhex).collect::<Vec<_>>()) {
        return Ok(true);
    }
    // Rows added by other programs are no members; they only make the short check fail.
    Ok(is(&sound_members(unit, table, tenant)?))
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or_default() as u8;
    text.as_bytes().chunks(2).map(|pair| pair.iter().fold(0, |byte, digits| byte << 4 | digit(*digits))).collect()
}

/// Returns the fault of a decision that is impossible because another program changed the rows.
pub(crate) fn unsound(table: &Table) -> StoreError {
    StoreError::Inconsistent(format!(
        "rows of the table {} were changed by another program; run: chaveiro audit rows",
        table.name
    ))
}

/// Most characters of a row's name for people.
const MAX_SHOWN: usize = 200;

/// Verifies no more than about `limit` rows from that place on.
pub(crate) fn look(unit: &Unit<'_>, from: RowPlace, limit: usize) -> Result<RowLook, StoreError> {
    let mut look = RowLook { unsound: Vec::new(), sets: Vec::new(), next: from };
    let mut left = limit;
    while let Some(table) = TABLES.get(look.next.table) {
        if look.next.offset == 0 && table.set {
            sets(unit, table, &mut look)?;
        }
        let sql = format!(
            "SELECT left({}, {MAX_SHOWN}) AS shown, x.\"{}\" AS tenant_id, {} FROM {} x WHERE {} ORDER BY x.row
            LIMIT $1 OFFSET $2",
            table.shown,
            table.tenant,
            table.proof("x"),
            table.name,
            table.only
        );
        let rows = unit.query(&sql, &params![left, look.next.offset])?;
        for row in &rows {
            if !table.sound(unit.key(), row, 2)? {
                let cells = &mut Cells::of(row);
                let shown = cells.get("shown")?;
                let tenant = cells.optional_uuid("tenant_id")?.map(TenantId);
                look.unsound.push(UnsoundRow { tenant, table: table.name, row: shown });
            }
        }
        left = left.saturating_sub(rows.len());
        if left == 0 {
            look.next.offset += rows.len();
            return Ok(look);
        }
        look.next = RowPlace { table: look.next.table + 1, offset: 0 };
    }
    look.next = RowPlace::default();
    Ok(look)
}

fn tenants(unit: &Unit<'_>) -> Result<Vec<TenantId>, StoreError> {
    unit.many("SELECT id FROM tenant ORDER BY row", &[], |row| Ok(TenantId(Cells::of(row).uuid("id")?)))
}

fn sets(unit: &Unit<'_>, table: &'static Table, look: &mut RowLook) -> Result<(), StoreError> {
    for tenant in tenants(unit)? {
        let version = set(unit, table, tenant, "")?.map_or(0, |set| set.version.unsigned_abs());
        look.sets.push(RowSet { tenant, table: table.name, version });
        if !is_whole(unit, table, tenant, true)? {
            look.unsound.push(UnsoundRow { tenant: Some(tenant), table: table.name, row: None });
        }
    }
    Ok(())
}

/// Signs every row that does not verify as it stands or, with `remove`, removes those whose only effect is what they
/// grant. Then signs every set as it stands. Returns the number of rows.
pub(crate) fn settle(unit: &Unit<'_>, remove: bool) -> Result<u64, StoreError> {
    let mut touched = 0;
    for table in TABLES {
        if remove && !table.removable {
            continue;
        }
        let sql = format!("SELECT x.row, {} FROM {} x WHERE {} FOR UPDATE", table.proof("x"), table.name, table.only);
        let (mut rows, mut macs) = (Vec::new(), Vec::new());
        for row in unit.query(&sql, &[])? {
            if !table.sound(unit.key(), &row, 1)? {
                let fields = (0..table.covered().count()).map(|index| field(&row, 2 + index));
                macs.push(Some(table.mac(unit.key(), fields.collect::<Result<Vec<_>, _>>()?)));
                rows.push(Cells::of(&row).get::<i64>("row")?);
            }
        }
        let name = table.name;
        touched += match remove {
            true => unit.run(&format!("DELETE FROM {name} WHERE row = ANY ($1)"), &params![rows])?,
            false => {
                let sql = format!(
                    "UPDATE {name} x SET mac = m.mac FROM unnest($1::bigint[], $2::bytea[]) AS m (row, mac) WHERE x.row = m.row"
                );
                unit.run(&sql, &params![rows, macs])?
            }
        };
    }
    for tenant in tenants(unit)? {
        TABLES.iter().filter(|table| table.set).try_for_each(|table| sign_set(unit, table, tenant))?;
    }
    Ok(touched)
}

/// Returns the fingerprint of the key that signed the database. With a new key, a database without one is signed first.
pub(crate) fn introduce(
    session: &Session,
    options: &Options,
    key: &RowKey,
    is_new: bool,
) -> Result<Option<Vec<u8>>, StoreError> {
    let shared = Shared { options: options.clone(), key: key.clone(), veil: Veil::new(key) };
    let unit = &Unit::new(session, &shared);
    unit.batch("BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE row_key IN EXCLUSIVE MODE")?;
    let noted = noted_key(unit)?;
    let noted = match (noted, is_new) {
        (None, true) => Some(sign_everything(unit, key)?),
        (noted, _) => noted,
    };
    unit.batch("COMMIT")?;
    Ok(noted)
}

fn sign_everything(unit: &Unit<'_>, key: &RowKey) -> Result<Vec<u8>, StoreError> {
    settle(unit, false)?;
    unit.run("INSERT INTO row_key (fingerprint) VALUES ($1)", &params![key.fingerprint()])?;
    let now: Timestamp = unit.time()?;
    for tenant in tenants(unit)? {
        let short = hex(&sha256(&key.fingerprint())[..8]);
        let event = AuditEvent::new(tenant, now, Actor::system(), Activity::RowsSigned).with("key", short);
        audit::append_event(unit, &event)?;
    }
    Ok(key.fingerprint())
}

fn noted_key(unit: &Unit<'_>) -> Result<Option<Vec<u8>>, StoreError> {
    unit.one("SELECT fingerprint FROM row_key", &[], |row| Ok(Cells::of(row).get("fingerprint")?))
}

/// Returns the scope tags of a device that this program wrote, from the text of [`TAGS`], as a JSON array.
pub(crate) fn sound_tags(key: &RowKey, tenant: Uuid, device: Uuid, text: &str) -> Result<String, StoreError> {
    let tags: Vec<(String, Option<String>)> =
        serde_json::from_str(text).map_err(|error| StoreError::Inconsistent(format!("scope tags: {error}")))?;
    let sound = |tag: &str, mac: &str| {
        let name = Field::Text(DEVICE_TAGS.name.as_bytes());
        let (tenant, device) = (Field::Blob(tenant.as_bytes()), Field::Blob(device.as_bytes()));
        let fields = [name, tenant, device, Field::Text(tag.as_bytes())];
        key.verifies(&message(ROW, fields, DEVICE_TAGS.fixed()), &unhex(mac))
    };
    let sound = tags.iter().filter(|(tag, mac)| mac.as_ref().is_some_and(|mac| sound(tag, mac))).map(|(tag, _)| tag);
    chaveiro_store_rows::text::json(&sound.collect::<Vec<_>>())
}

/// The tags of the device `d` with their authenticators.
pub(crate) const TAGS: &str =
    "(SELECT coalesce(json_agg(json_build_array(g.tag, encode(g.mac, 'hex'))), '[]') FROM device_tag g
    WHERE g.tenant = d.tenant AND g.device = d.id) AS scope_tags";
