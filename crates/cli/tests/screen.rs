//! The screen of a person, on a terminal of 80 columns, and the output that a pipe gets.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::machine::Machine;
use crate::support::terminal::Terminal;
use crate::support::{Server, chaveiro, initialised, run, run_json, text, try_run};

/// The columns of the terminal.
const COLUMNS: u16 = 80;

/// The command on that data directory.
fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = chaveiro();
    command.args(arguments).arg("--data").arg(data).env("SUDO_USER", "alice").env("TZ", "UTC");
    command
}

fn on_terminal(data: &Path, arguments: &[&str]) -> Terminal {
    Terminal::run(command(data, arguments), COLUMNS)
}

/// The text that the command shows on a terminal; the command must be a success.
fn shown(data: &Path, arguments: &[&str]) -> String {
    let (shown, status) = on_terminal(data, arguments).ended();
    assert!(status.success(), "{arguments:?}: {shown}");
    shown
}

/// The lines that a terminal of that width would break.
fn too_wide(shown: &str) -> Vec<&str> {
    shown.lines().map(str::trim_end).filter(|line| line.chars().count() > usize::from(COLUMNS)).collect()
}

#[tokio::test]
async fn a_person_is_asked_before_a_passcode_stops_working_and_a_script_is_not() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    server.device(7).await;
    let recoveries = || run_json(&data, &["action", "ana-lt7"]).as_array().map(Vec::len);
    for (lang, question, facts, answer) in [
        (
            "en",
            "Recover the passcode of ana-lt7? [y/N]",
            ["ANA-LT7 · ", "Windows", "last seen", "the PIN of its user"],
            "n\n",
        ),
        ("en", "[y/N]", ["ANA-LT7 · ", "Windows", "last seen", "stops working"], "\n"),
        (
            "pt",
            "Recuperar a senha de ana-lt7? [s/N]",
            ["ANA-LT7 · ", "Windows", "visto por último", "o PIN"],
            "perhaps\n",
        ),
    ] {
        let mut terminal = on_terminal(&data, &["recover", "ana-lt7", "--lang", lang]);
        terminal.wait_for(question);
        terminal.types(answer);
        let (shown, status) = terminal.ended();
        assert!(facts.iter().all(|fact| shown.contains(fact)), "{shown}");
        assert_eq!((status.code(), recoveries()), (Some(1), Some(0)), "{shown}");
        assert_eq!(too_wide(&shown), Vec::<&str>::new());
    }
    let mut terminal = on_terminal(&data, &["recover", "ana-lt7", "--lang", "pt"]);
    terminal.wait_for("[s/N]");
    terminal.types("sim\n");
    let (shown, status) = terminal.ended();
    assert!(status.success() && shown.contains("Aceito") && recoveries() == Some(1), "{shown}");

    server.device(8).await;
    server.device(9).await;
    let unasked = self::shown(&data, &["recover", "ana-lt8", "--yes"]);
    assert!(!unasked.contains("[y/N]"), "{unasked}");
    assert_eq!(try_run(&data, &["recover", "ana-lt9"]).status.code(), Some(0), "no person sits there");
}

#[tokio::test]
async fn an_open_recovery_says_who_asked_and_when() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    server.device(7).await;
    let begun = run_json(&data, &["recover", "ana-lt7"]);
    assert_eq!((&begun[0]["actionName"], &begun[0]["actionState"]), (&"recoverPasscode".into(), &"pending".into()));
    let asked = begun[0]["chaveiro_requestedBy"].as_str().expect("a name").to_owned();
    for (lang, words) in [("en", "is open already: "), ("pt", "Já há uma recuperação aberta")] {
        // It joins the recovery that is open, so that there is nothing to ask.
        let again = shown(&data, &["recover", "ana-lt7", "--lang", lang]).replace('\n', " ");
        assert!(again.contains(words) && again.contains(&asked) && !again.contains("/N]"), "{again}");
        let year = begun[0]["startDateTime"].as_str().expect("a time")[..4].to_owned();
        assert!(again.contains(&year) && again.contains("UTC"), "{again}");
    }
    let again = run_json(&data, &["recover", "ana-lt7"]);
    assert_eq!(
        (&again[0]["chaveiro_actionId"], again.as_array().map(Vec::len)),
        (&begun[0]["chaveiro_actionId"], Some(1))
    );
}

#[test]
fn a_passcode_stands_alone_and_is_spelt_in_the_language_of_the_reader() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let machine = Machine::ready(&server);
    let service = machine.service();
    let connected = |expected: bool| {
        let is_so = || run_json(&data, &["device", "show", "ana-laptop"])["chaveiro_connected"] == expected;
        (0..100).any(|_| {
            is_so() || {
                std::thread::sleep(Duration::from_millis(50));
                false
            }
        })
    };
    assert!(connected(true), "it holds its connection");
    for (lang, form, steps, words) in [
        (
            "en",
            "letters-and-digits",
            ["✓ accepted and recorded", "✓ device called", "✓ made and sealed there", "✓ applied and proven"],
            [
                "small letters and digits; the hyphens belong to it",
                "hyphen",
                "You may",
                "It was recorded that you saw it.",
            ],
        ),
        (
            "pt",
            "letters-and-digits",
            ["✓ aceito e registrado", "✓ dispositivo chamado", "✓ criada e selada lá", "✓ aplicada e comprovada"],
            ["minúsculas e números; os hífens fazem parte", "hífen", "Você pode", "Ficou registrado que você a viu."],
        ),
        (
            "pt",
            "words-pt",
            ["✓ aceito e registrado", "✓ dispositivo chamado", "✓ criada e selada lá", "✓ aplicada e comprovada"],
            ["6 palavras em minúsculas; os hífens fazem parte", "hífen", "volume cifrado /disk.img", "entrada de ana"],
        ),
        (
            "en",
            "digits",
            ["✓ accepted and recorded", "✓ device called", "✓ made and sealed there", "✓ applied and proven"],
            ["digits; the hyphens belong to it", "hyphen", "sign-in of ana", "encrypted volume /disk.img"],
        ),
    ] {
        run(&data, &["tenant", "set", "--passcode-form", form]);
        let shown = self::shown(&data, &["recover", "ana-laptop", "--show", "--yes", "--lang", lang]);
        assert_eq!(too_wide(&shown), Vec::<&str>::new());
        assert!(steps.iter().all(|step| shown.contains(step)), "{shown}");
        let result = &run_json_as_alice(&data, &["action", "ana-laptop", "--show"])[0];
        let passcode = result["passcode"].as_str().expect("a passcode");
        assert!(shown.lines().any(|line| line == format!("      {passcode}")), "{passcode} in {shown}");
        // A kept disk passcode has no end; its reader may read it until another takes its place.
        let words = words.map(|word| match word {
            "You may" => "It can be read until",
            "Você pode" => "Ela pode ser lida até",
            other => other,
        });
        assert!(words.iter().all(|word| shown.contains(word)), "{shown}");
        let groups: Vec<_> = passcode.split('-').collect();
        for (number, group) in groups.iter().enumerate() {
            let has_hyphen = |line: &str| line.ends_with(words[1]) == (number + 1 < groups.len());
            let is_its_line = |line: &str| line.split_whitespace().any(|word| word == *group) && has_hyphen(line);
            assert!(shown.lines().any(is_its_line), "{group} in {shown}");
        }
    }
    assert!(connected(true) && service.stop() && connected(false), "it has gone");
}

fn run_json_as_alice(data: &Path, arguments: &[&str]) -> Value {
    let output = command(data, arguments).arg("--json").output().expect("it runs");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test]
async fn a_reader_learns_until_when_and_another_who_read_it_first() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(7).await;
    run(&data, &["recover", "ana-lt7"]);
    device.sync(&transport).await.expect("it comes");
    let untold = shown(&data, &["action", "ana-lt7"]);
    assert!(untold.contains("chaveiro action ana-lt7 --show") && untold.contains("cannot prove it"), "{untold}");
    let read = shown(&data, &["action", "ana-lt7", "--show"]);
    assert!(read.lines().any(|line| line == format!("      {}", device.pin())), "{read}");
    assert!(read.contains("capital Papa") && read.contains("written without spaces"), "{read}");
    let result = &run_json_as_alice(&data, &["action", "ana-lt7", "--show"])[0];
    let until = result["chaveiro_passcodeReadableUntilDateTime"].as_str().expect("an end");
    assert!(read.contains(&format!("You may read it again until {} {} UTC", &until[..10], &until[11..16])), "{read}");
    let asked = result["chaveiro_passcodeFirstReadBy"].as_str().expect("a name");
    assert_eq!(asked, "alice");
    for (lang, words) in [("en", "alice read it first"), ("pt", "alice a leu primeiro")] {
        let mut other = command(&data, &["action", "ana-lt7", "--show", "--lang", lang]);
        other.env("SUDO_USER", "bob");
        let (other, _) = Terminal::run(other, COLUMNS).ended();
        assert!(other.contains(words) && other.contains("chaveiro recover ana-lt7"), "{other}");
        assert!(!other.contains(device.pin()) && !other.contains("otherCaller"), "{other}");
        assert_eq!(too_wide(&other), Vec::<&str>::new());
    }
    // In a pipe the passcode is a line of its own, the first one.
    let piped = text(&command(&data, &["action", "ana-lt7", "--show"]).output().expect("it runs").stdout);
    assert_eq!(piped.lines().next(), Some(device.pin()), "{piped}");
}

#[tokio::test]
async fn waiting_goes_on_while_the_server_is_away_and_says_so_once() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(7).await;
    let terminal = on_terminal(&data, &["recover", "ana-lt7", "--show", "--yes", "--timeout", "60"]);
    terminal.wait_for("✓ accepted and recorded");
    let mut server = server;
    server.kill();
    terminal.wait_for("The server does not answer. The recovery stays open; still waiting.");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let _server = server.kill_and_restart();
    device.sync(&transport).await.expect("it comes");
    let (shown, status) = terminal.ended();
    assert!(status.success() && shown.contains(device.pin()), "{shown}");
    assert_eq!(shown.matches("The server does not answer").count(), 1, "{shown}");
    assert_eq!(shown.matches("✓ accepted and recorded").count(), 1, "{shown}");
}

#[tokio::test]
async fn a_wait_that_ends_early_says_that_the_recovery_stays_open() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    server.device(7).await;
    let late = try_run(&data, &["recover", "ana-lt7", "--wait", "--timeout", "1"]);
    let said = text(&late.stderr);
    assert!(!late.status.success() && said.contains("the recovery stays open"), "{said}");
    for (lang, words) in [("en", "The recovery stays open"), ("pt", "A recuperação continua aberta")] {
        let terminal = on_terminal(&data, &["recover", "ana-lt7", "--wait", "--lang", lang]);
        terminal.wait_for("✓");
        terminal.interrupt();
        let (shown, status) = terminal.ended();
        assert!(shown.contains(words) && shown.contains("chaveiro action ana-lt7 --show"), "{shown}");
        assert_eq!(status.code(), Some(130), "{shown}");
    }
    let mut server = server;
    server.kill();
    assert_eq!(run_after_restart(server, &data)[0]["actionState"], "pending");
}

fn run_after_restart(server: Server, data: &Path) -> Value {
    let _server = server.kill_and_restart();
    run_json(data, &["action", "ana-lt7"])
}

#[tokio::test]
async fn a_failure_is_told_in_words_and_ends_the_steps() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(7).await;
    device.behavior = chaveiro_fleet::behavior::Behavior::Fails;
    let terminal = on_terminal(&data, &["recover", "ana-lt7", "--show", "--yes"]);
    terminal.wait_for("✓ accepted and recorded");
    device.sync(&transport).await.expect("it comes");
    let (shown, status) = terminal.ended();
    assert_eq!(status.code(), Some(3), "{shown}");
    assert!(shown.contains("✗ refused by the device") && shown.contains("recover passcode: failed"), "{shown}");
    assert!(!shown.contains("deviceRefused") && !shown.contains("actionState"), "{shown}");
}

/// Verbs that print sentences, and refusals of them.
const SENTENCES: [&[&str]; 18] = [
    &["device", "enroll-token"],
    &["app", "grant", "helpdesk", "--permission", "DeviceManagementManagedDevices.PrivilegedOperations.All"],
    &["app", "add-secret", "helpdesk", "--replace", "--revoke"],
    &["app", "revoke", "other"],
    &["device", "recoverability", "ana-lt1"],
    &["recover", "ana-lt1", "--yes"],
    &["whoami"],
    &["role", "assign", "help-desk-operator", "--user", "ana.souza@contoso.example"],
    &["role", "assign", "help-desk-operator", "--user", "nobody"],
    &["sign-in", "approve", "WDJB-MJHT", "--user", "ana.souza@contoso.example"],
    &["sign-in", "revoke", "--user", "ana.souza@contoso.example"],
    &["app", "grant", "helpdesk"],
    &["app", "register", "x", "--permission", "DeviceManagementManagedDevices.PriviledgedOperations.All"],
    &["device", "list", "--filter", "osVersion gt 'it is not closed"],
    &["device", "list", "--filter", "chaveiro_recoverability/any(r:r/ready eq false) and deviceName eq 'x'"],
    &["doctor", "tokens"],
    &["hold", "release", "--reason", "the exchange of all laptops in Lisbon"],
    &["token", "--minutes", "99999999"],
];

#[tokio::test]
async fn no_sentence_and_no_refusal_breaks_a_word_or_a_command_at_80_columns() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    server.device(1).await;
    run(&data, &["app", "register", "helpdesk", "--permission", "User.Read.All"]);
    for lang in ["en", "pt"] {
        for sentence in SENTENCES {
            let arguments = [sentence, &["--lang", lang]].concat();
            let (shown, _) = on_terminal(&data, &arguments).ended();
            let piped = command(&data, &arguments).stdin(Stdio::null()).output().expect("it runs");
            assert!(!shown.trim().is_empty(), "{sentence:?}");
            // A line of its own that is wider is there to be copied.
            let is_copied = |line: &&str| line.starts_with(' ') || line.starts_with("chaveiro ") || !line.contains(' ');
            let broken: Vec<_> = too_wide(&shown).into_iter().filter(|line| !is_copied(line)).collect();
            assert_eq!(broken, Vec::<&str>::new(), "{sentence:?}: {shown}");
            let lines = text(&piped.stdout) + &text(&piped.stderr);
            for command in lines.lines().filter_map(|line| line.split_once(": chaveiro ")) {
                let words =
                    command.1.split([',', ';', '(', '`']).next().unwrap_or_default().trim().trim_end_matches('.');
                let is_whole = shown.lines().any(|line| line.contains(&format!("chaveiro {words}")));
                assert!(is_whole || words.len() > 76, "{words} in {shown}");
            }
        }
    }
}

/// Verbs that print tables and lists.
const LISTS: [&[&str]; 19] = [
    &["tenant", "list"],
    &["tenant", "set"],
    &["app", "list"],
    &["app", "show", "APP"],
    &["sign-in", "list"],
    &["keys", "list"],
    &["keys", "recipients"],
    &["device", "list"],
    &["device", "list", "--without-certificate"],
    &["device", "show", "ana-laptop"],
    &["device", "recoverability", "ana-laptop"],
    &["action", "ana-laptop"],
    &["action", "ana-laptop", "--show"],
    &["action", "ana-lt1", "--show"],
    &["role", "list"],
    &["role", "show", "help-desk-operator"],
    &["role", "assignments"],
    &["hold", "list"],
    &["audit", "rows"],
];

#[tokio::test]
async fn every_table_fits_80_columns_without_a_broken_word() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let machine = Machine::ready(&server);
    std::fs::write(machine.root().join("etc/crypttab"), "").expect("written");
    machine.run(&["sync"]);
    for number in 1..4 {
        let (mut device, transport) = server.device(number).await;
        run(&data, &["recover", &format!("ana-lt{number}")]);
        device.sync(&transport).await.expect("it comes");
    }
    let privileged = "DeviceManagementManagedDevices.PrivilegedOperations.All";
    let app = ["app", "register", "helpdesk", "--permission", privileged, "--permission", "User.Read.All"];
    let app = run_json(&data, &app)["clientId"].as_str().expect("an id").to_owned();
    let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
    let asked = server.client().post(format!("{}/{tenant}/oauth2/v2.0/devicecode", server.graph_url));
    let form = format!(
        "client_id={}&scope=offline_access%20https%3A%2F%2Fgraph.microsoft.com%2F.default",
        chaveiro_core::application::COMMAND_LINE
    );
    let asked = asked.header("content-type", "application/x-www-form-urlencoded").body(form).send().await;
    assert!(asked.expect("an answer").status().is_success());
    run(
        &data,
        &[
            "role",
            "assign",
            "help-desk-operator",
            "--user",
            "ana.souza@contoso.example",
            "--tag",
            "lisbon",
            "--unknown-ok",
        ],
    );
    run(&data, &["role", "assign", "read-only-operator", "--group", "6f8f5771-5090-4da2-a324-53988d9a1501"]);
    run(&data, &["tenant", "set", "--hold-recoveries", "1", "--hold-percent", "0"]);
    assert!(!try_run(&data, &["recover", "ana-lt1"]).status.success(), "on hold");
    run(&data, &["hold", "release", "--reason", "the exchange of all laptops in Lisbon and Porto"]);
    for lang in ["en", "pt"] {
        for list in LISTS {
            let list = list.iter().map(|word| if *word == "APP" { app.as_str() } else { word }).collect::<Vec<_>>();
            let list = list.as_slice();
            let shown = self::shown(&data, &[list, &["--lang", lang]].concat());
            // A word that is wider than the terminal stays whole: it is copied.
            let has_wide_word = |line: &&str| line.split_whitespace().any(|word| word.len() > 76);
            let broken: Vec<_> = too_wide(&shown).into_iter().filter(|line| !has_wide_word(line)).collect();
            assert_eq!(broken, Vec::<&str>::new(), "{list:?}: {shown}");
            let machines = command(&data, list).arg("--json").stdin(Stdio::null()).output().expect("it runs");
            let value: Value = serde_json::from_slice(&machines.stdout).unwrap_or_default();
            for word in words(&value) {
                // A word of the table, if it is there at all, is there whole.
                let is_cut = !shown.contains(&word) && shown.replace(['\n', ' '], "").contains(&word);
                assert!(!is_cut, "{word} is broken by {list:?}: {shown}");
            }
        }
    }
}

/// The words of all texts of a value.
fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        Value::Array(items) => items.iter().flat_map(words).collect(),
        Value::Object(members) => members.values().flat_map(words).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

#[test]
fn the_last_table_of_the_demonstration_fits_too() {
    let mut demo = chaveiro();
    demo.arg("demo");
    let (shown, status) = Terminal::run(demo, COLUMNS).ended();
    assert!(status.success(), "{shown}");
    let table: Vec<_> =
        shown.lines().skip_while(|line| !line.starts_with("URL ")).take_while(|line| !line.is_empty()).collect();
    assert!(table.len() > 9, "{shown}");
    assert_eq!(too_wide(&table.join("\n")), Vec::<&str>::new());
    assert_eq!(table.iter().filter(|line| line.contains("done") && line.ends_with("yes")).count(), 8, "{table:#?}");
}
