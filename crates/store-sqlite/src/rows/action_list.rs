//! The list of remote actions.

use chaveiro_core::action::ActionRecord;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::query::{ActionField, Filter, Listing, Paged};
use chaveiro_core::scope_tag::Visibility;

use crate::codec::json;
use crate::rows::action::read;
use crate::rows::list::{Column, Fields, Kind, List, Where};
use crate::rows::tenant::row as tenant_row;
use crate::unit::Transaction;

const COLUMNS: &str = "a.*, t.id AS tenant_id, d.id AS device_id";
const FROM: &str = "device d JOIN tenant t ON t.row = d.tenant JOIN action a ON a.device = d.row";

pub(crate) fn actions(
    unit: &Transaction<'_>,
    tenant: TenantId,
    visible: &Visibility,
    listing: &Listing<ActionField>,
) -> Result<Paged<ActionRecord>, StoreError> {
    match list(unit, tenant, visible)? {
        Some(list) => list.page(unit, listing, read),
        None => Ok(Paged { items: Vec::new(), next: None }),
    }
}

pub(crate) fn count_actions(
    unit: &Transaction<'_>,
    tenant: TenantId,
    visible: &Visibility,
    filter: &Filter<ActionField>,
) -> Result<u64, StoreError> {
    list(unit, tenant, visible)?.map_or(Ok(0), |list| list.count(unit, filter))
}

fn list(unit: &Transaction<'_>, tenant: TenantId, visible: &Visibility) -> Result<Option<List<'static>>, StoreError> {
    const TAGGED: &str = "EXISTS (
        SELECT 1 FROM device_tag g JOIN json_each(?) seen ON g.tag = seen.value WHERE g.device = d.row)";
    let Some(tenant) = tenant_row(unit.connection, tenant)? else { return Ok(None) };
    let base = Where::default().and("d.tenant = ?", [tenant.into()]);
    let base = match visible {
        Visibility::All => base,
        Visibility::Tagged(tags) => base.and(TAGGED, [json(tags)?.into()]),
    };
    Ok(Some(List { columns: COLUMNS, from: FROM, row: "a.row", tenant, base }))
}

impl Fields for ActionField {
    fn column(&self) -> Column {
        match self {
            Self::Requested => Column::new("a.started", Kind::Exact),
            Self::State => Column::new("a.state", Kind::Exact),
            Self::Device => Column::new("d.id", Kind::Id),
        }
    }
}
