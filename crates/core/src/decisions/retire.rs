//! Retirement: the device is no longer managed. Its record and its escrow are kept.

use jiff::Timestamp;

use crate::action::Outcome;
use crate::audit::{Activity, AuditEvent};
use crate::caller::Actor;
use crate::device::{ManagedDevice, ManagementState};
use crate::ports::{Fault, StoreError, UnitOfWork};
use crate::refusal::DeviceRefusal;

/// Retires a device for an administrator, who is told if it is retired already.
pub fn retire_once(
    unit: &mut dyn UnitOfWork,
    device: ManagedDevice,
    actor: Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    match device.management_state {
        ManagementState::RetireIssued => Err(DeviceRefusal::RetiredBefore.into()),
        ManagementState::Managed => Ok(retire(unit, device, actor, now)?),
    }
}

/// Retires a device, as it was found in this unit of work, on behalf of `actor`: an administrator, or the device when its user
/// unenrols it. Retiring a retired device changes nothing.
pub fn retire(
    unit: &mut dyn UnitOfWork,
    device: ManagedDevice,
    actor: Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    if device.management_state == ManagementState::RetireIssued {
        return Ok(());
    }
    super::enroll::leave(unit, device.tenant, device.id, Outcome::Retired, now)?;
    let device = ManagedDevice { management_state: ManagementState::RetireIssued, ..device };
    unit.update_device(&device)?;
    unit.append_audit(&AuditEvent::new(device.tenant, now, actor, Activity::DeviceRetired).on_device(device.id))
}
