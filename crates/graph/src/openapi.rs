//! The OpenAPI 3.1 document, printed from the route list and the model.

use serde_json::{Map, Value, json};

use crate::csdl::default_of;
use crate::model::{Edm, EntityType, MODEL, Property};
use crate::query::MAX_PAGE;
use crate::resolve;
use crate::routes::{RouteRow, routes};
use crate::verb::{self, Verb};

/// The document, indented.
pub fn openapi_json() -> String {
    let mut paths: Map<String, Value> = Map::new();
    for row in routes() {
        let path = format!("/beta{}", row.path);
        let operations = paths.entry(path).or_insert_with(|| json!({}));
        if let Value::Object(operations) = operations {
            operations.insert(row.method.to_ascii_lowercase(), operation(&row));
        }
    }
    let schemas: Map<String, Value> =
        MODEL.types.iter().map(|entity| (entity.name.to_owned(), schema(entity))).collect();
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Chaveiro",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Passcode recovery that speaks Microsoft Graph. Every path also stands under /v1.0.",
            "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"}
        },
        "paths": paths,
        "components": {
            "schemas": schemas.into_iter().chain([("error".to_owned(), error_schema())]).collect::<Map<_, _>>(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
        },
        "security": [{"bearer": []}]
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn operation(row: &RouteRow) -> Value {
    let error = json!({"description": "Refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}}});
    let needs: Vec<_> = row.permissions.iter().map(|permission| permission.name()).collect();
    let mut parameters: Vec<Value> = placeholders(&row.path)
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    let verb = resolve::parse(&format!("/beta{}", sample(&row.path))).ok().and_then(|walk| {
        let name = MODEL.entity_type(walk.target()).map(|entity| entity.name);
        verb::of(&walk, row.method).map(|(verb, _)| (verb, name.unwrap_or("entity")))
    });
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let content = |schema: Value| json!({"application/json": {"schema": schema}});
    let (status, success) = match verb {
        Some((Verb::Read, name)) => {
            parameters.push(option("$select", json!({"type": "string"})));
            ("200", json!({"description": "The entity", "content": content(reference(name))}))
        }
        Some((Verb::List, name)) => {
            parameters.push(option("$select", json!({"type": "string"})));
            parameters.push(option("$top", json!({"type": "integer", "minimum": 1, "maximum": MAX_PAGE})));
            parameters.push(option("$skiptoken", json!({"type": "string"})));
            let page = json!({"type": "object", "required": ["value"], "properties": {
                "@odata.context": {"type": "string"}, "@odata.count": {"type": "integer"},
                "@odata.nextLink": {"type": "string"}, "value": {"type": "array", "items": reference(name)}}});
            ("200", json!({"description": "A page", "content": content(page)}))
        }
        Some((Verb::Create, name)) => ("201", json!({"description": "Created", "content": content(reference(name))})),
        Some((Verb::Update, name)) if name != "user" => {
            ("200", json!({"description": "Changed", "content": content(reference(name))}))
        }
        _ => ("204", json!({"description": "Done, or accepted; no content"})),
    };
    let mut operation = json!({
        "summary": row.documented.unwrap_or(""),
        "description": format!("Needs one of: {}", needs.join(", ")),
        "parameters": parameters,
        "responses": {status: success, "4XX": error.clone(), "5XX": error}
    });
    if let (Some((Verb::Create | Verb::Update, name)), Some(object)) = (verb, operation.as_object_mut()) {
        object.insert("requestBody".to_owned(), json!({"required": true, "content": content(reference(name))}));
    }
    operation
}

fn option(name: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "required": false, "schema": schema})
}

fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// The template with a key that can be one in place of each placeholder.
fn sample(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment.starts_with('{') {
        true => "00000000-0000-0000-0000-000000000000",
        false => segment,
    });
    segments.collect::<Vec<_>>().join("/")
}

fn schema(entity: &EntityType) -> Value {
    let properties: Map<String, Value> =
        entity.properties.iter().map(|property| (property.name.to_owned(), property_schema(property))).collect();
    json!({"type": "object", "properties": properties})
}

fn property_schema(property: &Property) -> Value {
    let mut schema = type_schema(property.edm);
    if let Some(object) = schema.as_object_mut() {
        if property.nullable
            && let Some(of) = object.get("type").cloned()
        {
            object.insert("type".to_owned(), json!([of, "null"]));
        }
        if !property.writable {
            object.insert("readOnly".to_owned(), true.into());
        }
        if let Some(default) = default_of(property) {
            object.insert("default".to_owned(), default.into());
        }
    }
    schema
}

fn type_schema(edm: Edm) -> Value {
    match edm {
        Edm::String => json!({"type": "string"}),
        Edm::Boolean => json!({"type": "boolean"}),
        Edm::Int32 => json!({"type": "integer", "format": "int32"}),
        Edm::Int64 => json!({"type": "integer", "format": "int64"}),
        Edm::DateTime => json!({"type": "string", "format": "date-time"}),
        Edm::Binary => json!({"type": "string", "contentEncoding": "base64"}),
        Edm::Enum(of) => {
            json!({"type": "string", "enum": of.names().collect::<Vec<_>>()})
        }
        Edm::Double => json!({"type": "number", "format": "double"}),
        Edm::Guid => json!({"type": "string", "format": "uuid"}),
        Edm::Duration => json!({"type": "string", "format": "duration"}),
        Edm::Complex(of) => json!({"$ref": format!("#/components/schemas/{}", of.name)}),
        Edm::Collection(item) => json!({"type": "array", "items": type_schema(*item)}),
    }
}

fn error_schema() -> Value {
    json!({"type": "object", "required": ["error"], "properties": {"error": {"type": "object", "properties": {
        "code": {"type": "string"}, "message": {"type": "string"}, "innerError": {"type": "object"}}}}})
}
