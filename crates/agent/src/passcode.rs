//! Passcodes that the agent makes, by the policy of the tenant (`chaveiro_core::passcode`). Every symbol is chosen
//! evenly, so that the stated entropy is the real one. No passcode stays behind in memory. Words are those of BIP-39.

use bip39::Language;
use chaveiro_core::passcode::{PasscodePolicy, WordLanguage};
use chaveiro_core::secret::Passcode;
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use zeroize::Zeroizing;

/// The length of the groups in which characters are read aloud and typed.
const GROUP: usize = 4;

/// Fills a buffer with random bytes.
pub(crate) type Random<'r> = &'r mut dyn FnMut(&mut [u8]);

/// A new passcode; `None` when the policy is not acceptable.
pub(crate) fn make(policy: PasscodePolicy, random: Random<'_>) -> Option<Passcode> {
    if !policy.is_acceptable() {
        return None;
    }
    // Dozens of long words can be more than a passcode holds; then others are chosen.
    loop {
        let text = match policy {
            PasscodePolicy::Characters { alphabet, length } => {
                characters(alphabet.characters(), usize::from(length), random)
            }
            PasscodePolicy::Words { language, count } => words(list(language), usize::from(count), random),
        };
        if let Some(passcode) = Passcode::new(text) {
            return Some(passcode);
        }
    }
}

/// Random bytes of the kernel, which waits until it has enough of them (getrandom(2)).
///
/// # Panics
///
/// If the kernel refuses: a passcode that is not random is worse than none.
pub(crate) fn kernel_random(buffer: &mut [u8]) {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match getrandom(rest, GetRandomFlags::empty()) {
            Ok(more) => filled += more,
            Err(Errno::INTR) => {}
            Err(error) => panic!("the kernel gives no random bytes: {error}"),
        }
    }
}

fn characters(alphabet: &[u8], length: usize, random: Random<'_>) -> Zeroizing<String> {
    let mut text = room(length + length / GROUP);
    for place in 0..length {
        if place > 0 && place % GROUP == 0 {
            text.push('-');
        }
        text.push(char::from(*pick(alphabet, random)));
    }
    text
}

fn words(list: &[&str], count: usize, random: Random<'_>) -> Zeroizing<String> {
    let longest = list.iter().map(|word| word.len()).max().unwrap_or_default();
    let mut text = room(count * (longest + 1));
    for place in 0..count {
        if place > 0 {
            text.push('-');
        }
        text.push_str(pick::<&str>(list, random));
    }
    text
}

fn list(language: WordLanguage) -> &'static [&'static str] {
    match language {
        WordLanguage::English => Language::English.word_list(),
        WordLanguage::Portuguese => Language::Portuguese.word_list(),
    }
}

/// Returns a string with room for the whole passcode: one that grows leaves copies of itself behind.
fn room(bytes: usize) -> Zeroizing<String> {
    Zeroizing::new(String::with_capacity(bytes))
}

/// Picks one of the list, which must not be empty, each as likely as any other. A number beyond the end is drawn again.
fn pick<'l, T>(list: &'l [T], random: Random<'_>) -> &'l T {
    let mask = list.len().next_power_of_two() - 1;
    let mut bytes = Zeroizing::new([0; 2]);
    loop {
        random(bytes.as_mut_slice());
        if let Some(symbol) = list.get(usize::from(u16::from_le_bytes(*bytes)) & mask) {
            return symbol;
        }
    }
}

#[cfg(test)]
mod tests {
    use chaveiro_core::passcode::{Alphabet, WORDS_IN_LIST};
    use proptest::prelude::*;

    use super::*;

    const ALPHABETS: [Alphabet; 3] = [Alphabet::Digits, Alphabet::Letters, Alphabet::LettersAndDigits];
    const LANGUAGES: [WordLanguage; 2] = [WordLanguage::English, WordLanguage::Portuguese];

    /// Returns a source of bytes that are equal for equal seeds (splitmix64).
    fn seeded(mut seed: u64) -> impl FnMut(&mut [u8]) {
        move |buffer| {
            for byte in buffer {
                seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                *byte = (mixed >> 56) as u8;
            }
        }
    }

    fn made(policy: PasscodePolicy, seed: u64) -> Option<String> {
        make(policy, &mut seeded(seed)).map(|passcode| passcode.expose_secret().to_owned())
    }

    #[test]
    fn characters_come_in_groups_of_four() {
        for (length, groups) in [(13, vec![4, 4, 4, 1]), (16, vec![4; 4]), (64, vec![4; 16])] {
            let policy = PasscodePolicy::Characters { alphabet: Alphabet::LettersAndDigits, length };
            let text = made(policy, 1).expect("a passcode");
            assert_eq!(text.split('-').map(str::len).collect::<Vec<_>>(), groups, "{length}");
        }
    }

    #[test]
    fn every_word_of_both_lists_can_be_typed_on_any_keyboard() {
        for language in LANGUAGES {
            let list = list(language);
            assert_eq!(list.len(), WORDS_IN_LIST, "{language:?}");
            assert!(list.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())), "{language:?}");
        }
    }

    /// Chi-square: with that many degrees of freedom, a fair choice stays below the bound for all but one seed in
    /// millions. A choice that favours half of the symbols by a tenth exceeds it.
    #[test]
    fn every_symbol_is_as_likely_as_any_other() {
        fn chi_square<T: PartialEq>(list: &[T], draws: usize) -> f64 {
            let mut random = seeded(7);
            let mut counts = vec![0_usize; list.len()];
            for _ in 0..draws {
                let symbol = pick(list, &mut random);
                counts[list.iter().position(|other| other == symbol).expect("of the list")] += 1;
            }
            let expected = draws as f64 / list.len() as f64;
            counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum()
        }
        let bound = |freedom: f64| freedom + 5.0 * (2.0 * freedom).sqrt();
        for alphabet in ALPHABETS {
            let list = alphabet.characters();
            let found = chi_square(list, 100_000);
            assert!(found < bound(list.len() as f64), "{alphabet:?}: {found}");
        }
        for language in LANGUAGES {
            let found = chi_square(list(language), 100_000);
            assert!(found < bound(WORDS_IN_LIST as f64), "{language:?}: {found}");
        }
    }

    #[test]
    fn words_too_long_for_a_passcode_are_chosen_anew() {
        let longest = Language::Portuguese.word_list().iter().position(|word| word.len() == 8).expect("a long word");
        let (mut drawn, mut others) = (0, seeded(3));
        let mut random = |buffer: &mut [u8]| {
            drawn += 1;
            match u16::try_from(longest).map(u16::to_le_bytes) {
                Ok(bytes) if drawn <= 64 => buffer.copy_from_slice(&bytes),
                _ => others(buffer),
            }
        };
        let policy = PasscodePolicy::Words { language: WordLanguage::Portuguese, count: 64 };
        let passcode = make(policy, &mut random).expect("a passcode");
        assert_eq!(passcode.expose_secret().split('-').count(), 64);
        assert!(drawn > 64, "64 words of 8 letters do not fit");
    }

    #[test]
    fn the_kernel_fills_the_whole_buffer_each_time_anew() {
        let (mut first, mut second) = ([0; 1000], [0; 1000]);
        kernel_random(&mut first);
        kernel_random(&mut second);
        kernel_random(&mut []);
        assert!(first != second && first[900..] != [0; 100]);
        assert!(make(PasscodePolicy::default(), &mut kernel_random).is_some());
    }

    fn policies() -> impl Strategy<Value = PasscodePolicy> {
        let characters = (prop::sample::select(&ALPHABETS[..]), any::<u8>())
            .prop_map(|(alphabet, length)| PasscodePolicy::Characters { alphabet, length });
        let words = (prop::sample::select(&LANGUAGES[..]), any::<u8>())
            .prop_map(|(language, count)| PasscodePolicy::Words { language, count });
        prop_oneof![characters, words]
    }

    proptest! {
        #[test]
        fn a_passcode_has_the_form_of_its_policy_or_there_is_none(policy in policies(), seed: u64) {
            let text = made(policy, seed);
            prop_assert_eq!(text.is_some(), policy.is_acceptable());
            let Some(text) = text else { return Ok(()) };
            match policy {
                PasscodePolicy::Characters { alphabet, length } => {
                    let symbols: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
                    prop_assert_eq!(symbols.len(), usize::from(length));
                    prop_assert!(symbols.iter().all(|byte| alphabet.characters().contains(byte)), "{}", text);
                    let full = text.split('-').rev().skip(1).all(|group| group.len() == GROUP);
                    prop_assert!(full && !text.ends_with('-'), "{}", text);
                    let look_alikes = alphabet != Alphabet::Digits && text.contains(['0', '1', 'i', 'l', 'o']);
                    prop_assert!(!look_alikes, "{}", text);
                }
                PasscodePolicy::Words { language, count } => {
                    prop_assert_eq!(text.split('-').count(), usize::from(count));
                    prop_assert!(text.split('-').all(|word| list(language).contains(&word)), "{}", text);
                }
            }
        }

        #[test]
        fn no_passcode_outgrows_the_room_made_for_it(length in 1_usize..=64, seed: u64) {
            let text = characters(Alphabet::Digits.characters(), length, &mut seeded(seed));
            prop_assert_eq!(text.capacity(), length + length / GROUP);
            let list = list(WordLanguage::English);
            let text = words(list, length, &mut seeded(seed));
            prop_assert_eq!(text.capacity(), length * 9);
        }
    }
}
