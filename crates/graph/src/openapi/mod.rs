//! The OpenAPI 3.1 document, printed from the route list and the model. It says of each route what is taken, what is
//! answered and which statuses there are, exactly enough for a machine to try them all.

mod operation;
pub(crate) mod schema;

use serde_json::{Map, Value, json};

use crate::model::Model;
use crate::routes::{beside, routes};

/// The document, indented.
pub fn openapi_json(model: &'static Model) -> String {
    let mut paths: Map<String, Value> = Map::new();
    let mut add = |method: &str, path: &str, operation: Value| {
        let operations = paths.entry(format!("/beta{path}")).or_insert_with(|| json!({}));
        if let Value::Object(operations) = operations {
            operations.insert(method.to_ascii_lowercase(), operation);
        }
    };
    for row in routes(model) {
        add(row.method, &row.path, operation::of_route(model, &row));
    }
    for row in beside(model) {
        add(row.method(), row.path(), operation::beside(&row));
    }
    let mut schemas = Map::new();
    for entity in model.types {
        schemas.insert(entity.name.to_owned(), schema::entity(entity));
    }
    schema::complex_types(model, &mut schemas);
    schemas.insert("ODataError".to_owned(), schema::error());
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Chaveiro",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Passcode recovery that speaks Microsoft Graph. Every path also stands under /v1.0. A property of an entity is read at the path of the entity and its name, and with /$value as text. Accept chooses odata.metadata=none, minimal or full, and IEEE754Compatible.",
            "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"}
        },
        "servers": [{
            "url": "https://{host}",
            "description": "The server of your organisation; host is its name and port.",
            "variables": {"host": {"default": "localhost:8443"}}
        }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": operation::refusals(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
        },
        "security": [{"bearer": []}]
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}
