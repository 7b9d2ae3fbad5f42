//! A random walk through the domain's verbs, with a seed; after each step everything that must hold is checked.

use std::sync::Arc;

use chaveiro_core::action::ActionState;
use chaveiro_core::actions::recover_passcode::{Answer, Value, expire, lost, receive, sent};
use chaveiro_core::command::{DeviceCommand, Phase, SentIn};
use chaveiro_core::escrow::Standing;
use chaveiro_core::id::SecretId;
use chaveiro_core::ports::{Store, UnitOfWork};
use chaveiro_core::secret::Passcode;
use chaveiro_core::{Fault, Timestamp};

use crate::Backend;
use crate::sample::{Marked, ask, at, device_id, enrollment_id, filled, read, tenant_id, uuid, write};

const STEPS: u64 = 400;

/// Small and seeded: the same walk in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

pub(crate) async fn a_random_walk_keeps_every_invariant(backend: &dyn Backend) {
    for seed in [1, 2, 3] {
        let store = filled(backend.fresh()).await;
        let mut dice = Dice(seed);
        for step in 1..=STEPS {
            let (verb, number, luck) = (dice.roll(5), 11 + dice.roll(3), dice.roll(6));
            let now = at(step * 3600);
            write(&store, move |unit| take(unit, verb, number, luck, step, now)).await;
            check(&store, number).await;
        }
    }
}

fn take(unit: &mut dyn UnitOfWork, verb: u64, number: u64, luck: u64, step: u64, now: Timestamp) -> Result<(), Fault> {
    match verb {
        0 => ask(unit, 1, number, step, None).map(drop),
        1 => match unit.next_delivery(enrollment_id(number))? {
            Some(delivery) => {
                let at = SentIn { session: step.to_string(), message: 1, first_command: 2 };
                sent(unit, delivery, at, now)
            }
            None => Ok(()),
        },
        2 => match unit.deliveries_in_flight(enrollment_id(number))?.pop() {
            Some(delivery) => {
                let code = [200, 200, 200, 406, 500, 405][luck as usize];
                let reads = delivery.commands.contains(&DeviceCommand::ReadNewPin) && luck < 2;
                let value = if reads { Passcode::new(format!("{step:06}").into()).map(Value::Passcode) } else { None };
                let statuses = vec![Some(code); delivery.commands.len()];
                receive(unit, &Marked, delivery, Answer { statuses, value, report: None }, SecretId(uuid(8, step)), now)
                    .map(drop)
            }
            None => Ok(()),
        },
        3 => match unit.deliveries_in_flight(enrollment_id(number))?.pop() {
            Some(delivery) => lost(unit, delivery, now),
            None => Ok(()),
        },
        _ => expire(unit, now, 10).map(drop),
    }
}

async fn check(store: &Arc<dyn Store>, number: u64) {
    read(store, move |view| {
        let actions = view.actions(tenant_id(1), device_id(number), 1000)?;
        let open: Vec<_> = actions.iter().filter(|action| action.state.is_open()).collect();
        assert!(open.len() <= 1, "one open action");
        for action in &actions {
            let secrets = view.secrets(tenant_id(1), action.id)?;
            let current = secrets.iter().filter(|secret| secret.standing == Standing::Current).count();
            assert_eq!(current, usize::from(action.state == ActionState::Done), "done means escrowed");
            assert_eq!(action.outcome.is_some(), !action.state.is_open(), "an end has a reason");
            let deliveries = view.deliveries(action.id)?;
            let alive = |phase: &Phase| matches!(phase, Phase::Queued | Phase::Sent(_));
            let waiting = deliveries.iter().filter(|delivery| alive(&delivery.phase)).count();
            assert_eq!(waiting, usize::from(action.state.is_open()), "an open action has a command, an ended one none");
        }
        Ok(())
    })
    .await;
}
