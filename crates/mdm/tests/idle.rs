//! Idle check-ins: what they cost, what they leave, and what a kill takes.

use std::sync::Mutex;
use std::time::Duration;

use chaveiro_core::action::ActionState;
use chaveiro_core::ports::{Clock, LastSeen, Scope};
use chaveiro_fleet::transport::{Request, Response, Transport, TransportError};
use chaveiro_mdm::{LATEST, MANAGEMENT_PATH};
use omadm::Limits;
use omadm::syncml::{self, CONTENT_TYPE};

use chaveiro_testing::channel::{BASE, InProcess, World};

const SECOND: Duration = Duration::from_secs(1);

/// A connection that keeps the messages of the device.
struct Heard(InProcess, Mutex<Vec<Vec<u8>>>);

impl Heard {
    fn new(connection: InProcess) -> Self {
        Self(connection, Mutex::default())
    }

    fn last(&self) -> Vec<u8> {
        self.1.lock().expect("the list").last().cloned().expect("a message")
    }
}

impl Transport for Heard {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.1.lock().expect("the list").push(request.body.clone());
        self.0.send(request).await
    }
}

/// Sends a message again.
async fn send(connection: &InProcess, message: &[u8]) -> Vec<u8> {
    let url = format!("{BASE}{MANAGEMENT_PATH}");
    let request = Request { method: "POST", url, content_type: Some(CONTENT_TYPE), body: message.to_vec() };
    let answer = connection.send(request).await.expect("an answer");
    assert_eq!(answer.status, 200);
    answer.body
}

fn status_and_commands(answer: &[u8]) -> (u16, usize) {
    let message = syncml::decode(answer, Limits::MESSAGE).expect("an answer");
    (message.header_status().expect("a status").code, message.commands().count())
}

/// Runs the background job as often as the server would, and more often.
async fn pass(world: &World, seconds: u64) {
    for _ in 0..seconds {
        world.advance(SECOND);
        world.check_ins.store_due(world.store.as_ref(), world.clock.uptime()).await.expect("stored");
    }
}

#[tokio::test]
async fn a_hundred_idle_check_ins_are_no_unit_of_work_and_their_time_is_stored_within_a_minute() {
    let world = World::new().await;
    let (mut by_digest, mut by_certificate) = (world.enrolled(1).await, world.enrolled(2).await);
    let mut linux = world.enrolled_linux(3).await;
    let names = [
        by_digest.hardware.oma_device_id.clone(),
        by_certificate.hardware.oma_device_id.clone(),
        linux.oma_device_id.clone(),
    ];
    let (plain, certified, linux_certified) =
        (world.transport(), world.certified(&by_certificate.account), world.certified(&linux.account));
    by_certificate.sync(&certified).await.expect("a session");
    let (written, begun) = (world.writes(), world.clock.now());
    for _ in 0..100 {
        pass(&world, 1).await;
        by_digest.sync(&plain).await.expect("a session");
        by_certificate.sync(&certified).await.expect("a session");
        linux.sync(&linux_certified).await.expect("a session");
        for name in &names {
            let age = world.clock.now().duration_since(world.device_named(name).await.last_sync);
            let most = LATEST.min(world.clock.now().duration_since(begun).unsigned_abs() + SECOND * 2);
            assert!(age.unsigned_abs() <= most, "{name}: {age:?}");
        }
    }
    assert_eq!(world.writes(), written, "no check-in was a unit of work");
    let last = world.clock.now();
    pass(&world, LATEST.as_secs()).await;
    for name in &names {
        assert_eq!(world.device_named(name).await.last_sync, last, "{name}");
    }
}

#[tokio::test]
async fn a_check_in_that_brings_news_is_stored_at_once() {
    let world = World::new().await;
    let mut device = world.enrolled(1).await;
    let id = world.device_of(&device).await.id;
    device.sync(&world.transport()).await.expect("an idle session");
    _ = world.ask(id).await;
    world.advance(SECOND);
    device.sync(&world.transport()).await.expect("a session");
    assert_eq!(world.newest(id).await.0.state, ActionState::Done);
    assert_eq!(world.device_of(&device).await.last_sync, world.clock.now());
}

#[tokio::test]
async fn a_unit_of_work_tells_the_enrolment_that_the_message_names() {
    let world = World::new().await;
    let mut device = world.enrolled(1).await;
    let id = world.device_of(&device).await.id;
    let tenant = world.tenant;
    let open = world.store.read(move |view| Ok(view.open_enrollment(tenant, id)?.expect("an enrolment"))).await;
    let open = open.expect("read");
    for (connection, scope) in [
        (world.certified(&device.account), Scope::Certificate(open.certificate_sha256)),
        (world.transport(), Scope::Enrollment(open.id)),
    ] {
        _ = world.ask(id).await;
        device.sync(&connection).await.expect("the recovery");
        assert_eq!(world.last_scope(), scope);
    }
}

#[tokio::test]
async fn an_old_message_is_refused_whether_the_later_session_waits_is_stored_or_was_lost() {
    let mut world = World::new().await;
    let mut device = world.enrolled(1).await;
    let id = world.device_of(&device).await.id;
    // A session with commands is stored; its last message is one of those that must not count again.
    _ = world.ask(id).await;
    let heard = Heard::new(world.transport());
    device.sync(&heard).await.expect("a session");
    let mut old = vec![heard.last()];
    for _ in 0..2 {
        device.sync(&heard).await.expect("an idle session");
        old.push(heard.last());
    }
    device.sync(&world.transport()).await.expect("a later session");
    _ = world.ask(id).await;
    for what in ["waits", "stored", "killed", "killed again"] {
        match what {
            "stored" => world.check_ins.store(world.store.as_ref()).await.expect("stored"),
            "killed" => {
                device.sync(&world.transport()).await.expect("the recovery");
                device.sync(&world.transport()).await.expect("a session that is lost");
                _ = world.ask(id).await;
                world.kill();
            }
            "killed again" => world.kill(),
            _ => {}
        }
        let written = world.writes();
        for message in &old {
            assert_eq!(status_and_commands(&send(&world.transport(), message).await), (401, 0), "{what}");
        }
        assert_eq!(world.writes(), written, "{what}: an old message is not even a unit of work");
    }
    device.sync(&world.transport()).await.expect("a session");
    assert_eq!(world.newest(id).await.0.state, ActionState::Done, "the device itself is not kept out");
}

#[tokio::test]
async fn the_repeat_of_an_idle_message_gets_the_same_answer_although_a_command_waits_by_now() {
    let world = World::new().await;
    let mut device = world.enrolled(1).await;
    let id = world.device_of(&device).await.id;
    for certified in [true, false] {
        let connection = || if certified { world.certified(&device.account) } else { world.transport() };
        let (heard, again) = (Heard::new(connection()), connection());
        device.sync(&heard).await.expect("an idle session");
        let answer = send(&again, &heard.last()).await;
        assert_eq!(status_and_commands(&answer).1, 0);
        _ = world.ask(id).await;
        assert!(send(&again, &heard.last()).await == answer, "{certified}");
        assert_eq!(world.newest(id).await.0.state, ActionState::Pending, "{certified}");
        device.sync(&again).await.expect("the recovery");
        assert_eq!(world.newest(id).await.0.state, ActionState::Done, "{certified}");
    }
}

#[tokio::test]
async fn a_kill_takes_times_alone_and_a_recovery_goes_on() {
    let mut world = World::new().await;
    let mut device = world.enrolled(1).await;
    let id = world.device_of(&device).await.id;
    let before = world.device_of(&device).await;
    world.advance(SECOND);
    device.sync(&world.transport()).await.expect("an idle session");
    assert_eq!(world.check_ins.last_sync(id), Some(world.clock.now()));
    world.kill();
    assert_eq!(world.device_of(&device).await, before);
    _ = world.ask(id).await;
    device.sync(&world.transport()).await.expect("a session");
    assert_eq!(world.newest(id).await.0.state, ActionState::Done);
}

#[tokio::test]
async fn what_waits_for_a_device_that_left_meanwhile_does_no_harm() {
    let world = World::new().await;
    let (mut one, mut other) = (world.enrolled(1).await, world.enrolled(2).await);
    one.sync(&world.transport()).await.expect("an idle session");
    other.sync(&world.transport()).await.expect("an idle session");
    one.unenroll(&world.transport()).await.expect("gone");
    world.advance(SECOND);
    world.check_ins.store(world.store.as_ref()).await.expect("stored");
    assert!(one.sync(&world.transport()).await.is_err());
    other.sync(&world.transport()).await.expect("an idle session");
}
