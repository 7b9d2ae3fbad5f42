//! OMA-DM credentials of each enrolment, derived and not stored: the database holds nothing that lets
//! somebody pose as a device.

use std::path::Path;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro_core::id::EnrollmentId;
use chaveiro_core::keys::Fingerprint;
use chaveiro_core::ports::Entropy;
use chaveiro_keyfile::{self as keyfile, KeyFileError};
use omadm::session::server::{NONCE_BYTES, Nonce};
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;

/// Derives user names, passwords and nonces with HMAC-SHA-256 under one master key.
pub struct DeviceCredentials {
    key: hmac::Key,
}

impl DeviceCredentials {
    /// Makes a master key in that file, which must not be there.
    pub fn create(file: &Path, entropy: &dyn Entropy) -> Result<Self, KeyFileError> {
        let mut fresh = Zeroizing::new([0; KEY_BYTES]);
        entropy.fill(fresh.as_mut());
        keyfile::create(file, fresh.as_slice())?;
        Self::open(file)
    }

    /// Reads the master key of that file.
    pub fn open(file: &Path) -> Result<Self, KeyFileError> {
        let bytes = keyfile::read(file)?;
        if bytes.len() != KEY_BYTES {
            return Err(KeyFileError::Damaged { file: file.to_owned(), what: "it does not have 32 bytes" });
        }
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &bytes) })
    }

    /// The fingerprint: a value that the master key derives, and that tells nothing of it.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of("device credentials", hmac::sign(&self.key, b"fingerprint").as_ref())
    }

    /// `AAUTHNAME`: what a device calls itself when it proves itself.
    pub fn client_name(&self, enrollment: EnrollmentId) -> String {
        enrollment.to_string()
    }

    /// `AAUTHSECRET` of `APPSRV`: the device proves itself with it.
    pub fn client_secret(&self, enrollment: EnrollmentId) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.derive("device proves itself", enrollment).as_ref()))
    }

    /// `AAUTHSECRET` of `CLIENT`: the server proves itself with it.
    pub fn server_secret(&self, enrollment: EnrollmentId) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.derive("server proves itself", enrollment).as_ref()))
    }

    /// The nonce in the provisioning document.
    pub fn first_nonce(&self, enrollment: EnrollmentId) -> Nonce {
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&self.derive("first nonce", enrollment).as_ref()[..NONCE_BYTES]);
        nonce
    }

    fn derive(&self, purpose: &str, enrollment: EnrollmentId) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(enrollment.0.as_bytes());
        context.sign()
    }
}
