//! The Microsoft Graph face: entity kinds, resolver, handlers and generated documents.
//!
//! [`kinds`] is the one list of kinds, each in a file of its own: its type as data, and its code. A path is a walk through
//! these types; there is no second list of routes. [`resolve`] reads a path, `follow` goes it through the store, the handlers
//! do what the method means at its end. Documents are printed from the same list.

pub mod batch;
pub mod body;
pub mod csdl;
mod entity;
pub mod entity_tag;
pub mod error;
mod follow;
mod handlers;
pub mod json;
mod kind;
pub mod kinds;
pub mod limits;
pub mod model;
pub mod negotiation;
pub mod openapi;
pub mod overview;
pub mod query;
pub mod render;
pub mod resolve;
pub mod routes;
pub mod short_list;
mod shown;
mod state;
mod tally;
mod transport;
pub mod verb;

use std::sync::Arc;

use axum::Router;

pub use kinds::MODEL;
pub use limits::{Ceilings, Limits};
pub use routes::RouteRow;
pub use state::GraphState;
pub use tally::Tally;

/// Everything under `/beta` and `/v1.0`, `/oidc/userinfo`, and an error of the right shape for everything else.
pub fn router(state: Arc<GraphState>) -> Router {
    let userinfo = axum::routing::get(handlers::userinfo::serve).post(handlers::userinfo::serve);
    // Any other method gets an error of the same shape as an unknown path.
    let userinfo = userinfo.fallback(handlers::serve);
    let router = Router::new().route(handlers::userinfo::PATH, userinfo).fallback(handlers::serve);
    transport::compressed(router.with_state(state))
}

/// `$metadata` of a version.
pub fn metadata(version: resolve::Version) -> String {
    csdl::metadata(&MODEL, version)
}

/// `$metadata` of the beta version.
pub fn metadata_xml() -> String {
    metadata(resolve::Version::Beta)
}

/// The OpenAPI 3.1 document, indented.
pub fn openapi_json() -> String {
    openapi::openapi_json(&MODEL)
}

/// The activities of audit events, as a table.
pub fn activities_md() -> String {
    kinds::activities_md()
}

/// The kinds of entities, as a table.
pub fn kinds_md() -> String {
    overview::kinds_md(&MODEL)
}

/// The properties of the record of a device as a table of a document.
pub fn record_md() -> String {
    kinds::record_md()
}

/// The route list.
pub fn routes() -> Vec<RouteRow> {
    routes::routes(&MODEL)
}

/// The route list as text.
pub fn routes_txt() -> String {
    routes::routes_txt(&MODEL)
}
