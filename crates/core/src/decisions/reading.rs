//! The limit on reading. When callers read more passcodes than a caller or a tenant ordinarily needs, further ones are
//! held until a person has looked. It is decided in the unit of work that records the disclosure, so that it is exact
//! under concurrency and survives restarts.
//!
//! ```text
//! read again by the same party, within the window that it opened   shown, not counted
//! half of a limit                                                   shown; one alert in each window
//! the whole of a limit                                              held: that party, or the tenant; an alert
//! a break-glass reason                                              shown in spite of a hold; an alert
//! ```

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::hold::{Before, before, broken_glass, is_reached};
use crate::alert::{Alert, News};
use crate::audit::{Activity, AuditEvent};
use crate::caller::{ActorKind, Caller};
use crate::device::ManagedDevice;
use crate::escrow::EscrowedSecret;
use crate::hold::{Hold, HoldKind, Most};
use crate::id::{HoldId, RequestId};
use crate::ports::{Decided, Fault, StoreError, UnitOfWork};
use crate::reading::{FLOOR, Reading, ReadingRule};
use crate::refusal::{HoldRefusal, Refusal, Withheld};

/// A caller that reads a passcode, as the limit needs it.
pub(crate) struct Reader<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) device: &'a ManagedDevice,
    pub(crate) secret: &'a EscrowedSecret,
    pub(crate) request: RequestId,
    pub(crate) break_glass: Option<&'a str>,
    pub(crate) rule: ReadingRule,
    /// The time in which a party may read again.
    pub(crate) window: Duration,
    /// Begins an event about that reading.
    pub(crate) event: &'a dyn Fn(Activity) -> AuditEvent,
}

impl Reader<'_> {
    /// Returns a fresh id: one request reads one passcode once.
    fn fresh(&self) -> Uuid {
        Uuid::from_u128(self.request.0.as_u128() ^ self.secret.id.0.as_u128())
    }

    fn raise(&self, unit: &mut dyn UnitOfWork, news: News, now: Timestamp) -> Result<(), StoreError> {
        let (tenant, actor) = (self.device.tenant, self.caller.actor.clone());
        unit.insert_alert(&Alert { tenant, about: self.fresh(), at: now, actor, news })
    }
}

/// The limit of a party or of the tenant.
struct Limit<'a> {
    /// A party, or `None` for the tenant.
    party: Option<&'a str>,
    most: Most,
}

/// Decides whether the passcode may be read now, and counts it. Holds and the use of break-glass are recorded and raise
/// alerts. So do half of a limit and the first passcode that an application reads. The calling function records the
/// refusal.
pub(crate) fn pass(
    unit: &mut dyn UnitOfWork,
    reader: &Reader<'_>,
    now: Timestamp,
) -> Result<Decided<(), Withheld>, Fault> {
    let (tenant, secret) = (reader.device.tenant, reader.secret);
    let withheld = |withheld| Ok(Decided::RefusedAndRecorded(withheld));
    let reason = match broken_glass(unit, reader.caller, reader.device, reader.break_glass) {
        Ok(reason) => reason,
        Err(Fault::Refused(Refusal::Hold(HoldRefusal::BreakGlassReason))) => {
            return withheld(Withheld::BreakGlassReason);
        }
        Err(Fault::Refused(_)) => return withheld(Withheld::BreakGlassRole),
        Err(fault) => return Err(fault),
    };
    let party = reader.caller.actor.party();
    let opened = now.checked_sub(reader.window).unwrap_or(Timestamp::MIN);
    // A time further ahead than the window was written while the clock was ahead.
    let latest = now.checked_add(reader.window).unwrap_or(Timestamp::MAX);
    let by_itself = |(at, by): &(Timestamp, String)| *by == reader.caller.actor.key() && *at > opened && *at <= latest;
    // A secret that was never disclosed was read by no party.
    if let Some(first) = &secret.disclosed
        && (by_itself(first) || unit.has_read(tenant, secret.context.action, secret.id, &party, opened, latest)?)
    {
        return Ok(Decided::Done(()));
    }
    let rule = reader.rule;
    let limits = [
        Limit { party: Some(&party), most: Most { number: rule.by_caller, percent: 0, floor: 0 } },
        Limit { party: None, most: Most { number: rule.passcodes, percent: rule.percent, floor: FLOOR } },
    ];
    let (mut halves, mut hold) = ([None; 2], None);
    for (limit, half) in limits.iter().zip(&mut halves) {
        match look(unit, reader, limit, now)? {
            Seen::Room { half: reached } => *half = reached,
            Seen::Held(found) => {
                hold = Some(found);
                break;
            }
        }
    }
    if let Some(hold) = hold {
        let Some(reason) = reason else { return withheld(Withheld::OnHold) };
        let event = (reader.event)(Activity::BreakGlassUsed).with("hold", hold.id).with("reason", reason);
        unit.append_audit(&event.with("holds", HoldKind::Reading.name()))?;
        let news = News::BreakGlassUsed { hold: hold.id, device: reader.device.id, reason: reason.to_owned() };
        reader.raise(unit, news, now)?;
    }
    // The limit of the party comes first: one reading raises one alert of a name, and the next raises the alert for
    // half of the tenant's limit.
    let (warned_party, warned_tenant) = (halves[0].is_some(), halves[0].is_none() && halves[1].is_some());
    if let Some(counted) = halves[0].or(halves[1]) {
        reader.raise(unit, News::ReadingNearLimit { counted, by_caller: warned_party }, now)?;
    }
    if reader.caller.actor.kind == ActorKind::Application && !unit.has_ever_read(tenant, &party)? {
        reader.raise(unit, News::FirstDisclosure { device: reader.device.id }, now)?;
    }
    unit.record_reading(&Reading {
        tenant,
        action: secret.context.action,
        secret: secret.id,
        party: party.clone(),
        at: now,
        warned_party,
        warned_tenant,
    })?;
    Ok(Decided::Done(()))
}

/// The answer of a limit.
enum Seen {
    /// One more is allowed; `half` is the new count if the alert for half of the limit is due.
    Room { half: Option<u32> },
    /// A hold is in force, perhaps placed just now.
    Held(Box<Hold>),
}

fn look(unit: &mut dyn UnitOfWork, reader: &Reader<'_>, limit: &Limit<'_>, now: Timestamp) -> Result<Seen, StoreError> {
    let (tenant, most) = (reader.device.tenant, limit.most);
    let span = match before(unit, tenant, HoldKind::Reading, limit.party, reader.rule.window_s, now)? {
        Before::Held(hold) => return Ok(Seen::Held(hold)),
        Before::Counts(None) => return Ok(Seen::Room { half: None }),
        Before::Counts(Some(span)) => span,
    };
    let read = unit.readings_between(tenant, limit.party, span.after, span.until, most.number)?;
    if is_reached(most, unit, tenant, read.counted)? {
        let hold = Hold {
            id: HoldId(reader.fresh()),
            tenant,
            kind: HoldKind::Reading,
            party: limit.party.map(str::to_owned),
            placed: now,
            caused_by: reader.caller.actor.clone(),
            counted: read.counted,
            released: None,
        };
        unit.insert_hold(&hold)?;
        let event = (reader.event)(Activity::HoldPlaced).with("hold", hold.id).with("counted", read.counted);
        unit.append_audit(&event.with("holds", HoldKind::Reading.name()).with("of", limit.party.unwrap_or("tenant")))?;
        let news = News::ReadingOnHold { hold: hold.id, counted: read.counted, by_caller: limit.party.is_some() };
        reader.raise(unit, news, now)?;
        return Ok(Seen::Held(Box::new(hold)));
    }
    // Half is reached when twice the count would be the whole.
    let counted = read.counted.saturating_add(1);
    let half = !read.warned && is_reached(most, unit, tenant, counted.saturating_mul(2))?;
    Ok(Seen::Room { half: half.then_some(counted) })
}
