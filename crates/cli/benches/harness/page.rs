//! The results for people: a table on the terminal, a page in Markdown, and a chart.

use std::fmt::Write;
use std::path::Path;

use super::results::{Aim, Row, Run, Spread, Table};

/// Prints a table as soon as its goal has been measured.
pub fn print(table: &Table) {
    println!("\n{}. {}", table.goal, table.title);
    for row in &table.rows {
        let ratio = table.ratio(row).map(|ratio| shown(ratio, "x ")).unwrap_or_default();
        let value = row.value().map(|value| shown(value, "")).unwrap_or_default();
        println!("  {:<64} {value:>28} {:<12} {ratio:<26} {}", row.name, row.unit, verdict(table, row));
    }
    for note in &table.notes {
        println!("  {note}");
    }
}

fn shown(spread: Spread, sign: &str) -> String {
    let [median, low, high] = [spread.median, spread.low, spread.high].map(number);
    format!("{sign}{median} ({low} to {high})")
}

/// Three digits that matter, and thousands apart.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let plain = format!("{value:.decimals$}");
    let digits = plain.trim_start_matches('-').split('.').next().unwrap_or_default().len();
    if digits <= 4 {
        return plain;
    }
    let (head, tail) = plain.split_at(plain.len() - digits);
    let mut grouped = head.to_owned();
    for (at, digit) in tail.chars().enumerate() {
        if at > 0 && (digits - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The aim, and whether it was reached.
fn verdict(table: &Table, row: &Row) -> String {
    let Some((aim, judged)) = row.aim.zip(table.judged(row)) else { return String::new() };
    format!("{aim} {}", if aim.is_met(judged.median) { "reached" } else { "missed" })
}

/// Writes `README.md` and `chart.svg`. With an earlier run, each ratio has the earlier one beside it.
pub fn write(directory: &Path, run: &Run, before: Option<&Run>) {
    std::fs::create_dir_all(directory).expect("a directory");
    std::fs::write(directory.join("README.md"), markdown(run, before)).expect("written");
    std::fs::write(directory.join("chart.svg"), chart(run, before)).expect("written");
}

const ABOUT: &str = "# Benchmarks

`cargo xtask bench` wrote this page from `results.json`.
Each goal is measured beside a yardstick in the same run, round after round, because machines differ and drift.
A value is the median of the rounds with the lowest and the highest behind it; a ratio compares each round with itself.

![The ratios beside their goals](chart.svg)

";

const HOW: &str = "## How to run it

```sh
cargo xtask bench                        # every goal, and this directory anew
cargo xtask bench accepts recoveries     # these goals alone; the page goes to target/bench
cargo xtask bench --scale medium         # less work; the page goes to target/bench
cargo xtask bench --before old.json      # with the ratios of an earlier results.json beside
cargo xtask bench mixed --devices 1000000 --minutes 10
```

Servers and clients share the processors of one machine, over loopback.
Close everything else first; the load before the run stands above.
[profile.md](profile.md) says where the remaining time goes, and why a goal is missed.
";

fn markdown(run: &Run, before: Option<&Run>) -> String {
    let mut text = ABOUT.to_owned();
    text.push_str("## Conditions\n\n");
    let facts = [("commit", &run.commit), ("date", &run.date), ("amount of work", &run.scale)];
    for (name, value) in facts.into_iter().chain(run.machine.iter().map(|(name, value)| (name.as_str(), value))) {
        let _ = writeln!(text, "- {name}: {value}");
    }
    let _ = writeln!(text, "- rounds: {}", run.rounds);
    if !run.note.is_empty() {
        let _ = writeln!(text, "- note: {}", run.note);
    }
    if let Some(before) = before {
        let _ = writeln!(text, "- before: commit {}, {}", before.commit, before.date);
    }
    for table in &run.tables {
        let _ = writeln!(text, "\n## {}. {}\n", table.goal, table.title);
        for note in &table.notes {
            let _ = writeln!(text, "{note}");
        }
        let (head, line) = if before.is_some() { (" before |", "---|") } else { ("", "") };
        let _ = writeln!(text, "\n| row | value | unit | ratio |{head} goal |\n|---|---|---|---|{line}---|");
        for row in &table.rows {
            text.push_str(&markdown_row(table, row, before));
        }
    }
    text.push('\n');
    text.push_str(HOW);
    text
}

fn markdown_row(table: &Table, row: &Row, before: Option<&Run>) -> String {
    let value = row.value().map(|value| shown(value, "")).unwrap_or_default();
    let beside = row.over.as_ref().map(|over| format!(" of {over}")).unwrap_or_default();
    let ratio = table.ratio(row).map(|ratio| shown(ratio, "") + &beside).unwrap_or_default();
    let earlier = before.map(|before| {
        let judged = before.judged(&table.title, &row.name);
        format!(" {} |", judged.map(|judged| shown(judged, "")).unwrap_or_default())
    });
    let (earlier, verdict) = (earlier.unwrap_or_default(), verdict(table, row));
    format!("| {} | {value} | {} | {ratio} |{earlier} {verdict} |\n", row.name, row.unit)
}

/// A bar of the chart: how far a row is from its goal, on a scale where the goal is 1 and more is better.
struct Bar {
    label: String,
    reached: f64,
    before: Option<f64>,
    text: String,
}

const WIDTH: f64 = 960.0;
const LABELS: f64 = 470.0;
const HEIGHT: f64 = 26.0;
/// The end of the axis, in goals.
const MOST: f64 = 2.0;

fn score(aim: Aim, value: f64) -> f64 {
    match aim {
        Aim::AtLeast(bound) => value / bound,
        Aim::AtMost(bound) => bound / value,
    }
}

fn chart(run: &Run, before: Option<&Run>) -> String {
    let bars: Vec<_> = run.tables.iter().flat_map(|table| bars(table, before)).collect();
    let (height, unit) = (HEIGHT * bars.len() as f64 + 60.0, (WIDTH - LABELS - 120.0) / MOST);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
        font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
        <text x=\"8\" y=\"20\" font-weight=\"bold\">Beside the goal (the line): longer is better</text>\n"
    );
    for (at, bar) in bars.iter().enumerate() {
        let top = 36.0 + HEIGHT * at as f64;
        let length = |score: f64| unit * score.min(MOST);
        let colour = if bar.reached >= 1.0 { "#2e7d32" } else { "#c0632b" };
        let _ = writeln!(svg, "<text x=\"8\" y=\"{:.0}\">{}</text>", top + 15.0, escaped(&bar.label));
        let _ = writeln!(
            svg,
            "<rect x=\"{LABELS}\" y=\"{top:.0}\" width=\"{:.1}\" height=\"16\" fill=\"{colour}\"/>",
            length(bar.reached)
        );
        if let Some(before) = bar.before {
            let _ = writeln!(
                svg,
                "<rect x=\"{LABELS}\" y=\"{:.0}\" width=\"{:.1}\" height=\"4\" fill=\"#555\"/>",
                top + 17.0,
                length(before)
            );
        }
        let end = LABELS + length(bar.reached) + 6.0;
        let _ = writeln!(svg, "<text x=\"{end:.0}\" y=\"{:.0}\">{}</text>", top + 13.0, escaped(&bar.text));
    }
    let goal = LABELS + unit;
    let _ = writeln!(
        svg,
        "<line x1=\"{goal}\" x2=\"{goal}\" y1=\"30\" y2=\"{:.0}\" stroke=\"black\" stroke-dasharray=\"4\"/>\n</svg>",
        height - 20.0
    );
    svg
}

fn bars(table: &Table, before: Option<&Run>) -> Vec<Bar> {
    let bar = |row: &Row| {
        let aim = row.aim?;
        let value = table.judged(row)?.median;
        let earlier = before.and_then(|before| before.judged(&table.title, &row.name));
        Some(Bar {
            label: format!("{}. {}", table.goal, row.name),
            reached: score(aim, value),
            before: earlier.map(|earlier| score(aim, earlier.median)),
            text: format!("{} (goal {aim})", number(value)),
        })
    };
    table.rows.iter().filter_map(bar).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
