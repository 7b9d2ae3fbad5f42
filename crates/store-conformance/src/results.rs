//! The results that open a device now: found by a direct question, however many attempts came later.

use std::sync::Arc;

use chaveiro_core::Fault;
use chaveiro_core::action::{ActionRecord, ActionState, Outcome};
use chaveiro_core::caller::Actor;
use chaveiro_core::engine::Received;
use chaveiro_core::escrow::{EscrowedSecret, UNTIL_REPLACED};
use chaveiro_core::lock::{DeviceLock, EscrowTest, Lock};
use chaveiro_core::ports::{Store, UnitOfWork};

use crate::Backend;
use crate::disks::keep;
use crate::linux::{DAY, action_id, answer, held, opens, recover, send, settle_finish, take};
use crate::sample::{ask, at, device_id, disk, read, tenant_id, with_linux, write};

/// More actions than any query goes back.
const LATER: u64 = 1_000;

/// Returns an action of device 14 that has ended, or is open.
fn ended(number: u64, state: ActionState, locks: &[Lock], opens: Vec<DeviceLock>) -> ActionRecord {
    let of = (tenant_id(1), device_id(14));
    ActionRecord {
        state,
        outcome: (!state.is_open()).then_some(Outcome::DeviceRefused),
        locks: locks.to_vec(),
        opens,
        ..ActionRecord::pending(action_id(number), of, "recoverPasscode", Actor::system(), at(number))
    }
}

/// Adds so many failed attempts, from that number.
fn fail(unit: &mut dyn UnitOfWork, from: u64, locks: &[Lock]) -> Result<(), Fault> {
    for number in from..from + LATER {
        unit.insert_action(&ended(number, ActionState::Failed, locks, Vec::new()))?;
    }
    Ok(())
}

async fn current(store: &Arc<dyn Store>) -> Vec<u64> {
    let found = read(store, |view| Ok(view.current_results(tenant_id(1), device_id(14))?)).await;
    found.iter().map(|action| action.id.0.as_u64_pair().1).collect()
}

pub(crate) async fn what_opens_a_lock_is_found_behind_a_thousand_failed_attempts(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        _ = ask(unit, 1, 14, 1, None)?;
        recover(unit, 14, 10, &opens(true, &["/dev/sda3"]))?;
        settle_finish(unit, 14, 12)?;
        fail(unit, 100, &[Lock::Login, Lock::Luks2])
    })
    .await;
    assert_eq!(current(&store).await, [1_099, 1], "the newest, and what opens");
    let store = backend.reopen(store);
    assert_eq!(current(&store).await, [1_099, 1]);
    let elsewhere = read(&store, |view| {
        Ok((view.current_results(tenant_id(1), device_id(15))?, view.current_results(tenant_id(2), device_id(14))?))
    });
    assert_eq!(elsewhere.await, (Vec::new(), Vec::new()), "another device, another tenant");
}

pub(crate) async fn of_each_lock_the_newest_that_is_done_is_shown(backend: &dyn Backend) {
    use ActionState::{Done, Failed, Pending};
    // The states and the locks that each passcode opens, newest first -> the results that are shown.
    type Row = (&'static [(ActionState, &'static str)], &'static [u64]);
    let table: [Row; 11] = [
        (&[(Done, "s"), (Done, "s")], &[0]),
        (&[(Pending, ""), (Done, "s"), (Done, "s")], &[0, 1]),
        (&[(Failed, ""), (Failed, ""), (Done, "s")], &[0, 2]),
        (&[(Failed, ""), (Failed, "")], &[0]),
        (&[(Done, "l"), (Done, "d"), (Done, "ld")], &[0, 1]),
        (&[(Done, "ld"), (Done, "d"), (Done, "l")], &[0]),
        (&[(Pending, ""), (Done, "l"), (Done, "ld")], &[0, 1, 2]),
        // An action that is not done opens nothing, whatever it reports.
        (&[(Failed, "ld"), (Done, "ld")], &[0, 1]),
        // An uncertain value may open the screen, until a newer one does for certain.
        (&[(Failed, ""), (Failed, "?"), (Failed, "?"), (Done, "s")], &[0, 1, 3]),
        (&[(Done, "s"), (Failed, "?"), (Done, "s")], &[0]),
        (&[(Failed, "?")], &[0]),
    ];
    for (states, expected) in table {
        let store = with_linux(backend.fresh()).await;
        let lock = |letter| match letter {
            's' => DeviceLock { lock: Lock::Screen, subject: String::new() },
            'l' => DeviceLock { lock: Lock::Login, subject: "ana".to_owned() },
            _ => DeviceLock { lock: Lock::Luks2, subject: "/dev/sda3".to_owned() },
        };
        let rows = states.iter().enumerate().rev().map(|(number, (state, letters))| {
            let (screen, uncertain) = (letters.contains(['s', '?']), letters.contains('?'));
            let asked = if screen { Lock::Screen } else { Lock::Login };
            let opens = letters.chars().filter(|letter| *letter != '?').map(lock).collect();
            let action = ended(number as u64, *state, &[asked], opens);
            let outcome = if uncertain { Some(Outcome::Uncertain) } else { action.outcome };
            ActionRecord { outcome, ..action }
        });
        let rows: Vec<_> = rows.collect();
        write(&store, move |unit| rows.iter().try_for_each(|row| Ok(unit.insert_action(row)?))).await;
        assert_eq!(current(&store).await, expected, "{states:?}");
    }
}

pub(crate) async fn an_older_disk_passcode_is_retired_however_many_attempts_came_since(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        _ = ask(unit, 1, 14, 1, None)?;
        recover(unit, 14, 10, &opens(false, &["/dev/sda3"]))?;
        settle_finish(unit, 14, 12)?;
        fail(unit, 100, &[Lock::Luks2])?;
        _ = ask(unit, 1, 14, 2_000, None)?;
        recover(unit, 14, 2_010, &opens(false, &["/dev/sda3"]))?;
        settle_finish(unit, 14, 2_012).map(drop)
    })
    .await;
    let expires = |secrets: &[chaveiro_core::escrow::EscrowedSecret]| secrets[0].expires;
    assert_eq!(expires(&held(&store, 1).await.1), at(2_011 + 7 * DAY), "what is replaced has an end");
    assert_eq!(expires(&held(&store, 2_000).await.1), UNTIL_REPLACED);
}

pub(crate) async fn a_disk_that_failed_waits_its_day_however_often_the_login_was_asked_for(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    let kept = write(&store, |unit| {
        unit.insert_action(&ended(50, ActionState::Failed, &[Lock::Luks2], Vec::new()))?;
        fail(unit, 100, &[Lock::Login])?;
        let never = [disk("/dev/sda3", EscrowTest::Never, None)];
        Ok((keep(unit, &never, 3_000, 2_000)?, keep(unit, &never, 3_000, 50 + DAY)?))
    });
    assert_eq!(kept.await, (false, true));
}

pub(crate) async fn the_secrets_of_the_results_of_a_device_are_found_at_once(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        for (number, device) in [(1, 14), (2, 15), (3, 14)] {
            _ = ask(unit, 1, device, number, None)?;
            recover(unit, device, 10 * number, &opens(true, &["/dev/sda3"]))?;
            settle_finish(unit, device, 10 * number + 5)?;
        }
        // An open action has a value, and no result.
        _ = ask(unit, 1, 14, 4, None)?;
        let prepare = send(unit, 14, 40)?;
        let prepared = answer(&prepare, 200, Some("sealed:4"), Vec::new());
        assert_eq!(take(unit, &prepare, prepared, 40)?, Received::Waiting);
        Ok(())
    })
    .await;
    let found = |tenant: u64, device: u64| {
        let store = Arc::clone(&store);
        async move {
            let found =
                read(&store, move |view| Ok(view.secrets_of_results(tenant_id(tenant), device_id(device))?)).await;
            found.iter().map(|secret| secret.context.action).collect::<Vec<_>>()
        }
    };
    assert_eq!(found(1, 14).await, [action_id(1), action_id(3)], "oldest first");
    assert_eq!((found(1, 15).await, found(2, 14).await), (vec![action_id(2)], Vec::new()));
    write(&store, |unit| {
        let gone = unit.secrets(tenant_id(1), action_id(1))?.remove(0);
        Ok(unit.update_secret(&EscrowedSecret { envelope: None, ..gone })?)
    })
    .await;
    assert_eq!(found(1, 14).await, [action_id(3)], "what is shredded is kept no more");
}
