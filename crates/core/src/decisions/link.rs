//! Links between devices and their users and apps.

use super::change_resource::event;
use crate::audit::{Activity, Origin};
use crate::device::ManagedDevice;
use crate::ports::{StoreError, UnitOfWork};
use crate::resource::{Resource, ResourceKind};

/// Links a user or app to a device. A link that exists already is fine.
pub fn link(
    unit: &mut dyn UnitOfWork,
    origin: &Origin,
    device: &ManagedDevice,
    resource: &Resource,
) -> Result<(), StoreError> {
    unit.link(device.tenant, device.id, resource.kind, resource.id)?;
    record(unit, origin, device, resource, true)
}

/// Removes a link; absent is fine. The primary user of a device is linked to it, and stops being its primary user.
pub fn unlink(
    unit: &mut dyn UnitOfWork,
    origin: &Origin,
    device: &ManagedDevice,
    resource: &Resource,
) -> Result<(), StoreError> {
    unit.unlink(device.tenant, device.id, resource.kind, resource.id)?;
    if resource.kind == ResourceKind::User && device.user == Some(resource.id) {
        unit.update_device(&ManagedDevice { user: None, ..device.clone() })?;
    }
    record(unit, origin, device, resource, false)
}

fn record(
    unit: &mut dyn UnitOfWork,
    origin: &Origin,
    device: &ManagedDevice,
    resource: &Resource,
    linked: bool,
) -> Result<(), StoreError> {
    let event = event(origin, Activity::ResourceChanged, resource).on_device(device.id);
    unit.append_audit(&event.with("linked", linked))
}
