//! TLS listeners: HTTP/1.1 and HTTP/2, and on the device side the client's certificate. Devices that wait are in
//! [`crate::parked`]. Unauthenticated connections cannot keep others out: [`crate::room`] decides which one gives way,
//! and each stage of a connection has a deadline.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use chaveiro_core::Timestamp;
use chaveiro_core::ports::Peer;
use chaveiro_mdm::{PeerCertificate, certificate_is_valid};
use http::Request;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{HandshakeKind, RootCertStore, ServerConfig, ServerConnection};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::parked::{Left, Parking};
use crate::room::{Guest, Room, Times, Visit};

/// The deadline of a client's handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The connections that the kernel queues until they are accepted.
const BACKLOG: u32 = 4096;

/// The pause after the system ran out of resources for another connection.
const SYSTEM_PAUSE: Duration = Duration::from_millis(50);

/// The time that an idle connection has to learn that it ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// The largest head of a request over HTTP/1, and the largest buffered part of an answer, in bytes.
const MAX_BUFFER: usize = 128 * 1024;

/// The concurrent requests on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;

/// The interval of HTTP/2 pings, which tell a dead client from a waiting one.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The descriptors beyond the room of a listener, for connections that gave way and are not closed yet.
pub(crate) const CLOSING: usize = 32;

/// A certificate chain and its key, as PEM.
pub(crate) struct Identity {
    pub(crate) chain_pem: String,
    pub(crate) key_pem: zeroize::Zeroizing<String>,
}

/// The certificate that both listeners show. It can be replaced while they run, because one issued under a wrong clock
/// becomes useless when the clock is corrected.
#[derive(Debug)]
pub(crate) struct Shown(ArcSwap<CertifiedKey>);

impl Shown {
    pub(crate) fn new(identity: &Identity) -> Result<Arc<Self>, String> {
        Ok(Arc::new(Self(ArcSwap::from(certified(identity)?))))
    }

    /// Shows that certificate from now on. Established connections are not touched.
    pub(crate) fn replace(&self, identity: &Identity) -> Result<(), String> {
        self.0.store(certified(identity)?);
        Ok(())
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

fn certified(identity: &Identity) -> Result<Arc<CertifiedKey>, String> {
    let chain = CertificateDer::pem_slice_iter(identity.chain_pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).map_err(|error| error.to_string())?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let certified = CertifiedKey::from_der(chain, key, &provider).map_err(|error| error.to_string())?;
    Ok(Arc::new(certified))
}

/// The TLS configuration of a listener. With `client_root`, clients may show a certificate of that root. A wrong
/// certificate ends the handshake, a missing one does not.
pub(crate) fn tls(shown: &Arc<Shown>, client_root: Option<&[u8]>) -> Result<Arc<ServerConfig>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| text(&error))?;
    let builder = match client_root {
        None => builder.with_no_client_auth(),
        Some(root) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from(root)).map_err(|error| text(&error))?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = verifier.allow_unauthenticated().build().map_err(|error| text(&error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_cert_resolver(shown.clone());
    // A device has one request under way, and a connection over HTTP/1.1 costs less memory while it waits.
    config.alpn_protocols = match client_root.is_some() {
        true => vec![b"http/1.1".to_vec(), b"h2".to_vec()],
        false => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    // A ticket holds the whole session, with the client's certificate, so any number of devices resume theirs. Its keys
    // change every six hours and live in this process alone. Each listener has its own.
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(|error| text(&error))?;
    // A device opens one connection at a time.
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

/// Returns true if a resumed session began with a certificate that is no longer valid. Only a full handshake verifies a
/// certificate, and a client can resume its session time and again.
fn rests_on_an_expired_certificate(session: &ServerConnection, config: &ServerConfig) -> bool {
    let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
    let shown = session.peer_certificates().and_then(|chain| chain.first()).filter(|_| resumed);
    let now = config.time_provider.current_time().and_then(|now| i64::try_from(now.as_secs()).ok());
    shown.is_some_and(|shown| !now.is_some_and(|now| certificate_is_valid(shown, now)))
}

/// Binds an address.
pub(crate) fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that was killed can restart on the same address at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let local = listener.local_addr()?;
    Ok((listener, local))
}

/// The way in which listeners stop.
#[derive(Clone)]
pub(crate) struct Stop {
    /// The token for the end of new connections; open requests are finished.
    pub(crate) gracefully: CancellationToken,
    /// The time that this may take.
    pub(crate) grace: Duration,
}

/// The parts that every connection of a listener needs.
struct Conversation {
    tls: TlsAcceptor,
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
    router: Router,
    times: Times,
    stop: CancellationToken,
}

/// Serves until it is stopped. Requests know their connection, the address of its peer, and the certificate that it has
/// shown.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    room: Arc<Room>,
    times: Times,
    router: Router,
    stop: Stop,
) -> io::Result<()> {
    let (tls, gracefully) = (TlsAcceptor::from(tls), stop.gracefully.clone());
    let (http1, http2) = (http1(), http2());
    let conversation = Arc::new(Conversation { tls, http1, http2, router, times, stop: gracefully.clone() });
    let (connections, at_once) = (TaskTracker::new(), CancellationToken::new());
    let descriptors = Arc::new(Semaphore::new(room.capacity().all + CLOSING));
    let accepting = async {
        loop {
            let Ok(descriptor) = Arc::clone(&descriptors).acquire_owned().await else { return };
            let Some((stream, peer)) = accept(&listener, &room).await else { continue };
            let Some(guest) = room.enter(peer.ip()) else { continue };
            let (conversation, at_once) = (Arc::clone(&conversation), at_once.clone());
            connections.spawn(async move {
                tokio::select! {
                    biased;
                    () = guest.gives_way() => {}
                    () = at_once.cancelled() => {}
                    () = conversation.hold(stream, peer, &guest) => {}
                }
                drop(descriptor);
            });
        }
    };
    tokio::select! {
        biased;
        () = gracefully.cancelled() => {}
        () = accepting => {}
    }
    drop(listener);
    connections.close();
    if timeout(stop.grace, connections.wait()).await.is_err() {
        at_once.cancel();
        connections.wait().await;
    }
    Ok(())
}

/// The next connection; `None` if there was none to accept after all.
async fn accept(listener: &TcpListener, room: &Room) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Otherwise the end of a long answer waits for an acknowledgement, which a client may delay by 40 ms.
            let _ = stream.set_nodelay(true);
            Some((stream, peer))
        }
        // The client has gone already.
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => None,
        Err(_) => {
            room.make_room();
            tokio::time::sleep(SYSTEM_PAUSE).await;
            None
        }
    }
}

fn http1() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    // hyper's own limit would end idle connections, too, because it starts before the first byte.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(MAX_BUFFER);
    builder
}

fn http2() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http2_only();
    // Floods of resets and of header frames are limited by h2 itself.
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS);
    http2.keep_alive_interval(PING_INTERVAL).keep_alive_timeout(PING_TIMEOUT);
    builder
}

impl Conversation {
    /// Performs the handshake and answers requests until the connection ends or takes too long.
    ///
    /// Each stage has a box of its own. A task is as large as the largest thing that it ever holds, and most tasks hold
    /// a device that waits.
    async fn hold(&self, stream: TcpStream, peer: SocketAddr, guest: &Arc<Guest>) {
        let Some(mut stream) = Box::pin(self.shake(stream, guest)).await else { return };
        let (_, session) = stream.get_ref();
        if rests_on_an_expired_certificate(session, self.tls.config()) {
            return;
        }
        let shown = session.peer_certificates().and_then(|chain| chain.first());
        let certificate = shown.map(|der| PeerCertificate::of(der));
        if certificate.is_some() {
            guest.has_proven_itself();
        }
        let is_http2 = session.alpn_protocol() == Some(b"h2");
        guest.seated();
        let mut early = Bytes::new();
        if certificate.is_some() && !is_http2 {
            match Box::pin(self.park(&mut stream, peer, certificate, guest)).await {
                Left::With(bytes) => early = bytes,
                Left::Ended => {
                    let _ = timeout(FAREWELL, stream.shutdown()).await;
                    return;
                }
            }
        }
        // An idle HTTP/2 connection has traffic of its own, and its heads are frames. Only its requests show its
        // activity.
        let watched = Watched { stream, early, guest: (!is_http2).then(|| Arc::clone(guest)) };
        let builder = if is_http2 { &self.http2 } else { &self.http1 };
        Box::pin(self.converse(builder, watched, peer, certificate, guest)).await;
    }

    /// Performs the handshake.
    async fn shake(&self, stream: TcpStream, guest: &Guest) -> Option<Box<TlsStream<TcpStream>>> {
        let handshake = tokio::select! {
            biased;
            () = self.stop.cancelled() => return None,
            shaken = timeout(HANDSHAKE_TIMEOUT, self.tls.accept(stream)) => shaken,
        };
        match handshake {
            Ok(shaken) => shaken.ok().map(Box::new),
            Err(_) => {
                guest.slow();
                None
            }
        }
    }

    /// Holds a device that waits.
    async fn park(
        &self,
        stream: &mut TlsStream<TcpStream>,
        peer: SocketAddr,
        certificate: Option<PeerCertificate>,
        guest: &Arc<Guest>,
    ) -> Left {
        let time = || {
            let since = self.tls.config().time_provider.current_time().map(|now| now.as_secs());
            let second = since.and_then(|second| i64::try_from(second).ok());
            second.and_then(|second| Timestamp::from_second(second).ok()).unwrap_or_default()
        };
        let answer = |request| async {
            match self.answer(request, peer, certificate, guest).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        };
        let parking = Parking { stop: &self.stop, heard: || guest.bytes(), now: time, answer };
        tokio::select! {
            biased;
            left = parking.park(stream) => left,
            _ = guest.overdue(&self.times) => Left::Ended,
        }
    }

    /// Answers requests of any kind.
    async fn converse(
        &self,
        builder: &Builder<TokioExecutor>,
        watched: Watched,
        peer: SocketAddr,
        certificate: Option<PeerCertificate>,
        guest: &Arc<Guest>,
    ) {
        let service =
            hyper::service::service_fn(|request: Request<Incoming>| self.answer(request, peer, certificate, guest));
        let mut serving = pin!(builder.serve_connection(TokioIo::new(watched), service));
        tokio::select! {
            biased;
            _ = &mut serving => {}
            () = self.stop.cancelled() => {
                serving.as_mut().graceful_shutdown();
                let _ = serving.await;
            }
            slow = guest.overdue(&self.times) => {
                if !slow {
                    serving.as_mut().graceful_shutdown();
                    let _ = timeout(FAREWELL, serving).await;
                }
            }
        }
    }

    fn answer<B>(
        &self,
        mut request: Request<B>,
        peer: SocketAddr,
        certificate: Option<PeerCertificate>,
        guest: &Arc<Guest>,
    ) -> impl Future<Output = Result<http::Response<Accompanied>, Infallible>> + use<B>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let mut visit = guest.visit();
        let connection: Arc<dyn Peer> = Arc::clone(guest) as _;
        let extensions = request.extensions_mut();
        extensions.insert(ConnectInfo(peer));
        extensions.insert(connection);
        if let Some(certificate) = certificate {
            extensions.insert(certificate);
        }
        let router = self.router.clone();
        async move {
            let response = router.oneshot(request).await?;
            visit.answered();
            Ok(response.map(|body| Accompanied { body, _visit: visit }))
        }
    }
}

/// The body of an answer. The visit ends when it has been sent, or the client is gone.
struct Accompanied {
    body: Body,
    _visit: Visit,
}

impl HttpBody for Accompanied {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that reports arriving bytes.
struct Watched {
    stream: Box<TlsStream<TcpStream>>,
    /// The bytes that were read before, and reported.
    early: Bytes,
    guest: Option<Arc<Guest>>,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let count = self.early.len().min(buffer.remaining());
            buffer.put_slice(&self.early.split_to(count));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if let Some(guest) = self.guest.as_ref().filter(|_| buffer.filled().len() > before) {
            guest.bytes();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
