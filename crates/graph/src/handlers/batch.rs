//! `$batch`: up to twenty requests in one. Each goes the way of a request of its own, with its own limits, audit record
//! and disclosure. All use the token of the batch, unless an item brings another.
//!
//! Items run one after the other, in their order: a dependency names an earlier item, so it has always been answered.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chaveiro_core::caller::Caller;
use chaveiro_core::decisions::revocation::require_valid;
use chaveiro_core::refused::RefusedRequests;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::store::read_store;
use super::{ClientAddress, respond, response, throttle};
use crate::GraphState;
use crate::batch::{self, Batch, BatchError, Item, MAX_BATCH_BYTES};
use crate::body;
use crate::error::GraphError;
use crate::kinds::MODEL;
use crate::negotiation::{Format, Wanted};
use crate::resolve::{End, Version, relative};
use crate::shown::shown;

/// Headers that an item inherits from the request around it, unless it has its own.
const INHERITED: [HeaderName; 4] = [
    header::AUTHORIZATION,
    HeaderName::from_static("client-request-id"),
    HeaderName::from_static("retry-attempt"),
    HeaderName::from_static(super::REASON),
];

/// Headers of an answer that its item carries, as clients spell them.
const CARRIED: [(&str, &str); 11] = [
    ("content-type", "Content-Type"),
    ("location", "Location"),
    ("retry-after", "Retry-After"),
    ("www-authenticate", "WWW-Authenticate"),
    ("allow", "Allow"),
    ("cache-control", "Cache-Control"),
    ("odata-version", "OData-Version"),
    ("etag", "ETag"),
    ("preference-applied", "Preference-Applied"),
    ("request-id", "request-id"),
    ("client-request-id", "client-request-id"),
];

/// Answers a batch of a caller whose token was verified. Each item is counted, those that are none by themselves, too.
pub(super) async fn serve(
    state: &Arc<GraphState>,
    caller: &Caller,
    version: Version,
    headers: &HeaderMap,
    wanted: Result<Wanted, GraphError>,
    body: &mut Body,
) -> Result<Response, GraphError> {
    // A client that understands the challenge sends all of it again, and not the items that were refused.
    let asked_by = caller.clone();
    read_store(state, move |view| Ok(require_valid(view, &asked_by)?)).await?;
    let (format, batch) = match read(headers, wanted, body).await {
        Ok(read) => read,
        Err(error) => {
            throttle(state, caller, &Method::GET)?;
            return Err(error);
        }
    };
    let mut failed = BTreeSet::new();
    let (mut answers, mut refusals) = (Vec::new(), RefusedRequests::default());
    for mut item in batch.requests {
        let id = item.id.clone();
        // The Python SDK gives whole addresses, of this server.
        let own = item.url.strip_prefix(&state.base_url).filter(|rest| rest.starts_with('/')).map(str::to_owned);
        item.url = own.unwrap_or(item.url);
        let unmet = item.depends_on.iter().find(|id| failed.contains(id.as_str()));
        let request = match unmet {
            Some(id) => Err(BatchError::Failed(id.clone())),
            None => request(item, version, headers),
        };
        let (request, refused) = match request {
            Ok(mut request) => {
                if let Some(address) = caller.actor.address {
                    request.extensions_mut().insert(ClientAddress(address));
                }
                (request, None)
            }
            Err(error) => {
                let counted = match error {
                    BatchError::Failed(_) => Ok(()),
                    _ => throttle(state, caller, &Method::GET),
                };
                let refused = counted.map_or_else(GraphError::from, |()| error.into());
                (Request::new(Body::empty()), Some(refused))
            }
        };
        let mut answer = respond(state, request, refused).await;
        refusals
            .0
            .extend(answer.extensions_mut().remove::<RefusedRequests>().into_iter().flat_map(|refused| refused.0));
        if answer.status().as_u16() >= 400 {
            failed.insert(id.clone());
        }
        answers.push(answered(&id, answer).await);
    }
    let mut response = together(format, &answers);
    response.extensions_mut().insert(refusals);
    Ok(response)
}

/// The batch, and the format of its answer.
async fn read(
    headers: &HeaderMap,
    wanted: Result<Wanted, GraphError>,
    body: &mut Body,
) -> Result<(Format, Batch), GraphError> {
    let wanted = wanted?;
    let object = body::json_object_within(headers, body, MAX_BATCH_BYTES).await?;
    Ok((wanted.format, batch::read(object)?))
}

/// The request that an item means.
fn request(item: Item, version: Version, outer: &HeaderMap) -> Result<Request, BatchError> {
    let allowed = [Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE];
    let method = allowed.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(&item.method));
    let url = address(version, &item.url)?;
    let mut headers = HeaderMap::new();
    for name in INHERITED {
        if let Some(value) = outer.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    for (name, value) in &item.headers {
        let wrong = || BatchError::Header(shown(name));
        let value = value.as_str().ok_or_else(wrong)?;
        let value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value);
    }
    let body = content(&item.body, &headers)?;
    let mut request = Request::new(body);
    *request.method_mut() = method.ok_or(BatchError::Method(shown(&item.method)))?;
    *request.uri_mut() = url;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Characters that people leave as they are in the URLs of a batch, and HTTP does not allow.
const RAW: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

fn address(version: Version, url: &str) -> Result<http::Uri, BatchError> {
    let wrong = || BatchError::Url(shown(url));
    let encoded = utf8_percent_encode(url, RAW).to_string();
    let (path, query) = encoded.split_once('?').map_or((encoded.as_str(), None), |(path, query)| (path, Some(query)));
    if path.contains("://") {
        return Err(wrong());
    }
    // Two slashes are an empty segment, or the name of another host.
    let names_host = path.starts_with("//");
    let path = relative(version, path);
    match MODEL.parse(&path) {
        Ok(walk) if matches!(walk.end, End::Batch) => return Err(BatchError::Nested),
        Err(_) if names_host => return Err(wrong()),
        Ok(_) | Err(_) => {}
    }
    let whole = query.map_or(path.clone(), |query| format!("{path}?{query}"));
    whole.parse().map_err(|_| wrong())
}

fn content(body: &Value, headers: &HeaderMap) -> Result<Body, BatchError> {
    if body.is_null() {
        return Ok(Body::empty());
    }
    let of = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).ok_or(BatchError::ContentType)?;
    if body::is_json(of) {
        return Ok(Body::from(body.to_string()));
    }
    let text = body.as_str().ok_or(BatchError::Body)?;
    STANDARD.decode(text).map(Body::from).map_err(|_| BatchError::Body)
}

/// An answer as an item: what stands before its body, and the body, which may hold a passcode and is not copied.
struct Answered {
    head: String,
    body: Bytes,
    secret: bool,
}

async fn answered(id: &str, answer: Response) -> Answered {
    let (parts, body) = answer.into_parts();
    // Bodies of ours are in memory already.
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let carried = CARRIED.iter().filter_map(|(name, spelt)| {
        let value = parts.headers.get(*name)?.to_str().ok()?;
        Some(((*spelt).to_owned(), Value::from(value)))
    });
    let head = json!({
        "id": id,
        "status": parts.status.as_u16(),
        "headers": carried.collect::<Map<_, _>>(),
    });
    let mut head = head.to_string();
    head.pop();
    let content_type =
        parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let secret = response::is_secret(&parts.headers);
    let body = match (body.is_empty(), content_type) {
        (true, _) => body,
        (false, of) if body::is_json(of) => body,
        (false, of) if of.starts_with("text/") => {
            Value::from(String::from_utf8_lossy(&body).into_owned()).to_string().into()
        }
        (false, _) => Value::from(STANDARD.encode(&body)).to_string().into(),
    };
    if !body.is_empty() {
        head.push_str(",\"body\":");
    }
    Answered { head, body, secret }
}

/// All answers in one buffer, sized beforehand so that no copy of a passcode stays behind, and wiped when it was sent.
fn together(format: Format, answers: &[Answered]) -> Response {
    const BEGIN: &[u8] = b"{\"responses\":[";
    let bytes: usize = answers.iter().map(|answer| answer.head.len() + answer.body.len() + 2).sum();
    let mut buffer = Zeroizing::new(Vec::with_capacity(BEGIN.len() + bytes + 2));
    buffer.extend_from_slice(BEGIN);
    for (index, answer) in answers.iter().enumerate() {
        if index > 0 {
            buffer.push(b',');
        }
        buffer.extend_from_slice(answer.head.as_bytes());
        buffer.extend_from_slice(&answer.body);
        buffer.push(b'}');
    }
    buffer.extend_from_slice(b"]}");
    match answers.iter().any(|answer| answer.secret) {
        true => response::secret_json(format, buffer),
        false => response::json_bytes(format, StatusCode::OK, Bytes::from_owner(buffer)),
    }
}
