//! `auditEvent`: what the record says, in the words of Graph. A record never holds a secret.

use chaveiro_core::activity::event_id;
use chaveiro_core::audit::AuditEvent;
use chaveiro_core::caller::{Actor, ActorKind};
use chaveiro_core::ports::{StoreError, StoredEvent};
use serde_json::{Map, Value, json};

use super::{Form, complex, date_time, object};
use crate::model::{AUDIT_ACTOR, AUDIT_PROPERTY, AUDIT_RESOURCE, MODEL, Target};
use crate::query::Selection;
use crate::resolve::Version;

/// The record in that row.
pub fn record(stored: &StoredEvent) -> Result<AuditEvent, StoreError> {
    serde_json::from_str(&stored.body)
        .map_err(|error| StoreError::Inconsistent(format!("audit event {}: {error}", stored.seq)))
}

/// The JSON of an event.
pub fn event(
    stored: &StoredEvent,
    version: Version,
    selection: &Selection,
    form: Form,
) -> Result<Map<String, Value>, StoreError> {
    let record = record(stored)?;
    let described = record.activity.described();
    let correlation = record.action.map(|action| action.0).or(record.request.map(|request| request.0));
    let known = [
        ("id", json!(event_id(stored.tenant, stored.seq))),
        ("displayName", json!(described.activity_type)),
        ("componentName", json!(described.component)),
        ("actor", actor(&record.actor, version)),
        ("activityDateTime", json!(date_time(record.at))),
        ("activityType", json!(described.activity_type)),
        ("activityOperationType", json!(described.operation)),
        ("activityResult", json!(described.result)),
        ("correlationId", json!(correlation.unwrap_or_default())),
        ("resources", json!([resource(&record, version)])),
        ("category", json!(described.category)),
    ];
    let known = known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(match MODEL.entity_type(Target::AuditEvent) {
        Some(entity) => object(entity, version, selection, form, known),
        None => Map::new(),
    })
}

fn actor(actor: &Actor, version: Version) -> Value {
    let kind = match actor.kind {
        ActorKind::Delegated | ActorKind::Operator => "ItPro",
        ActorKind::Application => "Application",
        ActorKind::Device => "Device",
        ActorKind::System => "System",
    };
    let known = [
        ("type", json!(kind)),
        ("auditActorType", json!(kind)),
        ("applicationId", json!(actor.application_id)),
        ("applicationDisplayName", json!(actor.application_name)),
        ("userPrincipalName", json!(actor.user_principal_name)),
        ("userId", json!(actor.user_id)),
    ];
    complex(&AUDIT_ACTOR, version, known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The device, or what the record names by kind and id, or the tenant.
fn resource(record: &AuditEvent, version: Version) -> Value {
    let detail = |wanted: &str| record.details.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let (kind, id) = match (record.device, detail("kind"), detail("id")) {
        (Some(device), _, _) => ("ManagedDevice".to_owned(), device.to_string()),
        (None, Some(kind), Some(id)) => (kind, id),
        (None, _, _) => ("Tenant".to_owned(), record.tenant.to_string()),
    };
    let modified = record.details.iter().map(|(name, value)| {
        let known = [("displayName".to_owned(), json!(name)), ("newValue".to_owned(), json!(value))];
        complex(&AUDIT_PROPERTY, version, known.into_iter().collect())
    });
    let known = [
        ("type", json!(kind)),
        ("auditResourceType", json!(kind)),
        ("resourceId", json!(id)),
        ("modifiedProperties", modified.collect()),
    ];
    complex(&AUDIT_RESOURCE, version, known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
