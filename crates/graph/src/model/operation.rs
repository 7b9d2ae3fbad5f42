//! What can be done to an entity beside reading and changing it, and is no remote action on a device: OData actions with
//! parameters.

use chaveiro_core::permission::Permission as P;
use chaveiro_core::resource::ResourceKind;

use super::application::PASSWORD_CREDENTIAL;
use super::properties::{number, text};
use super::{Edm, Property, Target};

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
    pub answers: Option<Edm>,
    /// Whether everybody who is signed in may do it to herself, without any role.
    pub of_oneself: bool,
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
    /// Signs a user out everywhere.
    RevokeSignInSessions,
}

/// Ours: whether the tokens of an application end together with a secret of it.
pub const REVOKE_TOKENS: &str = "chaveiro_revokeTokens";

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
        of_oneself: false,
    },
    Operation {
        name: "addPassword",
        on: Target::Application,
        does: Does::AddPassword,
        permissions: &[P::ApplicationReadWriteAll],
        parameters: &[Property::new("passwordCredential", Edm::Complex(&PASSWORD_CREDENTIAL))],
        answers: Some(Edm::Complex(&PASSWORD_CREDENTIAL)),
        of_oneself: false,
    },
    Operation {
        name: "removePassword",
        on: Target::Application,
        does: Does::RemovePassword,
        permissions: &[P::ApplicationReadWriteAll],
        parameters: &[Property::new("keyId", Edm::Guid).required(), Property::new(REVOKE_TOKENS, Edm::Boolean)],
        answers: None,
        of_oneself: false,
    },
    Operation {
        name: "revokeSignInSessions",
        on: Target::Resource(ResourceKind::User),
        does: Does::RevokeSignInSessions,
        permissions: &[P::UserRevokeSessionsAll, P::UserReadWriteAll],
        parameters: &[],
        answers: Some(Edm::Boolean),
        of_oneself: true,
    },
];
