//! Answers that show an entity, and the context in which they show it.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value};

use super::admit::Asked;
use super::response;
use crate::GraphState;
use crate::entity::Entity;
use crate::entity_tag;
use crate::model::Access;
use crate::query::Selection;
use crate::render::control::Control;
use crate::resolve::{End, Version, Walk};

/// The answer to a request that made or changed an entity: the entity with its tag.
pub(crate) fn answer(
    state: &GraphState,
    asked: &Asked,
    entity: &dyn Entity,
    object: Map<String, Value>,
    status: StatusCode,
) -> Response {
    let (control, tag) = (asked.control(&state.base_url), entity.tag());
    let context = context(state, asked.walk.version, &set_path(&asked.walk), &Selection::Default, true);
    let mut body = control.begin(context);
    body.extend(controlled(asked, &control, entity, entity_tag::first(tag.clone(), object)));
    response::tagged(response::json(control.format, status, &Value::Object(body)), tag.as_deref())
}

/// An entity at the end of a request, or of the collection there, with the control information that the caller asks for.
pub(super) fn controlled(
    asked: &Asked,
    control: &Control<'_>,
    entity: &dyn Entity,
    object: Map<String, Value>,
) -> Map<String, Value> {
    let path = asked.walk.parenthesised("");
    let path = if matches!(asked.walk.end, End::Set) { keyed(&path, &entity.id()) } else { path };
    let access = asked.walk.hops.last().map_or(Access::ReadOnly, |hop| hop.edge.access);
    control.entity(entity.entity_type(), &path, access.is_changed(), object)
}

/// The path of an entity in a collection.
pub(super) fn keyed(set: &str, id: &str) -> String {
    format!("{set}('{}')", id.replace('\'', "''"))
}

/// The address of an entity that was made in the collection at the end of a request.
pub(crate) fn address(state: &GraphState, asked: &Asked, id: impl std::fmt::Display) -> String {
    format!("{}{}/{id}", state.base_url, asked.path)
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
