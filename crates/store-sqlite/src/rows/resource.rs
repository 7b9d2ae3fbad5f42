//! Users, detected apps, scripts, run states, and links between them and devices.

use chaveiro_core::id::{DeviceId, ResourceId, TenantId};
use chaveiro_core::ports::{ResourceScope, StoreError};
use chaveiro_core::query::{Filter, Listing, MemberKind, Paged, ResourceField, Value};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_store_rows::read;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, named_params, params};

use crate::codec::{Cells, IDS, RowError, blob, change_one, hex, insert, json, many, micros, one, run};
use crate::rows::authenticated::USERS;
use crate::rows::device_tag::these;
use crate::rows::list::{Column, Fields, Kind, List, Source, Where};
use crate::rows::tenant::row as tenant_row;
use crate::unit::Transaction;

/// The columns of a resource, in the order in which they are read.
const COLUMNS: &str =
    "t.id AS tenant_id, r.kind, r.id, r.owner, r.device, r.alternate_key, r.properties, r.created, r.modified";

const FROM: &str = "resource r JOIN tenant t ON t.row = r.tenant";

const PARTS: &[Source<'_>] = &[Source { from: FROM, only: "" }];

fn read(row: &Row<'_>) -> Result<Resource, RowError> {
    Ok(read::resource(&mut Cells::of(row))?)
}

/// Returns the condition that a user is one that this program wrote: tokens name people as these rows do.
fn sound(kind: ResourceKind) -> String {
    match kind {
        ResourceKind::User => format!(" AND {}", USERS.sound("r")),
        _ => String::new(),
    }
}

pub(crate) fn resource(
    connection: &Connection,
    tenant: TenantId,
    kind: ResourceKind,
    id: ResourceId,
) -> Result<Option<Resource>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM {FROM} WHERE t.id = ? AND r.kind = ? AND r.id = ?{}", sound(kind));
    one(connection, &sql, params![blob(&tenant.0), kind.name(), blob(&id.0)], read)
}

pub(crate) fn of_ids(
    connection: &Connection,
    tenant: TenantId,
    kind: ResourceKind,
    ids: &[ResourceId],
) -> Result<Vec<Resource>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM {FROM} WHERE t.id = ? AND r.kind = ? AND r.id IN {IDS}{}", sound(kind));
    many(connection, &sql, params![blob(&tenant.0), kind.name(), hex(ids.iter().map(|id| id.0))?], read)
}

pub(crate) fn by_key(
    connection: &Connection,
    tenant: TenantId,
    kind: ResourceKind,
    key: &str,
) -> Result<Option<Resource>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM {FROM} WHERE t.id = ? AND r.kind = ? AND r.alternate_key = ?{}", sound(kind));
    one(connection, &sql, params![blob(&tenant.0), kind.name(), key], read)
}

pub(crate) fn resources(
    unit: &Transaction<'_>,
    tenant: TenantId,
    scope: ResourceScope,
    visible: &Visibility,
    listing: &Listing<ResourceField>,
) -> Result<Paged<Resource>, StoreError> {
    list(unit, tenant, scope, visible)?.page(unit, listing, |cells| read::resource(cells))
}

pub(crate) fn count_resources(
    unit: &Transaction<'_>,
    tenant: TenantId,
    scope: ResourceScope,
    visible: &Visibility,
    filter: &Filter<ResourceField>,
) -> Result<u64, StoreError> {
    list(unit, tenant, scope, visible)?.count(unit, filter)
}

/// Returns the list of resources of a tenant.
pub(crate) fn list(
    unit: &Transaction<'_>,
    tenant: TenantId,
    scope: ResourceScope,
    visible: &Visibility,
) -> Result<List<'static>, StoreError> {
    // Around a device: linked resources, run states about it, and its primary user.
    const OF_DEVICE: &str = "r.row IN (
        SELECT row FROM resource WHERE tenant = ? AND device = ?
        UNION
        SELECT l.resource FROM device d JOIN link l ON l.device = d.row WHERE d.tenant = ? AND d.id = ?
        UNION
        SELECT u.row FROM device d JOIN resource u ON u.tenant = d.tenant AND u.kind = 'user' AND u.id = d.user
        WHERE d.tenant = ? AND d.id = ?)";
    let tenant = tenant_row(unit.connection, tenant)?;
    // The kind is written out: some indexes cover one kind only.
    let base = Where::default().and("r.tenant = ?", [tenant.into()]);
    let base = base.and(&format!("r.kind = '{}'{}", scope.kind().name(), sound(scope.kind())), None);
    let base = match scope {
        ResourceScope::All(_) => base,
        ResourceScope::OwnedBy(_, owner) => base.and("r.owner = ?", [blob(&owner.0).to_vec().into()]),
        ResourceScope::OfDevice(_, device) => {
            let beside = [Sql::from(tenant), blob(&device.0).to_vec().into()];
            base.and(OF_DEVICE, beside.iter().cycle().take(6).cloned())
        }
    };
    let base = match visible {
        Visibility::All => base,
        Visibility::Tagged(tags) => {
            let seen = format!(
                "(r.device IS NULL OR EXISTS (SELECT 1 FROM device d JOIN device_tag g ON g.device = d.row
                WHERE d.tenant = r.tenant AND d.id = r.device AND {}))",
                these("g")
            );
            base.and(&seen, [json(tags)?.into()])
        }
    };
    Ok(List { columns: COLUMNS.into(), parts: PARTS, row: "r.row", tenant, base })
}

impl Fields for ResourceField {
    fn column(&self) -> Column {
        match self {
            Self::Id => Column::new("r.id", Kind::Id),
            Self::Created => Column::new("r.created", Kind::Exact),
            Self::Modified => Column::new("r.modified", Kind::Exact),
            Self::Member { name, kind, absent } => {
                let member = format!("(r.properties ->> '$.{name}')");
                let value = match kind {
                    MemberKind::Plain => member,
                    MemberKind::Time => format!("moment({member})"),
                };
                let (value, kind) = match absent {
                    Value::Null | Value::Texts(_) => (value, Kind::Text),
                    // The name of a member of an enum: it needs no quotes inside.
                    Value::Text(absent) => (format!("coalesce({value}, '{absent}')"), Kind::Text),
                    Value::Flag(absent) => (format!("coalesce({value}, {})", i64::from(*absent)), Kind::Exact),
                    Value::Number(absent) | Value::Time(absent) => {
                        (format!("coalesce({value}, {absent})"), Kind::Exact)
                    }
                };
                let indexed = matches!(*name, "displayName" | "userPrincipalName");
                Column { indexed, ..Column::new(value, kind) }
            }
        }
    }
}

pub(crate) fn is_linked(
    connection: &Connection,
    tenant: TenantId,
    device: DeviceId,
    kind: ResourceKind,
    id: ResourceId,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM tenant t
        JOIN device d ON d.tenant = t.row AND d.id = ?2
        JOIN resource r ON r.tenant = t.row AND r.kind = ?3 AND r.id = ?4
        WHERE t.id = ?1 AND ((r.kind = 'user' AND d.user = r.id)
            OR EXISTS (SELECT 1 FROM link l WHERE l.device = d.row AND l.resource = r.row))";
    let parameters = params![blob(&tenant.0), blob(&device.0), kind.name(), blob(&id.0)];
    Ok(one(connection, sql, parameters, |_| Ok(()))?.is_some())
}

pub(crate) fn insert_resource(connection: &Connection, resource: &Resource) -> Result<(), StoreError> {
    let sql = "INSERT INTO resource (tenant, kind, id, owner, device, alternate_key, properties, created, modified)
        SELECT row, :kind, :id, :owner, :device, :alternate_key, :properties, :created, :modified
        FROM tenant WHERE id = :tenant";
    insert(
        connection,
        sql,
        named_params! {
            ":tenant": blob(&resource.tenant.0),
            ":kind": resource.kind.name(),
            ":id": blob(&resource.id.0),
            ":owner": resource.owner.as_ref().map(|owner| blob(&owner.0)),
            ":device": resource.device.as_ref().map(|device| blob(&device.0)),
            ":alternate_key": resource.alternate_key,
            ":properties": resource.properties,
            ":created": micros(resource.created),
            ":modified": micros(resource.modified),
        },
        resource.kind.name(),
    )
}

pub(crate) fn update_resource(connection: &Connection, resource: &Resource) -> Result<(), StoreError> {
    let sql = "UPDATE resource SET owner = :owner, device = :device, alternate_key = :alternate_key,
            properties = :properties, modified = :modified
        WHERE kind = :kind AND id = :id AND tenant = (SELECT row FROM tenant WHERE id = :tenant)";
    let parameters = named_params! {
        ":tenant": blob(&resource.tenant.0),
        ":kind": resource.kind.name(),
        ":id": blob(&resource.id.0),
        ":owner": resource.owner.as_ref().map(|owner| blob(&owner.0)),
        ":device": resource.device.as_ref().map(|device| blob(&device.0)),
        ":alternate_key": resource.alternate_key,
        ":properties": resource.properties,
        ":modified": micros(resource.modified),
    };
    // A new alternate key can collide like that of an insert.
    insert(connection, sql, parameters, resource.kind.name())
}

pub(crate) fn delete_resource(
    connection: &Connection,
    tenant: TenantId,
    kind: ResourceKind,
    id: ResourceId,
) -> Result<(), StoreError> {
    let parameters = params![blob(&tenant.0), kind.name(), blob(&id.0)];
    let sql = "DELETE FROM resource WHERE kind = ?2 AND id = ?3 AND tenant = (SELECT row FROM tenant WHERE id = ?1)";
    if run(connection, sql, parameters)? == 0 {
        return Ok(());
    }
    if kind == ResourceKind::User {
        let sql = "UPDATE device SET user = NULL WHERE user = ?2 AND tenant = (SELECT row FROM tenant WHERE id = ?1)";
        run(connection, sql, [blob(&tenant.0), blob(&id.0)])?;
    }
    // Run states of a script, and those of its users' run states.
    let owned = "WITH RECURSIVE gone (id, tenant) AS (
            SELECT ?2, row FROM tenant WHERE id = ?1
            UNION
            SELECT r.id, r.tenant FROM gone JOIN resource r ON r.tenant = gone.tenant AND r.owner = gone.id)
        DELETE FROM resource WHERE (tenant, owner) IN (SELECT tenant, id FROM gone)";
    run(connection, owned, [blob(&tenant.0), blob(&id.0)]).map(drop)
}

pub(crate) fn link(
    connection: &Connection,
    tenant: TenantId,
    device: DeviceId,
    kind: ResourceKind,
    id: ResourceId,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO link (device, resource)
        SELECT d.row, r.row FROM tenant t
        JOIN device d ON d.tenant = t.row AND d.id = ?2
        JOIN resource r ON r.tenant = t.row AND r.kind = ?3 AND r.id = ?4
        WHERE t.id = ?1
        ON CONFLICT DO UPDATE SET device = excluded.device";
    change_one(connection, sql, params![blob(&tenant.0), blob(&device.0), kind.name(), blob(&id.0)], "link")
}

pub(crate) fn unlink(
    connection: &Connection,
    tenant: TenantId,
    device: DeviceId,
    kind: ResourceKind,
    id: ResourceId,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM link WHERE (device, resource) IN (
        SELECT d.row, r.row FROM tenant t
        JOIN device d ON d.tenant = t.row AND d.id = ?2
        JOIN resource r ON r.tenant = t.row AND r.kind = ?3 AND r.id = ?4
        WHERE t.id = ?1)";
    run(connection, sql, params![blob(&tenant.0), blob(&device.0), kind.name(), blob(&id.0)]).map(drop)
}
