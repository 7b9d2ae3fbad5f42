//! The number of statements that a unit of work runs. It runs no query for each row, reads no row twice without a reason,
//! and plans no statement twice.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use chaveiro_core::actions::recover_passcode::RECOVER_PASSCODE;
use chaveiro_core::caller::{Actor, Caller};
use chaveiro_core::command::{Delivery, Receipt};
use chaveiro_core::decisions::ask::{Ask, Begun, begin};
use chaveiro_core::decisions::check_in::{Idle, keep, store_idle};
use chaveiro_core::decisions::disclose_passcode::{self, AskForAll, disclose, disclose_all};
use chaveiro_core::decisions::take_inventory::take_packages;
use chaveiro_core::decisions::{Facts, rights};
use chaveiro_core::device::{InventoryField, ManagedDevice, Platform};
use chaveiro_core::engine::{Answer, Received, Value, expire, receive, sent};
use chaveiro_core::enrollment::Enrollment;
use chaveiro_core::escrow::SecretContext;
use chaveiro_core::hold::HoldRule;
use chaveiro_core::id::{ActionId, DeviceId, EnrollmentId, RequestId, SecretId, TenantId};
use chaveiro_core::keys::EscrowKeys;
use chaveiro_core::lock::{DeviceLock, DeviceReport, Lock};
use chaveiro_core::ports::{EscrowError, Sealer, UnitOfWork};
use chaveiro_core::reading::ReadingRule;
use chaveiro_core::secret::{Passcode, SecretBytes};
use chaveiro_core::steady::Ripeness;
use chaveiro_core::tenant::{Tenant, TenantSettings};
use chaveiro_core::{Decided, Fault, Timestamp};
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::{Connection, StatementStatus};
use uuid::Uuid;

use crate::Options;
use crate::remembered::Remembered;
use crate::unit::Transaction;

thread_local! {
    static RUN: Cell<usize> = const { Cell::new(0) };
    /// The steps of the virtual machine: a row that is looked at costs some, whether it is found or not.
    static STEPS: Cell<usize> = const { Cell::new(0) };
    /// Each statement with its steps.
    static LOG: RefCell<Vec<(String, usize)>> = const { RefCell::new(Vec::new()) };
    /// Statements that were prepared, or prepared again by SQLite, since [`planned`] was called last.
    static PLANNED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// The times that SQLite has prepared each statement again.
    static AGAIN: RefCell<HashMap<String, i32>> = RefCell::new(HashMap::new());
}

fn note(event: TraceEvent<'_>) {
    RUN.set(RUN.get() + 1);
    let TraceEvent::Profile(statement, _) = event else { return };
    let (sql, again) = (statement.sql().into_owned(), statement.get_status(StatementStatus::RePrepare));
    LOG.with_borrow_mut(|log| log.push((sql.clone(), STEPS.take())));
    let before = AGAIN.with_borrow_mut(|times| times.insert(sql.clone(), again)).unwrap_or(0);
    if statement.get_status(StatementStatus::Run) == 1 || again > before {
        PLANNED.with_borrow_mut(|planned| planned.push(sql));
    }
}

/// Counts the statements that this connection runs in the thread of the test.
pub(crate) fn watch(connection: &Connection) {
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(note));
}

/// Returns the statements that were planned since the last call.
pub(crate) fn planned() -> Vec<String> {
    PLANNED.take()
}

/// A sealer that seals nothing: the test counts statements of the store.
struct Plain;

impl Sealer for Plain {
    fn seal(&self, _: &SecretContext, passcode: &Passcode) -> Result<Vec<u8>, EscrowError> {
        Ok(passcode.expose_secret().as_bytes().to_vec())
    }

    fn seal_bytes(&self, _: &SecretContext, secret: &SecretBytes) -> Result<Vec<u8>, EscrowError> {
        Ok(secret.expose_secret().to_vec())
    }

    fn recipients(&self, _: TenantId) -> Result<Vec<String>, EscrowError> {
        Ok(Vec::new())
    }

    fn prove(&self, _: TenantId, _: &EscrowKeys) -> Result<(), EscrowError> {
        Ok(())
    }

    fn check(&self, _: TenantId, _: &[u8]) -> Result<(), EscrowError> {
        Ok(())
    }
}

/// Settings without limits on recoveries and readings, which are still counted.
fn settings() -> TenantSettings {
    TenantSettings {
        hold: HoldRule { recoveries: 0, percent: 0, window_s: 3600 },
        reading: ReadingRule { by_caller: 0, passcodes: 0, percent: 0, window_s: 3600 },
        ..TenantSettings::default()
    }
}

const TENANT: TenantId = TenantId(Uuid::from_u128(1));

fn at(second: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + second)
}

struct World {
    connection: Connection,
    remembered: Remembered,
    directory: tempfile::TempDir,
    ids: u128,
}

impl World {
    /// Returns a tenant with one device of each of two platforms: 1 is Windows, 2 is Linux.
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join(crate::FILE_NAME);
        let trust = crate::open::Trust::Verified;
        let opened = crate::open::writer(directory.path(), &file, &Options::default(), trust).expect("a database");
        let mut world =
            Self { connection: opened.database.connection, remembered: Remembered::default(), directory, ids: 100 };
        world.run(|unit, _| {
            unit.insert_tenant(&Tenant { settings: settings(), ..Tenant::new(TENANT, "t", at(0)) })?;
            for (number, platform) in [(1, Platform::Windows), (2, Platform::Linux)] {
                unit.insert_device(&device(number, platform))?;
                unit.insert_enrollment(&Enrollment {
                    id: EnrollmentId(Uuid::from_u128(number)),
                    tenant: TENANT,
                    device: DeviceId(Uuid::from_u128(number)),
                    certificate_sha256: [number as u8; 32],
                    reported_id: number.to_string(),
                    needs_certificate: false,
                    created: at(0),
                    closed: None,
                })?;
            }
            Ok(())
        });
        watch(&world.connection);
        world
    }

    /// Runs a unit of work and counts its statements; the number makes ids.
    fn run<T>(&mut self, work: impl FnOnce(&mut dyn UnitOfWork, Uuid) -> Result<T, Fault>) -> (T, usize) {
        self.ids += 1;
        // As at the begin of a transaction, outside of what is counted.
        self.remembered.begin(&self.connection).expect("begun");
        let before = RUN.get();
        let mut unit = Transaction::new(&self.connection, &self.remembered, u64::MAX);
        let done = work(&mut unit, Uuid::from_u128(self.ids)).expect("a unit of work");
        (done, RUN.get() - before)
    }

    /// Runs a unit of work as a commit of its own, and counts the pages that it adds to the log.
    fn pages<T>(&mut self, work: impl FnOnce(&mut dyn UnitOfWork, Uuid) -> Result<T, Fault>) -> u64 {
        const FRAME: u64 = 4096 + 24;
        let log = crate::wal::path_of(&self.directory.path().join(crate::FILE_NAME));
        let length = || log.metadata().expect("a log").len();
        let before = length();
        self.connection.execute_batch("BEGIN IMMEDIATE").expect("begun");
        self.run(work);
        crate::state::count(&self.connection, 0, false).expect("counted");
        self.connection.execute_batch("COMMIT").expect("committed");
        (length() - before) / FRAME
    }

    /// Requests a recovery and sends its first step.
    fn ask(&mut self, device: u128, second: u64) -> (ActionId, usize) {
        let (begun, statements) = self.run(|unit, id| begin(unit, &ask_of(device, ActionId(id), caller()), at(second)));
        let Decided::Done(Begun::Opened(action)) = begun else { panic!("{begun:?}") };
        (action, statements)
    }

    fn send(&mut self, device: u128, second: u64) -> Delivery {
        let send = self.run(|unit, _| {
            let next = unit.next_delivery(EnrollmentId(Uuid::from_u128(device)))?.expect("something is queued");
            let seq = next.seq;
            sent(unit, next, Receipt { message: format!("{device} {second}"), first: 1 }, at(second))?;
            Ok(unit.delivery(seq)?.expect("it was sent"))
        });
        send.0
    }

    fn answer(&mut self, delivery: Delivery, value: Option<Value>, opens: &[&str], second: u64) -> (Received, usize) {
        let disk = |name: &&str| DeviceLock { lock: Lock::Luks2, subject: (*name).to_owned() };
        let report = delivery.action.map(|action| DeviceReport {
            action,
            attempt: delivery.attempt,
            opens: opens.iter().map(disk).collect(),
            obstacles: Vec::new(),
        });
        let statuses = vec![Some(200); delivery.commands.len()];
        let report = report.filter(|report| !report.opens.is_empty());
        let answer = Answer { statuses, value, report, complete: true };
        self.run(|unit, id| receive(unit, &Plain, delivery, answer, SecretId(id), at(second)))
    }

    /// Runs a whole recovery of the Linux device; returns the statements of the answer that ends it.
    fn recover_disk(&mut self, name: &str, second: u64) -> usize {
        self.ask(2, second);
        let prepare = self.send(2, second + 1);
        let value = Value::Envelope(format!("sealed {second}").into_bytes());
        assert_eq!(self.answer(prepare, Some(value), &[], second + 2).0, Received::Waiting);
        let apply = self.send(2, second + 3);
        let (received, statements) = self.answer(apply, None, &[name], second + 4);
        assert!(matches!(received, Received::Settled(_)), "{received:?}");
        // The command after the end is sent first, and must not block the next recovery.
        self.send(2, second + 5);
        statements
    }
}

fn device(number: u128, platform: Platform) -> ManagedDevice {
    let device = ManagedDevice::new(TENANT, DeviceId(Uuid::from_u128(number)), platform, at(0));
    ManagedDevice { scope_tags: Default::default(), ..device }
}

fn ask_of(device: u128, action: ActionId, caller: Caller) -> Ask {
    Ask {
        what: &RECOVER_PASSCODE,
        caller,
        device: DeviceId(Uuid::from_u128(device)),
        path: "/x".to_owned(),
        request: RequestId(action.0),
        client_request_id: None,
        retry: false,
        reason: None,
        break_glass: None,
        action,
    }
}

fn caller() -> Caller {
    Caller::recovering(TENANT, Actor { application_id: "app".to_owned(), ..Actor::system() })
}

impl World {
    /// Reads the passcodes of a device, as a GET does after its admission.
    fn read(&mut self, number: u128, second: u64) {
        let seen = self.run(|unit, id| {
            let (caller, device) = (caller(), DeviceId(Uuid::from_u128(number)));
            let device = unit.device(TENANT, device)?.expect("a device");
            let (settings, rights) = (settings(), rights::of(unit, &caller)?);
            let facts = Facts { device: &device, settings: &settings, rights: &rights };
            let ask = AskForAll { caller: &caller, facts, request: RequestId(id), reason: None, break_glass: None };
            disclose_all(unit, &ask, at(second))
        });
        assert!(seen.0.iter().any(|seen| matches!(seen.decision, Some(Decided::Done(_)))), "{:?}", seen.0);
    }

    /// Runs a whole recovery of the Windows device and reads its passcode.
    fn recover_screen(&mut self, second: u64) {
        self.ask(1, second);
        let act = self.send(1, second + 1);
        let value = Passcode::new("482915".to_owned().into()).map(Value::Passcode);
        assert!(matches!(self.answer(act, value, &[], second + 2).0, Received::Settled(_)));
        self.read(1, second + 3);
    }

    /// The statements of some work, each with its steps.
    fn cost(&mut self, work: impl FnOnce(&mut Self)) -> Vec<(String, usize)> {
        let step = || {
            STEPS.set(STEPS.get() + 1);
            false
        };
        self.connection.progress_handler(1, Some(step)).expect("a handler");
        LOG.take();
        work(self);
        self.connection.progress_handler(0, None::<fn() -> bool>).expect("no handler");
        LOG.take()
    }
}

#[test]
fn a_recovery_costs_the_same_after_a_thousand_others() {
    let screen: fn(&mut World, u64) = World::recover_screen;
    // Three disks in turn: the older results of two stay what opens theirs.
    let disk: fn(&mut World, u64) = |world, second| {
        world.recover_disk(["/dev/sda3", "/dev/sdb1", "/dev/sdc1"][(second / 10 % 3) as usize], second);
        world.read(2, second + 6);
        // A passcode that is read again costs no more for its past either.
        world.read(2, second + 7);
    };
    for (name, recover) in [("screen", screen), ("disk", disk)] {
        let mut world = World::new();
        world.connection.execute_batch("BEGIN").expect("begun");
        (1..6).for_each(|number| recover(&mut world, 10 * number));
        let few = world.cost(|world| recover(world, 60));
        (7..1_002).for_each(|number| recover(&mut world, 10 * number));
        let many = world.cost(|world| recover(world, 10_020));
        assert_eq!(few.len(), many.len(), "{name}");
        for (few, many) in few.into_iter().zip(many) {
            assert_eq!(few, many, "{name}: a statement and its steps");
        }
    }
}

#[test]
fn a_statement_is_planned_once_however_often_it_runs() {
    let mut world = World::new();
    let recover = |world: &mut World, second| {
        world.recover_screen(second);
        world.recover_disk("/dev/sda3", second);
        world.run(|unit, _| {
            unit.actions(TENANT, DeviceId(Uuid::from_u128(1)), 10)?;
            unit.unchained_events(100)?;
            expire(unit, &Ripeness::at_once(at(second + 7)), 100)
        });
    };
    recover(&mut world, 10);
    // Some statements are for the second recovery of a device alone.
    recover(&mut world, 20);
    assert_ne!(planned(), [""; 0]);
    recover(&mut world, 30);
    assert_eq!(planned(), [""; 0]);
}

#[test]
fn a_recovery_runs_so_many_statements_from_the_request_to_the_reading() {
    let mut world = World::new();
    let (action, asked) = world.ask(1, 1);
    let act = world.send(1, 2);
    let value = Passcode::new("482915".to_owned().into()).map(Value::Passcode);
    let (received, answered) = world.answer(act, value, &[], 3);
    assert!(matches!(received, Received::Settled(_)), "{received:?}");
    let (_, read) = world.run(|unit, id| {
        let action = unit.action(TENANT, action)?.expect("the action");
        let caller = caller();
        let ask = disclose_passcode::Ask::new(&caller, &action, RequestId(id));
        disclose(unit, &ask, at(4))
    });
    // The tenant, its keys and holds are remembered.
    let (_, again) = world.ask(2, 5);
    assert_eq!((asked, answered, read, again), (13, 10, 10, 9));
}

#[test]
fn a_recovery_that_is_accepted_writes_one_page_of_the_log_for_each_index_that_it_needs() {
    let mut world = World::new();
    world.ask(1, 1);
    let (user_id, user_principal_name) = (Some("ana".to_owned()), Some("ana@contoso.example".to_owned()));
    let actor = Actor { user_id, user_principal_name, address: Some([192, 0, 2, 7].into()), ..caller().actor };
    let ask = ask_of(2, ActionId(Uuid::from_u128(7)), Caller { actor, ..caller() });
    // A small database has one page for each table and index. The event writes its table and the queue.
    let pages = world.pages(|unit, _| begin(unit, &ask, at(2)));
    assert_eq!(pages, 17);
}

#[test]
fn older_results_cost_the_end_of_a_recovery_no_statement() {
    let mut world = World::new();
    let ends: Vec<usize> = (1..13).map(|number| world.recover_disk("/dev/sda3", 10 * number)).collect();
    // The first ends without an older result. Of each other one the retention begins: the results that count now are asked for,
    // and its secret is written.
    assert!(ends[1..].iter().all(|end| *end == ends[0] + 2), "{ends:?}");
}

#[test]
fn an_expiry_that_finds_nothing_due_asks_for_actions_with_their_marks_alone() {
    let mut world = World::new();
    world.ask(1, 1);
    let (_, one) = world.run(|unit, _| expire(unit, &Ripeness::at_once(at(10)), 100));
    world.ask(2, 2);
    let (_, two) = world.run(|unit, _| expire(unit, &Ripeness::at_once(at(10)), 100));
    // The actions. The settings of the tenant are remembered.
    assert_eq!((one, two), (1, 1));
}

#[test]
fn a_session_that_moves_the_time_of_the_device_alone_writes_one_column() {
    let mut world = World::new();
    let (before, _) = world.run(|unit, _| Ok(unit.device(TENANT, DeviceId(Uuid::from_u128(1)))?.expect("a device")));
    let later: fn(&mut ManagedDevice) = |device| device.last_sync = at(9);
    let earlier: fn(&mut ManagedDevice) = |device| device.last_sync = Timestamp::UNIX_EPOCH;
    let renamed: fn(&mut ManagedDevice) = |device| {
        device.last_sync = at(9);
        device.inventory.set(InventoryField::DEVICE_NAME, Some("D".into()));
    };
    for (what, change, statements) in [
        ("nothing", (|_| {}) as fn(&mut ManagedDevice), 0),
        ("later", later, 1),
        ("earlier", earlier, 4),
        ("name", renamed, 4),
    ] {
        let mut device = before.clone();
        change(&mut device);
        let mut kept_device = device.clone();
        let kept = world.run(|unit, _| {
            unit.update_device(&before)?;
            Ok(keep(unit, &before, &mut kept_device, None, at(9))?)
        });
        assert_eq!(kept.1 - 4, statements, "{what}");
        let (stored, _) = world.run(|unit, _| Ok(unit.device(TENANT, before.id)?.expect("a device")));
        assert_eq!(stored, device, "{what}");
    }
    let idle = [1, 2].map(|number| Idle {
        tenant: TENANT,
        device: DeviceId(Uuid::from_u128(number)),
        enrollment: EnrollmentId(Uuid::from_u128(number)),
        at: at(10),
        session: None,
    });
    assert_eq!(world.run(|unit, _| Ok(store_idle(unit, &idle)?)).1, idle.len());
}

#[test]
fn a_list_of_packages_costs_two_writes_for_each_new_one_and_one_question_for_all() {
    let mut world = World::new();
    let mut take = |device: u128, number: usize| {
        let lines: String = (0..number).map(|package| format!("p{package}\t1\n")).collect();
        let of = self::device(device, Platform::Linux);
        world.run(|unit, _| Ok(take_packages(unit, &of, &lines, at(5))?)).1
    };
    let (none, first) = (take(2, 0), take(2, 20));
    assert_eq!(first - none, 2 * 20);
    assert_eq!(take(2, 20), none, "nothing changed");
    assert_eq!(take(1, 20) - none, 2 * 20, "another device with the same");
}
