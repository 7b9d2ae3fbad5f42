//! Answers that show an entity, and the context in which they show it.

use axum::response::Response;
use http::StatusCode;

use super::admit::Asked;
use super::response;
use crate::GraphState;
use crate::entity::Served;
use crate::model::Access;
use crate::query::Selection;
use crate::render::Form;
use crate::render::control::{Control, Placed};
use crate::render::outline::{Object, Outline};
use crate::resolve::{End, Version, Walk};

/// The answer to a request that made or changed an entity: the entity with its tag.
pub(crate) fn answer(state: &GraphState, asked: &Asked, entity: &dyn Served, status: StatusCode) -> Response {
    let (control, tag) = (asked.control(&state.base_url), entity.entity().tag());
    let context = context(state, asked.walk.version, &set_path(&asked.walk), &Selection::Default, true);
    let outline = Outline::new(entity.entity().entity_type(), asked.walk.version, &Selection::Default, Form::Single);
    let mut body = Vec::new();
    let mut object = Object::begin(&mut body, control.begin(context));
    controlled(asked, &control, &outline, entity, tag.as_deref(), &mut object);
    object.end();
    response::tagged(response::json_bytes(control.format, status, body.into()), tag.as_deref())
}

/// Writes an entity at the end of a request, or of the collection there, with the control information that the caller asks for.
pub(super) fn controlled(
    asked: &Asked,
    control: &Control<'_>,
    outline: &Outline<'_>,
    entity: &dyn Served,
    tag: Option<&str>,
    object: &mut Object<'_>,
) {
    let path = || {
        let path = asked.walk.parenthesised("");
        if matches!(asked.walk.end, End::Set) { keyed(&path, &entity.entity().id()) } else { path }
    };
    let access = asked.walk.hops.last().map_or(Access::ReadOnly, |hop| hop.edge.access);
    let placed = Placed { outline, values: entity, tag, path: &path, changes: access.is_changed() };
    control.entity(object, &placed);
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
