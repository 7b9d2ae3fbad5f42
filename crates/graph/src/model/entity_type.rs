//! Types of entities, as data.

use std::fmt;

use chaveiro_core::Refusal;
use chaveiro_core::actions::ACTIONS;
use chaveiro_core::permission::Permission;
use chaveiro_core::refusal::ResourceRefusal;
use chaveiro_core::role::RoleAction;
use serde_json::Value;

use super::{Action, Edge, Function, Operation, Property};

/// A type of entity: everything about it that is data. Two are the same if they are one static.
pub struct EntityType {
    /// The name in the namespace `microsoft.graph`.
    pub name: &'static str,
    /// The description, for the documents: what an entity is, and what callers have to know of it.
    pub about: &'static str,
    /// Properties in wire order; the first is `id`.
    pub properties: &'static [Property],
    /// Only in the beta metadata.
    pub beta_only: bool,
    /// The placeholder of its key in templates.
    pub key: &'static str,
    /// The form of its key.
    pub key_form: KeyForm,
    /// A property that the path may name together with its value, as in `applications(appId='...')`.
    pub key_name: Option<&'static str>,
    /// The service of Microsoft whose habits it has.
    pub service: Service,
    /// The answer where such an entity is absent, foreign or out of sight.
    pub absent: Absent,
    /// The rights that a role must give.
    pub role: RoleActions,
    /// The right by whose scope such entities are visible; `None` where devices decide.
    pub sight: Option<RoleAction>,
    /// Any one of these reads a single entity; `None` where the edge says it.
    pub read_alone: Option<&'static [Permission]>,
    /// True if entities have tags (`ETag`): those that callers can change or end.
    pub has_tag: bool,
    /// The properties by which lists of it are filtered.
    pub filters: Filters,
    /// True if remote actions are bound to it.
    pub acts: bool,
    /// Edges: those that lead to it from the roots, and those that start at it.
    pub edges: &'static [Edge],
    /// Operations that are bound to it.
    pub operations: &'static [Operation],
    /// Functions that are bound to collections of it.
    pub functions: &'static [Function],
    /// Types of Graph that derive from it and add nothing, and whether only beta has them. `$metadata` declares them, and a
    /// body may say that it is one; the server serves the type they derive from.
    pub derived: &'static [(&'static str, bool)],
    /// Segments that Graph has on an entity and this server lacks, so that an error can say "not offered".
    pub not_offered: &'static [&'static str],
    /// Returns the operation on collections that Graph has under that name, and this server does not offer.
    pub not_offered_on_all: &'static [&'static str],
    /// Bodies that the properties alone do not describe.
    pub schemas: Schemas,
}

/// The form of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// Entities have no key.
    None,
    /// Any text.
    Text,
    /// A GUID. Intune answers another key in general words, which name the entity so.
    Guid(&'static str),
    /// A GUID. Intune answers another key with the name of the type.
    TypedGuid,
    /// A GUID. The directory answers another key.
    ObjectId,
}

/// The service of Microsoft that has a type, and answers in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Intune, which manages devices.
    Intune,
    /// The directory: changes are answered without a body, errors as plain text.
    Directory,
}

/// The answer for an entity that is absent.
#[derive(Clone, Copy, Debug)]
pub enum Absent {
    /// The general refusal, which calls the absent entity by this name.
    Called(&'static str),
    /// A refusal that this type has for itself.
    As(fn() -> Refusal),
}

/// The rights that a role must give. Remote actions and links have their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleActions {
    /// To read.
    pub read: RoleAction,
    /// To create, change or operate.
    pub change: RoleAction,
    /// To delete.
    pub delete: RoleAction,
}

impl RoleActions {
    /// One right to read, another for everything else.
    pub const fn new(read: RoleAction, change: RoleAction) -> Self {
        Self { read, change, delete: change }
    }

    /// One right for everything.
    pub const fn all(action: RoleAction) -> Self {
        Self::new(action, action)
    }
}

/// The properties by which lists are filtered, as documents say it.
#[derive(Clone, Copy, Debug)]
pub enum Filters {
    /// Nothing: there is never an item.
    Nothing,
    /// The properties of the type.
    Properties,
    /// Some properties: one of them that is text, and the names of all.
    Named(&'static str, fn() -> Vec<&'static str>),
}

/// The schemas of bodies, where the properties alone do not describe them.
#[derive(Clone, Copy, Debug)]
pub struct Schemas {
    /// The body of a create.
    pub create: Option<fn(&'static EntityType) -> Value>,
    /// The body of a change.
    pub update: Option<fn(&'static EntityType) -> Value>,
}

impl EntityType {
    /// A type as most are: of Intune, in both versions, read-only, keyed by GUID, filtered by its properties.
    pub const fn new(name: &'static str, properties: &'static [Property], key: &'static str) -> Self {
        Self {
            name,
            about: "",
            properties,
            beta_only: false,
            key,
            key_form: KeyForm::TypedGuid,
            key_name: None,
            service: Service::Intune,
            absent: Absent::Called(name),
            role: RoleActions::new(RoleAction::ManagedDevicesRead, RoleAction::ManagedDevicesUpdate),
            sight: None,
            read_alone: None,
            has_tag: false,
            filters: Filters::Properties,
            acts: false,
            edges: &[],
            operations: &[],
            functions: &[],
            derived: &[],
            not_offered: &[],
            not_offered_on_all: &[],
            schemas: Schemas { create: None, update: None },
        }
    }

    /// Returns true if it is an extension: no Graph metadata knows it, and `$metadata` leaves it out, with every edge to it.
    pub fn is_extension(&self) -> bool {
        self.name.starts_with("chaveiro")
    }

    /// The property of that name, compared without case.
    pub fn property(&self, name: &str) -> Option<&'static Property> {
        self.properties.iter().find(|property| property.name.eq_ignore_ascii_case(name))
    }

    /// The operation of that name that is bound to it, compared without case.
    pub fn operation(&self, name: &str) -> Option<&'static Operation> {
        self.operations.iter().find(|operation| operation.name.eq_ignore_ascii_case(name))
    }

    /// The remote action of that name that is bound to it, compared without case.
    pub fn action(&self, name: &str) -> Option<Action> {
        self.acts.then(|| ACTIONS.iter().copied().find(|action| action.name.eq_ignore_ascii_case(name))).flatten()
    }

    /// The segment of that name that Graph has on an entity and this server lacks, spelt as Graph does. Names are without
    /// namespace and parameters, and compared without case.
    pub fn lacks(&self, name: &str) -> Option<&'static str> {
        let known = self.not_offered.iter().copied().find(|known| known.eq_ignore_ascii_case(name));
        known.filter(|known| self.action(known).is_none())
    }

    /// The same on collections.
    pub fn lacks_on_all(&self, name: &str) -> Option<&'static str> {
        self.not_offered_on_all.iter().copied().find(|known| known.eq_ignore_ascii_case(name))
    }

    /// The answer for an entity of that type that is absent, foreign or out of sight.
    pub fn missing(&self) -> Refusal {
        match self.absent {
            Absent::Called(name) => ResourceRefusal::NotFound(name).into(),
            Absent::As(refusal) => refusal(),
        }
    }
}

impl PartialEq for EntityType {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for EntityType {}

impl fmt::Debug for EntityType {
    /// The name alone: edges lead from types to types, and round again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
