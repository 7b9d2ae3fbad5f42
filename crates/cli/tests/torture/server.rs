//! The server in a process of its own, which may refuse to start, end by itself, or be killed at any moment.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::support::chaveiro;

/// The longest a start may take on a busy machine.
const START: Duration = Duration::from_secs(60);

/// Without limits, because a handful of callers asks for more than a whole company.
const FLAGS: &[&str] = &[
    "--log=warn",
    "--limit-writes-by-application=0",
    "--limit-writes-by-tenant=0",
    "--limit-requests-by-application=0",
    "--limit-requests-by-tenant=0",
    "--limit-requests-by-application-everywhere=0",
    "--limit-recoveries-by-caller=0",
];

/// Where a server runs, and under what circumstances.
#[derive(Clone)]
pub struct Place {
    /// The data directory.
    pub data: PathBuf,
    /// The loopback address that is its own, so that nothing else takes its ports while it is down.
    pub host: Ipv4Addr,
    /// The ports of both listeners once they are known: devices come back to them.
    pub ports: [u16; 2],
    /// Variables of its process, and of the command line beside it.
    pub environment: Vec<(&'static str, String)>,
    /// The most file descriptors that it may have.
    pub files: Option<u32>,
    /// Where it logs.
    pub log: PathBuf,
}

impl Place {
    /// A command of the product on this data directory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = chaveiro();
        command.args(arguments).arg("--data").arg(&self.data);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn serve(&self) -> Command {
        let [graph, device] = self.ports.map(|port| format!("{}:{port}", self.host));
        let mut command = chaveiro();
        if let Some(files) = self.files {
            let program = command.get_program().to_owned();
            let kept: Vec<_> =
                command.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
            command = Command::new("sh");
            command.args(["-c", &format!("ulimit -n {files}; exec \"$@\""), "sh"]).arg(program).stdin(Stdio::null());
            for (name, value) in kept {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
        }
        command.args(["serve", "--json", "--graph-listen", &graph, "--device-listen", &device]).args(FLAGS);
        command.arg("--data").arg(&self.data);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A process that was told to serve.
pub struct Server {
    child: Child,
    /// Open as long as the process may write into it.
    said: Option<BufReader<ChildStdout>>,
    log: PathBuf,
    /// Where its own lines begin in the log.
    from: u64,
}

/// The end of a start.
pub enum Start {
    /// The server serves, on these ports.
    Serving(Server, [u16; 2]),
    /// The process ended, or said nothing for a minute.
    Refused {
        /// The exit code, if it exited.
        code: Option<i32>,
        /// Everything it wrote.
        said: String,
    },
}

impl Server {
    /// Begins to start one and waits for nothing.
    pub fn spawn(place: &Place) -> Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(&place.log).context("the log")?;
        let from = log.metadata()?.len();
        let mut child = place.serve().stdout(Stdio::piped()).stderr(log).spawn().context("the server")?;
        let said = child.stdout.take().map(BufReader::new);
        Ok(Self { child, said, log: place.log.clone(), from })
    }

    /// Starts one, and waits until it serves or has ended.
    pub fn start(place: &Place) -> Result<Start> {
        let mut server = Self::spawn(place)?;
        let mut said = server.said.take().context("its output")?;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = said.read_line(&mut line);
            let _ = sender.send(read.is_ok_and(|bytes| bytes > 0).then_some((line, said)));
        });
        let first = receiver.recv_timeout(START);
        let Ok(Some((line, said))) = first else {
            if first.is_err() {
                let _ = server.child.kill();
            }
            let status = server.child.wait()?;
            return Ok(Start::Refused { code: status.code(), said: server.logged() });
        };
        server.said = Some(said);
        let announced: Value = serde_json::from_str(&line).context("what it announced")?;
        let port = |name: &str| announced[name].as_str()?.rsplit(':').next()?.parse().ok();
        let ports = [port("graphUrl").context("a port")?, port("deviceUrl").context("a port")?];
        Ok(Start::Serving(server, ports))
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, as a service manager sends it; the status, when it ends in time.
    pub fn stop(&mut self, within: Duration) -> Option<ExitStatus> {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        self.ended(within)
    }

    /// Waits for it to end by itself.
    pub fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if begun.elapsed() < within => std::thread::sleep(Duration::from_millis(10)),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// Everything it has logged since it was started.
    pub fn logged(&self) -> String {
        since(&self.log, self.from)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn since(log: &Path, from: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_default()
}
