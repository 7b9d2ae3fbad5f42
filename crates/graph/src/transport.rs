//! Compression of answers.
//!
//! An answer that may hold a passcode is never compressed. The length of compressed text tells of its content (BREACH), and a
//! compressor keeps copies that are never wiped.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version, header};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};

use crate::handlers::is_secret;

/// Shorter answers do not become shorter.
const WORTH_IT_BYTES: u64 = 512;

/// Answers with gzip when the client takes it.
pub(crate) fn compressed(router: Router) -> Router {
    let harmless = |_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions| !is_secret(headers);
    let layer = CompressionLayer::new().compress_when(SizeAbove::new(WORTH_IT_BYTES).and(harmless));
    router.layer(layer).layer(middleware::from_fn(satisfiable))
}

/// Answers a client that accepts no encoding at all as if it accepted every one. The server would notice only after the work is
/// done, and must not answer done work with a refusal.
async fn satisfiable(mut request: Request, next: Next) -> Response {
    let refuses = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.replace(' ', "").contains(";q=0"));
    if request.headers().get_all(header::ACCEPT_ENCODING).iter().any(refuses) {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    next.run(request).await
}
