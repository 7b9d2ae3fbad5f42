//! Enrolments, their management sessions, and enrolment tokens.

use std::sync::LazyLock;

use chaveiro_core::Timestamp;
use chaveiro_core::enrollment::{Enrollment, EnrollmentToken};
use chaveiro_core::id::{DeviceId, EnrollmentId, TenantId};
use chaveiro_core::ports::StoreError;
use chaveiro_store_rows::read;
use rusqlite::{Connection, Row, params};

use crate::codec::{Cells, RowError, blob, change_one, insert, many, micros, one, run};
use crate::rows::authenticated::{ENROLLMENT_TOKENS, ENROLLMENTS};

/// Selects enrolments as this program wrote them; others open no session.
fn select(rest: &str) -> String {
    let sound = ENROLLMENTS.sound_beside("e", ["t.id", "d.id"]);
    format!(
        "SELECT e.id, t.id AS tenant_id, d.id AS device_id, e.certificate_sha256, e.oma_device_id, e.needs_certificate,
            e.created, e.closed
        FROM enrollment e JOIN device d ON d.row = e.device JOIN tenant t ON t.row = d.tenant WHERE {sound} AND {rest}"
    )
}

fn read(row: &Row<'_>) -> Result<Enrollment, RowError> {
    Ok(read::enrollment(&mut Cells::of(row))?)
}

pub(crate) fn enrollment(connection: &Connection, id: EnrollmentId) -> Result<Option<Enrollment>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| select("e.id = ?"));
    one(connection, &SQL, [blob(&id.0)], read)
}

pub(crate) fn open(
    connection: &Connection,
    tenant: TenantId,
    device: DeviceId,
) -> Result<Option<Enrollment>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| select("t.id = ? AND d.id = ? AND e.closed IS NULL"));
    one(connection, &SQL, [blob(&tenant.0), blob(&device.0)], read)
}

pub(crate) fn by_certificate(connection: &Connection, sha256: &[u8; 32]) -> Result<Option<Enrollment>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| select("e.certificate_sha256 = ?"));
    one(connection, &SQL, [sha256], read)
}

pub(crate) fn by_reported_id(connection: &Connection, reported_id: &str) -> Result<Vec<Enrollment>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| select("e.oma_device_id = ? AND e.closed IS NULL ORDER BY e.row"));
    many(connection, &SQL, [reported_id], read)
}

pub(crate) fn insert_enrollment(connection: &Connection, enrollment: &Enrollment) -> Result<(), StoreError> {
    let sql = "INSERT INTO enrollment (id, device, certificate_sha256, oma_device_id, needs_certificate, created, closed)
        SELECT ?3, d.row, ?4, ?5, ?6, ?7, ?8 FROM device d JOIN tenant t ON t.row = d.tenant WHERE t.id = ?1 AND d.id = ?2";
    let parameters = params![
        blob(&enrollment.tenant.0),
        blob(&enrollment.device.0),
        blob(&enrollment.id.0),
        enrollment.certificate_sha256,
        enrollment.reported_id,
        enrollment.needs_certificate,
        micros(enrollment.created),
        enrollment.closed.map(micros)
    ];
    insert(connection, sql, parameters, "enrollment")
}

pub(crate) fn require_certificate(connection: &Connection, id: EnrollmentId) -> Result<(), StoreError> {
    let sql = "UPDATE enrollment SET needs_certificate = 1 WHERE id = ?1 AND closed IS NULL";
    change_one(connection, sql, params![blob(&id.0)], "open enrollment")
}

pub(crate) fn close(connection: &Connection, id: EnrollmentId, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE enrollment SET closed = coalesce(closed, ?2), session = NULL WHERE id = ?1";
    change_one(connection, sql, params![blob(&id.0), micros(at)], "enrollment")
}

pub(crate) fn session(connection: &Connection, id: EnrollmentId) -> Result<Option<Vec<u8>>, StoreError> {
    let found = one(connection, "SELECT session FROM enrollment WHERE id = ?", [blob(&id.0)], |row| Ok(row.get(0)?));
    found.map(Option::flatten)
}

pub(crate) fn put_session(connection: &Connection, id: EnrollmentId, state: &[u8]) -> Result<(), StoreError> {
    let sql = "UPDATE enrollment SET session = ?2 WHERE id = ?1 AND closed IS NULL";
    change_one(connection, sql, params![blob(&id.0), state], "open enrollment")
}

pub(crate) fn token(connection: &Connection, sha256: &[u8; 32]) -> Result<Option<EnrollmentToken>, StoreError> {
    let sound = ENROLLMENT_TOKENS.sound("k");
    let sql = format!(
        "SELECT k.sha256, t.id AS tenant_id, k.user, k.replaces, k.created, k.expires, k.used_at, k.used_for
        FROM enrollment_token k JOIN tenant t ON t.row = k.tenant
        WHERE k.sha256 = ? AND {sound}"
    );
    one(connection, &sql, [sha256], |row| Ok(read::enrollment_token(&mut Cells::of(row))?))
}

pub(crate) fn insert_token(connection: &Connection, token: &EnrollmentToken) -> Result<(), StoreError> {
    let sql = "INSERT INTO enrollment_token (sha256, tenant, user, created, expires, used_at, used_for, replaces)
        SELECT ?2, row, ?3, ?4, ?5, ?6, ?7, ?8 FROM tenant WHERE id = ?1";
    let parameters = params![
        blob(&token.tenant.0),
        token.token_sha256,
        token.user.as_ref().map(|user| blob(&user.0)),
        micros(token.created),
        micros(token.expires),
        token.used.map(|(at, _)| micros(at)),
        token.used.as_ref().map(|(_, enrollment)| blob(&enrollment.0)),
        token.replaces.as_ref().map(|device| blob(&device.0))
    ];
    insert(connection, sql, parameters, "enrollment token")
}

pub(crate) fn void_tokens(connection: &Connection, tenant: TenantId, at: Timestamp) -> Result<u64, StoreError> {
    let sql = "UPDATE enrollment_token SET expires = ?2
        WHERE used_at IS NULL AND expires > ?2 AND tenant = (SELECT row FROM tenant WHERE id = ?1)";
    run(connection, sql, params![blob(&tenant.0), micros(at)]).map(|voided| voided as u64)
}

pub(crate) fn use_token(
    connection: &Connection,
    sha256: &[u8; 32],
    at: Timestamp,
    enrollment: EnrollmentId,
) -> Result<(), StoreError> {
    let sql = "UPDATE enrollment_token SET used_at = ?2, used_for = ?3 WHERE sha256 = ?1 AND used_at IS NULL";
    change_one(connection, sql, params![sha256, micros(at), blob(&enrollment.0)], "unused enrollment token")
}
