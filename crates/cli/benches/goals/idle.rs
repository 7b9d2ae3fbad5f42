//! Goal 3: check-ins of devices for which nothing waits, beside requests that are answered with nothing on the same
//! connections.

use std::sync::Arc;

use crate::goals::recoveries::empty;
use crate::harness::process::Cpu;
use crate::harness::results::{Row, Table};
use crate::harness::site::{Handset, Served, Site};
use crate::harness::{Plan, together};

/// The devices that come at the same time.
const AT_ONCE: usize = 64;

#[derive(Default)]
struct Samples {
    rate: Vec<f64>,
    cpu: Vec<f64>,
    commits: Vec<f64>,
}

impl Samples {
    /// Lets every device do its work so many times. Returns the devices.
    async fn add<F: Future<Output = Handset> + Send + 'static>(
        &mut self,
        served: &Served,
        devices: Vec<Handset>,
        each: usize,
        work: impl Fn(Handset) -> F + Send + Sync + 'static,
    ) -> Vec<Handset> {
        let count = (devices.len() * each) as f64;
        let (cpu, commits, work) = (Cpu::of(served.pid()), served.commits(), Arc::new(work));
        let tasks = devices.into_iter().map(|mut device| {
            let work = Arc::clone(&work);
            async move {
                for _ in 0..each {
                    device = work(device).await;
                }
                device
            }
        });
        let (seconds, done) = together(tasks).await;
        self.rate.push(count / seconds);
        self.cpu.push(Cpu::of(served.pid()).since(&cpu).total() * 1e6 / count);
        self.commits.push((served.commits() - commits) / count);
        done
    }
}

pub async fn measure(plan: &Plan) -> Vec<Table> {
    let each = plan.of(2, 100, 400);
    let site = Site::new();
    let enrolled = site.enrol(0..AT_ONCE).await;
    let served = site.serve();
    let mut devices: Vec<_> = enrolled.iter().map(|enrolled| served.handset(enrolled, true)).collect();
    for device in &mut devices {
        device.session().await;
        assert_eq!(device.session().await, 1, "an idle session is one message and its answer");
    }
    let (mut nothing, mut check_ins) = (Samples::default(), Samples::default());
    for _ in 0..plan.rounds {
        let answered = |device: Handset| async move {
            empty(&device.wire).await;
            device
        };
        devices = nothing.add(&served, devices, each, answered).await;
        for device in &mut devices {
            device.write(each).await;
        }
        let session = |mut device: Handset| async move {
            device.check_in().await;
            device
        };
        devices = check_ins.add(&served, devices, each, session).await;
        devices.iter_mut().for_each(Handset::check_answers);
    }
    let mut table = Table::new(3, "Idle check-ins");
    table.note(format!("{AT_ONCE} devices, kept connections over mutual TLS."));
    table.note("A check-in is a session of one message, which is written before.");
    table.row(Row::new("requests answered with nothing", "per second", nothing.rate));
    table.row(Row::new("check-ins", "per second", check_ins.rate).over("requests answered with nothing").at_least(0.5));
    table.row(Row::new("processor time of the server, nothing", "µs each", nothing.cpu));
    let cpu = Row::new("processor time of the server, check-in", "µs each", check_ins.cpu);
    table.row(cpu.over("processor time of the server, nothing"));
    table.row(Row::new("commits", "per check-in", check_ins.commits));
    vec![table]
}
