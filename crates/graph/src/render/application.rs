//! `application`: what it is called, what it may do, and what it proves itself with. Never a secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::application::{Application, ApplicationCertificate, ApplicationSecret};
use chaveiro_core::digest::unhex;
use chaveiro_core::permission::Permission;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Form, complex, date_time, object};
use crate::model::{KEY_CREDENTIAL, MODEL, PASSWORD_CREDENTIAL, Target};
use crate::query::Selection;
use crate::resolve::Version;

/// The JSON of an application.
pub fn application(of: &Application, version: Version, selection: &Selection, form: Form) -> Map<String, Value> {
    let names = |permissions: &[Permission]| permissions.iter().map(|permission| permission.name()).collect::<Vec<_>>();
    let certificates = of.certificates.iter().map(|certificate| key(certificate, version));
    let secrets = of.secrets.iter().map(|secret| password(secret, version));
    let known = [
        ("id", json!(of.id)),
        ("appId", json!(of.id)),
        ("createdDateTime", json!(date_time(of.created))),
        ("displayName", json!(of.display_name)),
        ("isFallbackPublicClient", json!(of.public)),
        ("keyCredentials", certificates.collect()),
        ("passwordCredentials", secrets.collect()),
        ("chaveiro_permissions", json!(names(&of.permissions))),
        ("chaveiro_delegatedPermissions", json!(names(&of.delegated))),
    ];
    let known = known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    match MODEL.entity_type(Target::Application) {
        Some(entity) => object(entity, version, selection, form, known),
        None => Map::new(),
    }
}

/// The JSON of a secret, without the secret.
pub fn password(secret: &ApplicationSecret, version: Version) -> Value {
    let known = [
        ("displayName", json!(secret.display_name)),
        ("endDateTime", json!(date_time(secret.expires))),
        ("hint", json!(secret.hint)),
        ("keyId", json!(secret.id)),
        ("startDateTime", json!(date_time(secret.created))),
    ];
    complex(&PASSWORD_CREDENTIAL, version, known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The JSON of a certificate. `customKeyIdentifier` is the thumbprint, as in Graph.
fn key(certificate: &ApplicationCertificate, version: Version) -> Value {
    let known = [
        ("customKeyIdentifier", json!(unhex(&certificate.sha1).map(|bytes| STANDARD.encode(bytes)))),
        ("displayName", json!(certificate.subject)),
        ("endDateTime", json!(date_time(certificate.expires))),
        ("keyId", json!(key_id(&certificate.sha256))),
        ("startDateTime", json!(date_time(certificate.begins))),
        ("type", json!("AsymmetricX509Cert")),
        ("usage", json!("Verify")),
    ];
    complex(&KEY_CREDENTIAL, version, known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A certificate is named by its thumbprint here; Graph wants a GUID, which is the first half of that.
fn key_id(sha256: &str) -> Option<Uuid> {
    let half = unhex(sha256)?.get(..16)?.try_into().ok()?;
    Some(uuid::Builder::from_custom_bytes(half).into_uuid())
}
