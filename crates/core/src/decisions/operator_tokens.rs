//! Access tokens that operators mint on the host, and those that a verb of the host makes for its own requests.
//!
//! A minted token leaves the program, so its making is recorded. The token of a verb stays in the memory of its process.
//! The server records what is done with it, by the name of the person, and an event for its making would tell nothing more.

use std::time::Duration;

use jiff::Timestamp;

use crate::audit::{Activity, Origin};
use crate::id::TenantId;
use crate::permission::Permission;
use crate::ports::{StoreError, UnitOfWork, View};
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
    valid_from(unit, ask.tenant)
}

/// Returns the time since which tokens of operators count, for a token that is not recorded.
pub fn valid_from(view: &dyn View, tenant: TenantId) -> Result<Option<Timestamp>, StoreError> {
    view.tokens_valid_from(tenant, &[of_operators()])
}
