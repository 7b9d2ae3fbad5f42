//! Logs and metrics. Neither ever holds a body, a token, a query or an identifier of a device.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chaveiro_auth::TrustedProxies;
use chaveiro_core::ports::{Peer, Sender, Store};
use chaveiro_core::refused::RefusedRequests;
use chaveiro_graph::Tally;
use chaveiro_mdm::Wakes;
use http::{StatusCode, header};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::health::{Health, Subject, Weight};
use crate::refusals::Refusals;
use crate::room::{Refused, Room};
use crate::vigil::Vigil;

/// Initialises logging to standard error: for people if it is a terminal, otherwise as JSON.
pub fn init_logging(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A line that cannot be written is lost. Otherwise the subscriber would complain to standard error, too, and panic.
    let builder = builder.log_internal_errors(false);
    // A second start in one process keeps the first subscriber.
    let _ = match std::io::stderr().is_terminal() {
        true => builder.try_init(),
        false => builder.json().try_init(),
    };
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    listener: &'static str,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabels {
    listener: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionLabels {
    listener: &'static str,
    proven: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedLabels {
    listener: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedRequestLabels {
    face: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StrangerLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SubjectLabels {
    subject: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

/// The metrics of the server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    duration: Family<ListenerLabels, Histogram>,
    devices: Gauge,
    open_actions: Gauge,
    sealed_secrets: Gauge,
    unchained_events: Gauge,
    holds_active: Gauge,
    waiting_devices: Gauge,
    complaints: Family<SubjectLabels, Gauge>,
    /// Set by [`crate::watch`].
    pub(crate) disk_free_bytes: Gauge,
    connections: Family<ConnectionLabels, Gauge>,
    refused: Family<RefusedLabels, Counter>,
    pub(crate) clock_jumps: Counter,
    strangers: Family<StrangerLabels, Counter>,
    refused_requests: Family<RefusedRequestLabels, Counter>,
    /// Requests of strangers that are not in the log yet, by listener and kind.
    unreported: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    disclosed: Counter,
    withheld: Family<ReasonLabels, Counter>,
}

/// The upper bounds of the latency histogram, in seconds.
const BUCKETS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("chaveiro");
        let requests = Family::default();
        let duration: Family<ListenerLabels, Histogram> =
            Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let gauges = [(); 6].map(|()| Gauge::default());
        let [devices, open_actions, sealed_secrets, unchained_events, holds_active, waiting_devices] = gauges;
        registry.register("http_requests", "Requests by listener, method and status", Family::clone(&requests));
        registry.register("http_request_duration_seconds", "Time to answer", Family::clone(&duration));
        for (name, help, gauge) in [
            ("devices", "Managed devices of all tenants", &devices),
            ("open_actions", "Remote actions that wait for their device", &open_actions),
            ("sealed_secrets", "Sealed passcodes that are still kept", &sealed_secrets),
            ("unchained_audit_events", "Audit events that are not linked yet", &unchained_events),
            ("holds_active", "Holds on asking and on reading that stand", &holds_active),
            ("waiting_devices", "Held connections of devices that wait to be woken", &waiting_devices),
        ] {
            registry.register(name, help, gauge.clone());
        }
        let clock_jumps = Counter::default();
        registry.register("clock_jumps", "Times that the clock was set by more than a minute", clock_jumps.clone());
        let complaints = Family::default();
        registry.register("complaints", "1 while /readyz complains of the subject", Family::clone(&complaints));
        let disk_free_bytes = Gauge::default();
        let free = "Bytes that are free on the disk of the data directory";
        registry.register("disk_free_bytes", free, disk_free_bytes.clone());
        let (connections, refused) = (Family::default(), Family::default());
        registry.register(
            "connections",
            "Connections held, by whether they have proven themselves",
            Family::clone(&connections),
        );
        registry.register(
            "connections_refused",
            "Connections that gave way or were not accepted, by reason",
            Family::clone(&refused),
        );
        let strangers = Family::default();
        let about = "Requests on the device listener whose sender proved nothing";
        registry.register("device_strangers", about, Family::clone(&strangers));
        let refused_requests = Family::default();
        let about = "Requests that were refused for what their sender is or may do, by face and reason";
        registry.register("refused_requests", about, Family::clone(&refused_requests));
        let (disclosed, withheld) = (Counter::default(), Family::default());
        registry.register("passcodes_disclosed", "Passcodes that were shown", disclosed.clone());
        registry.register(
            "passcodes_withheld",
            "Passcodes asked for and not shown, by reason",
            Family::clone(&withheld),
        );
        Self {
            registry,
            strangers,
            refused_requests,
            unreported: Mutex::default(),
            requests,
            duration,
            devices,
            open_actions,
            sealed_secrets,
            unchained_events,
            holds_active,
            waiting_devices,
            complaints,
            disk_free_bytes,
            connections,
            refused,
            clock_jumps,
            disclosed,
            withheld,
        }
    }

    fn look_at(&self, room: &Room) {
        let listener = room.listener;
        let (held, strangers) = room.held();
        for (proven, count) in [("true", held - strangers), ("false", strangers)] {
            let gauge = self.connections.get_or_create(&ConnectionLabels { listener, proven });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        for (why, count) in room.refused() {
            let counter = self.refused.get_or_create(&RefusedLabels { listener, reason: why.name() });
            counter.inc_by(count.saturating_sub(counter.get()));
        }
    }

    /// Counts a request of a stranger. The log gets the sum once a minute.
    fn record_stranger(&self, listener: &'static str, kind: &'static str) {
        if listener != GRAPH {
            self.strangers.get_or_create(&StrangerLabels { kind }).inc();
        }
        *self.unreported.lock().unwrap_or_else(PoisonError::into_inner).entry((listener, kind)).or_default() += 1;
    }

    fn record_refused(&self, requests: &RefusedRequests) {
        for refused in &requests.0 {
            let labels = RefusedRequestLabels { face: refused.face.name(), reason: refused.reason.name() };
            self.refused_requests.get_or_create(&labels).inc();
        }
    }

    /// Takes the sums of strangers' requests, as text for the log.
    fn take_unreported(&self) -> Option<String> {
        let unreported = std::mem::take(&mut *self.unreported.lock().unwrap_or_else(PoisonError::into_inner));
        let kinds: Vec<_> =
            unreported.iter().map(|((listener, kind), count)| format!("{count} {kind} ({listener})")).collect();
        (!kinds.is_empty()).then(|| kinds.join(", "))
    }

    fn record(&self, listener: &'static str, method: &'static str, status: StatusCode, took: Duration) {
        self.requests.get_or_create(&RequestLabels { listener, method, status: status.as_u16() }).inc();
        self.duration.get_or_create(&ListenerLabels { listener }).observe(took.as_secs_f64());
    }
}

/// The name of the Graph listener.
pub(crate) const GRAPH: &str = "graph";

/// A listener, as logs and metrics name it.
#[derive(Clone)]
pub(crate) struct Observed {
    pub(crate) listener: &'static str,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) proxies: TrustedProxies,
}

impl Observed {
    /// The address of the client of a request.
    fn address(&self, request: &Request) -> Option<IpAddr> {
        let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
        Some(self.proxies.client(peer.ip(), request.headers()))
    }
}

/// Counts each request, and logs each one whose sender is authenticated.
pub(crate) async fn observe(State(observed): State<Observed>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = method_name(request.method());
    let (connection, address) = (request.extensions().get::<Arc<dyn Peer>>().cloned(), observed.address(&request));
    let mut response = next.run(request).await;
    let took = begun.elapsed();
    observed.metrics.record(observed.listener, method, response.status(), took);
    if let Some(refused) = response.extensions_mut().remove::<RefusedRequests>() {
        observed.metrics.record_refused(&refused);
        observed.refusals.add(refused, address);
    }
    // Every answer to a known sender is marked; any other was to a stranger.
    let sender = response.extensions().get().copied().unwrap_or(Sender::Stranger("other"));
    let stranger = match sender {
        Sender::Known => false,
        Sender::Stranger(kind) => {
            observed.metrics.record_stranger(observed.listener, kind);
            true
        }
    };
    // A device may authenticate by digest alone, which only its answer shows. The Graph face reports its tokens itself.
    if let (false, false, Some(connection)) = (stranger, observed.listener == GRAPH, connection) {
        connection.has_proven_itself();
    }
    let request_id = response.headers().get("request-id").and_then(|id| id.to_str().ok()).unwrap_or("-");
    let (listener, status, duration_us) = (observed.listener, response.status().as_u16(), took.as_micros() as u64);
    // Requests of strangers are not logged one by one, but a failure on our side is.
    match stranger && !response.status().is_server_error() {
        true => tracing::debug!(listener, method, status, duration_us, request.id = request_id, "answered a stranger"),
        false => tracing::info!(listener, method, status, duration_us, request.id = request_id, "answered"),
    }
    response
}

/// The interval at which sums go to the log and to the audit record.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// Reports sums once a minute, and at the end: requests of strangers, refused connections, and refused requests. Each
/// of these is too frequent for a line or an event of its own.
pub(crate) async fn report(
    metrics: Arc<Metrics>,
    rooms: [Arc<Room>; 2],
    refusals: Arc<Refusals>,
    stop: CancellationToken,
) {
    let mut reported = rooms.each_ref().map(|room| room.refused());
    loop {
        let stopping = tokio::time::timeout(REPORT_INTERVAL, stop.cancelled()).await.is_ok();
        if let Some(requests) = metrics.take_unreported() {
            tracing::warn!(requests, "requests proved nothing; chaveiro_server=debug,chaveiro_mdm=debug says each");
        }
        for (room, reported) in rooms.iter().zip(&mut reported) {
            report_refused(room, reported);
        }
        refusals.record().await;
        if stopping {
            return;
        }
    }
}

/// Logs the number of connections that gave way or were not accepted since the last report, if any.
fn report_refused(room: &Room, reported: &mut [(Refused, u64); Refused::ALL.len()]) {
    let now = room.refused();
    let since = |why: Refused| now[why as usize].1 - reported[why as usize].1;
    if Refused::ALL.iter().any(|why| since(*why) > 0) {
        let [address, full, busy, system, slow]: [u64; Refused::ALL.len()] =
            std::array::from_fn(|at| since(Refused::ALL[at]));
        let listener = room.listener;
        tracing::warn!(
            listener,
            address,
            full,
            busy,
            system,
            slow,
            "connections gave way or were not accepted in the last minute; see Limits in docs/operations.md"
        );
    }
    *reported = now;
}

/// Returns the label of a method. Only known methods become labels, so that callers cannot make new ones.
fn method_name(method: &http::Method) -> &'static str {
    ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT"]
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or("other")
}

/// The state that the probes and the scraper read.
#[derive(Clone)]
pub(crate) struct Probes {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) wakes: Arc<Wakes>,
    pub(crate) health: Arc<Health>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) rooms: [Arc<Room>; 2],
    pub(crate) vigil: Arc<Vigil>,
}

/// Answers that the process runs.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Answers 200 if the store answers and no subject has a fault. Notices are listed, one a line.
pub(crate) async fn readyz(State(probes): State<Probes>) -> Response {
    if let Err(error) = probes.store.read(|view| Ok(view.statistics()?)).await {
        tracing::warn!(%error, "not ready");
        return (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer; see the log\n").into_response();
    }
    probes.vigil.look_at_clock().await;
    probes.vigil.look_at_escrow().await;
    let complaints = probes.health.complaints();
    let fault = complaints.iter().any(|(_, complaint)| complaint.weight == Weight::Fault);
    let mut text = if fault { String::from("not ready\n") } else { String::from("ready\n") };
    for (subject, complaint) in complaints {
        text.push_str(&format!("{}: {}\n", subject.name(), complaint.text));
    }
    (if fault { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }, text).into_response()
}

/// Answers with the metrics in Prometheus' text format (OpenMetrics 1.0).
pub(crate) async fn metrics(State(probes): State<Probes>) -> Response {
    let metrics = &probes.metrics;
    metrics.waiting_devices.set(i64::try_from(probes.wakes.held()).unwrap_or(i64::MAX));
    if let Ok(statistics) = probes.store.read(|view| Ok(view.statistics()?)).await {
        for (gauge, value) in [
            (&metrics.devices, statistics.devices),
            (&metrics.open_actions, statistics.open_actions),
            (&metrics.sealed_secrets, statistics.sealed_secrets),
            (&metrics.unchained_events, statistics.unchained_events),
            (&metrics.holds_active, statistics.active_holds),
        ] {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }
    for room in &probes.rooms {
        metrics.look_at(room);
    }
    let complaints = probes.health.complaints();
    for subject in Subject::ALL {
        let complains = complaints.iter().any(|(of, _)| of == subject);
        metrics.complaints.get_or_create(&SubjectLabels { subject: subject.name() }).set(i64::from(complains));
    }
    // Both counters only grow, and are counted where passcodes are shown.
    metrics.disclosed.inner().store(probes.tally.disclosed(), Ordering::Relaxed);
    for (reason, count) in probes.tally.withheld() {
        metrics.withheld.get_or_create(&ReasonLabels { reason }).inner().store(count, Ordering::Relaxed);
    }
    let mut text = String::new();
    if prometheus_client::encoding::text::encode(&mut text, &metrics.registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use axum::routing::get;
    use axum::{Extension, Router, middleware};
    use tower::ServiceExt;

    use super::*;

    #[derive(Default)]
    struct Connection(AtomicBool);

    impl Peer for Connection {
        fn has_proven_itself(&self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_connection_is_proven_by_what_its_device_shows_in_a_message() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = chaveiro_store_sqlite::SqliteStore::open(directory.path()).expect("a store");
        let store: Arc<dyn Store> = Arc::new(store);
        for (listener, sender, proven) in [
            ("device", Sender::Known, true),
            ("device", Sender::Stranger("no credential"), false),
            // The Graph face reports its tokens itself.
            ("graph", Sender::Known, false),
        ] {
            let (metrics, proxies) = (Arc::new(Metrics::new()), TrustedProxies::default());
            let refusals = Arc::new(Refusals::new(Arc::clone(&store), Arc::new(crate::SystemClock::default())));
            let observed = Observed { listener, metrics, refusals, proxies };
            let answer = get(move || async move { Extension(sender) });
            let router = Router::new().route("/", answer).layer(middleware::from_fn_with_state(observed, observe));
            let connection = Arc::new(Connection::default());
            let mut request = Request::new(axum::body::Body::empty());
            request.extensions_mut().insert::<Arc<dyn Peer>>(connection.clone());
            router.oneshot(request).await.expect("an answer");
            assert_eq!(connection.0.load(Ordering::Relaxed), proven, "{listener}, {sender:?}");
        }
    }

    #[test]
    fn strangers_are_told_by_listener_and_kind_and_once() {
        let metrics = Metrics::new();
        for (listener, kind) in
            [("device", "no credential"), ("device", "unreadable"), (GRAPH, "other"), ("device", "no credential")]
        {
            metrics.record_stranger(listener, kind);
        }
        let told = "2 no credential (device), 1 unreadable (device), 1 other (graph)";
        assert_eq!(metrics.take_unreported().as_deref(), Some(told));
        assert_eq!(metrics.take_unreported(), None);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &metrics.registry).expect("a text");
        assert!(!text.contains("kind=\"other\""), "the metric is of devices: {text}");
    }
}
