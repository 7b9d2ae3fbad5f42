//! Enrolments and the one-time tokens that start them.

use jiff::Timestamp;

use crate::id::{DeviceId, EnrollmentId, ResourceId, TenantId};

/// The relation that binds a device to a tenant by a certificate. A device that enrols again gets a
/// new one; the old one is closed and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrollment {
    /// Its own id; the device certificate names it.
    pub id: EnrollmentId,
    /// The tenant.
    pub tenant: TenantId,
    /// The device.
    pub device: DeviceId,
    /// SHA-256 of the DER of the device certificate.
    pub certificate_sha256: [u8; 32],
    /// The id by which the device calls itself when it enrols, and in every message after that. Cloned devices share one.
    pub reported_id: String,
    /// True if the device must show its certificate: a digest alone does not speak for it. So from the first on for Linux
    /// machines; one that enrolled with an older server, from the first certificate that it shows.
    pub needs_certificate: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it ended: enrolled again, retired or unenrolled.
    pub closed: Option<Timestamp>,
}

/// What a device shows to enrol. Only a hash is stored; it serves once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrollmentToken {
    /// SHA-256 of the token's text.
    pub token_sha256: [u8; 32],
    /// The tenant that the device joins.
    pub tenant: TenantId,
    /// The user who will own the device, when known.
    pub user: Option<ResourceId>,
    /// The device whose place is taken, when the token was made for one.
    pub replaces: Option<DeviceId>,
    /// When it was made.
    pub created: Timestamp,
    /// End of validity.
    pub expires: Timestamp,
    /// When it was used, and for which enrolment.
    pub used: Option<(Timestamp, EnrollmentId)>,
}
