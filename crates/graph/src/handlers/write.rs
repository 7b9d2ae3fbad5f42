//! Creating, changing and deleting. What is decided and what is written is one unit of work.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use chaveiro_core::Fault;
use chaveiro_core::audit::Activity;
use chaveiro_core::decisions::{assign_roles, change_device, change_resource, manage_applications, retire};
use chaveiro_core::id::{DeviceId, ResourceId};
use chaveiro_core::ports::{ResourceScope, View};
use chaveiro_core::principal::{Principal, PrincipalKind};
use chaveiro_core::refusal::{DeviceRefusal, Refusal, ResourceRefusal};
use chaveiro_core::resource::{Resource, ResourceKind};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::admit::Asked;
use super::{application, change, context, read_store, response, role, set_path, write_aloud};
use crate::GraphState;
use crate::body::{self, BodyError, Checked};
use crate::entity_tag;
use crate::error::GraphError;
use crate::follow::{Binding, Members, Node, check_keys};
use crate::model::{MODEL, Target};
use crate::query::Selection;
use crate::render::{self, Form};
use crate::resolve::{Version, Walk, parse_relative};
use crate::verb::updates_silently;

/// The one binding that entities have: a run state is about a device.
const DEVICE_BINDING: &str = "managedDevice";

/// What such a binding is.
const A_DEVICE: &str =
    "the URL of a managed device, for example https://host/beta/deviceManagement/managedDevices('{id}')";

/// A new entity in a collection: 201 with the entity and its address.
pub(super) async fn create(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, GraphError> {
    let scope = match admitted(state, &asked).await?.members {
        Some(Members::Resources(scope)) => scope,
        Some(Members::Applications) => return application::create(state, asked, headers, body).await,
        Some(Members::RoleAssignments(_)) => return role::assign(state, asked, headers, body).await,
        Some(
            Members::Devices(_)
            | Members::AuditEvents
            | Members::RemoteActions
            | Members::Holds
            | Members::RoleDefinitions
            | Members::Nothing,
        )
        | None => {
            return Err(GraphError::Internal("create outside a collection".to_owned()));
        }
    };
    let kind = scope.kind();
    let checked = checked(headers, body, Target::Resource(kind)).await?;
    if let Some(entity) = MODEL.entity_type(Target::Resource(kind)) {
        body::require(&checked, entity)?;
    }
    let bound = bound_device(state, &asked, kind, &checked)?;
    let properties = Value::Object(checked.properties);
    let owner = match scope {
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
        writing.follow(unit)?;
        let device = bound_id(unit, &writing, bound.as_ref())?;
        let resource = Resource { device, ..resource.clone() };
        change_resource::create(unit, &writing.caller, &writing.origin(), &resource)?;
        Ok(resource)
    });
    let resource = written.await.map_err(|fault| duplicate(fault, kind))?;
    let url = format!("{}{}/{}", state.base_url, asked.path.trim_end_matches('/'), resource.id);
    Ok(response::located(entity(state, &asked, &resource, StatusCode::CREATED), &url))
}

/// Some properties of an entity.
pub(super) async fn update(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, GraphError> {
    match admitted(state, &asked).await?.node {
        Node::Device(_) => update_device(state, asked, headers, body).await,
        Node::Resource(resource) => update_resource(state, asked, resource.kind, headers, body).await,
        Node::Application(_) => application::rename(state, asked, headers, body).await,
        Node::RoleAssignment(_) => role::rename(state, asked, headers, body).await,
        Node::Service
        | Node::DeviceManagement
        | Node::AuditEvent(_)
        | Node::RemoteAction(_)
        | Node::Hold(_)
        | Node::RoleDefinition(_) => Err(ResourceRefusal::NotFound("entity").into()),
    }
}

async fn update_device(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, GraphError> {
    let checked = checked(headers, body, Target::Device).await?;
    if let Some((name, _)) = checked.binds.first() {
        return Err(no_binding(name).into());
    }
    let changes = change::of_device(&checked.properties)?;
    let writing = Arc::clone(&asked);
    let written = state.store.write(move |unit| {
        let Node::Device(found) = writing.follow(unit)?.node else { return Err(DeviceRefusal::NotFound.into()) };
        let rights = writing.rights(unit)?;
        let device = change_device::change(unit, &rights, &writing.origin(), *found, &changes)?;
        let user = match device.user {
            Some(user) => unit.resource(device.tenant, ResourceKind::User, user)?,
            None => None,
        };
        Ok((device, user))
    });
    let (device, user) = written.await?;
    let version = asked.walk.version;
    let object = render::device::device(&device, user.as_ref(), version, &Selection::Default, Form::Single);
    Ok(answer(state, &asked, object, &entity_tag::of_device(&device), StatusCode::OK))
}

async fn update_resource(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    kind: ResourceKind,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, GraphError> {
    let checked = checked(headers, body, Target::Resource(kind)).await?;
    let bound = bound_device(state, &asked, kind, &checked)?;
    let writing = Arc::clone(&asked);
    let clock = Arc::clone(&state.clock);
    let written = state.store.write(move |unit| {
        let Node::Resource(current) = writing.follow(unit)?.node else {
            return Err(ResourceRefusal::NotFound(kind.name()).into());
        };
        let mut properties: Map<String, Value> = serde_json::from_str(&current.properties).unwrap_or_default();
        properties.extend(checked.properties.clone());
        let properties = Value::Object(properties);
        let device = bound_id(unit, &writing, bound.as_ref())?.or(current.device);
        // No body takes a name away: what it does not say stays.
        let alternate_key = alternate_key(kind, &properties).or_else(|| current.alternate_key.clone());
        let (properties, modified) = (properties.to_string(), writing.now);
        let changed = Resource { device, alternate_key, properties, modified, ..(*current).clone() };
        change_resource::change(unit, &writing.caller, &writing.origin(), &current, &changed, clock.now())?;
        Ok(changed)
    });
    let resource = written.await.map_err(|fault| duplicate(fault, kind))?;
    match updates_silently(Target::Resource(kind)) {
        true => Ok(response::no_content()),
        false => Ok(entity(state, &asked, &resource, StatusCode::OK)),
    }
}

/// An entity goes; a device is retired, and its record and escrow are kept.
pub(super) async fn delete(state: &Arc<GraphState>, asked: Arc<Asked>) -> Result<Response, GraphError> {
    admitted(state, &asked).await?;
    let clock = Arc::clone(&state.clock);
    let written = write_aloud(state, move |unit| {
        match asked.follow(unit)?.node {
            Node::Device(device) => {
                retire::retire(unit, device.tenant, device.id, asked.caller.actor.clone(), asked.now)?;
            }
            Node::Resource(resource) => {
                change_resource::delete(unit, &asked.origin(), &resource, clock.now())?;
            }
            Node::Application(found) => {
                let event = asked.event(Activity::ApplicationDeleted);
                manage_applications::delete(unit, found.tenant, found.id, event, clock.now())?;
            }
            Node::RoleAssignment(found) => {
                let event = asked.event(Activity::RoleUnassigned);
                assign_roles::unassign(unit, &asked.caller, &found, event)?;
            }
            Node::Service
            | Node::DeviceManagement
            | Node::AuditEvent(_)
            | Node::RemoteAction(_)
            | Node::Hold(_)
            | Node::RoleDefinition(_) => return Err(ResourceRefusal::NotFound("entity").into()),
        }
        Ok(())
    });
    written.await?;
    Ok(response::no_content())
}

async fn admitted(state: &Arc<GraphState>, asked: &Arc<Asked>) -> Result<Binding, GraphError> {
    let admission = Arc::clone(asked);
    read_store(state, move |view| Ok(admission.admit(view)?.binding)).await
}

pub(super) async fn checked(headers: &HeaderMap, body: &mut Body, target: Target) -> Result<Checked, GraphError> {
    let object = body::json_object(headers, body).await?;
    let entity = MODEL.entity_type(target).ok_or_else(|| GraphError::Internal("a target without type".to_owned()))?;
    Ok(body::check(object, entity)?)
}

pub(super) fn no_binding(name: &str) -> BodyError {
    BodyError::Bind { name: format!("{name}@odata.bind"), expected: "left out: this type has no such binding" }
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
            walks.push(reference(state, asked.walk.version, url, || device_bind(A_DEVICE))?);
        }
    }
    if walks.len() > 1 {
        return Err(device_bind("the URL of one managed device").into());
    }
    Ok(walks.pop())
}

fn device_bind(expected: &'static str) -> BodyError {
    BodyError::Bind { name: format!("{DEVICE_BINDING}@odata.bind"), expected }
}

/// A URL in a body: absolute on our host, or relative to the version. What is none is answered with `wrong`.
pub(super) fn reference(
    state: &GraphState,
    version: Version,
    url: &str,
    wrong: impl Fn() -> BodyError,
) -> Result<Walk, GraphError> {
    let path = match url.strip_prefix(&state.base_url) {
        Some(path) => path,
        // The hosts of the original are understood, so that scripts need not change their bodies.
        None => url.strip_prefix("https://graph.microsoft.com").unwrap_or(url),
    };
    if path.contains("://") {
        return Err(wrong().into());
    }
    let walk = parse_relative(version, path).map_err(|_| wrong())?;
    check_keys(&walk)?;
    Ok(walk)
}

fn bound_id(view: &dyn View, asked: &Asked, walk: Option<&Walk>) -> Result<Option<DeviceId>, Fault> {
    walk.map(|walk| asked.follow_to_device(view, walk)).transpose()
}

/// A user also goes by the principal name, written as roles are assigned to it.
fn alternate_key(kind: ResourceKind, properties: &Value) -> Option<String> {
    match kind {
        ResourceKind::User => {
            let name = properties.get("userPrincipalName")?.as_str()?;
            Some(Principal::new(PrincipalKind::User, name).text)
        }
        ResourceKind::DetectedApp
        | ResourceKind::DeviceHealthScript
        | ResourceKind::DeviceHealthScriptDeviceState
        | ResourceKind::DeviceManagementScript
        | ResourceKind::DeviceManagementScriptDeviceState
        | ResourceKind::DeviceManagementScriptUserState
        | ResourceKind::DeviceComplianceScript
        | ResourceKind::DeviceComplianceScriptDeviceState
        | ResourceKind::DeviceShellScript
        | ResourceKind::DeviceCustomAttributeShellScript => None,
    }
}

/// A user who is there already is named by the property that collides.
fn duplicate(fault: Fault, kind: ResourceKind) -> GraphError {
    match GraphError::from(fault) {
        GraphError::Refused(Refusal::Resource(ResourceRefusal::AlreadyExists(_))) if kind == ResourceKind::User => {
            ResourceRefusal::AlreadyExists("userPrincipalName").into()
        }
        other => other,
    }
}

fn entity(state: &GraphState, asked: &Asked, resource: &Resource, status: StatusCode) -> Response {
    let version = asked.walk.version;
    let object = render::resource::resource(resource, version, &Selection::Default, Form::Single);
    answer(state, asked, object, &entity_tag::of_resource(resource), status)
}

pub(super) fn answer(
    state: &GraphState,
    asked: &Asked,
    object: Map<String, Value>,
    tag: &str,
    status: StatusCode,
) -> Response {
    let mut body = Map::new();
    let context = context(state, asked.walk.version, &set_path(&asked.walk), &Selection::Default, true);
    body.insert("@odata.context".to_owned(), context.into());
    body.insert("@odata.etag".to_owned(), tag.into());
    body.extend(object);
    response::tagged(response::json(status, &Value::Object(body)), Some(tag))
}
