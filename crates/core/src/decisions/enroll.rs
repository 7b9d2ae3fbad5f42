//! Enrolment: a device shows a one-time token and becomes a managed device of the token's tenant.
//!
//! A device may enrol again and stay the same `managedDevice`. Its old enrolment is closed, its open actions are
//! canceled, and its old secrets are void but kept. Only two things allow that: a token that was made for that device,
//! and the certificate of its old enrolment, shown with the request. A name proves nothing, because any device can
//! claim it and cloned images share it. A device with a known name becomes another device, and an alert is raised; the
//! earlier device keeps working.

use jiff::Timestamp;

use crate::action::Outcome;
use crate::actions::ACTIONS;
use crate::alert::{Alert, News};
use crate::audit::{Activity, AuditEvent, Origin};
use crate::caller::Actor;
use crate::command::{Delivery, DeviceCommand, Purpose};
use crate::decisions::link;
use crate::device::{Inventory, InventoryField, ManagedDevice, ManagementState, Platform};
use crate::engine;
use crate::enrollment::{Enrollment, EnrollmentToken};
use crate::id::{DeviceId, EnrollmentId, ResourceId, TenantId};
use crate::ports::{Fault, StoreError, UnitOfWork, View};
use crate::refusal::{EnrollmentRefusal, TenantRefusal, TokenFault};
use crate::resource::ResourceKind;
use crate::tenant::Tenant;

/// A device that asks to enrol, after its certificate request was verified.
#[derive(Clone, Debug)]
pub struct Applicant {
    /// The SHA-256 of the token that it showed.
    pub token_sha256: [u8; 32],
    /// The id that it reports.
    pub reported_id: String,
    /// The platform.
    pub platform: Platform,
    /// The inventory that it reports.
    pub inventory: Inventory,
    /// The SHA-256 of the certificate issued to it.
    pub certificate_sha256: [u8; 32],
    /// The end of validity of that certificate.
    pub certificate_expires: Timestamp,
    /// The SHA-256 of the certificate that its connection showed, if it showed one.
    pub shown_sha256: Option<[u8; 32]>,
    /// The id of the enrolment, which the certificate names.
    pub enrollment: EnrollmentId,
    /// The id of the device, if it is new.
    pub device: DeviceId,
}

/// A device that enrolled.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// The tenant.
    pub tenant: Tenant,
    /// The enrolment.
    pub enrollment: Enrollment,
    /// True if it replaced a device that the tenant knew.
    pub known_before: bool,
    /// The user of the device.
    pub user: Option<ResourceId>,
    /// Another device of the tenant with the same name.
    pub duplicate_of: Option<DeviceId>,
}

/// Returns the token and its tenant if it can be redeemed now. Call this before issuing a certificate.
pub fn check_token(
    view: &dyn View,
    sha256: &[u8; 32],
    now: Timestamp,
) -> Result<(EnrollmentToken, Tenant), Fault<EnrollmentRefusal>> {
    let token = view.enrollment_token(sha256)?.ok_or(EnrollmentRefusal::Token(TokenFault::Unknown))?;
    if token.used.is_some() {
        return Err(EnrollmentRefusal::Token(TokenFault::Used).into());
    }
    if token.expires <= now {
        return Err(EnrollmentRefusal::Token(TokenFault::Expired).into());
    }
    let tenant = view.tenant(token.tenant)?.ok_or(EnrollmentRefusal::Token(TokenFault::Unknown))?;
    if !tenant.licence.is_active(now) {
        return Err(EnrollmentRefusal::from(TenantRefusal::Unlicensed).into());
    }
    Ok((token, tenant))
}

/// Redeems the token and enrols the device. The device is given its certificate once this unit of work is durable.
pub fn enroll(
    unit: &mut dyn UnitOfWork,
    applicant: Applicant,
    now: Timestamp,
) -> Result<Enrolled, Fault<EnrollmentRefusal>> {
    let (token, tenant) = check_token(unit, &applicant.token_sha256, now)?;
    unit.use_enrollment_token(&applicant.token_sha256, now, applicant.enrollment)?;

    let known = predecessor(unit, &token, &applicant)?;
    let known_before = known.is_some();
    let namesake = unit.device_by_reported_id(tenant.id, &applicant.reported_id)?;
    let duplicate_of = namesake.map(|device| device.id).filter(|id| known.as_ref().is_none_or(|known| known.id != *id));
    let mark = InventoryField::mark(applicant.platform);
    let inventory = applicant.inventory.with(InventoryField::ASKED, mark);
    let device = match known {
        Some(device) => {
            leave(unit, tenant.id, device.id, Outcome::Reenrolled, now)?;
            if let Some(user) = token.user.filter(|user| device.user != Some(*user)) {
                let origin = Origin { actor: Actor::device(applicant.enrollment), at: now, request: None };
                let user = unit.resource(tenant.id, ResourceKind::User, user)?;
                link::replace(unit, &origin, &device, user.as_ref())?;
            }
            let device = ManagedDevice {
                platform: applicant.platform,
                user: token.user.or(device.user),
                management_state: ManagementState::Managed,
                enrolled: now,
                last_sync: now,
                certificate_expires: Some(applicant.certificate_expires),
                inventory,
                recoverability: Vec::new(),
                ..device
            };
            unit.update_device(&device)?;
            device
        }
        None => {
            let device = ManagedDevice {
                user: token.user,
                certificate_expires: Some(applicant.certificate_expires),
                inventory,
                ..ManagedDevice::new(tenant.id, applicant.device, applicant.platform, now)
            };
            unit.insert_device(&device)?;
            device
        }
    };

    let enrollment = Enrollment {
        id: applicant.enrollment,
        tenant: tenant.id,
        device: device.id,
        certificate_sha256: applicant.certificate_sha256,
        reported_id: applicant.reported_id,
        needs_certificate: device.platform == Platform::Linux,
        created: now,
        closed: None,
    };
    unit.insert_enrollment(&enrollment)?;
    unit.insert_delivery(&set_up(&tenant, &enrollment, device.platform, now))?;
    let mut event = AuditEvent::new(tenant.id, now, Actor::device(enrollment.id), Activity::DeviceEnrolled)
        .on_device(device.id)
        .with("platform", device.platform.operating_system())
        .with("knownBefore", known_before);
    if let Some(other) = duplicate_of {
        event = event.with("duplicateOf", other);
        alert_of_duplicate(unit, &enrollment, other, now)?;
    }
    unit.append_audit(&event)?;
    Ok(Enrolled { tenant, enrollment, known_before, user: device.user, duplicate_of })
}

/// Returns the device that the applicant replaces, named by the token or by the certificate of its open enrolment.
fn predecessor(
    view: &dyn View,
    token: &EnrollmentToken,
    applicant: &Applicant,
) -> Result<Option<ManagedDevice>, StoreError> {
    if let Some(device) = token.replaces {
        return view.device(token.tenant, device);
    }
    let Some(sha256) = &applicant.shown_sha256 else { return Ok(None) };
    let old = view
        .enrollment_by_certificate(sha256)?
        .filter(|old| old.closed.is_none() && old.tenant == token.tenant && old.reported_id == applicant.reported_id);
    old.map_or(Ok(None), |old| view.device(old.tenant, old.device))
}

/// Raises an alert if another device of the tenant has this name: a clone, a machine that was set up again, or an
/// intruder.
fn alert_of_duplicate(
    unit: &mut dyn UnitOfWork,
    enrollment: &Enrollment,
    other: DeviceId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let enrolled = unit.open_enrollment(enrollment.tenant, other)?.is_some();
    let news = News::DeviceDuplicate { device: enrollment.device, duplicate_of: other, still_enrolled: enrolled };
    let actor = Actor::device(enrollment.id);
    unit.insert_alert(&Alert { tenant: enrollment.tenant, about: enrollment.id.0, at: now, actor, news })
}

/// Returns the commands of the first session: the policy that later recoveries need, and the inventory.
fn set_up(tenant: &Tenant, enrollment: &Enrollment, platform: Platform, now: Timestamp) -> Delivery {
    let windows_hello = matches!(platform, Platform::Windows | Platform::WindowsPhone);
    let policy = tenant.entra_tenant.filter(|_| windows_hello);
    let policy = policy.map(|entra_tenant| DeviceCommand::EnablePinRecovery { entra_tenant });
    let commands = policy.into_iter().chain(read_inventory(platform)).collect();
    Delivery::of_no_action(enrollment, Purpose::SetUp, commands, now)
}

/// The commands that ask a device of that platform for its inventory.
pub(super) fn read_inventory(platform: Platform) -> impl Iterator<Item = DeviceCommand> {
    InventoryField::asked_of(platform).map(|field| DeviceCommand::ReadInventory { field })
}

/// Ends an enrolment, cancels the open actions and voids the old secrets.
pub(super) fn leave(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    device: DeviceId,
    outcome: Outcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    // One question for each action that the program has, whatever the device did.
    for action in ACTIONS {
        if let Some(open) = unit.open_action(tenant, device, action.name)? {
            engine::close(unit, open, outcome, now)?;
        }
    }
    if let Some(enrollment) = unit.open_enrollment(tenant, device)? {
        unit.close_enrollment(enrollment.id, now)?;
    }
    unit.void_secrets(tenant, device)?;
    Ok(())
}
