//! The results that open a device now: found by a direct question, however many attempts came later.

use std::sync::Arc;
use std::time::Duration;

use chaveiro_core::action::{ActionRecord, ActionState, Outcome};
use chaveiro_core::caller::Actor;
use chaveiro_core::engine::{Answer, Received, Value};
use chaveiro_core::escrow::{EscrowedSecret, SecretContext, SecretKind, Standing, UNTIL_REPLACED};
use chaveiro_core::id::SecretId;
use chaveiro_core::lock::{DeviceLock, EscrowTest, Lock};
use chaveiro_core::ports::{Store, UnitOfWork};
use chaveiro_core::secret::Passcode;
use chaveiro_core::{Fault, Timestamp};

use crate::Backend;
use crate::disks::keep;
use crate::linux::{DAY, action_id, held, opens, recover, send, settle_finish, take};
use crate::sample::{ask, at, device_id, disk, read, tenant_id, uuid, with_linux, write};

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

pub(crate) async fn the_secrets_of_several_actions_are_found_at_once(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        for (number, device) in [(1, 14), (2, 15), (3, 14)] {
            _ = ask(unit, 1, device, number, None)?;
            recover(unit, device, 10 * number, &opens(true, &["/dev/sda3"]))?;
            settle_finish(unit, device, 10 * number + 5)?;
        }
        let gone = unit.secrets(tenant_id(1), action_id(1))?.remove(0);
        Ok(unit.update_secret(&EscrowedSecret { envelope: None, ..gone })?)
    })
    .await;
    // The tenant, the actions, and those whose secrets are found, oldest first; a shredded one is among them.
    let table: [(u64, &[u64], &[u64]); 5] =
        [(1, &[3, 1], &[1, 3]), (1, &[2], &[2]), (1, &[], &[]), (1, &[9], &[]), (2, &[1, 2, 3], &[])];
    for (tenant, actions, expected) in table {
        let ids: Vec<_> = actions.iter().map(|number| action_id(*number)).collect();
        let found = read(&store, move |view| Ok(view.secrets_of(tenant_id(tenant), &ids)?)).await;
        let found: Vec<_> = found.iter().map(|secret| secret.context.action).collect();
        let expected: Vec<_> = expected.iter().map(|number| action_id(*number)).collect();
        assert_eq!(found, expected, "{tenant} {actions:?}");
    }
}

/// The secret of an action of that number, as the ends of a long history leave it.
fn of_old(number: u64, device: u64) -> EscrowedSecret {
    let context = SecretContext {
        tenant: tenant_id(1),
        device: device_id(device),
        action: action_id(number),
        attempt: 1,
        kind: SecretKind::Passcode,
    };
    let (kept, reader) = (Some(b"sealed:old".to_vec()), "app/-".to_owned());
    let (envelope, expires, disclosed) = match number % 6 {
        // Its retention runs, or ran while the clock was ahead.
        0 => (kept, at(number + 7 * DAY), None),
        1 => (kept, at(number + 900 * DAY), None),
        // It was read; it was shredded.
        2 => (kept, at(number + 60), Some((at(number), reader))),
        3 => (None, at(number + 60), None),
        // Nothing has replaced it, whether it was read or not.
        4 => (kept, UNTIL_REPLACED, None),
        _ => (kept, UNTIL_REPLACED, Some((at(number), reader))),
    };
    let (id, received) = (SecretId(uuid(8, number)), at(number));
    EscrowedSecret { id, context, envelope, standing: Standing::Current, received, expires, disclosed }
}

/// The expiry of that secret after a newer result was taken at that second, which opens what it opened.
fn retired(secret: &EscrowedSecret, second: u64) -> Timestamp {
    let unread = at(second + 7 * DAY);
    let read = secret.disclosed.as_ref().and_then(|(at, _)| at.checked_add(Duration::from_secs(60)).ok());
    match secret.envelope {
        Some(_) if secret.expires > unread => read.unwrap_or(unread).min(unread),
        Some(_) | None => secret.expires,
    }
}

pub(crate) async fn of_a_thousand_older_results_of_a_disk_those_are_retired_that_nothing_had_replaced(
    backend: &dyn Backend,
) {
    let store = with_linux(backend.fresh()).await;
    let open = |subject: &str| vec![DeviceLock { lock: Lock::Luks2, subject: subject.to_owned() }];
    write(&store, move |unit| {
        for number in 100..100 + LATER {
            // Two of them are the last to open a disk of their own: one is shredded, one kept.
            let subject =
                if [105, 106].contains(&number) { format!("/dev/sd{number}") } else { "/dev/sda3".to_owned() };
            unit.insert_action(&ended(number, ActionState::Done, &[Lock::Luks2], open(&subject)))?;
            unit.insert_secret(&of_old(number, 14))?;
        }
        // The same of another device.
        let of = (tenant_id(1), device_id(15));
        let other = ActionRecord::pending(action_id(99), of, "recoverPasscode", Actor::system(), at(99));
        unit.insert_action(&ActionRecord { state: ActionState::Done, opens: open("/dev/sda3"), ..other })?;
        unit.insert_secret(&EscrowedSecret { expires: UNTIL_REPLACED, ..of_old(99, 15) })?;
        _ = ask(unit, 1, 14, 5_000, None)?;
        recover(unit, 14, 5_010, &opens(false, &["/dev/sda3"]))?;
        settle_finish(unit, 14, 5_012).map(drop)
    })
    .await;
    for number in 100..100 + LATER {
        let before = of_old(number, 14);
        let expected = match number {
            106 => UNTIL_REPLACED,
            _ => retired(&before, 5_011),
        };
        let after = held(&store, number).await.1;
        assert_eq!(after, [EscrowedSecret { expires: expected, ..before }], "{number}");
    }
    assert_eq!(held(&store, 99).await.1[0].expires, UNTIL_REPLACED, "another device");
    assert_eq!(held(&store, 5_000).await.1[0].expires, UNTIL_REPLACED, "the new one");
    assert_eq!(current(&store).await, [5_000, 106, 105], "the newest, and of each disk the last that opens it");
}

pub(crate) async fn a_thousand_older_results_of_a_screen_end_as_their_retention_says(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    let screen = || vec![DeviceLock { lock: Lock::Screen, subject: String::new() }];
    write(&store, move |unit| {
        for number in 100..100 + LATER {
            let action = ended(number, ActionState::Done, &[Lock::Screen], screen());
            unit.insert_action(&ActionRecord { device: device_id(11), ..action })?;
            unit.insert_secret(&of_old(number, 11))?;
        }
        _ = ask(unit, 1, 11, 5_000, None)?;
        let act = send(unit, 11, 5_010)?;
        let passcode = Passcode::new("482915".to_owned().into()).map(Value::Passcode);
        let answer =
            Answer { statuses: vec![Some(200); act.commands.len()], value: passcode, report: None, complete: true };
        assert_eq!(take(unit, &act, answer, 5_011)?, Received::Settled(ActionState::Done));
        Ok(())
    })
    .await;
    for number in 100..100 + LATER {
        let before = of_old(number, 11);
        let expires = retired(&before, 5_011);
        assert_eq!(held(&store, number).await.1, [EscrowedSecret { expires, ..before }], "{number}");
    }
    let found = read(&store, |view| Ok(view.current_results(tenant_id(1), device_id(11))?)).await;
    let found: Vec<_> = found.iter().map(|action| action.id).collect();
    assert_eq!(found, [action_id(5_000)], "the newest opens what all of them opened");
}

pub(crate) async fn what_is_to_be_retired_is_of_that_device_and_kind_and_kept_beyond_that_time(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        let kept = |number, kind, expires| {
            let of_old = of_old(number, 14);
            let context = SecretContext { kind, ..of_old.context };
            EscrowedSecret { context, envelope: Some(b"sealed:".to_vec()), expires, ..of_old }
        };
        use ActionState::{Done, Failed, Pending};
        for (number, state) in [(1, Done), (2, Failed), (3, Pending)] {
            unit.insert_action(&ended(number, state, &[Lock::Luks2], Vec::new()))?;
        }
        for (action, number, kind, expires) in [
            (1, 10, SecretKind::Passcode, at(100)),
            (1, 11, SecretKind::Passcode, at(101)),
            (2, 12, SecretKind::Passcode, UNTIL_REPLACED),
            (3, 13, SecretKind::Passcode, UNTIL_REPLACED),
            (1, 14, SecretKind::UnlockToken, UNTIL_REPLACED),
            (2, 15, SecretKind::UnlockToken, at(50)),
        ] {
            let secret = EscrowedSecret { id: SecretId(uuid(8, number)), ..kept(action, kind, expires) };
            unit.insert_secret(&secret)?;
        }
        let gone =
            EscrowedSecret { id: SecretId(uuid(8, 16)), envelope: None, ..kept(1, SecretKind::Passcode, at(900)) };
        Ok(unit.insert_secret(&gone)?)
    })
    .await;
    use ActionState::{Done, Failed, Pending};
    use SecretKind::{Passcode, UnlockToken};
    // The tenant, the device, the kind and the time, and the secrets that are found, with the states of their actions.
    type Row = (u64, u64, SecretKind, u64, &'static [(u64, ActionState)]);
    let table: [Row; 6] = [
        (1, 14, Passcode, 100, &[(11, Done), (12, Failed), (13, Pending)]),
        (1, 14, Passcode, 101, &[(12, Failed), (13, Pending)]),
        (1, 14, UnlockToken, 50, &[(14, Done)]),
        (1, 14, UnlockToken, 49, &[(14, Done), (15, Failed)]),
        (1, 15, Passcode, 0, &[]),
        (2, 14, Passcode, 0, &[]),
    ];
    for (tenant, device, kind, beyond, expected) in table {
        let found = read(&store, move |view| {
            Ok(view.secrets_to_retire(tenant_id(tenant), device_id(device), kind, at(beyond))?)
        });
        let found: Vec<_> = found.await.into_iter().map(|(secret, state)| (secret.id, state)).collect();
        let expected: Vec<_> = expected.iter().map(|(number, state)| (SecretId(uuid(8, *number)), *state)).collect();
        assert_eq!(found, expected, "{tenant} {device} {kind:?} {beyond}");
    }
}

pub(crate) async fn the_result_that_nothing_has_replaced_is_found(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    let found = |kind| {
        let found = read(&store, move |view| Ok(view.unreplaced_result(tenant_id(1), device_id(14), kind)?));
        async move { found.await.map(|secret| secret.id) }
    };
    // The secrets of one action, added one by one: standing and expiry, and the number of what is then found.
    let table = [
        (Standing::History, UNTIL_REPLACED, None),
        (Standing::Current, at(900), None),
        (Standing::Current, UNTIL_REPLACED, Some(12)),
        (Standing::Uncertain, UNTIL_REPLACED, Some(12)),
        (Standing::Current, at(901), Some(12)),
        (Standing::Current, UNTIL_REPLACED, Some(15)),
    ];
    write(&store, |unit| Ok(unit.insert_action(&ended(1, ActionState::Done, &[Lock::Screen], Vec::new()))?)).await;
    for (number, (standing, expires, expected)) in (10..).zip(table) {
        let (id, of_old) = (SecretId(uuid(8, number)), of_old(1, 14));
        let context = SecretContext { kind: SecretKind::UnlockToken, ..of_old.context };
        let secret = EscrowedSecret { id, context, standing, expires, disclosed: None, ..of_old };
        write(&store, move |unit| Ok(unit.insert_secret(&secret)?)).await;
        let expected = expected.map(|number| SecretId(uuid(8, number)));
        assert_eq!(found(SecretKind::UnlockToken).await, expected, "{number}");
        assert_eq!(found(SecretKind::Passcode).await, None);
    }
    let newest = SecretId(uuid(8, 15));
    write(&store, move |unit| {
        let all = unit.secrets(tenant_id(1), action_id(1))?;
        let gone = all.into_iter().filter(|secret| secret.id == newest);
        gone.map(|secret| EscrowedSecret { envelope: None, ..secret })
            .try_for_each(|gone| Ok(unit.update_secret(&gone)?))
    })
    .await;
    assert_eq!(found(SecretKind::UnlockToken).await, Some(SecretId(uuid(8, 12))), "what is shredded is not kept");
}
