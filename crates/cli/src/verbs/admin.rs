//! Verbs that work on the data directory itself: tenants, applications, tokens, keys.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use chaveiro_audit::Signer;
use chaveiro_core::caller::OPERATOR_CLIENT;
use chaveiro_core::keys::KeyName;
use chaveiro_core::passcode::{MIN_ENTROPY_BITS, PasscodePolicy};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::Store;
use chaveiro_core::tenant::{Tenant as TenantRow, TenantSettings};
use chaveiro_escrow::Recipient;
use chaveiro_server::{SystemClock, SystemEntropy};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::args::{Common, EntraTenant, Keys, NONE, PasscodeForm, Switch, Tenant, TenantChange, written};
use crate::host::{Host, choose_tenant, data_directory, hand, link_audit, permissions};
use crate::out::Out;
use crate::words;
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

pub(crate) async fn keys(common: &Common, out: Out, verb: &Keys) -> Result<()> {
    // A damaged key can still be listed and replaced.
    match verb {
        Keys::List => return list_keys(common, out).await,
        Keys::Accept { name, reason, new } => return accept_key(common, out, name, reason, *new).await,
        Keys::IngestOnly { state } => return ingest_only(common, out, *state).await,
        Keys::RotateAudit => return rotate_audit(common, out).await,
        Keys::RotateIssuer | Keys::Recipients | Keys::AddRecipient { .. } => {}
    }
    let host = Host::open(common)?;
    if let Keys::RotateIssuer = verb {
        let id = host.rotate_issuer().await?;
        out.say(text!("issuer-rotated", key = &id), &json!({"keyId": id}));
        return Ok(());
    }
    let tenant = host.tenant(common.tenant.as_deref()).await?.id;
    if let Keys::AddRecipient { line } = verb {
        let Some(recipient) = Recipient::parse(line) else {
            bail!(text!("recipient-malformed", line = format!("{line:?}")));
        };
        host.add_recipient(tenant, &recipient).await?;
        let id = recipient.id().to_string();
        out.say(text!("recipient-added", key = &id), &json!({"keyId": id}));
        return Ok(());
    }
    let rows = host.opened.keyring.recipients(tenant)?;
    let rows: Vec<_> = rows
        .iter()
        .map(|recipient| json!({"id": recipient.id().to_string(), "name": recipient.name, "line": recipient.line()}))
        .collect();
    out.list(&[(text!("title-key"), "id"), (text!("title-name"), "name"), (text!("title-line"), "line")], &rows);
    Ok(())
}

async fn list_keys(common: &Common, out: Out) -> Result<()> {
    let directory = data_directory(common)?;
    let listed = directory.inventory(&Arc::new(directory.open_store()?)).list().await?;
    let rows: Vec<_> = listed
        .iter()
        .map(|listed| {
            json!({
                "name": listed.known.name.to_string(),
                "file": listed.file.display().to_string(),
                "fingerprint": listed.known.fingerprint.to_string(),
                "since": listed.known.since.to_string(),
                "away": listed.known.away,
                "problem": listed.problem.as_ref().map(ToString::to_string),
            })
        })
        .collect();
    let columns =
        [(text!("title-key"), "name"), (text!("title-since"), "since"), (text!("title-fingerprint"), "fingerprint")];
    let rows = if out.json { rows } else { rows.into_iter().map(shortened).collect() };
    out.list(&columns, &rows);
    // Problems are sentences, too long for a column.
    for problem in listed.iter().filter_map(|listed| listed.problem.as_ref()) {
        out.text(text!("key-problem", problem = words::of_problem(problem)));
    }
    Ok(())
}

/// A row of the keys, short enough for a terminal of 80 columns.
fn shortened(mut row: Value) -> Value {
    const DIGITS: usize = 16;
    const DATE: usize = "2027-01-15".len();
    for (member, length) in [("fingerprint", DIGITS), ("since", DATE)] {
        if let Value::String(text) = &mut row[member] {
            text.truncate(length);
        }
    }
    row
}

async fn rotate_audit(common: &Common, out: Out) -> Result<()> {
    let directory = data_directory(common)?;
    let lock = directory.lock_for_server()?;
    let host = Host::open(common)?;
    host.link_audit().await?;
    let successor = directory.inventory(&host.opened.sqlite).rotate_audit(&host.hand()).await?;
    drop(host);
    // With the new key: the change itself is signed by it at once.
    Host::open(common)?.link_audit().await?;
    drop(lock);
    let key = successor.to_string();
    out.say(text!("audit-rotated", key = &key), &json!({"publicKey": key}));
    Ok(())
}

async fn accept_key(common: &Common, out: Out, name: &str, reason: &str, new: bool) -> Result<()> {
    let directory = data_directory(common)?;
    let sqlite = Arc::new(directory.open_store()?);
    let inventory = directory.inventory(&sqlite);
    let key: KeyName = name.parse()?;
    // A server that runs would go on to sign with the key that it has.
    let lock = (key == KeyName::Audit).then(|| directory.lock_for_server()).transpose()?;
    let hand = hand(&SystemClock::default());
    match new {
        true => inventory.renew(&hand, &key, reason, &SystemEntropy).await?,
        false => inventory.accept(&hand, &key, reason).await?,
    }
    if lock.is_some() {
        // Whatever the lost key has signed is signed by the new one, too, before a server looks at it.
        let signer = Arc::new(Signer::open(&directory.keys().join("audit.key"))?);
        let store: Arc<dyn Store> = sqlite;
        link_audit(&store, &signer, hand.now).await?;
    }
    out.say(text!("key-accepted", key = name), &json!({"name": name, "accepted": true}));
    Ok(())
}

async fn ingest_only(common: &Common, out: Out, state: Switch) -> Result<()> {
    let directory = data_directory(common)?;
    let sqlite = Arc::new(directory.open_store()?);
    let store: Arc<dyn Store> = sqlite.clone();
    let tenants = store.read(|view| Ok(view.tenants()?)).await?;
    let tenant = choose_tenant(tenants, common.tenant.as_deref())?;
    let away = state == Switch::On;
    directory.inventory(&sqlite).set_away(&hand(&SystemClock::default()), tenant.id, away).await?;
    let file = format!("keys/escrow/{}.key", tenant.id);
    let text = match away {
        true => text!("ingest-only-on", tenant = &tenant.display_name, file = file),
        false => text!("ingest-only-off", tenant = &tenant.display_name, file = file),
    };
    out.say(text, &json!({"tenantId": tenant.id, "ingestOnly": away}));
    Ok(())
}
