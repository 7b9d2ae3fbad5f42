//! `chaveiro keys open`: the passcodes of a device, opened with the private key of a recipient. The server's escrow key is not
//! needed; in a data directory `keys/rows.key` is, to verify and to record.
//!
//! In a data directory the opening is recorded first, and nothing is opened if that fails. A backup is read and never
//! written, so an opening from one is in no record.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use chaveiro_core::audit::Origin;
use chaveiro_core::caller::Actor;
use chaveiro_core::decisions::disclose_passcode::{Opening, record_opening};
use chaveiro_core::ports::{Clock, Entropy, Store, Unsealer};
use chaveiro_core::secret::Passcode;
use chaveiro_escrow::{RecoveryKey, recipients};
use chaveiro_lang::table::{entry, padded, width};
use chaveiro_lang::{Text, text};
use chaveiro_server::{SystemClock, SystemEntropy};
use chaveiro_store_sqlite::{FILE_NAME, Kept, MARK_FILE_NAME, Owner, Snapshot, SqliteStore};
use serde_json::{Value, json};

use crate::args::{Common, Open};
use crate::host::{data_directory, open_store};
use crate::out::Out;
use crate::person;
use crate::result::{opens, print_alone};

/// The effect of a key on a kept passcode.
enum Tried {
    Opened(Passcode),
    /// It is not sealed to this key.
    OtherKey,
    /// It is sealed to this key and does not open.
    Damaged,
    /// Another program has changed its row, and may have put an envelope of its own there.
    Unsound,
}

pub(crate) async fn open(common: &Common, out: Out, asked: &Open) -> Result<()> {
    let key = RecoveryKey::read(&asked.key)?;
    let (store, database) = match &asked.backup {
        Some(backup) => (None, of_backup(backup)?),
        None => {
            let directory = data_directory(common)?;
            // First, because it brings an older database to the version that is read.
            let store = open_store(&directory, out)?;
            (Some(store), Snapshot::beside(&directory.root().join(FILE_NAME))?)
        }
    };
    let owner = one_of(&asked.device, database.owners(&asked.device, common.tenant.as_deref())?)?;
    let kept = database.passcodes(&owner)?;
    // An envelope that another program may have put there tells nothing.
    let (unsound, sound): (Vec<_>, Vec<_>) = kept.iter().partition(|kept| kept.sound == Some(false));
    let (ours, others): (Vec<_>, Vec<_>) = sound.into_iter().partition(|kept| is_sealed_to(kept, &key));
    let is_recorded = store.is_some();
    if let Some(store) = store {
        record(store, &ours, &key, asked.reason.as_deref().unwrap_or_default()).await?;
    }
    let ours: Vec<_> = ours.into_iter().map(|kept| (kept, opened(kept, &key))).collect();
    if !ours.iter().any(|(_, tried)| matches!(tried, Tried::Opened(_))) {
        bail!(nothing_opened(&asked.device, &key, !unsound.is_empty(), !ours.is_empty(), &others));
    }
    let others = others.into_iter().map(|kept| (kept, Tried::OtherKey));
    let unsound = unsound.into_iter().map(|kept| (kept, Tried::Unsound));
    let mut all: Vec<_> = ours.into_iter().chain(others).chain(unsound).collect();
    all.sort_by_key(|(kept, _)| std::cmp::Reverse(kept.secret.received));
    tell(out, &owner, &all);
    match is_recorded {
        true => out.text(text!("passcode-recorded")),
        false => out.note(text!("opening-unrecorded")),
    }
    Ok(())
}

/// The database of a backup. A data directory has a record, and is opened where that can be written.
fn of_backup(backup: &Path) -> Result<Snapshot> {
    if backup.join(MARK_FILE_NAME).exists() {
        bail!(text!("backup-is-data-directory", directory = backup));
    }
    Ok(Snapshot::open(&backup.join(FILE_NAME))?)
}

/// The only device among them.
fn one_of(asked: &str, found: Vec<Owner>) -> Result<Owner> {
    match <[Owner; 1]>::try_from(found) {
        Ok([owner]) => Ok(owner),
        Err(none) if none.is_empty() => bail!(text!("device-unknown", device = asked)),
        Err(several) => {
            let line = |owner: &Owner| format!("  {}  {}", owner.device, owner.name.as_deref().unwrap_or("–"));
            let candidates: Vec<_> = several.iter().map(line).collect();
            bail!(text!("device-ambiguous", device = asked, candidates = candidates.join("\n")))
        }
    }
}

fn envelope(kept: &Kept) -> &[u8] {
    kept.secret.envelope.as_deref().unwrap_or_default()
}

/// Returns true for an envelope that names the key, and for one that cannot be read.
fn is_sealed_to(kept: &Kept, key: &RecoveryKey) -> bool {
    recipients(envelope(kept)).map_or(true, |recipients| recipients.contains(&key.id()))
}

fn opened(kept: &Kept, key: &RecoveryKey) -> Tried {
    key.unseal(&kept.secret.context, envelope(kept)).map_or(Tried::Damaged, Tried::Opened)
}

/// Records that these passcodes are opened. Durable when this returns.
async fn record(store: SqliteStore, kept: &[&Kept], key: &RecoveryKey, reason: &str) -> Result<()> {
    let secrets: Vec<_> = kept.iter().map(|kept| (kept.secret.id, kept.secret.context)).collect();
    let at = SystemClock::default().now();
    let origin = Origin { actor: Actor::operator(&person::here()), at, request: None };
    let (id, key, reason) = (SystemEntropy.uuid(), key.id().to_string(), reason.to_owned());
    let opening = Opening { id, secrets, key, reason };
    let store: Arc<dyn Store> = Arc::new(store);
    Ok(store.write(move |unit| Ok(record_opening(unit, &origin, &opening)?)).await?)
}

/// The reason why the key opens no passcode of the device.
fn nothing_opened(device: &str, key: &RecoveryKey, has_unsound: bool, has_ours: bool, others: &[&Kept]) -> Text {
    if has_unsound {
        return text!("passcodes-unsound", device = device);
    }
    if has_ours {
        return text!("passcodes-damaged", device = device, key = key.id().to_string());
    }
    if others.is_empty() {
        return text!("no-passcode-kept", device = device);
    }
    let named = others.iter().flat_map(|kept| recipients(envelope(kept)).unwrap_or_default());
    let mut keys: Vec<_> = named.map(|key| key.to_string()).collect();
    keys.sort();
    keys.dedup();
    text!("passcodes-of-other-keys", device = device, key = key.id().to_string(), keys = keys.join(", "))
}

/// Prints the passcodes: for machines as an array, for people a paragraph each.
fn tell(out: Out, owner: &Owner, all: &[(&Kept, Tried)]) {
    let rows: Vec<_> = all.iter().map(|(kept, tried)| row(owner, kept, tried)).collect();
    if out.json {
        return out.value(&Value::from(rows));
    }
    for (row, (_, tried)) in rows.iter().zip(all) {
        if let Tried::Opened(passcode) = tried {
            print_alone(out, passcode.expose_secret());
            out.line("");
        }
        let facts = [
            (text!("title-sealed"), Some(out.cell("", &row["chaveiro_passcodeSealedDateTime"]))),
            (text!("title-state"), Some(out.cell("actionState", &row["actionState"]))),
            (text!("title-standing"), Some(out.cell("standing", &row["standing"]))),
            (text!("title-opens"), opens(row, out.lang)),
            (
                text!("title-withheld"),
                row["problem"].as_str().map(|code| text!("not-opened", code = code).say(out.lang)),
            ),
        ];
        let there: Vec<_> = facts.into_iter().filter_map(|(title, fact)| Some((title.say(out.lang), fact?))).collect();
        let widest = there.iter().map(|(title, _)| width(title)).max().unwrap_or_default();
        for (title, fact) in &there {
            let lines = entry(&format!("{}  ", padded(title, widest)), fact, "", out.width());
            lines.iter().for_each(|line| out.line(line));
        }
        out.line("");
    }
}

/// A passcode for machines, with the members of a result of the API where it has them.
fn row(owner: &Owner, kept: &Kept, tried: &Tried) -> Value {
    let (passcode, problem) = match tried {
        Tried::Opened(passcode) => (Some(passcode.expose_secret()), None),
        Tried::OtherKey => (None, Some("otherKey")),
        Tried::Damaged => (None, Some("damaged")),
        Tried::Unsound => (None, Some("unsound")),
    };
    json!({
        "deviceName": owner.name,
        "managedDeviceId": owner.device,
        "tenantId": owner.tenant,
        "chaveiro_actionId": kept.secret.context.action,
        "actionState": kept.state,
        "standing": kept.secret.standing,
        "chaveiro_opens": kept.opens.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "chaveiro_passcodeSealedDateTime": kept.secret.received.to_string(),
        "passcode": passcode,
        "problem": problem,
    })
}
