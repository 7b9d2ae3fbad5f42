//! The verbs, by what they need: the host, a running server, or nothing.

pub(crate) mod admin;
pub(crate) mod app;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod device;
pub(crate) mod device_list;
pub(crate) mod docs;
pub(crate) mod doctor;
mod enroll_token;
pub(crate) mod hold;
pub(crate) mod recover;
pub(crate) mod restore;
pub(crate) mod role;
pub(crate) mod serve;
pub(crate) mod sign_in;
pub(crate) mod user;
pub(crate) mod whoami;
