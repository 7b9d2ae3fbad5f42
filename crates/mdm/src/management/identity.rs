//! Whose message it is. A device's own name proves nothing: cloned images share it.

use chaveiro_core::enrollment::Enrollment;
use chaveiro_core::id::EnrollmentId;
use chaveiro_core::ports::{StoreError, View};
use omadm::session::server::State;
use omadm::syncml::Header;

use crate::DeviceCredentials;

/// Who may be speaking.
pub(super) enum Speaker {
    /// The connection has the certificate of this open enrolment, and the message its name.
    Certified(Enrollment),
    /// The message names this open enrolment; it must still prove itself.
    Named(Enrollment),
    /// These open enrolments have the message's name; a challenge tells them apart.
    OneOf(Vec<Enrollment>),
    /// The certificate is not one of ours any more, or the message has another device's name.
    Refused(&'static str),
}

pub(super) fn speaker(view: &dyn View, certificate: Option<[u8; 32]>, header: &Header) -> Result<Speaker, StoreError> {
    if let Some(sha256) = certificate {
        let Some(enrollment) = view.enrollment_by_certificate(&sha256)? else {
            return Ok(Speaker::Refused("the certificate belongs to no enrolment"));
        };
        return Ok(match (enrollment.closed, enrollment.oma_device_id == header.source) {
            (Some(_), _) => Speaker::Refused("the enrolment is closed"),
            (None, false) => Speaker::Refused("the certificate belongs to another device"),
            (None, true) => Speaker::Certified(enrollment),
        });
    }
    let named = header.source_name.as_deref().and_then(|name| name.parse::<EnrollmentId>().ok());
    if let Some(id) = named {
        let enrollment = view.enrollment(id)?.filter(|enrollment| enrollment.closed.is_none());
        return Ok(match enrollment {
            Some(enrollment) if enrollment.oma_device_id == header.source => Speaker::Named(enrollment),
            Some(_) => Speaker::Refused("the user name belongs to another device"),
            None => Speaker::OneOf(Vec::new()),
        });
    }
    let mut candidates = view.enrollments_by_oma_device_id(&header.source)?;
    Ok(match candidates.len() {
        1 => Speaker::Named(candidates.remove(0)),
        _ => Speaker::OneOf(candidates),
    })
}

/// What is remembered of an enrolment's session.
pub(super) fn state(view: &dyn View, credentials: &DeviceCredentials, id: EnrollmentId) -> Result<State, StoreError> {
    let Some(bytes) = view.session(id)? else { return Ok(State::new(credentials.first_nonce(id))) };
    serde_json::from_slice(&bytes).map_err(|error| StoreError::Inconsistent(format!("session of {id}: {error}")))
}

/// Its bytes.
pub(super) fn bytes_of(state: &State) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(state).map_err(|error| StoreError::Inconsistent(error.to_string()))
}
