//! The blast-radius hold: when more recoveries were requested than a tenant ordinarily needs, further ones wait until a
//! person has looked. It is decided in the unit of work that would open the recovery, so that it is exact under
//! concurrency and survives restarts.
//!
//! The same concept holds reading ([`super::reading`]): a hold has a kind, and applies to the tenant or to one party.
//!
//! Break-glass passes a hold for one device. It needs a caller with that right, and a reason.

use jiff::Timestamp;

use super::rights;
use crate::alert::{Alert, News};
use crate::audit::{Activity, AuditEvent};
use crate::caller::Caller;
use crate::device::ManagedDevice;
use crate::hold::{Hold, HoldKind, HoldRule, MAX_REASON, MIN_REASON, Most, Release, Room};
use crate::id::{ActionId, HoldId, RequestId, TenantId};
use crate::ports::{Decided, Fault, StoreError, UnitOfWork, View};
use crate::refusal::{HoldRefusal, ResourceRefusal, UnclearHold};
use crate::role::RoleAction;

/// A request for an action, as a hold needs it.
pub(crate) struct Asker<'a> {
    /// The fresh id of the action; a hold that is placed instead gets it.
    pub(crate) action: ActionId,
    pub(crate) caller: &'a Caller,
    /// The reason with which the caller wants to pass a hold.
    pub(crate) break_glass: Option<&'a str>,
    pub(crate) device: &'a ManagedDevice,
    pub(crate) rule: HoldRule,
    /// Begins an event about that request.
    pub(crate) event: &'a dyn Fn(Activity) -> AuditEvent,
}

impl Asker<'_> {
    /// Returns an alert about that request.
    fn alert(&self, news: News, now: Timestamp) -> Alert {
        let (tenant, actor) = (self.device.tenant, self.caller.actor.clone());
        Alert { tenant, about: self.action.0, at: now, actor, news }
    }
}

/// Decides whether another recovery may be opened now, and places a hold if it may not and none is in force. A placed
/// hold and the use of break-glass are recorded and raise alerts. The calling function records the refusal.
pub(crate) fn pass(unit: &mut dyn UnitOfWork, asker: &Asker<'_>, now: Timestamp) -> Result<Decided<()>, Fault> {
    let reason = match broken_glass(unit, asker.caller, asker.device, asker.break_glass) {
        Ok(reason) => reason,
        Err(Fault::Refused(refusal)) => return Ok(Decided::RefusedAndRecorded(refusal)),
        Err(fault) => return Err(fault),
    };
    let Some(hold) = held(unit, asker, now)? else { return Ok(Decided::Done(())) };
    let Some(reason) = reason else {
        return Ok(Decided::RefusedAndRecorded(
            HoldRefusal::RecoveryOnHold { hold: hold.id, since: hold.placed }.into(),
        ));
    };
    let event = (asker.event)(Activity::BreakGlassUsed).with("hold", hold.id).with("reason", reason);
    unit.append_audit(&event)?;
    let news = News::BreakGlassUsed { hold: hold.id, device: asker.device.id, reason: reason.to_owned() };
    unit.insert_alert(&asker.alert(news, now))?;
    Ok(Decided::Done(()))
}

/// Returns the break-glass reason, if it is valid and the caller has that right. A caller without the right is refused
/// whether there is a hold or not. Writes nothing.
pub(crate) fn broken_glass<'a>(
    view: &dyn View,
    caller: &Caller,
    device: &ManagedDevice,
    reason: Option<&'a str>,
) -> Result<Option<&'a str>, Fault> {
    let Some(reason) = reason.map(str::trim) else { return Ok(None) };
    rights::of(view, caller)?.require_on(RoleAction::BreakGlassUse, &device.scope_tags)?;
    match (MIN_REASON..=MAX_REASON).contains(&reason.chars().count()) {
        true => Ok(Some(reason)),
        false => Err(HoldRefusal::BreakGlassReason.into()),
    }
}

/// The situation before one more is counted.
pub(crate) enum Before {
    /// A hold is in force.
    Held(Box<Hold>),
    /// The period in which acts count; `None` during the quiet time after a release.
    Counts(Option<Span>),
}

/// The period in which acts count.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    /// The time after which they count.
    pub(crate) after: Timestamp,
    /// The last time at which they count.
    pub(crate) until: Timestamp,
}

/// Returns the situation by the newest hold of that kind and party: it is in force, or its release restarted the count.
pub(crate) fn before(
    view: &dyn View,
    tenant: TenantId,
    kind: HoldKind,
    party: Option<&str>,
    window_s: u64,
    now: Timestamp,
) -> Result<Before, StoreError> {
    let release = match view.newest_hold(tenant, kind, party)? {
        Some(hold) if hold.released.is_none() => return Ok(Before::Held(Box::new(hold))),
        Some(hold) => hold.released,
        None => None,
    };
    if release.as_ref().and_then(|release| release.quiet_until).is_some_and(|until| now < until) {
        return Ok(Before::Counts(None));
    }
    let window = std::time::Duration::from_secs(window_s);
    let since = now.checked_sub(window).unwrap_or(Timestamp::MIN);
    // Times further ahead than a window were written while the clock was ahead, and do not count.
    let until = now.checked_add(window).unwrap_or(Timestamp::MAX);
    let released = release.map(|release| release.quiet_until.unwrap_or(release.at)).filter(|at| *at <= until);
    let after = released.map_or(since, |released| since.max(released));
    Ok(Before::Counts(Some(Span { after, until })))
}

/// Returns the hold that is in force, or that this recovery places.
fn held(unit: &mut dyn UnitOfWork, asker: &Asker<'_>, now: Timestamp) -> Result<Option<Hold>, StoreError> {
    let tenant = asker.device.tenant;
    let span = match before(unit, tenant, HoldKind::Asking, None, asker.rule.window_s, now)? {
        Before::Held(hold) => return Ok(Some(*hold)),
        Before::Counts(None) => return Ok(None),
        Before::Counts(Some(span)) => span,
    };
    let counted = unit.recoveries_between(tenant, span.after, span.until, asker.rule.recoveries)?;
    if !is_reached(asker.rule.most(), unit, tenant, counted)? {
        return Ok(None);
    }
    let hold = Hold {
        id: HoldId(asker.action.0),
        tenant,
        kind: HoldKind::Asking,
        party: None,
        placed: now,
        caused_by: asker.caller.actor.clone(),
        counted,
        released: None,
    };
    unit.insert_hold(&hold)?;
    unit.append_audit(&(asker.event)(Activity::HoldPlaced).with("hold", hold.id).with("counted", counted))?;
    unit.insert_alert(&asker.alert(News::HoldPlaced { hold: hold.id, counted }, now))?;
    Ok(Some(hold))
}

/// Releases a hold of a tenant, for an operator on the host: the one of that id, or the only one in force. With
/// `quiet_until`, no hold of its kind and party is placed before then.
pub fn release(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    id: Option<HoldId>,
    release: Release,
) -> Result<Hold, Fault<UnclearHold>> {
    let mut standing = unit.standing_holds(tenant)?;
    if let Some(id) = id {
        standing.retain(|hold| hold.id == id);
    }
    let hold = standing.pop().ok_or(UnclearHold::None)?;
    if !standing.is_empty() {
        return Err(UnclearHold::Several.into());
    }
    let event = AuditEvent::new(tenant, release.at, release.by.clone(), Activity::HoldReleased);
    Ok(end(unit, hold, release, event)?)
}

/// Releases that hold for a caller whose role is known to allow it. The caller that caused a hold cannot release it.
pub fn release_in_request(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    id: HoldId,
    release: Release,
    request: RequestId,
) -> Result<Hold, Fault> {
    let hold = unit.hold(tenant, id)?.ok_or(ResourceRefusal::NotFound("hold"))?;
    if let Some(release) = &hold.released {
        return Err(HoldRefusal::Released(release.at).into());
    }
    if hold.caused_by.is_same_party(&release.by) {
        return Err(HoldRefusal::Own.into());
    }
    let event = AuditEvent::new(tenant, release.at, release.by.clone(), Activity::HoldReleased);
    Ok(end(unit, hold, release, event.in_request(request))?)
}

fn end(unit: &mut dyn UnitOfWork, hold: Hold, release: Release, event: AuditEvent) -> Result<Hold, StoreError> {
    let event = event.with("hold", hold.id).with("holds", hold.kind.name());
    let event = event.with_some("quietUntil", release.quiet_until).with_some("reason", release.reason.as_ref());
    let hold = Hold { released: Some(release), ..hold };
    unit.update_hold(&hold)?;
    unit.append_audit(&event)?;
    Ok(hold)
}

/// Returns true if the tenant may have no more.
pub(super) fn is_reached(most: Most, view: &dyn View, tenant: TenantId, counted: u32) -> Result<bool, StoreError> {
    Ok(match most.room(counted) {
        Room::Yes => false,
        Room::No => true,
        Room::WithDevices(needed) => !view.has_managed_devices(tenant, needed)?,
    })
}
