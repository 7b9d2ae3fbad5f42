//! Applications registered with the local issuer, and what they prove themselves with.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::{Uuid, uuid};

use crate::id::{ApplicationId, TenantId};
use crate::permission::{PERMISSIONS, Permission};

/// How many secrets an application may have at a time: the one in use, and the one that replaces it.
pub const MAX_SECRETS: usize = 2;

/// How many certificates an application may have at a time.
pub const MAX_CERTIFICATES: usize = 4;

/// Most characters of the name of an application, or of a secret.
pub const MAX_NAME: usize = 256;

/// How long a secret lives when nobody says otherwise: half a year, the term that Entra suggests as well.
pub const SECRET_LIFE: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// The client id of the `chaveiro` command, the same in every tenant.
pub const COMMAND_LINE: ApplicationId = ApplicationId(uuid!("5fc567bc-f6e7-4205-baf4-477d4bc05d43"));

/// An application registered with the local issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its tenant.
    pub tenant: TenantId,
    /// The client id.
    pub id: ApplicationId,
    /// For people.
    pub display_name: String,
    /// Application permissions (`roles`) that its own tokens carry.
    pub permissions: Vec<Permission>,
    /// Delegated permissions (`scp`) that tokens of people who sign in with it carry.
    pub delegated: Vec<Permission>,
    /// Whether it is a public client (RFC 6749, 2.1): on a person's machine, where no secret stays one.
    pub public: bool,
    /// Its client secrets, oldest first.
    pub secrets: Vec<ApplicationSecret>,
    /// Its certificates, oldest first.
    pub certificates: Vec<ApplicationCertificate>,
    /// When it was registered.
    pub created: Timestamp,
}

/// A client secret as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationSecret {
    /// Names it, to remove it.
    pub id: Uuid,
    /// For people, when whoever made it gave it a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Its first three characters after the prefix, so that its owner can tell which one it is.
    pub hint: String,
    /// The line that the `auth` crate writes and reads alone.
    pub hash: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
}

/// The certificate of a key that an application signs assertions with (RFC 7523).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationCertificate {
    /// SHA-1 of its DER, lower-case hex: `x5t` names it.
    pub sha1: String,
    /// SHA-256 of its DER, lower-case hex: `x5t#S256` names it.
    pub sha256: String,
    /// Its subject, for people.
    pub subject: String,
    /// The certificate itself, PEM.
    pub pem: String,
    /// Begin of its validity.
    pub begins: Timestamp,
    /// End of its validity.
    pub expires: Timestamp,
    /// When it was registered.
    pub added: Timestamp,
}

/// The reason for which an application is not changed. The edge says what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ApplicationRefusal {
    /// It has as many secrets as it may have.
    #[error("the application has {MAX_SECRETS} secrets already, {0}")]
    TooManySecrets(String),
    /// It has as many certificates as it may have.
    #[error("the application has {MAX_CERTIFICATES} certificates already")]
    TooManyCertificates,
    /// That certificate is registered.
    #[error("the certificate {0} is registered with this application already")]
    CertificateTwice(String),
    /// A public client has nothing to prove itself with.
    #[error("the application is a public client, which can keep no secret")]
    Public,
    /// A public client would get permissions of its own.
    #[error("a public client keeps no secret, so it has no permissions of its own")]
    PublicPermissions,
    /// It has no such secret or certificate.
    #[error("there is no secret or certificate {0}")]
    Unknown(String),
}

impl Application {
    /// The `chaveiro` command as a public client. It has no row: every tenant has it from its first moment, nobody can
    /// remove it or give it a secret, and an upgrade has nothing to add. What its people may do is decided by theirs.
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

    /// Grants it these permissions instead of those it has. A public client cannot prove that it is itself, and gets
    /// delegated ones alone.
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

    /// Gives it another secret.
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

    /// Takes a secret away.
    pub fn remove_secret(&mut self, id: Uuid) -> Result<(), ApplicationRefusal> {
        let at = self.secrets.iter().position(|secret| secret.id == id);
        self.secrets.remove(at.ok_or_else(|| ApplicationRefusal::Unknown(id.to_string()))?);
        Ok(())
    }

    /// Registers a certificate with it.
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

    /// Takes the certificate of that thumbprint away: SHA-1 or SHA-256, in hex.
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
