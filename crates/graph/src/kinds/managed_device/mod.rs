//! `managedDevice`: type, edges, finding, listing, changes, refusals. [`properties`] has the properties and their values.
//! [`action_results`] has the results of actions, passcodes included, which the handler of single entities adds.

pub(crate) mod action_results;
mod properties;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use axum::response::Response;
use chaveiro_core::decisions::change_device::{self, Change};
use chaveiro_core::decisions::retire;
use chaveiro_core::device::{DeviceFacts, ManagedDevice, PrimaryUser, RecordField, RecordKind};
use chaveiro_core::id::{DeviceId, ResourceId, TenantId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{DeviceScope, DeviceSet, StoreError, View};
use chaveiro_core::query::{self, DeviceField, Filter, Listing, Paged};
use chaveiro_core::refusal::{ActionRefusal, DeviceRefusal};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::role::RoleAction;
use chaveiro_core::scope_tag::Visibility;
use http::StatusCode;
use serde_json::{Map, Value, json};

pub use self::properties::record_md;
use self::properties::{PROPERTIES, tells_of_user};
use super::around::{
    APP_CONFIGURATION_STATE, BASELINE_STATE, COMPLIANCE_POLICY_STATE, CONFIGURATION_STATE, DEVICE_CATEGORY,
    FILTER_EVALUATION, LOG_COLLECTION_RESPONSE, WINDOWS_PROTECTION_STATE,
};
use super::detected_app::DETECTED_APP;
use super::device_management::DEVICE_MANAGEMENT;
use super::scripts::{COMPLIANCE_STATE, HEALTH_STATE, MANAGEMENT_STATE, READ_SCRIPTS};
use super::user::USER;
use crate::body::{self, BodyError};
use crate::entity::{About, Collection, Entity, Members, Node, Reading, Served, Told};
use crate::error::GraphError;
use crate::error::row::{Row, coded, not_found, precondition};
use crate::follow::Finding;
use crate::handlers::answer::answer;
use crate::handlers::given::{checked, no_binding, tags};
use crate::kind::{Kind, Writing};
use crate::model::{Absent, Access, Edge, EntityType, KeyForm, RoleActions, Schemas};
use crate::openapi::schema;
use crate::query::Selection;
use crate::render::Form;
use crate::render::outline::{Outline, Values, Wanted, state};
use crate::resolve::{Key, Version};

/// A single device may also be read by a caller that may replace its passcode, or the result could not be read.
const READ_ALONE: &[Permission] = &[
    Permission::ManagedDevicesReadAll,
    Permission::ManagedDevicesReadWriteAll,
    Permission::ConfigurationReadAll,
    Permission::ConfigurationReadWriteAll,
    Permission::PrivilegedOperationsAll,
];

const READ_USERS: &[Permission] = &[
    Permission::UserReadAll,
    Permission::UserReadWriteAll,
    Permission::ManagedDevicesReadAll,
    Permission::ManagedDevicesReadWriteAll,
];

/// The collection of devices that another agent manages too.
const COMANAGED: &str = "comanagedDevices";

/// The type.
pub static MANAGED_DEVICE: EntityType = EntityType {
    about: "A device under management. `recoverPasscode` asks it for a new passcode, which `deviceActionResults` shows to callers that may read it. A DELETE retires it; its record and its escrow are kept.",
    key_form: KeyForm::Guid("a managed device"),
    absent: Absent::As(|| DeviceRefusal::NotFound.into()),
    role: RoleActions {
        read: RoleAction::ManagedDevicesRead,
        change: RoleAction::ManagedDevicesUpdate,
        delete: RoleAction::ManagedDevicesDelete,
    },
    read_alone: Some(READ_ALONE),
    has_tag: true,
    acts: true,
    edges: &[
        Edge { access: Access::Device, ..to_many(&DEVICE_MANAGEMENT, "managedDevices") },
        Edge { access: Access::Device, beta_only: true, ..to_many(&DEVICE_MANAGEMENT, COMANAGED) },
        to_device_of(&HEALTH_STATE),
        to_device_of(&MANAGEMENT_STATE),
        to_device_of(&COMPLIANCE_STATE),
        Edge { access: Access::Device, ..to_many(&USER, "managedDevices") },
        Edge { access: Access::Linked, contained: false, ..to_many(&DETECTED_APP, "managedDevices") },
        Edge { access: Access::Sole, contained: false, read: READ_USERS, ..from_device("users", &USER) },
        Edge {
            access: Access::Linked,
            contained: false,
            beta_only: true,
            ..from_device("detectedApps", &DETECTED_APP)
        },
        Edge { many: false, ..from_device("deviceCategory", &DEVICE_CATEGORY) },
        from_device("deviceCompliancePolicyStates", &COMPLIANCE_POLICY_STATE),
        from_device("deviceConfigurationStates", &CONFIGURATION_STATE),
        from_device("logCollectionRequests", &LOG_COLLECTION_RESPONSE),
        Edge { many: false, ..from_device("windowsProtectionState", &WINDOWS_PROTECTION_STATE) },
        Edge { beta_only: true, ..from_device("assignmentFilterEvaluationStatusDetails", &FILTER_EVALUATION) },
        Edge { beta_only: true, ..from_device("managedDeviceMobileAppConfigurationStates", &APP_CONFIGURATION_STATE) },
        Edge { beta_only: true, ..from_device("securityBaselineStates", &BASELINE_STATE) },
        Edge { beta_only: true, read: READ_SCRIPTS, ..from_device("deviceHealthScriptStates", &HEALTH_STATE) },
    ],
    derived: &[("windowsManagedDevice", true)],
    not_offered: ON_A_DEVICE,
    not_offered_on_all: ON_DEVICES,
    schemas: Schemas { create: None, update: Some(changed) },
    ..EntityType::new("managedDevice", PROPERTIES, "managedDeviceId")
};

const fn to_many(from: &'static EntityType, name: &'static str) -> Edge {
    Edge::many(from, name, &MANAGED_DEVICE)
}

const fn to_device_of(run_state: &'static EntityType) -> Edge {
    Edge { beta_only: true, ..Edge::one(run_state, "managedDevice", &MANAGED_DEVICE) }
}

const fn from_device(name: &'static str, to: &'static EntityType) -> Edge {
    Edge::many(&MANAGED_DEVICE, name, to)
}

const READ_ONLY: Kind = Kind::read_only::<DeviceField>(&MANAGED_DEVICE, members);

pub(super) const KIND: Kind = Kind {
    finding: Finding { single: of_run_state, ..READ_ONLY.finding },
    update: Some(|writing| Box::pin(update(writing))),
    delete: Some(|unit, asked| {
        let device: Box<ManagedDevice> = asked.follow_to_row(unit)?;
        retire::retire(unit, *device, asked.caller.actor.clone(), asked.now)
    }),
    ..READ_ONLY
};

/// The answer to a refusal about a device.
pub(super) fn refused(refusal: &DeviceRefusal) -> Row {
    match refusal {
        DeviceRefusal::NotFound => not_found(
            coded!("deviceNotFound"),
            "no managed device is reached by this path in your tenant; list them with GET /deviceManagement/managedDevices",
        ),
        DeviceRefusal::RetiredBefore => {
            not_found(coded!("deviceRetiredBefore"), format_args!("{refusal}; GET the device to see them"))
        }
        DeviceRefusal::Retired => precondition(coded!("deviceRetired"), refusal, ""),
        DeviceRefusal::NotEnrolled => precondition(coded!("deviceNotEnrolled"), refusal, ""),
    }
}

/// The answer to a refusal about a remote action.
pub(super) fn action_refused(refusal: &ActionRefusal) -> Row {
    match refusal {
        ActionRefusal::PlatformUnsupported { action, platform } => precondition(
            coded!("actionNotOnPlatform", action = action, platform = platform),
            refusal,
            "do it at the device",
        ),
        ActionRefusal::RecoveryUnderWay => precondition(coded!("recoveryUnderWay"), refusal, "ask again in a minute"),
    }
}

fn members(edge: &Edge, parent: &dyn Entity) -> Option<Box<dyn Members>> {
    let set = match parent.row::<Resource>() {
        Some(user) if user.kind == ResourceKind::User => DeviceSet::OfUser(user.id),
        Some(app) => DeviceSet::WithApp(app.id),
        None if edge.name == COMANAGED => DeviceSet::Comanaged,
        None => DeviceSet::All,
    };
    Some(Box::new(Devices(set)))
}

/// The device of a run state.
fn of_run_state(view: &dyn View, tenant: TenantId, parent: &dyn Entity) -> Result<Option<Node>, StoreError> {
    let device = parent.row::<Resource>().and_then(|state| state.device);
    let found = device.map_or(Ok(None), |id| view.device(tenant, id))?;
    Ok(found.map(|device| Box::new(device) as Node))
}

/// The devices of a set. One that is no longer managed is found by its id, and listed if the filter asks for the state.
struct Devices(DeviceSet);

impl Devices {
    fn scope(&self, filter: &Filter<DeviceField>) -> DeviceScope {
        const STATES: [DeviceField; 2] = [DeviceField::MANAGEMENT_STATE, DeviceField::MANAGEMENT_WORD];
        match filter.asks(&|field| STATES.contains(field)) {
            true => DeviceScope::of(self.0),
            false => DeviceScope::managed(self.0),
        }
    }
}

impl Collection for Devices {
    type Field = DeviceField;
    type Row = ManagedDevice;

    fn find(&self, view: &dyn View, tenant: TenantId, key: &Key) -> Result<Option<ManagedDevice>, StoreError> {
        let Some(found) = key.id.map_or(Ok(None), |id| view.device(tenant, DeviceId(id)))? else { return Ok(None) };
        let is_in = match self.0 {
            DeviceSet::All => true,
            DeviceSet::Comanaged => found.comanaged,
            DeviceSet::OfUser(user) => view.is_linked(tenant, found.id, ResourceKind::User, user)?,
            DeviceSet::WithApp(app) => view.is_linked(tenant, found.id, ResourceKind::DetectedApp, app)?,
        };
        Ok(is_in.then_some(found))
    }

    fn count(&self, from: &Reading<'_>, filter: &Filter<DeviceField>) -> Result<u64, StoreError> {
        from.view.count_devices(from.tenant, self.scope(filter), from.sight, filter)
    }

    fn rows(&self, from: &Reading<'_>, listing: &Listing<DeviceField>) -> Result<Paged<ManagedDevice>, StoreError> {
        from.view.devices(from.tenant, self.scope(&listing.filter), from.sight, listing)
    }

    fn served(
        &self,
        from: &Reading<'_>,
        rows: Vec<ManagedDevice>,
        selection: &Selection,
    ) -> Result<Vec<Told>, StoreError> {
        let users = if tells_of_user(selection) { users_of(from.view, &rows)? } else { HashMap::new() };
        let told = |device: ManagedDevice| {
            let user = device.user.and_then(|id| users.get(&id)).cloned();
            Box::new(OfUser { device, user }) as Told
        };
        Ok(rows.into_iter().map(told).collect())
    }
}

/// The primary users of devices of one tenant, read at once.
pub(super) fn users_of(
    view: &dyn View,
    devices: &[ManagedDevice],
) -> Result<HashMap<ResourceId, Arc<PrimaryUser>>, StoreError> {
    let ids: BTreeSet<_> = devices.iter().filter_map(|device| device.user).collect();
    let Some(tenant) = devices.first().map(|device| device.tenant).filter(|_| !ids.is_empty()) else {
        return Ok(HashMap::new());
    };
    let users = view.resources_of(tenant, ResourceKind::User, &Vec::from_iter(ids))?;
    Ok(users.into_iter().map(|user| (user.id, Arc::new(PrimaryUser::new(user)))).collect())
}

/// The primary user of a device.
pub(super) fn user_of(view: &dyn View, device: &ManagedDevice) -> Result<Option<Arc<PrimaryUser>>, StoreError> {
    let user = device.user.map_or(Ok(None), |id| view.resource(device.tenant, ResourceKind::User, id))?;
    Ok(user.map(|user| Arc::new(PrimaryUser::new(user))))
}

impl Entity for ManagedDevice {
    fn entity_type(&self) -> &'static EntityType {
        &MANAGED_DEVICE
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn is_seen(&self, _: &dyn View, sight: &Visibility) -> Result<bool, StoreError> {
        Ok(sight.admits(&self.scope_tags))
    }

    fn about(&self) -> About<'_> {
        About::Itself(self)
    }

    fn served(self: Box<Self>, from: &Reading<'_>, selection: &Selection, _: Form) -> Result<Told, StoreError> {
        let user = if tells_of_user(selection) { user_of(from.view, &self)? } else { None };
        Ok(Box::new(OfUser { device: *self, user }))
    }

    /// The properties that callers may write, and whether it is managed. What a device reports is no conflict.
    fn state(&self) -> Vec<u8> {
        static EVERYTHING: Selection = Selection::All(Vec::new());
        static WRITTEN: LazyLock<Outline<'_>> = LazyLock::new(|| {
            Outline::new(&MANAGED_DEVICE, Version::Beta, &EVERYTHING, Form::Single)
                .with_only(|property| property.writable || ["id", "managementState"].contains(&property.name))
                .prepared()
        });
        state(&WRITTEN, &DeviceFacts::written(self))
    }
}

/// A device and its primary user.
struct OfUser {
    device: ManagedDevice,
    user: Option<Arc<PrimaryUser>>,
}

impl Values for OfUser {
    fn value(&self, wanted: Wanted) -> Option<Value> {
        DeviceFacts::new(&self.device, self.user.as_deref()).value(wanted)
    }

    fn write(&self, wanted: Wanted, out: &mut Vec<u8>) -> bool {
        DeviceFacts::new(&self.device, self.user.as_deref()).write(wanted, out)
    }
}

impl Served for OfUser {
    fn entity(&self) -> &dyn Entity {
        &self.device
    }
}

/// Changes some properties of a device.
async fn update(writing: Writing<'_>) -> Result<Response, GraphError> {
    let Writing { state, asked, headers, body, .. } = writing;
    let checked = checked(headers, body, &MANAGED_DEVICE).await?;
    if let Some((name, _)) = checked.binds.first() {
        let error = match body::no_property(name.clone(), &MANAGED_DEVICE) {
            BodyError::UnknownProperty { .. } => no_binding(name),
            error => error,
        };
        return Err(error.into());
    }
    let changes = changes(&checked.properties)?;
    let writing = Arc::clone(&asked);
    let written = state.store.write_in(asked.scope(), move |unit| {
        let rights = writing.rights(unit)?;
        let found: Box<ManagedDevice> = writing.follow_to_row_by(unit, &rights)?;
        let device = change_device::change(unit, &rights, &writing.origin(), *found, &changes)?;
        let user = user_of(unit, &device)?;
        Ok((device, user))
    });
    let (device, user) = written.await?;
    Ok(answer(state, &asked, &OfUser { device, user }, StatusCode::OK))
}

/// The changes that properties mean, which were checked against the type. Two names of one thing must say the same.
fn changes(properties: &Map<String, Value>) -> Result<Vec<Change>, BodyError> {
    let owner_of = |name| properties.get(name);
    if let (Some(one), Some(other)) = (owner_of("ownerType"), owner_of("managedDeviceOwnerType"))
        && one != other
    {
        let expected = "the same as 'managedDeviceOwnerType', which names the owner too".to_owned();
        return Err(BodyError::Value { name: "ownerType", expected });
    }
    let change = |(name, value): (&String, &Value)| {
        let unknown = || BodyError::UnknownProperty { name: name.clone(), entity: "managedDevice" };
        let field = RecordField::named(name).ok_or_else(unknown)?;
        let property = field.row().properties.iter().find(|property| *property == name).ok_or_else(unknown)?;
        Change::of(field, given(property, field.row().kind, value)?).ok_or_else(unknown)
    };
    properties.iter().map(change).collect()
}

/// The value of a property of that kind.
fn given(name: &'static str, kind: RecordKind, value: &Value) -> Result<query::Value, BodyError> {
    match (kind, value) {
        (RecordKind::Texts, tagged) => Ok(query::Value::Texts(tags(name, tagged)?.into_iter().collect())),
        (RecordKind::OneOf(names), Value::String(text)) if names.contains(&text.as_str()) => Ok(text.as_str().into()),
        (RecordKind::OneOf(names), _) => Err(BodyError::value(name, value, &one_of(names))),
        (_, Value::String(text)) => Ok(text.as_str().into()),
        (_, Value::Bool(flag)) => Ok((*flag).into()),
        (_, _) => Ok(query::Value::Null),
    }
}

/// The names as a sentence has them.
fn one_of(names: &[&str]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        names => names.concat(),
    }
}

/// The schema of a change. Two properties name the owner: one of them is enough, and they must not differ.
fn changed(entity: &'static EntityType) -> Value {
    let mut narrowed = Map::new();
    narrowed.insert("roleScopeTagIds".to_owned(), schema::tags());
    narrowed.insert("managedDeviceOwnerType".to_owned(), json!({"enum": ["unknown", "company", "personal"]}));
    let one_owner = json!({"not": {"required": ["ownerType", "managedDeviceOwnerType"]}});
    schema::changed(entity, narrowed, vec![one_owner])
}

/// Those of v1.0, then those that beta adds, then functions.
const ON_A_DEVICE: &[&str] = &[
    "bypassActivationLock",
    "cleanWindowsDevice",
    "deleteUserFromSharedAppleDevice",
    "disableLostMode",
    "locateDevice",
    "logoutSharedAppleDeviceActiveUser",
    "rebootNow",
    "remoteLock",
    "requestRemoteAssistance",
    "resetPasscode",
    "retire",
    "shutDown",
    "syncDevice",
    "updateWindowsDeviceAccount",
    "windowsDefenderScan",
    "windowsDefenderUpdateSignatures",
    "wipe",
    "activateDeviceEsim",
    "changeAssignments",
    "createDeviceLogCollectionRequest",
    "deprovision",
    "disable",
    "enableLostMode",
    "enrollNowAction",
    "initiateDeviceAttestation",
    "initiateMobileDeviceManagementKeyRecovery",
    "initiateOnDemandProactiveRemediation",
    "overrideComplianceState",
    "pauseConfigurationRefresh",
    "playLostModeSound",
    "reenable",
    "removeDeviceEsim",
    "removeDeviceFirmwareConfigurationInterfaceManagement",
    "restoreManagedHomeScreen",
    "revokeAppleVppLicenses",
    "rotateBitLockerKeys",
    "rotateFileVaultKey",
    "rotateLocalAdminPassword",
    "rotateRecoveryLockPasscode",
    "sendCustomNotificationToCompanyPortal",
    "setDeviceName",
    "suspendManagedHomeScreen",
    "triggerConfigurationManagerAction",
    "getFileVaultKey",
    "getNonCompliantSettings",
    "getSyncStatus",
    "retrieveDeviceLocalAdminAccountDetail",
    "retrieveMacOSManagedDeviceLocalAdminAccountDetail",
    "retrieveRecoveryLockPasscode",
];

const ON_DEVICES: &[&str] = &[
    "executeAction",
    "moveDevicesToOU",
    "bulkReprovisionCloudPc",
    "downloadAppDiagnostics",
    "downloadPowerliftAppDiagnostic",
    "appDiagnostics",
    "retrievePowerliftAppDiagnosticsDetails",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Edm;

    #[test]
    fn every_property_that_callers_may_set_has_an_effect() {
        for property in PROPERTIES.iter().filter(|property| property.writable) {
            let value = match property.edm {
                Edm::Enum(_) => json!("company"),
                Edm::Collection(_) => json!(["lisbon"]),
                _ => json!("x"),
            };
            let properties = Map::from_iter([(property.name.to_owned(), value)]);
            assert!(changes(&properties).is_ok_and(|changes| changes.len() == 1), "{}", property.name);
        }
    }

    #[test]
    fn tags_and_owners_outside_their_value_space_are_refused() {
        for (name, value) in [
            ("roleScopeTagIds", json!([])),
            ("roleScopeTagIds", json!(["two words"])),
            ("ownerType", json!("unknownFutureValue")),
            ("complianceState", json!("compliant")),
        ] {
            assert!(changes(&Map::from_iter([(name.to_owned(), value.clone())])).is_err(), "{name} {value}");
        }
        let both = json!({"ownerType": "company", "managedDeviceOwnerType": "personal"});
        assert!(changes(both.as_object().expect("an object")).is_err());
    }
}
