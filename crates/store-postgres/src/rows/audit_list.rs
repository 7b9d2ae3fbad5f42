//! The list of audit events.

use chaveiro_core::activity::Described;
use chaveiro_core::id::{EventId, TenantId};
use chaveiro_core::ports::{NamedEvent, StoreError};
use chaveiro_core::query::{AuditField, Filter, Listing, Paged};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_store_rows::list::activity_cases;
use chaveiro_store_rows::read;
use chaveiro_store_rows::veil::Purpose;

use crate::lists::{Column, Fields, Kind, List, Where, these};
use crate::rows::audit::EVENT;
use crate::rows::tenant::row as tenant_row;
use crate::unit::{Unit, params};
use crate::value::Cells;

/// Returns an event with the id that leads to it, whatever the column says.
fn named(unit: &Unit<'_>, tenant: i64, cells: &mut Cells<'_>) -> Result<NamedEvent, StoreError> {
    let event = read::event(cells)?;
    let id = unit.shared.veil.name(Purpose::Event.number(), tenant, event.seq.unsigned_abs());
    Ok(NamedEvent { id: EventId(id), event })
}

pub(crate) fn event(unit: &Unit<'_>, tenant: TenantId, id: EventId) -> Result<Option<NamedEvent>, StoreError> {
    let row = tenant_row(unit, tenant)?;
    let Some(seq) = unit.shared.veil.opened(Purpose::Event.number(), row, &id.0.to_string()) else { return Ok(None) };
    let sql = format!("SELECT {EVENT} FROM audit_event v WHERE v.tenant = $1 AND v.seq = $2");
    unit.one(&sql, &params![tenant.0, seq], |found| named(unit, row, &mut Cells::of(found)))
}

pub(crate) fn events(
    unit: &Unit<'_>,
    tenant: TenantId,
    visible: &Visibility,
    listing: &Listing<AuditField>,
) -> Result<Paged<NamedEvent>, StoreError> {
    let list = list(unit, tenant, visible)?;
    list.page(unit, listing, |cells| named(unit, list.tenant, cells))
}

pub(crate) fn count_events(
    unit: &Unit<'_>,
    tenant: TenantId,
    visible: &Visibility,
    filter: &Filter<AuditField>,
) -> Result<u64, StoreError> {
    list(unit, tenant, visible)?.count(unit, filter)
}

/// Returns the list of events. A caller that sees some devices sees only the events about these.
fn list(unit: &Unit<'_>, tenant: TenantId, visible: &Visibility) -> Result<List, StoreError> {
    let base = Where::default().and("v.tenant = ?", [tenant.0.into()]);
    let base = match visible {
        Visibility::All => base,
        Visibility::Tagged(tags) => {
            base.and(&these("v.tenant", "v.device"), [tags.iter().map(ToString::to_string).collect::<Vec<_>>().into()])
        }
    };
    let row = tenant_row(unit, tenant)?;
    Ok(List { columns: EVENT.to_owned(), from: "audit_event v", row: "v.seq", tenant: row, tenant_id: tenant, base })
}

impl Fields for AuditField {
    fn column(&self) -> Column {
        let described = |of: fn(Described) -> &'static str| {
            Column::new(activity_cases(of, "v.body ->> 'remoteAction'"), Kind::Text)
        };
        let actor = |member: &str| Column::indexed(format!("(v.body #>> '{{actor,{member}}}')"), Kind::Text);
        match self {
            Self::At => Column::indexed("v.at", Kind::Exact),
            Self::ActivityType => described(|activity| activity.activity_type),
            Self::Category => described(|activity| activity.category),
            Self::Component => described(|activity| activity.component),
            Self::Operation => described(|activity| activity.operation),
            Self::Result => described(|activity| activity.result),
            Self::Id => Column::new("v.name::text", Kind::Event),
            Self::ActorName => actor("userPrincipalName"),
            Self::ActorUser => actor("userId"),
            Self::ActorApplication => actor("applicationId"),
            Self::ActorAddress => actor("address"),
        }
    }
}
