//! Control information: what JSON says of an entity beside its properties, as far as the format asks for it.
//!
//! References: OData JSON Format 4.01, 3.1, 3.2 and 4.6.

use serde_json::{Map, Value};

use super::outline::{Object, Outline, Values};
use super::typed::{TYPE, announced, structure, typed};
use crate::entity_tag;
use crate::model::{ComplexType, Edm, Model, SERVICE};
use crate::negotiation::{Format, Metadata};
use crate::resolve::Version;

const CONTEXT: &str = "@odata.context";
/// An entity that is written at its place.
pub(crate) struct Placed<'a> {
    pub(crate) outline: &'a Outline<'a>,
    pub(crate) values: &'a dyn Values,
    /// The tag, if it is shown.
    pub(crate) tag: Option<&'a str>,
    /// Returns the path, keys in parentheses; only full metadata has it.
    pub(crate) path: &'a dyn Fn() -> String,
    /// True if it can be changed there.
    pub(crate) changes: bool,
}

/// The control information of one request.
#[derive(Clone, Copy)]
pub(crate) struct Control<'a> {
    pub(crate) format: Format,
    pub(crate) model: &'static Model,
    pub(crate) version: Version,
    /// `scheme://host:port` of the server.
    pub(crate) base_url: &'a str,
}

impl Control<'_> {
    /// The members with which an answer begins: the address of its description.
    pub(crate) fn begin(&self, context: String) -> Map<String, Value> {
        match self.format.metadata {
            Metadata::None => Map::new(),
            Metadata::Minimal | Metadata::Full => Map::from_iter([(CONTEXT.to_owned(), context.into())]),
        }
    }

    /// A number of items.
    pub(crate) fn count(&self, number: u64) -> Value {
        typed(self.format, Edm::Int64, number.into())
    }

    /// Writes the members of an entity: its tag, its properties, and with full metadata where it stands and leads.
    pub(crate) fn entity(&self, object: &mut Object<'_>, entity: &Placed<'_>) {
        let of = entity.outline.of;
        let address = (self.format.metadata == Metadata::Full && of != &SERVICE)
            .then(|| format!("{}/{}/{}", self.base_url, self.version.segment(), (entity.path)()));
        if let Some(address) = &address {
            object.annotation("", TYPE, &format!("#microsoft.graph.{}", of.name));
            object.annotation("", "@odata.id", address);
            object.annotation("", if entity.changes { "@odata.editLink" } else { "@odata.readLink" }, address);
        }
        if let Some(tag) = entity.tag.filter(|_| self.format.metadata != Metadata::None) {
            object.annotation("", entity_tag::ANNOTATION, tag);
        }
        entity.outline.write(self.format, entity.values, object);
        let Some(address) = &address else { return };
        for edge in self.model.edges_from(of).filter(|edge| self.version == Version::Beta || !edge.beta_only) {
            object.annotation(edge.name, "@odata.navigationLink", &format!("{address}/{}", edge.name));
        }
    }

    /// The members of a structure.
    pub(crate) fn structure(&self, of: &'static ComplexType, object: Map<String, Value>) -> Map<String, Value> {
        structure(self.format, of, object)
    }

    /// A value of that type as the `value` of an answer that has begun.
    pub(crate) fn individual(&self, mut begun: Map<String, Value>, edm: Edm, value: Value) -> Map<String, Value> {
        match (edm, value) {
            (Edm::Complex(of), Value::Object(object)) => begun.extend(self.structure(of, object)),
            (edm, value) => begun.extend(members_of_value(self.format, edm, value)),
        }
        begun
    }
}

fn members_of_value(format: Format, edm: Edm, given: Value) -> Map<String, Value> {
    let name = announced(format, edm, &given).map(|name| (TYPE.to_owned(), Value::from(name)));
    name.into_iter().chain([("value".to_owned(), typed(format, edm, given))]).collect()
}
