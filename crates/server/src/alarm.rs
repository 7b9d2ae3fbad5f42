//! Telling people: a line in the log at once, and a post to an address, tried a few times away from any request.

use std::time::Duration;

use chaveiro_core::caller::Actor;
use chaveiro_core::ports::{Alarm, Alert};
use chaveiro_core::scope_tag::Visibility;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

/// Alerts that wait to be posted. More are logged and not posted: nothing that callers do may fill the memory.
const WAITING: usize = 256;

/// How often one is posted at the most.
const ATTEMPTS: u32 = 4;

/// The pause before the second attempt; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Logs alerts, and hands them to the post when there is an address.
pub(crate) struct Bell {
    post: Option<Sender<Value>>,
}

/// What the post works with; run it with [`deliver`].
pub(crate) struct Post {
    url: String,
    client: reqwest::Client,
    waiting: Receiver<Value>,
}

/// A bell, and its post when there is an address.
pub(crate) fn bell(url: Option<String>, client: &reqwest::Client) -> (Bell, Option<Post>) {
    let Some(url) = url else { return (Bell { post: None }, None) };
    let (sender, waiting) = mpsc::channel(WAITING);
    (Bell { post: Some(sender) }, Some(Post { url, client: client.clone(), waiting }))
}

impl Alarm for Bell {
    fn raise(&self, alert: Alert) {
        let told = document(&alert);
        // The names are stable: alarms are set on them.
        match &alert {
            Alert::HoldPlaced(hold) => tracing::error!(
                alert = "chaveiro.hold_placed",
                tenant.id = %hold.tenant,
                hold.id = %hold.id,
                counted = hold.counted,
                application.id = hold.caused_by.application_id,
                "recoveries are on hold: look at the audit record, then run chaveiro hold release"
            ),
            Alert::BreakGlassUsed { hold, tenant, actor, device, reason, .. } => tracing::error!(
                alert = "chaveiro.break_glass_used",
                tenant.id = %tenant,
                hold.id = %hold,
                device.id = %device,
                application.id = actor.application_id,
                reason,
                "a recovery passed a hold"
            ),
            Alert::RoleAssigned { assignment, actor } => tracing::warn!(
                alert = "chaveiro.role_assigned",
                tenant.id = %assignment.tenant,
                assignment.id = %assignment.id,
                role = assignment.role.key,
                application.id = actor.application_id,
                "a role was assigned through the API: if nobody expects it, run chaveiro role unassign"
            ),
        }
        if let Some(post) = &self.post
            && post.try_send(told).is_err()
        {
            tracing::error!("too many alerts wait to be posted; this one is in the log alone");
        }
    }
}

/// Posts what waits until the token is canceled.
pub(crate) async fn deliver(mut post: Post, stop: CancellationToken) {
    loop {
        let told = tokio::select! {
            () = stop.cancelled() => return,
            told = post.waiting.recv() => match told {
                Some(told) => told,
                None => return,
            },
        };
        tokio::select! {
            () = stop.cancelled() => tracing::error!("the server stops; an alert is in the log alone"),
            () = post.tell(&told) => {}
        }
    }
}

impl Post {
    async fn tell(&self, told: &Value) {
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS {
            let sent = self.client.post(&self.url).timeout(TIMEOUT).json(told).send().await;
            match sent.and_then(reqwest::Response::error_for_status) {
                Ok(_) => return,
                // The address may hold a secret of its receiver: it is not logged.
                Err(error) => tracing::warn!(attempt, error = %error.without_url(), "an alert was not taken"),
            }
            if attempt < ATTEMPTS {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
        tracing::error!("an alert could not be posted; it is in the log alone");
    }
}

/// The alert for machines; `text` is what chat systems show. No secret is in it.
fn document(alert: &Alert) -> Value {
    match alert {
        Alert::HoldPlaced(hold) => json!({
            "alert": "chaveiro.hold_placed",
            "text": format!("Chaveiro: recoveries of tenant {} are on hold after {}. Caused by {}.", hold.tenant, hold.counted, name(&hold.caused_by)),
            "tenant": hold.tenant,
            "hold": hold.id,
            "at": hold.placed.to_string(),
            "counted": hold.counted,
            "actor": hold.caused_by,
        }),
        Alert::BreakGlassUsed { hold, tenant, actor, device, reason, at } => json!({
            "alert": "chaveiro.break_glass_used",
            "text": format!("Chaveiro: {} passed the hold of tenant {tenant} for device {device}: {reason}", name(actor)),
            "tenant": tenant,
            "hold": hold,
            "at": at.to_string(),
            "device": device,
            "reason": reason,
            "actor": actor,
        }),
        Alert::RoleAssigned { assignment, actor } => {
            let (role, principal, tenant) = (assignment.role, &assignment.principal, assignment.tenant);
            let (where_to, tags) = match &assignment.scope {
                Visibility::All => ("on all devices".to_owned(), Value::Null),
                Visibility::Tagged(tags) => {
                    let named = tags.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                    (format!("on devices with the tags {named}"), json!(tags))
                }
            };
            json!({
                "alert": "chaveiro.role_assigned",
                "text": format!("Chaveiro: {} assigned the role {} in tenant {tenant} to the {} {} {where_to}.", name(actor), role.name, principal.kind.name(), principal.text),
                "tenant": tenant,
                "assignment": assignment.id,
                "at": assignment.created.to_string(),
                "role": role.key,
                "principalType": principal.kind,
                "principal": principal.text,
                "tags": tags,
                "actor": actor,
            })
        }
    }
}

fn name(actor: &Actor) -> &str {
    let user = actor.user_principal_name.as_deref().or(actor.user_id.as_deref());
    user.or(actor.application_name.as_deref()).unwrap_or(&actor.application_id)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::extract::State;
    use axum::routing::post;
    use chaveiro_core::Timestamp;
    use chaveiro_core::hold::Hold;
    use chaveiro_core::id::{AssignmentId, HoldId, TenantId};
    use chaveiro_core::rights::{Principal, PrincipalKind, RoleAssignment};
    use chaveiro_core::role::Role;
    use http::StatusCode;
    use uuid::Uuid;

    use super::*;

    fn placed(number: u128) -> Alert {
        Alert::HoldPlaced(Hold {
            id: HoldId(Uuid::from_u128(number)),
            tenant: TenantId(Uuid::from_u128(1)),
            placed: Timestamp::UNIX_EPOCH,
            caused_by: Actor::operator(),
            counted: 10,
            released: None,
        })
    }

    type Taken = (Arc<AtomicUsize>, mpsc::UnboundedSender<Value>);

    /// A receiver that refuses the first post.
    async fn receiver() -> (String, mpsc::UnboundedReceiver<Value>) {
        let (sender, taken) = mpsc::unbounded_channel();
        let take = |State((asked, sender)): State<Taken>, axum::Json(told): axum::Json<Value>| async move {
            if asked.fetch_add(1, Ordering::SeqCst) == 0 {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            let _ = sender.send(told);
            StatusCode::OK
        };
        let router = Router::new().route("/hook", post(take)).with_state((Arc::new(AtomicUsize::new(0)), sender));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, taken)
    }

    #[tokio::test]
    async fn an_alert_that_was_not_taken_is_posted_again() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (url, mut taken) = receiver().await;
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let (bell, post) = bell(Some(url), &client);
        let stop = CancellationToken::new();
        let delivering = tokio::spawn(deliver(post.expect("a post"), stop.clone()));
        bell.raise(placed(7));
        let told = taken.recv().await.expect("taken");
        assert_eq!((&told["alert"], &told["counted"]), (&json!("chaveiro.hold_placed"), &json!(10)));
        assert_eq!(told["hold"], json!(HoldId(Uuid::from_u128(7))));
        stop.cancel();
        delivering.await.expect("it ends");
    }

    #[test]
    fn whoever_is_told_of_an_assignment_learns_who_gave_what_to_whom_and_where() {
        let assigned = |scope| Alert::RoleAssigned {
            assignment: Box::new(RoleAssignment {
                id: AssignmentId(Uuid::from_u128(9)),
                tenant: TenantId(Uuid::from_u128(1)),
                display_name: None,
                description: None,
                role: Role::parse("help-desk-operator").expect("a role"),
                principal: Principal::new(PrincipalKind::User, "Bob@X"),
                scope,
                created: Timestamp::UNIX_EPOCH,
            }),
            actor: Actor { user_principal_name: Some("ana@x".to_owned()), ..Actor::operator() },
        };
        let told = document(&assigned(Visibility::Tagged(["lisbon".to_owned(), "porto".to_owned()].into())));
        let text = told["text"].as_str().expect("text");
        for word in ["ana@x", "Help Desk Operator", "the user bob@x", "lisbon, porto"] {
            assert!(text.contains(word), "{word} in {text}");
        }
        assert_eq!((&told["role"], &told["tags"]), (&json!("help-desk-operator"), &json!(["lisbon", "porto"])));
        let told = document(&assigned(Visibility::All));
        assert!(told["text"].as_str().is_some_and(|text| text.contains("all devices")) && told["tags"].is_null());
    }

    #[tokio::test]
    async fn raising_never_waits_however_many_alerts_there_are() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let (bell, post) = bell(Some("http://127.0.0.1:9/".to_owned()), &client);
        for number in 0..10 * WAITING as u128 {
            bell.raise(placed(number));
        }
        assert_eq!(post.expect("a post").waiting.len(), WAITING);
    }
}
