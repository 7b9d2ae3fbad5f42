//! Audit events, the links of their chains, checkpoints; and the counts for metrics.

use chaveiro_core::audit::AuditEvent;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{
    ChainLink, ChainedEvent, EventLinks, Statistics, StoreError, StoredCheckpoint, StoredEvent, StrayEvents,
};
use chaveiro_store_rows::cells::Cells as _;
use chaveiro_store_rows::read;
use rusqlite::{Connection, Row, params};

use crate::codec::{Cells, RowError, blob, insert, json, many, one, run};

/// The columns of an event, in the order in which they are read.
pub(crate) const EVENT: &str = "v.seq, v.body, t.id AS tenant_id";

/// The columns of a link, in the same way.
const LINK: &str = "l.seq, l.position, l.hash, t.id AS tenant_id";

fn read_event(row: &Row<'_>) -> Result<StoredEvent, RowError> {
    Ok(read::event(&mut Cells::of(row))?)
}

fn read_link(row: &Row<'_>) -> Result<ChainLink, RowError> {
    Ok(read::link(&mut Cells::of(row))?)
}

pub(crate) fn unchained(connection: &Connection, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
    // An event that another program puts back into the queue is not linked twice.
    let sql = format!(
        "SELECT {EVENT} FROM audit_event v INDEXED BY audit_queue JOIN tenant t ON t.row = v.tenant
        WHERE v.waiting <> 0 AND NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.seq = v.seq) ORDER BY v.seq LIMIT ?"
    );
    many(connection, &sql, [limit as i64], read_event)
}

pub(crate) fn heads(connection: &Connection) -> Result<Vec<ChainLink>, StoreError> {
    let sql = format!(
        "SELECT {LINK} FROM tenant t JOIN audit_link l ON l.tenant = t.row
        AND l.position = (SELECT max(position) FROM audit_link WHERE tenant = t.row) ORDER BY t.row"
    );
    many(connection, &sql, [], read_link)
}

pub(crate) fn head(connection: &Connection, tenant: TenantId) -> Result<Option<ChainLink>, StoreError> {
    let sql = format!(
        "SELECT {LINK} FROM tenant t JOIN audit_link l ON l.tenant = t.row
        WHERE t.id = ? ORDER BY l.position DESC LIMIT 1"
    );
    one(connection, &sql, [blob(&tenant.0)], read_link)
}

pub(crate) fn chained(
    connection: &Connection,
    tenant: TenantId,
    after: u64,
    limit: usize,
) -> Result<Vec<ChainedEvent>, StoreError> {
    // The tenant of an event is not taken from its link: they differ if the event was moved.
    let sql = format!(
        "SELECT {LINK}, v.seq, v.body, o.id AS tenant_id
        FROM tenant t JOIN audit_link l ON l.tenant = t.row JOIN audit_event v ON v.seq = l.seq
            JOIN tenant o ON o.row = v.tenant
        WHERE t.id = ? AND l.position > ? ORDER BY l.position LIMIT ?"
    );
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    many(connection, &sql, params![blob(&tenant.0), after, limit as i64], |row| {
        let cells = &mut Cells::of(row);
        let link = read::link(cells)?;
        Ok(ChainedEvent { event: read::event(cells)?, link })
    })
}

pub(crate) fn strays(connection: &Connection, after: i64, limit: usize) -> Result<StrayEvents, StoreError> {
    let seen = "SELECT count(*), ifnull(max(seq), ?1) FROM (
            SELECT seq FROM audit_event WHERE seq > ?1 ORDER BY seq LIMIT ?2)";
    let seen = one(connection, seen, params![after, limit as i64], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?;
    let (looked_at, through) = seen.unwrap_or((0, after));
    let sql = format!(
        "SELECT {EVENT} FROM audit_event v JOIN tenant t ON t.row = v.tenant
        WHERE v.seq > ? AND v.seq <= ? AND v.waiting = 0
            AND NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.seq = v.seq) ORDER BY v.seq"
    );
    let events = many(connection, &sql, params![after, through], read_event)?;
    Ok(StrayEvents { events, looked_at: usize::try_from(looked_at).unwrap_or_default(), through })
}

pub(crate) fn links_of(connection: &Connection, seqs: &[i64]) -> Result<EventLinks, StoreError> {
    let sql = format!(
        "SELECT {LINK}, b.hash AS hash_before
        FROM json_each(?) j CROSS JOIN audit_link l ON l.seq = j.value JOIN tenant t ON t.row = l.tenant
            LEFT JOIN audit_link b ON b.tenant = l.tenant AND b.position = l.position - 1
                AND EXISTS (SELECT 1 FROM audit_event e WHERE e.seq = b.seq)"
    );
    let seqs = json(&seqs)?;
    let links = many(connection, &sql, [&seqs], |row| {
        let cells = &mut Cells::of(row);
        Ok((read::link(cells)?, cells.get("hash_before")?))
    })?;
    let sql = "SELECT v.seq FROM json_each(?) j CROSS JOIN audit_event v ON v.seq = j.value AND v.waiting <> 0";
    let waiting = many(connection, sql, [&seqs], |row| Ok(row.get(0)?))?;
    Ok(EventLinks { links, waiting })
}

fn read_checkpoint(row: &Row<'_>) -> Result<StoredCheckpoint, RowError> {
    Ok(read::checkpoint(&mut Cells::of(row))?)
}

pub(crate) fn checkpoints_between(
    connection: &Connection,
    tenant: TenantId,
    first: u64,
    last: u64,
) -> Result<Vec<StoredCheckpoint>, StoreError> {
    let sql = "SELECT c.position, c.body, t.id AS tenant_id FROM tenant t JOIN checkpoint c ON c.tenant = t.row
        WHERE t.id = ? AND c.position BETWEEN ? AND ? ORDER BY c.position, c.row";
    let [first, last] = [first, last].map(|position| i64::try_from(position).unwrap_or(i64::MAX));
    many(connection, sql, params![blob(&tenant.0), first, last], read_checkpoint)
}

pub(crate) fn newest_checkpoints(connection: &Connection) -> Result<Vec<StoredCheckpoint>, StoreError> {
    let sql = "SELECT c.position, c.body, t.id AS tenant_id FROM tenant t JOIN checkpoint c ON c.row =
            (SELECT n.row FROM checkpoint n WHERE n.tenant = t.row ORDER BY n.position DESC, n.row DESC LIMIT 1)
        ORDER BY t.row";
    many(connection, sql, [], read_checkpoint)
}

pub(crate) fn checkpoints(connection: &Connection, tenant: TenantId) -> Result<Vec<StoredCheckpoint>, StoreError> {
    let sql = "SELECT c.position, c.body, t.id AS tenant_id FROM tenant t JOIN checkpoint c ON c.tenant = t.row WHERE t.id = ? ORDER BY c.row";
    many(connection, sql, [blob(&tenant.0)], read_checkpoint)
}

pub(crate) fn append_event(connection: &Connection, event: &AuditEvent) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit_event (tenant, body, waiting) SELECT row, ?2, 1 FROM tenant WHERE id = ?1";
    insert(connection, sql, params![blob(&event.tenant.0), json(event)?], "audit event")
}

pub(crate) fn append_links(connection: &Connection, links: &[ChainLink]) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit_link (seq, tenant, position, hash) SELECT ?2, row, ?3, ?4 FROM tenant WHERE id = ?1";
    for link in links {
        let parameters = params![blob(&link.tenant.0), link.seq, link.position as i64, link.hash];
        insert(connection, sql, parameters, "audit link")?;
    }
    let seqs: Vec<i64> = links.iter().map(|link| link.seq).collect();
    let sql = "UPDATE audit_event SET waiting = 0 WHERE seq IN (SELECT value FROM json_each(?))";
    run(connection, sql, [json(&seqs)?]).map(drop)
}

pub(crate) fn insert_checkpoint(connection: &Connection, checkpoint: &StoredCheckpoint) -> Result<(), StoreError> {
    let sql = "INSERT INTO checkpoint (tenant, position, body) SELECT row, ?2, ?3 FROM tenant WHERE id = ?1";
    let parameters = params![blob(&checkpoint.tenant.0), checkpoint.position as i64, checkpoint.body];
    insert(connection, sql, parameters, "checkpoint")
}

pub(crate) fn statistics(connection: &Connection) -> Result<Statistics, StoreError> {
    let count = |sql: &str| -> Result<u64, StoreError> {
        let counted = one(connection, sql, [], |row| Ok(row.get::<_, Option<i64>>(0)?))?.flatten();
        Ok(counted.unwrap_or_default().unsigned_abs())
    };
    Ok(Statistics {
        devices: count(
            "SELECT sum((SELECT count(*) FROM device d WHERE d.tenant = t.row AND d.management_state = 'managed')) FROM tenant t",
        )?,
        open_actions: count("SELECT count(*) FROM action WHERE state IN ('pending', 'active')")?,
        sealed_secrets: count("SELECT count(*) FROM secret WHERE envelope IS NOT NULL")?,
        unchained_events: count("SELECT count(*) FROM audit_event INDEXED BY audit_queue WHERE waiting <> 0")?,
        active_holds: count("SELECT count(*) FROM hold WHERE released IS NULL")?,
    })
}
