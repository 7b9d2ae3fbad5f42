//! The programs of the machine that prove and change accounts. A passcode goes to them by pipe, never by argument.

use std::ffi::OsStr;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chaveiro_core::secret::Passcode;
use zeroize::Zeroizing;

use super::error::{LoginError, ProgramFault};
use crate::child;

/// The program that proves a password (pam_unix).
const UNIX_CHKPWD: &[&str] = &["usr/sbin/unix_chkpwd", "sbin/unix_chkpwd"];
/// The program that forgets failed attempts (pam_faillock).
const FAILLOCK: &[&str] = &["usr/sbin/faillock", "sbin/faillock"];
/// The program that locks screens (logind).
const LOGINCTL: &[&str] = &["usr/bin/loginctl", "bin/loginctl"];

/// `PAM_AUTH_ERR`: the password is wrong.
const WRONG: i32 = 7;

pub(super) fn has_unix_chkpwd(root: &Path) -> bool {
    find(root, UNIX_CHKPWD).is_some()
}

/// Returns true if the passcode is the password of that account of this machine.
pub(super) fn opens(name: &str, passcode: &Passcode) -> Result<bool, LoginError> {
    let failed = |fault| LoginError::Program { program: "unix_chkpwd", fault, package: "libpam-modules-bin" };
    let program = find(Path::new("/"), UNIX_CHKPWD).ok_or_else(|| failed(ProgramFault::Missing))?;
    let run = || {
        // `nonull`: an account without a password is opened by no passcode.
        let mut child = quiet(&program).args([name, "nonull"]).stdin(Stdio::piped()).spawn()?;
        let secret = passcode.expose_secret().as_bytes();
        let mut line = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
        line.extend_from_slice(secret);
        line.push(0);
        let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(&line));
        let status = child.wait()?;
        // A program that ends without reading says why by its status.
        match written {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
            _ => Ok(status),
        }
    };
    let status = run().map_err(|error| failed(ProgramFault::NotRun(error)))?;
    match status.code() {
        Some(0) => Ok(true),
        Some(WRONG) => Ok(false),
        _ => Err(failed(ProgramFault::NoAnswer(status))),
    }
}

pub(super) fn clear_lockout(root: &Path, name: &str, is_this_machine: bool) -> Result<(), LoginError> {
    let failed = |fault| LoginError::Program { program: "faillock", fault, package: "libpam-modules-bin" };
    let tallies = tallies(root);
    let Some(program) = find(Path::new("/"), FAILLOCK) else {
        // Only a name of a file directly in there is one of a tally.
        if Path::new(name).file_name() != Some(OsStr::new(name)) {
            return Ok(());
        }
        return match std::fs::remove_file(tallies.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(LoginError::Unusable { file: tallies.join(name), error })
            }
            _ => Ok(()),
        };
    };
    let mut command = quiet(&program);
    if !is_this_machine {
        command.arg("--dir").arg(tallies);
    }
    let status = command.args(["--user", name, "--reset"]).status();
    match status.map_err(|error| failed(ProgramFault::NotRun(error)))? {
        status if status.success() => Ok(()),
        status => Err(failed(ProgramFault::AttemptsKept(status))),
    }
}

pub(super) fn lock_sessions(name: &str) -> Result<usize, LoginError> {
    let Some(program) = find(Path::new("/"), LOGINCTL) else { return Ok(0) };
    let failed = |error: std::io::Error| LoginError::Program {
        program: "loginctl",
        fault: ProgramFault::NotRun(error),
        package: "systemd",
    };
    let mut list = quiet(&program);
    let list = list.args(["list-sessions", "--no-legend", "--no-pager"]).stdout(Stdio::piped());
    let list = list.output().map_err(failed)?;
    if !list.status.success() {
        return Ok(0);
    }
    let mut locked = 0;
    for session in sessions_of(&String::from_utf8_lossy(&list.stdout), name) {
        // Not every kind of session has a screen to lock.
        let status = quiet(&program).args(["lock-session", session]).status().map_err(failed)?;
        locked += usize::from(status.success());
    }
    Ok(locked)
}

/// The sessions of that user in a list with one session a line: `SESSION UID USER SEAT ...`.
fn sessions_of<'t>(list: &'t str, name: &str) -> Vec<&'t str> {
    let session = |line: &'t str| {
        let mut words = line.split_whitespace();
        words.next().filter(|_| words.nth(1) == Some(name))
    };
    list.lines().filter_map(session).collect()
}

/// The directory in which failed attempts are counted. The link that leads from `/var/run` to `/run` would lead out of
/// another root.
fn tallies(root: &Path) -> PathBuf {
    let run = if root.join("var/run").is_symlink() { "run/faillock" } else { "var/run/faillock" };
    root.join(run)
}

/// A command without output, and without the environment and the input of this process.
fn quiet(program: &Path) -> Command {
    let mut command = child::command_within(30, program);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn find(root: &Path, places: &[&str]) -> Option<PathBuf> {
    places.iter().map(|place| root.join(place)).find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sessions_of_one_account_are_told_from_the_others() {
        let list = "      2 1000 ana  seat0 tty2\n     c1 1001 anabel seat0\n 17 1000 ana\n\n  9\n";
        assert_eq!(sessions_of(list, "ana"), ["2", "17"]);
        assert_eq!(sessions_of(list, "1000"), [""; 0]);
        assert_eq!(sessions_of("No sessions.\n", "ana"), [""; 0]);
    }

    #[test]
    fn the_attempts_of_another_root_are_not_looked_for_in_this_machine() {
        let root = tempfile::tempdir().expect("a directory");
        assert_eq!(tallies(root.path()), root.path().join("var/run/faillock"));
        std::fs::create_dir(root.path().join("var")).expect("made");
        std::os::unix::fs::symlink("/run", root.path().join("var/run")).expect("linked");
        assert_eq!(tallies(root.path()), root.path().join("run/faillock"));
    }
}
