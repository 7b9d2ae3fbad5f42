//! `chaveiro app`: applications, their secrets and certificates.

use std::time::Duration;

use anyhow::Result;
use chaveiro_core::application::Application;
use chaveiro_core::permission::Permission;
use serde_json::{Value, json};

use crate::args::{App, Common, Registration};
use crate::host::{Host, permissions};
use crate::identity::{NewApplication, Replaced};
use crate::out::Out;
use chaveiro_lang::{Explain, day, text};

pub(crate) async fn app(common: &Common, out: Out, verb: &App) -> Result<()> {
    let host = Host::open(common)?;
    let tenant = host.tenant(common.tenant.as_deref()).await?.id;
    match verb {
        App::List => {
            let applications = host.applications(tenant).await?;
            let columns = [
                (text!("title-client-id"), "id"),
                (text!("title-name"), "displayName"),
                (text!("title-permissions"), "permissions"),
                (text!("title-delegated"), "delegated"),
                (text!("title-public"), "public"),
                (text!("title-secrets"), "secrets"),
                (text!("title-certificates"), "certificates"),
            ];
            out.list(&columns, &applications.iter().map(summary).collect::<Vec<_>>());
        }
        App::Show { id } => show(out, &host.app(tenant, id).await?),
        App::Register(asked) => {
            let (application, secret) = host.register_app(tenant, new(asked)?).await?;
            let id = application.id.to_string();
            let kept = application.secrets.first();
            let value = json!({
                "clientId": id,
                "clientSecret": secret.as_ref().map(|secret| secret.expose_secret()),
                "secretId": kept.map(|kept| kept.id),
                "secretExpires": kept.map(|kept| kept.expires.to_string()),
                "tenantId": tenant,
            });
            out.say(text!("app-registered", app = &asked.name, id = &id), &value);
            if let (Some(secret), Some(kept)) = (secret, kept) {
                out.text(text!("secret-once", until = day(kept.expires), secret = secret.expose_secret()));
            }
        }
        App::AddSecret { id, days, replace, revoke } => {
            let replaced = match (replace, revoke) {
                (false, _) => Replaced::Nothing,
                (true, false) => Replaced::Secrets,
                (true, true) => Replaced::SecretsAndTokens,
            };
            let id = host.app(tenant, id).await?.id;
            let (secret, kept) = host.add_secret(tenant, id, life(*days), replaced).await?;
            let secret = secret.expose_secret();
            let expires = kept.expires.to_string();
            let value = json!({"clientId": id, "clientSecret": secret, "secretId": kept.id, "secretExpires": expires});
            out.say(text!("secret-once", until = day(kept.expires), secret = secret), &value);
            let name = host.application(tenant, id).await?.display_name;
            match replaced {
                Replaced::Nothing => {}
                Replaced::Secrets => out.text(text!("secrets-replaced", app = &name)),
                Replaced::SecretsAndTokens => {
                    out.text(text!("secrets-replaced", app = &name));
                    out.text(text!("app-revoked", app = &name));
                }
            }
        }
        App::Grant { id, permissions: own, delegated, none: _ } => {
            let id = host.app(tenant, id).await?.id;
            let granted = host.grant(tenant, id, named(own)?, named(delegated)?).await?;
            let (own, delegated) = (listed(&granted.permissions), listed(&granted.delegated));
            let (app, id) = (&granted.display_name, granted.id.to_string());
            out.say(text!("app-granted", app = app, own = own, delegated = delegated, id = id), &summary(&granted));
        }
        App::RemoveSecret { secret, revoke } => {
            let owner = host.remove_secret(tenant, *secret, *revoke).await?;
            let value = json!({"clientId": owner.id, "secretId": secret, "deleted": true, "revoked": revoke});
            out.say(text!("secret-removed", app = &owner.display_name), &value);
            say_of_tokens(out, *revoke, &owner.display_name, &owner.id.to_string());
        }
        App::AddCertificate { id, file } => {
            let read = std::fs::read_to_string(file);
            let pem = read.explain(|| text!("file-unreadable", file = file))?;
            let id = host.app(tenant, id).await?.id;
            let added = host.add_certificate(tenant, id, &pem).await?;
            let value = json!({
                "clientId": id, "thumbprint": added.sha1.to_uppercase(), "sha256": added.sha256,
                "subject": added.subject, "expires": added.expires.to_string(),
            });
            let (subject, thumbprint, until) = (&added.subject, added.sha1.to_uppercase(), day(added.expires));
            out.say(text!("certificate-added", subject = subject, thumbprint = thumbprint, until = until), &value);
        }
        App::RemoveCertificate { id, thumbprint, revoke } => {
            let id = host.app(tenant, id).await?.id;
            host.remove_certificate(tenant, id, thumbprint, *revoke).await?;
            let name = host.application(tenant, id).await?.display_name;
            let value = json!({"clientId": id, "thumbprint": thumbprint, "deleted": true, "revoked": revoke});
            out.say(text!("certificate-removed"), &value);
            say_of_tokens(out, *revoke, &name, &id.to_string());
        }
        App::Revoke { id } => {
            // An application of another issuer is named as its tokens name it.
            let id = &host.find_app(tenant, id).await?.map_or_else(|| id.clone(), |known| known.id.to_string());
            let known = host.revoke_app(tenant, id).await?;
            let value = json!({"clientId": id, "revoked": true, "registered": known.is_some()});
            match known {
                Some(known) => out.say(text!("app-revoked", app = &known.display_name), &value),
                None => out.say(text!("foreign-app-revoked", app = id), &value),
            }
        }
        App::Delete { id } => {
            let id = host.app(tenant, id).await?.id;
            host.delete_app(tenant, id).await?;
            out.say(text!("app-deleted"), &json!({"clientId": id, "deleted": true}));
        }
    }
    Ok(())
}

/// Tells what has become of the tokens of an application that lost a secret or a certificate, and how they end.
fn say_of_tokens(out: Out, revoked: bool, name: &str, id: &str) {
    match revoked {
        true => out.text(text!("app-revoked", app = name)),
        false => out.text(text!("tokens-live-on", id = id)),
    }
}

fn new(asked: &Registration) -> Result<NewApplication> {
    Ok(NewApplication {
        name: asked.name.clone(),
        permissions: named(&asked.permissions)?,
        delegated: named(&asked.delegated)?,
        public: asked.public,
        secret_life: life(asked.secret_days),
    })
}

/// Without names `permissions` means everything, which was not asked for here.
fn named(names: &[String]) -> Result<Vec<Permission>> {
    if names.is_empty() { Ok(Vec::new()) } else { permissions(names) }
}

fn life(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 60 * 60)
}

fn names(permissions: &[Permission]) -> Vec<&'static str> {
    permissions.iter().map(|permission| permission.name()).collect()
}

/// The same in a line for people.
fn listed(permissions: &[Permission]) -> String {
    if permissions.is_empty() { "-".to_owned() } else { names(permissions).join(", ") }
}

fn summary(application: &Application) -> Value {
    json!({
        "id": application.id,
        "displayName": application.display_name,
        "permissions": names(&application.permissions),
        "delegated": names(&application.delegated),
        "public": application.public,
        "secrets": application.secrets.len(),
        "certificates": application.certificates.len(),
    })
}

fn show(out: Out, application: &Application) {
    let secrets = application.secrets.iter().map(|secret| {
        json!({
            "id": secret.id, "displayName": secret.display_name, "hint": secret.hint, "created": secret.created.to_string(),
            "expires": secret.expires.to_string(),
        })
    });
    let certificates = application.certificates.iter().map(|certificate| {
        json!({
            "thumbprint": certificate.sha1.to_uppercase(), "sha256": certificate.sha256,
            "subject": certificate.subject, "created": certificate.added.to_string(),
            "expires": certificate.expires.to_string(),
        })
    });
    let (secrets, certificates): (Vec<_>, Vec<_>) = (secrets.collect(), certificates.collect());
    let mut value = summary(application);
    if out.json {
        value["secrets"] = secrets.into();
        value["certificates"] = certificates.into();
        return out.value(&value);
    }
    out.list(
        &[
            (text!("title-client-id"), "id"),
            (text!("title-name"), "displayName"),
            (text!("title-permissions"), "permissions"),
            (text!("title-delegated"), "delegated"),
            (text!("title-public"), "public"),
        ],
        &[value],
    );
    if !secrets.is_empty() {
        let columns = [
            (text!("title-secret"), "id"),
            (text!("title-begins-with"), "hint"),
            (text!("title-made"), "created"),
            (text!("title-ends"), "expires"),
        ];
        out.list(&columns, &secrets);
    }
    if !certificates.is_empty() {
        let columns = [
            (text!("title-certificate"), "thumbprint"),
            (text!("title-subject"), "subject"),
            (text!("title-registered"), "created"),
            (text!("title-ends"), "expires"),
        ];
        out.list(&columns, &certificates);
    }
}
