//! What passcodes look like that are made for people: by policy of the tenant, easy to read aloud, with a
//! stated entropy. Devices that make their own passcodes (Linux) follow it; Windows has its own rules.

use serde::{Deserialize, Serialize};

/// No policy below this many bits is accepted: a disk passcode can be attacked offline.
pub const MIN_ENTROPY_BITS: f64 = 40.0;

/// Words in each list (BIP-39): eleven bits a word.
pub const WORDS_IN_LIST: usize = 2048;

/// How passcodes are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "camelCase")]
pub enum PasscodePolicy {
    /// Characters, in groups of four joined by hyphens. The hyphens belong to the passcode.
    Characters {
        /// From which.
        alphabet: Alphabet,
        /// How many, hyphens not counted.
        length: u8,
    },
    /// Words joined by hyphens.
    Words {
        /// From which list.
        language: WordLanguage,
        /// How many.
        count: u8,
    },
}

/// Characters to choose from. None has two that look alike.
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

/// The language of words. Neither list has letters beyond ASCII: a keyboard at boot may not have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WordLanguage {
    /// English.
    English,
    /// Portuguese.
    Portuguese,
}

impl Alphabet {
    /// The characters, each once.
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
    /// The longest passcodes, in characters or words.
    pub const MAX_LENGTH: u8 = 64;

    /// Bits of entropy, when every symbol is chosen evenly.
    pub fn entropy_bits(self) -> f64 {
        match self {
            Self::Characters { alphabet, length } => f64::from(length) * (alphabet.characters().len() as f64).log2(),
            Self::Words { count, .. } => f64::from(count) * (WORDS_IN_LIST as f64).log2(),
        }
    }

    /// Whether passcodes may be made like this: strong enough, and not too long to type.
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
