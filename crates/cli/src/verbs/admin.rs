//! Verbs that work on the data directory itself: its making, tenants, tokens.

use std::time::Duration;

use anyhow::{Result, bail};
use chaveiro_core::caller::OPERATOR_CLIENT;
use chaveiro_core::passcode::{MIN_ENTROPY_BITS, PasscodePolicy};
use chaveiro_core::permission::Permission;
use chaveiro_core::tenant::{Tenant as TenantRow, TenantSettings};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::args::{Common, EntraTenant, NONE, PasscodeForm, Tenant, TenantChange, written};
use crate::host::{Host, permissions};
use crate::out::Out;
use chaveiro_lang::{table, text};

pub(crate) async fn init(common: &Common, out: Out, name: &str, entra_tenant: Option<Uuid>) -> Result<()> {
    let data = common.data();
    let (host, tenant) = Host::init(&data, name, entra_tenant).await?;
    let shown = data.display().to_string();
    let value =
        json!({"data": shown, "tenant": tenant_json(&tenant), "auditKey": host.opened.signer.public_key().to_string()});
    out.say(text!("initialised", data = &shown, tenant = name, id = tenant.id.to_string()), &value);
    if host.person.uid == 0 {
        out.text(text!("initialised-as-root", data = &shown));
    }
    out.text(text!("next-serve", data = &shown));
    out.text(text!("next-app", data = &shown));
    out.text(text!("next-token", data = &shown));
    Ok(())
}

/// Flags of `tenant set`, the member of [`tenant_json`] that each changes, and the code of its unit.
const SETTINGS: [(&str, &str, &str); 18] = [
    ("--licence", "licence", ""),
    ("--entra-tenant", "entraTenant", ""),
    ("--disclosure-window", "disclosureWindowMinutes", "minutes"),
    ("--unread-retention", "unreadRetentionDays", "days"),
    ("--action-expiry", "actionExpiryDays", "days"),
    ("--sign-in-life", "signInLifeHours", "hours"),
    ("--linux-locks", "linuxLocks", ""),
    ("--passcode-form", "passcodeForm", ""),
    ("--passcode-length", "passcodeLength", ""),
    ("--must-change", "mustChange", ""),
    ("--lock-sessions", "lockSessions", ""),
    ("--hold-recoveries", "holdRecoveries", ""),
    ("--hold-percent", "holdPercent", "percent"),
    ("--hold-window", "holdWindowMinutes", "minutes"),
    ("--reading-limit", "readingLimit", ""),
    ("--reading-caller-limit", "readingCallerLimit", ""),
    ("--reading-percent", "readingPercent", "percent"),
    ("--reading-window", "readingWindowMinutes", "minutes"),
];

fn tenant_json(tenant: &TenantRow) -> Value {
    let settings = &tenant.settings;
    let (form, length) = PasscodeForm::of(settings.passcode);
    json!({
        "id": tenant.id,
        "displayName": tenant.display_name,
        "licence": written(tenant.licence),
        "entraTenant": tenant.entra_tenant,
        "disclosureWindowMinutes": settings.disclosure_window_s / 60,
        "unreadRetentionDays": settings.unread_retention_s / 86_400,
        "actionExpiryDays": settings.action_expiry_s / 86_400,
        "signInLifeHours": settings.sign_in_life_s / 3600,
        "linuxLocks": settings.linux_locks,
        "passcodeForm": form.name(),
        "passcodeLength": length,
        "passcodeEntropyBits": entropy_bits(settings.passcode),
        "mustChange": settings.must_change,
        "lockSessions": settings.lock_sessions,
        "holdRecoveries": settings.hold.recoveries,
        "holdPercent": settings.hold.percent,
        "holdWindowMinutes": settings.hold.window_s / 60,
        "readingLimit": settings.reading.passcodes,
        "readingCallerLimit": settings.reading.by_caller,
        "readingPercent": settings.reading.percent,
        "readingWindowMinutes": settings.reading.window_s / 60,
    })
}

/// Whole bits: nothing is promised that is not there.
fn entropy_bits(policy: PasscodePolicy) -> u64 {
    policy.entropy_bits().floor() as u64
}

/// The settings with what was asked for.
fn changed(mut settings: TenantSettings, asked: &TenantChange) -> Result<TenantSettings> {
    for (asked, unit, setting) in [
        (asked.disclosure_window, 60, &mut settings.disclosure_window_s),
        (asked.unread_retention, 86_400, &mut settings.unread_retention_s),
        (asked.action_expiry, 86_400, &mut settings.action_expiry_s),
        (asked.sign_in_life, 3600, &mut settings.sign_in_life_s),
    ] {
        *setting = asked.map_or(*setting, |asked| asked.saturating_mul(unit));
    }
    settings.linux_locks = asked.linux_locks.map_or(settings.linux_locks, |locks| locks.setting());
    settings.must_change = asked.must_change.unwrap_or(settings.must_change);
    settings.lock_sessions = asked.lock_sessions.unwrap_or(settings.lock_sessions);
    settings.hold.recoveries = asked.hold_recoveries.unwrap_or(settings.hold.recoveries);
    settings.hold.percent = asked.hold_percent.unwrap_or(settings.hold.percent);
    settings.hold.window_s = asked.hold_window.map_or(settings.hold.window_s, |minutes| minutes.saturating_mul(60));
    let reading = &mut settings.reading;
    reading.passcodes = asked.reading_limit.unwrap_or(reading.passcodes);
    reading.by_caller = asked.reading_caller_limit.unwrap_or(reading.by_caller);
    reading.percent = asked.reading_percent.unwrap_or(reading.percent);
    reading.window_s = asked.reading_window.map_or(reading.window_s, |minutes| minutes.saturating_mul(60));
    let (form, length) = PasscodeForm::of(settings.passcode);
    let (form, length) = match (asked.passcode_form, asked.passcode_length) {
        (form_asked, Some(length)) => (form_asked.unwrap_or(form), length),
        (Some(form), None) => (form, form.usual_length()),
        (None, None) => (form, length),
    };
    let policy = form.policy(length);
    if !policy.is_acceptable() {
        bail!(text!(
            "passcode-weak",
            form = form.name(),
            length = length,
            bits = entropy_bits(policy),
            least = MIN_ENTROPY_BITS as u64,
            longest = PasscodePolicy::MAX_LENGTH,
            usual = form.usual_length(),
        ));
    }
    settings.passcode = policy;
    Ok(settings)
}

/// Changes a tenant as asked for, as it is at this moment.
fn change_of(tenant: &mut TenantRow, asked: &TenantChange) -> Result<()> {
    tenant.licence = asked.licence.unwrap_or(tenant.licence);
    tenant.entra_tenant = asked.entra_tenant.map_or(tenant.entra_tenant, |EntraTenant(asked)| asked);
    tenant.settings = changed(tenant.settings, asked)?;
    Ok(())
}

pub(crate) async fn tenant(common: &Common, out: Out, verb: &Tenant) -> Result<()> {
    let host = Host::open(common)?;
    match verb {
        Tenant::List => {
            let tenants: Vec<_> = host.tenants().await?.iter().map(tenant_json).collect();
            let columns = [
                (text!("title-id"), "id"),
                (text!("title-name"), "displayName"),
                (text!("title-licence"), "licence"),
                (text!("title-entra-tenant"), "entraTenant"),
            ];
            out.list(&columns, &tenants);
        }
        Tenant::Create { name, entra_tenant } => {
            let tenant = host.create_tenant(name, *entra_tenant).await?;
            out.say(text!("tenant-created", tenant = name, id = tenant.id.to_string()), &tenant_json(&tenant));
        }
        Tenant::Set(asked) => {
            let tenant = host.tenant(common.tenant.as_deref()).await?;
            if *asked == TenantChange::default() {
                show_settings(out, &tenant_json(&tenant));
                return Ok(());
            }
            let change = asked.clone();
            let tenant = host.change_tenant(tenant.id, move |tenant| change_of(tenant, &change)).await?;
            out.say(text!("tenant-changed", tenant = &tenant.display_name), &tenant_json(&tenant));
            if asked.passcode_form.is_some() || asked.passcode_length.is_some() {
                out.text(text!("passcodes-from-now", bits = entropy_bits(tenant.settings.passcode)));
            }
        }
    }
    Ok(())
}

/// Each setting by the flag that changes it, with its value as that flag takes it.
fn show_settings(out: Out, tenant: &Value) {
    if out.json {
        return out.value(tenant);
    }
    let rows = SETTINGS.map(|(flag, member, unit)| {
        // The flag takes no word or sign of a language.
        let value = match &tenant[member] {
            Value::String(text) => text.clone(),
            Value::Null => NONE.to_owned(),
            other => other.to_string(),
        };
        vec![flag.to_owned(), value, text!("unit", unit = unit).say(out.lang)]
    });
    let titles = [text!("title-setting"), text!("title-value"), text!("title-unit")].map(|title| title.say(out.lang));
    table::lines(&titles, &rows, out.width()).iter().for_each(|line| out.line(line));
}

/// Ends the tokens that were minted on this host for the tenant.
pub(crate) async fn revoke_tokens(common: &Common, out: Out) -> Result<()> {
    let host = Host::open(common)?;
    let tenant = host.tenant(common.tenant.as_deref()).await?;
    host.revoke_app(tenant.id, OPERATOR_CLIENT).await?;
    out.say(
        text!("operator-tokens-revoked", tenant = &tenant.display_name),
        &json!({"tenantId": tenant.id, "revoked": true}),
    );
    Ok(())
}

pub(crate) async fn token(
    common: &Common,
    out: Out,
    names: &[String],
    minutes: u64,
    reason: Option<&str>,
) -> Result<()> {
    let host = Host::open(common)?;
    let tenant = host.tenant(common.tenant.as_deref()).await?.id;
    let lifetime = Duration::from_secs(minutes.saturating_mul(60));
    // Without names the token reads, and no more: a token in a shell is easily lost.
    let permissions = match names.is_empty() {
        true => Permission::reading().collect(),
        false => permissions(names)?,
    };
    let token = host.operator_token(tenant, &permissions, lifetime, reason).await?;
    match out.json {
        true => out.value(&json!({"accessToken": token.expose_secret(), "expiresIn": lifetime.as_secs()})),
        false => out.line(token.expose_secret()),
    }
    Ok(())
}
