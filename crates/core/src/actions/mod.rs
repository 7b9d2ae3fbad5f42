//! One remote action, one file. [`recover_passcode`] gives a device a new passcode and escrows it;
//! [`disclose_passcode`] shows it. [`retire`] and [`enroll`] are the two ends of a device's life here;
//! [`take_inventory`] is what it reports in between. [`vouch`] says who somebody is that signs in;
//! [`manage_applications`] says which applications may, [`assign_roles`] who may what, and [`name_users`] what a person
//! may be called; [`revoke_tokens`] ends what both hold; [`change_tenant`] changes the settings of a tenant;
//! [`restore`] goes on from an older database.

pub mod assign_roles;
pub mod change_tenant;
pub mod disclose_passcode;
pub mod enroll;
pub mod manage_applications;
pub mod name_users;
pub mod recover_passcode;
pub mod restore;
pub mod retire;
pub mod revoke_tokens;
pub mod take_inventory;
pub mod vouch;
