//! Which HTTP method means what at which end of a walk, and which permission it needs: one table for the
//! handlers, the route list and OpenAPI.

use chaveiro_core::permission::Permission;
use chaveiro_core::resource::ResourceKind;
use chaveiro_core::role::RoleAction;

use crate::model::{Access, Edge, Target};
use crate::resolve::{End, Walk};

/// What is done at the end of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// One entity.
    Read,
    /// A page of a collection.
    List,
    /// How many a collection has.
    Count,
    /// A new entity in a collection.
    Create,
    /// Some properties of an entity.
    Update,
    /// An entity goes; a device is retired.
    Delete,
    /// A remote action.
    Act,
    /// An operation of an entity that is no device.
    Operate,
    /// A link is added.
    Link,
    /// A link is removed.
    Unlink,
}

impl Verb {
    /// Returns whether it changes the entity at the end of a walk, so that a caller may say in which state (`If-Match`).
    pub fn minds_the_state(self) -> bool {
        match self {
            Self::Update | Self::Delete | Self::Act | Self::Operate => true,
            Self::Read | Self::List | Self::Count | Self::Create | Self::Link | Self::Unlink => false,
        }
    }
}

/// The shape of an end, without what is at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndShape {
    /// A collection.
    Set,
    /// An entity.
    Entity,
    /// An action.
    Action,
    /// An operation.
    Operation,
    /// A function of a collection.
    Function,
    /// `$count` of a collection.
    SetCount,
    /// `$ref` of a collection.
    SetRef,
    /// `$ref` of an entity.
    EntityRef,
}

/// Methods and meanings at an end of that shape; HEAD goes with GET.
pub fn verbs(shape: EndShape, access: Access) -> &'static [(&'static str, Verb)] {
    const READ: (&str, Verb) = ("GET", Verb::Read);
    const LIST: (&str, Verb) = ("GET", Verb::List);
    match (shape, access) {
        (EndShape::Set, Access::Owned) => &[LIST, ("POST", Verb::Create)],
        (EndShape::Set, Access::ReadOnly | Access::Device | Access::Linked) => &[LIST],
        (EndShape::Entity, Access::Owned | Access::Device) => {
            &[READ, ("PATCH", Verb::Update), ("DELETE", Verb::Delete)]
        }
        (EndShape::Entity, Access::ReadOnly | Access::Linked) => &[READ],
        (EndShape::Function, _) => &[LIST],
        (EndShape::SetCount, _) => &[("GET", Verb::Count)],
        (EndShape::Action, _) => &[("POST", Verb::Act)],
        (EndShape::Operation, _) => &[("POST", Verb::Operate)],
        (EndShape::SetRef, Access::Linked) => &[("POST", Verb::Link)],
        (EndShape::EntityRef, Access::Linked) => &[("DELETE", Verb::Unlink)],
        (EndShape::SetRef | EndShape::EntityRef, Access::ReadOnly | Access::Owned | Access::Device) => &[],
    }
}

/// Any one of these permissions allows it. Actions and operations have their own, in their declaration.
///
/// Whoever may replace a passcode may also look at that device, or the result could not be read.
pub fn permissions(edge: &'static Edge, verb: Verb) -> &'static [Permission] {
    const READ_DEVICE: &[Permission] = &[
        Permission::ManagedDevicesReadAll,
        Permission::ManagedDevicesReadWriteAll,
        Permission::ConfigurationReadAll,
        Permission::ConfigurationReadWriteAll,
        Permission::PrivilegedOperationsAll,
    ];
    match verb {
        Verb::Read if edge.to == Target::Device => READ_DEVICE,
        Verb::Read | Verb::List | Verb::Count => edge.read,
        Verb::Create | Verb::Update | Verb::Delete | Verb::Act | Verb::Operate | Verb::Link | Verb::Unlink => {
            edge.write
        }
    }
}

/// What a role must allow for that verb at that target. Remote actions have their own, in their declaration. A target or
/// verb that is missing here does not compile.
pub fn role_action_at(target: Target, verb: Verb) -> RoleAction {
    use RoleAction as A;
    match verb {
        // A link is a fact about a device, from whichever end it is made.
        Verb::Link | Verb::Unlink => return A::ManagedDevicesUpdate,
        Verb::Read
        | Verb::List
        | Verb::Count
        | Verb::Create
        | Verb::Update
        | Verb::Delete
        | Verb::Act
        | Verb::Operate => {}
    }
    let reads = matches!(verb, Verb::Read | Verb::List | Verb::Count);
    match target {
        Target::Service | Target::DeviceManagement if reads => A::ManagedDevicesRead,
        Target::Service | Target::DeviceManagement => A::ManagedDevicesUpdate,
        Target::AuditEvent => A::AuditRead,
        Target::RemoteAction => A::ManagedDevicesRead,
        Target::Hold if reads => A::AuditRead,
        Target::Hold => A::HoldsRelease,
        Target::Application => A::ApplicationsManage,
        Target::RoleDefinition | Target::RoleAssignment => A::RolesManage,
        Target::Device | Target::Unkept(_) if reads => A::ManagedDevicesRead,
        Target::Device if verb == Verb::Delete => A::ManagedDevicesDelete,
        Target::Device | Target::Unkept(_) => A::ManagedDevicesUpdate,
        Target::Resource(kind) => match kind {
            ResourceKind::User if reads => A::UsersRead,
            ResourceKind::User => A::UsersWrite,
            ResourceKind::DetectedApp if reads => A::ManagedDevicesRead,
            ResourceKind::DetectedApp => A::ManagedDevicesUpdate,
            ResourceKind::DeviceHealthScript
            | ResourceKind::DeviceHealthScriptDeviceState
            | ResourceKind::DeviceManagementScript
            | ResourceKind::DeviceManagementScriptDeviceState
            | ResourceKind::DeviceManagementScriptUserState
            | ResourceKind::DeviceComplianceScript
            | ResourceKind::DeviceComplianceScriptDeviceState
            | ResourceKind::DeviceShellScript
            | ResourceKind::DeviceCustomAttributeShellScript => match reads {
                true => A::ScriptsRead,
                false => A::ScriptsWrite,
            },
        },
    }
}

/// The same for a walk, remote actions included.
pub fn role_action(walk: &Walk, verb: Verb) -> RoleAction {
    match &walk.end {
        End::Action(action) => action.role_action,
        End::Service
        | End::Metadata
        | End::Batch
        | End::Set
        | End::SetCount
        | End::Entity
        | End::Operation(_)
        | End::Function(_)
        | End::SetRef
        | End::EntityRef => role_action_at(walk.target(), verb),
    }
}

/// What a method means at the end of a walk, and what it needs; `None` when it is not for it.
pub fn of(walk: &Walk, method: &str) -> Option<(Verb, &'static [Permission])> {
    let edge = walk.hops.last()?.edge;
    let method = if method == "HEAD" { "GET" } else { method };
    let shape = shape(&walk.end)?;
    let (_, verb) = verbs(shape, edge.access).iter().find(|(name, _)| *name == method)?;
    let permissions = match &walk.end {
        End::Action(action) => std::slice::from_ref(&action.permission),
        End::Operation(operation) => operation.permissions,
        End::Service
        | End::Metadata
        | End::Batch
        | End::Set
        | End::SetCount
        | End::Entity
        | End::Function(_)
        | End::SetRef
        | End::EntityRef => permissions(edge, *verb),
    };
    Some((*verb, permissions))
}

/// The `Allow` header of a walk.
pub fn allow(walk: &Walk) -> String {
    if matches!(walk.end, End::Batch) {
        return "POST, OPTIONS".to_owned();
    }
    let (Some(hop), Some(shape)) = (walk.hops.last(), shape(&walk.end)) else { return "GET, HEAD, OPTIONS".to_owned() };
    let mut methods: Vec<_> = verbs(shape, hop.edge.access).iter().map(|(method, _)| *method).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods.join(", ")
}

fn shape(end: &End) -> Option<EndShape> {
    match end {
        End::Service | End::Metadata | End::Batch => None,
        End::Set => Some(EndShape::Set),
        End::Function(_) => Some(EndShape::Function),
        End::SetCount => Some(EndShape::SetCount),
        End::Entity => Some(EndShape::Entity),
        End::Action(_) => Some(EndShape::Action),
        End::Operation(_) => Some(EndShape::Operation),
        End::SetRef => Some(EndShape::SetRef),
        End::EntityRef => Some(EndShape::EntityRef),
    }
}

/// Whether Graph answers an update of that target without a body.
pub fn updates_silently(target: Target) -> bool {
    matches!(target, Target::Resource(ResourceKind::User) | Target::Application)
}
