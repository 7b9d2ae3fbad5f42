//! Users, detected apps, scripts, run states, and links between them and devices.

use chaveiro_core::id::{DeviceId, ResourceId, TenantId};
use chaveiro_core::ports::{ResourceScope, StoreError};
use chaveiro_core::query::{Filter, Listing, MemberKind, Paged, ResourceField, Value};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_store_rows::read;
use chaveiro_store_rows::text::micros;
use tokio_postgres::Row;

use crate::authenticated::{USERS, Written, insert, insert_plain, update};
use crate::lists::{Column, Fields, Kind, List, Where, these};
use crate::rows::tenant::row as tenant_row;
use crate::unit::{Unit, is_one, params};
use crate::value::{Cells, Sql};

/// The columns of a resource, in the order in which they are read.
const COLUMNS: &str =
    "x.tenant AS tenant_id, x.kind, x.id, x.owner, x.device, x.alternate_key, x.properties, x.created, x.modified";

/// Returns a resource, if a user is one that this program wrote: tokens name people as these rows do.
fn sound(unit: &Unit<'_>, row: &Row) -> Result<Option<Resource>, StoreError> {
    let found = read::resource(&mut Cells::of(row))?;
    let stands = found.kind != ResourceKind::User || USERS.sound(unit.key(), row, 9)?;
    Ok(Some(found).filter(|_| stands))
}

fn select(unit: &Unit<'_>, condition: &str, parameters: &[Sql]) -> Result<Vec<Resource>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, {} FROM resource x WHERE x.tenant = $1 AND x.kind = $2 AND {condition}",
        USERS.proof("x")
    );
    Ok(unit.many(&sql, parameters, |row| sound(unit, row))?.into_iter().flatten().collect())
}

pub(crate) fn resource(
    unit: &Unit<'_>,
    tenant: TenantId,
    kind: ResourceKind,
    id: ResourceId,
) -> Result<Option<Resource>, StoreError> {
    Ok(select(unit, "x.id = $3", &params![tenant.0, kind.name(), id.0])?.pop())
}

pub(crate) fn of_ids(
    unit: &Unit<'_>,
    tenant: TenantId,
    kind: ResourceKind,
    ids: &[ResourceId],
) -> Result<Vec<Resource>, StoreError> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    select(unit, "x.id = ANY ($3)", &params![tenant.0, kind.name(), ids])
}

pub(crate) fn by_key(
    unit: &Unit<'_>,
    tenant: TenantId,
    kind: ResourceKind,
    key: &str,
) -> Result<Option<Resource>, StoreError> {
    Ok(select(unit, "x.alternate_key = $3", &params![tenant.0, kind.name(), key])?.pop())
}

pub(crate) fn resources(
    unit: &Unit<'_>,
    tenant: TenantId,
    scope: ResourceScope,
    visible: &Visibility,
    listing: &Listing<ResourceField>,
) -> Result<Paged<Resource>, StoreError> {
    list(unit, tenant, scope, visible)?.page(unit, listing, |cells| Ok(read::resource(cells)?))
}

pub(crate) fn count_resources(
    unit: &Unit<'_>,
    tenant: TenantId,
    scope: ResourceScope,
    visible: &Visibility,
    filter: &Filter<ResourceField>,
) -> Result<u64, StoreError> {
    list(unit, tenant, scope, visible)?.count(unit, filter)
}

/// Returns the list of resources of a tenant.
fn list(unit: &Unit<'_>, tenant: TenantId, scope: ResourceScope, visible: &Visibility) -> Result<List, StoreError> {
    // Around a device: linked resources, run states about it, and its primary user.
    const OF_DEVICE: &str = "(x.device = ? OR EXISTS (
            SELECT 1 FROM link l WHERE l.tenant = x.tenant AND l.kind = x.kind AND l.resource = x.id AND l.device = ?)
        OR (x.kind = 'user' AND x.id = (SELECT d.\"user\" FROM device d WHERE d.tenant = x.tenant AND d.id = ?)))";
    let base = Where::default().and("x.tenant = ?", [tenant.0.into()]);
    // The kind is written out: some indexes cover one kind only.
    let base = base.and(&format!("x.kind = '{}'", scope.kind().name()), None);
    let base = match scope {
        ResourceScope::All(_) => base,
        ResourceScope::OwnedBy(_, owner) => base.and("x.owner = ?", [owner.0.into()]),
        ResourceScope::OfDevice(_, device) => base.and(OF_DEVICE, params![device.0, device.0, device.0]),
    };
    let base = match visible {
        Visibility::All => base,
        Visibility::Tagged(tags) => {
            let seen = format!("(x.device IS NULL OR {})", these("x.tenant", "x.device"));
            base.and(&seen, [tags.iter().map(ToString::to_string).collect::<Vec<_>>().into()])
        }
    };
    let row = tenant_row(unit, tenant)?;
    Ok(List { columns: COLUMNS.to_owned(), from: "resource x", row: "x.row", tenant: row, tenant_id: tenant, base })
}

impl Fields for ResourceField {
    fn column(&self) -> Column {
        match self {
            Self::Id => Column::new("x.id", Kind::Id),
            Self::Created => Column::new("x.created", Kind::Exact),
            Self::Modified => Column::new("x.modified", Kind::Exact),
            Self::Member { name, kind, absent } => {
                let member = format!("(x.properties ->> '{name}')");
                let value = match kind {
                    MemberKind::Plain => member,
                    MemberKind::Time => format!("moment({member})"),
                };
                let (value, compared) = match absent {
                    Value::Null | Value::Texts(_) if *kind == MemberKind::Time => (value, Kind::Exact),
                    Value::Null | Value::Texts(_) => (value, Kind::Text),
                    // The name of a member of an enum: it needs no quotes inside.
                    Value::Text(absent) => (format!("coalesce({value}, '{absent}')"), Kind::Text),
                    Value::Flag(absent) => (format!("coalesce({value}::boolean, {absent})"), Kind::Exact),
                    Value::Number(absent) | Value::Time(absent) => {
                        (format!("coalesce({value}::numeric::bigint, {absent})"), Kind::Exact)
                    }
                };
                let indexed = matches!(*name, "displayName" | "userPrincipalName");
                Column { indexed, ..Column::new(value, compared) }
            }
        }
    }
}

pub(crate) fn is_linked(
    unit: &Unit<'_>,
    tenant: TenantId,
    device: DeviceId,
    kind: ResourceKind,
    id: ResourceId,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 AS one FROM device d JOIN resource x ON x.tenant = d.tenant AND x.kind = $3 AND x.id = $4
        WHERE d.tenant = $1 AND d.id = $2 AND ((x.kind = 'user' AND d.\"user\" = x.id)
            OR EXISTS (SELECT 1 FROM link l
                WHERE l.tenant = d.tenant AND l.device = d.id AND l.kind = x.kind AND l.resource = x.id))";
    Ok(!unit.query(sql, &params![tenant.0, device.0, kind.name(), id.0])?.is_empty())
}

/// Returns the columns that change.
fn changing(resource: &Resource) -> Written {
    vec![
        ("owner", resource.owner.map(|owner| owner.0).into()),
        ("device", resource.device.map(|device| device.0).into()),
        ("alternate_key", resource.alternate_key.as_ref().into()),
        ("properties", (&resource.properties).into()),
        ("modified", micros(resource.modified).into()),
    ]
}

pub(crate) fn insert_resource(unit: &Unit<'_>, resource: &Resource) -> Result<(), StoreError> {
    let mut row = changing(resource);
    row.extend([
        ("tenant", resource.tenant.0.into()),
        ("kind", resource.kind.name().into()),
        ("id", resource.id.0.into()),
        ("created", micros(resource.created).into()),
    ]);
    match resource.kind {
        ResourceKind::User => insert(unit, &USERS, row, resource.kind.name()),
        _ => insert_plain(unit, "resource", row, resource.kind.name()),
    }
}

pub(crate) fn update_resource(unit: &Unit<'_>, resource: &Resource) -> Result<(), StoreError> {
    let (kind, key) = (resource.kind, params![resource.tenant.0, resource.kind.name(), resource.id.0]);
    // Rows of other kinds have no authenticator, and get none.
    let condition = "x.tenant = $1 AND x.kind = $2 AND x.id = $3";
    is_one(update(unit, &USERS, &changing(resource), condition, &key, kind.name())?, kind.name())
}

pub(crate) fn delete_resource(
    unit: &Unit<'_>,
    tenant: TenantId,
    kind: ResourceKind,
    id: ResourceId,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM resource WHERE tenant = $1 AND kind = $2 AND id = $3";
    if unit.run(sql, &params![tenant.0, kind.name(), id.0])? == 0 {
        return Ok(());
    }
    if kind == ResourceKind::User {
        let sql = "UPDATE device SET \"user\" = NULL WHERE tenant = $1 AND \"user\" = $2";
        unit.run(sql, &params![tenant.0, id.0])?;
    }
    // Run states of a script, and those of its users' run states.
    let owned = "WITH RECURSIVE gone (id) AS (
            SELECT $2::uuid
            UNION
            SELECT x.id FROM gone JOIN resource x ON x.tenant = $1 AND x.owner = gone.id)
        DELETE FROM resource WHERE tenant = $1 AND owner IN (SELECT id FROM gone)";
    unit.run(owned, &params![tenant.0, id.0]).map(drop)
}

pub(crate) fn link(
    unit: &Unit<'_>,
    tenant: TenantId,
    device: DeviceId,
    kind: ResourceKind,
    id: ResourceId,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO link (tenant, device, kind, resource) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant, device, kind, resource) DO UPDATE SET device = excluded.device";
    unit.change_one(sql, &params![tenant.0, device.0, kind.name(), id.0], "link")
}

pub(crate) fn unlink(
    unit: &Unit<'_>,
    tenant: TenantId,
    device: DeviceId,
    kind: ResourceKind,
    id: ResourceId,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM link WHERE tenant = $1 AND device = $2 AND kind = $3 AND resource = $4";
    unit.run(sql, &params![tenant.0, device.0, kind.name(), id.0]).map(drop)
}
