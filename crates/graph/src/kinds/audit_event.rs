//! `auditEvent`: the record, in the words of Graph. It never holds a secret, and is served only if it is what was recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use chaveiro_core::actions::{ACTIONS, recorded_as};
use chaveiro_core::activity::Described;
use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::caller::{Actor, ActorKind, HostUser};
use chaveiro_core::device::InventoryField;
use chaveiro_core::id::{EventId, ResourceId, TenantId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{NamedEvent, StoreError, StoredEvent, View};
use chaveiro_core::query::{self, AuditField, Filter, Listing, Paged};
use chaveiro_core::remote_action::RemoteAction;
use chaveiro_core::resource::ResourceKind;
use chaveiro_core::role::RoleAction;
use chaveiro_core::scope_tag::Visibility;
use serde_json::{Value, json};
use uuid::Uuid;

use super::device_management::DEVICE_MANAGEMENT;
use crate::entity::{Collection, Entity, Reading, Served, Told};
use crate::kind::Kind;
use crate::model::properties::{ID, text, texts};
use crate::model::{
    ComplexType, Default, Edge, Edm, EntityType, Filters, Function, KeyForm, Parameter, Property, RoleActions, beta,
    complex_type,
};
use crate::query::{Fields, Selection, Source};
use crate::render::outline::{Values, Wanted};
use crate::render::{Form, complex, date_time, named};
use crate::resolve::{Key, Version};

const ROLE_SCOPE_TAG_INFO: ComplexType = beta("roleScopeTagInfo", &[text("displayName"), text("roleScopeTagId")]);

/// The actor.
const AUDIT_ACTOR: ComplexType = complex_type(
    "auditActor",
    &[
        text("type").beta(),
        text("auditActorType"),
        texts("userPermissions"),
        text("applicationId"),
        text("applicationDisplayName"),
        text("userPrincipalName"),
        text("servicePrincipalName"),
        text("ipAddress"),
        text("userId"),
        Property::new("userRoleScopeTags", Edm::Collection(&Edm::Complex(&ROLE_SCOPE_TAG_INFO)))
            .or(Default::Empty)
            .beta(),
        text("remoteTenantId").beta(),
        text("remoteUserId").beta(),
    ],
);

/// A fact beside the action.
const AUDIT_PROPERTY: ComplexType =
    complex_type("auditProperty", &[text("displayName"), text("oldValue"), text("newValue")]);

/// The object of the action.
const AUDIT_RESOURCE: ComplexType = complex_type(
    "auditResource",
    &[
        text("displayName"),
        Property::new("modifiedProperties", Edm::Collection(&Edm::Complex(&AUDIT_PROPERTY))).or(Default::Empty),
        text("type").beta(),
        text("auditResourceType"),
        text("resourceId"),
    ],
);

const PROPERTIES: &[Property] = &[
    ID,
    text("displayName").read_only(),
    text("componentName").read_only(),
    Property::new("actor", Edm::Complex(&AUDIT_ACTOR)).read_only(),
    text("activity").read_only(),
    Property::new("activityDateTime", Edm::DateTime).or(Default::Never).read_only(),
    text("activityType").read_only(),
    text("activityOperationType").read_only(),
    text("activityResult").read_only(),
    Property::new("correlationId", Edm::Guid).or(Default::Text("00000000-0000-0000-0000-000000000000")).read_only(),
    Property::new("resources", Edm::Collection(&Edm::Complex(&AUDIT_RESOURCE))).or(Default::Empty).read_only(),
    text("category").read_only(),
];

const READ: &[Permission] = &[Permission::AppsReadAll, Permission::AppsReadWriteAll];

/// The type.
pub static AUDIT_EVENT: EntityType = EntityType {
    about: "An event of the audit record, in the words of Graph. It holds no secret, and it is served only after it was verified against the chain.",
    key_form: KeyForm::Guid("an audit event"),
    role: RoleActions::all(RoleAction::AuditRead),
    filters: Filters::Named("activityType", || AuditField::NAMES.map(|(name, _)| name).to_vec()),
    edges: &[Edge { read: READ, write: &[], ..Edge::many(&DEVICE_MANAGEMENT, "auditEvents", &AUDIT_EVENT) }],
    functions: &[
        Function { name: "getAuditCategories", parameter: None, names: |_| categories() },
        Function {
            name: "getAuditActivityTypes",
            parameter: Some(Parameter {
                name: "category",
                description: "One of getAuditCategories(), without regard to case; another has no activity types.",
                examples: || Activity::ALL.iter().map(|one| one.described(&recorded_as(None).audit).category).collect(),
            }),
            names: activity_types,
        },
    ],
    ..EntityType::new("auditEvent", PROPERTIES, "auditEventId")
};

pub(super) const KIND: Kind = Kind::read_only::<AuditField>(&AUDIT_EVENT, |_, _| Some(Box::new(Events)));

fn categories() -> BTreeSet<&'static str> {
    let of = |action: &chaveiro_core::remote_action::RemoteAction| {
        Activity::ALL.iter().map(|activity| activity.described(&action.audit).category).collect::<Vec<_>>()
    };
    ACTIONS.iter().flat_map(|action| of(action)).collect()
}

/// The words of `activityType`, as a document.
pub fn activities_md() -> String {
    let mut text = String::from(
        "# Activities of audit events\n\n\
        Printed from the tables of the program by `cargo xtask codegen`.\n\
        `activity` is the name in an export; the others are properties of `auditEvent`.\n\
        An activity of a remote action has a row for each action.\n\n\
        | activity | activityType | activityOperationType | category | componentName | activityResult |\n\
        |---|---|---|---|---|---|\n",
    );
    for activity in Activity::ALL {
        let described: BTreeSet<_> = ACTIONS.iter().map(|action| row_of(*activity, action)).collect();
        for row in described {
            // Writing into a string does not fail.
            let _ = writeln!(text, "{row}");
        }
    }
    text
}

fn row_of(activity: Activity, action: &RemoteAction) -> String {
    let Described { activity_type, category, component, operation, result } = activity.described(&action.audit);
    let name = activity.name();
    format!("| `{name}` | `{activity_type}` | `{operation}` | `{category}` | `{component}` | `{result}` |")
}

fn activity_types(category: &str) -> BTreeSet<&'static str> {
    let all = ACTIONS.iter().flat_map(|action| Activity::ALL.iter().map(|activity| activity.described(&action.audit)));
    let of_category = all.filter(|described| described.category.eq_ignore_ascii_case(category));
    of_category.map(|described| described.activity_type).collect()
}

impl Fields for AuditField {
    const SEARCHED: &'static [Self] = &[];

    fn source(property: &Property) -> Option<Source<Self>> {
        match (Self::named(property.name), property.name) {
            (Some(field), _) => Some(Source::Field(field)),
            // It is null in production, too.
            (None, "activity") => Some(Source::Constant(query::Value::Null)),
            (None, _) => None,
        }
    }

    fn member_source(structure: &Property, member: &Property) -> Option<Source<Self>> {
        let field = Self::named(&format!("{}/{}", structure.name, member.name));
        match (field, structure.name, member.name) {
            (Some(field), _, _) => Some(Source::Field(field)),
            // The record does not know it.
            (None, "actor", "servicePrincipalName") => Some(Source::Constant(query::Value::Null)),
            (None, _, _) => None,
        }
    }
}

/// The audit events of a tenant.
struct Events;

impl Collection for Events {
    type Field = AuditField;
    type Row = NamedEvent;

    fn find(&self, view: &dyn View, tenant: TenantId, key: &Key) -> Result<Option<NamedEvent>, StoreError> {
        key.id.map_or(Ok(None), |id| view.audit_event(tenant, EventId(id)))
    }

    fn count(&self, from: &Reading<'_>, filter: &Filter<AuditField>) -> Result<u64, StoreError> {
        from.view.count_audit_events(from.tenant, from.sight, filter)
    }

    fn rows(&self, from: &Reading<'_>, listing: &Listing<AuditField>) -> Result<Paged<NamedEvent>, StoreError> {
        from.view.audit_events(from.tenant, from.sight, listing)
    }

    fn served(
        &self,
        from: &Reading<'_>,
        rows: Vec<NamedEvent>,
        selection: &Selection,
    ) -> Result<Vec<Told>, StoreError> {
        require_sound(from, &rows)?;
        let records = rows.iter().map(|event| record(&event.event)).collect::<Result<Vec<_>, _>>()?;
        let names = Arc::new(Names::of(from, &records, selection)?);
        let told = |(event, record)| Box::new(Recorded { event, record, names: Arc::clone(&names) }) as Told;
        Ok(rows.into_iter().zip(records).map(told).collect())
    }
}

impl Entity for NamedEvent {
    fn entity_type(&self) -> &'static EntityType {
        &AUDIT_EVENT
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    /// A caller that sees all devices sees every event; another, those about a device in sight.
    fn is_seen(&self, view: &dyn View, sight: &Visibility) -> Result<bool, StoreError> {
        if *sight == Visibility::All {
            return Ok(true);
        }
        let Some(device) = record(&self.event)?.device else { return Ok(false) };
        let device = view.device(self.event.tenant, device)?;
        Ok(device.is_some_and(|device| sight.admits(&device.scope_tags)))
    }

    fn served(self: Box<Self>, from: &Reading<'_>, selection: &Selection, _: Form) -> Result<Told, StoreError> {
        require_sound(from, std::slice::from_ref(self.as_ref()))?;
        let record = record(&self.event)?;
        let names = Arc::new(Names::of(from, std::slice::from_ref(&record), selection)?);
        Ok(Box::new(Recorded { event: *self, record, names }))
    }
}

/// Refuses to serve events of which one is not what was recorded.
fn require_sound(from: &Reading<'_>, events: &[NamedEvent]) -> Result<(), StoreError> {
    let events: Vec<_> = events.iter().map(|named| &named.event).collect();
    match from.witness.vouches_for(from.view, &events)? {
        true => Ok(()),
        false => Err(StoreError::Inconsistent("events of the audit record do not verify".to_owned())),
    }
}

/// The record in that row.
fn record(stored: &StoredEvent) -> Result<AuditEvent, StoreError> {
    serde_json::from_str(&stored.body)
        .map_err(|error| StoreError::Inconsistent(format!("audit event {}: {error}", stored.seq)))
}

/// The names of the resources of a page of events, as they are now; each kind is read at once.
#[derive(Default)]
struct Names {
    /// Names of devices, users, apps and scripts by their ids.
    of: BTreeMap<Uuid, String>,
    tenant: Option<String>,
}

impl Names {
    fn of(from: &Reading<'_>, records: &[AuditEvent], selection: &Selection) -> Result<Self, StoreError> {
        let shown = AUDIT_EVENT.property("resources").is_some_and(|resources| selection.contains(resources));
        if !shown || records.is_empty() {
            return Ok(Self::default());
        }
        let tenant = from.view.tenant(from.tenant)?.map(|tenant| tenant.display_name);
        let mut names = Self { tenant, of: BTreeMap::new() };
        let devices: BTreeSet<_> = records.iter().filter_map(|record| record.device).collect();
        if !devices.is_empty() {
            for device in from.view.devices_of(from.tenant, &Vec::from_iter(devices))? {
                let name = device.inventory.text(InventoryField::DEVICE_NAME).map(str::to_owned);
                names.of.extend(name.map(|name| (device.id.0, name)));
            }
        }
        let mut resources: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (kind, id) in records.iter().filter(|record| record.device.is_none()).filter_map(named_resource) {
            resources.entry(kind).or_default().insert(id);
        }
        for (kind, ids) in resources {
            for resource in from.view.resources_of(from.tenant, kind, &Vec::from_iter(ids))? {
                let properties: Value = serde_json::from_str(&resource.properties).unwrap_or_default();
                let name = ["displayName", "userPrincipalName"].iter().find_map(|name| properties[*name].as_str());
                names.of.extend(name.map(|name| (resource.id.0, name.to_owned())));
            }
        }
        Ok(names)
    }
}

/// The user, app, script or run state that the record names by kind and id.
fn named_resource(record: &AuditEvent) -> Option<(ResourceKind, ResourceId)> {
    let kind = ResourceKind::parse(detail(record, "kind")?)?;
    Some((kind, ResourceId(Uuid::try_parse(detail(record, "id")?).ok()?)))
}

fn detail<'a>(record: &'a AuditEvent, wanted: &str) -> Option<&'a str> {
    record.details.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
}

/// An event with its record, and the names of what the record is about.
struct Recorded {
    event: NamedEvent,
    record: AuditEvent,
    names: Arc<Names>,
}

impl Served for Recorded {
    fn entity(&self) -> &dyn Entity {
        &self.event
    }
}

impl Values for Recorded {
    fn value(&self, wanted: Wanted) -> Option<Value> {
        let Self { event, record, names } = self;
        let described = record.activity.described(&recorded_as(record.remote_action.as_deref()).audit);
        let correlation = record.action.map(|action| action.0).or(record.request.map(|request| request.0));
        Some(match wanted.property.name {
            "id" => json!(event.id),
            "displayName" | "activityType" => json!(described.activity_type),
            "componentName" => json!(described.component),
            "actor" => actor(&record.actor, wanted.version),
            "activityDateTime" => json!(date_time(record.at)),
            "activityOperationType" => json!(described.operation),
            "activityResult" => json!(described.result),
            "correlationId" => json!(correlation.unwrap_or_default()),
            "resources" => json!([resource(record, names, wanted.version)]),
            "category" => json!(described.category),
            _ => return None,
        })
    }
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
    complex(&AUDIT_ACTOR, version, named(known))
}

/// The device, or what the record names by kind and id, or the tenant.
fn resource(record: &AuditEvent, names: &Names, version: Version) -> Value {
    let name_of = |id: Uuid| names.of.get(&id).map(String::as_str);
    let (kind, id, name) = match (record.device, detail(record, "kind"), detail(record, "id")) {
        (Some(device), _, _) => ("ManagedDevice", device.to_string(), name_of(device.0)),
        (None, Some(kind), Some(id)) => {
            let name = named_resource(record).and_then(|(_, id)| name_of(id.0));
            (kind, id.to_owned(), name)
        }
        (None, _, _) => ("Tenant", record.tenant.to_string(), names.tenant.as_deref()),
    };
    let property = |name: &str, old: Option<&str>, new: &str| {
        let known = [("displayName", json!(name)), ("oldValue", json!(old)), ("newValue", json!(new))];
        complex(&AUDIT_PROPERTY, version, named(known))
    };
    // A setting that changed is one property, with what it was.
    let setting = |details: &[(String, String)]| match details {
        [(setting, name), (before, old), (after, new)]
            if [setting, before, after].map(String::as_str) == ["setting", "before", "after"] =>
        {
            Some(property(name, Some(old), new))
        }
        _ => None,
    };
    let settings: Option<Vec<_>> = record.details.chunks(3).map(setting).collect();
    let modified = settings.filter(|settings| !settings.is_empty()).unwrap_or_else(|| {
        let host = record.actor.host.iter().flat_map(of_host);
        let details = record.details.iter().map(|(name, value)| property(name, None, value));
        details.chain(host.map(|(name, value)| property(name, None, &value))).collect()
    });
    let known = [
        ("displayName", json!(name)),
        ("type", json!(kind)),
        ("auditResourceType", json!(kind)),
        ("resourceId", json!(id)),
        ("modifiedProperties", modified.into()),
    ];
    complex(&AUDIT_RESOURCE, version, named(known))
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
