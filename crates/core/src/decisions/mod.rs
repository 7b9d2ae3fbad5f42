//! Every unit of work that is not a step of a remote action: one decision, one function.
//!
//! [`ask`] accepts a remote action, which [`crate::engine`] carries out; [`standing`] opens one by itself for a disk.
//! [`disclose_passcode`] shows the result of a recovery, within the limit of [`reading`]. [`enroll`] and [`retire`]
//! begin and end the management of a device; [`check_in`] and [`take_inventory`] take its reports in between. [`vouch`]
//! approves a sign-in. [`manage_applications`] decides which applications may ask for tokens, [`assign_roles`] decides
//! the rights of people and applications, and [`name_users`] decides the names of users. [`revoke_tokens`] revokes the
//! tokens of people and applications. [`change_tenant`] changes the settings of a tenant. [`change_device`],
//! [`change_resource`] and [`link`] change the facts that callers state about devices, users, apps and scripts.
//! [`tenants`], [`enrollment_tokens`] and [`operator_tokens`] serve operators on the host. [`unsound_rows`] settles
//! rows that another program wrote; [`restore`] accepts an older database.

use crate::device::ManagedDevice;
use crate::rights::Rights;
use crate::tenant::TenantSettings;

pub mod ask;
pub mod assign_roles;
pub mod change_device;
pub mod change_resource;
pub mod change_tenant;
pub mod check_in;
pub mod disclose_passcode;
pub mod enroll;
pub mod enrollment_tokens;
pub mod hold;
pub mod keys;
pub mod link;
pub mod manage_applications;
pub mod name_users;
pub mod operator_tokens;
pub mod reading;
pub mod refused;
pub mod restore;
pub mod retire;
pub mod revocation;
pub mod revoke_tokens;
pub mod rights;
pub mod sign_in;
pub mod standing;
pub mod take_inventory;
pub mod tenants;
pub mod unsound_rows;
pub mod vouch;

/// The facts about a request on a device that its admission has read. A decision uses them in the same unit of work, and
/// reads none of them again.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The device.
    pub device: &'a ManagedDevice,
    /// The settings of its tenant.
    pub settings: &'a TenantSettings,
    /// The rights of the caller.
    pub rights: &'a Rights,
}
