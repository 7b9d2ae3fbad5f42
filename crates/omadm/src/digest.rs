//! The MD5 digest scheme of OMA Device Management (OMA-TS-DM_Security 1.2, 5.3).
//!
//! MD5 is what devices speak. It proves knowledge of a 256-bit random secret inside TLS, which its
//! weaknesses do not help to guess.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use zeroize::Zeroizing;

/// `B64(MD5(B64(MD5(user ":" password)) ":" nonce))`, the nonce as decoded bytes.
pub fn credential(user: &str, password: &str, nonce: &[u8]) -> Zeroizing<String> {
    let mut inner = Md5::new();
    for part in [user.as_bytes(), b":", password.as_bytes()] {
        inner.update(part);
    }
    let inner = Zeroizing::new(STANDARD.encode(inner.finalize()));
    let mut outer = Md5::new();
    for part in [inner.as_bytes(), b":", nonce] {
        outer.update(part);
    }
    Zeroizing::new(STANDARD.encode(outer.finalize()))
}

/// Whether the claim is the credential. Takes the same time wherever they differ.
pub fn proves(claim: &str, user: &str, password: &str, nonce: &[u8]) -> bool {
    let expected = credential(user, password, nonce);
    let (claim, expected) = (claim.trim().as_bytes(), expected.as_bytes());
    let different = claim.iter().zip(expected).fold(0, |bits, (one, other)| bits | (one ^ other));
    claim.len() == expected.len() && different == 0
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
            assert!(proves(expected, "dev-7f31", "s3cr3t", nonce));
            assert!(!proves(expected, "dev-7f31", "s3cr3T", nonce));
            assert!(!proves("", "dev-7f31", "s3cr3t", nonce));
        }
    }
}
