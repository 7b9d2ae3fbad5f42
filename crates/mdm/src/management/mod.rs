//! Management sessions: one message in, one message out, one unit of work between.
//!
//! 1. Decode, within limits.
//! 2. Whose device is it: certificate, or MD5 digest.
//! 3. The same request again gets the same answer.
//! 4. What the device says is taken ([`turn`]).
//! 5. What is queued for it goes out.
//! 6. Durable; then the answer leaves.

mod csp;
mod identity;
mod turn;

use std::sync::Arc;

use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chaveiro_core::Fault;
use chaveiro_core::id::{ActionId, SecretId};
use chaveiro_core::ports::StoreError;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use omadm::syncml::{self, CONTENT_TYPE, Message};
use omadm::xml::Limits;

use crate::{DeviceChannel, MANAGEMENT_PATH, PeerCertificate, sha256};

/// Fresh randomness of one message, made outside the unit of work so that the decision can be repeated.
struct Fresh {
    nonce: omadm::session::server::Nonce,
    secrets: Vec<SecretId>,
    action: ActionId,
    user: uuid::Uuid,
}

/// One message of a session.
pub(crate) async fn message(
    State(channel): State<Arc<DeviceChannel>>,
    peer: Option<Extension<PeerCertificate>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return rejection.status().into_response(),
    };
    if !is_syncml(&headers) {
        let text = "This address takes application/vnd.syncml.dm+xml; WBXML is not supported.";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, text).into_response();
    }
    let request = match syncml::decode(&body, Limits::MESSAGE) {
        Ok(request) => request,
        Err(error) => {
            tracing::info!(%error, "a device message was not readable");
            return (StatusCode::BAD_REQUEST, error.to_string()).into_response();
        }
    };
    let peer = peer.map(|Extension(certificate)| certificate);
    channel.handle(peer, request, sha256(&body)).await
}

/// A missing type is forgiven; another one is not.
fn is_syncml(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == CONTENT_TYPE
}

impl DeviceChannel {
    async fn handle(
        self: Arc<Self>,
        peer: Option<PeerCertificate>,
        request: Message,
        body_sha256: [u8; 32],
    ) -> Response {
        let now = self.clock.now();
        let mut nonce = [0; omadm::session::server::NONCE_BYTES];
        self.entropy.fill(&mut nonce);
        let secrets = request.results().map(|_| SecretId(self.entropy.uuid())).collect();
        let (action, user) = (ActionId(self.entropy.uuid()), self.entropy.uuid());
        let fresh = Fresh { nonce, secrets, action, user };
        let certificate = peer.map(|certificate| sha256(&certificate.0));
        let channel = Arc::clone(&self);
        let written = self.store.write(move |unit| {
            let context = turn::Context {
                sealer: channel.sealer.as_ref(),
                credentials: &channel.credentials,
                address: &format!("{}{MANAGEMENT_PATH}", channel.base_url),
                now,
            };
            turn::take(unit, &context, certificate, &request, body_sha256, fresh)
        });
        match written.await {
            Ok(response) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], response).into_response(),
            Err(fault) => failed(&fault),
        }
    }
}

/// Nothing was changed; the device tries again.
fn failed(fault: &Fault) -> Response {
    let busy = matches!(fault, Fault::Store(StoreError::Busy));
    if !busy {
        tracing::error!(error = %fault, "a device message was not handled");
    }
    // 429 is the one "later" that devices understand ([MS-MDM] 3.1.6).
    let status = match fault {
        Fault::Store(StoreError::Busy) => StatusCode::TOO_MANY_REQUESTS,
        Fault::Store(StoreError::Full) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = status.into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}
