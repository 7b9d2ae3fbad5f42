//! Management sessions, sans-IO: the state machines of both ends. Neither knows sockets or storage.

pub mod device;
mod large;
pub mod server;

pub use large::MAX_VALUE_BYTES;
