//! The machine that runs any remote action: it moves action, delivery, secret and record together.
//!
//! What an action does is its policy's to say ([`crate::remote_action::Way`]); this is how it comes about.
//!
//! | function | when |
//! |---|---|
//! | [`open`] | a decision has accepted an action |
//! | [`sent`] | a delivery goes out; written before the message leaves |
//! | [`receive`] | the device answers; written before the device is acknowledged |
//! | [`lost`] | a delivery will not be answered any more |
//! | [`close`] | the action ends without its device |
//! | [`expire`] | the same for those whose time is over |

mod close;
mod deliver;
mod end;
pub mod escrow;
mod receive;

pub use close::{close, expire};
pub use deliver::{Opening, lost, open, sent};
pub use receive::{Answer, Received, Value, receive};

use jiff::Timestamp;

use crate::action::ActionRecord;
use crate::actions;
use crate::audit::{Activity, AuditEvent};
use crate::caller::Actor;
use crate::ports::StoreError;
use crate::remote_action::RemoteAction;

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
