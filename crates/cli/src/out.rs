//! Output: text and tables for people, JSON for machines; colour only on a terminal.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::Table;
use comfy_table::presets::{NOTHING, UTF8_HORIZONTAL_ONLY};
use serde_json::Value;

use crate::text::{Text, title_in};
use chaveiro_lang::Lang;

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
        Self { json, lang, colour: colour && !json }
    }

    /// One text for people, one value for machines.
    pub(crate) fn say(&self, text: Text, places: &[&str], value: &Value) {
        match self.json {
            true => self.value(value),
            false => self.line(&text.say(self.lang, places)),
        }
    }

    /// A line for people.
    pub(crate) fn text(&self, text: Text, places: &[&str]) {
        if !self.json {
            self.line(&text.say(self.lang, places));
        }
    }

    /// A line for people, as it is.
    pub(crate) fn line(&self, line: &str) {
        // Who closed the pipe does not want to read on.
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    /// A value for machines: one line of JSON.
    pub(crate) fn value(&self, value: &Value) {
        self.line(&value.to_string());
    }

    /// A list: a table for people, a JSON array for machines. Columns are title and member.
    pub(crate) fn list(&self, columns: &[(&str, &str)], items: &[Value]) {
        if self.json {
            return self.value(&Value::from(items.to_vec()));
        }
        if items.is_empty() {
            return self.text(Text::Nothing, &[]);
        }
        let mut table = Table::new();
        table.load_style(if std::io::stdout().is_terminal() { UTF8_HORIZONTAL_ONLY } else { NOTHING });
        table.set_header(columns.iter().map(|(title, _)| title_in(self.lang, title)));
        for item in items {
            table.add_row(columns.iter().map(|(_, member)| cell(&item[*member])));
        }
        self.line(&table.to_string());
    }

    pub(crate) fn paint(&self, colour: AnsiColor, bold: bool, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let style = Style::new().fg_color(Some(colour.into()));
        let style = if bold { style.bold() } else { style };
        format!("{style}{text}{style:#}")
    }
}

/// A moment as messages say it, without what nobody reads.
pub(crate) fn moment(text: &str) -> Option<String> {
    let at: chaveiro_core::Timestamp = text.parse().ok()?;
    Some(at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// A value as a person reads it.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => moment(text).unwrap_or_else(|| text.clone()),
        Value::Array(items) if items.is_empty() => "–".to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join("\n"),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
