//! The list of remote actions.

use chaveiro_core::action::ActionRecord;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::query::{ActionField, Filter, Listing, Paged};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_store_rows::read;

use crate::lists::{Column, Fields, Kind, List, Where, these};
use crate::rows::action::COLUMNS;
use crate::rows::tenant::row as tenant_row;
use crate::unit::Unit;

pub(crate) fn actions(
    unit: &Unit<'_>,
    tenant: TenantId,
    visible: &Visibility,
    listing: &Listing<ActionField>,
) -> Result<Paged<ActionRecord>, StoreError> {
    list(unit, tenant, visible)?.page(unit, listing, |cells| Ok(read::action(cells)?))
}

pub(crate) fn count_actions(
    unit: &Unit<'_>,
    tenant: TenantId,
    visible: &Visibility,
    filter: &Filter<ActionField>,
) -> Result<u64, StoreError> {
    list(unit, tenant, visible)?.count(unit, filter)
}

/// Returns the list of the actions of a tenant.
fn list(unit: &Unit<'_>, tenant: TenantId, visible: &Visibility) -> Result<List, StoreError> {
    let base = Where::default().and("a.tenant = ?", [tenant.0.into()]);
    let base = match visible {
        Visibility::All => base,
        Visibility::Tagged(tags) => {
            base.and(&these("a.tenant", "a.device"), [tags.iter().map(ToString::to_string).collect::<Vec<_>>().into()])
        }
    };
    let row = tenant_row(unit, tenant)?;
    Ok(List { columns: COLUMNS.to_owned(), from: "action a", row: "a.row", tenant: row, tenant_id: tenant, base })
}

impl Fields for ActionField {
    fn column(&self) -> Column {
        match self {
            Self::Requested => Column::indexed("a.started", Kind::Exact),
            Self::State => Column::new("a.state", Kind::Name),
            Self::Name => Column::new("a.name", Kind::Name),
            Self::Device => Column::new("a.device", Kind::Id),
        }
    }
}
