//! What is promised is kept, or its loss is told: kills at every step, flipped bits, old copies, a disk that fails.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::disk::Disk;
use crate::support::{self, Server, chaveiro, get, initialised, run, run_json, text, try_run};
use chaveiro_core::application::COMMAND_LINE;
use rusqlite::Connection;
use serde_json::Value;

const DEVICES: &str = "/beta/deviceManagement/managedDevices";

/// How many kills at random moments: a few in every run, all of them with `CHAVEIRO_KILLS=200`.
fn kills() -> usize {
    std::env::var("CHAVEIRO_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(12)
}

/// A generator that is the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Runs a command until it ends or that time is over, then kills it. Says whether it was killed.
fn killed_after(mut command: Command, after: Duration) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    std::thread::sleep(after);
    let ended = child.try_wait().expect("a state").is_some();
    let _ = child.kill();
    let _ = child.wait();
    !ended
}

/// A data directory can be used: `init` finishes it or says that it is done, and its tenant is listed.
fn is_usable(data: &Path, what: &str) {
    let again = try_run(data, &["init"]);
    let said = text(&again.stderr);
    assert!(again.status.success() || said.contains("is already a data directory"), "{what}: {said}");
    let tenants = run_json(data, &["tenant", "list"]);
    assert_eq!(tenants.as_array().map(Vec::len), Some(1), "{what}");
}

/// Turns a finished data directory into one of that older version of the schema.
pub fn aged(data: &Path, version: i64) {
    let database = data.join("chaveiro.db");
    let newest = Connection::open(&database).expect("a database");
    let mut rows =
        newest.prepare("SELECT version, name, applied_on, checksum FROM refinery_schema_history").expect("a query");
    let history: Vec<(i64, String, String, String)> = rows
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .expect("rows")
        .collect::<Result<_, _>>()
        .expect("rows");
    drop(rows);
    // The tenant stays who it is: its keys are there.
    let tenant: Vec<u8> = newest.query_row("SELECT id FROM tenant", [], |row| row.get(0)).expect("a tenant");
    drop(newest);
    // Neither the mark nor the key of the authenticators was there before.
    for name in ["chaveiro.db", "chaveiro.db-wal", "chaveiro.db-shm", "chaveiro.mark", "keys/rows.key"] {
        let _ = std::fs::remove_file(data.join(name));
    }
    let older = Connection::open(&database).expect("a database");
    older
        .execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE refinery_schema_history(
            version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255));",
        )
        .expect("the history");
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../store-sqlite/migrations"));
    for (number, name, applied, checksum) in history.into_iter().filter(|(number, ..)| *number <= version) {
        let script = std::fs::read_to_string(folder.join(format!("V{number}__{name}.sql"))).expect("a script");
        older.execute_batch(&script).expect("a step");
        let row = "INSERT INTO refinery_schema_history VALUES (?, ?, ?, ?)";
        older.execute(row, (number, name, applied, checksum)).expect("a row");
    }
    let row = "INSERT INTO tenant (id, display_name, licence, settings, created)
        VALUES (?, 'Default', '\"active\"', '{}', 0)";
    older.execute(row, [tenant]).expect("a tenant");
}

#[test]
fn init_is_killed_at_random_moments_and_the_next_one_finishes_it() {
    let mut random = Random(11);
    for round in 0..kills() {
        let directory = tempfile::tempdir().expect("a directory");
        let data = directory.path().join("data");
        let mut command = chaveiro();
        command.args(["init", "--data"]).arg(&data);
        let after = Duration::from_micros(random.below(150_000));
        killed_after(command, after);
        is_usable(&data, &format!("round {round}, killed after {after:?}"));
    }
}

#[test]
fn init_is_killed_at_each_flush_and_the_next_one_finishes_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Disk::below(directory.path());
    for step in 1..500 {
        let data = directory.path().join(step.to_string());
        let mut command = disk.under(chaveiro());
        command.env("DISK_TEST_KILL_AT", step.to_string()).args(["init", "--data"]).arg(&data);
        let done = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it runs");
        is_usable(&data, &format!("killed at flush {step}"));
        if done.success() {
            assert!(step > 10, "only {step} flushes: the test kills nothing");
            return;
        }
    }
    panic!("init did not end");
}

#[test]
fn an_upgrade_is_killed_at_each_flush_and_at_random_moments_and_the_next_one_finishes_it() {
    let mut random = Random(13);
    for version in [1, 8, 12] {
        let (directory, template) = initialised();
        aged(&template, version);
        let copied = |name: &str| {
            let data = directory.path().join(name);
            let copied = Command::new("cp").arg("-a").arg(&template).arg(&data).status();
            assert!(copied.expect("cp runs").success());
            data
        };
        let disk = Disk::below(directory.path());
        for step in 1..500 {
            let data = copied(&step.to_string());
            let mut command = disk.under(chaveiro());
            command.env("DISK_TEST_KILL_AT", step.to_string()).args(["tenant", "list", "--data"]).arg(&data);
            let done = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it runs");
            is_usable(&data, &format!("version {version}, killed at flush {step}"));
            if done.success() {
                break;
            }
        }
        for round in 0..kills() / 3 {
            let data = copied(&format!("round-{round}"));
            let mut command = chaveiro();
            command.args(["tenant", "list", "--data"]).arg(&data);
            let after = Duration::from_micros(random.below(80_000));
            killed_after(command, after);
            is_usable(&data, &format!("version {version}, round {round}, killed after {after:?}"));
        }
    }
}

#[test]
fn two_that_make_or_upgrade_a_data_directory_at_once_leave_one_that_is_whole() {
    for round in 0..4 {
        let directory = tempfile::tempdir().expect("a directory");
        let data = directory.path().join("data");
        let run_twice = |verb: &[&str]| -> Vec<(bool, String)> {
            let children: Vec<_> = (0..2)
                .map(|_| {
                    let mut command = chaveiro();
                    command.args(verb).arg("--data").arg(&data).stdout(Stdio::null()).stderr(Stdio::piped());
                    command.spawn().expect("it starts")
                })
                .collect();
            let ended = children.into_iter().map(|child| child.wait_with_output().expect("it ends"));
            ended.map(|ended| (ended.status.success(), text(&ended.stderr))).collect()
        };
        let made = run_twice(&["init"]);
        assert_eq!(made.iter().filter(|(success, _)| *success).count(), 1, "round {round}: {made:?}");
        let told = made.iter().any(|(success, said)| !success && said.contains("is already a data directory"));
        assert!(told, "round {round}: {made:?}");
        is_usable(&data, &format!("round {round}"));
        aged(&data, [1, 5, 8, 12][round]);
        let upgraded = run_twice(&["tenant", "list"]);
        assert!(upgraded.iter().all(|(success, _)| *success), "round {round}: {upgraded:?}");
        is_usable(&data, &format!("round {round}, upgraded"));
    }
}

/// The least that the log of a server holds that was killed under load.
const LOG_BYTES: u64 = 20 * 4120;

fn log_of(data: &Path) -> u64 {
    std::fs::metadata(data.join("chaveiro.db-wal")).map_or(0, |file| file.len())
}

/// What a server left that was killed under load.
struct Killed {
    _directory: tempfile::TempDir,
    data: PathBuf,
    answered: usize,
    /// The mark of the middle of the load: much was promised after it.
    earlier: Vec<u8>,
}

/// A server that was killed under load: callers were answered, and the log is not empty. A checkpoint may empty it right
/// before the kill; then another server is killed.
async fn killed_under_load() -> Killed {
    for _ in 0..10 {
        let killed = kill_under_load().await;
        if log_of(&killed.data) > LOG_BYTES {
            return killed;
        }
    }
    panic!("the log is empty after each kill");
}

async fn kill_under_load() -> Killed {
    let (directory, data) = initialised();
    let mut server = Server::start_with(&data, "127.0.0.1:0", "127.0.0.1:0", support::WITHOUT_LIMITS);
    let client = server.client();
    let scripts = format!("{}/beta/deviceManagement/deviceHealthScripts", server.graph_url);
    let answered = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let callers = (0..4).map(|caller| {
        let (client, scripts, answered) = (client.clone(), scripts.clone(), std::sync::Arc::clone(&answered));
        tokio::spawn(async move {
            for number in 0.. {
                let body = serde_json::json!({"displayName": format!("{caller} {number}")});
                match client.post(&scripts).json(&body).send().await {
                    Ok(answer) if answer.status() == 201 => answered.fetch_add(1, std::sync::atomic::Ordering::SeqCst),
                    _ => return,
                };
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    let mut earlier = None;
    while answered.load(std::sync::atomic::Ordering::SeqCst) < 120 || log_of(&data) <= 4 * LOG_BYTES {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if answered.load(std::sync::atomic::Ordering::SeqCst) >= 20 {
            earlier.get_or_insert_with(|| std::fs::read(data.join("chaveiro.mark")).expect("a mark"));
        }
    }
    server.kill();
    for caller in callers {
        let _ = caller.await;
    }
    let answered = answered.load(std::sync::atomic::Ordering::SeqCst);
    Killed { _directory: directory, data, answered, earlier: earlier.expect("a mark") }
}

fn refused(data: &Path) -> String {
    let output = try_run(data, &["tenant", "list"]);
    if output.status.success() { String::new() } else { text(&output.stderr) }
}

#[tokio::test]
async fn one_bit_that_is_flipped_in_the_log_of_a_killed_server_is_noticed_100_times() {
    let Killed { _directory, data, answered, earlier } = killed_under_load().await;
    let left = ["chaveiro.db", "chaveiro.mark", "chaveiro.db-wal"].map(|name| data.join(name));
    let left = left.map(|path| (std::fs::read(&path).expect("a file"), path));
    let [.., (whole, log)] = &left;
    assert!(whole.len() as u64 > LOG_BYTES, "{} bytes", whole.len());
    let (mut random, mut refusals) = (Random(17), 0);
    for round in 0..100 {
        for (bytes, path) in &left {
            std::fs::write(path, bytes).expect("written");
        }
        let bit = random.below(whole.len() as u64 * 8) as usize;
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(log, flipped).expect("written");
        let output = try_run(&data, &["tenant", "list"]);
        let said = text(&output.stderr);
        if output.status.success() {
            // The last commit was not answered when the server was killed: its loss is told, and harmless.
            assert!(
                said.contains("The log of the database was damaged from its frame"),
                "round {round}, bit {bit}: {said}"
            );
            continue;
        }
        refusals += 1;
        assert!(said.contains("may not be the newest state"), "round {round}, bit {bit}: {said}");
        assert!(said.contains("its log is damaged at frame"), "round {round}, bit {bit}: {said}");
        assert!(said.contains("chaveiro restore accept --reason"), "{said}");
    }
    // The commit under way when the server was killed takes up to a quarter of a short log.
    assert!(refusals > 60, "{refusals} of 100: hardly anything was promised");
    for (bytes, path) in &left {
        std::fs::write(path, bytes).expect("written");
    }
    // Damage behind all that the mark promises is told, and harmless.
    std::fs::write(data.join("chaveiro.mark"), earlier).expect("written");
    let mut last = whole.clone();
    // A frame may have been under way; it is no frame yet.
    let frames = (last.len() - 32) / 4120;
    last[32 + frames * 4120 - 1] ^= 1;
    std::fs::write(log, last).expect("written");
    let told = try_run(&data, &["tenant", "list"]);
    let said = text(&told.stderr);
    assert!(told.status.success() && said.contains("The log of the database was damaged from its frame"), "{said}");
    for (bytes, path) in &left {
        std::fs::write(path, bytes).expect("written");
    }
    let mut flipped = whole.clone();
    flipped[100] ^= 1;
    std::fs::write(log, flipped).expect("written");
    // The server says the same, and without the damage everything that was answered is there.
    let served = try_run(&data, &["serve", "--graph-listen", "127.0.0.1:0", "--device-listen", "127.0.0.1:0"]);
    assert!(!served.status.success() && text(&served.stderr).contains("may not be the newest state"));
    std::fs::write(log, whole).expect("written");
    assert_eq!(refused(&data), "");
    let database = Connection::open(data.join("chaveiro.db")).expect("a database");
    let kept = database.query_row("SELECT count(*) FROM resource", [], |row| row.get::<_, i64>(0)).expect("a count");
    assert!(kept >= answered as i64, "{kept} of {answered}");
}

#[tokio::test]
async fn a_log_that_is_gone_and_the_copy_of_yesterday_are_noticed() {
    let Killed { _directory: directory, data, .. } = killed_under_load().await;
    let (log, aside) = (data.join("chaveiro.db-wal"), directory.path().join("log"));
    std::fs::rename(&log, &aside).expect("moved");
    assert!(refused(&data).contains("was promised"), "no log");
    std::fs::rename(&aside, &log).expect("moved back");
    assert_eq!(refused(&data), "");

    let yesterday = directory.path().join("yesterday.db");
    std::fs::copy(data.join("chaveiro.db"), &yesterday).expect("copied");
    run(&data, &["tenant", "create", "Contoso"]);
    std::fs::copy(&yesterday, data.join("chaveiro.db")).expect("put in its place");
    assert!(refused(&data).contains("was promised"), "yesterday");
}

#[tokio::test]
async fn what_a_restore_accepts_is_marked_and_ends_and_a_new_recovery_is_certain() {
    let (directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(7).await;
    let client = server.client();
    let listed = get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
    let id = listed["value"][0]["id"].as_str().expect("an id").to_owned();
    let ask = |client: &reqwest::Client, url: &str| client.post(format!("{url}{DEVICES}/{id}/recoverPasscode")).send();
    let token = run_json(&data, &["device", "enroll-token"])["token"].as_str().expect("a token").to_owned();
    // No verb runs between the answer and the backup: what was answered is in the log of the database alone.
    assert_eq!(ask(&client, &server.graph_url).await.expect("an answer").status(), 204);
    device.sync(&transport).await.expect("a session");
    let backup = directory.path().join("backup");
    let made = run_json(&data, &["backup", backup.to_str().expect("text")]);
    assert!(made["commits"].as_u64().is_some_and(|commits| commits > 3), "{made}");
    // After the backup the device gets another passcode, which the restore loses.
    assert_eq!(ask(&client, &server.graph_url).await.expect("an answer").status(), 204);
    device.sync(&transport).await.expect("a session");
    let addresses = [&server.graph_url, &server.device_url].map(|url| crate::support::address(url));
    let busy = try_run(&data, &["restore", "accept", "--reason", "a test"]);
    assert!(
        !busy.status.success() && text(&busy.stderr).contains("is in use by another server"),
        "nothing is accepted"
    );
    server.tell_to_stop();
    assert!(server.wait());

    assert!(run(&data, &["check", backup.to_str().expect("text")]).contains("is whole"));
    std::fs::copy(backup.join("chaveiro.db"), data.join("chaveiro.db")).expect("restored");
    assert!(refused(&data).contains("it is a backup"));
    let accepted = run_json(&data, &["restore", "accept", "--reason", "a test"]);
    let tenant = &accepted["tenants"][0];
    assert_eq!((&tenant["results"], &tenant["enrollmentTokens"]), (&1.into(), &1.into()), "{accepted}");
    let again = try_run(&data, &["restore", "accept", "--reason", "a test"]);
    assert!(!again.status.success() && text(&again.stderr).contains("is the newest state that was promised"));

    let server = Server::start(&data, &addresses[0], &addresses[1]);
    let old = client.get(format!("{}{DEVICES}", server.graph_url)).send().await.expect("an answer");
    assert_eq!(old.status(), 401, "tokens of before have ended");
    let plain = chaveiro_fleet::https::Https::new(&server.root_pem(), None).expect("a transport");
    let hardware = chaveiro_fleet::hardware::Hardware::laptop(8);
    let enrolled = chaveiro_fleet::enroll::enroll(&plain, &hardware, &server.device_url, "bob@example.org", &token);
    assert!(enrolled.await.is_err(), "an enrolment token of before is void");
    let client = server.client();
    let found = get(&client, &format!("{}{DEVICES}/{id}?$select=deviceActionResults", server.graph_url)).await;
    let result = &found["deviceActionResults"][0];
    assert!(result["chaveiro_beforeRestoreDateTime"].is_string(), "{result}");
    assert!(
        result["passcode"].as_str().is_some_and(|passcode| passcode != device.pin()),
        "shown, and marked: {result}"
    );
    let shown = run(&data, &["action", &id, "--show"]);
    assert!(shown.contains("This result is of before the restore of"), "{shown}");
    let shown = run(&data, &["action", &id, "--lang", "pt"]);
    assert!(shown.contains("Este resultado é anterior à restauração"), "{shown}");

    assert_eq!(ask(&client, &server.graph_url).await.expect("an answer").status(), 204);
    device.sync(&transport).await.expect("a session");
    let found = get(&client, &format!("{}{DEVICES}/{id}?$select=deviceActionResults", server.graph_url)).await;
    let result = &found["deviceActionResults"][0];
    assert_eq!(result["passcode"], device.pin());
    assert!(result["chaveiro_beforeRestoreDateTime"].is_null(), "{result}");
    let export = run(&data, &["audit", "export"]);
    assert!(export.contains("restoreAccepted"));
}

#[test]
fn a_data_directory_that_was_moved_is_accepted_without_a_loss() {
    let (directory, data) = initialised();
    let moved = directory.path().join("moved");
    let copied = Command::new("cp").arg("-a").arg(&data).arg(&moved).status().expect("cp");
    assert!(copied.success());
    assert!(refused(&moved).contains("the data directory is a copy"));
    let accepted = run_json(&moved, &["restore", "accept", "--moved", "--reason", "a larger disk"]);
    assert_eq!(accepted["tenants"][0]["results"], 0);
    assert_eq!(refused(&moved), "");
    // What was not only moved is not accepted so.
    std::fs::remove_file(moved.join("chaveiro.mark")).expect("removed");
    let output = try_run(&moved, &["restore", "accept", "--moved", "--reason", "a larger disk"]);
    assert!(text(&output.stderr).contains("its mark is missing"), "{}", text(&output.stderr));
}

#[test]
fn a_backup_is_made_for_its_owner_alone_and_each_damage_to_it_is_found() {
    let (directory, data) = initialised();
    let backup = directory.path().join("backups/today");
    let place = backup.to_str().expect("text");
    let keys = directory.path().join("keys");
    let inside = backup.join("keys");
    run(&data, &["backup", place, "--keys", keys.to_str().expect("text")]);
    for (path, mode) in [
        (backup.clone(), 0o700),
        (backup.join("chaveiro.db"), 0o600),
        (backup.join("backup.json"), 0o600),
        (keys.join("audit.key"), 0o600),
    ] {
        let found = std::fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        assert_eq!(found, mode, "{}", path.display());
    }
    let names: Vec<_> =
        std::fs::read_dir(&backup).expect("a directory").map(|entry| entry.expect("one").file_name()).collect();
    assert_eq!(names.len(), 2, "no key, no log: {names:?}");
    let again = try_run(&data, &["backup", place]);
    assert!(text(&again.stderr).contains("exists already"));
    let other = directory.path().join("backups/other");
    let within = try_run(
        &data,
        &["backup", other.to_str().expect("text"), "--keys", other.join("keys").to_str().expect("text")],
    );
    assert!(text(&within.stderr).contains("within the backup"), "{}", text(&within.stderr));
    assert!(!inside.exists());

    let said = run(&data, &["check", place]);
    assert!(said.contains("is whole") && said.contains("0 min ago") && said.contains("one tenant"), "{said}");
    let database = backup.join("chaveiro.db");
    let whole = std::fs::read(&database).expect("the copy");
    let mut random = Random(19);
    for _ in 0..20 {
        let mut flipped = whole.clone();
        flipped[random.below(whole.len() as u64) as usize] ^= 1 << random.below(8);
        std::fs::write(&database, flipped).expect("written");
        let output = try_run(&data, &["check", place]);
        assert!(!output.status.success() && text(&output.stderr).contains("differs from what was backed up"));
    }
    std::fs::write(&database, &whole[..whole.len() - 4096]).expect("written");
    assert!(!try_run(&data, &["check", place]).status.success());
    std::fs::write(&database, &whole).expect("written");
    std::fs::write(backup.join("backup.json"), "{}").expect("written");
    assert!(text(&try_run(&data, &["check", place]).stderr).contains("cannot be read"));
    assert!(
        text(&try_run(&data, &["check", directory.path().to_str().expect("text")]).stderr).contains("is not a backup")
    );
}

#[tokio::test]
async fn a_full_disk_is_503_with_retry_after_and_told_and_over_when_there_is_room() {
    let (directory, data) = initialised();
    let disk = Disk::below(directory.path());
    let server = Server::start_on(&disk, &data);
    let (mut idle, of_idle) = server.device(7).await;
    let (mut asked, of_asked) = server.device(8).await;
    let client = server.client();
    let listed = get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
    let recover = |name: &str| {
        let listed = listed["value"].as_array().expect("devices");
        let device = listed.iter().find(|device| device["deviceName"] == name).expect("the device");
        format!("{}{DEVICES}/{}/recoverPasscode", server.graph_url, device["id"].as_str().expect("an id"))
    };
    let path = recover(&idle.hardware.device_name);
    let beforehand = recover(&asked.hardware.device_name);
    let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
    let ready = || async {
        let answer = client.get(format!("{}/readyz", server.graph_url)).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    };
    for letter in ["n", "q"] {
        assert_eq!(ready().await.0, 200);
        assert_eq!(client.post(&beforehand).send().await.expect("an answer").status(), 204, "{letter}");
        disk.command(letter);
        let answer = client.post(&path).send().await.expect("an answer");
        assert_eq!(answer.status(), 503, "{letter}");
        assert!(answer.headers().contains_key("Retry-After"), "{letter}");
        let body: Value = answer.json().await.expect("JSON");
        assert!(body["error"]["message"].as_str().is_some_and(|text| text.contains("disk is full")), "{body}");
        let session = asked.sync(&of_asked).await.expect_err("the device is told to come later").to_string();
        assert!(session.contains("503"), "{session}");
        // Nothing of an idle session has to be stored.
        idle.sync(&of_idle).await.expect("an idle session");
        let code = client
            .post(format!("{}/{tenant}/oauth2/v2.0/devicecode", server.graph_url))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(format!(
                "client_id={COMMAND_LINE}&scope=offline_access%20https%3A%2F%2Fgraph.microsoft.com%2F.default"
            ))
            .send()
            .await
            .expect("an answer");
        assert!(code.status() == 503 && code.headers().contains_key("Retry-After"), "{letter}: {code:?}");
        until("/readyz tells it", || async { ready().await.0 == 503 && ready().await.1.contains("disk: ") }).await;
        // Reading goes on.
        get(&client, &format!("{}{DEVICES}", server.graph_url)).await;
        disk.command("");
        until("there is room again", || async { ready().await.0 == 200 }).await;
        assert_eq!(client.post(&path).send().await.expect("an answer").status(), 204, "{letter}");
        idle.sync(&of_idle).await.expect("a session");
        asked.sync(&of_asked).await.expect("a session");
    }
    let metrics = client.get(format!("{}/metrics", server.graph_url)).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    let free = metrics.lines().find_map(|line| line.strip_prefix("chaveiro_disk_free_bytes "));
    assert!(free.is_some_and(|free| free.parse::<u64>().is_ok_and(|free| free > 0)), "{free:?}");
}

async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_flush_that_fails_ends_the_process_and_no_caller_is_answered() {
    let (directory, data) = initialised();
    let disk = Disk::below(directory.path());
    let server = Server::start_on(&disk, &data);
    let client = server.client();
    let scripts = format!("{}/beta/deviceManagement/deviceHealthScripts", server.graph_url);
    let create = |name: &str| client.post(&scripts).json(&serde_json::json!({"displayName": name})).send();
    assert_eq!(create("kept").await.expect("an answer").status(), 201);
    disk.command("f");
    let answered = create("not answered").await;
    assert!(answered.is_err(), "{answered:?}");
    assert_eq!(server.exit_code(), Some(74));
    disk.command("");
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let listed =
        get(&server.client(), &format!("{}/beta/deviceManagement/deviceHealthScripts", server.graph_url)).await;
    assert!(listed["value"].as_array().is_some_and(|items| items.iter().any(|item| item["displayName"] == "kept")));
}

#[tokio::test]
async fn a_damaged_page_that_no_request_reads_is_told_soon_after_the_start() {
    let (_directory, data) = initialised();
    let file = data.join("chaveiro.db");
    let page: u64 = {
        let database = Connection::open(&file).expect("a database");
        let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'link_of_resource'";
        database.query_row(root, [], |row| row.get::<_, i64>(0)).expect("an index").unsigned_abs()
    };
    let opened = std::fs::File::options().write(true).open(&file).expect("the file");
    std::os::unix::fs::FileExt::write_all_at(&opened, &[0xaa; 4096], (page - 1) * 4096).expect("written");
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let client = server.client();
    until("/readyz tells it", || async {
        let answer = client.get(format!("{}/readyz", server.graph_url)).send().await.expect("an answer");
        answer.status() == 503 && answer.text().await.expect("text").contains("database: the database is damaged")
    })
    .await;
}

/// The commands of a chapter of a document: its fenced `sh` blocks.
fn commands(document: &str, chapter: &str) -> String {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(document);
    let document = std::fs::read_to_string(document).expect("the document");
    let (_, chapter) = document.split_once(&format!("\n## {chapter}\n")).expect("the chapter");
    let chapter = chapter.split("\n## ").next().unwrap_or_default();
    let blocks = chapter.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    blocks.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_commands_of_the_chapters_backup_and_restore_work_as_they_are_written() {
    let (directory, data) = initialised();
    let root = directory.path();
    let programs = root.join("bin");
    std::fs::create_dir(&programs).expect("a directory");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_chaveiro"), programs.join("chaveiro")).expect("a link");
    // `sudo` runs the command as the one user that there is.
    for (name, body) in [
        ("systemctl", format!("echo \"$1 $2\" >> {}/systemctl.log", root.display())),
        ("sudo", "shift 2; exec \"$@\"".to_owned()),
    ] {
        let program = programs.join(name);
        std::fs::write(&program, format!("#!/bin/sh\n{body}\n")).expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("executable");
    }
    let script = |chapter: &str| {
        let commands = commands("operations.md", chapter)
            .replace("/var/lib/chaveiro", data.to_str().expect("text"))
            .replace("/backup", &format!("{}/backup", root.display()))
            .replace("/safe", &format!("{}/safe", root.display()))
            .replace("-o chaveiro -g chaveiro", "-o $(id -u) -g $(id -g)");
        assert!(commands.lines().count() > 1, "{chapter} has commands");
        let mut shell = Command::new("sh");
        shell.arg("-euc").arg(&commands).env("CHAVEIRO_DATA", &data).env("LC_ALL", "C.UTF-8");
        shell.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
        let output = shell.output().expect("it runs");
        assert!(output.status.success(), "{commands}\n{}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    };
    assert!(script("Backup").contains("is whole"));
    run(&data, &["tenant", "create", "Lost"]);
    assert!(script("Restore").contains("results are marked"));
    let tenants = run_json(&data, &["tenant", "list"]);
    assert_eq!(tenants.as_array().map(Vec::len), Some(1), "what came after the backup is gone: {tenants}");
    let told = std::fs::read_to_string(root.join("systemctl.log")).expect("the service was stopped and started");
    assert_eq!(told, "stop chaveiro\nstart chaveiro\n");
}
