//! Tokens of a foreign issuer: a certified OpenID provider (`tests/oidc/`, the npm package `oidc-provider`) in a
//! process of its own. Needs Node.js and npm; the first run installs the package below `target/`.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro_auth::{IssuerConfig, TokenRefusal, Verifier};
use chaveiro_core::Timestamp;
use chaveiro_core::caller::ActorKind;
use chaveiro_core::permission::Permission;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{BASE, local, tenant};

const GRAPH: &str = "https://graph.microsoft.com";

const UNAVAILABLE: Option<TokenRefusal> = Some(TokenRefusal::IssuerUnavailable { retry_after_s: 30 });

/// The provider, installed from its lock file.
fn installed() -> PathBuf {
    static PLACE: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let install = || {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc");
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oidc");
        std::fs::create_dir_all(&place).expect("a directory");
        let lock = std::fs::File::create(place.join("install.lock")).expect("a file");
        lock.lock().expect("one at a time");
        let wanted = std::fs::read(source.join("package-lock.json")).expect("the lock file");
        let is_there = std::fs::read(place.join("installed")).is_ok_and(|found| found == wanted);
        for name in ["package.json", "package-lock.json", ".npmrc", "provider.mjs"] {
            std::fs::copy(source.join(name), place.join(name)).expect("copied");
        }
        if !is_there {
            let done = Command::new("npm").arg("ci").current_dir(&place).stdout(Stdio::null()).status();
            assert!(done.expect("npm is needed for this test: install Node.js").success(), "npm ci failed");
            std::fs::write(place.join("installed"), wanted).expect("written");
        }
        place
    };
    PLACE.get_or_init(install).clone()
}

struct Provider {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    issuer: String,
    client: reqwest::Client,
}

impl Provider {
    fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut child = Command::new("node")
            .arg("provider.mjs")
            .current_dir(installed())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node is needed for this test");
        let commands = child.stdin.take().expect("its input");
        let mut answers = BufReader::new(child.stdout.take().expect("its output")).lines();
        let issuer = answers.find_map(|line| line.ok().filter(|line| line.starts_with("http"))).expect("its address");
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client");
        Self { child, commands, answers, issuer, client }
    }

    /// Sends a command; returns how often the keys were fetched until then.
    fn tell(&mut self, command: &str) -> u32 {
        writeln!(self.commands, "{command}").expect("told");
        self.answers.find_map(|line| line.expect("a line").parse().ok()).expect("a number")
    }

    /// A token of that kind that the provider signs for Ana.
    fn signed(&mut self, kind: &str) -> Token {
        writeln!(self.commands, "token {kind}").expect("told");
        let answer = self.answers.find_map(|line| line.expect("a line").strip_prefix("token ").map(str::to_owned));
        Token(answer.expect("a token"))
    }

    /// The token that a client gets for that resource, RFC 8707.
    async fn token(&self, audience: &str) -> Token {
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", audience),
            ("scope", "DeviceManagementManagedDevices.Read.All Mail.Read"),
        ];
        let request = self.client.post(format!("{}/token", self.issuer)).basic_auth("desk", Some("desk-secret"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let sent = request.body(serde_urlencoded::to_string(form).expect("a form")).send().await.expect("an answer");
        let answer: Value = sent.json().await.expect("JSON");
        Token(answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned())
    }

    fn config(&self) -> IssuerConfig {
        IssuerConfig::new(&self.issuer, tenant())
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Token(String);

impl Token {
    fn part(&self, index: usize) -> Value {
        let part = self.0.split('.').nth(index).expect("a JWT");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
    }

    /// The time that many seconds after, or before, it was issued.
    fn after_issue(&self, seconds: i64) -> Timestamp {
        Timestamp::from_second(self.part(1)["iat"].as_i64().expect("iat") + seconds).expect("a time")
    }

    fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

struct World {
    _directory: tempfile::TempDir,
    verifier: Verifier,
}

fn world(config: IssuerConfig) -> World {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let directory = tempfile::tempdir().expect("a directory");
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
    let verifier = Verifier::new(vec![config], local(directory.path()), vec![BASE.to_owned()], client);
    World { _directory: directory, verifier: verifier.expect("a verifier") }
}

impl World {
    async fn refusal(&self, token: &Token, now: Timestamp) -> Option<TokenRefusal> {
        self.verifier.verify(Some(&token.header()), now).await.err()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_certified_provider_makes_a_caller() {
    let provider = Provider::start();
    let world = world(provider.config());
    for audience in [GRAPH, BASE] {
        let token = provider.token(audience).await;
        assert_eq!(token.part(0)["typ"], "at+jwt", "a token as RFC 9068 has it");
        let caller = world.verifier.verify(Some(&token.header()), token.after_issue(1)).await.expect("a caller");
        assert_eq!((caller.tenant, caller.actor.kind), (tenant(), ActorKind::Application));
        assert_eq!(caller.actor.application_id, "desk");
        let granted: Vec<_> = caller.permissions.iter().collect();
        assert_eq!(granted, [Permission::ManagedDevicesReadAll], "what we do not know grants nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_a_provider_signs_for_a_person_only_the_access_token_is_accepted() {
    let mut provider = Provider::start();
    // Listing the client as an audience does not make its ID tokens acceptable.
    let config = IssuerConfig { audiences: vec!["desk".to_owned()], ..provider.config() };
    let world = world(config);
    for kind in ["person", "person-with-roles"] {
        let token = provider.signed(kind);
        let caller = world.verifier.verify(Some(&token.header()), token.after_issue(1)).await.expect("a caller");
        assert_eq!((caller.actor.kind, caller.actor.user_id.as_deref()), (ActorKind::Delegated, Some("ana")), "{kind}");
        assert_eq!(caller.actor.application_id, "desk");
        let granted: Vec<_> = caller.permissions.iter().collect();
        assert_eq!(granted, [Permission::ManagedDevicesReadAll], "{kind}");
    }
    for (kind, refusal) in [
        ("bound-to-key", TokenRefusal::BoundToken),
        ("bound-to-certificate", TokenRefusal::BoundToken),
        ("id", TokenRefusal::NoClient),
        ("id-with-nonce", TokenRefusal::IdToken),
        ("id-with-hash", TokenRefusal::IdToken),
        ("logout", TokenRefusal::LogoutToken),
    ] {
        let token = provider.signed(kind);
        assert_eq!(token.part(1)["iss"], provider.issuer.as_str(), "{kind}");
        assert_eq!(world.refusal(&token, token.after_issue(1)).await, Some(refusal), "{kind}: {}", token.part(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_for_us_or_not_of_its_time_is_refused() {
    let provider = Provider::start();
    let world = world(provider.config());
    let foreign = provider.token("https://vault.example").await;
    assert_eq!(world.refusal(&foreign, foreign.after_issue(1)).await, Some(TokenRefusal::WrongAudience));
    let token = provider.token(GRAPH).await;
    let life = token.part(1)["exp"].as_i64().expect("exp") - token.part(1)["iat"].as_i64().expect("iat");
    for (seconds, refusal) in [(life + 59, None), (life + 60, Some(TokenRefusal::Expired)), (-30, None)] {
        assert_eq!(world.refusal(&token, token.after_issue(seconds)).await, refusal, "{seconds}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_algorithm_passes_for_the_issuers() {
    let provider = Provider::start();
    let world_of_all = world(provider.config());
    let token = provider.token(GRAPH).await;
    let now = token.after_issue(1);
    let discovery = provider.client.get(format!("{}/jwks", provider.issuer)).send().await.expect("the keys");
    let keys: Value = discovery.json().await.expect("JSON");
    let key_id = token.part(0)["kid"].as_str().expect("a key id").to_owned();
    // The modulus and the whole public key as a shared secret, and nothing at all.
    for secret in [keys["keys"][0]["n"].to_string(), keys["keys"][0].to_string()] {
        for algorithm in [Algorithm::HS256, Algorithm::HS512] {
            let header = Header { kid: Some(key_id.clone()), ..Header::new(algorithm) };
            let key = EncodingKey::from_secret(secret.as_bytes());
            let forged = Token(jsonwebtoken::encode(&header, &token.part(1), &key).expect("signed"));
            assert_eq!(world_of_all.refusal(&forged, now).await, Some(TokenRefusal::WrongAlgorithm));
        }
    }
    let (_, rest) = token.0.split_once('.').expect("parts");
    for (algorithm, refusal) in [
        ("none", TokenRefusal::WrongAlgorithm),
        ("PS256", TokenRefusal::WrongAlgorithm),
        ("RS512", TokenRefusal::WrongAlgorithm),
        ("ES256", TokenRefusal::WrongAlgorithm),
    ] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": algorithm, "kid": key_id}).to_string());
        assert_eq!(world_of_all.refusal(&Token(format!("{header}.{rest}")), now).await, Some(refusal), "{algorithm}");
    }
    // An issuer can be restricted to the algorithms that it is known to use.
    let narrow = world(IssuerConfig { algorithms: vec!["ES256".to_owned()], ..provider.config() });
    assert_eq!(narrow.refusal(&token, now).await, Some(TokenRefusal::WrongAlgorithm));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_found_and_an_old_one_is_forgotten_when_the_issuer_says_so() {
    let mut provider = Provider::start();
    let world = world(provider.config());
    let first = provider.token(GRAPH).await;
    assert_eq!(world.refusal(&first, first.after_issue(0)).await, None);
    provider.tell("rotate");
    let second = provider.token(GRAPH).await;
    assert_ne!(first.part(0)["kid"], second.part(0)["kid"]);
    let at = |seconds| first.after_issue(seconds);
    assert_eq!(world.refusal(&second, at(31)).await, None, "an unknown id fetches the keys again");
    assert_eq!(world.refusal(&first, at(32)).await, None, "the old key is still published");
    assert_eq!(provider.tell("count"), 2);

    // Within the hour the keys are not fetched; after it the removed key is gone.
    provider.tell("forget");
    assert_eq!(world.refusal(&first, at(300)).await, None);
    let late = provider.token(GRAPH).await;
    assert_eq!(world.refusal(&late, at(31 + 3600)).await, Some(TokenRefusal::Expired), "the keys are fetched again");
    assert_eq!(world.refusal(&first, at(31 + 3600)).await, Some(TokenRefusal::BadSignature));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unknown_keys_is_no_flood_of_requests() {
    let mut provider = Provider::start();
    let world = Arc::new(world(provider.config()));
    let token = provider.token(GRAPH).await;
    let now = token.after_issue(1);
    assert_eq!(world.refusal(&token, now).await, None);
    let (_, rest) = token.0.split_once('.').expect("parts");
    let flood = (0..200).map(|number| {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": "RS256", "kid": format!("made up {number}")}).to_string());
        let (world, forged) = (Arc::clone(&world), Token(format!("{header}.{rest}")));
        tokio::spawn(async move { world.refusal(&forged, now + Duration::from_secs(30)).await })
    });
    for refused in futures_util::future::join_all(flood).await {
        assert_eq!(refused.expect("an answer"), Some(TokenRefusal::BadSignature));
    }
    assert_eq!(provider.tell("count"), 2, "one for the first token, one for two hundred made up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_issuer_stops_no_caller_whose_key_is_known() {
    let mut provider = Provider::start();
    let world = world(provider.config());
    let token = provider.token(GRAPH).await;
    assert_eq!(world.refusal(&token, token.after_issue(0)).await, None);
    provider.tell("rotate");
    let newer = provider.token(GRAPH).await;
    provider.stop();
    // The keys are stale by now, and the token has expired. The refusal names the expiry, so the key was still trusted.
    assert_eq!(world.refusal(&token, token.after_issue(7200)).await, Some(TokenRefusal::Expired));
    assert_eq!(world.refusal(&newer, newer.after_issue(120)).await, UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_issuer_makes_no_caller_wait_for_ever_and_is_asked_once() {
    let provider = Provider::start();
    let token = provider.token(GRAPH).await;
    // It accepts connections and sends nothing.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/jwks", listener.local_addr().expect("an address"));
    let silent = tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            taken.push(connection);
            if taken.len() > 1 {
                break;
            }
        }
    });
    let world = Arc::new(world(IssuerConfig { jwks_url: Some(url), ..provider.config() }));
    let now = token.after_issue(1);
    let callers = (0..20).map(|_| {
        let (world, token) = (Arc::clone(&world), Token(token.0.clone()));
        tokio::spawn(async move { world.refusal(&token, now).await })
    });
    for refused in futures_util::future::join_all(callers).await {
        assert_eq!(refused.expect("an answer"), UNAVAILABLE);
    }
    assert!(!silent.is_finished(), "a second connection was made");
    silent.abort();
}
