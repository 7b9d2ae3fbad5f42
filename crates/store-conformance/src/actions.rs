//! Actions, deliveries, secrets: through the domain's own functions, as production uses them.

use std::sync::Arc;

use chaveiro_core::action::{ActionState, Outcome};
use chaveiro_core::actions::keeps_uncertain_value;
use chaveiro_core::actions::recover_passcode::RECOVER_PASSCODE;
use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::caller::Actor;
use chaveiro_core::command::{Delivery, DeviceCommand, Phase, Purpose, Receipt, SecretRef};
use chaveiro_core::decisions::ask::{Begun, begin};
use chaveiro_core::decisions::disclose_passcode::{Ask, AskForAll, Seen, disclose, disclose_all, shred};
use chaveiro_core::decisions::{Facts, retire, rights};
use chaveiro_core::engine::{Answer, Received, Value, close, expire, lost, receive, sent};
use chaveiro_core::escrow::{SecretKind, Standing};
use chaveiro_core::id::{ActionId, RequestId, SecretId};
use chaveiro_core::ports::Decided::{Done, RefusedAndRecorded};
use chaveiro_core::ports::{Store, UnitOfWork};
use chaveiro_core::refusal::{ActionRefusal, Withheld};
use chaveiro_core::remote_action::RemoteAction;
use chaveiro_core::secret::Passcode;
use chaveiro_core::steady::Ripeness;
use chaveiro_core::{Fault, Timestamp};

use crate::Backend;
use crate::sample::{
    Marked, ask, asked, at, caller, device_id, enrollment_id, filled, outcome, read, tenant, tenant_id, uuid, write,
};

fn in_message(message: u32) -> Receipt {
    Receipt { message: format!("session {} message {message}", "1".to_owned()), first: 3 }
}

fn passcode(text: &str) -> Option<Passcode> {
    Passcode::new(text.to_owned().into())
}

fn answer(value: Option<&str>) -> Answer {
    Answer {
        statuses: vec![Some(200), Some(200)],
        value: value.and_then(passcode).map(Value::Passcode),
        report: None,
        complete: true,
    }
}

/// Sends the next delivery of that enrolment and returns its number.
fn send(unit: &mut dyn UnitOfWork, number: u64, message: u32, now: Timestamp) -> Result<i64, Fault> {
    let delivery = unit.next_delivery(enrollment_id(number))?.unwrap_or_else(|| panic!("nothing is queued"));
    let seq = delivery.seq;
    sent(unit, delivery, in_message(message), now)?;
    Ok(seq)
}

fn lose(unit: &mut dyn UnitOfWork, seq: i64, now: Timestamp) -> Result<(), Fault> {
    let delivery = unit.delivery(seq)?.unwrap_or_else(|| panic!("no such delivery"));
    lost(unit, delivery, now)
}

fn report(unit: &mut dyn UnitOfWork, seq: i64, value: &str, secret: u64, now: Timestamp) -> Result<Received, Fault> {
    let delivery = unit.delivery(seq)?.unwrap_or_else(|| panic!("no such delivery"));
    receive(unit, &Marked, delivery, answer(Some(value)), SecretId(uuid(8, secret)), now)
}

pub(crate) async fn one_action_of_a_name_is_open_per_device(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let first = write(&store, |unit| ask(unit, 1, 11, 1, None)).await;
    let second = write(&store, |unit| ask(unit, 1, 11, 2, None)).await;
    let other = write(&store, |unit| ask(unit, 1, 12, 3, None)).await;
    let id = |number| ActionId(uuid(5, number));
    assert_eq!(
        (first, second, other),
        (Done(Begun::Opened(id(1))), Done(Begun::AlreadyOpen(id(1))), Done(Begun::Opened(id(3))))
    );
    // Even a unit of work that does not check first cannot open another.
    let forced = store.write(move |unit| {
        let open = unit.action(tenant_id(1), id(1))?.unwrap_or_else(|| panic!("no action"));
        Ok(unit.insert_action(&chaveiro_core::action::ActionRecord { id: id(9), ..open })?)
    });
    assert!(forced.await.is_err());
    assert_eq!(read(&store, |view| Ok(view.statistics()?.open_actions)).await, 2);
}

pub(crate) async fn a_recovery_runs_from_its_request_to_its_shredding(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    _ = write(&store, |unit| ask(unit, 1, 11, 1, None)).await;
    let seq = write(&store, |unit| send(unit, 11, 2, at(2))).await;
    let settled = write(&store, move |unit| report(unit, seq, "482915", 1, at(3))).await;
    assert_eq!(settled, Received::Settled(ActionState::Done));
    let late = write(&store, move |unit| report(unit, seq, "111111", 2, at(4))).await;
    assert_eq!(late, Received::Late);
    let (action, secrets) = read(&store, |view| {
        let action = view.actions(tenant_id(1), device_id(11), 5)?.remove(0);
        let secrets = view.secrets(tenant_id(1), action.id)?;
        assert!(view.secrets(tenant_id(2), action.id)?.is_empty());
        Ok((action, secrets))
    })
    .await;
    assert_eq!((action.state, action.outcome, action.attempt), (ActionState::Done, Some(Outcome::Replaced), 1));
    let standings: Vec<_> = secrets.iter().map(|secret| secret.standing).collect();
    assert_eq!(standings, [Standing::Current, Standing::History]);

    let shown = {
        let action = action.clone();
        write(&store, move |unit| disclose(unit, &Ask::new(&caller(1, "ana"), &action, RequestId(uuid(6, 1))), at(10)))
            .await
    };
    assert_eq!(outcome(shown).map(|disclosure| disclosure.envelope).ok().as_deref(), Some(&b"sealed:482915"[..]));
    let other = {
        let action = action.clone();
        write(&store, move |unit| disclose(unit, &Ask::new(&caller(1, "bob"), &action, RequestId(uuid(6, 2))), at(11)))
            .await
    };
    assert_eq!(outcome(other).err(), Some(Withheld::OtherCaller));
    // The window of this tenant is a minute; an unread passcode stays.
    assert_eq!(write(&store, |unit| shred(unit, &Ripeness::at_once(at(60)), 100)).await, 0);
    assert_eq!(write(&store, |unit| shred(unit, &Ripeness::at_once(at(80)), 100)).await, 1);
    let kept = read(&store, move |view| Ok(view.secrets(tenant_id(1), action.id)?)).await;
    assert_eq!(kept.iter().map(|secret| secret.envelope.is_some()).collect::<Vec<_>>(), [false, true]);
    assert!(kept[0].disclosed.is_some(), "the fact remains");
}

pub(crate) async fn a_delivery_keeps_the_references_that_it_went_out_with(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let commands = write(&store, |unit| {
        _ = ask(unit, 1, 11, 1, None)?;
        let mut delivery = unit.next_delivery(enrollment_id(11))?.unwrap_or_else(|| panic!("nothing is queued"));
        let reference = SecretRef { action: ActionId(uuid(5, 1)), id: SecretId(uuid(8, 1)) };
        let kind = SecretKind::UnlockToken;
        delivery.commands = vec![
            DeviceCommand::run("look"),
            DeviceCommand::read("value"),
            DeviceCommand::give("token", kind),
            DeviceCommand::Give { name: "token".to_owned(), kind, secret: Some(reference) },
        ];
        delivery.statuses = vec![None; 4];
        delivery.purpose = Purpose::Verify;
        unit.update_delivery(&delivery)?;
        Ok(delivery.commands)
    })
    .await;
    let stored = read(&store, |view| Ok(view.next_delivery(enrollment_id(11))?)).await;
    assert_eq!(stored.map(|delivery| delivery.commands), Some(commands));
}

pub(crate) async fn deliveries_leave_in_order_and_are_matched_by_message(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| {
        _ = ask(unit, 1, 11, 1, None)?;
        let first = unit.next_delivery(enrollment_id(11))?.unwrap_or_else(|| panic!("nothing is queued"));
        let second = unit.insert_delivery(&first)?;
        assert!(second > first.seq);
        assert_eq!(unit.next_delivery(enrollment_id(11))?.map(|next| next.seq), Some(first.seq));
        let seq = send(unit, 11, 7, at(2))?;
        assert_eq!(unit.next_delivery(enrollment_id(11))?.map(|next| next.seq), Some(second));
        assert_eq!(unit.deliveries_in_flight(enrollment_id(11))?.len(), 1);
        let found = |session: &str, message| -> Result<_, Fault> {
            Ok(unit
                .delivery_with_receipt(enrollment_id(11), &format!("session {session} message {message}"), 3)?
                .map(|delivery| delivery.seq))
        };
        assert_eq!(found("1", 7)?, Some(seq));
        assert_eq!((found("2", 7)?, found("1", 8)?), (None, None));
        let before = unit.delivery_with_receipt(enrollment_id(11), "session 1 message 7", 2)?;
        assert_eq!(before, None, "a command of an earlier message of that name");
        assert_eq!(
            unit.delivery_with_receipt(enrollment_id(12), "session 1 message 7", 3)?.map(|delivery| delivery.seq),
            None
        );
        assert_eq!(unit.next_delivery(enrollment_id(12))?.map(|delivery| delivery.seq), None);
        let receipt = || Receipt { message: "session 1 message 7".to_owned(), first: 3 };
        for (phase, open) in [
            (Phase::Queued, true),
            (Phase::Sent(receipt()), true),
            (Phase::Settled(receipt()), false),
            (Phase::Lost(receipt()), false),
            (Phase::Withdrawn, false),
        ] {
            let all = unit.deliveries(ActionId(uuid(5, 1)))?;
            assert_eq!(all.len(), 2);
            for delivery in all {
                unit.update_delivery(&Delivery { phase: phase.clone(), ..delivery })?;
            }
            assert_eq!(unit.has_open_delivery(enrollment_id(11))?, open, "{phase:?}");
            assert!(!unit.has_open_delivery(enrollment_id(12))?, "another enrolment");
        }
        Ok(())
    })
    .await;
}

pub(crate) async fn expired_actions_end_and_a_late_value_stays_within_reach(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    const DAY: u64 = 86_400;
    _ = write(&store, |unit| ask(unit, 1, 11, 1, None)).await;
    _ = write(&store, |unit| ask(unit, 1, 12, 2, None)).await;
    let seq = write(&store, |unit| send(unit, 12, 2, at(3))).await;
    assert_eq!(write(&store, |unit| expire(unit, &Ripeness::at_once(at(29 * DAY)), 10)).await, 0);
    assert_eq!(write(&store, |unit| expire(unit, &Ripeness::at_once(at(31 * DAY)), 10)).await, 2);
    let newest = |number| read(&store, move |view| Ok(view.actions(tenant_id(1), device_id(number), 1)?.remove(0)));
    let (queued, asked) = (newest(11).await, newest(12).await);
    assert_eq!((queued.state, queued.outcome), (ActionState::Canceled, Some(Outcome::Expired)));
    assert_eq!((asked.state, asked.outcome), (ActionState::Failed, Some(Outcome::OutcomeUnknown)));
    let phases = read(&store, |view| Ok(view.deliveries(ActionId(uuid(5, 1)))?)).await;
    assert!(phases.iter().all(|delivery| delivery.phase == Phase::Withdrawn));
    assert_eq!(write(&store, move |unit| report(unit, seq, "482915", 1, at(32 * DAY))).await, Received::Late);
    let secrets = read(&store, |view| Ok(view.secrets(tenant_id(1), ActionId(uuid(5, 2)))?)).await;
    assert_eq!(secrets.iter().map(|secret| secret.standing).collect::<Vec<_>>(), [Standing::Uncertain]);
    let late = newest(12).await;
    assert_eq!((late.state, late.outcome), (ActionState::Failed, Some(Outcome::Uncertain)));
    // A second value is one too many: it is kept, and the first stays the one that is shown.
    assert_eq!(write(&store, move |unit| report(unit, seq, "777777", 2, at(32 * DAY))).await, Received::Late);
    let secrets = read(&store, |view| Ok(view.secrets(tenant_id(1), ActionId(uuid(5, 2)))?)).await;
    let standings: Vec<_> = secrets.iter().map(|secret| secret.standing).collect();
    assert_eq!(standings, [Standing::Uncertain, Standing::History]);

    write(&store, |unit| {
        let device = unit.device(tenant_id(1), device_id(11))?.unwrap_or_else(|| panic!("none"));
        retire::retire(unit, device, Actor::system(), at(33 * DAY))
    })
    .await;
    let begun = write(&store, |unit| ask(unit, 1, 11, 9, None)).await;
    assert!(matches!(begun, RefusedAndRecorded(_)), "{begun:?}");
}

/// A device made a PIN for the first attempt, and that answer comes late; for the second attempt none comes. Then only
/// that PIN can open the device.
pub(crate) async fn a_late_value_of_an_earlier_attempt_stays_within_reach(backend: &dyn Backend) {
    const DAY: u64 = 86_400;
    for comes_before_the_end in [true, false] {
        let store = filled(backend.fresh()).await;
        _ = write(&store, |unit| ask(unit, 1, 11, 1, None)).await;
        let first = write(&store, |unit| send(unit, 11, 1, at(1))).await;
        write(&store, move |unit| lose(unit, first, at(2))).await;
        let probe = write(&store, |unit| send(unit, 11, 2, at(2))).await;
        write(&store, move |unit| {
            let delivery = unit.delivery(probe)?.unwrap_or_else(|| panic!("no such delivery"));
            receive(unit, &Marked, delivery, answer(None), SecretId(uuid(8, 9)), at(3))
        })
        .await;
        let second = write(&store, |unit| send(unit, 11, 3, at(3))).await;
        let come = move |unit: &mut dyn UnitOfWork, seq, value: &str, secret| report(unit, seq, value, secret, at(4));
        if comes_before_the_end {
            assert_eq!(write(&store, move |unit| come(unit, first, "111111", 1)).await, Received::Late);
        }
        assert_eq!(write(&store, |unit| expire(unit, &Ripeness::at_once(at(31 * DAY)), 10)).await, 1);
        if !comes_before_the_end {
            assert_eq!(write(&store, move |unit| come(unit, first, "111111", 1)).await, Received::Late);
        }
        let id = ActionId(uuid(5, 1));
        let standings = || {
            read(&store, move |view| {
                let secrets = view.secrets(tenant_id(1), id)?.into_iter();
                Ok(secrets.map(|secret| (secret.context.attempt, secret.standing)).collect::<Vec<_>>())
            })
        };
        let ended =
            read(&store, move |view| Ok(view.action(tenant_id(1), id)?.and_then(|action| action.outcome))).await;
        assert_eq!(ended, Some(Outcome::Uncertain), "{comes_before_the_end}");
        assert_eq!(standings().await, [(1, Standing::Uncertain)], "{comes_before_the_end}");
        // The value of the second attempt is newer, and only one value is shown.
        assert_eq!(write(&store, move |unit| come(unit, second, "222222", 2)).await, Received::Late);
        assert_eq!(standings().await, [(1, Standing::History), (2, Standing::Uncertain)], "{comes_before_the_end}");
    }
}

/// A device made a PIN, and its answer came in part or late; then it enrolled again, or left. That PIN may be what opens it.
pub(crate) async fn a_value_of_an_action_that_is_canceled_stays_within_reach(backend: &dyn Backend) {
    for (outcome, comes) in
        [(Outcome::Reenrolled, true), (Outcome::Reenrolled, false), (Outcome::Retired, true), (Outcome::Retired, false)]
    {
        let store = filled(backend.fresh()).await;
        _ = write(&store, |unit| ask(unit, 1, 11, 1, None)).await;
        let first = write(&store, |unit| send(unit, 11, 1, at(1))).await;
        write(&store, move |unit| lose(unit, first, at(2))).await;
        if comes {
            assert_eq!(write(&store, move |unit| report(unit, first, "111111", 1, at(3))).await, Received::Late);
        }
        let id = ActionId(uuid(5, 1));
        let ended = write(&store, move |unit| {
            let open = unit.action(tenant_id(1), id)?.unwrap_or_else(|| panic!("none"));
            close(unit, open, outcome, at(4))?;
            unit.void_secrets(tenant_id(1), device_id(11))?;
            let (caller, request) = (caller(1, "ana"), RequestId(uuid(6, 1)));
            let device = unit.device(tenant_id(1), device_id(11))?.unwrap_or_else(|| panic!("none"));
            let facts = Facts { device: &device, settings: &tenant(1).settings, rights: &rights::of(unit, &caller)? };
            let ask = AskForAll { caller: &caller, facts, request, reason: None, break_glass: None };
            let shown = disclose_all(unit, &ask, at(5))?;
            let [Seen { action, decision, .. }] = shown.as_slice() else { panic!("{shown:?}") };
            let envelope = match decision {
                Some(Done(disclosure)) => Some(disclosure.envelope.clone()),
                Some(RefusedAndRecorded(_)) | None => None,
            };
            Ok((action.state, action.outcome, keeps_uncertain_value(action), envelope))
        });
        let expected = match comes {
            true => (ActionState::Failed, Some(Outcome::Uncertain), true, Some(b"sealed:111111".to_vec())),
            false => (ActionState::Canceled, Some(outcome), false, None),
        };
        assert_eq!(ended.await, expected, "{outcome:?} {comes}");
    }
}

/// Returns the events of requests that opened no new action, in their order.
async fn asked_again(store: &Arc<dyn Store>) -> Vec<AuditEvent> {
    let events = read(store, |view| Ok(view.unchained_events(1_000)?)).await;
    let events = events.iter().map(|stored| serde_json::from_str::<AuditEvent>(&stored.body).expect("an event"));
    events.filter(|event| event.activity == Activity::ActionRequestedAgain).collect()
}

pub(crate) async fn requests_are_remembered_per_caller_and_device(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let id = |number| ActionId(uuid(5, number));
    assert_eq!(write(&store, |unit| ask(unit, 1, 11, 1, Some("r"))).await, Done(Begun::Opened(id(1))));
    assert_eq!(write(&store, |unit| ask(unit, 1, 11, 2, Some("r"))).await, Done(Begun::Repeated(id(1))));
    assert_eq!(write(&store, |unit| ask(unit, 1, 11, 3, Some("s"))).await, Done(Begun::AlreadyOpen(id(1))));
    assert_eq!(write(&store, |unit| ask(unit, 1, 11, 4, Some("s"))).await, Done(Begun::Repeated(id(1))));
    assert_eq!(write(&store, |unit| ask(unit, 1, 12, 5, Some("r"))).await, Done(Begun::Opened(id(5))));
    assert_eq!(asked_again(&store).await.iter().map(|event| event.action).collect::<Vec<_>>(), [Some(id(1)); 3]);
    let key = caller(1, "app").actor.key();
    let (other_caller, other_tenant) = read(&store, move |view| {
        Ok((
            view.action_of_request(tenant_id(1), device_id(11), "somebody", "r")?,
            view.action_of_request(tenant_id(2), device_id(11), &key, "r")?,
        ))
    })
    .await;
    assert_eq!((other_caller, other_tenant), (None, None));
}

pub(crate) async fn an_id_is_the_same_request_for_ten_minutes_or_while_its_action_is_open(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let id = |number| ActionId(uuid(5, number));
    let post = |number: u64, second: u64| {
        let ask = asked(1, 11, number, Some("my-script"));
        write(&store, move |unit| begin(unit, &ask, at(second)))
    };
    let ended = |second: u64| {
        write(&store, move |unit| {
            let open =
                unit.open_action(tenant_id(1), device_id(11), "recoverPasscode")?.unwrap_or_else(|| panic!("none"));
            Ok(close(unit, open, Outcome::CanceledByCaller, at(second))?)
        })
    };
    // While it is open, for as long as that takes; then for ten minutes after the request, and not after its repeats.
    assert_eq!(post(1, 1).await, Done(Begun::Opened(id(1))));
    assert_eq!(post(2, 86_400).await, Done(Begun::Repeated(id(1))));
    ended(86_401).await;
    assert_eq!(post(3, 86_402).await, Done(Begun::Opened(id(3))), "it is over, and ten minutes are");
    ended(86_403).await;
    assert_eq!(post(4, 86_402 + 300).await, Done(Begun::Repeated(id(3))), "it has ended a moment ago");
    assert_eq!(post(5, 86_402 + 600).await, Done(Begun::Repeated(id(3))));
    assert_eq!(post(6, 86_402 + 601).await, Done(Begun::Opened(id(6))), "a repeat does not prolong it");
    // The record has every repeat, with the action that answered it.
    let again = asked_again(&store).await;
    assert_eq!(again.iter().map(|event| event.action).collect::<Vec<_>>(), [Some(id(1)), Some(id(3)), Some(id(3))]);
    let by = ("repeated".to_owned(), "client-request-id".to_owned());
    assert!(again.iter().all(|event| event.details.contains(&by)), "{again:?}");
}

/// A clock was ahead by 43 days when a request was remembered, and is right again.
pub(crate) async fn what_was_asked_while_the_clock_was_ahead_repeats_nothing_afterwards(backend: &dyn Backend) {
    const AHEAD: u64 = 43 * 86_400;
    for (client_request_id, retry) in [(Some("my-script"), false), (None, true)] {
        let store = filled(backend.fresh()).await;
        let post = |number: u64, second: u64| {
            let mut ask = asked(1, 11, number, client_request_id);
            ask.retry = retry;
            write(&store, move |unit| begin(unit, &ask, at(second)))
        };
        assert_eq!(post(1, AHEAD).await, Done(Begun::Opened(ActionId(uuid(5, 1)))));
        write(&store, |unit| {
            let open = unit.open_action(tenant_id(1), device_id(11), "recoverPasscode")?;
            close(unit, open.unwrap_or_else(|| panic!("none")), Outcome::CanceledByCaller, at(AHEAD + 1))?;
            Ok(())
        })
        .await;
        // A clock that was set back a little repeats as one that stood still.
        assert_eq!(post(2, AHEAD - 60).await, Done(Begun::Repeated(ActionId(uuid(5, 1)))), "{client_request_id:?}");
        assert_eq!(post(3, 10).await, Done(Begun::Opened(ActionId(uuid(5, 3)))), "{client_request_id:?}");
    }
}

/// An action that no platform can carry out.
const NOWHERE: RemoteAction = RemoteAction { ways: &[], ..RECOVER_PASSCODE };

pub(crate) async fn an_action_without_a_way_on_the_platform_is_refused_and_recorded(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let mut ask = asked(1, 11, 1, None);
    ask.what = &NOWHERE;
    let begun = write(&store, move |unit| begin(unit, &ask, at(1))).await;
    let refusal = ActionRefusal::PlatformUnsupported { action: RECOVER_PASSCODE.name, platform: "Windows" };
    assert_eq!(begun, RefusedAndRecorded(refusal.into()));
    let events = read(&store, |view| Ok(view.unchained_events(10)?)).await;
    let events: Vec<AuditEvent> =
        events.iter().map(|stored| serde_json::from_str(&stored.body).expect("an event")).collect();
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(event.activity, Activity::ActionRefused);
    let reason = event.details.iter().find(|(name, _)| name == "reason").map(|(_, value)| value.as_str());
    assert_eq!(reason, Some("recoverPasscode is not possible on Windows"));
}
