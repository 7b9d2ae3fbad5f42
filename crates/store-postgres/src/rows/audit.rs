//! Audit events, the links of their chains, checkpoints; and the counts for metrics.

use chaveiro_core::audit::AuditEvent;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{
    ChainLink, ChainedEvent, EventLinks, Statistics, StoreError, StoredCheckpoint, StoredEvent, StrayEvents,
};
use chaveiro_store_rows::cells::Cells as _;
use chaveiro_store_rows::read;
use chaveiro_store_rows::text::{json, micros};
use chaveiro_store_rows::veil::Purpose;
use tokio_postgres::Row;

use crate::authenticated::insert_plain;
use crate::rows::tenant;
use crate::unit::{Unit, params};
use crate::value::Cells;

/// The columns of an event, in the order in which they are read.
pub(crate) const EVENT: &str = "v.seq, v.body, v.tenant AS tenant_id";

/// The columns of a link, in the same way.
const LINK: &str = "l.seq, l.position, l.hash, l.tenant AS tenant_id";

fn read_event(row: &Row) -> Result<StoredEvent, StoreError> {
    Ok(read::event(&mut Cells::of(row))?)
}

fn read_link(row: &Row) -> Result<ChainLink, StoreError> {
    Ok(read::link(&mut Cells::of(row))?)
}

fn read_checkpoint(row: &Row) -> Result<StoredCheckpoint, StoreError> {
    Ok(read::checkpoint(&mut Cells::of(row))?)
}

pub(crate) fn unchained(unit: &Unit<'_>, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
    // An event that another program puts back into the queue is not linked twice.
    let sql = format!(
        "SELECT {EVENT} FROM audit_event v
        WHERE v.waiting AND NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.seq = v.seq) ORDER BY v.seq LIMIT $1"
    );
    unit.many(&sql, &params![limit], read_event)
}

pub(crate) fn heads(unit: &Unit<'_>) -> Result<Vec<ChainLink>, StoreError> {
    let sql = format!(
        "SELECT {LINK} FROM tenant t JOIN LATERAL (
            SELECT * FROM audit_link h WHERE h.tenant = t.id ORDER BY h.position DESC LIMIT 1) AS l ON true
        ORDER BY t.row"
    );
    unit.many(&sql, &[], read_link)
}

pub(crate) fn head(unit: &Unit<'_>, tenant: TenantId) -> Result<Option<ChainLink>, StoreError> {
    let sql = format!("SELECT {LINK} FROM audit_link l WHERE l.tenant = $1 ORDER BY l.position DESC LIMIT 1");
    unit.one(&sql, &params![tenant.0], read_link)
}

pub(crate) fn chained(
    unit: &Unit<'_>,
    tenant: TenantId,
    after: u64,
    limit: usize,
) -> Result<Vec<ChainedEvent>, StoreError> {
    // The tenant of an event is not taken from its link: they differ if the event was moved.
    let sql = format!(
        "SELECT {LINK}, {EVENT} FROM audit_link l JOIN audit_event v ON v.seq = l.seq
        WHERE l.tenant = $1 AND l.position > $2 ORDER BY l.position LIMIT $3"
    );
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    unit.many(&sql, &params![tenant.0, after, limit], |row| {
        let cells = &mut Cells::of(row);
        let link = read::link(cells)?;
        Ok(ChainedEvent { event: read::event(cells)?, link })
    })
}

pub(crate) fn strays(unit: &Unit<'_>, after: i64, limit: usize) -> Result<StrayEvents, StoreError> {
    let seen = "SELECT count(*) AS counted, coalesce(max(seq), $1) AS through FROM (
            SELECT seq FROM audit_event WHERE seq > $1 ORDER BY seq LIMIT $2) AS seen";
    let seen = unit.one(seen, &params![after, limit], |row| {
        let cells = &mut Cells::of(row);
        Ok((cells.get::<i64>("counted")?, cells.get("through")?))
    })?;
    let (looked_at, through) = seen.unwrap_or((0, after));
    let sql = format!(
        "SELECT {EVENT} FROM audit_event v WHERE v.seq > $1 AND v.seq <= $2 AND NOT v.waiting
            AND NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.seq = v.seq) ORDER BY v.seq"
    );
    let events = unit.many(&sql, &params![after, through], read_event)?;
    Ok(StrayEvents { events, looked_at: usize::try_from(looked_at).unwrap_or_default(), through })
}

pub(crate) fn links_of(unit: &Unit<'_>, seqs: &[i64]) -> Result<EventLinks, StoreError> {
    let sql = format!(
        "SELECT {LINK}, b.hash AS hash_before FROM audit_link l
            LEFT JOIN audit_link b ON b.tenant = l.tenant AND b.position = l.position - 1
                AND EXISTS (SELECT 1 FROM audit_event e WHERE e.seq = b.seq)
        WHERE l.seq = ANY ($1)"
    );
    let links = unit.many(&sql, &params![seqs.to_vec()], |row| {
        let cells = &mut Cells::of(row);
        Ok((read::link(cells)?, cells.get("hash_before")?))
    })?;
    let sql = "SELECT seq FROM audit_event WHERE seq = ANY ($1) AND waiting";
    let waiting = unit.many(sql, &params![seqs.to_vec()], |row| Ok(Cells::of(row).get("seq")?))?;
    Ok(EventLinks { links, waiting })
}

const CHECKPOINT: &str = "c.position, c.body, c.tenant AS tenant_id";

pub(crate) fn checkpoints_between(
    unit: &Unit<'_>,
    tenant: TenantId,
    first: u64,
    last: u64,
) -> Result<Vec<StoredCheckpoint>, StoreError> {
    let sql = format!(
        "SELECT {CHECKPOINT} FROM checkpoint c WHERE c.tenant = $1 AND c.position BETWEEN $2 AND $3
        ORDER BY c.position, c.row"
    );
    let [first, last] = [first, last].map(|position| i64::try_from(position).unwrap_or(i64::MAX));
    unit.many(&sql, &params![tenant.0, first, last], read_checkpoint)
}

pub(crate) fn newest_checkpoints(unit: &Unit<'_>) -> Result<Vec<StoredCheckpoint>, StoreError> {
    let sql = format!(
        "SELECT {CHECKPOINT} FROM tenant t JOIN LATERAL (
            SELECT * FROM checkpoint n WHERE n.tenant = t.id ORDER BY n.position DESC, n.row DESC LIMIT 1) AS c ON true
        ORDER BY t.row"
    );
    unit.many(&sql, &[], read_checkpoint)
}

pub(crate) fn checkpoints(unit: &Unit<'_>, tenant: TenantId) -> Result<Vec<StoredCheckpoint>, StoreError> {
    let sql = format!("SELECT {CHECKPOINT} FROM checkpoint c WHERE c.tenant = $1 ORDER BY c.row");
    unit.many(&sql, &params![tenant.0], read_checkpoint)
}

pub(crate) fn append_event(unit: &Unit<'_>, event: &AuditEvent) -> Result<(), StoreError> {
    let next = unit.one("SELECT nextval('audit_seq') AS seq", &[], |row| Ok(Cells::of(row).get::<i64>("seq")?))?;
    let seq = next.ok_or_else(|| StoreError::Inconsistent("no number for an audit event".to_owned()))?;
    let owner = tenant::row(unit, event.tenant)?;
    let name = unit.shared.veil.name(Purpose::Event.number(), owner, seq.unsigned_abs());
    let row = vec![
        ("seq", seq.into()),
        ("tenant", event.tenant.0.into()),
        ("body", json(event)?.into()),
        ("waiting", true.into()),
        ("name", name.into()),
        ("at", micros(event.at).into()),
        ("device", event.device.map(|device| device.0).into()),
    ];
    insert_plain(unit, "audit_event", row, "audit event")
}

pub(crate) fn append_links(unit: &Unit<'_>, links: &[ChainLink]) -> Result<(), StoreError> {
    for link in links {
        let row = vec![
            ("seq", link.seq.into()),
            ("tenant", link.tenant.0.into()),
            ("position", (link.position as i64).into()),
            ("hash", link.hash.into()),
        ];
        insert_plain(unit, "audit_link", row, "audit link")?;
    }
    let seqs: Vec<i64> = links.iter().map(|link| link.seq).collect();
    unit.run("UPDATE audit_event SET waiting = false WHERE seq = ANY ($1)", &params![seqs]).map(drop)
}

pub(crate) fn insert_checkpoint(unit: &Unit<'_>, checkpoint: &StoredCheckpoint) -> Result<(), StoreError> {
    let row = vec![
        ("tenant", checkpoint.tenant.0.into()),
        ("position", (checkpoint.position as i64).into()),
        ("body", (&checkpoint.body).into()),
    ];
    insert_plain(unit, "checkpoint", row, "checkpoint")
}

pub(crate) fn statistics(unit: &Unit<'_>) -> Result<Statistics, StoreError> {
    let sql = "SELECT
        (SELECT count(*) FROM device WHERE management_state = 'managed') AS devices,
        (SELECT count(*) FROM action WHERE state IN ('pending', 'active')) AS open_actions,
        (SELECT count(*) FROM secret WHERE envelope IS NOT NULL) AS sealed_secrets,
        (SELECT count(*) FROM audit_event WHERE waiting) AS unchained_events,
        (SELECT count(*) FROM hold WHERE released IS NULL) AS active_holds";
    let counted = unit.one(sql, &[], |row| {
        let cells = &mut Cells::of(row);
        let mut count = |name| cells.get::<i64>(name).map(i64::unsigned_abs);
        Ok(Statistics {
            devices: count("devices")?,
            open_actions: count("open_actions")?,
            sealed_secrets: count("sealed_secrets")?,
            unchained_events: count("unchained_events")?,
            active_holds: count("active_holds")?,
        })
    })?;
    Ok(counted.unwrap_or_default())
}
