//! A device's further reports: installed packages become `detectedApps`, and the person whose account would be
//! recovered becomes one of its `users`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::decisions::name_users;
use crate::device::{InventoryField, ManagedDevice};
use crate::id::{DeviceId, ResourceId, TenantId};
use crate::ports::{DeviceScope, DeviceSet, ResourceScope, StoreError, UnitOfWork, View};
use crate::principal::{Principal, PrincipalKind};
use crate::query::Listing;
use crate::resource::{Resource, ResourceKind};
use crate::scope_tag::Visibility;

/// Most packages of a device.
pub const MAX_PACKAGES: usize = 5000;

/// Most characters of a name or version.
const MAX_TEXT: usize = 128;

/// Most linked apps that are read at once.
const PAGE: usize = 1000;

/// Takes the list of packages: one line each, name and version separated by a tab. Only changes are written. Apps that
/// callers of the API linked stay.
pub fn take_packages(
    unit: &mut dyn UnitOfWork,
    device: &ManagedDevice,
    lines: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let tenant = device.tenant;
    let found: BTreeMap<ResourceId, (String, String)> = lines
        .lines()
        .take(MAX_PACKAGES)
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, version)| (bounded(name), bounded(version)))
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, version)| (app_id(tenant, &name, &version), (name, version)))
        .collect();
    let Linked { reported: known, others } = linked_apps(unit, tenant, device.id)?;
    for (id, mut app) in known.iter().map(|(id, app)| (*id, app.clone())).filter(|(id, _)| !found.contains_key(id)) {
        unit.unlink(tenant, device.id, ResourceKind::DetectedApp, id)?;
        count(&mut app, -1, now);
        // A package that is on no device any more is removed, so that devices cannot fill the store with old ones. That
        // is one question for each package that the device lost.
        let first = Listing::first(1);
        match unit.devices(tenant, DeviceScope::of(DeviceSet::WithApp(id)), &Visibility::All, &first)?.items.is_empty()
        {
            true => unit.delete_resource(tenant, ResourceKind::DetectedApp, id)?,
            false => unit.update_resource(&app)?,
        }
    }
    // A caller of the API has linked and changed the others since: they are counted already.
    let is_new = |id: &ResourceId| !known.contains_key(id) && !others.contains(id);
    let new: Vec<_> = found.into_iter().filter(|(id, _)| is_new(id)).collect();
    let ids: Vec<_> = new.iter().map(|(id, _)| *id).collect();
    let apps = unit.resources_of(tenant, ResourceKind::DetectedApp, &ids)?.into_iter();
    let mut apps: BTreeMap<_, _> = apps.map(|app| (app.id, app)).collect();
    for (id, (name, version)) in new {
        match apps.remove(&id) {
            Some(mut app) => {
                count(&mut app, 1, now);
                unit.update_resource(&app)?;
            }
            None => unit.insert_resource(&app(tenant, id, &name, &version, now))?,
        }
        unit.link(tenant, device.id, ResourceKind::DetectedApp, id)?;
    }
    Ok(())
}

/// The apps that are linked to a device.
#[derive(Default)]
struct Linked {
    /// The apps that devices reported.
    reported: BTreeMap<ResourceId, Resource>,
    /// The apps that callers of the API made or changed.
    others: BTreeSet<ResourceId>,
}

fn linked_apps(view: &dyn View, tenant: TenantId, device: DeviceId) -> Result<Linked, StoreError> {
    let mut linked = Linked::default();
    let mut page = Listing::first(PAGE);
    loop {
        let found = view.resources(
            tenant,
            ResourceScope::OfDevice(ResourceKind::DetectedApp, device),
            &Visibility::All,
            &page,
        )?;
        for app in found.items {
            let properties: Value = serde_json::from_str(&app.properties).unwrap_or_default();
            let text = |name: &str| properties[name].as_str().unwrap_or_default();
            match app.id == app_id(tenant, text("displayName"), text("version")) {
                true => drop(linked.reported.insert(app.id, app)),
                false => drop(linked.others.insert(app.id)),
            }
        }
        page.after = match found.next {
            Some(next) => Some(next),
            None => return Ok(linked),
        };
    }
}

/// Returns the id of a package: the same package of the same version is the same app on every device of a tenant.
fn app_id(tenant: TenantId, name: &str, version: &str) -> ResourceId {
    let mut hash = Sha256::new();
    for part in [tenant.0.as_bytes(), name.as_bytes(), version.as_bytes()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    ResourceId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

fn app(tenant: TenantId, id: ResourceId, name: &str, version: &str, now: Timestamp) -> Resource {
    let properties = json!({"displayName": name, "version": version, "deviceCount": 1});
    resource(tenant, ResourceKind::DetectedApp, id, None, &properties, now)
}

fn resource(
    tenant: TenantId,
    kind: ResourceKind,
    id: ResourceId,
    alternate_key: Option<String>,
    properties: &Value,
    now: Timestamp,
) -> Resource {
    let properties = properties.to_string();
    Resource { tenant, kind, id, owner: None, device: None, alternate_key, properties, created: now, modified: now }
}

fn count(app: &mut Resource, change: i64, now: Timestamp) {
    let mut properties: Value = serde_json::from_str(&app.properties).unwrap_or_default();
    let devices = properties["deviceCount"].as_i64().unwrap_or_default().saturating_add(change).max(0);
    properties["deviceCount"] = devices.into();
    app.properties = properties.to_string();
    app.modified = now;
}

/// Most users that a device gets this way: one that renames its account every day must not fill the store.
const MAX_ACCOUNTS: usize = 16;

/// Takes the account that would be recovered. A device whose token named a user has its user. Otherwise the account
/// becomes a user, `account@device`, and stays the same when the device gets another name. `fresh` is the id of a new
/// user.
pub fn take_account(
    unit: &mut dyn UnitOfWork,
    device: &ManagedDevice,
    account: &str,
    name: Option<&str>,
    fresh: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    let host = device.inventory.text(InventoryField::DEVICE_NAME).unwrap_or_default();
    let (tenant, kind) = (device.tenant, ResourceKind::User);
    let (account, host) = (bounded(account), bounded(host));
    if device.user.is_some() || account.is_empty() || host.is_empty() {
        return Ok(());
    }
    let plain = format!("{account}@{host}").to_lowercase();
    let page = Listing::first(MAX_ACCOUNTS);
    let linked = unit.resources(tenant, ResourceScope::OfDevice(kind, device.id), &Visibility::All, &page)?.items;
    let of_account = format!("{account}@").to_lowercase();
    let is_it = |user: &Resource| user.alternate_key.as_ref().is_some_and(|key| key.starts_with(&of_account));
    if linked.len() >= MAX_ACCOUNTS || linked.iter().any(is_it) {
        return Ok(());
    }
    // Another machine of the same name has another person's account.
    for principal in [plain.clone(), format!("{plain}-{}", &device.id.to_string()[..8])] {
        // A device can report any name; it must not give a user a name that a role is assigned to.
        let named = Principal::new(PrincipalKind::User, &principal);
        match unit.resource_by_key(tenant, kind, &principal)? {
            Some(_) => {}
            None if name_users::is_assigned(unit, tenant, &named)? => {}
            None => {
                let shown = name.map(bounded).filter(|name| !name.is_empty()).unwrap_or(account);
                let properties = json!({"userPrincipalName": principal, "displayName": shown});
                let user = resource(tenant, kind, ResourceId(fresh), Some(principal), &properties, now);
                unit.insert_resource(&user)?;
                return unit.link(tenant, device.id, kind, user.id);
            }
        }
    }
    Ok(())
}

/// Devices are not trusted: no value grows without bound, and none carries control characters.
fn bounded(text: &str) -> String {
    text.trim().chars().filter(|character| !character.is_control()).take(MAX_TEXT).collect()
}
