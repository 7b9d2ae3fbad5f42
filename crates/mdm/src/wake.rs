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
//!
//! When the server stops, all devices come back. So that they do not come at once, each is told a moment of its own
//! (`Retry-After`), within a time that grows with their number. They are told that time with every other answer
//! ([`RETURN_WITHIN`]), for the case that the connection breaks without a word.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use chaveiro_core::Fault;
use chaveiro_core::id::EnrollmentId;
use chaveiro_core::ports::{StoreError, Waker};
use chaveiro_core::refused::{By, Reason};
use chaveiro_csp::RETURN_WITHIN;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tokio::sync::oneshot;

use crate::{DeviceChannel, PeerCertificate, WAKE_PATH, proven, refused, stranger};

/// The longest time for which a device is held. It is shorter than the time that proxies and address translators grant
/// an idle connection.
pub const MAX_WAIT: Duration = Duration::from_secs(280);

/// The most connections that may wait under one enrolment. This suffices for a device that reconnects before its old
/// connection is known to be dead, and for a cloned machine; a crowd is refused.
const MAX_WAITING: usize = 4;

/// The devices that wait.
#[derive(Default)]
pub struct Wakes(Mutex<Waiting>);

/// The devices that may come back in one second. Each costs a handshake and a session.
const RETURNS_A_SECOND: usize = 200;

/// The longest time within which devices come back.
const LONGEST_RETURN: Duration = Duration::from_secs(300);

/// The least time before a device comes back.
const RETRY_AFTER: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Waiting {
    devices: HashMap<EnrollmentId, Vec<oneshot::Sender<()>>>,
    /// The calls to wake a device, of whichever device.
    calls: u64,
    /// The devices that waited when the server began to stop.
    closed: Option<usize>,
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

    /// The time within which the devices are to come back after a break, all together.
    fn return_within(&self) -> Duration {
        let waiting = self.lock();
        let devices = waiting.closed.unwrap_or(waiting.devices.len());
        Duration::from_secs(devices.div_ceil(RETURNS_A_SECOND) as u64).min(LONGEST_RETURN)
    }

    /// The number of calls so far: if it stays the same, no device was woken.
    fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// Releases every device, and holds none from now on: the server stops.
    pub fn close(&self) {
        let mut waiting = self.lock();
        if waiting.closed.is_none() {
            waiting.closed = Some(waiting.devices.len());
        }
        waiting.devices.clear();
    }

    fn hold(self: &Arc<Self>, enrollment: EnrollmentId) -> Result<Held, NotHeld> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.lock();
        if waiting.closed.is_some() {
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
        let senders = {
            let mut waiting = self.lock();
            waiting.calls += 1;
            waiting.devices.remove(&enrollment)
        };
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
    let Some(Extension(PeerCertificate(certificate))) = peer else {
        return stranger(StatusCode::UNAUTHORIZED, "no certificate");
    };
    let time = time_to_wait(&headers);
    // Nothing of the request stays in memory while it waits.
    drop(headers);
    let calls = channel.wakes.calls();
    let found = channel.store.read(move |view| {
        let Some(enrollment) = view.enrollment_by_certificate(&certificate)? else { return Ok(None) };
        let is_due = enrollment.closed.is_none() && view.next_delivery(enrollment.id)?.is_some();
        Ok(Some((enrollment.id, enrollment.closed.is_none(), is_due)))
    });
    let answer = match found.await {
        Ok(Some((_, true, true))) => StatusCode::OK.into_response(),
        Ok(Some((enrollment, true, false))) => channel.hold(enrollment, calls, time).await,
        Ok(Some((_, false, _)) | None) => {
            let answer = stranger(StatusCode::FORBIDDEN, "certificate refused");
            return refused(answer, Reason::Certificate, By::Stranger, WAKE_PATH, "403");
        }
        Err(fault) => return channel.later(&fault),
    };
    proven(channel.with_time_to_return(answer))
}

impl DeviceChannel {
    /// Holds an authenticated device for which nothing was queued when `calls` was read.
    async fn hold(&self, enrollment: EnrollmentId, calls: u64, time: Duration) -> Response {
        let mut held = match self.wakes.hold(enrollment) {
            Ok(held) => held,
            Err(NotHeld::TooMany) => return self.with_retry(StatusCode::TOO_MANY_REQUESTS),
            Err(NotHeld::Stopping) => return self.with_retry(StatusCode::SERVICE_UNAVAILABLE),
        };
        // A call after the look at the queue and before the device had its place reached nobody: the look is repeated.
        if self.wakes.calls() != calls {
            match self.store.read(move |view| Ok(view.next_delivery(enrollment)?.is_some())).await {
                Ok(true) => return StatusCode::OK.into_response(),
                Ok(false) => {}
                Err(fault) => return self.later(&fault),
            }
        }
        match tokio::time::timeout(time, &mut held.receiver).await {
            Ok(Ok(())) => StatusCode::OK.into_response(),
            Ok(Err(_)) => self.with_retry(StatusCode::SERVICE_UNAVAILABLE),
            Err(_) => StatusCode::NO_CONTENT.into_response(),
        }
    }

    fn later(&self, fault: &Fault) -> Response {
        if !matches!(fault, Fault::Store(StoreError::Busy)) {
            tracing::error!(error = %fault, "a device was not held");
        }
        self.with_retry(StatusCode::SERVICE_UNAVAILABLE)
    }

    /// Sends a device away, until a moment of its own.
    fn with_retry(&self, status: StatusCode) -> Response {
        let mut chance = [0; 2];
        self.entropy.fill(&mut chance);
        let chance = f64::from(u16::from_be_bytes(chance)) / f64::from(u16::MAX);
        let after = RETRY_AFTER + self.wakes.return_within().mul_f64(chance);
        let mut response = status.into_response();
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs()));
        response
    }

    fn with_time_to_return(&self, mut response: Response) -> Response {
        let within = HeaderValue::from(self.wakes.return_within().as_secs());
        response.headers_mut().insert(HeaderName::from_static(RETURN_WITHIN), within);
        response
    }
}

fn time_to_wait(headers: &HeaderMap) -> Duration {
    let asked = headers.get("Prefer").and_then(|value| value.to_str().ok());
    let seconds =
        asked.and_then(|text| text.split(',').find_map(|part| part.trim().strip_prefix("wait=")?.parse().ok()));
    seconds.map_or(MAX_WAIT, Duration::from_secs).min(MAX_WAIT)
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

    #[tokio::test]
    async fn the_time_to_return_grows_with_the_devices_and_stays_known_when_they_are_let_go() {
        let wakes = Arc::new(Wakes::default());
        assert_eq!(wakes.return_within(), Duration::ZERO);
        let mut held: Vec<_> = (0..1000).map(|n| wakes.hold(id(n)).ok().expect("held")).collect();
        assert_eq!(wakes.return_within(), Duration::from_secs(5));
        held.truncate(1);
        assert_eq!(wakes.return_within(), Duration::from_secs(1));
        held.extend((1..100_000).map(|n| wakes.hold(id(n)).ok().expect("held")));
        assert_eq!(wakes.return_within(), LONGEST_RETURN);
        wakes.close();
        drop(held);
        assert_eq!(wakes.return_within(), LONGEST_RETURN, "the last device is told what the first was told");
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
