//! `chaveiro audit`: export, verify, rows, key.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use chaveiro_audit::{Broken, Earlier, Expected, Report, Succeeded};
use chaveiro_core::Fault;
use chaveiro_core::decisions::unsound_rows;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::UnsoundRow;
use serde_json::{Value, json};

use crate::args::{Audit, Common, Since};
use crate::host::{Host, settled};
use crate::out::{Out, moment};
use crate::text::{Complaint, Text};

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
                    Box::new(BufWriter::new(created.with_context(|| format!("{} cannot be written", file.display()))?))
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
                out.say(Text::Exported, &[&summary.events.to_string(), &summary.checkpoints.to_string()], &value);
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
    let id = asked.parse().map_err(|_| {
        anyhow!("{asked} is not the id of a tenant, and an export knows no names; see: chaveiro tenant list")
    })?;
    Ok(Some(TenantId(id)))
}

fn open(file: &Path) -> Result<BufReader<File>> {
    let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
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
            let place = format!("line {line}: {kind}");
            Err(Complaint::new(Text::NotSound, Text::HintNotSound, &place).into())
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
    let [events, checkpoints, signed] =
        [report.events, report.checkpoints, report.signed_through()].map(|number| number.to_string());
    out.say(Text::Sound, &[&events, &from, &to, &checkpoints, &signed], &value);
    for change in &report.succession {
        let text = if change.vouched_for { Text::AuditKeyFollowed } else { Text::AuditKeyBroken };
        let at = change.at.to_string();
        out.text(text, &[moment(&at).as_deref().unwrap_or(&at), &change.to]);
    }
    if let Some(reached) = report.continues {
        out.text(Text::Continues, &[&reached.to_string()]);
    }
    if let Some(position) = report.clock_went_back {
        out.text(Text::ClockWentBack, &[&position.to_string()]);
    }
    out.text(Text::NewestCheckpoint, &[&report.newest.to_string()]);
    if !report.pinned {
        out.text(Text::SoundUnpinned, &[&report.public_key.to_string()]);
    }
}

fn succeeded(change: &Succeeded) -> Value {
    json!({"at": change.at.to_string(), "publicKey": change.to, "vouchedFor": change.vouched_for})
}

const COLUMNS: [(&str, &str); 3] = [("Table", "table"), ("Row", "row"), ("Tenant", "tenant")];

async fn rows(common: &Common, out: Out, remove: bool, accept: bool, reason: Option<&str>) -> Result<()> {
    let host = Host::open(common)?;
    if remove || accept {
        let (hand, reason) = (host.hand(), reason.unwrap_or_default().to_owned());
        let settle = host.opened.store.write(move |unit| Ok(unsound_rows::settle(unit, &hand, remove, &reason)?));
        let touched = settle.await?.to_string();
        let text = if remove { Text::RowsRemoved } else { Text::RowsAccepted };
        out.text(text, &[&touched]);
    }
    let unsound = host.opened.store.read(|view| Ok(unsound_rows::all(view)?));
    let unsound = unsound.await?;
    if unsound.is_empty() {
        out.say(Text::RowsSound, &[], &json!([]));
        return Ok(());
    }
    out.list(&COLUMNS, &unsound.iter().map(shown).collect::<Vec<_>>());
    Err(Complaint::new(Text::RowsUnsound, Text::HintRows, &unsound.len().to_string()).into())
}

fn shown(row: &UnsoundRow) -> Value {
    json!({"table": row.table, "row": row.row, "tenant": row.tenant})
}
