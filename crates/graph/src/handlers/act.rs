//! Remote actions, whichever walk leads to the device.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use chaveiro_core::Decided;
use chaveiro_core::decisions::ask::{self, Ask, Begun};
use chaveiro_core::id::ActionId;
use chaveiro_core::refusal::DeviceRefusal;

use super::admit::Asked;
use super::response;
use super::store::{read_store, write_and_alert};
use crate::GraphState;
use crate::body;
use crate::error::GraphError;
use crate::resolve::End;

/// Accepts an action. The body is read and ignored; 204 leaves after the action is durable.
pub(super) async fn act(state: &Arc<GraphState>, asked: Arc<Asked>, body: &mut Body) -> Result<Response, GraphError> {
    let End::Action(action) = asked.walk.end else {
        return Err(GraphError::Internal("a remote action without its name".to_owned()));
    };
    let admission = Arc::clone(&asked);
    let device = read_store(state, move |view| {
        let admitted = admission.admit(view)?;
        Ok(admitted.binding.device().map(|device| device.id).ok_or(DeviceRefusal::NotFound)?)
    });
    let device = device.await?;
    body::ignore(body).await?;
    state.limits.take_recovery(&asked.caller)?;

    let ask = Ask {
        what: action,
        caller: asked.caller.clone(),
        device,
        path: asked.path.clone(),
        request: asked.request,
        client_request_id: asked.client_request_id.clone(),
        retry: asked.retry,
        reason: asked.reason.clone(),
        break_glass: asked.break_glass.clone(),
        action: ActionId(state.entropy.uuid()),
    };
    let begun = begin(state, Arc::clone(&asked), ask).await?;
    tracing::info!(
        action.name = action.name,
        device.id = %device,
        tenant.id = %asked.tenant(),
        request.id = %asked.request,
        outcome = outcome(&begun),
        "a remote action was asked for"
    );
    match begun {
        Decided::Done(Begun::Opened(_) | Begun::AlreadyOpen(_) | Begun::Repeated(_)) => Ok(response::no_content()),
        Decided::RefusedAndRecorded(refusal) => Err(refusal.into()),
    }
}

async fn begin(state: &Arc<GraphState>, asked: Arc<Asked>, ask: Ask) -> Result<Decided<Begun>, GraphError> {
    let (now, sealer) = (asked.now, Arc::clone(&state.sealer));
    let begun = write_and_alert(state, move |unit| {
        // Links and roles may have gone since the request was admitted; what is decided holds for one moment.
        asked.follow(unit)?;
        ask::accept(unit, sealer.as_ref(), &ask, now)
    });
    let (begun, waits) = begun.await?;
    // Durable now: the device may come for it.
    if let Some(enrollment) = waits {
        state.waker.wake(enrollment);
    }
    Ok(begun)
}

fn outcome(begun: &Decided<Begun>) -> &'static str {
    match begun {
        Decided::Done(Begun::Opened(_)) => "opened",
        Decided::Done(Begun::AlreadyOpen(_)) => "already open",
        Decided::Done(Begun::Repeated(_)) => "repeated",
        Decided::RefusedAndRecorded(_) => "refused",
    }
}
