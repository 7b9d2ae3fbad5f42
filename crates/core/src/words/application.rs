//! Applications registered with the local issuer, and their credentials.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::{Uuid, uuid};

use crate::id::{ApplicationId, TenantId};
use crate::permission::{PERMISSIONS, Permission};

/// Most secrets of an application: the one in use and its replacement.
pub const MAX_SECRETS: usize = 2;

/// Most certificates of an application.
pub const MAX_CERTIFICATES: usize = 4;

/// Most characters of the name of an application, or of a secret.
pub const MAX_NAME: usize = 256;

/// The default life of a secret: half a year, as Entra suggests.
pub const SECRET_LIFE: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// The client id of the `chaveiro` command, the same in every tenant.
pub const COMMAND_LINE: ApplicationId = ApplicationId(uuid!("5fc567bc-f6e7-4205-baf4-477d4bc05d43"));

/// An application registered with the local issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// The tenant.
    pub tenant: TenantId,
    /// The client id.
    pub id: ApplicationId,
    /// The name for people.
    pub display_name: String,
    /// The application permissions (`roles`) that its own tokens carry.
    pub permissions: Vec<Permission>,
    /// The delegated permissions (`scp`) carried by the tokens of people who sign in with it.
    pub delegated: Vec<Permission>,
    /// True for a public client (RFC 6749, 2.1): it runs on people's machines, where it cannot keep a secret.
    pub public: bool,
    /// The client secrets, oldest first.
    pub secrets: Vec<ApplicationSecret>,
    /// The certificates, oldest first.
    pub certificates: Vec<ApplicationCertificate>,
    /// The time of its registration.
    pub created: Timestamp,
}

/// A client secret as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationSecret {
    /// The id by which it is removed.
    pub id: Uuid,
    /// The name for people, if its maker gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The first three characters after the prefix, by which its owner recognises it.
    pub hint: String,
    /// The hash; only the `auth` crate writes and reads it.
    pub hash: String,
    /// The time at which it was made.
    pub created: Timestamp,
    /// The time at which it ends.
    pub expires: Timestamp,
}

/// The certificate of a key that an application signs assertions with (RFC 7523).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationCertificate {
    /// The SHA-1 of its DER in lower-case hex, which `x5t` names.
    pub sha1: String,
    /// The SHA-256 of its DER in lower-case hex, which `x5t#S256` names.
    pub sha256: String,
    /// The subject, for people.
    pub subject: String,
    /// The certificate itself, in PEM.
    pub pem: String,
    /// The start of its validity.
    pub begins: Timestamp,
    /// The end of its validity.
    pub expires: Timestamp,
    /// The time of its registration.
    pub added: Timestamp,
}

/// The reason why an application is not changed. The edge adds what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ApplicationRefusal {
    /// It has the most secrets that it may have.
    #[error("the application has {MAX_SECRETS} secrets already, {0}")]
    TooManySecrets(String),
    /// It has the most certificates that it may have.
    #[error("the application has {MAX_CERTIFICATES} certificates already")]
    TooManyCertificates,
    /// The certificate is registered already.
    #[error("the certificate {0} is registered with this application already")]
    CertificateTwice(String),
    /// A public client has no credentials.
    #[error("the application is a public client, which can keep no secret")]
    Public,
    /// A public client would get application permissions.
    #[error("a public client keeps no secret, so it has no permissions of its own")]
    PublicPermissions,
    /// It has no such secret or certificate.
    #[error("there is no secret or certificate {0}")]
    Unknown(String),
}

impl Application {
    /// Returns the `chaveiro` command as a public client. It has no row: every tenant has it from the start, and it
    /// cannot be removed or given a secret. The permissions of its users decide what it may do.
    pub fn command_line(tenant: TenantId) -> Self {
        Self {
            tenant,
            id: COMMAND_LINE,
            display_name: "Chaveiro CLI".to_owned(),
            permissions: Vec::new(),
            delegated: PERMISSIONS.iter().map(|row| row.permission).collect(),
            public: true,
            secrets: Vec::new(),
            certificates: Vec::new(),
            created: Timestamp::UNIX_EPOCH,
        }
    }

    /// Replaces its permissions. A public client cannot authenticate itself, so it gets delegated permissions only.
    pub fn grant(
        &mut self,
        permissions: Vec<Permission>,
        delegated: Vec<Permission>,
    ) -> Result<(), ApplicationRefusal> {
        if !permissions.is_empty() && self.public {
            return Err(ApplicationRefusal::PublicPermissions);
        }
        (self.permissions, self.delegated) = (permissions, delegated);
        Ok(())
    }

    /// Adds a secret.
    pub fn add_secret(&mut self, secret: ApplicationSecret) -> Result<(), ApplicationRefusal> {
        if self.public {
            return Err(ApplicationRefusal::Public);
        }
        if self.secrets.len() >= MAX_SECRETS {
            let named = self.secrets.iter().map(|secret| format!("{} ({}…)", secret.id, secret.hint));
            return Err(ApplicationRefusal::TooManySecrets(named.collect::<Vec<_>>().join(" and ")));
        }
        self.secrets.push(secret);
        Ok(())
    }

    /// Removes a secret.
    pub fn remove_secret(&mut self, id: Uuid) -> Result<(), ApplicationRefusal> {
        let at = self.secrets.iter().position(|secret| secret.id == id);
        self.secrets.remove(at.ok_or_else(|| ApplicationRefusal::Unknown(id.to_string()))?);
        Ok(())
    }

    /// Registers a certificate.
    pub fn add_certificate(&mut self, certificate: ApplicationCertificate) -> Result<(), ApplicationRefusal> {
        if self.public {
            return Err(ApplicationRefusal::Public);
        }
        if self.certificates.iter().any(|known| known.sha256 == certificate.sha256) {
            return Err(ApplicationRefusal::CertificateTwice(certificate.sha1));
        }
        if self.certificates.len() >= MAX_CERTIFICATES {
            return Err(ApplicationRefusal::TooManyCertificates);
        }
        self.certificates.push(certificate);
        Ok(())
    }

    /// Removes the certificate with that thumbprint: SHA-1 or SHA-256, in hex.
    pub fn remove_certificate(&mut self, thumbprint: &str) -> Result<(), ApplicationRefusal> {
        let wanted = thumbprint.replace(':', "").to_ascii_lowercase();
        let at = self.certificates.iter().position(|known| known.sha1 == wanted || known.sha256 == wanted);
        self.certificates.remove(at.ok_or_else(|| ApplicationRefusal::Unknown(thumbprint.to_owned()))?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application(public: bool) -> Application {
        Application { public, ..Application::command_line(TenantId(Uuid::nil())) }
    }

    fn secret(number: u128) -> ApplicationSecret {
        ApplicationSecret {
            id: Uuid::from_u128(number),
            display_name: None,
            hint: "abc".to_owned(),
            hash: String::new(),
            created: Timestamp::UNIX_EPOCH,
            expires: Timestamp::UNIX_EPOCH,
        }
    }

    fn certificate(name: &str) -> ApplicationCertificate {
        ApplicationCertificate {
            sha1: format!("1{name}"),
            sha256: format!("256{name}"),
            subject: String::new(),
            pem: String::new(),
            begins: Timestamp::UNIX_EPOCH,
            expires: Timestamp::UNIX_EPOCH,
            added: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_third_secret_is_refused_until_one_of_the_two_is_gone() {
        let mut application = application(false);
        for number in [1, 2] {
            assert_eq!(application.add_secret(secret(number)), Ok(()));
        }
        let refused = application.add_secret(secret(3)).expect_err("refused").to_string();
        assert!(refused.contains(&Uuid::from_u128(2).to_string()), "{refused}");
        assert_eq!(application.remove_secret(Uuid::from_u128(1)), Ok(()));
        assert_eq!(application.add_secret(secret(3)), Ok(()));
        assert!(application.remove_secret(Uuid::from_u128(1)).is_err());
    }

    #[test]
    fn a_certificate_is_registered_once_and_removed_by_either_thumbprint() {
        let mut application = application(false);
        assert_eq!(application.add_certificate(certificate("aa")), Ok(()));
        assert!(application.add_certificate(certificate("aa")).is_err());
        assert_eq!(application.add_certificate(certificate("bb")), Ok(()));
        assert_eq!(application.remove_certificate("1A:A"), Ok(()));
        assert_eq!(application.remove_certificate("256BB"), Ok(()));
        assert!(application.certificates.is_empty());
    }

    #[test]
    fn a_public_client_can_prove_itself_with_nothing() {
        let mut application = application(true);
        assert_eq!(application.add_secret(secret(1)), Err(ApplicationRefusal::Public));
        assert_eq!(application.add_certificate(certificate("aa")), Err(ApplicationRefusal::Public));
    }
}
