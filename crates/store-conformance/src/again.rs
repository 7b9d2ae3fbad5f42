//! Units of work that run twice.

use std::sync::{Arc, Mutex, PoisonError};

use chaveiro_core::ports::{BoxFuture, DryRun, ReadJob, Store, StoreError, UnitOfWork, Verdict, WriteJob};

/// A store that runs every unit of work, undoes it and runs it again, as a backend may whose transactions can fail to
/// serialise. A case that passes on a store also passes on this one above it, unless a closure cannot be run again.
pub struct Again(pub Arc<dyn Store>);

impl Store for Again {
    fn submit(&self, job: WriteJob) -> BoxFuture<'_, Result<(), StoreError>> {
        let job = Arc::new(Mutex::new(job));
        let run =
            |unit: &mut dyn UnitOfWork, job: &Mutex<WriteJob>| job.lock().unwrap_or_else(PoisonError::into_inner)(unit);
        let first = Arc::clone(&job);
        Box::pin(async move {
            let undone = move |unit: &mut dyn UnitOfWork| {
                run(unit, &first);
                Verdict::Undo
            };
            self.0.submit(Box::new(undone)).await?;
            self.0.submit(Box::new(move |unit| run(unit, &job))).await
        })
    }

    fn dry_run(&self, job: DryRun) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.dry_run(job)
    }

    fn query(&self, job: ReadJob) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.query(job)
    }
}
