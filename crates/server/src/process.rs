//! What a process of ours asks of the system before it does anything else.

use std::sync::OnceLock;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

/// Open files that are not worth more than this many descriptors: a limit beyond it is taken for this.
const MOST_FILES: u64 = 1 << 20;

/// Makes sure that what this process writes is for its user alone: new files, and a core that would hold secrets.
pub fn keep_to_oneself() {
    umask(Mode::RWXG | Mode::RWXO);
    // Neither can fail: a limit may be lowered by anybody, and the process may be undumpable whoever runs it.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Open files that this process may have, after it has asked for as many as it can get.
pub(crate) fn files() -> u64 {
    static FILES: OnceLock<u64> = OnceLock::new();
    *FILES.get_or_init(|| {
        let before = getrlimit(Resource::Nofile);
        let wanted = before.maximum.unwrap_or(MOST_FILES).min(MOST_FILES);
        let current = before.current.unwrap_or(MOST_FILES);
        if wanted > current {
            let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: before.maximum });
        }
        let files = getrlimit(Resource::Nofile).current.unwrap_or(MOST_FILES);
        tracing::info!(before = current, now = files, "limit on open files");
        files
    })
}
