//! Bringing the schema up to date. Each step is one transaction, together with its row in the history; two processes take turns.

use rusqlite::{Connection, TransactionBehavior};

use crate::open::functions;

mod embedded {
    refinery::embed_migrations!("migrations");
}

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS refinery_schema_history (
    version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255));";

/// One step.
struct Step {
    version: i64,
    name: String,
    sql: String,
    checksum: String,
}

/// Every step of this program, in order.
fn steps() -> Vec<Step> {
    let runner = embedded::migrations::runner();
    let mut steps: Vec<_> = runner
        .get_migrations()
        .iter()
        .map(|migration| Step {
            version: i64::from(migration.version()),
            name: migration.name().to_owned(),
            sql: migration.sql().unwrap_or_default().to_owned(),
            checksum: migration.checksum().to_string(),
        })
        .collect();
    steps.sort_by_key(|step| step.version);
    steps
}

/// The newest version that this program knows.
pub(crate) fn known() -> i64 {
    steps().last().map_or(0, |step| step.version)
}

/// The newest applied version, 0 for a fresh database.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    let has_history: bool = connection.query_row(sql, [], |row| row.get(0))?;
    if !has_history {
        return Ok(0);
    }
    connection.query_row("SELECT coalesce(max(version), 0) FROM refinery_schema_history", [], |row| row.get(0))
}

/// Takes every step that is missing; says whether there was one.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<bool> {
    let steps = steps();
    let mut changed = false;
    loop {
        // Read again within the transaction: another process may have taken the step meanwhile.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = version(&transaction)?;
        let Some(step) = steps.iter().find(|step| step.version > found) else { return Ok(changed) };
        transaction.execute_batch(HISTORY)?;
        if !is_taken(&transaction, &steps, step.version)? {
            transaction.execute_batch(&step.sql)?;
        }
        transaction.execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
            VALUES (?, ?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), ?)",
            (step.version, &step.name, &step.checksum),
        )?;
        transaction.commit()?;
        changed = true;
    }
}

/// Whether a database has the schema of that version although its history lacks the row. Versions of this program before 13 wrote
/// the row in a transaction of its own, and could be killed before it.
fn is_taken(connection: &Connection, steps: &[Step], version: i64) -> rusqlite::Result<bool> {
    let found = schema(connection)?;
    if found.is_empty() {
        return Ok(false);
    }
    let scratch = Connection::open_in_memory()?;
    functions(&scratch)?;
    for step in steps.iter().take_while(|step| step.version <= version) {
        scratch.execute_batch(&step.sql)?;
    }
    Ok(schema(&scratch)? == found)
}

/// Every table and index, as SQLite keeps their definitions.
fn schema(connection: &Connection) -> rusqlite::Result<Vec<(String, String, Option<String>)>> {
    let sql = "SELECT type, name, sql FROM sqlite_schema
        WHERE tbl_name NOT IN ('refinery_schema_history', 'sqlite_sequence') AND name NOT LIKE 'sqlite_stat%' ORDER BY type, name";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}
