//! The fields of the list of audit events.

use std::fmt;

/// The properties that differ from one audit event to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditField {
    /// `activityDateTime`.
    At,
    /// `activityType`, and `displayName`, which repeats it.
    ActivityType,
    /// `category`.
    Category,
    /// `componentName`.
    Component,
    /// `activityOperationType`.
    Operation,
    /// `activityResult`.
    Result,
    /// `id`.
    Id,
    /// `actor/userPrincipalName`.
    ActorName,
    /// `actor/userId`.
    ActorUser,
    /// `actor/applicationId`.
    ActorApplication,
    /// `actor/ipAddress`.
    ActorAddress,
}

impl AuditField {
    /// Every field with the name of its property, followed by the aliases.
    pub const NAMES: [(&'static str, Self); 12] = [
        ("activityDateTime", Self::At),
        ("activityType", Self::ActivityType),
        ("category", Self::Category),
        ("componentName", Self::Component),
        ("activityOperationType", Self::Operation),
        ("activityResult", Self::Result),
        ("id", Self::Id),
        ("actor/userPrincipalName", Self::ActorName),
        ("actor/userId", Self::ActorUser),
        ("actor/applicationId", Self::ActorApplication),
        ("actor/ipAddress", Self::ActorAddress),
        ("displayName", Self::ActivityType),
    ];

    /// Returns the field of that property, named as in the model; a member of a structure is `structure/member`.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }
}

impl fmt::Display for AuditField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES.iter().find(|(_, field)| field == self).map_or("", |(name, _)| name))
    }
}
