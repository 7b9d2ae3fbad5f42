//! Client secrets of applications: shown once, stored as a salted hash.
//!
//! A secret has 256 bits of randomness, so it cannot be guessed and a fast hash is enough.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro_core::Timestamp;
use chaveiro_core::application::ApplicationSecret;
use chaveiro_core::digest::{hex, unhex};
use chaveiro_core::ports::Entropy;
use chaveiro_core::secret::joined;
use zeroize::Zeroizing;

/// The prefix of every secret, so that scanners for leaked secrets can find it.
const PREFIX: &str = "chs_";
const SCHEME: &str = "sha256";

/// A client secret in clear.
pub struct ClientSecret(Zeroizing<String>);

impl ClientSecret {
    /// The secret in clear, to show it once.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

/// The number of characters after the prefix that tell secrets apart: too few to help an attacker.
const HINT: usize = 3;

/// Returns a new secret that ends after `life`, to show it once, and the record to store.
pub fn new_application_secret(
    now: Timestamp,
    life: Duration,
    entropy: &dyn Entropy,
) -> (ClientSecret, ApplicationSecret) {
    let secret = new_client_secret(entropy);
    let hint = secret.expose_secret().trim_start_matches(PREFIX).chars().take(HINT).collect();
    let hash = hash_client_secret(&secret, entropy);
    let expires = now.checked_add(life).unwrap_or(Timestamp::MAX);
    let kept = ApplicationSecret { id: entropy.uuid(), display_name: None, hint, hash, created: now, expires };
    (secret, kept)
}

/// A new secret.
fn new_client_secret(entropy: &dyn Entropy) -> ClientSecret {
    let mut bytes = Zeroizing::new([0; 32]);
    entropy.fill(bytes.as_mut());
    let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()));
    ClientSecret(joined(&[PREFIX, &encoded]))
}

/// The line that is stored: `sha256$SALT$HASH`, both in hex.
fn hash_client_secret(secret: &ClientSecret, entropy: &dyn Entropy) -> String {
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    format!("{SCHEME}${}${}", hex(&salt), hex(&digest(&salt, secret.expose_secret())))
}

/// Returns whether the candidate is the secret of that line, in constant time.
pub(crate) fn verify_client_secret(candidate: &str, hash_line: &str) -> bool {
    let mut parts = hash_line.split('$');
    let (Some(SCHEME), Some(salt), Some(hash), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let Some(salt) = unhex(salt) else { return false };
    verify_slices_are_equal(hex(&digest(&salt, candidate)).as_bytes(), hash.as_bytes()).is_ok()
}

fn digest(salt: &[u8], secret: &str) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    context.update(salt);
    context.update(secret.as_bytes());
    context.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use chaveiro_testing::TestEntropy;

    use super::*;

    #[test]
    fn a_secret_verifies_against_its_own_line_only() {
        let entropy = TestEntropy::default();
        let (one, other) = (new_client_secret(&entropy), new_client_secret(&entropy));
        let line = hash_client_secret(&one, &entropy);
        assert!(one.expose_secret().starts_with(PREFIX));
        assert!(verify_client_secret(one.expose_secret(), &line));
        assert!(!verify_client_secret(other.expose_secret(), &line));
        assert!(!line.contains(one.expose_secret()));
        for broken in
            ["", "sha256", "sha256$00", "sha256$0$00", "md5$00$00", "sha256$00$00$00", &line[..line.len() - 1]]
        {
            assert!(!verify_client_secret(one.expose_secret(), broken), "{broken}");
        }
    }

    #[test]
    fn the_same_secret_has_another_line_each_time() {
        let entropy = TestEntropy::default();
        let secret = new_client_secret(&entropy);
        assert_ne!(hash_client_secret(&secret, &entropy), hash_client_secret(&secret, &entropy));
    }
}
