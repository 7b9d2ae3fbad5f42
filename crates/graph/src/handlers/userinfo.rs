//! `GET /oidc/userinfo`: the caller, as OpenID Connect tells it, with the caller's roles and rights here.
//!
//! Every token that the API accepts is good for it, whatever its permissions: it tells callers about themselves alone. A
//! person without a role learns so by an empty list, instead of a refusal.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use chaveiro_core::caller::{ActorKind, Caller};
use chaveiro_core::decisions::revocation::require_valid;
use chaveiro_core::decisions::rights;
use chaveiro_core::id::{RequestId, ResourceId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{StoreError, View};
use chaveiro_core::refusal::{RightsRefusal, TenantRefusal};
use chaveiro_core::refused::By;
use chaveiro_core::resource::ResourceKind;
use chaveiro_core::rights::Rights;
use chaveiro_core::role::RoleAction;
use chaveiro_core::scope_tag::Visibility;
use chaveiro_core::{Fault, Refusal, Timestamp};
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::store::read_store;
use super::{client_request_id, conclude, response, throttle, verified};
use crate::GraphState;
use crate::body;
use crate::error::{GraphError, Place};
use crate::model::Service;
use crate::negotiation::Format;
use crate::resolve::Version;

/// The path of the endpoint, as Microsoft Graph has it.
pub(crate) const PATH: &str = "/oidc/userinfo";

/// Answers a caller that asks about itself.
pub(crate) async fn serve(State(state): State<Arc<GraphState>>, request: Request) -> Response {
    let (now, id) = (state.clock.now(), RequestId(state.entropy.uuid()));
    let place = Place {
        base_url: state.base_url.clone(),
        version: Version::V1,
        path: PATH.to_owned(),
        request_id: id.to_string(),
        client_request_id: client_request_id(request.headers()).unwrap_or_else(|| id.to_string()),
        now,
        service: Service::Directory,
        caller: None,
    };
    let (parts, mut body) = request.into_parts();
    let mut by = By::Stranger;
    let answer = answer(&state, &parts, now, &mut by).await;
    body::drain(&mut body).await;
    conclude(answer, place, by, PATH.to_owned(), &parts)
}

async fn answer(state: &GraphState, parts: &Parts, now: Timestamp, by: &mut By) -> Result<Response, GraphError> {
    let caller = verified(state, parts, now, by).await?;
    throttle(state, &caller, &Method::GET)?;
    let told = read_store(state, move |view| tell(view, &caller, now)).await?;
    Ok(response::json(Format::default(), StatusCode::OK, &told))
}

/// The caller, and what it may do at this moment.
fn tell(view: &dyn View, caller: &Caller, now: Timestamp) -> Result<Value, GraphError> {
    require_valid(view, caller)?;
    let tenant = view.tenant(caller.tenant)?.filter(|tenant| tenant.licence.is_active(now));
    let tenant = tenant.ok_or(TenantRefusal::Unlicensed)?;
    let rights = match rights::of(view, caller) {
        Err(Fault::Refused(Refusal::Rights(RightsRefusal::NoRole))) => Rights::Roles(Vec::new()),
        rights => rights?,
    };
    let actor = &caller.actor;
    let subject = actor.user_id.as_ref().unwrap_or(&actor.application_id);
    Ok(json!({
        "sub": subject,
        "oid": actor.user_id,
        "tid": caller.tenant,
        "name": display_name(view, caller)?,
        "preferred_username": actor.user_principal_name,
        "chaveiro_kind": kind(actor.kind),
        "chaveiro_application": actor.application_name.as_ref().unwrap_or(&actor.application_id),
        "chaveiro_tenant": tenant.display_name,
        "chaveiro_roles": roles(&rights),
        "chaveiro_permissions": caller.permissions.iter().map(Permission::name).collect::<Vec<_>>(),
        "chaveiro_actions": actions(&rights),
    }))
}

/// The name of the person, if this server knows it.
fn display_name(view: &dyn View, caller: &Caller) -> Result<Option<String>, StoreError> {
    let id = caller.actor.user_id.as_deref().and_then(|id| id.parse().ok());
    let Some(id) = id else { return Ok(None) };
    let user = view.resource(caller.tenant, ResourceKind::User, ResourceId(id))?;
    let properties = user.and_then(|user| serde_json::from_str::<Value>(&user.properties).ok());
    Ok(properties.and_then(|properties| properties["displayName"].as_str().map(str::to_owned)))
}

fn kind(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::Delegated => "user",
        ActorKind::Operator => "operator",
        ActorKind::Application | ActorKind::Device | ActorKind::System => "application",
    }
}

/// The roles, each with the tags of its devices; null for all devices.
fn roles(rights: &Rights) -> Value {
    let Rights::Roles(roles) = rights else { return json!([]) };
    roles.iter().map(|(role, scope)| json!({"role": role.key, "name": role.name, "tags": tags(scope)})).collect()
}

/// The actions that the roles allow, each with the tags of its devices; null for all devices. A token needs the permission,
/// too. Null instead of a list if the permissions alone decide.
fn actions(rights: &Rights) -> Value {
    if *rights == Rights::Permissions {
        return Value::Null;
    }
    let allowed = |action: &RoleAction| Some((action.name(), rights.scope(*action)?));
    let allowed = RoleAction::ALL.iter().filter_map(allowed);
    allowed.map(|(name, scope)| json!({"action": name, "tags": tags(&scope)})).collect()
}

fn tags(scope: &Visibility) -> Value {
    match scope {
        Visibility::All => Value::Null,
        Visibility::Tagged(tags) => json!(tags),
    }
}
