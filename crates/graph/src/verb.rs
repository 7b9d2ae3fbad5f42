//! The meaning of each HTTP method at each end of a walk, and the permission that it needs. The handlers, the route list and
//! OpenAPI use this one table.

use chaveiro_core::permission::Permission;
use chaveiro_core::role::RoleAction;

use crate::model::{Access, Edge, EntityType, Service};
use crate::negotiation::Offer;
use crate::query::{OF_ANSWER, OF_COUNT, OF_ENTITY, OF_LIST};
use crate::resolve::{End, Walk};

/// The meaning of a request: what is done at the end of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// One entity.
    Read,
    /// A page of a collection.
    List,
    /// The number of entities in a collection.
    Count,
    /// A new entity in a collection.
    Create,
    /// Some properties of an entity.
    Update,
    /// An entity is removed; a device is retired.
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
    /// A property of an entity.
    Property,
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
        (EndShape::Set, Access::ReadOnly | Access::Device | Access::Linked | Access::Sole) => &[LIST],
        (EndShape::Entity, Access::Owned | Access::Device) => {
            &[READ, ("PATCH", Verb::Update), ("DELETE", Verb::Delete)]
        }
        (EndShape::Entity, Access::ReadOnly | Access::Linked | Access::Sole) | (EndShape::Property, _) => &[READ],
        (EndShape::Function, _) => &[LIST],
        (EndShape::SetCount, _) => &[("GET", Verb::Count)],
        (EndShape::Action, _) => &[("POST", Verb::Act)],
        (EndShape::Operation, _) => &[("POST", Verb::Operate)],
        (EndShape::SetRef, Access::Linked) => &[("POST", Verb::Link)],
        (EndShape::SetRef, Access::Sole) => &[("POST", Verb::Link), ("DELETE", Verb::Unlink)],
        (EndShape::EntityRef, Access::Linked | Access::Sole) => &[("DELETE", Verb::Unlink)],
        (EndShape::SetRef | EndShape::EntityRef, Access::ReadOnly | Access::Owned | Access::Device) => &[],
    }
}

/// Any one of these permissions allows it. Actions and operations have their own, in their declaration.
pub fn permissions(edge: &'static Edge, verb: Verb) -> &'static [Permission] {
    match verb {
        Verb::Read => edge.to.read_alone.unwrap_or(edge.read),
        Verb::List | Verb::Count => edge.read,
        Verb::Create | Verb::Update | Verb::Delete | Verb::Act | Verb::Operate | Verb::Link | Verb::Unlink => {
            edge.write
        }
    }
}

/// The right that a role must give for that verb at an entity of that type. Remote actions have their own, in their
/// declaration. A verb that is missing here does not compile.
pub fn role_action_at(entity: &EntityType, verb: Verb) -> RoleAction {
    match verb {
        Verb::Read | Verb::List | Verb::Count => entity.role.read,
        Verb::Create | Verb::Update | Verb::Act | Verb::Operate => entity.role.change,
        Verb::Delete => entity.role.delete,
        // A link is a fact about a device, from whichever end it is made.
        Verb::Link | Verb::Unlink => RoleAction::ManagedDevicesUpdate,
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
        | End::Property(_)
        | End::Operation(_)
        | End::Function(_)
        | End::SetRef
        | End::EntityRef => role_action_at(walk.target(), verb),
    }
}

/// The verb that a method means at the end of a walk, and the permissions that it needs; `None` when it means nothing there.
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
        | End::Property(_)
        | End::Function(_)
        | End::SetRef
        | End::EntityRef => permissions(edge, *verb),
    };
    Some((*verb, permissions))
}

/// The query options that a verb takes at the end of a walk.
pub fn options(walk: &Walk, verb: Verb) -> &'static [&'static str] {
    match (verb, &walk.end) {
        (Verb::Read, End::Property(_)) | (Verb::List, End::Function(_)) => OF_ANSWER,
        (Verb::Read, _) => OF_ENTITY,
        (Verb::List, _) => OF_LIST,
        (Verb::Count, _) => OF_COUNT,
        (Verb::Create | Verb::Update | Verb::Delete | Verb::Act | Verb::Operate | Verb::Link | Verb::Unlink, _) => &[],
    }
}

/// The kind of answer of a verb at the end of a walk; `None` where it has no body, or one format alone.
pub fn offer(walk: &Walk, verb: Verb) -> Option<Offer> {
    match (verb, &walk.end) {
        (Verb::Read, End::Property(path)) if path.raw => {
            Some(if path.is_binary() { Offer::Binary } else { Offer::Text })
        }
        (Verb::Read | Verb::List | Verb::Create, _) => Some(Offer::Json),
        (Verb::Update, _) => (!updates_silently(walk.target())).then_some(Offer::Json),
        (Verb::Operate, End::Operation(operation)) => operation.answers.map(|_| Offer::Json),
        // The format of a count is not negotiated: OData 4.01 URL Conventions, 4.8.
        (Verb::Count | Verb::Delete | Verb::Act | Verb::Operate | Verb::Link | Verb::Unlink, _) => None,
    }
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
        End::Property(_) => Some(EndShape::Property),
        End::Action(_) => Some(EndShape::Action),
        End::Operation(_) => Some(EndShape::Operation),
        End::SetRef => Some(EndShape::SetRef),
        End::EntityRef => Some(EndShape::EntityRef),
    }
}

/// Returns true if Graph answers an update of an entity of that type without a body.
pub fn updates_silently(entity: &EntityType) -> bool {
    entity.service == Service::Directory
}
