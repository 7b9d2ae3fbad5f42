//! The resources that the server asks of the system: as many open files as possible.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The most open files that the server asks for.
const MOST_FILES: u64 = 1 << 20;

/// Raises the limit on open files to the most that the system allows, once. Returns the resulting limit.
pub(crate) fn files() -> u64 {
    static FILES: OnceLock<u64> = OnceLock::new();
    *FILES.get_or_init(|| {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let (before, wanted) = (current.unwrap_or(MOST_FILES), maximum.unwrap_or(MOST_FILES).min(MOST_FILES));
        if wanted > before {
            let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
        }
        let now = getrlimit(Resource::Nofile).current.unwrap_or(MOST_FILES);
        tracing::info!(before, now, "limit on open files");
        now
    })
}
