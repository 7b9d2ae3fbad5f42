//! A terminal for tests: the command runs on it as a person would run it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// The longest time that a test waits for words.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal, and the command that runs on it.
pub struct Terminal {
    controller: File,
    child: Child,
    shown: Arc<(Mutex<Shown>, Condvar)>,
}

#[derive(Default)]
struct Shown {
    bytes: Vec<u8>,
    is_over: bool,
}

impl Terminal {
    /// Runs the command on a terminal of that many columns.
    pub fn run(mut command: Command, columns: u16) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&controller).expect("granted");
        unlockpt(&controller).expect("unlocked");
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(controller.as_fd(), size).expect("sized");
        let name = ptsname(&controller, Vec::new()).expect("a name");
        let line = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other end");
        let stream = || File::from(line.try_clone().expect("a stream"));
        let child = command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().expect("it starts");
        // The command keeps streams of this terminal too, until it is dropped.
        drop(command);
        drop(line);
        let (controller, shown) = (File::from(controller), Arc::<(Mutex<Shown>, Condvar)>::default());
        let (mut reader, filled) = (controller.try_clone().expect("a reader"), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // The end of the last stream is an error here (EIO).
                let read = reader.read(&mut buffer).unwrap_or_default();
                let mut shown = filled.0.lock().expect("whole");
                shown.bytes.extend_from_slice(&buffer[..read]);
                shown.is_over = read == 0;
                filled.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self { controller, child, shown }
    }

    /// Waits until those words are shown.
    pub fn wait_for(&self, words: &str) {
        let is_missing = |shown: &mut Shown| !plain(&shown.bytes).contains(words) && !shown.is_over;
        let shown = self.shown.0.lock().expect("whole");
        let (shown, _) = self.shown.1.wait_timeout_while(shown, PATIENCE, is_missing).expect("whole");
        let text = plain(&shown.bytes);
        assert!(text.contains(words), "{words} in {text}");
    }

    /// Types that.
    pub fn types(&mut self, text: &str) {
        self.controller.write_all(text.as_bytes()).expect("typed");
    }

    /// Sends SIGINT, as Ctrl+C does.
    pub fn interrupt(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("told");
    }

    /// Waits for the end; the text that was shown, and how the command ended.
    pub fn ended(mut self) -> (String, ExitStatus) {
        let status = self.child.wait().expect("it ends");
        let shown = self.shown.0.lock().expect("whole");
        let (shown, _) = self.shown.1.wait_timeout_while(shown, PATIENCE, |shown| !shown.is_over).expect("whole");
        (plain(&shown.bytes), status)
    }
}

/// The text without colours and movements of the cursor; a line that is written over is a line of its own.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
    let (mut plain, mut signs) = (String::new(), text.chars());
    while let Some(sign) = signs.next() {
        if sign != '\u{1b}' {
            plain.push(sign);
        } else if signs.next() == Some('[') {
            signs.find(char::is_ascii_alphabetic);
        }
    }
    plain
}
