//! The watcher of the clock, the escrow of each tenant, and the key files of a running server.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chaveiro_core::Timestamp;
use chaveiro_core::engine::escrow;
use chaveiro_core::keys::KeyName;
use chaveiro_core::ports::{Clock, Entropy, Sealer, Store};
use chaveiro_core::steady::{Ripeness, Running};
use chaveiro_mdm::CertificateAuthority;
use tokio_util::sync::CancellationToken;

use crate::health::{Complaint, Health, Subject, Weight};
use crate::inventory::Inventory;
use crate::listener::{Identity, Shown};
use crate::shell::SystemClock;
use crate::telemetry::Metrics;

/// The pause between two looks.
const INTERVAL: Duration = Duration::from_secs(5);

/// The most running time that one look counts; any more was sleep.
const MOST_AT_ONCE: Duration = Duration::from_secs(60);

/// The interval at which the running time is stored.
const KEEP_INTERVAL: Duration = Duration::from_secs(60);

/// The age of a certificate of the listeners, valid for 397 days, at which another is issued.
const RENEWED_AFTER: Duration = Duration::from_secs(300 * 86_400);

/// The distance behind the last stored time from which the clock counts as set back while no server ran.
const BEHIND: Duration = Duration::from_secs(60);

/// The watcher, with the parts that it watches and reports to.
pub(crate) struct Vigil {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<SystemClock>,
    pub(crate) sealer: Arc<dyn Sealer>,
    pub(crate) inventory: Inventory,
    pub(crate) health: Arc<Health>,
    pub(crate) metrics: Arc<Metrics>,
    /// The grace period before expired data is destroyed.
    pub(crate) grace: Duration,
    /// The certificate of the listeners, if the embedded authority issues it.
    pub(crate) certificate: Option<OwnCertificate>,
    pub(crate) state: Mutex<State>,
}

/// The means to reissue the certificate of the listeners.
pub(crate) struct OwnCertificate {
    pub(crate) shown: Arc<Shown>,
    pub(crate) ca: Arc<CertificateAuthority>,
    pub(crate) names: Vec<String>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// The time of its issue.
    pub(crate) issued: Mutex<Timestamp>,
}

impl OwnCertificate {
    /// Reissues the certificate if it is too old, or if a clock that was ahead dated it later than now.
    fn renew(&self, now: Timestamp) -> Result<(), String> {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if *issued <= now && now < issued.checked_add(RENEWED_AFTER).unwrap_or(Timestamp::MAX) {
            return Ok(());
        }
        let made = self.ca.issue_server_certificate(&self.names, now, self.entropy.as_ref());
        let (chain_pem, key_pem) = made.map_err(|error| error.to_string())?;
        self.shown.replace(&Identity { chain_pem, key_pem })?;
        *issued = now;
        Ok(())
    }
}

/// The state at the last look.
#[derive(Debug, Default)]
pub(crate) struct State {
    running: Running,
    /// Running time that is not a whole second yet.
    rest: Duration,
    looked: Option<Duration>,
    kept: Option<Duration>,
    jumps: u64,
    /// The last jump of the clock: the distance in microseconds, and the time.
    last: Option<(i64, Timestamp)>,
    /// The fault of the escrow, for the log.
    escrow: Option<String>,
}

impl State {
    fn jumped(&mut self, by_us: i64, now: Timestamp) {
        self.running.jumped_s = self.running.total_s;
        self.last = Some((by_us, now));
    }

    /// Adds the time since the last look.
    fn count(&mut self, uptime: Duration) {
        let passed = self.looked.map_or(Duration::ZERO, |looked| uptime.saturating_sub(looked)).min(MOST_AT_ONCE);
        self.looked = Some(uptime);
        self.rest += passed;
        let whole = self.rest.as_secs();
        self.running.total_s += whole;
        self.rest -= Duration::from_secs(whole);
    }

    /// The complaint about the clock, until the grace period after a jump is over.
    fn complaint(&self, grace: Duration) -> Option<Complaint> {
        let (by_us, at) = self.last?;
        let steady = self.running.total_s.saturating_sub(self.running.jumped_s);
        let left = grace.as_secs().checked_sub(steady).filter(|left| *left > 0)?;
        let text = format!(
            "the clock jumped {} at {}; see that the time of this machine is right: nothing is destroyed and no action ends before {left} s of steady running",
            in_words(by_us),
            at.strftime("%Y-%m-%dT%H:%M:%SZ")
        );
        Some(Complaint { weight: Weight::Notice, text })
    }
}

/// A jump as shown to people, to the nearest minute: `8 d 3 h 0 min ahead`. Two clocks are read one after the other, so it is
/// known but for some milliseconds.
fn in_words(by_us: i64) -> String {
    const MINUTE_US: u64 = 60_000_000;
    let minutes = (by_us.unsigned_abs() + MINUTE_US / 2) / MINUTE_US;
    let (days, hours) = (minutes / 1440, minutes / 60 % 24);
    let direction = if by_us < 0 { "back" } else { "ahead" };
    format!("{days} d {hours} h {} min {direction}", minutes % 60)
}

impl Vigil {
    /// Reads the total running time of earlier servers.
    pub(crate) async fn begin(&self) {
        let now = self.clock.now();
        match self.store.read(|view| Ok(view.running()?)).await {
            Ok(running) => {
                let mut state = self.state();
                state.running = running;
                let behind = running.seen.map(|seen| seen.duration_since(now)).unwrap_or_default();
                if behind.is_positive() && behind.unsigned_abs() > BEHIND {
                    let by_us = i64::try_from(behind.as_micros()).unwrap_or(i64::MAX);
                    state.jumped(-by_us, now);
                    self.metrics.clock_jumps.inc();
                }
            }
            Err(error) => tracing::error!(%error, "the running time could not be read"),
        }
        self.look_at_clock().await;
        self.look_at_escrow().await;
    }

    /// Looks repeatedly until the token is canceled.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut looks: u32 = 0;
        loop {
            tokio::select! {
                () = stop.cancelled() => return self.keep().await,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            self.look_at_clock().await;
            self.look_at_escrow().await;
            if looks.is_multiple_of(12) {
                self.look_at_keys().await;
            }
            looks = looks.wrapping_add(1);
        }
    }

    /// Compares the clocks and counts the running time.
    pub(crate) async fn look_at_clock(&self) {
        let (jumps, uptime, now) = (self.clock.jumps(), self.clock.uptime(), self.clock.now());
        let keep = {
            let mut state = self.state();
            state.count(uptime);
            let new = jumps.count.saturating_sub(state.jumps);
            if new > 0 {
                state.jumps = jumps.count;
                state.jumped(jumps.last_us, now);
                self.metrics.clock_jumps.inc_by(new);
                tracing::warn!(jump = in_words(jumps.last_us), jumps = jumps.count, "the clock jumped");
            }
            self.health.set(Subject::Clock, state.complaint(self.grace));
            new > 0 || state.kept.is_none_or(|kept| uptime.saturating_sub(kept) >= KEEP_INTERVAL)
        };
        if let Some(Err(error)) = self.certificate.as_ref().map(|certificate| certificate.renew(now)) {
            tracing::error!(error, "the certificate of the listeners could not be reissued");
        }
        if keep {
            self.keep().await;
        }
    }

    /// The time for a decision that cannot be undone.
    pub(crate) async fn ripeness(&self) -> Ripeness {
        self.look_at_clock().await;
        Ripeness { now: self.clock.now(), running: self.state().running, grace: self.grace }
    }

    async fn keep(&self) {
        let (uptime, now) = (self.clock.uptime(), self.clock.now());
        let running = {
            let mut state = self.state();
            state.kept = Some(uptime);
            Running { seen: Some(now), ..state.running }
        };
        if let Err(error) = self.store.write(move |unit| Ok(unit.set_running(&running)?)).await {
            tracing::error!(%error, "the running time could not be stored");
        }
    }

    /// Proves the escrow of every tenant.
    pub(crate) async fn look_at_escrow(&self) {
        let mut broken = self.broken_escrows().await;
        if !broken.is_empty() {
            // Another process may have ended between recording the key and settling the file.
            if let Err(error) = self.inventory.finish().await {
                tracing::error!(%error, "staged keys could not be settled");
            }
            broken = self.broken_escrows().await;
        }
        let reasons: Vec<_> = broken.iter().map(|(_, reason)| reason.as_str()).collect();
        let reason = (!broken.is_empty()).then(|| reasons.join(", "));
        let mut state = self.state();
        if reason.is_some() && reason != state.escrow {
            tracing::error!(reason, "the escrow is not ready");
        }
        state.escrow = reason;
        // A stranger may ask for /readyz, so paths are only in the log.
        let tenants: Vec<_> = broken.into_iter().map(|(tenant, _)| tenant).collect();
        let complaint = (!tenants.is_empty()).then(|| Complaint {
            weight: Weight::Fault,
            text: format!(
                "passcodes of {} cannot be kept and given back, so no device is asked to change; restore keys/escrow from the backup of the keys, the log says which file",
                tenants.join(", ")
            ),
        });
        self.health.set(Subject::Escrow, complaint);
    }

    async fn broken_escrows(&self) -> Vec<(String, String)> {
        let sealer = Arc::clone(&self.sealer);
        let broken = self.store.read(move |view| {
            let tenants = view.tenants()?;
            let broken = tenants.into_iter().filter_map(|tenant| {
                let proven = escrow::require(view, sealer.as_ref(), tenant.id);
                proven.err().map(|fault| (format!("tenant {}", tenant.id), fault.to_string()))
            });
            Ok(broken.collect())
        });
        broken.await.unwrap_or_else(|error| {
            tracing::error!(%error, "the escrow could not be checked");
            Vec::new()
        })
    }

    /// Reports that the next start would fail.
    async fn look_at_keys(&self) {
        let listed = match self.inventory.list().await {
            Ok(listed) => listed,
            Err(error) => return tracing::error!(%error, "the keys could not be checked"),
        };
        let others = listed
            .into_iter()
            .filter(|listed| !matches!(listed.known.name, KeyName::EscrowPrivate(_) | KeyName::EscrowRecipients(_)));
        let names: Vec<_> =
            others.filter_map(|listed| listed.problem.map(|problem| problem.name().to_string())).collect();
        let complaint = (!names.is_empty()).then(|| Complaint {
            weight: Weight::Notice,
            text: format!(
                "the files of the keys {} are missing or were changed, and the next start would be refused; restore them from the backup of the keys",
                names.join(", ")
            ),
        });
        self.health.set(Subject::Keys, complaint);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_time_is_counted_in_whole_seconds_and_without_sleep() {
        let mut state = State::default();
        for millis in [0, 400, 900, 1_300, 5_000, 5_000_000, 5_001_000] {
            state.count(Duration::from_millis(millis));
        }
        assert_eq!(state.running.total_s, 5 + 60 + 1);
    }

    #[test]
    fn a_jump_is_told_to_the_nearest_minute() {
        const DAY_US: i64 = 86_400_000_000;
        for (by_us, words) in [
            (43 * DAY_US, "43 d 0 h 0 min ahead"),
            (43 * DAY_US - 4_000, "43 d 0 h 0 min ahead"),
            (-(43 * DAY_US - 29_000_000), "43 d 0 h 0 min back"),
            (DAY_US - 31_000_000, "0 d 23 h 59 min ahead"),
            (i64::MIN, "106751991 d 4 h 1 min back"),
        ] {
            assert_eq!(in_words(by_us), words);
        }
    }

    #[test]
    fn a_jump_is_told_until_the_grace_after_it_is_over() {
        let mut state = State::default();
        let grace = Duration::from_secs(100);
        assert_eq!(state.complaint(grace), None);
        state.count(Duration::from_secs(10));
        state.jumped(-(8 * 86_400 + 3 * 3600) * 1_000_000, Timestamp::UNIX_EPOCH);
        for second in [10, 60, 109] {
            state.count(Duration::from_secs(second));
            let complaint = state.complaint(grace).expect("told");
            assert_eq!(complaint.weight, Weight::Notice);
            assert!(complaint.text.contains("8 d 3 h 0 min back"), "{}", complaint.text);
        }
        state.count(Duration::from_secs(110));
        assert_eq!(state.complaint(grace), None);
    }
}
