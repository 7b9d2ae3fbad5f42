//! Refusals about tenants.

use thiserror::Error;

/// Why a tenant is not served.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TenantRefusal {
    /// The licence of the tenant is not active, or there is no such tenant.
    #[error("the tenant has no active licence")]
    Unlicensed,
}
