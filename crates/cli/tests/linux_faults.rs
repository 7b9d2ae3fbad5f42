//! The worst day of a Linux recovery: the agent killed at each step, the server gone, answers lost, disks full, clones,
//! clocks, damage. After each: the old secret opens the machine or one that the escrow holds does, and the action tells
//! the truth.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::machine::{Locks, Machine, OLD_PASSWORD, PASSPHRASE, escrowed};
use crate::support::{self, Server, WITHOUT_LIMITS, get, initialised, run, text};
use serde_json::Value;

const DEVICES: &str = "/beta/deviceManagement/managedDevices";

/// A server, a machine that is ready, and a Graph client.
struct Scene {
    _directory: tempfile::TempDir,
    server: Option<Server>,
    client: reqwest::Client,
    machine: Machine,
    id: String,
}

/// One device is recovered more often here than a tenant of one device ever needs.
fn without_hold() -> (tempfile::TempDir, PathBuf) {
    let (directory, data) = initialised();
    run(&data, &["tenant", "set", "--hold-recoveries", "0", "--reading-limit", "0", "--reading-caller-limit", "0"]);
    (directory, data)
}

impl Scene {
    async fn new() -> Self {
        let (directory, data) = without_hold();
        Self::with(directory, Server::start_with(&data, "127.0.0.1:0", "127.0.0.1:0", WITHOUT_LIMITS)).await
    }

    async fn with(directory: tempfile::TempDir, server: Server) -> Self {
        let client = server.client();
        let machine = Machine::ready(&server);
        let listed = get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
        let id = listed["value"][0]["id"].as_str().expect("an id").to_owned();
        Self { _directory: directory, server: Some(server), client, machine, id }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    async fn recover(&self) {
        let url = format!("{}{DEVICES}/{}/recoverPasscode", self.server().graph_url, self.id);
        assert_eq!(self.client.post(url).send().await.expect("an answer").status(), 204);
    }

    /// The newest result, without its passcode: this discloses nothing.
    async fn result(&self) -> Value {
        let url = format!("{}{DEVICES}/{}", self.server().graph_url, self.id);
        get(&self.client, &url).await["deviceActionResults"][0].clone()
    }

    async fn passcode(&self) -> Option<String> {
        let url = format!("{}{DEVICES}/{}?$select=deviceActionResults", self.server().graph_url, self.id);
        let result = get(&self.client, &url).await["deviceActionResults"][0].clone();
        result["passcode"].as_str().map(str::to_owned)
    }

    /// Something that is known opens each lock: the old secret, or one that the escrow holds.
    async fn check(&self, locks: &Locks, when: &str) -> (String, String) {
        let held = escrowed(&self.server().data).await;
        let by = |old: bool, opens: &dyn Fn(&str) -> bool| match (old, held.iter().any(|passcode| opens(passcode))) {
            (true, true) => "old and escrowed".to_owned(),
            (true, false) => "old".to_owned(),
            (false, true) => "escrowed".to_owned(),
            (false, false) => panic!("nothing opens the machine {when}"),
        };
        let login = by(locks.password_opens(OLD_PASSWORD), &|passcode| locks.password_opens(passcode));
        assert!(locks.passphrase_opens(PASSPHRASE), "the person's own slot is untouched {when}");
        let disk = by(false, &|passcode| locks.passphrase_opens(passcode));
        (login, disk)
    }

    /// What a done action promises.
    async fn check_done(&self, when: &str) {
        assert_eq!(self.result().await["actionState"], "done", "{when}");
        let passcode = self.passcode().await.expect("a passcode");
        let locks = self.machine.locks();
        assert!(locks.password_opens(&passcode) && locks.passphrase_opens(&passcode), "{when}");
        assert!(!locks.password_opens(OLD_PASSWORD) && locks.passphrase_opens(PASSPHRASE), "{when}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_at_each_step_finishes_or_takes_back_at_its_next_start() {
    let steps = [
        "prepared",
        "applying",
        "adding",
        "slotAdded",
        "slotMarked",
        "added",
        "opened",
        "setting",
        "set",
        "proven",
        "applied",
        "retiring",
        "retired",
        "kept",
        "finished",
    ];
    println!(
        "{:<10} {:<17} {:<17} {:<8} {:<17} {:<17} then",
        "killed at", "login opens by", "disk opens by", "state", "restarted: login", "disk"
    );
    for step in steps {
        let scene = Scene::new().await;
        scene.recover().await;
        assert!(scene.machine.sync_and_die_at(step), "{step} is reached");
        let killed = scene.check(&scene.machine.locks().copied(), step).await;
        let state = scene.result().await["actionState"].clone();
        if !["retiring", "retired", "kept", "finished"].contains(&step) {
            assert_ne!(state, "done", "{step}: nothing was proven to the server yet");
        }
        // It is started again and killed at once: what it does by itself, before it speaks to the server, must be enough.
        scene.machine.try_run(&["status"]);
        assert!(scene.machine.sync_and_die_at("prepared") || step != "prepared");
        let restarted = scene.check(&scene.machine.locks().copied(), step).await;
        for _ in 0..3 {
            scene.machine.run(&["sync"]);
        }
        scene.check_done(step).await;
        assert!(!scene.machine.state().join("recovery.journal").exists(), "{step}: nothing is left to be done");
        assert_eq!(key_slots(&scene.machine), 3, "{step}: a person's, the agent's, and that of the passcode");
        let state = state.as_str().expect("a state").to_owned();
        println!(
            "{step:<10} {:<17} {:<17} {state:<8} {:<17} {:<17} done",
            killed.0, killed.1, restarted.0, restarted.1
        );
    }
}

/// How many key slots the disk has.
fn key_slots(machine: &Machine) -> usize {
    let mut dump = std::process::Command::new("cryptsetup");
    let dumped = dump.args(["luksDump", "--dump-json-metadata"]).arg(machine.root().join("disk.img")).output();
    let metadata: Value = serde_json::from_slice(&dumped.expect("cryptsetup runs").stdout).expect("JSON");
    metadata["keyslots"].as_object().expect("slots").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_forty_times_leaves_no_key_slot_behind() {
    let scene = Scene::new().await;
    let mut interrupted = 0;
    for round in 0..40_u64 {
        scene.recover().await;
        let mut session = scene.machine.agent(&["sync"]).spawn().expect("it starts");
        // Spread over the whole session, in no order.
        tokio::time::sleep(Duration::from_millis(round * 97 % 600)).await;
        // The agent alone: what it runs has to end by itself.
        session.kill().expect("killed");
        interrupted += usize::from(!session.wait().expect("it ended").success());
        let slots = key_slots(&scene.machine);
        assert!(slots <= 5, "round {round}: {slots} key slots");
        if round % 10 == 9 {
            // An action whose attempts were interrupted so often may have failed; the next one does not.
            scene.machine.run(&["sync"]);
            scene.recover().await;
            for _ in 0..3 {
                scene.machine.run(&["sync"]);
            }
            scene.check_done(&format!("round {round}")).await;
            assert_eq!(key_slots(&scene.machine), 3, "round {round}");
        }
    }
    assert!(interrupted > 20, "{interrupted} sessions were interrupted");
}

/// Returns the processes that run cryptsetup on the disk of that machine with that verb.
fn cryptsetups(machine: &Machine, verb: &str) -> Vec<String> {
    let disk = machine.root().join("disk.img").into_os_string().into_string().expect("text");
    let processes = std::fs::read_dir("/proc").expect("the processes").filter_map(|entry| {
        let path = entry.ok()?.path();
        let line = std::fs::read_to_string(path.join("cmdline")).ok()?;
        let mut words = line.split('\0');
        let is_it = words.next()?.ends_with("/cryptsetup") && words.next()? == verb && words.any(|word| word == disk);
        is_it.then(|| path.file_name().and_then(|pid| pid.to_str()).map(str::to_owned)).flatten()
    });
    processes.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_agent_runs_ends_with_it() {
    let scene = Scene::new().await;
    let settings = scene.machine.root().join("etc/chaveiro-agent.toml");
    let written = std::fs::read_to_string(&settings).expect("the settings");
    // Deriving the key of the new slot takes longer than this test.
    std::fs::write(&settings, written.replace("= 1000\n", "= 4000000000\n")).expect("written");
    scene.recover().await;
    let mut session = scene.machine.agent(&["sync"]).spawn().expect("it starts");
    let until = async |what: &str, is_so: &dyn Fn(&[String]) -> bool| {
        let begun = std::time::Instant::now();
        loop {
            let running = cryptsetups(&scene.machine, "luksChangeKey");
            if is_so(&running) || begun.elapsed() > Duration::from_secs(20) {
                assert!(is_so(&running), "{what}: {running:?}");
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    until("it changes a key", &|running| !running.is_empty()).await;
    session.kill().expect("killed");
    session.wait().expect("it ended");
    let ended = tokio::time::timeout(Duration::from_secs(5), until("it has ended", &<[_]>::is_empty)).await;
    for left in cryptsetups(&scene.machine, "luksChangeKey") {
        let _ = std::process::Command::new("kill").arg(left).status();
    }
    assert!(ended.is_ok(), "the agent was killed, and its program goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_at_any_moment_of_the_session_loses_nothing() {
    let mut scene = Scene::new().await;
    for delay_ms in [0, 20, 40, 60, 80, 100, 130, 160, 200, 250, 300, 400, 600] {
        scene.recover().await;
        let mut session = scene.machine.agent(&["sync"]).spawn().expect("it starts");
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        let mut server = scene.server.take().expect("it runs");
        server.kill();
        let _ = session.wait();
        scene.server = Some(server.kill_and_restart());
        scene.check(&scene.machine.locks().copied(), &format!("after {delay_ms} ms")).await;
        for _ in 0..3 {
            scene.machine.run(&["sync"]);
        }
        scene.check_done(&format!("the server was killed after {delay_ms} ms")).await;
    }
    let export = scene.server().data.join("audit.jsonl");
    run(&scene.server().data, &["audit", "export", "--output", export.to_str().expect("text")]);
    let key = run(&scene.server().data, &["audit", "key"]);
    run(&scene.server().data, &["audit", "verify", export.to_str().expect("text"), "--key", key.trim()]);
}

/// Carries bytes between agent and server, and breaks connections: the answer of the server that has that number, and
/// as many after it, never arrive.
struct Wire {
    address: String,
    /// Answers that still pass.
    passes: Arc<AtomicUsize>,
    /// Answers that are lost after those.
    losses: Arc<AtomicUsize>,
}

impl Wire {
    fn new() -> (Self, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let wire = Self { address, passes: Arc::new(AtomicUsize::new(usize::MAX)), losses: Arc::default() };
        (wire, listener)
    }

    fn lose(&self, passes: usize, losses: usize) {
        self.losses.store(losses, Ordering::SeqCst);
        self.passes.store(passes, Ordering::SeqCst);
    }

    fn serve(&self, listener: TcpListener, target: String) {
        let (passes, losses) = (Arc::clone(&self.passes), Arc::clone(&self.losses));
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(&target) else { continue };
                let (passes, losses) = (Arc::clone(&passes), Arc::clone(&losses));
                let (near_too, far_too) = (near.try_clone().expect("a socket"), far.try_clone().expect("a socket"));
                std::thread::spawn(move || pump(near_too, far_too, || true));
                std::thread::spawn(move || {
                    pump(far, near, || {
                        if passes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                            return true;
                        }
                        losses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
                    });
                });
            }
        });
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, mut passes: impl FnMut() -> bool) {
    let mut bytes = [0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if !passes() || to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(std::net::Shutdown::Both);
    let _ = to.shutdown(std::net::Shutdown::Both);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_at_any_point_of_the_session_is_asked_for_again() {
    let (directory, data) = without_hold();
    let (wire, listener) = Wire::new();
    let url = format!("https://{}", wire.address);
    let server = Server::start_with(&data, "127.0.0.1:0", "127.0.0.1:0", &["--device-url", &url]);
    let bound = std::fs::read_to_string(data.join("server.lock")).expect("the lock");
    assert!(bound.contains(&wire.address), "{bound}");
    wire.serve(listener, server.device_listen());
    let mut server = server;
    server.device_url = url;
    let scene = Scene::with(directory, server).await;
    // A session of a recovery has some eight answers, those of the handshake among them. One loss is healed by the
    // repeat within the session, three end the session.
    for (passes, losses) in (0..9).flat_map(|passes| [(passes, 1), (passes, 3)]) {
        let when = format!("{losses} answers lost after {passes}");
        scene.recover().await;
        wire.lose(passes, losses);
        scene.machine.try_run(&["sync"]);
        wire.lose(usize::MAX, 0);
        scene.check(&scene.machine.locks().copied(), &when).await;
        for _ in 0..2 {
            scene.machine.run(&["sync"]);
        }
        scene.check_done(&when).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_fails_is_taken_back_and_the_action_says_which() {
    for (step, reason) in [("opened", "luks2:/disk.img notProven"), ("proven", "login:ana notProven")] {
        let scene = Scene::new().await;
        scene.recover().await;
        let output = scene.machine.agent(&["sync"]).env("CHAVEIRO_AGENT_SPOIL", step).output().expect("it runs");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let result = scene.result().await;
        assert_eq!((&result["actionState"], &result["errorCode"]), (&"failed".into(), &500.into()), "{result}");
        assert!(result["chaveiro_deviceReason"].as_str().expect("a reason").contains(reason), "{result}");
        let locks = scene.machine.locks();
        assert!(locks.password_opens(OLD_PASSWORD), "the password is back");
        assert_eq!(scene.check(&locks, step).await.1, "escrowed", "the escrowed passcode of the disk was not touched");
        scene.recover().await;
        scene.machine.run(&["sync"]);
        scene.check_done("after a failed one").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recovered_is_left_out_and_named_and_the_rest_is_recovered() {
    const ANA: &str = "ana:x:1000:1000:Ana Souza,,,:/home/ana:/bin/sh\n";
    let change = |machine: &Machine, name: &str, from: &str, to: &str| {
        let file = machine.root().join(name);
        let old = std::fs::read_to_string(&file).expect("read");
        assert!(old.contains(from), "{name} has {from}");
        std::fs::write(file, old.replacen(from, to, 1)).expect("written");
    };
    type Spoil<'a> = &'a dyn Fn(&Machine);
    let table: &[(&str, Spoil<'_>)] = &[
        ("login:ana directory", &|machine| change(machine, "etc/passwd", ANA, "")),
        ("login:ana directory", &|machine| change(machine, "etc/passwd", "\nana:", "\nanna:")),
        ("login:ana locked", &|machine| change(machine, "etc/shadow", "ana:$6", "ana:!$6")),
        ("login:ana expired", &|machine| change(machine, "etc/shadow", "99999:7:::\nbob", "99999:7::1:\nbob")),
        ("login:ana passwordless", &|machine| change(machine, "etc/shadow", "ana:$6$", "ana:*")),
        ("login:ana noShell", &|machine| {
            change(machine, "etc/passwd", "/home/ana:/bin/sh", "/home/ana:/usr/sbin/nologin")
        }),
        ("login:ana homed", &|machine| {
            std::fs::create_dir_all(machine.root().join("var/lib/systemd/home")).expect("made");
            std::fs::write(machine.root().join("var/lib/systemd/home/ana.identity"), "{}").expect("written");
        }),
    ];
    for (reason, spoil) in table {
        let scene = Scene::new().await;
        spoil(&scene.machine);
        scene.recover().await;
        scene.machine.run(&["sync"]);
        let result = scene.result().await;
        assert_eq!(result["actionState"], "done", "{reason}: {result}");
        assert_eq!(result["chaveiro_opens"], serde_json::json!(["luks2:/disk.img"]), "{reason}");
        assert_eq!(result["chaveiro_deviceReason"], *reason);
        let passcode = scene.passcode().await.expect("a passcode");
        assert!(scene.machine.locks().passphrase_opens(&passcode), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_disk_does_not_stand_in_the_way_of_the_password() {
    let damage = |machine: &Machine, from: usize, to: usize| {
        let file = machine.root().join("disk.img");
        let mut bytes = std::fs::read(&file).expect("read");
        bytes[from..to].fill(0x5a);
        std::fs::write(file, bytes).expect("written");
    };
    let scene = Scene::new().await;
    // Both copies of the header.
    damage(&scene.machine, 0, 65_536);
    scene.recover().await;
    scene.machine.run(&["sync"]);
    let result = scene.result().await;
    assert_eq!(
        (&result["actionState"], &result["chaveiro_opens"]),
        (&"done".into(), &serde_json::json!(["login:ana"]))
    );
    assert!(result["chaveiro_deviceReason"].as_str().expect("a reason").contains("volumeUnusable"), "{result}");
    let passcode = scene.passcode().await.expect("a passcode");
    assert!(scene.machine.locks().password_opens(&passcode));

    // The escrow's own slot is gone: it is seen at the next session, and a recovery puts it right.
    let scene = Scene::new().await;
    let first = scene.passcode().await.expect("a passcode");
    let disk = scene.machine.root().join("disk.img");
    let mut kill = std::process::Command::new("cryptsetup");
    kill.args(["luksRemoveKey", "--batch-mode", "--key-file", "-"]).arg(&disk).stdin(std::process::Stdio::piped());
    let mut running = kill.spawn().expect("cryptsetup runs");
    running.stdin.take().expect("its input").write_all(first.as_bytes()).expect("written");
    assert!(running.wait().expect("it ends").success());
    let locks = scene.machine.locks();
    assert!(!locks.passphrase_opens(&first));
    scene.machine.run(&["sync"]);
    let url = format!("{}{DEVICES}/{}", scene.server().graph_url, scene.id);
    let states = get(&scene.client, &url).await["chaveiro_recoverability"].clone();
    let disk =
        states.as_array().and_then(|states| states.iter().find(|state| state["lock"] == "luks2")).expect("a disk");
    assert_eq!((&disk["ready"], &disk["escrow"]), (&true.into(), &"changed".into()), "{states}");
    scene.recover().await;
    scene.machine.run(&["sync"]);
    scene.check_done("after the slot was gone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_can_be_recovered_is_not_supported_with_every_reason() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let machine = Machine::new();
    assert!(machine.enroll(&server).status.success());
    machine.run(&["sync"]);
    let shadow = machine.root().join("etc/shadow");
    std::fs::write(&shadow, std::fs::read_to_string(&shadow).expect("read").replace("ana:$6", "ana:!$6"))
        .expect("written");
    let client = server.client();
    let listed = get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
    let id = listed["value"][0]["id"].as_str().expect("an id").to_owned();
    let url = format!("{}{DEVICES}/{id}", server.graph_url);
    assert_eq!(client.post(format!("{url}/recoverPasscode")).send().await.expect("an answer").status(), 204);
    machine.run(&["sync"]);
    let result = get(&client, &url).await["deviceActionResults"][0].clone();
    assert_eq!((&result["actionState"], &result["errorCode"]), (&"notSupported".into(), &406.into()), "{result}");
    assert_eq!(result["chaveiro_deviceReason"], "login:ana locked; luks2:/disk.img notEscrowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_agents_with_one_identity_lock_no_user_out() {
    let scene = Scene::new().await;
    let clone = Machine { directory: tempfile::tempdir().expect("a directory") };
    let copy = |from: &Path| {
        let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(clone.directory.path()).status();
        assert!(copied.expect("cp runs").success());
    };
    copy(&scene.machine.root());
    copy(&scene.machine.state());
    for round in 0..4 {
        scene.recover().await;
        // One is killed half-way, the other goes on in its place; then the other way round.
        let (one, other) = if round % 2 == 0 { (&scene.machine, &clone) } else { (&clone, &scene.machine) };
        one.sync_and_die_at(["added", "set", "applied", "prepared"][round]);
        for machine in [other, one, other, one] {
            machine.try_run(&["sync"]);
        }
        let when = format!("in round {round}");
        scene.check(&scene.machine.locks(), &when).await;
        scene.check(&clone.locks(), &when).await;
        assert_eq!(scene.result().await["actionState"], "done", "{when}");
        let passcode = scene.passcode().await.expect("a passcode");
        let opened =
            [&scene.machine, &clone].iter().filter(|machine| machine.locks().password_opens(&passcode)).count();
        assert!(opened >= 1, "{when}: done means that it opens the machine that proved it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_forgot_what_it_acknowledged_gets_the_old_secret_back_in_place() {
    let mut scene = Scene::new().await;
    let mut server = scene.server.take().expect("it runs");
    server.kill();
    let backup = tempfile::tempdir().expect("a directory");
    let data = server.data.clone();
    let copy = |from: &Path, to: &Path| {
        let copied = std::process::Command::new("cp").args(["-aT"]).arg(from).arg(to).status();
        assert!(copied.expect("cp runs").success());
    };
    copy(&data, backup.path());
    scene.server = Some(server.kill_and_restart());
    scene.recover().await;
    // The server has acknowledged the candidate, and the machine has changed: then the server loses its memory.
    assert!(scene.machine.sync_and_die_at("applied"));
    assert!(!scene.machine.locks().password_opens(OLD_PASSWORD));
    let mut server = scene.server.take().expect("it runs");
    server.kill();
    std::fs::remove_dir_all(&data).expect("removed");
    copy(backup.path(), &data);
    // It does not serve before an operator has said that this is the state to go on from; tokens of before have ended.
    run(&data, &["restore", "accept", "--reason", "the disk failed"]);
    scene.server = Some(server.kill_and_restart());
    scene.client = scene.server().client();
    scene.machine.run(&["sync"]);
    let locks = scene.machine.locks();
    assert!(locks.password_opens(OLD_PASSWORD), "what the escrow does not hold is not what opens the machine");
    assert_eq!(scene.check(&locks, "after the backup").await.1, "escrowed");
    scene.recover().await;
    scene.machine.run(&["sync"]);
    scene.check_done("after a backup was restored").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_was_retired_half_way_goes_back_to_its_old_secret() {
    let scene = Scene::new().await;
    scene.recover().await;
    assert!(scene.machine.sync_and_die_at("applied"));
    run(&scene.server().data, &["device", "retire", "ana-laptop"]);
    let refused = scene.machine.try_run(&["sync"]);
    assert!(text(&refused.stderr).contains("refuses this machine"), "{}", text(&refused.stderr));
    let locks = scene.machine.locks();
    assert!(locks.password_opens(OLD_PASSWORD) && locks.passphrase_opens(PASSPHRASE));
    assert_eq!(scene.result().await["actionState"], "canceled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_refuses_the_recovery_and_changes_nothing() {
    let scene = Scene::new().await;
    scene.recover().await;
    let (state, etc) = (scene.machine.state(), scene.machine.root().join("etc"));
    // Each directory becomes a file system of its own, which is filled to the last byte; a private mount namespace, so
    // that no other program sees it.
    let script = "set -e; full=$1; shift; mkdir $full.kept; cp -a $full/. $full.kept/
        mount -t tmpfs -o size=64m,mode=700 none $full; cp -a $full.kept/. $full/
        dd if=/dev/zero of=$full/filler bs=1k >/dev/null 2>&1 || true
        \"$@\" || true; rm $full/filler; cp -a $full/. $full.kept/; umount $full; cp -a $full.kept/. $full/; rm -r $full.kept";
    for full in [&etc, &state] {
        let mut command = std::process::Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]).arg(full);
        let agent = scene.machine.agent(&["sync"]);
        command.arg(agent.get_program()).args(agent.get_args());
        command.envs(agent.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = command.output().expect("unshare runs; this test needs root");
        assert!(output.status.success(), "this test needs root: {}", text(&output.stderr));
        let locks = scene.machine.locks();
        assert!(locks.password_opens(OLD_PASSWORD), "{}", full.display());
        scene.check(&locks, "with a full disk").await;
    }
    let result = scene.result().await;
    if result["actionState"] == "failed" {
        assert!(result["chaveiro_deviceReason"].as_str().expect("a reason").contains("nwritable"), "{result}");
        scene.recover().await;
    }
    scene.machine.run(&["sync"]);
    scene.machine.run(&["sync"]);
    scene.check_done("after there was room again").await;
}

/// That program with its clock set to another time.
fn at_another_time(offset: &str, mut command: std::process::Command) -> std::process::Command {
    let library = support::faketime::library().expect("libfaketime is installed");
    command.env("LD_PRELOAD", library).env("FAKETIME", offset);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_by_a_year_is_named_and_nothing_changes_until_it_is_right() {
    let scene = Scene::new().await;
    scene.recover().await;
    for offset in ["-1y", "+2y"] {
        let output = at_another_time(offset, scene.machine.agent(&["sync"])).output().expect("faketime runs");
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains("is the clock of this machine right?"), "{offset}: {said}");
        assert!(scene.machine.locks().password_opens(OLD_PASSWORD));
    }
    scene.machine.run(&["sync"]);
    scene.check_done("the clock is right again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_expired_says_so_and_enrolling_again_helps() {
    let mut scene = Scene::new().await;
    scene.recover().await;
    let server = scene.server.take().expect("it runs");
    let (data, device) = (server.data.clone(), support::address(&server.device_url));
    drop(server);
    // Two years later the server has a new certificate of its own; that of the machine has ended.
    let mut serve = support::chaveiro();
    serve.args(["serve", "--json", "--graph-listen", "127.0.0.1:0", "--device-listen", &device, "--log", "error"]);
    serve.arg("--data").arg(&data);
    let mut later = at_another_time("+2y", serve);
    let mut later =
        later.stdout(std::process::Stdio::piped()).stdin(std::process::Stdio::null()).spawn().expect("it starts");
    let mut first = [0];
    later.stdout.as_mut().expect("its output").read_exact(&mut first).expect("it listens");
    let output = at_another_time("+2y", scene.machine.agent(&["sync"])).output().expect("faketime runs");
    let said = text(&output.stderr);
    later.kill().expect("killed");
    let _ = later.wait();
    assert!(!output.status.success() && said.contains("the certificate of this machine has expired"), "{said}");
    assert!(scene.machine.locks().password_opens(OLD_PASSWORD));

    let server = Server::start(&data, "127.0.0.1:0", &device);
    scene.server = Some(server);
    scene.machine.run(&["unenroll", "--force"]);
    assert!(scene.machine.enroll_as(scene.server(), &scene.id).status.success());
    scene.machine.run(&["sync"]);
    scene.client = scene.server().client();
    assert_eq!(scene.result().await["actionState"], "done", "the disk is escrowed again");
    scene.recover().await;
    scene.machine.run(&["sync"]);
    scene.check_done("after enrolling again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_a_free_slot_keeps_what_it_has_and_says_so() {
    let scene = Scene::new().await;
    let disk = scene.machine.root().join("disk.img");
    let first = scene.passcode().await.expect("a passcode");
    // A person fills the room that is left.
    let mut slots = 0;
    loop {
        let mut add = std::process::Command::new("cryptsetup");
        add.args(["luksAddKey", "--batch-mode", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file"]);
        add.arg(scene.machine.directory.path().join("passphrase")).arg(&disk).arg("-");
        let mut running =
            add.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().expect("it runs");
        running.stdin.take().expect("its input").write_all(format!("by hand {slots}").as_bytes()).expect("written");
        if !running.wait().expect("it ends").success() {
            break;
        }
        slots += 1;
    }
    assert!(slots > 0);
    scene.recover().await;
    scene.machine.run(&["sync"]);
    let result = scene.result().await;
    assert_eq!(result["chaveiro_opens"], serde_json::json!(["login:ana"]), "{result}");
    assert_eq!(result["chaveiro_deviceReason"], "luks2:/disk.img noFreeSlot");
    let locks = scene.machine.locks();
    assert!(locks.passphrase_opens(&first), "the passcode that was escrowed before still opens the disk");
    assert!(
        (0..slots).all(|slot| locks.passphrase_opens(&format!("by hand {slot}"))),
        "no slot of a person was touched"
    );
}

/// Nothing of our own decides here: a copy of this system's /etc, an account made by useradd(8), and unix_chkpwd.
#[tokio::test(flavor = "multi_thread")]
async fn the_system_itself_says_that_the_new_password_opens_and_the_old_one_does_not() {
    const ENTER: &str = "mount --bind \"$1\" /etc && mount -t tmpfs none /run && shift && exec \"$@\"";
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let client = server.client();
    let directory = tempfile::tempdir().expect("a directory");
    let etc = directory.path().join("etc");
    let copied = std::process::Command::new("cp").args(["-a", "/etc"]).arg(&etc).status();
    assert!(copied.expect("cp runs").success());
    std::fs::write(etc.join("machine-id"), "fedcba9876543210fedcba9876543210\n").expect("written");
    std::fs::write(etc.join("crypttab"), "").expect("written");
    std::fs::write(etc.join("chaveiro-agent.toml"), "account = \"chaveiro-ana\"\n").expect("written");
    let inside = |words: &[&str], input: &str| {
        let mut command = std::process::Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"]).arg(&etc).args(words);
        command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let mut running = command.spawn().expect("unshare runs");
        running.stdin.take().expect("its input").write_all(input.as_bytes()).expect("written");
        running.wait_with_output().expect("it ends")
    };
    let made = inside(&["useradd", "--no-create-home", "--shell", "/bin/sh", "chaveiro-ana"], "");
    assert!(made.status.success(), "this test needs root: {}", text(&made.stderr));
    assert!(inside(&["chpasswd"], "chaveiro-ana:old-password\n").status.success());
    let opens = |password: &str| {
        let checked = inside(&["unix_chkpwd", "chaveiro-ana", "nonull"], &format!("{password}\0"));
        checked.status.code().expect("a code") == 0
    };
    assert!(opens("old-password") && !opens("another"));

    let state = directory.path().join("state");
    let agent = |words: &[&str]| {
        let program = support::machine::AGENT.to_str().expect("text");
        let state = state.to_str().expect("text");
        let words: Vec<&str> = [program].into_iter().chain(words.iter().copied()).chain(["--state", state]).collect();
        let output = inside(&words, "");
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    };
    let token = support::run_json(&data, &["device", "enroll-token"])["token"].as_str().expect("a token").to_owned();
    let root = data.join("keys/ca/root.pem");
    agent(&["enroll", &server.device_url, "--token", &token, "--root-certificate", root.to_str().expect("text")]);
    agent(&["sync"]);
    let listed = get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
    let id = listed["value"][0]["id"].as_str().expect("an id").to_owned();
    let url = format!("{}{DEVICES}/{id}", server.graph_url);
    assert_eq!(client.post(format!("{url}/recoverPasscode")).send().await.expect("an answer").status(), 204);
    agent(&["sync"]);
    let result = get(&client, &format!("{url}?$select=deviceActionResults")).await["deviceActionResults"][0].clone();
    assert_eq!(result["chaveiro_opens"], serde_json::json!(["login:chaveiro-ana"]), "{result}");
    let passcode = result["passcode"].as_str().expect("a passcode");
    assert!(opens(passcode) && !opens("old-password"), "by the word of unix_chkpwd");
    let hosts = std::fs::read_to_string("/etc/passwd").expect("read");
    assert!(!hosts.contains("chaveiro-ana"), "this machine itself is untouched");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_disk_under_two_names_has_one_passcode() {
    let scene = Scene::new().await;
    let root = scene.machine.root();
    std::os::unix::fs::symlink("disk.img", root.join("again.img")).expect("linked");
    let config = root.join("etc/chaveiro-agent.toml");
    let text =
        std::fs::read_to_string(&config).expect("read").replace("[\"/disk.img\"]", "[\"/disk.img\", \"/again.img\"]");
    std::fs::write(&config, text).expect("written");
    for _ in 0..2 {
        scene.recover().await;
        scene.machine.run(&["sync"]);
        scene.machine.run(&["sync"]);
        scene.check_done("one disk, two names").await;
        let result = scene.result().await;
        assert_eq!(result["chaveiro_opens"], serde_json::json!(["luks2:/disk.img", "login:ana"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_slots_of_a_disk_are_not_given_up_and_no_caller_is_told_otherwise() {
    let scene = Scene::new().await;
    let disk = scene.machine.root().join("disk.img");
    let mut kill = std::process::Command::new("cryptsetup");
    kill.args(["luksRemoveKey", "--batch-mode"]).arg(&disk).arg(scene.machine.directory.path().join("passphrase"));
    assert!(kill.status().expect("cryptsetup runs").success(), "a person removed their own slot");
    let passcode = scene.passcode().await.expect("a passcode");
    let refused = scene.machine.try_run(&["unenroll", "--release-slots"]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("luksAddKey"), "{}", text(&refused.stderr));
    assert!(scene.machine.locks().passphrase_opens(&passcode), "nothing was removed");
    let url = format!("{}{DEVICES}/{}", scene.server().graph_url, scene.id);
    assert_eq!(get(&scene.client, &url).await["managementState"], "managed", "the server was told nothing");
    scene.machine.run(&["sync"]);
}
