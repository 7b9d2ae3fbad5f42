//! Vouching: an operator confirms the identity of a person who signs in, or denies the sign-in.
//!
//! ```text
//! approve   the code waits, the user is enabled      -> approved, recorded
//! deny      the code waits                           -> denied, recorded
//! revoke    a person is signed in as that user       -> ended, access tokens included, recorded ([`super::revoke_tokens`])
//! ```

use std::net::IpAddr;

use jiff::Timestamp;
use thiserror::Error;

use super::revocation::end_tokens_once;
use crate::audit::{Activity, AuditEvent};
use crate::caller::{Actor, ActorKind, HostUser};
use crate::decisions::revoke_tokens::{Person, SignedOut, sign_out, tokens_of};
use crate::id::{ResourceId, TenantId};
use crate::ports::{Fault, StoreError, UnitOfWork};
use crate::principal::{Principal, PrincipalKind};
use crate::refusal::Refusal;
use crate::resource::{Resource, ResourceKind};
use crate::revocation;
use crate::sign_in::{SignIn, Standing, plain_code, spoken_code};

/// The reason why a decision is not taken. The edge adds what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VouchRefusal {
    /// No sign-in of this tenant waits under that code.
    #[error("no sign-in waits under the code {0}")]
    Unknown(String),
    /// The code has expired.
    #[error("the code {0} is over after 15 minutes; let the person begin again")]
    Expired(String),
    /// The sign-in was decided before.
    #[error("the sign-in with the code {0} is decided already; let the person begin again if that was wrong")]
    Decided(String),
    /// The tenant has no such user.
    #[error("there is no user {0} in this tenant")]
    NoUser(String),
    /// The account of the user is disabled, so that no token would be given.
    #[error("the user {0} is disabled and cannot sign in")]
    Disabled(String),
    /// The tenant has no such user, and the name is no object id.
    #[error("there is no user {0} in this tenant")]
    NoUserToRevoke(String),
    /// Tokens were revoked too often within seconds.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<VouchRefusal> for Fault<VouchRefusal> {
    fn from(refusal: VouchRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The decision of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The person who shows the code is that user, given as principal name or id.
    Approve(String),
    /// The sign-in is denied.
    Deny,
}

/// Decides about the code.
pub fn decide(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    code: &str,
    decision: &Decision,
    by: &HostUser,
    now: Timestamp,
) -> Result<SignIn, Fault<VouchRefusal>> {
    let plain = plain_code(code);
    let spoken = spoken_code(&plain);
    let found = unit.sign_in_by_code(&plain)?.filter(|sign_in| sign_in.tenant == tenant);
    let Some(mut sign_in) = found else { return Err(VouchRefusal::Unknown(spoken).into()) };
    if sign_in.standing != Standing::Pending {
        return Err(VouchRefusal::Decided(spoken).into());
    }
    if now >= sign_in.expires {
        return Err(VouchRefusal::Expired(spoken).into());
    }
    let event = |activity| {
        let event = AuditEvent::new(tenant, now, Actor::operator(by), activity);
        let event = event.with("code", &spoken).with("application", sign_in.application);
        event.with("scope", &sign_in.scope).with_some("address", sign_in.address)
    };
    let event = match decision {
        Decision::Approve(name) => {
            let user = user(unit, tenant, name)?.ok_or_else(|| VouchRefusal::NoUser(name.clone()))?;
            if user.is_disabled() {
                return Err(VouchRefusal::Disabled(name.clone()).into());
            }
            let principal = user.alternate_key.unwrap_or_else(|| user.id.to_string());
            let event = event(Activity::SignInApproved).with("user", user.id).with("userPrincipalName", principal);
            sign_in.user = Some(user.id);
            sign_in.standing = Standing::Approved;
            event
        }
        Decision::Deny => {
            let event = event(Activity::SignInDenied);
            sign_in.standing = Standing::Denied;
            event
        }
    };
    unit.update_sign_in(&sign_in)?;
    unit.append_audit(&event)?;
    Ok(sign_in)
}

/// Ends every sign-in and every access token of a person. The person is a user of the tenant, by principal name or id,
/// or a user of an external issuer, by object id. `now` is read in this unit of work
/// ([`crate::decisions::revocation::end_tokens`]).
pub fn revoke(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    name: &str,
    by: &HostUser,
    now: Timestamp,
) -> Result<SignedOut, Fault<VouchRefusal>> {
    let person = match (user(unit, tenant, name)?, name.parse::<ResourceId>()) {
        (Some(user), _) => Person::of(&user),
        (None, Ok(id)) => Person { tenant, id, names: vec![Principal::new(PrincipalKind::User, name)] },
        (None, Err(_)) => return Err(VouchRefusal::NoUserToRevoke(name.to_owned()).into()),
    };
    let event = |activity| AuditEvent::new(tenant, now, Actor::operator(by), activity);
    sign_out(unit, &person, event, now).map_err(|fault| fault.map(VouchRefusal::from))
}

/// Revokes every access token with that name, from any issuer. It serves for a person who is not a user of the tenant,
/// and whose name is not an object id. Returns the revocation time. `now` is read in this unit of work
/// ([`crate::decisions::revocation::end_tokens`]).
pub fn revoke_external(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    name: &str,
    by: &HostUser,
    now: Timestamp,
) -> Result<Timestamp, Fault> {
    let event = AuditEvent::new(tenant, now, Actor::operator(by), Activity::TokensRevoked);
    tokens_of(unit, tenant, &Principal::new(PrincipalKind::User, name), event, now)
}

/// Records that a sign-in ended through its own client, at that address; for instance, the person signed out.
pub fn record_end(
    unit: &mut dyn UnitOfWork,
    ended: &SignIn,
    why: &str,
    from: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let event = AuditEvent::new(ended.tenant, now, client_of(ended, from), Activity::SignInRevoked);
    unit.append_audit(&event.with("application", ended.application).with("why", why))
}

/// Records that a refresh token was used twice. The thief may have an access token by now, so those of the person end
/// too. `now` is read in this unit of work ([`revocation::end_tokens_once`]).
pub fn record_theft(
    unit: &mut dyn UnitOfWork,
    ended: &SignIn,
    from: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), StoreError> {
    const WHY: &str = "the refresh token was used twice";
    record_end(unit, ended, WHY, from, now)?;
    let user = ended.user.map_or(Ok(None), |user| unit.resource(ended.tenant, ResourceKind::User, user))?;
    let Some(user) = user else { return Ok(()) };
    let valid_from = end_tokens_once(unit, ended.tenant, &revocation::of_user(&user), now)?;
    let event = AuditEvent::new(ended.tenant, now, client_of(ended, from), Activity::TokensRevoked);
    unit.append_audit(&event.with("user", user.id).with("issuedBefore", valid_from).with("why", WHY))
}

/// Returns the client through which a sign-in ends by itself.
fn client_of(sign_in: &SignIn, address: Option<IpAddr>) -> Actor {
    Actor {
        kind: ActorKind::Delegated,
        application_id: sign_in.application.to_string(),
        application_name: None,
        user_id: sign_in.user.map(|user| user.to_string()),
        user_principal_name: None,
        address,
        host: None,
    }
}

/// Returns the user of that principal name or id.
pub(super) fn user(unit: &dyn UnitOfWork, tenant: TenantId, name: &str) -> Result<Option<Resource>, StoreError> {
    match name.parse::<ResourceId>() {
        Ok(id) => unit.resource(tenant, ResourceKind::User, id),
        Err(_) => unit.resource_by_key(tenant, ResourceKind::User, &name.to_lowercase()),
    }
}
