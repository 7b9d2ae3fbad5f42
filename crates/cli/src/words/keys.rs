//! The words for keys that cannot be used.

use chaveiro_agent::of_key_file;
use chaveiro_audit::SignerError;
use chaveiro_auth::KeyError;
use chaveiro_core::keys::{Fingerprint, KeyName};
use chaveiro_escrow::KeyringError;
use chaveiro_lang::{Text, Value, text};
use chaveiro_mdm::CaError;
use chaveiro_server::{InventoryError, KeyProblem, KeyProblems, Unusable};

use super::of_fault;

/// The words for an error of the inventory of keys.
pub(crate) fn of_inventory(error: &InventoryError) -> Text {
    match error {
        InventoryError::Unusable(error) => of_unusable(error),
        InventoryError::Unfinished => text!("keys-unfinished"),
        InventoryError::NothingToAccept(file) => text!("keys-nothing-to-accept", file = file),
        InventoryError::Changing(directory) => text!("keys-changing", directory = directory),
        InventoryError::Problems(problems) => of_problems(problems),
        InventoryError::Store(fault) => {
            let fault = of_fault(fault).map_or_else(|| Value::from(fault.to_string()), Value::from);
            text!("keys-unread", fault = fault)
        }
    }
}

/// The words for all problems at once. A private key that is kept elsewhere on purpose is a declaration away.
pub(crate) fn of_problems(problems: &KeyProblems) -> Text {
    let is_private = |problem: &KeyProblem| matches!(problem, KeyProblem::Missing(KeyName::EscrowPrivate(_), _));
    let names: Vec<_> = problems.problems.iter().map(|problem| problem.name().to_string()).collect();
    let told: Vec<_> = problems.problems.iter().map(of_problem).collect();
    match problems.problems.iter().all(is_private) {
        true => text!("private-keys-missing", problems = told, directory = &problems.directory),
        false => {
            text!("keys-wrong", problems = told, directory = &problems.directory, names = names.join(", "))
        }
    }
}

/// The words for one problem of a key.
pub(crate) fn of_problem(problem: &KeyProblem) -> Text {
    let short = |print: &Fingerprint| print.to_string().chars().take(16).collect::<String>();
    match problem {
        KeyProblem::Missing(_, file) => text!("key-missing", file = file),
        KeyProblem::Other { file, known, found, .. } => {
            text!("key-other", file = file, found = short(found), known = short(known))
        }
        KeyProblem::Unknown(_, file) => text!("key-unknown", file = file),
        KeyProblem::Unusable(_, error) => of_unusable(error),
        KeyProblem::Escrow(_, words) => text!("key-of-escrow", words = words.replace("; ", ", ")),
    }
}

fn of_unusable(error: &Unusable) -> Text {
    match error {
        Unusable::File(error) => of_key_file(error),
        Unusable::Authority(error) => of_authority(error),
        Unusable::Signer(error) => of_signer(error),
        Unusable::Issuer(error) => of_issuer(error),
        Unusable::Keyring(error) => of_keyring(error),
    }
}

/// The words for an error of the certificate authority.
pub(crate) fn of_authority(error: &CaError) -> Text {
    match error {
        CaError::File(error) => of_key_file(error),
        CaError::Certificate { file, error } => text!("root-unreadable", file = file, error = error.to_string()),
        CaError::Signing(error) => text!("certificate-not-made", error = error.to_string()),
        CaError::Time => text!("time-out-of-range"),
    }
}

/// The words for an error of the audit key.
pub(crate) fn of_signer(error: &SignerError) -> Text {
    match error {
        SignerError::File(error) => of_key_file(error),
        SignerError::Generation => text!("key-not-made"),
    }
}

/// The words for an error of the keys of the local issuer.
pub(crate) fn of_issuer(error: &KeyError) -> Text {
    match error {
        KeyError::File(error) => of_key_file(error),
        KeyError::Directory { directory, error } => {
            text!("signing-keys-unreadable", directory = directory, error = error)
        }
        KeyError::Generation => text!("key-not-made"),
        KeyError::None(directory) => text!("signing-key-missing", directory = directory),
    }
}

/// The words for an error of the keys of the escrow.
pub(crate) fn of_keyring(error: &KeyringError) -> Text {
    match error {
        KeyringError::File(error) => of_key_file(error),
        KeyringError::Recipients { file, error } => {
            text!("recipients-unusable", file = file, error = error)
        }
        KeyringError::Line { file, line } => text!("recipients-line", line = *line, file = file),
        KeyringError::NoTenant { tenant, file } => {
            text!("recipients-missing", file = file, tenant = tenant.to_string())
        }
        KeyringError::NoRecipient(file) => text!("recipients-empty", file = file),
        KeyringError::Known(key) => text!("recipient-known", key = key.to_string()),
        KeyringError::Unknown(asked) => text!("recipient-unknown", recipient = asked),
        KeyringError::Several(asked) => text!("recipient-ambiguous", recipient = asked),
        KeyringError::Own(key) => text!("recipient-own", key = key.to_string()),
        KeyringError::Name(name) => text!("recipient-name", name = format!("{name:?}")),
        KeyringError::TooMany => text!("recipients-too-many"),
        KeyringError::Generation => text!("key-not-made"),
    }
}
