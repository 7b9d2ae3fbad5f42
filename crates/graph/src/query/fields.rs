//! The properties by which lists are filtered and ordered, and the sources of their values. They are all properties except
//! collections, structures and binary content. What has one value for all is decided, and exact, instead of refused.

use chaveiro_core::query::{Value, moment};

use super::detail::{Detail, detail};
use super::error::QueryError;
use super::scan::Scan;
use crate::model::{ComplexType, Default, Edm, EntityType, Property};
use crate::resolve::Version;

/// The source of the value of a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source<F> {
    /// It differs from item to item.
    Field(F),
    /// Every item has this.
    Constant(Value),
}

/// The fields of a list, in the file of its kind. The store has the columns of the fields.
pub trait Fields: Clone + 'static {
    /// The fields that `$search` looks into; empty where it is not supported.
    const SEARCHED: &'static [Self];

    /// The source of the value of that property; `None` when it cannot be asked for.
    fn source(property: &Property) -> Option<Source<Self>>;

    /// The same for a member of a structure.
    fn member_source(_structure: &Property, _member: &Property) -> Option<Source<Self>> {
        None
    }
}

/// The value that is served when none is known; `None` for a property that is no scalar.
pub fn constant(property: &Property) -> Option<Value> {
    if matches!(property.edm, Edm::Binary | Edm::Complex(_) | Edm::Collection(_)) {
        return None;
    }
    Some(match property.default {
        Default::Null => Value::Null,
        Default::Text(text) if matches!(property.edm, Edm::DateTime) => moment(text).map_or(Value::Null, Value::Time),
        Default::Text(text) => text.into(),
        Default::False => Value::Flag(false),
        Default::Zero => Value::Number(0),
        Default::Never => moment("0001-01-01T00:00:00Z").map_or(Value::Null, Value::Time),
        Default::Empty | Default::DefaultScope => return None,
    })
}

/// The property of that name, which was just read, or the member of it that follows after a slash; and where its value comes
/// from.
pub(super) fn find_path<F: Fields>(
    scan: &mut Scan<'_>,
    name: &str,
    at: usize,
    entity: &'static EntityType,
    version: Version,
) -> Result<(&'static Property, Source<F>), QueryError> {
    if !scan.sign('/') {
        return find(scan.option(), name, at, entity, version);
    }
    let member_name = scan.name();
    let path = format!("{name}/{member_name}");
    let structure = structure(name, entity, version);
    let found = structure.and_then(|(property, of)| Some((property, of, of.property(member_name)?)));
    let found = found.filter(|(_, of, member)| version.serves_member(member, of));
    let (structure, _, member) = found.ok_or_else(|| scan.problem(at, no_property(&path, entity)))?;
    let source = F::member_source(structure, member).ok_or_else(|| scan.problem(at, not_ordered(&path, entity)))?;
    Ok((member, source))
}

fn no_property(path: &str, entity: &EntityType) -> Detail {
    detail!("noProperty", "'{name}' is no property of microsoft.graph.{entity}", name = path, entity = entity.name)
}

fn not_ordered(path: &str, entity: &EntityType) -> Detail {
    detail!(
        "notFilteredOrOrdered",
        "lists of microsoft.graph.{entity} are not filtered or ordered by '{name}'",
        entity = entity.name,
        name = path,
    )
}

/// The property of that name when it is one structure, and the type of that.
pub(super) fn structure(
    name: &str,
    entity: &'static EntityType,
    version: Version,
) -> Option<(&'static Property, &'static ComplexType)> {
    let property = entity.property(name).filter(|property| version.serves(property, entity))?;
    match property.edm {
        Edm::Complex(of) => Some((property, of)),
        _ => None,
    }
}

/// The property of that name, and where its value comes from.
pub(super) fn find<F: Fields>(
    option: &'static str,
    name: &str,
    at: usize,
    entity: &'static EntityType,
    version: Version,
) -> Result<(&'static Property, Source<F>), QueryError> {
    let problem = |problem| QueryError::Syntax { option, at, problem };
    let property = entity.property(name).filter(|property| version.serves(property, entity));
    let property = property.ok_or_else(|| problem(no_property(name, entity)))?;
    let source = F::source(property).ok_or_else(|| problem(not_ordered(property.name, entity)))?;
    Ok((property, source))
}
