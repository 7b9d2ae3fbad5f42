//! Responses and the headers that every one of them has.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::csdl;
use crate::error::Place;
use crate::model::{Model, SERVICE};
use crate::negotiation::{Format, PageSize};
use crate::query::MAX_PAGE;
use crate::render::control::Control;
use crate::resolve::Version;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const XML: HeaderValue = HeaderValue::from_static("application/xml;charset=utf-8");
const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");

/// The server that answered, in the form that support tools look for. It has no slices and rings.
const DIAGNOSTIC: HeaderValue = HeaderValue::from_static(concat!(
    "{\"ServerInfo\":{\"DataCenter\":\"Self-hosted\",\"Slice\":\"-\",\"Ring\":\"-\",\"ScaleUnit\":\"-\",\"RoleInstance\":\"chaveiro ",
    env!("CARGO_PKG_VERSION"),
    "\"}}"
));

/// Headers that scripts in browsers may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "ETag, Location, Preference-Applied, Content-Range, request-id, client-request-id, ReadWriteConsistencyToken, SdkVersion, WWW-Authenticate, x-ms-client-gcc-tenant, Retry-After",
);

/// A JSON answer.
pub(crate) fn json(format: Format, status: StatusCode, body: &Value) -> Response {
    json_bytes(format, status, Bytes::from(body.to_string()))
}

/// A JSON answer that is written already.
pub(crate) fn json_bytes(format: Format, status: StatusCode, body: Bytes) -> Response {
    odata(status, body.into(), format.content_type())
}

/// Plain text, as `/$count` answers.
pub(super) fn text(status: StatusCode, text: String) -> Response {
    odata(status, Bytes::from(text).into(), HeaderValue::from_static("text/plain"))
}

/// A value as text, as `/$value` answers.
pub(super) fn raw_text(text: String) -> Response {
    odata(StatusCode::OK, Bytes::from(text).into(), HeaderValue::from_static("text/plain;charset=utf-8"))
}

/// A value as bytes.
pub(super) fn raw_bytes(bytes: Vec<u8>) -> Response {
    odata(StatusCode::OK, Bytes::from(bytes).into(), HeaderValue::from_static("application/octet-stream"))
}

/// The answer with the preference of its caller that was followed.
pub(super) fn preferred(mut response: Response, page: Option<PageSize>) -> Response {
    let applied = page.map(|page| format!("{}={}", page.name, page.size.min(MAX_PAGE)));
    if let Some(applied) = applied.and_then(|applied| HeaderValue::try_from(applied).ok()) {
        response.headers_mut().insert("preference-applied", applied);
    }
    response
}

/// Returns true if an answer may hold a secret.
pub(crate) fn is_secret(headers: &HeaderMap) -> bool {
    headers.get(header::CACHE_CONTROL).is_some_and(|value| value == NO_STORE)
}

/// A JSON answer that may hold a secret: no cache keeps it, and its buffer is wiped when it was sent.
pub(crate) fn secret_json(format: Format, body: Zeroizing<Vec<u8>>) -> Response {
    let mut response = json_bytes(format, StatusCode::OK, Bytes::from_owner(body));
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}

/// The answer to a create, with the address of the new entity.
pub(crate) fn located(mut response: Response, url: &str) -> Response {
    if let Ok(location) = HeaderValue::from_str(url) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The answer with the tag of its entity.
pub(super) fn tagged(mut response: Response, tag: Option<&str>) -> Response {
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(tag).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// 204, without body and without the headers of one.
pub(crate) fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// `$metadata`, which needs no token.
pub(super) fn metadata(model: &'static Model, version: Version) -> Response {
    odata(StatusCode::OK, Bytes::from(csdl::metadata(model, version)).into(), XML)
}

/// The service document: the roots of the model.
pub(super) fn service_document(format: Format, model: &'static Model, base_url: &str, version: Version) -> Response {
    let roots = model.edges_from(&SERVICE).map(|edge| {
        let kind = if edge.many { "EntitySet" } else { "Singleton" };
        json!({"name": edge.name, "kind": kind, "url": edge.name})
    });
    let control = Control { format, model, version, base_url };
    let mut body = control.begin(format!("{base_url}/{}/$metadata", version.segment()));
    body.insert("value".to_owned(), roots.collect());
    json(format, StatusCode::OK, &Value::Object(body))
}

/// The answer to OPTIONS: the methods that are allowed here, from any origin. Tokens, not cookies, identify the caller.
pub(super) fn preflight(allow: &str, asked: &HeaderMap) -> Response {
    let mut response = no_content();
    let headers = response.headers_mut();
    if let Ok(allow) = HeaderValue::from_str(allow) {
        headers.insert(header::ALLOW, allow);
    }
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE, OPTIONS"),
    );
    let wanted = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let wanted = wanted
        .unwrap_or(HeaderValue::from_static("authorization, content-type, client-request-id, if-match, sdkversion"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

fn odata(status: StatusCode, body: Body, content_type: HeaderValue) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(ODATA_VERSION, HeaderValue::from_static("4.0"));
    response
}

/// Adds what every response has; takes the body away from answers to HEAD.
pub(super) fn finish(mut response: Response, place: &Place, cross_origin: bool, head: bool) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [("request-id", &place.request_id), ("client-request-id", &place.client_request_id)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding, Origin, Prefer"));
    headers.insert("x-ms-ags-diagnostic", DIAGNOSTIC);
    if cross_origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    if head {
        *response.body_mut() = Body::empty();
    }
    response
}
