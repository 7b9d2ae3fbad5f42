//! Nothing: the tests of this package are what it is for.
//!
//! They run remote actions that no product has through the Graph face, the device channel, the store and a simulated
//! device. `cargo xtask test` runs them by a call of its own, because the feature that declares these actions must not
//! reach the product.
