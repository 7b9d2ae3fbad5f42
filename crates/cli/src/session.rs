//! The session of a person on their own machine: `~/.config/chaveiro/session.json`, readable by its owner alone; on Windows
//! `%LOCALAPPDATA%\chaveiro\session.json`, which the profile of the user protects.

use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro_core::Timestamp;
use chaveiro_core::application::COMMAND_LINE;
use chaveiro_lang::{Explain, Text, text};
use reqwest::Certificate;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::clock::now;
use crate::reach::{ANSWER_S, CONNECT_S, Unreached};
use crate::system;

/// A token that ends sooner than this is replaced first.
const MARGIN: Duration = Duration::from_secs(60);

/// The file of the session.
const SESSION: &str = "session.json";

/// The file of the server where the last session was begun.
const SERVER: &str = "server.json";

/// The path that an address for devices answers.
const DISCOVERY: &str = "/EnrollmentServer/Discovery.svc";

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
    let builder = reqwest::Client::builder().timeout(Duration::from_secs(ANSWER_S));
    let builder = builder.connect_timeout(Duration::from_secs(CONNECT_S));
    // This name is this machine (RFC 6761 6.3), also where no file of hosts says so.
    let builder =
        builder.resolve_to_addrs("localhost", &[(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()]);
    let builder = match ca {
        // A root of one's own is for a server of one's own: no proxy stands before it.
        Some(pem) => builder.no_proxy().tls_certs_merge([root(pem)?]),
        None => builder,
    };
    Ok(builder.build()?)
}

/// A root certificate that the person gave.
fn root(pem: &str) -> Result<Certificate> {
    let malformed = || text!("root-malformed");
    CertificateDer::from_pem_slice(pem.as_bytes()).ok().explain(malformed)?;
    Certificate::from_pem(pem.as_bytes()).ok().explain(malformed)
}

impl Issuer {
    pub(crate) fn new(server: &str, tenant: &str, ca: Option<String>) -> Result<Self> {
        let server = server.trim_end_matches('/').to_owned();
        if !server.starts_with("https://") {
            bail!(text!("address-not-https", server = server));
        }
        Ok(Self { client: http_client(ca.as_deref())?, server, tenant: tenant.to_owned(), ca })
    }

    /// Keeps the server for the next `login`, also after the session has ended.
    pub(crate) fn remember(&self) -> Result<()> {
        let stored = json!({"server": self.server, "tenant": self.tenant, "ca": self.ca}).to_string();
        system::create_directory(&directory()?)?;
        Ok(system::replace(&file(SERVER)?, stored.as_bytes())?)
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
        let response = sent.map_err(|error| Unreached::of(&self.server, self.ca.is_some(), &error))?;
        let status = response.status().as_u16();
        let bytes = Zeroizing::new(response.bytes().await?.to_vec());
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(answer) if answer.is_object() => Ok((status, answer)),
            // A revocation is answered without words.
            Err(_) if status == 200 && bytes.is_empty() => Ok((status, Value::Null)),
            Ok(_) | Err(_) => Err(self.stranger(status).await.into()),
        }
    }

    /// The text for a server whose answer is not that of a login endpoint.
    async fn stranger(&self, status: u16) -> Text {
        let enrolment = format!("{}{}", self.server, DISCOVERY);
        let found = self.client.get(enrolment).send().await;
        match found.is_ok_and(|answer| answer.status().is_success()) {
            true => text!("server-is-for-devices", server = &self.server),
            false => text!("server-foreign", server = &self.server, status = status),
        }
    }
}

/// The server where a person signed in the last time: a later `login` needs to be told nothing.
pub(crate) struct Remembered {
    pub(crate) server: String,
    pub(crate) tenant: String,
    pub(crate) ca: Option<String>,
}

impl Remembered {
    /// The remembered server, or the server of a session that an earlier version stored.
    pub(crate) fn load() -> Result<Option<Self>> {
        for name in [SERVER, SESSION] {
            let file = file(name)?;
            if !file.exists() {
                continue;
            }
            let stored: Value = serde_json::from_slice(&system::read(&file)?).unwrap_or_default();
            let text = |name: &str| stored[name].as_str().map(str::to_owned);
            if let (Some(server), Some(tenant)) = (text("server"), text("tenant")) {
                return Ok(Some(Self { server, tenant, ca: text("ca") }));
            }
        }
        Ok(None)
    }

    /// Returns true if a person has signed in from here before.
    pub(crate) fn is_there() -> bool {
        matches!(Self::load(), Ok(Some(_)))
    }
}

/// A person who is signed in. Holds tokens: never printed, never logged.
pub(crate) struct Session {
    pub(crate) issuer: Issuer,
    pub(crate) user: String,
    access_token: Zeroizing<String>,
    expires: Timestamp,
    refresh_token: Zeroizing<String>,
    /// The end of the session if it is not used before, if the server says.
    pub(crate) until: Option<Timestamp>,
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
            until: answer["refresh_token_expires_in"]
                .as_u64()
                .and_then(|seconds| now.checked_add(Duration::from_secs(seconds)).ok()),
        })
    }

    /// The stored session, when there is one.
    pub(crate) fn load() -> Result<Option<Self>> {
        let file = file(SESSION)?;
        if !file.exists() {
            return Ok(None);
        }
        let damaged = || text!("session-damaged", file = &file);
        let stored: Value = serde_json::from_slice(&system::read(&file)?).map_err(|_| damaged())?;
        let text = |name: &str| stored[name].as_str().map(str::to_owned).ok_or_else(damaged);
        Ok(Some(Self {
            issuer: Issuer::new(&text("server")?, &text("tenant")?, stored["ca"].as_str().map(str::to_owned))?,
            user: text("user")?,
            access_token: Zeroizing::new(text("accessToken")?),
            expires: text("expires")?.parse().map_err(|_| damaged())?,
            refresh_token: Zeroizing::new(text("refreshToken")?),
            until: stored["until"].as_str().and_then(|until| until.parse().ok()),
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
            "until": self.until.map(|until| until.to_string()),
        });
        system::create_directory(&directory()?)?;
        Ok(system::replace(&file(SESSION)?, Zeroizing::new(stored.to_string()).as_bytes())?)
    }

    /// The stored access token, if it still lives for a while: for what must not wait for another one.
    pub(crate) fn token_now(self) -> Option<(Issuer, Zeroizing<String>)> {
        (now() + MARGIN < self.expires).then_some((self.issuer, self.access_token))
    }

    pub(crate) fn forget() -> Result<()> {
        let file = file(SESSION)?;
        std::fs::remove_file(&file).explain(|| text!("file-not-removed", file = &file))
    }

    /// A token that still lives for a while, and is not the one that the server `refused`. Two commands at a time must not use
    /// one refresh token twice: one waits.
    pub(crate) async fn access_token(self, refused: Option<&str>) -> Result<(Issuer, Zeroizing<String>)> {
        let fresh = |session: &Self, now: Timestamp| {
            now + MARGIN < session.expires && refused != Some(session.access_token.as_str())
        };
        if fresh(&self, now()) {
            return Ok((self.issuer, self.access_token));
        }
        let _lock = lock()?;
        let session = Self::load()?.unwrap_or(self);
        if fresh(&session, now()) {
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
        let next = Self::from_answer(session.issuer, &answer, now())?;
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

/// The refusal of a login endpoint: in the words of the catalogues for its code, or else in those of the endpoint. The code
/// comes last: people read the sentence, and search for the code.
pub(crate) fn error_text(answer: &Value) -> Text {
    let Some(said) = answer["error_description"].as_str() else { return text!("no-reason-given") };
    let said = said.split("\r\n").next().unwrap_or(said);
    let Some((code, words)) = said.split_once(": ").filter(|(code, _)| code.starts_with("AADSTS")) else {
        return text!("issuer-words", words = said);
    };
    let known = Text::known(code.replace("AADSTS", "aadsts-"), []);
    text!("issuer-refusal", words = known.unwrap_or_else(|| text!("issuer-words", words = words)), code = code)
}

fn directory() -> Result<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    Ok(system::settings(of).explain(|| text!("session-has-no-place"))?.join("chaveiro"))
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

#[cfg(test)]
mod tests {
    use chaveiro_lang::Lang;

    use super::*;

    #[test]
    fn a_login_error_is_told_in_the_language_with_its_code_after_its_sentence() {
        for (said, english, portuguese) in [
            (
                "AADSTS70011: Bad scope.\r\nTrace ID: 1\r\n",
                "The scope is not valid. (AADSTS70011)",
                "O escopo não é válido. (AADSTS70011)",
            ),
            ("AADSTS1: Odd.\r\nTrace", "Odd. (AADSTS1)", "o servidor disse: Odd. (AADSTS1)"),
            ("no code: here", "no code: here", "o servidor disse: no code: here"),
        ] {
            let text = error_text(&json!({"error_description": said}));
            assert_eq!(text.say(Lang::english()), english);
            assert_eq!(text.say(Lang::choose(Some("pt"))), portuguese);
        }
        assert_eq!(error_text(&Value::Null).say(Lang::english()), "the server gave no reason");
    }

    #[cfg(feature = "host")]
    #[test]
    fn the_path_of_an_address_for_devices_is_the_one_that_the_server_has() {
        assert_eq!(DISCOVERY, chaveiro_mdm::DISCOVERY_PATH);
    }
}
