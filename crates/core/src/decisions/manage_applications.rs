//! Applications registered with the local issuer: made, changed and removed, each in one unit of work, recorded.
//! Operators on the host and callers of the API both use these functions; the `event` says which.
//!
//! A caller who gives an application a secret can act as that application from then on. So a caller must hold every
//! right that the application has. An operator on the host may do everything anyway.

use jiff::Timestamp;

use super::revocation::end_tokens_once;
use super::rights;
use crate::application::{Application, ApplicationRefusal, ApplicationSecret};
use crate::audit::AuditEvent;
use crate::caller::{Actor, ActorKind, Caller};
use crate::id::{ApplicationId, TenantId};
use crate::permission::PermissionSet;
use crate::ports::{Fault, UnitOfWork, View};
use crate::refusal::ResourceRefusal;
use crate::revocation;

/// Registers an application.
pub fn register(unit: &mut dyn UnitOfWork, application: &Application, event: AuditEvent) -> Result<(), Fault> {
    unit.insert_application(application)?;
    let event = event.with("application", application.id).with("name", &application.display_name);
    Ok(unit.append_audit(&event.with("public", application.public))?)
}

/// Changes an application; a refusal changes and records nothing.
pub fn change(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    id: ApplicationId,
    event: AuditEvent,
    change: impl FnOnce(&mut Application) -> Result<(), ApplicationRefusal>,
) -> Result<Application, Fault> {
    let mut application = unit.application(tenant, id)?.ok_or(ResourceRefusal::NotFound("application"))?;
    change(&mut application)?;
    unit.update_application(&application)?;
    unit.append_audit(&event.with("application", id))?;
    Ok(application)
}

/// Adds the facts of a new secret to an event.
pub fn secret_added(event: AuditEvent, secret: &ApplicationSecret) -> AuditEvent {
    event.with("added", secret.id).with("hint", &secret.hint).with("expires", secret.expires)
}

/// Removes an application and revokes its tokens. `now` is read in this unit of work ([`end_tokens_once`]).
pub fn delete(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    id: ApplicationId,
    event: AuditEvent,
    now: Timestamp,
) -> Result<(), Fault> {
    let application = unit.application(tenant, id)?.ok_or(ResourceRefusal::NotFound("application"))?;
    unit.delete_application(tenant, id)?;
    let valid_from = end_tokens_once(unit, tenant, &[revocation::of_application(id)], now)?;
    let event = event.with("application", id).with("name", &application.display_name);
    Ok(unit.append_audit(&event.with("issuedBefore", valid_from))?)
}

/// Returns true if the caller holds every right that the application has by itself: each permission, and each right of
/// its roles on the same devices.
pub fn holds_all_of(view: &dyn View, caller: &Caller, application: &Application) -> Result<bool, Fault> {
    if application.permissions.is_empty() {
        // Acts of the application for people are bounded by their own roles.
        return Ok(true);
    }
    if !application.permissions.iter().all(|permission| caller.permissions.contains(*permission)) {
        return Ok(false);
    }
    let itself = Caller {
        tenant: application.tenant,
        actor: Actor {
            kind: ActorKind::Application,
            application_id: application.id.to_string(),
            application_name: None,
            user_id: None,
            user_principal_name: None,
            address: None,
            host: None,
        },
        permissions: application.permissions.iter().copied().collect::<PermissionSet>(),
        directory_roles: Vec::new(),
        groups: Vec::new(),
        local: true,
        issued: None,
    };
    match (rights::of(view, caller), rights::of(view, &itself)) {
        (Ok(ours), Ok(theirs)) => Ok(ours.cover(&theirs)),
        (Err(Fault::Refused(_)), Ok(_)) | (Ok(_) | Err(Fault::Refused(_)), Err(Fault::Refused(_))) => Ok(false),
        (Err(fault), _) | (_, Err(fault)) => Err(fault),
    }
}
