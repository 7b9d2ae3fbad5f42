//! Reading the text of an option, with positions for errors.

use super::detail::{Awaited, Detail, Found, detail};
use super::error::QueryError;

/// The characters that may stand between words.
const SPACES: [char; 2] = [' ', '\t'];

/// The rest of a text. Positions are characters, from 1, of the option's decoded value.
#[derive(Clone, Debug)]
pub(super) struct Scan<'a> {
    option: &'static str,
    rest: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(option: &'static str, text: &'a str) -> Self {
        Self { option, rest: text, at: 1 }
    }

    /// The option whose value is read.
    pub(super) fn option(&self) -> &'static str {
        self.option
    }

    /// The position of what comes next, behind spaces.
    pub(super) fn at(&mut self) -> usize {
        self.spaces();
        self.at
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.spaces();
        self.rest.is_empty()
    }

    pub(super) fn problem(&self, at: usize, problem: Detail) -> QueryError {
        QueryError::Syntax { option: self.option, at, problem }
    }

    /// The error that something else should stand here.
    pub(super) fn expected(&mut self, Awaited(code, words): Awaited) -> QueryError {
        let at = self.at();
        let found = self.found();
        let mut problem = detail!("expected", "expected {expected}, found {found}", expected = words, found = found);
        problem.values.retain(|(name, _)| *name != "expected");
        problem.values.push(("expected", code.into()));
        self.problem(at, problem)
    }

    /// The text that comes next, for errors.
    pub(super) fn found(&mut self) -> Found {
        self.spaces();
        let shown: String = self.rest.chars().take_while(|c| !c.is_whitespace()).take(20).collect();
        Found(Some(shown).filter(|shown| !shown.is_empty()))
    }

    fn spaces(&mut self) {
        let trimmed = self.rest.trim_start_matches(SPACES);
        self.at += self.rest.len() - trimmed.len();
        self.rest = trimmed;
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.at += taken.chars().count();
        self.rest = rest;
        taken
    }

    /// That character, if it comes next.
    pub(super) fn sign(&mut self, sign: char) -> bool {
        self.spaces();
        let found = self.rest.starts_with(sign);
        if found {
            self.take(sign.len_utf8());
        }
        found
    }

    /// Returns true if that character comes next, without a space before it.
    pub(super) fn touches(&self, sign: char) -> bool {
        self.rest.starts_with(sign)
    }

    pub(super) fn need(&mut self, sign: char, what: Awaited) -> Result<(), QueryError> {
        if self.sign(sign) { Ok(()) } else { Err(self.expected(what)) }
    }

    /// The run of characters that names, numbers and dates are made of; empty when something else comes next.
    pub(super) fn word(&mut self) -> &'a str {
        self.spaces();
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.:+-$@*".contains(c);
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        self.take(end)
    }

    /// The same as far as a name goes: a colon ends it.
    pub(super) fn name(&mut self) -> &'a str {
        self.spaces();
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.$@*".contains(c);
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        self.take(end)
    }

    /// Everything up to a space.
    pub(super) fn until_space(&mut self) -> &'a str {
        self.spaces();
        let end = self.rest.find(SPACES).unwrap_or(self.rest.len());
        self.take(end)
    }

    /// That word, in any case, if it comes next.
    pub(super) fn keyword(&mut self, keyword: &str) -> bool {
        let mut ahead = self.clone();
        let found = ahead.name().eq_ignore_ascii_case(keyword);
        if found {
            *self = ahead;
        }
        found
    }

    /// The content of a quoted text whose quote comes next; a quote inside is doubled.
    pub(super) fn quoted(&mut self, quote: char) -> Result<String, QueryError> {
        let at = self.at();
        self.need(quote, Awaited("quotedText", "a text in quotes"))?;
        let mut text = String::new();
        loop {
            let Some(end) = self.rest.find(quote) else {
                return Err(self.problem(at, detail!("quoteOpen", "the quote that opens here is not closed")));
            };
            text.push_str(self.take(end));
            self.take(quote.len_utf8());
            if !self.touches(quote) {
                break;
            }
            text.push(quote);
            self.take(quote.len_utf8());
        }
        match text.chars().any(char::is_control) {
            true => {
                let problem = detail!("controlCharacter", "control characters are not supported in a text");
                Err(self.problem(at, problem))
            }
            false => Ok(text),
        }
    }
}
