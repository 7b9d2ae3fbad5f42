//! The words of errors that have types of their own.

use std::error::Error;

use chaveiro_device::enroll::EnrollError;
use chaveiro_device::transport::TransportError;
use chaveiro_lang::{Text, text};

use crate::config::ConfigError;
use crate::inventory::NoMachineId;
use crate::key_file::of_key_file;
use crate::login::LoginError;
use crate::luks::LuksError;
use crate::session::Refused;

/// The text of an error, if it is one of these.
pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<Text> {
    let own = error.downcast_ref().map(LuksError::text);
    own.or_else(|| error.downcast_ref().map(LoginError::text))
        .or_else(|| error.downcast_ref().map(ConfigError::text))
        .or_else(|| error.downcast_ref().map(NoMachineId::text))
        .or_else(|| error.downcast_ref().map(Refused::text))
        .or_else(|| error.downcast_ref().map(of_enrolment))
        .or_else(|| error.downcast_ref().map(of_key_file))
}

fn of_enrolment(error: &EnrollError) -> Text {
    match error {
        EnrollError::Transport(error) => of_transport(error),
        EnrollError::Status { step, status } => text!("enroll-status", step = *step, status = *status),
        EnrollError::Soap { step, error } => text!("enroll-fault", step = *step, fault = error.to_string()),
        EnrollError::Provisioning(error) => text!("enroll-document", fault = error.to_string()),
        EnrollError::ForeignCertificate => text!("enroll-foreign-certificate"),
        EnrollError::Key(error) => text!("enroll-no-key", fault = error.to_string()),
    }
}

fn of_transport(error: &TransportError) -> Text {
    match error {
        TransportError::Failed(fault) => text!("enroll-not-reached", fault = fault),
        TransportError::Untrusted => text!("enroll-untrusted"),
        TransportError::OtherRoot => text!("enroll-other-root"),
    }
}
