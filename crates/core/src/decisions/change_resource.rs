//! Users, apps, scripts and run states: made, changed and removed, each in one unit of work, recorded.
//!
//! A user who is removed, disabled or renamed is signed out. Tokens state the person's name, and that the person could
//! sign in, as of the time they were minted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::name_users;
use super::revoke_tokens::{Person, sign_out};
use crate::audit::{Activity, AuditEvent, Origin};
use crate::caller::Caller;
use crate::ports::{Fault, UnitOfWork};
use crate::resource::{Resource, ResourceKind};

/// Makes a resource for that caller.
pub fn create(unit: &mut dyn UnitOfWork, by: &Caller, origin: &Origin, resource: &Resource) -> Result<(), Fault> {
    if resource.kind == ResourceKind::User {
        name_users::name(unit, by, None, resource)?;
    }
    unit.insert_resource(resource)?;
    Ok(unit.append_audit(&event(origin, Activity::ResourceCreated, resource))?)
}

/// Replaces a resource for that caller, and records the names of the properties that differ. `now` is read in this unit of work
/// ([`end_tokens`](super::revocation::end_tokens)).
pub fn change(
    unit: &mut dyn UnitOfWork,
    by: &Caller,
    origin: &Origin,
    before: &Resource,
    after: &Resource,
    now: Timestamp,
) -> Result<(), Fault> {
    let renamed = after.kind == ResourceKind::User && name_users::name(unit, by, Some(before), after)?;
    unit.update_resource(after)?;
    let changed = event(origin, Activity::ResourceChanged, after).with("changed", changed(before, after).join(","));
    unit.append_audit(&changed)?;
    if renamed || (after.is_disabled() && !before.is_disabled()) {
        sign_out(unit, &Person::of(before), |activity| origin.event(after.tenant, activity), now)?;
    }
    Ok(())
}

/// Removes a resource. `now` is read in this unit of work ([`end_tokens`](super::revocation::end_tokens)).
pub fn delete(unit: &mut dyn UnitOfWork, origin: &Origin, resource: &Resource, now: Timestamp) -> Result<(), Fault> {
    unit.delete_resource(resource.tenant, resource.kind, resource.id)?;
    unit.append_audit(&event(origin, Activity::ResourceDeleted, resource))?;
    if resource.kind == ResourceKind::User {
        sign_out(unit, &Person::of(resource), |activity| origin.event(resource.tenant, activity), now)?;
    }
    Ok(())
}

/// Begins an event about a resource.
pub(super) fn event(origin: &Origin, activity: Activity, resource: &Resource) -> AuditEvent {
    origin.event(resource.tenant, activity).with("kind", resource.kind.name()).with("id", resource.id)
}

/// Returns the names of the properties that differ, in order.
fn changed(before: &Resource, after: &Resource) -> Vec<String> {
    let of = |one: &Resource| serde_json::from_str::<BTreeMap<String, Value>>(&one.properties).unwrap_or_default();
    let (old, new) = (of(before), of(after));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).filter(|name| old.get(*name) != new.get(*name)).collect();
    let device = (before.device != after.device).then(|| "managedDevice".to_owned());
    names.into_iter().cloned().chain(device).collect()
}
