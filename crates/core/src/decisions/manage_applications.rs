//! Applications registered with the local issuer: made, changed and removed, each in one unit of work, recorded. Operators on the
//! host and callers of the API both use these functions.
//!
//! A party that gives an application a secret can act as that application from then on. So a caller must hold everything that
//! it may do; an operator on the host may do everything anyway.
//!
//! A change can end the tokens of the application, too: a thief of the credential that goes may have one. Both are one
//! decision, so that neither is kept without the other.

use jiff::Timestamp;
use uuid::Uuid;

use super::revocation::end_tokens_once;
use super::revoke_tokens::tokens_of;
use super::rights;
use crate::application::{Application, ApplicationCertificate, ApplicationRefusal, ApplicationSecret};
use crate::audit::{Activity, AuditEvent, Origin};
use crate::caller::{Actor, ActorKind, Caller};
use crate::id::{ApplicationId, TenantId};
use crate::permission::{Permission, PermissionSet};
use crate::ports::{Fault, UnitOfWork, View};
use crate::refusal::{ResourceRefusal, RightsRefusal};
use crate::revocation::of_application;

/// The party that changes an application.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// An operator on the host, who may do everything there.
    Host,
    /// A caller of the API, whose right to manage applications was checked.
    Caller(&'a Caller),
}

/// One change of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Replaces its name.
    Name(String),
    /// Adds a secret.
    AddSecret {
        /// The secret.
        secret: ApplicationSecret,
        /// True if the older secrets go.
        replaces: bool,
    },
    /// Removes the secret of that id.
    RemoveSecret(Uuid),
    /// Registers a certificate.
    AddCertificate(ApplicationCertificate),
    /// Removes the certificate of that thumbprint.
    RemoveCertificate(String),
    /// Replaces its permissions.
    Grant {
        /// The permissions of its own tokens.
        permissions: Vec<Permission>,
        /// The permissions of tokens of people who sign in with it.
        delegated: Vec<Permission>,
    },
}

/// The fate of the tokens that an application has when it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// The tokens stay valid.
    Stay,
    /// All tokens end.
    End {
        /// The time, read in this unit of work ([`end_tokens`](super::revocation::end_tokens)).
        now: Timestamp,
    },
}

impl Tokens {
    /// Returns [`Self::End`] at that time if `ends` is true.
    pub fn end_if(ends: bool, now: Timestamp) -> Self {
        if ends { Self::End { now } } else { Self::Stay }
    }
}

impl Change {
    fn apply(&self, application: &mut Application) -> Result<(), ApplicationRefusal> {
        match self {
            Self::Name(name) => application.display_name.clone_from(name),
            Self::AddSecret { secret, replaces } => {
                if *replaces {
                    application.secrets.clear();
                }
                application.add_secret(secret.clone())?;
            }
            Self::RemoveSecret(id) => application.remove_secret(*id)?,
            Self::AddCertificate(certificate) => application.add_certificate(certificate.clone())?,
            Self::RemoveCertificate(thumbprint) => application.remove_certificate(thumbprint)?,
            Self::Grant { permissions, delegated } => application.grant(permissions.clone(), delegated.clone())?,
        }
        Ok(())
    }

    /// The event of the change.
    fn event(&self, origin: &Origin, tenant: TenantId) -> AuditEvent {
        let event = |activity| origin.event(tenant, activity);
        match self {
            Self::Name(name) => event(Activity::ApplicationRenamed).with("name", name),
            Self::AddSecret { secret, replaces } => event(Activity::ApplicationSecretChanged)
                .with("added", secret.id)
                .with("hint", &secret.hint)
                .with("expires", secret.expires)
                .with("replaced", replaces),
            Self::RemoveSecret(id) => event(Activity::ApplicationSecretChanged).with("removed", id),
            Self::AddCertificate(added) => event(Activity::ApplicationCertificateChanged).with("added", &added.sha256),
            Self::RemoveCertificate(gone) => event(Activity::ApplicationCertificateChanged).with("removed", gone),
            Self::Grant { permissions, delegated } => event(Activity::ApplicationPermissionsChanged)
                .with("permissions", names(permissions))
                .with("delegated", names(delegated)),
        }
    }
}

fn names(permissions: &[Permission]) -> String {
    permissions.iter().map(|permission| permission.name()).collect::<Vec<_>>().join(" ")
}

/// Finds the application of that id.
pub fn named(view: &dyn View, tenant: TenantId, id: ApplicationId) -> Result<Application, Fault> {
    Ok(view.application(tenant, id)?.ok_or(ResourceRefusal::NotFound("application"))?)
}

/// Finds the application that has the secret of that id.
pub fn owner_of_secret(view: &dyn View, tenant: TenantId, secret: Uuid) -> Result<Application, Fault> {
    let has_it = |one: &Application| one.secrets.iter().any(|own| own.id == secret);
    let owner = view.applications(tenant)?.into_iter().find(has_it);
    Ok(owner.ok_or_else(|| ApplicationRefusal::Unknown(secret.to_string()))?)
}

/// Registers an application.
pub fn register(unit: &mut dyn UnitOfWork, application: &Application, event: AuditEvent) -> Result<(), Fault> {
    unit.insert_application(application)?;
    let event = event.with("application", application.id).with("name", &application.display_name);
    Ok(unit.append_audit(&event.with("public", application.public))?)
}

/// Changes an application as this unit of work found it, and ends its tokens if the caller asks for that. If either is
/// refused, nothing changes and nothing is recorded. Returns the changed application.
pub fn change(
    unit: &mut dyn UnitOfWork,
    by: By<'_>,
    origin: &Origin,
    mut application: Application,
    change: &Change,
    tokens: Tokens,
) -> Result<Application, Fault> {
    if let (By::Caller(caller), Change::AddSecret { .. }) = (by, change)
        && !holds_all_of(unit, caller, &application)?
    {
        return Err(RightsRefusal::ApplicationBeyondCaller.into());
    }
    change.apply(&mut application)?;
    unit.update_application(&application)?;
    let (tenant, id) = (application.tenant, application.id);
    unit.append_audit(&change.event(origin, tenant).with("application", id))?;
    if let Tokens::End { now } = tokens {
        tokens_of(unit, tenant, &of_application(id), origin.event(tenant, Activity::TokensRevoked), now)?;
    }
    Ok(application)
}

/// Removes an application as it was found in this unit of work, and ends every token that it has. `now` is read in this unit
/// of work ([`end_tokens_once`]).
pub fn delete(
    unit: &mut dyn UnitOfWork,
    origin: &Origin,
    application: &Application,
    now: Timestamp,
) -> Result<(), Fault> {
    let (tenant, id) = (application.tenant, application.id);
    unit.delete_application(tenant, id)?;
    let valid_from = end_tokens_once(unit, tenant, &[of_application(id)], now)?;
    let event = origin.event(tenant, Activity::ApplicationDeleted).with("application", id);
    Ok(unit.append_audit(&event.with("name", &application.display_name).with("issuedBefore", valid_from))?)
}

/// Returns true if the caller holds every right that the application has by itself. These are each permission, and each
/// right of its roles on the same devices.
fn holds_all_of(view: &dyn View, caller: &Caller, application: &Application) -> Result<bool, Fault> {
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
