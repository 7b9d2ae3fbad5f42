//! The Microsoft Graph face: entity model as data, resolver, handlers and generated documents.

pub mod follow;
pub mod model;
pub mod resolve;
