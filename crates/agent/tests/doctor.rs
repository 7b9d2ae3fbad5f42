//! `chaveiro-agent doctor` on systems made for it, below a directory of their own.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
    ana:x:1000:1000:Ana:/home/ana:/bin/bash\n\
    bob:x:1001:1001:Bob:/home/bob:/usr/sbin/nologin\n\
    carl:x:1002:1002::/home/carl:/bin/sh\n\
    dora:x:1003:1003::/home/dora:/bin/sh\n\
    ed:x:1004:1004::/home/ed:/bin/sh\n\
    homed:x:60400:60400::/home/homed:/bin/sh\n";
const SHADOW: &str = "root:*:19000:0:99999:7:::\n\
    ana:$y$j9T$salt$PLANTEDHASH:19000:0:99999:7:::\n\
    bob:$6$salt$PLANTEDHASH:19000:0:99999:7:::\n\
    carl:!$6$salt$PLANTEDHASH:19000:0:99999:7:::\n\
    dora:$6$salt$PLANTEDHASH:19000:0:99999:7::1:\n\
    ed:*:19000:0:99999:7:::\n";
const HEADER: &[u8] = include_bytes!("data/luks2-header.bin");

const PASSPHRASE: &[u8] = b"the passphrase of the installer";

/// A header with as many slots, the first of which is the agent's.
fn header(slots: usize) -> Vec<u8> {
    let area = |slot: usize| format!(r#"{{"area":{{"offset":"{}","size":"258048"}}}}"#, 32768 + slot * 258_048);
    let slots: Vec<String> = (0..slots).map(|slot| format!("\"{slot}\":{}", area(slot))).collect();
    let token = r#"{"type":"chaveiro","keyslots":["0"],"role":"agent","action":"","attempt":0}"#;
    let rest = format!(r#""tokens":{{"0":{token}}},"digests":{{}},"config":{{"keyslots_size":"16744448"}}"#);
    let mut bytes = HEADER[..4096].to_vec();
    bytes.extend_from_slice(format!("{{\"keyslots\":{{{}}},{rest}}}", slots.join(",")).as_bytes());
    bytes.resize(HEADER.len(), 0);
    bytes[448..512].fill(0);
    let checksum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    bytes[448..480].copy_from_slice(checksum.as_ref());
    bytes
}

fn write(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    std::fs::write(path, bytes).expect("written");
}

/// A laptop on which everything is ready.
fn laptop() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a directory");
    write(root.path(), "etc/passwd", PASSWD.as_bytes());
    write(root.path(), "etc/shadow", SHADOW.as_bytes());
    write(root.path(), "etc/crypttab", b"root_crypt UUID=0a-1b none luks\n");
    write(root.path(), "dev/disk/by-uuid/0a-1b", &header(2));
    write(root.path(), "usr/sbin/unix_chkpwd", b"");
    // `ana` signed in, lastlog(5).
    let mut lastlog = vec![0; 292 * 1001];
    lastlog[292 * 1000] = 1;
    write(root.path(), "var/log/lastlog", &lastlog);
    write(root.path(), "var/lib/systemd/home/homed.identity", b"{}");
    root
}

/// A volume of its own in a file, opened by [`PASSPHRASE`].
fn encrypt(root: &Path, name: &str) {
    let file = root.join(name);
    std::fs::File::create(&file).expect("made").set_len(20 << 20).expect("sized");
    let mut format = Command::new("cryptsetup");
    format.args(["luksFormat", "--batch-mode", "--type", "luks2", "--pbkdf", "pbkdf2"]);
    format.args(["--pbkdf-force-iterations", "1000", "--key-file", "-"]).arg(&file).stdin(Stdio::piped());
    let mut running = format.spawn().expect("cryptsetup runs; apt-get install cryptsetup-bin");
    running.stdin.take().expect("its input").write_all(PASSPHRASE).expect("written");
    assert!(running.wait().expect("it ends").success());
}

fn doctor(root: &Path, arguments: &[&str]) -> (i32, String) {
    agent(root, &["doctor"], arguments)
}

fn agent(root: &Path, verb: &[&str], arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaveiro-agent"));
    command.env_remove("CHAVEIRO_LANG").env("LC_ALL", "C.UTF-8").args(verb).arg("--root").arg(root).arg("--state");
    let output = command.arg(root.join("state")).args(arguments).output().expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().expect("a code"), String::from_utf8(text).expect("text"))
}

#[test]
fn a_laptop_on_which_nothing_is_missing_is_ready_for_both_recoveries() {
    let root = laptop();
    encrypt(root.path(), "dev/disk/by-uuid/0a-1b");
    let (code, text) = agent(root.path(), &["escrow", "--passphrase-file", "/dev/null"], &[]);
    assert_eq!(code, 2, "a wrong passphrase: {text}");
    assert!(text.contains("encrypted disk"), "an open disk is not taken without a word: {text}");
    let passphrase = root.path().join("passphrase");
    std::fs::write(&passphrase, PASSPHRASE).expect("written");
    let file = passphrase.to_str().expect("text");
    let (code, text) = agent(root.path(), &["escrow", "--accept-open-disk", "--passphrase-file", file], &[]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = doctor(root.path(), &["--json"]);
    let rows: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(code, 0, "{text}");
    let facts = |row: &Value| (row["recovery"].clone(), row["subject"].clone(), row["ready"].clone());
    assert_eq!(facts(&rows[0]), ("login".into(), "ana".into(), true.into()));
    assert_eq!(facts(&rows[1]), ("luks2".into(), "/dev/disk/by-uuid/0a-1b".into(), true.into()));
    let slots = serde_json::json!({"agent": [31], "escrow": [], "leftBehind": [], "others": [0], "free": 30});
    assert_eq!(rows[1]["keySlots"], slots);
}

/// Adds a slot that the agent's own key opens, as a recovery begins one.
fn interrupt(root: &Path, slot: u8) {
    let key = std::fs::read_dir(root.join("state/volumes")).expect("keys").find_map(|entry| {
        let path = entry.expect("an entry").path();
        (path.extension()? == "key").then_some(path)
    });
    let key = key.expect("the agent's key");
    let mut add = Command::new("cryptsetup");
    add.args(["luksAddKey", "--batch-mode", "--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000", "--key-file"]);
    add.arg(&key).arg(format!("--key-slot={slot}")).arg(root.join("dev/disk/by-uuid/0a-1b")).arg(&key);
    assert!(add.status().expect("cryptsetup runs").success());
}

#[test]
fn key_slots_that_a_recovery_left_behind_are_shown_and_cleared_without_the_server() {
    let root = laptop();
    encrypt(root.path(), "dev/disk/by-uuid/0a-1b");
    let passphrase = root.path().join("passphrase");
    std::fs::write(&passphrase, PASSPHRASE).expect("written");
    let file = passphrase.to_str().expect("text");
    let (code, text) = agent(root.path(), &["escrow", "--accept-open-disk", "--passphrase-file", file], &[]);
    assert_eq!(code, 0, "{text}");
    interrupt(root.path(), 30);
    interrupt(root.path(), 29);
    for (lang, words) in
        [("en", "interrupted recovery left: 29, 30"), ("pt", "recuperação interrompida deixou: 29, 30")]
    {
        let (code, text) = doctor(root.path(), &["--lang", lang]);
        assert!(code == 0 && text.contains(words) && text.contains("chaveiro-agent clear-slots"), "{code}: {text}");
    }
    let slots = || {
        let (_, text) = doctor(root.path(), &["--json"]);
        serde_json::from_str::<Value>(&text).expect("JSON")[1]["keySlots"].clone()
    };
    assert_eq!(slots()["leftBehind"], serde_json::json!([29, 30]));
    let (code, text) = agent(root.path(), &["clear-slots", "--json"], &[]);
    let cleared: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((code, &cleared["removed"]), (0, &serde_json::json!([29, 30])), "{text}");
    assert_eq!(
        (slots()["leftBehind"].clone(), slots()["others"].clone()),
        (serde_json::json!([]), serde_json::json!([0]))
    );
    let (code, text) = agent(root.path(), &["clear-slots"], &[]);
    assert!(code == 0 && text.contains("no recovery left"), "{text}");
}

#[test]
fn a_volume_with_one_free_slot_is_not_ready() {
    let root = laptop();
    encrypt(root.path(), "dev/disk/by-uuid/0a-1b");
    let passphrase = root.path().join("passphrase");
    std::fs::write(&passphrase, PASSPHRASE).expect("written");
    let file = passphrase.to_str().expect("text");
    agent(root.path(), &["escrow", "--accept-open-disk", "--passphrase-file", file], &[]);
    for slot in 1..30 {
        let mut add = Command::new("cryptsetup");
        add.args(["luksAddKey", "--batch-mode", "--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000", "--key-file", file]);
        add.arg(format!("--key-slot={slot}")).arg(root.path().join("dev/disk/by-uuid/0a-1b")).arg(file);
        assert!(add.status().expect("cryptsetup runs").success());
    }
    let (code, text) = doctor(root.path(), &[]);
    assert!(code == 1 && text.contains("one key slot is free") && text.contains("luksKillSlot"), "{code}: {text}");
    let (_, text) = doctor(root.path(), &["--json"]);
    let rows: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&rows[1]["code"], &rows[1]["keySlots"]["free"]), (&"fewFreeSlots".into(), &1.into()), "{text}");
}

#[test]
fn each_account_that_cannot_be_recovered_is_told_why_and_what_to_do() {
    let root = laptop();
    for (account, words) in [
        ("bob", ["does not allow signing in", "--account"]),
        ("carl", ["locked", "usermod --unlock"]),
        ("dora", ["expired", "chage"]),
        ("ed", ["no password", "passwd"]),
        ("homed", ["systemd-homed", "recovery key"]),
        ("eve", ["not an account of this machine", "directory"]),
    ] {
        let (code, text) = doctor(root.path(), &["--account", account]);
        assert_eq!(code, 1, "{account}: {text}");
        for word in words {
            assert!(text.contains(word), "{account}: {word} in {text}");
        }
    }
}

#[test]
fn each_volume_that_cannot_be_recovered_is_told_why_and_what_to_do() {
    let root = laptop();
    write(root.path(), "full.img", &header(32));
    write(root.path(), "almost.img", &header(31));
    write(root.path(), "alone.img", HEADER);
    write(root.path(), "plain.img", b"plain");
    for (volume, code, words) in [
        ("/full.img", 1, &["every key slot is taken", "luksKillSlot"][..]),
        ("/almost.img", 1, &["no key of its own", "chaveiro-agent escrow"]),
        ("/alone.img", 1, &["no key of its own", "chaveiro-agent escrow"]),
        ("/plain.img", 1, &["not a LUKS volume", "luksDump"]),
        ("/absent.img", 1, &["cannot be read"]),
    ] {
        let (ended, text) = doctor(root.path(), &["--volume", volume]);
        assert_eq!(ended, code, "{volume}: {text}");
        for word in words {
            assert!(text.contains(word), "{volume}: {word} in {text}");
        }
    }
}

#[test]
fn a_machine_without_an_encrypted_volume_lacks_nothing() {
    let root = laptop();
    std::fs::write(root.path().join("etc/crypttab"), "").expect("written");
    for (lang, words) in [("en", "no encrypted volume"), ("pt", "nenhum volume cifrado")] {
        let (code, text) = doctor(root.path(), &["--lang", lang]);
        assert!(code == 0 && text.contains(words), "{code}: {text}");
    }
    let (code, text) = doctor(root.path(), &["--account", "carl"]);
    assert_eq!(code, 1, "its account is locked: {text}");
}

#[test]
fn missing_programs_are_named_with_the_package_that_has_them() {
    let root = laptop();
    std::fs::remove_file(root.path().join("usr/sbin/unix_chkpwd")).expect("removed");
    let (code, text) = doctor(root.path(), &[]);
    assert_eq!(code, 1);
    assert!(text.contains("apt-get install libpam-modules-bin"), "{text}");
}

#[test]
fn it_speaks_portuguese_shows_no_hash_and_changes_nothing() {
    let root = laptop();
    let before = std::fs::read(root.path().join("etc/shadow")).expect("read");
    let (_, text) = doctor(root.path(), &["--lang", "pt", "--account", "carl"]);
    assert!(text.contains("a conta está bloqueada") && text.contains("o que fazer"), "{text}");
    assert!(!text.contains("PLANTED"), "{text}");
    assert!(before == std::fs::read(root.path().join("etc/shadow")).expect("read"));
    let (code, text) = doctor(Path::new("/proc/nowhere"), &[]);
    assert_eq!(code, 2);
    assert!(text.contains("etc/passwd"), "{text}");
}
