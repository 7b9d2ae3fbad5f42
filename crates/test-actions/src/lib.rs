//! An empty library: this package exists for its tests.
//!
//! They run remote actions that no product has through the Graph face, the device channel, the store and a simulated
//! device. `cargo xtask test` runs them in a separate call, because the feature that declares these actions must not
//! reach the product.
