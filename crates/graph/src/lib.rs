//! The Microsoft Graph face: entity model as data, resolver, handlers and generated documents.
