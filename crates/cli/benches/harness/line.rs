//! A client's connection, opened and kept as the measurement wants it: HTTP/1.1 over TLS, one request at a time.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use chaveiro_fleet::transport::{Request, Response, Transport, TransportError};
use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

/// Opens connections to one listener.
#[derive(Clone)]
pub struct Dialer {
    connector: TlsConnector,
    address: SocketAddr,
    host: String,
}

impl Dialer {
    /// Trusts that root, and shows that identity (certificate and key in one PEM) if one is given. Tickets are kept with
    /// `resumes`, so that a later handshake is a short one.
    pub fn new(url: &str, root: &[u8], identity: Option<&str>, resumes: bool) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(root)).expect("a root");
        let builder = ClientConfig::builder().with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain = CertificateDer::pem_slice_iter(identity.as_bytes()).collect::<Result<_, _>>();
                let key = PrivateKeyDer::from_pem_slice(identity.as_bytes()).expect("a key");
                builder.with_client_auth_cert(chain.expect("a certificate"), key).expect("an identity")
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if !resumes {
            config.resumption = Resumption::disabled();
        }
        let host = url.trim_start_matches("https://").to_owned();
        let address = host.replace("localhost", "127.0.0.1").parse().expect("an address");
        Self { connector: TlsConnector::from(Arc::new(config)), address, host }
    }

    pub async fn dial(&self) -> Line {
        let stream = TcpStream::connect(self.address).await.expect("connected");
        stream.set_nodelay(true).expect("an option");
        let name = self.host.split(':').next().unwrap_or_default().to_owned();
        let name = ServerName::try_from(name).expect("a name");
        Line::over(self.connector.connect(name, stream).await.expect("a handshake"), &self.host).await
    }
}

/// An open connection.
pub struct Line {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Line {
    /// Opens a connection without TLS.
    pub async fn plain(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("connected");
        stream.set_nodelay(true).expect("an option");
        Self::over(stream, address).await
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, host: &str) -> Self {
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        Self { sender, host: host.to_owned() }
    }

    /// Asks, and returns the status with the whole body.
    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> (StatusCode, Bytes) {
        let mut request = hyper::Request::builder().method(method).uri(path).header("Host", &self.host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).expect("a request");
        self.sender.ready().await.expect("a connection");
        let answer = self.sender.send_request(request).await.expect("an answer");
        let status = answer.status();
        (status, answer.into_body().collect().await.expect("a body").to_bytes())
    }
}

/// The connection of a device: kept until it is hung up.
pub struct Wire {
    dialer: Dialer,
    line: Mutex<Option<Line>>,
}

impl Wire {
    pub fn new(dialer: Dialer) -> Self {
        Self { dialer, line: Mutex::default() }
    }

    pub async fn hang_up(&self) {
        *self.line.lock().await = None;
    }

    /// Asks on the open connection, or on a new one.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> (StatusCode, Bytes) {
        let mut line = self.line.lock().await;
        if line.is_none() {
            *line = Some(self.dialer.dial().await);
        }
        line.as_mut().expect("a line").ask(method, path, headers, body).await
    }
}

impl Transport for Wire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let path = request.url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).expect("a path");
        let content_type = request.content_type.map(|value| ("Content-Type", value));
        let (status, body) = self.ask(request.method, &path, content_type.as_slice(), request.body).await;
        Ok(Response { status: status.as_u16(), body: body.to_vec() })
    }
}
