//! The enrolment that a message speaks for, and the state of its session. A device's own name proves nothing: cloned
//! images share it.

use std::convert::Infallible;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::enrollment::Enrollment;
use chaveiro_core::id::EnrollmentId;
use chaveiro_core::ports::{StoreError, View};
use omadm::Secret;
use omadm::session::server::{Evidence, Nonce, Proven, Request, Session, Step};
use omadm::syncml::Header;

use super::turn::Context;
use crate::DeviceCredentials;

/// The most enrolments of one name that are tried for a digest that does not name its own.
const MAX_NAMESAKES: usize = 32;

/// The sender of a message, as far as the message proves it.
pub(super) enum Speaker {
    /// An open enrolment, with a new message.
    Proven(Box<(Enrollment, Proven)>),
    /// An open enrolment repeats a message, and this was the answer.
    Repeated(Secret),
    /// The certificate is no longer one of ours, or the message has another device's name.
    Refused(Request, &'static str),
    /// An unauthenticated sender: the message must prove itself.
    Unproven(Request),
}

impl Speaker {
    fn of(enrollment: Enrollment, step: Step<Infallible>) -> Self {
        match step {
            Step::Proven(proven) => Self::Proven(Box::new((enrollment, proven))),
            Step::Repeated(answer) => Self::Repeated(answer),
            Step::Unproven(request) => Self::Unproven(request),
        }
    }
}

/// Identifies the sender. Only reads.
pub(super) fn speaker(
    view: &dyn View,
    context: &Context<'_>,
    certificate: Option<[u8; 32]>,
    request: Request,
) -> Result<Speaker, StoreError> {
    match certificate {
        Some(sha256) => certified(view, context, view.enrollment_by_certificate(&sha256)?, request),
        None => by_digest(view, context, request),
    }
}

/// Identifies a sender whose certificate is that of this enrolment.
pub(super) fn certified(
    view: &dyn View,
    context: &Context<'_>,
    enrollment: Option<Enrollment>,
    request: Request,
) -> Result<Speaker, StoreError> {
    let Some(enrollment) = enrollment else {
        return Ok(Speaker::Refused(request, "the certificate belongs to no enrolment"));
    };
    Ok(match (enrollment.closed, enrollment.reported_id == request.message().header.source) {
        (Some(_), _) => Speaker::Refused(request, "the enrolment is closed"),
        (None, false) => Speaker::Refused(request, "the certificate belongs to another device"),
        (None, true) => {
            let session = session(view, context, enrollment.id)?;
            Speaker::of(enrollment, session.expecting(Evidence::Certificate).receive_request(request))
        }
    })
}

/// Identifies a sender without a certificate.
pub(super) fn by_digest(view: &dyn View, context: &Context<'_>, mut request: Request) -> Result<Speaker, StoreError> {
    // Without a credential there is nothing to look up: the answer is the same for known and unknown names.
    let header = &request.message().header;
    if header.credential.is_none() {
        return Ok(Speaker::Unproven(request));
    }
    let challenges = context.credentials.challenges(&header.source, &header.session, context.now);
    let namesakes = namesakes(view, header)?;
    if namesakes.is_empty() {
        // An unknown name takes as much time as a known one.
        let no_enrollment = EnrollmentId(uuid::Uuid::nil());
        let step = digest(context.credentials, no_enrollment, Session::new(Nonce::default()), request, &challenges);
        let Step::Unproven(request) = step else {
            return Err(StoreError::Inconsistent("a message proves an enrolment that is not there".to_owned()));
        };
        return Ok(Speaker::Unproven(request));
    }
    for enrollment in namesakes {
        let session = session(view, context, enrollment.id)?;
        match digest(context.credentials, enrollment.id, session, request, &challenges) {
            Step::Unproven(unproven) => request = unproven,
            step => return Ok(Speaker::of(enrollment, step)),
        }
    }
    Ok(Speaker::Unproven(request))
}

/// The open enrolments that a digest under this header may speak for: the one that it names, else those with the name
/// of the device. Enrolments that must show their certificate are excluded.
fn namesakes(view: &dyn View, header: &Header) -> Result<Vec<Enrollment>, StoreError> {
    let mut found = match named(header) {
        Some(id) => {
            let is_it = |one: &Enrollment| one.closed.is_none() && one.reported_id == header.source;
            view.enrollment(id)?.filter(is_it).into_iter().collect()
        }
        None => view.enrollments_by_reported_id(&header.source)?,
    };
    found.retain(|enrollment| !enrollment.needs_certificate);
    found.truncate(MAX_NAMESAKES);
    Ok(found)
}

/// The enrolment that a header without a certificate names, as devices do that prove themselves by a digest.
pub(super) fn named(header: &Header) -> Option<EnrollmentId> {
    header.source_name.as_deref()?.parse().ok()
}

/// The step of a session on a message that must hold the digest of that enrolment.
fn digest(
    credentials: &DeviceCredentials,
    enrollment: EnrollmentId,
    session: Session,
    request: Request,
    challenges: &[Nonce],
) -> Step<Infallible> {
    let user = credentials.client_name(enrollment);
    let password = credentials.client_secret(enrollment);
    session.expecting(Evidence::Digest { user, password, challenges: challenges.to_vec() }).receive_request(request)
}

/// The newest session of an enrolment: the one that waits to be stored, else the stored one, else a new one.
fn session(view: &dyn View, context: &Context<'_>, id: EnrollmentId) -> Result<Session, StoreError> {
    let credentials = context.credentials;
    let newest = match context.check_ins.session(id) {
        Some(waiting) => Some(waiting),
        None => view.session(id)?,
    };
    let session = match newest {
        Some(bytes) => {
            let reveal = |sealed: &str| credentials.reveal(id, &STANDARD.decode(sealed).ok()?);
            let damaged = |error| StoreError::Inconsistent(format!("session of {id}: {error}"));
            Session::open(&bytes, reveal).map_err(damaged)?
        }
        None => Session::new(credentials.first_nonce(id)),
    };
    Ok(session.within(credentials.period()))
}

/// The bytes of a session. The salts are fresh randomness, one for each text that is sealed.
pub(super) fn stored(
    session: Session,
    credentials: &DeviceCredentials,
    id: EnrollmentId,
    salts: [Nonce; 2],
) -> Result<Vec<u8>, StoreError> {
    let mut salts = salts.into_iter();
    let conceal = |text: &str| credentials.conceal(id, salts.next()?, text).map(|sealed| STANDARD.encode(sealed));
    session.store(conceal).map_err(|error| StoreError::Inconsistent(format!("session of {id}: {error}")))
}
