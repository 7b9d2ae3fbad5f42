//! Requests of users about themselves.

use chaveiro_core::caller::{ActorKind, Caller};
use chaveiro_core::principal::{Principal, PrincipalKind};
use chaveiro_core::revocation::of_oneself;

use crate::error::GraphError;
use crate::resolve::{End, Walk};

/// The walk, from the user of the token where it began at `me`.
pub(super) fn of_caller(walk: Walk, caller: &Caller) -> Result<Walk, GraphError> {
    if !walk.is_about_me() {
        return Ok(walk);
    }
    let actor = &caller.actor;
    // For self-service, ignore the UPN of an external issuer: users may be able to choose it.
    let chosen = !caller.local && matches!(&walk.end, End::Operation(operation) if operation.of_oneself);
    let name = actor.user_principal_name.as_deref().filter(|_| !chosen);
    let user = (actor.kind == ActorKind::Delegated).then(|| walk.as_user(actor.user_id.as_deref(), name));
    user.flatten().ok_or(GraphError::NoUserSignedIn)
}

/// Returns true if a user asks for self-service, by a name that is certainly that user's.
pub(super) fn is_of_oneself(walk: &Walk, caller: &Caller) -> bool {
    let (End::Operation(operation), [hop]) = (&walk.end, walk.hops.as_slice()) else { return false };
    let key = hop.key.as_ref().map(|key| Principal::new(PrincipalKind::User, &key.text));
    let is_oneself = key.is_some_and(|key| of_oneself(caller).contains(&key));
    operation.of_oneself && caller.actor.kind == ActorKind::Delegated && is_oneself
}
