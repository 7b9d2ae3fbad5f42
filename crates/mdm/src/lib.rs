//! The device channel: enrolment ([MS-MDE2], on-premise authentication with one-time tokens), device identity,
//! management sessions (OMA-DM), and the dispatch of the commands that remote actions queue.
//!
//! An answer leaves only once everything that it states is durable, and an identical repeat gets the identical answer.

mod check_ins;
mod credentials;
mod enrollment;
mod forwarded;
mod head;
mod management;
mod pki;
mod token;
mod wake;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use chaveiro_core::ports::{Alarm, Clock, Entropy, Replayer, Sealer, Sender, Store};
use chaveiro_core::refused::{By, Face, Reason, Refused, RefusedRequests};

pub use check_ins::{CheckIns, LATEST};
pub use credentials::DeviceCredentials;
pub use forwarded::{certificate as forwarded_certificate, is_valid as certificate_is_valid};
pub use head::Head;
pub use pki::{CaError, CertificateAuthority, IssuedCertificate, RequestError, VerifiedRequest};
pub use token::{EnrollmentTokenText, new_enrollment_token, token_sha256};
pub use wake::{MAX_WAIT, Wakes};

/// The path of discovery, after `{base_url}`.
pub const DISCOVERY_PATH: &str = "/EnrollmentServer/Discovery.svc";
/// The path of the certificate policy.
pub const POLICY_PATH: &str = "/EnrollmentServer/Policy.svc";
/// The path of certificate enrolment.
pub const ENROLLMENT_PATH: &str = "/EnrollmentServer/Enrollment.svc";
/// The path of management sessions.
pub const MANAGEMENT_PATH: &str = "/ManagementServer/MDM.svc";

/// The path where a device waits to be woken.
pub const WAKE_PATH: &str = "/ManagementServer/Wake";

/// The largest message of a device, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 512 * 1024;

/// The SHA-256 of the client certificate of the connection. The server puts it into the extensions of a request if the
/// connection has one, or if a trusted proxy forwards one ([`forwarded_certificate`]). TLS has verified that its chain
/// ends at our root.
#[derive(Clone, Copy)]
pub struct PeerCertificate([u8; 32]);

impl PeerCertificate {
    /// That of a certificate, DER.
    pub fn of(der: &[u8]) -> Self {
        Self(sha256(der))
    }
}

/// An answer to an authenticated sender.
pub(crate) fn proven(response: impl IntoResponse) -> Response {
    (Extension(Sender::Known), response).into_response()
}

/// An answer to an unauthenticated sender; the text is a label of a metric.
pub(crate) fn stranger(response: impl IntoResponse, why: &'static str) -> Response {
    (Extension(Sender::Stranger(why)), response).into_response()
}

/// Marks an answer as a refusal, which is counted.
pub(crate) fn refused(mut response: Response, reason: Reason, by: By, path: &str, code: &str) -> Response {
    let refused = Refused { face: Face::Device, reason, by, path: path.to_owned(), code: code.to_owned() };
    response.extensions_mut().insert(RefusedRequests(vec![refused]));
    response
}

/// The parts that the device channel works with.
pub struct DeviceChannel {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Seals passcodes as they arrive.
    pub sealer: Arc<dyn Sealer>,
    /// Opens the secrets that the server sends to devices.
    pub replayer: Arc<dyn Replayer>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Issues the certificates of devices.
    pub ca: Arc<CertificateAuthority>,
    /// Derives the OMA-DM credentials of devices.
    pub credentials: Arc<DeviceCredentials>,
    /// The devices that wait to be woken.
    pub wakes: Arc<Wakes>,
    /// The idle sessions that wait to be stored.
    pub check_ins: Arc<CheckIns>,
    /// Signals that an enrolment raised an alert.
    pub alarm: Arc<dyn Alarm>,
    /// The address devices use, for example `https://mdm.example.org:8444`, without a slash at its end.
    pub base_url: String,
}

/// The endpoints of the device listener.
pub fn router(channel: Arc<DeviceChannel>) -> Router {
    Router::new()
        .route(DISCOVERY_PATH, get(enrollment::probe).post(enrollment::discover))
        .route(POLICY_PATH, post(enrollment::policy))
        .route(ENROLLMENT_PATH, post(enrollment::enroll))
        .route(MANAGEMENT_PATH, post(management::message))
        .layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES))
        .with_state(channel)
}

/// The endpoint where devices wait. It is separate from [`router`] because its requests take minutes by design.
pub fn wake_router(channel: Arc<DeviceChannel>) -> Router {
    Router::new().route(WAKE_PATH, get(wake::wait)).with_state(channel)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    sha256
}
