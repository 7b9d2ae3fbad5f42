//! Creating, changing and deleting: the code of the kind does it, in one unit of work with the decision.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::HeaderMap;

use super::admit::Asked;
use super::response;
use super::store::{read_store, write_and_alert_in};
use crate::GraphState;
use crate::error::GraphError;
use crate::follow::Binding;
use crate::kind::{Kind, Write, Writing};
use crate::kinds;

/// A new entity in a collection: 201 with the entity and its address.
pub(super) async fn create(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, GraphError> {
    write(state, asked, headers, body, |kind| kind.create).await
}

/// Some properties of an entity.
pub(super) async fn update(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, GraphError> {
    write(state, asked, headers, body, |kind| kind.update).await
}

/// Removes an entity; a device is retired, and its record and escrow are kept.
pub(super) async fn delete(state: &Arc<GraphState>, asked: Arc<Asked>) -> Result<Response, GraphError> {
    admitted(state, &asked).await?;
    let delete = kind(&asked)?.delete.ok_or_else(|| asked.walk.target().missing())?;
    write_and_alert_in(state, asked.scope(), move |unit| Ok(delete(unit, &asked)?)).await?;
    Ok(response::no_content())
}

async fn write(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    headers: &HeaderMap,
    body: &mut Body,
    code: fn(&Kind) -> Option<Write>,
) -> Result<Response, GraphError> {
    let binding = admitted(state, &asked).await?;
    let write = code(kind(&asked)?).ok_or_else(|| asked.walk.target().missing())?;
    write(Writing { state, asked, binding, headers, body }).await
}

fn kind(asked: &Asked) -> Result<&'static Kind, GraphError> {
    Ok(kinds::of(asked.walk.target()).ok_or_else(|| asked.walk.target().missing())?)
}

/// The end of the walk of a request that is admitted.
pub(super) async fn admitted(state: &Arc<GraphState>, asked: &Arc<Asked>) -> Result<Binding, GraphError> {
    let admission = Arc::clone(asked);
    read_store(state, move |view| Ok(admission.admit(view)?.binding)).await
}
