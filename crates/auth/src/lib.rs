//! Authentication of callers: bearer tokens of trusted issuers, and the small local issuer.
//!
//! A token counts only if everything about it holds. The algorithm is asymmetric and in an allow-list, and the issuer
//! that it names signed it. The audience is one of ours, the times are valid, and the issuer may speak for the tenant.
//! The token then becomes a [`chaveiro_core::caller::Caller`].

mod ceiling;
mod claims;
mod claims_request;
mod client_assertion;
mod client_secret;
mod jwks;
mod jws;
mod local;
mod refusal;
mod scope;
mod subject;
mod verifier;

pub use ceiling::{Ceiling, Throttled, Ticks};
pub use client_assertion::{AssertionRefusal, CertificateRefusal, check as check_client_assertion, read_certificate};
pub use client_secret::{ClientSecret, new_application_secret};
pub use local::keys::{IssuerKeys, KeyError, KeyFile, RETIREMENT, StagedKey};
pub use local::page::{escaped, language, page};
pub use local::{AccessToken, LocalIssuer, MAX_OPERATOR_LIFETIME, MintError, TokenCeilings, TrustedProxies};
pub use refusal::TokenRefusal;
pub use verifier::{ConfigError, IssuerConfig, MOST_STALE_HOURS, Reading, Verifier};

/// Application id of Microsoft Graph: an audience that clients ask for.
pub const GRAPH_APPLICATION_ID: &str = "00000003-0000-0000-c000-000000000000";

/// The audiences that mean "Graph", beside the server's own address.
pub const GRAPH_AUDIENCES: &[&str] = &[
    GRAPH_APPLICATION_ID,
    "https://graph.microsoft.com",
    "https://graph.microsoft.com/",
    "api://00000003-0000-0000-c000-000000000000",
];
