//! `chaveiro user`: the users of the tenant, through the API, on the host as the operator and elsewhere as the person who is
//! signed in.

use anyhow::Result;
use chaveiro_core::permission::Permission;
use chaveiro_lang::{Text, text};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::args::{Common, User};
use crate::client::{GraphClient, succeeded};
use crate::lookup::USERS;
use crate::out::Out;
use crate::question::{Question, literal, segment};
use crate::verbs::device::client;
use crate::verbs::device_list::print;

const READ: &[Permission] = &[Permission::UserReadAll];
const WRITE: &[Permission] = &[Permission::UserReadWriteAll];
const READ_WITH_DEVICES: &[Permission] = &[Permission::UserReadAll, Permission::ManagedDevicesReadAll];

/// Most devices that are shown with their user.
const MOST_DEVICES: usize = 100;

const COLUMNS: [(Text, &str); 4] = [
    (text!("title-user"), "userPrincipalName"),
    (text!("title-name"), "displayName"),
    (text!("title-may-sign-in"), "accountEnabled"),
    (text!("title-id"), "id"),
];

const DEVICES: [(Text, &str); 4] = [
    (text!("title-name"), "deviceName"),
    (text!("title-system"), "operatingSystem"),
    (text!("title-last-sync"), "lastSyncDateTime"),
    (text!("title-id"), "id"),
];

pub(crate) async fn user(common: &Common, out: Out, verb: &User) -> Result<()> {
    match verb {
        User::Add { user, name, mail } => {
            let client = client(common, WRITE).await?;
            let made = add(&client, user, name.as_deref(), mail.as_deref()).await?;
            let id = made["id"].as_str().unwrap_or_default();
            out.say(text!("user-added", user = user, id = id), &shown(&made));
        }
        User::List { search, disabled, extent } => {
            let client = client(common, READ).await?;
            let mut question =
                Question::of(USERS).select(&["id", "userPrincipalName", "displayName", "accountEnabled"]);
            if let Some(text) = search {
                question = question.filter(of_text(text));
            }
            if *disabled {
                question = question.filter("accountEnabled eq false");
            }
            print(&client, out, question, extent, &COLUMNS).await?;
        }
        User::Show { user } => show(&client(common, READ_WITH_DEVICES).await?, out, user).await?,
        User::Disable { user } => {
            let changed = enable(&client(common, WRITE).await?, user, false).await?;
            out.say(text!("user-disabled", user = user), &changed);
        }
        User::Enable { user } => {
            let changed = enable(&client(common, WRITE).await?, user, true).await?;
            out.say(text!("user-enabled", user = user), &changed);
        }
        User::Delete { user } => {
            let client = client(common, WRITE).await?;
            let found = client.user(user).await?;
            client.expect(Method::DELETE, &path(&found), None).await?;
            out.say(text!("user-deleted", user = user), &json!({"id": found["id"], "deleted": true}));
        }
    }
    Ok(())
}

/// Makes a user. Without a name, it is the part of the principal name before the @.
async fn add(client: &GraphClient, user: &str, name: Option<&str>, mail: Option<&str>) -> Result<Value> {
    let name = name.unwrap_or_else(|| user.split('@').next().unwrap_or(user));
    let mail = mail.or_else(|| user.contains('@').then_some(user));
    let body = json!({"userPrincipalName": user, "displayName": name, "mail": mail, "accountEnabled": true});
    let (status, answer) = client.call(Method::POST, USERS, Some(&body)).await?;
    if status == StatusCode::CONFLICT || answer["error"]["innerError"]["chaveiro_code"] == "entityExists" {
        return Err(text!("user-there-already", user = user).into());
    }
    succeeded((status, answer))
}

async fn show(client: &GraphClient, out: Out, user: &str) -> Result<()> {
    let found = client.user(user).await?;
    let devices = Question::of(format!("{}/managedDevices", path(&found))).top(MOST_DEVICES);
    let devices = client.some(&devices).await?;
    if out.json {
        let mut value = shown(&found);
        value["managedDevices"] = devices.into();
        out.value(&value);
        return Ok(());
    }
    out.list(&COLUMNS, &[shown(&found)]);
    if !devices.is_empty() {
        out.list(&DEVICES, &devices);
    }
    Ok(())
}

async fn enable(client: &GraphClient, user: &str, enabled: bool) -> Result<Value> {
    let found = client.user(user).await?;
    client.expect(Method::PATCH, &path(&found), Some(&json!({"accountEnabled": enabled}))).await?;
    Ok(json!({"id": found["id"], "userPrincipalName": found["userPrincipalName"], "accountEnabled": enabled}))
}

/// The path of a user that was found.
fn path(user: &Value) -> String {
    format!("{USERS}/{}", segment(user["id"].as_str().unwrap_or_default()))
}

/// A filter for users with that text in one of their names.
fn of_text(text: &str) -> String {
    let contains = |property: &str| format!("contains({property},{})", literal(text));
    ["userPrincipalName", "displayName", "mail"].map(contains).join(" or ")
}

/// A user as machines read it. An account that was never disabled is enabled.
fn shown(user: &Value) -> Value {
    json!({
        "id": user["id"],
        "userPrincipalName": user["userPrincipalName"],
        "displayName": user["displayName"],
        "mail": user["mail"],
        "accountEnabled": user["accountEnabled"].as_bool().unwrap_or(true),
    })
}
