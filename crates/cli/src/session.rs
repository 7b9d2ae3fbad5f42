//! The session of a person on their own machine: `~/.config/chaveiro/session.json`, readable by its owner alone.

use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro_core::Timestamp;
use chaveiro_core::application::COMMAND_LINE;
use chaveiro_core::ports::Clock;
use chaveiro_keyfile as keyfile;
use chaveiro_lang::{Explain, text};
use chaveiro_server::SystemClock;
use reqwest::Certificate;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// A token that ends sooner than this is replaced first.
const MARGIN: Duration = Duration::from_secs(60);

/// The login endpoints of a server, for one tenant.
pub(crate) struct Issuer {
    client: reqwest::Client,
    pub(crate) server: String,
    pub(crate) tenant: String,
    /// The root that signed its certificate, PEM.
    pub(crate) ca: Option<String>,
}

/// An HTTP client that trusts what the machine trusts, and that root.
pub(crate) fn http_client(ca: Option<&str>) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder().timeout(Duration::from_secs(30));
    let builder = match ca {
        // A root of one's own is for a server of one's own: no proxy stands before it.
        Some(pem) => builder.no_proxy().tls_certs_merge([Certificate::from_pem(pem.as_bytes())?]),
        None => builder,
    };
    Ok(builder.build()?)
}

impl Issuer {
    pub(crate) fn new(server: &str, tenant: &str, ca: Option<String>) -> Result<Self> {
        let server = server.trim_end_matches('/').to_owned();
        if !server.starts_with("https://") {
            bail!(text!("address-not-https", server = server));
        }
        Ok(Self { client: http_client(ca.as_deref())?, server, tenant: tenant.to_owned(), ca })
    }

    /// A form to one of its endpoints; status and answer.
    pub(crate) async fn post(&self, endpoint: &str, fields: &[(&str, &str)]) -> Result<(u16, Value)> {
        let mut url = reqwest::Url::parse(&self.server).explain(|| text!("address-malformed"))?;
        let path = ["oauth2", "v2.0", endpoint];
        let segments = url.path_segments_mut().ok().explain(|| text!("address-malformed"));
        segments?.pop_if_empty().push(&self.tenant).extend(path);
        let body = serde_urlencoded::to_string(fields)?;
        let request = self.client.post(url).header("content-type", "application/x-www-form-urlencoded");
        let sent = request.body(body).send().await;
        let response = sent.explain(|| text!("server-not-reached", server = &self.server))?;
        let status = response.status().as_u16();
        let bytes = Zeroizing::new(response.bytes().await?.to_vec());
        Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }
}

/// A person who is signed in. Holds tokens: never printed, never logged.
pub(crate) struct Session {
    pub(crate) issuer: Issuer,
    pub(crate) user: String,
    access_token: Zeroizing<String>,
    expires: Timestamp,
    refresh_token: Zeroizing<String>,
}

impl Session {
    /// From an answer of the token endpoint.
    pub(crate) fn from_answer(issuer: Issuer, answer: &Value, now: Timestamp) -> Result<Self> {
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        let missing = || text!("answer-without-tokens");
        // Read, not verified: it came over TLS from the server that made it.
        let identity = text("id_token").and_then(|token| {
            let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
            serde_json::from_slice::<Value>(&claims).ok()
        });
        let identity = identity.ok_or_else(missing)?;
        let lifetime = Duration::from_secs(answer["expires_in"].as_u64().unwrap_or_default());
        Ok(Self {
            issuer: Issuer { tenant: identity["tid"].as_str().unwrap_or(&issuer.tenant).to_owned(), ..issuer },
            user: identity["preferred_username"].as_str().unwrap_or("?").to_owned(),
            access_token: Zeroizing::new(text("access_token").ok_or_else(missing)?),
            expires: now.checked_add(lifetime).unwrap_or(now),
            refresh_token: Zeroizing::new(text("refresh_token").ok_or_else(missing)?),
        })
    }

    /// The stored session, when there is one.
    pub(crate) fn load() -> Result<Option<Self>> {
        let file = file("session.json")?;
        if !file.exists() {
            return Ok(None);
        }
        let damaged = || text!("session-damaged", file = &file);
        let stored: Value = serde_json::from_slice(&keyfile::read(&file)?).map_err(|_| damaged())?;
        let text = |name: &str| stored[name].as_str().map(str::to_owned).ok_or_else(damaged);
        Ok(Some(Self {
            issuer: Issuer::new(&text("server")?, &text("tenant")?, stored["ca"].as_str().map(str::to_owned))?,
            user: text("user")?,
            access_token: Zeroizing::new(text("accessToken")?),
            expires: text("expires")?.parse().map_err(|_| damaged())?,
            refresh_token: Zeroizing::new(text("refreshToken")?),
        }))
    }

    pub(crate) fn save(&self) -> Result<()> {
        let stored = json!({
            "server": self.issuer.server,
            "tenant": self.issuer.tenant,
            "ca": self.issuer.ca,
            "user": self.user,
            "accessToken": self.access_token.as_str(),
            "expires": self.expires.to_string(),
            "refreshToken": self.refresh_token.as_str(),
        });
        keyfile::create_directory(&directory()?)?;
        Ok(keyfile::replace(&file("session.json")?, Zeroizing::new(stored.to_string()).as_bytes())?)
    }

    pub(crate) fn forget() -> Result<()> {
        let file = file("session.json")?;
        std::fs::remove_file(&file).explain(|| text!("file-not-removed", file = &file))
    }

    /// A token that still lives for a while, and is not the one that the server `refused`. Two commands at a time must not use
    /// one refresh token twice: one waits.
    pub(crate) async fn access_token(self, refused: Option<&str>) -> Result<(Issuer, Zeroizing<String>)> {
        let fresh = |session: &Self, now: Timestamp| {
            now + MARGIN < session.expires && refused != Some(session.access_token.as_str())
        };
        let clock = SystemClock::default();
        if fresh(&self, clock.now()) {
            return Ok((self.issuer, self.access_token));
        }
        let _lock = lock()?;
        let session = Self::load()?.unwrap_or(self);
        if fresh(&session, clock.now()) {
            return Ok((session.issuer, session.access_token));
        }
        let client_id = COMMAND_LINE.to_string();
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", client_id.as_str()),
            ("refresh_token", session.refresh_token.as_str()),
        ];
        let (status, answer) = session.issuer.post("token", &fields).await?;
        if status != 200 {
            let (server, words) = (&session.issuer.server, error_text(&answer));
            bail!(text!("session-ended", user = &session.user, server = server, words = words));
        }
        let next = Self::from_answer(session.issuer, &answer, clock.now())?;
        next.save()?;
        Ok((next.issuer, next.access_token))
    }

    /// Ends it on the server.
    pub(crate) async fn revoke(&self) -> Result<()> {
        let (status, answer) = self.issuer.post("revoke", &[("token", self.refresh_token.as_str())]).await?;
        if status != 200 {
            bail!(text!("issuer-said", words = error_text(&answer)));
        }
        Ok(())
    }
}

/// The words of a login endpoint, without its ids.
pub(crate) fn error_text(answer: &Value) -> String {
    let text = answer["error_description"].as_str().map_or_else(|| text!("no-reason-given").to_string(), str::to_owned);
    text.split("\r\n").next().unwrap_or(&text).trim_end_matches('.').to_owned()
}

fn directory() -> Result<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = of("XDG_CONFIG_HOME").or_else(|| Some(of("HOME")?.join(".config")));
    Ok(base.explain(|| text!("session-has-no-place"))?.join("chaveiro"))
}

fn file(name: &str) -> Result<PathBuf> {
    Ok(directory()?.join(name))
}

/// Held until it is dropped.
fn lock() -> Result<File> {
    let path = file("session.lock")?;
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let opened = opened.explain(|| text!("file-not-opened", file = &path))?;
    opened.lock().explain(|| text!("file-not-locked", file = &path))?;
    Ok(opened)
}
