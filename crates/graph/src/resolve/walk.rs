//! A path that the model knows, and its spellings.

use std::fmt::Write as _;

use chaveiro_core::id::DeviceId;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use strum::VariantArray;
use uuid::Uuid;

use crate::model::{
    Action, ComplexType, Edge, Edm, EntityType, Function, KeyForm, Model, Operation, Property, SERVICE, Service,
};

/// The edge to the signed-in user. The walk then goes by [`USERS`].
pub(super) const ME: &str = "me";
/// The edge to all users.
const USERS: &str = "users";

/// The two API versions; they differ in what they document, not in what they accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, VariantArray)]
pub enum Version {
    /// `/beta`.
    Beta,
    /// `/v1.0`.
    V1,
}

impl Version {
    /// Both.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The first segment of its paths.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Beta => "beta",
            Self::V1 => "v1.0",
        }
    }

    /// Returns true if it serves a property. Types that only beta documents are whole in both versions.
    pub fn serves(self, property: &Property, of: &EntityType) -> bool {
        self == Self::Beta || of.beta_only || !property.beta_only
    }

    /// The same for a member of a structure.
    pub fn serves_member(self, member: &Property, of: &ComplexType) -> bool {
        self == Self::Beta || of.beta_only || !member.beta_only
    }

    pub(super) fn parse(segment: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|version| version.segment().eq_ignore_ascii_case(segment))
    }
}

/// A key as the path gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Decoded text.
    pub text: String,
    /// The same as a GUID, if it is one.
    pub id: Option<Uuid>,
}

impl Key {
    pub(super) fn new(text: String) -> Self {
        let id = Uuid::try_parse(&text).ok();
        Self { text, id }
    }

    /// One spelling for all: GUIDs lower-case and hyphenated, the rest as given.
    pub fn canonical(&self) -> String {
        self.id.map_or_else(|| self.text.clone(), |id| id.to_string())
    }
}

/// One edge of a walk, and the entity chosen at its end.
#[derive(Clone, Debug)]
pub struct Hop {
    /// The edge.
    pub edge: &'static Edge,
    /// The key; `None` on single edges, and on a collection that the walk ends on.
    pub key: Option<Key>,
}

impl Hop {
    /// The device that it leads to, if the walk has its key.
    pub fn device(&self) -> Option<DeviceId> {
        self.key.as_ref().filter(|_| self.edge.to.acts)?.id.map(DeviceId)
    }
}

/// A function of a collection with the value of its parameter.
#[derive(Clone, Debug)]
pub struct Called {
    /// The function.
    pub function: &'static Function,
    /// The value; empty without a parameter.
    pub value: String,
}

impl std::fmt::Display for Called {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.function.parameter {
            None => write!(f, "{}()", self.function.name),
            Some(parameter) => {
                write!(f, "{}({}='{}')", self.function.name, parameter.name, self.value.replace('\'', "''"))
            }
        }
    }
}

/// A property of the entity at the end of a walk, or a member of one that is a structure.
#[derive(Clone, Debug)]
pub struct PropertyPath {
    /// The property.
    pub property: &'static Property,
    /// The members, each of the structure before it.
    pub members: Vec<&'static Property>,
    /// True for `/$value`: the value alone, as text.
    pub raw: bool,
}

impl PropertyPath {
    /// The property or member that is asked for.
    pub fn last(&self) -> &'static Property {
        self.members.last().copied().unwrap_or(self.property)
    }

    /// Returns true if the answer is bytes, and not text.
    pub fn is_binary(&self) -> bool {
        matches!(self.last().edm, Edm::Binary)
    }
}

impl std::fmt::Display for PropertyPath {
    /// The names, without `$value`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.property.name)?;
        self.members.iter().try_for_each(|member| write!(f, "/{}", member.name))
    }
}

/// A key that no entity of its type can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedKey {
    /// The type.
    pub of: &'static EntityType,
    /// The key as it was given.
    pub text: String,
}

/// The end of a walk.
#[derive(Clone, Debug)]
pub enum End {
    /// The service document.
    Service,
    /// `$metadata`.
    Metadata,
    /// `$batch`.
    Batch,
    /// A collection.
    Set,
    /// An entity.
    Entity,
    /// A property of the entity.
    Property(PropertyPath),
    /// An action of the entity.
    Action(Action),
    /// An operation on the entity.
    Operation(&'static Operation),
    /// A function of a collection.
    Function(Called),
    /// `$count` of a collection.
    SetCount,
    /// `$ref` of a collection: links are added here.
    SetRef,
    /// `$ref` of an entity in a collection: that link.
    EntityRef,
}

/// A path that the model knows; nothing is looked up yet.
#[derive(Clone, Debug)]
pub struct Walk {
    /// The model that it goes through.
    pub model: &'static Model,
    /// The version.
    pub version: Version,
    /// The hops.
    pub hops: Vec<Hop>,
    /// The use of the last hop.
    pub end: End,
}

/// The characters that a path segment encodes. Those of UUIDs and user principal names stay.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'(')
    .add(b')')
    .add(b'\'')
    .add(b'$')
    .add(b'&')
    .add(b'+')
    .add(b'=');

/// Percent-encodes one path segment or query value.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

impl Walk {
    /// Returns true if it begins at the signed-in user.
    pub fn is_about_me(&self) -> bool {
        self.hops.first().is_some_and(|hop| hop.edge.from == &SERVICE && hop.edge.name == ME)
    }

    /// Checks its keys without looking anything up.
    pub fn check_keys(&self) -> Result<(), MalformedKey> {
        for hop in &self.hops {
            if let Some(key) = &hop.key
                && key.id.is_none()
                && hop.edge.to.key_form != KeyForm::Text
            {
                return Err(MalformedKey { of: hop.edge.to, text: key.text.clone() });
            }
        }
        Ok(())
    }

    /// The same walk from that user: `me` becomes `users/{id}`. The id is an object id or a principal name; with both,
    /// whichever is found counts.
    pub fn as_user(&self, object_id: Option<&str>, principal_name: Option<&str>) -> Option<Self> {
        let edge = self.model.edge(&SERVICE, USERS)?;
        let text = principal_name.or(object_id)?.to_owned();
        let id = object_id.and_then(|id| Uuid::try_parse(id).ok());
        let mut walk = self.clone();
        *walk.hops.first_mut()? = Hop { edge, key: Some(Key { text, id }) };
        Some(walk)
    }

    /// The service that answers: the directory until a hop leads to Intune.
    pub fn service(&self) -> Service {
        match self.hops.iter().all(|hop| hop.edge.to.service == Service::Directory) {
            true => Service::Directory,
            false => Service::Intune,
        }
    }

    /// The type of the entity or the collection at its end.
    pub fn target(&self) -> &'static EntityType {
        self.hops.last().map_or(&SERVICE, |hop| hop.edge.to)
    }

    /// The one spelling of this walk: model's names, `/{id}` keys, no version, percent-encoded. Keys that could be
    /// taken for something else as a segment stand in parentheses.
    pub fn canonical(&self) -> String {
        let mut path = String::new();
        for hop in &self.hops {
            path.push('/');
            path.push_str(hop.edge.name);
            if let Some(key) = &hop.key {
                let any_text =
                    hop.edge.to.key_form == KeyForm::Text && !key.text.is_empty() && !key.text.starts_with('$');
                let text = key.canonical();
                // Writing into a string does not fail.
                let _ = match key.id.is_some() || any_text {
                    true => write!(path, "/{}", encode(&text)),
                    false => write!(path, "('{}')", encode(&text.replace('\'', "''"))),
                };
            }
        }
        match &self.end {
            End::Service | End::Set | End::Entity => {}
            End::Metadata => path.push_str("/$metadata"),
            End::Batch => path.push_str("/$batch"),
            End::Property(property) => {
                let value = if property.raw { "/$value" } else { "" };
                let _ = write!(path, "/{property}{value}");
            }
            End::Action(action) => {
                path.push('/');
                path.push_str(action.name);
            }
            End::Operation(operation) => {
                path.push('/');
                path.push_str(operation.name);
            }
            End::Function(called) => {
                let _ = write!(path, "/{}", encode(&called.to_string()));
            }
            End::SetCount => path.push_str("/$count"),
            End::SetRef | End::EntityRef => path.push_str("/$ref"),
        }
        path
    }

    /// The path as OData contexts and Intune's error texts write it: keys in parentheses, no leading slash,
    /// the action under `namespace`.
    pub fn parenthesised(&self, namespace: &str) -> String {
        let mut path = String::new();
        for hop in &self.hops {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(hop.edge.name);
            if let Some(key) = &hop.key {
                let _ = write!(path, "('{}')", key.canonical().replace('\'', "''"));
            }
        }
        match &self.end {
            End::Service | End::Metadata | End::Batch | End::Set | End::Entity => {}
            End::Property(property) => {
                let _ = write!(path, "/{property}");
            }
            End::Action(action) => {
                let _ = write!(path, "/{namespace}{}", action.name);
            }
            End::Operation(operation) => {
                let _ = write!(path, "/{namespace}{}", operation.name);
            }
            End::Function(called) => {
                let _ = write!(path, "/{called}");
            }
            End::SetCount => path.push_str("/$count"),
            End::SetRef | End::EntityRef => path.push_str("/$ref"),
        }
        path
    }

    /// The path with `{id}` for each key: what the record says of a refused request.
    pub fn template(&self) -> String {
        let mut path = String::new();
        for hop in &self.hops {
            path.push('/');
            path.push_str(hop.edge.name);
            path.push_str(if hop.key.is_some() { "/{id}" } else { "" });
        }
        let end = match &self.end {
            End::Service | End::Set | End::Entity => "",
            End::Metadata => "/$metadata",
            End::Batch => "/$batch",
            End::Property(property) => &format!("/{property}{}", if property.raw { "/$value" } else { "" }),
            End::Action(action) => &format!("/{}", action.name),
            End::Operation(operation) => &format!("/{}", operation.name),
            End::Function(called) => &format!("/{}", called.function.name),
            End::SetCount => "/$count",
            End::SetRef | End::EntityRef => "/$ref",
        };
        path + end
    }

    /// The path in the words of OData's route templates, `~/singleton/navigation/key/action`.
    pub fn route_template(&self) -> String {
        let mut path = String::from("~");
        for hop in &self.hops {
            path.push_str(match (hop.edge.from == &SERVICE, hop.edge.many) {
                (true, true) => "/entityset",
                (true, false) => "/singleton",
                (false, _) => "/navigation",
            });
            if hop.key.is_some() {
                path.push_str("/key");
            }
        }
        path.push_str(match &self.end {
            End::Service | End::Set | End::Entity => "",
            End::Metadata => "/$metadata",
            End::Batch => "/$batch",
            End::Property(_) => "/property",
            End::Action(_) | End::Operation(_) => "/action",
            End::Function(_) => "/function",
            End::SetCount => "/$count",
            End::SetRef | End::EntityRef => "/$ref",
        });
        path
    }
}
