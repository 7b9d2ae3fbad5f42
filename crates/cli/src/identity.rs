//! Applications and people, straight in the data directory: each change is one unit of work, recorded.

use std::time::Duration;

use anyhow::Result;
use chaveiro_auth::{ClientSecret, new_application_secret, read_certificate};
use chaveiro_core::Timestamp;
use chaveiro_core::application::{
    Application, ApplicationCertificate, ApplicationRefusal, ApplicationSecret, COMMAND_LINE,
};
use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::decisions::manage_applications;
use chaveiro_core::decisions::revoke_tokens::{SignedOut, tokens_of};
use chaveiro_core::decisions::vouch::{self, Decision};
use chaveiro_core::id::{ApplicationId, TenantId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{Clock, Entropy, StoreError, UnitOfWork, View};
use chaveiro_core::principal::{Principal, PrincipalKind};
use chaveiro_core::resource::ResourceKind;
use chaveiro_core::revocation::of_application;
use chaveiro_core::sign_in::SignIn;
use chaveiro_lang::{Explain, text};
use chaveiro_server::{SystemClock, SystemEntropy};
use uuid::Uuid;

use crate::host::{Host, settled};

/// An application to register.
pub(crate) struct NewApplication {
    pub(crate) name: String,
    pub(crate) permissions: Vec<Permission>,
    pub(crate) delegated: Vec<Permission>,
    pub(crate) public: bool,
    pub(crate) secret_life: Duration,
}

/// The secrets and tokens that go when an application gets another secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// Nothing: both serve.
    Nothing,
    /// The older secrets.
    Secrets,
    /// And every token that was given until now.
    SecretsAndTokens,
}

impl Host {
    /// Registers it. Its secret, unless it is public, is shown once.
    pub(crate) async fn register_app(
        &self,
        tenant: TenantId,
        new: NewApplication,
    ) -> Result<(Application, Option<ClientSecret>)> {
        let (secret, kept) = new_application_secret(self.now(), new.secret_life, &SystemEntropy);
        let application = Application {
            tenant,
            id: ApplicationId(SystemEntropy.uuid()),
            display_name: new.name,
            permissions: new.permissions,
            delegated: new.delegated,
            public: new.public,
            secrets: if new.public { Vec::new() } else { vec![kept] },
            certificates: Vec::new(),
            created: self.now(),
        };
        let event = self.event(tenant, Activity::ApplicationRegistered);
        let row = application.clone();
        self.opened.store.write(move |unit| manage_applications::register(unit, &row, event.clone())).await?;
        Ok((application, (!new.public).then_some(secret)))
    }

    pub(crate) async fn applications(&self, tenant: TenantId) -> Result<Vec<Application>> {
        Ok(self.opened.store.read(move |view| Ok(view.applications(tenant)?)).await?)
    }

    pub(crate) async fn application(&self, tenant: TenantId, id: ApplicationId) -> Result<Application> {
        let found = self.opened.store.read(move |view| Ok(view.application(tenant, id)?)).await?;
        found.explain(|| text!("app-unknown", id = id.to_string()))
    }

    /// Another secret for an application.
    pub(crate) async fn add_secret(
        &self,
        tenant: TenantId,
        id: ApplicationId,
        life: Duration,
        replaced: Replaced,
    ) -> Result<(ClientSecret, ApplicationSecret)> {
        let (secret, kept) = new_application_secret(self.now(), life, &SystemEntropy);
        let event = self.event(tenant, Activity::ApplicationSecretChanged);
        let event = manage_applications::secret_added(event, &kept).with("replaced", replaced != Replaced::Nothing);
        let added = kept.clone();
        let change = move |application: &mut Application| {
            if replaced != Replaced::Nothing {
                application.secrets.clear();
            }
            application.add_secret(added.clone())
        };
        self.change_app(tenant, id, event, replaced == Replaced::SecretsAndTokens, change).await?;
        Ok((secret, kept))
    }

    /// Takes away the secret of that id, whichever application has it; its tokens, too, when they may be a thief's.
    pub(crate) async fn remove_secret(&self, tenant: TenantId, secret: Uuid, revoke: bool) -> Result<Application> {
        let event = self.event(tenant, Activity::ApplicationSecretChanged).with("removed", secret);
        let owner = move |view: &dyn View| {
            let has_it = |one: &Application| one.secrets.iter().any(|own| own.id == secret);
            Ok(view.applications(tenant)?.into_iter().find(has_it).map(|owner| owner.id))
        };
        let unknown = ApplicationRefusal::Unknown(secret.to_string());
        self.change_found(tenant, owner, unknown, event, revoke, move |owner| owner.remove_secret(secret)).await
    }

    /// Registers a certificate with an application.
    pub(crate) async fn add_certificate(
        &self,
        tenant: TenantId,
        id: ApplicationId,
        pem: &str,
    ) -> Result<ApplicationCertificate> {
        let certificate = read_certificate(pem, self.now())?;
        let event = self.event(tenant, Activity::ApplicationCertificateChanged).with("added", &certificate.sha256);
        let added = certificate.clone();
        self.change_app(tenant, id, event, false, move |application| application.add_certificate(added.clone()))
            .await?;
        Ok(certificate)
    }

    /// Grants these permissions instead of those it has.
    pub(crate) async fn grant(
        &self,
        tenant: TenantId,
        id: ApplicationId,
        permissions: Vec<Permission>,
        delegated: Vec<Permission>,
    ) -> Result<Application> {
        let names = |granted: &[Permission]| granted.iter().map(|granted| granted.name()).collect::<Vec<_>>().join(" ");
        let event = self.event(tenant, Activity::ApplicationPermissionsChanged);
        let event = event.with("permissions", names(&permissions)).with("delegated", names(&delegated));
        let change = move |application: &mut Application| application.grant(permissions.clone(), delegated.clone());
        self.change_app(tenant, id, event, false, change).await
    }

    pub(crate) async fn remove_certificate(
        &self,
        tenant: TenantId,
        id: ApplicationId,
        thumbprint: &str,
        revoke: bool,
    ) -> Result<()> {
        let event = self.event(tenant, Activity::ApplicationCertificateChanged).with("removed", thumbprint);
        let thumbprint = thumbprint.to_owned();
        let remove = move |application: &mut Application| application.remove_certificate(&thumbprint);
        self.change_app(tenant, id, event, revoke, remove).await.map(drop)
    }

    /// Ends every token of the application of that client id; gives the application, when it is one of the tenant's.
    pub(crate) async fn revoke_app(&self, tenant: TenantId, client_id: &str) -> Result<Option<Application>> {
        let (client_id, revoked) = (client_id.to_owned(), self.event(tenant, Activity::TokensRevoked));
        let revoke = self.opened.store.write(move |unit| {
            let principal = Principal::new(PrincipalKind::Application, &client_id);
            tokens_of(unit, tenant, &principal, revoked.clone(), SystemClock::default().now())?;
            match client_id.parse() {
                Ok(COMMAND_LINE) => Ok(Some(Application::command_line(tenant))),
                Ok(id) => Ok(unit.application(tenant, id)?),
                Err(_) => Ok(None),
            }
        });
        Ok(revoke.await?)
    }

    async fn change_app(
        &self,
        tenant: TenantId,
        id: ApplicationId,
        event: AuditEvent,
        revoke: bool,
        change: impl Fn(&mut Application) -> Result<(), ApplicationRefusal> + Send + 'static,
    ) -> Result<Application> {
        let unknown = ApplicationRefusal::Unknown(id.to_string());
        self.change_found(tenant, move |_| Ok(Some(id)), unknown, event, revoke, change).await
    }

    /// Changes the application that `find` finds, in one unit of work.
    async fn change_found(
        &self,
        tenant: TenantId,
        find: impl Fn(&dyn View) -> Result<Option<ApplicationId>, StoreError> + Send + 'static,
        unknown: ApplicationRefusal,
        event: AuditEvent,
        revoke: bool,
        change: impl Fn(&mut Application) -> Result<(), ApplicationRefusal> + Send + 'static,
    ) -> Result<Application> {
        let revoked = self.event(tenant, Activity::TokensRevoked);
        let changed = self.opened.store.write(move |unit| {
            let id = find(unit)?.ok_or_else(|| unknown.clone())?;
            let changed = manage_applications::change(unit, tenant, id, event.clone(), &change)?;
            if revoke {
                let now = SystemClock::default().now();
                tokens_of(unit, tenant, &of_application(id), revoked.clone(), now)?;
            }
            Ok(changed)
        });
        settled(changed.await)
    }

    pub(crate) async fn delete_app(&self, tenant: TenantId, id: ApplicationId) -> Result<()> {
        let event = self.event(tenant, Activity::ApplicationDeleted);
        let delete = self.opened.store.write(move |unit| {
            manage_applications::delete(unit, tenant, id, event.clone(), SystemClock::default().now())
        });
        Ok(delete.await?)
    }

    /// The people who wait and those who are signed in, each with the names of the application and of the person.
    pub(crate) async fn sign_ins(&self, tenant: TenantId) -> Result<Vec<(SignIn, Option<String>, Option<String>)>> {
        let now = self.now();
        let found = self.opened.store.read(move |view| {
            let mut named = Vec::new();
            for sign_in in view.sign_ins(tenant)? {
                if !sign_in.is_waiting(now) && !sign_in.is_live(now) {
                    continue;
                }
                let application = match sign_in.application {
                    COMMAND_LINE => Some(Application::command_line(tenant)),
                    id => view.application(tenant, id)?,
                };
                let user = match sign_in.user {
                    Some(id) => view.resource(tenant, ResourceKind::User, id)?,
                    None => None,
                };
                let names = (application.map(|known| known.display_name), user.and_then(|user| user.alternate_key));
                named.push((sign_in, names.0, names.1));
            }
            Ok(named)
        });
        Ok(found.await?)
    }

    /// Vouches for the person with that code, or says no.
    pub(crate) async fn decide(&self, tenant: TenantId, code: &str, decision: Decision) -> Result<SignIn> {
        let (now, code, by) = (self.now(), code.to_owned(), self.person.clone());
        let decide = move |unit: &mut dyn UnitOfWork| vouch::decide(unit, tenant, &code, &decision, &by, now);
        settled(self.opened.store.try_write(decide).await)
    }

    /// Ends every sign-in and every access token of that person.
    pub(crate) async fn revoke_sign_ins(&self, tenant: TenantId, user: &str) -> Result<SignedOut> {
        let (user, by) = (user.to_owned(), self.person.clone());
        let revoke =
            move |unit: &mut dyn UnitOfWork| vouch::revoke(unit, tenant, &user, &by, SystemClock::default().now());
        settled(self.opened.store.try_write(revoke).await)
    }

    /// Ends every access token that names a person so.
    pub(crate) async fn revoke_external(&self, tenant: TenantId, name: &str) -> Result<Timestamp> {
        let (name, by) = (name.to_owned(), self.person.clone());
        let revoke = move |unit: &mut dyn UnitOfWork| {
            vouch::revoke_external(unit, tenant, &name, &by, SystemClock::default().now())
        };
        let revoked = self.opened.store.write(revoke);
        Ok(revoked.await?)
    }
}
