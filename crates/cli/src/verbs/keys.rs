//! `chaveiro keys`: the keys of the server, and the recipients to whom passcodes are sealed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use chaveiro_audit::Signer;
use chaveiro_core::id::{DeviceId, TenantId};
use chaveiro_core::keys::KeyName;
use chaveiro_core::ports::Store;
use chaveiro_escrow::{KeyId, Recipient, RecoveryKey};
use chaveiro_lang::text;
use chaveiro_server::{SystemClock, SystemEntropy};
use chaveiro_store_sqlite::{FILE_NAME, Snapshot};
use serde_json::{Value, json};

use super::open;
use crate::args::{Common, Keys, Switch};
use crate::host::{Host, choose_tenant, data_directory, hand, link_audit, open_store};
use crate::out::Out;
use crate::words;

pub(crate) async fn keys(common: &Common, out: Out, verb: &Keys) -> Result<()> {
    match verb {
        // A damaged key can still be listed and replaced.
        Keys::List => list_keys(common, out).await,
        Keys::Accept { name, reason, new } => accept_key(common, out, name, reason, *new).await,
        Keys::IngestOnly { state } => ingest_only(common, out, *state).await,
        Keys::RotateAudit => rotate_audit(common, out).await,
        Keys::RotateIssuer => rotate_issuer(common, out).await,
        Keys::Recipients => recipients(common, out).await,
        Keys::MakeRecipient { file, name } => make_recipient(out, file, name.as_deref()),
        Keys::AddRecipient { line } => add_recipient(common, out, line).await,
        Keys::RemoveRecipient { recipient } => remove_recipient(common, out, recipient).await,
        Keys::Open(asked) => open::open(common, out, asked).await,
    }
}

async fn rotate_issuer(common: &Common, out: Out) -> Result<()> {
    let id = Host::open(common)?.rotate_issuer().await?;
    out.say(text!("issuer-rotated", key = &id), &json!({"keyId": id}));
    Ok(())
}

/// Makes a recovery key on any machine; no data directory is needed.
fn make_recipient(out: Out, file: &Path, name: Option<&str>) -> Result<()> {
    let of_file = || file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let recipient = RecoveryKey::create(file, &name.map_or_else(of_file, str::to_owned))?;
    let (id, line) = (recipient.id().to_string(), recipient.line());
    let value = json!({"keyId": id, "name": recipient.name, "file": file, "line": line});
    out.say(text!("recipient-made", file = file, key = id), &value);
    out.text(text!("recipient-to-add", line = line));
    Ok(())
}

async fn add_recipient(common: &Common, out: Out, line: &str) -> Result<()> {
    let Some(recipient) = Recipient::parse(line) else {
        bail!(text!("recipient-malformed", line = format!("{line:?}")));
    };
    let host = Host::open(common)?;
    let tenant = host.tenant(common.tenant.as_deref()).await?.id;
    host.add_recipient(tenant, &recipient).await?;
    let id = recipient.id().to_string();
    out.say(text!("recipient-added", key = &id), &json!({"keyId": id}));
    Ok(())
}

async fn remove_recipient(common: &Common, out: Out, asked: &str) -> Result<()> {
    let host = Host::open(common)?;
    let tenant = host.tenant(common.tenant.as_deref()).await?.id;
    let removed = host.remove_recipient(tenant, asked).await?;
    let id = removed.id().to_string();
    // Counted afterwards: a passcode that is sealed until the removal counts too.
    let mut devices = match sealed(&host, tenant) {
        Ok(mut sealed) => sealed.remove(&removed.id()).unwrap_or_default(),
        Err(error) => {
            let unknown = json!({"keyId": id, "name": removed.name, "passcodes": null, "devices": null});
            out.say(text!("recipient-removed-uncounted", key = &id), &unknown);
            return Err(error);
        }
    };
    let passcodes = devices.len();
    devices.sort_unstable();
    devices.dedup();
    out.say(
        text!("recipient-removed", key = &id, passcodes = passcodes),
        &json!({"keyId": id, "name": removed.name, "passcodes": passcodes, "devices": devices}),
    );
    Ok(())
}

/// The keys that open kept passcodes of a tenant: each with the device of every such passcode.
fn sealed(host: &Host, tenant: TenantId) -> Result<BTreeMap<KeyId, Vec<DeviceId>>> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    Snapshot::beside(&host.directory.root().join(FILE_NAME))?.each_passcode(tenant, |device, envelope| {
        // One that cannot be read opens with no key.
        for key in chaveiro_escrow::recipients(envelope).unwrap_or_default() {
            found.entry(key).or_default().push(device);
        }
    })?;
    Ok(found)
}

/// Lists the recipients, and the removed ones whose keys still open passcodes.
async fn recipients(common: &Common, out: Out) -> Result<()> {
    let host = Host::open(common)?;
    let tenant = host.tenant(common.tenant.as_deref()).await?.id;
    let (recipients, mut sealed) = (host.opened.keyring.recipients(tenant)?, sealed(&host, tenant)?);
    let mut rows: Vec<_> = recipients
        .iter()
        .map(|recipient| {
            let passcodes = sealed.remove(&recipient.id()).map_or(0, |devices| devices.len());
            let id = recipient.id().to_string();
            json!({"id": id, "name": recipient.name, "removed": false, "passcodes": passcodes, "line": recipient.line()})
        })
        .collect();
    // Keys that no recipient has any more.
    rows.extend(sealed.into_iter().map(|(key, devices)| {
        json!({"id": key.to_string(), "name": null, "removed": true, "passcodes": devices.len(), "line": null})
    }));
    let columns = [
        (text!("title-key"), "id"),
        (text!("title-name"), "name"),
        (text!("title-removed"), "removed"),
        (text!("title-passcodes"), "passcodes"),
        (text!("title-line"), "line"),
    ];
    out.list(&columns, &rows);
    Ok(())
}

async fn list_keys(common: &Common, out: Out) -> Result<()> {
    let directory = data_directory(common)?;
    let listed = directory.inventory(&Arc::new(open_store(&directory, out)?)).list().await?;
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
    let sqlite = Arc::new(open_store(&directory, out)?);
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
    let sqlite = Arc::new(open_store(&directory, out)?);
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
