//! Migration of the schema. Each step is one transaction, together with its row in the history; two processes take
//! turns.

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

/// Returns every step of this program, in order.
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

/// Returns the newest version that this program knows.
pub(crate) fn known() -> i64 {
    steps().last().map_or(0, |step| step.version)
}

/// Returns the newest applied version, 0 for a fresh database.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    let has_history: bool = connection.query_row(sql, [], |row| row.get(0))?;
    if !has_history {
        return Ok(0);
    }
    connection.query_row("SELECT coalesce(max(version), 0) FROM refinery_schema_history", [], |row| row.get(0))
}

/// Applies every missing step; returns true if there was one.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<bool> {
    let steps = steps();
    let mut ours = None;
    loop {
        // Read again within the transaction: another process may have applied the step meanwhile.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = version(&transaction)?;
        let Some(step) = steps.iter().find(|step| step.version > found) else { return Ok(ours.is_some()) };
        transaction.execute_batch(HISTORY)?;
        // Behind a step of ours, nothing can be there without its row.
        if ours == Some(found) || !is_taken(&transaction, &steps, step.version)? {
            transaction.execute_batch(&step.sql)?;
        }
        transaction.execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
            VALUES (?, ?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), ?)",
            (step.version, &step.name, &step.checksum),
        )?;
        transaction.commit()?;
        ours = Some(step.version);
    }
}

/// Returns true if a database has the schema of that version although its history lacks the row. Versions of this
/// program before 13 wrote the row in a transaction of its own, and could be killed before it. A step that changes no
/// definition is not recognised, and is applied again.
fn is_taken(connection: &Connection, steps: &[Step], version: i64) -> rusqlite::Result<bool> {
    let found = schema(connection)?;
    if found.is_empty() {
        return Ok(false);
    }
    let scratch = Connection::open_in_memory()?;
    functions(&scratch)?;
    let mut before = Vec::new();
    for step in steps.iter().take_while(|step| step.version <= version) {
        before = schema(&scratch)?;
        scratch.execute_batch(&step.sql)?;
    }
    let after = schema(&scratch)?;
    Ok(after == found && after != before)
}

/// Returns every table and index, as SQLite stores their definitions.
fn schema(connection: &Connection) -> rusqlite::Result<Vec<(String, String, Option<String>)>> {
    let sql = "SELECT type, name, sql FROM sqlite_schema
        WHERE tbl_name NOT IN ('refinery_schema_history', 'sqlite_sequence') AND name NOT LIKE 'sqlite_stat%' ORDER BY type, name";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_without_its_row_in_the_history_is_not_taken() {
        let mut database = Connection::open_in_memory().expect("a database");
        functions(&database).expect("functions");
        let refuse =
            "CREATE TRIGGER refuse BEFORE INSERT ON refinery_schema_history BEGIN SELECT RAISE(ABORT, 'no row'); END";
        database.execute_batch(&format!("{HISTORY} {refuse}")).expect("a history that takes no row");
        let error = migrate(&mut database).expect_err("no step can be taken").to_string();
        assert!(error.contains("no row"), "{error}");
        assert!(schema(&database).expect("read").is_empty(), "nothing of the step stays");
    }

    #[test]
    fn a_step_that_was_taken_is_known_by_what_it_defines_and_one_that_defines_nothing_is_taken_again() {
        let step =
            |version, sql: &str| Step { version, name: String::new(), sql: sql.to_owned(), checksum: String::new() };
        let steps =
            [step(1, "CREATE TABLE t (a)"), step(2, "UPDATE t SET a = 1"), step(3, "ALTER TABLE t ADD COLUMN b TEXT")];
        let database = Connection::open_in_memory().expect("a database");
        assert!(!is_taken(&database, &steps, 1).expect("compared"), "a fresh one");
        for (taken, version, expected) in [(0, 1, true), (0, 2, false), (1, 2, false), (1, 3, false), (2, 3, true)] {
            let database = Connection::open_in_memory().expect("a database");
            for step in &steps[..=taken] {
                database.execute_batch(&step.sql).expect("a step");
            }
            assert_eq!(is_taken(&database, &steps, version).expect("compared"), expected, "{taken} {version}");
        }
    }
}
