//! Enrolment tokens, which a person types as the password when a device enrols. A token serves once, has a short life,
//! and is stored as SHA-256.
//!
//! A token is `cht` and twenty characters of Crockford's base 32 in groups of five: one hundred random bits, no
//! look-alike characters, easy to dictate. Case, hyphens and spaces do not matter.

use aws_lc_rs::digest;
use chaveiro_core::ports::Entropy;
use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHARACTERS: usize = 20;
const GROUP: usize = 5;

/// A token in clear.
pub struct EnrollmentTokenText(Zeroizing<String>);

impl EnrollmentTokenText {
    /// The token in clear, to show it once.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

/// A new token.
pub fn new_enrollment_token(entropy: &dyn Entropy) -> EnrollmentTokenText {
    let mut bytes = Zeroizing::new([0; CHARACTERS]);
    entropy.fill(bytes.as_mut());
    // 256 is a multiple of 32: taking the low bits favours no character.
    let mut text = Zeroizing::new(String::with_capacity(32));
    text.push_str("cht");
    for (index, byte) in bytes.iter().enumerate() {
        if index % GROUP == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    EnrollmentTokenText(text)
}

/// The stored form of a token: SHA-256 of its text in upper case, without hyphens and spaces, with look-alikes unified.
pub fn token_sha256(text: &str) -> [u8; 32] {
    let mut canonical = Zeroizing::new(String::with_capacity(text.len()));
    for character in text.chars().filter(|character| !character.is_whitespace() && *character != '-') {
        canonical.push(match character.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        });
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    sha256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_being_read_aloud_and_typed() {
        let token = "cht-0A1B2-C3D4E-5F6G7-H8J9K";
        for typed in ["CHT0A1B2C3D4E5F6G7H8J9K", " cht oaib2 c3d4e 5f6g7 h8j9k ", "cht-OALB2-c3d4e-5f6g7-h8j9k"] {
            assert_eq!(token_sha256(typed), token_sha256(token), "{typed}");
        }
        assert_ne!(token_sha256("cht-0A1B2-C3D4E-5F6G7-H8J9M"), token_sha256(token));
    }
}
