//! The yardstick of everything that writes: the same rows as the product's, written by nothing but SQLite.
//!
//! The rows are learnt: a workload runs on the product, and the database is compared with a copy from before. They are
//! written into such a copy again, with every index, foreign key and promise of durability; statements are prepared
//! once, callers wait for their commit, and whatever waits is committed together.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Statement, params_from_iter};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::process::Cpu;

/// The most units in one commit, as in the store.
const GROUP: usize = 256;

/// Rows that a workload has left, in an order in which foreign keys hold.
pub struct Rows(Vec<Grown>);

/// The new rows of one table.
struct Grown {
    table: String,
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    /// The action that each row belongs to, in rising order; nothing in tables that know no actions.
    actions: Vec<Option<i64>>,
}

impl Rows {
    /// The rows that `after` has and `before` lacks.
    pub fn between(before: &Path, after: &Path) -> Self {
        let connection = Connection::open(after).expect("a database");
        connection.execute("ATTACH ? AS before", [before.to_str().expect("text")]).expect("attached");
        let mut waiting: Vec<_> = names(&connection, "SELECT name FROM sqlite_schema WHERE type = 'table'", "")
            .into_iter()
            .filter(|table| !table.starts_with("sqlite_") && table != "mark")
            .filter_map(|table| Grown::between(&connection, table))
            .collect();
        let mut ordered = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let is_parent = |grown: &Grown| {
                let parents = names(&connection, "SELECT \"table\" FROM pragma_foreign_key_list(?1)", &grown.table);
                let mut others = waiting.iter().filter(|other| other.table != grown.table);
                !others.any(|other| parents.contains(&other.table))
            };
            let next = waiting.iter().position(is_parent).expect("no circle of foreign keys");
            ordered.push(waiting.remove(next));
        }
        Self(ordered)
    }

    /// Drops the rows of all other tables.
    pub fn only(mut self, tables: &[&str]) -> Self {
        self.0.retain(|grown| tables.contains(&grown.table.as_str()));
        self
    }

    /// Lets the rows of that table begin with that value; updates lead to the last one.
    pub fn beginning(mut self, table: &str, column: &str, value: &str) -> Self {
        let grown = self.0.iter_mut().find(|grown| grown.table == table).expect("a table that has grown");
        let at = grown.column(column);
        grown.rows.iter_mut().for_each(|row| row[at] = Value::Text(value.to_owned()));
        self
    }

    /// The tables, with the number of their rows for each unit.
    pub fn each(&self, units: usize) -> Vec<(String, f64)> {
        self.0.iter().map(|grown| (grown.table.clone(), grown.rows.len() as f64 / units as f64)).collect()
    }

    fn at(&self, table: &str) -> usize {
        self.0.iter().position(|grown| grown.table == table).expect("a table that has grown")
    }
}

impl Grown {
    fn between(connection: &Connection, table: String) -> Option<Self> {
        // Generated columns are not in this list.
        let columns = names(connection, "SELECT name FROM pragma_table_info(?1)", &table);
        let list = columns.join(", ");
        let has = |name: &str| columns.iter().any(|column| column == name);
        let action = match (table.as_str(), has("action"), has("secret")) {
            ("action", ..) => "n.row",
            (_, true, _) => "n.action",
            (_, false, true) => "(SELECT s.action FROM main.secret s WHERE s.row = n.secret)",
            (_, false, false) => "NULL",
        };
        // Rows that were there and have changed since are not new.
        let only = match &names(connection, "SELECT name FROM pragma_table_info(?1) WHERE pk > 0", &table)[..] {
            [key] => format!("WHERE {key} NOT IN (SELECT {key} FROM before.{table})"),
            _ => String::new(),
        };
        let new = format!("SELECT {list} FROM main.{table} {only} EXCEPT SELECT {list} FROM before.{table}");
        let count = |database: &str| -> i64 {
            let sql = format!("SELECT count(*) FROM {database}.{table}");
            connection.query_row(&sql, [], |row| row.get(0)).expect("counted")
        };
        if count("main") == count("before") {
            return None;
        }
        let sql = format!("SELECT {action}, n.* FROM ({new}) n ORDER BY 1, 2");
        let mut statement = connection.prepare(&sql).expect("a query");
        let row = |row: &rusqlite::Row<'_>| {
            let values = (1..=columns.len()).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<_>>>()?;
            Ok((row.get(0)?, values))
        };
        let rows: Vec<(Option<i64>, _)> = statement.query_map([], row).expect("rows").flatten().collect();
        drop(statement);
        // What a device was asked beside is no part of the workload.
        let is_shared = rows.iter().all(|(action, _)| action.is_none());
        let of_actions = rows.into_iter().filter(|(action, _)| is_shared || action.is_some());
        let (actions, rows) = of_actions.unzip();
        Some(Self { table, columns, rows, actions })
    }

    /// The rows of each unit: those of its action, or an equal share where rows know no action.
    fn of_units(&self, actions: &[Option<i64>]) -> Vec<&[Vec<Value>]> {
        let (count, units) = (self.rows.len(), actions.len());
        let is_shared = self.actions.iter().all(Option::is_none);
        let end = |unit: usize| match is_shared {
            true => (unit + 1) * count / units,
            false if unit + 1 == units => count,
            false => self.actions.partition_point(|action| *action <= actions[unit]),
        };
        let begin = |unit: usize| unit.checked_sub(1).map_or(0, end);
        (0..units).map(|unit| &self.rows[begin(unit)..end(unit)]).collect()
    }

    fn column(&self, name: &str) -> usize {
        self.columns.iter().position(|column| column == name).expect("a column")
    }

    fn insert(&self) -> String {
        let places = vec!["?"; self.columns.len()].join(", ");
        format!("INSERT INTO {} ({}) VALUES ({places})", self.table, self.columns.join(", "))
    }
}

fn names(connection: &Connection, sql: &str, about: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).expect("a query");
    let parameters = (statement.parameter_count() > 0).then_some(about);
    let names = statement.query_map(params_from_iter(parameters), |row| row.get(0)).expect("names");
    names.collect::<Result<_, _>>().expect("names")
}

/// One unit of work of a workload. Each unit of the same number inserts rows of the same place.
#[derive(Default)]
pub struct Step {
    /// A table, and which part of its rows for one number is inserted: the second of four is (1, 4).
    pub inserts: Vec<(String, usize, usize)>,
    /// A statement whose parameter is the value of a column in the inserted row of a table.
    pub updates: Vec<Update>,
}

pub struct Update {
    pub sql: String,
    pub table: &'static str,
    pub column: &'static str,
}

/// A copy of a database, and the thread that writes rows into it.
pub struct Raw {
    queue: Option<Sender<(usize, usize, oneshot::Sender<()>)>>,
    thread: Option<JoinHandle<f64>>,
    file: PathBuf,
    _directory: TempDir,
}

impl Raw {
    /// Copies that database, and prepares every statement. There is a unit for each action among the rows.
    pub fn open(before: &Path, rows: Rows, steps: Vec<Step>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("raw.db");
        copy(before, &file);
        let (queue, waiting) = channel();
        let (name, path) = ("raw-writer".to_owned(), file.clone());
        let write = move || {
            let connection = Connection::open(path).expect("a database");
            connection
                .execute_batch(
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
                    PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536;",
                )
                .expect("settings");
            let mut writer = Writer::new(&connection, &rows, &steps);
            let begun = Cpu::of_this_thread();
            while let Ok(first) = waiting.recv() {
                let group: Vec<_> = std::iter::once(first).chain(waiting.try_iter().take(GROUP - 1)).collect();
                writer.commit(&group);
                for (.., answer) in group {
                    let _ = answer.send(());
                }
            }
            Cpu::of_this_thread() - begun
        };
        let thread = std::thread::Builder::new().name(name).spawn(write).expect("a thread");
        Self { queue: Some(queue), thread: Some(thread), file, _directory: directory }
    }

    /// Hands in units. Each call of the result returns when its unit is durable.
    pub fn hand(&self) -> Hand {
        Hand(self.queue.clone().expect("open"))
    }

    /// Waits until everything is written. Returns the processor time of the writer in seconds.
    pub fn finish(mut self) -> f64 {
        self.queue = None;
        self.thread.take().expect("a thread").join().expect("written")
    }

    /// The number of rows in those tables.
    pub fn count(&self, tables: &[&str]) -> usize {
        let connection = Connection::open_with_flags(&self.file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database");
        let count = |table: &&str| -> i64 {
            let sql = format!("SELECT count(*) FROM {table}");
            connection.query_row(&sql, [], |row| row.get(0)).expect("counted")
        };
        tables.iter().map(count).sum::<i64>() as usize
    }
}

/// A caller's end of the queue.
#[derive(Clone)]
pub struct Hand(Sender<(usize, usize, oneshot::Sender<()>)>);

impl Hand {
    pub async fn write(&self, number: usize, step: usize) {
        let (answer, answered) = oneshot::channel();
        self.0.send((number, step, answer)).expect("the writer");
        answered.await.expect("durable");
    }
}

/// The statements of each step with the rows that they take.
struct Writer<'a> {
    begin: Statement<'a>,
    mark: Statement<'a>,
    commit: Statement<'a>,
    steps: Vec<Vec<Prepared<'a>>>,
}

struct Prepared<'a> {
    statement: Statement<'a>,
    /// The rows of each unit.
    rows: Vec<&'a [Vec<Value>]>,
    part: (usize, usize),
    /// The only column that is a parameter; all of them in an insertion.
    column: Option<usize>,
}

impl<'a> Writer<'a> {
    fn new(connection: &'a Connection, rows: &'a Rows, steps: &[Step]) -> Self {
        let actions = &rows.0[rows.at("action")].actions;
        let prepare = |sql: &str| connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let insertion = |(table, part, parts): &(String, usize, usize)| {
            let grown = &rows.0[rows.at(table)];
            Prepared {
                statement: prepare(&grown.insert()),
                rows: grown.of_units(actions),
                part: (*part, *parts),
                column: None,
            }
        };
        let update = |update: &Update| {
            let grown = &rows.0[rows.at(update.table)];
            let column = Some(grown.column(update.column));
            Prepared { statement: prepare(&update.sql), rows: grown.of_units(actions), part: (0, 1), column }
        };
        let step = |step: &Step| {
            let mut inserts: Vec<_> = step.inserts.iter().collect();
            inserts.sort_by_key(|(table, ..)| rows.at(table));
            inserts.into_iter().map(insertion).chain(step.updates.iter().map(update)).collect()
        };
        Self {
            begin: prepare("BEGIN IMMEDIATE"),
            mark: prepare("UPDATE mark SET commits = commits + 1"),
            commit: prepare("COMMIT"),
            steps: steps.iter().map(step).collect(),
        }
    }

    fn commit(&mut self, group: &[(usize, usize, oneshot::Sender<()>)]) {
        self.begin.raw_execute().expect("begun");
        for (number, step, _) in group {
            for prepared in &mut self.steps[*step] {
                prepared.run(*number);
            }
        }
        self.mark.raw_execute().expect("marked");
        self.commit.raw_execute().expect("committed");
    }
}

impl Prepared<'_> {
    fn run(&mut self, number: usize) {
        let of_unit = self.rows[number];
        let (part, parts) = self.part;
        for row in &of_unit[part * of_unit.len() / parts..(part + 1) * of_unit.len() / parts] {
            let done = match self.column {
                None => self.statement.execute(params_from_iter(row)),
                Some(column) => self.statement.execute([&row[column]]),
            };
            done.expect("written");
        }
    }
}

/// Copies a database that no process has open, with its log.
pub fn copy(from: &Path, to: &Path) {
    let log = |file: &Path| PathBuf::from(format!("{}-wal", file.display()));
    std::fs::copy(from, to).expect("copied");
    if log(from).exists() {
        std::fs::copy(log(from), log(to)).expect("copied");
    }
}
