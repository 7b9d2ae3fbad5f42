//! New enrolment tokens. [`super::enroll`] redeems them.

use jiff::Timestamp;

use super::vouch::{self, VouchRefusal};
use crate::audit::{Activity, Origin};
use crate::enrollment::EnrollmentToken;
use crate::id::{DeviceId, TenantId};
use crate::ports::{Fault, UnitOfWork};
use crate::refusal::DeviceRefusal;

/// The request for a token.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The tenant that the device joins.
    pub tenant: TenantId,
    /// The user who will own the device: principal name or id.
    pub user: Option<String>,
    /// The device to replace.
    pub replaces: Option<DeviceId>,
    /// The SHA-256 of the fresh text of the token.
    pub token_sha256: [u8; 32],
    /// The end of its validity.
    pub expires: Timestamp,
}

/// Makes a token for one device.
pub fn create(unit: &mut dyn UnitOfWork, origin: &Origin, ask: &Ask) -> Result<EnrollmentToken, Fault<VouchRefusal>> {
    let user = match ask.user.as_deref() {
        None => None,
        Some(name) => match vouch::user(unit, ask.tenant, name)? {
            Some(user) => Some(user.id),
            None => return Err(VouchRefusal::NoUser(name.to_lowercase()).into()),
        },
    };
    if let Some(device) = ask.replaces {
        unit.device(ask.tenant, device)?.ok_or(VouchRefusal::Refused(DeviceRefusal::NotFound.into()))?;
    }
    let token = EnrollmentToken {
        token_sha256: ask.token_sha256,
        tenant: ask.tenant,
        user,
        replaces: ask.replaces,
        created: origin.at,
        expires: ask.expires,
        used: None,
    };
    unit.insert_enrollment_token(&token)?;
    let event = origin.event(ask.tenant, Activity::EnrollmentTokenCreated).with_some("user", user);
    let event = match ask.replaces {
        Some(device) => event.on_device(device).with("replaces", device),
        None => event,
    };
    unit.append_audit(&event)?;
    Ok(token)
}
