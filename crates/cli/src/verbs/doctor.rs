//! `chaveiro doctor`: what an operator should know or change, read from the data directory; nothing is changed.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::Result;
use chaveiro_auth::Reading;
use chaveiro_core::Timestamp;
use chaveiro_core::application::Application;
use chaveiro_core::caller::{Actor, ActorKind};
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{StoreError, View};
use chaveiro_core::principal::{Principal, PrincipalKind, RoleAssignment};
use chaveiro_server::Config;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::args::{Common, Doctor};
use crate::host::Host;
use crate::out::Out;
use crate::words;
use chaveiro_lang::{Explain, text};

/// The longest file that is read as a token, in bytes.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;

/// The number of events that are read from the store at once; and the most that can wait to be linked.
const PAGE: usize = 1000;
const MOST_UNCHAINED: usize = 1_000_000;

pub(crate) async fn doctor(common: &Common, out: Out, verb: &Doctor) -> Result<()> {
    match verb {
        Doctor::Tokens { token: Some(file), config } => one(common, out, file, config.as_deref()),
        Doctor::Tokens { token: None, .. } => all(common, out).await,
    }
}

/// Says what one token counts as.
fn one(common: &Common, out: Out, file: &Path, config: Option<&Path>) -> Result<()> {
    let config = Config::load(&common.data(), config, std::env::vars(), &Vec::new())?;
    let mut text = String::new();
    let read = match file == Path::new("-") {
        true => std::io::stdin().take(MAX_TOKEN_BYTES).read_to_string(&mut text),
        false => std::fs::File::open(file).and_then(|opened| opened.take(MAX_TOKEN_BYTES).read_to_string(&mut text)),
    };
    read.explain(|| text!("file-unreadable", file = file))?;
    let text = text.trim();
    let reading = Reading::of(text.strip_prefix("Bearer ").unwrap_or(text), &config.issuers);
    let reading = reading.map_err(|refusal| text!("token-unusable", refusal = words::of_token(refusal)))?;
    let kind = if reading.application { "application" } else { "person" };
    let value = json!({"countsAs": kind, "applicationId": reading.client, "subject": reading.subject});
    let (app, subject) = (&reading.client, reading.subject.as_deref().unwrap_or("–"));
    let said = match reading.application {
        true => text!("token-of-application", app = app, subject = subject),
        false => text!("token-of-person", app = app, subject = subject),
    };
    out.say(said, &value);
    Ok(())
}

/// Lists every application that is registered, has a role, or acted without a person.
async fn all(common: &Common, out: Out) -> Result<()> {
    let host = Host::open(common)?;
    let tenant = host.tenant(common.tenant.as_deref()).await?.id;
    let read = host
        .opened
        .store
        .read(move |view| Ok((view.applications(tenant)?, view.role_assignments(tenant)?, acted(view, tenant)?)));
    let (registered, assigned, acted) = read.await?;
    let mut rows = rows(&registered, &assigned, &acted);
    let foreign = rows.iter().any(|row| row["registered"] == false);
    if !out.json {
        for row in &mut rows {
            let is_registered = row["registered"] == true;
            let said = if is_registered { text!("stays-application") } else { text!("person-unless-proven") };
            row["countsAs"] = said.say(out.lang).into();
        }
    }
    let columns = [
        (text!("title-client-id"), "applicationId"),
        (text!("title-name"), "displayName"),
        (text!("title-role"), "roles"),
        (text!("title-events"), "events"),
        (text!("title-last-event"), "lastEvent"),
        (text!("title-counts-as"), "countsAs"),
    ];
    out.list(&columns, &rows);
    out.text(if foreign { text!("prove-applications") } else { text!("no-foreign-applications") });
    Ok(())
}

/// The acts of an application without a person.
struct Acted {
    application: Actor,
    events: u64,
    last: Timestamp,
}

/// The applications in the record of a tenant, by principal.
fn acted(view: &dyn View, tenant: TenantId) -> Result<BTreeMap<String, Acted>, StoreError> {
    let mut acted = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = view.chained_events(tenant, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.link.position;
        page.iter().for_each(|chained| note(&mut acted, &chained.event.body));
    }
    let waiting = view.unchained_events(MOST_UNCHAINED)?;
    waiting.iter().filter(|event| event.tenant == tenant).for_each(|event| note(&mut acted, &event.body));
    Ok(acted)
}

fn note(acted: &mut BTreeMap<String, Acted>, body: &str) {
    #[derive(Deserialize)]
    struct Event {
        at: Timestamp,
        actor: Actor,
    }
    // A damaged event is for `audit verify` to tell.
    let Ok(Event { at, actor }) = serde_json::from_str(body) else { return };
    if actor.kind != ActorKind::Application {
        return;
    }
    let name = principal(&actor.application_id);
    let known = acted.entry(name).or_insert(Acted { application: actor, events: 0, last: at });
    known.events += 1;
    known.last = known.last.max(at);
}

/// Client ids are compared as role assignments compare them.
fn principal(application: &str) -> String {
    Principal::new(PrincipalKind::Application, application).text
}

fn rows(registered: &[Application], assigned: &[RoleAssignment], acted: &BTreeMap<String, Acted>) -> Vec<Value> {
    let own: BTreeMap<_, _> = registered.iter().map(|application| (application.id.to_string(), application)).collect();
    let of_roles = assigned.iter().filter(|assignment| assignment.principal.kind == PrincipalKind::Application);
    let mut names: Vec<&String> = own.keys().chain(acted.keys()).collect();
    names.extend(of_roles.clone().map(|assignment| &assignment.principal.text));
    names.sort_by_key(|name| (own.contains_key(*name), *name));
    names.dedup();
    let row = |name: &String| {
        let (own, acted) = (own.get(name), acted.get(name));
        let roles = of_roles.clone().filter(|assignment| assignment.principal.text == *name);
        let said = acted.and_then(|acted| acted.application.application_name.clone());
        json!({
            "applicationId": acted.map_or(name, |acted| &acted.application.application_id),
            "displayName": own.map(|own| own.display_name.clone()).or(said),
            "registered": own.is_some(),
            "roles": roles.map(|assignment| assignment.role.key).collect::<Vec<_>>(),
            "events": acted.map_or(0, |acted| acted.events),
            "lastEvent": acted.map(|acted| acted.last.to_string()),
            "countsAs": if own.is_some() { "application" } else { "personUnlessProven" },
        })
    };
    names.into_iter().map(row).collect()
}
