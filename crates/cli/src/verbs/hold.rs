//! `chaveiro hold`: on the host straight in the data directory, elsewhere through the API, as whoever is signed in.

use std::time::Duration;

use anyhow::Result;
use chaveiro_core::hold::{Hold as HoldRow, MOST};
use reqwest::Method;
use serde_json::{Value, json};

use crate::args::{Common, Hold};
use crate::client::{GraphClient, signed_in_elsewhere};
use crate::host::Host;
use crate::out::Out;
use crate::text::{Complaint, Text};

const HOLDS: &str = "/beta/deviceManagement/chaveiroHolds";

const COLUMNS: [(&str, &str); 6] = [
    ("Since", "placed"),
    ("After", "counted"),
    ("Caused by", "causedBy"),
    ("Released", "released"),
    ("Reason", "reason"),
    ("Id", "id"),
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
        Hold::Release { minutes, reason } => {
            let quiet = minutes.map(|minutes| Duration::from_secs(minutes.saturating_mul(60)));
            let hold = host.release_hold(tenant, quiet, reason.clone()).await?;
            out.say(Text::HoldReleased, &[&hold.placed.to_string()], &of_row(&hold));
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
        Hold::Release { minutes, reason } => {
            let standing = client.all(&format!("{HOLDS}?$filter=isReleased%20eq%20false")).await?;
            let id = standing.first().and_then(|hold| hold["id"].as_str());
            let path = format!("{HOLDS}/{}", id.ok_or_else(Complaint::no_hold)?);
            let body = json!({"reason": reason, "quietMinutes": minutes});
            client.expect(Method::POST, &format!("{path}/release"), Some(&body)).await?;
            let hold = of_answer(&client.expect(Method::GET, &path, None).await?);
            out.say(Text::HoldReleased, &[hold["placed"].as_str().unwrap_or_default()], &hold);
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
        "placed": hold.placed.to_string(),
        "counted": hold.counted,
        "causedBy": caused_by(user, application),
        "released": release.map(|release| release.at.to_string()),
        "quietUntil": release.and_then(|release| release.quiet_until).map(|until| until.to_string()),
        "reason": release.and_then(|release| release.reason.clone()),
    })
}

/// The same of what the API answers.
fn of_answer(hold: &Value) -> Value {
    let user = hold["causedByUserPrincipalName"].as_str().or(hold["causedByUserId"].as_str());
    json!({
        "id": hold["id"],
        "placed": hold["placedDateTime"],
        "counted": hold["countedRecoveries"],
        "causedBy": caused_by(user, hold["causedByApplicationId"].as_str().unwrap_or_default()),
        "released": hold["releasedDateTime"],
        "quietUntil": hold["quietUntilDateTime"],
        "reason": hold["reason"],
    })
}

fn caused_by(user: Option<&str>, application: &str) -> String {
    user.map_or_else(|| application.to_owned(), |user| format!("{user} ({application})"))
}
