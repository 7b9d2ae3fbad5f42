//! Types of the model as JSON Schema.

use chaveiro_core::application::MAX_NAME;
use chaveiro_core::hold::{MAX_QUIET_MINUTES, MAX_REASON};
use chaveiro_core::principal;
use chaveiro_core::principal::MAX_DESCRIPTION;
use chaveiro_core::role::{ROLES, Role};
use chaveiro_core::scope_tag::MAX_TAG;
use serde_json::{Map, Value, json};

use crate::csdl::default_of;
use crate::model::{ComplexType, DERIVED, EXTENSIONS, Edm, EntityType, MODEL, Property, Target, is_result};

pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// An entity. Names with an at sign are annotations, which may stand everywhere.
pub(super) fn entity(entity: &EntityType) -> Value {
    let mut properties = of_properties(entity.properties);
    let type_name = format!("#microsoft.graph.{}", entity.name);
    properties.insert("@odata.type".to_owned(), json!({"type": "string", "const": type_name}));
    json!({"type": "object", "properties": properties, "additionalProperties": false, "patternProperties": {"@": {}}})
}

/// What a create takes beside the type itself: what it must give.
pub(super) fn create(entity: &EntityType) -> Value {
    if entity.target == Target::RoleAssignment {
        return assignment(entity);
    }
    let mut schema = update(entity);
    let required: Vec<_> = entity.properties.iter().filter(|property| property.required).collect();
    if !required.is_empty() {
        let names: Vec<_> = required.iter().map(|property| property.name).collect();
        schema = json!({"allOf": [schema, {"required": names}]});
    }
    schema
}

/// What a change takes: the type, and what cannot be emptied is not emptied.
pub(super) fn update(entity: &EntityType) -> Value {
    if entity.target == Target::RoleAssignment {
        return json!({"type": "object", "properties": assignment_words(), "additionalProperties": false,
            "description": "What else an assignment says may stand here as it is, and cannot be changed."});
    }
    let mut narrowed = Map::new();
    for property in entity.properties.iter().filter(|property| property.required) {
        narrowed.insert(property.name.to_owned(), json!({"type": "string", "minLength": 1, "pattern": "\\S"}));
    }
    let mut parts = vec![reference(entity.name)];
    if entity.target == Target::Application {
        narrowed.insert("displayName".to_owned(), line("string", MAX_NAME, SOME_LINE));
    }
    if entity.target == Target::Device {
        narrowed.insert("roleScopeTagIds".to_owned(), tags());
        narrowed.insert("managedDeviceOwnerType".to_owned(), json!({"enum": ["unknown", "company", "personal"]}));
        // Both name the owner: one of them is enough, and they must not differ.
        parts.push(json!({"not": {"required": ["ownerType", "managedDeviceOwnerType"]}}));
    }
    if !narrowed.is_empty() {
        parts.push(json!({"properties": narrowed}));
    }
    match parts.as_slice() {
        [one] => one.clone(),
        _ => json!({"allOf": parts}),
    }
}

/// A list of scope tags: letters and digits of any script.
fn tags() -> Value {
    let tag = json!({"type": "string", "pattern": format!("^[\\w.-]{{1,{MAX_TAG}}}$")});
    json!({"type": "array", "minItems": 1, "maxItems": 100, "items": tag})
}

/// What people call an assignment, and say of it.
fn assignment_words() -> Value {
    let text = |most: usize, pattern: &str| line(json!(["string", "null"]), most, pattern);
    json!({"displayName": text(principal::MAX_NAME, ANY_LINE), "description": text(MAX_DESCRIPTION, ANY_LINE)})
}

/// A new assignment: for one principal, with one role, and either on all devices or on those with a tag.
fn assignment(entity: &EntityType) -> Value {
    let role = |role: &Role| format!("/deviceManagement/roleDefinitions/{}", role.id);
    let none = json!({"type": "array", "maxItems": 0});
    let mut said = assignment_words();
    said["members"] = json!({"type": "array", "minItems": 1, "maxItems": 1,
        "items": line("string", principal::MAX_NAME, SOME_LINE)});
    said["resourceScopes"] = none.clone();
    said["scopeMembers"] = none;
    said["roleDefinition@odata.bind"] = json!({"type": "string", "enum": ROLES.iter().map(role).collect::<Vec<_>>(),
        "description": "The address of the role, on this server or without a host."});
    let all = json!({"properties": {"scopeType": {"const": "allDevices"},
        "chaveiro_scopeTags": {"type": ["array", "null"], "maxItems": 0}}, "required": ["scopeType"]});
    let some = json!({"properties": {"scopeType": {"const": "resourceScope"}, "chaveiro_scopeTags": tags()},
        "required": ["chaveiro_scopeTags"]});
    json!({"allOf": [reference(entity.name),
        {"properties": said, "required": ["roleDefinition@odata.bind", "members"], "oneOf": [all, some]}]})
}

/// One line of text, as JSON Schema and Python read it; and one that is not blank.
const ANY_LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";
const SOME_LINE: &str =
    r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";

fn line(types: impl Into<Value>, most: usize, pattern: &str) -> Value {
    json!({"type": types.into(), "maxLength": most, "pattern": pattern})
}

/// What the body of an operation takes.
pub(super) fn parameters(parameters: &[Property], required: &[&str]) -> Value {
    let mut properties = of_properties(parameters);
    for parameter in parameters.iter().filter(|parameter| parameter.required) {
        properties.insert(parameter.name.to_owned(), of_type(parameter.edm));
    }
    let or_null = |of: &str| json!([of, "null"]);
    for (name, narrowed) in [
        ("reason", line(or_null("string"), MAX_REASON, ANY_LINE)),
        ("quietMinutes", json!({"type": or_null("integer"), "minimum": 1, "maximum": MAX_QUIET_MINUTES})),
    ] {
        properties.entry(name).and_modify(|schema| *schema = narrowed);
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false,
        "patternProperties": {"@": {}}})
}

/// What an operation answers: a structure as it is, anything else as the `value` of an object.
pub(super) fn result(of: Edm) -> Value {
    match of {
        Edm::Complex(of) => reference(of.name),
        of => json!({"type": "object", "required": ["@odata.context", "value"], "properties": {
            "@odata.context": {"type": "string"}, "value": of_type(of)}}),
    }
}

/// Every complex type that entities use, and what derives from it.
pub(super) fn complex_types(schemas: &mut Map<String, Value>) {
    for property in MODEL.types.iter().flat_map(|entity| entity.properties) {
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
        "properties": {"date": text, "request-id": text, "client-request-id": text}});
    json!({"type": "object", "required": ["error"], "properties": {"error": {
        "type": "object", "required": ["code", "message", "innerError"],
        "properties": {"code": text, "message": text, "innerError": inner}}}})
}
