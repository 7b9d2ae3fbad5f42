//! Applications and people, straight in the data directory: each change is one unit of work, recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};
use chaveiro_auth::{ClientSecret, new_application_secret, read_certificate};
use chaveiro_core::application::{Application, ApplicationCertificate, ApplicationSecret, COMMAND_LINE};
use chaveiro_core::audit::Activity;
use chaveiro_core::decisions::manage_applications::{self, By, Change, Tokens};
use chaveiro_core::decisions::revoke_tokens::{SignedOut, tokens_of};
use chaveiro_core::decisions::vouch::{self, Decision};
use chaveiro_core::id::{ApplicationId, TenantId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{Entropy, UnitOfWork, View};
use chaveiro_core::principal::{Principal, PrincipalKind};
use chaveiro_core::resource::ResourceKind;
use chaveiro_core::sign_in::SignIn;
use chaveiro_core::{Fault, Timestamp};
use chaveiro_lang::{Explain, nearest, text};
use chaveiro_server::SystemEntropy;
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
    /// No secret goes: the old ones and the new one serve.
    Nothing,
    /// The older secrets go.
    Secrets,
    /// The older secrets go, and every token that the application got until now.
    SecretsAndTokens,
}

impl Host {
    /// Registers an application, and returns its secret unless it is public. The secret is shown once.
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

    /// The applications of a tenant.
    pub(crate) async fn applications(&self, tenant: TenantId) -> Result<Vec<Application>> {
        self.names().applications(tenant).await
    }

    pub(crate) async fn application(&self, tenant: TenantId, id: ApplicationId) -> Result<Application> {
        let found = self.opened.store.read(move |view| Ok(view.application(tenant, id)?)).await?;
        found.explain(|| text!("app-unknown", id = id.to_string()))
    }

    /// The application of that client id or name.
    pub(crate) async fn app(&self, tenant: TenantId, asked: &str) -> Result<Application> {
        if let Some(found) = self.find_app(tenant, asked).await? {
            return Ok(found);
        }
        let all = self.applications(tenant).await?;
        match nearest(asked, all.iter().map(|one| one.display_name.as_str())).as_slice() {
            [] => bail!(text!("app-unknown", id = asked)),
            names => bail!(text!("app-unknown-similar", id = asked, names = names.join(", "))),
        }
    }

    /// The application of that client id or name, if there is one.
    pub(crate) async fn find_app(&self, tenant: TenantId, asked: &str) -> Result<Option<Application>> {
        let id = asked.parse().ok();
        let mut found = self.applications(tenant).await?;
        found.retain(|one| id == Some(one.id) || one.display_name.eq_ignore_ascii_case(asked));
        // An id is unique, whatever others are called.
        match found.iter().find(|one| id == Some(one.id)).or(found.first()) {
            Some(one) if id == Some(one.id) || found.len() == 1 => Ok(Some(one.clone())),
            Some(_) => {
                let ids: Vec<_> = found.iter().map(|one| one.id.to_string()).collect();
                bail!(text!("app-ambiguous", name = asked, ids = ids.join(", ")))
            }
            None => Ok(None),
        }
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
        let change = Change::AddSecret { secret: kept.clone(), replaces: replaced != Replaced::Nothing };
        self.change_app(tenant, id, change, replaced == Replaced::SecretsAndTokens).await?;
        Ok((secret, kept))
    }

    /// Removes the secret of that id from the application that has it; with `revoke`, also ends the tokens of the application.
    pub(crate) async fn remove_secret(&self, tenant: TenantId, secret: Uuid, revoke: bool) -> Result<Application> {
        let find = move |view: &dyn View| manage_applications::owner_of_secret(view, tenant, secret);
        self.change_found(find, Change::RemoveSecret(secret), revoke).await
    }

    /// Registers a certificate with an application.
    pub(crate) async fn add_certificate(
        &self,
        tenant: TenantId,
        id: ApplicationId,
        pem: &str,
    ) -> Result<ApplicationCertificate> {
        let certificate = read_certificate(pem, self.now())?;
        self.change_app(tenant, id, Change::AddCertificate(certificate.clone()), false).await?;
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
        self.change_app(tenant, id, Change::Grant { permissions, delegated }, false).await
    }

    pub(crate) async fn remove_certificate(
        &self,
        tenant: TenantId,
        id: ApplicationId,
        thumbprint: &str,
        revoke: bool,
    ) -> Result<()> {
        self.change_app(tenant, id, Change::RemoveCertificate(thumbprint.to_owned()), revoke).await.map(drop)
    }

    /// Ends every token of the application of that client id; gives the application, when it is one of the tenant's.
    pub(crate) async fn revoke_app(&self, tenant: TenantId, client_id: &str) -> Result<Option<Application>> {
        let (client_id, revoked) = (client_id.to_owned(), self.event(tenant, Activity::TokensRevoked));
        let revoke = self.opened.store.write(move |unit| {
            let principal = Principal::new(PrincipalKind::Application, &client_id);
            let now = unit.now()?;
            tokens_of(unit, tenant, &principal, revoked.clone(), now)?;
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
        change: Change,
        ends_tokens: bool,
    ) -> Result<Application> {
        self.change_found(move |view| manage_applications::named(view, tenant, id), change, ends_tokens).await
    }

    /// Changes the application that `find` finds, in one unit of work.
    async fn change_found(
        &self,
        find: impl Fn(&dyn View) -> Result<Application, Fault> + Send + 'static,
        change: Change,
        ends_tokens: bool,
    ) -> Result<Application> {
        let origin = self.origin();
        let changed = self.opened.store.write(move |unit| {
            let tokens = Tokens::end_if(ends_tokens, unit.now()?);
            let found = find(unit)?;
            manage_applications::change(unit, By::Host, &origin, found, &change, tokens)
        });
        settled(changed.await)
    }

    pub(crate) async fn delete_app(&self, tenant: TenantId, id: ApplicationId) -> Result<()> {
        let origin = self.origin();
        let delete = self.opened.store.write(move |unit| {
            let found = manage_applications::named(unit, tenant, id)?;
            let now = unit.now()?;
            manage_applications::delete(unit, &origin, &found, now)
        });
        Ok(delete.await?)
    }

    /// The people who wait and those who are signed in, each with the names of the application and of the person.
    pub(crate) async fn sign_ins(&self, tenant: TenantId) -> Result<Vec<(SignIn, Option<String>, Option<String>)>> {
        let now = self.now();
        let found = self.opened.store.read(move |view| {
            let mut sign_ins = view.sign_ins(tenant)?;
            sign_ins.retain(|sign_in| sign_in.is_waiting(now) || sign_in.is_live(now));
            let mut applications = view.applications(tenant)?;
            applications.push(Application::command_line(tenant));
            let names = applications.into_iter().map(|known| (known.id, known.display_name));
            let names: BTreeMap<_, _> = names.collect();
            let ids: Vec<_> = sign_ins.iter().filter_map(|sign_in| sign_in.user).collect();
            let users = view.resources_of(tenant, ResourceKind::User, &ids)?.into_iter();
            let users: BTreeMap<_, _> = users.map(|user| (user.id, user.alternate_key)).collect();
            let named = sign_ins.into_iter().map(|sign_in| {
                let user = sign_in.user.and_then(|id| users.get(&id).cloned().flatten());
                let application = names.get(&sign_in.application).cloned();
                (sign_in, application, user)
            });
            Ok(named.collect())
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
        let revoke = move |unit: &mut dyn UnitOfWork| {
            let now = unit.now()?;
            vouch::revoke(unit, tenant, &user, &by, now)
        };
        settled(self.opened.store.try_write(revoke).await)
    }

    /// Ends every access token that names a person so.
    pub(crate) async fn revoke_external(&self, tenant: TenantId, name: &str) -> Result<Timestamp> {
        let (name, by) = (name.to_owned(), self.person.clone());
        let revoke = move |unit: &mut dyn UnitOfWork| {
            let now = unit.now()?;
            vouch::revoke_external(unit, tenant, &name, &by, now)
        };
        let revoked = self.opened.store.write(revoke);
        Ok(revoked.await?)
    }
}
