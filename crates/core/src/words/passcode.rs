//! The tenant's policy for generated passcodes, which people must be able to read out over the phone, with a stated
//! entropy. Devices that make their own passcodes (Linux) follow it; Windows has its own rules.

use serde::{Deserialize, Serialize};

/// The least entropy that a policy may have: a disk passcode can be attacked offline.
pub const MIN_ENTROPY_BITS: f64 = 40.0;

/// Words in each list (BIP-39), eleven bits a word.
pub const WORDS_IN_LIST: usize = 2048;

/// The form of generated passcodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "camelCase")]
pub enum PasscodePolicy {
    /// Characters, in groups of four joined by hyphens. The hyphens belong to the passcode.
    Characters {
        /// The alphabet.
        alphabet: Alphabet,
        /// The number of characters, without hyphens.
        length: u8,
    },
    /// Words joined by hyphens.
    Words {
        /// The word list.
        language: WordLanguage,
        /// The number of words.
        count: u8,
    },
}

/// The characters to choose from. No alphabet has two that look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Alphabet {
    /// Digits.
    Digits,
    /// Lower-case letters without i, l, o.
    Letters,
    /// The same letters, and digits without 0 and 1.
    LettersAndDigits,
}

/// The language of the words. The lists are pure ASCII: a keyboard at boot may lack other letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WordLanguage {
    /// English.
    English,
    /// Portuguese.
    Portuguese,
}

impl Alphabet {
    /// Returns the characters, each once.
    pub fn characters(self) -> &'static [u8] {
        match self {
            Self::Digits => b"0123456789",
            Self::Letters => b"abcdefghjkmnpqrstuvwxyz",
            Self::LettersAndDigits => b"abcdefghjkmnpqrstuvwxyz23456789",
        }
    }
}

impl Default for PasscodePolicy {
    /// Sixteen letters and digits: 79 bits.
    fn default() -> Self {
        Self::Characters { alphabet: Alphabet::LettersAndDigits, length: 16 }
    }
}

impl PasscodePolicy {
    /// The longest passcode, in characters or words.
    pub const MAX_LENGTH: u8 = 64;

    /// Returns the bits of entropy when every symbol is chosen evenly.
    pub fn entropy_bits(self) -> f64 {
        match self {
            Self::Characters { alphabet, length } => f64::from(length) * (alphabet.characters().len() as f64).log2(),
            Self::Words { count, .. } => f64::from(count) * (WORDS_IN_LIST as f64).log2(),
        }
    }

    /// Returns true if a tenant may choose this form: it is strong enough, and short enough to type.
    pub fn is_acceptable(self) -> bool {
        let length = match self {
            Self::Characters { length, .. } => length,
            Self::Words { count, .. } => count,
        };
        length <= Self::MAX_LENGTH && self.entropy_bits() >= MIN_ENTROPY_BITS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_stated_and_weak_or_endless_policies_are_refused() {
        let characters = |alphabet, length| PasscodePolicy::Characters { alphabet, length };
        let words = |count| PasscodePolicy::Words { language: WordLanguage::Portuguese, count };
        for (policy, bits, acceptable) in [
            (PasscodePolicy::default(), 79.3, true),
            (characters(Alphabet::Digits, 6), 19.9, false),
            (characters(Alphabet::Digits, 13), 43.2, true),
            (characters(Alphabet::Letters, 12), 54.3, true),
            (characters(Alphabet::Letters, 65), 294.0, false),
            (words(3), 33.0, false),
            (words(6), 66.0, true),
        ] {
            assert!((policy.entropy_bits() - bits).abs() < 0.1, "{policy:?}: {}", policy.entropy_bits());
            assert_eq!(policy.is_acceptable(), acceptable, "{policy:?}");
        }
    }

    #[test]
    fn no_alphabet_has_look_alikes() {
        for alphabet in [Alphabet::Letters, Alphabet::LettersAndDigits] {
            assert!(!alphabet.characters().iter().any(|byte| b"01ilo".contains(byte)));
        }
    }
}
