//! SHA-256 and hexadecimal text: names of envelopes, lists, files and keys.

use sha2::{Digest, Sha256};

/// Returns the SHA-256 of these bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Returns the SHA-256 of these bytes as lower-case hexadecimal text. Server and device name envelopes and lists by it.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha256(bytes))
}

/// Returns these bytes as lower-case hexadecimal text.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 0xf)].into());
    }
    text
}

/// Returns the bytes of a hexadecimal text; `None` if it has another character or an odd length.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_the_standard_is_the_digest_of_this() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(b"abc"), abc);
        assert_eq!(unhex(abc).as_deref(), Some(&sha256(b"abc")[..]));
    }

    #[test]
    fn hexadecimal_text_is_read_whole_or_not_at_all() {
        for (text, bytes) in [("", &[][..]), ("00ff", &[0, 255]), ("00FF", &[0, 255]), ("a1", &[0xa1])] {
            assert_eq!(unhex(text).as_deref(), Some(bytes), "{text}");
            assert_eq!(hex(bytes), text.to_lowercase());
        }
        for text in ["0", "000", "+f", "0x", " 0", "g0", "0g", "\u{e9}"] {
            assert_eq!(unhex(text), None, "{text}");
        }
    }
}
