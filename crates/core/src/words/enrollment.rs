//! Enrolments and the one-time tokens that start them.

use jiff::Timestamp;

use crate::id::{DeviceId, EnrollmentId, ResourceId, TenantId};

/// The relation that binds a device to a tenant by a certificate. A device that enrols again gets a new enrolment; the
/// old one is closed and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrollment {
    /// The id, which the device certificate names.
    pub id: EnrollmentId,
    /// The tenant.
    pub tenant: TenantId,
    /// The device.
    pub device: DeviceId,
    /// SHA-256 of the DER of the device certificate.
    pub certificate_sha256: [u8; 32],
    /// The id that the device reports when it enrols and in every later message. Cloned devices share one.
    pub reported_id: String,
    /// True if the device must show its certificate: a digest alone does not authenticate it. Linux machines must from
    /// the start. A device that enrolled with an older server must once it has shown a certificate.
    pub needs_certificate: bool,
    /// The time at which it was made.
    pub created: Timestamp,
    /// The time at which it ended, because the device enrolled again, was retired or was unenrolled.
    pub closed: Option<Timestamp>,
}

/// The token that a device shows to enrol. Only its hash is stored, and it can be used once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrollmentToken {
    /// SHA-256 of the token's text.
    pub token_sha256: [u8; 32],
    /// The tenant that the device joins.
    pub tenant: TenantId,
    /// The user who will own the device, if known.
    pub user: Option<ResourceId>,
    /// The device to replace, if the token was made for one.
    pub replaces: Option<DeviceId>,
    /// The time at which it was made.
    pub created: Timestamp,
    /// The end of its validity.
    pub expires: Timestamp,
    /// The time of its use, and the enrolment that it started.
    pub used: Option<(Timestamp, EnrollmentId)>,
}
