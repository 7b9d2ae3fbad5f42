//! Applications. What is made here has no permissions: they are granted on the server's host. Whoever gives an application a
//! secret can act as it, and must hold what it may do; a secret is in one answer, and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use chaveiro_auth::{ClientSecret, new_application_secret};
use chaveiro_core::application::{Application, ApplicationRefusal, MAX_NAME, SECRET_LIFE};
use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::decisions::manage_applications::{self, holds_all_of};
use chaveiro_core::decisions::revoke_tokens::tokens_of;
use chaveiro_core::id::ApplicationId;
use chaveiro_core::ports::View;
use chaveiro_core::refusal::{ResourceRefusal, RightsRefusal};
use chaveiro_core::revocation::of_application;
use chaveiro_core::{Fault, Timestamp};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::admit::Asked;
use super::response;
use super::write::{answer, checked, no_binding};
use crate::GraphState;
use crate::body::BodyError;
use crate::entity_tag;
use crate::error::GraphError;
use crate::follow::Node;
use crate::model::{REVOKE_TOKENS, Target};
use crate::query::Selection;
use crate::render::{self, Form};

/// A new one, confidential and without permissions.
pub(super) async fn create(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, GraphError> {
    let name = name(headers, body).await?;
    let application = Application {
        tenant: asked.tenant(),
        id: ApplicationId(state.entropy.uuid()),
        display_name: name.ok_or(BodyError::Required { name: "displayName", entity: "application" })?,
        permissions: Vec::new(),
        delegated: Vec::new(),
        public: false,
        secrets: Vec::new(),
        certificates: Vec::new(),
        created: asked.now,
    };
    let (writing, row) = (Arc::clone(&asked), application.clone());
    let written = state.store.write(move |unit| {
        writing.follow(unit)?;
        manage_applications::register(unit, &row, writing.event(Activity::ApplicationRegistered))
    });
    written.await?;
    let url = format!("{}{}/{}", state.base_url, asked.path.trim_end_matches('/'), application.id);
    let (version, default) = (asked.walk.version, Selection::Default);
    let object = render::application::application(&application, version, &default, Form::Single);
    Ok(response::located(
        answer(state, &asked, object, &entity_tag::of_application(&application), StatusCode::CREATED),
        &url,
    ))
}

/// Another name.
pub(super) async fn rename(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, GraphError> {
    let Some(name) = name(headers, body).await? else { return Ok(response::no_content()) };
    let event = asked.event(Activity::ApplicationRenamed).with("name", &name);
    let rename = move |application: &mut Application| {
        application.display_name.clone_from(&name);
        Ok(())
    };
    change(state, asked, event, none, rename).await?;
    Ok(response::no_content())
}

/// Another secret: the answer is the only place where it stands.
pub(super) async fn add_password(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    given: &Map<String, Value>,
) -> Result<Response, GraphError> {
    let credential = given.get("passwordCredential").and_then(Value::as_object);
    let member = |name: &str| credential.and_then(|credential| credential.get(name)?.as_str());
    let display_name = member("displayName").map(str::to_owned);
    fits("displayName", display_name.as_deref().unwrap_or_default())?;
    let (secret, mut kept) =
        new_application_secret(asked.now, life(asked.now, member("endDateTime"))?, state.entropy.as_ref());
    kept.display_name = display_name;

    let (version, base_url) = (asked.walk.version, state.base_url.clone());
    let event = manage_applications::secret_added(asked.event(Activity::ApplicationSecretChanged), &kept);
    let added = kept.clone();
    change(state, asked, event, caller_holds_all, move |application| application.add_secret(added.clone())).await?;
    let context = format!("{base_url}/{}/$metadata#microsoft.graph.passwordCredential", version.segment());
    Ok(response::secret_json(with_secret(&context, render::application::password(&kept, version), &secret)))
}

/// One secret less, and with it the tokens that it may have brought whoever has it, when that is asked for.
pub(super) async fn remove_password(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    given: &Map<String, Value>,
) -> Result<Response, GraphError> {
    let id = given.get("keyId").and_then(Value::as_str).and_then(|text| Uuid::try_parse(text).ok());
    let id = id.ok_or_else(|| GraphError::Internal("a key id that was checked".to_owned()))?;
    let revokes = given.get(REVOKE_TOKENS).and_then(Value::as_bool).unwrap_or_default();
    let removed = asked.event(Activity::ApplicationSecretChanged).with("removed", id);
    let clock = Arc::clone(&state.clock);
    let written = state.store.write(move |unit| {
        let found = found(unit, &asked)?;
        let remove = |application: &mut Application| application.remove_secret(id);
        manage_applications::change(unit, found.tenant, found.id, removed.clone(), remove)?;
        if revokes {
            let event = asked.event(Activity::TokensRevoked);
            tokens_of(unit, found.tenant, &of_application(found.id), event, clock.now())?;
        }
        Ok(())
    });
    written.await?;
    Ok(response::no_content())
}

/// What must hold of the caller and the application, beside the role.
type Condition = fn(&dyn View, &Asked, &Application) -> Result<(), Fault>;

fn none(_: &dyn View, _: &Asked, _: &Application) -> Result<(), Fault> {
    Ok(())
}

fn caller_holds_all(view: &dyn View, asked: &Asked, application: &Application) -> Result<(), Fault> {
    match holds_all_of(view, &asked.caller, application)? {
        true => Ok(()),
        false => Err(RightsRefusal::ApplicationBeyondCaller.into()),
    }
}

/// Changes the application at the end of the walk.
async fn change(
    state: &GraphState,
    asked: Arc<Asked>,
    event: AuditEvent,
    condition: Condition,
    change: impl Fn(&mut Application) -> Result<(), ApplicationRefusal> + Send + 'static,
) -> Result<(), GraphError> {
    let written = state.store.write(move |unit| {
        let found = found(unit, &asked)?;
        condition(unit, &asked, &found)?;
        manage_applications::change(unit, found.tenant, found.id, event.clone(), &change).map(drop)
    });
    Ok(written.await?)
}

/// The application at the end of the walk.
fn found(view: &dyn View, asked: &Asked) -> Result<Box<Application>, Fault> {
    match asked.follow(view)?.node {
        Node::Application(found) => Ok(found),
        _ => Err(ResourceRefusal::NotFound("application").into()),
    }
}

/// The name that a body gives.
async fn name(headers: &HeaderMap, body: &mut Body) -> Result<Option<String>, GraphError> {
    let checked = checked(headers, body, Target::Application).await?;
    if let Some((name, _)) = checked.binds.first() {
        return Err(no_binding(name).into());
    }
    let name = checked.properties.get("displayName").and_then(Value::as_str).map(|name| name.trim().to_owned());
    fits("displayName", name.as_deref().unwrap_or_default())?;
    Ok(name)
}

fn fits(name: &'static str, text: &str) -> Result<(), BodyError> {
    match text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(BodyError::Value { name, expected: format!("one line of up to {MAX_NAME} characters") }),
    }
}

/// How long a secret is to live.
fn life(now: Timestamp, end: Option<&str>) -> Result<Duration, BodyError> {
    let Some(end) = end else { return Ok(SECRET_LIFE) };
    let left = end.parse::<Timestamp>().ok().and_then(|end| Duration::try_from(end.duration_since(now)).ok());
    let expected = "a moment in the future, such as 2099-01-31T00:00:00Z".to_owned();
    left.filter(|left| !left.is_zero()).ok_or(BodyError::Value { name: "endDateTime", expected })
}

/// The JSON of a secret with the secret itself in it, written without an intermediate copy.
fn with_secret(context: &str, password: Value, secret: &ClientSecret) -> Zeroizing<Vec<u8>> {
    let mut members = Map::from_iter([("@odata.context".to_owned(), context.into())]);
    if let Value::Object(known) = password {
        members.extend(known.into_iter().filter(|(name, _)| name != "secretText"));
    }
    let head = Value::Object(members).to_string();
    // Every character of a secret stands for itself in JSON: it is base64 and a prefix.
    let parts = [head.trim_end_matches('}'), ",\"secretText\":\"", secret.expose_secret(), "\"}"];
    let mut body = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| body.extend_from_slice(part.as_bytes()));
    body
}
