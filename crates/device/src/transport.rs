//! The transport between a device and its server.

use std::future::Future;

use thiserror::Error;

/// One HTTP request of a device.
#[derive(Debug)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The absolute URL.
    pub url: String,
    /// The `Content-Type`, if there is a body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Vec<u8>,
}

/// The response of the server.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// The reason why there is no response.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The server was not reached, or the connection broke.
    #[error("{0}")]
    Failed(String),
    /// No trusted root signed the server's certificate.
    #[error("the server's certificate is signed by no trusted root")]
    Untrusted,
    /// The server shows no root of the expected fingerprint.
    #[error("the server shows no root certificate of that fingerprint")]
    OtherRoot,
}

/// A carrier of requests: over a network, or straight into a handler.
pub trait Transport: Send + Sync {
    /// Sends a request and waits for its response.
    fn send(&self, request: Request) -> impl Future<Output = Result<Response, TransportError>> + Send;
}
