//! Managed devices.

use chaveiro_core::device::{ManagedDevice, ManagementState, Platform};
use chaveiro_core::id::{DeviceId, ResourceId, TenantId};
use chaveiro_core::inventory::{self as reported, InventoryField};
use chaveiro_core::ports::{DeviceScope, DeviceSet, StoreError};
use chaveiro_core::query::{DeviceField, Filter, Listing, NEVER, Paged, Value};
use chaveiro_core::scope_tag::Visibility;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, named_params, params};

use crate::codec::{
    IDS, RowError, blob, change_one, from_json, from_name, hex, insert, json, many, micros, name, one, optional_time,
    optional_uuid, run, time, uuid,
};
use crate::rows::authenticated::DEVICE_TAGS;
use crate::rows::device_tag::{self, these};
use crate::rows::list::{Column, Fields, Kind, List, Where};
use crate::rows::tenant::row as tenant_row;
use crate::unit::Transaction;

/// The limit for [`device_tag::is_seldom`]. So many devices are read and sorted in some hundredths of a second.
const FEW: i64 = 10_000;

/// Returns the columns without the generated ones, which only conditions use.
fn columns() -> String {
    let sound = DEVICE_TAGS.sound("g");
    format!(
        "d.row, d.id, d.platform, d.management_state, d.comanaged, d.user, d.enrolled, d.last_sync,
        d.certificate_expires, d.inventory, d.notes, d.managed_device_name, d.owner_type, d.recoverability, t.id AS tenant_id,
        (SELECT json_group_array(g.tag) FROM device_tag g WHERE g.device = d.row AND {sound}) AS scope_tags"
    )
}

const FROM: &str = "device d JOIN tenant t ON t.row = d.tenant";

fn read(row: &Row<'_>) -> Result<ManagedDevice, RowError> {
    Ok(ManagedDevice {
        tenant: TenantId(uuid(row, "tenant_id")?),
        id: DeviceId(uuid(row, "id")?),
        platform: from_name(row, "platform")?,
        management_state: from_name(row, "management_state")?,
        comanaged: row.get("comanaged")?,
        user: optional_uuid(row, "user")?.map(ResourceId),
        enrolled: time(row, "enrolled")?,
        last_sync: time(row, "last_sync")?,
        certificate_expires: optional_time(row, "certificate_expires")?,
        inventory: from_json(row, "inventory")?,
        notes: row.get("notes")?,
        managed_device_name: row.get("managed_device_name")?,
        owner_type: from_name(row, "owner_type")?,
        recoverability: from_json(row, "recoverability")?,
        scope_tags: from_json(row, "scope_tags")?,
    })
}

pub(crate) fn device(
    connection: &Connection,
    tenant: TenantId,
    id: DeviceId,
) -> Result<Option<ManagedDevice>, StoreError> {
    let sql = format!("SELECT {} FROM {FROM} WHERE t.id = ? AND d.id = ?", columns());
    one(connection, &sql, [blob(&tenant.0), blob(&id.0)], read)
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
    list(unit, tenant, scope, visible, plain)?.page(unit, listing, read)
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
    Ok(List { columns: columns().into(), from: FROM, row: "d.row", tenant, base })
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

impl Fields for DeviceField {
    /// Returns the column. Its values are those that the Graph API serves; the conformance suite compares them.
    fn column(&self) -> Column {
        const EXISTS_USER: &str =
            "EXISTS (SELECT 1 FROM resource u WHERE u.tenant = d.tenant AND u.kind = 'user' AND u.id = d.user)";
        let exact = |sql: &'static str| Column::new(sql, Kind::Exact);
        let text = |sql: &'static str| Column::new(sql, Kind::Text);
        let of_user = |sql: &'static str| Column::new(sql, Kind::OfUser).or_empty();
        match self {
            Self::Id => Column::new("d.id", Kind::Id),
            Self::UserId => Column::new("d.user", Kind::Id),
            Self::OwnerType => exact("d.owner_type"),
            Self::ManagementState => Column::indexed("d.management_state", Kind::Exact),
            Self::ManagementWord => {
                let name = |state: ManagementState| format!("WHEN '{}' THEN '{}'", state.name(), state.word());
                let whens = ManagementState::ALL.iter().copied().map(name).collect::<Vec<_>>().join(" ");
                Column::new(format!("CASE d.management_state {whens} END"), Kind::Text)
            }
            Self::ManagementAgent => exact("iif(d.comanaged, 'configurationManagerClientMdm', 'mdm')"),
            Self::Enrolled => Column::indexed("d.enrolled", Kind::Exact),
            Self::LastSync => Column::indexed("d.last_sync", Kind::Exact),
            Self::OperatingSystem => Column::indexed("d.operating_system", Kind::Text),
            Self::DeviceType => exact("iif(d.platform = 'windows', 'desktop', d.platform)"),
            Self::AzureAdRegistered => exact("(d.azure_ad_device_id IS NOT NULL)"),
            Self::EnrollmentType => {
                Column::new(format!("iif({EXISTS_USER}, 'userEnrollment', 'unknown')"), Kind::Exact)
            }
            Self::EmailAddress => of_user("(u.properties ->> '$.mail')"),
            Self::UserPrincipalName => of_user("(u.properties ->> '$.userPrincipalName')"),
            Self::UserDisplayName => of_user("(u.properties ->> '$.displayName')"),
            Self::ManagedDeviceName => {
                let principal = Self::UserPrincipalName.column().value();
                let enrolled =
                    |format: &str| format!("ltrim(strftime('{format}', d.enrolled / 1000000, 'unixepoch'), '0')");
                let (month, day, time) = (enrolled("%m"), enrolled("%d"), enrolled("%I:%M %p"));
                let year = "strftime('%Y', d.enrolled / 1000000, 'unixepoch')";
                Column::new(
                    format!(
                        "coalesce(d.managed_device_name, coalesce(substr({principal}, 1, instr({principal} || '@', '@') - 1),
                        d.device_name, 'device') || '_' || d.operating_system || '_' || {month} || '/' || {day} || '/' || {year} || '_' || {time})"
                    ),
                    Kind::Text,
                )
            }
            // Graph's "never".
            Self::CertificateExpires => Column::new(format!("coalesce(d.certificate_expires, {NEVER})"), Kind::Exact),
            Self::ScopeTags => Column::new("NULL", Kind::Tags),
            Self::Notes => text("d.notes"),
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

pub(crate) fn insert_device(connection: &Connection, device: &ManagedDevice) -> Result<(), StoreError> {
    let sql = "INSERT INTO device (tenant, id, platform, management_state, comanaged, user, enrolled, last_sync,
            certificate_expires, inventory, notes, managed_device_name, owner_type, recoverability)
        SELECT row, :id, :platform, :management_state, :comanaged, :user, :enrolled, :last_sync,
            :certificate_expires, :inventory, :notes, :managed_device_name, :owner_type, :recoverability
        FROM tenant WHERE id = :tenant";
    insert(
        connection,
        sql,
        named_params! {
            ":tenant": blob(&device.tenant.0),
            ":id": blob(&device.id.0),
            ":platform": name(&device.platform)?,
            ":management_state": name(&device.management_state)?,
            ":comanaged": device.comanaged,
            ":user": device.user.as_ref().map(|user| blob(&user.0)),
            ":enrolled": micros(device.enrolled),
            ":last_sync": micros(device.last_sync),
            ":certificate_expires": device.certificate_expires.map(micros),
            ":inventory": json(&device.inventory)?,
            ":notes": device.notes,
            ":managed_device_name": device.managed_device_name,
            ":owner_type": name(&device.owner_type)?,
            ":recoverability": json(&device.recoverability)?,
        },
        "device",
    )?;
    device_tag::put(connection, device)
}

pub(crate) fn update_device(connection: &Connection, device: &ManagedDevice) -> Result<(), StoreError> {
    let sql = "UPDATE device SET comanaged = :comanaged, user = :user, last_sync = :last_sync,
            certificate_expires = :certificate_expires, notes = :notes, managed_device_name = :managed_device_name,
            owner_type = :owner_type, recoverability = :recoverability
        WHERE id = :id AND tenant = (SELECT row FROM tenant WHERE id = :tenant)";
    change_one(
        connection,
        sql,
        named_params! {
            ":tenant": blob(&device.tenant.0),
            ":id": blob(&device.id.0),
            ":comanaged": device.comanaged,
            ":user": device.user.as_ref().map(|user| blob(&user.0)),
            ":last_sync": micros(device.last_sync),
            ":certificate_expires": device.certificate_expires.map(micros),
            ":notes": device.notes,
            ":managed_device_name": device.managed_device_name,
            ":owner_type": name(&device.owner_type)?,
            ":recoverability": json(&device.recoverability)?,
        },
        "device",
    )?;
    // Most indexes cover these columns. A session seldom changes them, and writing equal values would write every
    // index.
    let seldom = "UPDATE device SET platform = :platform, management_state = :management_state, enrolled = :enrolled,
            inventory = :inventory
        WHERE id = :id AND tenant = (SELECT row FROM tenant WHERE id = :tenant)
            AND (platform, management_state, enrolled, inventory)
                IS NOT (:platform, :management_state, :enrolled, :inventory)";
    let parameters = named_params! {
        ":tenant": blob(&device.tenant.0),
        ":id": blob(&device.id.0),
        ":platform": name(&device.platform)?,
        ":management_state": name(&device.management_state)?,
        ":enrolled": micros(device.enrolled),
        ":inventory": json(&device.inventory)?,
    };
    run(connection, seldom, parameters)?;
    device_tag::put(connection, device)
}
