//! The person who runs a verb on the host, for the record. The sources are the login uid that the kernel keeps for a session, the
//! variables of `sudo`, the user of the process, and the terminal. People who share the service user are told apart by the first
//! two.

use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use chaveiro_core::caller::HostUser;

/// The login uid of a process outside any login session.
const NO_LOGIN: u32 = u32::MAX;

/// Longest name that is recorded.
const MAX_NAME: usize = 128;

/// The person who runs this process.
pub(crate) fn here() -> HostUser {
    let uid = rustix::process::getuid().as_raw();
    let login = std::fs::read_to_string("/proc/self/loginuid").ok().and_then(|text| text.trim().parse().ok());
    HostUser {
        user: name_of(uid),
        uid,
        login: login.filter(|uid| *uid != NO_LOGIN).map(name_of),
        sudo_user: std::env::var("SUDO_USER").ok().and_then(|name| fit(&name)),
        terminal: terminal(),
    }
}

/// The name of a user; the number where there is no name.
pub(crate) fn name_of(uid: u32) -> String {
    let local = std::fs::read_to_string("/etc/passwd").ok().and_then(|text| name_in(&text, uid));
    local.or_else(|| name_in(&directory(uid)?, uid)).unwrap_or_else(|| format!("uid {uid}"))
}

/// Asks the directory service about a user that `/etc/passwd` does not have.
fn directory(uid: u32) -> Option<String> {
    let mut asked = Command::new("/usr/bin/getent");
    let answer = asked.args(["passwd", &uid.to_string()]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(answer.stdout).ok()
}

/// The name of that number among lines of `passwd`.
fn name_in(lines: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    lines.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| fit(name)).flatten()
    })
}

/// A name as it is recorded: one short line.
fn fit(name: &str) -> Option<String> {
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    (!name.is_empty()).then_some(name)
}

/// The terminal of the first stream that has one.
fn terminal() -> Option<String> {
    let (input, output, errors) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let name = |stream: std::os::fd::BorrowedFd<'_>| rustix::termios::ttyname(stream, Vec::new()).ok();
    let name = name(input.as_fd()).or_else(|| name(output.as_fd())).or_else(|| name(errors.as_fd()))?;
    fit(name.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_named_by_its_line_alone() {
        let lines =
            "root:x:0:0:root:/root:/bin/sh\nbroken\nana:x:1000:1000:Ana:/home/ana:/bin/sh\nten:x:10:1000::/:/\n";
        for (uid, name) in [(0, Some("root")), (1000, Some("ana")), (10, Some("ten")), (100, None)] {
            assert_eq!(name_in(lines, uid).as_deref(), name, "{uid}");
        }
        assert_eq!(name_of(u32::MAX - 7), format!("uid {}", u32::MAX - 7));
    }

    #[test]
    fn a_name_is_one_short_line() {
        assert_eq!(fit(" ana\u{7}\n").as_deref(), Some("ana"));
        assert_eq!(fit("\n"), None);
        assert_eq!(fit(&"x".repeat(1_000)).map(|name| name.len()), Some(MAX_NAME));
    }
}
