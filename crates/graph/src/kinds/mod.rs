//! The kinds of entities, each in a file of its own. A file has the type, the edges that lead to it, and the code that finds,
//! lists, renders and writes its entities. This is the one list of them. Resolver, handlers, `$metadata`, OpenAPI, routes and
//! filters go over it.
//!
//! Kinds that are alike share a shape. A [`Small`](crate::entity::Small) one is read whole: holds, roles and their
//! assignments, scope tags, applications. One of [`resource`] keeps what callers gave: users, apps, scripts and their states.

mod application;
mod around;
mod audit_event;
mod detected_app;
mod device_management;
mod directory_device;
mod hold;
pub(crate) mod managed_device;
mod managed_device_overview;
mod remote_action_audit;
mod resource;
mod role_assignment;
mod role_definition;
mod role_scope_tag;
mod scripts;
mod user;

use chaveiro_core::Refusal;

use crate::error::row::Row;
use crate::error::{Place, common};
use crate::follow::Finding;
use crate::kind::{Kind, Operate, require_code};
use crate::model::{EntityType, Model, Operation};

pub use application::APPLICATION;
pub use audit_event::{AUDIT_EVENT, activities_md};
pub use managed_device::{MANAGED_DEVICE, record_md};

/// Every kind, in the order in which documents list them.
const KINDS: &[&Kind] = &[
    &device_management::KIND,
    &managed_device::KIND,
    &managed_device_overview::KIND,
    &user::KIND,
    &directory_device::KIND,
    &detected_app::KIND,
    &resource::kind(&scripts::HEALTH_SCRIPT),
    &resource::kind(&scripts::HEALTH_STATE),
    &resource::kind(&scripts::MANAGEMENT_SCRIPT),
    &resource::kind(&scripts::MANAGEMENT_STATE),
    &resource::kind(&scripts::COMPLIANCE_SCRIPT),
    &resource::kind(&scripts::COMPLIANCE_STATE),
    &resource::kind(&scripts::SHELL_SCRIPT),
    &resource::kind(&scripts::ATTRIBUTE_SCRIPT),
    &resource::kind(&scripts::USER_STATE),
    &audit_event::KIND,
    &remote_action_audit::KIND,
    &hold::KIND,
    &application::KIND,
    &role_definition::KIND,
    &role_assignment::KIND,
    &role_scope_tag::KIND,
    &around::kind(&around::DEVICE_CATEGORY),
    &around::kind(&around::COMPLIANCE_POLICY_STATE),
    &around::kind(&around::CONFIGURATION_STATE),
    &around::kind(&around::LOG_COLLECTION_RESPONSE),
    &around::kind(&around::WINDOWS_PROTECTION_STATE),
    &around::kind(&around::FILTER_EVALUATION),
    &around::kind(&around::APP_CONFIGURATION_STATE),
    &around::kind(&around::BASELINE_STATE),
];

const _: () = require_code(KINDS);

/// The types of all kinds.
const TYPES: [&EntityType; KINDS.len()] = {
    let mut types = [KINDS[0].entity; KINDS.len()];
    let mut at = 0;
    while at < KINDS.len() {
        types[at] = KINDS[at].entity;
        at += 1;
    }
    types
};

/// The model: every kind as data.
pub static MODEL: Model = Model { types: &TYPES };

/// The kind of that type.
pub(crate) fn of(entity: &EntityType) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.entity == entity)
}

/// The code that finds entities of that type.
pub(crate) fn finding(entity: &EntityType) -> Option<&'static Finding> {
    of(entity).map(|kind| &kind.finding)
}

/// The code of an operation of that type.
pub(crate) fn operate(entity: &'static EntityType, operation: &Operation) -> Option<Operate> {
    let at = entity.operations.iter().position(|one| std::ptr::eq(one, operation))?;
    of(entity)?.operations.get(at).copied()
}

/// The answer to a refusal of the domain, which the file of a kind has if the refusal is about that kind.
pub(crate) fn refused(refusal: &Refusal, place: &Place) -> Row {
    match refusal {
        Refusal::Device(refusal) => managed_device::refused(refusal),
        Refusal::Action(refusal) => managed_device::action_refused(refusal),
        Refusal::Hold(refusal) => hold::refused(refusal, place),
        Refusal::Role(refusal) => role_assignment::refused(refusal, place),
        Refusal::Application(refusal) => application::refused(refusal),
        Refusal::User(refusal) => user::refused(refusal),
        Refusal::Rights(refusal) => common::of_rights(refusal, place),
        Refusal::Revocation(refusal) => common::of_revocation(refusal, place),
        Refusal::Resource(refusal) => common::of_resource(refusal),
        Refusal::Tenant(refusal) => common::of_tenant(refusal),
    }
}

#[cfg(test)]
mod tests {
    use chaveiro_core::actions::ACTIONS;

    use super::*;
    use crate::model::{Default, Edm};

    #[test]
    fn every_edge_ends_in_a_type_and_every_type_starts_with_its_id() {
        for edge in MODEL.edges() {
            assert!(MODEL.types.contains(&edge.to), "{}", edge.name);
        }
        for entity in MODEL.types {
            assert_eq!(entity.properties[0].name, "id", "{}", entity.name);
        }
    }

    #[test]
    fn every_kind_has_a_description_of_its_own_in_whole_sentences() {
        let mut known = std::collections::BTreeSet::new();
        for entity in MODEL.types {
            assert!(entity.about.ends_with('.') && !entity.about.contains('|'), "{}", entity.name);
            assert!(known.insert(entity.about), "{}: {}", entity.name, entity.about);
        }
    }

    #[test]
    fn no_type_has_two_properties_and_no_target_two_edges_of_one_name() {
        for entity in MODEL.types {
            for (index, property) in entity.properties.iter().enumerate() {
                assert!(
                    entity.properties[..index].iter().all(|other| !other.name.eq_ignore_ascii_case(property.name)),
                    "{}.{}",
                    entity.name,
                    property.name
                );
            }
        }
        let edges: Vec<_> = MODEL.edges().collect();
        for (index, edge) in edges.iter().enumerate() {
            assert!(edges[..index].iter().all(|other| other.from != edge.from || other.name != edge.name));
        }
    }

    #[test]
    fn a_managed_device_has_the_84_documented_properties_in_beta_and_56_in_v1() {
        let device = &MANAGED_DEVICE;
        assert_eq!(device.properties.iter().filter(|property| !property.is_extension()).count(), 84);
        assert_eq!(device.properties.iter().filter(|property| !property.beta_only).count(), 56);
    }

    #[test]
    fn every_default_of_an_enum_is_a_member() {
        for property in MODEL.types.iter().flat_map(|entity| entity.properties) {
            if let (Edm::Enum(of), Default::Text(text)) = (property.edm, property.default) {
                assert!(of.names().any(|name| name == text), "{}: {text}", property.name);
            }
        }
    }

    #[test]
    fn an_edge_stands_with_one_of_its_ends() {
        for kind in KINDS {
            for edge in kind.entity.edges {
                assert!(edge.from == kind.entity || edge.to == kind.entity, "{}", edge.name);
            }
        }
    }

    #[test]
    fn what_is_offered_is_not_also_said_to_be_missing() {
        for action in ACTIONS {
            assert_eq!(MANAGED_DEVICE.lacks(action.name), None);
        }
        for edge in MODEL.edges() {
            assert_eq!(edge.from.lacks(edge.name), None, "{:?}", edge.from);
        }
        assert_eq!(MANAGED_DEVICE.lacks("REBOOTNOW"), Some("rebootNow"));
        assert_eq!(MANAGED_DEVICE.lacks_on_all("rebootNow"), None);
    }
}
