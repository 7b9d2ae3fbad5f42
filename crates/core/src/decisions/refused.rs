//! Recording the sums of refused requests ([`crate::refused`]).

use jiff::Timestamp;

use crate::id::TenantId;
use crate::ports::{StoreError, UnitOfWork};
use crate::refused::Sums;

/// Records the sums.
pub fn record(unit: &mut dyn UnitOfWork, sums: &Sums, now: Timestamp) -> Result<(), StoreError> {
    let tenants: Vec<TenantId> = unit.tenants()?.into_iter().map(|tenant| tenant.id).collect();
    sums.events(&tenants, now).iter().try_for_each(|event| unit.append_audit(event))
}
