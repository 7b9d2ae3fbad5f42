//! Users, detected apps, scripts, run states: what the caller gave, plus what the server fixes.

use chaveiro_core::resource::Resource;
use serde_json::{Map, Value, json};

use super::{Form, date_time, object};
use crate::model::{MODEL, Target};
use crate::query::Selection;
use crate::resolve::Version;

/// The JSON of a resource.
pub fn resource(resource: &Resource, version: Version, selection: &Selection, form: Form) -> Map<String, Value> {
    let Some(entity) = MODEL.entity_type(Target::Resource(resource.kind)) else { return Map::new() };
    let mut known: Map<String, Value> = serde_json::from_str(&resource.properties).unwrap_or_default();
    known.insert("id".to_owned(), json!(resource.id));
    known.insert("createdDateTime".to_owned(), date_time(resource.created).into());
    known.insert("lastModifiedDateTime".to_owned(), date_time(resource.modified).into());
    object(entity, version, selection, form, known)
}
