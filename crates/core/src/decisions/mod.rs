//! Every unit of work that is not a step of a remote action: one decision, one function.
//!
//! [`ask`] accepts a remote action, which [`crate::engine`] carries out; [`standing`] opens one by itself for a disk.
//! [`disclose_passcode`] shows what a recovery brought, within the ceiling of [`reading`]. [`enroll`] and [`retire`] are the
//! two ends of a device's life here; [`check_in`] and [`take_inventory`] are what it
//! reports in between. [`vouch`] approves a sign-in;
//! [`manage_applications`] decides which applications may ask for tokens, [`assign_roles`] who may what, and [`name_users`]
//! what a user may be called; [`revoke_tokens`] ends what both hold; [`change_tenant`] changes the settings of a tenant;
//! [`change_device`], [`change_resource`] and [`link`] change what callers say of devices, users, apps and scripts;
//! [`tenants`], [`enrollment_tokens`] and [`operator_tokens`] are made on the host; [`unsound_rows`] settles what another
//! program wrote; [`restore`] goes on from an older database.

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
