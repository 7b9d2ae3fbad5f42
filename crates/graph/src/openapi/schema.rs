//! Types of the model as JSON Schema.

use chaveiro_core::scope_tag::MAX_TAG;
use serde_json::{Map, Value, json};

use crate::csdl::default_of;
use crate::model::{ComplexType, DERIVED, EXTENSIONS, Edm, EntityType, Model, Operation, Property, is_result};

pub(crate) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// An entity. Names with an at sign are annotations, which may stand everywhere.
pub(super) fn entity(entity: &EntityType) -> Value {
    let mut properties = of_properties(entity.properties);
    let type_name = format!("#microsoft.graph.{}", entity.name);
    properties.insert("@odata.type".to_owned(), json!({"type": "string", "const": type_name}));
    json!({"type": "object", "description": entity.about, "properties": properties, "additionalProperties": false,
        "patternProperties": {"@": {}}})
}

/// The body of a create: that of a change, with what a create must give.
pub(super) fn create(entity: &'static EntityType) -> Value {
    if let Some(create) = entity.schemas.create {
        return create(entity);
    }
    let schema = update(entity);
    let required = entity.properties.iter().filter(|property| property.required);
    match required.map(|property| property.name).collect::<Vec<_>>().as_slice() {
        [] => schema,
        names => json!({"allOf": [schema, {"required": names}]}),
    }
}

/// The body of a change.
pub(super) fn update(entity: &'static EntityType) -> Value {
    match entity.schemas.update {
        Some(update) => update(entity),
        None => changed(entity, Map::new(), Vec::new()),
    }
}

/// The type, with properties that are narrowed and further conditions; what a create requires cannot be emptied.
pub(crate) fn changed(entity: &EntityType, more: Map<String, Value>, conditions: Vec<Value>) -> Value {
    let mut narrowed = Map::new();
    for property in entity.properties.iter().filter(|property| property.required) {
        narrowed.insert(property.name.to_owned(), json!({"type": "string", "minLength": 1, "pattern": "\\S"}));
    }
    narrowed.extend(more);
    let mut parts = vec![reference(entity.name)];
    parts.extend(conditions);
    if !narrowed.is_empty() {
        parts.push(json!({"properties": narrowed}));
    }
    match parts.as_slice() {
        [one] => one.clone(),
        _ => json!({"allOf": parts}),
    }
}

/// A list of scope tags: letters and digits of any script.
pub(crate) fn tags() -> Value {
    let tag = json!({"type": "string", "pattern": format!("^[\\w.-]{{1,{MAX_TAG}}}$")});
    json!({"type": "array", "minItems": 1, "maxItems": 100, "items": tag})
}

/// One line of text, as JSON Schema and Python read it.
pub(crate) const ANY_LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";
/// One line of text that is not blank.
pub(crate) const SOME_LINE: &str =
    r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";

/// Text of up to so many characters in such a line.
pub(crate) fn line(types: impl Into<Value>, most: usize, pattern: &str) -> Value {
    json!({"type": types.into(), "maxLength": most, "pattern": pattern})
}

/// The body of an operation.
pub(super) fn parameters(operation: &Operation, required: &[&str]) -> Value {
    let mut properties = of_properties(operation.parameters);
    for parameter in operation.parameters.iter().filter(|parameter| parameter.required) {
        properties.insert(parameter.name.to_owned(), of_type(parameter.edm));
    }
    for (name, narrowed) in operation.narrowed.map(|narrowed| narrowed()).unwrap_or_default() {
        properties[name] = narrowed;
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false,
        "patternProperties": {"@": {}}})
}

/// The answer of an operation: a structure as it is, anything else as the `value` of an object.
pub(super) fn result(of: Edm) -> Value {
    match of {
        Edm::Complex(of) => reference(of.name),
        of => json!({"type": "object", "required": ["@odata.context", "value"], "properties": {
            "@odata.context": {"type": "string"}, "value": of_type(of)}}),
    }
}

/// Every complex type that entities use, and what derives from it.
pub(super) fn complex_types(model: &Model, schemas: &mut Map<String, Value>) {
    for property in model.types.iter().flat_map(|entity| entity.properties) {
        add_used(property.edm, schemas);
    }
    for derived in DERIVED {
        add(derived, schemas);
    }
}

fn add_used(edm: Edm, schemas: &mut Map<String, Value>) {
    match edm {
        Edm::Complex(of) => add(of, schemas),
        Edm::Collection(item) => add_used(*item, schemas),
        Edm::String
        | Edm::Boolean
        | Edm::Int32
        | Edm::Int64
        | Edm::Double
        | Edm::DateTime
        | Edm::Guid
        | Edm::Duration
        | Edm::Binary
        | Edm::Enum(_) => {}
    }
}

fn add(of: &'static ComplexType, schemas: &mut Map<String, Value>) {
    if schemas.contains_key(of.name) {
        return;
    }
    let mut properties = of_properties(of.properties);
    if is_result(of) {
        for (name, meaning) in EXTENSIONS {
            properties.insert((*name).to_owned(), json!({"description": meaning}));
        }
    }
    let own = json!({"type": "object", "properties": properties});
    let schema = match of.base {
        Some(base) => json!({"allOf": [reference(base.name), own]}),
        None => own,
    };
    schemas.insert(of.name.to_owned(), schema);
    for property in of.properties {
        add_used(property.edm, schemas);
    }
}

fn of_properties(properties: &[Property]) -> Map<String, Value> {
    properties.iter().map(|property| (property.name.to_owned(), of_property(property))).collect()
}

fn of_property(property: &Property) -> Value {
    let mut schema = of_type(property.edm);
    if property.nullable {
        schema = or_null(schema);
    }
    if let Some(object) = schema.as_object_mut() {
        if !property.writable {
            object.insert("readOnly".to_owned(), true.into());
        }
        if let Some(default) = default_of(property) {
            object.insert("default".to_owned(), default.into());
        }
        if !property.about.is_empty() {
            object.insert("description".to_owned(), property.about.into());
        }
    }
    schema
}

fn or_null(mut schema: Value) -> Value {
    if schema.get("$ref").is_some() {
        return json!({"anyOf": [schema, {"type": "null"}]});
    }
    let of = schema["type"].take();
    schema["type"] = json!([of, "null"]);
    if let Some(members) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        members.push(Value::Null);
    }
    schema
}

fn of_type(edm: Edm) -> Value {
    match edm {
        Edm::String => json!({"type": "string"}),
        Edm::Boolean => json!({"type": "boolean"}),
        Edm::Int32 => json!({"type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX}),
        Edm::Int64 => json!({"type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX}),
        Edm::Double => json!({"type": "number", "format": "double"}),
        Edm::DateTime => json!({"type": "string", "format": "date-time"}),
        Edm::Guid => json!({"type": "string", "format": "uuid"}),
        Edm::Duration => json!({"type": "string", "format": "duration"}),
        Edm::Binary => json!({"type": "string", "format": "byte", "contentEncoding": "base64"}),
        Edm::Enum(of) => json!({"type": "string", "enum": of.names().collect::<Vec<_>>()}),
        Edm::Complex(of) => reference(of.name),
        Edm::Collection(item) => json!({"type": "array", "items": of_type(*item)}),
    }
}

/// The error of every refusal.
pub(super) fn error() -> Value {
    let text = json!({"type": "string"});
    let inner = json!({"type": "object", "required": ["date", "request-id", "client-request-id"],
        "properties": {"date": text, "request-id": text, "client-request-id": text,
            "chaveiro_code": text, "chaveiro_arguments": {"type": "object"}}});
    json!({"type": "object", "required": ["error"], "properties": {"error": {
        "type": "object", "required": ["code", "message", "innerError"],
        "properties": {"code": text, "message": text, "innerError": inner}}}})
}
