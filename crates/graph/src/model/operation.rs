//! What can be done to an entity beside reading and changing it, and is no remote action on a device: OData actions with
//! parameters.

use chaveiro_core::permission::Permission as P;

use super::application::PASSWORD_CREDENTIAL;
use super::properties::{number, text};
use super::{ComplexType, Edm, Property, Target};

/// One of them. Its role action is that of its target.
#[derive(Debug)]
pub struct Operation {
    /// The segment.
    pub name: &'static str,
    /// The target it is bound to.
    pub on: Target,
    /// Which code does it; matched without a wildcard.
    pub does: Does,
    /// Any one of these is needed.
    pub permissions: &'static [P],
    /// What its body takes. It may be left out where nothing is required.
    pub parameters: &'static [Property],
    /// What it answers; 204 without.
    pub answers: Option<&'static ComplexType>,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Ends a hold.
    ReleaseHold,
    /// Gives an application another secret.
    AddPassword,
    /// Takes one away.
    RemovePassword,
}

/// The operations.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        name: "release",
        on: Target::Hold,
        does: Does::ReleaseHold,
        // What a release lets through are privileged operations: no token without that permission opens the way for them.
        permissions: &[P::PrivilegedOperationsAll],
        parameters: &[text("reason"), number("quietMinutes").unknown()],
        answers: None,
    },
    Operation {
        name: "addPassword",
        on: Target::Application,
        does: Does::AddPassword,
        permissions: &[P::ApplicationReadWriteAll],
        parameters: &[Property::new("passwordCredential", Edm::Complex(&PASSWORD_CREDENTIAL))],
        answers: Some(&PASSWORD_CREDENTIAL),
    },
    Operation {
        name: "removePassword",
        on: Target::Application,
        does: Does::RemovePassword,
        permissions: &[P::ApplicationReadWriteAll],
        parameters: &[Property::new("keyId", Edm::Guid).required()],
        answers: None,
    },
];
