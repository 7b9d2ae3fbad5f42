//! Tokens, issuers and sign-in, through the public face of the crate.

#![allow(unreachable_pub, reason = "a test crate")]

mod applications;
mod auth;
mod discovery;
mod keycloak;
mod limits;
mod oidc;
mod revocation;
mod sign_in;
mod support;
