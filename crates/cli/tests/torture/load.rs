//! Callers and devices at work.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinSet;

use crate::ledger::Ledger;
use crate::scene::{Device, Face, Scene};
use crate::server::Place;

/// Work that goes on until it is stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

/// The number of callers who ask, and of those who read.
const CALLERS: usize = 2;

impl Load {
    /// Begins: devices come, callers ask, callers read, and an operator works on the host.
    pub fn on(scene: &mut Scene) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for device in scene.devices.clone() {
            tasks.spawn(synchronise(device, scene.rng.fork(), Arc::clone(&stop)));
        }
        for _ in 0..CALLERS {
            let caller = |rng| Caller {
                face: Arc::clone(&scene.face),
                devices: scene.devices.clone(),
                rng,
                stop: Arc::clone(&stop),
            };
            let (one, other) = (scene.rng.fork(), scene.rng.fork());
            tasks.spawn(caller(one).ask());
            tasks.spawn(caller(other).read());
        }
        tasks.spawn(operate(scene.place.clone(), Arc::clone(&scene.ledger), scene.rng.fork(), Arc::clone(&stop)));
        Self { stop, tasks }
    }

    /// Ends. What hangs for seconds is cut off, as a person gives up and a device runs out of power.
    pub async fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let rest = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_secs(3), rest).await;
        self.tasks.shutdown().await;
    }
}

async fn synchronise(device: Arc<Device>, mut rng: Rng, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        // A session that ends early is what this is about: the device comes again.
        let _ = device.sync().await;
        tokio::time::sleep(Duration::from_millis(rng.u64(10..120))).await;
    }
}

/// The command writes into the same database, from processes of its own.
async fn operate(place: Place, ledger: Arc<Ledger>, mut rng: Rng, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(rng.u64(100..900))).await;
        let mut command = tokio::process::Command::from(place.command(&["device", "enroll-token"]));
        let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).status().await;
        if ended.is_ok_and(|status| status.success()) {
            ledger.mint();
        }
    }
}

struct Caller {
    face: Arc<Face>,
    devices: Vec<Arc<Device>>,
    rng: Rng,
    stop: Arc<AtomicBool>,
}

impl Caller {
    async fn ask(mut self) {
        let mut unanswered: Option<(Arc<Device>, String)> = None;
        while !self.stop.load(Ordering::Relaxed) {
            // A request that was not answered is sent again under its id, as every SDK does.
            let (device, id) = match unanswered.take() {
                Some(again) => again,
                None => (self.any(), format!("{:032x}", self.rng.u128(..))),
            };
            if self.face.recover(&device.id, Some(&id)).await.is_none() {
                unanswered = Some((device, id));
            }
            self.rest().await;
        }
    }

    async fn read(mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            let device = self.any();
            let ledger = &device.wire.ledger;
            let floor = ledger.floor(device.number);
            if let Some(entries) = self.face.read(device.number, &device.id).await {
                ledger.compare(device.number, floor, entries.first());
            }
            self.rest().await;
        }
    }

    fn any(&mut self) -> Arc<Device> {
        Arc::clone(&self.devices[self.rng.usize(0..self.devices.len())])
    }

    async fn rest(&mut self) {
        tokio::time::sleep(Duration::from_millis(self.rng.u64(5..90))).await;
    }
}
