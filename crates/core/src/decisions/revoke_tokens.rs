//! Immediate revocation for people and applications: access tokens, and the sign-ins that would yield new ones.
//!
//! ```text
//! sign_out        a person       -> the sign-ins end, recorded one by one; the access tokens end, recorded
//! tokens_of       a principal    -> the access tokens end, recorded; the credentials stay
//! ```

use jiff::Timestamp;

use crate::audit::{Activity, AuditEvent};
use crate::caller::Caller;
use crate::decisions::revocation::end_tokens;
use crate::id::{ResourceId, TenantId};
use crate::ports::{Fault, UnitOfWork};
use crate::principal::Principal;
use crate::resource::Resource;
use crate::revocation::{of_oneself, of_user};

/// A person to sign out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The tenant.
    pub tenant: TenantId,
    /// The object id at the local issuer.
    pub id: ResourceId,
    /// The names by which tokens identify the person.
    pub names: Vec<Principal>,
}

impl Person {
    /// Returns a user of the tenant, by the names that every issuer uses.
    pub fn of(user: &Resource) -> Self {
        Self { tenant: user.tenant, id: user.id, names: of_user(user) }
    }

    /// The user that the caller itself is, by every name too that the caller has for certain.
    pub fn of_oneself(user: &Resource, caller: &Caller) -> Self {
        let mut person = Self::of(user);
        person.names.extend(of_oneself(caller));
        person
    }
}

/// The result of a sign-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedOut {
    /// The number of sign-ins that ended.
    pub sign_ins: usize,
    /// The revocation time: access tokens issued earlier are refused.
    pub valid_from: Timestamp,
}

/// Ends every sign-in and every access token of a person, through any application. `event` begins the audit events.
/// Refused if it was requested too often ([`end_tokens`]).
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

/// Revokes every access token that names that principal, from any issuer. For an application these are its own and
/// those of people who signed in with it. For [`crate::revocation::of_operators`] they are those minted on the host,
/// and for a person those with that name. Returns the revocation time. `event` is the audit event. Refused as
/// [`end_tokens`] is.
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
