//! The list of remote actions.

use chaveiro_core::action::ActionRecord;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::query::{ActionField, Filter, Listing, Paged};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_store_rows::read;

use crate::codec::json;
use crate::rows::action::COLUMNS;
use crate::rows::device_tag::{self, these};
use crate::rows::list::{Column, Fields, Kind, List, Source, Where};
use crate::rows::tenant::row as tenant_row;
use crate::unit::Transaction;

const PARTS: &[Source<'_>] =
    &[Source { from: "action a JOIN tenant t ON t.row = a.tenant JOIN device d ON d.row = a.device", only: "" }];

/// The limit for [`device_tag::is_seldom`]. Devices have a few actions each.
const FEW: i64 = 2_000;

pub(crate) fn actions(
    unit: &Transaction<'_>,
    tenant: TenantId,
    visible: &Visibility,
    listing: &Listing<ActionField>,
) -> Result<Paged<ActionRecord>, StoreError> {
    list(unit, tenant, visible)?.page(unit, listing, |cells| read::action(cells))
}

pub(crate) fn count_actions(
    unit: &Transaction<'_>,
    tenant: TenantId,
    visible: &Visibility,
    filter: &Filter<ActionField>,
) -> Result<u64, StoreError> {
    list(unit, tenant, visible)?.count(unit, filter)
}

/// Returns the list of the actions of a tenant.
pub(crate) fn list(
    unit: &Transaction<'_>,
    tenant: TenantId,
    visible: &Visibility,
) -> Result<List<'static>, StoreError> {
    let tenant = tenant_row(unit.connection, tenant)?;
    let base = match visible {
        Visibility::All => Where::default().and("a.tenant = ?", [tenant.into()]),
        Visibility::Tagged(tags) => {
            let (tags, these) = (json(tags)?, these("g"));
            let seen = match device_tag::is_seldom(unit.connection, &tags, FEW)? {
                true => format!("+a.tenant = ? AND a.device IN (SELECT g.device FROM device_tag g WHERE {these})"),
                false => {
                    format!(
                        "a.tenant = ? AND EXISTS (SELECT 1 FROM device_tag g WHERE g.device = a.device AND {these})"
                    )
                }
            };
            Where::default().and(&seen, [tenant.into(), tags.into()])
        }
    };
    Ok(List { columns: COLUMNS.into(), parts: PARTS, row: "a.row", tenant, base })
}

impl Fields for ActionField {
    fn column(&self) -> Column {
        match self {
            Self::Requested => Column::indexed("a.started", Kind::Exact),
            Self::State => Column::new("a.state", Kind::Exact),
            Self::Name => Column::new("a.name", Kind::Exact),
            Self::Device => Column::new("d.id", Kind::Id),
        }
    }
}
