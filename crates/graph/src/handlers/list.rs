//! Lists: their items, in order, and their number.

use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::admit::Asked;
use super::answer::{context, controlled};
use super::expand::Expanding;
use super::response;
use super::store::read_store;
use crate::GraphState;
use crate::entity::Page;
use crate::error::GraphError;
use crate::model::Edm;
use crate::resolve::{Called, End};

/// One page of a collection.
pub(super) async fn list(state: &Arc<GraphState>, asked: Arc<Asked>) -> Result<Response, GraphError> {
    if let End::Function(called) = &asked.walk.end {
        return names(state, &asked, called).await;
    }
    let reading = Arc::clone(&asked);
    let (base_url, witness) = (state.base_url.clone(), Arc::clone(&state.witness));
    let found = read_store(state, move |view| {
        let admitted = reading.admit(view)?;
        let from = admitted.reading(view, witness.as_ref(), &reading);
        let mut page = match &admitted.binding.members {
            Some(members) => members.page(&from, &admitted.query, &reading.walk, &admitted.selection)?,
            None => Page::empty(),
        };
        let expanding = Expanding { from, base_url: &base_url, asked: &reading };
        let control = reading.control(&base_url);
        for (entity, object) in &mut page.items {
            *object = controlled(&reading, &control, entity.as_ref(), std::mem::take(object));
            let path = format!("{}/{}", reading.path, entity.id());
            admitted.expansions.put(&expanding, entity.as_ref(), &path, object)?;
        }
        let items: Vec<_> = page.items.into_iter().map(|(_, object)| Value::Object(object)).collect();
        Ok((items, page.next, page.total, admitted.query, admitted.selection))
    });
    let (items, next, total, query, selection) = found.await?;

    let control = asked.control(&state.base_url);
    let context = context(state, asked.walk.version, &asked.walk.parenthesised(""), &selection, false);
    let mut body = control.begin(context);
    // As in production, the number on this page; `$count=true` asks for the number of all.
    body.insert("@odata.count".to_owned(), control.count(total.unwrap_or(items.len() as u64)));
    if let Some(cursor) = &next {
        let link = format!("{}{}?{}", state.base_url, asked.path, query.next(cursor, &asked.walk));
        body.insert("@odata.nextLink".to_owned(), link.into());
    }
    body.insert("value".to_owned(), items.into());
    let page = asked.wanted.as_ref().ok().and_then(|wanted| wanted.page);
    Ok(response::preferred(response::json(control.format, StatusCode::OK, &Value::Object(body)), page))
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
