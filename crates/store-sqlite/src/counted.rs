//! The number of statements that the connections of this process have run. Tests of other crates use it to hold that a request
//! asks no question per row.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

static RUN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static PAUSED: Cell<bool> = const { Cell::new(false) };
}

fn note(_: TraceEvent<'_>) {
    if !PAUSED.get() {
        RUN.fetch_add(1, Ordering::SeqCst);
    }
}

/// A time in which the statements of this thread are not counted: runs that are undone to be repeated.
pub(crate) struct Pause;

impl Pause {
    pub(crate) fn begin() -> Self {
        PAUSED.set(true);
        Self
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        PAUSED.set(false);
    }
}

/// Returns the number so far.
pub fn run() -> usize {
    RUN.load(Ordering::SeqCst)
}

/// Counts the statements of a connection from now on.
pub(crate) fn watch(connection: &Connection) {
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(note));
}
