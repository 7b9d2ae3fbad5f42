//! Actions that end without their device.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::declared;
use super::end::{Grounds, Holdings, end};
use crate::action::{ActionRecord, ActionState, Outcome};
use crate::command::{Delivery, Phase};
use crate::id::TenantId;
use crate::ports::{Fault, StoreError, UnitOfWork};
use crate::remote_action::Ending;
use crate::steady::{Ripe, Ripeness};
use crate::tenant::TenantSettings;

/// Ends an open action without its device. The action is canceled if the device was never asked or has left; it is
/// failed if the device was asked and did not answer.
pub fn close(
    unit: &mut dyn UnitOfWork,
    action: ActionRecord,
    outcome: Outcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    let deliveries = unit.deliveries(action.id)?;
    close_with(unit, Holdings::default(), action, deliveries, outcome, now)
}

fn close_with(
    unit: &mut dyn UnitOfWork,
    mut holdings: Holdings,
    mut action: ActionRecord,
    deliveries: Vec<Delivery>,
    outcome: Outcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    if !action.state.is_open() {
        return Err(StoreError::Inconsistent("an action was to be closed that had ended".to_owned()));
    }
    for mut delivery in deliveries {
        delivery.phase = match delivery.phase {
            Phase::Queued => Phase::Withdrawn,
            Phase::Sent(receipt) => Phase::Lost(receipt),
            Phase::Settled(_) | Phase::Lost(_) | Phase::Withdrawn => continue,
        };
        unit.update_delivery(&delivery)?;
    }
    let state = match (action.state, outcome) {
        (ActionState::Active, Outcome::Expired) => ActionState::Failed,
        _ => ActionState::Canceled,
    };
    let outcome = if state == ActionState::Failed { Outcome::OutcomeUnknown } else { outcome };
    end(unit, &mut holdings, &mut action, Ending { state, outcome, device_status: None }, Grounds::default(), now)
}

/// Ends actions whose device did not come in time and that are ripe ([`crate::steady`]), at most `limit` of them. Returns
/// their number. One that was told to change and has not answered waits on: its candidate may be what opens the device.
pub fn expire(unit: &mut dyn UnitOfWork, ripeness: &Ripeness, limit: usize) -> Result<usize, Fault> {
    let now = ripeness.now;
    let (mut ended, mut waiting_on) = (0, 0);
    let mut known: BTreeMap<TenantId, TenantSettings> = BTreeMap::new();
    loop {
        // Those that wait on stay the oldest: others are looked for behind them.
        let oldest = unit.open_actions_before(now, waiting_on, limit)?;
        let mut due = 0;
        for (action, mark) in oldest {
            let settings = match known.get(&action.tenant) {
                Some(settings) => *settings,
                None => {
                    let settings = unit.tenant(action.tenant)?.map(|tenant| tenant.settings).unwrap_or_default();
                    known.insert(action.tenant, settings);
                    settings
                }
            };
            let deadline = action.started.checked_add(settings.action_expiry()).unwrap_or(Timestamp::MAX);
            let verdict = ripeness.judge(deadline <= now, mark);
            match verdict {
                Ripe::Fresh => continue,
                Ripe::Unmark => {
                    unit.set_action_mark(action.id, None)?;
                    continue;
                }
                Ripe::Mark(_) | Ripe::Waits | Ripe::Now => due += 1,
            }
            if let Ripe::Mark(mark) = verdict {
                unit.set_action_mark(action.id, Some(mark))?;
            }
            if verdict != Ripe::Now {
                waiting_on += 1;
                continue;
            }
            // One question for each that is over: it ends, by writes of its own, or it is one of the few that wait on.
            let deliveries = unit.deliveries(action.id)?;
            if declared(&action)?.holds_on(&deliveries) {
                waiting_on += 1;
                continue;
            }
            close_with(unit, Holdings::within(settings), action, deliveries, Outcome::Expired, now)?;
            ended += 1;
        }
        if due == 0 || ended >= limit {
            return Ok(ended);
        }
    }
}
