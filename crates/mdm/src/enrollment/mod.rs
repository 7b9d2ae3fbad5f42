//! Enrolment: discovery, certificate policy, certificate request.
//!
//! A failed step leaves the token unused. The certificate leaves only after the enrolment is durable.

mod applicant;
mod faults;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chaveiro_core::decisions::enroll::{self as domain, Enrolled};
use chaveiro_core::id::{DeviceId, EnrollmentId};
use chaveiro_core::inventory::InventoryField;
use chaveiro_core::refused::Reason;
use chaveiro_core::resource::ResourceKind;
use http::{StatusCode, header};
use omadm::provisioning::{Proof, Provisioning, StoredCertificate};
use omadm::soap::discovery::{Discover, Discovered, ON_PREMISE};
use omadm::soap::enrollment::{Issued, RequestSecurityToken};
use omadm::soap::fault::Fault;
use omadm::soap::policy::{GetPolicies, Policy};
use omadm::soap::{CONTENT_TYPE, UsernameToken};

use crate::pki::{VerifiedRequest, thumbprint};
use crate::{
    DISCOVERY_PATH, DeviceChannel, ENROLLMENT_PATH, MANAGEMENT_PATH, POLICY_PATH, PeerCertificate, proven, refused,
    stranger, token_sha256,
};
use applicant::{Claims, claims};
pub(crate) use applicant::{bounded, mac_address};
use faults::Rejection;

/// The oldest supported version of the protocol.
const MIN_VERSION: (u32, u32) = (3, 0);

/// The name of the management account on devices.
const PROVIDER: &str = "Chaveiro";

/// The id of the certificate policy. Clients read a policy again when its id changes.
const POLICY_ID: &str = "chaveiro-1";

/// The name of the certificate policy.
const POLICY_NAME: &str = "Chaveiro device";

/// Minutes between polls.
const POLL_MINUTES: u32 = 60;

/// The validity of an answer.
const ANSWER_LIFE: Duration = Duration::from_secs(5 * 60);

/// Answers the probe that precedes discovery.
pub(crate) async fn probe() -> Response {
    stranger(StatusCode::OK, "enrolment")
}

/// Answers discovery.
pub(crate) async fn discover(
    State(channel): State<Arc<DeviceChannel>>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let answer = read(body).and_then(|body| {
        let request = Discover::decode(&body).map_err(Rejection::from)?;
        let message = request.message_id.clone();
        check_discovery(&request).map_err(|rejection| rejection.to(&message))?;
        let url = |path: &str| format!("{}{path}", channel.base_url);
        Ok(Discovered::new(&message, url(POLICY_PATH), url(ENROLLMENT_PATH)))
    });
    // Anyone may ask where enrolment is.
    match answer {
        Ok(discovered) => stranger(channel.answer(Ok(discovered.encode()), DISCOVERY_PATH), "enrolment"),
        Err(rejection) => channel.answer(Err(rejection), DISCOVERY_PATH),
    }
}

fn check_discovery(request: &Discover) -> Result<(), Rejection> {
    if request.version < MIN_VERSION {
        return Err(Rejection::version(request.version));
    }
    let offers = request.auth_policies.is_empty() || request.auth_policies.iter().any(|policy| policy == ON_PREMISE);
    if offers { Ok(()) } else { Err(Rejection::authentication_policy()) }
}

/// Answers with the certificate policy.
pub(crate) async fn policy(State(channel): State<Arc<DeviceChannel>>, body: Result<Bytes, BytesRejection>) -> Response {
    let answer = match read(body).and_then(|body| GetPolicies::decode(&body).map_err(Rejection::from)) {
        Err(rejection) => Err(rejection),
        Ok(request) => {
            let message = request.message_id;
            let checked = channel.check_token(request.token.as_ref()).await;
            checked
                .map(|_| Policy::new(POLICY_ID, POLICY_NAME).encode(&message))
                .map_err(|rejection| rejection.to(&message))
        }
    };
    channel.answer(answer, POLICY_PATH)
}

/// Answers the certificate request.
pub(crate) async fn enroll(
    State(channel): State<Arc<DeviceChannel>>,
    peer: Option<Extension<PeerCertificate>>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let shown_sha256 = peer.map(|Extension(certificate)| certificate.0);
    let answer = match read(body).and_then(|body| RequestSecurityToken::decode(&body).map_err(Rejection::from)) {
        Err(rejection) => Err(rejection),
        Ok(request) => {
            let message = request.message_id.clone();
            channel.enroll(request, shown_sha256).await.map_err(|rejection| rejection.to(&message))
        }
    };
    channel.answer(answer.map(|issued| issued.encode().to_string()), ENROLLMENT_PATH)
}

fn read(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Rejection> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Rejection::TooLarge,
        _ => Rejection::Interrupted,
    })
}

impl DeviceChannel {
    /// Checks that the token of a security header can be redeemed, without using it.
    async fn check_token(&self, token: Option<&UsernameToken>) -> Result<[u8; 32], Rejection> {
        let token = token.ok_or_else(Rejection::no_security)?;
        let (sha256, now) = (token_sha256(&token.password), self.clock.now());
        let checked = self.store.try_read(move |view| {
            let tenant = view.enrollment_token(&sha256)?.map(|token| token.tenant);
            let checked = domain::check_token(view, &sha256, now).map(drop);
            checked.map_err(|fault| fault.map(|refusal| (refusal, tenant)))
        });
        match checked.await {
            Ok(()) => Ok(sha256),
            Err(chaveiro_core::Fault::Refused((refusal, tenant))) => {
                Err(Rejection::from(refusal).with_token_of(tenant))
            }
            Err(fault) => Err(Rejection::from(fault.map(|(refusal, _)| refusal))),
        }
    }

    async fn enroll(&self, request: RequestSecurityToken, shown_sha256: Option<[u8; 32]>) -> Result<Issued, Rejection> {
        if !request.is_issue {
            return Err(Rejection::renewal());
        }
        let token_sha256 = self.check_token(request.token.as_ref()).await?;
        let claims = claims(&request)?;
        let verified = VerifiedRequest::verify(&request.pkcs10).map_err(Rejection::from)?;
        let now = self.clock.now();
        let (enrollment, device) = (EnrollmentId(self.entropy.uuid()), DeviceId(self.entropy.uuid()));
        let certificate = self
            .ca
            .issue_device_certificate(&verified, enrollment, now, self.entropy.as_ref())
            .map_err(Rejection::internal)?;

        let Claims { reported_id, platform, inventory, for_user } = claims;
        let device_name = inventory.text(InventoryField::DEVICE_NAME).unwrap_or_default().to_owned();
        let applicant = domain::Applicant {
            token_sha256,
            reported_id,
            platform,
            inventory,
            certificate_sha256: certificate.sha256,
            certificate_expires: certificate.expires,
            shown_sha256,
            enrollment,
            device,
        };
        let written = self.store.try_write(move |unit| {
            let enrolled = domain::enroll(unit, applicant.clone(), now)?;
            let user = match enrolled.user {
                Some(user) => unit.resource(enrolled.tenant.id, ResourceKind::User, user)?,
                None => None,
            };
            Ok((enrolled, user.and_then(|user| user.alternate_key)))
        });
        let (enrolled, principal) = written.await.map_err(Rejection::from)?;
        if enrolled.duplicate_of.is_some() {
            self.alarm.ring();
        }
        tracing::info!(
            enrollment = %enrolled.enrollment.id,
            device = %enrolled.enrollment.device,
            known_before = enrolled.known_before,
            "a device enrolled"
        );
        let typed = request.token.map(|token| token.username).unwrap_or_default();
        let provisioning =
            self.provisioning(&enrolled, certificate.der, for_user, device_name, principal.unwrap_or(typed));
        let time = |at: chaveiro_core::Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
        let expires = time(now.checked_add(ANSWER_LIFE).unwrap_or(now));
        Ok(Issued::new(&request.message_id, time(now), expires, provisioning.encode()))
    }

    fn provisioning(
        &self,
        enrolled: &Enrolled,
        device: Vec<u8>,
        for_user: bool,
        device_name: String,
        user_principal_name: String,
    ) -> Provisioning {
        let id = enrolled.enrollment.id;
        let store = |der: Vec<u8>| StoredCertificate::new(thumbprint(&der), der);
        let (root, device) = (store(self.ca.root_der().to_vec()), store(device));
        let (name, secret) = (self.credentials.client_name(id), self.credentials.client_secret(id));
        let proof = Proof::new(name, secret, self.credentials.first_nonce(id).to_vec());
        let address = format!("{}{MANAGEMENT_PATH}", self.base_url);
        let mut provisioning = Provisioning::new(PROVIDER, root, device, id.to_string(), address, proof);
        provisioning.for_user = for_user;
        provisioning.user_principal_name = user_principal_name;
        provisioning.device_name = device_name;
        provisioning.poll_minutes = POLL_MINUTES;
        provisioning
    }

    /// Builds a SOAP answer. A mistake of the device is a fault with status 200, which clients read; only our own
    /// failures are 500 or 503.
    fn answer(&self, answer: Result<String, Rejection>, path: &str) -> Response {
        let (status, body, wrong_token) = match answer {
            Ok(body) => return proven(([(header::CONTENT_TYPE, CONTENT_TYPE)], body)),
            Err(Rejection::TooLarge) => return stranger(StatusCode::PAYLOAD_TOO_LARGE, "enrolment"),
            Err(Rejection::Interrupted) => return stranger(StatusCode::BAD_REQUEST, "enrolment"),
            Err(Rejection::Fault(rejection)) => {
                let trace_id = self.entropy.uuid().to_string();
                // Requests of strangers are not logged one by one, but a failure on our side is.
                match &rejection.internal {
                    Some(internal) => tracing::error!(%trace_id, internal, "an enrolment request was not handled"),
                    None => tracing::debug!(%trace_id, reason = %rejection.reason, "an enrolment request was refused"),
                }
                let mut fault = Fault::new(&rejection.relates_to, rejection.kind, rejection.reason, trace_id);
                fault.error_type = rejection.error_type;
                (rejection.status, fault.encode(), rejection.wrong_token)
            }
        };
        let mut response = (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, http::HeaderValue::from_static("1"));
        }
        let response = stranger(response, "enrolment");
        match wrong_token {
            Some(by) => refused(response, Reason::EnrollmentToken, by, path, "Authentication"),
            None => response,
        }
    }
}
