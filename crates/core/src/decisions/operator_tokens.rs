//! Access tokens that operators mint on the host.

use std::time::Duration;

use jiff::Timestamp;

use crate::audit::{Activity, Origin};
use crate::id::TenantId;
use crate::permission::Permission;
use crate::ports::{StoreError, UnitOfWork};
use crate::revocation::of_operators;

/// The request for a token.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The tenant in which it is valid.
    pub tenant: TenantId,
    /// The permissions that it carries.
    pub permissions: Vec<Permission>,
    /// The time for which it is valid.
    pub lifetime: Duration,
    /// The reason that the operator gives.
    pub reason: Option<String>,
}

/// Records a token that is minted once this is durable. Returns the time since which tokens of operators count, for
/// [`issued_at`](crate::revocation::issued_at).
pub fn record(unit: &mut dyn UnitOfWork, origin: &Origin, ask: &Ask) -> Result<Option<Timestamp>, StoreError> {
    let names = ask.permissions.iter().map(|permission| permission.name()).collect::<Vec<_>>().join(" ");
    let event = origin.event(ask.tenant, Activity::OperatorTokenMinted);
    let event = event.with("permissions", names).with("minutes", ask.lifetime.as_secs() / 60);
    unit.append_audit(&event.with_some("reason", ask.reason.as_ref()))?;
    unit.tokens_valid_from(ask.tenant, &[of_operators()])
}
