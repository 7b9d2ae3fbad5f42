//! A Graph client: what the verbs about devices use, as any other script would.

use anyhow::{Context, Result, bail};
use chaveiro_core::id::TenantId;
use chaveiro_core::permission::Permission;
use chaveiro_server::DataDir;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::args::{Common, Why};
use crate::host::Host;
use crate::session::{Session, http_client};
use crate::text::Complaint;

/// Calls the Graph listener with one token.
pub(crate) struct GraphClient {
    client: reqwest::Client,
    base_url: String,
    token: Mutex<Zeroizing<String>>,
    /// The reasons that the person gives, sent with each request.
    why: HeaderMap,
    /// Whether the stored session gives another token for one that was revoked.
    renews: bool,
}

impl GraphClient {
    /// A client that trusts that root (PEM).
    pub(crate) fn new(base_url: &str, root_pem: &str, token: Zeroizing<String>) -> Result<Self> {
        let (client, base_url) = (http_client(Some(root_pem))?, base_url.to_owned());
        Ok(Self { client, base_url, token: Mutex::new(token), why: HeaderMap::new(), renews: false })
    }

    /// A client of the server where this person is signed in.
    pub(crate) async fn signed_in(session: Session) -> Result<Self> {
        let (issuer, token) = session.access_token(None).await?;
        let client = http_client(issuer.ca.as_deref())?;
        let (base_url, token, why) = (issuer.server, Mutex::new(token), HeaderMap::new());
        Ok(Self { client, base_url, token, why, renews: true })
    }

    /// A client of the server that runs on this host, with an operator's token for these permissions.
    pub(crate) async fn operator(host: &Host, tenant: TenantId, permissions: &[Permission]) -> Result<Self> {
        let url = host.graph_url().ok_or_else(Complaint::no_server)?;
        let lifetime = std::time::Duration::from_secs(30 * 60);
        let token = host.operator_token(tenant, permissions, lifetime, None).await?;
        Self::new(&url, host.opened.ca.root_pem(), Zeroizing::new(token.expose_secret().to_owned()))
    }

    /// One request; the answer's body, `null` when it has none.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(StatusCode, Value)> {
        let request = self.request(method, path);
        self.answer(if let Some(body) = body { request.json(body) } else { request }).await
    }

    /// With what the person says about what is asked for; with a reason for breaking the glass, in spite of a hold.
    pub(crate) fn saying(mut self, why: &Why) -> Result<Self> {
        let said = [("x-chaveiro-reason", &why.reason), ("x-chaveiro-break-glass", &why.break_glass)];
        for (name, reason) in said {
            if let Some(reason) = reason {
                let value =
                    HeaderValue::from_bytes(reason.as_bytes()).context("the reason must be one line of text")?;
                self.why.insert(name, value);
            }
        }
        Ok(self)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("https://") { path.to_owned() } else { format!("{}{path}", self.base_url) };
        self.client.request(method, &url).headers(self.why.clone())
    }

    /// The answer; once more with another token, where there is one, when this one was revoked: an application's tokens may
    /// have ended, and the person is still signed in.
    async fn answer(&self, request: RequestBuilder) -> Result<(StatusCode, Value)> {
        let again = request.try_clone().filter(|_| self.renews);
        let token = self.token.lock().await.clone();
        let answered = self.send(request, &token).await?;
        let (true, Some(again)) = (is_revoked(&answered.1), again) else { return Ok(answered) };
        let session = Session::load()?.context("nobody is signed in any more; sign in again with: chaveiro login")?;
        let (issuer, next) = session.access_token(Some(&token)).await?;
        if issuer.server != self.base_url {
            bail!("somebody signed in to {} meanwhile; try again", issuer.server);
        }
        self.token.lock().await.clone_from(&next);
        self.send(again, &next).await
    }

    async fn send(&self, request: RequestBuilder, token: &str) -> Result<(StatusCode, Value)> {
        let request = request.bearer_auth(token);
        let response =
            request.send().await.with_context(|| format!("the server at {} was not reached", self.base_url))?;
        let status = response.status();
        let bytes = Zeroizing::new(response.bytes().await?.to_vec());
        Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    /// The same; anything but success is an error with the server's own words.
    pub(crate) async fn expect(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        succeeded(self.call(method, path, body).await?)
    }

    /// Every item of a collection.
    pub(crate) async fn all(&self, path: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let mut page = self.expect(Method::GET, &path, None).await?;
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
            if let Value::Array(found) = page["value"].take() {
                items.extend(found);
            }
        }
        Ok(items)
    }

    /// The id of the device with that id or name.
    pub(crate) async fn device_id(&self, asked: &str) -> Result<String> {
        if uuid::Uuid::try_parse(asked).is_ok() {
            return Ok(asked.to_owned());
        }
        let devices = self.all("/beta/deviceManagement/managedDevices?$select=id,deviceName").await?;
        let found: Vec<_> = devices
            .iter()
            .filter(|device| device["deviceName"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(asked)))
            .filter_map(|device| device["id"].as_str())
            .collect();
        match found.as_slice() {
            [id] => Ok((*id).to_owned()),
            [] => bail!("there is no device {asked}; see: chaveiro device list"),
            _ => bail!("{} devices are called {asked}; use the id of one: {}", found.len(), found.join(", ")),
        }
    }
}

/// On a machine that is no server: a client of the server where the person is signed in, if she is. Whoever names a data
/// directory means that one and nothing else.
pub(crate) async fn signed_in_elsewhere(common: &Common) -> Result<Option<GraphClient>> {
    if common.data.is_some() || DataDir::open(&common.data()).is_ok() {
        return Ok(None);
    }
    let Some(session) = Session::load()? else { return Ok(None) };
    if let Some(asked) = common.tenant.as_ref().filter(|asked| **asked != session.issuer.tenant) {
        bail!("the session is for tenant {}; sign in with: chaveiro login --tenant {asked}", session.issuer.tenant);
    }
    Ok(Some(GraphClient::signed_in(session).await?))
}

fn succeeded((status, answer): (StatusCode, Value)) -> Result<Value> {
    if is_revoked(&answer) {
        bail!("the access token was revoked; sign in again with: chaveiro login");
    }
    if !status.is_success() {
        bail!("{} {}", status.as_u16(), message(&answer));
    }
    Ok(answer)
}

/// Whether the server says that the token was revoked. It has done nothing then.
fn is_revoked(answer: &Value) -> bool {
    message(answer).contains("TokenIssuedBeforeRevocationTimestamp")
}

/// What a Graph error says, without its outer layers: `UnknownError` has two of them (an Intune object in a Graph one).
pub(crate) fn message(answer: &Value) -> String {
    let mut text = answer["error"]["message"].as_str().unwrap_or("the server gave no reason").to_owned();
    // Each layer is shorter than the one around it, so that this ends.
    while let Some(inner) = inner_message(&text) {
        text = inner;
    }
    text.split(" - Operation ID").next().unwrap_or(&text).to_owned()
}

/// The `Message` or `message` of a text that is itself an object.
fn inner_message(text: &str) -> Option<String> {
    let object: Value = serde_json::from_str(text).ok()?;
    let inner = ["Message", "message"].into_iter().find_map(|name| object[name].as_str());
    inner.map(str::to_owned)
}
