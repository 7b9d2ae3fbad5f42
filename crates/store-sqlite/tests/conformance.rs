//! The conformance suite on SQLite: each case is a test, and another one in which every unit of work is undone once and
//! run again.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use chaveiro_core::ports::{RowPlace, Store};
use chaveiro_store_conformance::{Again, Backend, Check, cases};
use chaveiro_store_sqlite::SqliteStore;
use libtest_mimic::{Arguments, Trial};
use tempfile::TempDir;

#[derive(Default)]
struct Sqlite(Mutex<Option<TempDir>>);

impl Backend for Sqlite {
    fn fresh(&self) -> Arc<dyn Store> {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Arc::new(SqliteStore::open(directory.path()).expect("a store"));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(directory);
        store
    }

    fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        drop(store);
        self.another()
    }

    fn another(&self) -> Arc<dyn Store> {
        let directory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::new(SqliteStore::open(directory.as_ref().expect("a directory").path()).expect("a store"))
    }
}

/// The same above [`Again`].
#[derive(Default)]
struct RunAgain(Sqlite);

impl Backend for RunAgain {
    fn fresh(&self) -> Arc<dyn Store> {
        Arc::new(Again(self.0.fresh()))
    }

    fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Again(self.0.reopen(store)))
    }

    fn another(&self) -> Arc<dyn Store> {
        Arc::new(Again(self.0.another()))
    }
}

fn main() -> ExitCode {
    let trials = cases().into_iter().flat_map(|case| {
        let again = format!("undone_once_and_run_again::{}", case.name);
        [trial::<Sqlite>(case.name.to_owned(), case.run), trial::<RunAgain>(again, case.run)]
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
