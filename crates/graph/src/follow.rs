//! Following a walk through the store, each hop inside the tenant, from the parent just resolved, and to what the caller
//! sees.
//!
//! A hop that is absent, foreign, out of sight or not linked to its parent ends in the same refusal: what another
//! tenant has, or another path reaches, cannot be told apart from what does not exist.

use std::borrow::Cow;

use chaveiro_core::action::ActionRecord;
use chaveiro_core::application::Application;
use chaveiro_core::device::ManagedDevice;
use chaveiro_core::hold::Hold;
use chaveiro_core::id::{ActionId, ApplicationId, AssignmentId, DeviceId, EventId, HoldId, ResourceId, TenantId};
use chaveiro_core::ports::{DeviceScope, NamedEvent, ResourceScope, StoreError, StoredEvent, View};
use chaveiro_core::principal::RoleAssignment;
use chaveiro_core::refusal::{DeviceRefusal, ResourceRefusal};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::rights::Rights;
use chaveiro_core::role::{Role, RoleAction};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_core::{Fault, Refusal};

use crate::model::{Follow, Target};
use crate::render;
use crate::resolve::{End, Hop, Key, Walk};

/// An entity that was found.
#[derive(Clone, Debug)]
pub enum Node {
    /// The service root.
    Service,
    /// The singleton.
    DeviceManagement,
    /// A device.
    Device(Box<ManagedDevice>),
    /// An audit event.
    AuditEvent(Box<NamedEvent>),
    /// A remote action.
    RemoteAction(Box<ActionRecord>),
    /// A hold.
    Hold(Box<Hold>),
    /// An application.
    Application(Box<Application>),
    /// A role.
    RoleDefinition(&'static Role),
    /// A role for somebody.
    RoleAssignment(Box<RoleAssignment>),
    /// Anything else.
    Resource(Box<Resource>),
}

impl Node {
    /// The device that it is.
    pub fn device(&self) -> Option<&ManagedDevice> {
        match self {
            Self::Device(device) => Some(device),
            Self::Service
            | Self::DeviceManagement
            | Self::AuditEvent(_)
            | Self::RemoteAction(_)
            | Self::Hold(_)
            | Self::Application(_)
            | Self::RoleDefinition(_)
            | Self::RoleAssignment(_)
            | Self::Resource(_) => None,
        }
    }
}

/// The members of a collection, for lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    /// Devices.
    Devices(DeviceScope),
    /// Resources.
    Resources(ResourceScope),
    /// Audit events.
    AuditEvents,
    /// Remote actions.
    RemoteActions,
    /// Holds.
    Holds,
    /// Applications.
    Applications,
    /// Roles.
    RoleDefinitions,
    /// Role assignments: all, or those of that role.
    RoleAssignments(Option<&'static Role>),
    /// None, whatever is asked.
    Nothing,
}

/// What a walk resolves to.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The entity the walk ends on; for a collection, the entity that has it.
    pub node: Node,
    /// For a collection, its members.
    pub members: Option<Members>,
}

impl Binding {
    /// The device the walk ends on.
    pub fn device(&self) -> Option<&ManagedDevice> {
        self.node.device()
    }
}

/// A key that no entity of its type can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedKey {
    /// Where it stands.
    pub target: Target,
    /// As given.
    pub text: String,
}

/// Checks the keys of a walk without looking anything up. Users also go by their principal name.
pub fn check_keys(walk: &Walk) -> Result<(), MalformedKey> {
    for hop in &walk.hops {
        let user = hop.edge.to == Target::Resource(ResourceKind::User);
        if let Some(key) = &hop.key
            && key.id.is_none()
            && !user
        {
            return Err(MalformedKey { target: hop.edge.to, text: key.text.clone() });
        }
    }
    Ok(())
}

/// Follows a walk whose keys are checked, over what a caller with these rights may know of.
pub fn follow(view: &dyn View, tenant: TenantId, rights: &Rights, walk: &Walk) -> Result<Binding, Fault> {
    let sight = rights.sight();
    let ends_on_set = matches!(walk.end, End::Set | End::SetCount | End::SetRef | End::Function(_));
    let mut node = Node::Service;
    for hop in &walk.hops {
        if ends_on_set && hop.key.is_none() && hop.edge.many {
            let members = members(hop.edge.follow, &node).ok_or_else(|| missing(hop.edge.to))?;
            return Ok(Binding { node, members: Some(members) });
        }
        let found = step(view, tenant, &node, hop)?;
        node = match found {
            Some(found) if is_seen(view, &sight_of(&found, rights, &sight), &found)? => found,
            Some(_) | None => return Err(missing(hop.edge.to).into()),
        };
    }
    Ok(Binding { node, members: None })
}

/// By what the caller may know of it. Who has which role is no fact about devices.
fn sight_of<'a>(node: &Node, rights: &Rights, sight: &'a Visibility) -> Cow<'a, Visibility> {
    match node {
        Node::RoleAssignment(_) => Cow::Owned(rights.sight_by(RoleAction::RolesManage)),
        _ => Cow::Borrowed(sight),
    }
}

/// Whether the caller may know of it: a device in sight, and what is about no device out of sight.
pub(crate) fn is_seen(view: &dyn View, sight: &Visibility, node: &Node) -> Result<bool, StoreError> {
    match node {
        Node::Service | Node::DeviceManagement | Node::Application(_) | Node::RoleDefinition(_) => Ok(true),
        // Whoever manages the roles of a scope may know of those that reach no further.
        Node::RoleAssignment(assignment) => Ok(sight.covers(&assignment.scope)),
        // It says who asked for recoveries anywhere in the tenant.
        Node::Hold(_) => Ok(*sight == Visibility::All),
        Node::AuditEvent(event) => is_event_seen(view, sight, &event.event),
        Node::RemoteAction(action) => {
            let device = view.device(action.tenant, action.device)?;
            Ok(device.is_some_and(|device| sight.admits(&device.scope_tags)))
        }
        Node::Device(device) => Ok(sight.admits(&device.scope_tags)),
        Node::Resource(resource) => is_resource_seen(view, sight, resource),
    }
}

/// Whether the caller may know of an event: with all devices in sight of any, else of those about a device in sight.
fn is_event_seen(view: &dyn View, sight: &Visibility, event: &StoredEvent) -> Result<bool, StoreError> {
    if *sight == Visibility::All {
        return Ok(true);
    }
    let Some(device) = render::audit::record(event)?.device else { return Ok(false) };
    let device = view.device(event.tenant, device)?;
    Ok(device.is_some_and(|device| sight.admits(&device.scope_tags)))
}

/// Whether the caller may know of a resource: a run state is as visible as its device.
fn is_resource_seen(view: &dyn View, sight: &Visibility, resource: &Resource) -> Result<bool, StoreError> {
    match (sight, resource.device) {
        (Visibility::All, _) | (Visibility::Tagged(_), None) => Ok(true),
        (Visibility::Tagged(_), Some(device)) => {
            let device = view.device(resource.tenant, device)?;
            Ok(device.is_some_and(|device| sight.admits(&device.scope_tags)))
        }
    }
}

/// What is answered for an entity of that type that is absent, foreign or out of sight.
pub(crate) fn missing(target: Target) -> Refusal {
    let kind = match target {
        Target::Device => return DeviceRefusal::NotFound.into(),
        Target::Resource(kind) => kind.name(),
        Target::AuditEvent => "auditEvent",
        Target::RemoteAction => "remoteActionAudit",
        Target::Hold => "hold",
        Target::Application => "application",
        Target::RoleDefinition => "roleDefinition",
        Target::RoleAssignment => "roleAssignment",
        Target::Unkept(name) => name,
        Target::Service | Target::DeviceManagement => "deviceManagement",
    };
    ResourceRefusal::NotFound(kind).into()
}

/// The members of a collection edge at that node; `None` for single edges.
pub(crate) fn members(follow: Follow, parent: &Node) -> Option<Members> {
    Some(match follow {
        Follow::Singleton | Follow::DeviceOfRunState | Follow::RoleOfAssignment | Follow::Me => return None,
        Follow::Nothing => Members::Nothing,
        Follow::AuditEvents => Members::AuditEvents,
        Follow::RemoteActions => Members::RemoteActions,
        Follow::Holds => Members::Holds,
        Follow::Applications => Members::Applications,
        Follow::RoleDefinitions => Members::RoleDefinitions,
        Follow::RoleAssignments => Members::RoleAssignments(None),
        Follow::AssignmentsOfRole => Members::RoleAssignments(Some(role(parent)?)),
        Follow::RunStatesOfDevice(kind) => Members::Resources(ResourceScope::OfDevice(kind, device_id(parent)?)),
        Follow::Devices => Members::Devices(DeviceScope::All),
        Follow::ComanagedDevices => Members::Devices(DeviceScope::Comanaged),
        Follow::Resources(kind) => Members::Resources(ResourceScope::All(kind)),
        Follow::RunStates(kind) => Members::Resources(ResourceScope::OwnedBy(kind, resource_id(parent)?)),
        Follow::LinkedToDevice(kind) => Members::Resources(ResourceScope::OfDevice(kind, device_id(parent)?)),
        Follow::DevicesOfUser => Members::Devices(DeviceScope::OfUser(resource_id(parent)?)),
        Follow::DevicesWithApp => Members::Devices(DeviceScope::WithApp(resource_id(parent)?)),
    })
}

/// One hop to one entity; `None` when it is absent, foreign or not linked to the parent.
fn step(view: &dyn View, tenant: TenantId, parent: &Node, hop: &Hop) -> Result<Option<Node>, StoreError> {
    let Some(key) = &hop.key else { return single(view, tenant, parent, hop.edge.follow) };
    match hop.edge.follow {
        Follow::Singleton | Follow::DeviceOfRunState | Follow::RoleOfAssignment | Follow::Me | Follow::Nothing => {
            Ok(None)
        }
        Follow::RoleDefinitions => Ok(key.id.and_then(Role::of_id).map(Node::RoleDefinition)),
        Follow::RoleAssignments => role_assignment(view, tenant, None, key),
        Follow::AssignmentsOfRole => role_assignment(view, tenant, role(parent), key),
        Follow::RemoteActions => {
            let action = key.id.map_or(Ok(None), |id| view.action(tenant, ActionId(id)))?;
            Ok(action.map(|action| Node::RemoteAction(Box::new(action))))
        }
        Follow::Holds => {
            let held = key.id.map_or(Ok(None), |id| view.hold(tenant, HoldId(id)))?;
            Ok(held.map(|hold| Node::Hold(Box::new(hold))))
        }
        Follow::Applications => {
            let found = key.id.map_or(Ok(None), |id| view.application(tenant, ApplicationId(id)))?;
            Ok(found.map(|application| Node::Application(Box::new(application))))
        }
        Follow::AuditEvents => {
            let event = key.id.map_or(Ok(None), |id| view.audit_event(tenant, EventId(id)))?;
            Ok(event.map(|event| Node::AuditEvent(Box::new(event))))
        }
        Follow::RunStatesOfDevice(kind) => {
            let Some(of) = device_id(parent) else { return Ok(None) };
            let state = resource(view, tenant, kind, key)?;
            Ok(state.filter(|state| state.device == Some(of)).map(resource_node))
        }
        Follow::Devices => Ok(device(view, tenant, key)?.map(device_node)),
        Follow::ComanagedDevices => Ok(device(view, tenant, key)?.filter(|device| device.comanaged).map(device_node)),
        Follow::Resources(kind) => Ok(resource(view, tenant, kind, key)?.map(resource_node)),
        Follow::RunStates(kind) => {
            let Some(script) = resource_id(parent) else { return Ok(None) };
            let state = resource(view, tenant, kind, key)?;
            Ok(state.filter(|state| state.owner == Some(script)).map(resource_node))
        }
        Follow::LinkedToDevice(kind) => {
            let (Some(from), Some(found)) = (device_id(parent), resource(view, tenant, kind, key)?) else {
                return Ok(None);
            };
            Ok(view.is_linked(tenant, from, kind, found.id)?.then(|| resource_node(found)))
        }
        Follow::DevicesOfUser => linked_device(view, tenant, parent, ResourceKind::User, key),
        Follow::DevicesWithApp => linked_device(view, tenant, parent, ResourceKind::DetectedApp, key),
    }
}

/// One hop over a single edge.
pub(crate) fn single(
    view: &dyn View,
    tenant: TenantId,
    parent: &Node,
    follow: Follow,
) -> Result<Option<Node>, StoreError> {
    match follow {
        Follow::Singleton => Ok(Some(Node::DeviceManagement)),
        Follow::DeviceOfRunState => match parent {
            Node::Resource(state) => match state.device {
                Some(id) => Ok(view.device(tenant, id)?.map(device_node)),
                None => Ok(None),
            },
            Node::Service
            | Node::DeviceManagement
            | Node::Device(_)
            | Node::AuditEvent(_)
            | Node::RemoteAction(_)
            | Node::Hold(_)
            | Node::Application(_)
            | Node::RoleDefinition(_)
            | Node::RoleAssignment(_) => Ok(None),
        },
        Follow::RoleOfAssignment => Ok(role(parent).map(Node::RoleDefinition)),
        Follow::Me
        | Follow::Nothing
        | Follow::AuditEvents
        | Follow::RemoteActions
        | Follow::Holds
        | Follow::Applications
        | Follow::RoleDefinitions
        | Follow::RoleAssignments
        | Follow::AssignmentsOfRole
        | Follow::RunStatesOfDevice(_)
        | Follow::Devices
        | Follow::ComanagedDevices
        | Follow::Resources(_)
        | Follow::RunStates(_)
        | Follow::LinkedToDevice(_)
        | Follow::DevicesOfUser
        | Follow::DevicesWithApp => Ok(None),
    }
}

fn linked_device(
    view: &dyn View,
    tenant: TenantId,
    parent: &Node,
    kind: ResourceKind,
    key: &Key,
) -> Result<Option<Node>, StoreError> {
    let (Some(from), Some(found)) = (resource_id(parent), device(view, tenant, key)?) else { return Ok(None) };
    Ok(view.is_linked(tenant, found.id, kind, from)?.then(|| device_node(found)))
}

fn device(view: &dyn View, tenant: TenantId, key: &Key) -> Result<Option<ManagedDevice>, StoreError> {
    key.id.map_or(Ok(None), |id| view.device(tenant, DeviceId(id)))
}

fn resource(view: &dyn View, tenant: TenantId, kind: ResourceKind, key: &Key) -> Result<Option<Resource>, StoreError> {
    let by_id = key.id.map_or(Ok(None), |id| view.resource(tenant, kind, ResourceId(id)))?;
    // The user of a token has both: an object id of the directory that issued it, and a principal name.
    match by_id {
        Some(found) => Ok(Some(found)),
        None => view.resource_by_key(tenant, kind, &key.text.to_lowercase()),
    }
}

fn device_node(device: ManagedDevice) -> Node {
    Node::Device(Box::new(device))
}

fn resource_node(resource: Resource) -> Node {
    Node::Resource(Box::new(resource))
}

fn device_id(node: &Node) -> Option<DeviceId> {
    node.device().map(|device| device.id)
}

fn resource_id(node: &Node) -> Option<ResourceId> {
    match node {
        Node::Resource(resource) => Some(resource.id),
        Node::Service
        | Node::DeviceManagement
        | Node::Device(_)
        | Node::AuditEvent(_)
        | Node::RemoteAction(_)
        | Node::Hold(_)
        | Node::Application(_)
        | Node::RoleDefinition(_)
        | Node::RoleAssignment(_) => None,
    }
}

/// The role that it is, or is for.
fn role(node: &Node) -> Option<&'static Role> {
    match node {
        Node::RoleDefinition(role) => Some(role),
        Node::RoleAssignment(assignment) => Some(assignment.role),
        Node::Service
        | Node::DeviceManagement
        | Node::Device(_)
        | Node::AuditEvent(_)
        | Node::RemoteAction(_)
        | Node::Hold(_)
        | Node::Application(_)
        | Node::Resource(_) => None,
    }
}

fn role_assignment(
    view: &dyn View,
    tenant: TenantId,
    of: Option<&'static Role>,
    key: &Key,
) -> Result<Option<Node>, StoreError> {
    let Some(id) = key.id.map(AssignmentId) else { return Ok(None) };
    let found = view.role_assignments(tenant)?.into_iter().find(|assignment| assignment.id == id);
    let found = found.filter(|assignment| of.is_none_or(|role| assignment.role == role));
    Ok(found.map(|assignment| Node::RoleAssignment(Box::new(assignment))))
}
