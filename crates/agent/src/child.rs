//! Programs that the agent runs. They end with the agent: a key slot that cryptsetup adds after its agent was killed would have
//! no owner. The kernel kills a process at the end of its parent if the process has asked for that. Between fork and exec only
//! unsafe code could ask; so the agent runs itself first, as a launcher that asks and then becomes the program.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

/// The first argument of the launcher, which is not a verb of the command line.
const LAUNCH: &str = "--launch";
/// The argument for a parent that the launcher does not check.
const ANY_PARENT: &str = "any";
/// The path of this program, which stays valid when the file that it was started from is replaced.
const OURSELVES: &str = "/proc/self/exe";
/// The program that ends another one after a time.
const TIMEOUT: &str = "/usr/bin/timeout";

/// True if [`OURSELVES`] is the agent, and neither a test nor a program that has the agent in it.
static IS_AGENT: AtomicBool = AtomicBool::new(false);

/// Becomes the program that the arguments name, if they are those of the launcher. Returns only if it cannot. The agent
/// calls this first of all.
pub(crate) fn launch(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    IS_AGENT.store(true, Ordering::Relaxed);
    arguments.nth(1).filter(|first| first == LAUNCH)?;
    let (parent, program) = (arguments.next()?, arguments.next()?);
    let asked = set_parent_process_death_signal(Some(Signal::KILL)).is_ok();
    // The agent may have ended before the kernel was asked.
    let is_there =
        || parent == ANY_PARENT || getppid().is_some_and(|now| parent == now.as_raw_nonzero().to_string().as_str());
    if asked && is_there() {
        let _ = Command::new(program).args(arguments).exec();
    }
    // Shells use this code for a program that was not run.
    Some(ExitCode::from(127))
}

/// A command that runs the program and ends with this process.
pub(crate) fn command(program: &Path) -> Command {
    let words = launcher(OsString::from(OURSELVES), &getpid().as_raw_nonzero().to_string());
    of_words(words.into_iter().chain([program.as_os_str().to_owned()]))
}

/// A command that runs the program within so many seconds, and ends with this process.
pub(crate) fn command_within(seconds: u32, program: &Path) -> Command {
    let ours = launcher(OsString::from(OURSELVES), &getpid().as_raw_nonzero().to_string());
    let of_timeout = launcher(our_file(), ANY_PARENT);
    let timeout = [TIMEOUT.to_owned(), seconds.to_string()].map(OsString::from);
    of_words(ours.into_iter().chain(timeout).chain(of_timeout).chain([program.as_os_str().to_owned()]))
}

/// The words before those of the program; empty where this process is not the agent.
fn launcher(ourselves: OsString, parent: &str) -> Vec<OsString> {
    match IS_AGENT.load(Ordering::Relaxed) {
        true => [ourselves, LAUNCH.into(), parent.into()].to_vec(),
        false => Vec::new(),
    }
}

/// The file of this program, for another program to run: there, [`OURSELVES`] is the other program. After an upgrade
/// the kernel adds a note behind the name of the replaced file.
fn our_file() -> OsString {
    const REPLACED: &[u8] = b" (deleted)";
    let file = std::env::current_exe().map_or_else(|_| OsString::from(OURSELVES), PathBuf::into_os_string);
    let bytes = file.as_bytes();
    OsStr::from_bytes(bytes.strip_suffix(REPLACED).unwrap_or(bytes)).to_owned()
}

fn of_words(mut words: impl Iterator<Item = OsString>) -> Command {
    let program = words.next();
    let mut command = Command::new(program.as_deref().unwrap_or(OsStr::new(OURSELVES)));
    command.args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> std::vec::IntoIter<OsString> {
        words.iter().map(OsString::from).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn only_the_words_of_the_launcher_launch_anything() {
        for given in [&["agent"][..], &["agent", "doctor"], &["agent", "doctor", LAUNCH, "any", "/bin/true"]] {
            assert!(launch(words(given)).is_none(), "{given:?}");
        }
        IS_AGENT.store(false, Ordering::Relaxed);
    }
}
