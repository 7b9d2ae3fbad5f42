//! The names that a user may have. Roles are assigned to principal names, and the local issuer writes the user's
//! current name into each token. So a caller who could give a user the name that a role is assigned to would grant that
//! role.
//!
//! While a role is assigned to a name, callers of the API can neither give it to a user nor take it from its user.
//! Operators on the host can. An assignment to an object id is not affected by a change of name. The assignments of a
//! deleted user remain, and no other user can take the name.

use uuid::Uuid;

use crate::caller::{ActorKind, Caller};
use crate::id::TenantId;
use crate::ports::Fault;
use crate::ports::{StoreError, View};
use crate::principal::{Principal, PrincipalKind};
use crate::refusal::UserRefusal;
use crate::resource::Resource;

/// Decides whether a user may have that name; `before` is the user until now, if there was one. Returns true if the
/// name changes: then the tokens with the old one must be revoked ([`super::revoke_tokens::sign_out`]).
pub fn name(view: &dyn View, by: &Caller, before: Option<&Resource>, after: &Resource) -> Result<bool, Fault> {
    let principal = |user: &Resource| Some(Principal::new(PrincipalKind::User, user.alternate_key.as_deref()?));
    let (old, new) = (before.and_then(principal), principal(after));
    if old == new {
        return Ok(false);
    }
    if new.as_ref().is_some_and(|new| Uuid::try_parse(&new.text).is_ok()) {
        return Err(UserRefusal::NameIsId.into());
    }
    let is_operator = match by.actor.kind {
        ActorKind::Operator => true,
        ActorKind::Application | ActorKind::Delegated | ActorKind::Device | ActorKind::System => false,
    };
    for name in old.iter().chain(&new) {
        if !is_operator && is_assigned(view, after.tenant, name)? {
            return Err(UserRefusal::NameAssigned(name.text.clone()).into());
        }
    }
    Ok(old.is_some())
}

/// Returns true if a role is assigned to that name.
pub fn is_assigned(view: &dyn View, tenant: TenantId, name: &Principal) -> Result<bool, StoreError> {
    Ok(!view.role_assignments_of(tenant, std::slice::from_ref(name))?.is_empty())
}
