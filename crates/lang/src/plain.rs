//! Words of others on a terminal.

use std::borrow::Cow;

/// The words without the characters that a terminal obeys: a name may neither move the cursor nor turn the line around. Each
/// is shown as U+FFFD. Line breaks and tabs stay.
pub fn plain(words: &str) -> Cow<'_, str> {
    match words.contains(is_obeyed) {
        true => words.replace(is_obeyed, "\u{FFFD}").into(),
        false => words.into(),
    }
}

/// Control characters, and the marks, embeddings, overrides and isolates of bidirectional text (UAX 9, 2.1 to 2.5).
fn is_obeyed(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_no_name() {
        for (name, shown) in [
            ("ANA-LT1", "ANA-LT1"),
            ("a\nb\tc \u{e9} \u{65e5}\u{200b}", "a\nb\tc \u{e9} \u{65e5}\u{200b}"),
            ("Ana\u{1b}[2K\rRui", "Ana\u{fffd}[2K\u{fffd}Rui"),
            ("\u{9b}2J\u{7}", "\u{fffd}2J\u{fffd}"),
            ("Ana\u{202e}iuR\u{2069}", "Ana\u{fffd}iuR\u{fffd}"),
        ] {
            assert_eq!(plain(name), shown);
        }
    }
}
