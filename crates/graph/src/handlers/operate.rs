//! Operations: the body is checked against their parameters, then the code of the kind does it.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::HeaderMap;

use super::admit::Asked;
use super::store::read_store;
use crate::GraphState;
use crate::body;
use crate::error::GraphError;
use crate::kinds;
use crate::resolve::End;

/// Does it, when the caller may, the entity is there and the body is right.
pub(super) async fn operate(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, GraphError> {
    let End::Operation(operation) = asked.walk.end else {
        return Err(GraphError::Internal("an operation without its name".to_owned()));
    };
    let admission = Arc::clone(&asked);
    read_store(state, move |view| admission.admit(view).map(drop)).await?;
    let given = body::parameters(body::optional_object(headers, body).await?, operation)?;
    let operate = kinds::operate(asked.walk.target(), operation).ok_or_else(|| asked.walk.target().missing())?;
    operate(state, asked, &given).await
}
