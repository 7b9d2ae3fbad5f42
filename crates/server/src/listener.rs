//! TLS listeners: HTTP/1.1 and HTTP/2, and on the device side the client's certificate.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// How long a client may take for its handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Chain and key, as PEM.
pub(crate) struct Identity {
    pub(crate) chain_pem: String,
    pub(crate) key_pem: zeroize::Zeroizing<String>,
}

/// The TLS side of a listener. With `client_root`, clients may show a certificate of that root; a wrong one ends
/// the handshake, none is fine.
pub(crate) fn tls(identity: &Identity, client_root: Option<&[u8]>) -> Result<Arc<ServerConfig>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let chain = CertificateDer::pem_slice_iter(identity.chain_pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| text(&error))?;
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).map_err(|error| text(&error))?;
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
    let mut config = builder.with_single_cert(chain, key).map_err(|error| text(&error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Binds an address.
pub(crate) fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let local = listener.local_addr()?;
    Ok((listener, local))
}

/// Serves until the handle shuts it down. Requests know the address of their peer.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    handle: Handle<SocketAddr>,
    router: Router,
) -> io::Result<()> {
    let acceptor = RustlsAcceptor::new(RustlsConfig::from_config(tls)).handshake_timeout(HANDSHAKE_TIMEOUT);
    // Otherwise the end of a long answer waits for an acknowledgement, which a client may put off by 40 ms.
    let acceptor = acceptor.acceptor(NoDelayAcceptor::new());
    let server = axum_server::from_tcp(listener)?;
    server.acceptor(acceptor).handle(handle).serve(router.into_make_service_with_connect_info::<SocketAddr>()).await
}
