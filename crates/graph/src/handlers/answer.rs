//! Answers that show an entity, and the context in which they show it.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value};

use super::admit::Asked;
use super::response;
use crate::GraphState;
use crate::entity::Entity;
use crate::entity_tag;
use crate::query::Selection;
use crate::resolve::{End, Version, Walk};

/// The answer to a request that made or changed an entity: the entity with its tag.
pub(crate) fn answer(
    state: &GraphState,
    asked: &Asked,
    entity: &dyn Entity,
    object: Map<String, Value>,
    status: StatusCode,
) -> Response {
    let (mut body, tag) = (Map::new(), entity.tag());
    let context = context(state, asked.walk.version, &set_path(&asked.walk), &Selection::Default, true);
    body.insert("@odata.context".to_owned(), context.into());
    body.extend(entity_tag::first(tag.clone(), object));
    response::tagged(response::json(status, &Value::Object(body)), tag.as_deref())
}

/// The address of an entity that was made in the collection at the end of a request.
pub(crate) fn address(state: &GraphState, asked: &Asked, id: impl std::fmt::Display) -> String {
    format!("{}{}/{id}", state.base_url, asked.path.trim_end_matches('/'))
}

/// The address of the description of a walk's entity: `…/$metadata#path`.
pub(crate) fn context(state: &GraphState, version: Version, path: &str, selection: &Selection, entity: bool) -> String {
    let suffix = if entity { "/$entity" } else { "" };
    format!("{}/{}/$metadata#{path}{}{suffix}", state.base_url, version.segment(), selection.context())
}

/// The path that names the set of a walk in contexts: the walk without its last key.
pub(crate) fn set_path(walk: &Walk) -> String {
    let mut set = walk.clone();
    set.end = End::Set;
    if let Some(last) = set.hops.last_mut() {
        last.key = None;
    }
    set.parenthesised("")
}
