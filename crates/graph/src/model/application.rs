//! `application`: what may ask the local issuer for tokens.
//!
//! Reference: the public metadata's `application`, `passwordCredential`, `keyCredential`. What an application may do is
//! granted on the server's host and only shown here.

use super::complex::{ComplexType, of};
use super::properties::{ID, flag, text, texts};
use super::{Default, Edm, EntityType, Property, Target};

/// A client secret. Its text is in the answer of `addPassword` and nowhere else.
pub const PASSWORD_CREDENTIAL: ComplexType = of(
    "passwordCredential",
    &[
        Property::new("customKeyIdentifier", Edm::Binary).read_only(),
        text("displayName"),
        Property::new("endDateTime", Edm::DateTime),
        text("hint").read_only(),
        Property::new("keyId", Edm::Guid).read_only(),
        text("secretText").read_only(),
        Property::new("startDateTime", Edm::DateTime).not_kept("a secret begins when it is made"),
    ],
);

/// A certificate.
pub const KEY_CREDENTIAL: ComplexType = of(
    "keyCredential",
    &[
        Property::new("customKeyIdentifier", Edm::Binary).read_only(),
        text("displayName").read_only(),
        Property::new("endDateTime", Edm::DateTime).read_only(),
        Property::new("key", Edm::Binary).read_only(),
        Property::new("keyId", Edm::Guid).read_only(),
        Property::new("startDateTime", Edm::DateTime).read_only(),
        text("type").read_only(),
        text("usage").read_only(),
    ],
);

const ON_THE_HOST: &str = "that is decided on the server's host, with chaveiro app";

const PROPERTIES: &[Property] = &[
    ID,
    text("appId").read_only(),
    Property::new("createdDateTime", Edm::DateTime).read_only(),
    text("displayName").required(),
    flag("isFallbackPublicClient").or_null().not_kept(ON_THE_HOST),
    Property::new("keyCredentials", Edm::Collection(&Edm::Complex(&KEY_CREDENTIAL)))
        .or(Default::Empty)
        .not_kept(ON_THE_HOST),
    Property::new("passwordCredentials", Edm::Collection(&Edm::Complex(&PASSWORD_CREDENTIAL)))
        .or(Default::Empty)
        .not_kept("secrets are made by POST .../addPassword"),
    texts("chaveiro_permissions").read_only(),
    texts("chaveiro_delegatedPermissions").read_only(),
];

pub(super) const APPLICATION: EntityType = EntityType {
    target: Target::Application,
    name: "application",
    properties: PROPERTIES,
    beta_only: false,
    key: "applicationId",
};
