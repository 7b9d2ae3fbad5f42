//! Lists: their items, in order, and their number.

use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::admit::Asked;
use super::answer::{context, controlled};
use super::expand::Expanding;
use super::response;
use super::store::read_store;
use crate::GraphState;
use crate::entity::Page;
use crate::error::GraphError;
use crate::model::Edm;
use crate::render::Form;
use crate::render::outline::{Object, Outline};
use crate::resolve::{Called, End};

/// The number of items that are written before other requests get their turn.
const AT_ONCE: usize = 100;

/// One page of a collection.
pub(super) async fn list(state: &Arc<GraphState>, asked: Arc<Asked>) -> Result<Response, GraphError> {
    if let End::Function(called) = &asked.walk.end {
        return names(state, &asked, called).await;
    }
    let reading = Arc::clone(&asked);
    let witness = Arc::clone(&state.witness);
    let found = read_store(state, move |view| {
        let admitted = reading.admit(view)?;
        let from = admitted.reading(view, witness.as_ref(), &reading);
        let page = match &admitted.binding.members {
            Some(members) => members.page(&from, &admitted.query, &reading.walk, &admitted.selection)?,
            None => Page::empty(),
        };
        let expanded = page.items.iter().map(|told| admitted.expansions.read(&from, &reading, told.entity()));
        let expanded = expanded.collect::<Result<Vec<_>, _>>()?;
        Ok((page, expanded, admitted.query, admitted.selection, admitted.expansions))
    });
    let (page, expanded, query, selection, expansions) = found.await?;

    let control = asked.control(&state.base_url);
    let context = context(state, asked.walk.version, &asked.walk.parenthesised(""), &selection, false);
    let mut body = Vec::new();
    let mut object = Object::begin(&mut body, control.begin(context));
    // As in production, the number on this page; `$count=true` asks for the number of all.
    object.member("@odata.count", &control.count(page.total.unwrap_or(page.items.len() as u64)));
    if let Some(cursor) = &page.next {
        let link = format!("{}{}?{}", state.base_url, asked.path, query.next(cursor, &asked.walk));
        object.member("@odata.nextLink", &link);
    }
    let outline = Outline::new(asked.walk.target(), asked.walk.version, &selection, Form::Listed).prepared();
    let expanding =
        Expanding { asked: &asked, control, expansions: &expansions, outlines: expansions.outlines(&asked) };
    let out = object.name(&["value"]);
    out.push(b'[');
    for (index, (told, expanded)) in page.items.iter().zip(expanded).enumerate() {
        if index > 0 {
            out.push(b',');
            if index.is_multiple_of(AT_ONCE) {
                tokio::task::yield_now().await;
            }
        }
        let tag = outline.shows_tag().then(|| told.entity().tag()).flatten();
        let mut item = Object::begin(out, Map::new());
        controlled(&asked, &control, &outline, told.as_ref(), tag.as_deref(), &mut item);
        expanding.write(expanded, &|| format!("{}/{}", asked.path, told.entity().id()), &mut item)?;
        item.end();
        if index == 0 {
            // The items are of about the same length.
            out.reserve(out.len().saturating_mul(page.items.len()));
        }
    }
    out.push(b']');
    object.end();
    let page = asked.wanted.as_ref().ok().and_then(|wanted| wanted.page);
    Ok(response::preferred(response::json_bytes(control.format, StatusCode::OK, body.into()), page))
}

/// The names that a function of a collection answers.
async fn names(state: &Arc<GraphState>, asked: &Arc<Asked>, called: &Called) -> Result<Response, GraphError> {
    let admission = Arc::clone(asked);
    read_store(state, move |view| admission.admit(view).map(drop)).await?;
    let names = (called.function.names)(&called.value);
    let context = format!("{}/{}/$metadata#Collection(Edm.String)", state.base_url, asked.walk.version.segment());
    let control = asked.control(&state.base_url);
    let body = control.individual(control.begin(context), Edm::Collection(&Edm::String), json!(names));
    Ok(response::json(control.format, StatusCode::OK, &Value::Object(body)))
}

/// The number of entities in a collection, as text.
pub(super) async fn count(state: &Arc<GraphState>, asked: Arc<Asked>) -> Result<Response, GraphError> {
    let witness = Arc::clone(&state.witness);
    let counted = read_store(state, move |view| {
        let admitted = asked.admit(view)?;
        let from = admitted.reading(view, witness.as_ref(), &asked);
        match &admitted.binding.members {
            Some(members) => members.count(&from, &admitted.query, asked.walk.target()),
            None => Ok(0),
        }
    });
    Ok(response::text(StatusCode::OK, counted.await?.to_string()))
}
