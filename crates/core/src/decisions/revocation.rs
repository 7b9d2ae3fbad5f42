//! Revocation of tokens, and the refusal of revoked ones. [`crate::revocation`] explains the revocation times.

use jiff::Timestamp;

use crate::caller::Caller;
use crate::id::TenantId;
use crate::ports::{Fault, StoreError, UnitOfWork, View};
use crate::principal::{Principal, PrincipalKind};
use crate::refusal::RevocationRefusal;
use crate::revocation::{MOST_AHEAD_S, moment_after, of_actor};

/// Revokes every token that was issued to one of these principals until now. Returns the time since which their tokens
/// count. `now` must be read in this unit of work: tokens minted while it waited for its turn must end too.
///
/// Refused, with nothing written, while repeated revocations have put the time [`MOST_AHEAD_S`] ahead. The tokens in
/// question have ended by then, and the next revocation is possible a second later.
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

/// Revokes like [`end_tokens`] and never refuses: for acts that cannot be repeated, because they remove what they need.
pub fn end_tokens_once(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    principals: &[Principal],
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let previous = unit.tokens_valid_from(tenant, principals)?;
    end(unit, tenant, principals, previous, now)
}

/// Revokes the tokens of these principals; `previous` is their last revocation time.
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

/// Refuses a caller whose token was issued before the revocation time of that person or application. A token without an
/// issue time is refused if there is such a time.
pub fn require_valid(view: &dyn View, caller: &Caller) -> Result<(), Fault> {
    let valid_from = view.tokens_valid_from(caller.tenant, &of_actor(&caller.actor))?;
    match valid_from {
        Some(valid_from) if caller.issued.is_none_or(|issued| issued < valid_from) => {
            Err(RevocationRefusal::TokenRevoked { valid_from }.into())
        }
        Some(_) | None => Ok(()),
    }
}
