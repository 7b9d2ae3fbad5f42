//! Runs cryptsetup(8). Secrets reach it through its standard input or a file that only root may read. They are never in
//! arguments or the environment, which other programs can see.

use std::ffi::OsStr;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::error::LuksError;
use crate::child;

/// The places of the program, below the root.
pub(crate) const PLACES: &[&str] = &["usr/sbin/cryptsetup", "sbin/cryptsetup"];

/// The longest run. Trying all 32 slots with a slow derivation takes about two minutes. Stopping the program harms no
/// volume: one of the two copies of the header is always whole.
const DEADLINE: Duration = Duration::from_secs(300);
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// The most input. A pipe takes this much without a reader, so that writing to it cannot hang.
pub(super) const MAX_INPUT: usize = 32 * 1024;
/// The most that is kept of the program's words.
const MAX_WORDS: u64 = 1000;

/// cryptsetup(8), "RETURN CODES": no permission, which is a bad passphrase.
const BAD_PASSPHRASE: i32 = 2;

/// Runs the program, and returns true if the passphrase was right. Every other failure is an error. The verb is the
/// first argument.
pub(super) fn run<S: AsRef<OsStr>>(verb: &'static str, arguments: &[S], input: &[u8]) -> Result<bool, LuksError> {
    let root = Path::new("/");
    let program = PLACES.iter().map(|place| root.join(place)).find(|program| program.exists());
    let mut command = child::command(&program.ok_or(LuksError::NoCryptsetup)?);
    command.env_clear().env("LC_ALL", "C").arg(verb).arg("--batch-mode").args(arguments);
    run_until(command, verb, input, DEADLINE)
}

fn run_until(mut command: Command, verb: &'static str, input: &[u8], limit: Duration) -> Result<bool, LuksError> {
    if input.len() > MAX_INPUT {
        return Err(LuksError::TooLong(MAX_INPUT));
    }
    let failed = |error: std::io::Error| LuksError::Failed { verb, code: -1, words: error.to_string() };
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(failed)?;
    match child.stdin.take().map(|mut stdin| stdin.write_all(input)) {
        // It ended without reading: its code says why.
        Some(Err(error)) if error.kind() != ErrorKind::BrokenPipe => return Err(failed(error)),
        _ => {}
    }
    // Its words are not read before it ends: they fit in the pipe, and if they do not, the deadline ends it.
    let code = wait(&mut child, limit).map_err(failed)?.ok_or(LuksError::Stuck(verb))?;
    let mut words = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        stderr.take(MAX_WORDS).read_to_end(&mut words).map_err(failed)?;
    }
    match code {
        0 => Ok(true),
        BAD_PASSPHRASE => Ok(false),
        _ => Err(LuksError::Failed { verb, code, words: String::from_utf8_lossy(&words).trim().to_owned() }),
    }
}

/// The exit code, or -1 if a signal ended the program; `None` if it had to be stopped.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<i32>> {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.code().unwrap_or(-1)));
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: &[u8]) -> Result<bool, LuksError> {
        shell_until(script, input, DEADLINE)
    }

    fn shell_until(script: &str, input: &[u8], limit: Duration) -> Result<bool, LuksError> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        run_until(command, "open", input, limit)
    }

    #[test]
    fn the_exit_code_says_whether_the_passphrase_was_right() {
        assert!(shell("read line; test \"$line\" = open", b"open\n").expect("it ran"));
        assert!(!shell("exit 2", b"no reader").expect("it ran"));
    }

    #[test]
    fn what_goes_wrong_is_told_in_bounded_words() {
        let error = shell("head -c 5000 /dev/zero | tr '\\0' x >&2; exit 4", b"").expect_err("failed").to_string();
        assert!(error.contains("failed with 4: xxx") && error.len() < 1200, "{error}");
        let error = shell("kill -9 $$", b"").expect_err("failed").to_string();
        assert!(error.contains("failed with -1"), "{error}");
        let error = shell("true", &[0; MAX_INPUT + 1]).expect_err("refused").to_string();
        assert!(error.contains("longer than"), "{error}");
    }

    #[test]
    fn what_does_not_end_is_stopped() {
        for script in ["exec sleep 60", "exec yes >&2"] {
            let error = shell_until(script, b"", Duration::from_millis(200)).expect_err("stopped").to_string();
            assert!(error.contains("did not end in time"), "{error}");
        }
    }
}
