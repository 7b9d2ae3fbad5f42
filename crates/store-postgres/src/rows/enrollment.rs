//! Enrolments, their management sessions, and enrolment tokens.

use chaveiro_core::Timestamp;
use chaveiro_core::enrollment::{Enrollment, EnrollmentToken};
use chaveiro_core::id::{DeviceId, EnrollmentId, TenantId};
use chaveiro_core::ports::StoreError;
use chaveiro_store_rows::cells::Cells as _;
use chaveiro_store_rows::read;
use chaveiro_store_rows::text::micros;
use tokio_postgres::Row;

use crate::authenticated::{ENROLLMENT_TOKENS, ENROLLMENTS, insert, update};
use crate::unit::{Unit, is_one, params};
use crate::value::{Cells, Sql};

/// Returns the enrolments that this program wrote; others open no session.
fn sound(unit: &Unit<'_>, condition: &str, parameters: &[Sql]) -> Result<Vec<Enrollment>, StoreError> {
    let sql = format!(
        "SELECT x.id, x.tenant AS tenant_id, x.device AS device_id, x.certificate_sha256, x.oma_device_id,
            x.needs_certificate, x.created, x.closed, {}
        FROM enrollment x WHERE {condition} ORDER BY x.row",
        ENROLLMENTS.proof("x")
    );
    let read = |row: &Row| match ENROLLMENTS.sound(unit.key(), row, 8)? {
        true => Ok(Some(read::enrollment(&mut Cells::of(row))?)),
        false => Ok(None),
    };
    Ok(unit.many(&sql, parameters, read)?.into_iter().flatten().collect())
}

pub(crate) fn enrollment(unit: &Unit<'_>, id: EnrollmentId) -> Result<Option<Enrollment>, StoreError> {
    Ok(sound(unit, "x.id = $1", &params![id.0])?.pop())
}

pub(crate) fn open(unit: &Unit<'_>, tenant: TenantId, device: DeviceId) -> Result<Option<Enrollment>, StoreError> {
    let condition = "x.tenant = $1 AND x.device = $2 AND x.closed IS NULL";
    Ok(sound(unit, condition, &params![tenant.0, device.0])?.pop())
}

pub(crate) fn by_certificate(unit: &Unit<'_>, sha256: &[u8; 32]) -> Result<Option<Enrollment>, StoreError> {
    Ok(sound(unit, "x.certificate_sha256 = $1", &params![sha256])?.pop())
}

pub(crate) fn by_reported_id(unit: &Unit<'_>, reported_id: &str) -> Result<Vec<Enrollment>, StoreError> {
    sound(unit, "x.oma_device_id = $1 AND x.closed IS NULL", &params![reported_id])
}

pub(crate) fn insert_enrollment(unit: &Unit<'_>, enrollment: &Enrollment) -> Result<(), StoreError> {
    let row = vec![
        ("tenant", enrollment.tenant.0.into()),
        ("device", enrollment.device.0.into()),
        ("id", enrollment.id.0.into()),
        ("certificate_sha256", enrollment.certificate_sha256.into()),
        ("oma_device_id", (&enrollment.reported_id).into()),
        ("needs_certificate", enrollment.needs_certificate.into()),
        ("created", micros(enrollment.created).into()),
        ("closed", enrollment.closed.map(micros).into()),
    ];
    insert(unit, &ENROLLMENTS, row, "enrollment")
}

pub(crate) fn require_certificate(unit: &Unit<'_>, id: EnrollmentId) -> Result<(), StoreError> {
    let what = "open enrollment";
    let set = [("needs_certificate", true.into())];
    is_one(update(unit, &ENROLLMENTS, &set, "x.id = $1 AND x.closed IS NULL", &params![id.0], what)?, what)
}

pub(crate) fn close(unit: &Unit<'_>, id: EnrollmentId, at: Timestamp) -> Result<(), StoreError> {
    unit.change_one("UPDATE enrollment SET session = NULL WHERE id = $1", &params![id.0], "enrollment")?;
    let set = [("closed", micros(at).into())];
    update(unit, &ENROLLMENTS, &set, "x.id = $1 AND x.closed IS NULL", &params![id.0], "enrollment").map(drop)
}

pub(crate) fn session(unit: &Unit<'_>, id: EnrollmentId) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT session FROM enrollment WHERE id = $1";
    Ok(unit.one(sql, &params![id.0], |row| Ok(Cells::of(row).get("session")?))?.flatten())
}

pub(crate) fn put_session(unit: &Unit<'_>, id: EnrollmentId, state: &[u8]) -> Result<(), StoreError> {
    let sql = "UPDATE enrollment SET session = $2 WHERE id = $1 AND closed IS NULL";
    unit.change_one(sql, &params![id.0, state], "open enrollment")
}

pub(crate) fn token(unit: &Unit<'_>, sha256: &[u8; 32]) -> Result<Option<EnrollmentToken>, StoreError> {
    let sql = format!(
        "SELECT x.sha256, x.tenant AS tenant_id, x.\"user\", x.replaces, x.created, x.expires, x.used_at, x.used_for, {}
        FROM enrollment_token x WHERE x.sha256 = $1",
        ENROLLMENT_TOKENS.proof("x")
    );
    let found = unit.one(&sql, &params![sha256], |row| match ENROLLMENT_TOKENS.sound(unit.key(), row, 8)? {
        true => Ok(Some(read::enrollment_token(&mut Cells::of(row))?)),
        false => Ok(None),
    })?;
    Ok(found.flatten())
}

pub(crate) fn insert_token(unit: &Unit<'_>, token: &EnrollmentToken) -> Result<(), StoreError> {
    let row = vec![
        ("tenant", token.tenant.0.into()),
        ("sha256", token.token_sha256.into()),
        ("user", token.user.map(|user| user.0).into()),
        ("created", micros(token.created).into()),
        ("expires", micros(token.expires).into()),
        ("used_at", token.used.map(|(at, _)| micros(at)).into()),
        ("used_for", token.used.map(|(_, enrollment)| enrollment.0).into()),
        ("replaces", token.replaces.map(|device| device.0).into()),
    ];
    insert(unit, &ENROLLMENT_TOKENS, row, "enrollment token")
}

pub(crate) fn void_tokens(unit: &Unit<'_>, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError> {
    let condition = "x.tenant = $1 AND x.used_at IS NULL AND x.expires > $2";
    let set = [("expires", micros(at).into())];
    update(unit, &ENROLLMENT_TOKENS, &set, condition, &params![tenant.0, micros(at)], "enrollment token")
}

pub(crate) fn use_token(
    unit: &Unit<'_>,
    sha256: &[u8; 32],
    at: Timestamp,
    enrollment: EnrollmentId,
) -> Result<(), StoreError> {
    let what = "unused enrollment token";
    let set = [("used_at", micros(at).into()), ("used_for", enrollment.0.into())];
    let condition = "x.sha256 = $1 AND x.used_at IS NULL";
    is_one(update(unit, &ENROLLMENT_TOKENS, &set, condition, &params![sha256], what)?, what)
}
