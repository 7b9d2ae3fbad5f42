//! The words of errors that other crates define: each has a message of the catalogues, with the command that helps.

mod keys;
mod owner;
mod record;
mod store;
mod token;

use std::error::Error;
use std::io::ErrorKind;
use std::net::SocketAddr;

use chaveiro_agent::of_key_file;
use chaveiro_auth::CertificateRefusal;
use chaveiro_core::application::{ApplicationRefusal, MAX_SECRETS};
use chaveiro_core::decisions::vouch::VouchRefusal;
use chaveiro_core::keys::UnknownKey;
use chaveiro_core::principal::MAX_ASSIGNMENTS;
use chaveiro_core::refusal::{
    DeviceRefusal, HoldRefusal, ResourceRefusal, RevocationRefusal, RoleRefusal, TenantRefusal, UnclearHold,
};
use chaveiro_core::{Fault, Refusal};
use chaveiro_lang::{Text, text};
use chaveiro_server::{BackupError, ConfigError, DataDirError, StartError};
use chaveiro_store_sqlite::BackupError as CopyError;

use crate::args::name_to_add;
use crate::reach::Unreached;
pub(crate) use keys::of_problem;
use keys::{of_authority, of_inventory, of_issuer, of_keyring, of_problems, of_signer};
pub(crate) use record::of_broken;
use record::of_export;
pub(crate) use store::of_doubt;
use store::{of_database, of_store};
pub(crate) use token::of_token;
use token::{of_issuers, of_mint};

/// The text of an error, if there is one. The others are told as they are.
pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<Text> {
    let unreached = || error.downcast_ref().map(|unreached: &Unreached| unreached.text.clone());
    let refused = || error.downcast_ref().and_then(of_refusal);
    let vouched = || error.downcast_ref().and_then(of_vouch);
    let absent = || error.downcast_ref().map(|UnknownKey| text!("refused-key-unknown"));
    let unclear = || error.downcast_ref().map(of_unclear_hold);
    let failed = || error.downcast_ref().and_then(of_fault);
    let host = || error.downcast_ref().map(of_data);
    let started = || error.downcast_ref().map(of_start);
    let configured = || error.downcast_ref().map(of_config);
    let backed_up = || error.downcast_ref().map(of_backup);
    let opened = || error.downcast_ref().map(of_database);
    let inventory = || error.downcast_ref().map(of_inventory);
    let certified = || error.downcast_ref().map(of_certificate);
    let problems = || error.downcast_ref().map(of_problems);
    let stored = || error.downcast_ref().map(of_store);
    let keyring = || error.downcast_ref().map(of_keyring);
    let signer = || error.downcast_ref().map(of_signer);
    let issuer = || error.downcast_ref().map(of_issuer);
    let authority = || error.downcast_ref().map(of_authority);
    let key_file = || error.downcast_ref().map(of_key_file);
    let exported = || error.downcast_ref().map(of_export);
    let minted = || error.downcast_ref().map(of_mint);
    unreached()
        .or_else(refused)
        .or_else(vouched)
        .or_else(absent)
        .or_else(unclear)
        .or_else(host)
        .or_else(started)
        .or_else(configured)
        .or_else(backed_up)
        .or_else(opened)
        .or_else(inventory)
        .or_else(problems)
        .or_else(certified)
        .or_else(stored)
        .or_else(keyring)
        .or_else(signer)
        .or_else(issuer)
        .or_else(authority)
        .or_else(key_file)
        .or_else(exported)
        .or_else(failed)
        .or_else(minted)
}

/// The words for a unit of work without a result.
fn of_fault(fault: &Fault) -> Option<Text> {
    match fault {
        Fault::Refused(refusal) => of_refusal(refusal),
        Fault::Store(error) => Some(of_store(error)),
        Fault::Escrow(fault) => Some(text!("escrow-fault", fault = fault)),
    }
}

/// An operator meets these; what only callers of the API can meet is answered there.
fn of_refusal(refusal: &Refusal) -> Option<Text> {
    Some(match refusal {
        Refusal::Device(DeviceRefusal::NotFound) => text!("refused-device-absent"),
        Refusal::Device(DeviceRefusal::RetiredBefore) => text!("refused-device-retired-before"),
        Refusal::Device(DeviceRefusal::Retired) => text!("refused-device-retired"),
        Refusal::Device(DeviceRefusal::NotEnrolled) => text!("refused-device-not-enrolled"),
        Refusal::Hold(HoldRefusal::Released(at)) => text!("refused-hold-released", at = *at),
        Refusal::Hold(HoldRefusal::Own) => text!("refused-hold-own"),
        Refusal::Role(refusal) => of_role(refusal),
        Refusal::Revocation(RevocationRefusal::TooMany { retry_after_s }) => {
            text!("refused-tokens-ended-often", seconds = *retry_after_s)
        }
        Refusal::Application(refusal) => of_application(refusal),
        Refusal::Resource(ResourceRefusal::NotFound(entity)) => {
            text!("refused-entity-absent", entity = entity.replace(' ', "-"))
        }
        Refusal::Resource(ResourceRefusal::AlreadyExists(entity)) => {
            text!("refused-entity-twice", entity = entity.replace(' ', "-"))
        }
        Refusal::Tenant(TenantRefusal::Unlicensed) => text!("refused-unlicensed"),
        Refusal::Tenant(TenantRefusal::OutOfBounds { setting, least, most }) => {
            text!("refused-out-of-bounds", setting = *setting, least = least.to_string(), most = most.to_string(),)
        }
        Refusal::Action(_)
        | Refusal::Hold(HoldRefusal::RecoveryOnHold { .. } | HoldRefusal::BreakGlassReason)
        | Refusal::Rights(_)
        | Refusal::Revocation(RevocationRefusal::TokenRevoked { .. })
        | Refusal::Resource(ResourceRefusal::Changed)
        | Refusal::User(_) => return None,
    })
}

fn of_role(refusal: &RoleRefusal) -> Text {
    match refusal {
        RoleRefusal::Own => text!("refused-role-own"),
        RoleRefusal::BeyondCaller(action) => text!("refused-role-beyond-caller", action = action.to_string()),
        RoleRefusal::UnboundBeyondCaller(action) => text!("refused-role-unbound", action = action.to_string()),
        RoleRefusal::AssignedAlready => text!("refused-role-assigned"),
        RoleRefusal::TooMany => text!("refused-role-too-many", most = MAX_ASSIGNMENTS),
    }
}

fn of_application(refusal: &ApplicationRefusal) -> Text {
    match refusal {
        ApplicationRefusal::TooManySecrets(secrets) => {
            text!("refused-app-secrets", most = MAX_SECRETS, secrets = secrets)
        }
        ApplicationRefusal::TooManyCertificates => text!("refused-app-certificates"),
        ApplicationRefusal::CertificateTwice(certificate) => {
            text!("refused-app-certificate-twice", certificate = certificate)
        }
        ApplicationRefusal::Public => text!("refused-app-public"),
        ApplicationRefusal::PublicPermissions => text!("refused-app-public-permissions"),
        ApplicationRefusal::Unknown(id) => text!("refused-app-absent", id = id),
    }
}

fn of_certificate(refusal: &CertificateRefusal) -> Text {
    match refusal {
        CertificateRefusal::NotOne => text!("certificate-malformed"),
        CertificateRefusal::PrivateKey => text!("certificate-with-key"),
        CertificateRefusal::Key => text!("certificate-key-unfit"),
        CertificateRefusal::Over(at) => text!("certificate-over", at = *at),
    }
}

fn of_vouch(refusal: &VouchRefusal) -> Option<Text> {
    Some(match refusal {
        VouchRefusal::Unknown(code) => text!("refused-code-unknown", code = code),
        VouchRefusal::Expired(code) => text!("refused-code-expired", code = code),
        VouchRefusal::Decided(code) => text!("refused-code-decided", code = code),
        VouchRefusal::NoUser(user) => text!("refused-user-absent", user = user, name = name_to_add(user)),
        VouchRefusal::Disabled(user) => text!("refused-user-disabled", user = user),
        VouchRefusal::NoUserToRevoke(user) => text!("refused-user-to-revoke-absent", user = user),
        VouchRefusal::Refused(refusal) => return of_refusal(refusal),
    })
}

fn of_unclear_hold(refusal: &UnclearHold) -> Text {
    match refusal {
        UnclearHold::None => text!("refused-hold-absent"),
        UnclearHold::Several => text!("several-holds"),
    }
}

fn of_data(error: &DataDirError) -> Text {
    match error {
        DataDirError::Missing(directory) => text!("data-missing", directory = directory),
        DataDirError::NotInitialised(directory) => text!("data-not-initialised", directory = directory),
        DataDirError::AlreadyInitialised(directory) => text!("data-already", directory = directory),
        DataDirError::TooOpen { directory, mode } => {
            text!("data-too-open", directory = directory, mode = format!("{mode:o}"))
        }
        DataDirError::OtherOwner { directory, owner, runs_as } => {
            let command = owner::command(*owner, directory, std::env::args().skip(1));
            text!(
                "data-of-other-user",
                directory = directory,
                owner = owner::called(*owner),
                user = owner::called(*runs_as),
                command = command,
            )
        }
        DataDirError::ForeignFile { file, owner, directory, of_directory } => text!(
            "data-foreign-file",
            file = file,
            owner = owner::called(*owner),
            directory = directory,
            user = owner::named(*of_directory),
        ),
        DataDirError::Unfinished(directory) => text!("data-unfinished", directory = directory),
        DataDirError::InUse { directory, pid } => text!("data-in-use", directory = directory, pid = pid),
        DataDirError::Io { path, error } => text!("data-unusable", path = path, error = error),
        DataDirError::Store(error) => of_database(error),
        DataDirError::KeyFile(error) => of_key_file(error),
        DataDirError::Keys(error) => of_inventory(error),
        DataDirError::Keyring(error) => of_keyring(error),
        DataDirError::Signer(error) => of_signer(error),
        DataDirError::Issuer(error) => of_issuer(error),
        DataDirError::Ca(error) => of_authority(error),
    }
}

fn of_config(error: &ConfigError) -> Text {
    match error {
        ConfigError::File { file, error } => text!("config-unreadable", file = file, error = error),
        ConfigError::Toml { file, reason } => text!("config-toml", file = file, reason = reason),
        ConfigError::Unknown { place, key, near } => match near.as_slice() {
            [] => text!("config-unknown", place = place.as_ref(), key = key),
            near => text!("config-unknown-similar", place = place.as_ref(), key = key, names = near.join(", ")),
        },
        ConfigError::Value { key, place, value, expected } => {
            text!(
                "config-value",
                key = *key,
                place = place.as_ref(),
                value = format!("{value:?}"),
                expected = expected.clone()
            )
        }
        ConfigError::HalfTls => text!("config-half-tls"),
        ConfigError::HeaderWithoutProxies => text!("config-header-without-proxies"),
    }
}

fn of_start(error: &StartError) -> Text {
    match error {
        StartError::DataDir(error) => of_data(error),
        StartError::Port { address, key, error } => of_port(*address, key, error),
        StartError::NoPublicUrl { listen, address, url } => {
            text!("no-public-url", listen = *listen, address = address.to_string(), url = *url)
        }
        StartError::TlsFile { file, error } => text!("tls-file-unreadable", file = file, error = error),
        StartError::Tls(error) => text!("tls-unusable", error = error),
        StartError::Ca(error) => of_authority(error),
        StartError::Issuers(error) => of_issuers(error),
        StartError::Client(error) => text!("http-client", error = error),
    }
}

fn of_port(address: SocketAddr, key: &str, error: &std::io::Error) -> Text {
    let address = address.to_string();
    match error.kind() {
        ErrorKind::PermissionDenied => text!("port-forbidden", address = address, error = error, key = key),
        ErrorKind::AddrNotAvailable => text!("port-elsewhere", address = address, error = error, key = key),
        _ => text!("port-taken", address = address, error = error, key = key),
    }
}

fn of_backup(error: &BackupError) -> Text {
    match error {
        BackupError::Exists(directory) => text!("backup-exists", directory = directory),
        BackupError::KeysWithin(directory) => text!("backup-keys-within", directory = directory),
        BackupError::NoManifest(directory) => text!("backup-no-manifest", directory = directory),
        BackupError::Manifest { file, reason } => text!("backup-manifest", file = file, reason = reason.clone()),
        BackupError::Changed { file, what } => text!("backup-changed", file = file, what = what.clone()),
        BackupError::Database(error) => of_database(error),
        BackupError::KeyFile(error) => of_key_file(error),
        BackupError::Io { path, error } => text!("backup-unusable", path = path, error = error),
        BackupError::Copy(CopyError::Database(error)) => of_database(error),
        BackupError::Copy(CopyError::Io { file, error }) => {
            text!("backup-unusable", path = file, error = error)
        }
        BackupError::Copy(CopyError::Unmarked(file)) => text!("backup-unmarked", file = file),
        BackupError::Rows(error) => text!("backup-rows", error = of_store(error)),
    }
}

#[cfg(test)]
mod tests {
    use chaveiro_audit::ExportError;
    use chaveiro_auth::MintError;
    use chaveiro_core::keys::KeyName;
    use chaveiro_core::ports::StoreError;
    use chaveiro_lang::{Explain, Lang, tell};

    use super::*;

    #[test]
    fn an_error_of_the_domain_gets_the_command_that_helps_also_inside_of_another() {
        let key = "issuer".parse::<KeyName>().expect_err("no key").into();
        let application = Refusal::from(ApplicationRefusal::TooManyCertificates).into();
        let vouch = Err::<(), _>(VouchRefusal::Unknown("AB".to_owned())).explain(|| text!("unknown"));
        for (error, expected) in [
            (key, Some("list them with: chaveiro keys list")),
            (
                Refusal::from(ApplicationRefusal::TooManySecrets("1 and 2".to_owned())).into(),
                Some("remove the one that is unused with: chaveiro app remove-secret ID"),
            ),
            (application, Some("remove one with: chaveiro app remove-certificate APP THUMBPRINT")),
            (vouch.expect_err("refused"), Some("see: chaveiro sign-in list")),
            (anyhow::anyhow!("another"), None),
        ] {
            let told = tell(&error, Lang::english(), of);
            assert_eq!(told.hints.first().map(String::as_str), expected, "{error:#}");
        }
    }

    #[test]
    fn an_error_of_another_crate_is_told_in_the_language() {
        let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        let copy = BackupError::Copy(CopyError::Unmarked("/backup/chaveiro.db".into()));
        let twice = StartError::Issuers(chaveiro_auth::ConfigError::Twice("https://a.example".to_owned()));
        for (error, expected) in [
            (copy.into(), "/backup/chaveiro.db é de uma versão sem marcas"),
            (BackupError::Rows(StoreError::Full).into(), "as linhas do backup não podem ser lidas: o disco do banco"),
            (twice.into(), "o emissor https://a.example está configurado duas vezes"),
            (
                StartError::Client("no TLS".to_owned()).into(),
                "não foi possível criar o cliente HTTP (texto original: no TLS)",
            ),
            (ExportError::Output(full()).into(), "a exportação não pôde ser gravada"),
            (Fault::<Refusal>::Store(StoreError::Busy).into(), "a fila do banco está cheia"),
            (Fault::<Refusal>::Escrow("no key".to_owned()).into(), "a custódia falhou (texto original: no key)"),
            (MintError::TooLong.into(), "um token vale no máximo 8 horas"),
            (ExportError::Checkpoint(7).into(), "o ponto de verificação guardado na posição 7 está danificado"),
        ] {
            let error: anyhow::Error = error;
            let told = tell(&error, Lang::choose(Some("pt")), of);
            assert!(told.what.starts_with(expected), "{}", told.what);
        }
    }
}
