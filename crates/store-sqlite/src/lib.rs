//! The embedded store: SQLite with grouped, durable commits.
