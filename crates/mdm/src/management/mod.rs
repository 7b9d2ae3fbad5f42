//! Management sessions: one message in, one message out, one unit of work between.
//!
//! 1. Decode, within limits.
//! 2. Identify the device by certificate or MD5 digest. Until it is authenticated nothing is written, and every name
//!    gets the same answers.
//! 3. The same request again gets the same answer.
//! 4. The device's answers are taken ([`turn`]).
//! 5. The commands that are queued for it are added.
//! 6. The answer leaves once everything is durable.

mod csp;
mod identity;
mod turn;

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chaveiro_core::id::{ActionId, SecretId};
use chaveiro_core::ports::StoreError;
use chaveiro_core::refused::By;
use chaveiro_core::{Fault, Timestamp};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use omadm::session::server::{NONCE_BYTES, Nonce, Request};
use omadm::syncml::CONTENT_TYPE;
use omadm::{Limits, Secret};

use turn::Seen;

use crate::{DeviceChannel, MANAGEMENT_PATH, PeerCertificate, proven, refused, sha256, stranger};

/// The fresh randomness of one message, made outside the unit of work so that the decision can be repeated.
struct Fresh {
    nonce: Nonce,
    salts: [Nonce; 2],
    secrets: Vec<SecretId>,
    /// The id of a secret that the server makes.
    made: SecretId,
    action: ActionId,
    user: uuid::Uuid,
}

/// Handles one message of a session.
pub(crate) async fn message(
    State(channel): State<Arc<DeviceChannel>>,
    peer: Option<Extension<PeerCertificate>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return stranger(rejection.status(), "unreadable"),
    };
    if !is_syncml(&headers) {
        let text = "This address takes application/vnd.syncml.dm+xml; WBXML is not supported.";
        return stranger((StatusCode::UNSUPPORTED_MEDIA_TYPE, text), "unreadable");
    }
    let request = match Request::read(&body, Limits::MESSAGE) {
        Ok(request) => request,
        Err(error) => {
            // A device that has shown its certificate is worth a log line; other senders are counted.
            if peer.is_some() {
                tracing::info!(%error, "a device message was not readable");
            }
            return stranger((StatusCode::BAD_REQUEST, error.to_string()), "unreadable");
        }
    };
    let peer = peer.map(|Extension(certificate)| certificate);
    channel.handle(peer, request, body).await
}

/// Accepts SyncML and a missing type, and no other type.
fn is_syncml(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == CONTENT_TYPE
}

impl DeviceChannel {
    async fn handle(self: Arc<Self>, peer: Option<PeerCertificate>, request: Request, body: Bytes) -> Response {
        let now = self.clock.now();
        let certificate = peer.map(|certificate| sha256(&certificate.0));
        let (channel, address) = (Arc::clone(&self), format!("{}{MANAGEMENT_PATH}", self.base_url));
        let looked = self.store.read(move |view| {
            let context = channel.context(&address, now);
            Ok((turn::look(view, &context, certificate, request)?, address))
        });
        let (tenant, request, address) = match looked.await {
            Ok((Seen::New(tenant, request), address)) => (tenant, request, address),
            Ok((Seen::Known(answer), _)) => return answered(answer),
            Err(fault) => return failed(&fault),
        };
        let random = || {
            let mut bytes = [0; NONCE_BYTES];
            self.entropy.fill(&mut bytes);
            bytes
        };
        let secrets = request.message().results().map(|_| SecretId(self.entropy.uuid())).collect();
        if request.message().results().next().is_some() {
            // A result may be a passcode. The unit of work seals it, while every other unit of work waits.
            self.sealer.prepare(tenant);
        }
        let (action, user) = (ActionId(self.entropy.uuid()), self.entropy.uuid());
        let made = SecretId(self.entropy.uuid());
        let fresh = Fresh { nonce: random(), salts: [random(), random()], secrets, made, action, user };
        let channel = Arc::clone(&self);
        let decoded = Mutex::new(Some(request));
        let written = self.store.write(move |unit| {
            let context = channel.context(&address, now);
            // A message may hold a passcode, so it is never copied: if the unit of work runs again, the message is
            // decoded again.
            let request = decoded.lock().unwrap_or_else(PoisonError::into_inner).take();
            let request = match request.map_or_else(|| Request::read(&body, Limits::MESSAGE), Ok) {
                Ok(request) => request,
                Err(error) => return Err(StoreError::Inconsistent(error.to_string()).into()),
            };
            turn::take(unit, &context, certificate, request, &fresh)
        });
        match written.await {
            Ok(answer) => answered(answer),
            Err(fault) => failed(&fault),
        }
    }

    fn context<'a>(&'a self, address: &'a str, now: Timestamp) -> turn::Context<'a> {
        let (sealer, replayer, entropy) = (self.sealer.as_ref(), self.replayer.as_ref(), self.entropy.as_ref());
        turn::Context { sealer, replayer, entropy, credentials: &self.credentials, address, now }
    }
}

fn answered(answer: turn::Answered) -> Response {
    let response = |text: Secret| ([(header::CONTENT_TYPE, CONTENT_TYPE)], text.into_string());
    match answer {
        turn::Answered::Device(text) => proven(response(text)),
        turn::Answered::Stranger(text, why, None) => stranger(response(text), why),
        turn::Answered::Stranger(text, why, Some(reason)) => {
            refused(stranger(response(text), why), reason, By::Stranger, MANAGEMENT_PATH, "403")
        }
    }
}

/// Answers a failure that changed nothing; the device tries again.
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
    stranger(response, "not handled")
}
