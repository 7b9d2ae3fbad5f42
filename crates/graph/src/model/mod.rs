//! The entity model as data: what a type of entity, a property, an edge and an operation are. The types themselves stand in
//! [`crate::kinds`], each beside its code. Routes, the path resolver, `$metadata`, OpenAPI and the permission list are read
//! from these tables.
//!
//! Both API versions accept every walk, so that a caller of `/v1.0` needs no second host. The documents of a version
//! (`beta_only`) decide its `$metadata` and the properties of `managedDevice`.

mod complex;
mod documented;
mod edge;
mod entity_type;
mod enums;
pub(crate) mod lacking;
mod operation;
pub(crate) mod properties;

use chaveiro_core::actions::ACTIONS;
use chaveiro_core::remote_action::RemoteAction;

pub use complex::*;
pub use documented::{DOCUMENTED, Documented};
pub use edge::{Access, Edge};
pub use entity_type::{Absent, EntityType, Filters, KeyForm, RoleActions, Schemas, Service};
pub use enums::*;
pub use operation::{Function, Narrowed, Operation, Parameter};
pub use properties::EXTENSIONS;

/// The longest documented walk has six hops; two more are allowed. The graph has cycles, so something must end them.
pub const MAX_HOPS: usize = 8;

/// The service root of a version, where every walk begins. It is no entity: nothing is served of it.
pub static SERVICE: EntityType = EntityType {
    service: Service::Directory,
    key_form: KeyForm::None,
    not_offered: lacking::AT_THE_ROOT,
    ..EntityType::new("service", &[], "")
};

/// Everything the Graph face knows.
#[derive(Debug)]
pub struct Model {
    /// The entity types, each with the edges that it declares.
    pub types: &'static [&'static EntityType],
}

/// A remote action as the model sees it: bound to devices.
pub type Action = &'static RemoteAction;

impl Model {
    /// The entity type of that name.
    pub fn named(&self, name: &str) -> Option<&'static EntityType> {
        self.types.iter().copied().find(|entity| entity.name == name)
    }

    /// Every edge, in the order of the types that declare them.
    pub fn edges(&self) -> impl Iterator<Item = &'static Edge> {
        self.types.iter().flat_map(|entity| entity.edges)
    }

    /// The edges that start there, in that order.
    pub fn edges_from(&self, from: &'static EntityType) -> impl Iterator<Item = &'static Edge> {
        self.edges().filter(move |edge| edge.from == from)
    }

    /// The edge of that name, compared without case.
    pub fn edge(&self, from: &'static EntityType, name: &str) -> Option<&'static Edge> {
        self.edges_from(from).find(|edge| edge.name.eq_ignore_ascii_case(name))
    }
}

impl EnumType {
    /// Every member that callers may write. Among remote actions are those that this server offers and Graph does not name.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let of_graph = || self.members.iter().map(|(name, _)| *name).chain(self.unnumbered.iter().copied());
        let offered = ACTIONS.iter().map(|action| action.name).filter(|_| self.name == REMOTE_ACTION.name);
        of_graph().chain(offered.filter(move |name| !of_graph().any(|known| known == *name)))
    }
}

/// One property of an entity type.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// Name on the wire.
    pub name: &'static str,
    /// The type.
    pub edm: Edm,
    /// The value that is served when none is known.
    pub default: Default,
    /// True if `null` is in its value space.
    pub nullable: bool,
    /// Only in beta.
    pub beta_only: bool,
    /// True if callers may set it.
    pub writable: bool,
    /// True if a create must give it.
    pub required: bool,
    /// True if lists give the default and only a single GET the value.
    pub single_only: bool,
    /// True if it is left out unless `$select` names it.
    pub on_select: bool,
    /// True if even a single GET gives the default unless `$select` names it.
    pub named_only: bool,
    /// True if no entity has a value of its own: the default is served, unless the request knows better.
    pub same: bool,
    /// The reason why callers cannot set it here, although Graph lets them.
    pub not_kept: Option<&'static str>,
    /// The advice to a caller who sets it nevertheless.
    pub instead: &'static str,
    /// The description, for the documents; empty if the name says all.
    pub about: &'static str,
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
            same: false,
            not_kept: None,
            instead: "Leave it out.",
            about: "",
        }
    }

    /// Returns true if it is an extension: no Graph metadata knows it, and `$metadata` leaves it out.
    pub fn is_extension(&self) -> bool {
        self.name.starts_with("chaveiro_")
    }

    /// Never `null`: that is served while it is unset.
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

    /// The documents describe it so.
    pub const fn about(mut self, text: &'static str) -> Self {
        self.about = text;
        self
    }

    /// A caller who sets it is told another way.
    pub const fn instead(mut self, advice: &'static str) -> Self {
        self.instead = advice;
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
