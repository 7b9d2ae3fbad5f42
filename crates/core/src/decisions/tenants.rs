//! New tenants. [`super::change_tenant`] changes existing ones.

use super::keys::{self, Change, Hand};
use crate::audit::{Activity, AuditEvent};
use crate::keys::{Fingerprint, KeyName};
use crate::ports::{StoreError, UnitOfWork};
use crate::tenant::Tenant;

/// Makes a tenant, and records it and its escrow keys. The keys were made before: a tenant without them could not keep
/// a passcode.
pub fn create(
    unit: &mut dyn UnitOfWork,
    hand: &Hand,
    tenant: &Tenant,
    made: &[(KeyName, Fingerprint)],
) -> Result<(), StoreError> {
    unit.insert_tenant(tenant)?;
    let event = AuditEvent::new(tenant.id, hand.now, hand.actor.clone(), Activity::TenantCreated);
    unit.append_audit(&event.with("name", &tenant.display_name))?;
    made.iter().try_for_each(|(name, fingerprint)| keys::record(unit, hand, name, *fingerprint, Change::Made))
}
