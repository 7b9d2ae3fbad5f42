//! `chaveiro hold` in the data directory.

use std::time::Duration;

use anyhow::Result;
use chaveiro_core::caller::Actor;
use chaveiro_core::hold::{Hold as HoldRow, MOST};
use serde_json::{Value, json};

use crate::args::{Common, Hold};
use crate::host::Host;
use crate::out::Out;
use crate::verbs::hold::{COLUMNS, caused_by, say_released};

pub(crate) async fn hold(common: &Common, out: Out, verb: &Hold) -> Result<()> {
    let host = Host::open(common)?;
    let tenant = host.tenant(common.tenant.as_deref()).await?.id;
    match verb {
        Hold::List => {
            let holds = host.opened.store.read(move |view| Ok(view.holds(tenant, MOST)?)).await?;
            out.list(&COLUMNS, &holds.iter().map(of_row).collect::<Vec<_>>());
        }
        Hold::Release { id, minutes, reason } => {
            let quiet = minutes.map(|minutes| Duration::from_secs(minutes.saturating_mul(60)));
            let hold = of_row(&host.release_hold(tenant, *id, quiet, Some(reason.clone())).await?);
            say_released(out, &hold);
        }
    }
    Ok(())
}

fn of_row(hold: &HoldRow) -> Value {
    let actor = &hold.caused_by;
    let user = actor.user_principal_name.as_deref().or(actor.user_id.as_deref());
    let application = actor.application_name.as_deref().unwrap_or(&actor.application_id);
    let release = hold.released.as_ref();
    json!({
        "id": hold.id,
        "kind": hold.kind.name(),
        "ofCaller": hold.party.is_some(),
        "placed": hold.placed.to_string(),
        "counted": hold.counted,
        "causedBy": caused_by(user, application),
        "released": release.map(|release| release.at.to_string()),
        "releasedBy": release.map(|release| releaser(&release.by)),
        "quietUntil": release.and_then(|release| release.quiet_until).map(|until| until.to_string()),
        "reason": release.and_then(|release| release.reason.clone()),
    })
}

fn releaser(by: &Actor) -> &str {
    let person = by.user_principal_name.as_ref().or(by.user_id.as_ref());
    person.unwrap_or(&by.application_id)
}
