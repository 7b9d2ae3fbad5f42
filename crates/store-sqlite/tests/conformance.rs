//! The conformance suite on SQLite.

use std::sync::{Arc, Mutex, PoisonError};

use chaveiro_core::ports::{RowPlace, Store};
use chaveiro_store_conformance::{Again, Backend, cases};
use chaveiro_store_sqlite::SqliteStore;
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

#[test]
fn sqlite_passes_the_conformance_suite() {
    run::<Sqlite>();
}

#[test]
fn the_conformance_suite_passes_when_every_unit_of_work_is_undone_once_and_run_again() {
    run::<RunAgain>();
}

fn run<B: Backend + Default>() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut failed = Vec::new();
    for case in cases() {
        let backend = B::default();
        let run = async {
            (case.run)(&backend).await;
            // Whatever a case writes by the port, it leaves no row that does not verify.
            let look = backend.another().read(|view| Ok(view.unsound_rows(RowPlace::default(), usize::MAX)?)).await;
            assert_eq!(look.expect("read").unsound, []);
        };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(run)));
        println!("{} {}", if outcome.is_ok() { "ok    " } else { "FAILED" }, case.name);
        if outcome.is_err() {
            failed.push(case.name);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
