//! `chaveiro hold`: on the host straight in the data directory, elsewhere through the API, as the person who is signed in.

use std::time::Duration;

use anyhow::Result;
use chaveiro_core::caller::Actor;
use chaveiro_core::hold::{Hold as HoldRow, HoldKind, MOST};
use reqwest::Method;
use serde_json::{Value, json};

use crate::args::{Common, Hold};
use crate::client::{GraphClient, signed_in_elsewhere};
use crate::host::Host;
use crate::out::Out;
use chaveiro_lang::{Text, text};

const HOLDS: &str = "/beta/deviceManagement/chaveiroHolds";

const COLUMNS: [(Text, &str); 8] = [
    (text!("title-kind"), "kind"),
    (text!("title-since"), "placed"),
    (text!("title-after"), "counted"),
    (text!("title-caused-by"), "causedBy"),
    (text!("title-released"), "released"),
    (text!("title-by"), "releasedBy"),
    (text!("title-reason"), "reason"),
    (text!("title-id"), "id"),
];

pub(crate) async fn hold(common: &Common, out: Out, verb: &Hold) -> Result<()> {
    if let Some(client) = signed_in_elsewhere(common).await? {
        return through(&client, out, verb).await;
    }
    let host = Host::open(common)?;
    let tenant = host.tenant(common.tenant.as_deref()).await?.id;
    match verb {
        Hold::List => {
            let holds = host.opened.store.read(move |view| Ok(view.holds(tenant, MOST)?)).await?;
            out.list(&COLUMNS, &holds.iter().map(of_row).collect::<Vec<_>>());
        }
        Hold::Release { id, minutes, reason } => {
            let quiet = minutes.map(|minutes| Duration::from_secs(minutes.saturating_mul(60)));
            let hold = of_row(&host.release_hold(tenant, *id, quiet, reason.clone()).await?);
            say_released(out, &hold);
        }
    }
    Ok(())
}

async fn through(client: &GraphClient, out: Out, verb: &Hold) -> Result<()> {
    match verb {
        Hold::List => {
            let holds = client.all(HOLDS).await?;
            out.list(&COLUMNS, &holds.iter().map(of_answer).collect::<Vec<_>>());
        }
        Hold::Release { id, minutes, reason } => {
            let standing = client.all(&format!("{HOLDS}?$filter=isReleased%20eq%20false")).await?;
            let standing: Vec<_> = standing.iter().filter_map(|hold| hold["id"].as_str()).collect();
            let id = match (id, standing.as_slice()) {
                (Some(id), _) => id.to_string(),
                (None, []) => return Err(text!("no-hold").into()),
                (None, [one]) => (*one).to_owned(),
                (None, [_, _, ..]) => return Err(text!("several-holds").into()),
            };
            let path = format!("{HOLDS}/{id}");
            let body = json!({"reason": reason, "quietMinutes": minutes});
            client.expect(Method::POST, &format!("{path}/release"), Some(&body)).await?;
            say_released(out, &of_answer(&client.expect(Method::GET, &path, None).await?));
        }
    }
    Ok(())
}

fn say_released(out: Out, hold: &Value) {
    let since = out.cell("placed", &hold["placed"]);
    let text = match hold["kind"] == HoldKind::Reading.name() {
        true => text!("reading-released", since = since),
        false => text!("hold-released", since = since),
    };
    out.say(text, hold);
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

/// The same of what the API answers.
fn of_answer(hold: &Value) -> Value {
    let user = hold["causedByUserPrincipalName"].as_str().or(hold["causedByUserId"].as_str());
    json!({
        "id": hold["id"],
        "kind": hold["kind"],
        "ofCaller": hold["isOfCaller"],
        "placed": hold["placedDateTime"],
        "counted": hold["countedRecoveries"].as_u64().unwrap_or_default() + hold["countedReadings"].as_u64().unwrap_or_default(),
        "causedBy": caused_by(user, hold["causedByApplicationId"].as_str().unwrap_or_default()),
        "released": hold["releasedDateTime"],
        "releasedBy": hold["releasedBy"],
        "quietUntil": hold["quietUntilDateTime"],
        "reason": hold["reason"],
    })
}

fn releaser(by: &Actor) -> &str {
    let person = by.user_principal_name.as_ref().or(by.user_id.as_ref());
    person.unwrap_or(&by.application_id)
}

fn caused_by(user: Option<&str>, application: &str) -> String {
    user.map_or_else(|| application.to_owned(), |user| format!("{user} ({application})"))
}
