//! `remoteActionAudit`: what was asked of devices.
//!
//! Reference: graph.md 2.3.

use super::enums::{ACTION_STATE, DEVICE_ACTION_CATEGORY, REMOTE_ACTION};
use super::properties::{ID, member, text};
use super::{Default, Edm, EntityType, Property, Target};

const PROPERTIES: &[Property] = &[
    ID,
    text("deviceDisplayName").read_only(),
    text("userName").read_only(),
    text("initiatedByUserPrincipalName").read_only(),
    member("action", &REMOTE_ACTION, "unknown").read_only(),
    Property::new("requestDateTime", Edm::DateTime).or(Default::Never).read_only(),
    text("deviceOwnerUserPrincipalName").read_only(),
    text("deviceIMEI").read_only(),
    member("actionState", &ACTION_STATE, "none").read_only(),
    text("managedDeviceId").read_only(),
    member("deviceActionCategory", &DEVICE_ACTION_CATEGORY, "single").read_only(),
    text("bulkDeviceActionId").read_only(),
];

pub(super) const REMOTE_ACTION_AUDIT: EntityType = EntityType {
    target: Target::RemoteAction,
    name: "remoteActionAudit",
    properties: PROPERTIES,
    beta_only: true,
    key: "remoteActionAuditId",
};
