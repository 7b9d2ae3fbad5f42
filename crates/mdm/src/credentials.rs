//! OMA-DM credentials of each enrolment, and the challenges of sessions: derived and not stored. A reader of the
//! database cannot pose as a device, and a stranger's message leaves nothing in it.

use std::path::Path;

use aws_lc_rs::{aead, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro_core::Timestamp;
use chaveiro_core::id::EnrollmentId;
use chaveiro_core::keys::Fingerprint;
use chaveiro_core::ports::Entropy;
use chaveiro_keyfile::{self as keyfile, KeyFileError};
use omadm::Secret;
use omadm::session::server::{NONCE_BYTES, Nonce};
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;

/// Seconds between two challenges that differ.
const CHALLENGE_STEP: i64 = 4;

/// The age up to which a challenge is accepted, in steps.
const CHALLENGE_STEPS: i64 = 31;

/// The seconds for which a challenge can be answered, wherever in its step it was issued.
pub(crate) const CHALLENGE_SECONDS: u64 = (CHALLENGE_STEP * CHALLENGE_STEPS) as u64;

/// Derives user names, passwords and nonces with HMAC-SHA-256 under one master key.
pub struct DeviceCredentials {
    key: hmac::Key,
    period: Nonce,
}

impl DeviceCredentials {
    /// Makes a master key in that file, which must not exist.
    pub fn create(file: &Path, entropy: &dyn Entropy) -> Result<Self, KeyFileError> {
        let mut fresh = Zeroizing::new([0; KEY_BYTES]);
        entropy.fill(fresh.as_mut());
        keyfile::create(file, fresh.as_slice())?;
        Self::open(file, entropy)
    }

    /// Reads the master key of that file, for a new run of the server.
    pub fn open(file: &Path, entropy: &dyn Entropy) -> Result<Self, KeyFileError> {
        let mut period = Nonce::default();
        entropy.fill(&mut period);
        Ok(Self { key: read_key(file)?, period })
    }

    /// The fingerprint of the key of that file: a value derived from it that does not reveal it.
    pub fn fingerprint_of(file: &Path) -> Result<Fingerprint, KeyFileError> {
        Ok(Fingerprint::of("device credentials", hmac::sign(&read_key(file)?, b"fingerprint").as_ref()))
    }

    /// The period in which nonces of devices count: the run of this process. Sessions that waited to be stored are lost
    /// when it is killed, and with them the knowledge of which nonces were used.
    pub(crate) fn period(&self) -> Nonce {
        self.period
    }

    /// `AAUTHNAME`: the name under which a device authenticates.
    pub fn client_name(&self, enrollment: EnrollmentId) -> String {
        enrollment.to_string()
    }

    /// `AAUTHSECRET` of `APPSRV`: the secret with which a device authenticates.
    pub fn client_secret(&self, enrollment: EnrollmentId) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode(self.derive("device proves itself", enrollment.0.as_bytes()).as_ref()))
    }

    /// The nonce in the provisioning document.
    pub fn first_nonce(&self, enrollment: EnrollmentId) -> Nonce {
        nonce_of(&self.derive("first nonce", enrollment.0.as_bytes()))
    }

    /// The nonces of challenges for that name and session, newest first: the current one, and earlier ones that can
    /// still be answered. They are derived and not stored, so a stranger cannot make the server store anything. They
    /// are the same for known and unknown names, and others in each period.
    pub(crate) fn challenges(&self, name: &str, session: &str, now: Timestamp) -> Vec<Nonce> {
        let newest = now.as_second().div_euclid(CHALLENGE_STEP);
        let challenge = |step: i64| {
            let mut about = [self.period.as_slice(), &step.to_be_bytes()].concat();
            about.extend_from_slice(&(name.len() as u64).to_be_bytes());
            about.extend_from_slice(name.as_bytes());
            about.extend_from_slice(session.as_bytes());
            nonce_of(&self.derive("challenge", &about))
        };
        (0..CHALLENGE_STEPS).map(|age| challenge(newest - age)).collect()
    }

    /// Seals a part of a value that is stored until the rest of it arrives. `salt` is fresh randomness; the result
    /// begins with it.
    pub(crate) fn conceal(&self, enrollment: EnrollmentId, salt: Nonce, part: &str) -> Option<Vec<u8>> {
        let key = self.concealing_key(enrollment, salt)?;
        let mut sealed = Zeroizing::new(Vec::with_capacity(part.len() + aead::MAX_TAG_LEN));
        sealed.extend_from_slice(part.as_bytes());
        let nonce = aead::Nonce::assume_unique_for_key([0; aead::NONCE_LEN]);
        key.seal_in_place_append_tag(nonce, aead::Aad::empty(), &mut *sealed).ok()?;
        Some([salt.as_slice(), &sealed].concat())
    }

    /// Opens what [`Self::conceal`] sealed for the same enrolment.
    pub(crate) fn reveal(&self, enrollment: EnrollmentId, sealed: &[u8]) -> Option<Secret> {
        let (salt, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let key = self.concealing_key(enrollment, *salt)?;
        let mut part = Zeroizing::new(sealed.to_vec());
        let nonce = aead::Nonce::assume_unique_for_key([0; aead::NONCE_LEN]);
        let opened = key.open_in_place(nonce, aead::Aad::empty(), &mut part).ok()?;
        std::str::from_utf8(opened).ok().map(Secret::from)
    }

    /// Derives a key that is used once.
    fn concealing_key(&self, enrollment: EnrollmentId, salt: Nonce) -> Option<aead::LessSafeKey> {
        let key = self.derive("part of a value", &[enrollment.0.as_bytes().as_slice(), &salt].concat());
        aead::UnboundKey::new(&aead::AES_256_GCM, key.as_ref()).ok().map(aead::LessSafeKey::new)
    }

    fn derive(&self, purpose: &str, about: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(about);
        context.sign()
    }
}

fn read_key(file: &Path) -> Result<hmac::Key, KeyFileError> {
    let bytes = keyfile::read(file)?;
    if bytes.len() != KEY_BYTES {
        return Err(KeyFileError::Damaged { file: file.to_owned(), what: "it does not have 32 bytes" });
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

fn nonce_of(tag: &hmac::Tag) -> Nonce {
    let mut nonce = [0; NONCE_BYTES];
    nonce.copy_from_slice(&tag.as_ref()[..NONCE_BYTES]);
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(byte: u8) -> DeviceCredentials {
        in_period(byte, 0)
    }

    fn in_period(byte: u8, period: u8) -> DeviceCredentials {
        DeviceCredentials { key: hmac::Key::new(hmac::HMAC_SHA256, &[byte; KEY_BYTES]), period: [period; NONCE_BYTES] }
    }

    #[test]
    fn a_challenge_can_be_answered_for_two_minutes_under_its_name_and_session_alone() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).expect("a time");
        let keys = credentials(1);
        let handed_out = keys.challenges("dev", "1", at(0))[0];
        for (name, session, second, stands) in [
            ("dev", "1", 0, true),
            ("dev", "1", 119, true),
            ("dev", "1", 200, false),
            ("dev", "1", -200, false),
            ("dev", "2", 0, false),
            ("de", "v1", 0, false),
            ("other", "1", 0, false),
        ] {
            let found = keys.challenges(name, session, at(second)).contains(&handed_out);
            assert_eq!(found, stands, "{name} {session} {second}");
        }
        for other in [credentials(2), in_period(1, 1)] {
            assert!(!other.challenges("dev", "1", at(0)).contains(&handed_out));
        }
    }

    #[test]
    fn a_part_of_a_value_opens_for_its_enrolment_alone_and_not_when_it_was_changed() {
        let (keys, one) = (credentials(1), EnrollmentId(uuid::Uuid::from_u128(1)));
        let sealed = keys.conceal(one, [7; NONCE_BYTES], "4829").expect("sealed");
        assert!(!sealed.windows(4).any(|window| window == b"4829"));
        assert_eq!(keys.reveal(one, &sealed).as_deref(), Some("4829"));
        assert!(keys.reveal(EnrollmentId(uuid::Uuid::from_u128(2)), &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(keys.reveal(one, &changed).is_none(), "{at}");
        }
        assert!(keys.reveal(one, &sealed[..9]).is_none());
    }
}
