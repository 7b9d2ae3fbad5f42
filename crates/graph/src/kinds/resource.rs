//! Users, detected apps, scripts and run states: kinds of one shape. The caller's properties are kept as they were given, and
//! the server adds its own.

use std::borrow::Borrow;
use std::sync::{Arc, OnceLock};

use axum::response::Response;
use chaveiro_core::Fault;
use chaveiro_core::decisions::change_resource;
use chaveiro_core::device::ManagedDevice;
use chaveiro_core::id::{DeviceId, ResourceId, TenantId};
use chaveiro_core::ports::{ResourceScope, StoreError, View};
use chaveiro_core::principal::{Principal, PrincipalKind};
use chaveiro_core::query::{Filter, Listing, MemberKind, Order, Paged, ResourceField};
use chaveiro_core::refusal::{Refusal, ResourceRefusal};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::rights::Rights;
use chaveiro_core::scope_tag::Visibility;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::detected_app::{self, DETECTED_APP};
use super::scripts::{
    ATTRIBUTE_SCRIPT, COMPLIANCE_SCRIPT, COMPLIANCE_STATE, HEALTH_SCRIPT, HEALTH_STATE, MANAGEMENT_SCRIPT,
    MANAGEMENT_STATE, SHELL_SCRIPT, USER_STATE,
};
use super::user::USER;
use crate::GraphState;
use crate::body::{self, BodyError, Checked};
use crate::entity::{About, Collection, Entity, Members, Reading, Served, Told};
use crate::error::GraphError;
use crate::handlers::admit::Asked;
use crate::handlers::answer::{address, answer};
use crate::handlers::given::{checked, no_binding, reference};
use crate::handlers::response;
use crate::kind::{Kind, Writing};
use crate::model::{Edge, Edm, EntityType, Property};
use crate::query::{Fields, QueryError, Selection, Source, constant};
use crate::render::outline::{Values, Wanted, whole};
use crate::render::{Form, date_time};
use crate::resolve::{Key, Walk};
use crate::verb::updates_silently;

/// The one binding that entities have: a run state is about a device.
const DEVICE_BINDING: &str = "managedDevice";

/// The form of such a binding.
const A_DEVICE: &str =
    "the URL of a managed device, for example https://host/beta/deviceManagement/managedDevices('{id}')";

/// A kind of that shape.
pub(super) const fn kind(entity: &'static EntityType) -> Kind {
    Kind {
        create: Some(|writing| Box::pin(create(writing))),
        update: Some(|writing| Box::pin(update(writing))),
        delete: Some(|unit, asked| {
            let resource: Box<Resource> = asked.follow_to_row(unit)?;
            let now = unit.now()?;
            change_resource::delete(unit, &asked.origin(), &resource, now)
        }),
        ..Kind::read_only::<ResourceField>(entity, members)
    }
}

/// The type of a kind. A kind without a type does not compile.
fn type_of(kind: ResourceKind) -> &'static EntityType {
    match kind {
        ResourceKind::User => &USER,
        ResourceKind::DetectedApp => &DETECTED_APP,
        ResourceKind::DeviceHealthScript => &HEALTH_SCRIPT,
        ResourceKind::DeviceHealthScriptDeviceState => &HEALTH_STATE,
        ResourceKind::DeviceManagementScript => &MANAGEMENT_SCRIPT,
        ResourceKind::DeviceManagementScriptDeviceState => &MANAGEMENT_STATE,
        ResourceKind::DeviceComplianceScript => &COMPLIANCE_SCRIPT,
        ResourceKind::DeviceComplianceScriptDeviceState => &COMPLIANCE_STATE,
        ResourceKind::DeviceShellScript => &SHELL_SCRIPT,
        ResourceKind::DeviceCustomAttributeShellScript => &ATTRIBUTE_SCRIPT,
        ResourceKind::DeviceManagementScriptUserState => &USER_STATE,
    }
}

/// The entities around a device, those that a script or a state owns, or all.
fn members(edge: &Edge, parent: &dyn Entity) -> Option<Box<dyn Members>> {
    let kind = ResourceKind::parse(edge.to.name)?;
    let device = parent.row().map(|device: &ManagedDevice| ResourceScope::OfDevice(kind, device.id));
    let owned = || parent.row().map(|owner: &Resource| ResourceScope::OwnedBy(kind, owner.id));
    Some(Box::new(Resources(device.or_else(owned).unwrap_or(ResourceScope::All(kind)))))
}

impl Fields for ResourceField {
    const SEARCHED: &'static [Self] = &[];

    fn source(property: &Property) -> Option<Source<Self>> {
        let absent = constant(property)?;
        Some(Source::Field(match property.name {
            "id" => Self::Id,
            "createdDateTime" => Self::Created,
            "lastModifiedDateTime" => Self::Modified,
            name => {
                let kind = if matches!(property.edm, Edm::DateTime) { MemberKind::Time } else { MemberKind::Plain };
                Self::Member { name, kind, absent }
            }
        }))
    }
}

/// The resources of a scope.
struct Resources(ResourceScope);

impl Collection for Resources {
    type Field = ResourceField;
    type Row = Resource;

    fn find(&self, view: &dyn View, tenant: TenantId, key: &Key) -> Result<Option<Resource>, StoreError> {
        let kind = self.0.kind();
        let by_id = key.id.map_or(Ok(None), |id| view.resource(tenant, kind, ResourceId(id)))?;
        // The user of a token has both: an object id of the directory that issued it, and a principal name.
        let found = match by_id {
            Some(found) => Some(found),
            None => view.resource_by_key(tenant, kind, &key.text.to_lowercase())?,
        };
        let Some(found) = found else { return Ok(None) };
        let is_in = match self.0 {
            ResourceScope::All(_) => true,
            ResourceScope::OwnedBy(_, owner) => found.owner == Some(owner),
            ResourceScope::OfDevice(_, device) if kind.is_run_state() => found.device == Some(device),
            ResourceScope::OfDevice(_, device) => view.is_linked(tenant, device, kind, found.id)?,
        };
        Ok(is_in.then_some(found))
    }

    fn count(&self, from: &Reading<'_>, filter: &Filter<ResourceField>) -> Result<u64, StoreError> {
        from.view.count_resources(from.tenant, self.0, from.sight, filter)
    }

    fn rows(&self, from: &Reading<'_>, listing: &Listing<ResourceField>) -> Result<Paged<Resource>, StoreError> {
        from.view.resources(from.tenant, self.0, from.sight, listing)
    }

    fn check(
        &self,
        sight: &Visibility,
        filter: &Filter<ResourceField>,
        order: &[Order<ResourceField>],
    ) -> Result<(), QueryError> {
        detected_app::check(sight, filter, order)
    }
}

impl Entity for Resource {
    fn entity_type(&self) -> &'static EntityType {
        type_of(self.kind)
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    /// A run state is as visible as its device.
    fn is_seen(&self, view: &dyn View, sight: &Visibility) -> Result<bool, StoreError> {
        match (sight, self.device) {
            (Visibility::All, _) | (Visibility::Tagged(_), None) => Ok(true),
            (Visibility::Tagged(_), Some(device)) => {
                let device = view.device(self.tenant, device)?;
                Ok(device.is_some_and(|device| sight.admits(&device.scope_tags)))
            }
        }
    }

    fn about(&self) -> About<'_> {
        self.device.map_or(About::Tenant, About::Device)
    }

    fn served(self: Box<Self>, from: &Reading<'_>, selection: &Selection, form: Form) -> Result<Told, StoreError> {
        let seen = detected_app::in_sight(from, *self, selection, form)?;
        Ok(Box::new(Kept::new(seen)))
    }

    /// The whole entity, whichever devices the caller sees.
    fn state(&self) -> Vec<u8> {
        whole(type_of(self.kind), &Kept::new(self))
    }
}

/// A resource with the properties that callers gave, which are read when the first is asked for.
struct Kept<R> {
    resource: R,
    properties: OnceLock<Map<String, Value>>,
}

impl<R> Kept<R> {
    fn new(resource: R) -> Self {
        Self { resource, properties: OnceLock::new() }
    }
}

impl Served for Kept<Resource> {
    fn entity(&self) -> &dyn Entity {
        &self.resource
    }
}

impl<R: Borrow<Resource>> Values for Kept<R> {
    fn value(&self, wanted: Wanted) -> Option<Value> {
        let resource = self.resource.borrow();
        match wanted.property.name {
            "id" => Some(json!(resource.id)),
            "createdDateTime" => Some(date_time(resource.created).into()),
            "lastModifiedDateTime" => Some(date_time(resource.modified).into()),
            name => {
                let read = || serde_json::from_str(&resource.properties).unwrap_or_default();
                self.properties.get_or_init(read).get(name).cloned()
            }
        }
    }
}

/// Makes an entity in a collection.
async fn create(writing: Writing<'_>) -> Result<Response, GraphError> {
    let Writing { state, asked, binding, headers, body } = writing;
    let members = binding.members.as_deref().and_then(|members| members.collection::<Resources>());
    let Resources(scope) = members.ok_or_else(|| asked.walk.target().missing())?;
    let kind = scope.kind();
    let checked = checked(headers, body, type_of(kind)).await?;
    body::require(&checked, type_of(kind))?;
    let bound = bound_device(state, &asked, kind, &checked)?;
    let properties = Value::Object(checked.properties);
    let owner = match *scope {
        ResourceScope::OwnedBy(_, owner) => Some(owner),
        ResourceScope::All(_) | ResourceScope::OfDevice(..) => None,
    };
    let resource = Resource {
        tenant: asked.tenant(),
        kind,
        id: ResourceId(state.entropy.uuid()),
        owner,
        device: None,
        alternate_key: alternate_key(kind, &properties),
        properties: properties.to_string(),
        created: asked.now,
        modified: asked.now,
    };
    let writing = Arc::clone(&asked);
    let written = state.store.write(move |unit| {
        // The parent may have gone since the request was admitted.
        let rights = writing.rights(unit)?;
        writing.follow_by(unit, &rights)?;
        let device = bound_id(unit, &writing, &rights, bound.as_ref())?;
        let resource = Resource { device, ..resource.clone() };
        change_resource::create(unit, &writing.caller, &writing.origin(), &resource)?;
        Ok(resource)
    });
    let resource = written.await.map_err(|fault| duplicate(fault, kind))?;
    let url = address(state, &asked, resource.id);
    Ok(response::located(answer(state, &asked, &Kept::new(resource), StatusCode::CREATED), &url))
}

/// Changes some properties of an entity.
async fn update(writing: Writing<'_>) -> Result<Response, GraphError> {
    let Writing { state, asked, headers, body, .. } = writing;
    let entity = asked.walk.target();
    let kind = ResourceKind::parse(entity.name).ok_or_else(|| entity.missing())?;
    let checked = checked(headers, body, entity).await?;
    let bound = bound_device(state, &asked, kind, &checked)?;
    let writing = Arc::clone(&asked);
    let written = state.store.write(move |unit| {
        let rights = writing.rights(unit)?;
        let current: Box<Resource> = writing.follow_to_row_by(unit, &rights)?;
        let mut properties: Map<String, Value> = serde_json::from_str(&current.properties).unwrap_or_default();
        properties.extend(checked.properties.clone());
        let properties = Value::Object(properties);
        let device = bound_id(unit, &writing, &rights, bound.as_ref())?.or(current.device);
        // No body takes a name away: what it does not say stays.
        let alternate_key = alternate_key(kind, &properties).or_else(|| current.alternate_key.clone());
        let (properties, modified) = (properties.to_string(), writing.now);
        let changed = Resource { device, alternate_key, properties, modified, ..(*current).clone() };
        let now = unit.now()?;
        change_resource::change(unit, &writing.caller, &writing.origin(), &current, &changed, now)?;
        Ok(changed)
    });
    let resource = written.await.map_err(|fault| duplicate(fault, kind))?;
    match updates_silently(entity) {
        true => Ok(response::no_content()),
        false => Ok(answer(state, &asked, &Kept::new(resource), StatusCode::OK)),
    }
}

/// The walk to the device that a run state is bound to, its keys checked.
fn bound_device(
    state: &GraphState,
    asked: &Asked,
    kind: ResourceKind,
    checked: &Checked,
) -> Result<Option<Walk>, GraphError> {
    let is_run_state = kind.is_run_state();
    let mut walks = Vec::new();
    for (name, urls) in &checked.binds {
        if !is_run_state || !name.eq_ignore_ascii_case(DEVICE_BINDING) {
            return Err(no_binding(name).into());
        }
        for url in urls {
            walks.push(reference(state, asked, url, || device_bind(A_DEVICE))?);
        }
    }
    if walks.len() > 1 {
        return Err(device_bind("the URL of one managed device").into());
    }
    Ok(walks.pop())
}

fn device_bind(expected: &'static str) -> BodyError {
    BodyError::Bind { name: format!("{DEVICE_BINDING}@odata.bind"), expected: expected.to_owned() }
}

fn bound_id(view: &dyn View, asked: &Asked, rights: &Rights, walk: Option<&Walk>) -> Result<Option<DeviceId>, Fault> {
    walk.map(|walk| asked.follow_to_device(view, rights, walk)).transpose()
}

/// The principal name of a user, by which a path may name that user too, written as roles are assigned to it.
fn alternate_key(kind: ResourceKind, properties: &Value) -> Option<String> {
    let name = (kind == ResourceKind::User).then(|| properties.get("userPrincipalName")?.as_str()).flatten()?;
    Some(Principal::new(PrincipalKind::User, name).text)
}

/// Names the property that collides when a user exists already.
fn duplicate(fault: Fault, kind: ResourceKind) -> GraphError {
    match GraphError::from(fault) {
        GraphError::Refused(Refusal::Resource(ResourceRefusal::AlreadyExists(_))) if kind == ResourceKind::User => {
            ResourceRefusal::AlreadyExists("userPrincipalName").into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_resources_have_the_names_of_their_kinds() {
        for &kind in ResourceKind::ALL {
            assert_eq!(type_of(kind).name, kind.name());
        }
    }
}
