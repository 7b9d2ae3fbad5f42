//! The MD5 digest scheme of OMA Device Management (OMA-TS-DM_Security 1.2, 5.3).
//!
//! Devices speak MD5. It proves knowledge of a 256-bit random secret inside TLS, which its
//! weaknesses do not help to guess.

use crate::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

/// `B64(MD5(B64(MD5(user ":" password)) ":" nonce))`, the nonce as decoded bytes.
pub fn credential(user: &str, password: &str, nonce: &[u8]) -> Secret {
    outer(&inner(user, password), nonce)
}

fn inner(user: &str, password: &str) -> Secret {
    let mut inner = Md5::new();
    for part in [user.as_bytes(), b":", password.as_bytes()] {
        inner.update(part);
    }
    Secret::new(STANDARD.encode(inner.finalize()))
}

fn outer(inner: &str, nonce: &[u8]) -> Secret {
    let mut outer = Md5::new();
    for part in [inner.as_bytes(), b":", nonce] {
        outer.update(part);
    }
    Secret::new(STANDARD.encode(outer.finalize()))
}

/// A credential that a device sent, to be compared with the credentials of several nonces.
#[non_exhaustive]
pub struct Claim<'a> {
    claim: &'a str,
    inner: Secret,
}

impl<'a> Claim<'a> {
    /// A credential of that user. `claim` is the text of `Cred/Data`.
    pub fn new(claim: &'a str, user: &str, password: &str) -> Self {
        Self { claim: claim.trim(), inner: inner(user, password) }
    }

    /// Returns true if it is the credential of that nonce. Takes the same time at every place where they differ.
    pub fn is_for(&self, nonce: &[u8]) -> bool {
        let expected = outer(&self.inner, nonce);
        let (claim, expected) = (self.claim.as_bytes(), expected.as_bytes());
        let different = claim.iter().zip(expected).fold(0, |bits, (one, other)| bits | (one ^ other));
        claim.len() == expected.len() && different == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors_hold() {
        for (nonce, expected) in
            [(b"0123456789abcdef", "DRJK2GcRxI2a85KKz58T5w=="), (b"fedcba9876543210", "dK4gO0jHXSVIonr5CsUWCA==")]
        {
            assert_eq!(credential("dev-7f31", "s3cr3t", nonce).as_str(), expected);
            assert!(Claim::new(expected, "dev-7f31", "s3cr3t").is_for(nonce));
            assert!(!Claim::new(expected, "dev-7f31", "s3cr3T").is_for(nonce));
            assert!(!Claim::new("", "dev-7f31", "s3cr3t").is_for(nonce));
        }
    }
}
