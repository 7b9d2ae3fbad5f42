//! `auditEvent`: what the record says, in the words of Graph. A record never holds a secret.

use chaveiro_core::actions::recorded_as;
use chaveiro_core::audit::AuditEvent;
use chaveiro_core::caller::{Actor, ActorKind, HostUser};
use chaveiro_core::ports::{NamedEvent, StoreError, StoredEvent};
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
    named: &NamedEvent,
    version: Version,
    selection: &Selection,
    form: Form,
) -> Result<Map<String, Value>, StoreError> {
    let record = record(&named.event)?;
    let action = recorded_as(record.remote_action.as_deref());
    let described = record.activity.described(&action.audit);
    let correlation = record.action.map(|action| action.0).or(record.request.map(|request| request.0));
    let known = [
        ("id", json!(named.id)),
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
        ("ipAddress", json!(actor.address)),
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
    let property = |name: &str, old: Option<&str>, new: &str| {
        let known = [("displayName", json!(name)), ("oldValue", json!(old)), ("newValue", json!(new))];
        complex(&AUDIT_PROPERTY, version, known.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
    };
    // A setting that changed is one property, with what it was.
    let modified = match record.details.as_slice() {
        [(setting, name), (before, old), (after, new)]
            if [setting, before, after].map(String::as_str) == ["setting", "before", "after"] =>
        {
            vec![property(name, Some(old), new)]
        }
        details => {
            let host = record.actor.host.iter().flat_map(of_host);
            let details = details.iter().map(|(name, value)| property(name, None, value));
            details.chain(host.map(|(name, value)| property(name, None, &value))).collect()
        }
    };
    let known = [
        ("type", json!(kind)),
        ("auditResourceType", json!(kind)),
        ("resourceId", json!(id)),
        ("modifiedProperties", modified.into()),
    ];
    complex(&AUDIT_RESOURCE, version, known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The facts of the operating system about a person on the host, beside the name.
fn of_host(person: &HostUser) -> Vec<(&'static str, String)> {
    let known = [
        ("hostUser", Some(person.user.clone())),
        ("hostUid", Some(person.uid.to_string())),
        ("hostLogin", person.login.clone()),
        ("hostSudoUser", person.sudo_user.clone()),
        ("hostTerminal", person.terminal.clone()),
    ];
    known.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
