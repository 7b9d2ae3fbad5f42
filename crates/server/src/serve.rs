//! Starting and stopping: this module wires all parts together.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chaveiro_auth::{LocalIssuer, TrustedProxies, Verifier};
use chaveiro_core::digest::sha256_hex;
use chaveiro_core::ports::{Clock, Entropy};
use chaveiro_graph::{GraphState, Limits, Tally};
use chaveiro_mdm::{CheckIns, DeviceChannel, PeerCertificate, Wakes};
use chaveiro_store_sqlite::{OpenError, Options};
use http::{HeaderName, StatusCode, header};
use serde_json::json;
use thiserror::Error;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::alarm::{Post, Receiver};
use crate::checkpoints::{Shipping, Targets};
use crate::config::{Config, Listen};
use crate::data_dir::{DataDir, DataDirError, Lock, Running as Announcement};
use crate::health::Health;
use crate::jobs::Jobs;
use crate::listener::{self, Identity, Shown, Stop};
use crate::pages::{self, Addresses};
use crate::process;
use crate::record::{Complaints, Warden};
use crate::refusals::Refusals;
use crate::room::{Capacity, Room};
use crate::shell::{SystemClock, SystemEntropy};
use crate::telemetry::{self, Metrics, Observed, Probes};
use crate::vigil::{OwnCertificate, Vigil};
use crate::watch;

/// The longest duration of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The reason why a server does not start. Each text says what to do.
#[derive(Debug, Error)]
pub enum StartError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// An address cannot be bound.
    #[error(
        "the server cannot listen on {address} ({error}); stop the program that uses it, or choose another address with --{key}"
    )]
    Port {
        /// The address.
        address: SocketAddr,
        /// The configuration key.
        key: &'static str,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// Every address of the machine is listened on, so that the public address is not known.
    #[error("{listen} is {address}, which is every address of this machine, and no client can use that; set {url} too")]
    NoPublicUrl {
        /// The key of the listener.
        listen: &'static str,
        /// The address.
        address: SocketAddr,
        /// The key to set.
        url: &'static str,
    },
    /// A certificate or key file cannot be read.
    #[error("{} cannot be read: {error}", file.display())]
    TlsFile {
        /// The file.
        file: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// Certificate and key cannot be used for TLS.
    #[error("the TLS certificate cannot be used: {0}")]
    Tls(String),
    /// The configuration of issuers is invalid.
    #[error(transparent)]
    Issuers(#[from] chaveiro_auth::ConfigError),
    /// The HTTP client for issuers cannot be made.
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
    /// The embedded authority cannot issue a certificate.
    #[error(transparent)]
    Ca(#[from] chaveiro_mdm::CaError),
}

/// The server.
pub struct Server;

/// A running server.
pub struct Running {
    /// The address for Graph clients.
    pub graph_url: String,
    /// The address for devices.
    pub device_url: String,
    /// The root that signed its certificates, PEM.
    pub root_pem: String,
    /// The listeners that other machines cannot reach.
    pub loopback: Vec<Loopback>,
    listeners: JoinSet<std::io::Result<()>>,
    listening: CancellationToken,
    background: JoinSet<()>,
    stop: CancellationToken,
    wakes: Arc<Wakes>,
    jobs: Jobs,
    shipping: Shipping,
    _lock: Lock,
}

/// A listener on a loopback address whose public address is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loopback {
    /// The key of the listener.
    pub listen: &'static str,
    /// The key of its public address.
    pub url: &'static str,
    /// The port.
    pub port: u16,
}

impl Server {
    /// Opens the data directory, binds both listeners, starts the background jobs.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        // Every TLS connection of the process uses this provider.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let system_clock = Arc::new(SystemClock::default());
        let clock: Arc<dyn Clock> = system_clock.clone();
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let now = clock.now();

        let directory = DataDir::open(&config.data)?;
        let mut lock = directory.lock_for_server()?;
        let (readers, clock_of_store) = (readers(config.store_readers), Some(Arc::clone(&clock)));
        let options = Options { readers, clock: clock_of_store, ..Options::default() };
        let opened = directory.open_with(now, entropy.as_ref(), options)?;
        match opened.sqlite.count_boot() {
            Err(error @ OpenError::Full(_)) => tracing::error!(%error, "the start was not counted"),
            counted => counted.map_err(DataDirError::from)?,
        }

        let graph = Door { listen: &config.graph_listen, url: config.graph_url.as_deref(), keys: GRAPH_KEYS };
        let devices = Door { listen: &config.device_listen, url: config.device_url.as_deref(), keys: DEVICE_KEYS };
        let (graph_listener, graph_address, graph_url) = graph.open()?;
        let (device_listener, device_address, device_url) = devices.open()?;
        let loopback =
            [graph.loopback(graph_address), devices.loopback(device_address)].into_iter().flatten().collect();

        let server_names =
            names(&[&graph_url, &device_url], &[graph_address, device_address], &config.certificate_names);
        let issued_here = config.tls().is_none();
        let identity = match config.tls() {
            Some((certificate, key)) => {
                let read = |file: &Path| {
                    std::fs::read_to_string(file).map_err(|error| StartError::TlsFile { file: file.to_owned(), error })
                };
                Identity { chain_pem: read(certificate)?, key_pem: read(key)?.into() }
            }
            None => {
                let (chain_pem, key_pem) = opened.ca.issue_server_certificate(&server_names, now, entropy.as_ref())?;
                Identity { chain_pem, key_pem }
            }
        };
        let shown = Shown::new(&identity).map_err(StartError::Tls)?;
        let graph_tls = listener::tls(&shown, None).map_err(StartError::Tls)?;
        let device_tls = listener::tls(&shown, Some(opened.ca.root_der())).map_err(StartError::Tls)?;

        let issuer_keys = directory.issuer_keys()?;
        let issuer = Arc::new(LocalIssuer::new(issuer_keys, graph_url.clone()));
        // An alert is sent only to the configured address, never to one that it redirects to.
        let no_redirects = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let alert_client = no_redirects.build().map_err(|error| StartError::Client(error.to_string()))?;
        let receiver = |url| Receiver { url, client: alert_client.clone() };
        let targets = Targets {
            file: config.checkpoint_file,
            syslog: config.checkpoint_syslog,
            webhook: config.checkpoint_url.map(receiver),
        };
        let receiver = config.alert_url.map(receiver);
        let post = Post::new(Arc::clone(&opened.store), Arc::clone(&clock), receiver);
        let clients = reqwest::Client::builder();
        let verifier = Verifier::new(config.issuers, Arc::clone(&issuer), vec![graph_url.clone()], clients)?;
        let verifier = Arc::new(verifier);

        let [graph_room, device_room] = capacities(process::files(), config.connections, config.connections_by_address);
        let graph_room = Room::new("graph", graph_room, config.trusted_proxies.clone());
        let device_room = Room::new("device", device_room, config.trusted_proxies.clone());
        let metrics = Arc::new(Metrics::new());
        let wakes = Arc::new(Wakes::default());
        let check_ins = Arc::new(CheckIns::default());
        let health = Arc::new(Health::default());
        let vigil = Arc::new(Vigil {
            store: Arc::clone(&opened.store),
            clock: system_clock,
            sealer: opened.keyring.clone(),
            inventory: directory.inventory(&opened.sqlite),
            health: Arc::clone(&health),
            metrics: Arc::clone(&metrics),
            grace: config.expiry_grace,
            certificate: issued_here.then(|| OwnCertificate {
                shown,
                ca: Arc::clone(&opened.ca),
                names: server_names,
                entropy: Arc::clone(&entropy),
                issued: Mutex::new(now),
            }),
            state: Mutex::default(),
        });
        vigil.begin().await;
        let tally = Arc::new(Tally::default());
        let probes = Probes {
            store: Arc::clone(&opened.store),
            metrics: Arc::clone(&metrics),
            wakes: Arc::clone(&wakes),
            health: Arc::clone(&health),
            rooms: [Arc::clone(&graph_room), Arc::clone(&device_room)],
            vigil: Arc::clone(&vigil),
            tally: Arc::clone(&tally),
        };
        let (lineage, complaints) = (opened.signer.lineage().clone(), Arc::new(Complaints::new(Arc::clone(&health))));
        let alarm = Arc::new(post.bell());
        let (warden, notary) =
            Warden::new(Arc::clone(&opened.store), Arc::clone(&clock), alarm, Arc::clone(&complaints), lineage.clone());
        let graph = chaveiro_graph::router(Arc::new(GraphState {
            store: Arc::clone(&opened.store),
            witness: Arc::new(notary),
            unsealer: opened.keyring.clone(),
            verifier: Arc::clone(&verifier),
            sealer: opened.keyring.clone(),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            waker: wakes.clone(),
            seen: check_ins.clone(),
            limits: Limits::new(config.ceilings, Arc::clone(&clock)),
            alarm: Arc::new(post.bell()),
            proxies: config.trusted_proxies.clone(),
            tally: Arc::clone(&tally),
            base_url: graph_url.clone(),
        }));
        let (store, ceilings) = (Arc::clone(&opened.store), config.token_ceilings);
        let tokens =
            issuer.router(store, Arc::clone(&clock), Arc::clone(&entropy), ceilings, config.trusted_proxies.clone());
        let probing = Router::new()
            .route("/healthz", get(telemetry::healthz))
            .route("/readyz", get(telemetry::readyz))
            .route("/metrics", get(telemetry::metrics))
            .with_state(probes);
        let addresses = Arc::new(Addresses { graph: graph_url.clone(), devices: device_url.clone() });
        let graph = tokens.merge(probing).merge(pages::for_callers(&addresses)).merge(graph);
        let channel = Arc::new(DeviceChannel {
            store: Arc::clone(&opened.store),
            sealer: opened.keyring.clone(),
            replayer: opened.keyring.clone(),
            clock: Arc::clone(&clock),
            entropy,
            alarm: Arc::new(post.bell()),
            ca: Arc::clone(&opened.ca),
            credentials: Arc::clone(&opened.credentials),
            wakes: Arc::clone(&wakes),
            check_ins: Arc::clone(&check_ins),
            base_url: device_url.clone(),
        });
        let refusals = Arc::new(Refusals::new(Arc::clone(&opened.store), Arc::clone(&clock)));
        let observed = |router, listener| {
            let (metrics, refusals) = (Arc::clone(&metrics), Arc::clone(&refusals));
            observed(router, Observed { listener, metrics, refusals, proxies: config.trusted_proxies.clone() })
        };
        let sessions = chaveiro_mdm::router(Arc::clone(&channel)).merge(pages::for_devices(&addresses));
        let sessions = observed(limited(sessions), "device");
        let devices = sessions.merge(observed(chaveiro_mdm::wake_router(channel), "wake"));
        let proxies = Arc::new(CertificateProxies {
            trusted: config.trusted_proxies.clone(),
            header: config.client_certificate_header,
            clock: Arc::clone(&clock),
        });
        let devices = devices.layer(middleware::from_fn_with_state(proxies, with_forwarded));

        let graph = observed(limited(graph), telemetry::GRAPH);
        let stop = CancellationToken::new();
        let shipping = Shipping::new(Arc::clone(&opened.store), complaints, lineage, targets);
        let (store, signer, vigil_of_jobs) = (opened.store, opened.signer, Arc::clone(&vigil));
        let jobs = Jobs { store, signer, clock, vigil: vigil_of_jobs, check_ins };
        let mut background = jobs.start(config.chain_interval, &stop);
        background.spawn(warden.watch(stop.clone()));
        background.spawn(shipping.clone().run(stop.clone()));
        background.spawn(post.deliver(stop.clone()));
        let rooms = [Arc::clone(&graph_room), Arc::clone(&device_room)];
        background.spawn(crate::issuers::watch(verifier, Arc::clone(&health), stop.clone()));
        background.spawn(vigil.run(stop.clone()));
        background.spawn(telemetry::report(Arc::clone(&metrics), rooms, refusals, stop.clone()));
        watch::start(&opened.sqlite, &health, metrics.disk_free_bytes.clone(), &mut background, &stop).await;

        let ending = Stop { gracefully: CancellationToken::new(), grace: config.shutdown_grace };
        let (listening, times) = (ending.gracefully.clone(), config.times);
        let mut listeners = JoinSet::new();
        listeners.spawn(listener::serve(graph_listener, graph_tls, graph_room, times, graph, ending.clone()));
        listeners.spawn(listener::serve(device_listener, device_tls, device_room, times, devices, ending));
        let announcement = Announcement {
            pid: std::process::id(),
            graph_url: graph_url.clone(),
            device_url: device_url.clone(),
            root_sha256: issued_here.then(|| sha256_hex(opened.ca.root_der())),
        };
        lock.announce(&announcement)
            .map_err(|error| DataDirError::Io { path: directory.root().join("server.lock"), error })?;
        tracing::info!(%graph_url, %device_url, "listening");
        Ok(Running {
            graph_url,
            device_url,
            root_pem: opened.ca.root_pem().to_owned(),
            loopback,
            listeners,
            listening,
            background,
            stop,
            wakes,
            jobs,
            shipping,
            _lock: lock,
        })
    }
}

/// Returns the number of threads that read the database, by the configuration.
fn readers(configured: u32) -> usize {
    match usize::try_from(configured) {
        Ok(readers @ 1..) => readers,
        _ => std::thread::available_parallelism().map_or(2, |processors| processors.get().max(2)),
    }
}

impl Running {
    /// Waits for SIGINT or SIGTERM, then stops gracefully.
    pub async fn wait_for_signal(self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        self.shutdown().await
    }

    /// Stops accepting connections, finishes open requests, stores the idle sessions that wait, and links the remaining
    /// audit events.
    pub async fn shutdown(mut self) -> std::io::Result<()> {
        tracing::info!("stopping");
        self.wakes.close();
        self.listening.cancel();
        let mut outcome = Ok(());
        while let Some(ended) = self.listeners.join_next().await {
            outcome = outcome.and(ended.unwrap_or_else(|error| Err(std::io::Error::other(error))));
        }
        self.stop.cancel();
        while self.background.join_next().await.is_some() {}
        self.jobs.store_check_ins().await;
        self.jobs.link().await;
        self.shipping.ship().await;
        tracing::info!("stopped");
        outcome
    }
}

/// The keys of a listener and of its public address.
const GRAPH_KEYS: [&str; 2] = ["graph-listen", "graph-url"];
const DEVICE_KEYS: [&str; 2] = ["device-listen", "device-url"];

/// A listener as it is configured.
struct Door<'a> {
    listen: &'a Listen,
    url: Option<&'a str>,
    keys: [&'static str; 2],
}

impl Door<'_> {
    /// Binds the address. Returns the listener, its address, and its public address.
    fn open(&self) -> Result<(tokio::net::TcpListener, SocketAddr, String), StartError> {
        let (address, [listen, url_key]) = (self.listen.address, self.keys);
        let bound = listener::bind(address);
        let (listener, bound) = bound.map_err(|error| StartError::Port { address, key: listen, error })?;
        let url = self.url.map(str::to_owned).or_else(|| self.listen.url(bound.port()));
        Ok((listener, bound, url.ok_or(StartError::NoPublicUrl { listen, address, url: url_key })?))
    }

    /// The facts about a listener that other machines cannot reach.
    fn loopback(&self, address: SocketAddr) -> Option<Loopback> {
        let [listen, url] = self.keys;
        let alone = address.ip().is_loopback() && self.url.is_none();
        alone.then(|| Loopback { listen, url, port: address.port() })
    }
}

/// The numbers of connections that each listener holds, the Graph side first. A quarter of all is for Graph, because
/// devices hold one connection each. Neither listener takes from the other, and some descriptors are left for files and
/// outgoing connections.
fn capacities(files: u64, all: u32, by_address: u32) -> [Capacity; 2] {
    let reserve = (files / 8).clamp(128, 1024).min(files / 2);
    let possible = files.saturating_sub(reserve).max(4);
    let all = if all == 0 { possible } else { u64::from(all).clamp(4, possible) };
    let by_address = usize::try_from(by_address).unwrap_or(usize::MAX);
    [all / 4, all - all / 4].map(|all| Capacity { all: usize::try_from(all).unwrap_or(usize::MAX), by_address })
}

/// The names that a certificate of ours must hold: the hosts of the public addresses, the addresses of the listeners,
/// and those of the configuration.
fn names(urls: &[&str], addresses: &[SocketAddr], configured: &[String]) -> Vec<String> {
    let mut names = vec!["localhost".to_owned()];
    names.extend_from_slice(configured);
    for url in urls {
        let authority = url.trim_start_matches("https://").split('/').next().unwrap_or_default();
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        };
        names.push(host.trim_matches(['[', ']']).to_owned());
    }
    names.extend(addresses.iter().filter(|address| !address.ip().is_unspecified()).map(|at| at.ip().to_string()));
    names.sort();
    names.dedup();
    names.retain(|name| !name.is_empty());
    names
}

/// The proxies that end the TLS connections of devices, and the header in which they forward certificates.
struct CertificateProxies {
    trusted: TrustedProxies,
    header: Option<HeaderName>,
    clock: Arc<dyn Clock>,
}

impl CertificateProxies {
    /// The certificate that a trusted proxy forwards. Two headers count as none, because one of them may be the
    /// client's own.
    fn forwarded(&self, request: &Request) -> Option<Vec<u8>> {
        let name = self.header.as_ref()?;
        let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
        let mut values = request.headers().get_all(name).iter();
        let value = values.next().filter(|_| self.trusted.has(peer.ip().to_canonical()))?;
        if values.next().is_some() {
            return None;
        }
        chaveiro_mdm::forwarded_certificate(value.as_bytes(), self.clock.now())
    }
}

/// Treats the certificate that a proxy forwards as that of the connection. One that the connection itself has shown
/// comes first.
async fn with_forwarded(State(proxies): State<Arc<CertificateProxies>>, mut request: Request, next: Next) -> Response {
    if request.extensions().get::<PeerCertificate>().is_none()
        && let Some(der) = proxies.forwarded(&request)
    {
        request.extensions_mut().insert(PeerCertificate::of(&der));
    }
    next.run(request).await
}

/// Limits the duration of requests, except those of devices that wait to be woken. A body that is late is refused earlier,
/// by the endpoint that waits for it.
fn limited(router: Router) -> Router {
    router.layer(middleware::from_fn(async |request, next: Next| {
        let answered = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await;
        answered.unwrap_or_else(|_| overdue())
    }))
}

/// The answer to a request that took too long.
fn overdue() -> Response {
    let seconds = REQUEST_TIMEOUT.as_secs();
    let message = format!(
        "The request took longer than {seconds} seconds and was given up. It may have been carried out: look before you send it again."
    );
    let body = json!({"error": {"code": "serviceNotAvailable", "message": message}});
    let headers = [(header::RETRY_AFTER, "5"), (header::CONTENT_TYPE, "application/json")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, body.to_string()).into_response()
}

fn observed(router: Router, observed: Observed) -> Router {
    router.layer(CatchPanicLayer::new()).layer(middleware::from_fn_with_state(observed, telemetry::observe))
}

#[cfg(test)]
mod tests {
    use chaveiro_mdm::CertificateAuthority;

    use super::*;
    use crate::listener::CLOSING;

    #[test]
    fn connections_leave_descriptors_for_files_however_few_there_are() {
        for (files, asked, graph, device) in [
            (1024, 0, 224, 672),
            (1024, 100, 25, 75),
            (1024, 5000, 224, 672),
            (524_288, 0, 130_816, 392_448),
            (256, 0, 32, 96),
            (1024, 1, 1, 3),
        ] {
            let [of_graph, of_devices] = capacities(files, asked, 256).map(|capacity| capacity.all);
            assert_eq!((of_graph, of_devices), (graph, device), "{files} files, {asked} asked for");
            let left = files - (graph + device) as u64;
            assert!(left > 2 * CLOSING as u64 + 32, "{left} descriptors are left of {files}");
        }
    }

    #[test]
    fn a_certificate_in_a_header_counts_from_a_trusted_proxy_and_once() {
        let (clock, directory) = (SystemClock::default(), tempfile::tempdir().expect("a directory"));
        let ca = CertificateAuthority::create(&directory.path().join("ca"), clock.now(), &SystemEntropy)
            .expect("an authority");
        let pem: String = ca.root_pem().lines().filter(|line| !line.starts_with("-----")).collect();
        let value = format!(":{pem}:");
        let proxies = |header: &str| CertificateProxies {
            trusted: TrustedProxies::parse("192.0.2.7, fd00::/8").expect("proxies"),
            header: header.parse().ok(),
            clock: Arc::new(SystemClock::default()),
        };
        let request = |from: &str, headers: &[&str]| {
            let mut builder = Request::builder();
            for name in headers {
                builder = builder.header(*name, &value);
            }
            let mut request = builder.body(axum::body::Body::empty()).expect("a request");
            let from: SocketAddr = from.parse().expect("an address");
            request.extensions_mut().insert(ConnectInfo(from));
            request
        };
        let read = |header: &str, from: &str, headers: &[&str]| {
            proxies(header).forwarded(&request(from, headers)).is_some_and(|der| der == ca.root_der())
        };
        for (header, from, headers, counts) in [
            ("Client-Cert", "192.0.2.7:1", &["client-cert"][..], true),
            ("Client-Cert", "[::ffff:192.0.2.7]:1", &["client-cert"], true),
            ("Client-Cert", "[fd00::1]:1", &["Client-Cert"], true),
            ("Client-Cert", "192.0.2.8:1", &["Client-Cert"], false),
            ("Client-Cert", "192.0.2.7:1", &["X-Client-Cert"], false),
            ("Client-Cert", "192.0.2.7:1", &["Client-Cert", "client-cert"], false),
            ("Client-Cert", "192.0.2.7:1", &[], false),
            ("", "192.0.2.7:1", &["Client-Cert"], false),
        ] {
            assert_eq!(read(header, from, headers), counts, "{header} {from} {headers:?}");
        }
    }
}
