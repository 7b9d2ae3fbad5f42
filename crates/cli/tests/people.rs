//! People and the names that they type: users, devices by name, who one is, what the shell completes.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use chaveiro_core::id::TenantId;
use serde_json::{Value, json};

use crate::identity::Person;
use crate::support::fill::fill;
use crate::support::terminal::Terminal;
use crate::support::{Server, chaveiro, get, initialised, run, run_json, text, try_run};

fn refused(data: &Path, arguments: &[&str]) -> String {
    let output = try_run(data, arguments);
    assert!(!output.status.success(), "{arguments:?}: {}", text(&output.stdout));
    text(&output.stderr)
}

#[test]
fn a_user_is_made_listed_shown_disabled_and_removed_without_curl() {
    let (_directory, data) = initialised();
    let _server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let ana = "ana#ext#@contoso.example";
    let made = run_json(&data, &["user", "add", ana, "--name", "Ana O'Souza & Co"]);
    assert_eq!((&made["userPrincipalName"], &made["displayName"]), (&json!(ana), &json!("Ana O'Souza & Co")));
    assert!(refused(&data, &["user", "add", ana]).contains("there is a user ana#ext#@contoso.example already"));
    for (name, lang, words) in [
        ("nobody", "en", "a user name has the form of a mail address, such as ana@contoso.example"),
        ("@contoso.example", "pt", "um nome de usuário tem a forma de um endereço de e-mail"),
        ("ana souza@contoso.example", "en", "a user name has the form"),
    ] {
        let told = refused(&data, &["user", "add", name, "--lang", lang]);
        assert!(told.contains(words), "{told}");
    }
    let bob = run_json(&data, &["user", "add", "bob@contoso.example"]);
    assert_eq!((&bob["displayName"], &bob["mail"]), (&json!("bob"), &json!("bob@contoso.example")));

    let names = |arguments: &[&str]| -> Vec<String> {
        let listed = run_json(&data, &[&["user", "list"], arguments].concat());
        let name = |user: &Value| user["userPrincipalName"].as_str().expect("a name").to_owned();
        listed.as_array().expect("a list").iter().map(name).collect()
    };
    assert_eq!(names(&[]), [ana, "bob@contoso.example"]);
    assert_eq!(names(&["--search", "o'souza &"]), [ana]);
    assert_eq!(names(&["--disabled"]), Vec::<String>::new());
    assert_eq!(names(&["--limit", "1"]), [ana]);
    let cut = text(&try_run(&data, &["user", "list", "--limit", "1"]).stderr);
    assert!(cut.contains("the first 1; there are more"), "{cut}");

    run(&data, &["user", "disable", ana]);
    assert_eq!(names(&["--disabled"]), [ana]);
    assert_eq!(run_json(&data, &["user", "show", ana])["accountEnabled"], false);
    run(&data, &["user", "enable", ana]);
    assert_eq!(names(&["--disabled"]), Vec::<String>::new());

    run(&data, &["device", "enroll-token", "--user", "bob@contoso.example"]);
    assert!(refused(&data, &["user", "show", "bob@contoso.exmaple"]).contains("did you mean bob@contoso.example?"));
    assert!(
        refused(&data, &["role", "assign", "read-only-operator", "--user", "bbo@contoso.example"])
            .contains("no user bbo@contoso.example is known here")
    );
    assert!(
        refused(&data, &["role", "assign", "read-only-operator", "--user", "bob@contoso.exmaple"])
            .contains("did you mean bob@contoso.example?")
    );
    run(&data, &["user", "delete", "bob@contoso.example"]);
    assert!(refused(&data, &["user", "show", "bob@contoso.example"]).contains("there is no user"));
    let recorded = run(&data, &["audit", "export"]);
    for word in ["resourceCreated", "resourceChanged", "resourceDeleted"] {
        assert!(recorded.contains(word), "{word}");
    }
    let told = text(
        &chaveiro()
            .args(["user", "show", "nobody", "--lang", "pt", "--data"])
            .arg(&data)
            .output()
            .expect("it runs")
            .stderr,
    );
    assert_eq!(told, "erro: não existe o usuário nobody\ndica: veja: chaveiro user list\n");
}

/// The requests that the Graph listener has answered.
async fn requests(server: &Server) -> u64 {
    let client = server.client_with("");
    let answer = client.get(format!("{}/metrics", server.graph_url)).send().await.expect("an answer");
    let metrics = answer.text().await.expect("text");
    let of_graph = |line: &&str| line.starts_with("chaveiro_http_requests_total{") && line.contains("graph");
    let count = |line: &str| line.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok());
    metrics.lines().filter(of_graph).filter_map(count).sum()
}

/// The requests that a command costs; the command may fail.
async fn cost(server: &Server, arguments: &[&str]) -> u64 {
    let before = requests(server).await;
    let output = try_run(&server.data, arguments);
    drop(output);
    requests(server).await - before
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_costs_the_same_few_requests_in_a_fleet_of_any_size() {
    let (_directory, data) = initialised();
    let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
    let tenant = TenantId(tenant.parse().expect("an id"));
    let mut costs = Vec::new();
    for devices in [0..3, 3..3_000] {
        fill(&data, tenant, devices).await;
        let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
        let mut of_this = Vec::new();
        for (arguments, most) in [
            (&["device", "show", "desktop-0000002"][..], 3),
            (&["device", "show", "SN00000001"], 3),
            (&["device", "show", "DESKTOP-000000Z"], 5),
            (&["action", "DESKTOP-0000001"], 3),
            (&["device", "list", "--search", "0000002"], 1),
            (&["find", "desktop", "0000002"], 1),
            (&["device", "list", "--limit", "2"], 1),
        ] {
            let requests = cost(&server, arguments).await;
            // The metrics are asked for in between.
            assert!(requests <= most + 1, "{arguments:?} cost {requests}");
            of_this.push(requests);
        }
        costs.push(of_this);
    }
    assert_eq!(costs[0], costs[1], "the fleet grew by a thousand times");
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let cut = try_run(&data, &["device", "list", "--json"]);
    let rows: Value = serde_json::from_slice(&cut.stdout).expect("JSON");
    assert_eq!(rows.as_array().map(Vec::len), Some(100));
    assert_eq!(serde_json::from_slice::<Value>(&cut.stderr).expect("JSON")["code"], "list-cut");
    assert_eq!(run_json(&data, &["device", "list", "--all"]).as_array().map(Vec::len), Some(3_000));
    let linux = run_json(&data, &["device", "list", "--filter", "operatingSystem eq 'Linux'", "--limit", "7"]);
    assert_eq!(linux.as_array().map(Vec::len), Some(7));
    assert!(refused(&data, &["device", "show", "desktop-000002"]).contains("did you mean DESKTOP-0000020"));
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_found_by_their_person_and_odd_or_ambiguous_names_are_told_apart() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    run(&data, &["user", "add", "ana@contoso.example", "--name", "Ana (Souza)", "--mail", "desk@contoso.example"]);
    server.device_by(1, &["--user", "ana@contoso.example"]).await;
    server.device(2).await;
    let found = |words: &[&str]| run_json(&data, &[&["find"], words].concat());
    for words in [&["ana", "souza"][..], &["(souza)"], &["desk@contoso"], &["ana-lt1"]] {
        let devices = found(words);
        assert_eq!(devices.as_array().map(Vec::len), Some(1), "{words:?}: {devices}");
        assert_eq!(devices[0]["deviceName"], "ANA-LT1");
    }
    assert_eq!(found(&["ana", "nobody"]), json!([]));
    assert_eq!(run_json(&data, &["device", "list", "--user", "ANA@contoso.example"]).as_array().map(Vec::len), Some(1));
    let shown = run_json(&data, &["user", "show", "ana@contoso.example"]);
    assert_eq!(shown["managedDevices"][0]["deviceName"], "ANA-LT1");

    // Two machines of one name: by an administrator who renamed nothing, and a clone.
    let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
    drop(server);
    twins(&data, &tenant).await;
    let _server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    for name in ["O'Brien & 100%", "a#b/c?d+e"] {
        assert_eq!(run_json(&data, &["device", "show", name])["deviceName"], name);
        assert_eq!(found(&[name]).as_array().map(Vec::len), Some(1), "{name}");
    }
    let several = refused(&data, &["device", "show", "twin"]);
    for word in ["several devices are called twin", "SERIAL-A", "SERIAL-B", "use the id of one"] {
        assert!(several.contains(word), "{word} in {several}");
    }
    assert_eq!(run_json(&data, &["device", "show", "SERIAL-B"])["deviceName"], "Twin");
    let posed = refused(&data, &["device", "show", "SERIAL-A"]);
    assert!(posed.contains("SERIAL-A") && posed.contains("serial-a") && posed.contains("S5"), "{posed}");
}

/// Writes devices with odd names, two of one name, and one that is called like the serial number of another.
async fn twins(data: &Path, tenant: &str) {
    use chaveiro_core::device::{Inventory, InventoryField, ManagedDevice, Platform};
    use chaveiro_core::id::DeviceId;
    use chaveiro_core::ports::Store;
    let tenant = TenantId(tenant.parse().expect("an id"));
    let store: Arc<dyn Store> = Arc::new(chaveiro_store_sqlite::SqliteStore::open(data).expect("a store"));
    let odd =
        [("O'Brien & 100%", "S1"), ("a#b/c?d+e", "S2"), ("Twin", "SERIAL-A"), ("Twin", "SERIAL-B"), ("serial-a", "S5")];
    for (number, (name, serial)) in odd.into_iter().enumerate() {
        let inventory =
            Inventory::default().with(InventoryField::DEVICE_NAME, name).with(InventoryField::SERIAL_NUMBER, serial);
        let id = DeviceId(uuid::Uuid::from_u128(7_000 + number as u128));
        let at = crate::support::fill::enrolled();
        let device = ManagedDevice { inventory, ..ManagedDevice::new(tenant, id, Platform::Windows, at) };
        store.write(move |unit| Ok(unit.insert_device(&device)?)).await.expect("written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoami_tells_the_person_and_login_alone_signs_in_again() {
    let (directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    run(&data, &["user", "add", "ana@contoso.example", "--name", "Ana Souza"]);
    let home = directory.path().join("home");
    let ana = Person { home: &home, server: &server };
    let said = |output: std::process::Output| text(&output.stderr);
    assert!(said(ana.run(&["whoami"])).contains("chaveiro login --server URL"));
    assert!(said(ana.run(&["login"])).contains("no server is remembered here"));
    let approve = |code: &str| drop(run(&data, &["sign-in", "approve", code, "--user", "ana@contoso.example"]));
    let (signed_in, told) = ana.login(|code| drop(run(&data, &["sign-in", "deny", code])));
    assert!(!signed_in && told.contains("denied"), "{told}");
    let (signed_in, told) = ana.login_by(&["login"], approve);
    assert!(signed_in, "what was denied begins again by the verb alone: {told}");

    let whoami = || -> Value { serde_json::from_slice(&ana.run(&["whoami"]).stdout).expect("JSON") };
    let told = whoami();
    assert_eq!((&told["user"], &told["displayName"]), (&json!("ana@contoso.example"), &json!("Ana Souza")));
    assert_eq!((&told["server"], &told["tenant"]), (&json!(server.graph_url), &json!("Default")));
    assert_eq!((&told["roles"], &told["actions"]), (&json!([]), &json!([])), "a person without a role is told so");
    assert!(told["sessionUntil"].is_string());
    run(&data, &["role", "assign", "help-desk-operator", "--user", "ana@contoso.example", "--tag", "lisbon"]);
    let told = whoami();
    assert_eq!(
        told["roles"],
        json!([{"role": "help-desk-operator", "name": "Help Desk Operator", "tags": ["lisbon"]}])
    );
    assert!(told["actions"].as_array().is_some_and(|actions| actions.len() > 2), "{told}");
    let plain = chaveiro().env("XDG_CONFIG_HOME", &home).args(["whoami", "--lang", "pt"]).output().expect("it runs");
    let plain = text(&plain.stdout);
    assert!(plain.contains("recuperar senhas (dispositivos com a etiqueta lisbon)"), "{plain}");

    // The shell completes names of the server, as far as the person may see them.
    server.device(1).await;
    assert_eq!(completed(&home, None, &["chaveiro", "role", "show", "help"]), ["help-desk-operator"]);
    run(&data, &["role", "assign", "read-only-operator", "--user", "ana@contoso.example"]);
    assert_eq!(completed(&home, None, &["chaveiro", "recover", "ana"]), ["ANA-LT1"]);
    assert_eq!(completed(&home, None, &["chaveiro", "user", "show", "a"]), ["ana@contoso.example"]);

    assert!(ana.run(&["logout"]).status.success());
    assert!(said(ana.run(&["device", "list"])).contains("sign in with: chaveiro login"));
    let (signed_in, told) = ana.login_by(&["login"], approve);
    assert!(signed_in && told.contains("ana@contoso.example"), "{told}");
    assert_eq!(whoami()["roles"].as_array().map(Vec::len), Some(2));

    let operator = run_json(&data, &["whoami"]);
    assert_eq!((&operator["kind"], &operator["server"]), (&json!("operator"), &json!(server.graph_url)));
    let userinfo = get(&server.client(), &format!("{}/oidc/userinfo", server.graph_url)).await;
    assert_eq!(userinfo["chaveiro_kind"], "operator");
    let stranger = server.client_with("nonsense").get(format!("{}/oidc/userinfo", server.graph_url)).send().await;
    assert_eq!(stranger.expect("an answer").status(), 401);
    let wrong = server.client().delete(format!("{}/oidc/userinfo", server.graph_url)).send().await.expect("an answer");
    assert!(wrong.status().is_client_error());
    assert!(wrong.json::<Value>().await.expect("JSON")["error"]["message"].is_string());
}

/// The candidates for the last word, as `bash` asks for them.
fn completed(home: &Path, data: Option<&Path>, words: &[&str]) -> Vec<String> {
    let mut command = chaveiro();
    command.env("CHAVEIRO_COMPLETE", "bash").env("_CLAP_IFS", "\n").env("XDG_CONFIG_HOME", home);
    command.env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string()).arg("--").args(words);
    if let Some(data) = data {
        command.env("CHAVEIRO_DATA", data);
    }
    let output = command.output().expect("it runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_completes_names_on_the_host_and_is_not_kept_waiting() {
    let (directory, data) = initialised();
    let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
    fill(&data, TenantId(tenant.parse().expect("an id")), 0..12).await;
    run_json(&data, &["app", "register", "desk", "--permission", "User.Read.All"]);
    let app = run_json(&data, &["app", "list"])[0]["id"].as_str().expect("an id").to_owned();
    let home = directory.path();
    let of = |words: &[&str]| completed(home, Some(&data), &[&["chaveiro"], words].concat());
    assert_eq!(of(&["device", "show", "desktop-000001"]), ["DESKTOP-0000010", "DESKTOP-0000011"]);
    assert_eq!(of(&["app", "show", &app[..4]]), [app.as_str()]);
    assert_eq!(of(&["app", "list", "--tenant", "D"]), ["Default"]);
    assert!(of(&["role", "assign", ""]).contains(&"break-glass".to_owned()));
    assert!(of(&["ro"]).contains(&"role".to_owned()));
    let before = run(&data, &["audit", "export"]);
    let mark = || std::fs::metadata(data.join("chaveiro.mark")).and_then(|mark| mark.modified()).expect("the mark");
    let marked = mark();
    of(&["recover", "DESKTOP"]);
    assert_eq!(mark(), marked, "the database is not opened to write");
    assert_eq!(run(&data, &["audit", "export"]).lines().count(), before.lines().count(), "nothing is recorded");

    // No user is signed in, and a server takes connections and says nothing.
    assert_eq!(completed(&home.join("none"), None, &["chaveiro", "recover", "A"]), Vec::<String>::new());
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let config = home.join("silent/chaveiro");
    std::fs::create_dir_all(&config).expect("made");
    let session = json!({
        "server": format!("https://{}", silent.local_addr().expect("an address")), "tenant": "t", "user": "ana",
        "accessToken": "x", "expires": "2099-01-01T00:00:00Z", "refreshToken": "y",
    });
    let file = config.join("session.json");
    std::fs::write(&file, session.to_string()).expect("written");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("closed");
    let begun = std::time::Instant::now();
    assert_eq!(completed(&home.join("silent"), None, &["chaveiro", "recover", "A"]), Vec::<String>::new());
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn the_script_of_bash_completes_in_bash() {
    let (directory, data) = initialised();
    run(&data, &["tenant", "create", "Fabrikam"]);
    let binary = Path::new(env!("CARGO_BIN_EXE_chaveiro"));
    let path = format!("{}:{}", binary.parent().expect("a folder").display(), std::env::var("PATH").expect("a path"));
    let script = "source <(chaveiro completions bash)
        COMP_WORDS=(chaveiro app list --tenant Fa); COMP_CWORD=4; COMP_TYPE=9
        _clap_complete_chaveiro chaveiro Fa --tenant
        printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc", "-c", script]).env("PATH", path).env("CHAVEIRO_DATA", &data);
    let output = bash.env("XDG_CONFIG_HOME", directory.path()).output().expect("bash");
    assert_eq!(text(&output.stdout).trim(), "Fabrikam", "{}", text(&output.stderr));
}

/// A shell without settings, in which `chaveiro` is the program under test.
fn shell(program: &str, home: &Path, data: &Path) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_chaveiro")).parent().expect("a folder").display();
    let mut shell = Command::new(program);
    shell.env("PATH", format!("{binary}:{}", std::env::var("PATH").expect("a path"))).env("CHAVEIRO_DATA", data);
    shell.env("HOME", home).env("XDG_CONFIG_HOME", home).env("TERM", "dumb").env("ZDOTDIR", home);
    shell
}

#[tokio::test]
async fn the_scripts_of_fish_and_zsh_complete_the_name_of_a_device() {
    let (directory, data) = initialised();
    let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
    fill(&data, TenantId(tenant.parse().expect("an id")), 0..12).await;
    let mut fish = shell("fish", directory.path(), &data);
    fish.args([
        "--no-config",
        "-c",
        "chaveiro completions fish | source; complete -C 'chaveiro recover DESKTOP-000000'",
    ]);
    let output = fish.output().expect("fish");
    let completed: Vec<_> = text(&output.stdout).lines().map(|line| line.trim().to_owned()).collect();
    assert!(completed.contains(&"DESKTOP-0000007".to_owned()), "{completed:?}{}", text(&output.stderr));

    // It edits lines only on a terminal that controls it.
    let mut zsh = shell("setsid", directory.path(), &data);
    zsh.args(["--ctty", "zsh", "-f", "-i"]);
    let mut zsh = Terminal::run(zsh, 80);
    // The marks are made of parts, so that the echo of what is typed is none.
    zsh.types("autoload -Uz compinit && compinit -u -D && source <(chaveiro completions zsh) && print rea''dy\n");
    zsh.wait_for("ready");
    zsh.types("chaveiro recover DESKTOP-000000\t\t");
    zsh.wait_for("DESKTOP-0000007");
    // Ctrl+U empties the line.
    zsh.types("\u{15}exit\n");
    zsh.ended();
}
