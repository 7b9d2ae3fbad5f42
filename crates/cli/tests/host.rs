//! The server's host as operators set it up: whose files they are, where the server listens, and first errors.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{Server, chaveiro, initialised, run, run_json, text, try_run};

/// The user of a service, whom no machine gives a name or a home.
const SERVICE: u32 = 64_321;

/// A place where that user may run the program, with a directory of the user's own.
struct Place {
    directory: tempfile::TempDir,
    program: PathBuf,
}

impl Place {
    /// Needs root, who alone can be two users; `None` without.
    fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("not run: it needs root");
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(directory.path(), mode).expect("opened to others");
        let program = directory.path().join("chaveiro");
        let built = env!("CARGO_BIN_EXE_chaveiro");
        std::fs::hard_link(built, &program).or_else(|_| std::fs::copy(built, &program).map(drop)).expect("copied");
        let service = directory.path().join("service");
        std::fs::create_dir(&service).expect("made");
        std::os::unix::fs::chown(&service, Some(SERVICE), Some(SERVICE)).expect("given away");
        Some(Self { directory, program })
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("service/data")
    }

    /// The program as the user of the service.
    fn service(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.arg(format!("--reuid={SERVICE}")).arg(format!("--regid={SERVICE}")).arg("--clear-groups");
        command.arg(&self.program).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
        command
    }

    fn as_service(&self, arguments: &[&str]) -> Output {
        self.service().args(arguments).arg("--data").arg(self.data()).output().expect("setpriv runs")
    }

    fn start(&self) -> Server {
        Server::start_by(self.service(), &self.data(), &["--log", "error"])
    }
}

/// Every file below a directory with its owner.
fn owners(directory: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        found.push((path.clone(), path.symlink_metadata().expect("it is there").uid()));
        if path.is_dir() {
            found.extend(owners(&path));
        }
    }
    found
}

/// One of each kind of verb that works on the data directory, among them all that make files.
const VERBS: &[&[&str]] = &[
    &["init"],
    &["serve", "--graph-listen", "127.0.0.1:0", "--device-listen", "127.0.0.1:0"],
    &["tenant", "list"],
    &["tenant", "create", "Fabrikam's"],
    &["tenant", "set", "--disclosure-window", "5"],
    &["keys", "list"],
    &["keys", "rotate-issuer"],
    &["keys", "rotate-audit"],
    &["keys", "recipients"],
    &["keys", "ingest-only", "on"],
    &["keys", "accept", "audit", "--new", "--reason", "lost"],
    &["app", "register", "helpdesk", "--permission", "DeviceManagementManagedDevices.Read.All"],
    &["device", "list"],
    &["device", "enroll-token"],
    &["role", "assignments"],
    &["hold", "list"],
    &["sign-in", "list"],
    &["token"],
    &["audit", "export"],
    &["audit", "rows"],
    &["audit", "key"],
    &["restore", "accept", "--reason", "none"],
];

#[test]
fn no_verb_of_another_user_leaves_a_file_that_the_server_cannot_read_and_each_says_what_to_run() {
    let Some(place) = Place::new() else { return };
    let made = place.as_service(&["init"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let (data, shown) = (place.data(), place.data().display().to_string());
    let backup = place.directory.path().join("backup").display().to_string();
    let server = place.start();
    let before = owners(&data);
    let verbs = VERBS.iter().copied().map(<[_]>::to_vec).chain([vec!["backup", backup.as_str()]]);
    for verb in verbs {
        let refused = try_run(&data, &verb);
        let words = text(&refused.stderr);
        let command = format!("sudo -u '#{SERVICE}' chaveiro {}", verb[0]);
        assert!(!refused.status.success(), "{verb:?} as root");
        assert!(words.contains(&command) && words.contains(&format!("--data {shown}")), "{verb:?}: {words}");
    }
    assert_eq!(owners(&data).iter().filter(|(_, owner)| *owner != SERVICE).count(), 0, "{:?}", owners(&data));
    assert_eq!(owners(&data).len(), before.len(), "no file was made");
    drop(server);
    let portuguese = text(&try_run(&data, &["keys", "list", "--lang", "pt"]).stderr);
    assert!(portuguese.contains("pertence a") && portuguese.contains("sudo -u"), "{portuguese}");

    // As its owner each of them works, and the server comes back.
    for verb in [&["keys", "rotate-issuer"][..], &["tenant", "create", "Fabrikam"], &["tenant", "list"]] {
        let done = place.as_service(verb);
        assert!(done.status.success(), "{verb:?}: {}", text(&done.stderr));
    }
    drop(place.start());
}

#[test]
fn files_that_another_user_left_are_named_with_the_command_that_gives_them_back() {
    let Some(place) = Place::new() else { return };
    assert!(place.as_service(&["init"]).status.success());
    let data = place.data();
    for name in ["keys/audit.key", "keys/issuer", "keys/rows.key", "chaveiro.db", "chaveiro.mark", "server.lock"] {
        let file = data.join(name);
        let lock = std::fs::OpenOptions::new().create(true).append(true).open(&file);
        assert!(file.is_dir() || lock.is_ok(), "{name}");
        std::os::unix::fs::chown(&file, Some(0), Some(0)).expect("root's");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(if file.is_dir() { 0o700 } else { 0o600 }))
            .expect("closed");
        let arguments = ["serve", "--graph-listen", "127.0.0.1:0", "--device-listen", "127.0.0.1:0"];
        let refused = place.as_service(&arguments);
        let words = text(&refused.stderr);
        let command = format!("chown -R {SERVICE} {}", data.display());
        assert!(words.contains(&file.display().to_string()) && words.contains(&command), "{name}: {words}");
        std::os::unix::fs::chown(&file, Some(SERVICE), Some(SERVICE)).expect("given back");
    }
    drop(place.start());
}

#[test]
fn a_directory_of_root_is_not_served_by_another_user_who_learns_whose_it_is() {
    let Some(place) = Place::new() else { return };
    let made = run(&place.data(), &["init"]);
    assert!(made.contains("belongs to root") && made.contains("chown -R"), "{made}");
    let words = text(&place.as_service(&["serve"]).stderr);
    assert!(words.contains("belongs to root") && !words.contains("init"), "{words}");
}

#[test]
fn a_directory_that_cannot_be_made_is_called_a_directory_and_ids_are_told_how_they_look() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    std::fs::write(&file, b"").expect("written");
    for (lang, words) in [("en", "cannot be made"), ("pt", "não é possível criar o diretório")] {
        let refused = try_run(&file.join("data"), &["init", "--lang", lang]);
        let said = text(&refused.stderr);
        assert!(said.contains(words) && !said.contains("key file") && !said.contains("arquivo de chave"), "{said}");
    }
    if let Some(place) = Place::new() {
        let refused = place.service().args(["init", "--data", "/var/lib/of-nobody/data"]).output().expect("it runs");
        let said = text(&refused.stderr);
        assert!(said.contains("/var/lib/of-nobody/data cannot be made: Permission denied"), "{said}");
    }
    for arguments in [
        &["init", "--entra-tenant", "GUID"][..],
        &["tenant", "create", "x", "--entra-tenant", "GUID"],
        &["tenant", "set", "--entra-tenant", "5f0c6a1e-0000-4000-8000"],
        &["role", "unassign", "7"],
        &["hold", "release", "ID"],
        &["app", "remove-secret", "x"],
    ] {
        for (lang, words) in [("en", "an id has 32 hexadecimal digits"), ("pt", "um id tem 32 dígitos")] {
            let refused = chaveiro().args(arguments).args(["--lang", lang]).output().expect("it runs");
            let said = text(&refused.stderr);
            assert!(!refused.status.success() && said.contains(words), "{arguments:?}: {said}");
        }
    }
    let (_initialised, data) = initialised();
    let again = text(&try_run(&data, &["init"]).stderr);
    assert!(again.contains("is already a data directory") && again.contains("use it as it is"), "{again}");
}

#[tokio::test]
async fn a_server_on_loopback_is_called_localhost_and_says_that_it_is_alone() {
    let (_directory, data) = initialised();
    let arguments = ["serve", "--graph-listen", "localhost:0", "--device-listen", "127.0.0.1:0"];
    let mut command = chaveiro();
    command.args(arguments).args(["--log", "error", "--data"]).arg(&data);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("its output")));
    let mut line = || lines.next().expect("a line").expect("text");
    let first = line();
    assert!(
        first.contains("Graph on https://localhost:") && first.contains("devices on https://localhost:"),
        "{first}"
    );
    for (listen, url) in [("graph-listen", "graph-url"), ("device-listen", "device-url")] {
        let said = [line(), line(), line()].join("\n");
        let file = data.join("chaveiro.toml").display().to_string();
        for word in ["Only this machine", &file, &format!("{listen} = \"0.0.0.0:"), &format!("{url} = \"https://NAME:")]
        {
            assert!(said.contains(word), "{word} in {said}");
        }
    }
    // Tokens, links and what is printed for devices carry the name.
    assert!(run_json(&data, &["device", "enroll-token"])["server"].as_str().expect("text").contains("localhost"));
    assert_eq!(run_json(&data, &["device", "list"]), serde_json::json!([]));
    child.kill().and_then(|()| child.wait().map(drop)).expect("stopped");

    let with_urls = ["--graph-url", "https://chaveiro.example", "--device-url", "https://mdm.example/"];
    let server = Server::start_with(&data, "127.0.0.1:0", "127.0.0.1:0", &with_urls);
    assert_eq!(
        (server.graph_url.as_str(), server.device_url.as_str()),
        ("https://chaveiro.example", "https://mdm.example")
    );
}

#[test]
fn an_address_that_cannot_be_listened_on_or_used_by_clients_is_refused_with_what_helps() {
    let (_directory, data) = initialised();
    let free = "127.0.0.1:0";
    for (graph, device, flags, words) in [
        ("0.0.0.0:0", free, &[][..], &["graph-listen is 0.0.0.0:0", "set graph-url too"][..]),
        (free, "[::]:0", &[], &["device-listen is [::]:0", "set device-url too"]),
        ("203.0.113.7:8443", free, &[], &["203.0.113.7:8443 is no address of this machine", "--graph-listen"]),
        ("nobody.invalid:1", free, &[], &["graph-listen", "localhost:8443"]),
        (free, free, &["--certificate-names", "https://mdm.example"], &["certificate-names", "enterpriseenrollment"]),
    ] {
        let arguments = [&["serve", "--graph-listen", graph, "--device-listen", device], flags].concat();
        let said = text(&try_run(&data, &arguments).stderr);
        for word in words {
            assert!(said.contains(word), "{word} in {said}");
        }
    }
    drop(Server::start_with(&data, "0.0.0.0:0", free, &["--graph-url", "https://chaveiro.example"]));
    let Some(place) = Place::new() else { return };
    assert!(place.as_service(&["init"]).status.success());
    let said = text(&place.as_service(&["serve", "--graph-listen", "127.0.0.1:443", "--device-listen", free]).stderr);
    // Where every port is free for everyone, nothing is refused; a kernel that protects some names the capability.
    assert!(said.contains("CAP_NET_BIND_SERVICE") || unprivileged_from() <= 443, "{said}");
}

fn unprivileged_from() -> u32 {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").expect("a number");
    text.trim().parse().expect("a number")
}

#[test]
fn settings_of_a_tenant_have_bounds() {
    let (_directory, data) = initialised();
    for (flag, least, most) in [
        ("--disclosure-window", "1", "10080"),
        ("--unread-retention", "1", "3650"),
        ("--action-expiry", "1", "365"),
        ("--sign-in-life", "1", "8760"),
        ("--hold-percent", "0", "100"),
        ("--hold-window", "1", "43200"),
        ("--reading-percent", "0", "100"),
        ("--reading-window", "1", "43200"),
    ] {
        let beyond = (most.parse::<u64>().expect("a number") + 1).to_string();
        for value in [beyond.as_str(), if least == "1" { "0" } else { "-1" }, "99999999999999999999", "soon"] {
            let refused = try_run(&data, &["tenant", "set", &format!("{flag}={value}")]);
            let said = text(&refused.stderr);
            assert!(!refused.status.success() && said.contains(flag) && said.contains(value), "{said}");
            let range = format!("from {least} to {most}");
            assert!(value == "soon" || value.len() > 9 || said.contains(&range), "{range} in {said}");
        }
        for value in [least, most] {
            run(&data, &["tenant", "set", flag, value]);
        }
    }
}

#[tokio::test]
async fn both_listeners_say_what_this_is_and_where_to_go_in_both_languages_and_without_a_script() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (_directory, data) = initialised();
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let root = reqwest::Certificate::from_pem(server.root_pem().as_bytes()).expect("the root");
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().expect("a client");
    let (graph, devices) = (&server.graph_url, &server.device_url);
    let link = format!("ms-device-enrollment:?mode=mdm&amp;servername={devices}");
    for (url, lang, words) in [
        (format!("{graph}/"), "en", vec!["chaveiro login --server", graph, devices, "/devicelogin", "recovers"]),
        (format!("{graph}/"), "pt-BR", vec!["chaveiro login --server", graph, devices, "recupera senhas"]),
        (format!("{devices}/"), "en", vec![devices, &link, "chaveiro-agent enroll", graph]),
        (format!("{devices}/enroll"), "pt-BR", vec![devices, &link, "Inscrever um dispositivo"]),
    ] {
        let response = client.get(&url).header("Accept-Language", lang).send().await.expect("an answer");
        let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
        let (status, policy, kind) = (response.status(), header("content-security-policy"), header("content-type"));
        let html = response.text().await.expect("text");
        assert!(status == 200 && kind.starts_with("text/html"), "{url}: {status} {kind}");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("script"), "{policy}");
        assert!(html.contains(&format!("<html lang=\"{lang}\">")) && !html.contains("<script"), "{html}");
        for word in words {
            assert!(html.contains(word), "{word} in {html}");
        }
    }
    // Programs still get errors that they understand.
    let unknown = client.get(format!("{graph}/nothing")).send().await.expect("an answer");
    assert_eq!(unknown.headers()["content-type"], "application/json");
}

#[tokio::test]
async fn the_certificate_holds_the_names_that_are_configured() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (_directory, data) = initialised();
    let names = ["--certificate-names", "enterpriseenrollment.contoso.example, 127.0.0.9"];
    let server = Server::start_with(&data, "127.0.0.1:0", "127.0.0.1:0", &names);
    let port = server.device_url.rsplit(':').next().expect("a port");
    let address = format!("127.0.0.1:{port}").parse().expect("an address");
    let root = || reqwest::Certificate::from_pem(server.root_pem().as_bytes()).expect("the root");
    for (name, holds) in
        [("enterpriseenrollment.contoso.example", true), ("localhost", true), ("contoso.example", false)]
    {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([root()]).resolve(name, address);
        let url = format!("https://{name}:{port}/EnrollmentServer/Discovery.svc");
        let answer = client.build().expect("a client").get(url).send().await;
        assert_eq!(answer.is_ok(), holds, "{name}: {answer:?}");
    }
}

/// The lines of the fenced blocks of a document, without comments.
fn shell_lines(document: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(document);
    let text = std::fs::read_to_string(path).expect("the document");
    let blocks = text.split("\n```").skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let lines =
        blocks.iter().flat_map(|block| block.lines().map(|line| line.split("  #").next().unwrap_or(line).trim()));
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quickstart_works_as_it_is_printed() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let lines = shell_lines("docs/quickstart.md");
    let is = |begin: &str| lines.iter().find(|line| line.starts_with(begin)).unwrap_or_else(|| panic!("{begin}"));
    let init = is("chaveiro init").replace("GUID", "5f0c6a1e-0000-4000-8000-000000000000");
    assert!(is("chaveiro serve").ends_with('&'));
    let program = Path::new(env!("CARGO_BIN_EXE_chaveiro")).parent().expect("a directory").display().to_string();
    let path = format!("{program}:{}", std::env::var("PATH").expect("a path"));
    let shell = |script: &str| {
        let mut command = Command::new("bash");
        command.args(["-euc", script]).env("PATH", &path).env("CHAVEIRO_DATA", &data).env("LC_ALL", "C.UTF-8");
        let output = command.current_dir(directory.path()).output().expect("bash runs");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{script}\n{out}{err}");
        out
    };
    shell(&init);
    let server = Server::start(&data, "127.0.0.1:0", "127.0.0.1:0");
    let (mut device, transport) = server.device(1).await;
    let visits = tokio::spawn(async move {
        loop {
            let _ = device.sync(&transport).await;
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    });
    let id = run_json(&data, &["device", "list"])[0]["id"].as_str().expect("an id").to_owned();
    let rest = lines.iter().filter(|line| {
        !["cargo", "export", "chaveiro init", "chaveiro serve"].iter().any(|begin| line.starts_with(begin))
    });
    let script = rest.cloned().collect::<Vec<_>>().join("\n");
    let script = script.replace("/ID", &format!("/{id}"));
    let script = script.replace("https://localhost:8443", &server.graph_url);
    let out = tokio::task::block_in_place(|| shell(&script));
    visits.abort();
    for word in ["ANA-LT1", "HTTP/2 204", "deviceActionResults", "PLANTED", "The record is sound"] {
        assert!(out.contains(word), "{word} in {out}");
    }
}
