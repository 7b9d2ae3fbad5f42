//! Operations: what their bodies say, and which code does them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use chaveiro_core::decisions::hold;
use chaveiro_core::decisions::revoke_tokens::{Person, sign_out};
use chaveiro_core::hold::{MAX_QUIET_MINUTES, MAX_REASON, Release};
use chaveiro_core::refusal::ResourceRefusal;
use chaveiro_core::revocation;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::admit::Asked;
use super::{application, read_store, response};
use crate::GraphState;
use crate::body::{self, BodyError};
use crate::error::GraphError;
use crate::follow::Node;
use crate::model::Does;
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
    match operation.does {
        Does::ReleaseHold => release_hold(state, asked, &given).await,
        Does::AddPassword => application::add_password(state, asked, &given).await,
        Does::RemovePassword => application::remove_password(state, asked, &given).await,
        Does::RevokeSignInSessions => revoke_sign_in_sessions(state, asked).await,
    }
}

async fn release_hold(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    given: &Map<String, Value>,
) -> Result<Response, GraphError> {
    let reason = given.get("reason").and_then(Value::as_str).map(str::trim).filter(|reason| !reason.is_empty());
    if reason.is_some_and(|reason| reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control)) {
        let expected = format!("one line of up to {MAX_REASON} characters");
        return Err(BodyError::Value { name: "reason", expected }.into());
    }
    let quiet_until = match given.get("quietMinutes").and_then(Value::as_i64) {
        None => None,
        Some(minutes @ 1..) if minutes <= i64::from(MAX_QUIET_MINUTES) => {
            asked.now.checked_add(Duration::from_secs(minutes.unsigned_abs() * 60)).ok()
        }
        Some(_) => {
            let expected = format!("a number of minutes from 1 to {MAX_QUIET_MINUTES}, or left out");
            return Err(BodyError::Value { name: "quietMinutes", expected }.into());
        }
    };
    let by = asked.caller.actor.clone();
    let release = Release { at: asked.now, by, quiet_until, reason: reason.map(str::to_owned) };
    let written = state.store.write(move |unit| match asked.follow(unit)?.node {
        Node::Hold(hold) => hold::release_in_request(unit, hold.tenant, hold.id, release.clone(), asked.request),
        _ => Err(ResourceRefusal::NotFound("hold").into()),
    });
    let hold = written.await?;
    tracing::info!(tenant.id = %hold.tenant, hold.id = %hold.id, "a hold was released through the API");
    Ok(response::no_content())
}

/// Ends the sign-ins and the access tokens of a user. Of the caller herself by every name that she has for certain.
async fn revoke_sign_in_sessions(state: &Arc<GraphState>, asked: Arc<Asked>) -> Result<Response, GraphError> {
    let context = format!("{}/{}/$metadata#Edm.Boolean", state.base_url, asked.walk.version.segment());
    let clock = Arc::clone(&state.clock);
    let written = state.store.write(move |unit| {
        let Node::Resource(user) = asked.follow(unit)?.node else {
            return Err(ResourceRefusal::NotFound("user").into());
        };
        let mut person = Person::of(&user);
        if asked.of_oneself {
            person.names.extend(revocation::of_oneself(&asked.caller));
        }
        let event = |activity| asked.event(activity);
        Ok((person.id, sign_out(unit, &person, event, clock.now())?))
    });
    let (user, ended) = written.await?;
    tracing::info!(user.id = %user, sign_ins = ended.sign_ins, "a user was signed out through the API");
    Ok(response::json(StatusCode::OK, &json!({"@odata.context": context, "value": true})))
}
