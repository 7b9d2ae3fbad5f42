//! The hold on recoveries, and repeated requests.

use std::sync::Arc;

use chaveiro_core::Decided;
use chaveiro_core::Fault;
use chaveiro_core::Timestamp;
use chaveiro_core::action::Outcome;
use chaveiro_core::alert::{Alert, News};
use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::caller::{Actor, HostUser};
use chaveiro_core::decisions::ask::{Ask, Begun, begin};
use chaveiro_core::decisions::hold::release;
use chaveiro_core::decisions::standing::keep_disk_escrowed;
use chaveiro_core::device::{ManagedDevice, ManagementState};
use chaveiro_core::engine::close;
use chaveiro_core::hold::{HoldRule, Release};
use chaveiro_core::id::ActionId;
use chaveiro_core::ports::Decided::{Done, RefusedAndRecorded};
use chaveiro_core::ports::{Store, StoreError, View};
use chaveiro_core::refusal::{DeviceRefusal, HoldRefusal, Refusal, UnclearHold};
use chaveiro_core::tenant::{Tenant, TenantSettings};

use crate::Backend;
use crate::sample::{
    asked, at, caller, device, device_id, enrollment, filled, joined, linux_device, read, tenant, tenant_id, uuid,
    with_linux, write, write_as,
};

/// Returns a store in which tenant 1 has that rule and so many more devices, from number 100.
async fn held_by(store: Arc<dyn Store>, rule: HoldRule, devices: u64) -> Arc<dyn Store> {
    let store = with_linux(store).await;
    write(&store, move |unit| {
        let settings = TenantSettings { hold: rule, ..tenant(1).settings };
        unit.update_tenant(&Tenant { settings, ..tenant(1) })?;
        for number in 100..100 + devices {
            unit.insert_device(&device(1, number))?;
            unit.insert_enrollment(&enrollment(1, number))?;
        }
        Ok(())
    })
    .await;
    store
}

const HOUR: u64 = 3600;

fn rule(recoveries: u32) -> HoldRule {
    HoldRule { recoveries, percent: 0, window_s: HOUR }
}

async fn ask_at(store: &Arc<dyn Store>, ask: Ask, now: Timestamp) -> Decided<Begun> {
    write(store, move |unit| begin(unit, &ask, now)).await
}

fn is_held(begun: &Decided<Begun>) -> bool {
    matches!(begun, RefusedAndRecorded(Refusal::Hold(HoldRefusal::RecoveryOnHold { .. })))
}

/// Lets the server escrow the disk of device 14 by itself; returns true if it did.
async fn keep_disk(store: &Arc<dyn Store>, now: Timestamp) -> bool {
    let device = linux_device(1, 14);
    write(store, move |unit| keep_disk_escrowed(unit, &device, &enrollment(1, 14), ActionId(uuid(5, 500)), now)).await
}

async fn activities(store: &Arc<dyn Store>, of: Activity) -> usize {
    let events = read(store, |view| Ok(view.unchained_events(10_000)?)).await;
    let event = |body: &str| serde_json::from_str::<AuditEvent>(body).expect("an event").activity;
    events.iter().filter(|stored| event(&stored.body) == of).count()
}

fn let_go(at: Timestamp, quiet_until: Option<Timestamp>) -> Release {
    Release { at, by: Actor::operator(&HostUser::new("root", 0)), quiet_until, reason: Some("drill".to_owned()) }
}

pub(crate) async fn the_limit_is_exact_however_many_ask_at_once(backend: &dyn Backend) {
    let store = held_by(backend.fresh(), rule(5), 64).await;
    let requests = (100..164).map(|number| ask_at(&store, asked(1, number, number, None), at(1))).collect();
    let begun = joined(requests).await;
    assert_eq!(begun.iter().filter(|begun| matches!(begun, Done(Begun::Opened(_)))).count(), 5);
    assert_eq!(begun.iter().filter(|begun| is_held(begun)).count(), 59);
    assert_eq!(activities(&store, Activity::HoldPlaced).await, 1);
    assert_eq!(activities(&store, Activity::ActionRefused).await, 59);
    let holds = read(&store, |view| Ok(view.holds(tenant_id(1), 10)?)).await;
    assert_eq!((holds.len(), holds[0].counted, holds[0].placed), (1, 5, at(1)));
    assert_eq!(holds[0].caused_by, caller(1, "app").actor);
    assert_eq!(read(&store, |view| Ok(view.statistics()?)).await.active_holds, 1);
    assert_eq!(read(&store, |view| Ok(view.holds(tenant_id(2), 10)?)).await, [], "another tenant");
}

pub(crate) async fn two_nodes_on_one_store_count_as_one(backend: &dyn Backend) {
    let store = held_by(backend.fresh(), rule(5), 40).await;
    let nodes = [Arc::clone(&store), backend.another()];
    let ask = |number: u64, device: u64, request: Option<&str>| {
        let node = &nodes[number as usize % 2];
        ask_at(node, asked(1, device, number, request), at(1))
    };
    let begun = joined((100..140).map(|number| ask(number, number, None)).collect()).await;
    assert_eq!(begun.iter().filter(|begun| matches!(begun, Done(Begun::Opened(_)))).count(), 5);
    assert_eq!(begun.iter().filter(|begun| is_held(begun)).count(), 35);
    assert_eq!(activities(&store, Activity::HoldPlaced).await, 1);
    // A balancer sends one request to both, as retries go: one recovery, opened by whichever was first.
    write_as(&store, |unit| release(unit, tenant_id(1), None, let_go(at(1), None))).await;
    let begun = joined((200..240).map(|number| ask(number, 11 + number % 2, Some("same"))).collect()).await;
    assert_eq!(begun.iter().filter(|begun| matches!(begun, Done(Begun::Opened(_)))).count(), 2, "one for each device");
    assert_eq!(begun.iter().filter(|begun| matches!(begun, Done(Begun::Repeated(_)))).count(), 38);
}

pub(crate) async fn a_hold_survives_a_restart_and_ends_with_its_release(backend: &dyn Backend) {
    let store = held_by(backend.fresh(), rule(2), 8).await;
    for number in 100..103 {
        _ = ask_at(&store, asked(1, number, number, None), at(number)).await;
    }
    let store = backend.reopen(store);
    // The window is over; only a person ends the hold.
    let late = at(10 * HOUR);
    assert!(is_held(&ask_at(&store, asked(1, 103, 103, None), late).await));
    let released = write_as(&store, move |unit| release(unit, tenant_id(1), None, let_go(late, None))).await;
    assert_eq!(released.released, Some(let_go(late, None)));
    assert_eq!(read(&store, |view| Ok(view.holds(tenant_id(1), 10)?)).await, [released], "as it was written");
    let again = store.try_write(move |unit| release(unit, tenant_id(1), None, let_go(late, None))).await;
    assert!(matches!(again, Err(Fault::Refused(UnclearHold::None))), "{again:?}");
    let opened = |number: u64| ask_at(&store, asked(1, number, number, None), at(10 * HOUR + number));
    for (number, held) in [(103, false), (104, false), (105, true)] {
        assert_eq!(is_held(&opened(number).await), held, "the next two after the release: {number}");
    }
    assert_eq!(activities(&store, Activity::HoldPlaced).await, 2);
    assert_eq!(activities(&store, Activity::HoldReleased).await, 1);
}

pub(crate) async fn a_release_can_keep_quiet_for_a_while(backend: &dyn Backend) {
    let store = held_by(backend.fresh(), rule(1), 8).await;
    for number in [100, 101] {
        _ = ask_at(&store, asked(1, number, number, None), at(number)).await;
    }
    let quiet = at(200 + HOUR);
    write_as(&store, move |unit| release(unit, tenant_id(1), None, let_go(at(200), Some(quiet)))).await;
    for (number, second, held) in [
        (101, 300, false),
        (102, 301, false),
        (103, 199 + HOUR, false),
        (104, 201 + HOUR, false),
        (105, 202 + HOUR, true),
    ] {
        let begun = ask_at(&store, asked(1, number, number, None), at(second)).await;
        assert_eq!(is_held(&begun), held, "device {number} at {second}: {begun:?}");
    }
}

pub(crate) async fn the_percentage_is_of_managed_devices(backend: &dyn Backend) {
    // Five managed devices exist already; retired ones do not count.
    let rule = HoldRule { recoveries: 1_000, percent: 50, window_s: HOUR };
    let store = held_by(backend.fresh(), rule, 30).await;
    write(&store, |unit| {
        for number in 120..129 {
            unit.update_device(&ManagedDevice {
                management_state: ManagementState::RetireIssued,
                ..device(1, number)
            })?;
        }
        Ok(())
    })
    .await;
    let mut opened = 0;
    for number in 100..120 {
        match ask_at(&store, asked(1, number, number, None), at(number)).await {
            Done(Begun::Opened(_)) => opened += 1,
            other => assert!(is_held(&other), "{other:?}"),
        }
    }
    assert_eq!(opened, 13, "half of 26");
}

pub(crate) async fn what_is_no_new_recovery_is_not_counted(backend: &dyn Backend) {
    let store = held_by(backend.fresh(), rule(2), 4).await;
    // A recovery that the server opens by itself for a disk.
    assert!(keep_disk(&store, at(1)).await);
    let first = ask_at(&store, asked(1, 100, 100, Some("one")), at(2)).await;
    assert!(matches!(first, Done(Begun::Opened(_))));
    for (number, request) in [(101, Some("one")), (102, Some("two")), (103, None)] {
        let begun = ask_at(&store, asked(1, 100, number, request), at(number)).await;
        assert!(matches!(begun, Done(Begun::Repeated(_) | Begun::AlreadyOpen(_))), "{begun:?}");
    }
    assert!(matches!(ask_at(&store, asked(1, 101, 105, None), at(105)).await, Done(Begun::Opened(_))), "the second");
    // A request that is refused anyway places no hold.
    write(&store, |unit| {
        let retired = ManagedDevice { management_state: ManagementState::RetireIssued, ..device(1, 103) };
        Ok(unit.update_device(&retired)?)
    })
    .await;
    let retired = ask_at(&store, asked(1, 103, 107, None), at(106)).await;
    assert_eq!(retired, RefusedAndRecorded(DeviceRefusal::Retired.into()));
    assert_eq!(read(&store, |view| Ok(view.holds(tenant_id(1), 1)?)).await, []);
    assert!(is_held(&ask_at(&store, asked(1, 102, 106, None), at(106)).await), "the third");
}

pub(crate) async fn a_hold_leaves_everything_else_as_it_is(backend: &dyn Backend) {
    let store = held_by(backend.fresh(), rule(1), 4).await;
    _ = ask_at(&store, asked(1, 100, 100, Some("one")), at(100)).await;
    assert!(is_held(&ask_at(&store, asked(1, 101, 101, None), at(101)).await));
    // Known requests and open recoveries are answered as ever; a disk's own recovery is not canceled for nothing.
    assert!(matches!(ask_at(&store, asked(1, 100, 102, Some("one")), at(102)).await, Done(Begun::Repeated(_))));
    assert!(matches!(ask_at(&store, asked(1, 100, 103, None), at(103)).await, Done(Begun::AlreadyOpen(_))));
    assert!(keep_disk(&store, at(104)).await, "the server's own recovery is not held");
    let open = |view: &dyn View| Ok(view.open_action(tenant_id(1), device_id(14), "recoverPasscode")?);
    let before = read(&store, open).await;
    assert!(before.is_some());
    assert!(is_held(&ask_at(&store, asked(1, 14, 105, None), at(105)).await));
    assert_eq!(read(&store, open).await, before);
    // Break-glass is for one device, with a reason, and counts.
    let glass = |reason: &str| Ask { break_glass: Some(reason.to_owned()), ..asked(1, 101, 106, None) };
    assert_eq!(ask_at(&store, glass("short"), at(106)).await, RefusedAndRecorded(HoldRefusal::BreakGlassReason.into()));
    assert!(matches!(ask_at(&store, glass("ticket 4711"), at(106)).await, Done(Begun::Opened(_))));
    assert!(is_held(&ask_at(&store, asked(1, 102, 107, None), at(107)).await));
    assert_eq!(activities(&store, Activity::BreakGlassUsed).await, 1);
    assert_eq!(read(&store, |view| Ok(view.recoveries_between(tenant_id(1), at(0), at(10_000), 100)?)).await, 2);
}

pub(crate) async fn whatever_is_alarming_is_in_the_outbox_until_it_is_taken(backend: &dyn Backend) {
    let store = held_by(backend.fresh(), rule(1), 4).await;
    let waiting = async |store: &Arc<dyn Store>| read(store, |view| Ok(view.alerts(10)?)).await;
    _ = ask_at(&store, asked(1, 100, 100, None), at(100)).await;
    assert_eq!(waiting(&store).await, [], "an ordinary recovery raises no alert");
    // Two requests that one hold refuses; then one that passes it, sent twice.
    for number in [101, 102] {
        assert!(is_held(&ask_at(&store, asked(1, number, number, None), at(number)).await));
    }
    let glass = |number: u64| Ask { break_glass: Some(" ticket 4711 ".to_owned()), ..asked(1, 101, number, None) };
    assert!(matches!(ask_at(&store, glass(103), at(103)).await, Done(Begun::Opened(_))));
    assert!(matches!(ask_at(&store, glass(104), at(104)).await, Done(Begun::AlreadyOpen(_))));
    let hold = read(&store, |view| Ok(view.holds(tenant_id(1), 1)?)).await[0].id;
    let alert = |number: u64, news: News| {
        let (tenant, about, actor) = (tenant_id(1), uuid(5, number), caller(1, "app").actor);
        Alert { tenant, about, at: at(number), actor, news }
    };
    let placed = alert(101, News::HoldPlaced { hold, counted: 1 });
    let passed = alert(103, News::BreakGlassUsed { hold, device: device_id(101), reason: "ticket 4711".to_owned() });
    assert_eq!(waiting(&store).await, [placed.clone(), passed.clone()], "as they were written, oldest first");
    assert_eq!(read(&store, |view| Ok(view.alerts(1)?)).await, std::slice::from_ref(&passed), "the newest");
    let twice = placed.clone();
    let twice = store.write(move |unit| Ok(unit.insert_alert(&twice)?)).await;
    assert!(matches!(twice, Err(Fault::Store(StoreError::Duplicate(_)))), "{twice:?}");

    // One request that does both: it places a hold, and passes it at once.
    write_as(&store, |unit| release(unit, tenant_id(1), None, let_go(at(105), None))).await;
    _ = ask_at(&store, asked(1, 102, 106, None), at(106)).await;
    let glass = Ask { break_glass: Some("ticket 4712".to_owned()), ..asked(1, 103, 107, None) };
    assert!(matches!(ask_at(&store, glass, at(107)).await, Done(Begun::Opened(_))));
    let both = waiting(&store).await.iter().filter(|alert| alert.about == uuid(5, 107)).count();
    assert_eq!(both, 2);

    // Exactly the alert that was taken is gone; the rest survives a restart.
    let taken = placed.clone();
    write(&store, move |unit| Ok(unit.delete_alert(&taken)?)).await;
    write(&store, move |unit| Ok(unit.delete_alert(&placed)?)).await;
    let store = backend.reopen(store);
    let left = waiting(&store).await;
    assert_eq!((left.len(), &left[0]), (3, &passed));

    // Many alerts of one tenant do not hide those of another.
    let elsewhere = Alert { tenant: tenant_id(2), ..passed.clone() };
    write(&store, move |unit| Ok(unit.insert_alert(&elsewhere)?)).await;
    let again = Alert { about: uuid(5, 108), ..passed };
    write(&store, move |unit| Ok(unit.insert_alert(&again)?)).await;
    let seen = read(&store, |view| Ok(view.alerts(1)?)).await;
    let seen: Vec<_> = seen.iter().map(|alert| (alert.tenant, alert.about)).collect();
    assert_eq!(seen, [(tenant_id(2), uuid(5, 103)), (tenant_id(1), uuid(5, 108))]);
}

pub(crate) async fn a_retry_without_an_id_is_its_callers_last_request(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let again = |number: u64, request: Option<&str>| Ask { retry: true, ..asked(1, 11, number, request) };
    assert!(matches!(ask_at(&store, again(1, None), at(1)).await, Done(Begun::Opened(_))), "there was none before");
    write(&store, |unit| {
        let open = unit.open_action(tenant_id(1), device_id(11), "recoverPasscode")?.expect("open");
        Ok(close(unit, open, Outcome::Expired, at(2))?)
    })
    .await;
    let first = ActionId(uuid(5, 1));
    assert_eq!(ask_at(&store, again(2, None), at(601)).await, Done(Begun::Repeated(first)), "although it has ended");
    let other_device = Ask { device: device_id(12), ..again(3, None) };
    assert!(matches!(ask_at(&store, other_device, at(10)).await, Done(Begun::Opened(_))));
    assert!(matches!(ask_at(&store, asked(1, 11, 4, None), at(11)).await, Done(Begun::Opened(_))), "no retry");
    let other_caller = Ask { caller: caller(1, "other"), ..again(5, None) };
    assert!(
        matches!(ask_at(&store, other_caller, at(12)).await, Done(Begun::AlreadyOpen(_))),
        "another caller's own request"
    );
    let other_caller = Ask { caller: caller(1, "other"), ..again(6, None) };
    assert!(
        matches!(ask_at(&store, other_caller, at(13)).await, Done(Begun::Repeated(_))),
        "answered with the open one"
    );
    let fourth = ActionId(uuid(5, 4));
    assert_eq!(
        ask_at(&store, again(7, Some("id")), at(14)).await,
        Done(Begun::AlreadyOpen(fourth)),
        "an id speaks for itself"
    );
    assert_eq!(ask_at(&store, again(8, None), at(611)).await, Done(Begun::Repeated(fourth)));
    assert_eq!(ask_at(&store, again(9, None), at(612)).await, Done(Begun::AlreadyOpen(fourth)), "ten minutes are over");
}
