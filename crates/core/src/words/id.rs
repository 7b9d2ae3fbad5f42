//! Typed identifiers. Each wraps a UUID, so that a device id cannot be passed as a tenant id. All print as lower-case
//! hyphenated text, as `Edm.Guid` does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    )*};
}

identifiers! {
    /// The isolation boundary: every row, key and query carries it. Equal to the `tid` claim of tokens.
    TenantId
    /// A managed device, Graph's `managedDevice.id`.
    DeviceId
    /// The relation that binds a device to a tenant by a certificate.
    EnrollmentId
    /// An application registered with the local issuer (`appid`, `azp`).
    ApplicationId
    /// One remote action on one device.
    ActionId
    /// One assignment of a role.
    AssignmentId
    /// One hold on recoveries.
    HoldId
    /// One escrowed secret.
    SecretId
    /// A Graph entity that is not a device: user, detected app, script, run state.
    ResourceId
    /// One audit event. The id reveals nothing about the event's position among those of other tenants.
    EventId
    /// The server's own id of one request, which names it in log and audit record.
    RequestId
}
