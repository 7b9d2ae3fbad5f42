//! `remoteActionAudit`: one remote action, and on which device.

use chaveiro_core::action::ActionRecord;
use chaveiro_core::device::ManagedDevice;
use chaveiro_core::resource::Resource;
use serde_json::{Map, Value, json};

use super::{Form, date_time, object};
use crate::model::{MODEL, Target};
use crate::query::Selection;
use crate::resolve::Version;

/// The JSON of an action. The name of the user is deprecated and null.
pub fn action(
    record: &ActionRecord,
    device: Option<&ManagedDevice>,
    owner: Option<&Resource>,
    version: Version,
    selection: &Selection,
    form: Form,
) -> Map<String, Value> {
    let owner = owner.and_then(|user| serde_json::from_str::<Value>(&user.properties).ok());
    let known = [
        ("id", json!(record.id)),
        ("deviceDisplayName", json!(device.and_then(|device| device.inventory.device_name.as_ref()))),
        ("initiatedByUserPrincipalName", json!(record.requested_by.user_principal_name)),
        ("action", json!(record.name)),
        ("requestDateTime", json!(date_time(record.started))),
        (
            "deviceOwnerUserPrincipalName",
            owner.and_then(|user| user.get("userPrincipalName").cloned()).unwrap_or_default(),
        ),
        ("deviceIMEI", json!(device.and_then(|device| device.inventory.imei.as_ref()))),
        ("actionState", json!(record.state.name())),
        ("managedDeviceId", json!(record.device)),
    ];
    let known = known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    match MODEL.entity_type(Target::RemoteAction) {
        Some(entity) => object(entity, version, selection, form, known),
        None => Map::new(),
    }
}
