//! `chaveiro audit`: export, verify, rows, key.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;

use std::path::Path;

use anyhow::Result;
use chaveiro_audit::{Broken, Earlier, Expected, Report, Succeeded};
use chaveiro_core::Fault;
use chaveiro_core::decisions::unsound_rows;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::UnsoundRow;
use serde_json::{Value, json};

use crate::args::{Audit, Common, Since};
use crate::host::{Host, settled};
use crate::out::Out;
use crate::words;
use chaveiro_lang::{Explain, Text, text};

pub(crate) async fn audit(common: &Common, out: Out, verb: &Audit) -> Result<()> {
    match verb {
        Audit::Export { output } => {
            let host = Host::open(common)?;
            let tenant = host.tenant(common.tenant.as_deref()).await?.id;
            host.link_audit().await?;
            let signer = host.opened.signer.lineage().clone();
            let mut sink: Box<dyn Write + Send> = match output {
                Some(file) => {
                    let created = File::options().write(true).create(true).truncate(true).mode(0o600).open(file);
                    Box::new(BufWriter::new(created.explain(|| text!("file-unwritable", file = file))?))
                }
                None => Box::new(std::io::stdout()),
            };
            let exported = host.opened.store.try_read(move |view| {
                let exported = chaveiro_audit::export(view, tenant, &signer, &mut sink);
                exported.and_then(|summary| Ok(sink.flush().map(|()| summary)?)).map_err(Fault::Refused)
            });
            let summary = settled(exported.await)?;
            if output.is_some() {
                let value = json!({"events": summary.events, "checkpoints": summary.checkpoints});
                out.say(text!("exported", events = summary.events, checkpoints = summary.checkpoints), &value);
            }
        }
        Audit::Verify { file, key, since, allow_unsigned_tail } => {
            let expected = Expected {
                key: key.as_ref(),
                tenant: tenant_id(common)?,
                allow_unsigned_tail: *allow_unsigned_tail,
                earlier: None,
            };
            verify(out, file, expected, since.as_ref())?;
        }
        Audit::Rows { remove, accept, reason } => rows(common, out, *remove, *accept, reason.as_deref()).await?,
        Audit::Key => {
            let key = Host::open(common)?.opened.signer.public_key().to_string();
            match out.json {
                true => out.value(&json!({"publicKey": key})),
                false => out.line(&key),
            }
        }
    }
    Ok(())
}

/// The tenant whose record is meant. There is no data directory in which a name could be looked up.
fn tenant_id(common: &Common) -> Result<Option<TenantId>> {
    let Some(asked) = common.tenant.as_deref() else { return Ok(None) };
    let id = asked.parse().ok().explain(|| text!("tenant-not-an-id", tenant = asked))?;
    Ok(Some(TenantId(id)))
}

fn open(file: &Path) -> Result<BufReader<File>> {
    let opened = File::open(file).explain(|| text!("file-unreadable", file = file))?;
    Ok(BufReader::new(opened))
}

fn verify(out: Out, file: &Path, expected: Expected<'_>, since: Option<&Since>) -> Result<()> {
    let mut export = open(file)?;
    let verified = match since {
        None => chaveiro_audit::verify(&mut export, expected),
        Some(Since::Point(point)) => {
            chaveiro_audit::verify(&mut export, Expected { earlier: Some(Earlier::Point(*point)), ..expected })
        }
        Some(Since::File(earlier)) => {
            let mut earlier = open(earlier)?;
            chaveiro_audit::verify(&mut export, Expected { earlier: Some(Earlier::File(&mut earlier)), ..expected })
        }
    };
    match verified {
        Ok(report) => {
            say(out, &report);
            Ok(())
        }
        Err(Broken { line, kind }) => {
            if out.json {
                out.value(&json!({"sound": false, "line": line, "error": kind.to_string()}));
            }
            Err(text!("not-sound", line = line, fault = words::of_broken(&kind)).into())
        }
    }
}

fn say(out: Out, report: &Report) {
    let (from, to) = (report.span.0.to_string(), report.span.1.to_string());
    let value = json!({
        "sound": true,
        "tenant": report.tenant,
        "events": report.events,
        "from": from,
        "to": to,
        "checkpoints": report.checkpoints,
        "signedThrough": report.signed_through(),
        "newestCheckpoint": report.newest.to_string(),
        "newestCheckpointAt": report.newest_at.to_string(),
        "continues": report.continues,
        "clockWentBackBefore": report.clock_went_back,
        "publicKey": report.public_key.to_string(),
        "succession": report.succession.iter().map(succeeded).collect::<Vec<_>>(),
        "pinned": report.pinned,
    });
    out.say(
        text!(
            "sound",
            events = report.events,
            from = report.span.0,
            to = report.span.1,
            checkpoints = report.checkpoints,
            signed = report.signed_through(),
        ),
        &value,
    );
    for change in &report.succession {
        out.text(match change.vouched_for {
            true => text!("audit-key-followed", at = change.at, key = &change.to),
            false => text!("audit-key-broken", at = change.at, key = &change.to),
        });
    }
    if let Some(reached) = report.continues {
        out.text(text!("continues", event = reached.to_string()));
    }
    if let Some(position) = report.clock_went_back {
        out.text(text!("clock-went-back", event = position.to_string()));
    }
    out.text(text!("newest-checkpoint", point = report.newest.to_string()));
    if !report.pinned {
        out.text(text!("sound-unpinned", key = report.public_key.to_string()));
    }
}

fn succeeded(change: &Succeeded) -> Value {
    json!({"at": change.at.to_string(), "publicKey": change.to, "vouchedFor": change.vouched_for})
}

const COLUMNS: [(Text, &str); 3] =
    [(text!("title-table"), "table"), (text!("title-row"), "row"), (text!("title-tenant"), "tenant")];

async fn rows(common: &Common, out: Out, remove: bool, accept: bool, reason: Option<&str>) -> Result<()> {
    let host = Host::open(common)?;
    if remove || accept {
        let (hand, reason) = (host.hand(), reason.unwrap_or_default().to_owned());
        let settle = host.opened.store.write(move |unit| Ok(unsound_rows::settle(unit, &hand, remove, &reason)?));
        let rows = settle.await?;
        out.text(if remove { text!("rows-removed", rows = rows) } else { text!("rows-accepted", rows = rows) });
    }
    let unsound = host.opened.store.read(|view| Ok(unsound_rows::all(view)?));
    let unsound = unsound.await?;
    if unsound.is_empty() {
        out.say(text!("rows-sound"), &json!([]));
        return Ok(());
    }
    out.list(&COLUMNS, &unsound.iter().map(shown).collect::<Vec<_>>());
    Err(text!("rows-unsound", rows = unsound.len()).into())
}

fn shown(row: &UnsoundRow) -> Value {
    json!({"table": row.table, "row": row.row, "tenant": row.tenant})
}
