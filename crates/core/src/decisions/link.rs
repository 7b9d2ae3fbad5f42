//! Links between devices and their users and apps.
//!
//! A device has one primary user. A caller who links a user to the device makes that user its primary user. The users that the
//! device had before leave it, as in Intune. An account that a device reports is linked to it without being its primary user.
//!
//! A primary user gets no right from it: rights come from roles and permissions alone.

use super::change_resource::event;
use crate::audit::{Activity, Origin};
use crate::device::ManagedDevice;
use crate::id::ResourceId;
use crate::ports::{ResourceScope, StoreError, UnitOfWork, View};
use crate::query::Listing;
use crate::resource::{Resource, ResourceKind};
use crate::scope_tag::Visibility;

/// The users of a device that are read at once.
const PAGE: usize = 1000;

/// Links an app to a device, or makes a user its primary user. A link that exists already is fine.
pub fn link(
    unit: &mut dyn UnitOfWork,
    origin: &Origin,
    device: &ManagedDevice,
    resource: &Resource,
) -> Result<(), StoreError> {
    if resource.kind == ResourceKind::User {
        return replace(unit, origin, device, Some(resource));
    }
    unit.link(device.tenant, device.id, resource.kind, resource.id)?;
    record(unit, origin, Activity::ResourceLinked, device, resource)
}

/// Removes a link; absent is fine. A primary user who is removed stops being it.
pub fn unlink(
    unit: &mut dyn UnitOfWork,
    origin: &Origin,
    device: &ManagedDevice,
    resource: &Resource,
) -> Result<(), StoreError> {
    unit.unlink(device.tenant, device.id, resource.kind, resource.id)?;
    match resource.kind == ResourceKind::User && device.user == Some(resource.id) {
        true => set(unit, origin, device, None),
        false => record(unit, origin, Activity::ResourceUnlinked, device, resource),
    }
}

/// Removes the primary user of a device, and every account that it reported; a device without users is fine.
pub fn unlink_users(unit: &mut dyn UnitOfWork, origin: &Origin, device: &ManagedDevice) -> Result<(), StoreError> {
    replace(unit, origin, device, None)
}

/// Makes `user` the only user of a device.
pub(super) fn replace(
    unit: &mut dyn UnitOfWork,
    origin: &Origin,
    device: &ManagedDevice,
    user: Option<&Resource>,
) -> Result<(), StoreError> {
    for other in unlink_all(unit, device)? {
        if device.user != Some(other.id) && user.is_none_or(|user| user.id != other.id) {
            record(unit, origin, Activity::ResourceUnlinked, device, &other)?;
        }
    }
    set(unit, origin, device, user)
}

/// Removes the links of a device to users, and returns the users that it had. A primary user needs no link.
fn unlink_all(unit: &mut dyn UnitOfWork, device: &ManagedDevice) -> Result<Vec<Resource>, StoreError> {
    let users = users(unit, device)?;
    for user in &users {
        unit.unlink(device.tenant, device.id, user.kind, user.id)?;
    }
    Ok(users)
}

/// Replaces the primary user, and records the one before and the one after.
fn set(
    unit: &mut dyn UnitOfWork,
    origin: &Origin,
    device: &ManagedDevice,
    user: Option<&Resource>,
) -> Result<(), StoreError> {
    let after = user.map(|user| user.id);
    if device.user == after {
        return Ok(());
    }
    let before = device.user.map_or(Ok(None), |id| unit.resource(device.tenant, ResourceKind::User, id))?;
    unit.update_device(&ManagedDevice { user: after, ..device.clone() })?;
    let id = |user: Option<ResourceId>| user.map_or_else(|| "-".to_owned(), |user| user.to_string());
    let name = |user: Option<&Resource>| user.map_or_else(|| "-".to_owned(), Resource::principal_name);
    let event = origin.event(device.tenant, Activity::PrimaryUserChanged).on_device(device.id);
    let event =
        event.with("setting", "userPrincipalName").with("before", name(before.as_ref())).with("after", name(user));
    let event = event.with("setting", "userId").with("before", id(device.user)).with("after", id(after));
    unit.append_audit(&event)
}

/// The users that are linked to a device, its primary user included.
fn users(view: &dyn View, device: &ManagedDevice) -> Result<Vec<Resource>, StoreError> {
    let (scope, mut page) = (ResourceScope::OfDevice(ResourceKind::User, device.id), Listing::first(PAGE));
    let mut users = Vec::new();
    loop {
        let found = view.resources(device.tenant, scope, &Visibility::All, &page)?;
        users.extend(found.items);
        match found.next {
            Some(next) => page.after = Some(next),
            None => return Ok(users),
        }
    }
}

fn record(
    unit: &mut dyn UnitOfWork,
    origin: &Origin,
    activity: Activity,
    device: &ManagedDevice,
    resource: &Resource,
) -> Result<(), StoreError> {
    unit.append_audit(&event(origin, activity, resource).on_device(device.id))
}
