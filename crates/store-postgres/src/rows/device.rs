//! Managed devices.

use std::sync::LazyLock;

use chaveiro_core::Timestamp;
use chaveiro_core::device::{ManagedDevice, ManagementState, Platform, RECORD, RecordField, RecordKind};
use chaveiro_core::id::{DeviceId, TenantId};
use chaveiro_core::inventory::{self as reported, InventoryField};
use chaveiro_core::ports::{DeviceScope, DeviceSet, StoreError};
use chaveiro_core::query::{DeviceField, Filter, Listing, NEVER, Paged, Value};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_store_rows::cells::Content;
use chaveiro_store_rows::device::{self as rows, FIXED, SELDOM, parts};
use chaveiro_store_rows::message::Field;
use chaveiro_store_rows::text::{json, micros, name};
use tokio_postgres::Row;

use crate::authenticated::{TAGS, Written, insert_plain, sound_tags};
use crate::lists::{Column, Fields, Kind, List, Where, sql, these};
use crate::rows::device_tag;
use crate::rows::tenant::row as tenant_row;
use crate::unit::{Unit, params};
use crate::value::{Cells, Sql};

/// Returns every column that is written, with its value.
fn written(device: &ManagedDevice) -> Result<Written, StoreError> {
    let fixed: [Sql; FIXED.len()] = [
        device.id.0.into(),
        device.comanaged.into(),
        json(&device.inventory)?.into(),
        json(&device.recoverability)?.into(),
        name(&device.platform)?.into(),
    ];
    let parts = parts().map(|(kind, part)| (part.name, sql(compared(kind), &(part.get)(device))));
    Ok(FIXED.into_iter().zip(fixed).chain(parts).collect())
}

fn columns() -> &'static str {
    static COLUMNS: LazyLock<String> = LazyLock::new(|| {
        let parts: String = parts().map(|(_, part)| format!(", d.\"{}\"", part.name)).collect();
        let fixed: String = FIXED.iter().map(|column| format!(", d.{column}")).collect();
        format!("d.tenant AS tenant_id{fixed}{parts}, {TAGS}")
    });
    &COLUMNS
}

/// The cells of a device, with the tags that this program wrote in place of those that are there.
struct Tagged<'c, 'r> {
    cells: &'c mut Cells<'r>,
    key: &'c chaveiro_store_rows::RowKey,
    ids: Vec<uuid::Uuid>,
    tags: String,
}

impl chaveiro_store_rows::cells::Cells for Tagged<'_, '_> {
    fn next(&mut self, name: &str) -> Result<Field<'_>, Content> {
        let field = self.cells.next(name)?;
        match (name, field) {
            ("tenant_id" | "id", Field::Blob(bytes)) => {
                self.ids.extend(uuid::Uuid::from_slice(bytes));
                Ok(field)
            }
            ("scope_tags", Field::Text(text)) => {
                let [tenant, device] = self.ids[..] else { return Err(Content("a device without an id".to_owned())) };
                let text = std::str::from_utf8(text).map_err(|_| Content("scope tags".to_owned()))?;
                let sound = sound_tags(self.key, tenant, device, text);
                self.tags = sound.map_err(|error| Content(error.to_string()))?;
                Ok(Field::Text(self.tags.as_bytes()))
            }
            _ => Ok(field),
        }
    }
}

fn read_from(unit: &Unit<'_>, cells: &mut Cells<'_>) -> Result<ManagedDevice, StoreError> {
    let (key, ids, tags) = (unit.key(), Vec::with_capacity(2), String::new());
    Ok(rows::device(&mut Tagged { cells, key, ids, tags })?)
}

fn select(rest: &str) -> String {
    format!("SELECT {} FROM device d {rest}", columns())
}

pub(crate) fn device(unit: &Unit<'_>, tenant: TenantId, id: DeviceId) -> Result<Option<ManagedDevice>, StoreError> {
    let sql = select("WHERE d.tenant = $1 AND d.id = $2");
    unit.one(&sql, &params![tenant.0, id.0], |row| read_from(unit, &mut Cells::of(row)))
}

pub(crate) fn of_ids(unit: &Unit<'_>, tenant: TenantId, ids: &[DeviceId]) -> Result<Vec<ManagedDevice>, StoreError> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let sql = select("WHERE d.tenant = $1 AND d.id = ANY ($2)");
    unit.many(&sql, &params![tenant.0, ids], |row| read_from(unit, &mut Cells::of(row)))
}

pub(crate) fn without_certificate(
    unit: &Unit<'_>,
    tenant: TenantId,
    limit: usize,
) -> Result<Vec<ManagedDevice>, StoreError> {
    let sql = select(
        "JOIN enrollment e ON e.tenant = d.tenant AND e.device = d.id
        WHERE d.tenant = $1 AND d.platform = $2 AND e.closed IS NULL AND NOT e.needs_certificate ORDER BY e.row LIMIT $3",
    );
    let parameters = params![tenant.0, name(&Platform::Linux)?, limit];
    unit.many(&sql, &parameters, |row| read_from(unit, &mut Cells::of(row)))
}

pub(crate) fn by_reported_id(
    unit: &Unit<'_>,
    tenant: TenantId,
    reported_id: &str,
) -> Result<Option<ManagedDevice>, StoreError> {
    // The name of a device is that of its newest enrolment.
    let sql = select(
        "JOIN enrollment e ON e.tenant = d.tenant AND e.device = d.id
        WHERE d.tenant = $1 AND e.oma_device_id = $2
            AND e.row = (SELECT max(n.row) FROM enrollment n WHERE n.tenant = d.tenant AND n.device = d.id)
        ORDER BY e.row DESC LIMIT 1",
    );
    unit.one(&sql, &params![tenant.0, reported_id], |row: &Row| read_from(unit, &mut Cells::of(row)))
}

pub(crate) fn devices(
    unit: &Unit<'_>,
    tenant: TenantId,
    scope: DeviceScope,
    visible: &Visibility,
    listing: &Listing<DeviceField>,
) -> Result<Paged<ManagedDevice>, StoreError> {
    list(unit, tenant, scope, visible)?.page(unit, listing, |cells| read_from(unit, cells))
}

pub(crate) fn count_devices(
    unit: &Unit<'_>,
    tenant: TenantId,
    scope: DeviceScope,
    visible: &Visibility,
    filter: &Filter<DeviceField>,
) -> Result<u64, StoreError> {
    list(unit, tenant, scope, visible)?.count(unit, filter)
}

/// Returns the list of devices of a tenant.
fn list(unit: &Unit<'_>, tenant: TenantId, scope: DeviceScope, visible: &Visibility) -> Result<List, StoreError> {
    const OF_USER: &str = "(d.\"user\" = ? OR EXISTS (
        SELECT 1 FROM link l WHERE l.tenant = d.tenant AND l.device = d.id AND l.kind = 'user' AND l.resource = ?))";
    const WITH_APP: &str = "EXISTS (
        SELECT 1 FROM link l WHERE l.tenant = d.tenant AND l.device = d.id AND l.kind = 'detectedApp' AND l.resource = ?)";
    let base = Where::default().and("d.tenant = ?", [tenant.0.into()]);
    let base = match visible {
        Visibility::All => base,
        Visibility::Tagged(tags) => {
            base.and(&these("d.tenant", "d.id"), [tags.iter().map(ToString::to_string).collect::<Vec<_>>().into()])
        }
    };
    let base = match scope.set {
        DeviceSet::All => base,
        DeviceSet::Comanaged => base.and("d.comanaged", None),
        DeviceSet::OfUser(user) => base.and(OF_USER, [user.0.into(), user.0.into()]),
        DeviceSet::WithApp(app) => base.and(WITH_APP, [app.0.into()]),
    };
    let base = if scope.with_retired { base } else { base.and("d.management_state = 'managed'", None) };
    let row = tenant_row(unit, tenant)?;
    Ok(List { columns: columns().to_owned(), from: "device d", row: "d.row", tenant: row, tenant_id: tenant, base })
}

/// Values of the inventory that have an index.
const INDEXED: [InventoryField; 4] = [
    InventoryField::DEVICE_NAME,
    InventoryField::SERIAL_NUMBER,
    InventoryField::AZURE_AD_DEVICE_ID,
    InventoryField::IMEI,
];

/// The column of a value of the inventory.
fn reported(field: InventoryField) -> Column {
    let (name, kind) = (field.row().name, field.row().kind);
    let stored = format!("(d.inventory ->> '{name}')");
    let (sql, compared) = match kind {
        // Names of enum members are ordered as texts.
        reported::Kind::Text | reported::Kind::MacAddress | reported::Kind::OneOf(_) => (stored, Kind::Text),
        reported::Kind::Number | reported::Kind::Bytes => (format!("{stored}::numeric::bigint"), Kind::Exact),
        reported::Kind::Flag => (format!("{stored}::boolean"), Kind::Exact),
    };
    let column = match kind.unknown() {
        Value::Number(number) => Column::new(format!("coalesce({sql}, {number})"), compared),
        Value::Flag(flag) => Column::new(format!("coalesce({sql}, {flag})"), compared),
        Value::Text(text) => Column::new(format!("coalesce({sql}, '{text}')"), compared),
        Value::Null | Value::Time(_) | Value::Texts(_) => {
            Column { indexed: INDEXED.contains(&field), ..Column::new(sql, compared) }
        }
    };
    if field.row().or_empty { column.or_empty() } else { column }
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
    (RecordField::of("managementAgent"), || {
        "CASE WHEN d.comanaged THEN 'configurationManagerClientMdm' ELSE 'mdm' END".to_owned()
    }),
    (RecordField::of("operatingSystem"), operating_system),
    (RecordField::of("deviceType"), || "CASE d.platform WHEN 'windows' THEN 'desktop' ELSE d.platform END".to_owned()),
    (RecordField::of("azureADRegistered"), || "(d.inventory ->> 'azureAdDeviceId' IS NOT NULL)".to_owned()),
    (RecordField::of("deviceEnrollmentType"), || {
        const USER: &str =
            "SELECT 1 FROM resource u WHERE u.tenant = d.tenant AND u.kind = 'user' AND u.id = d.\"user\"";
        format!("CASE WHEN EXISTS ({USER}) THEN 'userEnrollment' ELSE 'unknown' END")
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

fn operating_system() -> String {
    "CASE d.platform WHEN 'windows' THEN 'Windows' WHEN 'windowsPhone' THEN 'Windows Phone' ELSE 'Linux' END".to_owned()
}

/// Returns the name that administrators gave a device, or else the generated one.
fn managed_name() -> String {
    let principal = DeviceField::USER_PRINCIPAL_NAME.column().value();
    // A month and an hour without a leading zero.
    let enrolled = "(timestamp 'epoch' + d.enrolled / 1000000 * interval '1 second')";
    let system = operating_system();
    format!(
        "coalesce(d.managed_device_name, coalesce(split_part({principal}, '@', 1), d.inventory ->> 'deviceName', 'device')
        || '_' || {system} || '_' || to_char({enrolled}, 'FMMM/FMDD/YYYY_FMHH12:MI AM'))"
    )
}

/// Returns the comparison of values of that kind.
fn compared(kind: RecordKind) -> Kind {
    match kind {
        RecordKind::Id => Kind::Id,
        RecordKind::Text => Kind::Text,
        RecordKind::OfUser(_) => Kind::OfUser,
        // Members of enums have one spelling.
        RecordKind::OneOf(_) => Kind::Name,
        RecordKind::Flag | RecordKind::Time => Kind::Exact,
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
            return Column::new(format!("(u.properties ->> '{name}')"), Kind::OfUser).or_empty();
        }
        (RecordKind::Texts, None, _) | (_, None, None) => "NULL::text".to_owned(),
        (_, None, Some(part)) => format!("d.\"{}\"", part.name),
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

pub(crate) fn insert_device(unit: &Unit<'_>, device: &ManagedDevice) -> Result<(), StoreError> {
    let row = [("tenant", device.tenant.0.into())].into_iter().chain(written(device)?).collect();
    insert_plain(unit, "device", row, "device")?;
    device_tag::put(unit, device)
}

/// Writes the one column of an idle session.
pub(crate) fn move_last_sync(unit: &Unit<'_>, tenant: TenantId, id: DeviceId, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE device SET last_sync = $3 WHERE tenant = $1 AND id = $2 AND last_sync < $3";
    unit.run(sql, &params![tenant.0, id.0, micros(at)]).map(drop)
}

pub(crate) fn update_device(unit: &Unit<'_>, device: &ManagedDevice) -> Result<(), StoreError> {
    let columns = written(device)?.into_iter().filter(|(column, _)| *column != "id");
    let (seldom, often): (Written, Written) = columns.partition(|(column, _)| SELDOM.contains(column));
    let assigned = |columns: &Written| {
        let set = (3..).zip(columns).map(|(number, (column, _))| format!("\"{column}\" = ${number}"));
        set.collect::<Vec<_>>().join(", ")
    };
    let parameters = |columns: Written| {
        let key = params![device.tenant.0, device.id.0];
        key.into_iter().chain(columns.into_iter().map(|(_, value)| value)).collect::<Vec<_>>()
    };
    let sql = format!("UPDATE device SET {} WHERE tenant = $1 AND id = $2", assigned(&often));
    unit.change_one(&sql, &parameters(often), "device")?;
    let differs = (3..).zip(&seldom).map(|(number, (column, _))| match *column {
        "inventory" => format!("inventory::text IS DISTINCT FROM ${number}::json::text"),
        column => format!("\"{column}\" IS DISTINCT FROM ${number}"),
    });
    let differs = differs.collect::<Vec<_>>().join(" OR ");
    let sql = format!("UPDATE device SET {} WHERE tenant = $1 AND id = $2 AND ({differs})", assigned(&seldom));
    unit.run(&sql, &parameters(seldom))?;
    device_tag::put(unit, device)
}
