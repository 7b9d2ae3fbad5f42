//! Keys: `init` alone makes them, and nothing starts or changes a device with a wrong one.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::disk::Disk;
use crate::support::{Server, chaveiro, events_of, get, initialised, run, run_json, text, try_run};

const DEVICES: &str = "/beta/deviceManagement/managedDevices";

/// Every key file of a data directory with one tenant, by the name of the key.
fn key_files(data: &Path) -> Vec<(String, PathBuf)> {
    let keys = data.join("keys");
    let listed = run_json(data, &["keys", "list"]);
    let mut files: Vec<_> = listed
        .as_array()
        .expect("keys")
        .iter()
        .map(|key| {
            (key["name"].as_str().expect("a name").to_owned(), PathBuf::from(key["file"].as_str().expect("a file")))
        })
        .collect();
    files.push(("ca".to_owned(), keys.join("ca/root.pem")));
    assert_eq!(files.len(), 7, "{files:?}");
    files
}

fn escrow(data: &Path) -> (PathBuf, PathBuf) {
    let tenant = run_json(data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
    let of = |end: &str| data.join(format!("keys/escrow/{tenant}.{end}"));
    (of("pub"), of("key"))
}

/// Returns the words of a `serve` that does not start.
fn refused(data: &Path) -> String {
    let output = try_run(data, &["serve", "--graph-listen", "127.0.0.1:0", "--device-listen", "127.0.0.1:0"]);
    assert!(!output.status.success(), "{}", text(&output.stdout));
    text(&output.stderr)
}

/// The directory of a key file, and its name or, where that differs from server to server, its end.
fn kind(file: &Path) -> (String, String) {
    let text = |part: Option<&std::ffi::OsStr>| part.and_then(|part| part.to_str()).unwrap_or_default().to_owned();
    let directory = text(file.parent().and_then(Path::file_name));
    let varies = ["issuer", "escrow"].contains(&directory.as_str());
    (directory, text(if varies { file.extension() } else { file.file_name() }))
}

fn forget_keys(data: &Path) {
    let database = rusqlite::Connection::open(data.join("chaveiro.db")).expect("the database");
    database.execute("DELETE FROM known_key", []).expect("forgotten");
}

#[test]
fn nothing_starts_without_a_key_or_with_another_and_none_is_made() {
    let (_directory, data) = initialised();
    let (_other_directory, other) = initialised();
    let others = key_files(&other);
    for (name, file) in key_files(&data) {
        let kept = file.with_extension("kept");
        std::fs::rename(&file, &kept).expect("moved");
        for said in [refused(&data), text(&try_run(&data, &["tenant", "list"]).stderr)] {
            let is_named = name.starts_with("issuer/") || said.contains(&file.display().to_string());
            assert!(is_named && said.contains("missing") && said.contains("backup"), "{name}: {said}");
        }
        assert!(!file.exists(), "{name} was made");
        // The key of another server in its place.
        let foreign = others.iter().find(|(_, other)| kind(other) == kind(&file));
        std::fs::copy(&foreign.expect("a file of that kind").1, &file).expect("copied");
        let said = refused(&data);
        assert!(said.contains("another key") || said.contains("not the certificate"), "{name}: {said}");
        std::fs::rename(&kept, &file).expect("moved back");
        run(&data, &["tenant", "list"]);
    }
}

#[test]
fn a_signing_key_that_the_database_does_not_know_signs_nothing() {
    let (_directory, data) = initialised();
    let (_other_directory, other) = initialised();
    let (_, foreign) = key_files(&other).into_iter().find(|(name, _)| name.starts_with("issuer/")).expect("a key");
    let planted = data.join("keys/issuer").join(foreign.file_name().expect("a name"));
    std::fs::copy(foreign, &planted).expect("copied");
    assert!(refused(&data).contains("does not know"));
    std::fs::remove_file(planted).expect("removed");
    run(&data, &["tenant", "list"]);
}

#[test]
fn a_directory_of_before_is_adopted_when_every_key_is_there_and_refused_otherwise() {
    let (_directory, data) = initialised();
    let files = key_files(&data);
    for (name, file) in &files {
        forget_keys(&data);
        let kept = file.with_extension("kept");
        std::fs::rename(file, &kept).expect("moved");
        assert!(refused(&data).contains("missing"), "{name}");
        std::fs::rename(&kept, file).expect("moved back");
    }
    forget_keys(&data);
    run(&data, &["tenant", "list"]);
    assert_eq!(key_files(&data).len(), 7);
    let export = run(&data, &["audit", "export"]);
    assert_eq!(export.matches("adopted").count(), 6, "each key is in the record: {export}");
    std::fs::remove_file(data.join("keys/audit.key")).expect("removed");
    assert!(refused(&data).contains("missing"), "once it is adopted, it is known");
}

#[test]
fn a_pair_that_does_not_belong_together_is_not_adopted() {
    let (_directory, data) = initialised();
    let (_other_directory, other) = initialised();
    let ((public, _), (foreign, _)) = (escrow(&data), escrow(&other));
    std::fs::copy(foreign, public).expect("copied");
    forget_keys(&data);
    let said = refused(&data);
    assert!(said.contains("does not open what is sealed"), "{said}");
}

#[tokio::test]
async fn a_private_key_may_be_elsewhere_when_that_is_declared() {
    let (_directory, data) = initialised();
    let (_, key) = escrow(&data);
    let kept = key.with_extension("kept");
    std::fs::rename(&key, &kept).expect("moved");
    let said = refused(&data);
    assert!(said.contains("chaveiro keys ingest-only on"), "{said}");
    run(&data, &["keys", "ingest-only", "on"]);
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(7).await;
    let client = server.client();
    let path = path_of_device(&server, &client).await;
    assert_eq!(recover(&server, &client, &path).await.0, 204);
    device.sync(&transport).await.expect("a session");
    let read = get(&client, &format!("{}{path}?$select=deviceActionResults", server.graph_url)).await;
    let result = &read["deviceActionResults"][0];
    assert_eq!((&result["actionState"], &result["passcode"]), (&"done".into(), &serde_json::Value::Null));
    // The same before the database knew keys at all.
    drop(server);
    forget_keys(&data);
    assert!(refused(&data).contains("chaveiro keys ingest-only on"));
    run(&data, &["keys", "ingest-only", "on"]);
    run(&data, &["tenant", "list"]);
    assert!(!try_run(&data, &["keys", "ingest-only", "off"]).status.success(), "it is not here");
    std::fs::rename(&kept, &key).expect("moved back");
    run(&data, &["keys", "ingest-only", "off"]);
    std::fs::remove_file(&key).expect("removed");
    assert!(refused(&data).contains("missing"));
}

#[tokio::test]
async fn an_offline_recovery_key_opens_in_the_place_of_one_that_was_lost() {
    let (_directory, data) = initialised();
    // The pair of a directory that was made elsewhere is the offline key.
    let (_safe, elsewhere) = initialised();
    let ((_, key), (offline_public, offline_key)) = (escrow(&data), escrow(&elsewhere));
    let line = std::fs::read_to_string(offline_public).expect("a recipient");
    run(&data, &["keys", "add-recipient", &line.trim().replace("server", "offline")]);
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(7).await;
    let path = path_of_device(&server, &server.client()).await;
    assert_eq!(recover(&server, &server.client(), &path).await.0, 204);
    device.sync(&transport).await.expect("a session");
    drop(server);

    std::fs::remove_file(&key).expect("lost");
    assert!(refused(&data).contains("missing"));
    std::fs::copy(offline_key, &key).expect("put in its place");
    assert!(refused(&data).contains("another key"));
    let name = format!("escrow/{}", key.file_name().expect("a name").display());
    run(&data, &["keys", "accept", &name, "--reason", "the disk is gone"]);
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let client = server.client();
    let passcode = async || {
        let read = get(&client, &format!("{}{path}?$select=deviceActionResults", server.graph_url)).await;
        read["deviceActionResults"][0]["passcode"].as_str().map(str::to_owned)
    };
    assert_eq!(passcode().await.as_deref(), Some(device.pin()), "sealed before the loss");
    assert_eq!(recover(&server, &client, &path).await.0, 204, "recoveries go on");
}

#[test]
fn a_key_that_is_lost_for_ever_is_replaced_by_an_operator_who_says_why() {
    let (_directory, data) = initialised();
    for (name, file) in
        [("device-credentials", "device-credentials.key"), ("audit", "audit.key"), ("ca", "ca/root.key")]
    {
        std::fs::remove_file(data.join("keys").join(file)).expect("removed");
        assert!(refused(&data).contains("missing"));
        assert!(!try_run(&data, &["keys", "accept", name, "--reason", "lost"]).status.success(), "nothing is there");
        run(&data, &["keys", "accept", name, "--new", "--reason", "the disk is gone"]);
        run(&data, &["tenant", "list"]);
    }
    let export = run(&data, &["audit", "export"]);
    assert_eq!(export.matches("the disk is gone").count(), 3);
    let again = try_run(&data, &["keys", "accept", "audit", "--new", "--reason", "no"]);
    assert!(!again.status.success(), "a key that is there is not made anew");
}

#[test]
fn init_can_be_killed_while_it_makes_keys_and_run_again() {
    for delay_ms in (0..240).step_by(12) {
        let directory = tempfile::tempdir().expect("a directory");
        let data = directory.path().join("data");
        let mut first = chaveiro().arg("init").arg("--data").arg(&data).spawn().expect("it starts");
        while !data.join("keys").exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(delay_ms));
        let _ = first.kill();
        let _ = first.wait();
        let again = try_run(&data, &["init"]);
        let said = text(&again.stderr);
        assert!(again.status.success() || said.contains("already"), "killed after {delay_ms} ms: {said}");
        assert_eq!(run_json(&data, &["tenant", "list"]).as_array().map(Vec::len), Some(1), "{delay_ms} ms");
        assert_eq!(key_files(&data).len(), 7, "{delay_ms} ms");
    }
}

#[test]
fn two_that_make_one_directory_at_once_make_one_tenant() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let both: Vec<_> =
        (0..2).map(|_| chaveiro().arg("init").arg("--data").arg(&data).spawn().expect("it starts")).collect();
    let made = both.into_iter().map(|mut one| one.wait().expect("it ends").success()).filter(|made| *made).count();
    assert_eq!(made, 1);
    assert_eq!(run_json(&data, &["tenant", "list"]).as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_change_of_a_key_can_be_killed_anywhere_under_a_running_server() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let client = server.client();
    for delay_ms in (0..360).step_by(24) {
        for verb in [
            ["keys", "rotate-issuer"].map(str::to_owned).to_vec(),
            vec!["keys".into(), "add-recipient".into(), recipient()],
        ] {
            let mut changing = chaveiro().args(&verb).arg("--data").arg(&data).spawn().expect("it starts");
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            let _ = changing.kill();
            let _ = changing.wait();
            let (status, said) = ready(&server, &client).await;
            assert_eq!(status, 200, "{verb:?} killed after {delay_ms} ms: {said}");
            let keys = run_json(&data, &["keys", "list"]);
            let wrong = keys.as_array().expect("keys").iter().find(|key| !key["problem"].is_null());
            assert_eq!(wrong, None, "{verb:?} killed after {delay_ms} ms");
            run(&data, &["token"]);
        }
        // A tenant has at most sixteen recipients.
        if run_json(&data, &["keys", "recipients"]).as_array().expect("recipients").len() > 14 {
            break;
        }
    }
}

#[test]
fn a_change_of_a_key_is_killed_at_each_flush_and_the_next_verb_finishes_it() {
    let (directory, template) = initialised();
    let disk = Disk::below(directory.path());
    run(&template, &["keys", "add-recipient", &recipient().replace("offline", "former")]);
    for verb in [
        &["keys", "rotate-issuer"][..],
        &["keys", "rotate-audit"],
        &["keys", "add-recipient", &recipient()],
        &["keys", "remove-recipient", "former"],
    ] {
        for step in 1..200 {
            let data = directory.path().join(format!("{}-{step}", verb[1]));
            let copied = Command::new("cp").arg("-a").arg(&template).arg(&data).status();
            assert!(copied.expect("cp runs").success());
            run(&data, &["restore", "accept", "--moved", "--reason", "a copy"]);
            let mut changing = disk.under(chaveiro());
            changing.env("DISK_TEST_KILL_AT", step.to_string()).args(verb).arg("--data").arg(&data);
            let done = changing.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it runs");
            run(&data, &["tenant", "list"]);
            let keys = run_json(&data, &["keys", "list"]);
            let wrong = keys.as_array().expect("keys").iter().find(|key| !key["problem"].is_null());
            assert_eq!(wrong, None, "{verb:?} killed at flush {step}");
            if done.success() {
                assert!(step > 3, "{verb:?}: only {step} flushes, so nothing was killed");
                break;
            }
        }
    }
}

/// Makes a recovery key, as on a machine that has nothing of Chaveiro but the command.
fn make_recipient(file: &Path) -> serde_json::Value {
    let made = chaveiro().args(["keys", "make-recipient", "--json"]).arg(file).output().expect("it runs");
    assert!(made.status.success(), "{}", text(&made.stderr));
    serde_json::from_slice(&made.stdout).expect("JSON")
}

/// Returns the output and the errors of `keys open ana-lt7` with that key and these flags.
fn open(key: &Path, flags: &[&str]) -> (bool, String, String) {
    let output = chaveiro().args(["keys", "open", "ana-lt7", "--json", "--key"]).arg(key).args(flags).output();
    let output = output.expect("it runs");
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// The passcodes and the problems that were printed, newest first.
fn told(printed: &str) -> Vec<(Option<String>, Option<String>)> {
    let rows: serde_json::Value = serde_json::from_str(printed).expect("JSON");
    let text = |row: &serde_json::Value, member: &str| row[member].as_str().map(str::to_owned);
    rows.as_array().expect("rows").iter().map(|row| (text(row, "passcode"), text(row, "problem"))).collect()
}

#[tokio::test]
async fn a_recovery_key_opens_passcodes_without_a_key_of_the_server_and_every_refusal_says_why() {
    let (_directory, data) = initialised();
    let safe = tempfile::tempdir().expect("a safe");
    let [key, other, backup] = ["safe.key", "other.key", "backup"].map(|name| safe.path().join(name));
    let (made, _) = (make_recipient(&key), make_recipient(&other));
    assert_eq!(std::fs::metadata(&key).expect("a file").permissions().mode() & 0o7777, 0o600);
    let before = std::fs::read(&key).expect("bytes");
    // A bare name is a file of the current directory.
    let (here, bare) = (key.parent().expect("a directory"), ["keys", "make-recipient", "bare.key"]);
    let named = chaveiro().current_dir(here).args(bare).output().expect("it runs");
    assert!(named.status.success() && here.join("bare.key").exists(), "{named:?}");
    let again = chaveiro().args(["keys", "make-recipient"]).arg(&key).output().expect("it runs");
    assert!(!again.status.success() && text(&again.stderr).contains("is not overwritten"), "{}", text(&again.stderr));
    assert_eq!(std::fs::read(&key).expect("bytes"), before);

    run(&data, &["keys", "add-recipient", made["line"].as_str().expect("a line")]);
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(7).await;
    let path = path_of_device(&server, &server.client()).await;
    assert_eq!(recover(&server, &server.client(), &path).await.0, 204);
    device.sync(&transport).await.expect("a session");
    let first = device.pin().to_owned();
    run(&data, &["backup", backup.to_str().expect("text")]);
    let listed = |id: &serde_json::Value| {
        let rows = run_json(&data, &["keys", "recipients"]);
        let row = rows.as_array().expect("rows").iter().find(|row| row["id"] == *id).cloned().expect("a row");
        (row["removed"].as_bool(), row["passcodes"].as_u64())
    };
    assert_eq!(listed(&made["keyId"]), (Some(false), Some(1)));

    // A key that is removed opens what it opened before, and nothing that is sealed later.
    let removed = run_json(&data, &["keys", "remove-recipient", "safe"]);
    assert_eq!((&removed["keyId"], &removed["passcodes"]), (&made["keyId"], &1.into()));
    assert_eq!(removed["devices"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed(&made["keyId"]), (Some(true), Some(1)));
    assert_eq!(recover(&server, &server.client(), &path).await.0, 204);
    device.sync(&transport).await.expect("a session");
    assert_ne!(device.pin(), first);
    for (asked, words) in [("safe", "no recipient is called safe"), ("server", "the server's own")] {
        let refused = try_run(&data, &["keys", "remove-recipient", asked]);
        assert!(!refused.status.success() && text(&refused.stderr).contains(words), "{}", text(&refused.stderr));
    }
    drop(server);

    // The escrow keys of the server are gone.
    let (escrow, away) = (data.join("keys/escrow"), data.join("keys/away"));
    std::fs::rename(&escrow, &away).expect("moved");
    let (place, copy) = (data.to_str().expect("text"), backup.to_str().expect("text"));
    let live = ["--data", place, "--reason", "the disk of the keys is lost"];
    let mut before = Vec::new();
    crate::support::read_all(&backup, &mut before);
    let (is_open, printed, noted) = open(&key, &["--backup", copy]);
    assert!(is_open && noted.contains("in no record"), "{noted}");
    assert_eq!(told(&printed), [(Some(first.clone()), None)]);
    let mut after = Vec::new();
    crate::support::read_all(&backup, &mut after);
    assert!(before == after, "a backup is only read");
    // The way that the document knows when every key of the server is gone.
    let rescued = safe.path().join("rescued");
    std::fs::create_dir(&rescued).expect("made");
    for name in ["chaveiro.db", "chaveiro.db-wal"] {
        std::fs::copy(data.join(name), rescued.join(name)).expect("copied");
    }
    let applied = rusqlite::Connection::open(rescued.join("chaveiro.db")).expect("opened");
    applied.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("applied");
    drop(applied);
    let (is_open, printed, noted) = open(&key, &["--backup", rescued.to_str().expect("text")]);
    assert!(is_open && noted.contains("in no record"), "{noted}");
    assert_eq!(told(&printed), [(None, Some("otherKey".to_owned())), (Some(first.clone()), None)]);
    let (is_open, printed, noted) = open(&key, &live);
    assert!(is_open, "{noted}");
    assert_eq!(told(&printed), [(None, Some("otherKey".to_owned())), (Some(first.clone()), None)]);
    let shown = chaveiro().args(["keys", "open", "ANA-LT7", "--backup", copy, "--key"]).arg(&key).output();
    let shown = text(&shown.expect("it runs").stdout);
    assert!(shown.lines().any(|line| line == first), "{shown}");

    // Each refusal says why, and shows nothing.
    let damaged = safe.path().join("damaged");
    assert!(Command::new("cp").arg("-a").arg(&backup).arg(&damaged).status().expect("cp runs").success());
    let connection = rusqlite::Connection::open(damaged.join("chaveiro.db")).expect("opened");
    let moved = "UPDATE secret SET attempt = attempt + 1";
    assert_eq!(connection.execute(moved, []).expect("changed"), 1);
    drop(connection);
    let loose = safe.path().join("loose.key");
    std::fs::copy(&key, &loose).expect("copied");
    std::fs::set_permissions(&loose, std::fs::Permissions::from_mode(0o644)).expect("opened to others");
    let mistyped = safe.path().join("mistyped.key");
    std::fs::copy(&other, &mistyped).expect("copied");
    let halves = [&key, &other].map(|file| std::fs::read_to_string(file).expect("text"));
    let half = |of: usize, number: usize| halves[of].lines().nth(number).expect("a half").to_owned();
    std::fs::write(&mistyped, format!("{}\n{}\n", half(0, 0), half(1, 1))).expect("written");
    let id = made["keyId"].as_str().expect("an id");
    let damaged = damaged.to_str().expect("text");
    let table: [(&Path, &[&str], &[&str]); 8] = [
        (&other, &["--backup", copy], &["no passcode of ana-lt7 is sealed to key", id]),
        (&other, &live, &["no passcode of ana-lt7 is sealed to key", id]),
        (&key, &["--backup", damaged], &["are damaged, or moved from another device"]),
        (&loose, &["--backup", copy], &["accessible to others", "chmod 600"]),
        (&mistyped, &["--backup", copy], &["two halves do not belong together"]),
        (&safe.path().join("none.key"), &["--backup", copy], &["does not exist"]),
        (&key, &["--data", place], &["--reason"]),
        (&key, &["--backup", place], &["is a data directory"]),
    ];
    for (key, flags, words) in table {
        let (is_open, printed, said) = open(key, flags);
        assert!(!is_open && printed.is_empty(), "{flags:?}: {printed}");
        assert!(words.iter().all(|word| said.contains(word)), "{flags:?}: {words:?} in {said}");
    }

    // What another program has changed is named, and neither opened nor recorded as opened.
    let edited = rusqlite::Connection::open(data.join("chaveiro.db")).expect("opened");
    assert_eq!(edited.execute("UPDATE secret SET received = received + 1", []).expect("changed"), 2);
    drop(edited);
    for key in [&key, &other] {
        let (is_open, printed, said) = open(key, &live);
        assert!(!is_open && printed.is_empty() && said.contains("were changed by another program"), "{said}");
    }

    // What was opened in the data directory is in its record.
    std::fs::rename(&away, &escrow).expect("moved back");
    assert_eq!(listed(&made["keyId"]), (Some(true), Some(1)), "its envelope opens all the same");
    let database = rusqlite::Connection::open(data.join("chaveiro.db")).expect("opened");
    let alerts =
        database
            .query_row("SELECT count(*) FROM alert WHERE name = 'chaveiro.recovery_key_used'", [], |row| row.get(0));
    assert_eq!(alerts, Ok(1), "it waits for a server");
    drop(database);
    let export = run(&data, &["audit", "export"]);
    let mut events = events_of(&export);
    events.retain(|event| event["activity"] == "passcodeDisclosed");
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["actor"]["kind"], "operator");
    let details = events[0]["details"].to_string();
    assert!(details.contains("the disk of the keys is lost") && details.contains(id), "{details}");
    assert!(export.contains("recipientRemoved"));
    assert!(!export.contains(&first));
}

#[test]
fn recipients_that_are_added_and_removed_at_once_are_all_added_and_removed() {
    let (_directory, data) = initialised();
    let lines = (0..12).map(|number| recipient_named(&format!("r{number}"))).collect::<Vec<_>>();
    let at_once = |verbs: Vec<[&str; 3]>| {
        let start = |verb: &[&str; 3]| {
            let mut command = chaveiro();
            command.args(verb).arg("--data").arg(&data).stdout(Stdio::null()).stderr(Stdio::piped());
            command.spawn().expect("it starts")
        };
        let children: Vec<_> = verbs.iter().map(start).collect();
        for child in children {
            let ended = child.wait_with_output().expect("it ends");
            assert!(ended.status.success(), "{}", text(&ended.stderr));
        }
    };
    let names = || {
        let listed = run_json(&data, &["keys", "recipients"]);
        let mut names: Vec<_> =
            listed.as_array().expect("rows").iter().map(|row| row["name"].as_str().unwrap_or("-").to_owned()).collect();
        names.sort();
        names
    };
    at_once(lines[..6].iter().map(|line| ["keys", "add-recipient", line]).collect());
    assert_eq!(names(), ["r0", "r1", "r2", "r3", "r4", "r5", "server"]);
    let removed = ["r0", "r1", "r2", "r3", "r4", "r5"].map(|name| ["keys", "remove-recipient", name]);
    let added = lines[6..].iter().map(|line| ["keys", "add-recipient", line]);
    at_once(removed.into_iter().chain(added).collect());
    assert_eq!(names(), ["r10", "r11", "r6", "r7", "r8", "r9", "server"]);
    let export = run(&data, &["audit", "export"]);
    assert_eq!((export.matches("recipientAdded").count(), export.matches("recipientRemoved").count()), (12, 6));
}

#[test]
fn a_name_of_a_recipient_fits_into_a_line_and_a_command() {
    let (_directory, data) = initialised();
    let safe = tempfile::tempdir().expect("a directory");
    for (number, name) in ["o'brien", "a\nb", "\"", "a\\b", &"x".repeat(65)].iter().enumerate() {
        let file = safe.path().join(number.to_string());
        let made = chaveiro().args(["keys", "make-recipient", "--name", name]).arg(&file).output().expect("it runs");
        assert!(text(&made.stderr).contains("cannot be the name of a recipient"), "{name}: {}", text(&made.stderr));
        assert!(!made.status.success() && !file.exists(), "{name}");
        if !name.contains('\n') {
            let added = try_run(&data, &["keys", "add-recipient", &recipient_named(name)]);
            assert!(!added.status.success() && text(&added.stderr).contains("cannot be the name"), "{name}");
        }
    }
    for (number, name) in ["Cofre de São Paulo (2)", "", &"é".repeat(64)].iter().enumerate() {
        let file = safe.path().join(format!("good {number}"));
        let made = chaveiro().args(["keys", "make-recipient", "--name", name, "--json"]).arg(&file).output();
        let made = made.expect("it runs");
        assert!(made.status.success(), "{name}: {}", text(&made.stderr));
        let made: serde_json::Value = serde_json::from_slice(&made.stdout).expect("JSON");
        assert_eq!(made["name"], *name);
        run(&data, &["keys", "add-recipient", made["line"].as_str().expect("a line")]);
    }
}

/// A recipient as people hand it over.
fn recipient() -> String {
    recipient_named("offline")
}

fn recipient_named(name: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let key = rcgen::KeyPair::generate().expect("a key");
    format!("p256 {} {name}", STANDARD.encode(key.public_key_raw()))
}

async fn path_of_device(server: &Server, client: &reqwest::Client) -> String {
    let listed = get(client, &format!("{}{DEVICES}", server.graph_url)).await;
    format!("{DEVICES}/{}", listed["value"][0]["id"].as_str().expect("an id"))
}

/// Status and `Retry-After`.
async fn recover(server: &Server, client: &reqwest::Client, path: &str) -> (u16, Option<String>) {
    let asked = client.post(format!("{}{path}/recoverPasscode", server.graph_url)).send().await.expect("an answer");
    let retry = asked.headers().get("Retry-After").and_then(|value| value.to_str().ok()).map(str::to_owned);
    (asked.status().as_u16(), retry)
}

async fn ready(server: &Server, client: &reqwest::Client) -> (u16, String) {
    let answer = client.get(format!("{}/readyz", server.graph_url)).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

#[tokio::test]
async fn no_device_is_asked_to_change_while_the_escrow_is_not_whole() {
    let (_directory, data) = initialised();
    let (_other_directory, other) = initialised();
    let ((public, key), (foreign_public, foreign_key)) = (escrow(&data), escrow(&other));
    let [public_bytes, key_bytes, foreign_public, foreign_key] =
        [&public, &key, &foreign_public, &foreign_key].map(|file| std::fs::read(file).expect("bytes"));
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(7).await;
    let client = server.client();
    let path = path_of_device(&server, &client).await;
    type Damage<'a> = (&'a str, Option<&'a [u8]>, Option<&'a [u8]>);
    let table: [Damage<'_>; 6] = [
        ("recipients of another", Some(&foreign_public), Some(&key_bytes)),
        ("damaged recipients", Some(b"p256 AAAA server\n"), Some(&key_bytes)),
        ("no recipient", Some(b""), Some(&key_bytes)),
        ("no recipients file", None, Some(&key_bytes)),
        ("the pair of another", Some(&foreign_public), Some(&foreign_key)),
        ("no private key", Some(&public_bytes), None),
    ];
    let put = |file: &Path, bytes: Option<&[u8]>| match bytes {
        Some(bytes) => std::fs::write(file, bytes).expect("written"),
        None => std::fs::remove_file(file).expect("removed"),
    };
    for (what, bad_public, bad_key) in table {
        // One recovery is queued already when the files go wrong.
        assert_eq!(recover(&server, &client, &path).await.0, 204, "{what}");
        put(&public, bad_public);
        put(&key, bad_key);
        let (status, said) = ready(&server, &client).await;
        assert!(status == 503 && said.contains("escrow"), "{what}: {status} {said}");
        let (status, retry) = recover(&server, &client, &path).await;
        assert_eq!((status, retry.is_some()), (503, true), "{what}");
        let before = device.pin().to_owned();
        device.sync(&transport).await.expect("a session");
        assert_eq!(device.pin(), before, "{what}: the device was told to change");
        let state = get(&client, &format!("{}{path}", server.graph_url)).await;
        assert_eq!(state["deviceActionResults"][0]["actionState"], "pending", "{what}");

        put(&public, Some(&public_bytes));
        put(&key, Some(&key_bytes));
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("chmod");
        assert_eq!(ready(&server, &client).await.0, 200, "{what}");
        device.sync(&transport).await.expect("a session");
        assert_ne!(device.pin(), before, "{what}: repaired, the command goes out");
        let read = get(&client, &format!("{}{path}?$select=deviceActionResults", server.graph_url)).await;
        assert_eq!(read["deviceActionResults"][0]["passcode"], device.pin(), "{what}");
    }
}

#[tokio::test]
async fn a_tenant_that_is_made_under_a_running_server_is_watched_too() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let client = server.client();
    let tenant = run_json(&data, &["tenant", "create", "Other"])["id"].as_str().expect("an id").to_owned();
    assert_eq!(ready(&server, &client).await.0, 200);
    let public = data.join(format!("keys/escrow/{tenant}.pub"));
    let bytes = std::fs::read(&public).expect("bytes");
    std::fs::write(&public, b"").expect("written");
    let (status, said) = ready(&server, &client).await;
    assert!(status == 503 && said.contains(&tenant), "{status} {said}");
    std::fs::write(&public, bytes).expect("written");
    assert_eq!(ready(&server, &client).await.0, 200);
}

/// Returns what a verification says with that key pinned, and whether it is content.
fn verified(data: &Path, key: &str) -> (bool, String) {
    let file = data.join("export.jsonl");
    run(data, &["audit", "export", "--output", file.to_str().expect("text")]);
    let output = chaveiro().args(["audit", "verify", "--key", key]).arg(&file).output().expect("it runs");
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn the_audit_key_gets_a_successor_that_it_vouches_for_and_a_lost_one_breaks_the_succession() {
    let (_directory, data) = initialised();
    let key = || run(&data, &["audit", "key"]).trim().to_owned();
    let oldest = key();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    // A server would go on to sign with the older key.
    for verb in [&["keys", "rotate-audit"][..], &["keys", "accept", "audit", "--reason", "a test"]] {
        let said = try_run(&data, verb);
        assert!(!said.status.success() && text(&said.stderr).contains("in use by another server"), "{verb:?}");
    }
    assert_eq!(key(), oldest);
    drop(server);

    let newer = run_json(&data, &["keys", "rotate-audit"])["publicKey"].as_str().expect("a key").to_owned();
    assert_eq!((key() == newer, newer == oldest), (true, false));
    for pinned in [&oldest, &newer] {
        let (is_sound, said) = verified(&data, pinned);
        assert!(is_sound && said.contains(&format!("by {newer}")) && said.contains("older key signed that"), "{said}");
    }
    // The change is in the record, and signed to its end.
    let export = std::fs::read_to_string(data.join("export.jsonl")).expect("an export");
    assert!(export.contains("keyChanged") && export.contains("rotated"));
    // A server starts with the successor, and what it links is signed by it.
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    run(&data, &["token"]);
    drop(server);
    assert!(verified(&data, &oldest).0);

    std::fs::remove_file(data.join("keys/audit.key")).expect("lost");
    run(&data, &["keys", "accept", "audit", "--new", "--reason", "disk lost"]);
    let (is_sound, said) = verified(&data, &oldest);
    assert!(!is_sound && said.contains("is broken at") && said.contains("pin the new key with --key"), "{said}");
    let (is_sound, said) = verified(&data, &key());
    assert!(is_sound && said.contains("no older key vouches"), "{said}");
}

#[test]
fn the_list_of_keys_fits_a_terminal_and_machines_get_whole_fingerprints() {
    let (_directory, data) = initialised();
    for language in ["en", "pt-BR"] {
        let listed = run(&data, &["keys", "list", "--lang", language]);
        for line in listed.lines() {
            assert!(line.trim_end().chars().count() <= 80, "{} columns: {line}", line.chars().count());
        }
        let whole = run_json(&data, &["keys", "list"]);
        for key in whole.as_array().expect("keys") {
            let (name, print) = (key["name"].as_str().expect("a name"), key["fingerprint"].as_str().expect("digits"));
            assert_eq!(print.len(), 64);
            let line = listed.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {listed}"));
            assert!(line.contains(&print[..16]), "{line}");
        }
    }
    // What is wrong is told below, whole.
    std::fs::rename(data.join("keys/audit.key"), data.join("keys/audit.kept")).expect("moved");
    let listed = run(&data, &["keys", "list"]);
    let problem = listed.lines().find(|line| line.starts_with("Problem: ")).unwrap_or_else(|| panic!("{listed}"));
    assert!(problem.contains("audit.key") && problem.contains("missing"), "{problem}");
}
