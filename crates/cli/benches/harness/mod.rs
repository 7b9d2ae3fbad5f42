//! The parts that every measurement needs.

pub mod bare;
pub mod line;
pub mod nginx;
pub mod page;
pub mod process;
pub mod raw;
pub mod results;
pub mod site;

use std::time::{Duration, Instant};

/// The amount of work. A smoke run shows that everything still works; it measures nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Scale {
    Smoke,
    Medium,
    Full,
}

/// The plan of a run.
pub struct Plan {
    pub scale: Scale,
    pub rounds: usize,
    /// The numbers of devices of the goals that vary them, and of the mixed load.
    pub devices: Vec<usize>,
    /// The length of the mixed load.
    pub duration: Duration,
}

impl Plan {
    /// The one of three that the scale takes.
    pub fn of<T>(&self, smoke: T, medium: T, full: T) -> T {
        match self.scale {
            Scale::Smoke => smoke,
            Scale::Medium => medium,
            Scale::Full => full,
        }
    }
}

/// Runs tasks at the same time. Returns the seconds until the last one ended, and their results in order.
pub async fn together<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> (f64, Vec<T>) {
    let begun = Instant::now();
    let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.expect("a task"));
    }
    (begun.elapsed().as_secs_f64(), results)
}

/// The value below which that share of the times lies.
pub fn quantile(times: &mut [f64], share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * share).round() as usize]
}
