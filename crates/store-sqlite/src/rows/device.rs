//! Managed devices.

use std::sync::LazyLock;

use chaveiro_core::Timestamp;
use chaveiro_core::device::{ManagedDevice, ManagementState, Platform, RECORD, RecordField, RecordKind};
use chaveiro_core::id::{DeviceId, ResourceId, TenantId};
use chaveiro_core::inventory::{self as reported, InventoryField};
use chaveiro_core::ports::{DeviceScope, DeviceSet, StoreError};
use chaveiro_core::query::{DeviceField, Filter, Listing, NEVER, Paged, Value};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_store_rows::device::{self as rows, FIXED, SELDOM, parts};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, named_params, params, params_from_iter};

use crate::codec::{Cells, IDS, RowError, blob, change_one, hex, insert, json, many, micros, name, one, run};
use crate::rows::authenticated::DEVICE_TAGS;
use crate::rows::device_tag::{self, these};
use crate::rows::list::{Column, Fields, Kind, List, Source, Where, sql};
use crate::rows::tenant::row as tenant_row;
use crate::unit::Transaction;

/// The limit for [`device_tag::is_seldom`]. So many devices are read and sorted in some hundredths of a second.
const FEW: i64 = 10_000;

/// Returns every column that is written, with its value.
fn written(device: &ManagedDevice) -> Result<Vec<(&'static str, Sql)>, StoreError> {
    let fixed: [Sql; FIXED.len()] = [
        blob(&device.id.0).to_vec().into(),
        device.comanaged.into(),
        json(&device.inventory)?.into(),
        json(&device.recoverability)?.into(),
        name(&device.platform)?.into(),
    ];
    let parts = parts().map(|(kind, part)| (part.name, sql(compared(kind), &(part.get)(device))));
    Ok(FIXED.into_iter().zip(fixed).chain(parts).collect())
}

/// Returns the columns without the generated ones, which only conditions use.
fn columns() -> &'static str {
    static COLUMNS: LazyLock<String> = LazyLock::new(|| {
        let sound = DEVICE_TAGS.sound_beside("g", ["t.id", "d.id"]);
        let parts: String = parts().map(|(_, part)| format!(", d.{}", part.name)).collect();
        let fixed: String = FIXED.iter().map(|column| format!(", d.{column}")).collect();
        format!(
            "t.id AS tenant_id{fixed}{parts},
            (SELECT json_group_array(g.tag) FROM device_tag g WHERE g.device = d.row AND {sound}) AS scope_tags"
        )
    });
    &COLUMNS
}

const FROM: &str = "device d JOIN tenant t ON t.row = d.tenant";

const PARTS: &[Source<'_>] = &[Source { from: FROM, only: "" }];

fn read(row: &Row<'_>) -> Result<ManagedDevice, RowError> {
    Ok(rows::device(&mut Cells::of(row))?)
}

pub(crate) fn device(
    connection: &Connection,
    tenant: TenantId,
    id: DeviceId,
) -> Result<Option<ManagedDevice>, StoreError> {
    static SQL: LazyLock<String> =
        LazyLock::new(|| format!("SELECT {} FROM {FROM} WHERE t.id = ? AND d.id = ?", columns()));
    one(connection, &SQL, [blob(&tenant.0), blob(&id.0)], read)
}

pub(crate) fn of_ids(
    connection: &Connection,
    tenant: TenantId,
    ids: &[DeviceId],
) -> Result<Vec<ManagedDevice>, StoreError> {
    let sql = format!("SELECT {} FROM {FROM} WHERE t.id = ? AND d.id IN {IDS}", columns());
    many(connection, &sql, params![blob(&tenant.0), hex(ids.iter().map(|id| id.0))?], read)
}

pub(crate) fn without_certificate(
    connection: &Connection,
    tenant: TenantId,
    limit: usize,
) -> Result<Vec<ManagedDevice>, StoreError> {
    let sql = format!(
        "SELECT {} FROM {FROM} JOIN enrollment e ON e.device = d.row
        WHERE t.id = ? AND d.platform = ? AND e.closed IS NULL AND e.needs_certificate = 0 ORDER BY e.row LIMIT ?",
        columns()
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    many(connection, &sql, params![blob(&tenant.0), name(&Platform::Linux)?, limit], read)
}

pub(crate) fn devices(
    unit: &Transaction<'_>,
    tenant: TenantId,
    scope: DeviceScope,
    visible: &Visibility,
    listing: &Listing<DeviceField>,
) -> Result<Paged<ManagedDevice>, StoreError> {
    let plain = listing.is_plain();
    list(unit, tenant, scope, visible, plain)?.page(unit, listing, |cells| rows::device(cells))
}

pub(crate) fn count_devices(
    unit: &Transaction<'_>,
    tenant: TenantId,
    scope: DeviceScope,
    visible: &Visibility,
    filter: &Filter<DeviceField>,
) -> Result<u64, StoreError> {
    list(unit, tenant, scope, visible, filter.is_always())?.count(unit, filter)
}

/// Returns the list of devices of a tenant. A plain list has neither a filter nor an order.
pub(crate) fn list(
    unit: &Transaction<'_>,
    tenant: TenantId,
    scope: DeviceScope,
    visible: &Visibility,
    plain: bool,
) -> Result<List<'static>, StoreError> {
    // A user's devices are two index walks merged by row: primary user, and link.
    const OF_USER: &str = "d.row IN (
        SELECT row FROM device WHERE tenant = ? AND user = ?
        UNION
        SELECT l.device FROM link l JOIN resource r ON r.row = l.resource
        WHERE r.tenant = ? AND r.kind = 'user' AND r.id = ?)";
    const WITH_APP: &str = "d.row IN (
        SELECT l.device FROM link l JOIN resource r ON r.row = l.resource
        WHERE r.tenant = ? AND r.kind = 'detectedApp' AND r.id = ?)";
    let tenant = tenant_row(unit.connection, tenant)?;
    let base = match visible {
        Visibility::All => Where::default().and("d.tenant = ?", [tenant.into()]),
        Visibility::Tagged(tags) => {
            let tags = json(tags)?;
            let seen = match device_tag::is_seldom(unit.connection, &tags, FEW)? {
                // The unary plus keeps the planner from using an index of the tenant.
                true => format!("+d.tenant = ? AND d.row IN (SELECT g.device FROM device_tag g WHERE {})", these("g")),
                false => {
                    let these = these("g");
                    format!("d.tenant = ? AND EXISTS (SELECT 1 FROM device_tag g WHERE g.device = d.row AND {these})")
                }
            };
            Where::default().and(&seen, [tenant.into(), tags.into()])
        }
    };
    let id = |id: ResourceId| Sql::from(blob(&id.0).to_vec());
    let base = match scope.set {
        DeviceSet::All => base,
        DeviceSet::Comanaged => base.and("d.comanaged = 1", None),
        DeviceSet::OfUser(user) => base.and(OF_USER, [tenant.into(), id(user), tenant.into(), id(user)]),
        DeviceSet::WithApp(app) => base.and(WITH_APP, [tenant.into(), id(app)]),
    };
    // Nearly every device is managed, so this index finds little. The unary plus keeps the planner from using it.
    let base = match (scope.with_retired, plain && scope.set == DeviceSet::All && *visible == Visibility::All) {
        (true, _) => base,
        (false, true) => base.and("d.management_state = 'managed'", None),
        (false, false) => base.and("+d.management_state = 'managed'", None),
    };
    Ok(List { columns: columns().into(), parts: PARTS, row: "d.row", tenant, base })
}

/// Generated columns of the inventory that have an index.
const INDEXED: [(InventoryField, &str); 4] = [
    (InventoryField::DEVICE_NAME, "d.device_name"),
    (InventoryField::SERIAL_NUMBER, "d.serial_number"),
    (InventoryField::AZURE_AD_DEVICE_ID, "d.azure_ad_device_id"),
    (InventoryField::IMEI, "d.imei"),
];

/// The column of a value of the inventory.
fn reported(field: InventoryField) -> Column {
    let (name, kind) = (field.row().name, field.row().kind);
    let compared = match kind {
        // Names of enum members are ordered as texts.
        reported::Kind::Text | reported::Kind::MacAddress | reported::Kind::OneOf(_) => Kind::Text,
        reported::Kind::Number | reported::Kind::Bytes | reported::Kind::Flag => Kind::Exact,
    };
    let or_empty = |column: Column| if field.row().or_empty { column.or_empty() } else { column };
    if let Some((_, column)) = INDEXED.iter().find(|(indexed, _)| *indexed == field) {
        return or_empty(Column::indexed(column, compared));
    }
    let stored = format!("d.inventory ->> '$.{name}'");
    let unknown = match kind.unknown() {
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => u8::from(flag).to_string(),
        Value::Text(text) => format!("'{text}'"),
        Value::Null | Value::Time(_) | Value::Texts(_) => {
            return or_empty(Column::new(format!("({stored})"), compared));
        }
    };
    Column::new(format!("coalesce({stored}, {unknown})"), compared)
}

/// Columns of the record that have an index.
const INDEXED_PARTS: [DeviceField; 4] =
    [DeviceField::MANAGEMENT_STATE, DeviceField::ENROLLED, DeviceField::LAST_SYNC, DeviceField::OPERATING_SYSTEM];

/// The values of the record that are served otherwise than they are stored, as expressions.
const DERIVED: [(RecordField, fn() -> String); 9] = [
    (RecordField::of("id"), || "d.id".to_owned()),
    (RecordField::of("chaveiro_managementState"), || {
        let name = |state: &ManagementState| format!("WHEN '{}' THEN '{}'", state.name(), state.word());
        let whens: Vec<String> = ManagementState::ALL.iter().map(name).collect();
        format!("CASE d.management_state {} END", whens.join(" "))
    }),
    (RecordField::of("managementAgent"), || "iif(d.comanaged, 'configurationManagerClientMdm', 'mdm')".to_owned()),
    (RecordField::of("operatingSystem"), || "d.operating_system".to_owned()),
    (RecordField::of("deviceType"), || "iif(d.platform = 'windows', 'desktop', d.platform)".to_owned()),
    (RecordField::of("azureADRegistered"), || "(d.azure_ad_device_id IS NOT NULL)".to_owned()),
    (RecordField::of("deviceEnrollmentType"), || {
        const USER: &str = "SELECT 1 FROM resource u WHERE u.tenant = d.tenant AND u.kind = 'user' AND u.id = d.user";
        format!("iif(EXISTS ({USER}), 'userEnrollment', 'unknown')")
    }),
    (RecordField::of("managedDeviceName"), managed_name),
    // Graph's "never".
    (RecordField::of("managementCertificateExpirationDate"), || format!("coalesce(d.certificate_expires, {NEVER})")),
];

/// A derived value without an expression does not compile.
const _: () = {
    let mut row = 0;
    while row < RECORD.len() {
        let mut at = 0;
        while RECORD[row].derived.is_some() && DERIVED[at].0.index() != row {
            at += 1;
        }
        row += 1;
    }
};

/// Returns the name that administrators gave a device, or else the generated one.
fn managed_name() -> String {
    let principal = DeviceField::USER_PRINCIPAL_NAME.column().value();
    let enrolled = |format: &str| format!("ltrim(strftime('{format}', d.enrolled / 1000000, 'unixepoch'), '0')");
    let (month, day, time) = (enrolled("%m"), enrolled("%d"), enrolled("%I:%M %p"));
    let year = "strftime('%Y', d.enrolled / 1000000, 'unixepoch')";
    format!(
        "coalesce(d.managed_device_name, coalesce(substr({principal}, 1, instr({principal} || '@', '@') - 1),
        d.device_name, 'device') || '_' || d.operating_system || '_' || {month} || '/' || {day} || '/' || {year} || '_' || {time})"
    )
}

/// Returns the comparison of values of that kind.
fn compared(kind: RecordKind) -> Kind {
    match kind {
        RecordKind::Id => Kind::Id,
        RecordKind::Text => Kind::Text,
        RecordKind::OfUser(_) => Kind::OfUser,
        // Members of enums have one spelling.
        RecordKind::OneOf(_) | RecordKind::Flag | RecordKind::Time => Kind::Exact,
        RecordKind::Texts => Kind::Tags,
    }
}

/// Returns the column of a property of the record.
fn recorded(field: RecordField) -> Column {
    let row = field.row();
    let derived = DERIVED.iter().find(|(derived, _)| *derived == field).map(|(_, sql)| sql());
    let sql = match (row.kind, derived, row.part) {
        (_, Some(sql), _) => sql,
        (RecordKind::OfUser(name), None, _) => {
            return Column::new(format!("(u.properties ->> '$.{name}')"), Kind::OfUser).or_empty();
        }
        (RecordKind::Texts, None, _) | (_, None, None) => "NULL".to_owned(),
        (_, None, Some(part)) => format!("d.{}", part.name),
    };
    let indexed = INDEXED_PARTS.contains(&DeviceField::Recorded(field));
    Column { indexed, ..Column::new(sql, compared(row.kind)) }
}

impl Fields for DeviceField {
    /// Returns the column. Its values are those that the Graph API serves; the conformance suite compares them.
    fn column(&self) -> Column {
        match self {
            Self::Recorded(field) => recorded(*field),
            Self::Reported(field) => reported(*field),
        }
    }
}

pub(crate) fn by_reported_id(
    connection: &Connection,
    tenant: TenantId,
    reported_id: &str,
) -> Result<Option<ManagedDevice>, StoreError> {
    // The name of a device is that of its newest enrolment.
    let sql = format!(
        "SELECT {} FROM {FROM} JOIN enrollment e ON e.device = d.row
        WHERE t.id = ?1 AND e.oma_device_id = ?2 AND e.row = (SELECT max(row) FROM enrollment WHERE device = d.row)
        ORDER BY e.row DESC LIMIT 1",
        columns()
    );
    one(connection, &sql, params![blob(&tenant.0), reported_id], read)
}

/// Returns that pattern for each of so many columns.
fn each<'a>(columns: impl IntoIterator<Item = &'a str>, pattern: impl Fn(usize, &str) -> String) -> String {
    columns.into_iter().enumerate().map(|(at, column)| pattern(at + 1, column)).collect::<Vec<_>>().join(", ")
}

pub(crate) fn insert_device(connection: &Connection, device: &ManagedDevice) -> Result<(), StoreError> {
    static INSERT: LazyLock<String> = LazyLock::new(|| {
        let columns: Vec<&str> = FIXED.into_iter().chain(parts().map(|(_, part)| part.name)).collect();
        let names = columns.join(", ");
        let values = each(columns.iter().copied(), |at, _| format!("?{at}"));
        format!(
            "INSERT INTO device (tenant, {names}) SELECT row, {values} FROM tenant WHERE id = ?{}",
            columns.len() + 1
        )
    });
    let values = written(device)?.into_iter().map(|(_, value)| value);
    let tenant = Sql::from(blob(&device.tenant.0).to_vec());
    insert(connection, &INSERT, params_from_iter(values.chain([tenant])), "device")?;
    device_tag::put(connection, device)
}

/// Writes the one column of an idle session.
pub(crate) fn move_last_sync(
    connection: &Connection,
    tenant: TenantId,
    id: DeviceId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE device SET last_sync = :at
        WHERE id = :id AND tenant = (SELECT row FROM tenant WHERE id = :tenant) AND last_sync < :at";
    run(connection, sql, named_params! { ":tenant": blob(&tenant.0), ":id": blob(&id.0), ":at": micros(at) })?;
    Ok(())
}

/// Returns a statement that writes some columns of a device; its id and its tenant are the last parameters.
fn update(columns: &[&str]) -> String {
    let set = each(columns.iter().copied(), |at, column| format!("{column} = ?{at}"));
    let (id, tenant) = (columns.len() + 1, columns.len() + 2);
    format!("UPDATE device SET {set} WHERE id = ?{id} AND tenant = (SELECT row FROM tenant WHERE id = ?{tenant})")
}

pub(crate) fn update_device(connection: &Connection, device: &ManagedDevice) -> Result<(), StoreError> {
    static OFTEN: LazyLock<String> = LazyLock::new(|| {
        let columns = FIXED.into_iter().chain(parts().map(|(_, part)| part.name));
        update(&columns.filter(|column| *column != "id" && !SELDOM.contains(column)).collect::<Vec<_>>())
    });
    static CHANGED: LazyLock<String> = LazyLock::new(|| {
        let columns = FIXED.into_iter().chain(parts().map(|(_, part)| part.name));
        let columns: Vec<_> = columns.filter(|column| SELDOM.contains(column)).collect();
        let (names, values) = (columns.join(", "), each(columns.iter().copied(), |at, _| format!("?{at}")));
        format!("{} AND ({names}) IS NOT ({values})", update(&columns))
    });
    let key = || [&device.id.0, &device.tenant.0].map(|id| Sql::from(blob(id).to_vec()));
    let columns = written(device)?.into_iter().filter(|(column, _)| *column != "id");
    let (seldom, often): (Vec<_>, Vec<_>) = columns.partition(|(column, _)| SELDOM.contains(column));
    let parameters = |columns: Vec<(&str, Sql)>| {
        params_from_iter(columns.into_iter().map(|(_, value)| value).chain(key()).collect::<Vec<_>>())
    };
    change_one(connection, &OFTEN, parameters(often), "device")?;
    run(connection, &CHANGED, parameters(seldom))?;
    device_tag::put(connection, device)
}
