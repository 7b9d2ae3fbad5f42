//! Enrolment: a device shows a one-time token and becomes a managed device of the token's tenant.
//!
//! The same device may come again: with the same name for itself and the same user it stays the same
//! `managedDevice`, and only its enrolment is new. The old enrolment is closed, open actions are
//! canceled, old secrets are void but kept. A device name alone is no proof, because cloned images
//! share it; the token is, because a person gave it for that user.

use jiff::Timestamp;

use crate::action::{ActionRecord, Outcome};
use crate::actions::recover_passcode;
use crate::audit::{Activity, AuditEvent};
use crate::caller::Actor;
use crate::command::{Delivery, DeviceCommand, InventoryField, Purpose};
use crate::device::{Inventory, ManagedDevice, ManagementState, OwnerType, Platform};
use crate::enrollment::{Enrollment, EnrollmentToken};
use crate::id::{DeviceId, EnrollmentId, TenantId};
use crate::ports::{UnitOfWork, View};
use crate::refusal::{Fault, Refusal, TokenFault};
use crate::scope_tag;
use crate::tenant::Tenant;

/// A device that asks to enrol, after its certificate request was verified.
#[derive(Clone, Debug)]
pub struct Applicant {
    /// SHA-256 of the token it showed.
    pub token_sha256: [u8; 32],
    /// What it calls itself.
    pub oma_device_id: String,
    /// What it runs.
    pub platform: Platform,
    /// What it says of itself.
    pub inventory: Inventory,
    /// SHA-256 of the certificate issued to it.
    pub certificate_sha256: [u8; 32],
    /// End of validity of that certificate.
    pub certificate_expires: Timestamp,
    /// The id of its enrolment; the certificate names it.
    pub enrollment: EnrollmentId,
    /// The id of the device, if it is new.
    pub device: DeviceId,
}

/// A device that enrolled.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// Its tenant.
    pub tenant: Tenant,
    /// Its enrolment.
    pub enrollment: Enrollment,
    /// Whether the tenant knew it before.
    pub known_before: bool,
}

/// Whether that token can be redeemed now, and for which tenant. Ask before issuing a certificate.
pub fn check_token(view: &dyn View, sha256: &[u8; 32], now: Timestamp) -> Result<(EnrollmentToken, Tenant), Fault> {
    let token = view.enrollment_token(sha256)?.ok_or(Refusal::EnrollmentToken(TokenFault::Unknown))?;
    if token.used.is_some() {
        return Err(Refusal::EnrollmentToken(TokenFault::Used).into());
    }
    if token.expires <= now {
        return Err(Refusal::EnrollmentToken(TokenFault::Expired).into());
    }
    let tenant = view.tenant(token.tenant)?.ok_or(Refusal::EnrollmentToken(TokenFault::Unknown))?;
    if !tenant.licence.is_active(now) {
        return Err(Refusal::Unlicensed.into());
    }
    Ok((token, tenant))
}

/// Redeems the token and enrols the device. When this unit of work is durable, the device is given its
/// certificate.
pub fn enroll(unit: &mut dyn UnitOfWork, applicant: Applicant, now: Timestamp) -> Result<Enrolled, Fault> {
    let (token, tenant) = check_token(unit, &applicant.token_sha256, now)?;
    unit.use_enrollment_token(&applicant.token_sha256, now, applicant.enrollment)?;

    let known =
        unit.device_by_oma_device_id(tenant.id, &applicant.oma_device_id)?.filter(|device| device.user == token.user);
    let known_before = known.is_some();
    let device = match known {
        Some(device) => {
            leave(unit, tenant.id, device.id, Outcome::Reenrolled, now)?;
            let device = ManagedDevice {
                platform: applicant.platform,
                management_state: ManagementState::Managed,
                enrolled: now,
                last_sync: now,
                certificate_expires: Some(applicant.certificate_expires),
                inventory: applicant.inventory,
                recoverability: Vec::new(),
                ..device
            };
            unit.update_device(&device)?;
            device
        }
        None => {
            let device = ManagedDevice {
                tenant: tenant.id,
                id: applicant.device,
                platform: applicant.platform,
                management_state: ManagementState::Managed,
                comanaged: false,
                user: token.user,
                enrolled: now,
                last_sync: now,
                certificate_expires: Some(applicant.certificate_expires),
                inventory: applicant.inventory,
                notes: None,
                managed_device_name: None,
                owner_type: OwnerType::Company,
                recoverability: Vec::new(),
                scope_tags: scope_tag::untagged(),
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
        oma_device_id: applicant.oma_device_id,
        created: now,
        closed: None,
    };
    unit.insert_enrollment(&enrollment)?;
    unit.insert_delivery(&set_up(&tenant, &enrollment, device.platform, now))?;
    let event = AuditEvent::new(tenant.id, now, Actor::device(enrollment.id), Activity::DeviceEnrolled)
        .on_device(device.id)
        .with("platform", device.platform.operating_system())
        .with("knownBefore", known_before);
    unit.append_audit(&event)?;
    Ok(Enrolled { tenant, enrollment, known_before })
}

/// What the first session asks: the policy that later recoveries need, and the inventory.
fn set_up(tenant: &Tenant, enrollment: &Enrollment, platform: Platform, now: Timestamp) -> Delivery {
    let windows_hello = matches!(platform, Platform::Windows | Platform::WindowsPhone);
    let policy = tenant.entra_tenant.filter(|_| windows_hello);
    let policy = policy.map(|entra_tenant| DeviceCommand::EnablePinRecovery { entra_tenant });
    let inventory = [
        InventoryField::OsVersion,
        InventoryField::DeviceName,
        InventoryField::SerialNumber,
        InventoryField::TotalStorage,
        InventoryField::FreeStorage,
        InventoryField::TotalRam,
    ];
    let encrypted = (platform == Platform::Linux).then_some(InventoryField::IsEncrypted);
    let commands: Vec<_> = policy
        .into_iter()
        .chain(inventory.into_iter().chain(encrypted).map(|field| DeviceCommand::ReadInventory { field }))
        .collect();
    Delivery::of_no_action(enrollment, Purpose::SetUp, commands, now)
}

/// What ends with an enrolment: the enrolment itself, open actions, and the belief in old secrets.
pub(super) fn leave(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    device: DeviceId,
    outcome: Outcome,
    now: Timestamp,
) -> Result<(), Fault> {
    let open: Option<ActionRecord> = unit.open_action(tenant, device, recover_passcode::RECOVER_PASSCODE.name)?;
    if let Some(action) = open {
        recover_passcode::close(unit, action, outcome, now)?;
    }
    if let Some(enrollment) = unit.open_enrollment(tenant, device)? {
        unit.close_enrollment(enrollment.id, now)?;
    }
    unit.void_secrets(tenant, device)?;
    Ok(())
}
