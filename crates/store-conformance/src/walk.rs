//! A random walk through the domain's functions, with a seed; every invariant is checked after each step.

use std::collections::BTreeMap;
use std::sync::Arc;

use chaveiro_core::action::{ActionRecord, ActionState};
use chaveiro_core::actions::keeps_uncertain_value;
use chaveiro_core::command::{Delivery, DeviceCommand, Phase, Purpose, Receipt};
use chaveiro_core::decisions::disclose_passcode::shred;
use chaveiro_core::decisions::standing::{keep_disk_escrowed, reconcile};
use chaveiro_core::digest::sha256_hex;
use chaveiro_core::engine::{Answer, Value, close, expire, lost, receive, sent};
use chaveiro_core::escrow::{EscrowedSecret, Standing};
use chaveiro_core::id::{ActionId, SecretId};
use chaveiro_core::lock::{DeviceLock, DeviceReport, Lock, Unpromoted};
use chaveiro_core::ports::{Store, UnitOfWork, View};
use chaveiro_core::secret::Passcode;
use chaveiro_core::steady::Ripeness;
use chaveiro_core::{Fault, Timestamp};

use crate::Backend;
use crate::sample::{
    Marked, ask, at, device_id, enrollment, enrollment_id, linux_device, read, tenant_id, uuid, with_linux, write,
};

const STEPS: u64 = 800;

/// The devices of the walk: three of Windows, two of Linux.
const DEVICES: u64 = 5;

/// A small seeded generator: the same walk in every run.
#[derive(Clone, Copy)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Returns a number from 0, less than `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// The input of a step: the tenant's number, the step, the time and its random numbers.
#[derive(Clone, Copy)]
struct Step {
    number: u64,
    step: u64,
    now: Timestamp,
    dice: Dice,
}

pub(crate) async fn a_random_walk_keeps_every_invariant(backend: &dyn Backend) {
    let (mut done, mut uncertain) = (0, 0);
    for seed in [1, 2, 3, 4] {
        let store = with_linux(backend.fresh()).await;
        let mut dice = Dice(seed);
        let mut seen = Seen::default();
        for step in 1..=STEPS {
            let (verb, number) = (dice.roll(16), 11 + dice.roll(DEVICES));
            // An hour a step: in the end actions expire and passcodes are shredded.
            let taken = Step { number, step, now: at(step * 3600), dice: Dice(dice.0.rotate_left(32) ^ step) };
            write(&store, move |unit| take(unit, verb, taken)).await;
            seen = check(&store, number, seen).await;
        }
        done += seen.done;
        uncertain += seen.uncertain;
    }
    assert!(done > 0, "the walks never end a recovery well");
    assert!(uncertain > 0, "the walks never end one with a value that is not certain");
}

fn take(unit: &mut dyn UnitOfWork, verb: u64, mut taken: Step) -> Result<(), Fault> {
    let Step { number, step, now, .. } = taken;
    let luck = taken.dice.roll(6);
    match verb {
        0 | 1 => ask(unit, 1, number, step, None).map(drop),
        2..6 => match unit.next_delivery(enrollment_id(number))? {
            Some(delivery) => {
                let at = Receipt { message: format!("session {} message {}", step, 1), first: 2 };
                sent(unit, delivery, at, now)
            }
            None => Ok(()),
        },
        6..11 => match unit.deliveries_in_flight(enrollment_id(number))?.pop() {
            Some(delivery) => answer(unit, delivery, taken),
            None => Ok(()),
        },
        11 => match unit.deliveries_in_flight(enrollment_id(number))?.pop() {
            Some(delivery) => {
                lost(unit, delivery.clone(), now)?;
                // Sometimes a lost answer arrives after all.
                let late = unit.delivery(delivery.seq)?.filter(|_| luck < 2);
                late.map_or(Ok(()), |late| answer(unit, late, taken))
            }
            None => Ok(()),
        },
        12 | 13 if number > 13 => stand(unit, taken),
        12 | 13 => Ok(()),
        14 if luck == 0 => match unit.open_action(tenant_id(1), device_id(number), "recoverPasscode")? {
            Some(action) => Ok(close(unit, action, chaveiro_core::action::Outcome::CanceledByCaller, now)?),
            None => Ok(()),
        },
        14 => shred(unit, &Ripeness::at_once(now), 10).map(drop),
        _ => expire(unit, &Ripeness::at_once(now), 10).map(drop),
    }
}

/// Answers, more often right than wrong.
fn answer(unit: &mut dyn UnitOfWork, delivery: Delivery, mut taken: Step) -> Result<(), Fault> {
    let Step { step, now, .. } = taken;
    let code = [200, 200, 200, 200, 200, 406, 409, 500][taken.dice.roll(8) as usize];
    let mut statuses = vec![Some(code); delivery.commands.len()];
    if taken.dice.roll(8) == 0 {
        // Some commands are not answered.
        statuses.pop();
        statuses.push(None);
    }
    let reads = |command: &DeviceCommand| delivery.commands.contains(command);
    let value = match taken.dice.roll(6) {
        0 | 1 if reads(&DeviceCommand::ReadNewPin) => Passcode::new(format!("{step:06}").into()).map(Value::Passcode),
        2 if reads(&DeviceCommand::ReadNewPin) => Passcode::new(format!("{step:06}").into()).map(Value::Doubtful),
        0 if reads(&DeviceCommand::ReadCandidate) => Some(Value::Envelope(b"garbage".to_vec())),
        1..5 if reads(&DeviceCommand::ReadCandidate) => Some(Value::Envelope(format!("sealed:{step}").into_bytes())),
        _ => None,
    };
    let opens = |lock, subject: &str| DeviceLock { lock, subject: subject.to_owned() };
    let opens = match taken.dice.roll(4) {
        0 => Vec::new(),
        1 => vec![opens(Lock::Login, "ana")],
        2 => vec![opens(Lock::Luks2, "/dev/sda3")],
        _ => vec![opens(Lock::Login, "ana"), opens(Lock::Luks2, "/dev/sda3"), opens(Lock::Luks2, "/dev/sdb1")],
    };
    let report = delivery.action.filter(|_| reads(&DeviceCommand::ReadReport)).map(|action| DeviceReport {
        action: if taken.dice.roll(10) == 0 { ActionId(uuid(5, 0)) } else { action },
        attempt: delivery.attempt,
        opens,
        obstacles: Vec::new(),
    });
    let report = report.filter(|_| taken.dice.roll(8) > 0);
    // Sometimes the device's package continues.
    let complete = taken.dice.roll(12) > 0;
    let answer = Answer { statuses, value, report, complete };
    receive(unit, &Marked, delivery, answer, SecretId(uuid(8, step)), now).map(drop)
}

/// Begins a session of a Linux device: it holds a candidate of some action, or its disk wants a passcode.
fn stand(unit: &mut dyn UnitOfWork, mut taken: Step) -> Result<(), Fault> {
    let Step { number, step, now, .. } = taken;
    if taken.dice.roll(2) == 0 {
        return keep_disk_escrowed(
            unit,
            &linux_device(1, number),
            &enrollment(1, number),
            ActionId(uuid(5, step)),
            now,
        )
        .map(drop);
    }
    let actions = unit.actions(tenant_id(1), device_id(11 + taken.dice.roll(DEVICES)), 1000)?;
    let chosen = actions.get(taken.dice.roll(4) as usize).map_or(ActionId(uuid(5, 0)), |action| action.id);
    let secrets = unit.secrets(tenant_id(1), chosen)?;
    let envelope = secrets.last().and_then(|secret| secret.envelope.clone()).unwrap_or_default();
    let attempt = secrets.last().map_or(1, |secret| secret.context.attempt) + u32::from(taken.dice.roll(5) == 0);
    let unpromoted = Unpromoted { action: chosen, attempt, envelope_sha256: sha256_hex(&envelope) };
    reconcile(unit, &enrollment(1, number), &unpromoted, now)
}

/// The state before, of which nothing may change.
#[derive(Default)]
struct Seen {
    ended: BTreeMap<ActionId, ActionRecord>,
    secrets: BTreeMap<SecretId, EscrowedSecret>,
    done: usize,
    uncertain: usize,
}

async fn check(store: &Arc<dyn Store>, number: u64, mut seen: Seen) -> Seen {
    read(store, move |view| {
        let actions = view.actions(tenant_id(1), device_id(number), 1000)?;
        let open: Vec<_> = actions.iter().filter(|action| action.state.is_open()).collect();
        assert!(open.len() <= 1, "one open action");
        for action in &actions {
            check_action(view, action, &mut seen)?;
        }
        let queued = view.deliveries_queued(enrollment_id(number))?;
        let finishes = queued.iter().take_while(|delivery| delivery.purpose == Purpose::Finish).count();
        let all = queued.iter().filter(|delivery| delivery.purpose == Purpose::Finish).count();
        assert_eq!(finishes, all, "what follows an end leaves first");
        assert!(queued.iter().all(|delivery| delivery.action.is_some() != (delivery.purpose == Purpose::Finish)));
        Ok(seen)
    })
    .await
}

fn check_action(view: &dyn View, action: &ActionRecord, seen: &mut Seen) -> Result<(), Fault> {
    let secrets = view.secrets(tenant_id(1), action.id)?;
    let deliveries = view.deliveries(action.id)?;
    let open = action.state.is_open();
    let current: Vec<_> = secrets.iter().filter(|secret| secret.standing == Standing::Current).collect();
    assert_eq!(current.len(), usize::from(action.state == ActionState::Done), "done means escrowed");
    let uncertain = secrets.iter().filter(|secret| secret.standing == Standing::Uncertain).count();
    let kept = usize::from(keeps_uncertain_value(action));
    assert!(open || uncertain == kept, "what may open the device is within reach, and nothing else is");
    assert_eq!(action.outcome.is_some(), !open, "an end has a reason");
    let alive = |phase: &Phase| matches!(phase, Phase::Queued | Phase::Sent(_));
    let waiting = deliveries.iter().filter(|delivery| alive(&delivery.phase)).count();
    assert_eq!(waiting, usize::from(open), "an open action has a command, an ended one none");

    let sealed_first = deliveries.iter().any(|delivery| delivery.purpose == Purpose::Prepare);
    assert!(!open || !sealed_first || secrets.iter().all(|secret| secret.envelope.is_some()), "a candidate stays");
    for secret in current.iter().filter(|_| sealed_first) {
        let applied = deliveries.iter().rfind(|delivery| delivery.purpose == Purpose::Apply);
        let told = applied.and_then(|delivery| delivery.commands.first().cloned());
        let hash = secret.envelope.as_deref().map(sha256_hex);
        let is_told =
            hash.is_none_or(|envelope_sha256| told == Some(DeviceCommand::ApplyCandidate { envelope_sha256 }));
        assert!(is_told, "what was applied is promoted");
        assert!(!action.opens.is_empty() && action.verified.is_some(), "done means proven");
    }
    for secret in secrets {
        if let Some(before) = seen.secrets.insert(secret.id, secret.clone()) {
            assert_eq!((before.context, before.received), (secret.context, secret.received));
            assert!(secret.envelope.is_none() || secret.envelope == before.envelope, "nothing sealed is overwritten");
        }
    }
    if !open && let Some(before) = seen.ended.insert(action.id, action.clone()) {
        // A value may come late; then a failed action gains that much knowledge.
        let valued = before.state == ActionState::Failed && !keeps_uncertain_value(&before);
        let later = action.state == ActionState::Failed && keeps_uncertain_value(action);
        assert!(before == *action || (valued && later), "an end is final");
    }
    seen.done += usize::from(action.state == ActionState::Done && sealed_first);
    seen.uncertain += kept;
    Ok(())
}
