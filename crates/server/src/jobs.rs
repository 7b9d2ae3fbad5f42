//! The background jobs: linking the audit chain, ending actions whose device never came, destroying envelopes whose
//! retention is over, storing idle sessions.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chaveiro_audit::{Signer, extend};
use chaveiro_core::Fault;
use chaveiro_core::decisions::disclose_passcode;
use chaveiro_core::engine;
use chaveiro_core::ports::{Clock, Store};
use chaveiro_mdm::CheckIns;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::vigil::Vigil;

/// The number of rows that one unit of work handles, because other units wait meanwhile.
const LIMIT: usize = 500;

const EXPIRY_INTERVAL: Duration = Duration::from_secs(60);
const SHRED_INTERVAL: Duration = Duration::from_secs(15);

/// The parts that the jobs work with.
#[derive(Clone)]
pub(crate) struct Jobs {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) signer: Arc<Signer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) vigil: Arc<Vigil>,
    pub(crate) check_ins: Arc<CheckIns>,
}

impl Jobs {
    /// Starts the jobs; they end when the token is canceled.
    pub(crate) fn start(&self, chain_interval: Duration, stop: &CancellationToken) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let jobs = self.clone();
        tasks.spawn(repeat(chain_interval, stop.clone(), move || {
            let jobs = jobs.clone();
            async move { jobs.link().await }
        }));
        let jobs = self.clone();
        tasks.spawn(repeat(EXPIRY_INTERVAL, stop.clone(), move || {
            let jobs = jobs.clone();
            async move { jobs.expire().await }
        }));
        let jobs = self.clone();
        tasks.spawn(repeat(SHRED_INTERVAL, stop.clone(), move || {
            let jobs = jobs.clone();
            async move { jobs.shred().await }
        }));
        let (jobs, stop) = (self.clone(), stop.clone());
        tasks.spawn(async move {
            while stop.run_until_cancelled(jobs.check_ins.pause()).await.is_some() {
                let stored = jobs.check_ins.store_due(jobs.store.as_ref(), jobs.clock.uptime()).await;
                report("storing idle sessions", stored);
            }
        });
        tasks
    }

    /// Stores every idle session that waits.
    pub(crate) async fn store_check_ins(&self) {
        report("storing idle sessions", self.check_ins.store(self.store.as_ref()).await);
    }

    /// Links every event that has no link yet.
    pub(crate) async fn link(&self) {
        loop {
            // The question is cheap; an empty unit of work would cost a commit.
            let waiting = self.store.read(|view| Ok(!view.unchained_events(1)?.is_empty())).await;
            if !matches!(waiting, Ok(true)) {
                return report("linking the audit chain", waiting.map(drop));
            }
            let (signer, now) = (Arc::clone(&self.signer), self.clock.now());
            let linked = self.store.write(move |unit| extend(unit, &signer, now, LIMIT)).await;
            match linked {
                Ok(LIMIT) => {}
                other => return report("linking the audit chain", other.map(drop)),
            }
        }
    }

    async fn expire(&self) {
        let ripeness = self.vigil.ripeness().await;
        let ended = self.store.write(move |unit| engine::expire(unit, &ripeness, LIMIT)).await;
        report("ending expired actions", ended.map(drop));
    }

    async fn shred(&self) {
        let ripeness = self.vigil.ripeness().await;
        let due = self.store.read(move |view| Ok(view.has_marks_to_set(&ripeness)?)).await;
        if matches!(due, Ok(true)) {
            let shredded = self.store.write(move |unit| disclose_passcode::shred(unit, &ripeness, LIMIT));
            report("destroying expired secrets", shredded.await.map(drop));
        }
    }
}

fn report(what: &str, outcome: Result<(), Fault>) {
    if let Err(error) = outcome {
        tracing::error!(%error, what, "a background job failed; the server tries again");
    }
}

async fn repeat<F: Future<Output = ()>>(interval: Duration, stop: CancellationToken, job: impl Fn() -> F) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(interval) => job().await,
        }
    }
}
