//! The checks of plain English that a program can make: the beginnings of doc summaries, the lines of documents, and the
//! sentences of both.

mod sentences;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use crate::chores::{root, tracked};

/// Words that begin a summary whose subject is not the item.
const EVASIVE: &[&str] = &["What", "Whether", "Who", "Whose", "Whoever", "How", "Its", "Of", "By", "As"];

/// Fewer summaries than this share may begin with one of them, in parts of a thousand.
const LIMIT: usize = 50;

/// The greatest length of a line of a document, in characters.
const LINE: usize = 160;

/// Abbreviations that end with a full stop and no sentence.
const ABBREVIATIONS: &[&str] = &["e.g", "i.e", "cf", "vs", "etc", "No"];

/// The first line of a doc comment.
struct Summary {
    file: String,
    line: usize,
    text: String,
}

impl Summary {
    fn is_evasive(&self) -> bool {
        let first = self.text.split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
        EVASIVE.contains(&first)
    }

    /// The crate that the summary is in: the folder below `crates/`, or the first folder.
    fn krate(&self) -> &str {
        let path = self.file.strip_prefix("crates/").unwrap_or(&self.file);
        path.split('/').next().unwrap_or(path)
    }

    fn print(&self) {
        println!("{}:{}: {}", self.file, self.line, self.text);
    }
}

/// `cargo xtask prose`: checks; `--list` prints every summary to mend, `--sample SEED` draws twenty of all summaries, `--break`
/// writes the documents anew with the lines broken.
pub(crate) fn prose(arguments: &[String]) -> Result<()> {
    let all = all_summaries()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => check(&all, false),
        ["--list"] => check(&all, true),
        ["--sample", seed] => {
            println!("twenty of {} summaries, drawn with seed {seed}", all.len());
            draw(&all, seed.parse().context("the seed is a number")?).into_iter().for_each(Summary::print);
            Ok(())
        }
        ["--break"] => break_documents(),
        _ => bail!("`cargo xtask prose` takes nothing, --list, --sample SEED, or --break"),
    }
}

fn check(all: &[Summary], list: bool) -> Result<()> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for summary in all {
        let (evasive, of) = counts.entry(summary.krate()).or_default();
        *of += 1;
        if summary.is_evasive() {
            *evasive += 1;
            if list {
                summary.print();
            }
        }
    }
    if list {
        counts.iter().for_each(|(krate, (evasive, of))| println!("{krate:<20} {evasive:>4} of {of:>4}"));
    }
    let evasive = all.iter().filter(|summary| summary.is_evasive()).count();
    let part = evasive * 1000 / all.len().max(1);
    eprintln!("xtask: {evasive} of {} doc summaries begin with one of {}", all.len(), EVASIVE.join(", "));
    let mut wrong = document_faults()?;
    wrong.extend(sentence_faults()?);
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    ensure!(
        part < LIMIT,
        "that is {} % or more; begin them with the item (CONTRIBUTING.md, `cargo xtask prose --list`)",
        LIMIT as f64 / 10.0
    );
    Ok(())
}

fn all_summaries() -> Result<Vec<Summary>> {
    let mut all = Vec::new();
    for file in tracked("*.rs")? {
        let source = read(&file)?;
        all.extend(summaries(&source).map(|(line, text)| Summary { file: file.clone(), line, text: text.to_owned() }));
    }
    Ok(all)
}

fn read(file: &str) -> Result<String> {
    std::fs::read_to_string(root().join(file)).with_context(|| format!("reading {file}"))
}

/// The first line of each block of doc comments, with its number.
fn summaries(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut before = None;
    source.lines().enumerate().filter_map(move |(index, line)| {
        let (mark, text) = doc_line(line).unzip();
        let is_first = mark.is_some() && mark != before;
        before = mark;
        text.filter(|text| is_first && !text.is_empty()).map(|text| (index + 1, text))
    })
}

/// The mark and the text of a line of a doc comment.
fn doc_line(line: &str) -> Option<(&'static str, &str)> {
    let line = line.trim_start();
    let found = ["///", "//!"].into_iter().find_map(|mark| Some((mark, line.strip_prefix(mark)?)));
    found.filter(|(_, rest)| !rest.starts_with('/')).map(|(mark, rest)| (mark, rest.trim()))
}

/// Draws twenty without repetition: the same ones for the same seed and the same summaries.
fn draw(all: &[Summary], seed: u64) -> Vec<&Summary> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut drawn = random.choose_multiple(all.iter(), 20);
    drawn.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
    drawn
}

/// Every line of a document that is too long, or that holds more than one sentence.
fn document_faults() -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for file in tracked("*.md")? {
        let document = read(&file)?;
        let faults = prose_lines(numbered(&document))
            .filter_map(|(line, text)| Some(format!("{file}:{line}: {}", fault(text)?)));
        wrong.extend(faults);
    }
    Ok(wrong)
}

/// Every sentence of a document, or of a doc comment of a `src` folder, that is too long or names no actor.
fn sentence_faults() -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut note = |file: &str, faults: Vec<(usize, String)>| {
        wrong.extend(faults.into_iter().map(|(line, fault)| format!("{file}:{line}: {fault}")));
    };
    for file in tracked("*.md")? {
        note(&file, sentences::faults(prose_lines(numbered(&read(&file)?))));
    }
    for file in tracked("*.rs")?.into_iter().filter(|file| file.contains("/src/")) {
        note(&file, sentences::faults(prose_lines(doc_lines(&read(&file)?))));
    }
    Ok(wrong)
}

fn break_documents() -> Result<()> {
    for file in tracked("*.md")? {
        let document = read(&file)?;
        let broken = broken(&document);
        if broken != document {
            std::fs::write(root().join(&file), broken).with_context(|| format!("writing {file}"))?;
        }
    }
    Ok(())
}

/// The document with each line of prose broken where a sentence ends, and where it would be too long.
fn broken(document: &str) -> String {
    let prose: BTreeMap<_, _> = prose_lines(numbered(document)).collect();
    let mut text = String::new();
    for (index, line) in document.lines().enumerate() {
        let mut rest = line.to_owned();
        while let Some(at) = prose.contains_key(&(index + 1)).then(|| place_to_break(&rest)).flatten() {
            let behind = rest[at..].trim_start().to_owned();
            text += rest[..at].trim_end();
            text.push('\n');
            rest = format!("{:1$}{behind}", "", indentation(line));
        }
        text += &rest;
        text.push('\n');
    }
    text
}

/// The columns before the text of a line, the mark of a list included.
fn indentation(line: &str) -> usize {
    let text = line.trim_start();
    let (mark, behind) = text.split_once(' ').unwrap_or_default();
    let is_mark =
        ["-", "*"].contains(&mark) || mark.strip_suffix('.').is_some_and(|number| number.parse::<u32>().is_ok());
    if is_mark { line.len() - behind.trim_start().len() } else { line.len() - text.len() }
}

/// Where to break a line: behind its first sentence, or before it is too long, behind a comma where there is one.
fn place_to_break(line: &str) -> Option<usize> {
    let covered = covered(line);
    if let Some(rest) = ends_inside(&covered) {
        return Some(covered.len() - rest.len());
    }
    if without_targets(line).chars().count() <= LINE {
        return None;
    }
    let spaces = || {
        covered
            .match_indices(' ')
            .map(|(at, _)| at)
            .filter(|at| covered[..*at].chars().count() <= LINE && *at > LINE / 3)
    };
    spaces().rfind(|at| covered[..*at].ends_with([',', ';', ':'])).or_else(|| spaces().next_back())
}

/// The line with code and the targets of links covered, byte by byte.
fn covered(line: &str) -> String {
    let (mut is_code, mut is_target) = (false, false);
    let mut before = ' ';
    let mut covered = String::with_capacity(line.len());
    for letter in line.chars() {
        is_code ^= letter == '`';
        is_target = if is_target { letter != ')' } else { !is_code && before == ']' && letter == '(' };
        before = letter;
        let hidden = (is_code || is_target) && letter != '`' && letter != '(';
        covered.push_str(&if hidden { "_".repeat(letter.len_utf8()) } else { letter.to_string() });
    }
    covered
}

/// The lines of a text with their numbers.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines())
}

/// The lines of doc comments with their numbers.
fn doc_lines(source: &str) -> impl Iterator<Item = (usize, &str)> {
    numbered(source).filter_map(|(number, line)| Some((number, doc_line(line)?.1)))
}

/// Those of the lines that are prose: no code, no table.
fn prose_lines<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> impl Iterator<Item = (usize, &'a str)> {
    let mut is_code = false;
    lines.filter_map(move |(number, line)| {
        let text = line.trim_start();
        let is_fence = text.starts_with("```");
        is_code ^= is_fence;
        (!is_code && !is_fence && !text.starts_with('|')).then_some((number, text))
    })
}

fn fault(line: &str) -> Option<String> {
    let plain = without_targets(line);
    let length = plain.chars().count();
    if length > LINE {
        return Some(format!("the line has {length} characters; break it, {LINE} is the greatest length"));
    }
    let rest = ends_inside(&covered(line)).map(str::len)?;
    let next: Vec<_> = line[line.len() - rest..].split_whitespace().take(3).collect();
    Some(format!("a sentence ends before `{}`; begin it on a line of its own", next.join(" ")))
}

/// The line without the targets of links.
fn without_targets(line: &str) -> String {
    let mut parts = line.split("](");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "]" + part.split_once(')').map_or("", |(_, rest)| rest))
}

/// Returns the rest of the text behind the end of a sentence, if one ends before the end of the text.
fn ends_inside(text: &str) -> Option<&str> {
    let mut words = text.split_inclusive([' ', '\n']).scan(0, |at, word| {
        *at += word.len();
        Some((*at, word.trim_end()))
    });
    words.find_map(|(at, word)| {
        let bare = word.trim_end_matches(['*', '_', ')', '"']);
        let stem = bare.strip_suffix(['.', '!', '?'])?.trim_start_matches('(');
        // The number of an item or of a heading: `1. `.
        let is_first = text.trim_start_matches(|letter: char| !letter.is_alphanumeric()).starts_with(word);
        let is_number = is_first && stem.chars().all(|letter| letter.is_ascii_digit());
        let is_initial =
            stem.len() <= 1 && !stem.chars().any(|letter| letter.is_lowercase() || letter.is_ascii_digit());
        let is_end = !is_number && !is_initial && !ABBREVIATIONS.contains(&stem);
        let rest = &text[at..];
        let next = rest.trim_start_matches(['*', '"', '[', '(']).chars().next();
        (is_end && next.is_some_and(|letter| letter.is_uppercase() || letter == '`')).then_some(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_each_doc_comment_is_its_summary() {
        let source = "//! A file.\n//! More.\n\n/// A type.\n///\n/// More.\n#[derive(Debug)]\nstruct A {\n    /// A field.\n    a: u8,\n}\n//// No doc.\n";
        assert_eq!(summaries(source).collect::<Vec<_>>(), [(1, "A file."), (4, "A type."), (9, "A field.")]);
    }

    #[test]
    fn a_summary_is_evasive_by_its_first_word() {
        for (text, expected) in [
            ("What it is.", true),
            ("As.", true),
            ("Its end.", true),
            ("Whatever.", false),
            ("Bytes.", false),
            ("[`What`] is.", false),
        ] {
            let summary = Summary { file: "crates/core/src/lib.rs".into(), line: 1, text: text.into() };
            assert_eq!((summary.is_evasive(), summary.krate()), (expected, "core"), "{text}");
        }
    }

    #[test]
    fn a_sentence_that_ends_inside_a_line_is_found_and_nothing_else() {
        for line in [
            "1. Run it.",
            "# 11. Run it.",
            "See e.g. Microsoft.",
            "Of `a. B` one.",
            "**P1 Never.**",
            "Rust 1.95 is needed.",
            "[a.](b. C) here.",
            "A. B",
            "Wait 2 s. and go.",
        ] {
            assert_eq!(fault(line), None, "{line}");
        }
        for line in [
            "It is. There it is.",
            "- Is it? Yes.",
            "**Never.** Not once.",
            "(Seen.) Then gone.",
            "It takes 2 s. Wait.",
            "It has 64. Wait.",
        ] {
            assert!(fault(line).is_some_and(|fault| fault.contains("ends before")), "{line}");
        }
        assert!(fault(&"x".repeat(161)).is_some_and(|fault| fault.contains("161")));
        assert_eq!(fault(&format!("[{}]({})", "x".repeat(150), "y".repeat(100))), None);
    }

    #[test]
    fn lines_are_broken_where_sentences_end_and_before_they_are_too_long() {
        let words = format!("- {}, {}\n", "a".repeat(100), "b ".repeat(50).trim_end());
        let half = format!("- {},\n  {}\n", "a".repeat(100), "b ".repeat(50).trim_end());
        for (document, expected) in [
            ("One. Two! Three?\n", "One.\nTwo!\nThree?\n"),
            ("  1. One. `two` three.\n", "  1. One.\n     `two` three.\n"),
            ("See [it. So](a. B).\n", "See [it.\nSo](a. B).\n"),
            ("```\nOne. Two.\n```\n", "```\nOne. Two.\n```\n"),
            (&words, &half),
        ] {
            assert_eq!(broken(document), expected);
            assert_eq!(broken(expected), expected);
        }
    }

    #[test]
    fn tables_and_code_are_no_prose() {
        let document = "One.\n```\nTwo. Three.\n```\n| a. B |\nFour.\n";
        assert_eq!(prose_lines(numbered(document)).map(|(line, _)| line).collect::<Vec<_>>(), [1, 6]);
    }

    #[test]
    fn the_same_seed_draws_the_same_twenty() {
        let all: Vec<_> = (0..100).map(|line| Summary { file: String::new(), line, text: String::new() }).collect();
        let lines = |seed| draw(&all, seed).iter().map(|summary| summary.line).collect::<Vec<_>>();
        assert_eq!(lines(7), lines(7));
        assert_eq!(lines(7).len(), 20);
        assert_ne!(lines(7), lines(8));
    }
}
