//! `roleDefinition` and `deviceAndAppManagementRoleAssignment`: who may do what, in Intune's words.
//!
//! Reference: the public metadata's types of these names, `rolePermission`, `resourceAction`, `roleAssignmentScopeType`. What an
//! assignment inherits from `roleAssignment` there stands in the one type here. Two things that Intune does not say have names
//! of ours: what kind of principal `members` names, and the scope tags by which an assignment chooses devices.

use super::complex::{ComplexType, of};
use super::enums::ROLE_ASSIGNMENT_SCOPE_TYPE;
use super::properties::{ID, flag, member, text, texts};
use super::{Default, Edm, EntityType, EnumType, Property, Target};

/// What a role allows of one kind of resource.
const RESOURCE_ACTION: ComplexType =
    of("resourceAction", &[texts("allowedResourceActions"), texts("notAllowedResourceActions")]);

/// What a role allows.
pub const ROLE_PERMISSION: ComplexType = of(
    "rolePermission",
    &[
        texts("actions").beta(),
        Property::new("resourceActions", Edm::Collection(&Edm::Complex(&RESOURCE_ACTION))).or(Default::Empty),
    ],
);

/// What `members` names. Ours: in Intune it is always a group.
pub const PRINCIPAL_TYPE: EnumType = EnumType {
    name: "chaveiroPrincipalType",
    members: &[],
    unnumbered: &["user", "group", "application"],
    beta_only: false,
};

const fn permissions(name: &'static str) -> Property {
    Property::new(name, Edm::Collection(&Edm::Complex(&ROLE_PERMISSION))).or(Default::Empty).read_only()
}

const DEFINITION: &[Property] = &[
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

const ASSIGNMENT: &[Property] = &[
    ID,
    text("displayName"),
    text("description"),
    texts("scopeMembers").beta(),
    member("scopeType", &ROLE_ASSIGNMENT_SCOPE_TYPE, "resourceScope").beta(),
    texts("resourceScopes"),
    texts("members"),
    member("chaveiro_principalType", &PRINCIPAL_TYPE, "group"),
    texts("chaveiro_scopeTags").unknown(),
];

pub(super) const ROLE_DEFINITION: EntityType = EntityType {
    target: Target::RoleDefinition,
    name: "roleDefinition",
    properties: DEFINITION,
    beta_only: false,
    key: "roleDefinitionId",
};

pub(super) const ROLE_ASSIGNMENT: EntityType = EntityType {
    target: Target::RoleAssignment,
    name: "deviceAndAppManagementRoleAssignment",
    properties: ASSIGNMENT,
    beta_only: false,
    key: "deviceAndAppManagementRoleAssignmentId",
};
