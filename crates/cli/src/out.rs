//! Output: text and tables for people, JSON for machines; colour only on a terminal.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use chaveiro_core::Timestamp;
use serde_json::{Value, json};

use crate::system;
use chaveiro_lang::{Lang, Stream, Text, columns, plain, prose, table, text};

/// Lays a table out: titles, rows, and the width of the terminal.
type Lay = fn(&[String], &[Vec<String>], Option<usize>) -> Vec<String>;

/// Where and how to print.
#[derive(Clone, Copy)]
pub(crate) struct Out {
    pub(crate) json: bool,
    pub(crate) lang: Lang,
    colour: bool,
}

impl Out {
    pub(crate) fn new(json: bool, lang: Lang) -> Self {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, lang, colour: colour && !json && system::shows_colour() }
    }

    /// One text for people, one value for machines.
    pub(crate) fn say(&self, text: Text, value: &Value) {
        match self.json {
            true => self.value(value),
            false => self.paragraph(&text.say(self.lang)),
        }
    }

    /// Sentences for people.
    pub(crate) fn text(&self, text: Text) {
        if !self.json {
            self.paragraph(&text.say(self.lang));
        }
    }

    /// A line for people, as it is.
    pub(crate) fn line(&self, line: &str) {
        // Writing fails if the reader of the pipe has ended. Then the rest has no reader.
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    /// A value for machines: one line of JSON.
    pub(crate) fn value(&self, value: &Value) {
        self.line(&value.to_string());
    }

    /// Something to know beside the output, which a pipe does not get.
    pub(crate) fn note(&self, text: Text) {
        if !self.json {
            return self.beside(&text.say(self.lang));
        }
        let words = json!({"note": text.to_string(), "code": text.id(), "arguments": text.facts()});
        let _ = writeln!(std::io::stderr(), "{words}");
    }

    /// A list: a table for people, a JSON array for machines. Columns are title and member.
    pub(crate) fn list(&self, columns: &[(Text, &str)], items: &[Value]) {
        if self.json {
            return self.value(&Value::from(items.to_vec()));
        }
        if items.is_empty() {
            return self.text(text!("nothing"));
        }
        self.line(&self.table(columns, items, table::lines));
    }

    /// A list that comes in pages.
    pub(crate) fn pages<'a>(&self, columns: &'a [(Text, &'a str)]) -> Pages<'a> {
        Pages { out: *self, columns, is_begun: false }
    }

    fn table(&self, columns: &[(Text, &str)], items: &[Value], lay: Lay) -> String {
        let titles: Vec<_> = columns.iter().map(|(title, _)| title.say(self.lang)).collect();
        let row = |item: &Value| columns.iter().map(|(_, member)| self.cell(member, &item[*member])).collect();
        let rows: Vec<Vec<_>> = items.iter().map(row).collect();
        lay(&titles, &rows, self.width()).join("\n")
    }

    /// The columns of the terminal that reads the output; `None` in a pipe.
    pub(crate) fn width(&self) -> Option<usize> {
        columns(Stream::Output)
    }

    /// Sentences for people, which wrap where the terminal ends; commands stay whole.
    pub(crate) fn paragraph(&self, text: &str) {
        prose(text, self.width()).iter().for_each(|line| self.line(line));
    }

    /// Sentences for people beside the output, which a pipe does not get.
    pub(crate) fn beside(&self, text: &str) {
        if !self.json {
            prose(text, columns(Stream::Errors)).iter().for_each(|line| drop(writeln!(std::io::stderr(), "{line}")));
        }
    }

    /// The moment that a value names.
    pub(crate) fn moment(&self, value: &Value) -> Option<Timestamp> {
        value.as_str()?.parse().ok()
    }

    pub(crate) fn bold(&self, text: &str) -> String {
        match self.colour {
            true => format!("{0}{text}{0:#}", Style::new().bold()),
            false => text.to_owned(),
        }
    }

    pub(crate) fn paint(&self, colour: AnsiColor, bold: bool, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let style = Style::new().fg_color(Some(colour.into()));
        let style = if bold { style.bold() } else { style };
        format!("{style}{text}{style:#}")
    }

    /// The value of that member as a person reads it: local times, and words for codes.
    pub(crate) fn cell(&self, member: &str, value: &Value) -> String {
        let words = |code: &str| text!("word", code = code).say(self.lang);
        let moment = |text: &str| text.parse().ok().map(|at: Timestamp| self.lang.moment(at));
        match value {
            Value::Null => "–".to_owned(),
            Value::String(text) if text.is_empty() => "–".to_owned(),
            Value::String(licence) if member == "licence" => match licence.strip_prefix("active until ") {
                Some(end) => text!("licence-until", at = moment(end).unwrap_or_else(|| end.to_owned())).say(self.lang),
                None if licence == "active" => text!("licence-active").say(self.lang),
                None => text!("licence-inactive").say(self.lang),
            },
            Value::String(code) if CODES.contains(&member) => words(code),
            Value::String(text) => moment(text).unwrap_or_else(|| plain(text).into_owned()),
            Value::Array(items) if items.is_empty() => "–".to_owned(),
            Value::Array(items) => items.iter().map(|item| self.cell(member, item)).collect::<Vec<_>>().join("\n"),
            Value::Bool(true) => text!("yes").say(self.lang),
            Value::Bool(false) => text!("no").say(self.lang),
            Value::Number(_) | Value::Object(_) => value.to_string(),
        }
    }
}

/// A list that is printed page by page: as one table for people, as one JSON array for machines.
pub(crate) struct Pages<'a> {
    out: Out,
    columns: &'a [(Text, &'a str)],
    is_begun: bool,
}

impl Pages<'_> {
    /// Prints a page. Returns false if the reader has gone, so that no further page is wanted.
    pub(crate) fn page(&mut self, items: &[Value]) -> bool {
        if items.is_empty() {
            return true;
        }
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        let text = match self.out.json {
            true => {
                let begin = if is_first { "[" } else { "," };
                format!("{begin}{}", items.iter().map(Value::to_string).collect::<Vec<_>>().join(",\n"))
            }
            false => self.out.table(self.columns, items, if is_first { table::lines } else { table::further }),
        };
        writeln!(std::io::stdout(), "{text}").is_ok()
    }

    /// Ends the list.
    pub(crate) fn end(self) {
        match (self.out.json, self.is_begun) {
            (true, true) => self.out.line("]"),
            (true, false) => self.out.line("[]"),
            (false, true) => {}
            (false, false) => self.out.text(text!("nothing")),
        }
    }
}

/// Members whose values are code words, which people read in their language.
const CODES: [&str; 6] = ["actionName", "actionState", "chaveiro_outcome", "kind", "managementState", "standing"];
