//! Management sessions: one message in, one message out, at most one unit of work between.
//!
//! 1. Decode, within limits.
//! 2. Identify the device by certificate or MD5 digest. Until it is authenticated nothing is written, and every name
//!    gets the same answers.
//! 3. The same request again gets the same answer.
//! 4. A message that changes nothing but the time of the session, and gets no command, is answered: [`crate::check_ins`].
//!    Another one goes on to the next step as it was decoded.
//! 5. The device's answers are taken ([`turn`]).
//! 6. The commands that are queued for it are added.
//! 7. The answer leaves once everything is durable.
//!
//! Messages of one device take turns.

mod csp;
mod identity;
mod turn;

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chaveiro_core::id::{ActionId, SecretId};
use chaveiro_core::ports::{Scope, StoreError};
use chaveiro_core::refused::By;
use chaveiro_core::{Fault, Timestamp};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use omadm::session::server::{NONCE_BYTES, Nonce, Request};
use omadm::syncml::CONTENT_TYPE;
use omadm::{Limits, Secret};
use uuid::Builder;

use turn::Seen;

use crate::{DeviceChannel, MANAGEMENT_PATH, PeerCertificate, proven, refused, stranger};

/// The fresh randomness of one message, made outside the unit of work so that the decision can be repeated.
#[derive(Clone)]
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
        let certificate = peer.map(|certificate| certificate.0);
        // A message without any proof needs no turn, so strangers who send them are in no device's way.
        let header = &request.message().header;
        let turn = match certificate.is_some() || header.credential.is_some() {
            true => Some(self.check_ins.turn(&header.source).await),
            false => None,
        };
        let (now, fresh) = (self.clock.now(), self.fresh(&request));
        let request = match certificate.is_some() && turn::answers_commands(&request) {
            true => Some(request),
            false => match self.look(certificate, request, fresh.clone(), now).await {
                Ok(Some(Seen::Known(answer))) => return answered(answer),
                Ok(Some(Seen::Idle(answer, check_in))) => {
                    self.check_ins.note(*check_in, self.clock.uptime());
                    return answered(turn::Answered::Device(answer));
                }
                Ok(Some(Seen::New(request))) => request,
                Ok(None) => None,
                Err(fault) => return failed(&fault),
            },
        };
        // A store that cannot look has not given it back.
        let request = match request.map_or_else(|| Request::read(&body, Limits::MESSAGE), Ok) {
            Ok(request) => request,
            Err(error) => return failed(&StoreError::Inconsistent(error.to_string()).into()),
        };
        // The turn ends with the unit of work, also when the device does not wait for the answer.
        let taken = tokio::spawn(async move {
            let taken = self.take(certificate, request, body, fresh, now).await;
            drop(turn);
            taken
        });
        let taken = taken.await.map_err(|error| StoreError::Unavailable(error.to_string()).into());
        match taken.and_then(|taken| taken) {
            Ok(answer) => answered(answer),
            Err(fault) => failed(&fault),
        }
    }

    fn fresh(&self, request: &Request) -> Fresh {
        let secrets = request.message().results().map(|_| SecretId(self.entropy.uuid())).collect();
        // The generator costs as much for one of these as for all.
        let mut random = [[0; NONCE_BYTES]; 6];
        self.entropy.fill(random.as_flattened_mut());
        let [nonce, first, second, made, action, user] = random;
        let [made, action, user] = [made, action, user].map(|bytes| Builder::from_random_bytes(bytes).into_uuid());
        Fresh { nonce, salts: [first, second], secrets, made: SecretId(made), action: ActionId(action), user }
    }

    /// Judges a message where nothing can be written; `None` if it wants to write.
    async fn look(
        self: &Arc<Self>,
        certificate: Option<[u8; 32]>,
        request: Request,
        fresh: Fresh,
        now: Timestamp,
    ) -> Result<Option<Seen>, Fault> {
        let channel = Arc::clone(self);
        let looked = self.store.write_nothing(move |unit| {
            let address = channel.address();
            turn::look(unit, &channel.context(&address, now), certificate, request, &fresh)
        });
        looked.await
    }

    /// Takes a message in a unit of work.
    async fn take(
        self: Arc<Self>,
        certificate: Option<[u8; 32]>,
        request: Request,
        body: Bytes,
        fresh: Fresh,
        now: Timestamp,
    ) -> Result<turn::Answered, Fault> {
        let channel = Arc::clone(&self);
        let has_results = request.message().results().next().is_some();
        let scope = scope(certificate, &request);
        let decoded = Mutex::new(Some(request));
        let written = self.store.write_in(scope, move |unit| {
            let address = channel.address();
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
        let taken = written.await?;
        if let Some((enrollment, tenant)) = taken.of {
            self.check_ins.forget_session(enrollment);
            if has_results {
                // In place of what the value of this message may have used, before the next one is waited for.
                self.sealer.prepare(tenant);
            }
        }
        Ok(taken.answer)
    }

    fn address(&self) -> String {
        format!("{}{MANAGEMENT_PATH}", self.base_url)
    }

    fn context<'a>(&'a self, address: &'a str, now: Timestamp) -> turn::Context<'a> {
        let (sealer, replayer, entropy) = (self.sealer.as_ref(), self.replayer.as_ref(), self.entropy.as_ref());
        let (credentials, check_ins) = (self.credentials.as_ref(), self.check_ins.as_ref());
        turn::Context { sealer, replayer, entropy, credentials, check_ins, address, now }
    }
}

/// Returns what the unit of work of a message is about: the enrolment that the message names, before it is proven.
fn scope(certificate: Option<[u8; 32]>, request: &Request) -> Scope {
    match (certificate, identity::named(&request.message().header)) {
        (Some(sha256), _) => Scope::Certificate(sha256),
        (None, Some(enrollment)) => Scope::Enrollment(enrollment),
        (None, None) => Scope::Whole,
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
