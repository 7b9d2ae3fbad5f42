//! Requests for a remote action: the answer to the caller, and the audit events.

use std::time::Duration;

use jiff::Timestamp;

use super::{Facts, hold};
use crate::action::{ActionRecord, Outcome};
use crate::audit::{Activity, AuditEvent};
use crate::caller::Caller;
use crate::device::{ManagedDevice, ManagementState};
use crate::engine::{self, Opening, escrow};
use crate::enrollment::Enrollment;
use crate::id::{ActionId, DeviceId, EnrollmentId, RequestId};
use crate::ports::{Decided, Fault, Sealer, StoreError, UnitOfWork};
use crate::refusal::{ActionRefusal, DeviceRefusal, Refusal};
use crate::remote_action::{RemoteAction, Way};
use crate::tenant::TenantSettings;

/// The time in which a request counts as a repeat of an earlier one, by its id or as a retry without one. It is longer
/// than the three retries of a client with their delays of at most 180 seconds each. A script with a constant id
/// recovers again later.
const RETRY_WINDOW: Duration = Duration::from_secs(10 * 60);

/// The words with which the record states how a repeat was recognised; stored records contain them.
const BY_ITS_ID: &str = "client-request-id";
const BY_THE_CALLERS_WORD: &str = "Retry-Attempt";

/// The request. Its ids are fresh; they are parameters so that a decision can be repeated.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The remote action.
    pub what: &'static RemoteAction,
    /// The caller. The edge has checked its permission against the declaration of the action.
    pub caller: Caller,
    /// The device.
    pub device: DeviceId,
    /// The requested path, for the record.
    pub path: String,
    /// The request.
    pub request: RequestId,
    /// The caller's own id of the request, equal in its repeats.
    pub client_request_id: Option<String>,
    /// True if the caller states that this is a retry: clients say so even where they send no id of their own.
    pub retry: bool,
    /// The caller's reason, for the record.
    pub reason: Option<String>,
    /// The reason for passing a hold, if the caller wants to.
    pub break_glass: Option<String>,
    /// The id of the action, if one is opened.
    pub action: ActionId,
}

impl Ask {
    /// Returns the key under which the caller's requests for this action are remembered.
    fn caller_key(&self) -> String {
        let key = self.caller.actor.key();
        self.what.audit.recorded_as.map(|name| format!("{name} {key}")).unwrap_or(key)
    }
}

/// The result of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// An action was opened.
    Opened(ActionId),
    /// An action is open already and serves this caller too. Audited; no second command.
    AlreadyOpen(ActionId),
    /// This very request was answered before. Audited; no second command.
    Repeated(ActionId),
}

/// Accepts a remote action if the escrow takes and gives what the action needs. Otherwise the action is refused, and nothing is
/// kept. Returns the decision, and the enrolment whose device can fetch the queued step. The caller gets the answer once this
/// unit of work is durable.
pub fn accept(
    unit: &mut dyn UnitOfWork,
    sealer: &dyn Sealer,
    ask: &Ask,
    facts: Facts<'_>,
    now: Timestamp,
) -> Result<(Decided<Begun>, Option<EnrollmentId>), Fault> {
    escrow::require(unit, sealer, ask.caller.tenant)?;
    let decided = decide(unit, ask, facts.device, facts.settings, now)?;
    let waits = match &decided {
        Decided::Done(Decision { opened: Some(opened), .. }) => {
            if opened.sends_secret {
                escrow::require_open(unit, sealer, ask.caller.tenant)?;
            }
            Some(opened.enrollment)
        }
        Decided::Done(Decision { begun: Begun::AlreadyOpen(_), .. }) => {
            unit.open_enrollment(ask.caller.tenant, ask.device)?.map(|enrollment| enrollment.id)
        }
        Decided::Done(_) | Decided::RefusedAndRecorded(_) => None,
    };
    Ok((decided.map(|decision| decision.begun), waits))
}

/// Decides as [`accept`] does, for an escrow that was proven already and facts that nothing has read.
pub fn begin(unit: &mut dyn UnitOfWork, ask: &Ask, now: Timestamp) -> Result<Decided<Begun>, Fault> {
    let device = unit.device(ask.caller.tenant, ask.device)?.ok_or(DeviceRefusal::NotFound)?;
    let settings = unit.tenant(ask.caller.tenant)?.map(|tenant| tenant.settings).unwrap_or_default();
    Ok(decide(unit, ask, &device, &settings, now)?.map(|decision| decision.begun))
}

/// The decision about a request.
struct Decision {
    begun: Begun,
    /// The action, if one was opened.
    opened: Option<Opened>,
}

/// An action that was opened.
struct Opened {
    /// The enrolment by which its first step goes out.
    enrollment: EnrollmentId,
    /// True if the server sends a secret to the device.
    sends_secret: bool,
}

impl Decision {
    /// Returns a decision that opens no action.
    fn of(begun: Begun) -> Self {
        Self { begun, opened: None }
    }
}

/// Accepts a remote action, or refuses it because a precondition is missing; both are recorded. The device and the settings
/// were read in this unit of work.
fn decide(
    unit: &mut dyn UnitOfWork,
    ask: &Ask,
    device: &ManagedDevice,
    settings: &TenantSettings,
    now: Timestamp,
) -> Result<Decided<Decision>, Fault> {
    let tenant = ask.caller.tenant;
    let caller_key = ask.caller_key();
    let event = |activity| {
        AuditEvent::new(tenant, now, ask.caller.actor.clone(), activity)
            .about(ask.what)
            .on_device(ask.device)
            .in_request(ask.request)
            .with("path", &ask.path)
    };
    if let Some((action, by)) = repeated(unit, ask, &caller_key, now)? {
        unit.append_audit(&event(Activity::ActionRequestedAgain).for_action(action).with("repeated", by))?;
        return Ok(Decided::Done(Decision::of(Begun::Repeated(action))));
    }

    let way = ask.what.way_of(device.platform);
    let wanted = way.map_or(&[][..], |way| (way.locks)(settings));
    let mut under_way = unit.open_action(tenant, ask.device, ask.what.name)?;
    // A narrower action that the server opened for a disk alone must not swallow a person's request.
    let narrower = under_way.take_if(|open| wanted.iter().any(|lock| !open.locks.contains(lock)));
    if let Some(open) = under_way {
        remember(unit, &open, &caller_key, ask.client_request_id.as_deref(), now)?;
        let again = event(Activity::ActionRequestedAgain).for_action(open.id);
        unit.append_audit(&again.with_some("reason", ask.reason.as_ref()))?;
        return Ok(Decided::Done(Decision::of(Begun::AlreadyOpen(open.id))));
    }

    let enrollment = unit.open_enrollment(tenant, ask.device)?;
    let permitted = match narrower.as_ref() {
        Some(narrower) if ask.what.holds_on(&unit.deliveries(narrower.id)?) => {
            Err(ActionRefusal::RecoveryUnderWay.into())
        }
        Some(_) | None => check(ask.what, device, enrollment.as_ref(), way),
    };
    // The hold comes last: a request that is refused anyway places none.
    let asker = hold::Asker {
        action: ask.action,
        caller: &ask.caller,
        break_glass: ask.break_glass.as_deref(),
        device,
        rule: settings.hold,
        event: &event,
    };
    let permitted = match permitted {
        Ok(ready) if ask.what.counts_for_hold => hold::pass(unit, &asker, now)?.map(|()| ready),
        Ok(ready) => Decided::Done(ready),
        Err(refusal) => Decided::RefusedAndRecorded(refusal),
    };
    let (enrollment, way) = match permitted {
        Decided::Done(ready) => ready,
        Decided::RefusedAndRecorded(refusal) => {
            unit.append_audit(&event(Activity::ActionRefused).with("reason", &refusal))?;
            return Ok(Decided::RefusedAndRecorded(refusal));
        }
    };
    if let Some(narrower) = narrower {
        engine::close(unit, narrower, Outcome::CanceledByCaller, now)?;
    }

    let opening = Opening {
        id: ask.action,
        action: ask.what,
        way,
        device,
        enrollment,
        locks: wanted,
        requested_by: ask.caller.actor.clone(),
        client_request_id: ask.client_request_id.clone(),
    };
    let action = engine::open(unit, opening, now)?;
    if ask.what.counts_for_hold {
        unit.count_recovery(&action)?;
    }
    remember(unit, &action, &caller_key, ask.client_request_id.as_deref(), now)?;
    let requested = event(Activity::ActionRequested).for_action(action.id);
    unit.append_audit(&requested.with_some("reason", ask.reason.as_ref()))?;
    let opened = Opened { enrollment, sends_secret: way.sends_secret(&action) };
    Ok(Decided::Done(Decision { begun: Begun::Opened(action.id), opened: Some(opened) }))
}

/// Returns the enrolment and the way through which the device can be reached now.
fn check(
    what: &RemoteAction,
    device: &ManagedDevice,
    enrollment: Option<&Enrollment>,
    way: Option<&'static Way>,
) -> Result<(EnrollmentId, &'static Way), Refusal> {
    if device.management_state != ManagementState::Managed {
        return Err(DeviceRefusal::Retired.into());
    }
    let enrollment = enrollment.ok_or(DeviceRefusal::NotEnrolled)?;
    let platform = device.platform.operating_system();
    let way = way.ok_or(ActionRefusal::PlatformUnsupported { action: what.name, platform })?;
    Ok((enrollment.id, way))
}

/// Returns the action with which this very request was answered before, and how it was recognised. A request with an id
/// is recognised while its action is open or within [`RETRY_WINDOW`]. A request without one is recognised if the caller
/// states that it repeats its last request.
fn repeated(
    unit: &mut dyn UnitOfWork,
    ask: &Ask,
    caller_key: &str,
    now: Timestamp,
) -> Result<Option<(ActionId, &'static str)>, StoreError> {
    let tenant = ask.caller.tenant;
    // A time further ahead than the window was written while the clock was ahead.
    let is_recent = |at: Timestamp| now.duration_since(at).unsigned_abs() <= RETRY_WINDOW;
    if let Some(id) = &ask.client_request_id {
        let Some((action, at)) = unit.action_of_request(tenant, ask.device, caller_key, id)? else { return Ok(None) };
        let is_open = unit.action(tenant, action)?.is_some_and(|action| action.state.is_open());
        return Ok((is_recent(at) || is_open).then_some((action, BY_ITS_ID)));
    }
    if !ask.retry {
        return Ok(None);
    }
    let accepted = unit.last_accepted(tenant, ask.device, caller_key)?;
    Ok(accepted.filter(|(_, at)| is_recent(*at)).map(|(action, _)| (action, BY_THE_CALLERS_WORD)))
}

fn remember(
    unit: &mut dyn UnitOfWork,
    action: &ActionRecord,
    caller_key: &str,
    client_request_id: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    match client_request_id {
        Some(id) => unit.record_request(action, caller_key, id, now),
        None => unit.record_acceptance(action, caller_key, now),
    }
}
