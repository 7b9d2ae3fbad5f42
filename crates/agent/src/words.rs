//! The words of errors that have types of their own.

use std::error::Error;

use chaveiro_device::enroll::EnrollError;
use chaveiro_device::transport::TransportError;
use chaveiro_lang::{Text, text};
use omadm::soap::SoapError;

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
        EnrollError::Status { step, status } => text!("enroll-status", step = step_of(step), status = *status),
        EnrollError::Soap { error: SoapError::Fault { subcode, reason, .. }, .. } => of_fault(subcode, reason),
        EnrollError::Soap { step, error } => text!("enroll-fault", step = step_of(step), fault = error.to_string()),
        EnrollError::Provisioning(error) => text!("enroll-document", fault = error.to_string()),
        EnrollError::ForeignCertificate => text!("enroll-foreign-certificate"),
        EnrollError::Key(error) => text!("enroll-no-key", fault = error.to_string()),
    }
}

/// A step as the catalogues know it.
fn step_of(step: &str) -> String {
    step.replace(' ', "-")
}

/// The words for a fault of the server.
fn of_fault(subcode: &str, reason: &str) -> Text {
    match subcode.rsplit(':').next().unwrap_or_default() {
        "Authentication" | "InvalidSecurity" => text!("enroll-token-refused"),
        "Authorization" => text!("enroll-not-served"),
        "EnrollmentServer" => text!("enroll-server-failed", fault = reason),
        _ => text!("enroll-refused", fault = reason),
    }
}

fn of_transport(error: &TransportError) -> Text {
    match error {
        TransportError::Failed(fault) => text!("enroll-not-reached", fault = fault),
        TransportError::Untrusted => text!("enroll-untrusted"),
        TransportError::OtherRoot => text!("enroll-other-root"),
    }
}

#[cfg(test)]
mod tests {
    use chaveiro_lang::Lang;

    use super::*;

    #[test]
    fn a_fault_of_an_enrolment_is_told_in_the_language_without_the_words_of_the_protocol() {
        let fault = |subcode: &str| of_fault(subcode, "The enrollment token is already used.");
        for (subcode, english, portuguese) in [
            ("s:Authentication", "the server does not take the token", "o servidor não aceita o token"),
            ("d:InvalidSecurity", "the server does not take the token", "o servidor não aceita o token"),
            ("s:Authorization", "the server does not enrol devices", "o servidor não inscreve dispositivos"),
            ("s:EnrollmentServer", "the server could not enrol", "o servidor não conseguiu inscrever"),
            ("s:CertificateRequest", "the server refuses the enrolment", "o servidor recusa a inscrição"),
        ] {
            let (told, lang) = (fault(subcode), Lang::choose(Some("pt")));
            assert!(told.say(Lang::english()).starts_with(english), "{told}");
            assert!(told.say(lang).starts_with(portuguese), "{}", told.say(lang));
            assert!(!told.say(lang).contains(subcode) && told.hint(lang, &jiff::tz::TimeZone::UTC).is_some());
        }
    }
}
