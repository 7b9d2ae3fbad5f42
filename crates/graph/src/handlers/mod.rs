//! From a request to a response. The order of answers is written here and in [`admit`], once. It is: version and route,
//! token, limits, revocation, tenant and licence, verb, role, permission, query options, id syntax, existence,
//! preconditions.

mod act;
pub(crate) mod admit;
pub(crate) mod answer;
mod batch;
mod expand;
mod expansions;
pub(crate) mod given;
mod link;
mod list;
mod oneself;
mod operate;
mod read;
pub(crate) mod response;
pub(crate) mod store;
pub(crate) mod userinfo;
mod write;

pub(crate) use response::is_secret;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use chaveiro_core::Timestamp;
use chaveiro_core::caller::Caller;
use chaveiro_core::decisions::revocation::require_valid;
use chaveiro_core::hold::MAX_REASON;
use chaveiro_core::id::RequestId;
use chaveiro_core::ports::{BoxFuture, Peer, Sender};
use chaveiro_core::refusal::TenantRefusal;
use chaveiro_core::refused::{By, Face, Refused, RefusedRequests};
use http::request::Parts;
use http::{HeaderMap, Method, header};

use crate::GraphState;
use crate::body::{self, BodyError};
use crate::entity_tag::IfMatch;
use crate::error::{self, GraphError, Place};
use crate::kinds::{MODEL, finding};
use crate::limits::Throttled;
use crate::model::Service;
use crate::negotiation::{Offer, Wanted};
use crate::query::{OF_ANSWER, Query, Taken};
use crate::resolve::{End, Version, Walk, without_empty_segments};
use crate::verb::{self, Verb};

use admit::Asked;
use oneself::{is_of_oneself, of_caller};
use store::read_store;

/// Longest `client-request-id` that is echoed and kept.
const MAX_CLIENT_REQUEST_ID: usize = 128;

/// The header by which a recovery passes a hold, with a reason.
const BREAK_GLASS: &str = "x-chaveiro-break-glass";

/// The header by which a caller says why it asks or reads, for the record.
const REASON: &str = "x-chaveiro-reason";

/// The address of the client, for the items of a batch: those of the request around them.
#[derive(Clone, Copy)]
struct ClientAddress(IpAddr);

/// Namespace of actions in Intune's own paths, as its errors print them.
const INTUNE_ACTIONS: &str = "microsoft.management.services.api.";

/// Answers every request under a version, and everything else with an error of the right shape.
pub(crate) async fn serve(State(state): State<Arc<GraphState>>, request: Request) -> Response {
    respond(&state, request, None).await
}

/// Answers one request, alone or in a batch; one that a batch refused is answered with that. Boxed, because a batch
/// answers its requests this way too.
fn respond(state: &Arc<GraphState>, request: Request, refused: Option<GraphError>) -> BoxFuture<'_, Response> {
    Box::pin(respond_to(state, request, refused))
}

async fn respond_to(state: &Arc<GraphState>, request: Request, refused: Option<GraphError>) -> Response {
    let now = state.clock.now();
    let id = RequestId(state.entropy.uuid());
    let client_request_id = client_request_id(request.headers());
    let walk = MODEL.parse(request.uri().path());
    let (parts, mut body) = request.into_parts();

    let path = walk.as_ref().map(Walk::template).unwrap_or_default();
    let mut sender = By::Stranger;
    let place = Place {
        base_url: state.base_url.clone(),
        version: walk.as_ref().map_or(Version::Beta, |walk| walk.version),
        path: walk.as_ref().map(|walk| walk.parenthesised(INTUNE_ACTIONS)).unwrap_or_default(),
        request_id: id.to_string(),
        client_request_id: client_request_id.clone().unwrap_or_else(|| id.to_string()),
        now,
        service: walk.as_ref().map_or(Service::Intune, Walk::service),
        caller: None,
    };
    let answer = match (refused, walk) {
        (Some(refused), _) => Err(refused),
        (None, Ok(walk)) => {
            let arrived = Arrived { id, client_request_id, now, parts: &parts };
            answer(state, walk, arrived, &mut sender, &mut body).await
        }
        (None, Err(error)) => Err(error.into()),
    };
    let is_slow = matches!(answer, Err(GraphError::Body(BodyError::TooSlow(_))));
    if !is_slow {
        // Most requests are read to their end by now; a `GET` may have a body, too.
        body::drain(&mut body).await;
    }
    conclude(answer, place, sender, path, &parts)
}

/// The response to a request: its answer, or its refusal.
fn conclude(
    answer: Result<Response, GraphError>,
    mut place: Place,
    sender: By,
    path: String,
    parts: &Parts,
) -> Response {
    let proven = !matches!(sender, By::Stranger);
    if let By::Caller { actor, .. } = &sender {
        place.caller = Some(actor.kind);
    }
    let mut response = answer.unwrap_or_else(|error| {
        if let GraphError::Internal(reason) = &error {
            tracing::error!(request.id = %place.request_id, reason, "a request failed inside");
        }
        if let GraphError::EscrowNotReady(reason) = &error {
            tracing::error!(request.id = %place.request_id, reason, "a recovery was refused because the escrow is not ready");
        }
        refusal(&error, &place, sender, path)
    });
    if proven {
        response.extensions_mut().insert(Sender::Known);
    }
    let cross_origin = parts.headers.contains_key(header::ORIGIN);
    response::finish(response, &place, cross_origin, parts.method == Method::HEAD)
}

/// The response to a request that is refused, with what the log of refused requests tells.
fn refusal(error: &GraphError, place: &Place, by: By, path: String) -> Response {
    let mut response = error::respond(error, place);
    if let Some((reason, code)) = error::reason(error, place) {
        let refused = Refused { face: Face::Graph, reason, by, path, code: code.to_owned() };
        response.extensions_mut().insert(RefusedRequests(vec![refused]));
    }
    response
}

/// A request as it arrived, without its path and its body.
struct Arrived<'a> {
    id: RequestId,
    client_request_id: Option<String>,
    now: Timestamp,
    parts: &'a Parts,
}

/// Answers a walk; `sender` becomes the caller as soon as its token is verified.
async fn answer(
    state: &Arc<GraphState>,
    walk: Walk,
    arrived: Arrived<'_>,
    sender: &mut By,
    body: &mut Body,
) -> Result<Response, GraphError> {
    let Arrived { id, client_request_id, now, parts } = arrived;
    let method = &parts.method;
    if *method == Method::OPTIONS {
        return Ok(response::preflight(&verb::allow(&walk), &parts.headers));
    }
    let taken = |options| Taken { options, place: format!("{method} {}", place_of(&walk)) };
    if *method == Method::GET || *method == Method::HEAD {
        let wanted = |offer| {
            let query = Query::parse(parts.uri.query(), &taken(OF_ANSWER))?;
            Ok::<_, GraphError>(Wanted::read(&parts.headers, query.format.as_deref(), Some(offer))?)
        };
        match walk.end {
            End::Metadata => {
                wanted(Offer::Xml)?;
                return Ok(response::metadata(walk.model, walk.version));
            }
            End::Service => {
                let format = wanted(Offer::Json)?.format;
                return Ok(response::service_document(format, walk.model, &state.base_url, walk.version));
            }
            _ => {}
        }
    }
    let caller = verified(state, parts, now, sender).await?;
    if matches!(walk.end, End::Batch) && *method == Method::POST {
        let query = Query::parse(parts.uri.query(), &taken(&[]));
        let wanted =
            query.map_err(GraphError::from).and_then(|_| Ok(Wanted::read(&parts.headers, None, Some(Offer::Json))?));
        return batch::serve(state, &caller, walk.version, &parts.headers, wanted, body).await;
    }
    throttle(state, &caller, method)?;
    let Some((verb, required)) = verb::of(&walk, method.as_str()) else {
        return Err(wrong_verb(state, &walk, method, &caller, now).await);
    };
    let query = Query::parse(parts.uri.query(), &taken(verb::options(&walk, verb)));
    let format = query.as_ref().ok().and_then(|query| query.format.as_deref());
    let wanted = Wanted::read(&parts.headers, format, verb::offer(&walk, verb));
    let walk = of_caller(walk, &caller)?;
    let asked = Arc::new(Asked {
        verb,
        required,
        role_action: verb::role_action(&walk, verb),
        query,
        wanted,
        request: id,
        client_request_id,
        retry: retry(&parts.headers),
        reason: reason(&parts.headers),
        break_glass: break_glass(&parts.headers),
        if_match: IfMatch::read(&parts.headers),
        now,
        path: without_empty_segments(parts.uri.path()),
        of_oneself: is_of_oneself(&walk, &caller),
        head: *method == Method::HEAD,
        kinds: finding,
        caller,
        walk,
    });
    dispatch(state, asked, &parts.headers, body).await
}

/// The caller of a request, by its token. `sender` becomes the caller as soon as that is verified.
async fn verified(state: &GraphState, parts: &Parts, now: Timestamp, sender: &mut By) -> Result<Caller, GraphError> {
    let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let mut caller = state.verifier.verify(authorization, now).await?;
    if let Some(connection) = parts.extensions.get::<Arc<dyn Peer>>() {
        connection.has_proven_itself();
    }
    caller.actor.address = address(state, parts);
    *sender = By::Caller { tenant: caller.tenant, actor: Box::new(caller.actor.clone()) };
    Ok(caller)
}

async fn dispatch(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, GraphError> {
    match asked.verb {
        Verb::Read => read::single(state, asked).await,
        Verb::List => list::list(state, asked).await,
        Verb::Count => list::count(state, asked).await,
        Verb::Create => write::create(state, asked, headers, body).await,
        Verb::Update => write::update(state, asked, headers, body).await,
        Verb::Delete => write::delete(state, asked).await,
        Verb::Act => act::act(state, asked, body).await,
        Verb::Operate => operate::operate(state, asked, headers, body).await,
        Verb::Link => link::link(state, asked, headers, body).await,
        Verb::Unlink => link::unlink(state, asked).await,
    }
}

/// The path as errors of options name it.
fn place_of(walk: &Walk) -> String {
    match walk.template() {
        root if root.is_empty() => "/".to_owned(),
        path => path,
    }
}

/// A known path and a method that is not for it; a revoked token and the licence are told first.
async fn wrong_verb(
    state: &Arc<GraphState>,
    walk: &Walk,
    method: &Method,
    caller: &Caller,
    now: Timestamp,
) -> GraphError {
    let asked_by = caller.clone();
    let licensed = read_store(state, move |view| {
        require_valid(view, &asked_by)?;
        Ok(view.tenant(asked_by.tenant)?.is_some_and(|tenant| tenant.licence.is_active(now)))
    });
    match licensed.await {
        Err(error) => error,
        Ok(false) => TenantRefusal::Unlicensed.into(),
        Ok(true) => GraphError::Verb {
            method: method.to_string(),
            template: walk.route_template(),
            path: walk.parenthesised(INTUNE_ACTIONS),
            allow: verb::allow(walk),
            intune: walk.target().service == Service::Intune,
        },
    }
}

/// Counts one request of a verified caller against the limits. Each item of a batch is one.
pub(crate) fn throttle(state: &GraphState, caller: &Caller, method: &Method) -> Result<(), Throttled> {
    let writes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    state.limits.take(caller, writes)
}

/// `Retry-Attempt`, which SDKs add to a repeated request (docs/graph-facts.md#retries).
fn retry(headers: &HeaderMap) -> bool {
    let text = headers.get("retry-attempt").and_then(|value| value.to_str().ok());
    text.and_then(|text| text.trim().parse::<u32>().ok()).is_some_and(|attempt| attempt >= 1)
}

/// The reason of a caller that wants to pass a hold. Invalid UTF-8 becomes an empty reason, which the domain refuses.
fn break_glass(headers: &HeaderMap) -> Option<String> {
    headers.get(BREAK_GLASS).map(|value| std::str::from_utf8(value.as_bytes()).unwrap_or_default().to_owned())
}

/// The caller's reason, in its own words: one line of up to [`MAX_REASON`] characters.
fn reason(headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(REASON)?.as_bytes()).into_owned();
    let text: String = text.trim().chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
    (!text.is_empty()).then_some(text)
}

/// The address of the client, by the connection and by proxies that are trusted.
fn address(state: &GraphState, parts: &Parts) -> Option<IpAddr> {
    if let Some(ClientAddress(address)) = parts.extensions.get() {
        return Some(*address);
    }
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(state.proxies.client(peer.ip(), &parts.headers))
}

/// The caller's own id of the request: any printable text that is not too long.
fn client_request_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("client-request-id")?.to_str().ok()?.trim();
    let fits = !text.is_empty()
        && text.len() <= MAX_CLIENT_REQUEST_ID
        && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    fits.then(|| text.to_owned())
}
