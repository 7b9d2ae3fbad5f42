//! The engine that runs any remote action: it moves action, delivery, secret and record together.
//!
//! A policy ([`crate::remote_action::Way`]) decides what an action does; the engine does it.
//!
//! | function | when |
//! |---|---|
//! | [`open`] | a decision has accepted an action |
//! | [`provide`] | a delivery is about to go out that sends a secret |
//! | [`sent`] | a delivery goes out; written before the message leaves |
//! | [`receive`] | the device answers; written before the device is acknowledged |
//! | [`lost`] | a delivery will not be answered any more |
//! | [`close`] | the action ends without its device |
//! | [`expire`] | the same for those whose time is over |

mod close;
mod deliver;
mod end;
pub mod escrow;
mod give;
mod receive;
#[cfg(test)]
mod tests;

pub use close::{close, expire};
pub use deliver::{Opening, lost, open, sent};
pub use give::{Fresh, open_for, provide};
pub use receive::{Answer, Received, Value, receive};

use jiff::Timestamp;

use crate::action::ActionRecord;
use crate::actions;
use crate::audit::{Activity, AuditEvent};
use crate::caller::Actor;
use crate::command::Delivery;
use crate::escrow::{SecretContext, SecretKind};
use crate::ports::{StoreError, UnitOfWork, View};
use crate::remote_action::{RemoteAction, Way};

/// An event about an action.
pub(crate) fn event(
    action: &ActionRecord,
    now: Timestamp,
    actor: Actor,
    activity: Activity,
) -> Result<AuditEvent, StoreError> {
    let event = AuditEvent::new(action.tenant, now, actor, activity).about(declared(action)?);
    Ok(event.on_device(action.device).for_action(action.id))
}

/// The declaration of a stored action.
fn declared(action: &ActionRecord) -> Result<&'static RemoteAction, StoreError> {
    actions::named(action.name).ok_or_else(|| StoreError::Inconsistent(format!("{} is no remote action", action.name)))
}

/// Returns the way of a delivery: the one that has its step. Of several ways, it is that of the device's platform.
fn way_of(
    view: &dyn View,
    action: &'static RemoteAction,
    delivery: &Delivery,
) -> Result<Option<&'static Way>, StoreError> {
    let mut ways = action.ways.iter().copied().filter(|way| way.steps.contains(&delivery.purpose));
    let (first, another) = (ways.next(), ways.next());
    if another.is_none() {
        return Ok(first);
    }
    let device = view.device(delivery.tenant, delivery.device)?;
    let way = device.and_then(|device| action.way_of(device.platform));
    Ok(way.filter(|way| way.steps.contains(&delivery.purpose)))
}

/// The action that a delivery serves.
fn action_of(unit: &mut dyn UnitOfWork, delivery: &Delivery) -> Result<Option<ActionRecord>, StoreError> {
    delivery.action.map_or(Ok(None), |id| unit.action(delivery.tenant, id))
}

/// Returns the context to which a value of that kind is bound in the attempt of a delivery.
fn context(action: &ActionRecord, delivery: &Delivery, kind: SecretKind) -> SecretContext {
    let ActionRecord { id, tenant, device, .. } = *action;
    SecretContext { tenant, device, action: id, attempt: delivery.attempt, kind }
}
