//! The verbs, by what they need: the host, a running server, or nothing.

#[cfg(feature = "host")]
pub(crate) mod admin;
#[cfg(feature = "host")]
pub(crate) mod app;
#[cfg(feature = "host")]
pub(crate) mod audit;
#[cfg(feature = "host")]
pub(crate) mod backup;
pub(crate) mod device;
pub(crate) mod device_list;
pub(crate) mod docs;
#[cfg(feature = "host")]
pub(crate) mod doctor;
#[cfg(feature = "host")]
pub(crate) mod enroll_token;
pub(crate) mod hold;
#[cfg(feature = "host")]
pub(crate) mod keys;
pub(crate) mod login;
#[cfg(feature = "host")]
mod open;
pub(crate) mod recover;
#[cfg(feature = "host")]
pub(crate) mod restore;
pub(crate) mod role;
#[cfg(feature = "host")]
pub(crate) mod serve;
#[cfg(feature = "host")]
pub(crate) mod sign_in;
#[cfg(feature = "host")]
pub(crate) mod tables;
pub(crate) mod user;
pub(crate) mod whoami;
