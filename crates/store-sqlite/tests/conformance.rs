//! The conformance suite on SQLite: each case is a test, and another one in which every unit of work is undone once and
//! run again.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use chaveiro_core::ports::{RowPlace, Store};
use chaveiro_store_conformance::{Backend, Check, cases};
use chaveiro_store_sqlite::{Options, SqliteStore};
use libtest_mimic::{Arguments, Trial};
use tempfile::TempDir;

/// SQLite, once or twice for each unit of work.
#[derive(Default)]
struct Sqlite<const TWICE: bool>(Mutex<Option<TempDir>>);

fn open(directory: &Path, twice: bool) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open_with(directory, Options { twice, ..Options::default() }).expect("a store"))
}

impl<const TWICE: bool> Backend for Sqlite<TWICE> {
    fn fresh(&self) -> Arc<dyn Store> {
        let directory = tempfile::tempdir().expect("a directory");
        let store = open(directory.path(), TWICE);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(directory);
        store
    }

    fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        drop(store);
        self.another()
    }

    fn another(&self) -> Arc<dyn Store> {
        let directory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open(directory.as_ref().expect("a directory").path(), TWICE)
    }
}

fn main() -> ExitCode {
    let trials = cases().into_iter().flat_map(|case| {
        let again = format!("undone_once_and_run_again::{}", case.name);
        [trial::<Sqlite<false>>(case.name.to_owned(), case.run), trial::<Sqlite<true>>(again, case.run)]
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
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
