//! Retirement: the device is no longer managed. Its record and its escrow are kept.

use jiff::Timestamp;

use crate::action::Outcome;
use crate::audit::{Activity, AuditEvent};
use crate::caller::Actor;
use crate::device::ManagementState;
use crate::id::{DeviceId, TenantId};
use crate::ports::Fault;
use crate::ports::UnitOfWork;
use crate::refusal::DeviceRefusal;

/// Retires a device on behalf of `actor`: an administrator, or the device when its user unenrols it.
/// Retiring a retired device changes nothing.
pub fn retire(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    device: DeviceId,
    actor: Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    let mut device = unit.device(tenant, device)?.ok_or(DeviceRefusal::NotFound)?;
    if device.management_state == ManagementState::RetireIssued {
        return Ok(());
    }
    super::enroll::leave(unit, tenant, device.id, Outcome::Retired, now)?;
    device.management_state = ManagementState::RetireIssued;
    unit.update_device(&device)?;
    unit.append_audit(&AuditEvent::new(tenant, now, actor, Activity::DeviceRetired).on_device(device.id))?;
    Ok(())
}
