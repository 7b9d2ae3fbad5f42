//! Migration of the schema. Each step is one transaction, together with its row in the history; nodes take turns.

use sha2::{Digest, Sha256};
use tokio_postgres::Error;

use crate::session::Session;

/// One step.
struct Step {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

/// Every step of this program, in order.
const STEPS: &[Step] = &[Step { version: 1, name: "first", sql: include_str!("../migrations/V1__first.sql") }];

/// The number of the lock by which nodes take turns.
const TURN: i64 = 0x63_68_61_76_65_69_72_6f;

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_history (
    version bigint PRIMARY KEY, name text NOT NULL, applied timestamptz NOT NULL DEFAULT now(), sha256 bytea NOT NULL)";

/// Returns the newest version that this program knows.
pub(crate) fn known() -> i64 {
    STEPS.last().map_or(0, |step| step.version)
}

/// Returns the newest applied version, 0 for a fresh database.
pub(crate) fn version(session: &Session) -> Result<i64, Error> {
    let there = session.query("SELECT to_regclass('schema_history') IS NOT NULL", &[])?;
    if !there.first().is_some_and(|row| row.get(0)) {
        return Ok(0);
    }
    let found = session.query("SELECT coalesce(max(version), 0) FROM schema_history", &[])?;
    Ok(found.first().map_or(0, |row| row.get(0)))
}

/// Applies every missing step. A role without rights to define anything can open a database that lacks none.
pub(crate) fn migrate(session: &Session) -> Result<(), Error> {
    while version(session)? < known() {
        session.batch(&format!("BEGIN; SELECT pg_advisory_xact_lock({TURN}); {HISTORY}"))?;
        // Read within the transaction: another node may have applied the step meanwhile.
        let found = version(session)?;
        let Some(step) = STEPS.iter().find(|step| step.version > found) else { return session.batch("COMMIT") };
        session.batch(step.sql)?;
        let sql = "INSERT INTO schema_history (version, name, sha256) VALUES ($1, $2, $3)";
        let digest = Sha256::digest(step.sql).to_vec();
        session.execute(sql, &[step.version.into(), step.name.into(), digest.into()])?;
        session.batch("COMMIT")?;
    }
    Ok(())
}
