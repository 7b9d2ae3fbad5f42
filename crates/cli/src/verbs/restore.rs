//! `chaveiro restore`: going on from a database that may not be the newest state.

use anyhow::Result;
use chaveiro_core::caller::Actor;
use chaveiro_core::decisions::restore::{self, Accepted, Restored};
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{Entropy, Store};
use chaveiro_server::SystemEntropy;
use chaveiro_store_sqlite::Doubt;
use serde_json::json;

use crate::args::{Common, Restore};
use crate::host::data_directory;
use crate::out::Out;
use crate::person;
use crate::words;
use chaveiro_lang::text;

pub(crate) async fn restore(common: &Common, out: Out, verb: &Restore) -> Result<()> {
    let Restore::Accept { reason, moved, snapshot } = verb;
    let directory = data_directory(common)?;
    // No server may run: what it has answered since would be marked, and its mark written over.
    let _lock = directory.lock_for_server()?;
    let (store, doubt) = directory.open_to_accept()?;
    let (doubt, kind) = match (doubt, moved, snapshot) {
        (None, _, false) => return Err(text!("nothing-doubtful").into()),
        (None, _, true) => ("the operator says that the machine or its disk was set back".to_owned(), "snapshot"),
        (Some(doubt), true, _) if doubt != Doubt::Moved => {
            return Err(text!("not-moved", doubt = words::of_doubt(&doubt)).into());
        }
        (Some(doubt), _, _) => (doubt.to_string(), doubt.kind()),
    };
    let accepted = Accepted { doubt: doubt.clone(), kind, reason: reason.clone(), moved: *moved };
    let (actor, id) = (Actor::operator(&person::here()), SystemEntropy.uuid());
    let store: &dyn Store = &store;
    let accept = store.write(move |unit| {
        let now = unit.now()?;
        Ok(restore::accept(unit, &accepted, &actor, id, now)?)
    });
    let done: Vec<(TenantId, Restored)> = accept.await?;
    let tenants: Vec<_> = done
        .iter()
        .map(|(tenant, restored)| {
            json!({
                "tenant": tenant,
                "results": restored.results,
                "signIns": restored.sign_ins,
                "enrollmentTokens": restored.enrollment_tokens,
                "disclosureWindows": restored.windows,
            })
        })
        .collect();
    let value = json!({"restore": id, "doubt": doubt, "moved": moved, "tenants": tenants});
    if *moved {
        out.say(text!("move-accepted"), &value);
        return Ok(());
    }
    let sum = |count: fn(&Restored) -> u64| done.iter().map(|(_, restored)| count(restored)).sum::<u64>();
    let text = text!(
        "restore-accepted",
        results = sum(|restored| restored.results),
        sessions = sum(|restored| restored.sign_ins),
        tokens = sum(|restored| restored.enrollment_tokens),
        windows = sum(|restored| restored.windows),
    );
    out.say(text, &value);
    out.text(text!("restore-review"));
    Ok(())
}
