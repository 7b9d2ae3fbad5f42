//! The Microsoft Graph face: entity model as data, resolver, handlers and generated documents.
//!
//! A path is a walk through [`model::MODEL`]; there is no second list of routes. [`resolve`] reads a path,
//! [`follow`] goes it through the store, the handlers do what the method means at its end.

pub mod batch;
pub mod body;
pub mod csdl;
pub mod entity_tag;
pub mod error;
pub mod follow;
mod handlers;
pub mod limits;
pub mod model;
pub mod openapi;
pub mod query;
pub mod render;
pub mod resolve;
pub mod routes;
pub mod short_list;
mod tally;
mod transport;
pub mod verb;

use std::sync::Arc;

use axum::Router;
use chaveiro_auth::{TrustedProxies, Verifier};
use chaveiro_core::ports::{Alarm, Clock, Entropy, Sealer, Store, Unsealer, Waker, Witness};

pub use limits::{Ceilings, Limits};
pub use openapi::openapi_json;
pub use routes::{RouteRow, routes, routes_txt};
pub use tally::Tally;

/// What the Graph face works with.
pub struct GraphState {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Vouches for events of the record before they are served.
    pub witness: Arc<dyn Witness>,
    /// Opens envelopes, for disclosure alone.
    pub unsealer: Arc<dyn Unsealer>,
    /// Proves, before a recovery is accepted, that a passcode can be kept.
    pub sealer: Arc<dyn Sealer>,
    /// Says who is calling.
    pub verifier: Arc<Verifier>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Wakes devices for which something was queued.
    pub waker: Arc<dyn Waker>,
    /// How much a caller may ask for.
    pub limits: Limits,
    /// Wakes whoever tells people what they must know at once.
    pub alarm: Arc<dyn Alarm>,
    /// Proxies whose word about the address of a client is taken.
    pub proxies: TrustedProxies,
    /// Counts the passcodes that are shown and withheld.
    pub tally: Arc<Tally>,
    /// `scheme://host:port` of the Graph listener, without a slash at its end.
    pub base_url: String,
}

/// Everything under `/beta` and `/v1.0`, and an error of the right shape for everything else.
pub fn router(state: Arc<GraphState>) -> Router {
    transport::compressed(Router::new().fallback(handlers::serve).with_state(state))
}

/// `$metadata` of the beta version.
pub fn metadata_xml() -> String {
    csdl::metadata(resolve::Version::Beta)
}
