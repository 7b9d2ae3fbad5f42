//! The number of statements that a request or a message asks of the store: no question per row, and where each row costs
//! something, exactly that. Statements of begin and commit are among them.

use chaveiro_core::Timestamp;
use chaveiro_core::action::{ActionRecord, ActionState, Outcome};
use chaveiro_core::caller::Actor;
use chaveiro_core::device::{ManagedDevice, Platform};
use chaveiro_core::escrow::{EscrowedSecret, SecretContext, SecretKind, Standing, UNTIL_REPLACED};
use chaveiro_core::id::{ActionId, DeviceId, ResourceId, SecretId, TenantId};
use chaveiro_core::lock::{DeviceLock, Lock};
use chaveiro_core::ports::Sealer;
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::secret::Passcode;
use chaveiro_fleet::windows::WindowsDevice;
use chaveiro_store_sqlite::counted;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use chaveiro_testing::server::{World, path};

/// The statements of the whole process are counted: one test at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

async fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().await
}

const DEVICES: &str = "/beta/deviceManagement/managedDevices";

fn device(tenant: TenantId, number: u128) -> ManagedDevice {
    let id = Uuid::from_u128(number);
    let device = ManagedDevice::new(tenant, DeviceId(id), Platform::Linux, Timestamp::UNIX_EPOCH);
    ManagedDevice { user: Some(ResourceId(id)), scope_tags: Default::default(), ..device }
}

/// An action that is done: its passcode opens a lock of that number.
fn done(tenant: TenantId, device: u128, number: u128) -> ActionRecord {
    let (id, now) = (ActionId(Uuid::from_u128(number)), Timestamp::UNIX_EPOCH);
    let of = (tenant, DeviceId(Uuid::from_u128(device)));
    ActionRecord {
        state: ActionState::Done,
        outcome: Some(Outcome::Replaced),
        device_status: Some(200),
        locks: vec![Lock::Luks2],
        opens: vec![DeviceLock { lock: Lock::Luks2, subject: format!("/dev/sd{number}") }],
        verified: Some(now),
        ..ActionRecord::pending(id, of, "recoverPasscode", Actor::system(), now)
    }
}

/// Adds devices with these numbers, each with a user and a recovery of its own.
async fn add_devices(world: &World, numbers: std::ops::Range<u128>) {
    let (tenant, keyring) = (world.tenant, world.keyring.clone());
    let add = world.store.write(move |unit| {
        for number in numbers.clone() {
            let of = device(tenant, number);
            unit.insert_resource(&Resource {
                tenant,
                kind: ResourceKind::User,
                id: ResourceId(of.id.0),
                owner: None,
                device: None,
                alternate_key: Some(format!("{number}@example.org")),
                properties: json!({"userPrincipalName": format!("{number}@example.org")}).to_string(),
                created: of.enrolled,
                modified: of.enrolled,
            })?;
            unit.insert_device(&of)?;
            let action = done(tenant, number, number);
            unit.insert_action(&action)?;
            unit.insert_secret(&secret(keyring.as_ref(), &action)?)?;
        }
        Ok(())
    });
    add.await.expect("added");
}

/// The secret of an action, without its envelope.
fn shredded(action: &ActionRecord) -> EscrowedSecret {
    let (tenant, device, kind) = (action.tenant, action.device, SecretKind::Passcode);
    EscrowedSecret {
        id: SecretId(action.id.0),
        context: SecretContext { tenant, device, action: action.id, attempt: 1, kind },
        envelope: None,
        standing: Standing::Current,
        received: action.started,
        expires: UNTIL_REPLACED,
        disclosed: None,
    }
}

fn secret(sealer: &dyn Sealer, action: &ActionRecord) -> Result<EscrowedSecret, chaveiro_core::Fault> {
    let shredded = shredded(action);
    let passcode = Passcode::new("482915".to_owned().into()).expect("a passcode");
    Ok(EscrowedSecret { envelope: Some(sealer.seal(&shredded.context, &passcode)?), ..shredded })
}

/// The statements of one GET by a connection that remembers the rights of the caller, and its answer.
async fn get(world: &World, path: &str) -> (usize, Value) {
    let token = world.all();
    world.call(&token, "GET", path).await;
    let before = counted::run();
    let (status, answer) = world.call(&token, "GET", path).await;
    let statements = counted::run() - before;
    assert_eq!(status, 200, "{answer}");
    (statements, answer)
}

#[tokio::test]
async fn a_page_costs_the_same_however_many_rows_it_has() {
    let _alone = alone().await;
    let world = World::new().await;
    add_devices(&world, 1..3).await;
    let paths = [DEVICES, "/beta/deviceManagement/remoteActionAudits", "/beta/users"];
    let mut short = Vec::new();
    for path in paths {
        short.push(get(&world, path).await.0);
    }
    add_devices(&world, 3..23).await;
    for (path, short) in paths.into_iter().zip(short) {
        let (long, answer) = get(&world, path).await;
        assert_eq!(answer["value"].as_array().map(Vec::len), Some(22), "{path}");
        assert_eq!(long, short, "{path}");
    }
    let (_, answer) = get(&world, DEVICES).await;
    let users: Vec<_> = answer["value"].as_array().into_iter().flatten().map(|of| &of["userPrincipalName"]).collect();
    assert!(users.contains(&&json!("22@example.org")), "each with its own user: {users:?}");
}

/// The statements of a page: the row of the tenant, and the page.
const PAGE: usize = 2;

#[tokio::test]
async fn an_expansion_asks_once_for_each_entity_that_has_one() {
    let _alone = alone().await;
    let world = World::new().await;
    add_devices(&world, 1..3).await;
    let path = format!("{DEVICES}?$expand=users");
    let (two, _) = get(&world, &path).await;
    add_devices(&world, 3..23).await;
    let (all, answer) = get(&world, &path).await;
    assert_eq!(answer["value"][0]["users"].as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(all - two, 20 * PAGE);
}

#[tokio::test]
async fn a_further_passcode_costs_its_own_record_and_nothing_of_the_device() {
    let _alone = alone().await;
    let world = World::new().await;
    add_devices(&world, 1..2).await;
    let results = format!("{}?$select=deviceActionResults", path(DeviceId(Uuid::from_u128(1))));
    let (_, answer) = get(&world, &results).await;
    assert_eq!(answer["deviceActionResults"][0]["passcode"], "482915", "{answer}");
    let (one, _) = get(&world, &results).await;
    let (tenant, keyring) = (world.tenant, world.keyring.clone());
    let add = world.store.write(move |unit| {
        for number in 11..14 {
            let action = done(tenant, 1, number);
            unit.insert_action(&action)?;
            unit.insert_secret(&secret(keyring.as_ref(), &action)?)?;
        }
        Ok(())
    });
    add.await.expect("added");
    let (_, answer) = get(&world, &results).await;
    let shown = answer["deviceActionResults"].as_array().into_iter().flatten();
    assert_eq!(shown.filter(|result| result["passcode"] == "482915").count(), 4, "{answer}");
    let (four, _) = get(&world, &results).await;
    assert_eq!(four - one, 3 * AGAIN);
}

#[tokio::test]
async fn what_no_selected_property_tells_is_not_read() {
    let _alone = alone().await;
    let world = World::new().await;
    add_devices(&world, 1..3).await;
    let one = format!("{DEVICES}/{}", Uuid::from_u128(1));
    let (audits, numbers) =
        ("/beta/deviceManagement/remoteActionAudits", "/beta/deviceManagement/managedDeviceOverview");
    for (path, selected, more) in [
        (DEVICES, "deviceName,lastSyncDateTime,roleScopeTagIds", 0),
        (DEVICES, "userPrincipalName", 1),
        (DEVICES, "managedDeviceName", 1),
        (DEVICES, "deviceEnrollmentType", 1),
        (DEVICES, "*", 1),
        (&one, "deviceName,hardwareInformation", 0),
        (&one, "emailAddress", 1),
        (audits, "action,actionState,managedDeviceId", 0),
        (audits, "deviceDisplayName", 1),
        (audits, "deviceOwnerUserPrincipalName", 2),
        (audits, "*", 2),
        (numbers, "dualEnrolledDeviceCount", 0),
        (numbers, "enrolledDeviceCount", 2),
        (numbers, "deviceOperatingSystemSummary", 8),
        (numbers, "*", 10),
    ] {
        let (least, _) = get(&world, &format!("{path}?$select=id")).await;
        let (statements, answer) = get(&world, &format!("{path}?$select={selected}")).await;
        assert_eq!(statements - least, more, "{path} {selected} {answer}");
    }
}

/// The statements of a passcode that is read again: the event. The secrets of all are one question.
const AGAIN: usize = 1;

#[tokio::test]
async fn an_item_of_a_batch_costs_what_it_costs_alone() {
    let _alone = alone().await;
    let world = World::new().await;
    add_devices(&world, 1..3).await;
    let (alone, _) = get(&world, DEVICES).await;
    let token = world.all();
    let mut costs = Vec::new();
    for number in [1, 5] {
        let item = |id: u32| json!({"id": id.to_string(), "method": "GET", "url": "/deviceManagement/managedDevices"});
        let body = json!({"requests": (0..number).map(item).collect::<Vec<_>>()});
        let before = counted::run();
        let (status, answer) = world.post(&token, "/beta/$batch", &body).await;
        costs.push(counted::run() - before);
        assert_eq!((status, &answer["responses"][0]["status"]), (200, &json!(200)), "{answer}");
    }
    assert_eq!(costs[1] - costs[0], 4 * alone);
}

#[tokio::test]
async fn an_enrolment_and_a_check_in_cost_the_same_however_many_devices_there_are() {
    let _alone = alone().await;
    let world = World::new().await;
    let mut costs = Vec::new();
    for (number, others) in [(1, 1..2), (2, 2..3), (3, 3..23)] {
        add_devices(&world, others).await;
        let before = counted::run();
        let mut device = world.try_enroll(number).await.expect("enrolled");
        let enrolled = counted::run();
        let report = device.sync(&world.transport()).await.expect("the first session");
        let set_up = counted::run();
        assert!(!report.commands.is_empty());
        let idle = device.sync(&world.transport()).await.expect("an idle session");
        assert!(idle.commands.is_empty());
        costs.push([enrolled - before, set_up - enrolled, counted::run() - set_up]);
    }
    // The first has made the tenant and its keys known to the writer.
    assert_eq!(costs[1], costs[2]);
    // The enrolment with its three requests, the session of the set-up, and one in which nothing waits.
    assert_eq!(costs[1], [40, 52, 10]);
}

#[tokio::test]
async fn a_check_in_is_judged_once_if_something_waits_for_the_device() {
    let _alone = alone().await;
    let world = World::new().await;
    let (mut device, id) = world.device(1).await;
    device.sync(&world.certified(&device.account)).await.expect("an idle session");
    let before = counted::run();
    device.sync(&world.certified(&device.account)).await.expect("an idle session");
    // Begin, the number of the data, certificate, queue, device, commit. The state of the session waits in memory.
    assert_eq!(counted::run() - before, 6);
    let (status, answer) = world.call(&world.all(), "POST", &format!("{}/recoverPasscode", path(id))).await;
    assert_eq!(status, 204, "{answer}");
    let before = counted::run();
    device.sync(&world.certified(&device.account)).await.expect("a session");
    // The look is begin, the number of the data, certificate, queue and commit. The second message answers a command and is taken without one.
    assert_eq!(counted::run() - before, 5 + 44);
}

/// The most statements of a recovery: of the request, the session of two messages, and the reading.
const MOST: [usize; 3] = [23, 51, 22];

/// A recovery from the request to the reading, by a device that shows its certificate.
async fn recover(world: &World, device: &mut WindowsDevice, id: DeviceId) -> [usize; 3] {
    let (token, before) = (world.all(), counted::run());
    let (status, answer) = world.call(&token, "POST", &format!("{}/recoverPasscode", path(id))).await;
    assert_eq!(status, 204, "{answer}");
    let accepted = counted::run();
    device.sync(&world.certified(&device.account)).await.expect("a session");
    let answered = counted::run();
    let (read, answer) = get(world, &format!("{}?$select=deviceActionResults", path(id))).await;
    assert!(answer["deviceActionResults"][0]["passcode"].is_string(), "{answer}");
    [accepted - before, answered - accepted, read]
}

#[tokio::test]
async fn a_whole_recovery_costs_so_many_statements_and_the_same_after_a_thousand_others() {
    let _alone = alone().await;
    let world = World::new().await;
    let (mut device, id) = world.device(1).await;
    recover(&world, &mut device, id).await;
    let second = recover(&world, &mut device, id).await;
    let tenant = world.tenant;
    let add = world.store.write(move |unit| {
        for number in 0..1_000 {
            let of = done(tenant, id.0.as_u128(), 1_000 + number);
            let screen = DeviceLock { lock: Lock::Screen, subject: String::new() };
            let action = ActionRecord { locks: vec![Lock::Screen], opens: vec![screen], ..of };
            unit.insert_action(&action)?;
            // Retention has begun for all of them, and has ended for every second one.
            let envelope = (number % 2 == 0).then(|| b"sealed".to_vec());
            unit.insert_secret(&EscrowedSecret { envelope, expires: action.started, ..shredded(&action) })?;
        }
        Ok(())
    });
    add.await.expect("added");
    assert_eq!(recover(&world, &mut device, id).await, second);
    assert!(second.iter().zip(MOST).all(|(statements, most)| *statements <= most), "{second:?}");
}
