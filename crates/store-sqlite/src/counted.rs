//! The number of statements that the connections of this process have run. Tests of other crates use it to hold that a request
//! asks no question per row.

use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

static RUN: AtomicUsize = AtomicUsize::new(0);

fn note(_: TraceEvent<'_>) {
    RUN.fetch_add(1, Ordering::SeqCst);
}

/// Returns the number so far.
pub fn run() -> usize {
    RUN.load(Ordering::SeqCst)
}

/// Counts the statements of a connection from now on.
pub(crate) fn watch(connection: &Connection) {
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(note));
}
