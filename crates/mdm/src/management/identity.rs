//! The enrolment that a message speaks for, and the state of its session. A device's own name proves nothing: cloned
//! images share it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::enrollment::Enrollment;
use chaveiro_core::id::EnrollmentId;
use chaveiro_core::ports::{StoreError, View};
use omadm::session::large::Unfinished;
use omadm::session::server::{Expected, Nonce, Proof, State};
use omadm::syncml::Header;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::turn::Context;
use crate::DeviceCredentials;

/// The most enrolments of one name that are tried for a digest that does not name its own.
const MAX_NAMESAKES: usize = 32;

/// The sender of a message, as far as the message proves it.
pub(super) enum Speaker {
    /// An open enrolment.
    Proven(Box<Proven>),
    /// The certificate is no longer one of ours, or the message has another device's name.
    Refused(&'static str),
    /// An unauthenticated sender: the message must prove itself.
    Unproven,
}

/// An open enrolment that a message speaks for.
pub(super) struct Proven {
    pub(super) enrollment: Enrollment,
    pub(super) session: Session,
    pub(super) proof: Proof,
}

/// Identifies the sender. Only reads.
pub(super) fn speaker(
    view: &dyn View,
    context: &Context<'_>,
    certificate: Option<[u8; 32]>,
    header: &Header,
) -> Result<Speaker, StoreError> {
    if let Some(sha256) = certificate {
        let Some(enrollment) = view.enrollment_by_certificate(&sha256)? else {
            return Ok(Speaker::Refused("the certificate belongs to no enrolment"));
        };
        return Ok(match (enrollment.closed, enrollment.reported_id == header.source) {
            (Some(_), _) => Speaker::Refused("the enrolment is closed"),
            (None, false) => Speaker::Refused("the certificate belongs to another device"),
            (None, true) => {
                let session = Session::of(view, context.credentials, enrollment.id)?;
                Speaker::Proven(Box::new(Proven { enrollment, session, proof: Proof::Certificate }))
            }
        });
    }
    // Without a credential there is nothing to look up: the answer is the same for known and unknown names.
    if header.credential.is_none() {
        return Ok(Speaker::Unproven);
    }
    let challenges = context.credentials.challenges(&header.source, &header.session, context.now);
    let namesakes = namesakes(view, header)?;
    if namesakes.is_empty() {
        // An unknown name takes as much time as a known one.
        let no_enrollment = EnrollmentId(uuid::Uuid::nil());
        let _ = proof(context.credentials, no_enrollment, &State::new(Nonce::default()), header, &challenges);
    }
    for enrollment in namesakes {
        let session = Session::of(view, context.credentials, enrollment.id)?;
        if let Some(proof) = proof(context.credentials, enrollment.id, &session.state, header, &challenges) {
            return Ok(Speaker::Proven(Box::new(Proven { enrollment, session, proof })));
        }
    }
    Ok(Speaker::Unproven)
}

/// The open enrolments that a digest under this header may speak for: the one that it names, else those with the name
/// of the device. Enrolments that must show their certificate are excluded.
fn namesakes(view: &dyn View, header: &Header) -> Result<Vec<Enrollment>, StoreError> {
    let named = header.source_name.as_deref().and_then(|name| name.parse::<EnrollmentId>().ok());
    let mut found = match named {
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

fn proof(
    credentials: &DeviceCredentials,
    enrollment: EnrollmentId,
    state: &State,
    header: &Header,
    challenges: &[Nonce],
) -> Option<Proof> {
    let user = credentials.client_name(enrollment);
    let password = credentials.client_secret(enrollment);
    state.proof(header, Expected { user: &user, password: &password }, challenges)
}

/// The stored state of an enrolment's session.
pub(super) struct Session {
    pub(super) state: State,
    /// The value that arrived in part.
    pub(super) unfinished: Option<Unfinished>,
    /// The last answer, if it holds a secret; any other is in the state.
    pub(super) answer: Option<Zeroizing<String>>,
}

/// The stored form of the session.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(flatten)]
    state: State,
    /// The part of the value, sealed because it may be part of a passcode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<String>,
    /// The last answer, sealed because it holds a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
}

impl Session {
    fn of(view: &dyn View, credentials: &DeviceCredentials, id: EnrollmentId) -> Result<Self, StoreError> {
        let Some(bytes) = view.session(id)? else {
            return Ok(Self { state: State::new(credentials.first_nonce(id)), unfinished: None, answer: None });
        };
        let damaged = |error: String| StoreError::Inconsistent(format!("session of {id}: {error}"));
        let Stored { mut state, part, answer } =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        let reveal = |sealed: String| credentials.reveal(id, &STANDARD.decode(sealed).ok()?);
        let (part, answer) = (part.and_then(reveal), answer.and_then(reveal));
        let unfinished =
            state.unfinished.take().zip(part).map(|(origin, data)| Unfinished { origin, data: data.as_str().into() });
        Ok(Self { state, unfinished, answer })
    }

    /// The answer to this very request, if it was answered before.
    pub(super) fn recall(&self, header: &Header, body_sha256: &[u8; 32]) -> Option<&str> {
        let kept = self.state.recall(header, body_sha256)?;
        // Without the earlier key, a sealed answer is lost: the device begins again.
        if kept.is_empty() { self.answer.as_deref().map(String::as_str) } else { Some(kept) }
    }

    /// Encodes the session. The salts are fresh randomness, one for each sealed part.
    pub(super) fn bytes(
        self,
        credentials: &DeviceCredentials,
        id: EnrollmentId,
        [part_salt, answer_salt]: [Nonce; 2],
    ) -> Result<Vec<u8>, StoreError> {
        let Self { mut state, unfinished, answer } = self;
        let mut part = None;
        if let Some(Unfinished { origin, data }) = unfinished {
            part = credentials.conceal(id, part_salt, &data).map(|sealed| STANDARD.encode(sealed));
            state.unfinished = Some(origin);
        }
        let answer = answer.and_then(|answer| credentials.conceal(id, answer_salt, &answer));
        let answer = answer.map(|sealed| STANDARD.encode(sealed));
        serde_json::to_vec(&Stored { state, part, answer }).map_err(|error| StoreError::Inconsistent(error.to_string()))
    }
}
