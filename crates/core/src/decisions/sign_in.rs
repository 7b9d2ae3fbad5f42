//! The requests of a client about a sign-in. A client begins it, fetches the tokens of an approved code, fetches the
//! next tokens, and ends it. An operator approves it in between ([`super::vouch`]).

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use super::vouch;
use crate::id::{ApplicationId, ResourceId, TenantId};
use crate::ports::{StoreError, UnitOfWork, View};
use crate::principal::{Principal, PrincipalKind};
use crate::resource::{Resource, ResourceKind};
use crate::sign_in::{Asked, MAX_PENDING, Refreshed, SignIn};

/// Makes room and begins a sign-in. Returns false if too many wait already.
pub fn begin(unit: &mut dyn UnitOfWork, sign_in: &SignIn, now: Timestamp) -> Result<bool, StoreError> {
    unit.delete_sign_ins(now)?;
    if unit.sign_ins(sign_in.tenant)?.iter().filter(|other| other.is_waiting(now)).count() >= MAX_PENDING {
        return Ok(false);
    }
    unit.insert_sign_in(sign_in)?;
    Ok(true)
}

/// A client that shows the handle of a sign-in.
#[derive(Clone, Debug)]
pub struct Client {
    /// The tenant.
    pub tenant: TenantId,
    /// The application, which has authenticated itself as far as it can.
    pub application: ApplicationId,
    /// The SHA-256 of the handle.
    pub handle_sha256: [u8; 32],
    /// The SHA-256 of the refresh token to issue.
    pub next_sha256: [u8; 32],
    /// The time for which that token is valid.
    pub life: Duration,
}

impl Client {
    fn sign_in(&self, view: &dyn View) -> Result<Option<SignIn>, StoreError> {
        let found = view.sign_in(self.tenant, &self.handle_sha256)?;
        Ok(found.filter(|sign_in| sign_in.application == self.application))
    }
}

/// A user for whom tokens are minted once this is durable.
#[derive(Clone, Debug)]
pub struct Admitted<S> {
    /// The user.
    pub user: Resource,
    /// The scope of the tokens.
    pub scope: S,
    /// The time since which tokens of that user count.
    pub valid_from: Option<Timestamp>,
}

/// The answer to a client that polls with its device code. Except for the first two, it is recorded in the sign-in.
#[derive(Clone, Debug)]
pub enum Redeemed<S> {
    /// No sign-in of this application has the code.
    Unknown,
    /// The scope of the sign-in can no longer be read.
    Unreadable,
    /// Tokens may be issued, now and once.
    Admitted(Box<Admitted<S>>),
    /// No operator has decided yet.
    Pending,
    /// No operator has decided yet, and the client polls too often.
    TooOften,
    /// The code has expired.
    Expired,
    /// An operator denied it.
    Declined,
    /// The code was used before.
    Used,
    /// The user is deleted.
    NoUser(ResourceId),
    /// The account of the user is disabled.
    Disabled(ResourceId),
}

/// Redeems a device code. `read` returns the scope of the sign-in, and true if the client gets a refresh token.
pub fn redeem<S>(
    unit: &mut dyn UnitOfWork,
    client: &Client,
    read: impl Fn(&str) -> Option<(S, bool)>,
    now: Timestamp,
) -> Result<Redeemed<S>, StoreError> {
    let Some(mut sign_in) = client.sign_in(unit)? else { return Ok(Redeemed::Unknown) };
    let answer = match sign_in.ask(now) {
        Asked::Approved(user) => match person(unit, client.tenant, user)? {
            Person::Gone => Redeemed::NoUser(user),
            Person::Disabled => Redeemed::Disabled(user),
            Person::There(user) => {
                let Some((scope, keeps)) = read(&sign_in.scope) else { return Ok(Redeemed::Unreadable) };
                if keeps {
                    sign_in.activate(client.next_sha256, now, client.life);
                }
                Redeemed::Admitted(Box::new(admitted(unit, *user, scope)?))
            }
        },
        Asked::Pending => Redeemed::Pending,
        Asked::TooOften => Redeemed::TooOften,
        Asked::Expired => Redeemed::Expired,
        Asked::Denied => Redeemed::Declined,
        Asked::Used => Redeemed::Used,
    };
    unit.update_sign_in(&sign_in)?;
    Ok(answer)
}

/// The answer to a client that asks with a refresh token. Only the first and the reuse are recorded.
#[derive(Clone, Debug)]
pub enum Renewed<S, E> {
    /// The next tokens may be issued.
    Admitted(Box<Admitted<S>>),
    /// The token was used before: the sign-in and the access tokens of the user have ended, recorded.
    Reused,
    /// No sign-in of this application has the token.
    Unknown,
    /// The requested scope is refused; the client keeps its present token.
    Scope(E),
    /// The client did not refresh it in time.
    Expired,
    /// The user signed out, or the sign-in was revoked.
    Ended,
    /// The user is deleted.
    NoUser(ResourceId),
    /// The account of the user is disabled.
    Disabled(ResourceId),
}

/// A refresh token that a client shows.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The SHA-256 of the token.
    pub sha256: [u8; 32],
    /// The address of the client.
    pub from: Option<IpAddr>,
}

/// Issues the next tokens to a client. `narrow` returns their scope, from that of the sign-in.
pub fn renew<S, E>(
    unit: &mut dyn UnitOfWork,
    client: &Client,
    presented: &Presented,
    narrow: impl Fn(&str) -> Result<S, E>,
    now: Timestamp,
) -> Result<Renewed<S, E>, StoreError> {
    let Some(mut sign_in) = client.sign_in(unit)? else { return Ok(Renewed::Unknown) };
    // Before anything rotates: a client that asks for too much keeps its present token.
    let scope = match narrow(&sign_in.scope) {
        Ok(scope) => scope,
        Err(refusal) => return Ok(Renewed::Scope(refusal)),
    };
    let user = match sign_in.refresh(&presented.sha256, client.next_sha256, now, client.life) {
        Refreshed::Rotated(user) => user,
        Refreshed::Expired => return Ok(Renewed::Expired),
        Refreshed::Ended => return Ok(Renewed::Ended),
        Refreshed::Reused => {
            unit.update_sign_in(&sign_in)?;
            // When tokens end is decided by the time of this unit of work.
            let ended = unit.now()?;
            vouch::record_theft(unit, &sign_in, presented.from, ended)?;
            return Ok(Renewed::Reused);
        }
    };
    Ok(match person(unit, client.tenant, user)? {
        Person::Gone => Renewed::NoUser(user),
        Person::Disabled => Renewed::Disabled(user),
        Person::There(user) => {
            unit.update_sign_in(&sign_in)?;
            Renewed::Admitted(Box::new(admitted(unit, *user, scope)?))
        }
    })
}

/// Ends the sign-in whose refresh token a client shows, and records it. Any other token changes nothing.
pub fn end(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    handle_sha256: &[u8; 32],
    presented: &Presented,
    now: Timestamp,
) -> Result<(), StoreError> {
    let found = unit.sign_in(tenant, handle_sha256)?;
    let Some(mut sign_in) = found.filter(|sign_in| sign_in.refresh_sha256 == Some(presented.sha256)) else {
        return Ok(());
    };
    sign_in.end();
    unit.update_sign_in(&sign_in)?;
    vouch::record_end(unit, &sign_in, "signed out", presented.from, now)
}

/// A user who may sign in, or the reason against it.
enum Person {
    There(Box<Resource>),
    Gone,
    Disabled,
}

fn person(view: &dyn View, tenant: TenantId, id: ResourceId) -> Result<Person, StoreError> {
    Ok(match view.resource(tenant, ResourceKind::User, id)? {
        None => Person::Gone,
        Some(user) if user.is_disabled() => Person::Disabled,
        Some(user) => Person::There(Box::new(user)),
    })
}

fn admitted<S>(view: &dyn View, user: Resource, scope: S) -> Result<Admitted<S>, StoreError> {
    // The names in the tokens, by which a revocation finds them.
    let names = [user.id.to_string(), user.principal_name()].map(|name| Principal::new(PrincipalKind::User, &name));
    let valid_from = view.tokens_valid_from(user.tenant, &names)?;
    Ok(Admitted { user, scope, valid_from })
}
