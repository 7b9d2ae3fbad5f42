//! Values in a format: their types where full metadata says them, and numbers as text where clients ask for it.
//!
//! References: OData JSON Format 4.01, 3.2, 4.6.3 and 7.1.

use serde_json::{Map, Value};

use crate::model::{ComplexType, Edm, Property};
use crate::negotiation::{Format, Metadata};

/// Annotations that stay without metadata: without them a client cannot read on.
const ALWAYS: [&str; 2] = ["@odata.nextLink", "@odata.count"];

/// The annotation that holds a type, of an entity or of the member before it.
pub(crate) const TYPE: &str = "@odata.type";

/// The members of a structure in a format.
pub(crate) fn structure(format: Format, of: &'static ComplexType, object: Map<String, Value>) -> Map<String, Value> {
    let mut object = members(format, |name| of.property(name), object);
    // No description has types of our own.
    if format.metadata == Metadata::Full && !object.contains_key(TYPE) && !of.name.starts_with("chaveiro") {
        object =
            std::iter::once((TYPE.to_owned(), format!("#microsoft.graph.{}", of.name).into())).chain(object).collect();
    }
    object
}

fn members(
    format: Format,
    property: impl Fn(&str) -> Option<&'static Property>,
    object: Map<String, Value>,
) -> Map<String, Value> {
    // As it is rendered.
    if format.metadata == Metadata::Minimal && !format.ieee754 {
        return object;
    }
    let mut written = Map::new();
    for (name, given) in object {
        if name.contains('@') {
            if format.metadata != Metadata::None || ALWAYS.iter().any(|kept| name.ends_with(kept)) {
                written.insert(name, given);
            }
            continue;
        }
        let Some(property) = property(&name) else {
            written.insert(name, given);
            continue;
        };
        if let Some(of) = announced(format, property.edm, &given) {
            written.insert(format!("{name}{TYPE}"), of.into());
        }
        written.insert(name, typed(format, property.edm, given));
    }
    written
}

/// The type of a value, where full metadata says it: JSON alone tells text, flags and doubles.
pub(crate) fn announced(format: Format, edm: Edm, value: &Value) -> Option<String> {
    if format.metadata != Metadata::Full || value.is_null() {
        return None;
    }
    match edm {
        Edm::String | Edm::Boolean | Edm::Double => None,
        // It says so itself.
        Edm::Complex(_) => None,
        Edm::Collection(Edm::Complex(of)) if of.name.starts_with("chaveiro") => None,
        // Of an enum without a name only the members are known.
        Edm::Enum(of) if of.name.is_empty() => None,
        edm => Some(format!("#{}", type_name(edm))),
    }
}

fn type_name(edm: Edm) -> String {
    match edm {
        Edm::String => "String".to_owned(),
        Edm::Boolean => "Boolean".to_owned(),
        Edm::Int32 => "Int32".to_owned(),
        Edm::Int64 => "Int64".to_owned(),
        Edm::DateTime => "DateTimeOffset".to_owned(),
        Edm::Double => "Double".to_owned(),
        Edm::Guid => "Guid".to_owned(),
        Edm::Duration => "Duration".to_owned(),
        Edm::Binary => "Binary".to_owned(),
        Edm::Enum(of) => format!("microsoft.graph.{}", of.name),
        Edm::Complex(of) => format!("microsoft.graph.{}", of.name),
        Edm::Collection(item) => format!("Collection({})", type_name(*item)),
    }
}

/// A value of that type as the format has it.
pub(crate) fn typed(format: Format, edm: Edm, given: Value) -> Value {
    match (edm, given) {
        (Edm::Int64, Value::Number(number)) if format.ieee754 => number.to_string().into(),
        (Edm::Complex(of), Value::Object(object)) => structure(format, of, object).into(),
        (Edm::Collection(item), Value::Array(items)) => {
            items.into_iter().map(|given| typed(format, *item, given)).collect()
        }
        (_, given) => given,
    }
}
