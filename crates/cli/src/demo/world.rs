//! The surroundings of the demonstration. They are a fresh data directory, a running server, and a tenant with an
//! application, a user and a Windows device. The seven URLs also have their scripts, apps and run states.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use chaveiro_audit::Report;
use chaveiro_core::application::SECRET_LIFE;
use chaveiro_core::decisions::change_device::Change;
use chaveiro_core::id::TenantId;
use chaveiro_core::permission::PERMISSIONS;
use chaveiro_core::ports::Entropy;
use chaveiro_core::{Fault, Timestamp};
use chaveiro_fleet::enroll::enroll;
use chaveiro_fleet::hardware::Hardware;
use chaveiro_fleet::https::Https;
use chaveiro_fleet::windows::WindowsDevice;
use chaveiro_lang::{Explain, Lang, text};
use chaveiro_mdm::EnrollmentTokenText;
use chaveiro_server::{Config, Running, Server, SystemEntropy, init_logging};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::story::Story;
use super::{Fleet, linux};
use crate::args::Common;
use crate::client::GraphClient;
use crate::host::{Host, settled};
use crate::identity::NewApplication;

const USER: &str = "ana@demo.example";
const SCRIPTS: &str = "/beta/deviceManagement";

/// The pause between two sessions of a device while the server stays up.
const BETWEEN_SESSIONS: Duration = Duration::from_secs(2);

/// Digits of the PINs that the simulated device makes: long enough to be told from any other number.
const PIN_DIGITS: usize = 12;

pub(super) struct World {
    host: Host,
    running: Running,
    tenant: TenantId,
    pub(super) client: GraphClient,
    pub(super) device_transport: Https,
    data: PathBuf,
    client_id: String,
    client_secret: Zeroizing<String>,
    // Removed when the world ends.
    _temporary: Option<TempDir>,
}

impl World {
    /// Data directory, tenant, application, server, token, user.
    pub(super) async fn begin(common: &Common, story: &Story, log: &str) -> Result<Self> {
        init_logging(log);
        let temporary = if common.data.is_none() { Some(tempfile::tempdir()?) } else { None };
        let data = temporary.as_ref().map_or_else(|| common.data(), |directory| directory.path().join("data"));
        let entra_tenant = SystemEntropy.uuid();
        let (host, tenant) = Host::init(&data, "Demonstration", Some(entra_tenant)).await?;
        // A person who tries the printed commands asks for more recoveries than two devices usually need.
        let tenant = host.change_tenant(tenant.id, |tenant| {
            tenant.settings.hold.percent = 0;
            Ok(())
        });
        let tenant = tenant.await?;
        let robot = NewApplication {
            name: "help desk robot".to_owned(),
            permissions: PERMISSIONS.iter().map(|row| row.permission).collect(),
            delegated: Vec::new(),
            public: false,
            secret_life: SECRET_LIFE,
        };
        let (application, secret) = host.register_app(tenant.id, robot).await?;
        let secret = secret.explain(|| text!("demo-error-no-secret"))?;
        let flags = [("graph-listen", "127.0.0.1:0"), ("device-listen", "127.0.0.1:0"), ("log", log)];
        let flags = flags.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let running = Server::start(Config::load(&data, None, [], &flags)?).await?;
        story.opened(&running.graph_url, &running.device_url, &data, temporary.is_none());
        story.tenant(&tenant.display_name, &tenant.id.to_string(), &application.display_name);

        let client_id = application.id.to_string();
        let client_secret = Zeroizing::new(secret.expose_secret().to_owned());
        let token = sign_in(&running, tenant.id, &client_id, &client_secret).await?;
        story.signed_in();
        let client = GraphClient::new(&running.graph_url, &running.root_pem, token)?;
        let user = json!({"userPrincipalName": USER, "displayName": "Ana Souza", "mail": USER});
        client.expect(Method::POST, "/beta/users", Some(&user)).await?;
        story.user(USER);
        let device_transport = Https::new(&running.root_pem, None)?;
        let tenant = tenant.id;
        Ok(Self {
            host,
            running,
            tenant,
            client,
            device_transport,
            data,
            client_id,
            client_secret,
            _temporary: temporary,
        })
    }

    /// The device enrols over the real protocol and has its first session.
    pub(super) async fn enroll_device(&mut self, story: &Story) -> Result<WindowsDevice> {
        let token = self.enroll_token().await?;
        let mut number = [0; 2];
        SystemEntropy.fill(&mut number);
        let hardware = Hardware::laptop(u64::from(u16::from_be_bytes(number) % 9000 + 1000));
        let account = enroll(&self.device_transport, &hardware, &self.running.device_url, USER, token.expose_secret());
        let account = account.await.explain(|| text!("demo-error-not-enrolled"))?;
        story.enrolled(&hardware.device_name, &account.enrollment_id);
        // From now on the connection has the device's certificate.
        self.device_transport = Https::new(&account.root_pem, Some(&account.identity))?;
        let mut device = WindowsDevice::new(hardware, account, Box::new(random_pin));
        device.sync(&self.device_transport).await.explain(|| text!("demo-error-first-session"))?;
        let id = self.client.device_id(&device.hardware.device_name).await?;
        self.host.change_device(self.tenant, id.parse()?, Change::comanaged(true)).await?;
        Ok(device)
    }

    /// A one-time token for a device of the user.
    pub(super) async fn enroll_token(&self) -> Result<EnrollmentTokenText> {
        Ok(self.host.enroll_token(self.tenant, Some(USER), None, Duration::from_secs(600)).await?.0)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.host.now()
    }

    pub(super) fn device_url(&self) -> &str {
        &self.running.device_url
    }

    pub(super) fn root_certificate(&self) -> PathBuf {
        self.host.directory.root_certificate_file()
    }

    /// Where the Linux machine and the state of its agent are kept: with `--data` they can be looked at afterwards.
    pub(super) fn linux_directory(&self) -> PathBuf {
        self.data.join("linux-device")
    }

    /// Everything the seven URLs name, made through the Graph API itself. Gives the seven paths.
    pub(super) async fn make_surroundings(&self, story: &Story, device_id: &str) -> Result<Vec<String>> {
        let bind = format!("{}{SCRIPTS}/managedDevices('{device_id}')", self.running.graph_url);
        let mut walks = Vec::new();
        for (collection, name, body) in [
            ("deviceHealthScripts", "Disk health", json!({"displayName": "Disk health"})),
            ("deviceManagementScripts", "Map drives", json!({"displayName": "Map drives"})),
            ("deviceComplianceScripts", "Firewall is on", json!({"displayName": "Firewall is on"})),
        ] {
            let script = self.create(&format!("{SCRIPTS}/{collection}"), &body).await?;
            let states = format!("{SCRIPTS}/{collection}/{script}/deviceRunStates");
            let state = self.create(&states, &json!({"managedDevice@odata.bind": bind})).await?;
            story.made(collection, name);
            walks.push(format!("{states}/{state}/managedDevice"));
        }
        let app = json!({"displayName": "Editor", "version": "9.1"});
        let app = self.create(&format!("{SCRIPTS}/detectedApps"), &app).await?;
        let linked = json!({"@odata.id": format!("{}{SCRIPTS}/detectedApps('{app}')", self.running.graph_url)});
        self.client
            .expect(Method::POST, &format!("{SCRIPTS}/managedDevices/{device_id}/detectedApps/$ref"), Some(&linked))
            .await?;
        story.made("detectedApps", "Editor");
        let users = self.client.all(&format!("{SCRIPTS}/managedDevices/{device_id}/users")).await?;
        let user = users.first().and_then(|user| user["id"].as_str()).explain(|| text!("demo-error-no-user"))?;

        let [health, management, compliance] = walks.as_slice() else { anyhow::bail!(text!("demo-error-walks")) };
        let paths = [
            format!("{SCRIPTS}/managedDevices/{device_id}"),
            format!("{SCRIPTS}/comanagedDevices/{device_id}"),
            health.clone(),
            management.clone(),
            compliance.clone(),
            format!("{management}/users/{user}/managedDevices/{device_id}"),
            format!("{management}/detectedApps/{app}/managedDevices/{device_id}"),
        ];
        Ok(paths.into_iter().map(|path| format!("{path}/recoverPasscode")).collect())
    }

    async fn create(&self, path: &str, body: &Value) -> Result<String> {
        let created = self.client.expect(Method::POST, path, Some(body)).await?;
        Ok(created["id"].as_str().explain(|| text!("demo-error-no-id"))?.to_owned())
    }

    /// Exports the chain and verifies the export, with the key pinned.
    pub(super) async fn verify_audit(&self) -> Result<Report> {
        self.host.link_audit().await?;
        let signer = self.host.opened.signer.lineage().clone();
        let (tenant, key) = (self.tenant, signer.key());
        let exported = self.host.opened.store.try_read(move |view| {
            let mut text = Vec::new();
            chaveiro_audit::export(view, tenant, &signer, &mut text).map_err(Fault::Refused)?;
            Ok(text)
        });
        let text = settled(exported.await)?;
        Ok(chaveiro_audit::verify(&mut text.as_slice(), chaveiro_audit::Expected::signed_by(&key))?)
    }

    /// Commands to try while the server stays up.
    pub(super) fn hints(&self, device: &str, lang: Lang) -> Vec<String> {
        let (graph, data) = (&self.running.graph_url, self.data.display());
        let (tenant, id, secret) = (self.tenant, &self.client_id, self.client_secret.as_str());
        let root = self.root_certificate().display().to_string();
        let trust = format!("REQUESTS_CA_BUNDLE={root} SSL_CERT_FILE={root}");
        vec![
            format!("chaveiro device list --data {data}"),
            format!("chaveiro action {device} --show --data {data}"),
            format!("chaveiro recover {device} --wait --show --data {data}"),
            format!("chaveiro recover {} --wait --show --data {data}", linux::NAME),
            format!("chaveiro device recoverability {} --data {data}", linux::NAME),
            format!(
                "curl --cacert {root} -H \"Authorization: Bearer $(chaveiro token --data {data})\" {graph}/beta/deviceManagement/managedDevices"
            ),
            text!("demo-python", install = "pip install msgraph-beta-sdk azure-identity").say(lang),
            format!(
                "  ClientSecretCredential('{tenant}', '{id}', '{secret}', authority='{graph}', disable_instance_discovery=True)"
            ),
            format!("  {}", text!("demo-python-trust", variables = trust).say(lang)),
        ]
    }

    /// Stays up until a signal. The devices come back all the time.
    pub(super) async fn wait(self, mut fleet: Fleet) -> Result<()> {
        let (host, transport) = (self.host, self.device_transport);
        let visits = async {
            loop {
                tokio::time::sleep(BETWEEN_SESSIONS).await;
                // A device that the person retired is refused; the other one goes on.
                let _ = fleet.windows.sync(&transport).await;
                let _ = fleet.linux.sync(host.now()).await;
            }
        };
        tokio::select! {
            stopped = self.running.wait_for_signal() => Ok(stopped?),
            () = visits => Ok(()),
        }
    }

    /// Stops the server.
    pub(super) async fn end(self) -> Result<()> {
        Ok(self.running.shutdown().await?)
    }
}

/// Client credentials at the local issuer, as any script signs in.
async fn sign_in(running: &Running, tenant: TenantId, id: &str, secret: &str) -> Result<Zeroizing<String>> {
    let root = reqwest::Certificate::from_pem(running.root_pem.as_bytes())?;
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build()?;
    let body = format!(
        "grant_type=client_credentials&client_id={id}&client_secret={secret}&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
    );
    let url = format!("{}/{tenant}/oauth2/v2.0/token", running.graph_url);
    let request = client.post(url).header("Content-Type", "application/x-www-form-urlencoded").body(body);
    let answer: Value = request.send().await?.json().await?;
    let token = answer["access_token"].as_str();
    Ok(Zeroizing::new(
        token.explain(|| text!("demo-error-no-token", words = answer["error_description"].to_string()))?.to_owned(),
    ))
}

/// Digits of no one's choice.
pub(super) fn random_pin() -> String {
    let mut digits = [0; PIN_DIGITS];
    SystemEntropy.fill(&mut digits);
    digits.iter().map(|byte| char::from(b'0' + byte % 10)).collect()
}
