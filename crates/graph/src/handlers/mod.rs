//! From a request to a response. The order of answers is written here, once: version and route, token,
//! tenant and licence, permission, verb, query options, id syntax, existence, preconditions.

mod act;
mod link;
mod list;
mod read;
mod response;
mod write;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use chaveiro_core::caller::Caller;
use chaveiro_core::id::{RequestId, TenantId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::View;
use chaveiro_core::{Refusal, Timestamp};
use http::{HeaderMap, Method, header};

use crate::GraphState;
use crate::error::{self, GraphError, Place};
use crate::follow::{Binding, check_keys, follow};
use crate::model::MODEL;
use crate::query::{Query, Selection};
use crate::resolve::{self, End, Version, Walk};
use crate::verb::{self, Verb};

/// Longest `client-request-id` that is echoed and kept.
const MAX_CLIENT_REQUEST_ID: usize = 128;

/// Namespace of actions in Intune's own paths, as its errors print them.
const INTUNE_ACTIONS: &str = "microsoft.management.services.api.";

/// A request whose token is verified.
pub(crate) struct Asked {
    pub(crate) walk: Walk,
    pub(crate) verb: Verb,
    pub(crate) required: &'static [Permission],
    pub(crate) query: Result<Query, crate::query::QueryError>,
    pub(crate) caller: Caller,
    pub(crate) request: RequestId,
    pub(crate) client_request_id: Option<String>,
    pub(crate) now: Timestamp,
    /// Path as asked, still encoded.
    pub(crate) path: String,
    /// HEAD: nothing is shown, so nothing may be disclosed.
    pub(crate) head: bool,
}

/// What an admitted request is about.
pub(crate) struct Admitted {
    pub(crate) binding: Binding,
    pub(crate) query: Query,
    pub(crate) selection: Selection,
}

impl Asked {
    pub(crate) fn tenant(&self) -> TenantId {
        self.caller.tenant
    }

    /// Everything that is checked before the request is looked at more closely, in order.
    pub(crate) fn admit(&self, view: &dyn View) -> Result<Admitted, GraphError> {
        let tenant = view.tenant(self.tenant())?.ok_or(Refusal::Unlicensed)?;
        if !tenant.licence.is_active(self.now) {
            return Err(Refusal::Unlicensed.into());
        }
        if !self.caller.permissions.contains_any(self.required) {
            return Err(Refusal::MissingPermission(self.required).into());
        }
        let query = self.query.clone()?;
        let selection = self.selection(&query)?;
        check_keys(&self.walk)?;
        let binding = follow(view, self.tenant(), &self.walk)?;
        Ok(Admitted { binding, query, selection })
    }

    fn selection(&self, query: &Query) -> Result<Selection, GraphError> {
        match self.verb {
            Verb::Read => query.only(&["select"])?,
            Verb::List => {}
            Verb::Create | Verb::Update | Verb::Delete | Verb::Act | Verb::Link | Verb::Unlink => query.only(&[])?,
        }
        match MODEL.entity_type(self.walk.target()) {
            Some(entity) if self.verb == Verb::List => {
                query.check(entity, &self.walk)?;
                Ok(query.selection(entity, self.walk.version)?)
            }
            Some(entity) => Ok(query.selection(entity, self.walk.version)?),
            None => Ok(Selection::Default),
        }
    }
}

/// Answers every request under a version, and everything else with an error of the right shape.
pub(crate) async fn serve(State(state): State<Arc<GraphState>>, request: Request) -> Response {
    let now = state.clock.now();
    let id = RequestId(state.entropy.uuid());
    let client_request_id = client_request_id(request.headers());
    let cross_origin = request.headers().contains_key(header::ORIGIN);
    let head = request.method() == Method::HEAD;
    let walk = resolve::parse(request.uri().path());

    let place = Place {
        base_url: state.base_url.clone(),
        version: walk.as_ref().map_or(Version::Beta, |walk| walk.version),
        path: walk.as_ref().map(|walk| walk.parenthesised(INTUNE_ACTIONS)).unwrap_or_default(),
        request_id: id.to_string(),
        client_request_id: client_request_id.clone().unwrap_or_else(|| id.to_string()),
        now,
    };
    let answer = match walk {
        Ok(walk) => answer(&state, walk, id, client_request_id, now, request).await,
        Err(error) => Err(error.into()),
    };
    let response = answer.unwrap_or_else(|error| {
        if let GraphError::Internal(reason) = &error {
            tracing::error!(request.id = %id, reason, "a request failed inside");
        }
        error::respond(&error, &place)
    });
    response::finish(response, &place, cross_origin, head)
}

async fn answer(
    state: &Arc<GraphState>,
    walk: Walk,
    request_id: RequestId,
    client_request_id: Option<String>,
    now: Timestamp,
    request: Request,
) -> Result<Response, GraphError> {
    let method = request.method().clone();
    if method == Method::OPTIONS {
        return Ok(response::preflight(&verb::allow(&walk), request.headers()));
    }
    let get = method == Method::GET || method == Method::HEAD;
    match walk.end {
        End::Metadata if get => return Ok(response::metadata(walk.version)),
        End::Service if get => return Ok(response::service_document(&state.base_url, walk.version)),
        _ => {}
    }
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let caller = state.verifier.verify(authorization, now).await?;
    let Some((verb, required)) = verb::of(&walk, method.as_str()) else {
        return Err(wrong_verb(state, &walk, &method, &caller, now).await);
    };
    let asked = Arc::new(Asked {
        verb,
        required,
        query: Query::parse(request.uri().query()),
        caller,
        request: request_id,
        client_request_id,
        now,
        path: request.uri().path().to_owned(),
        head: method == Method::HEAD,
        walk,
    });
    let (parts, body) = request.into_parts();
    dispatch(state, asked, &parts.headers, body).await
}

async fn dispatch(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, GraphError> {
    match asked.verb {
        Verb::Read => read::single(state, asked).await,
        Verb::List => list::list(state, asked).await,
        Verb::Create => write::create(state, asked, headers, body).await,
        Verb::Update => write::update(state, asked, headers, body).await,
        Verb::Delete => write::delete(state, asked).await,
        Verb::Act => act::act(state, asked, body).await,
        Verb::Link => link::link(state, asked, headers, body).await,
        Verb::Unlink => link::unlink(state, asked).await,
    }
}

/// A known path and a method that is not for it; the licence is told first.
async fn wrong_verb(
    state: &Arc<GraphState>,
    walk: &Walk,
    method: &Method,
    caller: &Caller,
    now: Timestamp,
) -> GraphError {
    let tenant = caller.tenant;
    let licensed =
        read_store(state, move |view| Ok(view.tenant(tenant)?.is_some_and(|tenant| tenant.licence.is_active(now))));
    match licensed.await {
        Err(error) => error,
        Ok(false) => Refusal::Unlicensed.into(),
        Ok(true) => GraphError::Verb {
            method: method.to_string(),
            template: walk.route_template(),
            path: walk.parenthesised(INTUNE_ACTIONS),
            allow: verb::allow(walk),
            intune: error::is_intune(walk.target()),
        },
    }
}

/// Runs a reading that can be refused.
async fn read_store<T: Send + 'static>(
    state: &GraphState,
    work: impl FnOnce(&dyn View) -> Result<T, GraphError> + Send + 'static,
) -> Result<T, GraphError> {
    state.store.read(move |view| Ok(work(view))).await?
}

/// The caller's own id of the request: any printable text that is not too long.
fn client_request_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("client-request-id")?.to_str().ok()?.trim();
    let fits = !text.is_empty()
        && text.len() <= MAX_CLIENT_REQUEST_ID
        && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    fits.then(|| text.to_owned())
}

/// Where the entity of a walk is described: `…/$metadata#path`.
fn context(state: &GraphState, version: Version, path: &str, selection: &Selection, entity: bool) -> String {
    let suffix = if entity { "/$entity" } else { "" };
    format!("{}/{}/$metadata#{path}{}{suffix}", state.base_url, version.segment(), selection.context())
}

/// The path that names the set of a walk in contexts: the walk without its last key.
fn set_path(walk: &Walk) -> String {
    let mut set = walk.clone();
    set.end = End::Set;
    if let Some(last) = set.hops.last_mut() {
        last.key = None;
    }
    set.parenthesised("")
}
