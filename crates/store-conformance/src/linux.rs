//! Recoveries that seal first: the messages sent, the decisions on answers, the promoted results.

use std::sync::Arc;

use chaveiro_core::Fault;
use chaveiro_core::action::{ActionRecord, ActionState, Outcome};
use chaveiro_core::command::{Delivery, DeviceCommand, Phase, Purpose, Receipt};
use chaveiro_core::decisions::standing::reconcile;
use chaveiro_core::digest::sha256_hex;
use chaveiro_core::engine::{Answer, Received, Value, close, expire, lost, receive, sent};
use chaveiro_core::escrow::{EscrowedSecret, SecretContext, Standing};
use chaveiro_core::id::{ActionId, SecretId, TenantId};
use chaveiro_core::keys::EscrowKeys;
use chaveiro_core::lock::{DeviceLock, DeviceReport, EscrowTest, Lock, Obstacle, Recoverability, Unpromoted};
use chaveiro_core::ports::{EscrowError, Sealer, Store, UnitOfWork};
use chaveiro_core::secret::{Passcode, SecretBytes};
use chaveiro_core::steady::Ripeness;

use crate::Backend;
use crate::sample::{
    Marked, ask, at, device_id, disk, enrollment, enrollment_id, linux_device, read, tenant_id, uuid, with_linux, write,
};

pub(crate) const DAY: u64 = 86_400;

pub(crate) fn action_id(number: u64) -> ActionId {
    ActionId(uuid(5, number))
}

/// Returns `login:ana` and the disks of these names.
pub(crate) fn opens(login: bool, disks: &[&str]) -> Vec<DeviceLock> {
    let login = login.then(|| DeviceLock { lock: Lock::Login, subject: "ana".to_owned() });
    let disk = |subject: &&str| DeviceLock { lock: Lock::Luks2, subject: (*subject).to_owned() };
    login.into_iter().chain(disks.iter().map(disk)).collect()
}

/// Returns a device's report on that very delivery.
fn report(delivery: &Delivery, opens: Vec<DeviceLock>) -> Option<DeviceReport> {
    let action = delivery.action?;
    let of = DeviceLock { lock: Lock::Luks2, subject: "/dev/sdb1".to_owned() };
    let obstacles = vec![Obstacle { of, code: "noFreeSlot".to_owned() }];
    Some(DeviceReport { action, attempt: delivery.attempt, opens, obstacles })
}

/// Returns an answer with that status for the `Exec`; values that were read have 200.
pub(crate) fn answer(delivery: &Delivery, exec: u16, envelope: Option<&str>, opens: Vec<DeviceLock>) -> Answer {
    let mut statuses = vec![Some(200); delivery.commands.len()];
    statuses[0] = Some(exec);
    let value = envelope.map(|envelope| Value::Envelope(envelope.as_bytes().to_vec()));
    Answer { statuses, value, report: report(delivery, opens), complete: true }
}

/// Sends the next delivery of that enrolment.
pub(crate) fn send(unit: &mut dyn UnitOfWork, number: u64, second: u64) -> Result<Delivery, Fault> {
    let delivery = unit.next_delivery(enrollment_id(number))?.unwrap_or_else(|| panic!("nothing is queued"));
    let seq = delivery.seq;
    sent(unit, delivery, Receipt { message: format!("session {} message {}", second, 1), first: 2 }, at(second))?;
    Ok(unit.delivery(seq)?.unwrap_or_else(|| panic!("no such delivery")))
}

/// Takes an answer; the second makes the id of its secret.
pub(crate) fn take(
    unit: &mut dyn UnitOfWork,
    delivery: &Delivery,
    answer: Answer,
    second: u64,
) -> Result<Received, Fault> {
    let known = unit.delivery(delivery.seq)?.unwrap_or_else(|| panic!("no such delivery"));
    receive(unit, &Marked, known, answer, SecretId(uuid(8, second)), at(second))
}

/// Sends `Prepare` and `Apply` and has both answered as expected; `Finish` stays queued.
pub(crate) fn recover(unit: &mut dyn UnitOfWork, number: u64, second: u64, opens: &[DeviceLock]) -> Result<(), Fault> {
    let prepare = send(unit, number, second)?;
    assert_eq!(prepare.purpose, Purpose::Prepare);
    let envelope = format!("sealed:{second}");
    let prepared = answer(&prepare, 200, Some(&envelope), Vec::new());
    assert_eq!(take(unit, &prepare, prepared, second)?, Received::Waiting);
    let apply = send(unit, number, second + 1)?;
    let applied = answer(&apply, 200, None, opens.to_vec());
    assert_eq!(take(unit, &apply, applied, second + 1)?, Received::Settled(ActionState::Done));
    Ok(())
}

/// Settles a delivery that belongs to no action by its status alone, as the device channel does.
pub(crate) fn settle_finish(unit: &mut dyn UnitOfWork, number: u64, second: u64) -> Result<DeviceCommand, Fault> {
    let mut delivery = send(unit, number, second)?;
    assert_eq!((delivery.purpose, delivery.action, delivery.attempt), (Purpose::Finish, None, 0));
    let Phase::Sent(at) = delivery.phase else { panic!("it was not sent") };
    (delivery.phase, delivery.statuses) = (Phase::Settled(at), vec![Some(200)]);
    unit.update_delivery(&delivery)?;
    Ok(delivery.commands.remove(0))
}

pub(crate) async fn held(store: &Arc<dyn Store>, number: u64) -> (ActionRecord, Vec<EscrowedSecret>) {
    read(store, move |view| {
        let action = view.action(tenant_id(1), action_id(number))?.unwrap_or_else(|| panic!("no action {number}"));
        let secrets = view.secrets(tenant_id(1), action.id)?;
        Ok((action, secrets))
    })
    .await
}

pub(crate) async fn a_recovery_runs_from_its_request_to_the_end_of_the_old_secret(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    let wanted = opens(true, &["/dev/sda3"]);
    write(&store, move |unit| {
        _ = ask(unit, 1, 14, 1, None)?;
        let prepare = send(unit, 14, 2)?;
        let locks = vec![Lock::Login, Lock::Luks2];
        assert_eq!(prepare.commands[0], DeviceCommand::PrepareCandidate { locks });
        let prepared = answer(&prepare, 200, Some("sealed:a"), Vec::new());
        assert_eq!(take(unit, &prepare, prepared, 3)?, Received::Waiting);
        let secrets = unit.secrets(tenant_id(1), action_id(1))?;
        assert_eq!(secrets[0].standing, Standing::History, "nothing is promoted before it is proven");
        let apply = send(unit, 14, 4)?;
        let envelope_sha256 = sha256_hex(b"sealed:a");
        assert_eq!(
            (apply.purpose, apply.attempt, &apply.commands[0]),
            (Purpose::Apply, 1, &DeviceCommand::ApplyCandidate { envelope_sha256 })
        );
        let applied = answer(&apply, 200, None, wanted.clone());
        assert_eq!(take(unit, &apply, applied, 5)?, Received::Settled(ActionState::Done));
        let finish = settle_finish(unit, 14, 6)?;
        assert_eq!(finish, DeviceCommand::RetireOld { action: action_id(1), attempt: 1 });
        assert_eq!(unit.next_delivery(enrollment_id(14))?, None);
        Ok(())
    })
    .await;
    let (action, secrets) = held(&store, 1).await;
    assert_eq!((action.state, action.outcome), (ActionState::Done, Some(Outcome::Replaced)));
    assert_eq!((action.opens, action.verified), (opens(true, &["/dev/sda3"]), Some(at(5))));
    assert_eq!(action.device_reason.as_deref(), Some("luks2:/dev/sdb1 noFreeSlot"));
    assert_eq!(secrets.iter().map(|secret| secret.standing).collect::<Vec<_>>(), [Standing::Current]);
}

pub(crate) async fn what_was_lost_is_sent_again_alike_and_is_the_same_attempt(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        _ = ask(unit, 1, 14, 1, None)?;
        let mut second = 2;
        for purpose in [Purpose::Prepare, Purpose::Apply] {
            let first = send(unit, 14, second)?;
            for _ in 0..7 {
                for delivery in unit.deliveries_in_flight(enrollment_id(14))? {
                    lost(unit, delivery, at(second))?;
                }
                second += 10;
                let again = send(unit, 14, second)?;
                assert_eq!((again.purpose, again.attempt), (purpose, 1));
                assert_eq!(again.commands, first.commands);
            }
            let last = unit.deliveries_in_flight(enrollment_id(14))?.remove(0);
            let given = (purpose == Purpose::Prepare).then_some("sealed:a");
            let said = answer(&last, 200, given, opens(true, &[]));
            take(unit, &last, said, second + 1)?;
            second += 10;
        }
        Ok(())
    })
    .await;
    let (action, secrets) = held(&store, 1).await;
    assert_eq!((action.state, action.attempt, secrets.len()), (ActionState::Done, 1, 1));
}

pub(crate) async fn an_unknown_candidate_is_made_again_a_few_times_and_then_the_action_ends(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        _ = ask(unit, 1, 14, 1, None)?;
        for attempt in 1..=5_u64 {
            let prepare = send(unit, 14, attempt * 10)?;
            assert_eq!((prepare.purpose, u64::from(prepare.attempt)), (Purpose::Prepare, attempt));
            let envelope = format!("sealed:{attempt}");
            let prepared = answer(&prepare, 200, Some(&envelope), Vec::new());
            take(unit, &prepare, prepared, attempt * 10)?;
            let apply = send(unit, 14, attempt * 10 + 1)?;
            let unknown = answer(&apply, 409, None, Vec::new());
            let received = take(unit, &apply, unknown, attempt * 10 + 1)?;
            let last = attempt == 5;
            assert_eq!(received, if last { Received::Settled(ActionState::Failed) } else { Received::Waiting });
        }
        assert_eq!(unit.next_delivery(enrollment_id(14))?, None);
        Ok(())
    })
    .await;
    let (action, secrets) = held(&store, 1).await;
    assert_eq!((action.outcome, action.attempt), (Some(Outcome::DeviceRefused), 5));
    assert_eq!(secrets.len(), 5, "what was sealed stays, as history");
    assert!(secrets.iter().all(|secret| secret.standing == Standing::History));
}

pub(crate) async fn a_candidate_that_cannot_be_kept_ends_the_action(backend: &dyn Backend) {
    use ActionState::{Failed, NotSupported};
    use Outcome::{DeviceRefused, FeatureAbsent, ValueNotDelivered};
    let table = [
        (200, Some("for another recipient"), Failed, ValueNotDelivered),
        (200, None, Failed, ValueNotDelivered),
        (406, None, NotSupported, FeatureAbsent),
        (404, None, NotSupported, FeatureAbsent),
        (500, Some("sealed:a"), Failed, DeviceRefused),
    ];
    for (exec, envelope, state, outcome) in table {
        let store = with_linux(backend.fresh()).await;
        let received = write(&store, move |unit| {
            _ = ask(unit, 1, 14, 1, None)?;
            let prepare = send(unit, 14, 2)?;
            let said = answer(&prepare, exec, envelope, Vec::new());
            take(unit, &prepare, said, 3)
        });
        assert_eq!(received.await, Received::Settled(state), "{exec} {envelope:?}");
        let (action, secrets) = held(&store, 1).await;
        assert_eq!((action.outcome, action.device_status), (Some(outcome), Some(exec)), "{exec} {envelope:?}");
        assert_eq!(action.device_reason.as_deref(), Some("luks2:/dev/sdb1 noFreeSlot"));
        let kept = envelope.is_some_and(|envelope| envelope.starts_with("sealed:"));
        assert_eq!(secrets.len(), usize::from(kept), "{exec} {envelope:?}");
        let next = read(&store, |view| Ok(view.next_delivery(enrollment_id(14))?)).await;
        assert_eq!(next, None, "nothing was changed, so nothing follows");
    }
}

/// An escrow whose keys cannot be read.
struct Keyless;

impl Sealer for Keyless {
    fn prove(&self, _: TenantId, _: &EscrowKeys) -> Result<(), EscrowError> {
        Err(EscrowError::NoKey("unreadable".to_owned()))
    }

    fn seal(&self, _: &SecretContext, _: &Passcode) -> Result<Vec<u8>, EscrowError> {
        Err(EscrowError::NoKey("unreadable".to_owned()))
    }

    fn seal_bytes(&self, _: &SecretContext, _: &SecretBytes) -> Result<Vec<u8>, EscrowError> {
        Err(EscrowError::NoKey("unreadable".to_owned()))
    }

    fn recipients(&self, _: TenantId) -> Result<Vec<String>, EscrowError> {
        Err(EscrowError::NoKey("unreadable".to_owned()))
    }

    fn check(&self, _: TenantId, _: &[u8]) -> Result<(), EscrowError> {
        Err(EscrowError::NoKey("unreadable".to_owned()))
    }
}

pub(crate) async fn a_candidate_is_not_lost_to_keys_that_cannot_be_read(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    let prepare = write(&store, |unit| {
        _ = ask(unit, 1, 14, 1, None)?;
        send(unit, 14, 2)
    })
    .await;
    let prepared = |prepare: &Delivery| answer(prepare, 200, Some("sealed:a"), Vec::new());
    let asked = prepare.clone();
    let failed = store.write(move |unit| {
        let answer = prepared(&asked);
        receive(unit, &Keyless, asked.clone(), answer, SecretId(uuid(8, 3)), at(3))
    });
    assert!(matches!(failed.await, Err(Fault::Escrow(_))), "the device gets no acknowledgement");
    let received = write(&store, move |unit| take(unit, &prepare, prepared(&prepare), 4)).await;
    assert_eq!(received, Received::Waiting, "and says it again");
    assert_eq!(held(&store, 1).await.1.len(), 1);
}

pub(crate) async fn what_is_not_proven_is_taken_back(backend: &dyn Backend) {
    // The device's report on a successful `Apply`.
    let about = |action, attempt, opens| Some(DeviceReport { action, attempt, opens, obstacles: Vec::new() });
    let table = [
        None,
        about(action_id(1), 1, Vec::new()),
        about(action_id(1), 2, opens(true, &[])),
        about(action_id(2), 1, opens(true, &[])),
    ];
    for report in table {
        let store = with_linux(backend.fresh()).await;
        write(&store, move |unit| {
            _ = ask(unit, 1, 14, 1, None)?;
            let prepare = send(unit, 14, 2)?;
            let prepared = answer(&prepare, 200, Some("sealed:a"), Vec::new());
            take(unit, &prepare, prepared, 3)?;
            let apply = send(unit, 14, 4)?;
            let said = Answer { report: report.clone(), ..answer(&apply, 200, None, Vec::new()) };
            assert_eq!(take(unit, &apply, said, 5)?, Received::Settled(ActionState::Failed));
            assert_eq!(unit.next_delivery(enrollment_id(14))?, None);
            reconcile(unit, &enrollment(1, 14), &unpromoted(1, 1, "sealed:a"), at(6))?;
            let finish = settle_finish(unit, 14, 7)?;
            assert_eq!(finish, DeviceCommand::UndoCandidate { action: action_id(1), attempt: 1 });
            Ok(())
        })
        .await;
        let (action, secrets) = held(&store, 1).await;
        assert_eq!(action.outcome, Some(Outcome::Contradictory));
        assert_eq!(secrets[0].standing, Standing::History);
    }
}

fn unpromoted(action: u64, attempt: u32, envelope: &str) -> Unpromoted {
    Unpromoted { action: action_id(action), attempt, envelope_sha256: sha256_hex(envelope.as_bytes()) }
}

pub(crate) async fn a_candidate_not_seen_promoted_is_settled_by_what_the_escrow_holds(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        // 1: done on device 14. 2: open on device 15, prepared. 3: canceled on device 14.
        _ = ask(unit, 1, 14, 1, None)?;
        recover(unit, 14, 10, &opens(true, &[]))?;
        settle_finish(unit, 14, 12)?;
        _ = ask(unit, 1, 15, 2, None)?;
        let prepare = send(unit, 15, 20)?;
        let prepared = answer(&prepare, 200, Some("sealed:20"), Vec::new());
        take(unit, &prepare, prepared, 20)?;
        _ = ask(unit, 1, 14, 3, None)?;
        let third = unit.action(tenant_id(1), action_id(3))?.unwrap_or_else(|| panic!("no action"));
        Ok(close(unit, third, Outcome::CanceledByCaller, at(30))?)
    })
    .await;
    let table = [
        (14, unpromoted(1, 1, "sealed:10"), Some("retire")),
        (14, unpromoted(1, 1, "sealed:other"), Some("undo")),
        (14, unpromoted(1, 2, "sealed:10"), Some("undo")),
        (14, unpromoted(3, 1, "sealed:10"), Some("undo")),
        (14, unpromoted(99, 1, "sealed:10"), Some("undo")),
        (15, unpromoted(2, 1, "sealed:20"), None),
        (15, unpromoted(2, 2, "sealed:20"), Some("undo")),
        (15, unpromoted(1, 1, "sealed:10"), Some("undo")),
        (24, unpromoted(1, 1, "sealed:10"), Some("undo")),
    ];
    for (row, (number, unpromoted, expected)) in table.into_iter().enumerate() {
        let asked = unpromoted.clone();
        let queued = write(&store, move |unit| {
            // A device that reports it twice gets one answer.
            for _ in 0..2 {
                reconcile(unit, &enrollment(number / 10, number), &asked, at(100))?;
            }
            let queued = unit.deliveries_queued(enrollment_id(number))?;
            let finishes = queued.iter().filter(|delivery| delivery.purpose == Purpose::Finish).count();
            assert!(finishes <= 1, "row {row}: {finishes} of them");
            if finishes == 0 { Ok(None) } else { settle_finish(unit, number, 200 + row as u64).map(Some) }
        })
        .await;
        let Unpromoted { action, attempt, .. } = unpromoted;
        let wanted = expected.map(|word| match word {
            "retire" => DeviceCommand::RetireOld { action, attempt },
            _ => DeviceCommand::UndoCandidate { action, attempt },
        });
        assert_eq!(queued, wanted, "row {row}");
    }

    // A result stays the result after it was shredded, and after the device has enrolled again.
    write(&store, |unit| {
        for mut secret in unit.secrets(tenant_id(1), action_id(1))? {
            secret.envelope = None;
            unit.update_secret(&secret)?;
        }
        unit.void_secrets(tenant_id(1), device_id(14))?;
        reconcile(unit, &enrollment(1, 14), &unpromoted(1, 1, "sealed:10"), at(300))?;
        let finish = settle_finish(unit, 14, 301)?;
        assert_eq!(finish, DeviceCommand::RetireOld { action: action_id(1), attempt: 1 });
        Ok(())
    })
    .await;
}

pub(crate) async fn an_action_that_was_told_to_apply_does_not_expire(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        for (number, action) in [(14, 1), (15, 2)] {
            _ = ask(unit, 1, number, action, None)?;
            let prepare = send(unit, number, 10)?;
            let envelope = format!("sealed:{number}");
            let prepared = answer(&prepare, 200, Some(&envelope), Vec::new());
            take(unit, &prepare, prepared, number)?;
        }
        // One device was asked, and its answer is lost; the other has prepared and never came again.
        let apply = send(unit, 14, 20)?;
        lost(unit, apply, at(21))
    })
    .await;
    assert_eq!(write(&store, |unit| expire(unit, &Ripeness::at_once(at(29 * DAY)), 10)).await, 0);
    // This holds also when the one that waits on is the oldest, and only one is looked at in a call.
    assert_eq!(write(&store, |unit| expire(unit, &Ripeness::at_once(at(400 * DAY)), 1)).await, 1);
    let ((told, _), (prepared, secrets)) = (held(&store, 1).await, held(&store, 2).await);
    assert_eq!((told.state, told.outcome), (ActionState::Active, None));
    assert_eq!((prepared.state, prepared.outcome), (ActionState::Failed, Some(Outcome::OutcomeUnknown)));
    assert_eq!(secrets[0].standing, Standing::History);
    // The device comes in the end, and the value that the escrow kept for it is the result.
    let received = write(&store, |unit| {
        let apply = send(unit, 14, 500 * DAY)?;
        let applied = answer(&apply, 200, None, opens(false, &["/dev/sda3"]));
        take(unit, &apply, applied, 500 * DAY)
    });
    assert_eq!(received.await, Received::Settled(ActionState::Done));
}

pub(crate) async fn the_candidate_that_was_applied_is_promoted_and_no_other(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        _ = ask(unit, 1, 14, 1, None)?;
        let first = send(unit, 14, 2)?;
        lost(unit, first.clone(), at(3))?;
        let second = send(unit, 14, 4)?;
        let prepared = answer(&second, 200, Some("sealed:applied"), Vec::new());
        take(unit, &second, prepared, 5)?;
        let apply = send(unit, 14, 6)?;
        // The lost answer arrives after all, with another envelope of the same attempt.
        let late = answer(&first, 200, Some("sealed:late"), Vec::new());
        assert_eq!(take(unit, &first, late, 7)?, Received::Late);
        let applied = answer(&apply, 200, None, opens(true, &[]));
        assert_eq!(take(unit, &apply, applied, 8)?, Received::Settled(ActionState::Done));
        Ok(())
    })
    .await;
    let (_, secrets) = held(&store, 1).await;
    let standings: Vec<_> = secrets.iter().map(|secret| (secret.envelope.as_deref(), secret.standing)).collect();
    let [applied, late] = [&b"sealed:applied"[..], &b"sealed:late"[..]].map(Some);
    assert_eq!(standings, [(applied, Standing::Current), (late, Standing::History)]);
}

pub(crate) async fn what_follows_an_end_leaves_before_anything_else(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        _ = ask(unit, 1, 14, 1, None)?;
        reconcile(unit, &enrollment(1, 14), &unpromoted(98, 1, "x"), at(2))?;
        reconcile(unit, &enrollment(1, 14), &unpromoted(99, 1, "x"), at(3))?;
        let queued = unit.deliveries_queued(enrollment_id(14))?;
        let purposes: Vec<_> = queued.iter().map(|delivery| delivery.purpose).collect();
        assert_eq!(purposes, [Purpose::Finish, Purpose::Finish, Purpose::Prepare]);
        assert!(queued[0].seq < queued[1].seq && queued[2].seq < queued[0].seq);
        for number in [98, 99] {
            let finish = settle_finish(unit, 14, number)?;
            assert_eq!(finish, DeviceCommand::UndoCandidate { action: action_id(number), attempt: 1 });
        }
        assert_eq!(send(unit, 14, 100)?.purpose, Purpose::Prepare);
        assert!(unit.deliveries_queued(enrollment_id(14))?.is_empty());
        assert!(unit.deliveries_queued(enrollment_id(15))?.is_empty());
        Ok(())
    })
    .await;
}

pub(crate) async fn what_an_action_opens_comes_back_as_it_was_written(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    let [stranger, ready] = [Some("a code \u{1f511} \" of the device".to_owned()), None];
    let entry = |lock, obstacle, escrow, action| Recoverability {
        of: DeviceLock { lock, subject: "/dev/mapper/x y".to_owned() },
        obstacle,
        escrow,
        action,
    };
    let recoverability = vec![
        entry(Lock::Login, stranger, EscrowTest::Never, None),
        entry(Lock::Luks2, ready, EscrowTest::Changed, Some(action_id(1))),
        disk("", EscrowTest::Opens, Some(7)),
    ];
    let device = chaveiro_core::device::ManagedDevice { recoverability, ..linux_device(1, 14) };
    let written = device.clone();
    let action = write(&store, move |unit| {
        unit.update_device(&written)?;
        _ = ask(unit, 1, 14, 1, None)?;
        let opened = unit.action(tenant_id(1), action_id(1))?.unwrap_or_else(|| panic!("no action"));
        assert_eq!((opened.locks.as_slice(), opened.opens.len()), (&[Lock::Login, Lock::Luks2][..], 0));
        let action = ActionRecord {
            opens: opens(true, &["/dev/sda3", "/dev/s\u{e9}"]),
            verified: Some(at(9)),
            before_restore: None,
            device_reason: Some("because \"of\" it".to_owned()),
            ..opened
        };
        unit.update_action(&action)?;
        Ok(action)
    })
    .await;
    let store = backend.reopen(store);
    assert_eq!(read(&store, |view| Ok(view.device(tenant_id(1), device_id(14))?)).await, Some(device));
    assert_eq!(held(&store, 1).await.0, action);
}
