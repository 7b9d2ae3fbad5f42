//! Refusals: one enum for each subject, with stable codes and texts.
//!
//! [`Refusal`] covers everything that a caller can be refused. The edge has one exhaustive table from it to its
//! answers, and adds the advice in its own form. Refusals that only devices and operators meet are separate:
//! [`EnrollmentRefusal`], [`UnclearHold`], and [`crate::decisions::vouch::VouchRefusal`].

mod action;
mod device;
mod enrollment;
mod hold;
mod resource;
mod revocation;
mod rights;
mod role;
mod tenant;
mod user;
mod withheld;

use thiserror::Error;

use crate::application::ApplicationRefusal;

pub use action::ActionRefusal;
pub use device::DeviceRefusal;
pub use enrollment::{EnrollmentRefusal, TokenFault};
pub use hold::{HoldRefusal, UnclearHold};
pub use resource::ResourceRefusal;
pub use revocation::RevocationRefusal;
pub use rights::RightsRefusal;
pub use role::RoleRefusal;
pub use tenant::TenantRefusal;
pub use user::UserRefusal;
pub use withheld::Withheld;

/// A typed refusal, by its subject.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// About a device.
    #[error(transparent)]
    Device(#[from] DeviceRefusal),
    /// About a remote action.
    #[error(transparent)]
    Action(#[from] ActionRefusal),
    /// About a hold.
    #[error(transparent)]
    Hold(#[from] HoldRefusal),
    /// About the rights of the caller.
    #[error(transparent)]
    Rights(#[from] RightsRefusal),
    /// About the assignment of a role.
    #[error(transparent)]
    Role(#[from] RoleRefusal),
    /// About revoked tokens, or tokens to revoke.
    #[error(transparent)]
    Revocation(#[from] RevocationRefusal),
    /// About an application.
    #[error(transparent)]
    Application(#[from] ApplicationRefusal),
    /// About the name of a user.
    #[error(transparent)]
    User(#[from] UserRefusal),
    /// About any other entity.
    #[error(transparent)]
    Resource(#[from] ResourceRefusal),
    /// About the tenant.
    #[error(transparent)]
    Tenant(#[from] TenantRefusal),
}
