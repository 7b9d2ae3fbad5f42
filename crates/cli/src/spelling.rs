//! The spelling of a passcode for the telephone: a word for each letter (the alphabet of ICAO, Annex 10), digit and sign.
//! The words are those of `spelling.ftl`, the message `spelling`; this table names them.

use chaveiro_lang::{Lang, text};

/// The signs that a keyboard types without a second key, and the names of their words.
const SIGNS: [(char, &str); 33] = [
    (' ', "space"),
    ('!', "exclamation"),
    ('"', "quotation"),
    ('#', "hash"),
    ('$', "dollar"),
    ('%', "percent"),
    ('&', "ampersand"),
    ('\'', "apostrophe"),
    ('(', "opening-parenthesis"),
    (')', "closing-parenthesis"),
    ('*', "asterisk"),
    ('+', "plus"),
    (',', "comma"),
    ('-', "hyphen"),
    ('.', "full-stop"),
    ('/', "slash"),
    (':', "colon"),
    (';', "semicolon"),
    ('<', "less"),
    ('=', "equals"),
    ('>', "greater"),
    ('?', "question"),
    ('@', "at"),
    ('[', "opening-bracket"),
    ('\\', "backslash"),
    (']', "closing-bracket"),
    ('^', "circumflex"),
    ('_', "underscore"),
    ('`', "grave"),
    ('{', "opening-brace"),
    ('|', "bar"),
    ('}', "closing-brace"),
    ('~', "tilde"),
];

/// The word for a character. A capital letter is named as such; what has no word is shown as it is, with its number.
pub(crate) fn word(character: char, lang: Lang) -> String {
    let of = |name: &str| text!("spelling", name = name);
    match character {
        'a'..='z' => of(&character.to_string()).say(lang),
        'A'..='Z' => text!("spelling-capital", letter = of(&character.to_ascii_lowercase().to_string())).say(lang),
        '0'..='9' => of(&format!("digit-{character}")).say(lang),
        other => match SIGNS.iter().find(|(sign, _)| *sign == other) {
            Some((_, name)) => of(name).say(lang),
            None => text!("spelling-other", sign = other.to_string(), number = format!("{:04X}", u32::from(other)))
                .say(lang),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chaveiro_core::passcode::{Alphabet, WordLanguage};

    use super::*;

    /// Every character that a form of passcodes can contain.
    fn made_here() -> BTreeSet<char> {
        let alphabets = [Alphabet::Digits, Alphabet::Letters, Alphabet::LettersAndDigits];
        let characters = alphabets.into_iter().flat_map(|alphabet| alphabet.characters());
        let lists = [WordLanguage::English, WordLanguage::Portuguese].map(crate::passcode::list);
        let words = lists.into_iter().flatten().flat_map(|word| word.chars());
        characters.map(|byte| char::from(*byte)).chain(words).chain(['-']).collect()
    }

    #[test]
    fn every_character_of_a_passcode_has_a_word_of_its_own_in_every_language() {
        assert!(made_here().is_ascii_and_has(36), "{:?}", made_here());
        for lang in Lang::all() {
            // Devices make their own, of anything that can be typed.
            let all: BTreeSet<char> = made_here().into_iter().chain(' '..='~').collect();
            let mut words = BTreeSet::new();
            for character in &all {
                let word = word(*character, lang);
                assert!(
                    word.chars().count() > 1 && word.chars().all(|c| c.is_alphabetic() || " -".contains(c)),
                    "{word}"
                );
                assert!(words.insert(word), "{character} sounds like another in {}", lang.tag());
            }
            assert_eq!(words.len(), 95);
        }
    }

    trait Characters {
        fn is_ascii_and_has(&self, least: usize) -> bool;
    }

    impl Characters for BTreeSet<char> {
        fn is_ascii_and_has(&self, least: usize) -> bool {
            self.len() > least && self.iter().all(char::is_ascii)
        }
    }

    #[test]
    fn letters_are_those_of_icao_and_portuguese_digits_those_of_the_telephone() {
        let portuguese = Lang::choose(Some("pt"));
        let said = |text: &str, lang| text.chars().map(|c| word(c, lang)).collect::<Vec<_>>().join(" ");
        assert_eq!(said("ax-7", Lang::english()), "Alfa X-ray hyphen seven");
        assert_eq!(said("0123456789", portuguese), "zero um dois três quatro cinco meia sete oito nove");
        assert_eq!(said("yB-", portuguese), "Yankee maiúscula Bravo hífen");
        assert_eq!(said("Bé", Lang::english()), "capital Bravo é (U+00E9)");
    }
}
