//! Tokens of Keycloak, which most operators without Entra ID use. A real Keycloak runs in a process of its own, on the
//! loopback interface, with the realm of `tests/keycloak/`. Needs a JDK and Maven; the first run downloads 160 MB,
//! which Maven keeps.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro_auth::{IssuerConfig, Reading, TokenRefusal, Verifier};
use chaveiro_core::Timestamp;
use chaveiro_core::caller::{ActorKind, Caller};
use chaveiro_core::permission::Permission;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{local, tenant};

const VERSION: &str = "26.4.0";

const READ: &str = "DeviceManagementManagedDevices.Read.All";

/// The subject of the service account of the client `helpdesk`.
const HELPDESK: &str = "5e41ce00-0000-4000-8000-000000000001";

/// A Keycloak that runs for as long as this process.
struct Keycloak {
    _child: Child,
    /// Held while it runs, because it writes below its own folder.
    _lock: std::fs::File,
    issuer: String,
    log: PathBuf,
}

/// Unpacks Keycloak below the target directory.
fn installed(place: &Path) -> PathBuf {
    let home = place.join(format!("keycloak-{VERSION}"));
    if place.join("installed").exists() {
        return home;
    }
    let _ = std::fs::remove_dir_all(&home);
    let artifact = format!("org.keycloak:keycloak-quarkus-dist:{VERSION}:tar.gz");
    eprintln!(
        "keycloak: getting {artifact} with Maven, 160 MB unless it has them; unpacking it into {}",
        place.display()
    );
    let mut maven = Command::new("mvn");
    maven.args(["--quiet", "--batch-mode", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"]);
    maven.arg(format!("-Dartifact={artifact}")).arg(format!("-DoutputDirectory={}", place.display()));
    let archive = place.join(format!("keycloak-quarkus-dist-{VERSION}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(&archive).arg("-C").arg(place);
    for command in [&mut maven, &mut tar] {
        let output = command.stdin(Stdio::null()).output();
        let output =
            output.unwrap_or_else(|error| panic!("{command:?}: {error}; `cargo xtask test` installs what is missing"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "Keycloak could not be had. {command:?}: {said}");
    }
    std::fs::remove_file(archive).expect("removed");
    std::fs::write(place.join("installed"), VERSION).expect("written");
    home
}

impl Keycloak {
    fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("keycloak");
        std::fs::create_dir_all(&place).expect("a directory");
        let lock = std::fs::File::create(place.join("lock")).expect("a file");
        lock.lock().expect("one at a time");
        let home = installed(&place);
        std::fs::create_dir_all(home.join("data/import")).expect("a directory");
        let realm = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keycloak/realm.json");
        std::fs::copy(realm, home.join("data/import/contoso-realm.json")).expect("copied");
        let log = place.join("log");
        let said = std::fs::File::create(&log).expect("a file");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        // The shell waits for the end of its input, which is the end of this process, and ends its whole group.
        let child = Command::new("sh")
            .args(["-c", r#"bin/kc.sh "$@" </dev/null & read -r _; kill -s KILL -- "-$$""#, "sh", "start-dev"])
            .args(["--db=dev-mem", "--http-host=127.0.0.1", &format!("--http-port={port}"), "--import-realm"])
            // It runs for a minute, in which the second compiler of the JVM gains less than it costs.
            .env("JAVA_OPTS_APPEND", "-XX:TieredStopAtLevel=1")
            .current_dir(home)
            .stdin(Stdio::piped())
            .stdout(said.try_clone().expect("a second handle"))
            .stderr(said)
            .process_group(0)
            .spawn()
            .expect("a shell");
        Self { _child: child, _lock: lock, issuer: format!("http://127.0.0.1:{port}/realms/contoso"), log }
    }

    /// The instance of this process, once it answers.
    async fn running() -> &'static Self {
        static KEYCLOAK: OnceLock<Keycloak> = OnceLock::new();
        let keycloak = KEYCLOAK.get_or_init(Self::start);
        let discovery = format!("{}/.well-known/openid-configuration", keycloak.issuer);
        for _ in 0..600 {
            let answer = client().build().expect("a client").get(&discovery).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return keycloak;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("Keycloak did not start: {}", std::fs::read_to_string(&keycloak.log).expect("its log"));
    }

    fn token_endpoint(&self) -> String {
        format!("{}/protocol/openid-connect/token", self.issuer)
    }

    /// The answer of the token endpoint to that form.
    async fn ask(&self, form: &[(&str, &str)], proof: Option<&str>) -> Value {
        let mut request = client().build().expect("a client").post(self.token_endpoint());
        if let Some(proof) = proof {
            request = request.header("DPoP", proof);
        }
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let sent = request.body(serde_urlencoded::to_string(form).expect("a form")).send().await.expect("an answer");
        let answer: Value = sent.json().await.expect("JSON");
        assert!(answer["access_token"].is_string(), "{answer}");
        answer
    }

    /// The tokens of Ana, who signs in with that client.
    async fn ana(&self, client: &str, scope: &str, proof: Option<&str>) -> Value {
        let person = [("username", "ana"), ("password", "password-of-ana"), ("grant_type", "password")];
        self.ask(&[&person[..], &[("client_id", client), ("scope", scope)]].concat(), proof).await
    }

    /// The token of a service account.
    async fn service(&self, client: &str) -> Token {
        let secret = format!("secret-of-{client}");
        let form = [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", &secret)];
        Token::of(&self.ask(&form, None).await, "access_token")
    }

    fn config(&self) -> IssuerConfig {
        // Listing a client as an audience does not make its ID tokens acceptable.
        IssuerConfig { audiences: vec!["console".to_owned()], ..IssuerConfig::new(&self.issuer, tenant()) }
    }
}

fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0)
}

struct Token(String);

impl Token {
    fn of(answer: &Value, name: &str) -> Self {
        Self(answer[name].as_str().unwrap_or_else(|| panic!("{name} in {answer}")).to_owned())
    }

    fn claims(&self) -> Value {
        let part = self.0.split('.').nth(1).expect("a JWT");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
    }

    /// The result of verifying the token a second after it was issued.
    async fn verified(&self, config: IssuerConfig) -> Result<Caller, TokenRefusal> {
        let directory = tempfile::tempdir().expect("a directory");
        let verifier = Verifier::new(vec![config], local(directory.path()), vec![], client()).expect("a verifier");
        let issued = self.claims()["iat"].as_i64().expect("iat");
        let now = Timestamp::from_second(issued + 1).expect("a time");
        verifier.verify(Some(&format!("Bearer {}", self.0)), now).await
    }
}

#[tokio::test]
async fn a_person_stays_a_person_although_client_roles_are_mapped_into_the_token() {
    let keycloak = Keycloak::running().await;
    for (scope, permissions) in [
        ("openid", vec![Permission::PrivilegedOperationsAll, Permission::ManagedDevicesReadAll]),
        (READ, vec![Permission::ManagedDevicesReadAll]),
    ] {
        let token = Token::of(&keycloak.ana("console", scope, None).await, "access_token");
        let claims = token.claims();
        assert_eq!(claims["roles"].as_array().map(Vec::len), Some(2), "{claims}");
        let caller = token.verified(keycloak.config()).await.expect("a caller");
        assert_eq!((caller.actor.kind, caller.actor.application_id.as_str()), (ActorKind::Delegated, "console"));
        assert_eq!(caller.actor.user_id.as_deref(), claims["sub"].as_str());
        assert_eq!(caller.actor.user_principal_name.as_deref(), Some("ana"));
        assert_eq!(caller.permissions.iter().collect::<Vec<_>>(), permissions, "{scope}");
    }
}

#[tokio::test]
async fn an_id_token_a_refresh_token_and_a_bound_token_of_keycloak_are_refused() {
    let keycloak = Keycloak::running().await;
    let answer = keycloak.ana("console", "openid", None).await;
    let identity = Token::of(&answer, "id_token");
    assert_eq!(identity.claims()["roles"].as_array().map(Vec::len), Some(2), "{}", identity.claims());
    assert_eq!(identity.verified(keycloak.config()).await.err(), Some(TokenRefusal::IdToken));
    let refresh = Token::of(&answer, "refresh_token");
    assert_eq!(refresh.verified(keycloak.config()).await.err(), Some(TokenRefusal::WrongAlgorithm));

    // DPoP, RFC 9449: the same sign-in, with a proof that the client has a key.
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let random = aws_lc_rs::rand::SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let key = EncodingKey::from_ec_der(key.as_ref());
    let public = Jwk::from_encoding_key(&key, Algorithm::ES256).expect("a public key");
    let header = Header { typ: Some("dpop+jwt".to_owned()), jwk: Some(public), ..Header::new(Algorithm::ES256) };
    let issued = Token::of(&answer, "access_token").claims()["iat"].clone();
    let proof = json!({"htm": "POST", "htu": keycloak.token_endpoint(), "iat": issued, "jti": "once"});
    let proof = jsonwebtoken::encode(&header, &proof, &key).expect("signed");
    let bound = Token::of(&keycloak.ana("console-with-dpop", "openid", Some(&proof)).await, "access_token");
    assert!(bound.claims()["cnf"]["jkt"].is_string(), "{}", bound.claims());
    assert_eq!(bound.verified(keycloak.config()).await.err(), Some(TokenRefusal::BoundToken));
}

#[tokio::test]
async fn a_service_account_is_an_application_when_it_is_listed_or_its_client_says_so() {
    let keycloak = Keycloak::running().await;
    let listed = || IssuerConfig { application_subjects: vec![HELPDESK.to_owned()], ..keycloak.config() };
    for (client, config, kind) in [
        ("helpdesk", keycloak.config(), ActorKind::Delegated),
        ("helpdesk", listed(), ActorKind::Application),
        // The realm gives this one the hard-coded claim `idtyp`.
        ("robot", keycloak.config(), ActorKind::Application),
    ] {
        let token = keycloak.service(client).await;
        // The output of `chaveiro doctor tokens` for it.
        let reading = Reading::of(&token.0, std::slice::from_ref(&config)).expect("a token");
        assert_eq!((reading.application, reading.client.as_str()), (kind == ActorKind::Application, client));
        let caller = token.verified(config).await.expect("a caller");
        assert_eq!((caller.actor.kind, caller.actor.application_id.as_str()), (kind, client));
        assert_eq!(caller.permissions.iter().collect::<Vec<_>>(), [Permission::ManagedDevicesReadAll], "{client}");
    }
}
