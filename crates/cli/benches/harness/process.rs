//! What the kernel knows of a process: the processor time of each thread, and memory.

use std::collections::BTreeMap;

use rustix::time::{ClockId, clock_gettime};

/// The parts of a second in which the kernel tells times of processes (USER_HZ).
const TICKS: f64 = 100.0;

/// The processor time of a process in seconds, by the name of the thread.
#[derive(Clone, Default)]
pub struct Cpu(BTreeMap<String, f64>);

impl Cpu {
    /// The time until now. Threads that have ended are missing: those of the server live as long as it.
    pub fn of(pid: u32) -> Self {
        let mut threads = BTreeMap::new();
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the threads");
        for task in tasks.flatten() {
            let read = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
            let (name, spent) = (read("comm"), read("schedstat"));
            let nanoseconds: f64 = spent.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0.0);
            *threads.entry(name.trim().to_owned()).or_default() += nanoseconds / 1e9;
        }
        Self(threads)
    }

    /// The time of this thread. Other than the sum above it is exact while the thread runs.
    pub fn of_this_thread() -> f64 {
        let spent = clock_gettime(ClockId::ThreadCPUTime);
        spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
    }

    /// The time that the ended children of a process have taken.
    pub fn of_ended_children(pid: u32) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the times of a process");
        // The name of the program stands in brackets; the times of children are fields 16 and 17 (proc(5)).
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let times = fields.split_whitespace().skip(13).take(2);
        times.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
    }

    pub fn since(&self, earlier: &Self) -> Self {
        let spent = |(name, now): (&String, &f64)| (name.clone(), now - earlier.0.get(name).unwrap_or(&0.0));
        Self(self.0.iter().map(spent).collect())
    }

    pub fn total(&self) -> f64 {
        self.0.values().sum()
    }

    /// The time of the threads whose name begins so.
    pub fn named(&self, begin: &str) -> f64 {
        self.0.iter().filter(|(name, _)| name.starts_with(begin)).map(|(_, spent)| spent).sum()
    }
}

/// Resident memory in KiB.
pub fn resident_kib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("resident memory");
    line.split_whitespace().next().and_then(|text| text.parse().ok()).expect("a number")
}

/// The machine, as far as results depend on it.
pub fn machine() -> Vec<(String, String)> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    [
        ("processor", field(&read("/proc/cpuinfo"), "model name")),
        ("processors", processors.to_string()),
        ("memory", field(&read("/proc/meminfo"), "MemTotal")),
        ("kernel", read("/proc/sys/kernel/osrelease").trim().to_owned()),
        ("load before the run", read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
