//! The conformance suite on PostgreSQL: each case is a test, and another one in which every unit of work is undone once and
//! run again. Beside them are the cases that concern PostgreSQL alone, which need the same server.

mod cluster;
mod own;

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chaveiro_core::ports::{RowPlace, Store};
use chaveiro_store_conformance::{Backend, Check, cases};
use chaveiro_store_postgres::{Files, Options, PostgresStore, Target};
use cluster::cluster;
use libtest_mimic::{Arguments, Trial};
use tempfile::TempDir;

/// PostgreSQL, once or twice for each unit of work.
#[derive(Default)]
struct Postgres<const TWICE: bool>(Mutex<Option<String>>);

/// Opens a store on a thread of its own: the cases run in a runtime, and a store waits for its database when it opens.
fn open(database: &str, twice: bool, keys: &Path) -> Arc<dyn Store> {
    let target = Target::new(&cluster().address(database), &Files::default()).expect("a target");
    let options = Options { twice, pool: 4, ..Options::new(target, keys) };
    let opened = std::thread::spawn(move || PostgresStore::open(options)).join().expect("opened");
    Arc::new(opened.unwrap_or_else(|error| panic!("{error}")))
}

/// Returns the directory with the key that signs every database of these tests.
fn keys() -> &'static Path {
    static KEYS: OnceLock<TempDir> = OnceLock::new();
    KEYS.get_or_init(|| tempfile::tempdir().expect("a directory")).path()
}

/// Returns a database that is migrated and empty, from which others are copied.
fn template() -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let name = cluster().fresh("template0");
        drop(open(&name, false, keys()));
        name
    })
}

impl<const TWICE: bool> Backend for Postgres<TWICE> {
    fn fresh(&self) -> Arc<dyn Store> {
        let copy = std::thread::spawn(|| cluster().fresh(template())).join().expect("a database");
        let store = open(&copy, TWICE, keys());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy);
        store
    }

    fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        drop(store);
        self.another()
    }

    fn another(&self) -> Arc<dyn Store> {
        let database = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open(database.as_ref().expect("a database"), TWICE, keys())
    }
}

impl<const TWICE: bool> Drop for Postgres<TWICE> {
    fn drop(&mut self) {
        let database = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(database) = database {
            let _ = std::thread::spawn(move || cluster::remove(&database)).join();
        }
    }
}

fn main() -> ExitCode {
    let trials = cases().into_iter().flat_map(|case| {
        let again = format!("undone_once_and_run_again::{}", case.name);
        [trial::<Postgres<false>>(case.name.to_owned(), case.run), trial::<Postgres<true>>(again, case.run)]
    });
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials.chain(own::trials()).collect());
    cluster::stop();
    conclusion.exit_code()
}

fn trial<B: Backend + Default>(name: String, check: fn(&dyn Backend) -> Check<'_>) -> Trial {
    Trial::test(name, move || {
        let backend = B::default();
        let run = async {
            check(&backend).await;
            // Whatever a case writes by the port, it leaves no row that does not verify.
            let look = backend.another().read(|view| Ok(view.unsound_rows(RowPlace::default(), usize::MAX)?)).await;
            assert_eq!(look.expect("read").unsound, []);
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(run);
        Ok(())
    })
}
