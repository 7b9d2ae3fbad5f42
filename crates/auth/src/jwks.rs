//! The signing keys of an external issuer: fetched by URL, cached, fetched anew when a key id is unknown,
//! used although stale when the issuer is down.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chaveiro_core::Timestamp;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use serde::Deserialize;
use tokio::sync::{Mutex, MutexGuard};

use crate::refusal::TokenRefusal;

/// How old a set may be before it is fetched again.
const FRESH: Duration = Duration::from_secs(60 * 60);

/// How long to wait between two tries: a flood of unknown key ids must not become a flood of requests.
const BETWEEN_TRIES: Duration = Duration::from_secs(30);

const TIMEOUT: Duration = Duration::from_secs(5);

/// The largest document that is read, in bytes.
const MAX_BYTES: usize = 512 * 1024;

/// Where the keys are found.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// The set itself.
    Jwks(String),
    /// The discovery document that names it.
    Discovery(String),
}

struct Fetched {
    set: JwkSet,
    at: Timestamp,
}

impl Fetched {
    /// Whether a key that is not in it is no key of the issuer: it is as new as it can be without asking all the time.
    fn answers_for(&self, now: Timestamp) -> bool {
        !older_than(self.at, BETWEEN_TRIES, now)
    }
}

pub(crate) struct RemoteKeys {
    source: Source,
    client: reqwest::Client,
    fetched: ArcSwapOption<Fetched>,
    // Held while fetching: callers that need the same keys wait for one request.
    last_try: Mutex<Option<Timestamp>>,
}

impl RemoteKeys {
    pub(crate) fn new(source: Source, client: reqwest::Client) -> Self {
        Self { source, client, fetched: ArcSwapOption::empty(), last_try: Mutex::new(None) }
    }

    /// The key of that id; without an id, the only key of the set.
    pub(crate) async fn key(&self, id: Option<&str>, now: Timestamp) -> Result<Jwk, TokenRefusal> {
        let known = self.fetched.load_full();
        let stale = match known.as_deref().map(|fetched| (find(&fetched.set, id), older_than(fetched.at, FRESH, now))) {
            Some((Some(key), false)) => return Ok(key),
            Some((key, _)) => key,
            None => None,
        };
        let last_try = match (self.last_try.try_lock(), &stale) {
            (Ok(last_try), _) => last_try,
            // Somebody asks already: what is known is good enough meanwhile, as an issuer can be slow to fail.
            (Err(_), Some(key)) => return Ok(key.clone()),
            (Err(_), None) => self.last_try.lock().await,
        };
        let unavailable = self.refresh(last_try, now, known.as_ref()).await;
        let known = self.fetched.load_full().ok_or(unavailable)?;
        match find(&known.set, id) {
            Some(key) => Ok(key),
            // Known to be no key, or only not known to be one because nobody could be asked.
            None if known.answers_for(now) => Err(TokenRefusal::BadSignature),
            None => Err(unavailable),
        }
    }

    /// Fetches, unless somebody else just did or tried; the refusal of whoever does without the keys until the next try.
    async fn refresh(
        &self,
        mut last_try: MutexGuard<'_, Option<Timestamp>>,
        now: Timestamp,
        seen: Option<&Arc<Fetched>>,
    ) -> TokenRefusal {
        let current = self.fetched.load_full();
        let changed = current.as_ref().map(Arc::as_ptr) != seen.map(Arc::as_ptr);
        let tried = last_try.filter(|at| changed || !older_than(*at, BETWEEN_TRIES, now));
        if tried.is_none() {
            *last_try = Some(now);
            match self.fetch().await {
                Ok(set) => self.fetched.store(Some(Arc::new(Fetched { set, at: now }))),
                Err(error) => {
                    tracing::warn!(source = ?self.source, %error, "the signing keys of an issuer were not fetched")
                }
            }
        }
        unavailable(tried.unwrap_or(now), now)
    }

    async fn fetch(&self) -> Result<JwkSet, String> {
        #[derive(Deserialize)]
        struct Discovery {
            jwks_uri: String,
        }
        let url = match &self.source {
            Source::Jwks(url) => url.clone(),
            Source::Discovery(url) => {
                let document: Discovery = parse(&self.document(url).await?)?;
                document.jwks_uri
            }
        };
        parse(&self.document(&url).await?)
    }

    async fn document(&self, url: &str) -> Result<Vec<u8>, String> {
        let text = |error: reqwest::Error| error.to_string();
        let response = self.client.get(url).timeout(TIMEOUT).send().await.map_err(text)?;
        let mut response = response.error_for_status().map_err(text)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(text)? {
            if bytes.len() + chunk.len() > MAX_BYTES {
                return Err(format!("the document is larger than {MAX_BYTES} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

fn find(set: &JwkSet, id: Option<&str>) -> Option<Jwk> {
    match (id, set.keys.as_slice()) {
        (Some(id), _) => set.find(id).cloned(),
        (None, [only]) => Some(only.clone()),
        (None, _) => None,
    }
}

/// What is told until the issuer is asked again.
fn unavailable(tried: Timestamp, now: Timestamp) -> TokenRefusal {
    let age = u64::try_from(now.duration_since(tried).as_secs()).unwrap_or(0);
    TokenRefusal::IssuerUnavailable { retry_after_s: BETWEEN_TRIES.as_secs().saturating_sub(age).max(1) }
}

fn older_than(at: Timestamp, age: Duration, now: Timestamp) -> bool {
    at.checked_add(age).is_ok_and(|end| end <= now)
}
