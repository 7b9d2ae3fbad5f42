//! The end of management: a device is retired, or was unenrolled there. Its record and its escrow are kept.

use jiff::Timestamp;

use crate::action::Outcome;
use crate::audit::{Activity, AuditEvent};
use crate::caller::Actor;
use crate::device::{ManagedDevice, ManagementState};
use crate::ports::{Fault, StoreError, UnitOfWork};
use crate::refusal::DeviceRefusal;

/// Retires a device, as this unit of work found it, for an administrator. A device that is not managed is refused.
pub fn retire(unit: &mut dyn UnitOfWork, device: ManagedDevice, actor: Actor, now: Timestamp) -> Result<(), Fault> {
    if device.management_state != ManagementState::Managed {
        return Err(DeviceRefusal::RetiredBefore.into());
    }
    let event = AuditEvent::new(device.tenant, now, actor, Activity::DeviceRetired);
    Ok(end(unit, device, (ManagementState::RetireIssued, Outcome::Retired), event)?)
}

/// Records that a device, as this unit of work found it, reports its own unenrolment. A device that is not managed stays as it
/// is.
pub fn unenroll(
    unit: &mut dyn UnitOfWork,
    device: ManagedDevice,
    actor: Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    if device.management_state != ManagementState::Managed {
        return Ok(());
    }
    let event = AuditEvent::new(device.tenant, now, actor, Activity::DeviceUnenrolled);
    end(unit, device, (ManagementState::Unenrolled, Outcome::Unenrolled), event)
}

fn end(
    unit: &mut dyn UnitOfWork,
    device: ManagedDevice,
    (state, outcome): (ManagementState, Outcome),
    event: AuditEvent,
) -> Result<(), StoreError> {
    super::enroll::leave(unit, device.tenant, device.id, outcome, event.at)?;
    let device = ManagedDevice { management_state: state, ..device };
    unit.update_device(&device)?;
    unit.append_audit(&event.on_device(device.id))
}
