//! Text in lines of a width: no word is broken, and no command that a reader copies.

use unicode_width::UnicodeWidthStr;

/// A place where a long word may be broken: a break there has no sign.
pub(crate) const BREAK: char = '\u{200B}';

/// The programs whose commands messages name.
const PROGRAMS: [&str; 16] = [
    "apt-get",
    "chage",
    "chaveiro",
    "chaveiro-agent",
    "chmod",
    "chown",
    "cryptsetup",
    "curl",
    "echo",
    "passwd",
    "pip",
    "pwck",
    "python3",
    "sudo",
    "systemctl",
    "usermod",
];

/// A stream of this process that a person may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The standard output.
    Output,
    /// The standard error.
    Errors,
}

/// The columns of the terminal that shows a stream; `None` if no terminal does.
pub fn columns(stream: Stream) -> Option<usize> {
    // So narrow a terminal shows no line whole.
    const LEAST: u16 = 20;
    let size = match stream {
        Stream::Output => terminal_size::terminal_size_of(std::io::stdout()),
        Stream::Errors => terminal_size::terminal_size_of(std::io::stderr()),
    };
    size.map(|(columns, _)| usize::from(columns.0.max(LEAST)))
}

/// The text in lines of that width. Lines that it has stay, and a word that is wider has a line of its own.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    text.lines().flat_map(|line| filled(line.split(' '), width)).collect()
}

/// Sentences in lines of that width. A command that they name stays in one line, so that it can be copied. If it is wider, it has
/// a line of its own. The lines of a text that is indented are indented, too. Without a width nothing changes.
pub fn prose(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else { return text.lines().map(str::to_owned).collect() };
    let lines = text.lines().flat_map(|line| {
        let body = line.trim_start_matches(' ');
        let (indentation, _) = line.split_at(line.len() - body.len());
        let lines = filled(parts(body).into_iter(), width.saturating_sub(indentation.len()));
        lines.into_iter().map(move |line| format!("{indentation}{line}"))
    });
    lines.collect()
}

fn filled<'a>(parts: impl Iterator<Item = &'a str>, width: usize) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for part in parts {
        let mut space = if line.is_empty() { "" } else { " " };
        for piece in part.split(BREAK) {
            if !line.is_empty() && line.width() + space.len() + piece.width() > width {
                lines.push(std::mem::take(&mut line));
                space = "";
            }
            line = line + space + piece;
            space = "";
        }
    }
    lines.push(line);
    lines
}

/// The words of a line; a command, and what stands between backticks, is one of them.
fn parts(line: &str) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), line);
    let mut may_begin = true;
    while !rest.is_empty() {
        let length = match rest.starts_with('`') || (may_begin && is_command(rest)) {
            true => command_length(rest),
            false => rest.find(' ').unwrap_or(rest.len()),
        };
        let (part, after) = rest.split_at(length);
        // More than one space may lie between.
        may_begin = part.ends_with(':') || part.ends_with("&&") || (part.is_empty() && may_begin);
        parts.push(part);
        rest = after.strip_prefix(' ').unwrap_or(after);
        if after == " " {
            parts.push("");
        }
    }
    parts
}

fn is_command(text: &str) -> bool {
    let word = text.split(' ').next().unwrap_or_default();
    PROGRAMS.contains(&word)
}

/// The bytes of the command at the beginning of a text, with the sign that ends it and what touches that.
fn command_length(text: &str) -> usize {
    let is_code = text.starts_with('`');
    let (mut quote, mut before) = (None, ' ');
    for (at, sign) in text.char_indices() {
        match quote {
            Some(open) if sign == open => quote = None,
            Some(_) => {}
            None if "'\"`".contains(sign) => quote = Some(sign),
            // A comma, a full stop or a parenthesis ends a command in a sentence.
            None if sign == ' ' && (is_code || ",;.".contains(before) || text[at..].starts_with(" (")) => return at,
            None => {}
        }
        before = sign;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Lang, Text, Value};

    #[test]
    fn a_command_in_a_sentence_stays_in_one_line() {
        for (text, lines) in [
            ("one two three", &["one two", "three"][..]),
            (
                "it is open; look later with: chaveiro action X --show",
                &["it is", "open; look", "later", "with:", "chaveiro action X --show"],
            ),
            ("see: chaveiro role list, or add c", &["see:", "chaveiro role list,", "or add c"]),
            ("run: sudo -u 'a, b' chaveiro x. Then y", &["run:", "sudo -u 'a, b' chaveiro x.", "Then y"]),
            ("run `chaveiro role list` now", &["run", "`chaveiro role list`", "now"]),
            ("run:  curl -s a b c", &["run: ", "curl -s a b c"]),
            ("of chaveiro alone", &["of", "chaveiro", "alone"]),
            ("two\n  lines that are\n  curl -s a b c\nin", &["two", "  lines", "  that are", "  curl -s a b c", "in"]),
            ("", &[]),
        ] {
            assert_eq!(prose(text, Some(10)), lines, "{text}");
            assert_eq!(prose(text, None), text.lines().collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_message_is_wider_than_80_columns_and_none_loses_a_word() {
        let value = "ana.souza@contoso.example";
        for (lang, (id, _)) in Lang::all().flat_map(|lang| lang.messages().into_iter().map(move |one| (lang, one))) {
            let names = ["device", "user", "file", "directory", "id", "server", "data", "name", "app", "error"];
            let values = names.map(|name| (name.to_owned(), Value::from(value)));
            let Some(text) = Text::known(id.clone(), values) else { continue };
            let hint = text.hint(lang, &jiff::tz::TimeZone::UTC).unwrap_or_default();
            for said in [text.say(lang), hint] {
                let lines = prose(&said, Some(80));
                let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
                assert_eq!(words(&lines.join("\n")), words(&said), "{id}");
                for line in lines.iter().filter(|line| line.width() > 80) {
                    assert_eq!(parts(line.trim_start()).len(), 1, "{id} in {lang:?}: {line}");
                }
            }
        }
    }

    #[test]
    fn a_word_breaks_only_where_it_may_and_without_a_sign() {
        assert_eq!(wrapped("/users\u{200B}/7af0\u{200B}/devices", 12), ["/users/7af0", "/devices"]);
        assert_eq!(wrapped("palmada-enquanto mancha", 5), ["palmada-enquanto", "mancha"]);
        assert_eq!(wrapped("日本 日本", 4), ["日本", "日本"]);
    }
}
