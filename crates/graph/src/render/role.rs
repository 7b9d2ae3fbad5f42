//! `roleDefinition` and its assignments: a role with what it allows, and for whom it is, on which devices.

use chaveiro_core::principal::RoleAssignment;
use chaveiro_core::role::Role;
use chaveiro_core::scope_tag::Visibility;
use serde_json::{Map, Value, json};

use super::{Form, complex, object};
use crate::model::{MODEL, ROLE_PERMISSION, Target};
use crate::query::Selection;
use crate::resolve::Version;

/// All devices, in the words of Intune.
pub const ALL_DEVICES: &str = "allDevices";

/// Those that something else names.
pub const RESOURCE_SCOPE: &str = "resourceScope";

/// The JSON of a role.
pub fn definition(role: &Role, version: Version, selection: &Selection, form: Form) -> Map<String, Value> {
    let actions: Vec<_> = role.actions.iter().map(|action| action.name()).collect();
    let known = [
        ("actions", json!(actions)),
        ("resourceActions", json!([{"allowedResourceActions": actions, "notAllowedResourceActions": []}])),
    ];
    let allowed = json!([complex(&ROLE_PERMISSION, version, named(known))]);
    let known = [
        ("id", json!(role.id)),
        ("displayName", json!(role.name)),
        ("description", json!(role.about)),
        ("isBuiltInRoleDefinition", json!(true)),
        ("isBuiltIn", json!(true)),
        ("permissions", allowed.clone()),
        ("rolePermissions", allowed),
        ("chaveiro_key", json!(role.key)),
    ];
    match MODEL.entity_type(Target::RoleDefinition) {
        Some(entity) => object(entity, version, selection, form, named(known)),
        None => Map::new(),
    }
}

/// The JSON of an assignment.
pub fn assignment(of: &RoleAssignment, version: Version, selection: &Selection, form: Form) -> Map<String, Value> {
    let (scope_type, tags) = match &of.scope {
        Visibility::All => (ALL_DEVICES, Value::Null),
        Visibility::Tagged(tags) => (RESOURCE_SCOPE, json!(tags)),
    };
    let known = [
        ("id", json!(of.id)),
        ("displayName", json!(of.display_name)),
        ("description", json!(of.description)),
        ("scopeType", json!(scope_type)),
        ("members", json!([of.principal.text])),
        ("chaveiro_principalType", json!(of.principal.kind.name())),
        ("chaveiro_scopeTags", tags),
    ];
    match MODEL.entity_type(Target::RoleAssignment) {
        Some(entity) => object(entity, version, selection, form, named(known)),
        None => Map::new(),
    }
}

fn named<const N: usize>(known: [(&str, Value); N]) -> Map<String, Value> {
    known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
