//! `chaveiro hold`: on the host straight in the data directory, elsewhere through the API, as the person who is signed in.

use anyhow::Result;
use chaveiro_core::hold::HoldKind;
use reqwest::Method;
use serde_json::{Value, json};

use crate::args::{Common, Hold};
use crate::client::{GraphClient, signed_in_elsewhere};
use crate::on_host;
use crate::out::Out;
use chaveiro_lang::{Text, text};

const HOLDS: &str = "/beta/deviceManagement/chaveiroHolds";

pub(crate) const COLUMNS: [(Text, &str); 8] = [
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
    match signed_in_elsewhere(common).await? {
        Some(client) => through(&client, out, verb).await,
        None => on_host::hold(common, out, verb).await,
    }
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

pub(crate) fn say_released(out: Out, hold: &Value) {
    let since = out.cell("placed", &hold["placed"]);
    let text = match hold["kind"] == HoldKind::Reading.name() {
        true => text!("reading-released", since = since),
        false => text!("hold-released", since = since),
    };
    out.say(text, hold);
}

/// A hold as machines read it, of what the API answers.
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

pub(crate) fn caused_by(user: Option<&str>, application: &str) -> String {
    user.map_or_else(|| application.to_owned(), |user| format!("{user} ({application})"))
}
