//! The way to the database: its address, the certificates, the password.
//!
//! A connection over a network is TLS with full verification of the server's name and certificate, unless the address says
//! `sslmode=disable`. A socket of this machine needs no TLS.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use chaveiro_keyfile::{self as keyfile, KeyFileError};

/// The files that a connection needs.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The certificates of the authorities that may vouch for the database (PEM). Without it, those of the system may.
    pub roots: Option<PathBuf>,
    /// The certificate by which this node proves itself, and its key (PEM).
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The file with the password. It is read at each connection, so that it can be changed.
    pub password: Option<PathBuf>,
}

/// The reason why a connection could not be made.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The address is no address of a database.
    #[error("{0:?} is no address of a database, which is like postgres://chaveiro@db.example/chaveiro")]
    Address(String),
    /// A certificate cannot be used.
    #[error("the certificate {} cannot be used: {reason}", file.display())]
    Certificate {
        /// The file.
        file: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The system lists no roots that can be used.
    #[error("the system has no root certificates; name a file with those of the database")]
    NoRoots,
    /// The password or the key of the certificate cannot be read.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// No runtime could be started.
    #[error("the runtime of a connection could not be started: {0}")]
    Runtime(#[from] std::io::Error),
    /// The database cannot be reached, or refuses the role.
    #[error("the database cannot be opened: {}", crate::unit::text(.0))]
    Database(#[from] tokio_postgres::Error),
}

/// A database, and the way in which it is reached.
#[derive(Clone)]
pub struct Target {
    config: Config,
    tls: MakeRustlsConnect,
    password: Option<PathBuf>,
}

impl Target {
    /// Returns the way to the database with that address, a URL of PostgreSQL.
    pub fn new(address: &str, files: &Files) -> Result<Self, ConnectError> {
        // A parser could say more, but a password may be in the text.
        let without_secret = || address.split('@').next_back().unwrap_or_default().to_owned();
        let mut config: Config = address.parse().map_err(|_| ConnectError::Address(without_secret()))?;
        let is_remote = config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(_)));
        let mode = match (is_remote, config.get_ssl_mode()) {
            (false, _) | (true, SslMode::Disable) => SslMode::Disable,
            _ => SslMode::Require,
        };
        config.ssl_mode(mode);
        config.application_name("chaveiro");
        let roots = match (mode, &files.roots) {
            (SslMode::Disable, _) => RootCertStore::empty(),
            (_, Some(file)) => roots_of(file)?,
            (_, None) => roots_of_system()?,
        };
        let builder = ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into());
        let builder =
            builder.with_safe_default_protocol_versions().map_err(|error| certificate(Path::new(""), error))?;
        let builder = builder.with_root_certificates(roots);
        let tls = match &files.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key_file)) => {
                let key = PrivateKeyDer::from_pem_slice(&keyfile::read(key_file)?);
                let key = key.map_err(|error| certificate(key_file, error))?;
                builder.with_client_auth_cert(certificates(chain)?, key).map_err(|error| certificate(chain, error))?
            }
        };
        Ok(Self { config, tls: MakeRustlsConnect::new(tls), password: files.password.clone() })
    }

    /// Returns what a connection that is made now needs.
    pub(crate) fn now(&self) -> Result<(Config, MakeRustlsConnect), ConnectError> {
        let mut config = self.config.clone();
        if let Some(file) = &self.password {
            config.password(keyfile::read(file)?.trim_ascii_end());
        }
        Ok((config, self.tls.clone()))
    }
}

fn certificate(file: &Path, error: impl std::fmt::Display) -> ConnectError {
    ConnectError::Certificate { file: file.to_owned(), reason: error.to_string() }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match found {
        Ok(found) if found.is_empty() => Err(certificate(file, "it has no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(certificate(file, error)),
    }
}

fn roots_of(file: &Path) -> Result<RootCertStore, ConnectError> {
    let mut roots = RootCertStore::empty();
    for root in certificates(file)? {
        roots.add(root).map_err(|error| certificate(file, error))?;
    }
    Ok(roots)
}

fn roots_of_system() -> Result<RootCertStore, ConnectError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(ConnectError::NoRoots) } else { Ok(roots) }
}
