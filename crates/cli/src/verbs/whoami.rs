//! `chaveiro whoami`: the caller, the server, and what the caller may do there.

use std::collections::BTreeSet;

use anyhow::Result;
use chaveiro_lang::{Text, text};
use reqwest::Method;
use serde_json::{Value, json};

use crate::args::Common;
use crate::client::{GraphClient, signed_in_elsewhere};
use crate::on_host;
use crate::out::Out;
use crate::session::Session;

const USERINFO: &str = "/oidc/userinfo";

const ROLES: [(Text, &str); 2] = [(text!("title-role"), "role"), (text!("title-tags"), "tags")];

pub(crate) async fn whoami(common: &Common, out: Out) -> Result<()> {
    match signed_in_elsewhere(common).await? {
        Some(client) => signed_in(&client, out).await,
        None => on_host::whoami(common, out).await,
    }
}

/// A person who is signed in to a server.
async fn signed_in(client: &GraphClient, out: Out) -> Result<()> {
    let told = client.expect(Method::GET, USERINFO, None).await?;
    let until = Session::load()?.and_then(|session| session.until);
    let value = json!({
        "kind": told["chaveiro_kind"],
        "user": told["preferred_username"],
        "userId": told["oid"],
        "displayName": told["name"],
        "server": client.server(),
        "tenant": told["chaveiro_tenant"],
        "tenantId": told["tid"],
        "roles": told["chaveiro_roles"],
        "actions": told["chaveiro_actions"],
        "sessionUntil": until.map(|until| until.to_string()),
    });
    if out.json {
        out.value(&value);
        return Ok(());
    }
    let plain = |name: &str| value[name].as_str().unwrap_or("?").to_owned();
    out.text(match value["displayName"].as_str() {
        Some(name) => text!("whoami-named", user = plain("user"), name = name),
        None => text!("whoami-user", user = plain("user")),
    });
    out.text(text!("whoami-where", server = client.server(), tenant = plain("tenant"), id = plain("tenantId")));
    if let Some(until) = until {
        out.text(text!("whoami-until", until = until));
    }
    say_rights(out, &value);
    Ok(())
}

fn say_rights(out: Out, value: &Value) {
    let roles = value["roles"].as_array().map(Vec::as_slice).unwrap_or_default();
    if roles.is_empty() {
        return out.text(text!("whoami-without-role"));
    }
    let row = |role: &Value| {
        let all = || text!("all-devices").say(out.lang).into();
        json!({"role": role["role"], "tags": if role["tags"].is_null() { all() } else { role["tags"].clone() }})
    };
    out.list(&ROLES, &roles.iter().map(row).collect::<Vec<_>>());
    let actions: Vec<_> = value["actions"].as_array().into_iter().flatten().map(right).collect();
    out.text(text!("whoami-may", rights = actions));
}

/// A right in words, with the tags of its devices.
fn right(allowed: &Value) -> Text {
    let right = right_of(allowed["action"].as_str().unwrap_or_default());
    let tags: BTreeSet<_> = allowed["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match allowed["tags"].is_null() {
        true => right,
        false => {
            let tags = tags.into_iter().collect::<Vec<_>>().join(", ");
            text!("right-on", right = right, tags = tags)
        }
    }
}

/// The right that a role action gives, in words.
pub(crate) fn right_of(action: &str) -> Text {
    text!("right", code = right_code(action))
}

/// The name of a role action as the catalogues know it.
fn right_code(action: &str) -> &str {
    action.strip_prefix("Microsoft.Intune_").unwrap_or(action)
}

#[cfg(test)]
mod tests {
    use chaveiro_core::role::RoleAction;
    use chaveiro_lang::Lang;

    use super::*;

    #[test]
    fn every_right_has_words_in_every_language() {
        for lang in Lang::all() {
            for action in RoleAction::ALL {
                let words = right(&json!({"action": action.name(), "tags": null})).say(lang);
                assert_ne!(words, right_code(action.name()), "{lang:?}");
            }
        }
        let on = right(&json!({"action": "Chaveiro_Users_Read", "tags": ["porto", "lisbon"]}));
        assert_eq!(on.say(Lang::english()), "see users (devices tagged lisbon, porto)");
    }
}
