//! A server that has Microsoft's names: programs that know no others reach it unmodified, as `docs/sdk/unmodified.md`
//! describes. The names lead there in a network namespace alone, which the test enters by running itself once more.

use std::path::{Path, PathBuf};
use std::process::Command;

use chaveiro_core::id::TenantId;
use chaveiro_device::https::Https;
use chaveiro_fleet::windows::WindowsDevice;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::clients::{PERSON, Said, beside};
use super::support::{Server, fill, initialised, run_json, text};

/// The names, at which the server answers.
const NAMES: &[&str] = &["graph.microsoft.com", "login.microsoftonline.com"];

/// Set within the namespace.
const WITHIN: &str = "WITHIN_NAMESPACE";

/// Brings up the loopback interface, gives the names to it, and becomes the test. The first argument is the hosts file.
const ENTER: &str = r#"ip link set lo up && mount --bind "$1" /etc/hosts && shift && exec "$@""#;

/// Devices beside the one that answers. They have no user.
const DEVICES: usize = 150;

/// Runs the body of the calling test in a network namespace in which the names lead to the loopback interface.
///
/// The namespace reaches nothing else: the caller has installed the programs before.
pub fn within(body: impl Future<Output = ()>) {
    if std::env::var_os(WITHIN).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        return runtime.block_on(body);
    }
    let thread = std::thread::current();
    let test = thread.name().expect("a test's thread has its name");
    let hosts = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&hosts, format!("127.0.0.1 localhost {}\n", NAMES.join(" "))).expect("written");
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "--mount", "sh", "-c", ENTER, "sh"]).arg(hosts.path());
    command.arg(std::env::current_exe().expect("a program")).args(["--exact", test]).env(WITHIN, "1");
    let output = command.output().expect("unshare of util-linux runs");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(out.contains("running 1 test"), "root or user namespaces are needed, and the program `ip`\n{out}{err}");
    assert!(output.status.success() && out.contains(" 1 passed;"), "{out}{err}");
}

/// A server with those names, devices without a user, one that answers, and an application.
pub struct Named {
    directory: TempDir,
    pub data: PathBuf,
    pub server: Server,
    root: PathBuf,
    application: Value,
    device: WindowsDevice,
    transport: Https,
}

impl Named {
    /// The application has those permissions.
    pub async fn build(permissions: &[&str]) -> Self {
        let (directory, data) = initialised();
        let tenant = run_json(&data, &["tenant", "list"])[0]["id"].as_str().expect("an id").to_owned();
        fill::fill(&data, TenantId(tenant.parse().expect("an id")), 0..DEVICES).await;
        let permissions: Vec<_> = permissions.iter().flat_map(|name| ["--permission", name]).collect();
        let application = run_json(&data, &[&["app", "register", "tool"][..], &permissions].concat());

        let root = directory.path().join("root.pem");
        let flags = certify(directory.path(), &root);
        let flags: Vec<_> = ["--graph-url", "https://graph.microsoft.com"]
            .into_iter()
            .chain(flags.iter().map(String::as_str))
            .collect();
        let server = Server::start_with(&data, "127.0.0.1:443", "127.0.0.1:0", &flags).trusted_by(&root);
        let made = server.client().post(format!("{}/v1.0/users", server.graph_url));
        let user = json!({"userPrincipalName": PERSON, "mail": PERSON, "displayName": "Ana"});
        assert_eq!(made.json(&user).send().await.expect("an answer").status(), 201);
        let (device, transport) = server.device_by(1, &["--user", PERSON]).await;
        Self { directory, data, server, root, application, device, transport }
    }

    /// A directory that lives as long as this.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Returns a member of the application, as `app register` printed it.
    pub fn application(&self, name: &str) -> &str {
        self.application[name].as_str().expect("text")
    }

    /// Runs a program to its end while the device polls. Also returns the passcodes that the device had since then.
    pub async fn run(&mut self, mut command: Command) -> (Said, Vec<String>) {
        command
            .env("AZURE_TENANT_ID", self.application("tenantId"))
            .env("AZURE_CLIENT_ID", self.application("clientId"))
            .env("AZURE_CLIENT_SECRET", self.application("clientSecret"))
            .env("HOME", self.directory())
            .env("NO_PROXY", NAMES.join(","));
        for variable in ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
            command.env(variable, &self.root);
        }
        beside(&mut self.device, &self.transport, command, |_| {}).await
    }

    /// The same, of a program that succeeds and prints JSON; `null` if it prints nothing.
    pub async fn shown(&mut self, command: Command) -> (Value, Vec<String>) {
        let (said, pins) = self.run(command).await;
        assert!(said.success, "{}{}", said.out, said.err);
        let shown = if said.out.trim().is_empty() { Ok(Value::Null) } else { serde_json::from_str(&said.out) };
        (shown.unwrap_or_else(|error| panic!("{error}: {}{}", said.out, said.err)), pins)
    }

    /// Recovers with one program, and reads the device with another until the recovery is done.
    pub async fn recovers(&mut self, recover: Command, read: impl Fn() -> Command) {
        let (_, mut pins) = self.shown(recover).await;
        let shown = loop {
            let (device, more) = self.shown(read()).await;
            pins.extend(more);
            let newest = &device["deviceActionResults"][0];
            if newest["actionState"] == "done" {
                break newest["passcode"].as_str().expect("a passcode").to_owned();
            }
        };
        assert_eq!(pins, [shown], "what is shown opens the device");
    }
}

/// Writes a certificate of the names, and the root that issued it; returns the flags of the server that uses it.
fn certify(directory: &Path, root: &Path) -> [String; 4] {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(DnType::CommonName, "An authority that clients trust");
    let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate().expect("a key")).expect("a root");
    std::fs::write(root, authority.pem()).expect("written");

    let names: Vec<_> = NAMES.iter().chain(&["127.0.0.1", "localhost"]).map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().expect("a key");
    let certificate =
        CertificateParams::new(names).expect("parameters").signed_by(&key, &authority).expect("a certificate");
    let [chain, secret] = ["server.pem", "server.key"].map(|name| directory.join(name).display().to_string());
    std::fs::write(&chain, certificate.pem()).expect("written");
    std::fs::write(&secret, key.serialize_pem()).expect("written");
    ["--tls-certificate".to_owned(), chain, "--tls-key".to_owned(), secret]
}
