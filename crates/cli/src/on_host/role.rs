//! `chaveiro role` in the data directory.

use anyhow::{Result, bail};
use chaveiro_core::principal::{Principal, PrincipalKind, RoleAssignment};
use chaveiro_core::scope_tag::Visibility;
use chaveiro_lang::text;
use serde_json::{Value, json};

use crate::args::{Common, Role};
use crate::host::Host;
use crate::out::Out;
use crate::verbs::role::{COLUMNS, find, principal, scope, shown, unknown_principal};

pub(crate) async fn role(common: &Common, out: Out, verb: &Role) -> Result<()> {
    let host = Host::open(common)?;
    let tenant = host.tenant(common.tenant.as_deref()).await?.id;
    match verb {
        Role::List | Role::Show { .. } => {}
        Role::Assign(asked) => {
            let (role, principal) = (find(&asked.role)?, principal(asked)?);
            let unknown = host.is_unknown(tenant, &principal).await?;
            if unknown && !asked.unknown_ok {
                let near = host.principals_near(tenant, &principal).await?;
                bail!(unknown_principal(&principal, &near));
            }
            let assignment = host.assign_role(tenant, role, principal, scope(asked)).await?;
            let (principal, id) = (&assignment.principal.text, assignment.id.to_string());
            let text = text!("role-assigned", role = assignment.role.name, principal = principal, id = id);
            out.say(text, &assignment_json(&assignment));
            if unknown {
                say_unknown(out, &assignment.principal);
            }
        }
        Role::Unassign { id } => {
            host.unassign_role(tenant, *id).await?;
            out.say(text!("role-unassigned"), &json!({"id": id, "removed": true}));
        }
        Role::Assignments => {
            let found = host.opened.store.read(move |view| Ok(view.role_assignments(tenant)?)).await?;
            let rows: Vec<_> = found.iter().map(|found| shown(out, assignment_json(found))).collect();
            out.list(&COLUMNS, &rows);
        }
    }
    Ok(())
}

/// Says that a name was accepted although it is not known here.
fn say_unknown(out: Out, principal: &Principal) {
    match principal.kind {
        PrincipalKind::User => out.text(text!("unknown-user", user = &principal.text)),
        PrincipalKind::Application => out.text(text!("unknown-application", app = &principal.text)),
        PrincipalKind::Group => {}
    }
}

fn assignment_json(assignment: &RoleAssignment) -> Value {
    let tags = match &assignment.scope {
        Visibility::All => Value::Null,
        Visibility::Tagged(tags) => json!(tags),
    };
    json!({
        "id": assignment.id,
        "role": assignment.role.key,
        "kind": assignment.principal.kind,
        "principal": assignment.principal.text,
        "tags": tags,
        "created": assignment.created.to_string(),
    })
}
