//! `chaveiro backup` and `chaveiro check`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use chaveiro_core::Timestamp;
use chaveiro_core::ports::Clock;
use chaveiro_server::{Manifest, SystemClock, back_up, check_backup, copy_keys};
use serde_json::{Value, json};

use crate::args::Common;
use crate::host::data_directory;
use crate::out::{Out, moment};
use crate::text::Text;

pub(crate) async fn backup(common: &Common, out: Out, to: &Path, keys: Option<&PathBuf>) -> Result<()> {
    let directory = data_directory(common)?;
    let (store, now) = (directory.open_store()?, SystemClock::default().now());
    if let Some(notice) = store.notice() {
        let _ = writeln!(std::io::stderr(), "chaveiro: {notice}");
    }
    let target = to.to_owned();
    let manifest = tokio::task::spawn_blocking(move || back_up(&store, &target, now)).await??;
    if let Some(keys) = keys {
        copy_keys(&directory.keys(), keys, to)?;
    }
    let bytes: u64 = manifest.files.iter().map(|entry| entry.bytes).sum();
    let mut value = of_manifest(&manifest);
    (value["backup"], value["keys"]) = (json!(to), json!(keys));
    out.say(Text::BackedUp, &[&to.display().to_string(), &size(bytes), &manifest.commits.to_string()], &value);
    match keys {
        Some(keys) => out.text(Text::KeysBackedUp, &[&keys.display().to_string()]),
        None => out.text(Text::KeysNotBackedUp, &[]),
    }
    Ok(())
}

pub(crate) async fn check(out: Out, backup: &Path) -> Result<()> {
    let looked_at = backup.to_owned();
    let checked = tokio::task::spawn_blocking(move || check_backup(&looked_at)).await??;
    let (manifest, now) = (&checked.manifest, SystemClock::default().now());
    let mut value = of_manifest(manifest);
    let age = age(now, manifest.made);
    value["whole"] = true.into();
    value["tenants"] = checked.tenants.into();
    value["linkedEvents"] = checked.linked_events.into();
    value["ageSeconds"] = now.duration_since(manifest.made).as_secs().into();
    let made = moment(&manifest.made.to_string()).unwrap_or_else(|| manifest.made.to_string());
    let counts = [checked.tenants as u64, checked.linked_events].map(|count| count.to_string());
    out.say(Text::BackupWhole, &[&backup.display().to_string(), &made, &age, &counts[0], &counts[1]], &value);
    if i64::from(manifest.schema) < checked.known_schema {
        out.text(Text::BackupOlderSchema, &[&manifest.schema.to_string(), &checked.known_schema.to_string()]);
    }
    Ok(())
}

fn of_manifest(manifest: &Manifest) -> Value {
    json!({
        "made": manifest.made.to_string(),
        "program": manifest.program,
        "schema": manifest.schema,
        "database": manifest.database,
        "commits": manifest.commits,
        "auditEvent": manifest.audit_event,
        "files": manifest.files,
    })
}

/// An age in days, hours and minutes, `2 d 3 h 5 min`.
fn age(now: Timestamp, made: Timestamp) -> String {
    let minutes = now.duration_since(made).as_mins().max(0);
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h {minutes} min"),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
