//! Waking devices: a device asks `GET` [`WAKE_PATH`]. The server answers when something waits for it, or after a while
//! with nothing. Each waiting device costs one task and one entry of a table; it needs no thread, row or timer of its
//! own.
//!
//! | answer | the device |
//! |---|---|
//! | 200 | has something waiting: it begins a session |
//! | 204 | has nothing: it asks again |
//! | 401, 403 | has no certificate of ours, or one of a closed enrolment: it begins a session, which says so |
//! | 429, 503 | comes back later |
//!
//! `Prefer: wait=N` (RFC 7240, 4.3) asks for another time than [`MAX_WAIT`], up to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use chaveiro_core::Fault;
use chaveiro_core::id::EnrollmentId;
use chaveiro_core::ports::{StoreError, Waker};
use chaveiro_core::refused::{By, Reason};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::sync::oneshot;

use crate::{DeviceChannel, PeerCertificate, WAKE_PATH, proven, refused, sha256, stranger};

/// The longest time for which a device is held. It is shorter than the time that proxies and address translators grant
/// an idle connection.
pub const MAX_WAIT: Duration = Duration::from_secs(280);

/// The most connections that may wait under one enrolment. This suffices for a device that reconnects before its old
/// connection is known to be dead, and for a cloned machine; a crowd is refused.
const MAX_WAITING: usize = 4;

/// The devices that wait.
#[derive(Default)]
pub struct Wakes(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    devices: HashMap<EnrollmentId, Vec<oneshot::Sender<()>>>,
    closed: bool,
}

/// The reason why a device cannot be held.
enum NotHeld {
    TooMany,
    Stopping,
}

impl Wakes {
    /// The number of connections held now.
    pub fn held(&self) -> usize {
        self.lock().devices.values().map(Vec::len).sum()
    }

    /// Releases every device, and holds none from now on: the server stops.
    pub fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.devices.clear();
    }

    fn hold(self: &Arc<Self>, enrollment: EnrollmentId) -> Result<Held, NotHeld> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(NotHeld::Stopping);
        }
        let senders = waiting.devices.entry(enrollment).or_default();
        senders.retain(|sender| !sender.is_closed());
        if senders.len() >= MAX_WAITING {
            return Err(NotHeld::TooMany);
        }
        senders.push(sender);
        Ok(Held { wakes: Arc::clone(self), enrollment, receiver })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waker for Wakes {
    fn wake(&self, enrollment: EnrollmentId) {
        let senders = self.lock().devices.remove(&enrollment);
        for sender in senders.into_iter().flatten() {
            // A receiver that is gone does not need it.
            let _ = sender.send(());
        }
    }

    fn waits(&self, enrollment: EnrollmentId) -> bool {
        let waiting = self.lock();
        let senders = waiting.devices.get(&enrollment);
        senders.is_some_and(|senders| senders.iter().any(|sender| !sender.is_closed()))
    }
}

/// A place in the table, released when the device disconnects.
struct Held {
    wakes: Arc<Wakes>,
    enrollment: EnrollmentId,
    receiver: oneshot::Receiver<()>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.receiver.close();
        let mut waiting = self.wakes.lock();
        if let Some(senders) = waiting.devices.get_mut(&self.enrollment) {
            senders.retain(|sender| !sender.is_closed());
            if senders.is_empty() {
                waiting.devices.remove(&self.enrollment);
            }
        }
    }
}

/// Handles one wait.
pub(crate) async fn wait(
    State(channel): State<Arc<DeviceChannel>>,
    peer: Option<Extension<PeerCertificate>>,
    headers: HeaderMap,
) -> Response {
    let Some(Extension(certificate)) = peer else { return stranger(StatusCode::UNAUTHORIZED, "no certificate") };
    let certificate = sha256(&certificate.0);
    let found = channel.store.read(move |view| Ok(view.enrollment_by_certificate(&certificate)?)).await;
    let enrollment = match found {
        Ok(Some(enrollment)) if enrollment.closed.is_none() => enrollment.id,
        Ok(Some(_) | None) => {
            let answer = stranger(StatusCode::FORBIDDEN, "certificate refused");
            return refused(answer, Reason::Certificate, By::Stranger, WAKE_PATH, "403");
        }
        Err(fault) => return later(&fault),
    };
    proven(channel.hold(enrollment, &headers).await)
}

impl DeviceChannel {
    /// Holds an authenticated device.
    async fn hold(&self, enrollment: EnrollmentId, headers: &HeaderMap) -> Response {
        // The place is taken before the look at the queue, so that a command queued in between wakes the device.
        let mut held = match self.wakes.hold(enrollment) {
            Ok(held) => held,
            Err(NotHeld::TooMany) => return with_retry(StatusCode::TOO_MANY_REQUESTS),
            Err(NotHeld::Stopping) => return with_retry(StatusCode::SERVICE_UNAVAILABLE),
        };
        match self.store.read(move |view| Ok(view.next_delivery(enrollment)?.is_some())).await {
            Ok(true) => return StatusCode::OK.into_response(),
            Ok(false) => {}
            Err(fault) => return later(&fault),
        }
        match tokio::time::timeout(time_to_wait(headers), &mut held.receiver).await {
            Ok(Ok(())) => StatusCode::OK.into_response(),
            Ok(Err(_)) => with_retry(StatusCode::SERVICE_UNAVAILABLE),
            Err(_) => StatusCode::NO_CONTENT.into_response(),
        }
    }
}

fn time_to_wait(headers: &HeaderMap) -> Duration {
    let asked = headers.get("Prefer").and_then(|value| value.to_str().ok());
    let seconds =
        asked.and_then(|text| text.split(',').find_map(|part| part.trim().strip_prefix("wait=")?.parse().ok()));
    seconds.map_or(MAX_WAIT, Duration::from_secs).min(MAX_WAIT)
}

fn later(fault: &Fault) -> Response {
    if !matches!(fault, Fault::Store(StoreError::Busy)) {
        tracing::error!(error = %fault, "a device was not held");
    }
    with_retry(StatusCode::SERVICE_UNAVAILABLE)
}

fn with_retry(status: StatusCode) -> Response {
    let mut response = status.into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> EnrollmentId {
        EnrollmentId(uuid::Uuid::from_u128(number))
    }

    #[tokio::test]
    async fn a_wake_reaches_every_request_of_that_enrolment_and_no_other() {
        let wakes = Arc::new(Wakes::default());
        let mut held: Vec<_> = [1, 1, 2].iter().map(|n| wakes.hold(id(*n)).ok().expect("held")).collect();
        wakes.wake(id(1));
        assert_eq!(held[0].receiver.try_recv(), Ok(()));
        assert_eq!(held[1].receiver.try_recv(), Ok(()));
        assert!(held[2].receiver.try_recv().is_err());
        wakes.wake(id(9));
        assert_eq!(wakes.held(), 1);
    }

    #[tokio::test]
    async fn a_place_is_given_back_and_a_crowd_is_refused() {
        let wakes = Arc::new(Wakes::default());
        let held: Vec<_> = (0..MAX_WAITING).map(|_| wakes.hold(id(1)).ok().expect("held")).collect();
        assert!(matches!(wakes.hold(id(1)), Err(NotHeld::TooMany)));
        drop(held);
        assert_eq!(wakes.held(), 0);
        assert!(wakes.lock().devices.is_empty(), "nothing stays behind");
        let last = wakes.hold(id(1)).ok().expect("held");
        wakes.close();
        assert!(matches!(wakes.hold(id(1)), Err(NotHeld::Stopping)));
        assert!(last.receiver.is_terminated() || wakes.held() == 0);
    }

    #[test]
    fn a_device_may_ask_for_less_but_not_for_more() {
        let with = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("Prefer", text.parse().expect("a header"));
            time_to_wait(&headers).as_secs()
        };
        assert_eq!(
            [with("wait=5"), with("respond-async, wait=7"), with("wait=9999"), with("wait=x")],
            [5, 7, 280, 280]
        );
        assert_eq!(time_to_wait(&HeaderMap::new()), MAX_WAIT);
    }
}
