//! Management sessions, sans-IO: what each end remembers and answers. Neither knows sockets or storage.

pub mod device;
pub mod large;
pub mod server;
