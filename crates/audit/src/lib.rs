//! The audit chain: hash links, signed checkpoints, export and offline verification.
