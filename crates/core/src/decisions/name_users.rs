//! What a user may be called. Roles are assigned to principal names, and the local issuer writes into a token what its person is
//! called at that moment: whoever could give herself, or somebody else, the name that a role is assigned to would give the role.
//!
//! So while a role is assigned to a name, no caller of the API gives the name to a user or takes it from the one who has it.
//! Operators on the host may; and what is assigned to an object id stays where it is, whatever its person is called. A user who
//! is deleted leaves her assignments behind, and nobody else comes into the name.

use uuid::Uuid;

use crate::caller::{ActorKind, Caller};
use crate::id::TenantId;
use crate::ports::Fault;
use crate::ports::{StoreError, View};
use crate::principal::{Principal, PrincipalKind};
use crate::refusal::UserRefusal;
use crate::resource::Resource;

/// Decides whether a user may be called so; `before` is what she was until now, if she was. Gives whether her name changes: then
/// the tokens with the old one must end ([`super::revoke_tokens::sign_out`]).
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

/// Whether a role is assigned to that name.
pub fn is_assigned(view: &dyn View, tenant: TenantId, name: &Principal) -> Result<bool, StoreError> {
    Ok(!view.role_assignments_of(tenant, std::slice::from_ref(name))?.is_empty())
}
