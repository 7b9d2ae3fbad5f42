//! Refusals about tenants.

use thiserror::Error;

/// The reason why a tenant is not served.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TenantRefusal {
    /// The tenant has no active licence, or does not exist.
    #[error("the tenant has no active licence")]
    Unlicensed,
}
