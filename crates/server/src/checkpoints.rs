//! The export of checkpoints as they are made: to a file, to syslog, to an address. An attacker who later edits the
//! record cannot edit the copies kept elsewhere.
//!
//! A checkpoint vouches for every event up to it, so each target needs only the newest one of each tenant. A target
//! gets it at least once, and again after a start. The next checkpoint makes good for any that a target missed. Nothing
//! waits for a target.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chaveiro_audit::{KeptCheckpoint, Lineage, newest_checkpoints};
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::Store;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::alarm::Receiver;
use crate::record::Complaints;

/// The pause between two looks, and the longest pause while a target fails.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The timeout of a target.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Facility authpriv, severity notice (RFC 5424, 6.2.1).
const PRIORITY: u8 = 10 * 8 + 5;

/// The targets of checkpoints.
#[derive(Clone, Default)]
pub(crate) struct Targets {
    /// A file to append to.
    pub(crate) file: Option<PathBuf>,
    /// The socket of the local syslog.
    pub(crate) syslog: Option<PathBuf>,
    /// An address to post to.
    pub(crate) webhook: Option<Receiver>,
}

/// One target, and the checkpoints that it has.
struct Target {
    /// The configuration key.
    key: &'static str,
    to: To,
    has: Mutex<HashMap<TenantId, KeptCheckpoint>>,
}

enum To {
    File(PathBuf),
    Syslog(PathBuf),
    Webhook(Receiver),
}

/// Sends checkpoints out.
#[derive(Clone)]
pub(crate) struct Shipping {
    store: Arc<dyn Store>,
    complaints: Arc<Complaints>,
    signer: Lineage,
    targets: Arc<[Target]>,
}

impl Shipping {
    pub(crate) fn new(store: Arc<dyn Store>, complaints: Arc<Complaints>, signer: Lineage, targets: Targets) -> Self {
        let all = [
            ("checkpoint-file", targets.file.map(To::File)),
            ("checkpoint-syslog", targets.syslog.map(To::Syslog)),
            ("checkpoint-url", targets.webhook.map(To::Webhook)),
        ];
        let targets = all.into_iter().filter_map(|(key, to)| Some(Target { key, to: to?, has: Mutex::default() }));
        Self { store, complaints, signer, targets: targets.collect() }
    }

    /// Sends to each target independently until the token is canceled.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let each = self.targets.iter().map(|target| async {
            let mut pause = PAUSE;
            loop {
                pause = if self.send(target).await { PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
                tokio::time::sleep(pause).await;
            }
        });
        tokio::select! {
            () = stop.cancelled() => {}
            () = async { futures_util::future::join_all(each).await; std::future::pending::<()>().await } => {}
        }
    }

    /// Sends to every target the checkpoints that it lacks.
    pub(crate) async fn ship(&self) {
        futures_util::future::join_all(self.targets.iter().map(|target| self.send(target))).await;
    }

    /// Returns whether the target has everything now.
    async fn send(&self, target: &Target) -> bool {
        let signer = self.signer.clone();
        let newest = match self.store.read(move |view| Ok(newest_checkpoints(view, &signer)?)).await {
            Ok(newest) => newest,
            Err(error) => {
                tracing::error!(%error, "the checkpoints cannot be read; the server tries again");
                return false;
            }
        };
        let mut has = target.has.lock().await;
        let new: Vec<_> = newest.into_iter().filter(|kept| has.get(&kept.tenant) != Some(kept)).collect();
        if new.is_empty() {
            return true;
        }
        let (taken, sent) = match &target.to {
            To::File(file) => whole(&new, blocking(file, &new, append).await),
            To::Syslog(socket) => whole(&new, blocking(socket, &new, log).await),
            To::Webhook(receiver) => post(receiver, &new).await,
        };
        let complaint = sent.as_ref().err().map(|error| {
            format!("checkpoints do not reach {} ({error}); they are sent again until they do", target.key)
        });
        self.complaints.set(target.key, complaint);
        has.extend(new.into_iter().take(taken).map(|kept| (kept.tenant, kept)));
        sent.is_ok()
    }
}

fn line(kept: &KeptCheckpoint) -> Result<String, std::io::Error> {
    Ok(serde_json::to_string(kept)?)
}

async fn blocking(
    path: &Path,
    kept: &[KeptCheckpoint],
    write: fn(&Path, &[String]) -> std::io::Result<()>,
) -> Result<(), String> {
    let path = path.to_owned();
    let lines = kept.iter().map(line).collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let written = tokio::task::spawn_blocking(move || write(&path, &lines)).await;
    written.map_err(std::io::Error::other).and_then(|written| written).map_err(|error| error.to_string())
}

/// Appends lines. The file is opened each time, so that a log rotation may move it.
fn append(file: &Path, lines: &[String]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file)?;
    let mut text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    // A line that a crash has cut short is ended first.
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(-1)).is_ok() {
        file.read_exact(&mut last)?;
    }
    if last != [b'\n'] {
        text.insert(0, '\n');
    }
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

/// Sends lines to the local syslog, as syslog(3) would.
fn log(socket: &Path, lines: &[String]) -> std::io::Result<()> {
    let local = UnixDatagram::unbound()?;
    local.set_write_timeout(Some(TIMEOUT))?;
    local.connect(socket)?;
    for line in lines {
        local.send(format!("<{PRIORITY}>chaveiro[{}]: checkpoint {line}", std::process::id()).as_bytes())?;
    }
    Ok(())
}

/// Counts the accepted checkpoints of a target that accepts all or none.
fn whole(kept: &[KeptCheckpoint], sent: Result<(), String>) -> (usize, Result<(), String>) {
    (if sent.is_ok() { kept.len() } else { 0 }, sent)
}

/// Posts checkpoints one after the other. Returns the number of accepted ones, which are not sent again.
async fn post(receiver: &Receiver, kept: &[KeptCheckpoint]) -> (usize, Result<(), String>) {
    for (taken, kept) in kept.iter().enumerate() {
        let document = serde_json::to_value(kept).map_err(|error| error.to_string());
        let sent = match document {
            Ok(document) => receiver.post(&document).await,
            Err(error) => Err(error),
        };
        if sent.is_err() {
            return (taken, sent);
        }
    }
    (kept.len(), Ok(()))
}
