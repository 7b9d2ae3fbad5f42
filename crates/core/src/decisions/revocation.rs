//! Ending tokens, and refusing those that ended. The moments are explained in [`crate::revocation`].

use jiff::Timestamp;

use crate::caller::Caller;
use crate::id::TenantId;
use crate::ports::{Fault, StoreError, UnitOfWork, View};
use crate::principal::{Principal, PrincipalKind};
use crate::refusal::RevocationRefusal;
use crate::revocation::{MOST_AHEAD_S, moment_after, of_actor};

/// Ends every token that was issued to one of these until now. Gives the moment since which they count. `now` must be
/// read in this unit of work: a token that was minted while it waited for its turn has to end, too.
///
/// Refused, with nothing written, while revocations have put the moment [`MOST_AHEAD_S`] ahead: what they were about has
/// ended, and in a second there is room for the next.
pub fn end_tokens(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    principals: &[Principal],
    now: Timestamp,
) -> Result<Timestamp, Fault> {
    let previous = unit.tokens_valid_from(tenant, principals)?;
    let too_far = moment_after(now, previous).as_second() - now.as_second() - MOST_AHEAD_S;
    match u64::try_from(too_far) {
        Ok(retry_after_s @ 1..) => Err(RevocationRefusal::TooMany { retry_after_s }.into()),
        Ok(0) | Err(_) => Ok(end(unit, tenant, principals, previous, now)?),
    }
}

/// The same for what happens once and not again and again, because it takes away what it needs; never refused.
pub fn end_tokens_once(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    principals: &[Principal],
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let previous = unit.tokens_valid_from(tenant, principals)?;
    end(unit, tenant, principals, previous, now)
}

/// `previous` is the last moment of these principals.
fn end(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    principals: &[Principal],
    mut previous: Option<Timestamp>,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    for kind in [PrincipalKind::User, PrincipalKind::Application] {
        if principals.iter().all(|principal| principal.kind != kind) {
            previous = previous.max(unit.last_valid_from(tenant, kind)?);
        }
    }
    let moment = moment_after(now, previous);
    for principal in principals {
        unit.set_tokens_valid_from(tenant, principal, moment)?;
    }
    Ok(moment)
}

/// Refuses a caller whose token was issued before tokens of that person, or of that application, began to count. Of a
/// token that does not say when it was issued nobody knows that it came later.
pub fn require_valid(view: &dyn View, caller: &Caller) -> Result<(), Fault> {
    let valid_from = view.tokens_valid_from(caller.tenant, &of_actor(&caller.actor))?;
    match valid_from {
        Some(valid_from) if caller.issued.is_none_or(|issued| issued < valid_from) => {
            Err(RevocationRefusal::TokenRevoked { valid_from }.into())
        }
        Some(_) | None => Ok(()),
    }
}
