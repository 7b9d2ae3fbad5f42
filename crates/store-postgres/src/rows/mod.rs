//! One file per aggregate: its columns, its statements.

pub(crate) mod action;
pub(crate) mod action_list;
pub(crate) mod alert;
pub(crate) mod application;
pub(crate) mod audit;
pub(crate) mod audit_list;
pub(crate) mod delivery;
pub(crate) mod device;
pub(crate) mod device_tag;
pub(crate) mod enrollment;
pub(crate) mod hold;
pub(crate) mod known_key;
pub(crate) mod resource;
pub(crate) mod revocation;
pub(crate) mod role;
pub(crate) mod secret;
pub(crate) mod sign_in;
pub(crate) mod steady;
pub(crate) mod tenant;
