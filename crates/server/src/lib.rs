//! Configuration, wiring, listeners and background jobs of the Chaveiro server.
