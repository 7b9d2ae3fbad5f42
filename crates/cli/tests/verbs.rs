//! Every verb, and what a person reads when something is wrong.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Server, chaveiro, events_of, initialised, run, run_json, taken_once, text, try_run};

/// The help of that verb.
fn help_of(verb: &[String]) -> String {
    let output = chaveiro().args(verb).arg("--help").output().expect("it runs");
    assert!(output.status.success(), "{verb:?}");
    text(&output.stdout)
}

/// The verbs below the one with that help, as it lists them.
fn listed(help: &str) -> impl Iterator<Item = &str> {
    let verbs = help.split_once("Commands:\n").map_or("", |(_, verbs)| verbs);
    let lines = verbs.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help")
}

#[test]
fn every_verb_has_help_and_every_verb_that_acts_an_example() {
    let (mut waiting, mut seen) = (vec![Vec::<String>::new()], 0);
    while let Some(verb) = waiting.pop() {
        let help = help_of(&verb);
        assert!(help.contains("--json"), "{verb:?}");
        let below: Vec<_> = listed(&help).map(|name| [&verb[..], &[name.to_owned()]].concat()).collect();
        assert!(!below.is_empty() || help.contains("Example:"), "{verb:?} has no example");
        waiting.extend(below);
        seen += 1;
    }
    assert!(seen > 60, "{seen} verbs");
}

#[test]
fn the_flags_of_configuration_keys_stand_apart_from_those_of_every_verb() {
    for (lang, options, keys) in [("en", "Options:", "Configuration:"), ("pt-BR", "Opções:", "Configuração:")] {
        let help = help_of(&["serve".to_owned(), "--lang".to_owned(), lang.to_owned()]);
        let (before, keys) = help.split_once(keys).unwrap_or_else(|| panic!("{keys} in {help}"));
        let (_, common) = before.split_once(options).unwrap_or_else(|| panic!("{options} in {help}"));
        for flag in ["--config", "--data", "--json", "--lang", "--tenant", "--help"] {
            assert!(common.contains(flag) && !keys.contains(&format!("  {flag}")), "{flag} in {help}");
        }
        assert!(keys.contains("--graph-listen") && keys.contains("--log") && !common.contains("--graph-listen"));
    }
}

#[test]
fn an_empty_language_is_the_one_of_the_system() {
    for (system, expected) in [("pt_BR.UTF-8", "Comece com:"), ("C.UTF-8", "Begin with:")] {
        let run = |verb| {
            let mut command = chaveiro();
            command.env("CHAVEIRO_LANG", "").env("LC_ALL", system).arg(verb).output().expect("it runs")
        };
        assert!(text(&run("--help").stdout).contains(expected), "{}", text(&run("--help").stdout));
        assert!(run("routes").status.success(), "{}", text(&run("routes").stderr));
    }
}

#[test]
fn init_makes_everything_once_and_says_what_to_do_next() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let said = run(&data, &["init", "--name", "Contoso"]);
    for word in ["Contoso", "chaveiro serve", "app register", "enroll-token"] {
        assert!(said.contains(word), "{word} in {said}");
    }
    for file in [
        "chaveiro.db",
        "chaveiro.toml",
        "keys/ca/root.pem",
        "keys/audit.key",
        "keys/rows.key",
        "keys/device-credentials.key",
    ] {
        assert!(data.join(file).exists(), "{file}");
    }
    assert_eq!(data.metadata().expect("there").permissions().mode() & 0o777, 0o700);
    let again = try_run(&data, &["init"]);
    assert!(!again.status.success() && text(&again.stderr).contains("already"));
}

#[test]
fn tenants_applications_and_keys_are_administered() {
    let (_directory, data) = initialised();
    let other = run_json(&data, &["tenant", "create", "Other"]);
    assert_eq!(run_json(&data, &["tenant", "list"]).as_array().map(Vec::len), Some(2));
    let ambiguous = try_run(&data, &["app", "list"]);
    assert!(text(&ambiguous.stderr).contains("--tenant"));
    let permission = "DeviceManagementManagedDevices.Read.All";
    let app = run_json(&data, &["app", "register", "x", "--permission", permission, "--tenant", "Other"]);
    assert_eq!(app["tenantId"], other["id"]);
    let id = app["clientId"].as_str().expect("an id");
    run(&data, &["app", "add-secret", id, "--tenant", "Other"]);
    assert_eq!(run_json(&data, &["app", "list", "--tenant", "Other"])[0]["secrets"], 2);
    run(&data, &["app", "add-secret", id, "--replace", "--tenant", "Other"]);
    assert_eq!(run_json(&data, &["app", "list", "--tenant", "Other"])[0]["secrets"], 1);
    run(&data, &["app", "delete", id, "--tenant", "Other"]);
    assert_eq!(run_json(&data, &["app", "list", "--tenant", "Other"]).as_array().map(Vec::len), Some(0));
    let changed =
        run_json(&data, &["tenant", "set", "--licence", "inactive", "--disclosure-window", "5", "--tenant", "Other"]);
    assert_eq!((&changed["licence"], &changed["disclosureWindowMinutes"]), (&"inactive".into(), &5.into()));
    assert!(run_json(&data, &["keys", "rotate-issuer"])["keyId"].is_string());
    assert_eq!(run_json(&data, &["keys", "recipients", "--tenant", "Other"])[0]["name"], "server");
    let wrong = try_run(&data, &["app", "register", "x", "--permission", "Everything", "--tenant", "Other"]);
    assert!(text(&wrong.stderr).contains("there is no permission Everything"));
}

#[test]
fn what_linux_devices_do_is_a_setting_of_the_tenant_and_no_weak_passcode_is_one() {
    let (_directory, data) = initialised();
    let tenant = run_json(&data, &["tenant", "list"])[0].clone();
    for (member, value) in [
        ("linuxLocks", serde_json::json!("both")),
        ("passcodeForm", serde_json::json!("letters-and-digits")),
        ("passcodeLength", serde_json::json!(16)),
        ("passcodeEntropyBits", serde_json::json!(79)),
        ("mustChange", serde_json::json!(true)),
        ("lockSessions", serde_json::json!(false)),
    ] {
        assert_eq!(tenant[member], value, "{member} by default");
    }
    for (flags, form, length, bits) in [
        (&["--passcode-form", "digits"][..], "digits", 13, 43),
        (&["--passcode-form", "letters"], "letters", 14, 63),
        (&["--passcode-length", "9"], "letters", 9, 40),
        (&["--passcode-form", "words-en"], "words-en", 6, 66),
        (&["--passcode-form", "words-pt", "--passcode-length", "4"], "words-pt", 4, 44),
        (&["--passcode-form", "letters-and-digits"], "letters-and-digits", 16, 79),
    ] {
        let changed = run_json(&data, &[&["tenant", "set"], flags].concat());
        let told = (&changed["passcodeForm"], &changed["passcodeLength"], &changed["passcodeEntropyBits"]);
        assert_eq!(told, (&form.into(), &length.into(), &bits.into()), "{flags:?}");
    }
    for (flags, words) in [
        (&["--passcode-form", "digits", "--passcode-length", "12"][..], &["39 bits", "40", "13 is usual"][..]),
        (&["--passcode-length", "0"], &["0 bits", "40"]),
        (&["--passcode-form", "words-pt", "--passcode-length", "65"], &["no longer than 64"]),
        (&["--linux-locks", "screen"], &["both", "luks2"]),
        (&["--must-change", "maybe"], &["true", "false"]),
    ] {
        let refused = try_run(&data, &[&["tenant", "set"], flags].concat());
        let said = text(&refused.stderr);
        assert!(!refused.status.success(), "{flags:?}");
        assert!(words.iter().all(|word| said.contains(word)), "{flags:?}: {said}");
    }
    let locks = ["tenant", "set", "--linux-locks", "luks2", "--must-change", "false", "--lock-sessions", "true"];
    run(&data, &locks);
    let kept = run_json(&data, &["tenant", "list"])[0].clone();
    assert_eq!((&kept["linuxLocks"], &kept["mustChange"]), (&"luks2".into(), &false.into()));
    assert_eq!(
        (&kept["lockSessions"], &kept["passcodeLength"]),
        (&true.into(), &16.into()),
        "a refusal changes nothing"
    );
}

#[tokio::test]
async fn the_help_desk_recovers_a_passcode_from_the_command_line() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(7).await;
    assert_eq!(run_json(&data, &["device", "list"])[0]["deviceName"], "ANA-LT7");
    assert_eq!(run_json(&data, &["device", "recoverability", "ana-lt7"]), serde_json::json!([]));
    let told = run(&data, &["device", "recoverability", "ANA-LT7"]);
    assert!(told.contains("Windows") && told.contains("only Linux devices"), "{told}");
    let waiting = {
        let data = data.clone();
        tokio::task::spawn_blocking(move || {
            run_json(&data, &["recover", "ana-lt7", "--wait", "--show", "--timeout", "30"])
        })
    };
    // The device polls; here it does so at once.
    for _ in 0..200 {
        if waiting.is_finished() {
            break;
        }
        device.sync(&transport).await.expect("a session");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let shown = waiting.await.expect("it ends");
    assert_eq!((&shown[0]["actionState"], &shown[0]["passcode"]), (&"done".into(), &device.pin().into()));
    let again = run_json(&data, &["action", "ANA-LT7", "--show"]);
    assert_eq!(again[0]["passcode"], device.pin(), "the same operator reads again within the window");
}

#[test]
fn roles_are_assigned_and_taken_back_on_the_host_and_recorded() {
    let (_directory, data) = initialised();
    let roles = run_json(&data, &["role", "list"]);
    assert!(roles.as_array().is_some_and(|roles| roles.len() == 10), "{roles}");
    let shown = run(&data, &["role", "show", "help desk OPERATOR"]);
    assert!(shown.contains("Microsoft.Intune_RemoteTasks_ResetPasscode") && !shown.contains("Delete"), "{shown}");
    let scoped =
        ["role", "assign", "help-desk-operator", "--user", "Ana@Example.org", "--tag", "porto", "--tag", "lisbon"];
    let one = run_json(&data, &[&scoped[..], &["--unknown-ok"]].concat());
    assert_eq!((&one["principal"], &one["tags"]), (&"ana@example.org".into(), &serde_json::json!(["lisbon", "porto"])));
    let two = run_json(&data, &["role", "assign", "Read Only Operator", "--group", "desk"]);
    assert_eq!((&two["kind"], &two["tags"]), (&"group".into(), &serde_json::Value::Null));
    assert_eq!(run_json(&data, &["role", "assignments"]), serde_json::json!([one, two]));
    let id = one["id"].as_str().expect("an id");
    run(&data, &["role", "unassign", id]);
    assert_eq!(run_json(&data, &["role", "assignments"]), serde_json::json!([two]));
    for (arguments, words) in [
        (&["role", "assign", "owner", "--user", "ana"][..], "chaveiro role list"),
        (&["role", "assign", "helpdesk", "--user", "ana"], "hint: did you mean help-desk-operator?"),
        (&["role", "assign", "break-glass"], "--user"),
        (&["role", "assign", "break-glass", "--user", "a", "--group", "b"], "--group"),
        (&["role", "assign", "break-glass", "--user", "a", "--tag", "two words"], "scope tag"),
        (&["role", "unassign", id], "does not exist"),
        (&["role", "assign", "read-only-operator", "--group", two["principal"].as_str().expect("text")], "already"),
        (&["hold", "release", "--reason", "x"], "nothing is on hold\nhint: see: chaveiro hold list\n"),
        (&["hold", "release"], "--reason <REASON>"),
        (&["hold", "release", "--reason", " "], "a reason is one line"),
        (&["tenant", "set", "--hold-percent", "101"], "100"),
    ] {
        let refused = try_run(&data, arguments);
        assert!(!refused.status.success() && text(&refused.stderr).contains(words), "{}", text(&refused.stderr));
    }
    let recorded = run(&data, &["audit", "export"]);
    for word in ["roleAssigned", "roleUnassigned", "ana@example.org", "lisbon,porto"] {
        assert!(recorded.contains(word), "{word}");
    }
}

#[tokio::test]
async fn a_hold_is_seen_and_released_on_the_host_and_passed_with_a_reason() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    for number in [1, 2, 3] {
        server.device(number).await;
    }
    let rule = ["tenant", "set", "--hold-recoveries", "1", "--hold-percent", "0", "--hold-window", "600"];
    let tenant = run_json(&data, &rule);
    assert_eq!((&tenant["holdRecoveries"], &tenant["holdWindowMinutes"]), (&1.into(), &600.into()));
    run(&data, &["recover", "ana-lt1"]);
    assert_eq!(run_json(&data, &["hold", "list"]), serde_json::json!([]));
    let held = try_run(&data, &["recover", "ana-lt2"]);
    let said = text(&held.stderr);
    assert!(!held.status.success() && said.contains("on hold") && said.contains("chaveiro hold release"), "{said}");
    let listed = run_json(&data, &["hold", "list"]);
    assert_eq!((&listed[0]["counted"], &listed[0]["kind"]), (&1.into(), &"asking".into()));
    assert!(listed[0]["causedBy"].as_str().is_some_and(|by| by.ends_with(" (chaveiro-cli)")), "{listed}");
    let short = try_run(&data, &["recover", "ana-lt2", "--break-glass", "please"]);
    assert!(text(&short.stderr).contains("10 to 256 characters"), "{}", text(&short.stderr));
    run(&data, &["recover", "ana-lt2", "--break-glass", "chamado 4711: cirurgi\u{e3} sem acesso"]);
    run(&data, &["device", "tag", "ana-lt3", "lisbon", "sales"]);
    let released = run_json(&data, &["hold", "release", "--reason", "a drill"]);
    assert_eq!(released["reason"], "a drill");
    run(&data, &["recover", "ana-lt3"]);
    let recorded = run(&data, &["audit", "export"]);
    for word in ["holdPlaced", "holdReleased", "breakGlassUsed", "4711", "lisbon,sales"] {
        assert!(recorded.contains(word), "{word}");
    }
}

#[tokio::test]
async fn alerts_are_posted_where_the_configuration_says() {
    let (_directory, data) = initialised();
    let hook = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook", hook.local_addr().expect("an address"));
    let server = Server::start_with(&data, "127.0.0.1:0", "127.0.0.1:0", &["--alert-url", &url]);
    for number in [1, 2] {
        server.device(number).await;
    }
    run(&data, &["tenant", "set", "--hold-recoveries", "1"]);
    run(&data, &["recover", "ana-lt1"]);
    run(&data, &["recover", "ana-lt2", "--break-glass", "ticket 4711: surgery"]);
    // Placed and passed by one request: both are told, in that order.
    let told = tokio::task::spawn_blocking(move || [taken_once(&hook), taken_once(&hook)]).await.expect("taken");
    assert_eq!((&told[0]["alert"], &told[0]["counted"]), (&"chaveiro.hold_placed".into(), &1.into()));
    assert_eq!(told[1]["alert"], "chaveiro.break_glass_used");
    assert_eq!((&told[1]["reason"], &told[1]["hold"]), (&"ticket 4711: surgery".into(), &told[0]["hold"]));
    assert_ne!(told[0]["id"], told[1]["id"]);
    assert!(told.iter().all(|told| told["text"].as_str().is_some_and(|text| text.starts_with("Chaveiro: "))));
}

#[test]
fn what_is_wrong_with_a_data_directory_is_said_with_what_to_do() {
    let directory = tempfile::tempdir().expect("a directory");
    let nowhere = directory.path().join("nowhere");
    let empty = directory.path().join("empty");
    std::fs::create_dir(&empty).expect("made");
    let (_kept, newer) = initialised();
    rusqlite_version(&newer);
    let (_kept, open) = initialised();
    let key = open.join("keys/audit.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("chmod");
    let (_kept, damaged) = initialised();
    std::fs::write(
        damaged.join("chaveiro.db"),
        b"not a database, but longer than a header would be ............................",
    )
    .expect("written");
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(damaged.join(format!("chaveiro.db{suffix}")));
    }
    let (_kept, blocked) = initialised();
    std::fs::remove_file(blocked.join("server.lock")).ok();
    std::fs::create_dir(blocked.join("server.lock")).expect("made");
    for (what, data, words) in [
        ("missing", &nowhere, &["does not exist", "chaveiro init"][..]),
        ("empty", &empty, &["not a data directory", "chaveiro init"]),
        ("newer", &newer, &["schema version 999", "newer program"]),
        ("key open to others", &open, &["audit.key", "chmod 600"]),
        ("damaged", &damaged, &["not a sound SQLite database", "backup"]),
        ("not writable", &blocked, &["server.lock", "write"]),
    ] {
        let output = try_run(data, &["serve", "--graph-listen", "127.0.0.1:0", "--device-listen", "127.0.0.1:0"]);
        let said = text(&output.stderr);
        assert!(!output.status.success(), "{what}");
        for word in words {
            assert!(said.contains(word), "{what}: {word} in {said}");
        }
    }
}

#[test]
fn a_read_only_data_directory_is_said_and_left_as_it_is() {
    let (directory, data) = initialised();
    // Root may write everywhere, so the command runs as a user who may not.
    let nobody = 65534;
    let program = directory.path().join("chaveiro");
    std::fs::copy(env!("CARGO_BIN_EXE_chaveiro"), &program).expect("copied");
    let mode =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");
    mode(directory.path(), 0o755);
    let mut entries = vec![data.clone()];
    let mut next = 0;
    while let Some(path) = entries.get(next).cloned() {
        let is_directory = path.is_dir();
        if is_directory {
            entries.extend(std::fs::read_dir(&path).expect("listed").map(|entry| entry.expect("an entry").path()));
        }
        mode(&path, if is_directory { 0o500 } else { 0o400 });
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(nobody), Some(nobody)).expect("chown");
        }
        next += 1;
    }
    let before: Vec<_> = entries.iter().filter_map(|path| std::fs::read(path).ok()).collect();
    let mut command = std::process::Command::new(&program);
    command.env("LC_ALL", "C.UTF-8").args(["serve", "--graph-listen", "127.0.0.1:0", "--device-listen", "127.0.0.1:0"]);
    if rustix::process::geteuid().is_root() {
        command.uid(nobody).gid(nobody);
    }
    let output = command.arg("--data").arg(&data).output().expect("it runs");
    let said = text(&output.stderr);
    assert!(!output.status.success(), "{said}");
    for word in ["server.lock", "hint", "write"] {
        assert!(said.contains(word), "{word} in {said}");
    }
    let after: Vec<_> = entries.iter().filter_map(|path| std::fs::read(path).ok()).collect();
    assert!(before == after, "a refused start changes nothing");
    entries.iter().filter(|path| path.is_dir()).for_each(|path| mode(path, 0o700));
}

/// As a newer program would leave it.
fn rusqlite_version(data: &std::path::Path) {
    let store = chaveiro_store_sqlite::FILE_NAME;
    let connection = rusqlite::Connection::open(data.join(store)).expect("opened");
    let sql =
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (999, 'later', '', '0')";
    connection.execute(sql, []).expect("inserted");
}

#[test]
fn a_second_server_and_a_taken_port_are_told_apart() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let second = try_run(&data, &["serve", "--graph-listen", "127.0.0.1:0", "--device-listen", "127.0.0.1:0"]);
    let said = text(&second.stderr);
    assert!(said.contains("in use by another server") && said.contains(&server.pid().to_string()), "{said}");

    let (_other, data) = initialised();
    let port = crate::support::address(&server.graph_url);
    let taken = try_run(&data, &["serve", "--graph-listen", &port, "--device-listen", "127.0.0.1:0"]);
    let said = text(&taken.stderr);
    assert!(said.contains(&port) && said.contains("--graph-listen"), "{said}");
}

#[test]
fn without_a_server_the_graph_verbs_say_how_to_start_one() {
    let (_directory, data) = initialised();
    for verb in [&["device", "list"][..], &["recover", "x"], &["token"]] {
        let output = try_run(&data, verb);
        assert!(text(&output.stderr).contains("chaveiro serve"), "{verb:?}: {}", text(&output.stderr));
    }
    let portuguese = chaveiro().args(["token", "--lang", "pt", "--data"]).arg(&data).output().expect("it runs");
    let said = text(&portuguese.stderr);
    assert_eq!(said, "erro: nenhum servidor usa este diretório de dados\ndica: inicie-o com: chaveiro serve\n");
}

#[test]
fn an_altered_audit_export_is_found() {
    let (_directory, data) = initialised();
    let file = data.join("audit.jsonl");
    let path = file.to_str().expect("text");
    run(&data, &["audit", "export", "--output", path]);
    let report = run_json(&data, &["audit", "verify", path]);
    assert_eq!((&report["sound"], &report["signedThrough"]), (&true.into(), &report["events"]));
    assert!(report["from"].as_str() <= report["to"].as_str() && report["from"].is_string(), "{report}");
    let export = std::fs::read_to_string(&file).expect("text");
    let line = 1 + export.lines().position(|line| line.contains("tenantCreated")).expect("a line");
    std::fs::write(&file, export.replace("tenantCreated", "tenantChanged")).expect("written");
    let output = try_run(&data, &["audit", "verify", path]);
    assert!(
        !output.status.success() && text(&output.stderr).contains(&format!("line {line}")),
        "{}",
        text(&output.stderr)
    );
    let output = try_run(&data, &["audit", "verify", path, "--json"]);
    assert!(!output.status.success());
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&told["sound"], &told["line"]), (&false.into(), &line.into()));
    let output = try_run(&data, &["audit", "verify", path, "--lang", "pt"]);
    assert!(text(&output.stderr).contains("NÃO está íntegro"), "{}", text(&output.stderr));
}

#[test]
fn an_export_is_held_against_an_earlier_one_and_against_a_checkpoint() {
    let (_directory, data) = initialised();
    let [before, now] = ["before.jsonl", "now.jsonl"].map(|name| data.join(name).to_str().expect("text").to_owned());
    run(&data, &["audit", "export", "--output", &before]);
    let report = run_json(&data, &["audit", "verify", &before]);
    let kept = report["newestCheckpoint"].as_str().expect("a checkpoint");
    assert!(run(&data, &["audit", "verify", &before]).contains(kept), "to be copied by a person");
    run(&data, &["tenant", "set", "--disclosure-window", "5"]);
    run(&data, &["audit", "export", "--output", &now]);
    let newest = run_json(&data, &["audit", "verify", &now])["newestCheckpoint"].as_str().expect("one").to_owned();
    for since in [before.as_str(), kept] {
        assert_eq!(
            run_json(&data, &["audit", "verify", &now, "--since", since])["continues"],
            report["events"],
            "{since}"
        );
    }
    for since in [now.as_str(), newest.as_str()] {
        let output = try_run(&data, &["audit", "verify", &before, "--since", since]);
        assert!(!output.status.success() && text(&output.stderr).contains("cut off"), "{}", text(&output.stderr));
    }
    let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(run_json(&data, &["audit", "verify", &now, "--tenant", &tenant])["sound"], true);
    let other = "11111111-2222-4333-8444-555555555555";
    assert!(!try_run(&data, &["audit", "verify", &now, "--tenant", other]).status.success());
    assert!(!try_run(&data, &["audit", "verify", &now, "--since", "1:AAAA"]).status.success(), "no checkpoint");
    // A tail that nothing signs, such as a forger can make.
    let lines = std::fs::read_to_string(&now).expect("text");
    let cut: Vec<&str> = lines.lines().collect();
    std::fs::write(&now, cut[..cut.len() - 1].join("\n") + "\n").expect("written");
    let output = try_run(&data, &["audit", "verify", &now]);
    assert!(!output.status.success() && text(&output.stderr).contains("are signed"), "{}", text(&output.stderr));
    assert_eq!(run_json(&data, &["audit", "verify", &now, "--allow-unsigned-tail"])["signedThrough"], report["events"]);
}

#[test]
fn rows_that_another_program_wrote_are_listed_and_removed() {
    let (_directory, data) = initialised();
    assert_eq!(run_json(&data, &["audit", "rows"]).as_array().map(Vec::len), Some(0));
    let connection = rusqlite::Connection::open(data.join("chaveiro.db")).expect("opened");
    let forge = "INSERT INTO application (tenant, id, display_name, permissions, delegated, public, secrets, certificates, created)
        VALUES (1, x'00000000000000000000000000000063', 'x', '[]', '[]', 0, '[]', '[]', 0)";
    connection.execute_batch(forge).expect("forged");
    drop(connection);
    assert_eq!(run_json(&data, &["app", "list"]).as_array().map(Vec::len), Some(0));
    let output = try_run(&data, &["audit", "rows"]);
    assert!(!output.status.success());
    assert!(text(&output.stdout).contains("application") && text(&output.stderr).contains("--remove"));
    assert!(!try_run(&data, &["audit", "rows", "--remove"]).status.success(), "a reason is asked for");
    run(&data, &["audit", "rows", "--remove", "--reason", "ticket 4711"]);
    assert_eq!(run_json(&data, &["audit", "rows"]).as_array().map(Vec::len), Some(0));
    let recorded = run(&data, &["audit", "export"]);
    assert!(recorded.contains("rowsRemoved") && recorded.contains("ticket 4711"), "{recorded}");
}

#[test]
fn documents_for_machines_are_printed() {
    let output = |arguments: &[&str]| text(&chaveiro().args(arguments).output().expect("it runs").stdout);
    assert_eq!(output(&["routes"]).matches("/recoverPasscode").count(), 10);
    assert!(output(&["config-reference"]).contains("graph-listen"));
    assert!(output(&["completions", "bash"]).contains("chaveiro"));
    assert!(output(&["man"]).contains(".TH"));
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../generated/chaveiro.toml");
    assert_eq!(output(&["config-reference"]), std::fs::read_to_string(committed).expect("committed"));
}

#[test]
fn a_wrong_command_line_is_json_for_machines_and_portuguese_for_who_asks_for_it() {
    let output = |arguments: &[&str]| chaveiro().args(arguments).output().expect("it runs");
    for arguments in [&["--json", "nosuch"][..], &["device", "show", "--json"], &["token", "--minutes", "x", "--json"]]
    {
        let refused = output(arguments);
        let said: serde_json::Value = serde_json::from_slice(&refused.stderr).expect("JSON");
        assert!(said["error"].as_str().is_some_and(|text| !text.starts_with("error")), "{said}");
        assert_eq!(refused.status.code(), Some(2));
    }
    let said = text(&output(&["device", "show", "--lang", "pt"]).stderr);
    assert!(said.starts_with("erro: faltam") && said.contains("Uso:") && said.contains("Para mais"), "{said}");
    let french = output(&["routes", "--lang", "fr"]);
    assert!(!french.status.success() && text(&french.stderr).contains("choose one of: en, pt-BR"));
}

#[test]
fn operators_who_change_different_settings_at_once_all_have_their_change() {
    let (_directory, data) = initialised();
    for round in 1..=6_u64 {
        let settings = [("--disclosure-window", round), ("--action-expiry", round + 10), ("--hold-recoveries", round)];
        let children = settings.map(|(flag, value)| {
            let mut command = chaveiro();
            command.args(["tenant", "set", flag, &value.to_string(), "--data"]).arg(&data).stdout(Stdio::null());
            command.spawn().expect("it starts")
        });
        for mut child in children {
            assert!(child.wait().expect("it ends").success(), "round {round}");
        }
        let set = run_json(&data, &["tenant", "set"]);
        let found = ["disclosureWindowMinutes", "actionExpiryDays", "holdRecoveries"].map(|name| set[name].as_u64());
        assert_eq!(found, [Some(round), Some(round + 10), Some(round)], "round {round}: {set}");
    }
    let record = run(&data, &["audit", "export"]);
    assert_eq!(record.matches("tenantChanged").count(), 18, "each change with its own event");
}

#[test]
fn settings_are_shown_when_none_is_changed() {
    let (_directory, data) = initialised();
    let shown = run(&data, &["tenant", "set"]);
    assert!(shown.contains("--hold-recoveries") && shown.contains("50") && !shown.contains("changed"), "{shown}");
    assert_eq!(run_json(&data, &["tenant", "set"])["holdPercent"], 5);
    // Each value is taken back as it is printed, in every language.
    let until = "active until 2099-01-31T00:00:00Z";
    run(&data, &["tenant", "set", "--licence", until, "--entra-tenant", "5f0c6a1e-0000-4000-8000-000000000000"]);
    for lang in ["en", "pt"] {
        let (before, shown) = (run_json(&data, &["tenant", "set"]), run(&data, &["tenant", "set", "--lang", lang]));
        let mut settings = 0;
        for line in shown.lines().filter(|line| line.starts_with("--")) {
            let cells: Vec<_> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
            run(&data, &["tenant", "set", &format!("{}={}", cells[0], cells[1])]);
            settings += 1;
        }
        assert_eq!((settings, &run_json(&data, &["tenant", "set"])), (18, &before), "{shown}");
    }
    let open = run_json(&data, &["tenant", "set", "--entra-tenant", "none", "--licence", "active"]);
    assert_eq!((&open["entraTenant"], &open["licence"]), (&serde_json::Value::Null, &"active".into()));
    assert!(run(&data, &["tenant", "set"]).contains("--entra-tenant          none"));
    let refused = text(&try_run(&data, &["tenant", "set", "--licence", "active until tomorrow"]).stderr);
    assert!(refused.contains("invalid licence active until tomorrow"), "{refused}");
}

#[test]
fn looking_at_settings_changes_nothing() {
    let (_directory, data) = initialised();
    run(&data, &["tenant", "set"]);
    assert!(!run(&data, &["audit", "export"]).contains("tenantChanged"), "looking changes nothing");
}

#[test]
fn an_application_is_found_by_its_name_as_by_its_id() {
    let (_directory, data) = initialised();
    let permission = "User.Read.All";
    let register = |name: &str| run_json(&data, &["app", "register", name, "--permission", permission]);
    let id = register("helpdesk")["clientId"].as_str().expect("an id").to_owned();
    assert_eq!(run_json(&data, &["app", "show", "HelpDesk"])["id"], id.as_str());
    assert_eq!(run_json(&data, &["app", "show", &id])["displayName"], "helpdesk");
    assert_eq!(run_json(&data, &["app", "add-secret", "helpdesk"])["clientId"], id.as_str());
    assert_eq!(run_json(&data, &["app", "grant", "helpdesk", "--none"])["permissions"], serde_json::json!([]));
    assert_eq!(run_json(&data, &["app", "revoke", "helpdesk"])["clientId"], id.as_str());
    assert_eq!(run_json(&data, &["app", "revoke", "helpdeks"])["registered"], false);
    let refused = |name: &str| text(&try_run(&data, &["app", "show", name]).stderr);
    assert!(refused("helpdeks").contains("did you mean helpdesk?"), "{}", refused("helpdeks"));
    assert!(refused("moon").contains("there is no application moon\nhint: see: chaveiro app list"));
    let other = register("helpdesk")["clientId"].as_str().expect("an id").to_owned();
    let several = refused("helpdesk");
    assert!(several.contains("several applications") && several.contains(&id) && several.contains(&other), "{several}");
    run(&data, &["app", "delete", &other]);
    assert_eq!(run_json(&data, &["app", "delete", "helpdesk"])["clientId"], id.as_str());
}

#[test]
fn a_role_for_a_name_that_is_not_known_is_refused_unless_it_is_meant() {
    let (_directory, data) = initialised();
    let app = run_json(&data, &["app", "register", "helpdesk", "--permission", "User.Read.All"])["clientId"]
        .as_str()
        .expect("an id")
        .to_owned();
    let assign = |flags: &[&str]| try_run(&data, &[&["role", "assign", "read-only-operator"], flags].concat());
    for (flags, words) in [
        (&["--user", "Ana@Example.org"][..], "no user ana@example.org is known here"),
        (&["--app", "portal"], "no application portal is registered here\nhint: see: chaveiro app list"),
        (&["--app", "helpdesk"], &*format!("give its client id: {app}")),
    ] {
        let refused = assign(flags);
        assert!(!refused.status.success() && text(&refused.stderr).contains(words), "{}", text(&refused.stderr));
    }
    assert_eq!(run_json(&data, &["role", "assignments"]), serde_json::json!([]));
    let meant = |flags: &[&str]| text(&assign(&[flags, &["--unknown-ok"]].concat()).stdout);
    assert!(meant(&["--user", "Ana@Example.org"]).contains("No user ana@example.org is known here"));
    assert!(meant(&["--app", "portal"]).contains("No application portal is registered here"));
    for known in [&["--app", app.as_str()][..], &["--group", "desk"]] {
        let assigned = assign(known);
        assert!(assigned.status.success() && !text(&assigned.stdout).contains("here"), "{known:?}");
    }
}

#[test]
fn a_device_for_an_unknown_user_is_refused_with_how_to_make_the_user() {
    let (_directory, data) = initialised();
    let stranger = try_run(&data, &["device", "enroll-token", "--user", "ana@example.org"]);
    let said = text(&stranger.stderr);
    assert!(
        !stranger.status.success()
            && said.contains("ana@example.org")
            && said.contains("chaveiro user add ana@example.org"),
        "{said}"
    );
    run(&data, &["device", "enroll-token"]);
}

/// Runs the command as a person who called `sudo`.
fn by(person: &str, data: &Path, arguments: &[&str]) -> std::process::Output {
    chaveiro().args(arguments).arg("--data").arg(data).env("SUDO_USER", person).output().expect("it runs")
}

/// The same; its JSON, which must be that of a success.
fn done_by(person: &str, data: &Path, arguments: &[&str]) -> serde_json::Value {
    let output = by(person, data, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test]
async fn what_is_done_on_the_host_names_the_person_and_the_reason() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut first, transport) = server.device(1).await;
    server.device(2).await;
    done_by("alice", &data, &["tenant", "set", "--hold-recoveries", "1", "--hold-percent", "0"]);
    done_by("alice", &data, &["recover", "ana-lt1", "--reason", "ticket 1"]);
    first.sync(&transport).await.expect("it comes");

    // Two people who share the service user are two readers.
    let shown = |answer: &serde_json::Value| answer[0]["passcode"].as_str().map(str::to_owned);
    let read = done_by("alice", &data, &["action", "ana-lt1", "--show", "--reason", "reads it out"]);
    assert!(shown(&read).is_some_and(|passcode| passcode == first.pin()), "{read}");
    let other = done_by("bob", &data, &["action", "ana-lt1", "--show"]);
    assert_eq!((shown(&other), &other[0]["chaveiro_passcodeWithheld"]), (None, &"otherCaller".into()));

    // And two who cause holds and release them.
    assert!(!by("alice", &data, &["recover", "ana-lt2"]).status.success());
    let released = done_by("bob", &data, &["hold", "release", "--reason", "a drill"]);
    assert!(released["causedBy"].as_str().is_some_and(|by| by.contains("alice")), "{released}");
    assert!(released["releasedBy"].as_str().is_some_and(|by| by.contains("bob")), "{released}");
    done_by("bob", &data, &["token", "--reason", "a script of mine"]);
    done_by("bob", &data, &["role", "assign", "read-only-operator", "--user", "ana@example.org", "--unknown-ok"]);
    done_by("bob", &data, &["device", "tag", "ana-lt2", "lisbon"]);
    let app = done_by("alice", &data, &["app", "register", "x", "--permission", "User.Read.All"]);
    done_by("bob", &data, &["app", "revoke", app["clientId"].as_str().expect("an id")]);
    done_by("bob", &data, &["sign-in", "revoke", "--external", "somebody@elsewhere"]);

    let events = events_of(&run(&data, &["audit", "export"]));
    let table = [
        ("tenantChanged", "alice", ""),
        ("actionRequested", "alice", "ticket 1"),
        ("passcodeDisclosed", "alice", "reads it out"),
        ("disclosureRefused", "bob", ""),
        ("holdPlaced", "alice", ""),
        ("holdReleased", "bob", "a drill"),
        ("operatorTokenMinted", "bob", "a script of mine"),
        ("roleAssigned", "bob", ""),
        ("resourceChanged", "bob", "lisbon"),
        ("applicationRegistered", "alice", ""),
        ("tokensRevoked", "bob", ""),
    ];
    for (activity, person, detail) in table {
        let found = events.iter().any(|event| {
            event["activity"] == activity
                && event["actor"]["host"]["sudoUser"] == person
                && event["actor"]["userPrincipalName"].as_str().is_some_and(|name| name.contains(person))
                && event["details"].to_string().contains(detail)
        });
        assert!(found, "{activity} by {person} {detail}");
    }
    let operators = events.iter().filter(|event| event["actor"]["kind"] == "operator");
    for event in operators {
        assert!(event["actor"]["host"]["uid"].is_u64() && event["actor"]["host"]["user"].is_string(), "{event}");
    }
    // What went through the API has the address of the caller, too.
    let asked = events.iter().find(|event| event["activity"] == "actionRequested").expect("asked for");
    assert_eq!(asked["actor"]["address"], "127.0.0.1");
}

#[tokio::test]
async fn a_token_of_the_host_reads_unless_more_is_named() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(1).await;
    let id = run_json(&data, &["device", "list"])[0]["id"].as_str().expect("an id").to_owned();
    run(&data, &["recover", &id]);
    device.sync(&transport).await.expect("it comes");
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([reqwest::Certificate::from_pem(server.root_pem().as_bytes()).expect("the root")])
        .build()
        .expect("a client");
    let url = format!("{}/beta/deviceManagement/managedDevices/{id}", server.graph_url);
    let privileged = "DeviceManagementManagedDevices.PrivilegedOperations.All";
    for (arguments, recovers) in [(&["token"][..], 403), (&["token", "--permission", privileged], 204)] {
        let token = run(&data, arguments);
        let read = client.get(format!("{url}?$select=deviceActionResults")).bearer_auth(token.trim()).send().await;
        let read = read.expect("an answer").bytes().await.expect("a body");
        assert_eq!(text(&read).contains(device.pin()), recovers == 204, "{arguments:?}: {}", text(&read));
        let asked = client.post(format!("{url}/recoverPasscode")).bearer_auth(token.trim()).send().await;
        assert_eq!(asked.expect("an answer").status().as_u16(), recovers, "{arguments:?}");
    }
}

/// Stands where the running server would, and returns the permissions of the first token that it is sent.
fn permissions_of(data: &Path, arguments: &[&str]) -> Vec<String> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let mut lock = std::fs::File::create(data.join("server.lock")).expect("a lock");
    let running = serde_json::json!({"pid": 1, "graphUrl": url, "deviceUrl": url});
    lock.write_all(running.to_string().as_bytes()).expect("written");
    lock.lock().expect("locked");
    let asked = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let mut lines = BufReader::new(&stream).lines().map(|line| line.expect("a line"));
        let token = lines.find_map(|line| Some(line.split_once(": Bearer ")?.1.to_owned()));
        let refused = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        (&stream).write_all(refused.as_bytes()).expect("answered");
        token.expect("a token")
    });
    try_run(data, arguments);
    let token = asked.join().expect("asked");
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("claims")).expect("base64");
    let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
    let names = claims["roles"].as_array().expect("permissions");
    names.iter().map(|name| name.as_str().expect("a name").to_owned()).collect()
}

#[test]
fn a_token_of_a_verb_has_the_permissions_that_the_verb_needs() {
    let (_directory, data) = initialised();
    let read = "DeviceManagementManagedDevices.Read.All";
    let privileged = "DeviceManagementManagedDevices.PrivilegedOperations.All";
    let table: [(&[&str], &[&str]); 12] = [
        (&["device", "list"], &[read]),
        (&["device", "show", "ana-lt1"], &[read]),
        (&["device", "recoverability", "ana-lt1"], &[read]),
        (&["device", "tag", "ana-lt1", "lisbon"], &[read]),
        (&["device", "retire", "ana-lt1"], &["DeviceManagementManagedDevices.ReadWrite.All"]),
        (&["find", "ana"], &[read]),
        (&["recover", "ana-lt1"], &[privileged, read]),
        (&["action", "ana-lt1"], &[read]),
        (&["action", "ana-lt1", "--show"], &[privileged, read]),
        (&["user", "list"], &["User.Read.All"]),
        (&["user", "show", "ana@example.org"], &["User.Read.All", read]),
        (&["user", "add", "ana@example.org"], &["User.ReadWrite.All"]),
    ];
    for (arguments, needed) in table {
        assert_eq!(permissions_of(&data, arguments), needed, "{arguments:?}");
    }
}

#[tokio::test]
async fn a_verb_of_the_host_records_what_it_does_and_not_its_token() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let _device = server.device(1).await;
    let recorded = || {
        let export = run(&data, &["audit", "export"]);
        let count = |activity: &str| export.matches(&format!("\\\"{activity}\\\"")).count();
        let events = export.lines().filter(|line| line.contains("\"body\"")).count();
        (events, count("operatorTokenMinted"), count("actionRequested"))
    };
    let (before, ..) = recorded();
    assert!(before > 0);
    for _ in 0..10 {
        run(&data, &["device", "list"]);
    }
    assert_eq!(recorded(), (before, 0, 0));
    run(&data, &["recover", "ana-lt1"]);
    assert_eq!(recorded(), (before + 1, 0, 1));
    run(&data, &["token"]);
    assert_eq!(recorded(), (before + 2, 1, 1), "a token that leaves the program is recorded");
}

#[tokio::test]
async fn reading_on_the_host_has_its_ceiling_too_and_metrics_say_how_much_was_read() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    for number in [1, 2, 3] {
        let (mut device, transport) = server.device(number).await;
        run(&data, &["recover", &format!("ana-lt{number}")]);
        device.sync(&transport).await.expect("it comes");
    }
    let set = run_json(
        &data,
        &["tenant", "set", "--reading-limit", "9", "--reading-caller-limit", "2", "--reading-window", "30"],
    );
    assert_eq!(
        (&set["readingLimit"], &set["readingCallerLimit"], &set["readingWindowMinutes"]),
        (&9.into(), &2.into(), &30.into())
    );
    let show = |name: &str, more: &[&str]| done_by("alice", &data, &[&["action", name, "--show"], more].concat());
    for name in ["ana-lt1", "ana-lt2", "ana-lt1"] {
        assert!(show(name, &[])[0]["passcode"].is_string());
    }
    assert_eq!(show("ana-lt3", &[])[0]["chaveiro_passcodeWithheld"], "readingOnHold");
    let listed = run_json(&data, &["hold", "list"]);
    assert_eq!(
        (&listed[0]["kind"], &listed[0]["ofCaller"], &listed[0]["counted"]),
        (&"reading".into(), &true.into(), &2.into())
    );
    assert!(show("ana-lt3", &["--break-glass", "a surgeon waits"])[0]["passcode"].is_string());
    let metrics = server.client().get(format!("{}/metrics", server.graph_url)).send().await.expect("an answer");
    let metrics = text(&metrics.bytes().await.expect("a body"));
    for line in [
        "chaveiro_passcodes_disclosed_total 4",
        "chaveiro_passcodes_withheld_total{reason=\"readingOnHold\"} 1",
        "chaveiro_holds_active 1",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    let said = run(&data, &["hold", "release", "--reason", "she was asked"]);
    assert!(said.contains("read again"), "{said}");
}
