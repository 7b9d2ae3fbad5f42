//! The entity model as data. Routes, the path resolver, `$metadata`, OpenAPI and the permission list are
//! read from these tables; behaviour is ordinary code that matches the enums named here, so an edge
//! without code does not compile.
//!
//! Both API versions accept every walk, so that a caller of `/v1.0` needs no second host; what a version
//! *documents* (`beta_only`) decides its `$metadata` and the properties of `managedDevice`.

mod application;
mod around;
mod audit;
mod complex;
mod device_management;
mod documented;
mod enums;
mod hold;
mod known;
mod managed_device;
mod operation;
mod properties;
mod remote_action;
mod role;

use chaveiro_core::actions::ACTIONS;
use chaveiro_core::permission::Permission;
use chaveiro_core::remote_action::RemoteAction;
use chaveiro_core::resource::ResourceKind;

pub use application::{KEY_CREDENTIAL, PASSWORD_CREDENTIAL};
pub use audit::{AUDIT_ACTOR, AUDIT_PROPERTY, AUDIT_RESOURCE};
pub use complex::{ComplexType, DERIVED, HARDWARE_INFORMATION, is_result, result_type};
pub use documented::{DOCUMENTED, Documented};
pub use enums::*;
pub use known::{Bound, known};
pub use operation::{Does, OPERATIONS, Operation, REVOKE_TOKENS};
pub use properties::{DERIVED_ENTITIES, EXTENSIONS};
pub use role::{PRINCIPAL_TYPE, ROLE_PERMISSION};

/// The model.
pub const MODEL: Model = Model { types: properties::TYPES, edges: device_management::EDGES };

/// Longest documented walk plus two hops; the graph has cycles, so something must end them.
pub const MAX_HOPS: usize = 8;

/// Everything the Graph face knows.
#[derive(Debug)]
pub struct Model {
    /// The entity types.
    pub types: &'static [EntityType],
    /// The navigation edges; roots are edges from [`Target::Service`].
    pub edges: &'static [Edge],
}

/// What a walk can stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The service root of a version.
    Service,
    /// The singleton `deviceManagement`.
    DeviceManagement,
    /// A `managedDevice`.
    Device,
    /// A user, app, script or run state.
    Resource(ResourceKind),
    /// An audit event.
    AuditEvent,
    /// A remote action that was asked for.
    RemoteAction,
    /// A hold on recoveries.
    Hold,
    /// An application registered with the local issuer.
    Application,
    /// A role.
    RoleDefinition,
    /// A role for somebody.
    RoleAssignment,
    /// A type of that name, of which this server never holds an entity.
    Unkept(&'static str),
}

/// An entity type and the shape of its JSON.
#[derive(Debug)]
pub struct EntityType {
    /// What it describes.
    pub target: Target,
    /// Name in the namespace `microsoft.graph`.
    pub name: &'static str,
    /// Properties in wire order; the first is `id`.
    pub properties: &'static [Property],
    /// Only in the beta metadata.
    pub beta_only: bool,
    /// Placeholder of its key in templates.
    pub key: &'static str,
}

impl EnumType {
    /// Every member that callers may write. Among remote actions are those that this server offers and Graph does not name.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let of_graph = || self.members.iter().map(|(name, _)| *name).chain(self.unnumbered.iter().copied());
        let offered = ACTIONS.iter().map(|action| action.name).filter(|_| self.name == REMOTE_ACTION.name);
        of_graph().chain(offered.filter(move |name| !of_graph().any(|known| known == *name)))
    }
}

impl EntityType {
    /// Whether it is ours: no Graph metadata knows it, and `$metadata` leaves it out, with every edge to it.
    pub fn is_extension(&self) -> bool {
        self.name.starts_with("chaveiro")
    }

    /// The property of that name, compared without case.
    pub fn property(&self, name: &str) -> Option<&'static Property> {
        self.properties.iter().find(|property| property.name.eq_ignore_ascii_case(name))
    }
}

/// One property of an entity type.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// Name on the wire.
    pub name: &'static str,
    /// Its type.
    pub edm: Edm,
    /// What is served when nothing is known.
    pub default: Default,
    /// Whether `null` is in its value space.
    pub nullable: bool,
    /// Only in beta.
    pub beta_only: bool,
    /// Whether callers may set it.
    pub writable: bool,
    /// Whether a create must give it.
    pub required: bool,
    /// Whether lists give the default and only a single GET the value.
    pub single_only: bool,
    /// Whether it is left out unless `$select` names it.
    pub on_select: bool,
    /// Whether even a single GET gives the default unless `$select` names it.
    pub named_only: bool,
    /// Why callers cannot set it here, although Graph lets them.
    pub not_kept: Option<&'static str>,
}

impl Property {
    /// A nullable property that callers may set; unset it is `null`.
    pub const fn new(name: &'static str, edm: Edm) -> Self {
        Self {
            name,
            edm,
            default: Default::Null,
            nullable: true,
            beta_only: false,
            writable: true,
            required: false,
            single_only: false,
            on_select: false,
            named_only: false,
            not_kept: None,
        }
    }

    /// Whether it is ours: no Graph metadata knows it, and `$metadata` leaves it out.
    pub fn is_extension(&self) -> bool {
        self.name.starts_with("chaveiro_")
    }

    /// Never `null`; unset it is that.
    pub const fn or(mut self, default: Default) -> Self {
        self.default = default;
        self.nullable = matches!(default, Default::Null);
        self
    }

    /// `null` while it is not known, although the type has no member for that.
    pub const fn unknown(mut self) -> Self {
        self.default = Default::Null;
        self.nullable = true;
        self
    }

    /// `null` is in its value space too, although unset it is something else.
    pub const fn or_null(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// Only a single GET whose `$select` names it gives the value.
    pub const fn named_only(mut self) -> Self {
        self.single_only = true;
        self.named_only = true;
        self
    }

    /// Graph lets callers set it; here that is refused, for that reason.
    pub const fn not_kept(mut self, why: &'static str) -> Self {
        self.writable = false;
        self.not_kept = Some(why);
        self
    }

    /// Callers cannot set it.
    pub const fn read_only(mut self) -> Self {
        self.writable = false;
        self
    }

    /// A create must give it.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Only in beta.
    pub const fn beta(mut self) -> Self {
        self.beta_only = true;
        self
    }

    /// Left out unless selected.
    pub const fn on_select(mut self) -> Self {
        self.on_select = true;
        self
    }

    /// Lists give the default.
    pub const fn single_only(mut self) -> Self {
        self.single_only = true;
        self
    }
}

/// EDM types that properties have.
#[derive(Clone, Copy, Debug)]
pub enum Edm {
    /// `Edm.String`.
    String,
    /// `Edm.Boolean`.
    Boolean,
    /// `Edm.Int32`.
    Int32,
    /// `Edm.Int64`, a JSON number.
    Int64,
    /// `Edm.DateTimeOffset`.
    DateTime,
    /// `Edm.Double`.
    Double,
    /// `Edm.Guid`.
    Guid,
    /// `Edm.Duration`, for example `PT1H`.
    Duration,
    /// `Edm.Binary`, base64 text.
    Binary,
    /// An enum, written as its member's name.
    Enum(&'static EnumType),
    /// A complex type.
    Complex(&'static ComplexType),
    /// A collection.
    Collection(&'static Edm),
}

/// An enum type.
#[derive(Debug)]
pub struct EnumType {
    /// Name in the namespace.
    pub name: &'static str,
    /// Members with their values, where a public source gives the value.
    pub members: &'static [(&'static str, i32)],
    /// Members that beta has and whose values no public source gives. They are read and written by name like the
    /// others; `$metadata`, where a member needs a value, leaves them out.
    pub unnumbered: &'static [&'static str],
    /// Only in beta.
    pub beta_only: bool,
}

/// Values of unset properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// `null`.
    Null,
    /// That text.
    Text(&'static str),
    /// `false`.
    False,
    /// `0`.
    Zero,
    /// `[]`.
    Empty,
    /// `["0"]`, the default scope tag.
    DefaultScope,
    /// The time of "never", `0001-01-01T00:00:00Z`.
    Never,
}

/// A navigation edge.
#[derive(Debug)]
pub struct Edge {
    /// Where it starts.
    pub from: Target,
    /// Its name, which is the segment.
    pub name: &'static str,
    /// Where it leads.
    pub to: Target,
    /// A collection, whose entities have keys, or a single entity.
    pub many: bool,
    /// How the store follows it.
    pub follow: Follow,
    /// Only in beta.
    pub beta_only: bool,
    /// Whether the entities live inside the parent.
    pub contained: bool,
    /// What may be done at its end.
    pub access: Access,
    /// Any one of these reads through it.
    pub read: &'static [Permission],
    /// Any one of these writes through it.
    pub write: &'static [Permission],
}

/// How an edge is followed; matched without a wildcard in [`crate::follow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// A singleton of the service.
    Singleton,
    /// All devices of the tenant.
    Devices,
    /// Those also managed by another agent.
    ComanagedDevices,
    /// All entities of that kind.
    Resources(ResourceKind),
    /// The run states, of that kind, of a script.
    RunStates(ResourceKind),
    /// The device of a run state.
    DeviceOfRunState,
    /// Users or apps, by kind, linked to a device.
    LinkedToDevice(ResourceKind),
    /// The devices of a user.
    DevicesOfUser,
    /// The devices with an app.
    DevicesWithApp,
    /// The signed-in user. The handlers put the user of the token in its place before anything is followed.
    Me,
    /// The run states, of that kind, about a device.
    RunStatesOfDevice(ResourceKind),
    /// The audit events of the tenant.
    AuditEvents,
    /// The remote actions on devices of the tenant.
    RemoteActions,
    /// The holds of the tenant.
    Holds,
    /// The applications of the tenant.
    Applications,
    /// The roles, the same in every tenant.
    RoleDefinitions,
    /// The role assignments of the tenant.
    RoleAssignments,
    /// Those of a role.
    AssignmentsOfRole,
    /// The role of one.
    RoleOfAssignment,
    /// Nothing, ever: an empty collection, or an absent entity.
    Nothing,
}

/// What may be done at the end of an edge, beside reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    ReadOnly,
    /// Create, change, delete.
    Owned,
    /// Change some properties; delete means retire. Devices are made by enrolling.
    Device,
    /// Add and remove links with `$ref`.
    Linked,
}

/// A remote action as the model sees it: bound to devices.
pub type Action = &'static RemoteAction;

impl Model {
    /// The type that describes a target.
    pub fn entity_type(&self, target: Target) -> Option<&'static EntityType> {
        self.types.iter().find(|entity| entity.target == target)
    }

    /// Edges that start there, in table order.
    pub fn edges_from(&self, from: Target) -> impl Iterator<Item = &'static Edge> {
        self.edges.iter().filter(move |edge| edge.from == from)
    }

    /// The edge of that name, compared without case.
    pub fn edge(&self, from: Target, name: &str) -> Option<&'static Edge> {
        self.edges_from(from).find(|edge| edge.name.eq_ignore_ascii_case(name))
    }

    /// The operation of that name that is bound to that target, compared without case.
    pub fn operation(&self, target: Target, name: &str) -> Option<&'static Operation> {
        OPERATIONS.iter().find(|operation| operation.on == target && operation.name.eq_ignore_ascii_case(name))
    }

    /// The `me` edge leads to a user; this is the edge that the same user hangs on.
    pub fn users(&self) -> Option<&'static Edge> {
        self.edge(Target::Service, "users")
    }

    /// The action of that name that is bound to that target. All remote actions are bound to devices.
    pub fn action(&self, target: Target, name: &str) -> Option<Action> {
        (target == Target::Device)
            .then(|| ACTIONS.iter().copied().find(|action| action.name.eq_ignore_ascii_case(name)))
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edge_ends_in_a_type_and_every_type_starts_with_its_id() {
        for edge in MODEL.edges {
            assert!(MODEL.entity_type(edge.to).is_some(), "{}", edge.name);
        }
        for entity in MODEL.types {
            assert_eq!(entity.properties[0].name, "id", "{}", entity.name);
        }
    }

    #[test]
    fn no_type_has_two_properties_and_no_target_two_edges_of_one_name() {
        for entity in MODEL.types {
            for (index, property) in entity.properties.iter().enumerate() {
                assert!(
                    entity.properties[..index].iter().all(|other| !other.name.eq_ignore_ascii_case(property.name)),
                    "{}.{}",
                    entity.name,
                    property.name
                );
            }
        }
        for (index, edge) in MODEL.edges.iter().enumerate() {
            assert!(MODEL.edges[..index].iter().all(|other| other.from != edge.from || other.name != edge.name));
        }
    }

    #[test]
    fn a_managed_device_has_the_84_documented_properties_in_beta_and_56_in_v1() {
        let device = MODEL.entity_type(Target::Device).expect("in the model");
        assert_eq!(device.properties.iter().filter(|property| !property.is_extension()).count(), 84);
        assert_eq!(device.properties.iter().filter(|property| !property.beta_only).count(), 56);
    }

    #[test]
    fn every_default_of_an_enum_is_a_member() {
        for property in MODEL.types.iter().flat_map(|entity| entity.properties) {
            if let (Edm::Enum(of), Default::Text(text)) = (property.edm, property.default) {
                assert!(of.names().any(|name| name == text), "{}: {text}", property.name);
            }
        }
    }
}
