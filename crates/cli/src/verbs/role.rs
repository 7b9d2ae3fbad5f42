//! `chaveiro role`: on the host straight in the data directory, elsewhere through the API, as the person who is signed in.

use anyhow::{Result, bail};
use chaveiro_core::principal::{Principal, PrincipalKind};
use chaveiro_core::role::{ROLES, Role as RoleRow};
use chaveiro_core::scope_tag::Visibility;
use reqwest::Method;
use serde_json::{Value, json};

use crate::args::{Assign, Common, Role, name_to_add};
use crate::client::{GraphClient, signed_in_elsewhere};
use crate::on_host;
use crate::out::Out;
use chaveiro_lang::{Explain, Lang, Text, nearest, text};

const ASSIGNMENTS: &str = "/beta/deviceManagement/roleAssignments";

pub(crate) const COLUMNS: [(Text, &str); 5] = [
    (text!("title-role"), "role"),
    (text!("title-kind"), "kind"),
    (text!("title-for"), "principal"),
    (text!("title-tags"), "tags"),
    (text!("title-id"), "id"),
];

pub(crate) async fn role(common: &Common, out: Out, verb: &Role) -> Result<()> {
    match verb {
        Role::List => {
            let mut rows: Vec<_> = ROLES.iter().map(role_json).collect();
            if !out.json {
                for (row, role) in rows.iter_mut().zip(ROLES) {
                    row["about"] = about(role, out.lang).into();
                }
            }
            out.list(
                &[(text!("title-role"), "key"), (text!("title-name"), "name"), (text!("title-for"), "about")],
                &rows,
            );
            return Ok(());
        }
        Role::Show { role } => {
            let role = find(role)?;
            match out.json {
                true => out.value(&role_json(role)),
                false => {
                    out.paragraph(&format!("{} ({}): {}", role.name, role.key, about(role, out.lang)));
                    role.actions.iter().for_each(|action| out.line(&format!("  {action}")));
                }
            }
            return Ok(());
        }
        Role::Assign(_) | Role::Unassign { .. } | Role::Assignments => {}
    }
    match signed_in_elsewhere(common).await? {
        Some(client) => through(&client, out, verb).await,
        None => on_host::role(common, out, verb).await,
    }
}

async fn through(client: &GraphClient, out: Out, verb: &Role) -> Result<()> {
    match verb {
        Role::List | Role::Show { .. } => {}
        Role::Assign(asked) => {
            let (role, principal) = (find(&asked.role)?, principal(asked)?);
            if !asked.unknown_ok && principal.kind == PrincipalKind::User {
                require_known(client, &principal).await?;
            }
            let (scope_type, tags) = match scope(asked) {
                Visibility::All => ("allDevices", Value::Null),
                Visibility::Tagged(tags) => ("resourceScope", json!(tags)),
            };
            let body = json!({
                "roleDefinition@odata.bind": format!("/beta/deviceManagement/roleDefinitions('{}')", role.id),
                "members": [principal.text],
                "chaveiro_principalType": principal.kind,
                "scopeType": scope_type,
                "chaveiro_scopeTags": tags,
            });
            let made = client.expect(Method::POST, ASSIGNMENTS, Some(&body)).await?;
            let id = made["id"].as_str().unwrap_or_default();
            let text = text!("role-assigned", role = role.name, principal = &principal.text, id = id);
            out.say(text, &of_answer(&made, &json!(role.key)));
        }
        Role::Unassign { id } => {
            client.expect(Method::DELETE, &format!("{ASSIGNMENTS}/{id}"), None).await?;
            out.say(text!("role-unassigned"), &json!({"id": id, "removed": true}));
        }
        Role::Assignments => {
            let found = client.all(&format!("{ASSIGNMENTS}?$expand=roleDefinition")).await?;
            let row = |one: &Value| shown(out, of_answer(one, &one["roleDefinition"]["chaveiro_key"]));
            out.list(&COLUMNS, &found.iter().map(row).collect::<Vec<_>>());
        }
    }
    Ok(())
}

/// An assignment for a table, which says so when it is for all devices.
pub(crate) fn shown(out: Out, mut assignment: Value) -> Value {
    if !out.json && assignment["tags"].is_null() {
        assignment["tags"] = text!("all-devices").say(out.lang).into();
    }
    assignment
}

/// Refuses a user who is not known to the server, as far as the caller may look.
async fn require_known(client: &GraphClient, principal: &Principal) -> Result<()> {
    match client.known_user(&principal.text).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => {
            let near = client.users_near(&principal.text).await?;
            bail!(unknown_principal(principal, &near))
        }
        // Users who assign roles need no right to see users.
        Err(error) if is_not_allowed(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_not_allowed(error: &anyhow::Error) -> bool {
    let id = error.downcast_ref::<Text>().map(Text::id);
    matches!(id, Some("api-role-lacks-action" | "api-permission-missing" | "api-role-missing"))
}

/// The text for a name that is not known here: most are typing errors.
pub(crate) fn unknown_principal(principal: &Principal, near: &[String]) -> Text {
    let (name, names) = (&principal.text, near.join(", "));
    match (principal.kind, names.as_str()) {
        (PrincipalKind::Application, "") => text!("assigned-app-unknown", app = name),
        (PrincipalKind::Application, names) => text!("assigned-app-similar", app = name, names = names),
        (PrincipalKind::User | PrincipalKind::Group, "") => {
            text!("assigned-user-unknown", user = name, name = name_to_add(name))
        }
        (PrincipalKind::User | PrincipalKind::Group, names) => {
            text!("assigned-user-similar", user = name, names = names)
        }
    }
}

/// The purpose of a role, in that language.
fn about(role: &RoleRow, lang: Lang) -> String {
    text!("role-about", role = role.key).say(lang)
}

pub(crate) fn find(text: &str) -> Result<&'static RoleRow> {
    RoleRow::parse(text).explain(|| {
        let names = nearest(text, ROLES.iter().map(|role| role.key));
        match names.as_slice() {
            [] => text!("role-unknown", role = text),
            names => text!("role-unknown-similar", role = text, names = names.join(", ")),
        }
    })
}

pub(crate) fn principal(asked: &Assign) -> Result<Principal> {
    let named = [
        (PrincipalKind::User, &asked.user),
        (PrincipalKind::Group, &asked.group),
        (PrincipalKind::Application, &asked.app),
    ];
    let given = named.into_iter().find_map(|(kind, text)| Some(Principal::new(kind, text.as_deref()?)));
    given.filter(|principal| !principal.text.is_empty()).explain(|| text!("principal-missing"))
}

pub(crate) fn scope(asked: &Assign) -> Visibility {
    match asked.tags.is_empty() {
        true => Visibility::All,
        false => Visibility::Tagged(asked.tags.iter().cloned().collect()),
    }
}

fn role_json(role: &RoleRow) -> Value {
    let actions: Vec<_> = role.actions.iter().map(|action| action.name()).collect();
    json!({"key": role.key, "name": role.name, "about": role.about, "actions": actions})
}

/// An assignment as machines read it, of what the API answers, which does not say since when.
fn of_answer(assignment: &Value, role: &Value) -> Value {
    json!({
        "id": assignment["id"],
        "role": role,
        "kind": assignment["chaveiro_principalType"],
        "principal": assignment["members"][0],
        "tags": assignment["chaveiro_scopeTags"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_found_by_a_typing_error() {
        for (asked, role) in [
            ("helpdesk", "help-desk-operator"),
            ("help desk", "help-desk-operator"),
            ("help-dek-operator", "help-desk-operator"),
            ("breakglas", "break-glass"),
            ("readonly", "read-only-operator"),
        ] {
            assert_eq!(nearest(asked, ROLES.iter().map(|role| role.key)).first(), Some(&role), "{asked}");
        }
    }
}
