//! The limit on reading.

use std::sync::Arc;

use chaveiro_core::Fault;
use chaveiro_core::action::{ActionRecord, ActionState, Outcome};
use chaveiro_core::alert::News;
use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::caller::{Actor, ActorKind, Caller, HostUser};
use chaveiro_core::decisions::disclose_passcode::{Ask, disclose};
use chaveiro_core::decisions::hold::release;
use chaveiro_core::escrow::{EscrowedSecret, SecretContext, SecretKind, Standing, UNTIL_REPLACED};
use chaveiro_core::hold::{HoldKind, Release};
use chaveiro_core::id::{ActionId, RequestId, SecretId};
use chaveiro_core::lock::{DeviceLock, Lock};
use chaveiro_core::ports::Store;
use chaveiro_core::reading::ReadingRule;
use chaveiro_core::refusal::{UnclearHold, Withheld};
use chaveiro_core::tenant::{Tenant, TenantSettings};

use crate::Backend;
use crate::sample::{
    at, caller, device, enrollment, filled, joined, outcome, read, tenant, tenant_id, uuid, write, write_as,
};

const HOUR: u64 = 3600;

/// Returns a rule with these limits for the tenant and for one party, within an hour.
fn rule(passcodes: u32, by_caller: u32) -> ReadingRule {
    ReadingRule { passcodes, by_caller, percent: 0, window_s: HOUR }
}

/// Returns a store in which tenant 1 has that rule, and devices from number 100 with an unread passcode. They are disk
/// passcodes, which every permitted caller may read.
async fn waiting(store: Arc<dyn Store>, rule: ReadingRule, devices: u64) -> Arc<dyn Store> {
    let store = filled(store).await;
    write(&store, move |unit| {
        let settings = TenantSettings { reading: rule, ..tenant(1).settings };
        unit.update_tenant(&Tenant { settings, ..tenant(1) })?;
        for number in 100..100 + devices {
            unit.insert_device(&device(1, number))?;
            unit.insert_enrollment(&enrollment(1, number))?;
            let action = done(number);
            unit.insert_action(&action)?;
            unit.insert_secret(&EscrowedSecret {
                id: SecretId(uuid(8, number)),
                context: SecretContext {
                    tenant: action.tenant,
                    device: action.device,
                    action: action.id,
                    attempt: 1,
                    kind: SecretKind::Passcode,
                },
                envelope: Some(b"sealed".to_vec()),
                standing: Standing::Current,
                received: at(0),
                expires: UNTIL_REPLACED,
                disclosed: None,
            })?;
        }
        Ok(())
    })
    .await;
    store
}

fn done(number: u64) -> ActionRecord {
    let (id, of) = (ActionId(uuid(5, number)), (tenant_id(1), device(1, number).id));
    ActionRecord {
        state: ActionState::Done,
        outcome: Some(Outcome::Replaced),
        device_status: Some(200),
        locks: vec![Lock::Luks2],
        opens: vec![DeviceLock { lock: Lock::Luks2, subject: "/dev/sda3".to_owned() }],
        ..ActionRecord::pending(id, of, "recoverPasscode", Actor::system(), at(0))
    }
}

/// Reads the passcode of a device at that second. Second and device make the request id.
async fn see(
    store: &Arc<dyn Store>,
    by: Caller,
    number: u64,
    second: u64,
    glass: Option<&'static str>,
) -> Result<(), Withheld> {
    let shown = write(store, move |unit| {
        let (action, request) = (done(number), RequestId(uuid(second, number)));
        disclose(unit, &Ask { break_glass: glass, ..Ask::new(&by, &action, request) }, at(second))
    });
    outcome(shown.await).map(drop)
}

async fn reads(store: &Arc<dyn Store>, who: &'static str, number: u64, second: u64) -> Result<(), Withheld> {
    see(store, caller(1, who), number, second, None).await
}

async fn alert_names(store: &Arc<dyn Store>) -> Vec<&'static str> {
    let alerts = read(store, |view| Ok(view.alerts(100)?)).await;
    alerts.iter().map(|alert| alert.news.name()).collect()
}

async fn recorded(store: &Arc<dyn Store>, of: Activity) -> Vec<AuditEvent> {
    let events = read(store, |view| Ok(view.unchained_events(10_000)?)).await;
    let events = events.iter().map(|stored| serde_json::from_str::<AuditEvent>(&stored.body).expect("an event"));
    events.filter(|event| event.activity == of).collect()
}

fn let_go(second: u64, quiet_until: Option<u64>) -> Release {
    let by = Actor::operator(&HostUser::new("root", 0));
    Release { at: at(second), by, quiet_until: quiet_until.map(at), reason: Some("drill".to_owned()) }
}

const NEAR: &str = "chaveiro.reading_near_limit";
const HELD: &str = "chaveiro.reading_on_hold";

pub(crate) async fn the_ceiling_is_exact_however_many_read_at_once(backend: &dyn Backend) {
    for (rule, of) in [(rule(0, 5), Some("application/thief")), (rule(5, 0), None)] {
        let store = waiting(backend.fresh(), rule, 64).await;
        let nodes = [Arc::clone(&store), backend.another()];
        let all = (100..164).map(|number| reads(&nodes[number as usize % 2], "thief", number, 1)).collect();
        let seen = joined(all).await;
        assert_eq!(seen.iter().filter(|seen| seen.is_ok()).count(), 5, "{of:?}");
        assert_eq!(seen.iter().filter(|seen| **seen == Err(Withheld::OnHold)).count(), 59);
        assert_eq!(recorded(&store, Activity::PasscodeDisclosed).await.len(), 5);
        assert_eq!(recorded(&store, Activity::DisclosureRefused).await.len(), 59, "what is refused is recorded");
        assert_eq!(recorded(&store, Activity::HoldPlaced).await.len(), 1);
        let holds = read(&store, |view| Ok(view.holds(tenant_id(1), 10)?)).await;
        let hold = &holds[0];
        assert_eq!((holds.len(), hold.kind, hold.counted), (1, HoldKind::Reading, 5));
        assert_eq!((hold.party.as_deref(), hold.caused_by.application_id.as_str()), (of, "thief"));
        assert_eq!(alert_names(&store).await, [NEAR, HELD]);
    }
}

pub(crate) async fn what_a_party_has_opened_it_may_read_on_within_its_window(backend: &dyn Backend) {
    // The window of this tenant is a minute.
    let store = waiting(backend.fresh(), rule(0, 2), 4).await;
    for second in [1, 2, 30] {
        assert_eq!(reads(&store, "ana", 100, second).await, Ok(()), "once counted");
    }
    assert_eq!(reads(&store, "ana", 101, 31).await, Ok(()));
    assert_eq!(reads(&store, "ana", 102, 32).await, Err(Withheld::OnHold));
    for (number, second, seen) in
        [(100, 60, Ok(())), (101, 90, Ok(())), (100, 61, Err(Withheld::OnHold)), (101, 91, Err(Withheld::OnHold))]
    {
        assert_eq!(reads(&store, "ana", number, second).await, seen, "{number} at {second}");
    }
    // The hold is for that party alone, and each reader of a disk counts separately.
    assert_eq!(reads(&store, "bob", 100, 62).await, Ok(()));
    assert_eq!(reads(&store, "bob", 102, 63).await, Ok(()));
    assert_eq!(reads(&store, "bob", 100, 64).await, Ok(()), "bob's own window, though ana was the first");
    assert_eq!(reads(&store, "bob", 103, 65).await, Err(Withheld::OnHold));
}

pub(crate) async fn half_of_a_limit_is_told_once_a_window(backend: &dyn Backend) {
    let store = waiting(backend.fresh(), rule(9, 4), 12).await;
    assert_eq!(reads(&store, "ana", 100, 1).await, Ok(()));
    assert_eq!(alert_names(&store).await, [""; 0]);
    for number in 101..104 {
        assert_eq!(reads(&store, "ana", number, number).await, Ok(()));
    }
    assert_eq!(alert_names(&store).await, [NEAR], "the second of four, and not each after it");
    let alerts = read(&store, |view| Ok(view.alerts(10)?)).await;
    assert_eq!(alerts[0].news, News::ReadingNearLimit { counted: 2, by_caller: true });
    // Five of nine in the tenant, by a party that is at a quarter of its own limit.
    assert_eq!(reads(&store, "bob", 104, 104).await, Ok(()));
    let alerts = read(&store, |view| Ok(view.alerts(10)?)).await;
    assert_eq!(alerts[1].news, News::ReadingNearLimit { counted: 5, by_caller: false });
    // One reading reaches both halves: the next raises the second alert.
    let store = waiting(backend.fresh(), rule(4, 4), 4).await;
    for number in [100, 101] {
        assert_eq!(reads(&store, "ana", number, number).await, Ok(()));
    }
    assert_eq!(alert_names(&store).await, [NEAR]);
    assert_eq!(reads(&store, "bob", 102, 102).await, Ok(()));
    assert_eq!(alert_names(&store).await, [NEAR, NEAR]);
    // Another window raises another alert.
    let store = waiting(backend.fresh(), rule(0, 4), 6).await;
    for (number, second) in [(100, 1), (101, 2), (102, 2 * HOUR), (103, 2 * HOUR + 1)] {
        assert_eq!(reads(&store, "ana", number, second).await, Ok(()));
    }
    assert_eq!(alert_names(&store).await, [NEAR, NEAR]);
}

pub(crate) async fn a_hold_on_reading_survives_a_restart_and_ends_with_its_release(backend: &dyn Backend) {
    let store = waiting(backend.fresh(), rule(2, 0), 12).await;
    for number in [100, 101] {
        assert_eq!(reads(&store, "ana", number, number).await, Ok(()));
    }
    assert_eq!(reads(&store, "bob", 102, 102).await, Err(Withheld::OnHold));
    let store = backend.reopen(store);
    // The window is over; only a person ends the hold.
    assert_eq!(reads(&store, "ana", 102, 10 * HOUR).await, Err(Withheld::OnHold));
    let standing = read(&store, |view| Ok(view.standing_holds(tenant_id(1))?)).await;
    let id = standing[0].id;
    assert_eq!(read(&store, move |view| Ok(view.hold(tenant_id(1), id)?)).await.as_ref(), Some(&standing[0]));
    assert_eq!(read(&store, move |view| Ok(view.hold(tenant_id(2), id)?)).await, None, "another tenant");
    let released = write_as(&store, |unit| release(unit, tenant_id(1), None, let_go(11 * HOUR, Some(12 * HOUR)))).await;
    assert_eq!(read(&store, |view| Ok(view.holds(tenant_id(1), 10)?)).await, [released]);
    for number in 102..107 {
        assert_eq!(reads(&store, "ana", number, 11 * HOUR + number).await, Ok(()), "it is kept quiet");
    }
    let after = |number: u64| 12 * HOUR + number;
    assert_eq!(reads(&store, "ana", 107, after(1)).await, Ok(()));
    assert_eq!(reads(&store, "ana", 108, after(2)).await, Ok(()));
    assert_eq!(reads(&store, "ana", 109, after(3)).await, Err(Withheld::OnHold), "counted from the release on");
}

pub(crate) async fn holds_of_several_kinds_and_parties_stand_beside_each_other(backend: &dyn Backend) {
    let store = waiting(backend.fresh(), rule(0, 1), 8).await;
    for (who, number) in [("ana", 100), ("ana", 101), ("bob", 102), ("bob", 103)] {
        let _ = reads(&store, who, number, number).await;
    }
    let standing = read(&store, |view| Ok(view.standing_holds(tenant_id(1))?)).await;
    let parties: Vec<_> = standing.iter().map(|hold| hold.party.as_deref()).collect();
    assert_eq!(parties, [Some("application/bob"), Some("application/ana")]);
    let several = store.try_write(|unit| release(unit, tenant_id(1), None, let_go(200, None))).await;
    assert!(matches!(several, Err(Fault::Refused(UnclearHold::Several))), "{several:?}");
    let anas = standing[1].id;
    write_as(&store, move |unit| release(unit, tenant_id(1), Some(anas), let_go(200, None))).await;
    assert_eq!(reads(&store, "ana", 104, 201).await, Ok(()));
    assert_eq!(reads(&store, "bob", 105, 202).await, Err(Withheld::OnHold));
}

pub(crate) async fn breaking_the_glass_passes_a_hold_on_reading(backend: &dyn Backend) {
    let store = waiting(backend.fresh(), rule(1, 0), 4).await;
    assert_eq!(reads(&store, "ana", 100, 1).await, Ok(()));
    let glass = |reason| see(&store, caller(1, "ana"), 101, 2, Some(reason));
    assert_eq!(glass("short").await, Err(Withheld::BreakGlassReason));
    assert_eq!(glass("ticket 4711").await, Ok(()));
    let used = recorded(&store, Activity::BreakGlassUsed).await;
    assert!(used[0].details.contains(&("reason".to_owned(), "ticket 4711".to_owned())), "{used:?}");
    assert!(alert_names(&store).await.contains(&"chaveiro.break_glass_used"));
    assert_eq!(reads(&store, "ana", 101, 3).await, Ok(()), "the window of ana is open now");
    assert_eq!(reads(&store, "ana", 102, 4).await, Err(Withheld::OnHold), "for one device");
    // An application whose roles do not allow break-glass.
    let application =
        Caller { actor: Actor { kind: ActorKind::Application, ..caller(1, "script").actor }, ..caller(1, "script") };
    let seen = see(&store, application, 102, 5, Some("ticket 4711")).await;
    assert_eq!(seen, Err(Withheld::BreakGlassRole));
}

pub(crate) async fn people_are_told_of_the_first_passcode_that_an_application_reads(backend: &dyn Backend) {
    let store = waiting(backend.fresh(), ReadingRule::default(), 4).await;
    let application = |name: &str| Caller {
        actor: Actor { kind: ActorKind::Application, ..caller(1, name).actor },
        ..caller(1, name)
    };
    for (number, second) in [(100, 1), (101, 2), (100, 3 * HOUR)] {
        assert_eq!(see(&store, application("script"), number, second, None).await, Ok(()));
    }
    assert_eq!(alert_names(&store).await, ["chaveiro.first_disclosure"]);
    assert_eq!(see(&store, application("other"), 100, 4, None).await, Ok(()));
    assert_eq!(alert_names(&store).await.len(), 2);
    assert_eq!(reads(&store, "dora", 102, 5).await, Ok(()));
    assert_eq!(alert_names(&store).await.len(), 2, "a person raises none");
}

pub(crate) async fn the_share_of_the_devices_bounds_reading_beyond_its_floor(backend: &dyn Backend) {
    // With the existing ones, 53 managed devices: half of them, and more than the floor of 20.
    let rule = ReadingRule { passcodes: 1_000, by_caller: 0, percent: 50, window_s: HOUR };
    let store = waiting(backend.fresh(), rule, 50).await;
    let mut shown = 0;
    for number in 100..150 {
        shown += u32::from(reads(&store, "ana", number, number).await.is_ok());
    }
    assert_eq!(shown, 26);
    let store = waiting(backend.fresh(), ReadingRule { percent: 1, ..rule }, 30).await;
    let mut shown = 0;
    for number in 100..130 {
        shown += u32::from(reads(&store, "ana", number, number).await.is_ok());
    }
    assert_eq!(shown, 20, "small tenants can work");
}
