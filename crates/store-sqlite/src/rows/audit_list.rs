//! The list of audit events.

use chaveiro_core::activity::Described;
use chaveiro_core::id::{EventId, TenantId};
use chaveiro_core::ports::{NamedEvent, StoreError};
use chaveiro_core::query::{AuditField, Filter, Listing, Paged};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_store_rows::cells::{Cells as _, Content};
use chaveiro_store_rows::list::activity_cases;
use chaveiro_store_rows::read;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use crate::codec::{Cells, RowError, blob, json, one};
use crate::rows::audit::EVENT;
use crate::rows::device_tag::{self, these};
use crate::rows::list::{Column, Fields, Kind, List, Source, Where};
use crate::rows::tenant::row as tenant_row;
use crate::unit::Transaction;
use crate::veil::{Purpose, opaque, opened};

fn event_id() -> String {
    opaque(Purpose::Event, "v.tenant", "v.seq")
}

fn columns() -> String {
    format!("{EVENT}, {} AS event_id", event_id())
}

fn read(row: &Row<'_>) -> Result<NamedEvent, RowError> {
    Ok(read_from(&mut Cells::of(row))?)
}

fn read_from(cells: &mut Cells<'_, '_>) -> Result<NamedEvent, Content> {
    let event = read::event(cells)?;
    let id: String = cells.get("event_id")?;
    let id = Uuid::try_parse(&id).map_err(|_| Content("the name of an event".to_owned()))?;
    Ok(NamedEvent { id: EventId(id), event })
}

const FROM: &str = "audit_event v JOIN tenant t ON t.row = v.tenant";

/// The linked events, of which there are indexes, and the queue.
const PARTS: &[Source<'_>] = &[
    Source { from: FROM, only: "v.waiting = 0 AND " },
    Source {
        from: "audit_event v INDEXED BY audit_queue JOIN tenant t ON t.row = v.tenant",
        only: "v.waiting <> 0 AND ",
    },
];

/// The limit for [`device_tag::is_seldom`]. Devices have some dozens of events each.
const FEW: i64 = 1_000;

pub(crate) fn event(connection: &Connection, tenant: TenantId, id: EventId) -> Result<Option<NamedEvent>, StoreError> {
    let seq = opened(Purpose::Event, "(SELECT row FROM tenant WHERE id = ?1)", "?2");
    let sql = format!("SELECT {} FROM {FROM} WHERE t.id = ?1 AND v.seq = {seq}", columns());
    one(connection, &sql, params![blob(&tenant.0), id.to_string()], read)
}

pub(crate) fn events(
    unit: &Transaction<'_>,
    tenant: TenantId,
    visible: &Visibility,
    listing: &Listing<AuditField>,
) -> Result<Paged<NamedEvent>, StoreError> {
    list(unit, tenant, visible)?.page(unit, listing, read_from)
}

pub(crate) fn count_events(
    unit: &Transaction<'_>,
    tenant: TenantId,
    visible: &Visibility,
    filter: &Filter<AuditField>,
) -> Result<u64, StoreError> {
    list(unit, tenant, visible)?.count(unit, filter)
}

/// Returns the list of events. A caller that sees some devices sees only the events about these.
pub(crate) fn list(
    unit: &Transaction<'_>,
    tenant: TenantId,
    visible: &Visibility,
) -> Result<List<'static>, StoreError> {
    let tenant = tenant_row(unit.connection, tenant)?;
    let base = Where::default().and("v.tenant = ?", [tenant.into()]);
    let (row, base) = match visible {
        Visibility::All => ("v.seq", base),
        Visibility::Tagged(tags) => {
            let (tags, these) = (json(tags)?, these("g"));
            let (row, seen) = match device_tag::is_seldom(unit.connection, &tags, FEW)? {
                // With a sign, so that the events of each device are looked up and sorted.
                true => (
                    "+v.seq",
                    format!(
                        "v.device IN (SELECT d.id FROM device_tag g CROSS JOIN device d ON d.row = g.device WHERE {these} AND d.tenant = ?)"
                    ),
                ),
                false => (
                    "v.seq",
                    format!(
                        "EXISTS (SELECT 1 FROM device d JOIN device_tag g ON g.device = d.row WHERE d.id = v.device AND {these} AND d.tenant = ?)"
                    ),
                ),
            };
            (row, base.and(&seen, [tags.into(), tenant.into()]))
        }
    };
    Ok(List { columns: columns().into(), parts: PARTS, row, tenant, base })
}

impl Fields for AuditField {
    fn column(&self) -> Column {
        let described = |of: fn(Described) -> &'static str| {
            Column::new(activity_cases(of, "v.body ->> '$.remoteAction'"), Kind::Text)
        };
        match self {
            Self::At => Column::indexed("v.at", Kind::Exact),
            Self::ActivityType => described(|activity| activity.activity_type),
            Self::Category => described(|activity| activity.category),
            Self::Component => described(|activity| activity.component),
            Self::Operation => described(|activity| activity.operation),
            Self::Result => described(|activity| activity.result),
            Self::Id => Column::new(event_id(), Kind::Event),
            Self::ActorName => Column::indexed("v.actor_name", Kind::Text),
            Self::ActorUser => Column::indexed("v.actor_user", Kind::Text),
            Self::ActorApplication => Column::indexed("v.actor_application", Kind::Text),
            Self::ActorAddress => Column::indexed("v.actor_address", Kind::Text),
        }
    }
}
