//! The sentences of documents and doc comments: their length, and their actors.

use super::{covered, ends_inside, indentation};

/// The greatest length of a sentence, in words. A span of code is one word.
const WORDS: usize = 25;

/// Words that stand for an actor without naming one.
const ACTORLESS: &[&str] =
    &["she", "her", "herself", "somebody", "someone", "nobody", "everybody", "anybody", "whoever"];

/// The faults of lines of prose, each with the number of the line on which its sentence begins.
pub(super) fn faults<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Vec<(usize, String)> {
    let all = paragraphs(lines).into_iter().flat_map(|(line, paragraph)| sentences(line, &paragraph));
    all.flat_map(|(line, sentence)| faults_of(&sentence).into_iter().map(move |fault| (line, fault))).collect()
}

/// The paragraphs, lines included, with the number of their first line. A heading is one, and so is each item of a list.
fn paragraphs<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Vec<(usize, String)> {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    // The number of the line that would go on with the last paragraph.
    let mut next = None;
    for (line, text) in lines.map(|(line, text)| (line, text.trim())) {
        let mark = indentation(text);
        match paragraphs.last_mut() {
            Some((_, paragraph)) if next == Some(line) && mark == 0 && !text.starts_with('#') => {
                paragraph.push('\n');
                paragraph.push_str(text);
            }
            _ => paragraphs.push((line, text[mark..].to_owned())),
        }
        next = (!text.is_empty() && !text.starts_with('#')).then_some(line + 1);
    }
    paragraphs
}

/// The sentences of a paragraph, with code and the targets of links covered.
fn sentences(first: usize, paragraph: &str) -> Vec<(usize, String)> {
    let text = covered(paragraph);
    let mut sentences = Vec::new();
    let mut rest = text.as_str();
    loop {
        let begun = text.len() - rest.len();
        let behind = ends_inside(rest).unwrap_or_default();
        let line = first + paragraph[..begun].matches('\n').count();
        sentences.push((line, rest[..rest.len() - behind.len()].to_owned()));
        if behind.is_empty() {
            return sentences;
        }
        rest = behind;
    }
}

fn faults_of(sentence: &str) -> Vec<String> {
    let is_word = |word: &&str| word.contains(|letter: char| letter.is_alphanumeric() || letter == '_');
    let words: Vec<_> = sentence.split_whitespace().filter(is_word).collect();
    let start = words.iter().take(4).copied().collect::<Vec<_>>().join(" ");
    let length = words.len();
    let long = (length > WORDS)
        .then(|| format!("the sentence \"{start} ..\" has {length} words; split it, {WORDS} is the greatest length"));
    let bare = sentence.split(|letter: char| !letter.is_alphabetic());
    let actorless = bare.filter(|word| ACTORLESS.contains(&word.to_lowercase().as_str()));
    let unnamed =
        actorless.map(|word| format!("\"{word}\" names no actor; say caller, operator, user, device or server"));
    long.into_iter().chain(unnamed).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{doc_lines, numbered, prose_lines};
    use super::*;

    fn found(document: &str) -> Vec<(usize, String)> {
        faults(prose_lines(numbered(document)))
    }

    /// A sentence of that many words.
    fn of(words: usize) -> String {
        format!("One{}.", " more".repeat(words - 1))
    }

    #[test]
    fn a_sentence_of_25_words_is_accepted_and_one_of_26_is_a_fault_on_its_line() {
        assert_eq!(found(&of(25)), []);
        let long = found(&format!("{}\n{}\n", of(2), of(26)));
        assert!(matches!(&long[..], [(2, fault)] if fault.contains("26 words")), "{long:?}");
        for (joint, parts) in [(":", 1), (";", 1), (".", 0), ("?", 0), (" 7.", 0), (" 2 s.", 0), (" e.g.", 1)] {
            let text = format!("{}{joint} {}", of(15).trim_end_matches('.'), of(15));
            assert_eq!(found(&text).len(), parts, "{text}");
        }
    }

    #[test]
    fn code_and_targets_of_links_are_no_words_and_tables_fences_and_other_paragraphs_are_apart() {
        let half = of(20).trim_end_matches('.').to_owned();
        for text in [
            format!("{half} `a b c d e f g h`.\n"),
            format!("{half} [one](two/three_four#five).\n"),
            format!("{half} = - {half}.\n").replacen(&half, "a", 1),
            format!("| {half} | {half} |\n"),
            format!("```\n{half} {half}\n```\n"),
            format!("# {half}\n{half}\n"),
            format!("{half}:\n\n{half}\n"),
            format!("{half}:\n- {half}\n- {half}\n  1. {half}\n"),
        ] {
            assert_eq!(found(&text), [], "{text}");
        }
        assert_eq!(found(&format!("- {half}\n  {half}\n")).len(), 1);
    }

    #[test]
    fn a_word_that_names_no_actor_is_a_fault_unless_it_is_code() {
        for text in ["`nobody` owns it.", "[It](whoever.md) ends.", "There is another.", "Wherever she."] {
            assert_eq!(found(text).len(), usize::from(text.contains(" she")), "{text}");
        }
        for word in ACTORLESS {
            let told = found(&format!("It is.\nIt was for {}, once.\n", word.to_uppercase()));
            assert!(matches!(&told[..], [(2, fault)] if fault.contains("names no actor")), "{told:?}");
        }
    }

    #[test]
    fn the_sentences_of_a_doc_comment_are_those_of_its_lines() {
        let half = of(20);
        let source = format!(
            "//! {half}\n\n/// {}\n/// {half}\n// nobody\nstruct A; // {half} {half}\n",
            &half[..half.len() - 1]
        );
        let told = faults(prose_lines(doc_lines(&source)));
        assert!(matches!(&told[..], [(3, fault)] if fault.contains("40 words")), "{told:?}");
    }
}
