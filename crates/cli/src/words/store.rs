//! The words for a database that cannot be opened, or may not be the newest state.

use chaveiro_agent::of_key_file;
use chaveiro_core::ports::StoreError;
use chaveiro_lang::{Text, text};
use chaveiro_store_sqlite::{Doubt, OpenError, RowKeyError};

/// The words for an error of opening.
pub(crate) fn of_database(error: &OpenError) -> Text {
    match error {
        OpenError::NoDatabase(file) => text!("no-database", file = file),
        OpenError::Missing(directory) => text!("database-missing", directory = directory),
        OpenError::ReadOnly(file) => text!("database-read-only", file = file),
        OpenError::NewerVersion { found, known } => text!("database-newer", found = *found, known = *known),
        OpenError::Locked(file) => text!("database-locked", file = file),
        OpenError::Damaged { file, reason } => text!("database-damaged", file = file, reason = reason),
        OpenError::RowKey(error) => of_row_key(error),
        OpenError::Migration(error) => text!("database-migration", error = error),
        OpenError::Doubtful { file, doubt: Doubt::Moved } => text!("database-moved", file = file),
        OpenError::Doubtful { file, doubt } => text!("database-doubtful", file = file, doubt = of_doubt(doubt)),
        OpenError::Mark { file, error } => text!("database-mark", file = file, error = error),
        OpenError::Full(file) => text!("database-full", file = file),
        OpenError::Other { file, reason } => text!("database-other", file = file, reason = reason),
        OpenError::Thread(error) => text!("database-thread", error = error),
    }
}

/// The words for a fault of the store while it is open.
pub(crate) fn of_store(error: &StoreError) -> Text {
    match error {
        StoreError::Busy => text!("store-busy"),
        StoreError::Full => text!("store-full"),
        StoreError::Unavailable(fault) | StoreError::ReadOnly(fault) => text!("store-unavailable", fault = fault),
        StoreError::TooCostly => text!("store-too-costly"),
        StoreError::ForeignCursor => text!("store-foreign-cursor"),
        StoreError::Duplicate(entity) => text!("refused-entity-twice", entity = entity.replace(' ', "-")),
        StoreError::Inconsistent(fault) => text!("store-inconsistent", fault = fault),
    }
}

/// The reason to doubt that a database is the newest state.
pub(crate) fn of_doubt(doubt: &Doubt) -> Text {
    match doubt {
        Doubt::Older { found, promised } => text!("doubt-older", found = *found, promised = *promised),
        Doubt::OlderSchema { found, promised } => text!("doubt-schema", found = *found, promised = *promised),
        Doubt::OtherHistory(event) => text!("doubt-history", event = *event),
        Doubt::Damaged { frame, because } => text!("doubt-damaged", frame = *frame, because = of_doubt(because)),
        Doubt::ForeignLog => text!("doubt-log"),
        Doubt::Copy => text!("doubt-copy"),
        Doubt::NoMark => text!("doubt-no-mark"),
        Doubt::DamagedMark => text!("doubt-damaged-mark"),
        Doubt::OtherDatabase => text!("doubt-other-database"),
        Doubt::Moved => text!("doubt-moved"),
    }
}

fn of_row_key(error: &RowKeyError) -> Text {
    match error {
        RowKeyError::File(error) => of_key_file(error),
        RowKeyError::Generation => text!("key-not-made"),
        RowKeyError::Missing(file) => text!("row-key-missing", file = file),
        RowKeyError::Other(file) => text!("row-key-other", file = file),
        RowKeyError::Unsigned(file) => text!("row-key-unsigned", file = file),
    }
}
