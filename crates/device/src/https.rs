//! The network: HTTPS that trusts one root, with the device's certificate if it has one.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Certificate, Client, ClientBuilder, Identity};
use rustls::CertificateError;

use crate::transport::{Request, Response, Transport, TransportError};

const TIMEOUT: Duration = Duration::from_secs(30);

/// HTTPS over the network.
pub struct Https {
    client: Client,
    /// For requests that the server holds. They have a connection of their own, because a server keeps one that carried
    /// nothing else in much less memory.
    waiting: Client,
}

/// The answer to a request that the server held.
#[derive(Clone, Debug)]
pub struct Held {
    /// The HTTP status.
    pub status: u16,
    headers: HeaderMap,
}

impl Held {
    /// The number of seconds in that header.
    pub fn seconds(&self, header: &str) -> Option<Duration> {
        self.headers.get(header)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
    }
}

impl Https {
    /// Trusts only that root (PEM). `identity` is the device's certificate and key, both PEM, in one text.
    pub fn new(root_pem: &str, identity: Option<&str>) -> Result<Self, TransportError> {
        Self::trusting(Some(root_pem), identity)
    }

    /// Trusts only that root (PEM), or the roots of the system if none is given.
    pub fn trusting(root_pem: Option<&str>, identity: Option<&str>) -> Result<Self, TransportError> {
        let root = root_pem.map(|root| Certificate::from_pem(root.as_bytes())).transpose();
        let root = root.map_err(|error| explain(&error))?;
        let identity = identity.map(|identity| Identity::from_pem(identity.as_bytes())).transpose();
        let identity = identity.map_err(|error| explain(&error))?;
        let client = |builder: ClientBuilder| {
            let mut builder = builder.no_proxy().timeout(TIMEOUT);
            if let Some(root) = &root {
                builder = builder.tls_certs_only([root.clone()]);
            }
            if let Some(identity) = &identity {
                builder = builder.identity(identity.clone());
            }
            builder.build().map_err(|error| explain(&error))
        };
        Ok(Self { client: client(Client::builder())?, waiting: client(Client::builder().http1_only())? })
    }
}

impl Https {
    /// Sends a request that the server holds for up to `wait`. Returns the HTTP status, or why there is none.
    pub async fn wait(&self, url: &str, wait: Duration) -> Result<u16, TransportError> {
        Ok(self.hold(url, wait).await?.status)
    }

    /// Sends a request that the server holds for up to `wait`. Returns its answer, or why there is none.
    pub async fn hold(&self, url: &str, wait: Duration) -> Result<Held, TransportError> {
        let request = self.waiting.get(url).header("Prefer", format!("wait={}", wait.as_secs()));
        // The server answers in time; a connection that died silently is noticed a little later.
        let response = request.timeout(wait + TIMEOUT).send().await.map_err(|error| explain(&error))?;
        Ok(Held { status: response.status().as_u16(), headers: response.headers().clone() })
    }
}

impl Transport for Https {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let Request { method, url, content_type, body } = request;
        let mut builder = match method {
            "GET" => self.client.get(url),
            _ => self.client.post(url),
        };
        if let Some(content_type) = content_type {
            builder = builder.header("Content-Type", content_type);
        }
        let builder = builder.body(body);
        // Windows resends a package if the connection broke (w7 APPLICATION CSP, CONNRETRYFREQ). The bytes are
        // identical, so the server must tell a repeat from a new message.
        let again = builder.try_clone();
        let response = match (builder.send().await, again) {
            (Err(_), Some(again)) => again.send().await.map_err(|error| explain(&error))?,
            (first, _) => first.map_err(|error| explain(&error))?,
        };
        let status = response.status().as_u16();
        Ok(Response { status, body: response.bytes().await.map_err(|error| explain(&error))?.to_vec() })
    }
}

/// The reason why there is no response. An error and its causes repeat one another: each is told once.
pub(crate) fn explain(error: &reqwest::Error) -> TransportError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        match certificate_error(inner) {
            Some(CertificateError::UnknownIssuer) => return TransportError::Untrusted,
            Some(CertificateError::ApplicationVerificationFailure) => return TransportError::OtherRoot,
            _ => {}
        }
        let told = inner.to_string();
        if !text.contains(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        if is_about_time(inner) {
            text.push_str(" (is the clock of this machine right?)");
        }
        source = inner.source();
    }
    TransportError::Failed(text)
}

/// The fault of the server's certificate, if that is the error. TLS errors travel inside I/O errors, in more than one
/// layer.
fn certificate_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a CertificateError> {
    if let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        return certificate_error(inner);
    }
    match error.downcast_ref::<rustls::Error>() {
        Some(rustls::Error::InvalidCertificate(fault)) => Some(fault),
        _ => None,
    }
}

/// Returns whether the dates of the server's certificate are the problem. The usual cause is a wrong clock on this
/// device.
fn is_about_time(error: &(dyn std::error::Error + 'static)) -> bool {
    use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    let fault = certificate_error(error);
    matches!(fault, Some(Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_is_no_number_of_seconds_says_nothing() {
        let told = |text: &'static str| {
            let headers = HeaderMap::from_iter([(
                reqwest::header::HeaderName::from_static("x"),
                reqwest::header::HeaderValue::from_static(text),
            )]);
            Held { status: 204, headers }.seconds("x")
        };
        for nonsense in ["", "soon", "-5", "1.5", "1e3", "0x10", "5 s", "5, 6", "18446744073709551616"] {
            assert_eq!(told(nonsense), None, "{nonsense}");
        }
        for (text, seconds) in [("0", 0), ("300", 300), ("18446744073709551615", u64::MAX)] {
            assert_eq!(told(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(Held { status: 204, headers: HeaderMap::new() }.seconds("x"), None);
    }
}
