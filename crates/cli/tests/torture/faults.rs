//! The faults, one function each: work, something bad, and what must be true afterwards.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use fastrand::Rng;
use tempfile::TempDir;

use crate::ledger::{Entry, Excuse, Promise};
use crate::load::Load;
use crate::preload::{self, Preload};
use crate::scene::{DEVICES, Ended, Scene, output, run};
use crate::server::{Server, Start};
use crate::support::faketime;
use crate::support::machine::{Machine, PASSPHRASE};
use crate::support::text;

/// Every kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// SIGKILL under load.
    Kill,
    /// SIGKILL while the server starts, several times.
    KillStart,
    /// SIGKILL while `init` makes the database and the keys; then `init` again.
    KillInit,
    /// SIGTERM under load, as a service manager stops it.
    Stop,
    /// `fsync` fails.
    Fsync,
    /// Writing fails.
    WriteError,
    /// Writes are short.
    ShortWrite,
    /// Reading fails.
    ReadError,
    /// The disk is full, and has room again.
    DiskFull,
    /// One bit of the write-ahead log flips while the server is dead.
    FlipWal,
    /// One bit of the database flips while the server is dead.
    FlipDatabase,
    /// One bit of the mark flips while the server is dead.
    FlipMark,
    /// The write-ahead log is gone after a SIGKILL.
    LostWal,
    /// The database is replaced by an older copy.
    OldCopy,
    /// The clock jumps by days, and comes back.
    Clock,
    /// A thousand idle connections, on few file descriptors.
    Flood,
    /// Messages of devices and answers to them are lost.
    LostAnswers,
    /// Messages of devices arrive twice.
    Duplicates,
    /// SIGKILL of a real agent within a recovery, and of the server.
    AgentKill,
}

/// The end of a round.
pub enum Went {
    /// To its end.
    Through,
    /// It could not be run on this machine.
    NotRun(String),
}

/// The time for which the clock is wrong: longer than the pause of the job that destroys what is over.
const CLOCK: Duration = Duration::from_secs(17);
/// The same, for the job that ends what waits too long.
const LONG_CLOCK: Duration = Duration::from_secs(65);

const VERB: &str = "chaveiro restore accept";

impl Kind {
    /// The name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The fault, in a sentence.
    pub fn about(self) -> String {
        self.to_possible_value().and_then(|value| Some(value.get_help()?.to_string())).unwrap_or_default()
    }

    /// Runs a round in that scene; a run of hours waits longer for what happens seldom.
    pub async fn run(self, scene: &mut Scene, is_long: bool) -> Result<Went> {
        match self {
            Self::Kill => kill(scene).await?,
            Self::KillStart => kill_start(scene).await?,
            Self::KillInit => kill_init(scene).await?,
            Self::Stop => stop(scene).await?,
            Self::Fsync => failing_disk(scene, preload::Fault::Fsync).await?,
            Self::WriteError => failing_disk(scene, preload::Fault::Write).await?,
            Self::ShortWrite => failing_disk(scene, preload::Fault::ShortWrite).await?,
            Self::ReadError => failing_disk(scene, preload::Fault::Read).await?,
            Self::DiskFull => disk_full(scene).await?,
            Self::FlipWal => flip(scene, Flipped::Wal).await?,
            Self::FlipDatabase => flip(scene, Flipped::Database).await?,
            Self::FlipMark => flip(scene, Flipped::Mark).await?,
            Self::LostWal => lost_wal(scene).await?,
            Self::OldCopy => old_copy(scene).await?,
            Self::Clock => return clock(scene, if is_long { LONG_CLOCK } else { CLOCK }).await,
            Self::Flood => flood(scene).await?,
            Self::LostAnswers => weather(scene, 15, 0).await?,
            Self::Duplicates => weather(scene, 0, 40).await?,
            Self::AgentKill => agent_kill(scene).await?,
        }
        Ok(Went::Through)
    }
}

async fn kill(scene: &mut Scene) -> Result<()> {
    for _ in 0..scene.rng.usize(1..3) {
        let load = Load::on(scene);
        scene.pause(50..1500).await;
        scene.kill();
        load.stop().await;
        if !scene.must_start("a SIGKILL").await? {
            return Ok(());
        }
    }
    scene.check("after a SIGKILL").await
}

async fn kill_start(scene: &mut Scene) -> Result<()> {
    let load = Load::on(scene);
    scene.pause(200..800).await;
    scene.kill();
    load.stop().await;
    for _ in 0..scene.rng.usize(2..5) {
        let server = Server::spawn(&scene.place)?;
        scene.pause(0..400).await;
        drop(server);
    }
    if scene.must_start("a SIGKILL while it started").await? {
        scene.check("after a SIGKILL while it started").await?;
    }
    Ok(())
}

/// `init` in directories of its own, killed once or twice in each.
async fn kill_init(scene: &mut Scene) -> Result<()> {
    let round = scene.rng.u32(..);
    for number in 0..3 {
        let mut place = scene.place.clone();
        place.data = scene.home().join(format!("init-{round:08x}-{number}"));
        place.ports = [0, 0];
        for _ in 0..scene.rng.usize(1..3) {
            let mut init = place.command(&["init"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
            scene.pause(1..300).await;
            let _ = init.kill();
            init.wait()?;
        }
        let broken =
            |what: String| scene.ledger.broke(Promise::NothingStopsIt, format!("after a SIGKILL during init, {what}"));
        if let Ended::Badly(said) = output(&mut place.command(&["init"]))? {
            // It had come to its end before it was killed: then everything else works.
            if !said.contains("already") {
                broken(format!("init again: {said}"));
                continue;
            }
        }
        match Server::start(&place)? {
            Start::Serving(_server, _) => {
                if let Ended::Badly(said) = output(&mut place.command(&["device", "enroll-token"]))? {
                    broken(format!("no device can enrol: {said}"));
                }
            }
            Start::Refused { said, .. } => broken(format!("the server does not start: {said}")),
        }
    }
    Ok(())
}

async fn stop(scene: &mut Scene) -> Result<()> {
    let load = Load::on(scene);
    scene.pause(100..1200).await;
    let status = scene.server()?.stop(Duration::from_secs(30));
    if !status.is_some_and(|status| status.success()) {
        scene.ledger.broke(Promise::NothingStopsIt, format!("told to stop, the server ended with {status:?}"));
    }
    scene.kill();
    load.stop().await;
    if scene.must_start("a stop").await? {
        scene.check("after a stop").await?;
    }
    Ok(())
}

/// The disk fails under a running server.
async fn failing_disk(scene: &mut Scene, fault: preload::Fault) -> Result<()> {
    let preload = Preload::build(scene.home(), &scene.place.data)?;
    scene.kill();
    scene.place.environment = preload.environment();
    let started = scene.must_start("a SIGKILL").await;
    scene.place.environment.clear();
    if !started? {
        return Ok(());
    }
    let load = Load::on(scene);
    scene.pause(200..700).await;
    let (excuse, every) = match fault {
        // Once is enough: what the kernel could not write may be gone from its memory as well.
        preload::Fault::Fsync => (Excuse::Failing, scene.rng.i32(1..4)),
        preload::Fault::Write => (Excuse::Failing, scene.rng.i32(2..20)),
        preload::Fault::Read => (Excuse::Failing, scene.rng.i32(2..20)),
        // The rest is written by another call: no caller gets another answer for it.
        preload::Fault::ShortWrite => (Excuse::None, scene.rng.i32(1..6)),
    };
    scene.ledger.excuse(excuse);
    preload.arm(fault, every)?;
    if let preload::Fault::Fsync = fault {
        let ended = scene.server()?.ended(Duration::from_secs(5));
        match ended {
            None => scene.ledger.broke(Promise::Durable, "an fsync failed, and the server went on with the same files"),
            Some(status) if status.success() => {
                scene.ledger.broke(Promise::Durable, "an fsync failed, and the server ended with success");
            }
            Some(_) if !scene.server()?.logged().contains("disk") => {
                scene
                    .ledger
                    .broke(Promise::NothingStopsIt, "an fsync failed, and the server ended without a word about it");
            }
            Some(_) => {}
        }
    } else {
        scene.pause(500..1500).await;
        if scene.rng.bool() {
            preload.disarm()?;
            load.stop().await;
            scene.ledger.excuse(Excuse::None);
            // A server may end itself when it cannot trust its files any more. One that goes on has to serve.
            if scene.server()?.ended(Duration::ZERO).is_none() {
                scene.check("when the disk was well again").await?;
            }
            scene.kill();
            if scene.must_start("the disk failed").await? {
                scene.check("after a restart on a disk that was well again").await?;
            }
            return Ok(());
        }
    }
    scene.kill();
    load.stop().await;
    scene.ledger.excuse(Excuse::None);
    if scene.must_start("a SIGKILL while the disk failed").await? {
        scene.check("after a SIGKILL while the disk failed").await?;
    }
    Ok(())
}

/// The data directory lies on a small file system of its own, see [`mount_small`].
async fn disk_full(scene: &mut Scene) -> Result<()> {
    let load = Load::on(scene);
    scene.pause(300..800).await;
    scene.ledger.excuse(Excuse::Later);
    scene.ledger.refused();
    let filler = scene.place.data.with_file_name("filler");
    fill(&filler, scene.rng.u64(0..96 << 10))?;
    let begun = Instant::now();
    let (mut refused, mut told) = (0, false);
    while begun.elapsed() < Duration::from_secs(6) && !(refused > 3 && told) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        refused += scene.ledger.refused();
        told |= scene.face.probe("/readyz").await == Some(503);
        // What a checkpoint has freed is filled as well.
        fill(&filler, 0)?;
    }
    if refused > 3 && !told {
        scene.ledger.broke(Promise::Truth, "the disk is full, writes are refused, and /readyz says that all is well");
    }
    let killed = scene.rng.bool();
    if killed {
        scene.kill();
    }
    load.stop().await;
    if killed && let Start::Refused { code, said } = Server::start(&scene.place)? {
        // There may be no room for a start, but for saying so, when the log is elsewhere.
        let is_mute = scene.place.log.parent() == filler.parent();
        if code.is_none_or(|code| code == 101) || (said.trim().is_empty() && !is_mute) {
            let what = format!("on a full disk the server ends with {code:?} and says {said:?}");
            scene.ledger.broke(Promise::Truth, what);
        }
    }
    std::fs::remove_file(&filler)?;
    if killed && !scene.must_start("a SIGKILL on a full disk").await? {
        return Ok(());
    }
    // A moment in which it may notice that there is room.
    let begun = Instant::now();
    while scene.face.probe("/readyz").await != Some(200) && begun.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    scene.ledger.excuse(Excuse::None);
    scene.check("when the disk has room again").await?;
    scene.kill();
    if scene.must_start("a full disk").await? {
        scene.check("after a restart on a disk that was full").await?;
    }
    Ok(())
}

/// Takes every byte but so many.
fn fill(filler: &Path, spare: u64) -> Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(filler)?;
    for size in [1 << 16, 1 << 12, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    let length = file.metadata()?.len();
    Ok(file.set_len(length.saturating_sub(spare))?)
}

/// A small file system, unmounted when dropped.
pub struct Mount(PathBuf);

impl Mount {
    /// The directory that is its root.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// Makes that directory and mounts a small file system there; says why there is none.
pub fn mount_small(directory: &Path) -> Result<Mount, String> {
    std::fs::create_dir(directory).map_err(|error| format!("no mount: {error}"))?;
    let mut mount = Command::new("mount");
    let mounted = mount.args(["-t", "tmpfs", "-o", "size=24m,mode=700", "none"]).arg(directory).output();
    match mounted {
        Ok(output) if output.status.success() => Ok(Mount(directory.to_owned())),
        Ok(output) => Err(format!("no mount: {}", text(&output.stderr).trim())),
        Err(error) => Err(format!("no mount: {error}")),
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// The file that loses a bit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flipped {
    Wal,
    Database,
    Mark,
}

/// Flips one bit each in what a SIGKILL left behind, and takes everything back before the devices go on.
async fn flip(scene: &mut Scene, flipped: Flipped) -> Result<()> {
    let load = Load::on(scene);
    scene.pause(300..1000).await;
    scene.kill();
    load.stop().await;
    let snapshot = Snapshot::take(&scene.place.data)?;
    for _ in 0..3 {
        let file = match flipped {
            Flipped::Wal => Some(scene.place.data.join("chaveiro.db-wal")),
            Flipped::Database => Some(scene.place.data.join("chaveiro.db")),
            Flipped::Mark => mark(&scene.place.data),
        };
        let Some(file) = file.filter(|file| file.metadata().is_ok_and(|found| found.len() > 0)) else {
            // A log without a byte holds nothing that could be lost.
            if flipped == Flipped::Mark {
                scene.ledger.broke(Promise::OlderIsNoticed, "there is no mark outside the database");
            }
            break;
        };
        let bit = flip_bit(&file, &mut scene.rng)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if flipped == Flipped::Database {
            // What stands in a damaged row cannot be answered: 500 says so, and a wrong answer would not.
            scene.ledger.excuse(Excuse::Failing);
        }
        judge_flipped(scene, flipped, &format!("after bit {bit} of {name} flipped")).await?;
        scene.ledger.excuse(Excuse::None);
        scene.kill();
        snapshot.put_back()?;
    }
    if scene.must_start("a SIGKILL").await? {
        scene.check("after a SIGKILL").await?;
    }
    Ok(())
}

/// The files of a data directory, as they were.
struct Snapshot {
    data: PathBuf,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Snapshot {
    fn take(data: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        for file in files_of(data)? {
            let bytes = std::fs::read(&file)?;
            files.insert(file, bytes);
        }
        Ok(Self { data: data.to_owned(), files })
    }

    /// Writes into the files that are there: a mark knows a copy of itself.
    fn put_back(&self) -> Result<()> {
        for file in files_of(&self.data)? {
            if !self.files.contains_key(&file) {
                std::fs::remove_file(file)?;
            }
        }
        for (file, bytes) in &self.files {
            std::fs::write(file, bytes)?;
        }
        Ok(())
    }
}

fn files_of(data: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(data)?.collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_file()).collect())
}

/// Flips one bit at random, and says which.
fn flip_bit(file: &Path, rng: &mut Rng) -> Result<u64> {
    let opened = OpenOptions::new().read(true).write(true).open(file)?;
    let bit = rng.u64(0..opened.metadata()?.len() * 8);
    let mut byte = [0];
    opened.read_exact_at(&mut byte, bit / 8)?;
    opened.write_all_at(&[byte[0] ^ 1 << (bit % 8)], bit / 8)?;
    Ok(bit)
}

/// The mark of a data directory, wherever in it.
fn mark(data: &Path) -> Option<PathBuf> {
    let places = [data.to_owned(), data.join("keys")];
    let mut files = places.iter().filter_map(|place| std::fs::read_dir(place).ok()).flatten().filter_map(Result::ok);
    files.find(|file| file.file_name().to_string_lossy().contains("mark")).map(|file| file.path())
}

/// The server serves what is true, or refuses and says why, and serves what is marked once an operator accepts it.
async fn judge_flipped(scene: &mut Scene, flipped: Flipped, after: &str) -> Result<()> {
    let mut accepted = false;
    match Server::start(&scene.place)? {
        Start::Serving(server, _) => {
            if flipped == Flipped::Wal && server.logged().trim().is_empty() {
                scene.ledger.broke(Promise::OlderIsNoticed, format!("{after}, the server starts without a word"));
            }
            scene.server = Some(server);
        }
        // A database that is no database any more is restored from a backup.
        Start::Refused { said, .. } if flipped == Flipped::Database && !said.contains(VERB) => {
            if said.trim().is_empty() || said.contains("panicked") {
                scene.ledger.broke(Promise::OlderIsNoticed, format!("{after}, the server ends and says {said:?}"));
            }
            return Ok(());
        }
        Start::Refused { code, said } => {
            scene.server = accept(scene, code, &said, after)?;
            accepted = true;
        }
    }
    if scene.server.is_none() {
        return Ok(());
    }
    let before = scene.ledger.violations();
    match scene.judge_apart(accepted, after).await {
        // A command that complains of the database has noticed.
        Err(_) if flipped == Flipped::Database => return Ok(()),
        judged => judged?,
    }
    if flipped == Flipped::Database && scene.ledger.violations() > before && tells_of_damage(scene).await {
        scene.ledger.forgive(before);
    }
    Ok(())
}

/// Returns whether the server tells its operator within ten seconds that something stored is not as it was written: it reads
/// its rows and its record after the start, and answers meanwhile.
async fn tells_of_damage(scene: &Scene) -> bool {
    const TOLD: [&str; 3] =
        ["the database is damaged", "rows that grant rights do not verify", "the audit record is damaged"];
    for _ in 0..100 {
        let said = scene.server.as_ref().map(Server::logged).unwrap_or_default();
        if TOLD.iter().any(|told| said.contains(told)) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

/// An operator reads why the server refuses, and accepts what is there.
fn accept(scene: &Scene, code: Option<i32>, said: &str, after: &str) -> Result<Option<Server>> {
    let broken = |what: String| scene.ledger.broke(Promise::OlderIsNoticed, format!("{after}, {what}"));
    if code.is_none_or(|code| code == 0 || code == 101) || !said.contains(VERB) {
        broken(format!("the server ends with {code:?} and does not name `{VERB}`: {said}"));
        return Ok(None);
    }
    let verb = ["restore", "accept", "--reason", "the harness flipped, removed or replaced a file"];
    if let Ended::Badly(said) = output(&mut scene.place.command(&verb))? {
        broken(format!("`{VERB}` fails: {said}"));
        return Ok(None);
    }
    Ok(match Server::start(&scene.place)? {
        Start::Serving(server, _) => Some(server),
        Start::Refused { said, .. } => {
            broken(format!("the server refuses although the copy was accepted: {said}"));
            None
        }
    })
}

async fn lost_wal(scene: &mut Scene) -> Result<()> {
    let load = Load::on(scene);
    scene.pause(300..1200).await;
    scene.kill();
    load.stop().await;
    for name in ["chaveiro.db-wal", "chaveiro.db-shm"] {
        let _ = std::fs::remove_file(scene.place.data.join(name));
    }
    older(scene, "without its write-ahead log").await
}

async fn old_copy(scene: &mut Scene) -> Result<()> {
    const FILES: [&str; 3] = ["chaveiro.db", "chaveiro.db-wal", "chaveiro.db-shm"];
    let load = Load::on(scene);
    scene.pause(200..600).await;
    scene.kill();
    load.stop().await;
    let copy = TempDir::with_prefix_in("yesterday-", scene.home())?;
    for name in FILES {
        let file = scene.place.data.join(name);
        if file.exists() {
            std::fs::copy(&file, copy.path().join(name))?;
        }
    }
    if !scene.must_start("a SIGKILL").await? {
        return Ok(());
    }
    let load = Load::on(scene);
    scene.pause(200..800).await;
    load.stop().await;
    scene.check("before the older copy").await?;
    if scene.rng.bool() {
        scene.server()?.stop(Duration::from_secs(30));
    }
    scene.kill();
    for name in FILES {
        let file = scene.place.data.join(name);
        let _ = std::fs::remove_file(&file);
        if copy.path().join(name).exists() {
            std::fs::copy(copy.path().join(name), &file)?;
        }
    }
    older(scene, "on an older copy of its database").await
}

/// The database may be older than what callers were told. Then the server says so, an operator accepts, and devices go on.
async fn older(scene: &mut Scene, when: &str) -> Result<()> {
    scene.is_spent = true;
    let after = format!("started {when}");
    match Server::start(&scene.place)? {
        Start::Serving(server, _) => {
            scene.server = Some(server);
            scene.sign_in(&after).await?;
            scene.judge_all(&after).await;
            scene.compare_record(&after).await?;
        }
        Start::Refused { code, said } => {
            let Some(server) = accept(scene, code, &said, &after)? else { return Ok(()) };
            scene.server = Some(server);
            scene.begin_anew();
            scene.sign_in(&after).await?;
            scene.judge_all(&format!("{after} and accepted")).await;
            // New recoveries are as good as ever.
            for device in &scene.devices {
                scene.face.recover(&device.id, None).await;
            }
            scene.settle(&format!("{after} and accepted")).await;
            for device in &scene.devices {
                let entries = scene.face.read(device.number, &device.id).await.unwrap_or_default();
                let newest = entries.first();
                let is_sure = newest.is_some_and(|entry| entry.is_done() && !entry.uncertain);
                if !is_sure {
                    let what =
                        format!("{after} and accepted, a new recovery of device {} ends as {newest:?}", device.number);
                    scene.ledger.broke(Promise::Truth, what);
                }
            }
            scene.check(&format!("{after} and accepted")).await?;
        }
    }
    Ok(())
}

/// The clock of the server jumps while it runs. One device is asked and does not come before the clock is right again.
async fn clock(scene: &mut Scene, long: Duration) -> Result<Went> {
    let Some(library) = faketime::library() else {
        return Ok(Went::NotRun("libfaketime is not installed".to_owned()));
    };
    let file = scene.home().join("clock");
    let set = |offset: &str| std::fs::write(&file, offset);
    set("+0")?;
    scene.kill();
    scene.place.environment = vec![
        ("LD_PRELOAD", library.to_owned()),
        ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("FAKETIME_CACHE_DURATION", "1".to_owned()),
    ];
    let jumped = jump(scene, &set, long).await;
    scene.place.environment.clear();
    jumped?;
    scene.kill();
    if scene.must_start("the clock jumped").await? {
        scene.check("after a restart with the right clock").await?;
    }
    Ok(Went::Through)
}

async fn jump(scene: &mut Scene, set: &dyn Fn(&str) -> std::io::Result<()>, long: Duration) -> Result<()> {
    if !scene.must_start("a SIGKILL").await? {
        return Ok(());
    }
    let (away, others) = scene.devices.split_first().context("devices")?;
    let (away, others) = (Arc::clone(away), others.to_vec());
    scene.settle("before the clock jumped").await;
    // One unread result of each of the others; and one recovery that waits.
    for device in &scene.devices {
        scene.face.recover(&device.id, None).await;
    }
    for device in &others {
        device.sync().await?;
    }
    let offset = ["+8d", "+43d", "-2d"][scene.rng.usize(0..3)];
    set(offset)?;
    let begun = Instant::now();
    while begun.elapsed() < long {
        for device in &others {
            let _ = device.sync().await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    set("+0")?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = format!("after the clock jumped by {offset} and back");
    if !scene.sign_in(&after).await? {
        return Ok(());
    }
    let answer = scene.face.get("a device", &format!("{DEVICES}/{}", away.id)).await;
    let entries = answer.map(|answer| Entry::of_device(&answer.body)).unwrap_or_default();
    if !entries.first().is_some_and(Entry::is_open) {
        scene.ledger.broke(
            Promise::NothingStopsIt,
            format!("{after}, a recovery that waited for its device is {:?}", entries.first()),
        );
    }
    scene.judge_all(&after).await;
    scene.check(&after).await
}

/// Another address than that of good callers.
const ATTACKER: &str = "127.0.0.66:0";

async fn flood(scene: &mut Scene) -> Result<()> {
    scene.kill();
    scene.place.files = Some(1024);
    let started = scene.must_start("a SIGKILL").await;
    scene.place.files = None;
    if !started? {
        return Ok(());
    }
    let port = scene.place.ports[scene.rng.usize(0..2)];
    let held = Strangers::come(scene, port).await?;
    let load = Load::on(scene);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        let device = Arc::clone(&scene.devices[scene.rng.usize(0..scene.devices.len())]);
        let ready = async { scene.face.probe("/readyz").await.is_some() };
        let asked = async { scene.face.recover(&device.id, None).await == Some(204) };
        let came = async { device.sync().await.is_ok() };
        let answered = [
            ("/readyz", in_time(ready).await),
            ("a recovery", in_time(asked).await),
            ("a session of a device", in_time(came).await),
        ];
        for (what, _) in answered.iter().filter(|(_, answered)| !answered) {
            scene.ledger.broke(Promise::NothingStopsIt, format!("{what} fails while strangers hold connections"));
        }
    }
    load.stop().await;
    drop(held);
    scene.check("after a flood of connections").await?;
    // On as many file descriptors as before.
    scene.kill();
    scene.must_start("a flood").await.map(drop)
}

/// Says whether it succeeds within the time that a person waits.
async fn in_time(answer: impl Future<Output = bool>) -> bool {
    tokio::time::timeout(Duration::from_secs(5), answer).await.unwrap_or(false)
}

/// Connections of one address that ask for nothing: silent, in the middle of a handshake, or of the head of a request.
struct Strangers {
    _plain: Vec<tokio::net::TcpStream>,
    _private: Vec<rustls::StreamOwned<rustls::ClientConnection, std::net::TcpStream>>,
}

impl Strangers {
    async fn come(scene: &Scene, port: u16) -> Result<Self> {
        let (mut plain, mut private) = (Vec::new(), Vec::new());
        for number in 0..1005 {
            let socket = tokio::net::TcpSocket::new_v4()?;
            socket.bind(ATTACKER.parse()?)?;
            let connecting = socket.connect((scene.place.host, port).into());
            let Ok(Ok(mut stream)) = tokio::time::timeout(Duration::from_secs(1), connecting).await else {
                // One that is turned away is tried no more.
                continue;
            };
            match number % 10 {
                0 => private.extend(scene.half_a_request(stream).await.ok()),
                1..5 => {
                    let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, &[22, 3, 1, 2, 0, 1, 0, 1]).await;
                    plain.push(stream);
                }
                _ => plain.push(stream),
            }
        }
        Ok(Self { _plain: plain, _private: private })
    }
}

async fn weather(scene: &mut Scene, lost: u32, twice: u32) -> Result<()> {
    scene.weather.set(lost, twice);
    let load = Load::on(scene);
    scene.pause(1500..3000).await;
    load.stop().await;
    scene.weather.set(0, 0);
    scene.check("after messages were lost or sent twice").await
}

/// A Linux machine below a directory, with the real agent, a real shadow file and a real LUKS2 volume.
async fn agent_kill(scene: &mut Scene) -> Result<()> {
    let before = scene.device_ids().await?;
    let machine = Machine::new();
    let (token, url) = (scene.enrollment_token()?, scene.device_url());
    let root = scene.place.data.join("keys/ca/root.pem");
    must(&machine, &["enroll", &url, "--token", &token, "--root-certificate", root.to_str().context("a path")?])?;
    let file = machine.directory.path().join("passphrase");
    std::fs::write(&file, PASSPHRASE)?;
    let file = file.to_str().context("a path")?;
    must(&machine, &["escrow", "--accept-open-disk", "--passphrase-file", file])?;
    must(&machine, &["sync"])?;
    let after = scene.device_ids().await?;
    let id = after.into_iter().find(|id| !before.contains(id)).context("the machine")?;
    for round in 0..2 {
        let asked = scene.face.recover(&id, None).await;
        ensure!(asked == Some(204), "a recovery of the machine is answered {asked:?}");
        let mut agent = machine.agent(&["sync"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        scene.pause(20..1500).await;
        if scene.rng.bool() {
            scene.kill();
        }
        let _ = agent.kill();
        agent.wait()?;
        if scene.server.is_none() && !scene.must_start("a SIGKILL").await? {
            return Ok(());
        }
        let mut said = String::new();
        let mut entries = Vec::new();
        for _ in 0..4 {
            let output = machine.try_run(&["sync"]);
            said = text(&output.stderr);
            let path = format!("{DEVICES}/{id}?$select=deviceActionResults");
            let answer = scene.face.get("the machine", &path).await.context("the machine")?;
            entries = Entry::of_device(&answer.body);
            if entries.first().is_some_and(Entry::is_done) {
                break;
            }
        }
        let Some(passcode) = entries.first().filter(|entry| entry.is_done()).and_then(|entry| entry.passcode.clone())
        else {
            let what = format!("after the agent was killed, its recovery is {:?}: {said}", entries.first());
            scene.ledger.broke(Promise::NeverLost, what);
            return Ok(());
        };
        let locks = machine.locks();
        for (lock, opens) in [("login", locks.password_opens(&passcode)), ("disk", locks.passphrase_opens(&passcode))] {
            if !opens {
                scene.ledger.broke(
                    Promise::Truth,
                    format!("in round {round}, what is shown as current does not open the {lock}"),
                );
            }
        }
    }
    run(&scene.place, &["device", "retire", &id])?;
    scene.check("after an agent was killed").await
}

/// The agent of the machine does that, without a fault.
fn must(machine: &Machine, arguments: &[&str]) -> Result<()> {
    let output = machine.try_run(arguments);
    ensure!(output.status.success(), "the agent's `{}` failed: {}", arguments[0], text(&output.stderr));
    Ok(())
}

/// Runs this program once more where it may mount file systems that no other program sees. Returns its end. `None`: this process
/// goes on, because it is there already, or may not go.
pub fn apart() -> Result<Option<std::process::ExitStatus>> {
    const MARK: &str = "CHAVEIRO_TORTURE_APART";
    if std::env::var_os(MARK).is_some() {
        return Ok(None);
    }
    let can = Command::new("unshare").args(["--mount", "true"]).stderr(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let mut again = Command::new("unshare");
    again.args(["--mount", "--propagation", "private"]).arg(std::env::current_exe()?).args(std::env::args_os().skip(1));
    Ok(Some(again.env(MARK, "1").status()?))
}
