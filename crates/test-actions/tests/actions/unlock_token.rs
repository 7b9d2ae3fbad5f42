//! The third way: the server makes a secret, seals it, sends it, and verifies it by another command. The tests also
//! cover the two other proofs by which an action ends well.

use std::time::Duration;

use axum::body::Bytes;
use chaveiro_core::action::{ActionState, Outcome};
use chaveiro_core::audit::Activity;
use chaveiro_core::command::{Delivery, DeviceCommand, Purpose, SecretRef};
use chaveiro_core::engine;
use chaveiro_core::escrow::{EscrowedSecret, SecretKind, Standing, UNTIL_REPLACED};
use chaveiro_core::id::{ActionId, DeviceId};
use chaveiro_core::ports::Replayer;
use chaveiro_core::steady::Ripeness;
use chaveiro_fleet::behavior::Behavior;
use chaveiro_fleet::windows::WindowsDevice;
use serde_json::json;

use crate::world::{Twice, World, path};

const TOKEN: &str = "./Device/Vendor/Chaveiro/Test/UnlockToken";

async fn ask(world: &World, device: DeviceId, action: &str) {
    let (status, answer) = world.call(&world.all(), "POST", &format!("{}/{action}", path(device))).await;
    assert_eq!(status, 204, "{answer}");
}

/// The value of a secret, in base64.
fn opened(world: &World, secret: &EscrowedSecret) -> String {
    let envelope = secret.envelope.as_deref().expect("an envelope");
    let value = world.keyring.replay(&secret.context, envelope).expect("opens");
    base64(value.expose_secret())
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

async fn deliveries(world: &World, action: ActionId) -> Vec<Delivery> {
    world.read(move |view| Ok(view.deliveries(action)?)).await
}

/// A device that has a secret of the server, which is in escrow.
async fn device_with_token(world: &World, number: u64) -> (WindowsDevice, DeviceId, EscrowedSecret) {
    let (mut device, id) = world.device(number).await;
    ask(world, id, "setUnlockToken").await;
    device.sync(&world.transport()).await.expect("a session");
    let (action, secrets) = world.newest(id).await;
    assert_eq!((action.state, action.outcome), (ActionState::Done, Some(Outcome::Replaced)));
    (device, id, secrets.into_iter().next().expect("a secret"))
}

#[tokio::test]
async fn the_server_makes_a_secret_seals_it_sends_it_and_verifies_it() {
    let world = World::new().await;
    let (device, id, secret) = device_with_token(&world, 1).await;
    let (action, secrets) = world.newest(id).await;
    assert_eq!((action.attempt, action.verified, secrets.len()), (1, Some(world.now()), 1));
    let facts = (secret.context.kind, secret.standing, secret.expires);
    assert_eq!(facts, (SecretKind::UnlockToken, Standing::Current, UNTIL_REPLACED));
    let value = opened(&world, &secret);
    assert_eq!(Some(value.as_str()), device.node(TOKEN));
    assert_eq!(value.len(), base64(&[0; 16 * 1024]).len());

    let record: Vec<_> = world.record(id).await.into_iter().filter(|event| event.action == Some(action.id)).collect();
    let activities: Vec<_> = record.iter().map(|event| event.activity).collect();
    use Activity::{ActionRequested, ActionSent, ActionSettled, SecretUsed};
    assert_eq!(activities, [ActionRequested, ActionSent, SecretUsed, ActionSent, SecretUsed, ActionSettled]);
    for used in record.iter().filter(|event| event.activity == SecretUsed) {
        assert!(used.details.contains(&("secret".to_owned(), secret.id.to_string())), "{used:?}");
        assert!(used.details.contains(&("kind".to_owned(), "unlockToken".to_owned())), "{used:?}");
    }
}

#[tokio::test]
async fn its_commands_refer_to_it_and_no_file_has_it_in_clear() {
    let world = World::new().await;
    let (mut device, id) = world.device(1).await;
    ask(&world, id, "setUnlockToken").await;
    let (action, secrets) = world.newest(id).await;
    assert_eq!(secrets, [], "it is made when the device comes for it");
    let queued = deliveries(&world, action.id).await;
    assert_eq!(queued[0].commands, [DeviceCommand::give("setUnlockToken", SecretKind::UnlockToken)]);

    // The answer that holds the value is the last of its session, and is stored.
    device.behavior = Behavior::LosesAnswer;
    device.sync(&world.transport()).await.expect_err("the connection breaks");
    let (_, secrets) = world.newest(id).await;
    let reference = SecretRef { action: action.id, id: secrets[0].id };
    let sent = deliveries(&world, action.id).await;
    assert_eq!(sent[0].commands[0].secret(), Some(reference));

    let value = device.node(TOKEN).expect("a token").to_owned();
    assert_eq!(opened(&world, &secrets[0]), value);
    let files = everything(&world);
    assert!(holds(&files, b"\"command\":\"give\""), "what is searched is what is stored");
    for at in (0..value.len() - 32).step_by(512) {
        assert!(!holds(&files, &value.as_bytes()[at..at + 32]), "at {at}");
    }
    let bytes = world.keyring.replay(&secrets[0].context, secrets[0].envelope.as_deref().expect("an envelope"));
    let bytes = bytes.expect("opens");
    for window in bytes.expose_secret().chunks(32) {
        assert!(!holds(&files, window));
    }
}

/// Every file of the world, including the log of the database.
fn everything(world: &World) -> Vec<Bytes> {
    let mut files = Vec::new();
    let mut open = vec![world.directory.path().to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => open.push(path),
                false => files.push(std::fs::read(path).expect("a file").into()),
            }
        }
    }
    files
}

fn holds(files: &[Bytes], part: &[u8]) -> bool {
    files.iter().any(|file| memchr::memmem::find(file, part).is_some())
}

#[tokio::test]
async fn a_repeated_message_gets_the_same_answer_and_makes_no_other_secret() {
    let world = World::new().await;
    let (mut device, id) = world.device(1).await;
    ask(&world, id, "setUnlockToken").await;
    device.sync(&Twice(world.transport())).await.expect("a session");
    let (action, secrets) = world.newest(id).await;
    assert_eq!((action.state, action.attempt, secrets.len()), (ActionState::Done, 1, 1));
    assert_eq!(Some(opened(&world, &secrets[0]).as_str()), device.node(TOKEN));
}

#[tokio::test]
async fn every_answer_of_a_device_has_its_outcome_and_what_it_has_is_in_escrow() {
    use ActionState::{Done, Failed, NotSupported};
    // The first session, then honest ones -> the end, in that attempt, with so many secrets.
    let table = [
        (Behavior::Honest, Done, Outcome::Replaced, 1, 1),
        // It took the secret, and its answer was lost: the server checks, and does not send it again.
        (Behavior::LosesAnswer, Done, Outcome::Replaced, 1, 1),
        (Behavior::WrongCommandRef, Done, Outcome::Replaced, 1, 1),
        // It took nothing: the check finds that out, and the server sends another.
        (Behavior::Aborts, Done, Outcome::Replaced, 2, 2),
        // It refuses, and took the secret all the same; it refuses the comparison, too.
        (Behavior::Contradicts, Failed, Outcome::OutcomeUnknown, 1, 1),
        (Behavior::NotSupported, NotSupported, Outcome::FeatureAbsent, 1, 1),
        // It refuses both, and took nothing: the server cannot tell it from the previous case.
        (Behavior::Fails, Failed, Outcome::OutcomeUnknown, 1, 1),
    ];
    let world = World::new().await;
    for (number, (behavior, state, outcome, attempt, count)) in (1..).zip(table) {
        let (mut device, id) = world.device(number).await;
        ask(&world, id, "setUnlockToken").await;
        device.behavior = behavior;
        // Some of these sessions end in an error for the device, as intended.
        let _ = device.sync(&world.transport()).await;
        device.behavior = Behavior::Honest;
        for _ in 0..3 {
            device.sync(&world.transport()).await.expect("an honest session");
        }
        let (action, secrets) = world.newest(id).await;
        let ended = (action.state, action.outcome, action.attempt, secrets.len());
        assert_eq!(ended, (state, Some(outcome), attempt, count), "{behavior:?}");
        let escrowed: Vec<_> = secrets.iter().map(|secret| opened(&world, secret)).collect();
        assert!(device.node(TOKEN).is_none_or(|token| escrowed.iter().any(|of| of == token)), "{behavior:?}");
        let current: Vec<_> = secrets.iter().filter(|secret| secret.standing == Standing::Current).collect();
        assert_eq!(current.len(), usize::from(state == Done), "{behavior:?}");
        for secret in current {
            assert_eq!(Some(opened(&world, secret).as_str()), device.node(TOKEN), "{behavior:?}");
        }
    }
}

#[tokio::test]
async fn an_older_secret_stays_until_a_newer_one_has_replaced_it() {
    let world = World::new().await;
    let (mut device, id, first) = device_with_token(&world, 1).await;
    let (tenant, of_first) = (world.tenant, first.context.action);
    let kept = || world.read(move |view| Ok(view.secrets(tenant, of_first)?.remove(0).expires));
    for action in ["recoverPasscode", "ping"] {
        ask(&world, id, action).await;
        device.sync(&world.transport()).await.expect("a session");
        assert_eq!(kept().await, UNTIL_REPLACED, "{action} replaces no unlock token");
    }
    ask(&world, id, "setUnlockToken").await;
    device.behavior = Behavior::Fails;
    device.sync(&world.transport()).await.expect("a session");
    assert_eq!(kept().await, UNTIL_REPLACED, "what failed replaces nothing");
    device.behavior = Behavior::Honest;
    ask(&world, id, "setUnlockToken").await;
    device.sync(&world.transport()).await.expect("a session");
    assert!(kept().await < UNTIL_REPLACED);
    let (_, secrets) = world.newest(id).await;
    assert_eq!((secrets[0].expires, secrets[0].standing), (UNTIL_REPLACED, Standing::Current));
}

#[tokio::test]
async fn a_secret_that_is_read_while_it_is_being_set_stays_with_its_action() {
    let world = World::new().await;
    let (mut device, id) = world.device(1).await;
    for action in ["setUnlockToken", "readUnlockToken"] {
        ask(&world, id, action).await;
    }
    // It is given, read, and only then compared.
    device.sync(&world.transport()).await.expect("a session");
    let tenant = world.tenant;
    let (kept, actions) = world
        .read(move |view| {
            let actions = view.actions(tenant, id, 2)?;
            Ok((view.secrets_of(tenant, &[actions[0].id, actions[1].id])?, actions))
        })
        .await;
    let outcomes: Vec<_> = actions.iter().map(|action| action.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Revealed), Some(Outcome::Replaced)]);
    let staying: Vec<_> = kept.iter().filter(|secret| secret.expires == UNTIL_REPLACED).collect();
    let [secret] = staying[..] else { panic!("{staying:?}") };
    assert_eq!((secret.standing, secret.context.action), (Standing::Current, actions[1].id));
    assert_eq!(Some(opened(&world, secret).as_str()), device.node(TOKEN));
}

#[tokio::test]
async fn one_that_may_have_changed_its_device_does_not_expire() {
    let world = World::new().await;
    let (mut device, id) = world.device(1).await;
    ask(&world, id, "setUnlockToken").await;
    device.behavior = Behavior::LosesAnswer;
    device.sync(&world.transport()).await.expect_err("the connection breaks");
    let later = world.now() + Duration::from_secs(400 * 86_400);
    let ended = world.store.write(move |unit| engine::expire(unit, &Ripeness::at_once(later), 10));
    assert_eq!(ended.await.expect("looked at"), 0);
    assert_eq!(world.newest(id).await.0.state, ActionState::Active);
}

#[tokio::test]
async fn a_secret_that_the_server_could_not_open_is_not_asked_for() {
    let world = World::new().await;
    let (_, id, _) = device_with_token(&world, 1).await;
    let post = async |action: &str| world.call(&world.all(), "POST", &format!("{}/{action}", path(id))).await;
    // A key that is missing without a word refuses every recovery: that refusal is the one of the probe.
    world.move_key(true);
    let (status, probe) = post("recoverPasscode").await;
    assert_eq!(status, 503, "{probe}");
    world.move_key(false);

    world.set_key_away(true).await;
    let before = (world.record(id).await.len(), world.newest(id).await.0.id);
    for action in ["setUnlockToken", "clearUnlockToken"] {
        let (status, answer) = post(action).await;
        let said = |answer: &serde_json::Value| (answer["error"]["code"].clone(), answer["error"]["message"].clone());
        assert_eq!((status, said(&answer)), (503, said(&probe)), "{action}");
    }
    let after = (world.record(id).await.len(), world.newest(id).await.0.id);
    assert_eq!(after, before, "nothing is accepted or recorded");
    for action in ["recoverPasscode", "ping", "readUnlockToken"] {
        assert_eq!(post(action).await.0, 204, "{action} sends no secret");
    }
    world.set_key_away(false).await;
    assert_eq!(post("setUnlockToken").await.0, 204);
}

#[tokio::test]
async fn one_that_waits_while_the_key_goes_is_neither_made_nor_sent() {
    let world = World::new().await;
    let (mut device, id) = world.device(1).await;
    ask(&world, id, "setUnlockToken").await;
    world.set_key_away(true).await;
    let report = device.sync(&world.transport()).await.expect("a session");
    assert_eq!(report.commands, []);
    let (action, secrets) = world.newest(id).await;
    assert_eq!((action.state, secrets), (ActionState::Pending, vec![]));
    world.set_key_away(false).await;
    device.sync(&world.transport()).await.expect("a session");
    assert_eq!(world.newest(id).await.0.outcome, Some(Outcome::Replaced));
}

#[tokio::test]
async fn no_person_is_shown_it() {
    let world = World::new().await;
    let (_, id, _) = device_with_token(&world, 1).await;
    let (status, seen) = world.call(&world.all(), "GET", &format!("{}?$select=deviceActionResults", path(id))).await;
    let result = &seen["deviceActionResults"][0];
    assert_eq!((status, &result["actionName"]), (200, &json!("setUnlockToken")), "{seen}");
    assert_eq!(result["chaveiro_outcome"], "replaced");
    assert!(result.get("passcode").is_none(), "{seen}");
    assert!(result["chaveiro_verifiedDateTime"].is_string(), "{seen}");
    assert!(world.record(id).await.iter().all(|event| event.activity != Activity::PasscodeDisclosed));
}

#[tokio::test]
async fn what_is_removed_was_seen_to_be_gone_and_used_the_secret_of_another_action() {
    let world = World::new().await;
    let (mut device, id, token) = device_with_token(&world, 1).await;
    ask(&world, id, "clearUnlockToken").await;
    device.behavior = Behavior::LosesAnswer;
    device.sync(&world.transport()).await.expect_err("the connection breaks");
    assert_eq!(world.newest(id).await.0.state, ActionState::Active, "it was not disclosed");
    device.behavior = Behavior::Honest;
    device.sync(&world.transport()).await.expect("a session");
    let (action, secrets) = world.newest(id).await;
    assert_eq!((action.state, action.outcome), (ActionState::Done, Some(Outcome::Removed)));
    assert_eq!((secrets, device.node(TOKEN)), (vec![], None));
    let sent = deliveries(&world, action.id).await;
    assert_eq!(sent[0].commands[0].secret(), Some(SecretRef { action: token.context.action, id: token.id }));
    assert_eq!(sent.iter().map(|of| of.purpose).collect::<Vec<_>>(), [Purpose::Act, Purpose::Verify]);
    let used: Vec<_> = world.record(id).await.into_iter().filter(|of| of.action == Some(action.id)).collect();
    assert_eq!(used.iter().filter(|event| event.activity == Activity::SecretUsed).count(), 1);
}

#[tokio::test]
async fn what_needs_a_secret_that_is_not_there_ends_and_its_device_is_not_asked() {
    let world = World::new().await;
    let (mut device, id) = world.device(1).await;
    ask(&world, id, "clearUnlockToken").await;
    let report = device.sync(&world.transport()).await.expect("a session");
    assert_eq!(report.commands, []);
    let (action, _) = world.newest(id).await;
    assert_eq!((action.state, action.outcome), (ActionState::NotSupported, Some(Outcome::NoSecret)));
    // The secret of another device is not its own.
    device_with_token(&world, 2).await;
    ask(&world, id, "clearUnlockToken").await;
    let report = device.sync(&world.transport()).await.expect("a session");
    assert_eq!(report.commands, []);
}

#[tokio::test]
async fn what_is_revealed_is_in_escrow() {
    let world = World::new().await;
    let (mut device, id) = world.device(1).await;
    ask(&world, id, "readUnlockToken").await;
    device.sync(&world.transport()).await.expect("a session");
    let (action, secrets) = world.newest(id).await;
    assert_eq!((action.outcome, secrets), (Some(Outcome::FeatureAbsent), vec![]), "it has none");

    let (mut device, id, set) = device_with_token(&world, 2).await;
    ask(&world, id, "readUnlockToken").await;
    device.sync(&world.transport()).await.expect("a session");
    let (action, secrets) = world.newest(id).await;
    assert_eq!((action.state, action.outcome), (ActionState::Done, Some(Outcome::Revealed)));
    assert_eq!((secrets.len(), secrets[0].context.kind), (1, SecretKind::UnlockToken));
    assert_eq!(opened(&world, &secrets[0]), opened(&world, &set));
    assert_ne!(secrets[0].envelope, set.envelope, "it is sealed again, for its own action");
}
