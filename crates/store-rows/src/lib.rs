//! Rows as every backend of the store keeps them, without the SQL of any of them.
//!
//! The message that an authenticator covers is the same in each backend. So a row that moves from one to another keeps
//! its authenticator, and verifies there.

pub mod cells;
pub mod device;
pub mod list;
pub mod message;
pub mod read;
pub mod row_key;
pub mod text;
pub mod veil;

pub use row_key::{RowKey, RowKeyError};
