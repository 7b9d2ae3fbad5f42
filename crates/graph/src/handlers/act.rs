//! Remote actions, whichever walk leads to the device.

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::response::Response;
use chaveiro_core::Decided;
use chaveiro_core::decisions::ask::{self, Ask, Begun};
use chaveiro_core::id::{ActionId, DeviceId};
use chaveiro_core::remote_action::RemoteAction;

use super::admit::Asked;
use super::response;
use super::store::write_and_alert_in;
use super::write::admitted;
use crate::GraphState;
use crate::body;
use crate::error::GraphError;
use crate::resolve::End;

/// Accepts an action. The body is read and ignored; 204 leaves after the action is durable.
pub(super) async fn act(state: &Arc<GraphState>, asked: Arc<Asked>, body: &mut Body) -> Result<Response, GraphError> {
    let End::Action(action) = asked.walk.end else {
        return Err(GraphError::Internal("a remote action without its name".to_owned()));
    };
    if let Err(unread) = body::ignore(body).await {
        // A request that is not admitted is refused for that, whatever its body is.
        admitted(state, &asked).await?;
        return Err(unread.into());
    }
    let (begun, device) = begin(state, &asked, action).await?;
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

/// Admits the request and accepts the action in one unit of work: links, roles and decision hold for one moment.
async fn begin(
    state: &Arc<GraphState>,
    asked: &Arc<Asked>,
    what: &'static RemoteAction,
) -> Result<(Decided<Begun>, DeviceId), GraphError> {
    let (face, asked, action) = (Arc::clone(state), Arc::clone(asked), ActionId(state.entropy.uuid()));
    // The limit is outside the store: a request counts once, also if the unit of work runs again.
    let counted = OnceLock::new();
    let begun = write_and_alert_in(state, asked.scope(), move |unit| {
        let admitted = asked.admit(unit)?;
        (*counted.get_or_init(|| face.limits.take_recovery(&asked.caller)))?;
        asked.require_state(&admitted.binding)?;
        let facts = admitted.facts()?;
        let ask = Ask {
            what,
            caller: asked.caller.clone(),
            device: facts.device.id,
            path: asked.path.clone(),
            request: asked.request,
            client_request_id: asked.client_request_id.clone(),
            retry: asked.retry,
            reason: asked.reason.clone(),
            break_glass: asked.break_glass.clone(),
            action,
        };
        let (begun, waits) = ask::accept(unit, face.sealer.as_ref(), &ask, facts, asked.now)?;
        Ok((begun, waits, ask.device))
    });
    let (begun, waits, device) = begun.await?;
    // Durable now: the device may come for it.
    if let Some(enrollment) = waits {
        state.waker.wake(enrollment);
    }
    Ok((begun, device))
}

fn outcome(begun: &Decided<Begun>) -> &'static str {
    match begun {
        Decided::Done(Begun::Opened(_)) => "opened",
        Decided::Done(Begun::AlreadyOpen(_)) => "already open",
        Decided::Done(Begun::Repeated(_)) => "repeated",
        Decided::RefusedAndRecorded(_) => "refused",
    }
}
