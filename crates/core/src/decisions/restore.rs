//! Accepting a database that is older than promised: yesterday's copy, or one whose log was damaged.
//!
//! The changes between this state and the last one are unknown. So every result is marked as older than the restore,
//! and everything that could have been revoked since is revoked. That is: tokens, sign-ins, enrolment tokens, and open
//! disclosure windows. A Linux device proves in its next session which results still open its locks ([`confirm`]). A
//! Windows device cannot: its results stay marked until it has a new one. A marked passcode is still shown, with the
//! mark beside it.

use jiff::Timestamp;
use uuid::Uuid;

use crate::action::ActionRecord;
use crate::alert::{Alert, News};
use crate::audit::{Activity, AuditEvent};
use crate::caller::Actor;
use crate::device::ManagedDevice;
use crate::id::TenantId;
use crate::lock::EscrowTest;
use crate::ports::{StoreError, UnitOfWork};
use crate::principal::PrincipalKind;
use crate::revocation;

/// An operator's statement about a database that may not be the newest state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The reason why the server refused the database.
    pub doubt: String,
    /// The kind of that doubt. It goes into the records of tenants, which must not reveal the number of commits of all
    /// tenants.
    pub kind: &'static str,
    /// The reason why the operator accepts it.
    pub reason: String,
    /// True if the data directory was moved as a whole while no server ran, so that nothing is missing.
    pub moved: bool,
}

/// The counts of what a restore ended or marked in one tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// The results that were marked as older than the restore.
    pub results: u64,
    /// The sign-ins that were ended.
    pub sign_ins: u64,
    /// The enrolment tokens that were voided.
    pub enrollment_tokens: u64,
    /// The disclosure windows that were closed.
    pub windows: u64,
}

/// Accepts the database in every tenant. `restore` is the fresh id of this restore.
pub fn accept(
    unit: &mut dyn UnitOfWork,
    accepted: &Accepted,
    actor: &Actor,
    restore: Uuid,
    now: Timestamp,
) -> Result<Vec<(TenantId, Restored)>, StoreError> {
    let mut done = Vec::new();
    for tenant in unit.tenants()?.into_iter().map(|tenant| tenant.id) {
        let restored = if accepted.moved { Restored::default() } else { mark_and_end_everything(unit, tenant, now)? };
        let event = AuditEvent::new(tenant, now, actor.clone(), Activity::RestoreAccepted)
            .with("doubt", accepted.kind)
            .with("reason", &accepted.reason)
            .with("moved", accepted.moved)
            .with("results", restored.results)
            .with("signIns", restored.sign_ins)
            .with("enrollmentTokens", restored.enrollment_tokens)
            .with("disclosureWindows", restored.windows);
        unit.append_audit(&event)?;
        let (doubt, reason) = (accepted.doubt.clone(), accepted.reason.clone());
        let news = News::RestoreAccepted { doubt, reason, results: restored.results };
        unit.insert_alert(&Alert { tenant, about: restore, at: now, actor: actor.clone(), news })?;
        done.push((tenant, restored));
    }
    Ok(done)
}

fn mark_and_end_everything(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    now: Timestamp,
) -> Result<Restored, StoreError> {
    let everyone = revocation::of_everyone();
    let mut previous = unit.tokens_valid_from(tenant, std::slice::from_ref(&everyone))?;
    for kind in [PrincipalKind::User, PrincipalKind::Application] {
        previous = previous.max(unit.last_valid_from(tenant, kind)?);
    }
    unit.set_tokens_valid_from(tenant, &everyone, revocation::moment_after(now, previous))?;
    let mut sign_ins = 0;
    for mut sign_in in unit.sign_ins(tenant)? {
        if sign_in.is_waiting(now) || sign_in.is_live(now) {
            sign_in.end();
            unit.update_sign_in(&sign_in)?;
            sign_ins += 1;
        }
    }
    Ok(Restored {
        results: unit.mark_before_restore(tenant, now)?,
        sign_ins,
        enrollment_tokens: unit.void_enrollment_tokens(tenant, now)?,
        windows: unit.close_disclosure_windows(tenant, now)?,
    })
}

/// Takes a device's test of the escrow: results from before a restore that open every one of their locks count again.
pub fn confirm(unit: &mut dyn UnitOfWork, device: &ManagedDevice, now: Timestamp) -> Result<(), StoreError> {
    let opens = |action: &ActionRecord| {
        let proven = device
            .recoverability
            .iter()
            .filter(|entry| entry.escrow == EscrowTest::Opens && entry.action == Some(action.id));
        let proven: Vec<_> = proven.map(|entry| &entry.of).collect();
        !action.opens.is_empty() && action.opens.iter().all(|of| proven.contains(&of))
    };
    let mut seen = Vec::new();
    for id in device.recoverability.iter().filter_map(|entry| entry.action) {
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        // One question for each action that the device names: as many as it has locks, at the most.
        let found = unit.action(device.tenant, id)?;
        let doubted = found.filter(|action| action.device == device.id && action.before_restore.is_some());
        if let Some(action) = doubted.filter(opens) {
            unit.update_action(&ActionRecord { before_restore: None, verified: Some(now), ..action })?;
            let event = AuditEvent::new(device.tenant, now, Actor::system(), Activity::ResultConfirmed);
            unit.append_audit(&event.on_device(device.id).for_action(id))?;
        }
    }
    Ok(())
}
