//! The reasons why a database may not be the newest state of what was promised.

use rusqlite::Connection;
use thiserror::Error;

use crate::mark::Reading;
use crate::state::{self, State};

/// A reason not to serve from a database.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Doubt {
    /// Commits are missing.
    #[error("it ends at commit {found}, and commit {promised} was promised")]
    Older {
        /// The last commit in the database.
        found: u64,
        /// The last commit in the mark.
        promised: u64,
    },
    /// A step of the schema is missing.
    #[error("its schema has version {found}, and version {promised} was in use")]
    OlderSchema {
        /// The version in the database.
        found: i64,
        /// The version in the mark.
        promised: u32,
    },
    /// The audit record differs from the promised one.
    #[error("its audit record is another one from event {0} on")]
    OtherHistory(i64),
    /// The log is damaged, and its lost commits were promised.
    #[error("its log is damaged at frame {frame}, and {because}")]
    Damaged {
        /// The damaged frame; 0 for the header.
        frame: u64,
        /// The promise that is not kept.
        because: Box<Doubt>,
    },
    /// The log belongs to another state of the file.
    #[error("its log belongs to a newer state of the file: a copy was put in its place")]
    ForeignLog,
    /// The database is a backup.
    #[error("it is a backup")]
    Copy,
    /// The mark is missing.
    #[error("its mark is missing")]
    NoMark,
    /// The mark cannot be read.
    #[error("its mark is damaged")]
    DamagedMark,
    /// The mark belongs to another database.
    #[error("its mark belongs to another database")]
    OtherDatabase,
    /// Database and mark agree, and the mark is a copy of the file that was written.
    #[error("the data directory is a copy, and what was promised since it was made is not known")]
    Moved,
}

impl Doubt {
    /// The stable name.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Older { .. } => "older",
            Self::OlderSchema { .. } => "olderSchema",
            Self::OtherHistory(_) => "otherHistory",
            Self::Damaged { .. } => "damagedLog",
            Self::ForeignLog => "foreignLog",
            Self::Copy => "copy",
            Self::NoMark => "noMark",
            Self::DamagedMark => "damagedMark",
            Self::OtherDatabase => "otherDatabase",
            Self::Moved => "moved",
        }
    }

    /// Returns the next step for the operator.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Moved => {
                "if it was moved as a whole while no server ran, run: chaveiro restore accept --moved --reason TEXT (without --moved if not)"
            }
            _ => "put the newest copy in its place, or go on from this one with: chaveiro restore accept --reason TEXT",
        }
    }
}

/// Compares a database with its mark.
pub(crate) fn judge(
    connection: &Connection,
    reading: Option<&Reading>,
    schema: i64,
    state: Option<&State>,
) -> rusqlite::Result<Option<Doubt>> {
    Ok(match (reading, state) {
        // A fresh database, or one from before there were marks.
        (None | Some(Reading::Damaged), None) => None,
        (_, Some(State { copy: true, .. })) => Some(Doubt::Copy),
        (None | Some(Reading::Damaged), Some(State { marked: false, .. })) => None,
        (None, Some(_)) => Some(Doubt::NoMark),
        (Some(Reading::Damaged), Some(_)) => Some(Doubt::DamagedMark),
        (Some(Reading::Promised { promise, .. }), None) => {
            Some(Doubt::OlderSchema { found: schema, promised: promise.schema })
        }
        (Some(Reading::Promised { promise, moved }), Some(state)) => {
            if state.database != promise.database {
                Some(Doubt::OtherDatabase)
            } else if schema < i64::from(promise.schema) {
                Some(Doubt::OlderSchema { found: schema, promised: promise.schema })
            } else if state.commits < promise.commits {
                Some(Doubt::Older { found: state.commits, promised: promise.commits })
            } else if let Some(event) = state::missing_place(connection, promise)? {
                Some(Doubt::OtherHistory(event))
            } else {
                moved.then_some(Doubt::Moved)
            }
        }
    })
}
