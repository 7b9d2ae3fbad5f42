//! Readings and units of work of the handlers, with their refusals as errors of the Graph face.

use std::sync::Arc;

use chaveiro_core::Fault;
use chaveiro_core::ports::{Scope, UnitOfWork, View};
use tracing::Instrument;

use crate::GraphState;
use crate::error::GraphError;

/// Runs a reading that can be refused.
pub(crate) async fn read_store<T: Send + 'static>(
    state: &GraphState,
    work: impl FnOnce(&dyn View) -> Result<T, GraphError> + Send + 'static,
) -> Result<T, GraphError> {
    Ok(state.store.try_read(move |view| work(view).map_err(Fault::Refused)).await?)
}

/// Runs a unit of work that can also be refused for the body of the request; a refusal undoes it.
pub(crate) async fn write_store<T: Send + 'static>(
    state: &GraphState,
    work: impl Fn(&mut dyn UnitOfWork) -> Result<T, GraphError> + Send + 'static,
) -> Result<T, GraphError> {
    write_store_in(state, Scope::Whole, work).await
}

/// Runs a unit of work like [`write_store`], and says what it is about.
async fn write_store_in<T: Send + 'static>(
    state: &GraphState,
    scope: Scope,
    work: impl Fn(&mut dyn UnitOfWork) -> Result<T, GraphError> + Send + 'static,
) -> Result<T, GraphError> {
    Ok(state.store.try_write_in(scope, move |unit| work(unit).map_err(Fault::Refused)).await?)
}

/// Runs a unit of work that may raise an alert, and rings for the job that sends alerts if it did. It is spawned, so that a
/// client that disconnects cannot stop it.
pub(crate) async fn write_and_alert<T: Send + 'static>(
    state: &Arc<GraphState>,
    work: impl Fn(&mut dyn UnitOfWork) -> Result<T, GraphError> + Send + 'static,
) -> Result<T, GraphError> {
    write_and_alert_in(state, Scope::Whole, work).await
}

/// Runs a unit of work like [`write_and_alert`], and says what it is about.
pub(crate) async fn write_and_alert_in<T: Send + 'static>(
    state: &Arc<GraphState>,
    scope: Scope,
    work: impl Fn(&mut dyn UnitOfWork) -> Result<T, GraphError> + Send + 'static,
) -> Result<T, GraphError> {
    let state = Arc::clone(state);
    let writing = async move {
        let written = write_store_in(&state, scope, move |unit| {
            let done = work(unit)?;
            Ok((done, unit.has_raised_alert()))
        });
        let (done, raised) = written.await?;
        if raised {
            state.alarm.ring();
        }
        Ok(done)
    };
    tokio::spawn(writing.in_current_span()).await.map_err(|error| GraphError::Internal(error.to_string()))?
}
