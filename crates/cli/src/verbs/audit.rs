//! `chaveiro audit`: export, verify, key.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result};
use serde_json::json;

use crate::args::{Audit, Common};
use crate::host::Host;
use crate::out::Out;
use crate::text::Text;

pub(crate) async fn audit(common: &Common, out: Out, verb: &Audit) -> Result<()> {
    match verb {
        Audit::Export { output } => {
            let host = Host::open(common)?;
            let tenant = host.tenant(common.tenant.as_deref()).await?.id;
            host.link_audit().await?;
            let key = host.opened.signer.public_key();
            let mut sink: Box<dyn Write + Send> = match output {
                Some(file) => {
                    let created = File::options().write(true).create(true).truncate(true).mode(0o600).open(file);
                    Box::new(BufWriter::new(created.with_context(|| format!("{} cannot be written", file.display()))?))
                }
                None => Box::new(std::io::stdout()),
            };
            let exported = host.opened.store.read(move |view| {
                let exported = chaveiro_audit::export(view, tenant, &key, &mut sink);
                Ok(exported.and_then(|summary| Ok(sink.flush().map(|()| summary)?)))
            });
            let summary = exported.await??;
            if output.is_some() {
                let value = json!({"events": summary.events, "checkpoints": summary.checkpoints});
                out.say(Text::Exported, &[&summary.events.to_string(), &summary.checkpoints.to_string()], &value);
            }
        }
        Audit::Verify { file, key } => {
            let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
            let report = chaveiro_audit::verify(&mut BufReader::new(opened), key.as_ref())?;
            let value = json!({
                "sound": true,
                "tenant": report.tenant,
                "events": report.events,
                "checkpoints": report.checkpoints,
                "signedThrough": report.signed_through,
                "publicKey": report.public_key.to_string(),
                "pinned": report.pinned,
            });
            let places = [report.events, report.checkpoints, report.signed_through].map(|number| number.to_string());
            out.say(Text::Sound, &places.each_ref().map(String::as_str), &value);
            if !report.pinned {
                out.text(Text::SoundUnpinned, &[&report.public_key.to_string()]);
            }
        }
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
