//! Programs that the agent runs end with it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const AGENT: &str = env!("CARGO_BIN_EXE_chaveiro-agent");

/// Returns whether a process is there and has not ended.
fn is_running(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains("(zombie)"))
}

#[test]
fn a_child_ends_with_its_parent_and_one_without_a_launcher_goes_on() {
    for (launcher, goes_on) in [(format!("{AGENT} --launch $$"), false), (String::new(), true)] {
        // The shell stands for the agent: it starts a program, and is killed.
        let script = format!("{launcher} sleep 60 & echo $!; wait");
        let mut parent = Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut pid = String::new();
        BufReader::new(parent.stdout.take().expect("its output")).read_line(&mut pid).expect("a line");
        let pid = pid.trim().to_owned();
        let name = || std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let begun = Instant::now();
        while name() != "sleep\n" {
            assert!(begun.elapsed() < Duration::from_secs(10), "{script}: {}", name());
            std::thread::sleep(Duration::from_millis(5));
        }
        parent.kill().expect("killed");
        parent.wait().expect("it ended");
        let begun = Instant::now();
        while is_running(&pid) && begun.elapsed() < Duration::from_millis(500) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(is_running(&pid), goes_on, "{script}");
        let _ = Command::new("kill").arg(&pid).stderr(Stdio::null()).status();
    }
}

#[test]
fn a_program_whose_agent_has_ended_already_is_not_run() {
    let launch = |parent: &str| {
        let output = Command::new(AGENT).args(["--launch", parent, "echo", "run"]).output().expect("it runs");
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    assert_eq!(launch("1"), (Some(127), String::new()));
    assert_eq!(launch(&std::process::id().to_string()), (Some(0), "run\n".to_owned()));
    assert_eq!(launch("any"), (Some(0), "run\n".to_owned()));
}
