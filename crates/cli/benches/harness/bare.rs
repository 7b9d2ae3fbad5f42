//! The yardstick of everything that answers: TLS like the server's, and an answer from memory behind it.
//!
//! It reads a request up to its end, and writes the same bytes for each. Its threads have a name of their own, so that
//! their processor time can be told from that of the clients in this process.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use chaveiro_core::ports::Clock;
use chaveiro_mdm::CertificateAuthority;
use chaveiro_server::{SystemClock, SystemEntropy};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::process::Cpu;
use super::site::Site;

/// The name of its threads.
const THREADS: &str = "bare";

/// The path whose answer waits for [`Bare::release`].
pub const HOLD: &str = "/hold";

/// A running server in this process.
pub struct Bare {
    pub url: String,
    release: watch::Sender<bool>,
    runtime: Option<Runtime>,
}

impl Bare {
    /// Shows a certificate of that installation, and asks for one of its devices. Answers with that body.
    pub fn start(site: &Site, body: &[u8]) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.thread_name(THREADS).worker_threads(threads).enable_all().build().expect("a runtime");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("an option");
        let url = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
        let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        answer.extend_from_slice(body);
        let (release, released) = watch::channel(false);
        let acceptor = TlsAcceptor::from(Arc::new(configuration(site)));
        runtime.spawn(accept(listener, acceptor, answer.into(), released));
        Self { url, release, runtime: Some(runtime) }
    }

    /// Answers every request that is held.
    pub fn release(&self) {
        self.release.send_replace(true);
    }

    /// The processor time of its threads in seconds.
    pub fn cpu() -> f64 {
        Cpu::of(std::process::id()).named(THREADS)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

fn configuration(site: &Site) -> ServerConfig {
    let now = SystemClock::default().now();
    let authority = CertificateAuthority::open(&site.data.join("keys/ca"), now, &SystemEntropy).expect("a CA");
    let issued = authority.issue_server_certificate(&["localhost".to_owned()], now, &SystemEntropy);
    let (chain, key) = issued.expect("a certificate");
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>().expect("a chain");
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.root_der())).expect("a root");
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated().build().expect("a verifier");
    let builder = ServerConfig::builder().with_client_cert_verifier(verifier);
    builder.with_single_cert(chain, key).expect("a configuration")
}

async fn accept(
    listener: std::net::TcpListener,
    acceptor: TlsAcceptor,
    answer: Bytes,
    released: watch::Receiver<bool>,
) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, answer, released) = (acceptor.clone(), answer.clone(), released.clone());
        tokio::spawn(async move {
            stream.set_nodelay(true)?;
            converse(acceptor.accept(stream).await?, answer, released).await
        });
    }
}

async fn converse(
    mut stream: TlsStream<TcpStream>,
    answer: Bytes,
    mut released: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut head = Vec::new();
    loop {
        // Requests have no body: the head is all of them.
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut head).await? == 0 {
                return Ok(());
            }
        }
        if head.starts_with(format!("GET {HOLD} ").as_bytes()) {
            let _ = released.wait_for(|released| *released).await;
        }
        head.clear();
        stream.write_all(&answer).await?;
        stream.flush().await?;
    }
}
