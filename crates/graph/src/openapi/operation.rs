//! One operation: what a method takes at a path, and what it can answer.

use serde_json::{Map, Value, json};

use super::schema::{self, reference};
use crate::batch::MAX_ITEMS;
use crate::model::{Access, EntityType, Filters, Function, KeyForm, Model, Operation, Property, SERVICE};
use crate::query::{MAX_PAGE, MAX_SKIP};
use crate::resolve::{End, Walk};
use crate::routes::{Beside, RouteRow};
use crate::verb::{self, Verb};

/// Statuses of refusals: the code of one example, its text, a header that goes with it.
const REFUSALS: &[(u16, &str, &str, Option<&str>)] = &[
    (400, "BadRequest", "Resource not found for the segment 'x'.", None),
    (401, "InvalidAuthenticationToken", "Access token is empty.", Some("WWW-Authenticate")),
    (403, "Forbidden", "Application is not authorized to perform this operation.", None),
    (404, "ResourceNotFound", "An error has occurred", None),
    (406, "NotAcceptable", "'application/xml' in Accept names no format that is offered here.", None),
    (408, "RequestTimeout", "The request body did not arrive within 20 seconds.", None),
    (412, "PreconditionFailed", "The entity has changed since it was read.", None),
    (413, "RequestEntityTooLarge", "The request body is larger than 1048576 bytes.", None),
    (415, "UnsupportedMediaType", "The content encoding 'br' is not supported.", Some("Accept-Encoding")),
    (429, "TooManyRequests", "Too many requests.", Some("Retry-After")),
    (500, "InternalServerError", "An error has occurred.", None),
    (503, "serviceNotAvailable", "The service is busy.", Some("Retry-After")),
];

/// The refusals as components, named by their status.
pub(super) fn refusals() -> Map<String, Value> {
    let refusal = |(status, code, message, header): &(u16, &str, &str, Option<&str>)| {
        let inner = json!({"date": "2026-08-21T10:00:00", "request-id": "7d1ec2a4-0c0d-4b5e-8f57-2f3b8a4c9d10",
            "client-request-id": "0f3c5a52-1b1f-4a53-9f4e-6a0f8f1d2c3b"});
        let example = json!({"error": {"code": code, "message": message, "innerError": inner}});
        let mut response = json!({"description": *code,
            "content": {"application/json": {"schema": reference("ODataError"), "example": example}}});
        if let Some(name) = header {
            response["headers"] = json!({*name: {"schema": {"type": "string"}}});
        }
        (status.to_string(), response)
    };
    REFUSALS.iter().map(refusal).collect()
}

/// The operation of a row of the route list.
pub(super) fn of_route(model: &'static Model, row: &RouteRow) -> Value {
    let walk = model.parse(&format!("/beta{}", sample(&row.path))).ok();
    let entity = walk.as_ref().map(|walk| walk.target());
    let verb = walk.as_ref().and_then(|walk| verb::of(walk, row.method)).map(|(verb, _)| verb);
    let bound = walk.as_ref().and_then(|walk| match walk.end {
        End::Operation(operation) => Some(operation),
        _ => None,
    });
    let summary = walk.as_ref().zip(verb).map(|(walk, verb)| summary(walk, verb)).unwrap_or_default();
    let names: Vec<_> = row.permissions.iter().map(|permission| permission.name()).collect();
    let mut operation = json!({
        "operationId": operation_id(row.method, &row.path),
        "summary": row.documented.map(str::to_owned).unwrap_or(summary),
        "description": format!("Needs one of: {}", names.join(", ")),
        "parameters": parameters(model, row, verb, entity),
        "responses": responses(verb, entity, bound),
    });
    if let Some(body) = bound.map(operands).or_else(|| body(verb, entity)) {
        operation["requestBody"] = body;
    }
    operation
}

/// A line that says what an operation does, and on what.
fn summary(walk: &Walk, verb: Verb) -> String {
    let Some(hop) = walk.hops.last() else { return String::new() };
    let (name, entity) = (hop.edge.name, hop.edge.to.name);
    let what = match (verb, &walk.end) {
        (_, End::Action(action)) => return action.summary.to_owned(),
        (_, End::Operation(operation)) => format!("{} of {entity}", operation.name),
        (Verb::Read, _) if hop.edge.many => format!("Get {entity}"),
        (Verb::Read, _) => format!("Get {name}"),
        (Verb::List, _) => format!("List {name}"),
        (Verb::Count, _) => format!("Count {name}"),
        (Verb::Create, _) => format!("Create {entity}"),
        (Verb::Update, _) => format!("Update {entity}"),
        (Verb::Delete, _) if hop.edge.to.acts => format!("Retire {entity}"),
        (Verb::Delete, _) => format!("Delete {entity}"),
        (Verb::Link, _) if hop.edge.access == Access::Sole => format!("Set the linked {entity}"),
        (Verb::Link, _) => format!("Add a link to {entity}"),
        (Verb::Unlink, End::SetRef) => format!("Remove every link to {entity}"),
        (Verb::Unlink, _) => format!("Remove a link to {entity}"),
        (Verb::Act | Verb::Operate, _) => entity.to_owned(),
    };
    match walk.hops.iter().rev().nth(1).filter(|parent| parent.edge.from != &SERVICE || parent.edge.many) {
        Some(parent) => format!("{what} of {}", parent.edge.to.name),
        None => what,
    }
}

/// A request that is no walk to an entity.
pub(super) fn beside(row: &Beside) -> Value {
    let id = operation_id(row.method(), row.path());
    match row {
        Beside::Batch => batch(&id),
        Beside::Metadata => {
            let xml = json!({"application/xml": {"schema": {"type": "string"}}});
            json!({
                "operationId": id,
                "summary": "Get the metadata document",
                "description": "Needs no token.",
                "security": [],
                "responses": with_refusals("200", answer("The model, as CSDL", xml), &[400, 406, 500, 503]),
            })
        }
        Beside::Function(function, ..) => of_function(&id, function, row),
    }
}

fn answer(description: &str, content: Value) -> Value {
    json!({"description": description, "content": content})
}

fn of_function(id: &str, function: &Function, row: &Beside) -> Value {
    let parameter = function.parameter.iter().map(|given| {
        json!({"name": given.name, "in": "path", "required": true, "description": given.description,
            "schema": {"type": "string", "minLength": 1, "examples": (given.examples)()}})
    });
    let names = json!({"type": "object", "required": ["@odata.context", "value"], "properties": {
        "@odata.context": {"type": "string"}, "value": {"type": "array", "items": {"type": "string"}}}});
    json!({
        "operationId": id,
        "summary": format!("Call {}", function.name),
        "description": format!("Needs one of: {}", row.least().map_or("-", |permission| permission.name())),
        "parameters": parameter.collect::<Vec<_>>(),
        "responses": with_refusals(
            "200",
            answer("The names", content(names)),
            &[400, 401, 403, 404, 406, 429, 500, 503],
        ),
    })
}

fn batch(id: &str) -> Value {
    let item = json!({"type": "object", "required": ["id", "status", "headers"], "properties": {
        "id": {"type": "string"}, "status": {"type": "integer"}, "headers": {"type": "object"}, "body": {}}});
    let items = json!({"type": "object", "required": ["responses"], "properties": {
        "responses": {"type": "array", "items": item}}});
    json!({
        "operationId": id,
        "summary": "Send requests in a batch",
        "description": format!("Up to {MAX_ITEMS} requests in one. Each needs what it needs alone."),
        "requestBody": {"required": true, "content": content(requests())},
        "responses": with_refusals(
            "200",
            answer("One answer for each request", content(items)),
            &[400, 401, 406, 408, 413, 415, 429, 500, 503],
        ),
    })
}

fn operation_id(method: &str, path: &str) -> String {
    let word = |segment: &str| {
        segment.trim_matches(|c| matches!(c, '{' | '}' | '$')).replace(['(', ')', '\'', '=', '{', '}'], "_")
    };
    let path: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).map(word).collect();
    format!("{}_{}", method.to_ascii_lowercase(), path.join("_"))
}

fn parameters(model: &Model, row: &RouteRow, verb: Option<Verb>, entity: Option<&'static EntityType>) -> Vec<Value> {
    let mut parameters: Vec<Value> = placeholders(&row.path).map(|name| key(model, name)).collect();
    let list = verb == Some(Verb::List);
    if let (true, Some(entity)) = (list || verb == Some(Verb::Read), entity) {
        parameters.push(select(entity));
        parameters.push(option("$format", json!({"type": "string", "enum": ["json"]}), "Comes before Accept."));
    }
    if verb.is_some_and(Verb::minds_the_state) {
        let tags = "The operation takes place only if the entity has one of these tags: ETag of an answer, \
            or @odata.etag of the entity. * stands for any.";
        let schema = json!({"type": "string"});
        parameters.push(
            json!({"name": "If-Match", "in": "header", "required": false, "description": tags, "schema": schema}),
        );
    }
    if list {
        let most = format!("Items of a page. More than {MAX_PAGE} means {MAX_PAGE}.");
        parameters.push(option("$top", json!({"type": "integer", "minimum": 0}), &most));
        parameters.push(option("$count", json!({"type": "boolean"}), "true: @odata.count is the number of all."));
        parameters.push(option(
            "$skip",
            json!({"type": "integer", "minimum": 0, "maximum": MAX_SKIP}),
            "Left out first.",
        ));
        parameters.extend(entity.and_then(filter));
        let prefer = "odata.maxpagesize=N: pages of at most N items. Preference-Applied says so.";
        let schema = json!({"type": "string"});
        parameters.push(
            json!({"name": "Prefer", "in": "header", "required": false, "description": prefer, "schema": schema}),
        );
    }
    parameters
}

/// A key; the second of one name in a path has a number behind it.
fn key(model: &Model, name: &str) -> Value {
    let of = model.types.iter().find(|entity| entity.key == name.trim_end_matches('1'));
    let schema = match of.map(|of| of.key_form) {
        Some(KeyForm::Text) => json!({"type": "string", "minLength": 1}),
        _ => json!({"type": "string", "format": "uuid"}),
    };
    json!({"name": name, "in": "path", "required": true, "schema": schema})
}

fn select(entity: &'static EntityType) -> Value {
    let names: Vec<_> = entity.properties.iter().map(|property: &Property| property.name).collect();
    let schema = json!({"type": "array", "minItems": 1, "items": {"type": "string", "enum": names}});
    let mut parameter = option("$select", schema, "The properties that are answered.");
    parameter["style"] = "form".into();
    parameter["explode"] = false.into();
    parameter
}

/// A condition has a grammar, which a schema cannot say.
fn filter(entity: &'static EntityType) -> Option<Value> {
    let (text, about) = match entity.filters {
        Filters::Nothing => return None,
        Filters::Properties => ("id", format!("properties of microsoft.graph.{}", entity.name)),
        Filters::Named(text, names) => (text, names().join(", ")),
    };
    let schema = json!({"type": "string", "format": "odata-filter", "examples": [format!("{text} ne null")]});
    Some(option("$filter", schema, &format!("A condition on {about}, in the words of OData.")))
}

fn option(name: &str, schema: Value, description: &str) -> Value {
    json!({"name": name, "in": "query", "required": false, "description": description, "schema": schema})
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

fn content(schema: Value) -> Value {
    json!({"application/json": {"schema": schema}})
}

fn body(verb: Option<Verb>, entity: Option<&'static EntityType>) -> Option<Value> {
    let required = |schema: Value| Some(json!({"required": true, "content": content(schema)}));
    match (verb?, entity) {
        (Verb::Create, Some(entity)) => required(schema::create(entity)),
        (Verb::Update, Some(entity)) => required(schema::update(entity)),
        (Verb::Link, _) => {
            let id =
                json!({"type": "string", "format": "uri", "description": "The address of the entity, on this server."});
            required(json!({"type": "object", "required": ["@odata.id"], "properties": {"@odata.id": id}}))
        }
        (Verb::Act, _) => {
            Some(json!({"required": false, "description": "Read and ignored.", "content": content(json!({}))}))
        }
        _ => None,
    }
}

/// The body of an operation.
fn operands(operation: &'static Operation) -> Value {
    let required: Vec<_> =
        operation.parameters.iter().filter(|parameter| parameter.required).map(|parameter| parameter.name).collect();
    json!({"required": !required.is_empty(), "content": content(schema::parameters(operation, &required))})
}

fn requests() -> Value {
    let text = json!({"type": "string"});
    let item = json!({"type": "object", "required": ["id", "method", "url"], "properties": {
        "id": {"type": ["string", "integer"], "minLength": 1, "description": "A number is answered as its text."},
        "method": {"type": "string", "enum": ["GET", "POST", "PATCH", "PUT", "DELETE"]},
        "url": {"type": "string", "description": "Relative to the version.", "examples": ["/users"]},
        "headers": {"type": ["object", "null"], "additionalProperties": text},
        "body": {},
        "dependsOn": {"type": ["array", "null"], "items": {"type": ["string", "integer"]}, "description": "Ids of earlier requests."}}});
    json!({"type": "object", "required": ["requests"], "properties": {
        "requests": {"type": "array", "minItems": 1, "maxItems": MAX_ITEMS, "items": item}}})
}

fn responses(
    verb: Option<Verb>,
    entity: Option<&'static EntityType>,
    operation: Option<&'static Operation>,
) -> Map<String, Value> {
    let (status, success) = match operation.and_then(|operation| operation.answers) {
        Some(of) => ("200", json!({"description": "The result", "content": content(schema::result(of))})),
        None => success(verb, entity),
    };
    let refusals: &[u16] = match verb {
        Some(Verb::Create | Verb::Update | Verb::Link | Verb::Act | Verb::Operate) => {
            &[400, 401, 403, 404, 408, 413, 415, 429, 500, 503]
        }
        Some(Verb::Read | Verb::List | Verb::Count | Verb::Delete | Verb::Unlink) | None => {
            &[400, 401, 403, 404, 429, 500, 503]
        }
    };
    let mut responses = with_refusals(status, success, refusals);
    // Where an answer has a body, its format is negotiated; a count has one format.
    if status != "204" && verb != Some(Verb::Count) {
        responses.insert("406".to_owned(), refusal_of(406));
    }
    if verb.is_some_and(Verb::minds_the_state) {
        responses.insert("412".to_owned(), refusal_of(412));
    }
    let shows_entity = matches!(verb, Some(Verb::Read | Verb::Create | Verb::Update)) && status != "204";
    if shows_entity && entity.is_some_and(|entity| entity.has_tag) {
        let tag = json!({"description": "The tag of the entity, for If-Match.", "schema": {"type": "string"}});
        responses[status]["headers"] = json!({"ETag": tag});
    }
    responses
}

fn refusal_of(status: u16) -> Value {
    json!({"$ref": format!("#/components/responses/{status}")})
}

fn with_refusals(status: &str, success: Value, refusals: &[u16]) -> Map<String, Value> {
    let mut responses = Map::from_iter([(status.to_owned(), success)]);
    for status in refusals {
        responses.insert(status.to_string(), refusal_of(*status));
    }
    responses
}

fn success(verb: Option<Verb>, entity: Option<&'static EntityType>) -> (&'static str, Value) {
    let name = entity.map_or("entity", |entity| entity.name);
    let answer = |description: &str, schema: Value| json!({"description": description, "content": content(schema)});
    match verb {
        Some(Verb::Read) => ("200", answer("The entity", reference(name))),
        Some(Verb::Count) => {
            let number = json!({"text/plain": {"schema": {"type": "integer"}}});
            ("200", json!({"description": "The number of matches", "content": number}))
        }
        Some(Verb::List) => {
            let page = json!({"type": "object", "required": ["@odata.context", "@odata.count", "value"], "properties": {
                "@odata.context": {"type": "string"}, "@odata.count": {"type": "integer", "minimum": 0},
                "@odata.nextLink": {"type": "string", "format": "uri"},
                "value": {"type": "array", "items": reference(name)}}});
            ("200", answer("A page", page))
        }
        Some(Verb::Create) => ("201", answer("Created", reference(name))),
        Some(Verb::Update) if entity.is_some_and(|entity| !verb::updates_silently(entity)) => {
            ("200", answer("Changed", reference(name)))
        }
        Some(Verb::Update | Verb::Delete | Verb::Act | Verb::Operate | Verb::Link | Verb::Unlink) | None => {
            ("204", json!({"description": "Done, or accepted; no content"}))
        }
    }
}
