//! Text in the columns of a terminal: no line is wider, and no word is broken.
//!
//! A table that is too wide first wraps the words of its cells. If that does not suffice, its widest columns go below each
//! row, with their titles:
//!
//! ```text
//! Name      User               Last sync
//! ───────────────────────────────────────
//! ANA-LT1   ana@contoso.test   2026-11-27
//!   Id  6f8f57715090da2632453988d9a1501b
//! ```

use unicode_width::UnicodeWidthStr;

use crate::wrap::{BREAK, wrapped};

/// The columns between two cells.
const GAP: usize = 2;

/// The columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text, and spaces up to that width.
pub fn padded(text: &str, width: usize) -> String {
    let room = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(room))
}

/// A paragraph in lines of that width, all behind an indentation.
pub fn indented(text: &str, indentation: &str, width: Option<usize>) -> Vec<String> {
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(indentation.width()));
    wrapped(text, room).into_iter().map(|line| format!("{indentation}{line}")).collect()
}

/// A title and its value; a value that wraps stays beside its title. One with a word that is too wide stays a line, so that
/// it can be copied.
pub fn entry(title: &str, value: &str, indentation: &str, width: Option<usize>) -> Vec<String> {
    let head = format!("{indentation}{title}");
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(head.width()));
    let is_copied = value.split([' ', '\n']).any(|word| word.width() > room);
    let lines = if is_copied { value.lines().map(str::to_owned).collect() } else { wrapped(value, room) };
    let line = |(number, line): (usize, String)| match number {
        0 => format!("{head}{line}"),
        _ => format!("{}{line}", " ".repeat(head.width())),
    };
    lines.into_iter().enumerate().map(line).collect()
}

/// The lines of a table. Without a width each row is one line for each line of its cells. With one, the titles are underlined.
pub fn lines(titles: &[String], rows: &[Vec<String>], width: Option<usize>) -> Vec<String> {
    let layout = Layout::of(titles, rows, width);
    let mut lines = side_by_side(&layout.beside, titles);
    if width.is_some() {
        let total: usize = layout.beside.iter().map(|column| column.width).sum();
        lines.push("─".repeat(total + GAP * layout.beside.len().saturating_sub(1)));
    }
    lines.extend(layout.rows(titles, rows, width));
    lines
}

/// The lines of a further page of a table, whose titles stand above the first page.
pub fn further(titles: &[String], rows: &[Vec<String>], width: Option<usize>) -> Vec<String> {
    Layout::of(titles, rows, width).rows(titles, rows, width)
}

/// The places of the columns.
struct Layout {
    beside: Vec<Column>,
    /// Columns below each row.
    below: Vec<usize>,
}

/// A column beside others.
struct Column {
    index: usize,
    width: usize,
    /// The width of the widest word.
    least: usize,
    /// The width of the widest cell.
    most: usize,
}

impl Layout {
    fn of(titles: &[String], rows: &[Vec<String>], width: Option<usize>) -> Self {
        let column = |index: usize| {
            let cells = || titles.get(index).into_iter().chain(rows.iter().filter_map(move |row| row.get(index)));
            let words = cells().flat_map(|cell| cell.split([' ', '\n', BREAK]));
            let least = words.map(str::width).max().unwrap_or_default();
            let most = cells().flat_map(|cell| cell.lines()).map(str::width).max().unwrap_or_default();
            Column { index, width: most, least, most }
        };
        let mut beside: Vec<_> = (0..titles.len()).map(column).collect();
        let mut below = Vec::new();
        if let Some(width) = width {
            while beside.len() > 1 && room(&beside, width, |column| column.least).is_none() {
                let widest = beside.iter().enumerate().max_by_key(|(_, column)| column.least).map(|(at, _)| at);
                below.extend(widest.map(|at| beside.remove(at).index));
            }
            below.sort_unstable();
            spread(&mut beside, width);
        }
        Self { beside, below }
    }

    /// The lines of the rows.
    fn rows(&self, titles: &[String], rows: &[Vec<String>], width: Option<usize>) -> Vec<String> {
        let mut lines = Vec::new();
        for cells in rows {
            lines.extend(side_by_side(&self.beside, cells));
            for column in &self.below {
                let cell = cells.get(*column).map(String::as_str).unwrap_or_default();
                let title = titles.get(*column).map(|title| format!("{title}{}", " ".repeat(GAP))).unwrap_or_default();
                lines.extend(entry(&title, cell, "  ", width));
            }
        }
        lines
    }
}

/// The columns that remain, if the widths fit.
fn room(columns: &[Column], width: usize, of: fn(&Column) -> usize) -> Option<usize> {
    let taken: usize = columns.iter().map(of).sum::<usize>() + GAP * columns.len().saturating_sub(1);
    width.checked_sub(taken)
}

/// Gives each column its width: what it wants if that fits, and else what it needs and a share of the rest.
fn spread(columns: &mut [Column], width: usize) {
    if room(columns, width, |column| column.most).is_some() {
        return;
    }
    columns.iter_mut().for_each(|column| column.width = column.least);
    for _ in 0..room(columns, width, |column| column.width).unwrap_or_default() {
        if let Some(neediest) = columns.iter_mut().max_by_key(|column| column.most - column.width) {
            neediest.width = (neediest.width + 1).min(neediest.most);
        }
    }
}

fn side_by_side(columns: &[Column], cells: &[String]) -> Vec<String> {
    let cell = |column: &Column| wrapped(cells.get(column.index).map_or("", String::as_str), column.width);
    let cells: Vec<_> = columns.iter().map(cell).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or_default().max(1);
    let line = |number: usize| {
        let parts = columns.iter().zip(&cells).map(|(column, lines)| {
            let text = lines.get(number).map_or("", String::as_str);
            padded(text, column.width)
        });
        parts.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6f8f5771-5090-4da2-a324-53988d9a1501";

    fn texts(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn a_table_without_a_width_is_a_line_for_each_row() {
        let rows = [texts(&["ANA-LT1", ID, "a\nb"]), texts(&["X", "–", ""])];
        let told = lines(&texts(&["Name", "Id", "Tags"]), &rows, None);
        let id = " ".repeat(34);
        let second = format!("ANA-LT1  {ID}  a");
        assert_eq!(told, [&format!("Name     Id{id}  Tags"), &second, &format!("{}b", " ".repeat(47)), "X        –"]);
    }

    #[test]
    fn words_wrap_before_a_column_goes_below_the_row() {
        let titles = texts(&["Name", "What to do", "Id"]);
        let rows = [texts(&["ANA-LT1", "free one of the key slots first", ID])];
        assert_eq!(
            lines(&titles, &rows, Some(60)),
            [
                "Name     What to do     Id".to_owned(),
                "─".repeat(60),
                format!("ANA-LT1  free one of    {ID}"),
                "         the key slots".to_owned(),
                "         first".to_owned(),
            ]
        );
        assert_eq!(
            lines(&titles, &rows, Some(44)),
            [
                "Name     What to do",
                &"─".repeat(40),
                "ANA-LT1  free one of the key slots first",
                &format!("  Id  {ID}"),
            ]
        );
    }

    #[test]
    fn no_line_is_too_wide_and_no_word_is_broken_at_any_width() {
        let titles = texts(&["Name", "User", "Why not", "Last sync", "Id"]);
        let row = ["ANA-LT1", "ana.souza@contoso.example", "the account is locked", "2026-11-27 10:57 UTC", ID];
        for width in 42..200 {
            let told = lines(&titles, &[texts(&row)], Some(width));
            assert!(told.iter().all(|line| super::width(line) <= width), "{width}: {told:#?}");
            let words: Vec<_> = told.iter().flat_map(|line| line.split_whitespace()).collect();
            assert!(row.iter().flat_map(|cell| cell.split(' ')).all(|word| words.contains(&word)), "{told:#?}");
        }
    }

    #[test]
    fn a_value_that_is_copied_stays_a_line_and_another_wraps_beside_its_title() {
        assert_eq!(
            entry("Line  ", "p256 BJ43PIKyuZaKoqv server", "  ", Some(20)),
            ["  Line  p256 BJ43PIKyuZaKoqv server"]
        );
        assert_eq!(entry("Of  ", "two words", "  ", Some(12)), ["  Of  two", "      words"]);
    }

    #[test]
    fn wide_letters_count_as_the_terminal_counts_them() {
        let told = lines(&texts(&["A", "B"]), &[texts(&["日本", "x"]), texts(&["é", "y"])], None);
        assert_eq!(told, ["A     B", "日本  x", "é     y"]);
    }
}
