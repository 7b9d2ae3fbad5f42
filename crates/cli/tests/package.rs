//! What is installed with the server agrees with the program: the unit of systemd, and the modes of what it writes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::{self, Server, chaveiro, initialised, run, text, try_run};

const UNIT: &str = include_str!("../package/chaveiro.service");
const MANUAL: &str = include_str!("../../../docs/operations.md");

/// The values of a key of the unit.
fn settings(key: &str) -> Vec<&'static str> {
    UNIT.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

fn setting(key: &str) -> &'static str {
    let [value] = settings(key)[..] else { panic!("{key} once in the unit") };
    value
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");
}

#[test]
fn the_unit_starts_the_server_on_the_directory_that_it_may_write() {
    let mut words = setting("ExecStart").split(' ');
    assert_eq!(words.next(), Some("chaveiro"), "in /usr/local/bin, or where the package puts it");
    let data = format!("/var/lib/{}", setting("StateDirectory"));
    assert_eq!(words.collect::<Vec<_>>(), ["serve", "--data", &data]);
    let help = text(&chaveiro().args(["serve", "--help"]).output().expect("it runs").stdout);
    assert!(help.contains(&data), "the default of the program: {help}");
    assert_eq!(setting("User"), "chaveiro");
    for line in ["useradd --system --home-dir /var/lib/chaveiro", "crates/cli/package/chaveiro.service"] {
        assert!(MANUAL.contains(line), "{line} in docs/operations.md");
    }
    assert!(!MANUAL.contains("ExecStart="), "the unit is one file, and the manual names it");
}

#[test]
fn the_unit_has_limits_and_a_sandbox_and_systemd_understands_it() {
    for (key, value) in [
        ("LimitCORE", "0"),
        ("MemorySwapMax", "0"),
        ("UMask", "0077"),
        ("StateDirectoryMode", "0700"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateDevices", "yes"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", "CAP_NET_BIND_SERVICE"),
        ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"),
        ("MemoryDenyWriteExecute", "yes"),
    ] {
        assert_eq!(setting(key), value, "{key}");
    }
    assert!(setting("LimitNOFILE").parse::<u32>().expect("a number") >= 65_536);
    assert!(settings("SystemCallFilter").contains(&"@system-service"));
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("package/chaveiro.service");
    let judged = Command::new("systemd-analyze").args(["security", "--offline=true"]).arg(&unit).output();
    // Not every machine that builds this has systemd, or one that judges files.
    if let Some(judged) = judged.ok().filter(|judged| judged.status.success()) {
        let (words, complaints) = (text(&judged.stdout), text(&judged.stderr));
        assert_eq!(complaints, "", "each line is understood");
        let level =
            words.lines().last().and_then(|line| line.split(": ").nth(1)?.split(' ').next()?.parse::<f32>().ok());
        assert!(level.expect("a level") < 2.0, "{words}");
    }
}

#[tokio::test]
async fn whatever_the_server_writes_is_for_its_owner_alone() {
    let (_directory, data) = initialised();
    assert_eq!(mode(&data), 0o700);
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    server.device(1).await;
    let export = data.join("audit.jsonl");
    run(&data, &["audit", "export", "--output", export.to_str().expect("text")]);
    let mut places = Vec::new();
    support::read_all(&data, &mut places);
    let names: Vec<&str> = places.iter().map(|(name, _)| name.rsplit('/').next().unwrap_or_default()).collect();
    for name in ["chaveiro.db", "chaveiro.db-wal", "chaveiro.db-shm", "chaveiro.toml", "server.lock", "audit.jsonl"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    for (name, _) in places.iter().filter(|(name, _)| !name.ends_with(".pem") && !name.ends_with(".pub")) {
        assert_eq!(mode(Path::new(name)), 0o600, "{name}");
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).expect("its limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a line");
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
}

#[test]
fn a_directory_that_others_may_enter_is_refused_with_the_command_that_helps() {
    let (_directory, data) = initialised();
    for mode in [0o750, 0o705, 0o755, 0o701] {
        set_mode(&data, mode);
        for verb in [&["serve"][..], &["tenant", "list"], &["audit", "key"]] {
            let refused = try_run(&data, verb);
            let words = text(&refused.stderr);
            assert!(!refused.status.success() && words.contains("chmod 700"), "{mode:o} {verb:?}: {words}");
        }
    }
    set_mode(&data, 0o700);
    run(&data, &["tenant", "list"]);
}

#[test]
fn an_empty_directory_is_taken_from_others_and_one_with_something_in_it_is_not_touched() {
    let directory = tempfile::tempdir().expect("a directory");
    let [empty, full] = ["empty", "full"].map(|name| directory.path().join(name));
    for path in [&empty, &full] {
        std::fs::create_dir(path).expect("made");
        set_mode(path, 0o755);
    }
    std::fs::write(full.join("something"), b"").expect("written");
    run(&empty, &["init"]);
    assert_eq!(mode(&empty), 0o700);
    let refused = try_run(&full, &["init"]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("chmod 700"), "{}", text(&refused.stderr));
    assert_eq!((mode(&full), std::fs::read_dir(&full).expect("read").count()), (0o755, 1));
}

#[test]
fn a_database_that_an_older_version_left_open_to_others_is_closed_to_them() {
    let (_directory, data) = initialised();
    let database = data.join("chaveiro.db");
    set_mode(&database, 0o644);
    run(&data, &["tenant", "list"]);
    assert_eq!(mode(&database), 0o600);
}
