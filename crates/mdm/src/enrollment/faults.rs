//! The refusals of enrolment, and the one table that maps them to SOAP faults.

use chaveiro_core::Fault;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::refusal::{EnrollmentRefusal, TenantRefusal};
use chaveiro_core::refused::By;
use http::StatusCode;
use omadm::soap::SoapError;
use omadm::soap::fault::{ErrorType, FaultKind};

use crate::pki::RequestError;

/// The reason why a request is refused.
pub(super) enum Rejection {
    /// The body is larger than allowed.
    TooLarge,
    /// The body did not arrive.
    Interrupted,
    /// A fault.
    Fault(Box<Refused>),
}

/// A fault before it is encoded.
pub(super) struct Refused {
    pub(super) relates_to: String,
    pub(super) status: StatusCode,
    pub(super) kind: FaultKind,
    pub(super) error_type: Option<ErrorType>,
    pub(super) reason: String,
    /// The details for the log only.
    pub(super) internal: Option<String>,
    /// The sender of a wrong enrolment token, for the statistics of refusals.
    pub(super) wrong_token: Option<By>,
}

impl Rejection {
    fn fault(kind: FaultKind, error_type: Option<ErrorType>, reason: impl Into<String>) -> Self {
        let (relates_to, status) = (String::new(), StatusCode::OK);
        Self::Fault(Box::new(Refused {
            relates_to,
            status,
            kind,
            error_type,
            reason: reason.into(),
            internal: None,
            wrong_token: None,
        }))
    }

    /// Sets the message that the fault answers.
    pub(super) fn to(mut self, message_id: &str) -> Self {
        if let Self::Fault(refused) = &mut self {
            message_id.clone_into(&mut refused.relates_to);
        }
        self
    }

    /// Sets the tenant of the enrolment token, if the token exists.
    pub(super) fn with_token_of(mut self, tenant: Option<TenantId>) -> Self {
        if let (Self::Fault(refused), Some(tenant)) = (&mut self, tenant)
            && let Some(by) = &mut refused.wrong_token
        {
            *by = By::Claimed { tenant, application: None, user: None };
        }
        self
    }

    pub(super) fn version((major, minor): (u32, u32)) -> Self {
        let reason =
            format!("Enrollment version {major}.{minor} is too old. Update the device to Windows 10 or newer.");
        Self::fault(FaultKind::MessageFormat, Some(ErrorType::NotSupported), reason)
    }

    pub(super) fn authentication_policy() -> Self {
        let reason = "This server enrolls with a user name and an enrollment token (OnPremise).";
        Self::fault(FaultKind::Authentication, Some(ErrorType::NotSupported), reason)
    }

    pub(super) fn no_security() -> Self {
        let reason = "A user name and an enrollment token are needed. Ask your administrator for a token.";
        Self::fault(FaultKind::InvalidSecurity, None, reason)
    }

    pub(super) fn renewal() -> Self {
        let reason = "Certificates are not renewed; enroll the device again with a new token.";
        Self::fault(FaultKind::CertificateRequest, Some(ErrorType::NotEligibleToRenew), reason)
    }

    pub(super) fn enrollment_data(reason: &str) -> Self {
        Self::fault(FaultKind::EnrollmentServer, Some(ErrorType::InvalidEnrollmentData), reason)
    }

    pub(super) fn device_type(name: &str) -> Self {
        let reason = format!("Devices of type {name:.40} cannot enroll here.");
        Self::fault(FaultKind::EnrollmentServer, Some(ErrorType::NotSupported), reason)
    }

    pub(super) fn internal(error: impl std::fmt::Display) -> Self {
        Self::ours(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }

    fn ours(status: StatusCode, internal: String) -> Self {
        let reason = "The server could not enroll the device. Nothing was changed; try again, with the same token.";
        Self::Fault(Box::new(Refused {
            relates_to: String::new(),
            status,
            kind: FaultKind::EnrollmentServer,
            error_type: None,
            reason: reason.to_owned(),
            internal: Some(internal),
            wrong_token: None,
        }))
    }
}

impl From<SoapError> for Rejection {
    fn from(error: SoapError) -> Self {
        Self::fault(FaultKind::MessageFormat, None, error.to_string())
    }
}

impl From<RequestError> for Rejection {
    fn from(error: RequestError) -> Self {
        Self::fault(FaultKind::CertificateRequest, None, error.to_string())
    }
}

impl From<Fault<EnrollmentRefusal>> for Rejection {
    fn from(fault: Fault<EnrollmentRefusal>) -> Self {
        match fault {
            Fault::Refused(refusal) => refusal.into(),
            Fault::Store(error @ (StoreError::Busy | StoreError::Full)) => {
                Self::ours(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
            Fault::Store(error) => Self::ours(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            Fault::Escrow(error) => Self::ours(StatusCode::INTERNAL_SERVER_ERROR, error),
        }
    }
}

impl From<EnrollmentRefusal> for Rejection {
    fn from(refusal: EnrollmentRefusal) -> Self {
        let sentence = |next: &str| {
            let mut text = refusal.to_string();
            if let Some(first) = text.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            format!("{text}. {next}")
        };
        match refusal {
            EnrollmentRefusal::Token(_) => {
                let mut rejection = Rejection::fault(
                    FaultKind::Authentication,
                    None,
                    sentence("Ask your administrator for a new one."),
                );
                if let Rejection::Fault(refused) = &mut rejection {
                    refused.wrong_token = Some(By::Stranger);
                }
                rejection
            }
            EnrollmentRefusal::Tenant(TenantRefusal::Unlicensed) => {
                let reason = sentence("Ask your administrator to activate it.");
                Rejection::fault(FaultKind::Authorization, Some(ErrorType::UserLicense), reason)
            }
            EnrollmentRefusal::Tenant(refusal @ TenantRefusal::OutOfBounds { .. }) => Rejection::internal(refusal),
        }
    }
}
