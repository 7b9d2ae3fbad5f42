//! `chaveiro backup` and `chaveiro check`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use chaveiro_core::Timestamp;
use chaveiro_core::ports::Clock;
use chaveiro_server::{Manifest, SystemClock, back_up, check_backup, copy_keys};
use serde_json::{Value, json};

use crate::args::Common;
use crate::host::{data_directory, open_store};
use crate::out::Out;
use chaveiro_lang::{Text, text};

pub(crate) async fn backup(common: &Common, out: Out, to: &Path, keys: Option<&PathBuf>) -> Result<()> {
    let directory = data_directory(common)?;
    let (store, now) = (open_store(&directory, out)?, SystemClock::default().now());
    let target = to.to_owned();
    let manifest = tokio::task::spawn_blocking(move || back_up(&store, &target, now)).await??;
    if let Some(keys) = keys {
        copy_keys(&directory.keys(), keys, to)?;
    }
    let bytes: u64 = manifest.files.iter().map(|entry| entry.bytes).sum();
    let mut value = of_manifest(&manifest);
    (value["backup"], value["keys"]) = (json!(to), json!(keys));
    out.say(
        text!("backed-up", backup = to.display().to_string(), size = size(bytes), commits = manifest.commits),
        &value,
    );
    match keys {
        Some(keys) => out.text(text!("keys-backed-up", directory = keys.display().to_string())),
        None => out.text(text!("keys-not-backed-up")),
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
    out.say(
        text!(
            "backup-whole",
            backup = backup,
            made = manifest.made,
            age = age,
            tenants = checked.tenants,
            events = checked.linked_events,
        ),
        &value,
    );
    if i64::from(manifest.schema) < checked.known_schema {
        out.text(text!(
            "backup-older-schema",
            old = manifest.schema.to_string(),
            new = checked.known_schema.to_string()
        ));
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
fn age(now: Timestamp, made: Timestamp) -> Text {
    let minutes = now.duration_since(made).as_mins().max(0);
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let form = match (days, hours) {
        (0, 0) => "minutes",
        (0, _) => "hours",
        _ => "days",
    };
    text!("duration", form = form, days = days, hours = hours, minutes = minutes)
}

fn size(bytes: u64) -> Text {
    match bytes {
        0..1_048_576 => text!("size-kib", size = bytes.div_ceil(1024)),
        _ => {
            let tenths = (bytes * 10 + 524_288) / 1_048_576;
            text!("size-mib", whole = tenths / 10, tenths = tenths % 10)
        }
    }
}
