//! Applications and people through the real binary: rotation of secrets, and a person who signs in from elsewhere.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{self, Server, chaveiro, initialised, run, run_json, text, try_run};
use serde_json::{Value, json};

const READ: &str = "DeviceManagementManagedDevices.Read.All";

#[test]
fn a_secret_is_replaced_without_a_moment_in_which_none_serves() {
    let (_directory, data) = initialised();
    let app = run_json(&data, &["app", "register", "desk", "--permission", READ, "--secret-days", "30"]);
    let id = app["clientId"].as_str().expect("an id");
    let second = run_json(&data, &["app", "add-secret", id]);
    let third = try_run(&data, &["app", "add-secret", id]);
    let complaint = text(&third.stderr);
    assert!(!third.status.success());
    for word in ["2 secrets", "remove-secret", app["secretId"].as_str().expect("an id")] {
        assert!(complaint.contains(word), "{word} in {complaint}");
    }
    let shown = run_json(&data, &["app", "show", id]);
    let hint = shown["secrets"][0]["hint"].as_str().expect("a hint");
    assert!(app["clientSecret"].as_str().expect("a secret").starts_with(&format!("chs_{hint}")) && hint.len() == 3);
    assert!(!shown.to_string().contains(second["clientSecret"].as_str().expect("a secret")), "shown once");
    assert!(shown["secrets"][0]["expires"].as_str() < shown["secrets"][1]["expires"].as_str(), "30 days, 180 days");

    run(&data, &["app", "remove-secret", app["secretId"].as_str().expect("an id")]);
    let again = try_run(&data, &["app", "remove-secret", app["secretId"].as_str().expect("an id")]);
    assert!(text(&again.stderr).contains("app show"));
    assert_eq!(run_json(&data, &["app", "show", id])["secrets"][0]["id"], second["secretId"]);
    run(&data, &["app", "add-secret", id]);
}

#[test]
fn what_an_application_may_do_is_granted_anew_and_recorded() {
    const RECOVER: &str = "DeviceManagementManagedDevices.PrivilegedOperations.All";
    let (_directory, data) = initialised();
    let desk = run_json(&data, &["app", "register", "desk", "--permission", READ, "--delegated", READ]);
    let desk = desk["clientId"].as_str().expect("an id");
    // Saying nothing is no way to take everything.
    for wrong in [&["app", "grant", desk][..], &["app", "grant", desk, "--none", "--permission", READ]] {
        let refused = try_run(&data, wrong);
        assert!(!refused.status.success() && text(&refused.stderr).contains("--permission"), "{wrong:?}");
    }
    let kept = &run_json(&data, &["app", "list"])[0];
    assert_eq!((&kept["permissions"], &kept["delegated"]), (&json!([READ]), &json!([READ])));
    let said = run(&data, &["app", "grant", desk, "--permission", READ, "--permission", RECOVER]);
    assert!(said.contains(&format!("{READ}, {RECOVER}")), "what it has from now on: {said}");
    let listed = &run_json(&data, &["app", "list"])[0];
    assert_eq!((&listed["permissions"], &listed["delegated"]), (&json!([READ, RECOVER]), &json!([])));
    let tool = run_json(&data, &["app", "register", "tool", "--public", "--delegated", READ]);
    let tool = tool["clientId"].as_str().expect("an id");
    let refused = try_run(&data, &["app", "grant", tool, "--permission", RECOVER]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("--delegated"));
    run(&data, &["app", "grant", desk, "--none"]);
    let listed = &run_json(&data, &["app", "list"])[0];
    assert_eq!((&listed["permissions"], &listed["delegated"]), (&json!([]), &json!([])));
    let record = data.join("record.jsonl");
    run(&data, &["audit", "export", "--output", record.to_str().expect("a path")]);
    let record = std::fs::read_to_string(record).expect("the record");
    assert_eq!(record.matches("applicationPermissionsChanged").count(), 2, "{record}");
}

#[test]
fn how_long_people_stay_signed_in_is_a_setting_of_the_tenant() {
    let (_directory, data) = initialised();
    assert_eq!(run_json(&data, &["tenant", "list"])[0]["signInLifeHours"], 24);
    assert_eq!(run_json(&data, &["tenant", "set", "--sign-in-life", "8"])["signInLifeHours"], 8);
}

#[test]
fn a_public_client_has_no_secret_and_acts_only_for_people() {
    let (_directory, data) = initialised();
    let app = run_json(&data, &["app", "register", "tool", "--public", "--delegated", READ]);
    assert_eq!(app["clientSecret"], Value::Null);
    let id = app["clientId"].as_str().expect("an id");
    assert!(text(&try_run(&data, &["app", "add-secret", id]).stderr).contains("public client"));
    assert!(!try_run(&data, &["app", "register", "x", "--public", "--permission", READ]).status.success());
    assert!(!try_run(&data, &["app", "register", "x"]).status.success(), "for nothing at all");
    let listed = &run_json(&data, &["app", "list"])[0];
    assert_eq!((&listed["delegated"], &listed["permissions"]), (&json!([READ]), &json!([])));
}

#[test]
fn certificates_are_registered_shown_and_taken_away() {
    let (directory, data) = initialised();
    let app = run_json(&data, &["app", "register", "desk", "--permission", READ]);
    let id = app["clientId"].as_str().expect("an id");
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key");
    let certificate = rcgen::CertificateParams::new(vec!["desk.example".to_owned()]).expect("parameters");
    let pem = certificate.self_signed(&key).expect("a certificate").pem();
    let file = directory.path().join("desk.pem");
    let file = file.to_str().expect("a path");
    std::fs::write(file, format!("{}{pem}", key.serialize_pem())).expect("written");
    assert!(text(&try_run(&data, &["app", "add-certificate", id, file]).stderr).contains("private key"));
    std::fs::write(file, pem).expect("written");
    let added = run_json(&data, &["app", "add-certificate", id, file]);
    assert!(text(&try_run(&data, &["app", "add-certificate", id, file]).stderr).contains("already"));
    let shown = run_json(&data, &["app", "show", id]);
    assert_eq!(shown["certificates"][0]["thumbprint"], added["thumbprint"]);
    run(&data, &["app", "remove-certificate", id, added["thumbprint"].as_str().expect("a thumbprint")]);
    assert_eq!(run_json(&data, &["app", "list"])[0]["certificates"], 0);
}

/// What the server answers to that token.
async fn status_of(server: &Server, token: &str) -> u16 {
    let devices = format!("{}/v1.0/deviceManagement/managedDevices", server.graph_url);
    let asked = server.client().get(devices).header("Authorization", format!("Bearer {}", token.trim())).send();
    asked.await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn what_leaked_ends_together_with_the_tokens_that_it_brought() {
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
    let app = run_json(&data, &["app", "register", "desk", "--permission", READ]);
    let id = app["clientId"].as_str().expect("an id");
    let token_of = async |secret: &Value| -> Option<String> {
        let (secret, scope) = (secret.as_str().expect("a secret"), "https://graph.microsoft.com/.default");
        let form =
            [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret), ("scope", scope)];
        let request = server.client().post(format!("{}/{tenant}/oauth2/v2.0/token", server.graph_url));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let sent = request.body(serde_urlencoded::to_string(form).expect("a form")).send();
        let answer: Value = sent.await.expect("an answer").json().await.expect("JSON");
        answer["access_token"].as_str().map(str::to_owned)
    };
    let first = token_of(&app["clientSecret"]).await.expect("a token");
    assert_eq!(status_of(&server, &first).await, 200);

    let said = |arguments: &[&str]| {
        text(&chaveiro().args(arguments).arg("--data").arg(&data).output().expect("it runs").stdout)
    };
    let kept = said(&["app", "add-secret", id]);
    assert!(!kept.contains("taken away") && !kept.contains("ended"), "{kept}");
    let told = said(&["app", "add-secret", id, "--replace", "--revoke"]);
    assert!(told.contains("older secrets of desk were taken away") && told.contains("token of desk"), "{told}");
    let replaced = run_json(&data, &["app", "add-secret", id, "--replace", "--revoke"]);
    assert_eq!(status_of(&server, &first).await, 401);
    assert_eq!(token_of(&app["clientSecret"]).await, None);
    let second = token_of(&replaced["clientSecret"]).await.expect("a token");
    assert_eq!(status_of(&server, &second).await, 200, "within the same second");

    assert_eq!(run_json(&data, &["app", "revoke", id])["registered"], true);
    assert_eq!(status_of(&server, &second).await, 401);
    let third = token_of(&replaced["clientSecret"]).await.expect("a token");
    let secret = replaced["secretId"].as_str().expect("an id");
    let said = text(
        &chaveiro()
            .args(["app", "remove-secret", secret, "--revoke", "--data"])
            .arg(&data)
            .output()
            .expect("it runs")
            .stdout,
    );
    assert!(said.contains("taken away from desk") && said.contains("has ended"), "{said}");
    assert_eq!((status_of(&server, &third).await, token_of(&replaced["clientSecret"]).await), (401, None));
    assert_eq!(run_json(&data, &["app", "revoke", "portal-of-another-issuer"])["registered"], false);

    let operator = run(&data, &["token"]);
    assert_eq!(status_of(&server, &operator).await, 200);
    run(&data, &["token", "--revoke-all"]);
    assert_eq!(status_of(&server, &operator).await, 401);
    assert_eq!(status_of(&server, &run(&data, &["token"])).await, 200);
    assert!(!try_run(&data, &["token", "--revoke-all", "--minutes", "5"]).status.success(), "one or the other");
    assert!(text(&try_run(&data, &["sign-in", "revoke", "--user", "nobody@x"]).stderr).contains("oid"));
    assert_eq!(run_json(&data, &["sign-in", "revoke", "--external", "auth0|5f7c"])["user"], "auth0|5f7c");
    for refused in [vec!["--external", ""], vec![], vec!["--external", "a", "--user", "b"]] {
        let arguments: Vec<&str> = ["sign-in", "revoke"].into_iter().chain(refused).collect();
        assert!(!try_run(&data, &arguments).status.success(), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_secret_made_through_the_api_signs_in_and_is_in_no_log_and_no_file() {
    let (directory, data) = initialised();
    let log = directory.path().join("log");
    let server = Server::start_logging(&data, std::fs::File::create(&log).expect("a log"));
    let (client, applications) = (server.client(), format!("{}/v1.0/applications", server.graph_url));
    let post = async |path: &str, body: Value| -> Value {
        client.post(path).json(&body).send().await.expect("an answer").json().await.expect("JSON")
    };
    let made = post(&applications, json!({"displayName": "desk"})).await;
    let id = made["appId"].as_str().expect("an id").to_owned();
    let added = post(&format!("{applications}/{id}/addPassword"), json!({})).await;
    let batched = json!({"id": "1", "method": "POST", "url": format!("/applications/{id}/addPassword")});
    let batched = post(&format!("{}/v1.0/$batch", server.graph_url), json!({"requests": [batched]})).await;
    let secrets = [&added, &batched["responses"][0]["body"]].map(|one| one["secretText"].as_str().expect("a secret"));

    let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
    let token = format!("{}/{tenant}/oauth2/v2.0/token", server.graph_url);
    for secret in secrets {
        let scope = "https://graph.microsoft.com/.default";
        let form =
            [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", secret), ("scope", scope)];
        let body = serde_urlencoded::to_string(form).expect("a form");
        let sent = client.post(&token).header("content-type", "application/x-www-form-urlencoded").body(body).send();
        let answer: Value = sent.await.expect("an answer").json().await.expect("JSON");
        let access = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}"));
        let mine = client.get(&applications).header("Authorization", format!("Bearer {access}")).send();
        assert_eq!(mine.await.expect("an answer").status(), 403, "nothing is granted with it");
    }
    drop(server);
    let logged = std::fs::read(&log).expect("a log");
    assert!(logged.len() > 1000, "the log is there at all");
    let mut places = vec![("the log".to_owned(), logged)];
    support::read_all(&data, &mut places);
    assert!(places.iter().any(|(name, _)| name.ends_with("chaveiro.db")));
    for (name, bytes) in &places {
        for secret in secrets.map(|secret| secret.trim_start_matches("chs_").as_bytes()) {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "a secret is in {name}");
        }
    }
}

/// A person on another machine: no data directory, a configuration directory of their own.
pub(crate) struct Person<'a> {
    pub(crate) home: &'a Path,
    pub(crate) server: &'a Server,
}

impl Person<'_> {
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = chaveiro();
        command.env("XDG_CONFIG_HOME", self.home).args(arguments).arg("--json");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("it runs")
    }

    fn session(&self) -> std::path::PathBuf {
        self.home.join("chaveiro/session.json")
    }

    /// Begins to sign in and lets an operator decide about the code. Returns the success and the last text of the
    /// command.
    pub(crate) fn login(&self, decide: impl Fn(&str)) -> (bool, String) {
        let root = self.server.data.join("keys/ca/root.pem");
        let root = root.to_str().expect("a path");
        self.login_by(&["login", "--server", &self.server.graph_url, "--ca", root], decide)
    }

    /// Begins to sign in by that command line, and lets an operator decide about the code.
    pub(crate) fn login_by(&self, arguments: &[&str], decide: impl Fn(&str)) -> (bool, String) {
        let mut child = self.command(arguments);
        let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let begun: Value = serde_json::from_str(&lines.next().expect("a line").expect("a line")).expect("JSON");
        decide(begun["userCode"].as_str().expect("a code"));
        let last = lines.map(|line| line.expect("a line")).last().unwrap_or_default();
        let output = child.wait_with_output().expect("it ends");
        (output.status.success(), format!("{last}{}", text(&output.stderr)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_from_elsewhere_works_and_is_signed_out() {
    let (directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let made = server.client().post(format!("{}/v1.0/users", server.graph_url));
    let user = json!({"userPrincipalName": "ana@contoso.example", "displayName": "Ana"});
    assert_eq!(made.json(&user).send().await.expect("an answer").status(), 201);
    server.device(1).await;
    let home = directory.path().join("home");
    let ana = Person { home: &home, server: &server };

    // Without a session the command says what is missing, and a denied person is told so.
    assert!(text(&ana.run(&["device", "list"]).stderr).contains("chaveiro login --server"));
    let (signed_in, said) = ana.login(|code| drop(run(&data, &["sign-in", "deny", code])));
    assert!(!signed_in && said.contains("denied"), "{said}");

    let approve = |code: &str| {
        let waiting = run_json(&data, &["sign-in", "list"]);
        assert_eq!((&waiting[0]["code"], &waiting[0]["application"]), (&json!(code), &json!("Chaveiro CLI")));
        let stranger = try_run(&data, &["sign-in", "approve", code, "--user", "bob@contoso.example"]);
        assert!(text(&stranger.stderr).contains("chaveiro user add bob@contoso.example"));
        run(&data, &["sign-in", "approve", code, "--user", "ana@contoso.example"]);
    };
    let (signed_in, said) = ana.login(approve);
    assert!(signed_in && said.contains("ana@contoso.example"), "{said}");
    assert_eq!(ana.session().metadata().expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(run_json(&data, &["sign-in", "list"])[0]["user"], "ana@contoso.example");

    // An operator vouches for the person; roles decide what the person may do.
    let without_role = ana.run(&["device", "list"]);
    let said: Value = serde_json::from_slice(&without_role.stderr).expect("JSON");
    let said = said["error"].as_str().expect("text");
    assert!(!without_role.status.success() && said.contains("no role in this tenant"), "{said}");
    assert!(!said.contains('{') && !said.contains('\\'), "no layer is left: {said}");
    run(&data, &["role", "assign", "read-only-operator", "--user", "ana@contoso.example"]);
    let devices: Value = serde_json::from_slice(&ana.run(&["device", "list"]).stdout).expect("JSON");
    assert_eq!(devices.as_array().map(Vec::len), Some(1), "{devices}");
    for verb in [&["tenant", "list"][..], &["sign-in", "list"], &["audit", "export"], &["keys", "rotate-issuer"]] {
        assert!(text(&ana.run(verb).stderr).contains("the server's host alone"), "{verb:?}");
    }
    // A data directory that was named means that one, even if it is not there.
    let elsewhere = directory.path().join("typo");
    assert!(text(&try_run(&elsewhere, &["device", "list"]).stderr).contains("does not exist"));

    // An hour later: the refresh token rotates, for several commands at a time as well.
    age(&ana.session());
    let before = std::fs::read(ana.session()).expect("a session");
    let both: Vec<_> = (0..2).map(|_| ana.command(&["device", "list"]).stdout(Stdio::piped()).spawn()).collect();
    for child in both {
        assert!(child.expect("it starts").wait().expect("it ends").success());
    }
    assert_ne!(std::fs::read(ana.session()).expect("a session"), before);

    // What the person's role allows works from there, too: the operator's recoveries are on hold, and the person releases them.
    run(&data, &["tenant", "set", "--hold-recoveries", "1", "--hold-percent", "0"]);
    let second = server.device(2).await;
    drop(second);
    let id = |index: usize| run_json(&data, &["device", "list"])[index]["id"].as_str().expect("an id").to_owned();
    run(&data, &["recover", &id(0)]);
    assert!(text(&try_run(&data, &["recover", &id(1)]).stderr).contains("on hold"));
    assert!(text(&ana.run(&["hold", "release", "--reason", "x"]).stderr).contains("Chaveiro_Holds_Release"));
    run(&data, &["role", "assign", "hold-releaser", "--user", "ana@contoso.example"]);
    let released: Value =
        serde_json::from_slice(&ana.run(&["hold", "release", "--reason", "two laptops"]).stdout).expect("JSON");
    let listed = &run_json(&data, &["hold", "list"])[0];
    assert_eq!((&released["id"], &released["reason"]), (&listed["id"], &json!("two laptops")), "{released}");
    let from_there: Value = serde_json::from_slice(&ana.run(&["hold", "list"]).stdout).expect("JSON");
    assert_eq!(from_there[0]["causedBy"], listed["causedBy"]);
    assert!(text(&ana.run(&["hold", "release", "--reason", "x"]).stderr).contains("nothing is on hold"));
    run(&data, &["recover", &id(1)]);

    // So does managing roles, for others and within the rights that the person may pass on.
    let json = |arguments: &[&str]| -> Value { serde_json::from_slice(&ana.run(arguments).stdout).expect("JSON") };
    let refused = |arguments: &[&str]| text(&ana.run(arguments).stderr);
    assert!(refused(&["role", "assignments"]).contains("Intune_Roles_Read"));
    run(&data, &["role", "assign", "intune-role-administrator", "--user", "ana@contoso.example"]);
    let given = [
        "role",
        "assign",
        "school-administrator",
        "--user",
        "Bob@X",
        "--tag",
        "lisbon",
        "--tag",
        "porto",
        "--unknown-ok",
    ];
    let (mistyped, given) = (refused(&given[..given.len() - 1]), json(&given));
    assert!(mistyped.contains("no user bob@x is known here") && mistyped.contains("--unknown-ok"), "{mistyped}");
    let mut listed = run_json(&data, &["role", "assignments"]).as_array().expect("a list").clone();
    let mut kept = listed.pop().expect("the newest");
    assert!(kept.as_object_mut().expect("an object").remove("created").is_some(), "the API does not say since when");
    assert_eq!(given, kept);
    assert_eq!((&given["kind"], &given["tags"]), (&json!("user"), &json!(["lisbon", "porto"])));
    assert_eq!(json(&["role", "assignments"]).as_array().map(Vec::len), Some(listed.len() + 1));
    assert_eq!(json(&["role", "assign", "read-only-operator", "--group", "g"])["tags"], Value::Null);
    assert!(refused(&["role", "assign", "read-only-operator", "--group", "G"]).contains("already exists"));
    assert!(
        refused(&["role", "assign", "break-glass", "--user", "bob@x", "--unknown-ok"]).contains("cannot pass it on")
    );
    assert!(
        refused(&["role", "assign", "school-administrator", "--user", "ana@contoso.example"])
            .contains("own role assignments")
    );
    assert_eq!(json(&["role", "unassign", given["id"].as_str().expect("an id")])["removed"], true);
    assert!(refused(&["role", "unassign", given["id"].as_str().expect("an id")]).contains("is reached there"));

    // Tokens of the command line end for every person, and those who are signed in get the next by themselves.
    let stored = || std::fs::read_to_string(ana.session()).expect("a session");
    let before = stored();
    run(&data, &["app", "revoke", "{5FC567BC-F6E7-4205-BAF4-477D4BC05D43}"]);
    let renewed = ana.run(&["device", "list"]);
    assert!(renewed.status.success(), "{}", text(&renewed.stderr));
    assert_ne!(stored(), before, "the next token is kept");

    run(&data, &["sign-in", "revoke", "--user", "ana@contoso.example"]);
    let at_once = text(&ana.run(&["device", "list"]).stderr);
    assert!(at_once.contains("not signed in") && at_once.contains("sign in again with: chaveiro login"), "{at_once}");
    age(&ana.session());
    assert!(text(&ana.run(&["device", "list"]).stderr).contains("chaveiro login"));

    assert!(ana.run(&["logout"]).status.success() && !ana.session().exists());
    assert!(text(&ana.run(&["logout"]).stdout).contains("false"), "there is nothing to sign out of");
    let (signed_in, said) = ana.login(|code| {
        run(&data, &["sign-in", "approve", code, "--user", "ana@contoso.example"]);
    });
    assert!(signed_in, "{said}");
    assert!(text(&ana.run(&["logout"]).stdout).contains("\"endedOnServer\":true"));
    assert_eq!(run_json(&data, &["sign-in", "list"]), json!([]));
}

/// Makes the stored access token one that has ended.
fn age(session: &Path) {
    let mut stored: Value = serde_json::from_slice(&std::fs::read(session).expect("a session")).expect("JSON");
    stored["expires"] = json!("2020-01-01T00:00:00Z");
    std::fs::write(session, stored.to_string()).expect("written");
}

/// A token of another issuer with these claims, without a signature.
fn unsigned(claims: &Value) -> String {
    use base64::Engine;
    let part = |value: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({"alg": "RS256", "typ": "JWT"})), part(claims))
}

#[tokio::test]
async fn the_doctor_lists_the_applications_whose_tokens_may_count_as_a_persons() {
    use chaveiro_core::audit::{Activity, AuditEvent};
    use chaveiro_core::caller::{Actor, ActorKind};
    use chaveiro_core::ports::Store;
    let (_directory, data) = initialised();
    assert!(run(&data, &["doctor", "tokens"]).contains("No application of another issuer"));
    let own = run_json(&data, &["app", "register", "helpdesk", "--permission", "User.Read.All"])["clientId"].clone();
    run(&data, &["role", "assign", "help-desk-operator", "--app", "Portal", "--unknown-ok"]);
    let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").parse().expect("an id");
    let acted = |kind, application: &str, second: i64| {
        let actor = Actor { kind, application_id: application.to_owned(), ..Actor::system() };
        let at = chaveiro_core::Timestamp::from_second(second).expect("a time");
        AuditEvent::new(tenant, at, actor, Activity::ActionRequested)
    };
    let events = [
        acted(ActorKind::Application, "console", 1_800_000_000),
        acted(ActorKind::Application, "console", 1_700_000_000),
        acted(ActorKind::Application, own.as_str().expect("an id"), 1_700_000_000),
        acted(ActorKind::Delegated, "phone", 1_700_000_000),
    ];
    let store: Box<dyn Store> = Box::new(chaveiro_store_sqlite::SqliteStore::open(&data).expect("the store"));
    let write = store.write(move |unit| {
        events.iter().try_for_each(|event| unit.append_audit(event))?;
        Ok(())
    });
    write.await.expect("written");
    let found = run_json(&data, &["doctor", "tokens"]);
    let row = |application: Value, registered: bool, roles: Value, events: u64, last: Value, counts: &str| {
        let name = if registered { json!("helpdesk") } else { Value::Null };
        json!({"applicationId": application, "displayName": name, "registered": registered, "roles": roles,
            "events": events, "lastEvent": last, "countsAs": counts})
    };
    let unproven = "personUnlessProven";
    let expected = json!([
        row(json!("console"), false, json!([]), 2, json!("2027-01-15T08:00:00Z"), unproven),
        row(json!("portal"), false, json!(["help-desk-operator"]), 0, Value::Null, unproven),
        row(own, true, json!([]), 1, json!("2023-11-14T22:13:20Z"), "application"),
    ]);
    assert_eq!(found, expected);
    // An export links what waits; nothing is lost by it.
    run(&data, &["audit", "export", "--output", data.join("record").to_str().expect("a path")]);
    assert_eq!(run_json(&data, &["doctor", "tokens"]), expected);
    let said = run(&data, &["doctor", "tokens", "--lang", "pt"]);
    assert!(said.contains("uma pessoa, salvo prova") && said.contains("application-subjects"), "{said}");
}

#[test]
fn the_doctor_says_of_one_token_what_it_counts_as_and_why_it_is_refused() {
    let (_directory, data) = initialised();
    let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
    let config = data.join("chaveiro.toml");
    let issuer = "https://login.example/realm";
    let written = std::fs::read_to_string(&config).expect("read")
        + &format!(
            "\n[[issuer]]\nissuer = \"{issuer}\"\ntenant = \"{tenant}\"\napplication-subjects = [\"service-1\"]\n"
        );
    std::fs::write(&config, written).expect("written");
    let file = data.join("token");
    let path = file.to_str().expect("a path").to_owned();
    let verb = ["doctor", "tokens", "--token", &path];
    for (claims, counts) in [
        (json!({"iss": issuer, "azp": "robot", "sub": "service-1"}), "application"),
        (json!({"iss": issuer, "azp": "robot", "sub": "service-2"}), "person"),
        (json!({"iss": issuer, "azp": "robot", "sub": "robot"}), "application"),
    ] {
        std::fs::write(&file, format!("Bearer {}\n", unsigned(&claims))).expect("written");
        let said = run_json(&data, &verb);
        assert_eq!(said, json!({"countsAs": counts, "applicationId": "robot", "subject": claims["sub"]}));
        let words = if counts == "person" { "application-subjects" } else { "application's" };
        assert!(run(&data, &verb).contains(words));
    }
    for (claims, reason) in [
        (json!({"iss": issuer, "azp": "robot", "sub": "ana", "nonce": "1"}), "ID token"),
        (json!({"iss": issuer, "sub": "ana"}), "names no client"),
        (json!({"iss": "https://elsewhere.example", "azp": "robot", "sub": "ana"}), "its issuer is not trusted"),
    ] {
        std::fs::write(&file, unsigned(&claims)).expect("written");
        let refused = try_run(&data, &verb);
        let said = text(&refused.stderr);
        assert!(!refused.status.success() && said.contains(reason) && said.contains("hint: "), "{said}");
    }
}

#[tokio::test]
async fn an_operator_sees_from_where_and_by_which_program_a_sign_in_was_asked_for() {
    let (_directory, data) = initialised();
    let server = Server::start_with(&data, "127.0.0.1:0", "127.0.0.1:0", &["--trusted-proxies", "127.0.0.1"]);
    let user = json!({"userPrincipalName": "ana@contoso.example"});
    let made = server.client().post(format!("{}/v1.0/users", server.graph_url)).json(&user).send();
    assert_eq!(made.await.expect("an answer").status(), 201);
    let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
    let ask = async |forwarded: &str| -> String {
        let form = format!("client_id={}&scope=.default", chaveiro_core::application::COMMAND_LINE);
        let asked = server.client().post(format!("{}/{tenant}/oauth2/v2.0/devicecode", server.graph_url));
        let asked =
            asked.header("content-type", "application/x-www-form-urlencoded").header("X-Forwarded-For", forwarded);
        let answer: Value = asked.body(form).send().await.expect("an answer").json().await.expect("JSON");
        answer["user_code"].as_str().expect("a code").to_owned()
    };
    // The client wrote the first entry itself.
    let code = ask("10.9.9.9, 2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff").await;
    let address = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff";
    let listed = run_json(&data, &["sign-in", "list"]);
    assert_eq!((&listed[0]["address"], &listed[0]["application"]), (&json!(address), &json!("Chaveiro CLI")));
    let page =
        server.client().get(format!("{}/devicelogin?otc={code}", server.graph_url)).send().await.expect("a page");
    assert!(page.text().await.expect("text").contains(address));

    // The address of a sign-in that an older version left is unknown.
    let older = ask("192.0.2.7").await;
    drop(server);
    let hide = "UPDATE sign_in SET address = NULL WHERE user_code = ?";
    let forge = rusqlite::Connection::open(data.join("chaveiro.db")).expect("opened");
    forge.execute(hide, [older.replace('-', "")]).expect("changed");
    drop(forge);
    let shown = run(&data, &["sign-in", "list"]);
    assert!(!shown.contains(&older), "the address stays: {shown}");

    for (lang, titles) in [
        ("en", ["Code, state", "Begun, ends", "Application, user, address", "pending"]),
        ("pt-BR", ["Código, estado", "Início, término", "Aplicativo, usuário, endereço", "aguardando"]),
    ] {
        let shown = run(&data, &["sign-in", "list", "--lang", lang]);
        for expected in titles.iter().chain(&[code.as_str(), address, "Chaveiro CLI"]) {
            assert!(shown.contains(expected), "{expected}: {shown}");
        }
        assert!(shown.lines().all(|line| line.trim_end().chars().count() <= 80), "{shown}");
    }
    let approved = run(&data, &["sign-in", "approve", &code, "--user", "ana@contoso.example"]);
    assert!(approved.contains(address) && approved.contains("Chaveiro CLI"), "{approved}");
    let record = data.join("record.jsonl");
    run(&data, &["audit", "export", "--output", record.to_str().expect("a path")]);
    let record = std::fs::read_to_string(record).expect("the record");
    assert!(record.lines().any(|line| line.contains("signInApproved") && line.contains(address)), "{record}");
}
