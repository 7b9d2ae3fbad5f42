//! Refusals about tenants.

use thiserror::Error;

/// The reason why a tenant is not served, or not changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TenantRefusal {
    /// The tenant has no active licence, or does not exist.
    #[error("the tenant has no active licence")]
    Unlicensed,
    /// A setting would have a value outside its bounds, which are in stored units.
    #[error("{setting} must be from {least} to {most}")]
    OutOfBounds {
        /// The setting, as it is stored.
        setting: &'static str,
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
}
