//! `auditEvent` and its complex types.
//!
//! Reference: graph.md 2.7.

use super::complex::{ComplexType, beta, of};
use super::properties::{ID, text, texts};
use super::{Default, Edm, EntityType, Property, Target};

const ROLE_SCOPE_TAG_INFO: ComplexType = beta("roleScopeTagInfo", &[text("displayName"), text("roleScopeTagId")]);

/// Who did it.
pub const AUDIT_ACTOR: ComplexType = of(
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

/// A fact beside it.
pub const AUDIT_PROPERTY: ComplexType = of("auditProperty", &[text("displayName"), text("oldValue"), text("newValue")]);

/// To what it was done.
pub const AUDIT_RESOURCE: ComplexType = of(
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

pub(super) const AUDIT_EVENT: EntityType = EntityType {
    target: Target::AuditEvent,
    name: "auditEvent",
    properties: PROPERTIES,
    beta_only: false,
    key: "auditEventId",
};
