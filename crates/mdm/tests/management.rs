//! Management sessions: the outcome of every behaviour, repeats, and failures.

use crate::world::{self, BASE, InProcess, World};
use chaveiro_core::action::{ActionState, Outcome};
use chaveiro_core::actions::keeps_uncertain_value;
use chaveiro_core::audit::Activity;
use chaveiro_core::caller::ActorKind;
use chaveiro_core::decisions::ask::Begun;
use chaveiro_core::device::ManagementState;
use chaveiro_core::escrow::Standing;
use chaveiro_core::ports::Decided::{Done, RefusedAndRecorded};
use chaveiro_core::ports::Unsealer;
use chaveiro_core::refusal::DeviceRefusal;
use chaveiro_fleet::behavior::Behavior;
use chaveiro_fleet::transport::{Request, Response, Transport, TransportError};
use chaveiro_fleet::windows::WindowsDevice;
use chaveiro_mdm::MANAGEMENT_PATH;
use omadm::Limits;
use omadm::syncml::{self, CONTENT_TYPE};

#[tokio::test]
async fn a_recovery_ends_with_the_devices_own_pin_in_escrow() {
    let world = World::new().await;
    assert_eq!(world.keyring.ready(world.tenant), 0);
    let mut device = world.enrolled(7).await;
    assert!(world.keyring.ready(world.tenant) > 0, "the next value costs its unit of work little");
    let id = world.device_of(&device).await.id;
    let before = device.pin().to_owned();
    _ = world.ask(id).await;
    assert_eq!(world.newest(id).await.0.state, ActionState::Pending);
    device.sync(&world.transport()).await.expect("a session");
    let (action, secrets) = world.newest(id).await;
    assert_eq!(
        (action.state, action.outcome, action.device_status),
        (ActionState::Done, Some(Outcome::Replaced), Some(200))
    );
    let [secret] = secrets.as_slice() else { panic!("{} secrets", secrets.len()) };
    let envelope = secret.envelope.as_deref().expect("an envelope");
    let passcode = world.keyring.unseal(&secret.context, envelope).map(|passcode| passcode.expose_secret().to_owned());
    assert_eq!(passcode.expect("opens"), device.pin());
    assert_ne!(before, device.pin());
}

#[tokio::test]
async fn the_client_certificate_is_enough_and_so_is_the_digest() {
    let world = World::new().await;
    let mut device = world.enrolled(7).await;
    let by_digest = device.sync(&world.transport()).await.expect("a session");
    let certified = world.certified(&device.account);
    let by_certificate = device.sync(&certified).await.expect("a session");
    assert_eq!((by_digest.messages, by_certificate.messages), (2, 1), "only the digest needs a challenge");
}

#[tokio::test]
async fn every_behaviour_of_a_device_has_the_outcome_of_the_table() {
    use ActionState::{Active, Done, Failed, NotSupported};
    // After one session, and then as many honest ones as needed.
    let table = [
        (Behavior::Honest, Done, Done, Some(Outcome::Replaced), 1),
        (Behavior::NotSupported, NotSupported, NotSupported, Some(Outcome::FeatureAbsent), 0),
        (Behavior::Fails, Failed, Failed, Some(Outcome::DeviceRefused), 0),
        (Behavior::WithholdsValue, Failed, Failed, Some(Outcome::ValueNotDelivered), 0),
        (Behavior::Contradicts, Failed, Failed, Some(Outcome::Contradictory), 1),
        (Behavior::DropsResults, Failed, Failed, Some(Outcome::ValueNotDelivered), 0),
        (Behavior::DropsStatuses, Active, Failed, Some(Outcome::Uncertain), 1),
        (Behavior::RepeatsResults, Done, Done, Some(Outcome::Replaced), 2),
        (Behavior::LosesAnswer, Active, Done, Some(Outcome::Replaced), 1),
        (Behavior::Aborts, Active, Done, Some(Outcome::Replaced), 1),
        (Behavior::WrongMessageRef, Active, Done, Some(Outcome::Replaced), 1),
        (Behavior::WrongCommandRef, Active, Done, Some(Outcome::Replaced), 1),
        (Behavior::Accepts, Failed, Failed, Some(Outcome::Uncertain), 1),
        (Behavior::FailsReading, Failed, Failed, Some(Outcome::Uncertain), 1),
        (Behavior::Chunks, Done, Done, Some(Outcome::Replaced), 1),
        (Behavior::LosesLastChunk, Failed, Failed, Some(Outcome::ValueNotDelivered), 0),
        (Behavior::WrongSize, Failed, Failed, Some(Outcome::ValueNotDelivered), 0),
        (Behavior::ForeignNode, Failed, Failed, Some(Outcome::ValueNotDelivered), 0),
        (Behavior::NamelessNode, Failed, Failed, Some(Outcome::Uncertain), 1),
        (Behavior::WrongFormat, Failed, Failed, Some(Outcome::Uncertain), 1),
        (Behavior::UuidIds, Done, Done, Some(Outcome::Replaced), 1),
        (Behavior::SplitsPackage, Done, Done, Some(Outcome::Replaced), 1),
        (Behavior::LateResults, Failed, Failed, Some(Outcome::Uncertain), 1),
    ];
    assert_eq!(table.len(), Behavior::ALL.len());
    for (number, (behavior, first, last, outcome, kept)) in (1..).zip(table) {
        let world = World::new().await;
        let mut device = world.enrolled(number).await;
        let id = world.device_of(&device).await.id;
        _ = world.ask(id).await;
        device.behavior = behavior;
        // Some of these sessions end in an error for the device, as intended.
        let _ = device.sync(&world.transport()).await;
        assert_eq!(world.newest(id).await.0.state, first, "{behavior:?}, first session");
        device.behavior = Behavior::Honest;
        for _ in 0..3 {
            device.sync(&world.transport()).await.expect("an honest session");
        }
        let (action, secrets) = world.newest(id).await;
        assert_eq!((action.state, action.outcome), (last, outcome), "{behavior:?}, in the end");
        assert_eq!(secrets.len(), kept, "{behavior:?}");
        let current = secrets.iter().filter(|secret| secret.standing == Standing::Current).count();
        assert_eq!(current, usize::from(last == Done), "{behavior:?}");
        // The passcode that opens the device now is in the result, or available with a warning.
        let reached = secrets.iter().find(|secret| secret.standing != Standing::History);
        assert_eq!(reached.is_some(), last == Done || keeps_uncertain_value(&action), "{behavior:?}");
        if let Some(secret) = reached {
            let envelope = secret.envelope.as_deref().expect("an envelope");
            let opened = world.keyring.unseal(&secret.context, envelope);
            assert_eq!(opened.expect("opens").expose_secret(), device.pin(), "{behavior:?}");
        }
    }
}

#[tokio::test]
async fn one_recovery_is_open_at_a_time_and_another_can_follow() {
    let world = World::new().await;
    let mut device = world.enrolled(7).await;
    let id = world.device_of(&device).await.id;
    let Done(Begun::Opened(first)) = world.ask(id).await else { panic!("not opened") };
    assert_eq!(world.ask(id).await, Done(Begun::AlreadyOpen(first)));
    let report = device.sync(&world.transport()).await.expect("a session");
    assert_eq!(report.commands.len(), 2, "one Exec, one Get");
    assert!(matches!(world.ask(id).await, Done(Begun::Opened(second)) if second != first));
}

#[tokio::test]
async fn a_device_that_a_user_unenrols_is_told_as_such_until_it_enrols_again() {
    let world = World::new().await;
    let mut device = world.enrolled(7).await;
    let id = world.device_of(&device).await.id;
    _ = world.ask(id).await;
    device.unenroll(&world.transport()).await.expect("a session");
    let told = world.last_told(id).await;
    assert_eq!((told.activity, told.actor.kind), (Activity::DeviceUnenrolled, ActorKind::Device));
    let row = world.device_of(&device).await;
    assert_eq!(row.management_state, ManagementState::Unenrolled);
    let (action, _) = world.newest(id).await;
    assert_eq!((action.state, action.outcome), (ActionState::Canceled, Some(Outcome::Unenrolled)));
    assert!(matches!(world.ask(id).await, RefusedAndRecorded(_)));
    assert!(device.sync(&world.certified(&device.account)).await.is_err());
    assert_eq!(world.retire(row).await, Some(DeviceRefusal::RetiredBefore.into()), "it is not managed");
    assert_eq!(world.device_of(&device).await.management_state, ManagementState::Unenrolled);

    let token = world.token_for(None, Some(id)).await;
    let again = world.enroll_over(&world.transport(), 7, &token).await.expect("enrolled");
    let row = world.device_of(&again).await;
    assert_eq!((row.id, row.management_state), (id, ManagementState::Managed));
}

#[tokio::test]
async fn a_device_that_an_administrator_retires_is_told_as_retired() {
    let world = World::new().await;
    let device = world.enrolled(7).await;
    let row = world.device_of(&device).await;
    let id = row.id;
    _ = world.ask(id).await;
    assert_eq!(world.retire(row).await, None);
    assert_eq!(world.device_of(&device).await.management_state, ManagementState::RetireIssued);
    assert_eq!(world.newest(id).await.0.outcome, Some(Outcome::Retired));
    assert_eq!(world.last_told(id).await.activity, Activity::DeviceRetired);
}

#[tokio::test]
async fn the_alert_of_a_real_windows_inside_of_other_alerts_unenrols_the_device() {
    let world = World::new().await;
    let mut device = world.enrolled(7).await;
    device.sync(&world.certified(&device.account)).await.expect("a session");
    let source = &device.hardware.oma_device_id;
    // As Windows 11 26200 sends it, behind the alerts that open a session.
    let message = format!(
        r#"<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>9</SessionID><MsgID>1</MsgID><Target><LocURI>{BASE}{MANAGEMENT_PATH}</LocURI></Target><Source><LocURI>{source}</LocURI></Source></SyncHdr><SyncBody><Alert><CmdID>2</CmdID><Data>1201</Data></Alert><Alert><CmdID>3</CmdID><Data>1224</Data><Item><Meta><Type xmlns="syncml:metinf">com.microsoft/MDM/LoginStatus</Type></Meta><Data>user</Data></Item></Alert><Alert><CmdID>4</CmdID><Data>1226</Data><Item><Meta><Type xmlns="syncml:metinf">com.microsoft:mdm.unenrollment.userrequest</Type><Format xmlns="syncml:metinf">int</Format><Mark xmlns="syncml:metinf">critical</Mark></Meta><Data>1</Data></Item></Alert><Final/></SyncBody></SyncML>"#
    );
    let url = format!("{BASE}{MANAGEMENT_PATH}");
    let request = Request { method: "POST", url, content_type: Some(CONTENT_TYPE), body: message.into_bytes() };
    let response = world.certified(&device.account).send(request).await.expect("an answer");
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    assert_eq!(world.device_of(&device).await.management_state, ManagementState::Unenrolled);
}

/// Records requests and answers, and sends each request a second time.
struct Twice(InProcess, std::sync::Mutex<Vec<(Vec<u8>, Vec<u8>)>>);

impl Transport for Twice {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let Request { method, url, content_type, body } = request;
        let send = || self.0.send(Request { method, url: url.clone(), content_type, body: body.clone() });
        let (first, second) = (send().await?, send().await?);
        assert_eq!(first.body, second.body, "an identical repeat gets the identical answer");
        self.1.lock().expect("the list").push((body.clone(), first.body.clone()));
        Ok(first)
    }
}

#[tokio::test]
async fn an_identical_repeat_gets_the_identical_answer_and_has_no_second_effect() {
    let world = World::new().await;
    let mut device = world.enrolled(7).await;
    let id = world.device_of(&device).await.id;
    _ = world.ask(id).await;
    let transport = Twice(world.certified(&device.account), std::sync::Mutex::default());
    device.sync(&transport).await.expect("a session");
    let (action, secrets) = world.newest(id).await;
    assert_eq!((action.state, secrets.len()), (ActionState::Done, 1));
    let exchanges = transport.1.into_inner().expect("the list");
    let text = exchanges.iter().map(|(asked, answered)| {
        let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("><", ">\n<");
        format!("DEVICE\n{}\n\nSERVER\n{}\n", lines(asked), lines(answered))
    });
    insta::assert_snapshot!("a_recovery_on_the_wire", text.collect::<Vec<_>>().join("\n"));
}

/// An unsigned first message of that device.
fn first_message(source: &str) -> String {
    format!(
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>9</SessionID>\
         <MsgID>1</MsgID><Target><LocURI>x</LocURI></Target><Source><LocURI>{source}</LocURI></Source></SyncHdr><SyncBody>\
         <Alert><CmdID>1</CmdID><Data>1201</Data></Alert><Final/></SyncBody></SyncML>"
    )
}

fn header_status(answer: &[u8]) -> u16 {
    let message = syncml::decode(answer, Limits::MESSAGE).expect("an answer");
    message.header_status().expect("a status").code
}

#[tokio::test]
async fn a_certificate_for_another_device_is_forbidden() {
    let world = World::new().await;
    let (one, other) = (world.enrolled(1).await, world.enrolled(2).await);
    let body = first_message(&other.hardware.oma_device_id).into_bytes();
    let url = format!("{}{MANAGEMENT_PATH}", world::BASE);
    let request = Request { method: "POST", url, content_type: Some(CONTENT_TYPE), body };
    let answer = world.certified(&one.account).send(request).await.expect("an answer");
    assert_eq!((answer.status, header_status(&answer.body)), (200, 403));
}

#[tokio::test]
async fn no_sender_learns_whether_a_device_exists_and_a_wrong_digest_is_challenged_twice_then_refused() {
    let world = World::new().await;
    let mut device = world.enrolled(1).await;
    for source in [device.hardware.oma_device_id.as_str(), "nobody"] {
        let (status, answer) = world.post(MANAGEMENT_PATH, CONTENT_TYPE, first_message(source)).await;
        assert_eq!((status, header_status(answer.as_bytes())), (200, 407), "{source}");
    }
    device.account.management.password = "wrong".into();
    let refused = device.sync(&world.transport()).await.expect_err("refused");
    assert!(refused.to_string().contains("401"), "{refused}");
}

#[tokio::test]
async fn a_result_for_another_devices_command_changes_nothing() {
    let world = World::new().await;
    let (mut victim, attacker) = (world.enrolled(1).await, world.enrolled(2).await);
    let id = world.device_of(&victim).await.id;
    _ = world.ask(id).await;
    victim.behavior = Behavior::LosesAnswer;
    let _ = victim.sync(&world.certified(&victim.account)).await;
    assert_eq!(world.newest(id).await.0.state, ActionState::Active);
    for message in 1..5 {
        for command in 1..9 {
            let source = &attacker.hardware.oma_device_id;
            let body = format!(
                "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>2</SessionID>\
                 <MsgID>{}</MsgID><Target><LocURI>x</LocURI></Target><Source><LocURI>{source}</LocURI></Source></SyncHdr><SyncBody>\
                 <Status><CmdID>1</CmdID><MsgRef>{message}</MsgRef><CmdRef>{command}</CmdRef><Cmd>Exec</Cmd><Data>200</Data></Status>\
                 <Results><CmdID>2</CmdID><MsgRef>{message}</MsgRef><CmdRef>{command}</CmdRef><Item><Data>666666</Data></Item></Results>\
                 <Final/></SyncBody></SyncML>",
                message * 10 + command
            );
            let url = format!("{}{MANAGEMENT_PATH}", world::BASE);
            let request = Request { method: "POST", url, content_type: Some(CONTENT_TYPE), body: body.into_bytes() };
            let answer = world.certified(&attacker.account).send(request).await.expect("an answer");
            assert_eq!(header_status(&answer.body), 200);
        }
    }
    let (action, secrets) = world.newest(id).await;
    assert_eq!((action.state, secrets.len()), (ActionState::Active, 0));
}

#[tokio::test]
async fn what_is_no_message_is_refused_without_a_five_hundred() {
    let world = World::new().await;
    let good = first_message("x");
    let cut = &good[..good.len() / 2];
    let no_header = good.replace("<MsgID>1</MsgID>", "");
    let no_number = good.replace("<MsgID>1</MsgID>", "<MsgID>0</MsgID>");
    let long_session = good.replace("<SessionID>9</SessionID>", &format!("<SessionID>{:0300}</SessionID>", 9));
    let doctype = format!("<!DOCTYPE x>{good}");
    for body in ["", "hello", "<x/>", cut, &no_header, &no_number, &long_session, &doctype] {
        let (status, answer) = world.post(MANAGEMENT_PATH, CONTENT_TYPE, body).await;
        assert_eq!(status, 400, "{body:.40}");
        assert!(!answer.is_empty());
    }
    assert_eq!(world.post(MANAGEMENT_PATH, CONTENT_TYPE, vec![b' '; 600 * 1024]).await.0, 413);
    assert_eq!(world.post(MANAGEMENT_PATH, "application/vnd.syncml.dm+wbxml", good).await.0, 415);
}

/// The messages of strangers who know a device's name, sent during its sessions.
fn strangers(source: &str) -> Vec<String> {
    let plain = first_message(source);
    let digest = "<Cred><Meta><Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type></Meta><Data>AAAAAAAAAAAAAAAAAAAAAA==</Data></Cred>";
    let mut sent = Vec::new();
    for session in ["1", "2", "3", "9", "0", "5f0c9a52-7a54-4d3c-9a9f-9f1d7f3f6c10"] {
        for message in ["1", "2", "3", "77"] {
            let numbered = plain
                .replace("<SessionID>9<", &format!("<SessionID>{session}<"))
                .replace("<MsgID>1<", &format!("<MsgID>{message}<"));
            sent.push(numbered.replace("</SyncHdr>", &format!("{digest}</SyncHdr>")));
            sent.push(numbered.replace("<Final/>", ""));
            sent.push(numbered);
        }
    }
    sent
}

/// A device's connection in a crowd: before each of its messages all others send theirs.
struct Crowded<'a>(&'a World, String);

impl Transport for Crowded<'_> {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        for body in strangers(&self.1) {
            let (status, answer) = self.0.post(MANAGEMENT_PATH, CONTENT_TYPE, body).await;
            assert!(status == 200 && [401, 407].contains(&header_status(answer.as_bytes())), "{answer}");
        }
        self.0.transport().send(request).await
    }
}

#[tokio::test]
async fn what_strangers_send_writes_nothing_and_no_device_is_kept_out_by_it() {
    let world = World::new().await;
    let mut device = world.enrolled(7).await;
    let id = world.device_of(&device).await.id;
    let name = device.hardware.oma_device_id.clone();
    let written = world.writes();
    for body in strangers(&name).into_iter().chain(strangers("nobody")) {
        world.post(MANAGEMENT_PATH, CONTENT_TYPE, body).await;
    }
    for body in ["", "hello", "<SyncML/>"] {
        world.post(MANAGEMENT_PATH, CONTENT_TYPE, body).await;
    }
    assert_eq!(world.writes(), written, "a message without proof is not even a unit of work");
    _ = world.ask(id).await;
    let crowded = Crowded(&world, name);
    let report = device.sync(&crowded).await.expect("a session");
    assert_eq!(report.messages, 3, "one challenge, one answer to it, one with the PIN");
    assert_eq!(world.newest(id).await.0.state, ActionState::Done);
    for _ in 0..5 {
        device.sync(&crowded).await.expect("a session");
    }
}

#[tokio::test]
async fn known_and_unknown_names_get_the_same_answers() {
    let world = World::new().await;
    let known = world.enrolled(1).await.hardware.oma_device_id;
    let linux = world.enrolled_linux(2).await.oma_device_id;
    // Two machines with one name.
    world.enrolled(3).await;
    let shared = world.enrolled(3).await.hardware.oma_device_id;
    let mut answers = Vec::new();
    for name in ["nobody", &known, &linux, &shared] {
        let mut of_name = Vec::new();
        for body in strangers(name) {
            let (status, answer) = world.post(MANAGEMENT_PATH, CONTENT_TYPE, body).await;
            let plain = answer.replace(name, "NAME");
            let nonce = plain.split_once("NextNonce xmlns=\"syncml:metinf\">").map(|(_, after)| after[..24].to_owned());
            of_name.push((status, nonce.map_or(plain.clone(), |nonce| plain.replace(&nonce, "NONCE"))));
        }
        answers.push(of_name);
    }
    assert!(answers.iter().all(|of_name| of_name == &answers[0]));
    assert!(answers[0].iter().any(|(_, answer)| answer.contains("NONCE")));
}

#[tokio::test]
async fn two_machines_with_one_name_are_told_apart_by_their_digests() {
    let world = World::new().await;
    let (mut one, mut other) = (world.enrolled(7).await, world.enrolled(7).await);
    for _ in 0..3 {
        one.sync(&world.transport()).await.expect("a session");
        other.sync(&world.transport()).await.expect("a session");
    }
    assert_eq!(world.devices().await.len(), 2);
}

/// A message of that device, with a certificate.
async fn certified(world: &World, device: &WindowsDevice, body: String) -> Vec<u8> {
    let url = format!("{}{MANAGEMENT_PATH}", world::BASE);
    let request = Request { method: "POST", url, content_type: Some(CONTENT_TYPE), body: body.into_bytes() };
    let answer = world.certified(&device.account).send(request).await.expect("an answer");
    assert_eq!(answer.status, 200);
    answer.body
}

#[tokio::test]
async fn a_certified_message_is_not_answered_again_to_a_sender_without_the_certificate() {
    let world = World::new().await;
    let device = world.enrolled(7).await;
    let id = world.device_of(&device).await.id;
    _ = world.ask(id).await;
    let body = first_message(&device.hardware.oma_device_id);
    let answer = certified(&world, &device, body.clone()).await;
    assert!(String::from_utf8_lossy(&answer).contains("LockAndRecoverPIN"));
    let (_, answer) = world.post(MANAGEMENT_PATH, CONTENT_TYPE, body).await;
    assert!(header_status(answer.as_bytes()) == 407 && !answer.contains("LockAndRecoverPIN"), "{answer}");
}

#[tokio::test]
async fn a_session_that_never_ends_is_ended() {
    let world = World::new().await;
    let device = world.enrolled(7).await;
    let source = &device.hardware.oma_device_id;
    let mut last = 0;
    for _ in 0..=omadm::session::server::MAX_MESSAGES {
        // The same number again, but never the same bytes.
        last += 1;
        let body = first_message(source).replace("<Data>1201</Data>", &format!("<Data>1201</Data><!--{last}-->"));
        let code = header_status(&certified(&world, &device, body).await);
        assert_eq!(code, if last > omadm::session::server::MAX_MESSAGES { 503 } else { 200 }, "{last}");
    }
    world.advance(std::time::Duration::from_secs(700));
    assert_eq!(header_status(&certified(&world, &device, first_message(source)).await), 200);
}

#[tokio::test]
async fn a_late_answer_is_not_taken_for_one_to_a_later_message_of_the_same_name() {
    let world = World::new().await;
    let device = world.enrolled(7).await;
    let id = world.device_of(&device).await.id;
    let source = &device.hardware.oma_device_id;
    // The set-up after the enrolment is done.
    let set_up = certified(&world, &device, first_message(source).replace("<SessionID>9<", "<SessionID>8<")).await;
    assert!(!String::from_utf8_lossy(&set_up).contains("LockAndRecoverPIN"));
    _ = world.ask(id).await;
    let numbers = |answer: &[u8]| -> Vec<String> {
        let message = syncml::decode(answer, Limits::MESSAGE).expect("an answer");
        message.commands().map(|command| command.id.clone()).collect()
    };
    // Two sessions with one number: the device makes its PIN in the first, and its answer is late.
    let first = numbers(&certified(&world, &device, first_message(source)).await);
    world.advance(std::time::Duration::from_secs(700));
    let again = first_message(source).replace("<Data>1201</Data>", "<Data>1201</Data><!--again-->");
    let second = numbers(&certified(&world, &device, again).await);
    assert!(first.len() == 2 && second.len() == 1 && !first.contains(&second[0]), "{first:?} {second:?}");
    let late = format!(
        "<Status><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>{0}</CmdRef><Cmd>Exec</Cmd><Data>200</Data></Status>\
         <Status><CmdID>3</CmdID><MsgRef>1</MsgRef><CmdRef>{1}</CmdRef><Cmd>Get</Cmd><Data>200</Data></Status>\
         <Results><CmdID>4</CmdID><MsgRef>1</MsgRef><CmdRef>{1}</CmdRef><Item><Source><LocURI>./Device/Vendor/MSFT/RemoteLock/NewPINValue\
         </LocURI></Source><Data>482915</Data></Item></Results><Final/>",
        first[0], first[1]
    );
    let next =
        first_message(source).replace("<MsgID>1<", "<MsgID>2<").replace("1201", "1222").replace("<Final/>", &late);
    certified(&world, &device, next).await;
    let (action, secrets) = world.newest(id).await;
    assert_eq!(action.attempt, 1, "the question that is under way is not answered");
    assert_eq!((action.state, secrets.len()), (ActionState::Active, 1), "and the value is kept");
}

#[tokio::test]
async fn commands_wait_for_a_message_that_has_room_for_them() {
    let world = World::new().await;
    let device = world.enrolled(7).await;
    let id = world.device_of(&device).await.id;
    _ = world.ask(id).await;
    let source = device.hardware.oma_device_id.clone();
    let limited = |body: String, bytes: u32| {
        let meta = format!("<Meta><MaxMsgSize xmlns=\"syncml:metinf\">{bytes}</MaxMsgSize></Meta></SyncHdr>");
        body.replace("</SyncHdr>", &meta)
    };
    let statuses = (2..12).map(|id| format!("<Alert><CmdID>{id}</CmdID><Data>1224</Data></Alert>")).collect::<String>();
    let full = first_message(&source).replace("<Final/>", &format!("{statuses}<Final/>"));
    let answer = certified(&world, &device, limited(full, 1400)).await;
    let message = syncml::decode(&answer, Limits::MESSAGE).expect("an answer");
    assert!(answer.len() <= 1400 && !message.is_final && message.commands().next().is_none());
    assert_eq!(world.newest(id).await.0.state, ActionState::Pending, "nothing went out yet");
    // The limit that the device announces holds for the whole session.
    let next = first_message(&source).replace("<MsgID>1<", "<MsgID>2<").replace("1201", "1222");
    let answer = certified(&world, &device, next).await;
    let message = syncml::decode(&answer, Limits::MESSAGE).expect("an answer");
    assert!(answer.len() <= 1400 && message.is_final);
    assert_eq!(message.commands().count(), 2);
}

/// Replaces the recipients before the message of that number: an operator may restore files at any time.
struct Breaking {
    inner: InProcess,
    sent: std::sync::atomic::AtomicUsize,
    before: usize,
    file: std::path::PathBuf,
}

impl Transport for Breaking {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        if self.sent.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1 == self.before {
            std::fs::write(&self.file, b"").expect("written");
        }
        self.inner.send(request).await
    }
}

#[tokio::test]
async fn no_passcode_is_lost_whenever_the_escrow_breaks() {
    for before in 1..=4 {
        let world = World::new().await;
        let file = world.keyring.public_file(world.tenant);
        let whole = std::fs::read(&file).expect("bytes");
        let (mut windows, mut linux) = (world.enrolled(7).await, world.enrolled_linux(8).await);
        let ids = [world.device_of(&windows).await.id, world.device_named(&linux.oma_device_id).await.id];
        for id in ids {
            _ = world.ask(id).await;
        }
        let breaking = |peer: &WindowsDevice| Breaking {
            inner: world.certified(&peer.account),
            sent: std::sync::atomic::AtomicUsize::new(0),
            before,
            file: file.clone(),
        };
        let pin = windows.pin().to_owned();
        let session = windows.sync(&breaking(&windows)).await;
        if before == 1 {
            assert_eq!((session.is_ok(), windows.pin()), (true, pin.as_str()), "no command went out");
        }
        std::fs::write(&file, b"").expect("written");
        let _ = linux.sync(&world.certified(&linux.account)).await;
        assert_eq!(world.newest(ids[1]).await.1.len(), 0, "nothing was made on the Linux device");
        std::fs::write(&file, &whole).expect("written");
        for _ in 0..4 {
            let _ = windows.sync(&world.certified(&windows.account)).await;
            let _ = linux.sync(&world.certified(&linux.account)).await;
        }
        let (action, secrets) = world.newest(ids[0]).await;
        assert_eq!(action.state, ActionState::Done, "broken before message {before}");
        let current = secrets.iter().find(|secret| secret.standing == Standing::Current).expect("a result");
        let envelope = current.envelope.as_deref().expect("an envelope");
        let opened =
            world.keyring.unseal(&current.context, envelope).map(|passcode| passcode.expose_secret().to_owned());
        assert_eq!(opened.expect("opens"), windows.pin(), "broken before message {before}");
        assert_eq!(world.newest(ids[1]).await.0.state, ActionState::Done, "Linux, broken before message {before}");
    }
}
