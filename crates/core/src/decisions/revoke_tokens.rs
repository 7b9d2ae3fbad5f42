//! Ending what people and applications hold, at once: access tokens, and what would give the next ones.
//!
//! ```text
//! sign_out        a person       -> her sign-ins end, recorded one by one; her access tokens end, recorded
//! tokens_of       a principal    -> its access tokens end, recorded; what it proves itself with stays
//! ```

use jiff::Timestamp;

use crate::audit::{Activity, AuditEvent};
use crate::decisions::revocation::end_tokens;
use crate::id::{ResourceId, TenantId};
use crate::ports::{Fault, UnitOfWork};
use crate::principal::Principal;
use crate::resource::Resource;
use crate::revocation::of_user;

/// Somebody to sign out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Her tenant.
    pub tenant: TenantId,
    /// Her object id at the local issuer.
    pub id: ResourceId,
    /// The names in tokens by which she is meant.
    pub names: Vec<Principal>,
}

impl Person {
    /// A user of the tenant, by the names that every issuer has for it.
    pub fn of(user: &Resource) -> Self {
        Self { tenant: user.tenant, id: user.id, names: of_user(user) }
    }
}

/// What ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedOut {
    /// How many sign-ins.
    pub sign_ins: usize,
    /// Access tokens that were issued earlier are refused.
    pub valid_from: Timestamp,
}

/// Ends every sign-in of a person and every access token that she has, through whichever application. `event` begins a
/// record of who does it. Refused if it was asked for too often ([`end_tokens`]).
pub fn sign_out(
    unit: &mut dyn UnitOfWork,
    person: &Person,
    event: impl Fn(Activity) -> AuditEvent,
    now: Timestamp,
) -> Result<SignedOut, Fault> {
    let valid_from = end_tokens(unit, person.tenant, &person.names, now)?;
    let mut ended = 0;
    for mut sign_in in unit.sign_ins(person.tenant)? {
        if sign_in.user != Some(person.id) || !sign_in.is_live(now) {
            continue;
        }
        sign_in.end();
        unit.update_sign_in(&sign_in)?;
        let event = event(Activity::SignInRevoked).with("application", sign_in.application);
        unit.append_audit(&event.with("user", person.id))?;
        ended += 1;
    }
    let event = event(Activity::TokensRevoked).with("user", person.id).with("issuedBefore", valid_from);
    unit.append_audit(&event)?;
    Ok(SignedOut { sign_ins: ended, valid_from })
}

/// Ends every access token that names that principal, whichever issuer it is of: of an application its own and those of people
/// who signed in with it, with [`crate::revocation::of_operators`] those that were minted on the host; of a person those in which
/// she is called so. Says since when its tokens count. `event` is a record of who does it. Refused as [`end_tokens`] is.
pub fn tokens_of(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    principal: &Principal,
    event: AuditEvent,
    now: Timestamp,
) -> Result<Timestamp, Fault> {
    let valid_from = end_tokens(unit, tenant, std::slice::from_ref(principal), now)?;
    unit.append_audit(&event.with(principal.kind.name(), &principal.text).with("issuedBefore", valid_from))?;
    Ok(valid_from)
}
