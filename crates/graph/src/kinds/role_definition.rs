//! `roleDefinition`: what a role allows, in Intune's words. Roles are built in, the same in every tenant.
//!
//! Reference: the public metadata's types `roleDefinition`, `rolePermission`, `resourceAction`.

use chaveiro_core::id::TenantId;
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{StoreError, View};
use chaveiro_core::principal::RoleAssignment;
use chaveiro_core::role::{ROLES, Role, RoleAction};
use serde_json::{Value, json};

use super::device_management::DEVICE_MANAGEMENT;
use super::role_assignment::ROLE_ASSIGNMENT;
use crate::entity::{Entity, Few, Node, Reading, Small, Told};
use crate::follow::Finding;
use crate::kind::Kind;
use crate::model::properties::{ID, flag, text, texts};
use crate::model::{ComplexType, Default, Edge, Edm, EntityType, KeyForm, Property, RoleActions, complex_type};
use crate::query::Selection;
use crate::render::outline::{Values, Wanted};
use crate::render::{Form, complex, named};
use crate::resolve::Key;
use crate::short_list::Rendered;

/// The actions that a role allows on one kind of resource.
const RESOURCE_ACTION: ComplexType =
    complex_type("resourceAction", &[texts("allowedResourceActions"), texts("notAllowedResourceActions")]);

/// The actions that a role allows.
const ROLE_PERMISSION: ComplexType = complex_type(
    "rolePermission",
    &[
        texts("actions").beta(),
        Property::new("resourceActions", Edm::Collection(&Edm::Complex(&RESOURCE_ACTION))).or(Default::Empty),
    ],
);

const fn permissions(name: &'static str) -> Property {
    Property::new(name, Edm::Collection(&Edm::Complex(&ROLE_PERMISSION))).or(Default::Empty).read_only()
}

const PROPERTIES: &[Property] = &[
    ID,
    text("displayName").read_only(),
    text("description").read_only(),
    flag("isBuiltInRoleDefinition").beta().read_only(),
    flag("isBuiltIn").read_only(),
    texts("roleScopeTagIds").beta().read_only(),
    permissions("permissions").beta(),
    permissions("rolePermissions"),
    text("chaveiro_key").read_only(),
];

const READ: &[Permission] = &[Permission::RbacReadAll, Permission::RbacReadWriteAll];
const WRITE: &[Permission] = &[Permission::RbacReadWriteAll];

/// An edge that is read and written with the permissions of roles.
pub(super) const fn of_roles(edge: Edge) -> Edge {
    Edge { read: READ, write: WRITE, ..edge }
}

pub(super) static ROLE_DEFINITION: EntityType = EntityType {
    about: "A role: what its holders may do, in Intune's words. Roles are built in and the same in every tenant; `chaveiro_key` is the name on command lines.",
    key_form: KeyForm::Guid("a role"),
    role: RoleActions::new(RoleAction::RolesRead, RoleAction::RolesManage),
    edges: &[
        of_roles(Edge::many(&DEVICE_MANAGEMENT, "roleDefinitions", &ROLE_DEFINITION)),
        of_roles(Edge::one(&ROLE_ASSIGNMENT, "roleDefinition", &ROLE_DEFINITION)),
    ],
    ..EntityType::new("roleDefinition", PROPERTIES, "roleDefinitionId")
};

const READ_ONLY: Kind = Kind::read_only::<Rendered>(&ROLE_DEFINITION, |_, _| Some(Box::new(Few(Roles))));

pub(super) const KIND: Kind = Kind { finding: Finding { single: of_assignment, ..READ_ONLY.finding }, ..READ_ONLY };

/// The role of an assignment.
fn of_assignment(_: &dyn View, _: TenantId, parent: &dyn Entity) -> Result<Option<Node>, StoreError> {
    Ok(parent.row::<RoleAssignment>().map(|assignment| Box::new(assignment.role) as Node))
}

/// The roles, as in their table.
struct Roles;

impl Small for Roles {
    type Row = &'static Role;

    fn find(&self, _: &dyn View, _: TenantId, key: &Key) -> Result<Option<&'static Role>, StoreError> {
        Ok(key.id.and_then(Role::of_id))
    }

    fn all(&self, _: &Reading<'_>) -> Result<Vec<&'static Role>, StoreError> {
        Ok(ROLES.iter().collect())
    }

    fn place(role: &&'static Role) -> i64 {
        let place = ROLES.iter().position(|one| one == *role);
        place.and_then(|place| i64::try_from(place).ok()).unwrap_or(i64::MAX)
    }
}

impl Entity for &'static Role {
    fn entity_type(&self) -> &'static EntityType {
        &ROLE_DEFINITION
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn served(self: Box<Self>, _: &Reading<'_>, _: &Selection, _: Form) -> Result<Told, StoreError> {
        Ok(self)
    }
}

impl Values for &'static Role {
    fn value(&self, wanted: Wanted) -> Option<Value> {
        let allowed = || {
            let actions: Vec<_> = self.actions.iter().map(|action| action.name()).collect();
            let known = [
                ("actions", json!(actions)),
                ("resourceActions", json!([{"allowedResourceActions": actions, "notAllowedResourceActions": []}])),
            ];
            json!([complex(&ROLE_PERMISSION, wanted.version, named(known))])
        };
        Some(match wanted.property.name {
            "id" => json!(self.id),
            "displayName" => json!(self.name),
            "description" => json!(self.about),
            "isBuiltInRoleDefinition" | "isBuiltIn" => json!(true),
            "permissions" | "rolePermissions" => allowed(),
            "chaveiro_key" => json!(self.key),
            _ => return None,
        })
    }
}
