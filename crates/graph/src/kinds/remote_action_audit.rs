//! `remoteActionAudit`: a remote action that was asked of a device (docs/graph-facts.md#remote-actions).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chaveiro_core::action::ActionRecord;
use chaveiro_core::device::{ManagedDevice, PrimaryUser};
use chaveiro_core::id::{ActionId, TenantId};
use chaveiro_core::inventory::InventoryField;
use chaveiro_core::ports::{StoreError, View};
use chaveiro_core::query::{ActionField, Filter, Listing, Paged};
use chaveiro_core::role::RoleAction;
use chaveiro_core::scope_tag::Visibility;
use serde_json::{Value, json};

use super::device_management::DEVICE_MANAGEMENT;
use super::managed_device::{user_of, users_of};
use crate::entity::{Collection, Entity, Reading, Served, Told};
use crate::kind::Kind;
use crate::model::properties::{ID, member, text};
use crate::model::{
    ACTION_STATE, DEVICE_ACTION_CATEGORY, Default, Edge, Edm, EntityType, Filters, KeyForm, Property, REMOTE_ACTION,
    RoleActions,
};
use crate::query::{Fields, Selection, Source, constant};
use crate::render::outline::{Values, Wanted};
use crate::render::{Form, date_time};
use crate::resolve::Key;

const DEVICE_NAME: &str = "deviceDisplayName";
const DEVICE_IMEI: &str = "deviceIMEI";
/// The principal name of the primary user of the device.
const OWNER: &str = "deviceOwnerUserPrincipalName";

const PROPERTIES: &[Property] = &[
    ID,
    text(DEVICE_NAME).read_only(),
    text("userName").read_only(),
    text("initiatedByUserPrincipalName").read_only(),
    member("action", &REMOTE_ACTION, "unknown").read_only(),
    Property::new("requestDateTime", Edm::DateTime).or(Default::Never).read_only(),
    text(OWNER).read_only(),
    text(DEVICE_IMEI).read_only(),
    member("actionState", &ACTION_STATE, "none").read_only(),
    text("managedDeviceId").read_only(),
    member("deviceActionCategory", &DEVICE_ACTION_CATEGORY, "single").read_only(),
    text("bulkDeviceActionId").read_only(),
];

static REMOTE_ACTION_AUDIT: EntityType = EntityType {
    about: "A remote action that was asked of a device, with its state. The caller sees those of the devices that it sees.",
    beta_only: true,
    key_form: KeyForm::Guid("a remote action"),
    role: RoleActions::all(RoleAction::ManagedDevicesRead),
    filters: Filters::Named("managedDeviceId", || ActionField::NAMES.map(|(name, _)| name).to_vec()),
    edges: &[Edge {
        beta_only: true,
        write: &[],
        ..Edge::many(&DEVICE_MANAGEMENT, "remoteActionAudits", &REMOTE_ACTION_AUDIT)
    }],
    ..EntityType::new("remoteActionAudit", PROPERTIES, "remoteActionAuditId")
};

pub(super) const KIND: Kind =
    Kind::read_only::<ActionField>(&REMOTE_ACTION_AUDIT, |_, _| Some(Box::new(RemoteActions)));

impl Fields for ActionField {
    const SEARCHED: &'static [Self] = &[];

    fn source(property: &Property) -> Option<Source<Self>> {
        match (Self::named(property.name), property.name) {
            (Some(field), _) => Some(Source::Field(field)),
            (None, "deviceActionCategory" | "bulkDeviceActionId") => constant(property).map(Source::Constant),
            (None, _) => None,
        }
    }
}

/// The remote actions on devices of a tenant.
struct RemoteActions;

impl Collection for RemoteActions {
    type Field = ActionField;
    type Row = ActionRecord;

    fn find(&self, view: &dyn View, tenant: TenantId, key: &Key) -> Result<Option<ActionRecord>, StoreError> {
        key.id.map_or(Ok(None), |id| view.action(tenant, ActionId(id)))
    }

    fn count(&self, from: &Reading<'_>, filter: &Filter<ActionField>) -> Result<u64, StoreError> {
        from.view.count_remote_actions(from.tenant, from.sight, filter)
    }

    fn rows(&self, from: &Reading<'_>, listing: &Listing<ActionField>) -> Result<Paged<ActionRecord>, StoreError> {
        from.view.remote_actions(from.tenant, from.sight, listing)
    }

    /// The devices of a page, and the users of those, are read at once.
    fn served(
        &self,
        from: &Reading<'_>,
        rows: Vec<ActionRecord>,
        selection: &Selection,
    ) -> Result<Vec<Told>, StoreError> {
        let (of_device, of_owner) = tells_of(selection);
        let ids = || Vec::from_iter(rows.iter().map(|action| action.device).collect::<BTreeSet<_>>());
        let devices = if of_device { from.view.devices_of(from.tenant, &ids())? } else { Vec::new() };
        let users = if of_owner { users_of(from.view, &devices)? } else { HashMap::new() };
        let devices: HashMap<_, _> = devices.into_iter().map(|device| (device.id, device)).collect();
        let told = |action: ActionRecord| {
            let device = devices.get(&action.device);
            let owner = device.and_then(|device| users.get(&device.user?)).cloned();
            Box::new(OnDevice::new(action, device, owner)) as Told
        };
        Ok(rows.into_iter().map(told).collect())
    }
}

impl Entity for ActionRecord {
    fn entity_type(&self) -> &'static EntityType {
        &REMOTE_ACTION_AUDIT
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn is_seen(&self, view: &dyn View, sight: &Visibility) -> Result<bool, StoreError> {
        let device = view.device(self.tenant, self.device)?;
        Ok(device.is_some_and(|device| sight.admits(&device.scope_tags)))
    }

    fn served(self: Box<Self>, from: &Reading<'_>, selection: &Selection, _: Form) -> Result<Told, StoreError> {
        let (of_device, of_owner) = tells_of(selection);
        let device = if of_device { from.view.device(self.tenant, self.device)? } else { None };
        let owner = device.as_ref().filter(|_| of_owner).map_or(Ok(None), |device| user_of(from.view, device))?;
        Ok(Box::new(OnDevice::new(*self, device.as_ref(), owner)))
    }
}

/// Returns whether a selection tells of the device, and of its user.
fn tells_of(selection: &Selection) -> (bool, bool) {
    let tells = |names: &[&str]| selection.contains_any(names, &REMOTE_ACTION_AUDIT);
    (tells(&[DEVICE_NAME, DEVICE_IMEI, OWNER]), tells(&[OWNER]))
}

/// A remote action on that device of that user. The name of the user is deprecated and null.
struct OnDevice {
    action: ActionRecord,
    device_name: Option<String>,
    imei: Option<String>,
    owner: Option<Arc<PrimaryUser>>,
}

impl OnDevice {
    fn new(action: ActionRecord, device: Option<&ManagedDevice>, owner: Option<Arc<PrimaryUser>>) -> Self {
        let reported = |field| device.and_then(|device| device.inventory.text(field)).map(str::to_owned);
        let (device_name, imei) = (reported(InventoryField::DEVICE_NAME), reported(InventoryField::IMEI));
        Self { action, device_name, imei, owner }
    }
}

impl Served for OnDevice {
    fn entity(&self) -> &dyn Entity {
        &self.action
    }
}

impl Values for OnDevice {
    fn value(&self, wanted: Wanted) -> Option<Value> {
        let action = &self.action;
        Some(match wanted.property.name {
            "id" => json!(action.id),
            DEVICE_NAME => json!(self.device_name),
            "initiatedByUserPrincipalName" => json!(action.requested_by.user_principal_name),
            "action" => json!(action.name),
            "requestDateTime" => json!(date_time(action.started)),
            OWNER => {
                json!(self.owner.as_ref().and_then(|user| user.text("userPrincipalName")))
            }
            DEVICE_IMEI => json!(self.imei),
            "actionState" => json!(action.state.name()),
            "managedDeviceId" => json!(action.device),
            _ => return None,
        })
    }
}
