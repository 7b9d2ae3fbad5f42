//! A passcode on the screen, as it is read out on the telephone: alone on its line, and then each group spelt.
//!
//! ```text
//!       yzgd-9339-3x89
//!
//!       small letters and digits; the hyphens belong to it
//!
//!       yzgd  Yankee  Zulu   Golf   Delta  hyphen
//!       9339  nine    three  three  nine   hyphen
//!       3x89  three   X-ray  eight  nine
//! ```

use bip39::Language;
use chaveiro_core::passcode::WordLanguage;
use chaveiro_lang::{Lang, Text, plain, text};

use crate::spelling::word;
use chaveiro_lang::table::{indented, padded, width as columns};

/// The indentation of a passcode on a terminal.
pub(crate) const INDENTATION: &str = "      ";

/// The columns of a screen that does not say how wide it is.
const USUAL_WIDTH: usize = 80;

/// The most characters that are read out together.
const GROUP: usize = 4;

/// The words that passcodes of that language are made of.
pub(crate) fn list(language: WordLanguage) -> &'static [&'static str] {
    match language {
        WordLanguage::English => Language::English.word_list(),
        WordLanguage::Portuguese => Language::Portuguese.word_list(),
    }
}

/// The lines below a passcode: the characters that it is made of, and the spelling of its groups.
pub(crate) fn spelt(passcode: &str, lang: Lang, width: Option<usize>) -> Vec<String> {
    let width = width.unwrap_or(USUAL_WIDTH);
    let (about, spelling) = match words(passcode) {
        Some(words) => (text!("passcode-words", count = words.len()), of_words(&words, lang)),
        None => (made_of(passcode, lang), of_groups(passcode, lang, width - columns(INDENTATION))),
    };
    let mut lines = indented(&about.say(lang), INDENTATION, Some(width));
    lines.push(String::new());
    lines.extend(spelling.into_iter().map(|line| format!("{INDENTATION}{line}")));
    lines
}

/// The words of a passcode that is made of words.
fn words(passcode: &str) -> Option<Vec<&str>> {
    let lists = [WordLanguage::English, WordLanguage::Portuguese].map(list);
    let words: Vec<_> = passcode.split('-').collect();
    let is_known = |word: &&str| lists.iter().any(|list| list.contains(word));
    (words.len() > 1 && words.iter().all(is_known)).then_some(words)
}

/// A word a line, with its number.
fn of_words(words: &[&str], lang: Lang) -> Vec<String> {
    let widest = words.iter().map(|word| columns(word)).max().unwrap_or_default();
    let line = |(number, each): (usize, &&str)| match number + 1 == words.len() {
        true => format!("{:>2}  {each}", number + 1),
        false => format!("{:>2}  {}  {}", number + 1, padded(each, widest), word('-', lang)),
    };
    words.iter().enumerate().map(line).collect()
}

/// A sentence on the characters of a passcode.
fn made_of(passcode: &str, lang: Lang) -> Text {
    let has = |test: fn(char) -> bool| passcode.chars().any(test);
    let hyphens = passcode.contains('-');
    let mut kinds = Vec::new();
    for (kind, is_there) in [
        (text!("passcode-small-letters"), has(|c| c.is_lowercase())),
        (text!("passcode-capital-letters"), has(|c| c.is_uppercase())),
        (text!("passcode-digits"), has(|c| c.is_ascii_digit())),
        (text!("passcode-signs"), has(|c| c != '-' && !c.is_alphanumeric())),
    ] {
        kinds.extend(is_there.then_some(kind));
    }
    let kinds = match (kinds.pop(), kinds.is_empty()) {
        (Some(last), false) => text!("and", first = kinds, last = last).say(lang),
        (last, _) => last.map(|kind| kind.say(lang)).unwrap_or_default(),
    };
    match hyphens {
        true => text!("passcode-made-of-groups", kinds = kinds),
        false => text!("passcode-made-of", kinds = kinds),
    }
}

/// A group a line, each character in a column. Groups are smaller where the columns would not fit.
fn of_groups(passcode: &str, lang: Lang, width: usize) -> Vec<String> {
    let layout = |size: usize| {
        let groups = groups(passcode, size);
        let spelt: Vec<Vec<_>> =
            groups.iter().map(|group| group.iter().map(|sign| word(*sign, lang)).collect()).collect();
        let widest = |place: usize| spelt.iter().filter_map(|group| group.get(place)).map(|word| columns(word)).max();
        let widths: Vec<_> = (0..).map_while(widest).collect();
        let longest = groups.iter().map(Vec::len).max().unwrap_or_default().min(size);
        let line = |(group, spelt): (&Vec<char>, &Vec<String>)| {
            let text: String = group.iter().filter(|sign| group.len() == 1 || **sign != '-').collect();
            let words = spelt.iter().zip(&widths).map(|(word, width)| padded(word, *width));
            let line = std::iter::once(padded(&plain(&text), longest)).chain(words).collect::<Vec<_>>().join("  ");
            line.trim_end().to_owned()
        };
        groups.iter().zip(&spelt).map(line).collect::<Vec<_>>()
    };
    let fits = |lines: &Vec<String>| lines.iter().all(|line| columns(line) <= width);
    let narrower = (1..GROUP).rev().map(layout).find(fits);
    Some(layout(GROUP)).filter(fits).or(narrower).unwrap_or_else(|| layout(1))
}

/// The characters in groups, each with the hyphen that ends it.
fn groups(passcode: &str, size: usize) -> Vec<Vec<char>> {
    let mut groups = Vec::new();
    for part in passcode.split_inclusive('-') {
        let (body, hyphen) = part.strip_suffix('-').map_or((part, false), |body| (body, true));
        let signs: Vec<char> = body.chars().collect();
        let mut chunks: Vec<Vec<char>> = signs.chunks(size).map(<[char]>::to_vec).collect();
        match chunks.last_mut() {
            Some(last) if hyphen => last.push('-'),
            None if hyphen => chunks.push(vec!['-']),
            Some(_) | None => {}
        }
        groups.append(&mut chunks);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(passcode: &str, lang: &str) -> String {
        spelt(passcode, Lang::choose(Some(lang)), Some(80)).join("\n")
    }

    #[test]
    fn groups_are_spelt_in_the_language_of_the_reader() {
        assert_eq!(
            shown("yzgd-9339-3x89-5wtv", "en"),
            "      small letters and digits; the hyphens belong to it

      yzgd  Yankee  Zulu     Golf   Delta   hyphen
      9339  nine    three    three  nine    hyphen
      3x89  three   X-ray    eight  nine    hyphen
      5wtv  five    Whiskey  Tango  Victor"
        );
        assert_eq!(
            shown("yzgd-6339", "pt"),
            "      minúsculas e números; os hífens fazem parte

      yzgd  Yankee  Zulu  Golf  Delta  hífen
      6339  meia    três  três  nove"
        );
    }

    #[test]
    fn a_pin_is_read_in_groups_that_are_not_written() {
        assert_eq!(
            shown("482913", "en"),
            "      digits; written without spaces

      4829  four  eight  two  nine
      13    one   three"
        );
    }

    #[test]
    fn words_stay_words() {
        assert_eq!(
            shown("palmada-juiz-barulho", "pt"),
            "      3 palavras em minúsculas; os hífens fazem parte

       1  palmada  hífen
       2  juiz     hífen
       3  barulho"
        );
        // A word of another list, or none, is spelt.
        assert!(shown("palmada-juiz-xyzw", "en").contains("Papa"));
    }

    #[test]
    fn a_terminal_obeys_no_passcode_and_its_characters_have_their_numbers() {
        let told = shown("1\u{1b}[2", "en");
        assert!(!told.contains('\u{1b}') && told.contains("001B"), "{told}");
    }

    #[test]
    fn capitals_and_signs_have_names_and_no_line_is_wider_than_the_screen() {
        let told = shown("Ab-N.9", "en");
        assert!(told.contains("small letters, capital letters, digits and signs; the hyphens"), "{told}");
        assert!(told.contains("Ab   capital Alfa      Bravo      hyphen"), "{told}");
        assert!(told.contains("N.9  capital November  full stop  nine"), "{told}");
        for passcode in ["NNNN-NNNN", "((((()))))", "--", "A", " \u{e9}~", &"Z".repeat(127)] {
            let lines = spelt(passcode, Lang::english(), Some(60));
            assert!(lines.iter().all(|line| columns(line) <= 60), "{lines:#?}");
            let signs = lines[2..].join(" ").matches("  ").count();
            assert!(signs >= passcode.chars().count(), "{lines:#?}");
        }
    }
}
